//! A keystore that fails, or a process that ends, at every operation of a move: everything is found, and doing the same
//! again, or going back, ends in one whole place.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicUsize, Ordering},
};

use mfavault::{
    keystore::{Keystore, KeystoreError, RecordName},
    secret::SecretBytes,
    vault::VaultError,
};

use super::{Stage, key};
use crate::support::{bench::name, memory_keystore::MemoryKeystore};

/// What moves: how it begins, where to, whether only seeds, and what leads back.
struct Case {
    begin: fn() -> Stage,
    to: &'static str,
    seeds_only: bool,
    back: &'static str,
}

const CASES: [Case; 5] = [
    Case { begin: Stage::filled, to: "os", seeds_only: false, back: "file" },
    Case { begin: Stage::apart, to: "pass", seeds_only: false, back: "file" },
    Case { begin: Stage::filled, to: "os", seeds_only: true, back: "file" },
    Case { begin: Stage::apart, to: "file", seeds_only: true, back: "pass" },
    Case { begin: Stage::apart, to: "os", seeds_only: true, back: "pass" },
];

fn of<'s>(stage: &'s Stage, keystore: &str) -> &'s MemoryKeystore {
    [&stage.file, &stage.os, &stage.pass].into_iter().find(|found| found.name() == keystore).unwrap()
}

/// How many operations a move makes of a keystore when it goes well.
fn operations(case: &Case, keystore: &str) -> usize {
    let stage = (case.begin)();
    let before = of(&stage, keystore).operations();
    stage.move_to(case.to, case.seeds_only).unwrap();
    of(&stage, keystore).operations() - before
}

/// Where everything is when it went well.
fn places(stage: &Stage) -> Vec<Vec<String>> {
    [&stage.file, &stage.os, &stage.pass].map(MemoryKeystore::names).to_vec()
}

/// Where everything is, and what is recorded.
type Standing = (Vec<Vec<String>>, [Option<String>; 2]);

/// How it stands before a move and after one that went well.
fn standings(case: &Case) -> [Standing; 2] {
    let stage = (case.begin)();
    let before = (places(&stage), stage.choices());
    stage.move_to(case.to, case.seeds_only).unwrap();
    [before, (places(&stage), stage.choices())]
}

/// Doing it again ends where it would have ended, and going back where it began, save that seeds which joined the keys
/// stay with them.
#[track_caller]
fn assert_ends_well(case: &Case, stage: &Stage, back: bool, [before, after]: &[Standing; 2], label: &str) {
    let to = if back { case.back } else { case.to };
    stage.move_to(to, case.seeds_only).unwrap_or_else(|error| panic!("{label}: {error}"));
    stage.assert_whole(label);
    stage.assert_nothing_pending(label);
    let expected = if back { before } else { after };
    let joins = case.to == "pass" && !case.seeds_only;
    assert!((back && joins) || (places(stage), stage.choices()) == *expected, "{label}: {:?}", places(stage));
}

#[test]
fn a_keystore_that_fails_at_any_operation_loses_nothing_and_the_next_run_ends_it() {
    for case in &CASES {
        let standings = standings(case);
        for keystore in ["file", "os", "pass"] {
            for nth in 1..=operations(case, keystore) {
                for back in [false, true] {
                    let label = format!("to {}, seeds {}, {keystore} {nth}, back {back}", case.to, case.seeds_only);
                    let stage = (case.begin)();
                    let unavailable = || KeystoreError::Unavailable { keystore: "it", reason: "told to".to_owned() };
                    of(&stage, keystore).fail_at(nth, unavailable);
                    let failed = stage.move_to(case.to, case.seeds_only).unwrap_err();
                    let told_to = matches!(failed, VaultError::Keystore(_) | VaultError::MoveUnfinished { .. });
                    assert!(told_to, "{label}: {failed}");
                    stage.assert_whole(&label);
                    if keystore == case.to {
                        stage.assert_nothing_pending(&label);
                        assert_eq!((places(&stage), stage.choices()), standings[0], "{label}");
                    }
                    assert_ends_well(case, &stage, back, &standings, &label);
                }
            }
        }
    }
}

/// Ends the process, as far as a test can: nothing that would clean up runs any more.
struct Mortal<'k> {
    keystore: &'k MemoryKeystore,
    /// How many operations it has left.
    left: AtomicUsize,
    /// Whether the last one still happens; if not, it is one that changes something.
    acts: bool,
}

/// What the end of the process is thrown with.
struct Killed;

impl<'k> Mortal<'k> {
    fn new(keystore: &'k MemoryKeystore, nth: usize, acts: bool) -> Self {
        Mortal { keystore, left: AtomicUsize::new(nth), acts }
    }

    fn live<T>(&self, act: impl FnOnce() -> T) -> T {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.wrapping_sub(1), Ordering::Relaxed);
        if left != 1 {
            return act();
        }
        if self.acts {
            act();
        }
        resume_unwind(Box::new(Killed))
    }
}

impl Keystore for Mortal<'_> {
    fn name(&self) -> &'static str {
        self.keystore.name()
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        if self.acts { self.live(|| self.keystore.get(record)) } else { self.keystore.get(record) }
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        self.live(|| self.keystore.put(record, content))
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.live(|| self.keystore.remove(record))
    }

    fn forget_former_states(&self) -> Result<(), KeystoreError> {
        self.live(|| Ok(()))
    }
}

/// Begins a move that ends with the process at this operation; says whether it came so far.
fn killed(case: &Case, stage: &Stage, keystore: &str, nth: usize, acts: bool) -> bool {
    let keystores = ["file", "os", "pass"]
        .map(|name| Mortal::new(of(stage, name), if name == keystore { nth } else { usize::MAX }, acts));
    let [file, os, pass] = &keystores;
    let run = || stage.move_over([file, os, pass], case.to, case.seeds_only).map(drop);
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(ended) => {
            ended.unwrap();
            false
        }
        Err(thrown) => {
            assert!(thrown.is::<Killed>());
            true
        }
    }
}

#[test]
fn a_process_that_ends_at_any_operation_leaves_everything_to_be_found_and_the_next_run_ends_it() {
    for case in &CASES {
        let standings = standings(case);
        for keystore in ["file", "os", "pass"] {
            for acts in [false, true] {
                for nth in 1.. {
                    let label = format!("to {}, seeds {}, {keystore} {nth} acts {acts}", case.to, case.seeds_only);
                    let stage = (case.begin)();
                    if !killed(case, &stage, keystore, nth, acts) {
                        break;
                    }
                    stage.assert_whole(&label);
                    // Each second one goes back: those beside it are alike.
                    assert_ends_well(case, &stage, nth % 2 == 0, &standings, &label);
                }
            }
        }
    }
}

#[test]
fn what_was_changed_after_a_move_was_cut_off_is_as_it_was_changed() {
    let case = &CASES[0];
    for keystore in ["file", "os"] {
        for nth in 1.. {
            let label = format!("{keystore} {nth}");
            let stage = (case.begin)();
            if !killed(case, &stage, keystore, nth, true) {
                break;
            }
            let vault = stage.found();
            vault.store_key(&name("main"), &key("changed")).unwrap();
            vault.store_key(&name("new"), &key("new")).unwrap();
            vault.forget_device("carol").unwrap();
            drop(vault);
            stage.move_to(case.to, case.seeds_only).unwrap_or_else(|error| panic!("{label}: {error}"));
            let vault = stage.found();
            assert_eq!(vault.keystore_name(), "os", "{label}");
            assert_eq!(vault.key(&name("main")).unwrap(), Some(key("changed")), "{label}");
            assert_eq!(vault.key(&name("new")).unwrap(), Some(key("new")), "{label}");
            assert_eq!(vault.device("carol").unwrap(), None, "{label}");
            assert!(stage.file.names().is_empty() && stage.os.names().len() == 6, "{label}: {:?}", places(&stage));
            stage.assert_nothing_pending(&label);
        }
    }
}
