//! AssumeRole beyond MFA: session tags, source identity, external IDs, session policies, and who is let in.

use super::*;

const OPEN: &str = "arn:aws:iam::111122223333:role/open";
const ALL: &str = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

/// AssumeRole with a session name, and more.
fn assume(client: &Client, role: &str, more: &[(&str, &str)]) -> Answer {
    let mut parameters = vec![("RoleArn", role), ("RoleSessionName", "test")];
    parameters.extend(more);
    client.call("AssumeRole", &parameters)
}

/// A stage where roles may do everything, with one more role of that trust statement.
fn stage_with_role(trust: &str) -> Stage {
    let trust = format!(r#"{{"Statement": {{"Effect": "Allow", {trust}}}}}"#);
    Stage::new(|settings| {
        settings.roles[1].policies = vec![ALL.to_owned()];
        let role = RoleSettings { name: "special".to_owned(), trust_policy: trust, ..settings.roles[1].clone() };
        settings.roles.push(role);
    })
}

const SPECIAL: &str = "arn:aws:iam::111122223333:role/special";
const ANY_STS: &str = r#""Action": "sts:*", "Principal": {"AWS": "111122223333"}"#;

fn refused(caller: &str, action: &str, role: &str) -> String {
    format!("User: {caller} is not authorized to perform: {action} on resource: {role}")
}

const ADMIN: &str = "arn:aws:iam::111122223333:user/admin";
const OPEN_SESSION: &str = "arn:aws:sts::111122223333:assumed-role/open/test";

#[test]
fn an_external_id_must_be_the_agreed_one() {
    let condition = r#", "Condition": {"StringEquals": {"sts:ExternalId": "agreed"}}"#;
    let stage = stage_with_role(&format!("{ANY_STS}{condition}"));
    let admin = stage.client("admin");
    assume(&admin, SPECIAL, &[("ExternalId", "agreed")]).expect_ok();
    for more in [vec![], vec![("ExternalId", "other")]] {
        let answer = assume(&admin, SPECIAL, &more);
        assert_eq!(answer.text("Message"), refused(ADMIN, "sts:AssumeRole", SPECIAL));
    }
    assume(&admin, SPECIAL, &[("ExternalId", "a b")]).expect_error(400, "ValidationError", "1 validation error");
    assume(&admin, SPECIAL, &[("ExternalId", "a")]).expect_error(400, "ValidationError", "1 validation error");
}

#[test]
fn tags_are_asked_for_by_trust_policies_and_known_to_the_roles_own() {
    let condition = r#", "Condition": {"StringEquals": {"aws:RequestTag/Team": "blue"}}"#;
    let stage = Stage::new(|settings| {
        let trust_policy = format!(r#"{{"Statement": {{"Effect": "Allow", {ANY_STS}{condition}}}}}"#);
        let policy = r#"{"Statement": {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}}}}"#;
        settings.roles[1] =
            RoleSettings { trust_policy, policies: vec![policy.to_owned()], ..settings.roles[1].clone() };
    });
    let admin = stage.client("admin");
    let tag = |value| [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", value)];
    let session = assume(&admin, OPEN, &tag("blue")).expect_ok();
    Client::session(&stage.aws, &session).call("ListUsers", &[]).expect_ok();
    assume(&admin, OPEN, &tag("red")).expect_error(403, "AccessDenied", &refused(ADMIN, "sts:AssumeRole", OPEN));
    assume(&admin, OPEN, &[]).expect_error(403, "AccessDenied", &refused(ADMIN, "sts:AssumeRole", OPEN));
}

#[test]
fn tags_and_a_source_identity_need_permissions_of_their_own() {
    let stage = stage_with_role(r#""Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}"#);
    let admin = stage.client("admin");
    assume(&admin, SPECIAL, &[]).expect_ok();
    let tags = assume(&admin, SPECIAL, &[("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")]);
    assert_eq!(tags.text("Message"), refused(ADMIN, "sts:TagSession", SPECIAL));
    let identity = assume(&admin, SPECIAL, &[("SourceIdentity", "alice")]);
    assert_eq!(identity.text("Message"), refused(ADMIN, "sts:SetSourceIdentity", SPECIAL));
}

#[test]
fn transitive_tags_go_on_to_the_next_role_and_cannot_be_set_again() {
    let condition = r#", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}}"#;
    let stage = stage_with_role(&format!("{ANY_STS}{condition}"));
    let admin = stage.client("admin");
    let team = [("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "blue")];
    let keep = [team[0], team[1], ("TransitiveTagKeys.member.1", "team")];
    let session = |parameters: &[(&str, &str)], client: &Client| {
        Client::session(&stage.aws, &assume(client, OPEN, parameters).expect_ok())
    };
    let (kept, dropped) = (session(&keep, &admin), session(&team, &admin));
    let (kept, dropped) = (session(&[], &kept), session(&[], &dropped));
    assume(&kept, SPECIAL, &[]).expect_ok();
    assume(&dropped, SPECIAL, &[]).expect_error(403, "AccessDenied", &refused(OPEN_SESSION, "sts:AssumeRole", SPECIAL));
    assume(&kept, OPEN, &team).expect_error(
        400,
        "InvalidParameterValue",
        "One of the specified transitive tag keys can't be set because it conflicts",
    );
    let unknown = [team[0], team[1], ("TransitiveTagKeys.member.1", "other")];
    let answer = assume(&admin, OPEN, &unknown);
    answer.expect_error(400, "InvalidParameterValue", "The specified transitive tag key must be included");
    let twice = [team[0], team[1], ("Tags.member.2.Key", "TEAM"), ("Tags.member.2.Value", "red")];
    assume(&admin, OPEN, &twice).expect_error(400, "InvalidParameterValue", "Duplicate tag keys found.");
    let odd = [("Tags.member.1.Key", "a{b"), ("Tags.member.1.Value", "")];
    assume(&admin, OPEN, &odd).expect_error(
        400,
        "ValidationError",
        "1 validation error detected: Value 'a{b' at 'tags.1",
    );
}

#[test]
fn a_source_identity_stays_what_it_is_through_all_roles() {
    let condition = r#", "Condition": {"StringEquals": {"sts:SourceIdentity": "alice"}}"#;
    let stage = stage_with_role(&format!("{ANY_STS}{condition}"));
    let admin = stage.client("admin");
    let first = assume(&admin, OPEN, &[("SourceIdentity", "alice")]).expect_ok();
    assert_eq!(first.text("SourceIdentity"), "alice");
    let first = Client::session(&stage.aws, &first);
    let second = assume(&first, SPECIAL, &[]).expect_ok();
    assert_eq!(second.text("SourceIdentity"), "alice");
    assume(&first, SPECIAL, &[("SourceIdentity", "alice")]).expect_ok();
    let other = assume(&first, SPECIAL, &[("SourceIdentity", "mallory")]);
    assert_eq!(other.text("Message"), refused(OPEN_SESSION, "sts:SetSourceIdentity", SPECIAL));
    assume(&admin, SPECIAL, &[]).expect_error(403, "AccessDenied", &refused(ADMIN, "sts:AssumeRole", SPECIAL));
    assume(&admin, OPEN, &[("SourceIdentity", "a")]).expect_error(400, "ValidationError", "1 validation error");
}

#[test]
fn session_policies_narrow_by_document_and_by_arn_and_only_together_with_the_role() {
    let stage = stage_with_role(ANY_STS);
    let admin = stage.client("admin");
    let denied = |more: &[(&str, &str)]| {
        let session = Client::session(&stage.aws, &assume(&admin, OPEN, more).expect_ok());
        session.call("GetAccountSummary", &[]).expect_ok();
        session.call("CreateAccessKey", &[("UserName", "alice")]).text("Message")
    };
    let unallowed = "because no session policy allows the iam:CreateAccessKey action";
    let read_only = ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess");
    assert!(denied(&[read_only]).ends_with(unallowed));
    let get = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:Get*", "Resource": "*"}}"#;
    assert!(denied(&[("Policy", get)]).ends_with(unallowed));
    let deny = r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:Create*", "Resource": "*"}]}"#;
    assert!(denied(&[("Policy", deny), read_only]).ends_with("with an explicit deny in a session policy"));
}

#[test]
fn a_session_policy_that_is_none_or_too_long_is_refused() {
    let stage = Stage::default();
    let admin = stage.client("admin");
    for (policy, words) in [
        ("{", "The policy is not in the valid JSON format."),
        ("{}", "Syntax errors in policy."),
        (r#"{"Statement": {"Effect": "Allow", "Action": "*"}}"#, "Policy statement must contain resources."),
    ] {
        assume(&admin, OPEN, &[("Policy", policy)]).expect_error(400, "MalformedPolicyDocument", words);
    }
    let long = |length: usize| {
        let policy = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
        format!("{policy}{}", " ".repeat(length - policy.len()))
    };
    assume(&admin, OPEN, &[("Policy", &long(2048))]).expect_ok();
    assume(&admin, OPEN, &[("Policy", &long(2049))]).expect_error(400, "ValidationError", "1 validation error");
    let arn = ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess");
    assume(&admin, OPEN, &[("Policy", &long(2048)), arn]).expect_error(400, "PackedPolicyTooLarge", "");
    let unknown = ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/Nothing");
    assume(&admin, OPEN, &[unknown]).expect_error(400, "ValidationError", "The policy arn:aws:iam::aws:policy/Nothing");
}

#[test]
fn whom_a_trust_policy_names_is_still_held_to_the_policy_of_the_session() {
    let stage = stage_with_role(r#""Action": "sts:*", "Principal": {"AWS": "arn:aws:iam::111122223333:role/open"}"#);
    let admin = stage.client("admin");
    let read = ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess");
    let narrow = Client::session(&stage.aws, &assume(&admin, OPEN, &[read]).expect_ok());
    let wide = Client::session(&stage.aws, &assume(&admin, OPEN, &[]).expect_ok());
    assume(&wide, SPECIAL, &[]).expect_ok();
    let answer = assume(&narrow, SPECIAL, &[]);
    assert!(answer.text("Message").ends_with("because no session policy allows the sts:AssumeRole action"));
}

#[test]
fn a_session_name_is_two_to_64_of_a_names_characters_and_known_to_trust_policies() {
    let condition = r#", "Condition": {"StringLike": {"sts:RoleSessionName": "${aws:username}"}}"#;
    let stage = stage_with_role(&format!("{ANY_STS}{condition}"));
    let admin = stage.client("admin");
    let call = |name: &str| admin.call("AssumeRole", &[("RoleArn", SPECIAL), ("RoleSessionName", name)]);
    call("admin").expect_ok();
    call("alice").expect_error(403, "AccessDenied", &refused(ADMIN, "sts:AssumeRole", SPECIAL));
    for name in ["a", &"a".repeat(65), "a b", "a/b"] {
        call(name).expect_error(400, "ValidationError", "");
    }
    admin.call("AssumeRole", &[("RoleArn", SPECIAL)]).expect_error(400, "ValidationError", "1 validation error");
}

#[test]
fn an_old_code_is_no_mfa_for_a_policy_that_looks_at_its_age() {
    let condition = r#", "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "600"}}"#;
    let stage = stage_with_role(&format!("{ANY_STS}{condition}"));
    let device = stage.enable("admin");
    let session = device.session_token(&stage.client("admin"), &device.code(stage.aws.now(), 0)).expect_ok();
    let session = Client::session(&stage.aws, &session);
    stage.clock.advance(599);
    assume(&session, SPECIAL, &[]).expect_ok();
    stage.clock.advance(1);
    assume(&session, SPECIAL, &[]).expect_error(403, "AccessDenied", &refused(ADMIN, "sts:AssumeRole", SPECIAL));
}

#[test]
fn a_federated_user_may_call_nothing_of_sts_but_who_he_is_even_where_anybody_is_trusted() {
    let stage = stage_with_role(r#""Action": "sts:*", "Principal": "*""#);
    let admin = stage.client("admin");
    let federated = admin.call("GetFederationToken", &[("Name", "bob"), ("Policy", ALL)]).expect_ok();
    let federated = Client::session(&stage.aws, &federated);
    federated.call("GetCallerIdentity", &[]).expect_ok();
    let bob = "arn:aws:sts::111122223333:federated-user/bob";
    assume(&federated, SPECIAL, &[]).expect_error(403, "AccessDenied", &refused(bob, "sts:AssumeRole", SPECIAL));
    federated.call("GetSessionToken", &[]).expect_error(403, "AccessDenied", "Cannot call GetSessionToken");
    federated.call("GetFederationToken", &[("Name", "x2")]).expect_error(403, "AccessDenied", "Cannot call");
    let alice = stage.client("alice").call("GetFederationToken", &[("Name", "bob")]);
    alice.expect_error(403, "AccessDenied", "User: arn:aws:iam::111122223333:user/alice is not");
    let broken = admin.call("GetFederationToken", &[("Name", "bob"), ("Policy", "{")]);
    broken.expect_error(400, "MalformedPolicyDocument", "");
}
