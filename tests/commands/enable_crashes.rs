//! `mfa enable` that fails or is killed at every point: AWS never demands a device whose seed is lost, and the next run
//! finishes.

use mfavault::{
    commands::{Error, mfa::enable},
    keystore::Keystore,
};

use crate::support::{
    bench::{Bench, SERIAL, name},
    crashes::{KINDS, Ritual},
};

#[cfg(target_os = "linux")]
mod killed;

const ACTIONS: [&str; 5] =
    ["GetCallerIdentity", "ListMFADevices", "CreateVirtualMFADevice", "EnableMFADevice", "GetSessionToken"];

/// Who gets a device, and what there is before.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Enrolment {
    /// alice, her first.
    First,
    /// alice, who shows MFA with the one she has.
    Further,
    /// alice, from an administrator.
    ForAnother,
}

const RITUALS: [Enrolment; 3] = [Enrolment::First, Enrolment::Further, Enrolment::ForAnother];

impl Enrolment {
    /// The words after `mfa enable main`.
    fn options(self) -> &'static [&'static str] {
        match self {
            Enrolment::First => &[],
            Enrolment::Further => &["--name", "laptop"],
            Enrolment::ForAnother => &["--user-name", "alice"],
        }
    }
}

impl Ritual for Enrolment {
    fn bench(self) -> Bench {
        match self {
            Enrolment::First => Bench::new(),
            Enrolment::Further => Bench::with_device(),
            Enrolment::ForAnother => {
                let bench = Bench::new();
                bench.store_key("main", "admin");
                bench
            }
        }
    }

    fn run(self, bench: &Bench) -> Result<(), Error> {
        let mut arguments = enable::Arguments::plain(name("main"));
        for words in self.options().chunks(2) {
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
        assert!(
            self != Enrolment::Further || bench.devices_at_aws().contains(&first),
            "{case}: the first device is gone"
        );
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
        assert_eq!(enabled, if self == Enrolment::Further { 2 } else { 1 }, "{case}");
        let in_config = bench.text("config").contains("mfa_serial = arn:aws:iam::");
        assert_eq!(in_config, self != Enrolment::ForAnother, "{case}");
        self.assert_safe(bench, keystore, case);
    }

    /// The next run finishes, and sessions carry MFA.
    #[track_caller]
    fn assert_works(self, bench: &Bench, case: &str) {
        self.run(bench).unwrap_or_else(|error| panic!("{case}: the next run: {error}"));
        self.assert_finished(bench, &bench.keystore, case);
        if self != Enrolment::ForAnother {
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
                let (is_first, is_even) = (ritual == Enrolment::First, place % 2 == 0);
                for times in [Some(1), None].into_iter().filter(|times| is_first || times.is_some() == is_even) {
                    ritual.assert_survives(&ritual.bench(), action, kind, times);
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
            let kinds = &KINDS[..if ritual == Enrolment::First { KINDS.len() } else { 2 }];
            kinds.iter().for_each(|kind| ritual.assert_survives_both(first, second, *kind));
        }
    }
}

#[test]
fn any_operation_of_the_keystore_that_fails_leaves_what_the_next_run_finishes() {
    for ritual in RITUALS {
        let operations = ritual.assert_survives_the_keystore(|bench, result, case| {
            // What a session cannot be remembered in is no reason to go without one.
            assert!(result.is_err() || ritual == Enrolment::Further, "{case}: claimed to be done");
            let (promised, local_name) =
                (bench.prompt.talk().contains("its seed is kept"), ritual.options().last().unwrap_or(&"alice"));
            assert!(!promised || bench.device(local_name).is_some(), "{case}: said to keep a seed that is lost");
        });
        assert!((3..40).contains(&operations), "{ritual:?}: {operations}");
    }
}
