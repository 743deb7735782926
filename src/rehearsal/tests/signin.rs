//! The console's federation endpoint: who gets a sign-in token, for how long, and what it is good for.

use super::*;
use crate::aws::sigv4::percent_encode;

const OPEN: [(&str, &str); 2] = [("RoleArn", "arn:aws:iam::111122223333:role/open"), ("RoleSessionName", "test")];

fn session_parameter(credentials: &Answer) -> String {
    let session = serde_json::json!({
        "sessionId": credentials.text("AccessKeyId"),
        "sessionKey": credentials.text("SecretAccessKey"),
        "sessionToken": credentials.text("SessionToken"),
    });
    percent_encode(&session.to_string())
}

fn token(stage: &Stage, credentials: &Answer, more: &str) -> Answer {
    let session = session_parameter(credentials);
    stage.unsigned(&format!("GET /federation?Action=getSigninToken{more}&Session={session}"), "")
}

fn log_in(stage: &Stage, token: &str, destination: &str) -> Answer {
    let (token, destination) = (percent_encode(token), percent_encode(destination));
    stage.unsigned(
        &format!("GET /federation?Action=login&Issuer=mfavault&Destination={destination}&SigninToken={token}"),
        "",
    )
}

const CONSOLE: &str = "https://eu-central-1.console.aws.amazon.com/s3/";

#[test]
fn a_role_session_signs_in_within_15_minutes() {
    let stage = Stage::default();
    let role = stage.client("admin").call("AssumeRole", &OPEN).expect_ok();
    let token = token(&stage, &role, "&SessionDuration=43200").expect_ok().json();
    let token = token["SigninToken"].as_str().expect("a token").to_owned();
    stage.clock.advance(899);
    let page = log_in(&stage, &token, CONSOLE).expect_ok();
    assert!(page.body.contains("Signed in as arn:aws:sts::111122223333:assumed-role/open/test"), "{}", page.body);
    for elsewhere in
        ["https://attacker.example/", "https://fakeconsole.aws.amazon.com/", "http://console.aws.amazon.com", ""]
    {
        assert_eq!(log_in(&stage, &token, elsewhere).status(), 400, "{elsewhere}");
    }
    assert_eq!(log_in(&stage, "nonsense", CONSOLE).status(), 400);
    stage.clock.advance(1);
    assert_eq!(log_in(&stage, &token, CONSOLE).status(), 400);
    let log = stage.aws.requests();
    assert_eq!((log[1].action.as_str(), log[1].duration_seconds), ("getSigninToken", Some(43_200)));
    assert_eq!(log[1].user.as_deref(), Some("open/test"));
    assert_eq!(log[1].access_key_id, Some(role.text("AccessKeyId")));
    let shown = serde_json::to_string(&log).expect("JSON");
    assert!(!shown.contains(&token) && !shown.contains(&role.text("SecretAccessKey")));
}

#[test]
fn credentials_that_cannot_sign_in_are_refused() {
    let stage = Stage::default();
    let admin = stage.client("admin");
    let session = admin.call("GetSessionToken", &[]).expect_ok();
    assert_eq!(token(&stage, &session, "").status(), 400, "GetSessionToken's");
    let key = stage.aws.credentials("admin").expect("a key");
    let key = format!(
        "<a><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey></a>",
        key.access_key_id,
        key.secret_access_key.expose()
    );
    assert_eq!(token(&stage, &Answer { head: String::new(), body: key }, "").status(), 400, "long-term");
    assert_eq!(stage.unsigned("GET /federation?Action=getSigninToken&Session=x", "").status(), 400);
    assert_eq!(stage.unsigned("GET /federation?Action=signOut", "").status(), 400);
    let role = admin.call("AssumeRole", &OPEN).expect_ok();
    for seconds in ["899", "43201", "soon"] {
        assert_eq!(token(&stage, &role, &format!("&SessionDuration={seconds}")).status(), 400, "{seconds}");
    }
    let body = role.body.replace("<SecretAccessKey>", "<SecretAccessKey>x");
    assert_eq!(token(&stage, &Answer { head: String::new(), body }, "").status(), 400, "another secret");
    token(&stage, &role, "").expect_ok();
    stage.clock.advance(3600);
    assert_eq!(token(&stage, &role, "").status(), 400, "over");
}

#[test]
fn a_session_duration_is_for_roles_that_were_not_chained() {
    let stage = Stage::new(|settings| {
        settings.roles[1].policies =
            vec![r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#.to_owned()];
    });
    let admin = stage.client("admin");
    let federated = admin.call("GetFederationToken", &[("Name", "bob")]).expect_ok();
    let role = admin.call("AssumeRole", &OPEN).expect_ok();
    let chained = Client::session(&stage.aws, &role).call("AssumeRole", &OPEN).expect_ok();
    for credentials in [&federated, &chained] {
        assert_eq!(token(&stage, credentials, "&SessionDuration=3600").status(), 400);
        token(&stage, credentials, "").expect_ok();
    }
    token(&stage, &role, "&SessionDuration=3600").expect_ok();
}
