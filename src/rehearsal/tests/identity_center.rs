//! IAM Identity Center: clients, sign-ins, tokens, role credentials; in the words of the SSO and SSO OIDC APIs.

use serde_json::{Value, json};

use super::*;

const START_URL: &str = "https://rehearsal.awsapps.com/start/";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn post(stage: &Stage, path: &str, body: &Value) -> Answer {
    stage.unsigned(&format!("POST {path}\r\nContent-Type: application/json"), &body.to_string())
}

impl Answer {
    /// Asserts status, the exception's name in the head, and the error in the body.
    #[track_caller]
    fn expect_exception(&self, status: u16, name: &str) {
        assert_eq!(self.status(), status, "{}", self.body);
        assert!(self.head.contains(&format!("x-amzn-ErrorType: {name}\r\n")), "{} {}", self.head, self.body);
    }

    #[track_caller]
    fn expect_oauth(&self, error: &str, name: &str) {
        self.expect_exception(400, name);
        assert_eq!(self.json()["error"], error);
    }
}

/// A registered client in the middle of a sign-in.
struct Device<'a> {
    stage: &'a Stage,
    client: Value,
    authorization: Value,
}

impl<'a> Device<'a> {
    fn register(stage: &'a Stage, scopes: &[&str]) -> Value {
        let body = json!({ "clientName": "test", "clientType": "public", "scopes": scopes });
        post(stage, "/client/register", &body).expect_ok().json()
    }

    fn start(stage: &'a Stage) -> Self {
        Device::start_as(stage, Device::register(stage, &["sso:account:access"]))
    }

    fn start_as(stage: &'a Stage, client: Value) -> Self {
        let body =
            json!({ "clientId": client["clientId"], "clientSecret": client["clientSecret"], "startUrl": START_URL });
        let authorization = post(stage, "/device_authorization", &body).expect_ok().json();
        Device { stage, client, authorization }
    }

    fn create_token(&self) -> Answer {
        self.token(json!({ "grantType": DEVICE_CODE, "deviceCode": self.authorization["deviceCode"] }))
    }

    fn refresh(&self, token: &Value) -> Answer {
        self.token(json!({ "grantType": "refresh_token", "refreshToken": token }))
    }

    fn token(&self, mut body: Value) -> Answer {
        for name in ["clientId", "clientSecret"] {
            body[name] = self.client[name].clone();
        }
        post(self.stage, "/token", &body)
    }

    fn user_code(&self) -> &str {
        self.authorization["userCode"].as_str().expect("a code")
    }

    /// A token of an approved sign-in.
    fn signed_in(&self) -> Value {
        assert!(self.stage.aws.answer_sign_in(self.user_code(), true));
        self.create_token().expect_ok().json()
    }
}

fn credentials(stage: &Stage, token: &Value, query: &str) -> Answer {
    let token = token["accessToken"].as_str().unwrap_or_default();
    stage.unsigned(&format!("GET /federation/credentials?{query}\r\nx-amz-sso_bearer_token: {token}"), "")
}

const DEVELOPER: &str = "role_name=Developer&account_id=111122223333";

#[test]
fn a_person_who_opens_the_page_signs_the_device_in() {
    let stage = Stage::default();
    let device = Device::start(&stage);
    assert_eq!(device.authorization["interval"], 1);
    assert_eq!(device.authorization["expiresIn"], 600);
    device.create_token().expect_oauth("authorization_pending", "AuthorizationPendingException");
    let page = device.authorization["verificationUriComplete"].as_str().expect("a URL").to_owned();
    assert_eq!(page, format!("{}/start/device?user_code={}", stage.aws.url(), device.user_code()));
    let path = page.replace(&stage.aws.url(), "");
    assert_eq!(stage.unsigned(&format!("HEAD {path}"), "").status(), 405);
    assert!(stage.unsigned(&format!("GET {path}"), "").expect_ok().body.contains("Approved for alice."));
    assert_eq!(stage.unsigned(&format!("GET {path}"), "").status(), 404, "once");
    assert_eq!(stage.aws.state()["sign_ins"][0]["state"], "approved");
    stage.clock.advance(1);
    let token = device.create_token().expect_ok().json();
    assert_eq!((token["tokenType"].as_str(), token["expiresIn"].as_u64()), (Some("Bearer"), Some(3600)));
    let answer = credentials(&stage, &token, DEVELOPER).expect_ok().json();
    let role = &answer["roleCredentials"];
    assert_eq!(role["expiration"], 1_795_297_681_000_u64);
    let text = |name: &str| role[name].as_str().expect("text").to_owned();
    let secret = crate::secret::SecretText::from(text("secretAccessKey"));
    let client = Client::new(&stage.aws, &text("accessKeyId"), &secret, Some(text("sessionToken")));
    let arn = client.call("GetCallerIdentity", &[]).expect_ok().text("Arn");
    assert!(arn.starts_with("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Developer_"), "{arn}");
    assert!(arn.ends_with("/alice"), "{arn}");
    client.call("ListUsers", &[]).expect_ok();
    stage.clock.advance(1);
    device.create_token().expect_oauth("invalid_grant", "InvalidGrantException");
    let actions: Vec<String> = stage.calls().into_iter().map(|(action, _)| action).collect();
    let expected = [
        "RegisterClient",
        "StartDeviceAuthorization",
        "CreateToken",
        "CreateToken",
        "GetRoleCredentials",
        "GetCallerIdentity",
        "ListUsers",
        "CreateToken",
    ];
    assert_eq!(actions, expected);
    let log = stage.aws.requests();
    assert_eq!((log[4].user.as_deref(), log[4].role.as_deref()), (Some("alice"), Some("Developer")));
    let shown = serde_json::to_string(&log).expect("JSON") + &stage.aws.state().to_string();
    for secret in
        [&token["accessToken"], &token["refreshToken"], &role["secretAccessKey"], &device.client["clientSecret"]]
    {
        assert!(!shown.contains(secret.as_str().expect("text")));
    }
}

#[test]
fn asking_too_often_is_told_to_slow_down_and_has_to() {
    let stage = Stage::new(|settings| settings.identity_center.polling_interval = Duration::from_secs(5));
    let device = Device::start(&stage);
    device.create_token().expect_oauth("authorization_pending", "AuthorizationPendingException");
    stage.clock.advance(4);
    device.create_token().expect_oauth("slow_down", "SlowDownException");
    stage.clock.advance(9);
    device.create_token().expect_oauth("slow_down", "SlowDownException");
    stage.clock.advance(15);
    device.create_token().expect_oauth("authorization_pending", "AuthorizationPendingException");
}

#[test]
fn a_sign_in_may_be_refused_or_come_too_late() {
    let stage = Stage::default();
    let refused = Device::start(&stage);
    let deny = format!("POST /_rehearsal/sign-in?user_code={}&answer=deny", refused.user_code());
    stage.unsigned(&deny, "").expect_ok();
    assert_eq!(stage.unsigned(&deny, "").status(), 404, "once");
    assert_eq!(stage.unsigned("POST /_rehearsal/sign-in?user_code=x&answer=maybe", "").status(), 400);
    refused.create_token().expect_oauth("access_denied", "AccessDeniedException");
    let late = Device::start(&stage);
    stage.clock.advance(600);
    assert!(!stage.aws.answer_sign_in(late.user_code(), true));
    late.create_token().expect_oauth("expired_token", "ExpiredTokenException");
    let unknown = late.token(json!({ "grantType": DEVICE_CODE, "deviceCode": "x" }));
    unknown.expect_oauth("invalid_grant", "InvalidGrantException");
}

#[test]
fn an_access_token_ends_and_is_refreshed_as_long_as_the_sign_in_lasts() {
    for rotates in [false, true] {
        let stage = Stage::new(|settings| settings.identity_center.rotates_refresh_tokens = rotates);
        let device = Device::start(&stage);
        let token = device.signed_in();
        stage.clock.advance(3600);
        credentials(&stage, &token, DEVELOPER).expect_exception(401, "UnauthorizedException");
        let next = device.refresh(&token["refreshToken"]).expect_ok().json();
        credentials(&stage, &next, DEVELOPER).expect_ok();
        assert_eq!(next["refreshToken"] != token["refreshToken"], rotates);
        let again = device.refresh(&token["refreshToken"]);
        if rotates {
            again.expect_oauth("invalid_grant", "InvalidGrantException");
        } else {
            again.expect_ok();
        }
        let other = Device::start(&stage).refresh(&next["refreshToken"]);
        other.expect_oauth("invalid_grant", "InvalidGrantException");
        stage.clock.advance(7 * 3600);
        device.refresh(&next["refreshToken"]).expect_oauth("invalid_grant", "InvalidGrantException");
    }
}

#[test]
fn a_client_without_scopes_gets_no_refresh_token() {
    let stage = Stage::default();
    let device = Device::start_as(&stage, Device::register(&stage, &[]));
    let token = device.signed_in();
    assert_eq!(token["refreshToken"], Value::Null);
    credentials(&stage, &token, DEVELOPER).expect_ok();
}

#[test]
fn a_client_that_is_not_or_no_longer_registered_is_none() {
    let stage = Stage::default();
    for (body, name) in [
        (json!({ "clientName": "x" }), "InvalidRequestException"),
        (json!({ "clientName": "x", "clientType": "secret" }), "InvalidClientMetadataException"),
        (json!({ "clientName": "x", "clientType": "public", "scopes": ["all"] }), "InvalidScopeException"),
        (json!({ "clientName": "x", "clientType": "public", "grantTypes": ["x"] }), "UnsupportedGrantTypeException"),
        (json!(7), "InvalidRequestException"),
    ] {
        post(&stage, "/client/register", &body).expect_exception(400, name);
    }
    let body = json!({ "clientName": "x", "clientType": "public", "grantTypes": ["refresh_token"] });
    let client = post(&stage, "/client/register", &body).expect_ok().json();
    let mut start =
        json!({ "clientId": client["clientId"], "clientSecret": client["clientSecret"], "startUrl": START_URL });
    post(&stage, "/device_authorization", &start).expect_exception(400, "UnauthorizedClientException");
    start["clientSecret"] = "x".into();
    post(&stage, "/device_authorization", &start).expect_exception(401, "InvalidClientException");
    let client = Device::register(&stage, &[]);
    (start["clientId"], start["clientSecret"]) = (client["clientId"].clone(), client["clientSecret"].clone());
    start["startUrl"] = "https://elsewhere.awsapps.com/start".into();
    post(&stage, "/device_authorization", &start).expect_exception(400, "InvalidRequestException");
    let device = Device::start(&stage);
    device
        .token(json!({ "grantType": "password" }))
        .expect_oauth("unsupported_grant_type", "UnsupportedGrantTypeException");
    stage.clock.advance(90 * 24 * 3600);
    device.create_token().expect_exception(401, "InvalidClientException");
}

#[test]
fn role_credentials_are_for_a_token_an_account_and_a_role_that_fit() {
    let stage = Stage::default();
    let token = Device::start(&stage).signed_in();
    let refused = credentials(&stage, &json!({}), DEVELOPER);
    refused.expect_exception(401, "UnauthorizedException");
    assert_eq!(refused.json()["message"], "Session token not found or invalid");
    let other = credentials(&stage, &token, "role_name=Other&account_id=111122223333");
    other.expect_exception(403, "ForbiddenException");
    assert_eq!(other.json()["message"], "No access");
    let account = "role_name=Developer&account_id=999999999999";
    credentials(&stage, &token, account).expect_exception(404, "ResourceNotFoundException");
    credentials(&stage, &token, "role_name=Developer").expect_exception(400, "InvalidRequestException");
    let bearer = format!("x-amz-sso_bearer_token: {}", token["accessToken"].as_str().expect("text"));
    let accounts = stage.unsigned(&format!("GET /assignment/accounts\r\n{bearer}"), "").expect_ok().json();
    assert_eq!(accounts["accountList"][0]["accountId"], "111122223333");
    let roles = stage.unsigned(&format!("GET /assignment/roles?account_id=111122223333\r\n{bearer}"), "").expect_ok();
    assert_eq!(roles.json()["roleList"], json!([{ "roleName": "Developer", "accountId": "111122223333" }]));
    stage.unsigned(&format!("POST /logout\r\n{bearer}"), "").expect_ok();
    credentials(&stage, &token, DEVELOPER).expect_exception(401, "UnauthorizedException");
}

#[test]
fn faults_happen_by_the_names_of_the_calls() {
    let stage = Stage::default();
    let once = |action: &str, kind| Fault { action: Some(action.to_owned()), kind, times: Some(1) };
    let device = Device::start(&stage);
    assert!(stage.aws.answer_sign_in(device.user_code(), true));
    stage.aws.inject_fault(once("CreateToken", FaultKind::ServerError));
    device.create_token().expect_exception(500, "InternalServerException");
    stage.aws.inject_fault(once("CreateToken", FaultKind::LostAnswer));
    assert_eq!(device.create_token().head, "");
    stage.clock.advance(1);
    device.create_token().expect_oauth("invalid_grant", "InvalidGrantException");
    stage.aws.inject_fault(once("GetRoleCredentials", FaultKind::Throttling));
    credentials(&stage, &json!({}), DEVELOPER).expect_exception(429, "TooManyRequestsException");
}
