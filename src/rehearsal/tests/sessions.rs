//! Sessions: who gets them, for how long, with which codes, and what they are good for.

use super::*;

const INVALID: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
const UNABLE: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                      number is valid and associated with this user.";
const DEPLOY: &str = "arn:aws:iam::111122223333:role/deploy";
const OPEN: &str = "arn:aws:iam::111122223333:role/open";
const CHAINING: &str = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role \
                        chaining.";

/// AssumeRole with a session name, and more.
fn assume(client: &Client, role: &str, more: &[(&str, &str)]) -> Answer {
    let mut parameters = vec![("RoleArn", role), ("RoleSessionName", "test")];
    parameters.extend(more);
    client.call("AssumeRole", &parameters)
}

#[test]
fn a_session_with_mfa_may_what_the_force_mfa_policy_denies_without() {
    let stage = Stage::default();
    let alice = stage.client("alice");
    let device = stage.enable("alice");
    let denied = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:ListUsers on resource: \
                  arn:aws:iam::111122223333:user/ with an explicit deny in an identity-based policy";
    alice.call("ListUsers", &[]).expect_error(403, "AccessDenied", denied);
    let answer = device.session_token(&alice, &device.code(stage.aws.now(), 0)).expect_ok();
    assert!(answer.text("AccessKeyId").starts_with("ASIA"));
    assert_eq!(answer.text("Expiration"), "2026-11-22T08:48:00Z");
    let users = Client::session(&stage.aws, &answer).call("ListUsers", &[]).expect_ok();
    assert_eq!(users.texts("UserName"), ["admin", "alice"]);
    let unallowed = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: \
                     iam:DeleteVirtualMFADevice on resource: arn:aws:iam::111122223333:mfa/alice because no \
                     identity-based policy allows the iam:DeleteVirtualMFADevice action";
    let delete =
        Client::session(&stage.aws, &answer).call("DeleteVirtualMFADevice", &[("SerialNumber", ALICES_DEVICE)]);
    delete.expect_error(403, "AccessDenied", unallowed);
}

#[test]
fn a_code_is_taken_once_whichever_call_took_it() {
    for spends in [false, true] {
        let stage = Stage::new(|settings| settings.enable_spends_codes_at_sts = spends);
        let alice = stage.client("alice");
        let device = stage.enable("alice");
        let code = device.code(stage.aws.now(), 0);
        if spends {
            device.session_token(&alice, &code).expect_error(403, "AccessDenied", INVALID);
            continue;
        }
        device.session_token(&alice, &code).expect_ok();
        device.session_token(&alice, &code).expect_error(403, "AccessDenied", INVALID);
        let mfa = [("SerialNumber", ALICES_DEVICE), ("TokenCode", code.as_str())];
        assume(&alice, DEPLOY, &mfa).expect_error(403, "AccessDenied", INVALID);
    }
}

#[test]
fn a_code_that_cannot_be_looked_at_is_told_apart_from_a_wrong_one() {
    let stage = Stage::new(|settings| settings.propagation_delay = Duration::from_secs(10));
    let (alice, admin) = (stage.client("alice"), stage.client("admin"));
    let device = stage.enable("alice");
    let code = |steps| device.code(stage.aws.now(), steps);
    device.session_token(&alice, &code(0)).expect_error(403, "AccessDenied", UNABLE);
    stage.clock.advance(10);
    device.session_token(&alice, "000000").expect_error(403, "AccessDenied", INVALID);
    device.session_token(&admin, &code(0)).expect_error(403, "AccessDenied", UNABLE);
    let unknown = alice.call("GetSessionToken", &[("SerialNumber", "GAHT12345678"), ("TokenCode", "000000")]);
    unknown.expect_error(403, "AccessDenied", UNABLE);
    alice.call("GetSessionToken", &[("TokenCode", "000000")]).expect_error(403, "AccessDenied", "MultiFactorAuth");
    for _ in 0..8 {
        device.session_token(&alice, "000000").expect_error(403, "AccessDenied", INVALID);
    }
    device.session_token(&alice, &code(0)).expect_error(403, "AccessDenied", UNABLE);
    stage.clock.advance(170);
    device.session_token(&alice, &code(0)).expect_ok();
}

#[test]
fn a_session_without_mfa_is_no_credential_for_iam() {
    let stage = Stage::default();
    let session = stage.client("admin").call("GetSessionToken", &[]).expect_ok();
    let session = Client::session(&stage.aws, &session);
    session.call("ListUsers", &[]).expect_error(403, "InvalidClientTokenId", "");
    session.call("GetCallerIdentity", &[]).expect_ok();
    let nested = "Cannot call GetSessionToken with session credentials";
    session.call("GetSessionToken", &[]).expect_error(403, "AccessDenied", nested);
    session.call("GetFederationToken", &[("Name", "bob")]).expect_error(403, "AccessDenied", "Cannot call");
    assume(&session, OPEN, &[]).expect_ok();
}

#[test]
fn a_session_ends() {
    let stage = Stage::default();
    let session = stage.client("admin").call("GetSessionToken", &[("DurationSeconds", "900")]).expect_ok();
    let session = Client::session(&stage.aws, &session);
    stage.clock.advance(899);
    session.call("GetCallerIdentity", &[]).expect_ok();
    stage.clock.advance(1);
    let expired = "The security token included in the request is expired";
    session.call("GetCallerIdentity", &[]).expect_error(403, "ExpiredToken", expired);
}

#[test]
fn durations_have_bounds_and_roots_are_cut() {
    let stage = Stage::new(|settings| settings.root_access_key = true);
    let admin = stage.client("admin");
    for (seconds, rule) in [("899", "greater than or equal to 900"), ("129601", "less than or equal to 129600")] {
        let message = format!(
            "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member \
             must have value {rule}"
        );
        let answer = admin.call("GetSessionToken", &[("DurationSeconds", seconds)]);
        answer.expect_error(400, "ValidationError", &message);
    }
    let root = stage.client("root").call("GetSessionToken", &[("DurationSeconds", "7200")]).expect_ok();
    assert_eq!(root.text("Expiration"), "2026-11-21T21:48:00Z");
    assume(&stage.client("root"), OPEN, &[]).expect_error(403, "AccessDenied", "Roles may not be assumed by root");
    let over = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    assume(&admin, OPEN, &[("DurationSeconds", "3601")]).expect_error(400, "ValidationError", over);
    assume(&admin, OPEN, &[("DurationSeconds", "43201")]).expect_error(400, "ValidationError", "1 validation error");
}

#[test]
fn a_trust_policy_with_mfa_wants_a_code_or_an_mfa_session() {
    let stage = Stage::default();
    let (alice, admin) = (stage.client("alice"), stage.client("admin"));
    let device = stage.enable("alice");
    let refused = format!(
        "User: arn:aws:iam::111122223333:user/admin is not authorized to perform: sts:AssumeRole on resource: {DEPLOY}"
    );
    let answer = assume(&admin, DEPLOY, &[]);
    answer.expect_error(403, "AccessDenied", &refused);
    assert_eq!(answer.text("Message"), refused, "a trust policy's refusal ends after the resource");
    assume(&alice, OPEN, &[]).expect_error(403, "AccessDenied", "User: arn:aws:iam::111122223333:user/alice is not");
    let code = device.code(stage.aws.now(), 0);
    let mfa = [("SerialNumber", ALICES_DEVICE), ("TokenCode", code.as_str()), ("DurationSeconds", "14400")];
    let role = assume(&alice, DEPLOY, &mfa).expect_ok();
    assert_eq!(role.text("Expiration"), "2026-11-22T00:48:00Z");
    let role = Client::session(&stage.aws, &role);
    let identity = role.call("GetCallerIdentity", &[]).expect_ok();
    assert_eq!(identity.text("Arn"), "arn:aws:sts::111122223333:assumed-role/deploy/test");
    role.call("ListUsers", &[]).expect_ok();
    let needs_name = "Must specify userName when calling with non-User credentials";
    role.call("GetUser", &[]).expect_error(400, "ValidationError", needs_name);
    let session = device.session_token(&alice, &device.code(stage.aws.now(), 1)).expect_ok();
    assume(&Client::session(&stage.aws, &session), DEPLOY, &[]).expect_ok();
}

#[test]
fn chained_roles_last_an_hour_at_most() {
    let stage = Stage::new(|settings| {
        for role in &mut settings.roles {
            role.policies = vec![r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#.to_owned()];
            role.max_session_duration = Duration::from_secs(43_200);
        }
    });
    let role = assume(&stage.client("admin"), OPEN, &[("DurationSeconds", "43200")]).expect_ok();
    let role = Client::session(&stage.aws, &role);
    assume(&role, OPEN, &[]).expect_ok();
    assume(&role, OPEN, &[("DurationSeconds", "3601")]).expect_error(400, "ValidationError", CHAINING);
    let code = [("SerialNumber", ALICES_DEVICE), ("TokenCode", "000000")];
    assume(&role, OPEN, &code).expect_error(403, "AccessDenied", UNABLE);
    let session = stage.client("admin").call("GetSessionToken", &[]).expect_ok();
    let session = Client::session(&stage.aws, &session);
    assume(&session, OPEN, &[("DurationSeconds", "3601")]).expect_error(400, "ValidationError", CHAINING);
}

#[test]
fn a_session_policy_narrows_a_role() {
    let stage = Stage::default();
    let policy = r#"{"Statement": {"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*"}}"#;
    let role = assume(&stage.client("admin"), OPEN, &[("Policy", policy)]).expect_ok();
    let denied = Client::session(&stage.aws, &role).call("ListUsers", &[]);
    denied.expect_error(403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/open/test is not");
    assert!(denied.text("Message").ends_with("because no session policy allows the iam:ListUsers action"));
}

#[test]
fn a_federated_user_may_ask_who_he_is() {
    let stage = Stage::default();
    let session = stage.client("admin").call("GetFederationToken", &[("Name", "bob")]).expect_ok();
    let session = Client::session(&stage.aws, &session);
    let identity = session.call("GetCallerIdentity", &[]).expect_ok();
    assert_eq!(identity.text("Arn"), "arn:aws:sts::111122223333:federated-user/bob");
    session.call("ListUsers", &[]).expect_error(403, "InvalidClientTokenId", "");
}

#[test]
fn only_sessions_of_users_say_that_there_was_no_mfa() {
    let denied_if_false = r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}]}"#;
    let stage = Stage::new(|settings| {
        settings.users[1].policies = vec![denied_if_false.to_owned()];
        settings.roles[1].policies = vec![denied_if_false.to_owned()];
    });
    let admin = stage.client("admin");
    admin.call("ListUsers", &[]).expect_ok();
    let role = assume(&admin, OPEN, &[]).expect_ok();
    Client::session(&stage.aws, &role).call("ListUsers", &[]).expect_ok();
    let session = admin.call("GetSessionToken", &[]).expect_ok();
    assume(&Client::session(&stage.aws, &session), OPEN, &[]).expect_error(403, "AccessDenied", "User: ");
}
