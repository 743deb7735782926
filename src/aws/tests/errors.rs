//! Which error each refusal of AWS becomes.

use super::*;

fn error_of(status: u16, body: &str) -> AwsError {
    session_with_code(&Server::saying(vec![reply(status, body)])).expect_err("refused")
}

#[test]
fn each_code_and_each_wording_has_its_variant() {
    let wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
    let unknown = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.";
    for (status, code, message, variant) in [
        (403, "AccessDenied", wrong, "InvalidAuthenticationCode"),
        (403, "AccessDenied", unknown, "UnknownSerialNumber"),
        (403, "AccessDenied", "User: x is not authorized to perform: sts:AssumeRole", "AccessDenied"),
        (403, "AccessDeniedException", "no", "AccessDenied"),
        (403, "InvalidAuthenticationCode", "Authentication code for device is not valid.", "InvalidAuthenticationCode"),
        (409, "EntityAlreadyExists", "MFA device already exists.", "AlreadyExists"),
        (409, "LimitExceeded", "Cannot exceed quota for MfaDevicesPerUser: 8", "LimitExceeded"),
        (404, "NoSuchEntity", "MFA Device invalid for user.", "NoSuchEntity"),
        (409, "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", "Service"),
        (409, "EntityTemporarilyUnmodifiable", "later", "Service"),
        (403, "InvalidClientTokenId", "The security token included in the request is invalid.", "InvalidCredentials"),
        (403, "SignatureDoesNotMatch", "The request signature we calculated does not match", "InvalidCredentials"),
        (400, "UnrecognizedClientException", "The security token is invalid.", "InvalidCredentials"),
        (403, "ExpiredToken", "The security token included in the request is expired", "Expired"),
        (400, "ExpiredTokenException", "expired", "Expired"),
        (400, "Throttling", "Rate exceeded", "Throttled"),
        (400, "ThrottlingException", "Rate exceeded", "Throttled"),
        (503, "RequestLimitExceeded", "Request limit exceeded", "Throttled"),
        (429, "TooManyRequestsException", "slow down", "Throttled"),
        (
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            "DurationTooLong",
        ),
        (
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            "DurationTooLong",
        ),
        (400, "ValidationError", "1 validation error detected", "Service"),
        (403, "AccessDenied", "Cannot call GetSessionToken with session credentials", "AccessDenied"),
        (400, "PackedPolicyTooLarge", "Packed size is 120%", "Service"),
        (400, "MalformedPolicyDocument", "Syntax errors in policy.", "Service"),
        (500, "InternalFailure", "oops", "Service"),
    ] {
        let error = error_of(status, &sts_error(code, message));
        let shown = format!("{error:?}");
        assert!(shown.starts_with(variant), "{code}: {shown}");
    }
}

#[test]
fn what_no_variant_covers_keeps_code_status_and_request_id() {
    let body = r#"<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>DeleteConflict</Code><Message>in use</Message></Error><RequestId>abc-1</RequestId></ErrorResponse>"#;
    assert_eq!(error_of(409, body).to_string(), "GetSessionToken: DeleteConflict: in use (HTTP 409, request abc-1)");
    assert_eq!(
        error_of(502, "<html><body>Bad Gateway</body>").to_string(),
        "GetSessionToken: unknown error: the answer is not one of an AWS service (HTTP 502, request unknown)"
    );
}

#[test]
fn the_words_of_aws_cannot_steer_a_terminal() {
    let message = format!("one&#x9;two\n&#x85;thr\u{202e}ee\u{200b} {}", "x".repeat(5000));
    let text = error_of(403, &sts_error("AccessDenied", &message)).to_string();
    assert!(text.starts_with("GetSessionToken: access denied: one two three xxx"), "{text}");
    assert!(text.chars().count() < 700);
    assert!(text.chars().all(|character| !character.is_control()));
}

#[test]
fn a_session_token_in_an_error_is_not_repeated() {
    let session = session();
    let token = session.session_token.expose();
    let message = format!(
        "Wrong token {token} here. The Canonical String for this request should have been&#10;'POST&#10;x-amz-security-token:{token}'"
    );
    let server = Server::saying(vec![reply(403, &sts_error("SignatureDoesNotMatch", &message))]);
    let caller = Caller { signer: Signer::Session(&session), endpoints: &server.endpoints() };
    let error = client().get_caller_identity(caller).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "GetCallerIdentity: AWS does not accept these credentials: Wrong token [secret] here."
    );
}
