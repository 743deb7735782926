//! `mfa enable` that fails or is killed at every point: AWS never demands a device whose seed is lost, and the next run
//! finishes.

use mfavault::{
    keystore::{Keystore, KeystoreError},
    rehearsal::FaultKind,
};

use crate::support::bench::{Bench, name};

#[cfg(target_os = "linux")]
mod killed;

const ACTIONS: [&str; 5] =
    ["GetCallerIdentity", "ListMFADevices", "CreateVirtualMFADevice", "EnableMFADevice", "GetSessionToken"];
const KINDS: [FaultKind; 5] = [
    FaultKind::ClosedBeforeActing,
    FaultKind::LostAnswer,
    FaultKind::ServerError,
    FaultKind::Throttling,
    FaultKind::TruncatedBody,
];

/// Nothing under way, nothing named that is not there, and a device whose sessions carry MFA.
#[track_caller]
fn assert_finished(bench: &Bench, keystore: &dyn Keystore, case: &str) {
    bench.run_over(keystore, |context| {
        let index = context.vault.index().unwrap();
        assert!(index.enrolments.is_empty(), "{case}: the journal has a leftover");
        for name in index.devices.keys() {
            assert!(context.vault.device(name).unwrap().is_some(), "{case}: `{name}` is named and not there");
        }
        assert!(index.keys.contains_key(&name("main")), "{case}");
    });
    let enabled = bench.devices_at_aws().into_iter().filter(|(_, user)| user.as_deref() == Some("alice")).count();
    assert_eq!(enabled, 1, "{case}");
    bench.assert_no_device_without_its_seed(keystore, case);
}

#[track_caller]
fn assert_works(bench: &Bench, case: &str) {
    bench.enable().unwrap_or_else(|error| panic!("{case}: the next run: {error}"));
    assert_finished(bench, &bench.keystore, case);
    bench.settle();
    let credentials = bench.credentials("main").unwrap_or_else(|error| panic!("{case}: {error}"));
    assert!(bench.carries_mfa(&credentials), "{case}");
}

#[test]
fn any_call_that_fails_in_any_way_leaves_what_the_next_run_finishes() {
    for action in ACTIONS {
        for kind in KINDS {
            for times in [Some(1), None] {
                let case = format!("{action} {kind:?} {times:?}");
                let bench = Bench::new();
                bench.fail(action, kind, times);
                if bench.enable().is_ok() {
                    assert_finished(&bench, &bench.keystore, &case);
                }
                bench.aws.clear_faults();
                bench.assert_no_device_without_its_seed(&bench.keystore, &case);
                assert_works(&bench, &case);
            }
        }
    }
}

#[test]
fn any_two_calls_that_fail_one_after_the_other_leave_what_the_next_run_finishes() {
    for (first, second) in [
        ("CreateVirtualMFADevice", "CreateVirtualMFADevice"),
        ("CreateVirtualMFADevice", "EnableMFADevice"),
        ("EnableMFADevice", "ListMFADevices"),
        ("EnableMFADevice", "EnableMFADevice"),
        ("EnableMFADevice", "GetSessionToken"),
        ("GetSessionToken", "GetSessionToken"),
    ] {
        for kind in KINDS {
            let case = format!("{first}, {second} {kind:?}");
            let bench = Bench::new();
            for action in [first, second] {
                bench.fail(action, kind, None);
                let _ = bench.enable();
                bench.aws.clear_faults();
                bench.assert_no_device_without_its_seed(&bench.keystore, &case);
            }
            assert_works(&bench, &case);
        }
    }
}

#[test]
fn any_operation_of_the_keystore_that_fails_leaves_what_the_next_run_finishes() {
    let counted = Bench::new();
    let before = counted.keystore.operations();
    counted.enable().unwrap();
    let operations = counted.keystore.operations() - before;
    assert!((4..20).contains(&operations), "{operations}");
    for nth in 1..=operations {
        let case = format!("operation {nth} of {operations}");
        let bench = Bench::new();
        let unavailable = || KeystoreError::Unavailable { keystore: "memory", reason: "it does not answer".to_owned() };
        bench.keystore.fail_at(nth, unavailable);
        assert!(bench.enable().is_err(), "{case}: claimed to be done");
        let promised = bench.prompt.talk().contains("its seed is kept");
        assert!(!promised || bench.device("alice").is_some(), "{case}: said to keep a seed that is lost");
        bench.assert_no_device_without_its_seed(&bench.keystore, &case);
        assert_works(&bench, &case);
    }
}
