//! `rotate` that fails or is killed at every point: at every instant the profile has a key that AWS accepts, and the
//! next run finishes.

use mfavault::{
    aws::Aws,
    commands::{Error, rotate},
    credentials::Credentials,
    keystore::{Keystore, KeystoreError},
    rehearsal::FaultKind,
};

use super::rotate::{arguments, keys_at_aws};
use crate::support::bench::{Bench, name};

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
const KINDS: [FaultKind; 5] = [
    FaultKind::ClosedBeforeActing,
    FaultKind::LostAnswer,
    FaultKind::ServerError,
    FaultKind::Throttling,
    FaultKind::TruncatedBody,
];

/// Whose key is replaced.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ritual {
    /// alice's, who shows MFA.
    WithMfa,
    /// The administrator's, who need not.
    ByKey,
}

const RITUALS: [Ritual; 2] = [Ritual::WithMfa, Ritual::ByKey];

impl Ritual {
    fn bench(self) -> Bench {
        match self {
            Ritual::WithMfa => Bench::with_device(),
            Ritual::ByKey => {
                let bench = Bench::new();
                bench.store_key("main", "admin");
                bench
            }
        }
    }

    fn user(self) -> &'static str {
        match self {
            Ritual::WithMfa => "alice",
            Ritual::ByKey => "admin",
        }
    }

    fn rotate(self, bench: &Bench) -> Result<(), Error> {
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
        self.rotate(bench).unwrap_or_else(|error| panic!("{case}: the next run: {error}: {:?}", bench.prompt.talk()));
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
                    let case = format!("{ritual:?} {action} {kind:?} {times:?}");
                    let bench = ritual.bench();
                    let first = bench.key_of(ritual.user());
                    bench.fail(action, kind, times);
                    let result = ritual.rotate(&bench);
                    bench.aws.clear_faults();
                    match result {
                        Ok(()) => ritual.assert_finished(&bench, &bench.keystore, &case),
                        Err(_) => ritual.assert_safe(&bench, &bench.keystore, &case),
                    }
                    ritual.assert_works(&bench, &case);
                    assert_ne!(bench.key_of(ritual.user()), first, "{case}");
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
            for kind in KINDS {
                let case = format!("{ritual:?} {first}, {second} {kind:?}");
                let bench = ritual.bench();
                for action in [first, second] {
                    bench.fail(action, kind, None);
                    let _ = ritual.rotate(&bench);
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
        ritual.rotate(&counted).unwrap();
        let operations = counted.keystore.operations() - before;
        assert!((8..40).contains(&operations), "{ritual:?}: {operations}");
        let mut failed = 0;
        for nth in 1..=operations {
            let case = format!("{ritual:?}: operation {nth} of {operations}");
            let bench = ritual.bench();
            let unavailable =
                || KeystoreError::Unavailable { keystore: "memory", reason: "it does not answer".to_owned() };
            bench.keystore.fail_at(nth, unavailable);
            failed += usize::from(ritual.rotate(&bench).is_err());
            ritual.assert_safe(&bench, &bench.keystore, &case);
            ritual.assert_works(&bench, &case);
        }
        // What a session cannot be remembered in is no reason to go without one.
        assert!(failed + 1 >= operations, "{ritual:?}: {failed} of {operations}");
    }
}
