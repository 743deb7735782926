//! The encrypted file: passphrases, damage, concurrency, and the key lent to the kernel.

use std::{cell::Cell, fs, path::Path, rc::Rc};

use mfavault::{
    keystore::{FileKeystore, KdfCost, Keystore, KeystoreError, PassphraseFor, RecordName},
    secret::SecretText,
};

use super::{conforms, secret};

pub(crate) fn opened_with(folder: &Path, passphrase: &'static str) -> FileKeystore {
    let ask = Box::new(move |_| Ok(SecretText::from(passphrase)));
    FileKeystore::with_cost(folder.join("vault"), ask, KdfCost::LEAST)
}

pub(super) fn opened_by_nobody(folder: &Path) -> FileKeystore {
    let ask = |_| Err(KeystoreError::Locked { keystore: "file", reason: "nobody is there".to_owned() });
    FileKeystore::with_cost(folder.join("vault"), Box::new(ask), KdfCost::LEAST)
}

pub(super) fn prod() -> RecordName {
    RecordName::new("key", "prod")
}

/// How often the keystore was saved: the 64-bit number from byte 146 on.
pub(super) fn generation(file: &[u8]) -> u64 {
    u64::from_be_bytes(*file[146..].first_chunk().unwrap())
}

fn is_damage<T>(answer: &Result<T, KeystoreError>) -> bool {
    matches!(answer, Err(KeystoreError::Corrupt { .. } | KeystoreError::WrongPassphrase { .. }))
}

#[test]
fn the_file_keystore_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conforms(&opened_with(folder.path(), "correct horse"));
}

#[test]
fn another_process_reads_what_was_put() {
    let folder = tempfile::tempdir().unwrap();
    opened_with(folder.path(), "pass").put(&prod(), &secret("content")).unwrap();
    assert_eq!(opened_with(folder.path(), "pass").get(&prod()).unwrap(), secret("content"));
}

#[test]
fn neither_content_nor_passphrase_stands_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = opened_with(folder.path(), "correct horse");
    keystore.put(&prod(), &secret("wJalrXUtnFEMI")).unwrap();
    keystore.put(&prod(), &secret("wJalrXUtnFEMI")).unwrap();
    for entry in fs::read_dir(folder.path().join("vault")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        for canary in ["wJalrXUtnFEMI", "correct horse"] {
            assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()));
        }
    }
}

#[test]
fn a_missing_file_is_not_found_without_a_question_and_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = opened_by_nobody(folder.path());
    assert!(matches!(keystore.get(&prod()), Err(KeystoreError::NotFound { .. })));
    assert!(matches!(keystore.remove(&prod()), Err(KeystoreError::NotFound { .. })));
    keystore.lock().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_passphrase_is_asked_once_and_for_the_right_purpose() {
    let folder = tempfile::tempdir().unwrap();
    for purpose in [PassphraseFor::Creating, PassphraseFor::Opening] {
        let asked = Rc::new(Cell::new(0));
        let counter = Rc::clone(&asked);
        let ask = Box::new(move |asked_for| {
            assert_eq!(asked_for, purpose);
            counter.set(counter.get() + 1);
            Ok(SecretText::from("pass"))
        });
        let keystore = FileKeystore::with_cost(folder.path().join("vault"), ask, KdfCost::LEAST);
        for _ in 0..3 {
            keystore.put(&prod(), &secret("content")).unwrap();
            keystore.get(&prod()).unwrap();
        }
        assert_eq!(asked.get(), 1);
    }
}

#[test]
fn an_empty_passphrase_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let answer = opened_with(folder.path(), "").put(&prod(), &secret("content"));
    assert!(matches!(answer, Err(KeystoreError::Locked { .. })), "{answer:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_wrong_passphrase_is_told_from_damage_and_asked_for_once() {
    let folder = tempfile::tempdir().unwrap();
    opened_with(folder.path(), "right").put(&prod(), &secret("content")).unwrap();
    let keystore = opened_with(folder.path(), "wrong");
    for _ in 0..2 {
        assert!(matches!(keystore.get(&prod()), Err(KeystoreError::WrongPassphrase { .. })));
        assert!(matches!(keystore.put(&prod(), &secret("x")), Err(KeystoreError::WrongPassphrase { .. })));
    }
}

#[test]
fn a_key_that_is_shared_serves_only_those_with_the_same_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    opened_with(folder.path(), "right").put(&prod(), &secret("content")).unwrap();
    for _ in 0..2 {
        let keystore = opened_with(folder.path(), "right").sharing();
        assert_eq!(keystore.get(&prod()).unwrap(), secret("content"));
    }
    let wrong = opened_with(folder.path(), "wrong").sharing();
    assert!(matches!(wrong.get(&prod()), Err(KeystoreError::WrongPassphrase { .. })));
    for keystore in [opened_by_nobody(folder.path()), opened_by_nobody(folder.path()).sharing()] {
        assert!(matches!(keystore.get(&prod()), Err(KeystoreError::Locked { .. })));
    }
    opened_with(folder.path(), "right").lock().unwrap();
    assert_eq!(opened_with(folder.path(), "right").sharing().get(&prod()).unwrap(), secret("content"));
}

#[test]
fn a_keystore_that_nobody_opens_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    opened_with(folder.path(), "pass").put(&prod(), &secret("content")).unwrap();
    let keystore = opened_by_nobody(folder.path());
    for _ in 0..2 {
        let error = keystore.get(&prod()).unwrap_err();
        assert_eq!(error.to_string(), "the keystore `file` is locked: nobody is there");
    }
}

#[test]
fn a_flipped_bit_anywhere_and_every_truncation_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = opened_with(folder.path(), "pass");
    keystore.put(&prod(), &secret("content")).unwrap();
    keystore.put(&RecordName::new("key", "zeta"), &secret("other")).unwrap();
    let path = folder.path().join("vault/keystore");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, &damaged).unwrap();
        assert!(is_damage(&keystore.get(&prod())), "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert!(is_damage(&keystore.get(&prod())), "length {at}");
        let answer = keystore.put(&prod(), &secret("x"));
        assert!(is_damage(&answer), "length {at}: {answer:?}");
        assert_eq!(fs::read(&path).unwrap().len(), at, "a damaged file is not written over");
    }
    fs::write(&path, [whole.as_slice(), b"x"].concat()).unwrap();
    assert!(is_damage(&keystore.get(&prod())));
    fs::write(&path, &whole).unwrap();
    assert_eq!(keystore.get(&prod()).unwrap(), secret("content"));
}

#[test]
fn a_cost_out_of_bounds_is_refused_before_it_is_paid() {
    let folder = tempfile::tempdir().unwrap();
    opened_with(folder.path(), "pass").put(&prod(), &secret("content")).unwrap();
    let path = folder.path().join("vault/keystore");
    let whole = fs::read(&path).unwrap();
    // Memory, passes and lanes are the 32-bit numbers from byte 26 on; the checksum follows byte 114.
    for (at, value) in [(26, 64 * 1024 * 1024), (26, 8 * 1024 - 1), (30, 0), (30, 17), (34, 0), (34, 5)] {
        let mut hostile = whole.clone();
        hostile[at..at + 4].copy_from_slice(&u32::to_be_bytes(value));
        let checksum = ring::digest::digest(&ring::digest::SHA256, &hostile[..114]);
        hostile[114..146].copy_from_slice(checksum.as_ref());
        fs::write(&path, &hostile).unwrap();
        let answer = opened_by_nobody(folder.path()).get(&prod());
        assert!(matches!(answer, Err(KeystoreError::Corrupt { .. })), "{at} {value}: {answer:?}");
    }
}

#[test]
fn a_record_from_an_older_file_cannot_be_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = opened_with(folder.path(), "pass");
    let path = folder.path().join("vault/keystore");
    keystore.put(&prod(), &secret("older")).unwrap();
    let older = fs::read(&path).unwrap();
    keystore.put(&prod(), &secret("newer")).unwrap();
    let newer = fs::read(&path).unwrap();
    assert_eq!(generation(&newer), 2);
    let body = 146 + 12..newer.len() - 32;
    let mut mixed = newer.clone();
    mixed[body.clone()].copy_from_slice(&older[body]);
    fs::write(&path, mixed).unwrap();
    assert!(matches!(keystore.get(&prod()), Err(KeystoreError::Corrupt { .. })));
}

#[test]
fn the_previous_state_opens_too() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = opened_with(folder.path(), "pass");
    keystore.put(&prod(), &secret("one")).unwrap();
    keystore.put(&prod(), &secret("two")).unwrap();
    let vault = folder.path().join("vault");
    fs::rename(vault.join("keystore.previous"), vault.join("keystore")).unwrap();
    assert_eq!(keystore.get(&prod()).unwrap(), secret("one"));
}

#[test]
fn of_many_writers_none_loses_a_record_even_when_they_create_the_file_together() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let path = folder.path();
            scope.spawn(move || {
                let keystore = opened_with(path, "pass");
                for number in 0..5 {
                    let record = RecordName::new("key", format!("{writer}-{number}"));
                    keystore.put(&record, &secret(format!("{writer}"))).unwrap();
                }
            });
        }
    });
    let keystore = opened_with(folder.path(), "pass");
    for (writer, number) in (0..8).flat_map(|writer| (0..5).map(move |number| (writer, number))) {
        let record = RecordName::new("key", format!("{writer}-{number}"));
        assert_eq!(keystore.get(&record).unwrap(), secret(format!("{writer}")));
    }
    assert_eq!(generation(&fs::read(folder.path().join("vault/keystore")).unwrap()), 40);
}

#[test]
fn a_reader_never_sees_a_half_written_file() {
    let folder = tempfile::tempdir().unwrap();
    let writer = opened_with(folder.path(), "pass");
    writer.put(&prod(), &secret(vec![0; 100_000])).unwrap();
    std::thread::scope(|scope| {
        let path = folder.path();
        let reading = scope.spawn(move || {
            let reader = opened_with(path, "pass");
            for _ in 0..300 {
                let content = reader.get(&prod()).unwrap();
                assert!(content.expose().windows(2).all(|pair| pair[0] == pair[1]));
            }
        });
        let mut byte = 0;
        while !reading.is_finished() {
            byte = (byte + 1) % 250;
            writer.put(&prod(), &secret(vec![byte; 100_000])).unwrap();
        }
        reading.join().unwrap();
    });
}

#[test]
fn a_save_waits_for_the_lock_of_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = opened_with(folder.path(), "pass");
    keystore.put(&prod(), &secret("one")).unwrap();
    let vault = mfavault::atomic_file::PrivateFolder::open(&folder.path().join("vault")).unwrap();
    let held = vault.lock("keystore.lock").unwrap();
    std::thread::scope(|scope| {
        let path = folder.path();
        let saving = scope.spawn(move || opened_with(path, "pass").put(&prod(), &secret("two")).unwrap());
        assert_eq!(keystore.get(&prod()).unwrap(), secret("one"), "reading needs no lock");
        assert!(!saving.is_finished());
        drop(held);
    });
    assert_eq!(keystore.get(&prod()).unwrap(), secret("two"));
}

#[test]
fn several_records_are_put_in_one_save_or_none_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = opened_with(folder.path(), "pass");
    keystore.put_all(&[]).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing asks for nothing");
    let records: Vec<_> =
        (0..500).map(|number| (RecordName::new("key", number.to_string()), secret(vec![7; 1300]))).collect();
    keystore.put_all(&records).unwrap();
    assert_eq!(generation(&fs::read(folder.path().join("vault/keystore")).unwrap()), 1);
    assert!(records.iter().all(|(record, content)| keystore.get(record).unwrap() == *content));
    let large = [(prod(), secret("small")), (prod(), secret(vec![0; 2_000_000]))];
    assert!(matches!(keystore.put_all(&large), Err(KeystoreError::TooLarge { .. })));
    assert!(matches!(keystore.get(&prod()), Err(KeystoreError::NotFound { .. })));
}

#[test]
fn several_records_are_removed_in_one_save_and_what_is_not_there_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = opened_with(folder.path(), "pass");
    let saves = || generation(&fs::read(folder.path().join("vault/keystore")).unwrap());
    keystore.remove_all(&[prod()]).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let names: Vec<_> = (0..100).map(|number| RecordName::new("session", number.to_string())).collect();
    let records: Vec<_> = names.iter().map(|name| (name.clone(), secret("session"))).collect();
    keystore.put_all(&records).unwrap();
    keystore.put(&prod(), &secret("content")).unwrap();
    keystore.remove_all(&[&names[..], &[RecordName::new("key", "missing")]].concat()).unwrap();
    assert_eq!(saves(), 3);
    assert!(names.iter().all(|name| matches!(keystore.get(name), Err(KeystoreError::NotFound { .. }))));
    assert_eq!(keystore.get(&prod()).unwrap(), secret("content"));
    keystore.remove_all(&names).unwrap();
    assert_eq!(saves(), 3, "nothing to remove is nothing to save");
}

#[cfg(target_os = "linux")]
mod lent_to_the_kernel {
    use std::{process::Command, time::Duration};

    use super::*;
    use crate::support::stopwatch::Stopwatch;

    /// Containers often forbid the kernel keyring; then there is nothing to test, and CI must not be such a container.
    #[allow(clippy::disallowed_methods, reason = "only a test harness sets it")]
    fn unlocked(folder: &Path) -> Option<FileKeystore> {
        let keystore = opened_with(folder, "pass");
        keystore.put(&prod(), &secret("content")).unwrap();
        match keystore.unlock_for(Duration::from_secs(60)) {
            Ok(()) => Some(keystore),
            Err(error) if std::env::var_os("CI").is_none() => {
                say_skipped(&error);
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn is_locked(folder: &Path) -> bool {
        matches!(opened_by_nobody(folder).get(&prod()), Err(KeystoreError::Locked { .. }))
    }

    #[allow(clippy::print_stderr, reason = "a skipped test says so")]
    fn say_skipped(error: &KeystoreError) {
        eprintln!("SKIPPED: {error}");
    }

    #[test]
    fn an_unlocked_keystore_opens_without_a_question_until_it_is_locked() {
        let folder = tempfile::tempdir().unwrap();
        let Some(keystore) = unlocked(folder.path()) else { return };
        let other = opened_by_nobody(folder.path());
        assert_eq!(other.get(&prod()).unwrap(), secret("content"));
        other.put(&prod(), &secret("changed")).unwrap();
        keystore.lock().unwrap();
        assert!(is_locked(folder.path()));
        keystore.lock().unwrap();
        assert_eq!(keystore.get(&prod()).unwrap(), secret("changed"));
    }

    #[test]
    fn two_keystores_never_share_a_key() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let Some(keystore) = unlocked(one.path()) else { return };
        opened_with(two.path(), "pass").put(&prod(), &secret("other")).unwrap();
        assert!(matches!(opened_by_nobody(two.path()).get(&prod()), Err(KeystoreError::Locked { .. })));
        keystore.lock().unwrap();
    }

    #[test]
    fn damage_is_found_in_an_unlocked_keystore_too() {
        let folder = tempfile::tempdir().unwrap();
        let Some(keystore) = unlocked(folder.path()) else { return };
        let path = folder.path().join("vault/keystore");
        let mut file = fs::read(&path).unwrap();
        *file.last_mut().unwrap() ^= 1;
        fs::write(&path, file).unwrap();
        assert!(matches!(opened_by_nobody(folder.path()).get(&prod()), Err(KeystoreError::Corrupt { .. })));
        keystore.lock().unwrap();
    }

    #[test]
    fn a_key_outlives_neither_its_time_nor_a_replaced_keystore() {
        let folder = tempfile::tempdir().unwrap();
        let Some(keystore) = unlocked(folder.path()) else { return };
        keystore.unlock_for(Duration::from_millis(1)).unwrap();
        let begin = Stopwatch::start();
        while !is_locked(folder.path()) {
            assert!(begin.elapsed() < Duration::from_secs(5), "a millisecond is rounded up to a second");
            std::thread::yield_now();
        }
        fs::remove_dir_all(folder.path().join("vault")).unwrap();
        opened_with(folder.path(), "pass").put(&prod(), &secret("new")).unwrap();
        assert!(is_locked(folder.path()));
    }

    #[test]
    #[ignore = "started by the tests below, as processes of their own"]
    #[allow(clippy::disallowed_methods, reason = "how a test speaks to the process it starts")]
    fn child_that_uses_the_key() {
        let folder = std::env::var_os("MFAVAULT_TEST_FOLDER").unwrap();
        let folder = Path::new(&folder);
        if std::env::var_os("MFAVAULT_TEST_UNLOCK").is_some() {
            let keystore = opened_with(folder, "pass");
            keystore.put(&prod(), &secret("content")).unwrap();
            keystore.unlock_for(Duration::from_secs(60)).unwrap();
            return;
        }
        let keystore = opened_by_nobody(folder);
        assert_eq!(keystore.get(&prod()).unwrap(), secret("content"));
        keystore.lock().unwrap();
        assert!(is_locked(folder));
    }

    fn child(wrapper: &[&str], folder: &Path, unlock: bool) {
        let mut command = match wrapper {
            [] => Command::new(std::env::current_exe().unwrap()),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(std::env::current_exe().unwrap());
                command
            }
        };
        command.env("MFAVAULT_TEST_FOLDER", folder);
        if unlock {
            command.env("MFAVAULT_TEST_UNLOCK", "1");
        }
        let name = "keystore_contract::file::lent_to_the_kernel::child_that_uses_the_key";
        let output = command.args(["--ignored", "--exact", name]).output().unwrap();
        assert!(output.status.success(), "{wrapper:?}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }

    #[test]
    fn a_fresh_process_finds_the_key_without_a_session_keyring() {
        let folder = tempfile::tempdir().unwrap();
        if unlocked(folder.path()).is_none() {
            return;
        }
        child(&[], folder.path(), false);
        for unlocker in [&[][..], &["setsid", "--wait"]] {
            let folder = tempfile::tempdir().unwrap();
            child(unlocker, folder.path(), true);
            child(&["setsid", "--wait"], folder.path(), false);
        }
    }

    /// A login gives each session a new keyring; where nothing links it to the user's, the kernel is at its strictest.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn a_process_in_a_session_keyring_of_its_own_finds_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let join = "syscall(250, 1, 0) > 0 or die 'no new session keyring'; exec @ARGV;";
        let session = ["perl", "-e", join, "--"];
        if unlocked(folder.path()).is_none() {
            return;
        }
        for (unlocker, reader) in [(&[][..], &session[..]), (&session, &[]), (&session, &session)] {
            let folder = tempfile::tempdir().unwrap();
            child(unlocker, folder.path(), true);
            child(reader, folder.path(), false);
        }
    }

    #[test]
    fn a_user_who_is_not_root_finds_the_key() {
        let folder = tempfile::tempdir().unwrap();
        if !rustix::process::geteuid().is_root() || unlocked(folder.path()).is_none() {
            // Whoever runs this as an ordinary user has just tested it above.
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(folder.path(), Some(54321), Some(54321)).unwrap();
        let user = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "--"];
        child(&user, folder.path(), true);
        child(&user, folder.path(), false);
        child(&user, folder.path(), true);
        child(&[&["setsid", "--wait"][..], &user].concat(), folder.path(), false);
    }
}
