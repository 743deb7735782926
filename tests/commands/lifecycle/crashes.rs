//! `mfa deactivate --delete` and `mfa replace` that fail or are killed at every point: AWS never demands a device whose
//! seed is lost, whoever replaces a device has one that works all the time, and the next run finishes.

use std::collections::BTreeSet;

use mfavault::keystore::{Keystore, KeystoreError};

use super::*;
use crate::support::crashes::KINDS;

#[cfg(target_os = "linux")]
mod killed;

#[derive(Clone, Copy, Debug)]
enum Command {
    Deactivate,
    Replace,
}

impl Command {
    /// The calls that it makes of AWS, each once.
    fn actions(self) -> BTreeSet<String> {
        let bench = free_to_delete();
        let (requests, result) = bench.requests_of(|| self.run(&bench));
        result.unwrap();
        let action = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
        requests.iter().map(action).collect()
    }

    fn run(self, bench: &Bench) -> Result<(), Error> {
        match self {
            Command::Deactivate => deactivate(bench, "alice", true),
            Command::Replace => replace(bench, "alice"),
        }
    }

    /// What holds whatever went wrong.
    #[track_caller]
    fn assert_safe(self, bench: &Bench, keystore: &dyn Keystore, case: &str) {
        bench.assert_no_device_without_its_seed(keystore, case);
        let enabled = bench.devices_at_aws().iter().filter(|(_, owner)| owner.is_some()).count();
        match self {
            Command::Deactivate => assert!(enabled <= 1, "{case}"),
            Command::Replace => assert!((1..=2).contains(&enabled), "{case}: {enabled} devices work"),
        }
    }

    /// What holds when it is done, by a second run too.
    #[track_caller]
    fn assert_done(self, bench: &Bench, case: &str) {
        assert!(index(bench).enrolments.is_empty(), "{case}: the journal has a leftover");
        match self {
            Command::Deactivate => {
                assert!(owners(bench).is_empty() && names(bench).is_empty(), "{case}: {:?}", owners(bench));
                assert!(!bench.text("config").contains("mfa_serial"), "{case}");
            }
            Command::Replace => {
                assert_eq!(names(bench), ["alice"], "{case}");
                assert!(bench.device("alice").is_some_and(|record| !record.deactivated), "{case}");
                let owners: Vec<_> = bench.devices_at_aws().into_iter().filter(|(_, owner)| owner.is_some()).collect();
                assert_eq!(owners.len(), 1, "{case}");
                bench.settle();
                let credentials = bench.credentials("main").unwrap_or_else(|error| panic!("{case}: {error}"));
                assert!(bench.carries_mfa(&credentials), "{case}");
                assert!(bench.text("config").contains(&format!("mfa_serial = {}\n", owners[0].0)), "{case}");
            }
        }
    }

    /// Runs it again, if that is not done yet.
    #[track_caller]
    fn finish(self, bench: &Bench, first: Result<(), Error>, case: &str) {
        if first.is_err() {
            match self.run(bench) {
                Ok(()) => {}
                Err(Error::NoDevice { .. }) if matches!(self, Command::Deactivate) => {}
                Err(error) => panic!("{case}: the next run: {error:?}"),
            }
        }
        self.assert_done(bench, case);
    }
}

#[test]
fn any_call_that_fails_in_any_way_leaves_what_the_next_run_finishes() {
    for command in [Command::Deactivate, Command::Replace] {
        for action in command.actions() {
            for kind in KINDS {
                for times in [Some(1), None] {
                    let case = format!("{command:?} {action} {kind:?} {times:?}");
                    let bench = free_to_delete();
                    bench.fail(&action, kind, times);
                    let first = command.run(&bench);
                    bench.aws.clear_faults();
                    command.assert_safe(&bench, &bench.keystore, &case);
                    command.finish(&bench, first, &case);
                }
            }
        }
    }
}

#[test]
fn any_operation_of_the_keystore_that_fails_leaves_what_the_next_run_finishes() {
    for command in [Command::Deactivate, Command::Replace] {
        let counted = free_to_delete();
        let before = counted.keystore.operations();
        command.run(&counted).unwrap();
        let operations = counted.keystore.operations() - before;
        assert!((5..80).contains(&operations), "{command:?}: {operations}");
        for nth in 1..=operations {
            let case = format!("{command:?}: operation {nth} of {operations}");
            let bench = free_to_delete();
            let unavailable =
                || KeystoreError::Unavailable { keystore: "memory", reason: "it does not answer".to_owned() };
            bench.keystore.fail_at(nth, unavailable);
            let first = command.run(&bench);
            command.assert_safe(&bench, &bench.keystore, &case);
            command.finish(&bench, first, &case);
        }
    }
}
