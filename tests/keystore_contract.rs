//! What every keystore promises, asked of each adapter; what only one of them promises is in the files below.

#[cfg(target_os = "linux")]
mod crash;
mod file;
mod generations;
#[cfg(unix)]
pub(crate) mod helper;
#[cfg(target_os = "linux")]
pub(crate) mod kernel;
#[cfg(target_os = "linux")]
pub(crate) mod os;
#[cfg(unix)]
pub(crate) mod pass;
mod passphrase;

use mfavault::{
    keystore::{Keystore, KeystoreError, RecordName},
    secret::SecretBytes,
};

use crate::support::memory_keystore::MemoryKeystore;

/// Asks an empty keystore for everything the trait promises. It is empty again afterwards.
pub(crate) fn conforms(keystore: &dyn Keystore) {
    conforms_for(keystore, &["key", "session"]);
}

/// The same of a keystore that takes these kinds of records only.
pub(crate) fn conforms_for(keystore: &dyn Keystore, kinds: &[&'static str]) {
    a_missing_record_is_not_found(keystore, kinds[0]);
    a_record_comes_back_until_it_is_removed(keystore, kinds[0]);
    the_last_content_counts(keystore, kinds[0]);
    any_bytes_come_back(keystore, kinds[0]);
    names_never_collide(keystore, kinds);
    a_record_too_large_leaves_the_older_one(keystore, kinds[0]);
    several_are_put_and_removed(keystore);
}

pub(crate) fn secret(bytes: impl Into<Vec<u8>>) -> SecretBytes {
    SecretBytes::new(bytes.into())
}

fn assert_not_found<T: std::fmt::Debug>(answer: Result<T, KeystoreError>) {
    assert!(matches!(answer, Err(KeystoreError::NotFound { .. })), "{answer:?}");
}

fn a_missing_record_is_not_found(keystore: &dyn Keystore, kind: &'static str) {
    let record = RecordName::new(kind, "missing");
    assert_not_found(keystore.get(&record));
    assert_not_found(keystore.remove(&record));
}

fn a_record_comes_back_until_it_is_removed(keystore: &dyn Keystore, kind: &'static str) {
    let record = RecordName::new(kind, "prod");
    keystore.put(&record, &secret("content")).unwrap();
    assert_eq!(keystore.get(&record).unwrap(), secret("content"));
    keystore.remove(&record).unwrap();
    assert_not_found(keystore.get(&record));
    assert_not_found(keystore.remove(&record));
}

fn the_last_content_counts(keystore: &dyn Keystore, kind: &'static str) {
    let record = RecordName::new(kind, "prod");
    for content in ["first", "second, which is longer", "3rd"] {
        keystore.put(&record, &secret(content)).unwrap();
        assert_eq!(keystore.get(&record).unwrap(), secret(content));
    }
    keystore.remove(&record).unwrap();
}

fn any_bytes_come_back(keystore: &dyn Keystore, kind: &'static str) {
    let record = RecordName::new(kind, "bytes");
    let all: Vec<u8> = (0..=255).collect();
    for content in [vec![0], vec![0; 2000], all, b"\r\n\t \xff".to_vec()] {
        keystore.put(&record, &secret(content.clone())).unwrap();
        assert_eq!(keystore.get(&record).unwrap(), secret(content));
    }
    keystore.remove(&record).unwrap();
}

fn names_never_collide(keystore: &dyn Keystore, kinds: &[&'static str]) {
    let names = [
        "prod",
        "Prod",
        "prod ",
        " prod",
        "a/b",
        "a//b",
        "a",
        "..",
        "../a",
        "a.b",
        "a@b",
        "a:b",
        "*",
        "%2f",
        "'\"$(a)`",
        "\n",
        "\u{1b}[31m",
        "\u{202e}a",
        "müller",
        "mu\u{308}ller",
        "鍵",
        "-rf",
    ];
    let long = "x".repeat(200);
    let records: Vec<RecordName> = kinds
        .iter()
        .flat_map(|kind| names.into_iter().chain([long.as_str()]).map(move |name| (*kind, name)))
        .map(|(kind, name)| RecordName::new(kind, name))
        .collect();
    for record in &records {
        keystore.put(record, &secret(format!("{record:?}"))).unwrap();
    }
    for record in &records {
        assert_eq!(keystore.get(record).unwrap(), secret(format!("{record:?}")), "{record:?}");
    }
    for record in &records {
        keystore.remove(record).unwrap();
    }
}

fn a_record_too_large_leaves_the_older_one(keystore: &dyn Keystore, kind: &'static str) {
    let record = RecordName::new(kind, "large");
    keystore.put(&record, &secret("small")).unwrap();
    let large = secret(vec![7; 2_000_000]);
    match keystore.put(&record, &large) {
        Ok(()) => assert_eq!(keystore.get(&record).unwrap(), large),
        Err(KeystoreError::TooLarge { .. }) => assert_eq!(keystore.get(&record).unwrap(), secret("small")),
        Err(other) => panic!("{other:?}"),
    }
    keystore.remove(&record).unwrap();
}

fn several_are_put_and_removed(keystore: &dyn Keystore) {
    let records: Vec<_> =
        ["a", "b", "c"].map(|name| (RecordName::new("session", name), secret(format!("of {name}")))).into();
    keystore.put_all(&records).unwrap();
    assert!(records.iter().all(|(record, content)| keystore.get(record).unwrap() == *content));
    let mut names: Vec<_> = records.into_iter().map(|(record, _)| record).collect();
    names.insert(1, RecordName::new("session", "missing"));
    keystore.remove_all(&names).unwrap();
    names.iter().for_each(|record| assert_not_found(keystore.get(record)));
}

#[test]
fn the_memory_keystore_conforms() {
    conforms(&MemoryKeystore::new());
}

#[test]
fn the_memory_keystore_fails_on_demand_and_once() {
    let keystore = MemoryKeystore::new();
    let record = RecordName::new("key", "prod");
    keystore.fail_at(2, || KeystoreError::Unavailable { keystore: "memory", reason: "told to".to_owned() });
    keystore.put(&record, &secret("one")).unwrap();
    assert!(matches!(keystore.put(&record, &secret("two")), Err(KeystoreError::Unavailable { .. })));
    assert_eq!(keystore.get(&record).unwrap(), secret("one"));
    assert_eq!((keystore.operations(), keystore.names()), (3, vec!["key/prod".to_owned()]));
}
