//! Sessions in a keystore of their own that may lose them: found, forgotten wherever they are, and never an error.

use std::time::{Duration, SystemTime};

use mfavault::{
    aws::{RegisteredClient, SsoToken},
    credentials::SessionCredentials,
    keystore::KeystoreError,
    profile::ProfileName,
    vault::{CacheKey, SessionKind, SessionRecord, SignInRecord, Vault},
};

use crate::support::memory_keystore::MemoryKeystore;

/// A vault whose keys are in one keystore and whose sessions may be in another.
struct Stage {
    folder: tempfile::TempDir,
    keys: MemoryKeystore,
    kernel: MemoryKeystore,
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn key(name: &str) -> CacheKey {
    CacheKey::of([name])
}

fn main_profile() -> ProfileName {
    "main".parse().unwrap()
}

fn session(expiration: u64) -> SessionRecord {
    let credentials = SessionCredentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".parse().unwrap(),
        secret_access_key: "wJalr".into(),
        session_token: "token".into(),
        expiration: at(expiration),
    };
    let (kind, profile) = (SessionKind::GetSessionToken, main_profile());
    SessionRecord { credentials, kind, source: profile.clone(), profile, mfa: true }
}

fn refused() -> KeystoreError {
    KeystoreError::Unavailable { keystore: "kernel", reason: "the quota is used up".to_owned() }
}

impl Stage {
    fn new() -> Self {
        let (keys, kernel) = (MemoryKeystore::named("keys"), MemoryKeystore::named("kernel"));
        Stage { folder: tempfile::tempdir().unwrap(), keys, kernel }
    }

    /// With the wish, or without it any more.
    fn vault(&self, is_wished: bool) -> Vault<'_> {
        let vault = Vault::new(&self.keys, &self.folder.path().join("data"), &self.folder.path().join("state"));
        vault.with_sessions_in(&self.kernel, is_wished)
    }

    fn remember(&self, is_wished: bool, name: &str, expiration: u64) {
        self.vault(is_wished).remember_session(&key(name), &session(expiration), at(1)).unwrap();
    }

    fn finds(&self, is_wished: bool, name: &str) -> bool {
        self.vault(is_wished).session(&key(name), at(1)).unwrap().is_some()
    }

    /// How many records each keystore has.
    fn records(&self) -> (usize, usize) {
        (self.keys.names().len(), self.kernel.names().len())
    }

    /// How many sessions the index names.
    fn named(&self) -> usize {
        self.vault(true).index().unwrap().sessions.len()
    }
}

#[test]
fn a_session_apart_is_read_without_a_look_at_the_keys_keystore() {
    let stage = Stage::new();
    stage.remember(true, "a", 100);
    assert_eq!((stage.records(), stage.keys.operations()), ((0, 1), 0));
    assert!(stage.finds(true, "a") && !stage.finds(true, "other"));
    assert_eq!(stage.keys.operations(), 0);
    assert_eq!(stage.named(), 1);
}

#[test]
fn sign_ins_stay_with_the_keys() {
    let stage = Stage::new();
    let sign_in = SignInRecord {
        start_url: "https://d-1.awsapps.com/start".to_owned(),
        client: RegisteredClient { client_id: "id".to_owned(), client_secret: "s".into(), expiration: at(900) },
        token: SsoToken { access_token: "t".into(), expiration: at(100), refresh_token: None },
    };
    stage.vault(true).remember_sign_in(&key("a"), &sign_in, at(1)).unwrap();
    assert_eq!(stage.records(), (1, 0));
}

#[test]
fn a_session_is_in_one_place_whatever_is_wished_meanwhile() {
    let stage = Stage::new();
    stage.remember(false, "a", 100);
    assert_eq!(stage.records(), (1, 0));
    assert!(stage.finds(true, "a"), "from before the wish");
    stage.remember(true, "a", 200);
    assert_eq!(stage.records(), (0, 1));
    assert!(!stage.finds(false, "a"), "without the wish the kernel is not asked");
    stage.remember(false, "a", 300);
    assert_eq!((stage.records(), stage.named()), ((1, 0), 1));
}

#[test]
fn sessions_are_forgotten_wherever_they_are() {
    type Forget = fn(&Vault<'_>) -> usize;
    let forgets: [(Forget, usize); 3] = [
        (|vault| vault.forget_sessions(None, at(1)).unwrap(), 2),
        (|vault| vault.forget_sessions(Some(&main_profile()), at(1)).unwrap(), 2),
        (|vault| vault.forget_other_sessions(&main_profile(), None).map(|()| 2).unwrap(), 2),
    ];
    for is_wished in [false, true] {
        for (forget, expected) in forgets {
            let stage = Stage::new();
            stage.remember(false, "beside", 100);
            stage.remember(true, "apart", 100);
            assert_eq!(stage.records(), (1, 1));
            assert_eq!(forget(&stage.vault(is_wished)), expected);
            assert_eq!((stage.records(), stage.named()), ((0, 0), 0));
        }
        let stage = Stage::new();
        stage.remember(true, "apart", 100);
        stage.vault(is_wished).forget_session(&key("apart")).unwrap();
        assert_eq!((stage.records(), stage.named()), ((0, 0), 0));
    }
}

#[test]
fn what_is_over_is_forgotten_when_something_new_is_remembered() {
    let stage = Stage::new();
    stage.remember(true, "over", 50);
    stage.vault(true).remember_session(&key("new"), &session(100), at(60)).unwrap();
    assert_eq!((stage.records(), stage.named()), ((0, 1), 1));
}

#[test]
fn a_session_that_was_lost_counts_as_none() {
    let mut stage = Stage::new();
    stage.remember(true, "a", 100);
    stage.kernel = MemoryKeystore::named("kernel");
    assert!(!stage.finds(true, "a") && stage.named() == 0);
    assert_eq!(stage.vault(true).forget_sessions(None, at(1)).unwrap(), 0);
    assert_eq!(stage.keys.operations(), 0);
    stage.remember(true, "a", 100);
    assert!(stage.finds(true, "a") && stage.named() == 1);
}

#[test]
fn where_there_is_no_room_the_session_that_ends_first_makes_some() {
    let stage = Stage::new();
    for (name, expiration) in [("late", 300), ("first", 100), ("second", 200)] {
        stage.remember(true, name, expiration);
    }
    stage.kernel.fail_at(1, refused);
    stage.remember(true, "new", 250);
    assert!(!stage.finds(true, "first"));
    assert!(["late", "second", "new"].iter().all(|name| stage.finds(true, name)));
    assert_eq!((stage.records(), stage.named()), ((0, 3), 3));
}

#[test]
fn a_session_that_finds_no_room_at_all_is_not_remembered_and_that_is_no_error() {
    let stage = Stage::new();
    stage.kernel.fail_at(1, refused);
    stage.remember(true, "a", 100);
    assert_eq!((stage.records(), stage.named()), ((0, 0), 0));
    stage.remember(true, "other", 100);
    stage.kernel.fail_at(1, || KeystoreError::TooLarge { keystore: "kernel", limit_bytes: 32_767 });
    stage.remember(true, "large", 100);
    assert!(stage.finds(true, "other"), "nothing makes room for what never fits");
    assert_eq!((stage.records(), stage.named()), ((0, 1), 1));
    assert_eq!(stage.keys.operations(), 0);
}
