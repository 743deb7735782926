//! What every keystore promises, asked of each adapter; what only one of them promises is in the files below.

#[cfg(target_os = "linux")]
mod crash;
mod file;
#[cfg(target_os = "linux")]
pub(crate) mod os;

use mfavault::{
    keystore::{Keystore, KeystoreError, RecordName},
    secret::SecretBytes,
};

use crate::support::memory_keystore::MemoryKeystore;

/// Asks an empty keystore for everything the trait promises. It is empty again afterwards.
pub(crate) fn conforms(keystore: &dyn Keystore) {
    a_missing_record_is_not_found(keystore);
    a_record_comes_back_until_it_is_removed(keystore);
    the_last_content_counts(keystore);
    any_bytes_come_back(keystore);
    names_never_collide(keystore);
    a_record_too_large_leaves_the_older_one(keystore);
}

pub(crate) fn secret(bytes: impl Into<Vec<u8>>) -> SecretBytes {
    SecretBytes::new(bytes.into())
}

fn assert_not_found<T: std::fmt::Debug>(answer: Result<T, KeystoreError>) {
    assert!(matches!(answer, Err(KeystoreError::NotFound { .. })), "{answer:?}");
}

fn a_missing_record_is_not_found(keystore: &dyn Keystore) {
    let record = RecordName::new("key", "missing");
    assert_not_found(keystore.get(&record));
    assert_not_found(keystore.remove(&record));
}

fn a_record_comes_back_until_it_is_removed(keystore: &dyn Keystore) {
    let record = RecordName::new("key", "prod");
    keystore.put(&record, &secret("content")).unwrap();
    assert_eq!(keystore.get(&record).unwrap(), secret("content"));
    keystore.remove(&record).unwrap();
    assert_not_found(keystore.get(&record));
    assert_not_found(keystore.remove(&record));
}

fn the_last_content_counts(keystore: &dyn Keystore) {
    let record = RecordName::new("key", "prod");
    for content in ["first", "second, which is longer", "3rd"] {
        keystore.put(&record, &secret(content)).unwrap();
        assert_eq!(keystore.get(&record).unwrap(), secret(content));
    }
    keystore.remove(&record).unwrap();
}

fn any_bytes_come_back(keystore: &dyn Keystore) {
    let record = RecordName::new("device", "bytes");
    let all: Vec<u8> = (0..=255).collect();
    for content in [vec![0], vec![0; 2000], all, b"\r\n\t \xff".to_vec()] {
        keystore.put(&record, &secret(content.clone())).unwrap();
        assert_eq!(keystore.get(&record).unwrap(), secret(content));
    }
    keystore.remove(&record).unwrap();
}

fn names_never_collide(keystore: &dyn Keystore) {
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
    let records: Vec<RecordName> = ["key", "session"]
        .into_iter()
        .flat_map(|kind| names.into_iter().chain([long.as_str()]).map(move |name| (kind, name)))
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

fn a_record_too_large_leaves_the_older_one(keystore: &dyn Keystore) {
    let record = RecordName::new("key", "large");
    keystore.put(&record, &secret("small")).unwrap();
    let large = secret(vec![7; 2_000_000]);
    match keystore.put(&record, &large) {
        Ok(()) => assert_eq!(keystore.get(&record).unwrap(), large),
        Err(KeystoreError::TooLarge { .. }) => assert_eq!(keystore.get(&record).unwrap(), secret("small")),
        Err(other) => panic!("{other:?}"),
    }
    keystore.remove(&record).unwrap();
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
