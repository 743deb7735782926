//! An old key that is inactive, and that nobody may delete yet: only that is left, and the next run does it.

use mfavault::{
    commands::{Error, remove, rotate::RotateError},
    credentials::LongTermCredentials,
    vault::KeyRecord,
};

use super::{
    another_key, assert_nothing_under_way, assert_only_key, is_accepted, keys_at_aws, of_admin_where, rotate,
    rotate_with, set_active, stored, with_denied,
};
use crate::support::bench::{Bench, name};

/// An administrator who may delete keys only with MFA, and has no device yet.
fn with_deletion_under_mfa() -> Bench {
    of_admin_where(|settings| {
        let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:DeleteAccessKey",
            "Resource": "*", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"},
                "StringEquals": {"aws:username": "admin"}}}}"#;
        let admin = settings.users.iter_mut().find(|user| user.name == "admin").unwrap();
        admin.policies.push(policy.to_owned());
    })
}

/// From now on the administrator shows MFA.
fn allow(bench: &Bench) {
    bench.enable().unwrap();
    bench.settle();
}

#[track_caller]
fn assert_denied(bench: &Bench) {
    let error = rotate(bench).unwrap_err();
    assert!(matches!(error, Error::Rotate(RotateError::OldKeyNotDeleted { .. })), "{error}");
    assert!(bench.run(|context| context.vault.index()).unwrap().rotations[&name("main")].only_deletion);
}

fn is_inactive(bench: &Bench, key: &LongTermCredentials) -> bool {
    keys_at_aws(bench, "admin").contains(&(key.access_key_id.as_str().to_owned(), false))
}

#[test]
fn the_run_after_it_was_allowed_deletes_it_and_makes_no_other_key() {
    let bench = with_deletion_under_mfa();
    for _ in 0..2 {
        assert_denied(&bench);
    }
    let new = stored(&bench, "main").credentials;
    allow(&bench);
    let (requests, result) = bench.requests_of(|| rotate(&bench));
    result.unwrap();
    assert!(bench.prompt.questions().is_empty());
    assert!(!requests.iter().any(|request| request.starts_with("CreateAccessKey")), "{requests:?}");
    assert_eq!(stored(&bench, "main").credentials, new);
    assert_only_key(&bench, "admin");
}

#[test]
fn who_wants_it_left_says_so() {
    let bench = with_denied(&["DeleteAccessKey"]);
    let old = stored(&bench, "main").credentials;
    assert_denied(&bench);
    rotate_with(&bench, |arguments| arguments.deactivate_only = true).unwrap();
    assert!(is_inactive(&bench, &old) && is_accepted(&bench, &stored(&bench, "main").credentials));
    assert_nothing_under_way(&bench);
}

#[test]
fn one_that_is_gone_by_then_ends_it() {
    let bench = with_denied(&["DeleteAccessKey"]);
    let old = stored(&bench, "main").credentials;
    assert_denied(&bench);
    let chief = bench.key_of("chief").into();
    bench
        .ask_aws(&chief, |aws, caller| mfavault::aws::Aws::delete_access_key(aws, caller, "admin", &old.access_key_id))
        .unwrap();
    rotate(&bench).unwrap();
    assert_only_key(&bench, "admin");
}

#[test]
fn one_that_somebody_activated_again_is_left_alone() {
    let bench = with_denied(&["DeleteAccessKey"]);
    let old = stored(&bench, "main").credentials;
    assert_denied(&bench);
    bench.clock.advance(3600);
    set_active(&bench, "chief", "admin", &old.access_key_id, true);
    match rotate(&bench) {
        Err(Error::Rotate(RotateError::OtherKeyActive { access_key_id, .. })) => {
            assert_eq!(access_key_id, old.access_key_id);
        }
        other => panic!("{other:?}"),
    }
    assert!(is_accepted(&bench, &old));
    assert_nothing_under_way(&bench);
}

#[test]
fn the_profile_can_be_removed_all_the_same() {
    let bench = with_denied(&["DeleteAccessKey"]);
    assert_denied(&bench);
    bench.run(|context| remove::run(context, &name("main"), true)).unwrap();
    assert_nothing_under_way(&bench);
    assert!(bench.run(|context| context.vault.key(&name("main"))).unwrap().is_none());
}

#[test]
fn a_key_that_was_stored_instead_does_not_cost_the_one_that_was_in_use() {
    let bench = with_denied(&["DeleteAccessKey"]);
    let old = stored(&bench, "main");
    assert_denied(&bench);
    let used = stored(&bench, "main").credentials;
    // The old one goes, so that there is room for a third.
    let chief = bench.key_of("chief").into();
    bench
        .ask_aws(&chief, |aws, caller| {
            mfavault::aws::Aws::delete_access_key(aws, caller, "admin", &old.credentials.access_key_id)
        })
        .unwrap();
    let third = another_key(&bench, "admin");
    let record = KeyRecord { credentials: third, ..old };
    bench.run(|context| context.vault.store_key(&name("main"), &record)).unwrap();
    assert!(matches!(rotate(&bench), Err(Error::Rotate(RotateError::OtherKeyActive { .. }))));
    assert!(is_accepted(&bench, &used));
    assert_nothing_under_way(&bench);
}
