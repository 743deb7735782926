//! Our own client against the stand-in: all calls that no long-term key signs, one after the other.

use super::*;
use crate::{
    aws::{
        AssumeRoleRequest, Aws, AwsError, Caller, ConnectionSettings, Grant, HttpAws, SessionPolicy, Signer,
        TimeSource, WebIdentityRequest,
        endpoints::{self, EndpointSettings},
    },
    profile::SessionTag,
};

fn aws(stage: &Stage) -> (HttpAws, EndpointSettings) {
    let clock = Arc::clone(&stage.clock);
    let time = TimeSource { now: Box::new(move || clock.now()), wait: Box::new(|_| ()) };
    let url = Some(stage.aws.url());
    (HttpAws::new(ConnectionSettings::default(), time), EndpointSettings { endpoint_url: url, ..Default::default() })
}

#[test]
fn a_sign_in_at_identity_center_ends_in_the_credentials_of_a_permission_set() {
    let stage = Stage::default();
    let (aws, settings) = aws(&stage);
    let sso = endpoints::sso(&settings, "eu-central-1").expect("endpoints");
    let client = aws.register_client(&sso, "mfavault", &["sso:account:access".to_owned()]).expect("a client");
    let device =
        aws.start_device_authorization(&sso, &client, "https://rehearsal.awsapps.com/start/").expect("a sign-in");
    let ask = || aws.create_token(&sso, &client, Grant::DeviceCode(&device.device_code));
    assert!(matches!(ask(), Err(AwsError::AuthorizationPending { .. })));
    assert!(matches!(ask(), Err(AwsError::SlowDown { .. })));
    stage.clock.advance(30);
    assert!(stage.aws.answer_sign_in(&device.user_code, true));
    let token = ask().expect("a token");
    let refresh = token.refresh_token.clone().expect("a refresh token");
    let token = aws.create_token(&sso, &client, Grant::RefreshToken(&refresh)).unwrap_or(token);
    let role = |account, role| aws.get_role_credentials(&sso, &token.access_token, account, role);
    let session = role("111122223333", "Developer").expect("a session");
    assert!(matches!(
        role("111122223333", "Nobody"),
        Err(AwsError::AccessDenied { .. } | AwsError::NoSuchEntity { .. })
    ));
    let wrong = aws.get_role_credentials(&sso, &"some-other-token".into(), "111122223333", "Developer");
    assert!(matches!(wrong, Err(AwsError::SignInOver { .. })), "{wrong:?}");
    let endpoints = endpoints::resolve(&settings).expect("endpoints");
    let caller = Caller { signer: Signer::Session(&session), endpoints: &endpoints };
    let identity = aws.get_caller_identity(caller).expect("an identity");
    assert!(identity.arn.to_string().contains("AWSReservedSSO_Developer"), "{identity:?}");
}

#[test]
fn a_web_identity_and_a_tagged_role_sign_in_to_the_console() {
    let stage = Stage::default();
    let (aws, settings) = aws(&stage);
    let endpoints = endpoints::resolve(&settings).expect("endpoints");
    let console = endpoints::console(&settings).expect("endpoints");
    let web = |token: &str| WebIdentityRequest {
        role_arn: "arn:aws:iam::111122223333:role/web".parse().expect("an ARN"),
        role_session_name: "ci".to_owned(),
        duration: Duration::from_secs(900),
        token: token.into(),
        session_policy: SessionPolicy::default(),
    };
    let session = aws.assume_role_with_web_identity(&endpoints, &web(Settings::WEB_IDENTITY_TOKEN)).expect("a session");
    aws.get_signin_token(&console, &session, None).expect("a token");
    let wrong = aws.assume_role_with_web_identity(&endpoints, &web("not.a.token"));
    assert!(matches!(wrong, Err(AwsError::InvalidCredentials { .. })), "{wrong:?}");

    let admin = stage.aws.credentials("admin").expect("a user");
    let caller = Caller { signer: Signer::LongTerm(&admin), endpoints: &endpoints };
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let policy = SessionPolicy { document: Some(document.to_owned()), arns: Vec::new() };
    let role = |seconds| AssumeRoleRequest {
        role_arn: "arn:aws:iam::111122223333:role/open".parse().expect("an ARN"),
        role_session_name: "test".to_owned(),
        duration: Duration::from_secs(seconds),
        external_id: None,
        tags: vec![SessionTag { key: "team".to_owned(), value: "a b".to_owned() }],
        transitive_tag_keys: vec!["team".to_owned()],
        source_identity: Some("admin".to_owned()),
        session_policy: policy.clone(),
        mfa: None,
    };
    let session = aws.assume_role(caller, &role(3600)).expect("a session");
    aws.get_signin_token(&console, &session, Some(Duration::from_secs(3600))).expect("a token");
    let too_long = aws.assume_role_with_web_identity(
        &endpoints,
        &WebIdentityRequest { duration: Duration::from_secs(43_200), ..web(Settings::WEB_IDENTITY_TOKEN) },
    );
    assert!(matches!(too_long, Err(AwsError::DurationTooLong { .. })), "{too_long:?}");

    let federated = aws.get_federation_token(caller, "admin", &policy, Duration::from_secs(900)).expect("a session");
    let hour = Some(Duration::from_secs(3600));
    let refused = aws.get_signin_token(&console, &federated, hour);
    assert!(matches!(refused, Err(AwsError::Service { status: 400, .. })), "{refused:?}");
    aws.get_signin_token(&console, &federated, None).expect("a token");
}
