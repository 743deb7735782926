//! What is wrong with a signature, and how AWS says so.

use super::*;

fn identity(client: &Client) -> Answer {
    client.call("GetCallerIdentity", &[])
}

#[test]
fn a_right_signature_says_who_it_is() {
    let answer = identity(&Stage::default().client("alice")).expect_ok();
    assert_eq!(answer.text("Arn"), "arn:aws:iam::111122223333:user/alice");
    assert_eq!(answer.text("Account"), "111122223333");
    assert!(answer.text("UserId").starts_with("AIDA"));
    assert!(answer.head.contains("x-amzn-RequestId: ") && answer.text("RequestId").len() == 36);
    assert!(answer.head.contains("Date: Sat, 21 Nov 2026 20:48:00 GMT"), "{}", answer.head);
    assert!(answer.body.contains(r#"xmlns="https://sts.amazonaws.com/doc/2011-06-15/""#));
}

#[test]
fn a_wrong_secret_and_an_unknown_key_are_told_apart() {
    let stage = Stage::default();
    let id = stage.client("alice").access_key_id;
    let wrong = Client::new(&stage.aws, &id, &"wJalrXUtnFEMI".into(), None);
    identity(&wrong).expect_error(403, "SignatureDoesNotMatch", "The request signature we calculated");
    let mut unknown = stage.client("alice");
    unknown.access_key_id = "AKIAIOSFODNN7EXAMPLE".to_owned();
    let text = "The security token included in the request is invalid.";
    identity(&unknown).expect_error(403, "InvalidClientTokenId", text);
    let secret = stage.aws.credentials("alice").expect("a user").secret_access_key;
    let with_token = Client::new(&stage.aws, &id, &secret, Some("token".to_owned()));
    identity(&with_token).expect_error(403, "InvalidClientTokenId", text);
}

#[test]
fn a_request_without_signature_or_with_half_a_one_is_refused() {
    let stage = Stage::default();
    let address = stage.aws.url().replace("http://", "");
    let request = format!("GET /?Action=GetCallerIdentity&Version=2011-06-15 HTTP/1.1\r\nHost: {address}\r\n");
    let answer = client::send(&address, &format!("{request}\r\n"));
    answer.expect_error(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
    let half = "Authorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host\r\n\r\n";
    client::send(&address, &format!("{request}{half}")).expect_error(400, "IncompleteSignature", "Authorization");
}

#[test]
fn the_scope_names_service_and_region() {
    let stage = Stage::default();
    let mut client = stage.client("admin");
    client.service = Some("iam");
    identity(&client).expect_error(403, "SignatureDoesNotMatch", "Credential should be scoped to correct service");
    client.service = None;
    client.region = "eu-central-1";
    identity(&client).expect_ok();
    let wrong_region = "Credential should be scoped to a valid region";
    client.call("ListUsers", &[]).expect_error(403, "SignatureDoesNotMatch", wrong_region);
    client.region = "cn-north-1";
    identity(&client).expect_error(403, "SignatureDoesNotMatch", wrong_region);
}

#[test]
fn a_header_of_amazons_that_is_not_signed_is_refused() {
    let stage = Stage::default();
    let mut client = stage.client("alice");
    client.unsigned_headers.push(("x-amz-security-token", "smuggled".to_owned()));
    identity(&client).expect_error(403, "SignatureDoesNotMatch", "'x-amz-security-token' must be a 'SignedHeader'");
}

#[test]
fn a_clock_may_be_off_by_five_minutes_either_way() {
    let stage = Stage::default();
    let client = stage.client("alice");
    for (offset, message) in [
        (300, None),
        (
            301,
            Some(
                "Signature expired: 20261121T204800Z is now earlier than 20261121T204801Z (20261121T205301Z - 5 min.)",
            ),
        ),
        (-300, None),
        (-301, Some("Signature not yet current: 20261121T204800Z is still later than")),
    ] {
        stage.aws.set_clock_offset(offset);
        match message {
            None => drop(identity(&client).expect_ok()),
            Some(message) => identity(&client).expect_error(403, "SignatureDoesNotMatch", message),
        }
    }
}

#[test]
fn an_unknown_action_is_refused_by_name() {
    let stage = Stage::default();
    let client = stage.client("admin");
    client.call("DeleteEverything", &[]).expect_error(
        400,
        "InvalidAction",
        "Could not find operation DeleteEverything",
    );
}
