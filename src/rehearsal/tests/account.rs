//! Access keys, users, the account and its credential report.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;
use crate::secret::SecretText;

#[test]
fn a_user_has_two_access_keys_at_most_and_an_inactive_one_is_no_key() {
    let stage = Stage::default();
    let admin = stage.client("admin");
    let made = admin.call("CreateAccessKey", &[]).expect_ok();
    let (id, secret) = (made.text("AccessKeyId"), SecretText::from(made.text("SecretAccessKey")));
    let quota = "Cannot exceed quota for AccessKeysPerUser: 2";
    admin.call("CreateAccessKey", &[]).expect_error(409, "LimitExceeded", quota);
    let second = Client::new(&stage.aws, &id, &secret, None);
    second.call("GetCallerIdentity", &[]).expect_ok();
    let last_used = admin.call("GetAccessKeyLastUsed", &[("AccessKeyId", &id)]).expect_ok();
    assert_eq!((last_used.text("ServiceName").as_str(), last_used.text("Region").as_str()), ("sts", "us-east-1"));
    admin.call("UpdateAccessKey", &[("AccessKeyId", &id), ("Status", "Inactive")]).expect_ok();
    second.call("GetCallerIdentity", &[]).expect_error(403, "InvalidClientTokenId", "");
    let list = admin.call("ListAccessKeys", &[]).expect_ok();
    assert_eq!(list.texts("Status"), ["Active", "Inactive"]);
    assert!(!list.body.contains("Secret"));
    admin.call("DeleteAccessKey", &[("AccessKeyId", &id)]).expect_ok();
    let gone = format!("The Access Key with id {id} cannot be found.");
    admin.call("DeleteAccessKey", &[("AccessKeyId", &id)]).expect_error(404, "NoSuchEntity", &gone);
}

#[test]
fn a_new_access_key_is_listed_at_once_and_taken_later() {
    let stage = Stage::new(|settings| settings.propagation_delay = Duration::from_secs(10));
    let admin = stage.client("admin");
    let made = admin.call("CreateAccessKey", &[]).expect_ok();
    let secret = SecretText::from(made.text("SecretAccessKey"));
    let second = Client::new(&stage.aws, &made.text("AccessKeyId"), &secret, None);
    assert_eq!(admin.call("ListAccessKeys", &[]).expect_ok().texts("Status"), ["Active", "Active"]);
    for action in ["GetCallerIdentity", "ListAccessKeys"] {
        second.call(action, &[]).expect_error(403, "InvalidClientTokenId", "");
    }
    stage.clock.advance(10);
    for action in ["GetCallerIdentity", "ListAccessKeys"] {
        second.call(action, &[]).expect_ok();
    }
}

#[test]
fn a_list_of_keys_may_be_late_both_ways() {
    let stage = Stage::new(|settings| settings.list_delay = Duration::from_secs(10));
    let admin = stage.client("admin");
    let listed = || admin.call("ListAccessKeys", &[]).expect_ok().texts("Status").len();
    let id = admin.call("CreateAccessKey", &[]).expect_ok().text("AccessKeyId");
    assert_eq!(listed(), 1);
    admin.call("CreateAccessKey", &[]).expect_error(
        409,
        "LimitExceeded",
        "Cannot exceed quota for AccessKeysPerUser: 2",
    );
    stage.clock.advance(10);
    assert_eq!(listed(), 2);
    admin.call("DeleteAccessKey", &[("AccessKeyId", id.as_str())]).expect_ok();
    assert_eq!(listed(), 2);
    admin.call("DeleteAccessKey", &[("AccessKeyId", id.as_str())]).expect_error(404, "NoSuchEntity", "");
    stage.clock.advance(10);
    assert_eq!(listed(), 1);
}

#[test]
fn a_session_outlives_the_key_that_it_was_had_with() {
    let stage = Stage::default();
    let admin = stage.client("admin");
    let session = admin.call("GetSessionToken", &[]).expect_ok();
    let secret = SecretText::from(session.text("SecretAccessKey"));
    let token = session.text("SessionToken");
    let session = Client::new(&stage.aws, &session.text("AccessKeyId"), &secret, Some(token));
    let own = stage.aws.credentials("admin").expect("a key").access_key_id;
    admin.call("DeleteAccessKey", &[("AccessKeyId", own.as_str())]).expect_ok();
    admin.call("GetCallerIdentity", &[]).expect_error(403, "InvalidClientTokenId", "");
    session.call("GetCallerIdentity", &[]).expect_ok();
}

#[test]
fn lists_come_in_pages_and_the_account_in_numbers() {
    let stage = Stage::default();
    let admin = stage.client("admin");
    let first = admin.call("ListUsers", &[("MaxItems", "1")]).expect_ok();
    assert_eq!((first.text("UserName").as_str(), first.text("IsTruncated").as_str()), ("admin", "true"));
    let rest = admin.call("ListUsers", &[("MaxItems", "1"), ("Marker", &first.text("Marker"))]).expect_ok();
    assert_eq!((rest.text("UserName").as_str(), rest.text("IsTruncated").as_str()), ("alice", "false"));
    let summary = admin.call("GetAccountSummary", &[]).expect_ok();
    assert!(summary.body.contains("<entry><key>Users</key><value>2</value></entry>"));
    admin.call("ListAccountAliases", &[]).expect_ok();
    let user = stage.client("alice").call("GetUser", &[]).expect_ok();
    assert_eq!(user.text("Arn"), "arn:aws:iam::111122223333:user/alice");
}

#[test]
fn another_partition_is_in_every_arn() {
    let stage = Stage::new(|settings| settings.partition = "aws-us-gov".to_owned());
    let mut alice = stage.client("alice");
    alice.region = "us-gov-west-1";
    let device = TestDevice::create(&alice, "alice");
    assert_eq!(device.serial_number, "arn:aws-us-gov:iam::111122223333:mfa/alice");
    device.enable(&alice, "alice", stage.aws.now()).expect_ok();
    alice.region = "us-east-1";
    alice.call("GetUser", &[]).expect_error(403, "SignatureDoesNotMatch", "Credential should be scoped");
}

#[test]
fn a_credential_report_is_made_kept_and_forgotten() {
    let stage = Stage::default();
    let admin = stage.client("admin");
    let get = || admin.call("GetCredentialReport", &[]);
    let generate = || admin.call("GenerateCredentialReport", &[]).expect_ok().text("State");
    get().expect_error(410, "ReportNotPresent", "");
    assert_eq!(generate(), "STARTED");
    get().expect_error(404, "ReportInProgress", "");
    assert!(!get().body.contains("Message"));
    stage.clock.advance(1);
    assert_eq!(generate(), "COMPLETE");
    stage.enable("alice");
    let csv = String::from_utf8(STANDARD.decode(get().expect_ok().text("Content")).expect("base64")).expect("text");
    let lines: Vec<Vec<&str>> = csv.split('\n').map(|line| line.split(',').collect()).collect();
    assert!(lines.iter().all(|columns| columns.len() == 22), "{csv}");
    let column = lines[0].iter().position(|name| *name == "mfa_active").expect("a column");
    let mfa: Vec<_> = lines[1..].iter().map(|columns| (columns[0], columns[column])).collect();
    assert_eq!(mfa, [("<root_account>", "false"), ("admin", "false"), ("alice", "false")], "a report is of its hour");
    stage.clock.advance(4 * 3600);
    get().expect_error(410, "ReportExpired", "");
    assert_eq!(generate(), "STARTED");
}
