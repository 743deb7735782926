//! ListAccessKeys that is behind: it does not show yet what a lost answer left, and still shows what was deleted.

use std::time::Duration;

use mfavault::{
    aws::AwsError,
    commands::{Error, rotate::RotateError},
    credentials::LongTermCredentials,
    rehearsal::FaultKind,
    vault::RotationRecord,
};

use super::{
    another_key, assert_nothing_under_way, assert_only_key, is_accepted, of_admin_where, rotate, stored, unfinished,
};
use crate::support::bench::{Bench, name};

/// An administrator whose list of keys is behind by so many seconds.
fn behind(seconds: u64) -> Bench {
    of_admin_where(|settings| settings.list_delay = Duration::from_secs(seconds))
}

/// As a run leaves it that was killed while it waited for the answer of CreateAccessKey; gives the key that was made.
fn killed_once_aws_made_a_key(bench: &Bench) -> LongTermCredentials {
    begun(bench);
    another_key(bench, "admin")
}

/// The journal of a run that is about to ask for a key.
fn begun(bench: &Bench) {
    let old = stored(bench, "main");
    let record = RotationRecord {
        user_name: "admin".to_owned(),
        arn: "arn:aws:iam::111122223333:user/admin".to_owned(),
        before: vec![old.credentials.access_key_id.clone()],
        old,
        new: None,
        doomed: Vec::new(),
        begun: bench.aws.now(),
        asked: bench.aws.now(),
        deactivate_only: false,
        only_deletion: false,
    };
    bench.run(|context| context.vault.store_rotation(&name("main"), &record)).unwrap();
}

#[test]
fn a_key_whose_secret_did_not_arrive_is_waited_for() {
    for seconds in [1, 3, 5, 20, 50] {
        let bench = behind(seconds);
        bench.fail("CreateAccessKey", FaultKind::LostAnswer, Some(1));
        rotate(&bench).unwrap_or_else(|error| panic!("{seconds} s: {error}: {}", bench.prompt.talk()));
        assert_only_key(&bench, "admin");
    }
}

#[test]
fn one_that_a_killed_run_left_is_waited_for_too() {
    for seconds in [1, 3, 5, 20, 50] {
        let bench = behind(seconds);
        let lost = killed_once_aws_made_a_key(&bench);
        rotate(&bench).unwrap_or_else(|error| panic!("{seconds} s: {error}: {}", bench.prompt.talk()));
        assert!(!is_accepted(&bench, &lost));
        assert_only_key(&bench, "admin");
    }
}

#[test]
fn one_that_the_list_does_not_show_for_very_long_is_left_to_a_later_run() {
    let bench = behind(200);
    let (old, lost) = (stored(&bench, "main"), killed_once_aws_made_a_key(&bench));
    match unfinished(rotate(&bench)) {
        Error::Rotate(RotateError::LostKeyNotListed { user_name, source: AwsError::LimitExceeded { .. } }) => {
            assert_eq!(user_name, "admin");
        }
        other => panic!("{other}"),
    }
    assert!((60..90).contains(&bench.clock.waited().as_secs()));
    assert_eq!(stored(&bench, "main").credentials, old.credentials);
    bench.clock.advance(200);
    rotate(&bench).unwrap();
    assert!(!is_accepted(&bench, &lost));
    assert_only_key(&bench, "admin");
}

#[test]
fn a_key_that_was_deleted_is_nobody_elses_while_the_list_still_shows_it() {
    let bench = behind(8);
    killed_once_aws_made_a_key(&bench);
    bench.clock.advance(8);
    // It is deleted, and the run is as good as killed then.
    bench.fail("CreateAccessKey", FaultKind::ServerError, None);
    unfinished(rotate(&bench));
    bench.aws.clear_faults();
    let (requests, result) = bench.requests_of(|| rotate(&bench));
    result.unwrap();
    assert!(!requests.iter().any(|request| request.starts_with("GetAccessKeyLastUsed")), "{requests:?}");
    assert!(!bench.prompt.talk().contains("left alone"));
    assert_only_key(&bench, "admin");
}

#[test]
fn a_stranger_that_the_list_shows_late_is_left_alone_and_ends_it() {
    let bench = behind(20);
    begun(&bench);
    let theirs = another_key(&bench, "admin");
    assert!(is_accepted(&bench, &theirs));
    match rotate(&bench) {
        Err(Error::Rotate(RotateError::OtherKeyActive { access_key_id, .. })) => {
            assert_eq!(access_key_id, theirs.access_key_id);
        }
        other => panic!("{other:?}"),
    }
    assert!(is_accepted(&bench, &theirs) && is_accepted(&bench, &stored(&bench, "main").credentials));
    assert_nothing_under_way(&bench);
}
