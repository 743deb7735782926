//! IAM Identity Center: requests byte for byte, answers checked, refusals told apart.

use super::{endpoints::SsoEndpoints, *};

const OIDC_CODES: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn at(server: &Server) -> SsoEndpoints {
    let url = format!("http://{}", server.address);
    SsoEndpoints { portal_url: url.clone(), oidc_url: url, ca_bundle: None }
}

fn registered() -> RegisteredClient {
    RegisteredClient {
        client_id: "client-1".to_owned(),
        client_secret: "client-s3cret".into(),
        expiration: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 1000),
    }
}

/// What a request says: its first line, and its body.
fn said(server: &Server) -> (String, String) {
    let request = server.requests().remove(0);
    for name in ["authorization", "x-amz-date"] {
        assert_eq!(header(&request, name), None, "{name}");
    }
    let (head, body) = request.split_once("\r\n\r\n").expect("a request");
    (head.lines().next().expect("a line").to_owned(), body.to_owned())
}

fn register(server: &Server) -> Result<RegisteredClient, AwsError> {
    client().register_client(&at(server), "mfavault", &["sso:account:access".to_owned()])
}

fn start(server: &Server) -> Result<DeviceAuthorization, AwsError> {
    client().start_device_authorization(&at(server), &registered(), "https://example.awsapps.com/start")
}

fn token_for(server: &Server, grant: Grant<'_>) -> Result<SsoToken, AwsError> {
    client().create_token(&at(server), &registered(), grant)
}

fn token(server: &Server) -> Result<SsoToken, AwsError> {
    token_for(server, Grant::DeviceCode(&"device-c0de".into()))
}

fn role(server: &Server) -> Result<SessionCredentials, AwsError> {
    client().get_role_credentials(&at(server), &"access-t0ken".into(), "123456789012", "Admin Access/x")
}

fn client_answer(expires_at: &str) -> String {
    format!(
        r#"{{"clientId":"id-1","clientSecret":"s3cret","clientIdIssuedAt":1,"clientSecretExpiresAt":{expires_at},"authorizationEndpoint":null}}"#
    )
}

fn device_answer(change: impl Fn(&mut serde_json::Value)) -> String {
    let mut value = serde_json::json!({
        "deviceCode": "device-c0de", "userCode": "ABCD-EFGH", "expiresIn": 600, "interval": 1,
        "verificationUri": "https://device.sso.eu-west-1.amazonaws.com/",
        "verificationUriComplete": "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH",
    });
    change(&mut value);
    value.to_string()
}

fn token_answer(change: impl Fn(&mut serde_json::Value)) -> String {
    let mut value = serde_json::json!({
        "accessToken": "access-t0ken", "tokenType": "Bearer", "expiresIn": 28800, "refreshToken": "refresh-t0ken",
        "idToken": null,
    });
    change(&mut value);
    value.to_string()
}

fn role_answer(change: impl Fn(&mut serde_json::Value)) -> String {
    let mut value = serde_json::json!({
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE", "secretAccessKey": "s3cret", "sessionToken": "role-t0ken",
        "expiration": (NOW + 3600) * 1000,
    });
    change(&mut value);
    serde_json::json!({ "roleCredentials": value }).to_string()
}

fn is_unusable<T: std::fmt::Debug>(result: Result<T, AwsError>, body: &str) {
    match result {
        Err(error @ AwsError::UnusableAnswer { .. }) => {
            let shown = format!("{error} {error:?}");
            for secret in ["s3cret", "c0de", "t0ken"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn a_public_client_is_registered_for_both_grants() {
    let server = Server::saying(vec![reply(200, &client_answer("1803069822"))]);
    let client = register(&server).expect("a client");
    assert_eq!(client.client_id, "id-1");
    assert_eq!(client.client_secret.expose(), "s3cret");
    assert_eq!(client.expiration, SystemTime::UNIX_EPOCH + Duration::from_secs(1_803_069_822));
    let (line, body) = said(&server);
    assert_eq!(line, "POST /client/register HTTP/1.1");
    assert_eq!(
        body,
        format!(
            r#"{{"clientName":"mfavault","clientType":"public","scopes":["sso:account:access"],"grantTypes":["{OIDC_CODES}","refresh_token"]}}"#
        )
    );
    assert_eq!(header(&server.requests()[0], "content-type").as_deref(), Some("application/json"));
}

#[test]
fn without_scopes_none_are_named() {
    let server = Server::saying(vec![reply(200, &client_answer("1803069822"))]);
    client().register_client(&at(&server), "mfa\"vault", &[]).expect("a client");
    let expected =
        format!(r#"{{"clientName":"mfa\"vault","clientType":"public","grantTypes":["{OIDC_CODES}","refresh_token"]}}"#);
    assert_eq!(said(&server).1, expected);
}

#[test]
fn a_sign_in_is_begun_and_what_a_person_is_shown_is_read() {
    let server = Server::saying(vec![reply(200, &device_answer(|_| {}))]);
    let device = start(&server).expect("a sign-in");
    assert_eq!(device.device_code.expose(), "device-c0de");
    assert_eq!(device.user_code, "ABCD-EFGH");
    assert_eq!(device.verification_uri, "https://device.sso.eu-west-1.amazonaws.com/");
    assert!(device.verification_uri_complete.ends_with("/?user_code=ABCD-EFGH"));
    assert_eq!((device.expires_in.as_secs(), device.interval.as_secs()), (600, 1));
    let (line, body) = said(&server);
    assert_eq!(line, "POST /device_authorization HTTP/1.1");
    assert_eq!(
        body,
        r#"{"clientId":"client-1","clientSecret":"client-s3cret","startUrl":"https://example.awsapps.com/start"}"#
    );
}

#[test]
fn an_interval_or_a_complete_address_that_is_not_told_is_the_usual_one() {
    let answer = device_answer(|value| {
        value["interval"] = serde_json::Value::Null;
        value["verificationUriComplete"] = serde_json::Value::Null;
    });
    let device = start(&Server::saying(vec![reply(200, &answer)])).expect("a sign-in");
    assert_eq!(device.interval.as_secs(), 5);
    assert_eq!(device.verification_uri_complete, device.verification_uri);
}

#[test]
fn a_token_is_asked_for_with_either_grant() {
    let refresh = "refresh-0ld".into();
    let code = "device-c0de".into();
    for (grant, kind, field) in [
        (Grant::DeviceCode(&code), OIDC_CODES, r#""deviceCode":"device-c0de""#),
        (Grant::RefreshToken(&refresh), "refresh_token", r#""refreshToken":"refresh-0ld""#),
    ] {
        let server = Server::saying(vec![reply(200, &token_answer(|_| {}))]);
        let token = token_for(&server, grant).expect("a token");
        assert_eq!(token.access_token.expose(), "access-t0ken");
        assert_eq!(token.expiration, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 28800));
        assert_eq!(token.refresh_token, Some("refresh-t0ken".into()));
        let (line, body) = said(&server);
        assert_eq!(line, "POST /token HTTP/1.1");
        let expected =
            format!(r#"{{"clientId":"client-1","clientSecret":"client-s3cret","grantType":"{kind}",{field}}}"#);
        assert_eq!(body, expected);
    }
}

#[test]
fn a_token_ends_by_the_clock_of_aws() {
    let server = Server::saying(vec![reply_with(200, Some(120), "", &token_answer(|_| {}))]);
    let token = token(&server).expect("a token");
    let end = token.expiration.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    assert!((NOW + 28800 + 119..=NOW + 28800 + 121).contains(&end), "{end}");
}

#[test]
fn the_credentials_of_a_permission_set_are_asked_for_with_the_token() {
    let server = Server::saying(vec![reply(200, &role_answer(|_| {}))]);
    let session = role(&server).expect("a session");
    assert_eq!(session.session_token.expose(), "role-t0ken");
    assert_eq!(session.expiration, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 3600));
    let (line, body) = said(&server);
    let query = "role_name=Admin%20Access%2Fx&account_id=123456789012";
    assert_eq!(line, format!("GET /federation/credentials?{query} HTTP/1.1"));
    assert_eq!(body, "");
    assert_eq!(header(&server.requests()[0], "x-amz-sso_bearer_token").as_deref(), Some("access-t0ken"));
}

#[test]
fn what_is_over_out_of_bounds_or_cannot_be_sent_back_is_refused() {
    for time in ["0", "-1", "1795293822", "\"soon\"", "1e99", "18446744073709551615", "99999999999", "null"] {
        let body = client_answer(time);
        is_unusable(register(&Server::saying(vec![reply(200, &body)])), &body);
    }
    let devices: [(&str, serde_json::Value); 14] = [
        ("deviceCode", "".into()),
        ("deviceCode", "c0de with blanks".into()),
        ("deviceCode", "c0de".repeat(10_000).into()),
        ("userCode", "AB\u{1b}[2J".into()),
        ("userCode", "A".repeat(65).into()),
        ("verificationUri", "http://example.com/".into()),
        ("verificationUri", "javascript:alert(1)".into()),
        ("verificationUriComplete", "file:///etc/passwd".into()),
        ("verificationUriComplete", "https://example.com/\n$(id)".into()),
        ("verificationUriComplete", "https://a@example.com/".into()),
        ("expiresIn", 0.into()),
        ("expiresIn", 100_000_000.into()),
        ("interval", 100_000.into()),
        ("interval", (-1).into()),
    ];
    for (name, value) in devices {
        let body = device_answer(|answer| answer[name] = value.clone());
        is_unusable(start(&Server::saying(vec![reply(200, &body)])), &body);
    }
    let tokens: [(&str, serde_json::Value); 7] = [
        ("accessToken", "".into()),
        ("accessToken", "t0ken\r\nx: y".into()),
        ("accessToken", serde_json::Value::Null),
        ("refreshToken", "t0 ken".into()),
        ("tokenType", "mac".into()),
        ("expiresIn", 0.into()),
        ("expiresIn", u64::MAX.into()),
    ];
    for (name, value) in tokens {
        let body = token_answer(|answer| answer[name] = value.clone());
        is_unusable(token(&Server::saying(vec![reply(200, &body)])), &body);
    }
    let roles: [(&str, serde_json::Value); 8] = [
        ("accessKeyId", "AKIAIOSFODNN7EXAMPLE".into()),
        ("accessKeyId", "ASIA".into()),
        ("secretAccessKey", "s3cret with blanks".into()),
        ("sessionToken", "".into()),
        ("expiration", (NOW * 1000).into()),
        ("expiration", (NOW + 3600).into()),
        ("expiration", ((NOW + 3600) * 1_000_000).into()),
        ("expiration", u64::MAX.into()),
    ];
    for (name, value) in roles {
        let body = role_answer(|answer| answer[name] = value.clone());
        is_unusable(role(&Server::saying(vec![reply(200, &body)])), &body);
    }
}

#[test]
fn what_is_not_the_json_of_the_answer_is_refused() {
    let deep = "[".repeat(500_000);
    let nested = format!(r#"{{"roleCredentials":{}}}"#, r#"{"a":"#.repeat(100_000));
    let whole = role_answer(|_| {});
    for body in ["", "null", "[]", "{}", "<html>t0ken</html>", "\u{feff}{}", &deep, &nested, &whole[..whole.len() - 2]]
    {
        is_unusable(role(&Server::saying(vec![reply(200, body)])), "role");
        is_unusable(token(&Server::saying(vec![reply(200, body)])), "token");
    }
    let huge = vec![b'x'; 2 * 1024 * 1024];
    let huge = String::from_utf8(huge).expect("text");
    is_unusable(role(&Server::saying(vec![reply(200, &huge)])), "huge");
}

#[test]
fn each_refusal_of_a_sign_in_has_its_variant_whichever_way_it_is_named() {
    for (error, exception, status, shown) in [
        ("authorization_pending", "AuthorizationPendingException", 400, "AuthorizationPending"),
        ("slow_down", "SlowDownException", 400, "SlowDown"),
        ("expired_token", "ExpiredTokenException", 400, "SignInOver"),
        ("invalid_grant", "InvalidGrantException", 400, "SignInOver"),
        ("access_denied", "AccessDeniedException", 400, "SignInOver"),
        ("invalid_client", "InvalidClientException", 401, "InvalidCredentials"),
        ("unauthorized_client", "UnauthorizedClientException", 400, "InvalidCredentials"),
        ("invalid_request", "InvalidRequestException", 400, "Service"),
    ] {
        let both = format!(r#"{{"error":"{error}","error_description":"told why"}}"#);
        let bare = format!(r#"{{"error":"{error}","error_description":null}}"#);
        let typed = format!(r#"{{"__type":"com.amazonaws.sso#{exception}","message":"told why"}}"#);
        let named = format!("x-amzn-ErrorType: {exception}:http://internal.amazon.com/\r\n");
        for (headers, body) in [("", &both), ("", &bare), ("", &typed), (&named, &both), (&named, &String::new())] {
            let server = Server::saying(vec![reply_with(status, Some(0), headers, body)]);
            let result = token(&server).expect_err(error);
            assert!(format!("{result:?}").starts_with(shown), "{error} {headers}{body}: {result:?}");
            assert!(!result.to_string().ends_with(": "), "{result}");
        }
    }
}

#[test]
fn each_refusal_of_a_permission_set_has_its_variant() {
    for (status, exception, message, shown) in [
        (401, "UnauthorizedException", "Session token not found or invalid", "SignInOver"),
        (403, "ForbiddenException", "No access", "AccessDenied"),
        (404, "ResourceNotFoundException", "The specified resource doesn't exist.", "NoSuchEntity"),
        (400, "InvalidRequestException", "bad", "Service"),
    ] {
        let headers = format!("x-amzn-ErrorType: {exception}\r\nx-amzn-RequestId: r-2\r\n");
        let body = format!(r#"{{"message":"{message}"}}"#);
        let error = role(&Server::saying(vec![reply_with(status, Some(0), &headers, &body)])).expect_err(exception);
        assert!(format!("{error:?}").starts_with(shown), "{exception}: {error:?}");
        assert!(error.to_string().contains(message), "{error}");
        assert!(shown != "Service" || error.to_string().contains("r-2"), "{error}");
    }
    let page = "<html>not found</html>";
    let error = role(&Server::saying(vec![reply(404, page)])).expect_err("refused");
    assert!(error.to_string().contains("not one of an AWS service"), "{error}");
}

#[test]
fn a_token_is_not_asked_for_twice_when_nobody_knows_whether_it_was_given() {
    let fault = r#"{"error":"server_error","error_description":"x"}"#;
    for first in [Vec::new(), reply(500, fault)] {
        let server = Server::saying(vec![first.clone(), first]);
        token(&server).expect_err("refused");
        assert_eq!(server.requests().len(), 1);
    }
    let server = Server::saying(vec![Vec::new(), reply(500, fault), reply(200, &role_answer(|_| {}))]);
    role(&server).expect("a session");
}

#[test]
fn throttling_is_waited_out() {
    let slow = reply_with(400, Some(0), "x-amzn-ErrorType: SlowDownException\r\n", r#"{"error":"slow_down"}"#);
    let server = Server::saying(vec![slow, reply(200, &client_answer("1803069822"))]);
    register(&server).expect("a client");
    let many = reply_with(429, Some(0), "x-amzn-ErrorType: TooManyRequestsException\r\n", r#"{"message":"HTTP 429"}"#);
    let server = Server::saying(vec![many.clone(), many.clone(), many]);
    assert!(matches!(role(&server), Err(AwsError::Throttled { .. })));
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_clock_far_off_is_told_before_a_person_signs_in_and_costs_no_token() {
    let far = |body: &str| Server::saying(vec![reply_with(200, Some(-900), "", body)]);
    assert!(matches!(start(&far(&device_answer(|_| {}))), Err(AwsError::ClockSkew { .. })));
    token(&far(&token_answer(|_| {}))).expect("a token that is given once only");
    let pending = r#"{"error":"authorization_pending"}"#;
    let server = Server::saying(vec![reply_with(400, Some(-900), "", pending)]);
    assert!(matches!(token(&server), Err(AwsError::AuthorizationPending { .. })));
}
