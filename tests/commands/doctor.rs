//! `doctor --fix` in process: what it must not strike out.

use mfavault::{
    commands::{Outcome, doctor},
    keystore::{Keystore, KeystoreError, RecordName},
};

use crate::support::{
    bench::{Bench, name},
    memory_keystore::MemoryKeystore,
};

/// What `doctor --fix --offline` finds of the keystore.
fn found(bench: &Bench, keystore: &dyn Keystore) -> Vec<String> {
    let arguments = doctor::Arguments { fix: true, offline: true, files: Vec::new(), keystores: Vec::new() };
    let outcome = bench.run_over(keystore, |context| doctor::run(context, arguments)).unwrap();
    let Outcome::Findings(findings) = outcome else { panic!("no findings") };
    let of_keystore = findings.iter().filter(|finding| finding.area == doctor::Area::Keystore);
    of_keystore.map(|finding| format!("{:?}", finding.fact)).collect()
}

#[test]
fn a_key_that_somebody_stores_meanwhile_is_not_struck_out() {
    let bench = Bench::new();
    bench.store_key("twin", "admin");
    // As between the index and the record of another run.
    let not_yet =
        || KeystoreError::NotFound { keystore: "memory", record: RecordName::new("key", name("main").as_str()) };
    bench.keystore.fail_at(1, not_yet);
    assert!(found(&bench, &bench.keystore).iter().all(|fact| fact == "NothingWrong"));
    let key = bench.run(|context| context.vault.key(&name("main"))).unwrap();
    assert_eq!(key.map(|key| key.credentials), Some(bench.key_of("alice")));
    assert!(bench.run(|context| context.vault.index()).unwrap().keys.contains_key(&name("main")));
}

#[test]
fn where_another_keystore_of_the_same_name_is_there_the_index_stays() {
    let bench = Bench::with_device();
    bench.store_key("twin", "admin");
    let before = bench.run(|context| context.vault.index()).unwrap();
    let found = found(&bench, &MemoryKeystore::new());
    assert!(matches!(&found[..], [only] if only.starts_with("HasNone")), "{found:?}");
    assert_eq!(bench.run(|context| context.vault.index()).unwrap(), before);
}
