//! The leak hunt of the client: whatever AWS quotes, no secret of a request or an answer reaches an error or a log line,
//! ours or a library's, at any level.

use std::{cell::RefCell, sync::Once};

use log::{LevelFilter, Log, Metadata, Record};

use super::{
    endpoints::{ConsoleEndpoints, SsoEndpoints},
    *,
};

const SECRETS: [&str; 8] = [
    "web.identity.t0ken",
    "client-s3cret-value",
    "device-c0de-value",
    "refresh-t0ken-value",
    "access-t0ken-value",
    "session-t0ken-value",
    "session-s3cret-value",
    "given-t0ken-value",
];

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Takes all that is logged by the thread of a test.
struct Catcher;

impl Log for Catcher {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        LINES.with_borrow_mut(|lines| lines.push(format!("{} {}", record.target(), record.args())));
    }

    fn flush(&self) {}
}

fn catch_all() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Catcher).expect("no other logger in unit tests");
        log::set_max_level(LevelFilter::Trace);
    });
}

/// Makes every call that sends or gets secrets of its own, and shows what came of it.
fn all_calls(server: &Server) -> Vec<String> {
    let url = format!("http://{}", server.address);
    let endpoints = server.endpoints();
    let sso = SsoEndpoints { portal_url: url.clone(), oidc_url: url.clone(), ca_bundle: None };
    let console = ConsoleEndpoints { signin_url: url.clone(), console_url: url, ca_bundle: None };
    let registered = RegisteredClient {
        client_id: "client".to_owned(),
        client_secret: "client-s3cret-value".into(),
        expiration: SystemTime::UNIX_EPOCH,
    };
    let session = SessionCredentials {
        secret_access_key: "session-s3cret-value".into(),
        session_token: "session-t0ken-value".into(),
        ..session()
    };
    let web = WebIdentityRequest {
        role_arn: "arn:aws:iam::123456789012:role/web".parse().expect("an ARN"),
        role_session_name: "ci".to_owned(),
        duration: Duration::from_secs(900),
        token: "web.identity.t0ken".into(),
        session_policy: SessionPolicy::default(),
    };
    let caller = Caller { signer: Signer::Session(&session), endpoints: &endpoints };
    let (code, refresh, access) =
        ("device-c0de-value".into(), "refresh-t0ken-value".into(), "access-t0ken-value".into());
    let mut shown = Vec::new();
    fn show<T: std::fmt::Debug>(shown: &mut Vec<String>, result: Result<T, AwsError>) {
        let text = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        shown.push(format!("{result:?} {text}"));
    }
    let aws = client();
    show(&mut shown, aws.get_caller_identity(caller));
    show(&mut shown, aws.get_federation_token(caller, "x", &web.session_policy, web.duration));
    show(&mut shown, aws.assume_role_with_web_identity(&endpoints, &web));
    show(&mut shown, aws.register_client(&sso, "mfavault", &[]));
    show(&mut shown, aws.start_device_authorization(&sso, &registered, "https://example.com"));
    show(&mut shown, aws.create_token(&sso, &registered, Grant::DeviceCode(&code)));
    show(&mut shown, aws.create_token(&sso, &registered, Grant::RefreshToken(&refresh)));
    show(&mut shown, aws.get_role_credentials(&sso, &access, "123456789012", "Admin"));
    show(&mut shown, aws.get_signin_token(&console, &session, Some(web.duration)));
    shown
}

#[test]
fn no_secret_reaches_an_error_or_a_log_line_whatever_aws_quotes() {
    catch_all();
    let quoted = SECRETS[..7].join(" and ");
    let json = format!(r#"{{"error":"invalid_grant","error_description":"{quoted}"}}"#);
    let given = r#"{"clientId":"i","clientSecret":"given-t0ken-value","clientSecretExpiresAt":1803069822,
        "deviceCode":"given-t0ken-value","userCode":"A","verificationUri":"https://example.com","expiresIn":9,
        "accessToken":"given-t0ken-value","SigninToken":"given-t0ken-value","roleCredentials":{
        "accessKeyId":"ASIAIOSFODNN7EXAMPLE","secretAccessKey":"given-t0ken-value","sessionToken":"given-t0ken-value",
        "expiration":1795297422000}}"#;
    for (status, headers, body) in [
        (400, "", sts_error("InvalidIdentityToken", &quoted)),
        (403, "", sts_error("AccessDenied", &quoted)),
        (400, "", json.clone()),
        (401, "x-amzn-ErrorType: UnauthorizedException\r\n", json),
        (400, "", format!("<html>{quoted}</html>")),
        (302, "Location: https://example.com/?web.identity.t0ken\r\n", quoted.clone()),
        (200, "", quoted.clone()),
        (200, "", given.to_owned()),
    ] {
        // A request quotes nothing but its own secrets, so that each call is checked against those it was made with.
        let server = Server::saying(vec![reply_with(status, Some(0), headers, &body); 9]);
        let shown = all_calls(&server);
        assert_eq!(server.requests().len(), 9, "{body}");
        let own: [&[&str]; 9] = [
            &SECRETS[5..],
            &SECRETS[5..],
            &["web.identity.t0ken"],
            &["given-t0ken-value"],
            &["client-s3cret-value", "given-t0ken-value"],
            &["client-s3cret-value", "device-c0de-value", "given-t0ken-value"],
            &["client-s3cret-value", "refresh-t0ken-value", "given-t0ken-value"],
            &["access-t0ken-value", "given-t0ken-value"],
            &["session-s3cret-value", "session-t0ken-value", "given-t0ken-value"],
        ];
        for (shown, own) in shown.iter().zip(own) {
            // A signer's secret key is never sent, so that AWS cannot quote it.
            let sent = |secret: &&&str| **secret != "session-s3cret-value" || shown.contains("getSigninToken");
            for secret in own.iter().filter(sent) {
                assert!(!shown.contains(*secret), "{shown}");
            }
        }
    }
    let lines = LINES.take();
    assert!(lines.iter().any(|line| line.contains("CreateToken: HTTP 400")), "nothing was caught: {lines:?}");
    for line in &lines {
        for secret in SECRETS {
            assert!(!line.contains(secret), "{line}");
        }
        assert!(!line.contains("sessionKey") && !line.contains("0x"), "{line}");
    }
}

#[test]
fn what_the_http_library_logs_byte_by_byte_is_not_even_compiled_in() {
    assert!(log::STATIC_MAX_LEVEL <= LevelFilter::Debug);
}

#[test]
fn an_address_that_cannot_be_used_is_not_quoted() {
    for (url, token) in [
        ("http://[::1", "session-t0ken-value".to_owned()),
        ("", "session-t0ken-value".to_owned()),
        ("http://127.0.0.1:1", "t0ken".repeat(50_000)),
    ] {
        let console = ConsoleEndpoints { signin_url: url.to_owned(), console_url: String::new(), ca_bundle: None };
        let session = SessionCredentials { session_token: token.into(), ..session() };
        let error = client().get_signin_token(&console, &session, None).expect_err("refused");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("t0ken") && !shown.contains("Session="), "{shown}");
    }
}
