//! Seeds in a keystore of their own: one unlocking does not give both factors, and nothing is lost on the way there.

use std::time::{Duration, SystemTime};

use mfavault::{
    commands::{self, Outcome, backup, mfa},
    keystore::KeystoreError,
    mfa::{CodeSettings, Seed, VirtualMfaDevice},
    vault::{DeviceRecord, KeyRecord, SessionKind, SessionRecord, Vault},
};

use crate::support::{
    bench::{Bench, name},
    memory_keystore::MemoryKeystore,
};

struct Stage {
    folder: tempfile::TempDir,
    keys: MemoryKeystore,
    seeds: MemoryKeystore,
}

impl Stage {
    fn new() -> Self {
        let (keys, seeds) = (MemoryKeystore::named("keys"), MemoryKeystore::named("seeds"));
        Stage { folder: tempfile::tempdir().unwrap(), keys, seeds }
    }

    fn vault(&self) -> Vault<'_> {
        Vault::new(&self.keys, &self.folder.path().join("data"), &self.folder.path().join("state"))
    }

    fn apart(&self) -> Vault<'_> {
        self.vault().with_seeds_in(&self.seeds, true)
    }

    /// The devices that a vault sees, each with its keystore.
    fn seen(vault: &Vault<'_>) -> Vec<(String, String)> {
        vault.index().unwrap().devices.into_iter().map(|(name, entry)| (name, entry.keystore)).collect()
    }

    fn recorded(&self) -> [Option<String>; 2] {
        let data = self.folder.path().join("data");
        [Vault::recorded_keystore(&data).unwrap(), Vault::recorded_seed_keystore(&data).unwrap()]
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn device(name: &str, seed: &str) -> DeviceRecord {
    let device = VirtualMfaDevice {
        name: name.to_owned(),
        serial_number: Some(format!("arn:aws:iam::111122223333:mfa/{name}").parse().unwrap()),
        issuer: None,
        account: name.to_owned(),
        seed: Seed::from_base32(seed).unwrap(),
        settings: CodeSettings::AWS,
        counter: None,
    };
    DeviceRecord::new(device, None, "a test", at(5))
}

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const OTHER: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

fn key() -> KeyRecord {
    use mfavault::credentials::LongTermCredentials;
    let access_key_id = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    let credentials = LongTermCredentials { access_key_id, secret_access_key: "secret".into() };
    KeyRecord { created: None, credentials, account_id: None, added: at(5) }
}

fn placed(name: &str, keystore: &str) -> (String, String) {
    (name.to_owned(), keystore.to_owned())
}

#[test]
fn seeds_go_to_their_own_keystore_and_everything_else_to_the_other() {
    let stage = Stage::new();
    let vault = stage.apart();
    vault.store_device(&device("alice", SEED)).unwrap();
    assert_eq!(stage.recorded(), [Some("keys".to_owned()), Some("seeds".to_owned())]);
    vault.store_key(&name("main"), &key()).unwrap();
    assert_eq!(stage.seeds.names(), ["device/alice"]);
    assert_eq!(stage.keys.names(), ["key/main"]);
    assert_eq!(vault.device("alice").unwrap(), Some(device("alice", SEED)));
    let serial_number = "arn:aws:iam::111122223333:mfa/alice".parse().unwrap();
    assert_eq!(vault.device_with_serial(&serial_number).unwrap(), Some(device("alice", SEED)));
    assert_eq!(Stage::seen(&vault), [placed("alice", "seeds")]);
    assert!(vault.forget_device("alice").unwrap() && !vault.forget_device("alice").unwrap());
    assert!(stage.seeds.names().is_empty() && Stage::seen(&vault).is_empty());
}

#[test]
fn what_needs_no_seed_does_not_touch_the_seeds() {
    let stage = Stage::new();
    stage.apart().store_device(&device("alice", SEED)).unwrap();
    let before = stage.seeds.operations();
    let vault = stage.apart();
    vault.store_key(&name("main"), &key()).unwrap();
    vault.key(&name("main")).unwrap();
    let session = SessionRecord {
        credentials: mfavault::credentials::SessionCredentials {
            access_key_id: "ASIAIOSFODNN7EXAMPLE".parse().unwrap(),
            secret_access_key: "secret".into(),
            session_token: "token".into(),
            expiration: at(100),
        },
        kind: SessionKind::GetSessionToken,
        profile: name("main"),
        source: name("main"),
        mfa: true,
    };
    let cache_key = mfavault::vault::CacheKey::of(["main"]);
    vault.remember_session(&cache_key, &session, at(0)).unwrap();
    assert!(vault.session(&cache_key, at(1)).unwrap().is_some());
    vault.forget_sessions(None, at(1)).unwrap();
    vault.index().unwrap();
    vault.forget_key(&name("main")).unwrap();
    assert_eq!(stage.seeds.operations(), before);
}

#[test]
fn devices_of_before_are_used_and_changed_where_they_are() {
    let stage = Stage::new();
    stage.vault().store_device(&device("alice", SEED)).unwrap();
    let vault = stage.apart();
    vault.store_device(&device("bob", OTHER)).unwrap();
    assert_eq!(Stage::seen(&vault), [placed("alice", "keys"), placed("bob", "seeds")]);
    assert_eq!(vault.device("alice").unwrap(), Some(device("alice", SEED)));
    let changed = DeviceRecord { deactivated: true, ..device("alice", SEED) };
    vault.store_device(&changed).unwrap();
    assert_eq!(vault.device("alice").unwrap(), Some(changed));
    assert_eq!((stage.keys.names(), stage.seeds.names()), (vec!["device/alice".into()], vec!["device/bob".into()]));
    // Forgotten and stored again, as a backup does it, it is where it should be.
    vault.forget_device("alice").unwrap();
    vault.store_device(&device("alice", SEED)).unwrap();
    assert_eq!(Stage::seen(&vault), [placed("alice", "seeds"), placed("bob", "seeds")]);
    assert!(stage.keys.names().is_empty());
}

#[test]
fn a_device_that_is_renamed_goes_where_new_ones_go() {
    let stage = Stage::new();
    stage.vault().store_device(&device("alice", SEED)).unwrap();
    let vault = stage.apart();
    assert!(vault.rename_device("alice", "carol").unwrap());
    assert_eq!(Stage::seen(&vault), [placed("carol", "seeds")]);
    assert_eq!((stage.keys.names(), stage.seeds.names()), (Vec::new(), vec!["device/carol".into()]));
}

#[test]
fn a_backup_that_is_noted_is_noted_in_either_keystore() {
    let stage = Stage::new();
    stage.vault().store_device(&device("alice", SEED)).unwrap();
    let vault = stage.apart();
    vault.store_device(&device("bob", OTHER)).unwrap();
    for name in ["alice", "bob"] {
        vault.note_picture(name, at(9)).unwrap();
    }
    assert!(vault.index().unwrap().devices.values().all(|entry| entry.backed_up == Some(at(9))));
    assert_eq!(Stage::seen(&vault), [placed("alice", "keys"), placed("bob", "seeds")]);
}

#[test]
fn when_new_seeds_go_elsewhere_those_of_before_are_found() {
    let stage = Stage::new();
    stage.apart().store_device(&device("alice", SEED)).unwrap();
    let vault = stage.vault().with_seeds_in(&stage.seeds, false);
    vault.store_device(&device("bob", OTHER)).unwrap();
    assert_eq!(vault.seed_keystore_name(), "keys");
    assert_eq!(Stage::seen(&vault), [placed("alice", "seeds"), placed("bob", "keys")]);
    assert!(vault.device("alice").unwrap().is_some() && vault.device("bob").unwrap().is_some());
    assert_eq!(stage.recorded()[1].as_deref(), Some("seeds"));
}

#[test]
fn of_two_devices_of_one_name_that_of_the_keys_counts_and_neither_is_lost() {
    let stage = Stage::new();
    stage.apart().store_device(&device("alice", SEED)).unwrap();
    stage.vault().store_device(&device("alice", OTHER)).unwrap();
    let vault = stage.apart();
    assert_eq!(vault.device("alice").unwrap(), Some(device("alice", OTHER)));
    vault.store_device(&device("bob", SEED)).unwrap();
    assert_eq!(Stage::seen(&vault), [placed("alice", "keys"), placed("bob", "seeds")]);
    vault.forget_device("alice").unwrap();
    assert_eq!(vault.device("alice").unwrap(), Some(device("alice", SEED)));
    assert_eq!(Stage::seen(&vault), [placed("alice", "seeds"), placed("bob", "seeds")]);
}

#[test]
fn no_seed_is_ever_stored_that_no_index_names() {
    let stage = Stage::new();
    let unavailable = || KeystoreError::Unavailable { keystore: "seeds", reason: "full".to_owned() };
    let vault = stage.apart();
    stage.seeds.fail_at(2, unavailable);
    assert!(vault.store_device(&device("alice", SEED)).is_err());
    assert_eq!(
        (Stage::seen(&vault), stage.seeds.names()),
        (vec![placed("alice", "seeds")], vec!["device/alice".into()])
    );
    stage.seeds.fail_at(1, unavailable);
    assert!(vault.forget_device("alice").is_err());
    assert_eq!(Stage::seen(&vault), [placed("alice", "seeds")], "until the record is gone");
    assert!(vault.forget_device("alice").unwrap());
    assert!(Stage::seen(&vault).is_empty() && stage.seeds.names().is_empty() && stage.keys.operations() == 0);
}

#[test]
fn what_the_seeds_keystore_surely_refused_is_not_named_and_the_choice_is_still_free() {
    let stage = Stage::new();
    stage.seeds.fail_at(1, || KeystoreError::Locked { keystore: "seeds", reason: "nobody is there".to_owned() });
    assert!(stage.apart().store_device(&device("alice", SEED)).is_err());
    assert!(Stage::seen(&stage.apart()).is_empty());
    assert_eq!(stage.recorded(), [None, None]);
}

/// Alice's key in one keystore and her device in the other.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.seeds = Some(MemoryKeystore::named("seeds"));
    bench.enable().unwrap();
    bench.settle();
    bench
}

fn of_seeds(bench: &Bench) -> &MemoryKeystore {
    bench.seeds.as_ref().unwrap()
}

#[test]
fn a_session_takes_the_seed_once_and_none_as_long_as_it_is_remembered() {
    let bench = bench();
    assert_eq!(of_seeds(&bench).names(), ["device/alice"]);
    bench.credentials("main").unwrap();
    let before = of_seeds(&bench).operations();
    for _ in 0..3 {
        bench.credentials("main").unwrap();
    }
    bench.run(commands::list::run).unwrap();
    bench.run(mfa::list::run).unwrap();
    assert_eq!(of_seeds(&bench).operations(), before, "the seeds' keystore stays closed");
}

#[test]
fn when_the_seeds_are_locked_the_key_is_read_and_no_code_is_made() {
    let bench = bench();
    let locked = || KeystoreError::Locked { keystore: "seeds", reason: "nobody opened it".to_owned() };
    of_seeds(&bench).fail_at(1, locked);
    let (requests, result) = bench.requests_of(|| bench.credentials("main"));
    assert!(result.is_err() && requests.is_empty(), "{requests:?}");
    let plain = bench.credentials_with("main", |request| request.no_session = true).unwrap();
    assert!(plain.session_token().is_none(), "without a session, the key goes out");
}

#[test]
fn a_backup_takes_seeds_over_to_their_own_keystore() {
    let mut bench = Bench::with_device();
    bench.seeds = Some(MemoryKeystore::named("seeds"));
    let talk = || {
        bench.run(mfa::list::run).unwrap();
        bench.prompt.talk()
    };
    assert!(talk().contains("still in the keystore `memory` with them: alice;"));
    let opening = || backup::Opening { identity_files: Vec::new(), passphrase: Some("a passphrase".into()) };
    let file = bench.path("vault.age");
    let create = backup::create::Arguments {
        file: file.clone(),
        recipients: Vec::new(),
        opening: opening(),
        with_keys: false,
        overwrite: false,
        split: None,
    };
    bench.run(|context| backup::create::run(context, create)).unwrap();
    bench.run(|context| mfa::remove::run(context, "alice", true)).unwrap();
    let restore =
        backup::restore::Arguments { files: vec![file], opening: opening(), overwrite: false, confirmed: true };
    bench.run(|context| backup::restore::run(context, &restore)).unwrap();
    assert_eq!(of_seeds(&bench).names(), ["device/alice"]);
    assert!(!bench.keystore.names().contains(&"device/alice".to_owned()));
    bench.prompt.talk();
    assert_eq!(talk(), "");
    match bench.run(|context| mfa::list::show(context, "alice")).unwrap() {
        Outcome::Device(_, entry) => assert_eq!(entry.keystore, "seeds"),
        _ => panic!("no device"),
    }
    bench.clock.advance(180);
    bench.credentials("main").unwrap();
}
