//! The encrypted file's passphrase, changed: afterwards the old one opens nothing, and what it was for is there.

use std::{cell::RefCell, fs, path::Path, rc::Rc};

use mfavault::{
    keystore::{FileKeystore, KdfCost, Keystore, KeystoreError, PassphraseFor, RecordName},
    secret::SecretText,
};

use super::{
    file::{opened_with, prod},
    secret,
};

/// Two saves, so that there is a generation before.
fn filled(folder: &Path) {
    let keystore = opened_with(folder, "old");
    keystore.put(&prod(), &secret("older")).unwrap();
    keystore.put(&prod(), &secret("content")).unwrap();
    keystore.put(&RecordName::new("device", "alice"), &secret("seed")).unwrap();
}

fn change(folder: &Path, old: &'static str, new: &str) -> Result<(), KeystoreError> {
    opened_with(folder, old).prove_passphrase()?.change_to(&SecretText::from(new))
}

fn is_wrong<T>(answer: &Result<T, KeystoreError>) -> bool {
    matches!(answer, Err(KeystoreError::WrongPassphrase { .. }))
}

#[test]
fn after_a_change_the_old_passphrase_opens_neither_generation_and_the_new_one_both() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let path = folder.path().join("vault/keystore");
    let before = fs::read(&path).unwrap();
    change(folder.path(), "old", "new").unwrap();
    let after = fs::read(&path).unwrap();
    assert_ne!(before[10..26], after[10..26], "another id, so that a key the kernel has is no use");
    assert_ne!(before[38..54], after[38..54], "another salt");
    for restored in [false, true] {
        if restored {
            fs::rename(folder.path().join("vault/keystore.previous"), &path).unwrap();
        }
        assert!(is_wrong(&opened_with(folder.path(), "old").get(&prod())));
        let keystore = opened_with(folder.path(), "new");
        assert_eq!(keystore.get(&prod()).unwrap(), secret("content"));
        assert_eq!(keystore.get(&RecordName::new("device", "alice")).unwrap(), secret("seed"));
    }
    assert_eq!(super::file::generation(&after), 4, "a change is a save");
    assert_eq!(super::file::generation(&fs::read(&path).unwrap()), 3);
}

/// Who copied the file and learnt the old passphrase has the old data key.
#[test]
fn the_sealed_bytes_of_before_open_nothing_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let path = folder.path().join("vault/keystore");
    let before = fs::read(&path).unwrap();
    change(folder.path(), "old", "new").unwrap();
    let after = fs::read(&path).unwrap();
    // The old header before the new body: what its data key opens.
    let mixed = [&before[..146], &after[146..]].concat();
    fs::write(&path, mixed).unwrap();
    let answer = opened_with(folder.path(), "old").get(&prod());
    assert!(matches!(answer, Err(KeystoreError::Corrupt { .. })), "{answer:?}");
}

#[test]
fn a_wrong_or_empty_passphrase_and_a_missing_or_damaged_file_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(change(folder.path(), "old", "new"), Err(KeystoreError::Unavailable { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    filled(folder.path());
    let path = folder.path().join("vault/keystore");
    let before = fs::read(&path).unwrap();
    assert!(is_wrong(&change(folder.path(), "wrong", "new")));
    assert!(matches!(change(folder.path(), "old", ""), Err(KeystoreError::Locked { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    let mut damaged = before.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert!(matches!(change(folder.path(), "old", "new"), Err(KeystoreError::Corrupt { .. })));
    assert_eq!(fs::read(&path).unwrap(), damaged);
}

#[test]
fn the_present_passphrase_is_asked_for_though_the_process_has_the_key_and_a_slip_may_be_mended() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let asked = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&asked);
    let ask = Box::new(move |purpose| {
        noted.borrow_mut().push(purpose);
        Ok(SecretText::from(if noted.borrow().len() == 2 { "slip" } else { "old" }))
    });
    let keystore = FileKeystore::with_cost(folder.path().join("vault"), ask, KdfCost::LEAST);
    keystore.get(&prod()).unwrap();
    let proven = keystore.prove_passphrase().unwrap();
    assert_eq!(proven.passphrase().expose(), "old");
    assert_eq!(*asked.borrow(), [PassphraseFor::Opening, PassphraseFor::Opening, PassphraseFor::OpeningAgain]);
    proven.change_to(&SecretText::from("new")).unwrap();
    keystore.put(&prod(), &secret("later")).unwrap();
    assert_eq!(asked.borrow().len(), 3, "who changed it has the key");
    assert_eq!(opened_with(folder.path(), "new").get(&prod()).unwrap(), secret("later"));
}

#[test]
fn a_change_takes_the_cost_of_now_and_anybody_can_read_it_off() {
    let folder = tempfile::tempdir().unwrap();
    let with = |cost: KdfCost| {
        let ask = Box::new(|_| Ok(SecretText::from("same")));
        FileKeystore::with_cost(folder.path().join("vault"), ask, cost)
    };
    assert_eq!(with(KdfCost::LEAST).cost().unwrap(), None);
    with(KdfCost::LEAST).put(&prod(), &secret("content")).unwrap();
    let more = KdfCost { memory_kib: 9 * 1024, passes: 2, lanes: 1 };
    let keystore = with(more);
    keystore.put(&prod(), &secret("content")).unwrap();
    assert_eq!(keystore.cost().unwrap(), Some(KdfCost::LEAST), "a save changes no cost");
    keystore.prove_passphrase().unwrap().change_to(&SecretText::from("same")).unwrap();
    assert_eq!(with(KdfCost::LEAST).cost().unwrap(), Some(more));
    assert_eq!(with(KdfCost::LEAST).get(&prod()).unwrap(), secret("content"));
}

#[test]
fn who_saves_with_the_old_key_meanwhile_is_told_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let other = opened_with(folder.path(), "old");
    other.get(&prod()).unwrap();
    let proven = other.prove_passphrase().unwrap();
    change(folder.path(), "old", "new").unwrap();
    let error = opened_with(folder.path(), "old").put(&prod(), &secret("x")).unwrap_err();
    assert!(matches!(error, KeystoreError::WrongPassphrase { .. }));
    let error = other.put(&prod(), &secret("x")).unwrap_err();
    assert!(error.to_string().contains("its passphrase was changed"), "{error}");
    // Of two changes at once the later one changes nothing.
    let error = proven.change_to(&SecretText::from("third")).unwrap_err();
    assert!(matches!(error, KeystoreError::Unavailable { .. }), "{error}");
    assert_eq!(opened_with(folder.path(), "new").get(&prod()).unwrap(), secret("content"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_forgets_the_key_and_the_old_one_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let keystore = opened_with(folder.path(), "old");
    if keystore.unlock_for(std::time::Duration::from_secs(60)).is_err() {
        // The tests of the kernel's keyring say that it is skipped.
        return;
    }
    assert!(keystore.is_unlocked().unwrap());
    let wrong = opened_with(folder.path(), "wrong");
    assert_eq!(wrong.get(&prod()).unwrap(), secret("content"), "no passphrase is looked at");
    assert!(is_wrong(&change(folder.path(), "wrong", "new")), "but for a change it is");
    let old = fs::read(folder.path().join("vault/keystore")).unwrap();
    change(folder.path(), "old", "new").unwrap();
    assert!(!keystore.is_unlocked().unwrap());
    fs::write(folder.path().join("vault/keystore"), old).unwrap();
    assert!(!keystore.is_unlocked().unwrap(), "nor does the kernel have the old one still");
}
