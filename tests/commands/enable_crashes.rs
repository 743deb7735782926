//! `mfa enable` that fails or is killed at every point: AWS never demands a device whose seed is lost, and the next run
//! finishes.

use mfavault::{
    commands::{Error, mfa::enable},
    keystore::{Keystore, KeystoreError},
    rehearsal::FaultKind,
};

use crate::support::bench::{Bench, SERIAL, name};

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

/// Who gets a device, and what there is before.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ritual {
    /// alice, her first.
    First,
    /// alice, who shows MFA with the one she has.
    Further,
    /// alice, from an administrator.
    ForAnother,
}

const RITUALS: [Ritual; 3] = [Ritual::First, Ritual::Further, Ritual::ForAnother];

impl Ritual {
    fn bench(self) -> Bench {
        match self {
            Ritual::First => Bench::new(),
            Ritual::Further => Bench::with_device(),
            Ritual::ForAnother => {
                let bench = Bench::new();
                bench.store_key("main", "admin");
                bench
            }
        }
    }

    /// The words after `mfa enable main`.
    fn words(self) -> &'static [&'static str] {
        match self {
            Ritual::First => &[],
            Ritual::Further => &["--name", "laptop"],
            Ritual::ForAnother => &["--user-name", "alice"],
        }
    }

    fn enable(self, bench: &Bench) -> Result<(), Error> {
        let mut arguments = enable::Arguments::plain(name("main"));
        for words in self.words().chunks(2) {
            match words[0] {
                "--name" => arguments.name = Some(words[1].to_owned()),
                _ => arguments.user_name = Some(words[1].to_owned()),
            }
        }
        bench.run(|context| enable::run(context, &arguments)).map(drop)
    }

    /// AWS demands no device whose seed is lost, and one that worked before works still.
    #[track_caller]
    fn assert_safe(self, bench: &Bench, keystore: &dyn Keystore, case: &str) {
        bench.assert_no_device_without_its_seed(keystore, case);
        let first = (SERIAL.to_owned(), Some("alice".to_owned()));
        assert!(self != Ritual::Further || bench.devices_at_aws().contains(&first), "{case}: the first device is gone");
    }

    /// Nothing under way, nothing named that is not there, and as many devices as there should be.
    #[track_caller]
    fn assert_finished(self, bench: &Bench, keystore: &dyn Keystore, case: &str) {
        bench.run_over(keystore, |context| {
            let index = context.vault.index().unwrap();
            assert!(index.enrolments.is_empty(), "{case}: the journal has a leftover");
            for name in index.devices.keys() {
                assert!(context.vault.device(name).unwrap().is_some(), "{case}: `{name}` is named and not there");
            }
            assert!(index.keys.contains_key(&name("main")), "{case}");
        });
        let enabled = bench.devices_at_aws().into_iter().filter(|(_, user)| user.as_deref() == Some("alice")).count();
        assert_eq!(enabled, if self == Ritual::Further { 2 } else { 1 }, "{case}");
        self.assert_safe(bench, keystore, case);
    }

    /// The next run finishes, and sessions carry MFA.
    #[track_caller]
    fn assert_works(self, bench: &Bench, case: &str) {
        self.enable(bench).unwrap_or_else(|error| panic!("{case}: the next run: {error}"));
        self.assert_finished(bench, &bench.keystore, case);
        if self != Ritual::ForAnother {
            bench.settle();
            let credentials = bench.credentials("main").unwrap_or_else(|error| panic!("{case}: {error}"));
            assert!(bench.carries_mfa(&credentials), "{case}");
        }
    }
}

#[test]
fn any_call_that_fails_in_any_way_leaves_what_the_next_run_finishes() {
    for ritual in RITUALS {
        for action in ACTIONS {
            for (place, kind) in KINDS.into_iter().enumerate() {
                // What comes after the beginning is the same for all: half of the cases do.
                let once = Some(1).filter(|_| place % 2 == 0);
                let times = if ritual == Ritual::First { vec![Some(1), None] } else { vec![once] };
                for times in times {
                    let case = format!("{ritual:?} {action} {kind:?} {times:?}");
                    let bench = ritual.bench();
                    bench.fail(action, kind, times);
                    let result = ritual.enable(&bench);
                    bench.aws.clear_faults();
                    match result {
                        Ok(()) => ritual.assert_finished(&bench, &bench.keystore, &case),
                        Err(_) => ritual.assert_safe(&bench, &bench.keystore, &case),
                    }
                    ritual.assert_works(&bench, &case);
                }
            }
        }
    }
}

#[test]
fn any_two_calls_that_fail_one_after_the_other_leave_what_the_next_run_finishes() {
    for (first, second) in [
        ("CreateVirtualMFADevice", "CreateVirtualMFADevice"),
        ("CreateVirtualMFADevice", "EnableMFADevice"),
        ("CreateVirtualMFADevice", "ListVirtualMFADevices"),
        ("EnableMFADevice", "ListMFADevices"),
        ("EnableMFADevice", "EnableMFADevice"),
        ("EnableMFADevice", "GetSessionToken"),
        ("GetSessionToken", "GetSessionToken"),
    ] {
        for ritual in RITUALS {
            for kind in &KINDS[..if ritual == Ritual::First { KINDS.len() } else { 2 }] {
                let kind = *kind;
                let case = format!("{ritual:?} {first}, {second} {kind:?}");
                let bench = ritual.bench();
                for action in [first, second] {
                    bench.fail(action, kind, None);
                    let _ = ritual.enable(&bench);
                    bench.aws.clear_faults();
                    ritual.assert_safe(&bench, &bench.keystore, &case);
                }
                ritual.assert_works(&bench, &case);
            }
        }
    }
}

#[test]
fn any_operation_of_the_keystore_that_fails_leaves_what_the_next_run_finishes() {
    for ritual in RITUALS {
        let counted = ritual.bench();
        let before = counted.keystore.operations();
        ritual.enable(&counted).unwrap();
        let operations = counted.keystore.operations() - before;
        assert!((3..40).contains(&operations), "{ritual:?}: {operations}");
        for nth in 1..=operations {
            let case = format!("{ritual:?}: operation {nth} of {operations}");
            let bench = ritual.bench();
            let unavailable =
                || KeystoreError::Unavailable { keystore: "memory", reason: "it does not answer".to_owned() };
            bench.keystore.fail_at(nth, unavailable);
            let result = ritual.enable(&bench);
            // What a session cannot be remembered in is no reason to go without one.
            assert!(result.is_err() || ritual == Ritual::Further, "{case}: claimed to be done");
            let (promised, local_name) =
                (bench.prompt.talk().contains("its seed is kept"), ritual.words().last().unwrap_or(&"alice"));
            assert!(!promised || bench.device(local_name).is_some(), "{case}: said to keep a seed that is lost");
            ritual.assert_safe(&bench, &bench.keystore, &case);
            ritual.assert_works(&bench, &case);
        }
    }
}
