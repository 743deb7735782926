//! `rotate` that fails or is killed at every point: at every instant the profile has a key that AWS accepts, and the
//! next run finishes.

use mfavault::{
    aws::Aws,
    commands::{Error, rotate},
    credentials::Credentials,
    keystore::Keystore,
};

use super::rotate::{arguments, keys_at_aws};
use crate::support::{
    bench::{Bench, name},
    crashes::{KINDS, Ritual},
};

#[cfg(target_os = "linux")]
mod killed;

const ACTIONS: [&str; 7] = [
    "GetCallerIdentity",
    "ListMFADevices",
    "GetSessionToken",
    "ListAccessKeys",
    "CreateAccessKey",
    "UpdateAccessKey",
    "DeleteAccessKey",
];

/// Whose key is replaced.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rotation {
    /// alice's, who shows MFA.
    WithMfa,
    /// The administrator's, who need not.
    ByKey,
}

const RITUALS: [Rotation; 2] = [Rotation::WithMfa, Rotation::ByKey];

impl Rotation {
    fn user(self) -> &'static str {
        match self {
            Rotation::WithMfa => "alice",
            Rotation::ByKey => "admin",
        }
    }
}

impl Ritual for Rotation {
    fn bench(self) -> Bench {
        match self {
            Rotation::WithMfa => Bench::with_device(),
            Rotation::ByKey => {
                let bench = Bench::new();
                bench.store_key("main", "admin");
                bench
            }
        }
    }

    fn run(self, bench: &Bench) -> Result<(), Error> {
        bench.run(|context| rotate::run(context, &arguments("main"))).map(drop)
    }

    /// The profile has a key, and AWS accepts it.
    #[track_caller]
    fn assert_safe(self, bench: &Bench, keystore: &dyn Keystore, case: &str) {
        let found = bench.run_over(keystore, |context| context.vault.key(&name("main")));
        let Ok(Some(key)) = found else { panic!("{case}: the profile's key is lost: {found:?}") };
        let key = Credentials::LongTerm(key.credentials);
        let identity = bench.ask_aws(&key, |aws, caller| aws.get_caller_identity(caller));
        assert!(identity.is_ok(), "{case}: AWS does not accept the profile's key: {identity:?}");
    }

    /// Also nothing is under way, and AWS has no other key.
    #[track_caller]
    fn assert_finished(self, bench: &Bench, keystore: &dyn Keystore, case: &str) {
        self.assert_safe(bench, keystore, case);
        let (index, record, key) = bench.run_over(keystore, |context| {
            let vault = context.vault;
            (vault.index().unwrap(), vault.rotation(&name("main")).unwrap(), vault.key(&name("main")).unwrap().unwrap())
        });
        assert!(index.rotations.is_empty() && record.is_none(), "{case}: the journal has a leftover");
        let id = key.credentials.access_key_id.as_str();
        assert_eq!(keys_at_aws(bench, self.user()), [(id.to_owned(), true)], "{case}");
    }

    /// The next run finishes; sessions can be had.
    #[track_caller]
    fn assert_works(self, bench: &Bench, case: &str) {
        self.run(bench).unwrap_or_else(|error| panic!("{case}: the next run: {error}: {:?}", bench.prompt.talk()));
        self.assert_finished(bench, &bench.keystore, case);
        bench.settle();
        bench.credentials("main").unwrap_or_else(|error| panic!("{case}: {error}"));
    }
}

#[test]
fn any_call_that_fails_in_any_way_leaves_what_the_next_run_finishes() {
    for ritual in RITUALS {
        for action in ACTIONS {
            for kind in KINDS {
                for times in [Some(1), None] {
                    let bench = ritual.bench();
                    let first = bench.key_of(ritual.user());
                    ritual.assert_survives(&bench, action, kind, times);
                    assert_ne!(bench.key_of(ritual.user()), first, "{ritual:?} {action} {kind:?} {times:?}");
                }
            }
        }
    }
}

#[test]
fn any_two_calls_that_fail_one_after_the_other_leave_what_the_next_run_finishes() {
    for (first, second) in [
        ("CreateAccessKey", "CreateAccessKey"),
        ("CreateAccessKey", "ListAccessKeys"),
        ("CreateAccessKey", "GetAccessKeyLastUsed"),
        ("CreateAccessKey", "DeleteAccessKey"),
        ("CreateAccessKey", "UpdateAccessKey"),
        ("UpdateAccessKey", "UpdateAccessKey"),
        ("UpdateAccessKey", "ListAccessKeys"),
        ("UpdateAccessKey", "DeleteAccessKey"),
        ("DeleteAccessKey", "DeleteAccessKey"),
    ] {
        for ritual in RITUALS {
            KINDS.into_iter().for_each(|kind| ritual.assert_survives_both(first, second, kind));
        }
    }
}

#[test]
fn any_operation_of_the_keystore_that_fails_leaves_what_the_next_run_finishes() {
    for ritual in RITUALS {
        let mut failed = 0;
        let operations = ritual.assert_survives_the_keystore(|_, result, _| failed += usize::from(result.is_err()));
        assert!((8..40).contains(&operations), "{ritual:?}: {operations}");
        // What a session cannot be remembered in is no reason to go without one.
        assert!(failed + 1 >= operations, "{ritual:?}: {failed} of {operations}");
    }
}
