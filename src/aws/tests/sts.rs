//! The calls of STS that give credentials: what goes out, byte for byte, and what comes back.

use super::*;
use crate::profile::SessionTag;

const EXPIRATION: &str = "2026-11-21T21:43:42Z";

fn answer_of(operation: &str, expiration: &str) -> Vec<u8> {
    let body = session_answer("ASIAIOSFODNN7EXAMPLE", "s3cr3t", expiration).replace("GetSessionToken", operation);
    reply(200, &body)
}

fn role_request() -> AssumeRoleRequest {
    AssumeRoleRequest {
        role_arn: "arn:aws:iam::123456789012:role/ops/admin".parse().expect("an ARN"),
        role_session_name: "alice@laptop".to_owned(),
        duration: Duration::from_secs(3600),
        external_id: None,
        tags: Vec::new(),
        transitive_tag_keys: Vec::new(),
        source_identity: None,
        session_policy: SessionPolicy::default(),
        mfa: None,
    }
}

fn web_request(token: &str) -> WebIdentityRequest {
    WebIdentityRequest {
        role_arn: "arn:aws:iam::123456789012:role/web".parse().expect("an ARN"),
        role_session_name: "ci".to_owned(),
        duration: Duration::from_secs(900),
        token: token.into(),
        session_policy: SessionPolicy::default(),
    }
}

fn policy() -> SessionPolicy {
    SessionPolicy {
        document: Some(r#"{"Version":"2012-10-17"}"#.to_owned()),
        arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned(), "arn:aws:iam::aws:policy/job".to_owned()],
    }
}

fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn web_error(status: u16, code: &str, message: &str) -> AwsError {
    let server = Server::saying(vec![reply(status, &sts_error(code, message)); 3]);
    client().assume_role_with_web_identity(&server.endpoints(), &web_request("header.claims.seal")).expect_err(code)
}

#[test]
fn a_role_without_more_is_asked_for_with_its_name_and_duration() {
    let server = Server::saying(vec![answer_of("AssumeRole", EXPIRATION)]);
    let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
    client().assume_role(caller, &role_request()).expect("a session");
    assert_eq!(
        body(&server.requests()[0]),
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fops%2Fadmin\
         &RoleSessionName=alice%40laptop&DurationSeconds=3600"
    );
}

#[test]
fn tags_source_identity_policy_and_mfa_of_a_role_go_out_as_the_query_api_counts_them() {
    let server = Server::saying(vec![answer_of("AssumeRole", EXPIRATION)]);
    let caller = Caller { signer: Signer::Session(&session()), endpoints: &server.endpoints() };
    let tag = |key: &str, value: &str| SessionTag { key: key.to_owned(), value: value.to_owned() };
    let request = AssumeRoleRequest {
        external_id: Some("a/b".to_owned()),
        tags: vec![tag("team", "a b"), tag("caf\u{e9}", "")],
        transitive_tag_keys: vec!["team".to_owned(), "caf\u{e9}".to_owned()],
        source_identity: Some("alice".to_owned()),
        session_policy: policy(),
        mfa: Some(proof()),
        ..role_request()
    };
    let session = client().assume_role(caller, &request).expect("a session");
    assert_eq!(session.secret_access_key.expose(), "s3cr3t");
    let request = server.requests().remove(0);
    assert_eq!(
        body(&request),
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fops%2Fadmin\
         &RoleSessionName=alice%40laptop&DurationSeconds=3600&ExternalId=a%2Fb\
         &Tags.member.1.Key=team&Tags.member.1.Value=a%20b&Tags.member.2.Key=caf%C3%A9&Tags.member.2.Value=\
         &TransitiveTagKeys.member.1=team&TransitiveTagKeys.member.2=caf%C3%A9&SourceIdentity=alice\
         &Policy=%7B%22Version%22%3A%222012-10-17%22%7D\
         &PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess\
         &PolicyArns.member.2.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2Fjob\
         &SerialNumber=arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice&TokenCode=123456"
    );
    assert!(header(&request, "authorization").is_some());
}

#[test]
fn a_federated_user_is_asked_for_by_name_and_policy_and_signed() {
    let server = Server::saying(vec![answer_of("GetFederationToken", EXPIRATION)]);
    let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
    client().get_federation_token(caller, "alice", &policy(), Duration::from_secs(43200)).expect("a session");
    let request = server.requests().remove(0);
    assert_eq!(
        body(&request),
        "Action=GetFederationToken&Version=2011-06-15&Name=alice&DurationSeconds=43200\
         &Policy=%7B%22Version%22%3A%222012-10-17%22%7D\
         &PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess\
         &PolicyArns.member.2.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2Fjob"
    );
    let authorization = header(&request, "authorization").expect("it is signed");
    assert!(authorization.contains("AKIAIOSFODNN7EXAMPLE/20261121/eu-west-1/sts/aws4_request"), "{authorization}");
}

#[test]
fn a_web_identity_is_exchanged_without_a_signature() {
    let server = Server::saying(vec![answer_of("AssumeRoleWithWebIdentity", EXPIRATION)]);
    let request = WebIdentityRequest { session_policy: policy(), ..web_request("header.claims.seal") };
    client().assume_role_with_web_identity(&server.endpoints(), &request).expect("a session");
    let request = server.requests().remove(0);
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    assert_eq!(
        body(&request),
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fweb\
         &RoleSessionName=ci&DurationSeconds=900&Policy=%7B%22Version%22%3A%222012-10-17%22%7D\
         &PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess\
         &PolicyArns.member.2.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2Fjob&WebIdentityToken=header.claims.seal"
    );
    for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
        assert_eq!(header(&request, name), None, "{name}");
    }
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    assert_eq!(header(&request, "content-type").as_deref(), Some(form));
}

#[test]
fn each_refusal_of_a_web_identity_has_its_variant() {
    let denied = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    let expired = "Token expired: current date/time 1795293822 must be before the expiration date/time 1795290000";
    for (status, code, message, shown) in [
        (400, "InvalidIdentityToken", "No OpenIDConnect provider found", "InvalidCredentials"),
        (400, "ExpiredTokenException", expired, "InvalidCredentials"),
        (403, "IDPRejectedClaim", "the claim is invalid", "InvalidCredentials"),
        (403, "AccessDenied", denied, "AccessDenied"),
        (400, "IDPCommunicationError", "the provider did not answer", "Service"),
        (400, "MalformedPolicyDocument", "Syntax errors in policy.", "Service"),
        (403, "RegionDisabledException", "STS is not activated in this region", "Service"),
    ] {
        let error = web_error(status, code, message);
        assert!(format!("{error:?}").starts_with(shown), "{code}: {error:?}");
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn a_provider_that_could_not_be_reached_is_tried_again() {
    let server = Server::saying(vec![
        reply(400, &sts_error("IDPCommunicationError", "the provider did not answer")),
        reply(503, &sts_error("ServiceUnavailable", "x")),
        answer_of("AssumeRoleWithWebIdentity", EXPIRATION),
    ]);
    client().assume_role_with_web_identity(&server.endpoints(), &web_request("t")).expect("a session");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_web_identity_token_in_an_error_is_not_repeated() {
    let error = web_error(400, "InvalidIdentityToken", "the token header.claims.seal is none");
    assert!(error.to_string().ends_with("the token [secret] is none"), "{error}");
}

#[test]
fn the_clock_is_measured_and_too_large_a_difference_refused_where_nothing_is_signed() {
    let mut answer = answer_of("AssumeRoleWithWebIdentity", EXPIRATION);
    let aws = client();
    let server = Server::saying(vec![answer]);
    aws.assume_role_with_web_identity(&server.endpoints(), &web_request("t")).expect("a session");
    assert_eq!(aws.clock_offset(), Some(ClockOffset { seconds: 0 }));

    let body = session_answer("ASIAIOSFODNN7EXAMPLE", "s", EXPIRATION);
    answer = reply_with(200, Some(900), "", &body.replace("GetSessionToken", "AssumeRoleWithWebIdentity"));
    let server = Server::saying(vec![answer]);
    let result = client().assume_role_with_web_identity(&server.endpoints(), &web_request("t"));
    assert!(matches!(result, Err(AwsError::ClockSkew { .. })), "{result:?}");

    // AWS judged the token by its own clock: ours is not why it was refused.
    let refused = sts_error("ExpiredTokenException", "Token expired");
    let server = Server::saying(vec![reply_with(400, Some(900), "", &refused)]);
    let result = client().assume_role_with_web_identity(&server.endpoints(), &web_request("t"));
    assert!(matches!(result, Err(AwsError::InvalidCredentials { .. })), "{result:?}");
}
