//! `doctor` in process: what other commands do meanwhile is no fault, and what `--fix` must not strike out.

use std::{
    cell::RefCell,
    fs::{File, TryLockError},
};

use mfavault::{
    commands::{Outcome, doctor},
    keystore::{Keystore, KeystoreError, RecordName},
    secret::SecretBytes,
    vault::{ENROLMENT_LOCK, Enrolment},
};

use crate::support::{
    bench::{Bench, name},
    memory_keystore::MemoryKeystore,
};

fn findings(bench: &Bench, keystore: &dyn Keystore, fix: bool) -> Vec<doctor::Finding> {
    let arguments = doctor::Arguments { fix, offline: true, files: Vec::new(), keystores: Vec::new() };
    let outcome = bench.run_over(keystore, |context| doctor::run(context, arguments)).unwrap();
    let Outcome::Findings(findings) = outcome else { panic!("no findings") };
    findings
}

/// What `doctor --offline` finds of the keystore, mended or not.
fn found(bench: &Bench, keystore: &dyn Keystore, fix: bool) -> Vec<String> {
    let of_keystore = findings(bench, keystore, fix).into_iter().filter(|of| of.area == doctor::Area::Keystore);
    of_keystore.map(|finding| format!("{:?}", finding.fact)).collect()
}

type Deed<'k> = Box<dyn FnOnce() + 'k>;

/// The same keystore, where somebody does something just before it is looked through: the last of these first.
struct Busy<'k> {
    keystore: &'k MemoryKeystore,
    deeds: RefCell<Vec<Deed<'k>>>,
}

impl Keystore for Busy<'_> {
    fn name(&self) -> &'static str {
        self.keystore.name()
    }

    fn list(&self) -> Result<Option<Vec<String>>, KeystoreError> {
        let deed = self.deeds.borrow_mut().pop();
        deed.into_iter().for_each(|deed| deed());
        self.keystore.list()
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        self.keystore.get(record)
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        self.keystore.put(record, content)
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.keystore.remove(record)
    }
}

#[test]
fn what_other_commands_store_and_remove_meanwhile_is_no_fault() {
    for fix in [false, true] {
        let bench = Bench::new();
        bench.store_key("twin", "admin");
        let other = || {
            bench.store_key("late", "admin");
            assert!(bench.run(|context| context.vault.forget_key(&name("twin"))).unwrap());
        };
        let keystore = Busy { keystore: &bench.keystore, deeds: RefCell::new(vec![Box::new(other)]) };
        let found = found(&bench, &keystore, fix);
        assert!(keystore.deeds.borrow().is_empty());
        assert_eq!(found, ["NothingWrong"], "fix: {fix}");
        let index = bench.run(|context| context.vault.index()).unwrap();
        assert_eq!(index.keys.keys().collect::<Vec<_>>(), [&name("late"), &name("main")]);
    }
}

#[test]
fn a_suspicion_is_looked_at_once_more_while_nobody_can_store_or_remove() {
    let bench = Bench::new();
    bench.keystore.put(&RecordName::new("key", "nobody"), &SecretBytes::from(b"{}".to_vec())).unwrap();
    let lock = bench.path("vault/data/index.lock");
    let is_held = || matches!(File::open(&lock).unwrap().try_lock(), Err(TryLockError::WouldBlock));
    let (first, second) = (|| assert!(!is_held()), || assert!(is_held()));
    let keystore = Busy { keystore: &bench.keystore, deeds: RefCell::new(vec![Box::new(second), Box::new(first)]) };
    let found = found(&bench, &keystore, false);
    assert!(keystore.deeds.borrow().is_empty(), "it was looked at twice");
    assert!(matches!(&found[..], [only] if only.contains("Unnamed") && only.contains("nobody")), "{found:?}");
    assert!(!is_held());
}

#[test]
fn what_another_command_is_about_is_not_unfinished() {
    let bench = Bench::new();
    let serial_number = "arn:aws:iam::111122223333:mfa/alice".parse().unwrap();
    let user_name = "alice".to_owned();
    let enrolment = Enrolment { serial_number, user_name, replaces: None, takes_name: None };
    bench.run(|context| context.vault.begin_enrolment(&name("main"), enrolment)).unwrap();
    let of_devices = || {
        let findings = findings(&bench, &bench.keystore, false).into_iter();
        let of_devices = findings.filter(|of| of.area == doctor::Area::Devices && of.weight() != doctor::Weight::Good);
        of_devices.map(|of| (of.weight(), format!("{:?}", of.fact))).collect::<Vec<_>>()
    };
    bench.run(|context| {
        let lock = context.vault.lock(ENROLMENT_LOCK).unwrap();
        let found = of_devices();
        assert!(matches!(&found[..], [(doctor::Weight::Note, fact)] if fact.contains("UnderWay")), "{found:?}");
        drop(lock);
    });
    let found = of_devices();
    assert!(matches!(&found[..], [(doctor::Weight::Wrong, fact)] if fact.contains("Unfinished")), "{found:?}");
}

#[test]
fn a_key_that_somebody_stores_meanwhile_is_not_struck_out() {
    let bench = Bench::new();
    bench.store_key("twin", "admin");
    // As between the index and the record of another run.
    let not_yet =
        || KeystoreError::NotFound { keystore: "memory", record: RecordName::new("key", name("main").as_str()) };
    bench.keystore.fail_at(1, not_yet);
    assert!(found(&bench, &bench.keystore, true).iter().all(|fact| fact == "NothingWrong"));
    let key = bench.run(|context| context.vault.key(&name("main"))).unwrap();
    assert_eq!(key.map(|key| key.credentials), Some(bench.key_of("alice")));
    assert!(bench.run(|context| context.vault.index()).unwrap().keys.contains_key(&name("main")));
}

#[test]
fn where_another_keystore_of_the_same_name_is_there_the_index_stays() {
    let bench = Bench::with_device();
    bench.store_key("twin", "admin");
    let before = bench.run(|context| context.vault.index()).unwrap();
    let found = found(&bench, &MemoryKeystore::new(), true);
    assert!(matches!(&found[..], [only] if only.starts_with("HasNone")), "{found:?}");
    assert_eq!(bench.run(|context| context.vault.index()).unwrap(), before);
}
