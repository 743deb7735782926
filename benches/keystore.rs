//! How long a large vault takes: the encrypted file with so many records of a session's size, and the index beside it.
//!
//!   cargo bench --bench keystore

use std::{fmt::Write, fs, path::Path};

use divan::{Bencher, black_box};
use mfavault::{
    keystore::{FileKeystore, KdfCost, Keystore, RecordName},
    secret::{SecretBytes, SecretText},
    vault::Vault,
};
use tempfile::TempDir;

const SIZES: [usize; 3] = [100, 1_000, 10_000];
const BYTES: usize = 1_300;

fn main() {
    divan::main();
}

fn keystore(folder: &Path) -> FileKeystore {
    let ask = Box::new(|_| Ok(SecretText::from("pass")));
    FileKeystore::with_cost(folder.join("vault"), ask, KdfCost::LEAST)
}

fn name(number: usize) -> RecordName {
    RecordName::new("session", format!("{number:032}"))
}

fn records(count: usize) -> Vec<(RecordName, SecretBytes)> {
    (0..count).map(|number| (name(number), SecretBytes::from(vec![7; BYTES]))).collect()
}

/// Opened, so that no key is derived any more.
fn filled(count: usize) -> (TempDir, FileKeystore) {
    let folder = tempfile::tempdir().expect("a folder");
    let keystore = keystore(folder.path());
    keystore.put_all(&records(count)).expect("put");
    (folder, keystore)
}

#[divan::bench(args = SIZES)]
fn get(bencher: Bencher, count: usize) {
    let (_folder, keystore) = filled(count);
    let wanted = name(count / 2);
    bencher.bench_local(|| keystore.get(black_box(&wanted)).expect("there"));
}

#[divan::bench(args = SIZES)]
fn put(bencher: Bencher, count: usize) {
    let (_folder, keystore) = filled(count);
    let (wanted, content) = (name(count / 2), SecretBytes::from(vec![8; BYTES]));
    bencher.bench_local(|| keystore.put(black_box(&wanted), &content).expect("put"));
}

#[divan::bench(args = SIZES)]
fn put_all(bencher: Bencher, count: usize) {
    let (_folder, keystore) = filled(1);
    let records = records(count);
    bencher.bench_local(|| keystore.put_all(black_box(&records)).expect("put"));
}

#[divan::bench(args = SIZES)]
fn change_passphrase(bencher: Bencher, count: usize) {
    let (_folder, keystore) = filled(count);
    let passphrase = SecretText::from("pass");
    bencher
        .bench_local(|| keystore.prove_passphrase().and_then(|proven| proven.change_to(&passphrase)).expect("changed"));
}

#[divan::bench(args = SIZES)]
fn read_index(bencher: Bencher, count: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let keystore = keystore(folder.path());
    let data = folder.path().join("vault");
    let mut index = "{\n  \"version\": 1,\n  \"sessions\": {".to_owned();
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        write!(
            index,
            "{comma}\n    \"{number:032}\": {{\n      \"profile\": \"profile-{number}\",\n      \"source\": \"main\",\n      \
             \"kind\": \"AssumeRole\",\n      \"mfa\": true,\n      \"for_roles\": false,\n      \
             \"made\": \"2026-11-21T20:43:42Z\",\n      \"expiration\": \"2026-11-21T21:43:42Z\"\n    }}"
        )
        .expect("written");
    }
    index.push_str("\n  }\n}\n");
    fs::create_dir(&data).expect("created");
    fs::write(data.join("index.file.json"), index).expect("written");
    let vault = Vault::new(&keystore, &data, &folder.path().join("state"));
    assert_eq!(vault.index().expect("an index").sessions.len(), count);
    bencher.bench_local(|| vault.index().expect("an index"));
}
