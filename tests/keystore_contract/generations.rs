//! The generation before: what is told of it without the passphrase, and the way back to it after damage.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use mfavault::{
    keystore::{Generation, KdfCost, Keystore, KeystoreError},
    secret::SecretText,
};

use super::{
    file::{opened_by_nobody, opened_with, prod},
    secret,
};

const WHOLE: Generation = Generation::Whole { cost: KdfCost::LEAST, verified: false };

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_293_822)
}

fn present(folder: &Path) -> PathBuf {
    folder.join("vault/keystore")
}

/// `one`, then `two`.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let keystore = opened_with(folder.path(), "pass");
    keystore.put(&prod(), &secret("one")).unwrap();
    keystore.put(&prod(), &secret("two")).unwrap();
    folder
}

fn damage(path: &Path, at: usize) -> Vec<u8> {
    let mut file = fs::read(path).unwrap();
    file[at] ^= 1;
    fs::write(path, &file).unwrap();
    file
}

#[test]
fn without_the_passphrase_it_is_told_which_file_is_there_and_whether_its_outline_holds() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = opened_by_nobody(folder.path());
    let look = || keystore.generations().unwrap();
    assert_eq!(
        (look().present, look().previous, look().can_go_back()),
        (Generation::Absent, Generation::Absent, false)
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    opened_with(folder.path(), "pass").put(&prod(), &secret("one")).unwrap();
    assert_eq!((look().present, look().previous), (WHOLE, Generation::Absent));
    opened_with(folder.path(), "pass").put(&prod(), &secret("two")).unwrap();
    assert_eq!((look().present, look().previous, look().can_go_back()), (WHOLE, WHOLE, false));
    let whole = fs::read(present(folder.path())).unwrap();
    for length in 0..whole.len() {
        fs::write(present(folder.path()), &whole[..length]).unwrap();
        assert!(matches!(look().present, Generation::Damaged { .. }), "length {length}");
        assert!(look().can_go_back());
    }
    for at in 0..146 {
        fs::write(present(folder.path()), &whole).unwrap();
        damage(&present(folder.path()), at);
        assert!(matches!(look().present, Generation::Damaged { .. }), "byte {at}");
    }
    let mut later = whole;
    later[9] = 2;
    let checksum = ring::digest::digest(&ring::digest::SHA256, &later[..114]);
    later[114..146].copy_from_slice(checksum.as_ref());
    fs::write(present(folder.path()), &later).unwrap();
    assert_eq!((look().present, look().can_go_back()), (Generation::OfALaterVersion { version: 2 }, false));
    fs::remove_file(present(folder.path())).unwrap();
    assert_eq!((look().present, look().can_go_back()), (Generation::Absent, true));
}

#[test]
fn whatever_byte_was_damaged_the_generation_before_comes_back_and_the_damaged_file_is_kept() {
    let whole = fs::read(present(filled().path())).unwrap().len();
    for at in (0..whole).step_by(7) {
        let folder = filled();
        let damaged = damage(&present(folder.path()), at);
        let keystore = opened_with(folder.path(), "pass");
        let aside = keystore.restore_previous(now()).unwrap().expect("a damaged file");
        assert_eq!(aside.file_name().unwrap(), "keystore.damaged-20261121T204342Z");
        assert_eq!(fs::read(&aside).unwrap(), damaged, "byte {at}");
        assert_eq!(keystore.get(&prod()).unwrap(), secret("one"));
        assert_eq!(keystore.generations().unwrap().set_aside, [aside]);
        keystore.put(&prod(), &secret("three")).unwrap();
        assert_eq!(opened_with(folder.path(), "pass").get(&prod()).unwrap(), secret("three"));
    }
}

#[test]
fn a_file_that_is_gone_or_was_cut_comes_back_and_no_damaged_file_takes_the_place_of_another() {
    let folder = filled();
    let restore = || opened_with(folder.path(), "pass").restore_previous(now());
    fs::remove_file(present(folder.path())).unwrap();
    assert_eq!(restore().unwrap(), None);
    for times in 1..=3 {
        let file = fs::read(present(folder.path())).unwrap();
        fs::write(present(folder.path()), &file[..file.len() - times]).unwrap();
        restore().unwrap();
        let aside = opened_with(folder.path(), "pass").generations().unwrap().set_aside;
        assert_eq!(aside.len(), times);
        let lengths: Vec<_> = aside.iter().map(|path| fs::read(path).unwrap().len()).collect();
        assert_eq!(lengths, (1..=times).map(|cut| file.len() - cut).collect::<Vec<_>>());
    }
    assert_eq!(opened_with(folder.path(), "pass").get(&prod()).unwrap(), secret("one"));
}

#[test]
fn what_opens_as_it_is_is_not_replaced_and_neither_is_what_a_wrong_passphrase_does_not_open() {
    let folder = filled();
    let before = fs::read(present(folder.path())).unwrap();
    let refused = opened_with(folder.path(), "pass").restore_previous(now());
    assert!(matches!(refused, Err(KeystoreError::NothingToRestore { .. })), "{refused:?}");
    let refused = opened_with(folder.path(), "wrong").restore_previous(now());
    assert!(matches!(refused, Err(KeystoreError::WrongPassphrase { .. })), "{refused:?}");
    let refused = opened_by_nobody(folder.path()).restore_previous(now());
    assert!(matches!(refused, Err(KeystoreError::Locked { .. })), "{refused:?}");
    assert_eq!(fs::read(present(folder.path())).unwrap(), before);
    let damaged = damage(&present(folder.path()), 200);
    let refused = opened_with(folder.path(), "wrong").restore_previous(now());
    assert!(matches!(refused, Err(KeystoreError::WrongPassphrase { .. })), "{refused:?}");
    assert_eq!(fs::read(present(folder.path())).unwrap(), damaged);
}

#[test]
fn where_both_are_damaged_or_there_is_only_one_nothing_is_touched() {
    let folder = filled();
    let previous = folder.path().join("vault/keystore.previous");
    let damaged = damage(&present(folder.path()), 3);
    for at in [3, 200] {
        let before = fs::read(&previous).unwrap();
        damage(&previous, at);
        let error = opened_with(folder.path(), "pass").restore_previous(now()).unwrap_err();
        assert!(error.to_string().contains("the generation before it is damaged, too"), "{error}");
        fs::write(&previous, before).unwrap();
    }
    fs::remove_file(&previous).unwrap();
    let refused = opened_with(folder.path(), "pass").restore_previous(now());
    assert!(matches!(refused, Err(KeystoreError::NothingToRestore { .. })), "{refused:?}");
    assert_eq!(fs::read(present(folder.path())).unwrap(), damaged);
    let nowhere = tempfile::tempdir().unwrap();
    let refused = opened_with(nowhere.path(), "pass").restore_previous(now());
    assert!(matches!(refused, Err(KeystoreError::NothingToRestore { .. })), "{refused:?}");
}

/// A change of the passphrase that was killed between the two names leaves them under two passphrases.
#[test]
fn a_generation_before_that_has_another_passphrase_is_asked_for_by_it() {
    let folder = filled();
    let old = fs::read(present(folder.path())).unwrap();
    let proven = opened_with(folder.path(), "pass");
    proven.prove_passphrase().unwrap().change_to(&SecretText::from("new")).unwrap();
    fs::write(present(folder.path()), &old).unwrap();
    let asked = std::cell::Cell::new(0);
    let ask = Box::new(move |_| {
        asked.set(asked.get() + 1);
        Ok(SecretText::from(if asked.get() == 1 { "pass" } else { "new" }))
    });
    damage(&present(folder.path()), 200);
    let keystore = mfavault::keystore::FileKeystore::with_cost(folder.path().join("vault"), ask, KdfCost::LEAST);
    keystore.restore_previous(now()).unwrap().expect("a damaged file");
    assert_eq!(opened_with(folder.path(), "new").get(&prod()).unwrap(), secret("two"));
}

#[cfg(target_os = "linux")]
#[test]
fn while_it_is_unlocked_every_byte_is_verified_without_a_question() {
    let folder = filled();
    if opened_with(folder.path(), "pass").unlock_for(Duration::from_secs(60)).is_err() {
        // The tests of the kernel's keyring say that it is skipped.
        return;
    }
    let keystore = opened_by_nobody(folder.path());
    let verified = Generation::Whole { cost: KdfCost::LEAST, verified: true };
    let found = keystore.generations().unwrap();
    assert_eq!((found.present, found.previous), (verified.clone(), verified));
    damage(&present(folder.path()), 200);
    assert!(matches!(keystore.generations().unwrap().present, Generation::Damaged { .. }));
    keystore.restore_previous(now()).unwrap().expect("a damaged file");
    assert_eq!(keystore.get(&prod()).unwrap(), secret("one"));
    keystore.lock().unwrap();
}
