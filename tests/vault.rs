//! The vault over a keystore: the order of writing, reading back, and what is left when the keystore fails.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use mfavault::{
    credentials::{LongTermCredentials, SessionCredentials},
    keystore::{Keystore, KeystoreError, RecordName},
    profile::ProfileName,
    secret::SecretBytes,
    vault::{CacheKey, KeyRecord, SessionKind, SessionRecord, Vault, VaultError},
};

use crate::support::memory_keystore::MemoryKeystore;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

fn key(secret: &str) -> KeyRecord {
    let access_key_id = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    let credentials = LongTermCredentials { access_key_id, secret_access_key: secret.into() };
    KeyRecord { created: None, credentials, account_id: None, added: at(5) }
}

fn session(profile: &str, expiration: SystemTime) -> SessionRecord {
    let credentials = SessionCredentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".parse().unwrap(),
        secret_access_key: "wJalr".into(),
        session_token: "token".into(),
        expiration,
    };
    SessionRecord {
        credentials,
        kind: SessionKind::GetSessionToken,
        profile: name(profile),
        source: name(profile),
        mfa: true,
    }
}

fn on<T>(folder: &tempfile::TempDir, keystore: &dyn Keystore, act: impl FnOnce(&Vault<'_>) -> T) -> T {
    act(&Vault::new(keystore, &folder.path().join("data"), &folder.path().join("state")))
}

/// Takes everything and gives back something else.
struct Liar {
    keystore: MemoryKeystore,
    lies: AtomicBool,
}

impl Keystore for Liar {
    fn name(&self) -> &'static str {
        "liar"
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        let content = self.keystore.get(record)?;
        let cut = content.expose()[1..].to_vec();
        Ok(if self.lies.load(Ordering::Relaxed) { SecretBytes::from(cut) } else { content })
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        self.keystore.put(record, content)
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.keystore.remove(record)
    }
}

#[test]
fn a_keystore_that_gives_back_something_else_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let liar = Liar { keystore: MemoryKeystore::new(), lies: AtomicBool::new(true) };
    let result = on(&folder, &liar, |vault| vault.store_key(&name("main"), &key("a")));
    assert!(matches!(result, Err(VaultError::NotReadBack { keystore: "liar", .. })), "{result:?}");
    liar.lies.store(false, Ordering::Relaxed);
    on(&folder, &liar, |vault| vault.store_key(&name("main"), &key("a"))).unwrap();
}

#[test]
fn nothing_secret_is_ever_stored_that_the_index_does_not_name() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = MemoryKeystore::new();
    let fail = |nth| {
        keystore.fail_at(nth, || KeystoreError::Unavailable { keystore: "memory", reason: "full".to_owned() });
    };
    let named = || on(&folder, &keystore, |vault| vault.index().unwrap().keys.contains_key(&name("main")));
    let store = || on(&folder, &keystore, |vault| vault.store_key(&name("main"), &key("a")));
    fail(2);
    assert!(store().is_err());
    assert!(named() && keystore.names() == ["key/main"], "the record may be there, so it is named");
    fail(1);
    assert!(on(&folder, &keystore, |vault| vault.forget_key(&name("main"))).is_err());
    assert!(named() && keystore.names() == ["key/main"], "and it is, until the record is gone");
    assert!(on(&folder, &keystore, |vault| vault.forget_key(&name("main"))).unwrap());
    assert!(!named() && keystore.names().is_empty());
    assert!(!on(&folder, &keystore, |vault| vault.forget_key(&name("main"))).unwrap());
}

#[test]
fn a_locked_keystore_is_never_taken_for_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = MemoryKeystore::new();
    on(&folder, &keystore, |vault| vault.store_key(&name("main"), &key("a"))).unwrap();
    let locked = || KeystoreError::Locked { keystore: "memory", reason: "nobody opened it".to_owned() };
    keystore.fail_at(1, locked);
    assert!(on(&folder, &keystore, |vault| vault.key(&name("main"))).is_err());
    keystore.fail_at(1, locked);
    assert!(on(&folder, &keystore, |vault| vault.session(&CacheKey::of(["a"]), at(0))).is_err());
}

#[test]
fn remembering_a_session_forgets_those_that_are_over() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = MemoryKeystore::new();
    let [old, new] = [CacheKey::of(["old"]), CacheKey::of(["new"])];
    on(&folder, &keystore, |vault| {
        vault.remember_session(&old, &session("main", at(100)), at(0)).unwrap();
        assert!(vault.session(&old, at(99)).unwrap().is_some() && vault.session(&old, at(100)).unwrap().is_none());
        vault.remember_session(&new, &session("main", at(200)), at(100)).unwrap();
        assert_eq!(vault.index().unwrap().sessions.into_keys().collect::<Vec<_>>(), [new.as_str()]);
    });
    assert_eq!(keystore.names(), [format!("session/{}", new.as_str())]);
}

#[test]
fn a_session_that_is_remembered_again_after_it_was_over_stays() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = MemoryKeystore::new();
    let key = CacheKey::of(["main"]);
    on(&folder, &keystore, |vault| {
        vault.remember_session(&key, &session("main", at(100)), at(0)).unwrap();
        vault.remember_session(&key, &session("main", at(300)), at(200)).unwrap();
        assert!(vault.session(&key, at(250)).unwrap().is_some());
        assert_eq!(vault.index().unwrap().sessions.len(), 1);
    });
}

#[test]
fn the_keystore_of_the_first_record_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let keystore = MemoryKeystore::new();
    assert_eq!(Vault::recorded_keystore(&data).unwrap(), None);
    on(&folder, &keystore, |vault| vault.index()).unwrap();
    assert!(!data.exists(), "looking makes nothing");
    on(&folder, &keystore, |vault| vault.store_key(&name("main"), &key("a"))).unwrap();
    assert_eq!(Vault::recorded_keystore(&data).unwrap().as_deref(), Some("memory"));
}

#[test]
fn many_who_write_at_once_lose_nothing_of_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = MemoryKeystore::new();
    let names: Vec<String> = (0..8).map(|number| format!("profile{number}")).collect();
    std::thread::scope(|scope| {
        for profile in &names {
            let (folder, keystore) = (&folder, &keystore);
            scope.spawn(move || on(folder, keystore, |vault| vault.store_key(&name(profile), &key("a"))).unwrap());
        }
    });
    let index = on(&folder, &keystore, |vault| vault.index()).unwrap();
    assert_eq!(index.keys.keys().map(ProfileName::as_str).collect::<Vec<_>>(), names);
}

#[test]
fn what_the_keystore_surely_refused_is_not_named_in_the_index() {
    let (folder, keystore) = (tempfile::tempdir().unwrap(), MemoryKeystore::new());
    let locked = || KeystoreError::Locked { keystore: "memory", reason: "nobody is there".to_owned() };
    keystore.fail_at(1, locked);
    on(&folder, &keystore, |vault| {
        assert!(vault.store_key(&name("main"), &key("one")).is_err());
        assert!(vault.index().unwrap().is_empty());
    });
    assert_eq!(Vault::recorded_keystore(&folder.path().join("data")).unwrap(), None, "the choice is still free");
    on(&folder, &keystore, |vault| vault.store_key(&name("main"), &key("one")).unwrap());
    let before = on(&folder, &keystore, |vault| vault.index().unwrap());
    keystore.fail_at(1, locked);
    let other = KeyRecord {
        created: None,
        credentials: LongTermCredentials {
            access_key_id: "AKIAOTHEROTHEROTHER1".parse().unwrap(),
            secret_access_key: "two".into(),
        },
        ..key("two")
    };
    on(&folder, &keystore, |vault| {
        assert!(vault.store_key(&name("main"), &other).is_err());
        assert_eq!(vault.index().unwrap(), before, "sessions stay with the key that is there");
    });
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_reached_is_an_error_and_not_an_empty_vault() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = MemoryKeystore::new();
    for link in ["data", "state"] {
        // Such as to a disk that is not mounted.
        std::os::unix::fs::symlink("nowhere", folder.path().join(link)).unwrap();
    }
    on(&folder, &keystore, |vault| {
        assert!(matches!(vault.index(), Err(VaultError::File(_))));
        assert!(matches!(vault.clock_offset(), Err(VaultError::File(_))));
        assert!(matches!(vault.uses(), Err(VaultError::File(_))));
        assert!(matches!(vault.forget_agreements(), Err(VaultError::File(_))));
        assert!(matches!(vault.read_audit(&mut |_| ()), Err(VaultError::File(_))));
    });
    assert!(!folder.path().join("nowhere").exists());
}
