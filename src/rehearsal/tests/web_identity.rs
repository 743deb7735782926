//! AssumeRoleWithWebIdentity: an unsigned call with a token for a proof.

use super::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/web";

fn assume(stage: &Stage, role: &str, token: &str, more: &str) -> Answer {
    let body = format!(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={role}&RoleSessionName=test\
         &WebIdentityToken={token}{more}"
    );
    stage.unsigned("POST /", &body)
}

#[test]
fn whoever_a_trusted_provider_vouches_for_gets_the_role() {
    let stage = Stage::default();
    let answer = assume(&stage, ROLE, Settings::WEB_IDENTITY_TOKEN, "&DurationSeconds=900").expect_ok();
    assert_eq!(answer.text("Arn"), "arn:aws:sts::111122223333:assumed-role/web/test");
    assert_eq!(answer.text("SubjectFromWebIdentityToken"), "system:serviceaccount:rehearsal:web");
    assert_eq!(answer.text("Provider"), "arn:aws:iam::111122223333:oidc-provider/id.rehearsal.example");
    assert_eq!(answer.text("Expiration"), "2026-11-21T21:03:00Z");
    Client::session(&stage.aws, &answer).call("ListUsers", &[]).expect_ok();
    let log = stage.aws.requests();
    assert_eq!((log[0].action.as_str(), log[0].role.as_deref()), ("AssumeRoleWithWebIdentity", Some(ROLE)));
    assert_eq!((log[0].duration_seconds, log[0].access_key_id.as_deref()), (Some(900), None));
    assert_eq!(log[0].user.as_deref(), Some("system:serviceaccount:rehearsal:web"));
    let shown = serde_json::to_string(&log).expect("JSON");
    assert!(!shown.contains(Settings::WEB_IDENTITY_TOKEN));
}

#[test]
fn a_role_that_does_not_trust_the_provider_or_what_it_says_is_refused() {
    let stage = Stage::new(|settings| {
        let mut other = settings.web_identities[0].clone();
        (other.token, other.audience) = ("other-audience".to_owned(), "somebody.else".to_owned());
        let mut elsewhere = settings.web_identities[0].clone();
        (elsewhere.token, elsewhere.provider) = ("elsewhere".to_owned(), "id.elsewhere.example".to_owned());
        settings.web_identities.extend([other, elsewhere]);
    });
    let words = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    let open = "arn:aws:iam::111122223333:role/open";
    let token = Settings::WEB_IDENTITY_TOKEN;
    for (role, token) in
        [(open, token), ("arn:aws:iam::111122223333:role/none", token), (ROLE, "other-audience"), (ROLE, "elsewhere")]
    {
        assume(&stage, role, token, "").expect_error(403, "AccessDenied", words);
    }
    let signed = stage.client("admin").call("AssumeRole", &[("RoleArn", ROLE), ("RoleSessionName", "test")]);
    signed.expect_error(403, "AccessDenied", "User: arn:aws:iam::111122223333:user/admin is not authorized");
}

#[test]
fn a_token_that_is_unknown_or_over_is_refused_and_so_is_a_session_that_is_too_long() {
    let stage = Stage::new(|settings| settings.web_identities[0].valid_for = Some(Duration::from_secs(60)));
    let token = Settings::WEB_IDENTITY_TOKEN;
    assume(&stage, ROLE, "nonsense", "").expect_error(
        400,
        "InvalidIdentityToken",
        "The ID Token provided is not a valid JWT.",
    );
    let over = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    assume(&stage, ROLE, token, "&DurationSeconds=3601").expect_error(400, "ValidationError", over);
    assume(&stage, ROLE, "a", "").expect_error(400, "ValidationError", "1 validation error");
    stage.clock.advance(60);
    let expired = "Token expired: current date/time 1795294140 must be before the expiration date/time 1795294140";
    assume(&stage, ROLE, token, "").expect_error(400, "ExpiredTokenException", expired);
}

#[test]
fn faults_happen_to_a_call_that_nobody_signs() {
    let stage = Stage::default();
    let action = Some("AssumeRoleWithWebIdentity".to_owned());
    stage.aws.inject_fault(Fault { action, kind: FaultKind::Throttling, times: Some(1) });
    assume(&stage, ROLE, Settings::WEB_IDENTITY_TOKEN, "").expect_error(400, "Throttling", "");
    assume(&stage, ROLE, Settings::WEB_IDENTITY_TOKEN, "").expect_ok();
}
