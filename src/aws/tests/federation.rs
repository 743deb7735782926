//! The console's federation endpoint: the request byte for byte, the token checked, refusals explained.

use super::{endpoints::ConsoleEndpoints, *};

fn at(server: &Server) -> ConsoleEndpoints {
    let console_url = "https://console.aws.amazon.com".to_owned();
    ConsoleEndpoints { signin_url: format!("http://{}", server.address), console_url, ca_bundle: None }
}

fn sign_in(server: &Server, duration: Option<Duration>) -> Result<SecretText, AwsError> {
    client().get_signin_token(&at(server), &session(), duration)
}

#[test]
fn the_session_goes_out_in_the_query_and_the_token_comes_back() {
    for (duration, in_query) in [(None, ""), (Some(Duration::from_secs(43200)), "&SessionDuration=43200")] {
        let server = Server::saying(vec![reply(200, r#"{"SigninToken":"VCQgs5qZZt3Q6fn8"}"#)]);
        assert_eq!(sign_in(&server, duration).expect("a token").expose(), "VCQgs5qZZt3Q6fn8");
        let request = server.requests().remove(0);
        let expected = format!(
            "GET /federation?Action=getSigninToken{in_query}&Session=%7B%22sessionId%22%3A%22ASIAIOSFODNN7EXAMPLE%22%2C\
             %22sessionKey%22%3A%22secret%22%2C\
             %22sessionToken%22%3A%22FwoGZXIvYXdzEXAMPLE%2F%2F%2F%2F%2F%2F%2F%2F%2F%2Ftoken%3D%3D%22%7D HTTP/1.1\r\n"
        );
        assert!(request.starts_with(&expected), "{request}");
        assert!(request.ends_with("\r\n\r\n"), "{request}");
        for name in ["authorization", "x-amz-security-token", "content-type"] {
            assert_eq!(header(&request, name), None, "{name}");
        }
    }
}

#[test]
fn credentials_that_cannot_sign_in_are_an_error_that_says_so() {
    let server = Server::saying(vec![reply(400, "<html>Oops</html>")]);
    let error = sign_in(&server, Some(Duration::from_secs(3600))).expect_err("refused");
    assert!(matches!(error, AwsError::Service { status: 400, .. }), "{error:?}");
    assert!(error.to_string().contains("these credentials cannot sign in to the console"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn what_is_no_sign_in_token_is_refused() {
    for body in ["", "{}", "<html/>", r#"{"SigninToken":""}"#, r#"{"SigninToken":"a b"}"#, r#"{"SigninToken":1}"#] {
        let result = sign_in(&Server::saying(vec![reply(200, body)]), None);
        assert!(matches!(result, Err(AwsError::UnusableAnswer { .. })), "{body}: {result:?}");
    }
}

#[test]
fn the_session_is_not_sent_on_to_where_a_redirect_points() {
    let other = Server::saying(vec![reply(200, "{}")]);
    let headers = format!("Location: http://{}/federation\r\n", other.address);
    let result = sign_in(&Server::saying(vec![reply_with(302, Some(0), &headers, "")]), None);
    assert!(matches!(result, Err(AwsError::UnusableAnswer { .. })), "{result:?}");
    assert!(other.requests().is_empty());
}

#[test]
fn the_endpoint_is_asked_again_after_a_fault() {
    let server = Server::saying(vec![reply(503, "busy"), Vec::new(), reply(200, r#"{"SigninToken":"t"}"#)]);
    sign_in(&server, None).expect("a token");
}
