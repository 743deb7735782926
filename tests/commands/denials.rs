//! Why AWS denied: each denial is told by its cause, and MFA that was too old is given once more.

use std::time::Duration;

use mfavault::{
    aws::AwsError,
    commands::Error,
    rehearsal::{RoleSettings, Settings},
    session::{Denial, ObtainError},
};

use crate::support::bench::{Bench, SERIAL};

const SHARED: &str = "GetSessionToken 28800 mfa/alice+code";

/// A role that trusts the account under a condition.
fn role(settings: &mut Settings, name: &str, condition: &str) {
    let principal = r#""Principal": {"AWS": "arn:PARTITION:iam::ACCOUNT:root"}"#;
    let statement =
        format!(r#"{{"Effect": "Allow", "Action": "sts:AssumeRole", {principal}, "Condition": {{{condition}}}}}"#);
    settings.roles.push(RoleSettings {
        name: name.to_owned(),
        trust_policy: format!(r#"{{"Version": "2012-10-17", "Statement": {statement}}}"#),
        policies: vec![
            r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}}"#
                .to_owned(),
        ],
        max_session_duration: Duration::from_secs(3600),
    });
}

fn bench() -> Bench {
    let bench = Bench::with(|settings| {
        role(settings, "young", r#""NumericLessThan": {"aws:MultiFactorAuthAge": "900"}"#);
        role(settings, "partner", r#""StringEquals": {"sts:ExternalId": "secret-handshake"}"#);
        role(settings, "hop", "");
        role(settings, "mfa", r#""Bool": {"aws:MultiFactorAuthPresent": "true"}"#);
    });
    bench.enable().unwrap();
    bench.store_key("admin", "admin");
    let of = |name: &str, source: &str| {
        format!("[profile {name}]\nrole_arn = arn:aws:iam::111122223333:role/{name}\nsource_profile = {source}\n")
    };
    bench.write_config(&format!(
        "[profile main]\nmfa_serial = {SERIAL}\n[profile admin]\n{}{}{}{}[profile lost]\n\
         role_arn = arn:aws:iam::111122223333:role/mfa\nsource_profile = hop\n[profile without]\n\
         role_arn = arn:aws:iam::111122223333:role/mfa\nsource_profile = admin\n[profile theirs]\n\
         mfa_serial = {SERIAL}\nsource_profile = admin\n",
        of("young", "main"),
        of("partner", "main"),
        of("hop", "main"),
        of("mfa", "main"),
    ));
    bench.settle();
    bench
}

fn why(bench: &Bench, profile: &str) -> Denial {
    match bench.credentials(profile) {
        Err(Error::Obtain(ObtainError::Denied { why, .. })) => *why,
        other => panic!("{profile}: {:?}", other.map(drop)),
    }
}

#[test]
fn each_cause_has_its_sentence() {
    let bench = bench();
    assert!(matches!(why(&bench, "partner"), Denial::Trust { .. }));
    assert!(matches!(why(&bench, "lost"), Denial::MfaLost { .. }));
    assert!(matches!(why(&bench, "without"), Denial::TrustWithoutMfa { .. }));
    let theirs = why(&bench, "theirs").to_string();
    assert_eq!(theirs, format!("{SERIAL} is not a device of the user admin, who has none"));
}

#[test]
fn mfa_that_is_too_old_for_a_role_is_given_once_more() {
    let bench = bench();
    let ask = || bench.requests_of(|| bench.credentials_with("young", |request| request.duration = None));
    let (requests, result) = ask();
    result.unwrap();
    assert_eq!(requests, [SHARED, "AssumeRole 3600"]);
    bench.clock.advance(3600);
    bench.prompt.talk();
    let (requests, result) = ask();
    result.unwrap();
    assert_eq!(requests, ["AssumeRole 3600 AccessDenied", SHARED, "AssumeRole 3600"]);
    assert!(bench.prompt.talk().contains("60 min old"));
}

#[test]
fn a_role_that_is_denied_with_old_and_with_new_mfa_costs_one_code_and_no_more() {
    let bench = bench();
    bench.credentials("hop").unwrap();
    bench.clock.advance(3600);
    for expected in [
        vec!["AssumeRole 3600 AccessDenied", SHARED, "AssumeRole 3600 AccessDenied"],
        vec!["AssumeRole 3600 AccessDenied"],
    ] {
        let (requests, result) = bench.requests_of(|| bench.credentials("partner"));
        assert!(matches!(result, Err(Error::Obtain(ObtainError::Denied { .. }))));
        assert_eq!(requests, expected);
    }
}

#[test]
fn a_device_whose_checks_are_used_up_is_told_from_an_unknown_one() {
    let bench = bench();
    let record = bench.device("alice").unwrap();
    // Enabled long ago, for this is about something else.
    for _ in 0..9 {
        let error = bench.session_with("alice", &record);
        assert!(!matches!(error, Err(AwsError::UnknownSerialNumber { .. })), "{error:?}");
    }
    let used_up = why(&bench, "main");
    assert!(matches!(used_up, Denial::TooManyChecks { left, .. } if left <= Duration::from_secs(180)), "{used_up}");
}
