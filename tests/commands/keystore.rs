//! Everything, or the seeds alone, goes to another keystore: whatever fails on the way there, nothing is lost, and every
//! command finds everything in the one or in the other.

mod interrupted;
#[cfg(target_os = "linux")]
mod killed;

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use mfavault::{
    aws::{RegisteredClient, SsoToken},
    credentials::{LongTermCredentials, SessionCredentials},
    keystore::{FileKeystore, KdfCost, Keystore, KeystoreError, RecordName},
    mfa::{CodeSettings, Seed, VirtualMfaDevice},
    secret::SecretBytes,
    vault::{
        CHOICE, CacheKey, DeviceRecord, Enrolment, KeyRecord, Moved, SEED_CHOICE, SessionKind, SessionRecord,
        SignInRecord, Vault, VaultError,
    },
};

use crate::support::{bench::name, memory_keystore::MemoryKeystore};

pub(super) const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const OTHER_SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// Three keystores and the folders of one vault.
pub(super) struct Stage {
    folder: tempfile::TempDir,
    pub(super) file: MemoryKeystore,
    pub(super) os: MemoryKeystore,
    pub(super) pass: MemoryKeystore,
}

pub(super) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(super) fn device(name: &str, seed: &str) -> DeviceRecord {
    let device = VirtualMfaDevice {
        name: name.to_owned(),
        serial_number: Some(format!("arn:aws:iam::111122223333:mfa/{name}").parse().unwrap()),
        issuer: None,
        account: name.to_owned(),
        seed: Seed::from_base32(seed).unwrap(),
        settings: CodeSettings::AWS,
        counter: None,
    };
    DeviceRecord::new(device, Some("main".parse().unwrap()), "a test", at(5))
}

pub(super) fn key(secret: &str) -> KeyRecord {
    let access_key_id = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    let credentials = LongTermCredentials { access_key_id, secret_access_key: secret.into() };
    KeyRecord { created: None, credentials, account_id: None, added: at(5) }
}

fn session() -> SessionRecord {
    let credentials = SessionCredentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".parse().unwrap(),
        secret_access_key: "of the session".into(),
        session_token: "token".into(),
        expiration: at(1000),
    };
    let (profile, source) = (name("main"), name("main"));
    SessionRecord { credentials, kind: SessionKind::GetSessionToken, profile, source, mfa: true }
}

fn sign_in() -> SignInRecord {
    SignInRecord {
        start_url: "https://d-1.awsapps.com/start".to_owned(),
        client: RegisteredClient { client_id: "c".to_owned(), client_secret: "s".into(), expiration: at(1000) },
        token: SsoToken { access_token: "a".into(), expiration: at(1000), refresh_token: None },
    }
}

fn enrolment() -> Enrolment {
    let serial_number = "arn:aws:iam::111122223333:mfa/bob".parse().unwrap();
    Enrolment { serial_number, user_name: "bob".to_owned(), replaces: None, takes_name: None }
}

impl Stage {
    pub(super) fn empty() -> Self {
        let [file, os, pass] = ["file", "os", "pass"].map(MemoryKeystore::named);
        Stage { folder: tempfile::tempdir().unwrap(), file, os, pass }
    }

    /// One of each kind of record, all in `file`.
    pub(super) fn filled() -> Self {
        let stage = Stage::empty();
        stage.over(&stage.file, |vault| fill(&vault));
        stage
    }

    /// The same with the devices in `pass`.
    pub(super) fn apart() -> Self {
        let stage = Stage::empty();
        fill(&stage.over(&stage.file, |vault| vault.with_seeds_in(&stage.pass, true)));
        stage
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    fn keystores(&self) -> [&dyn Keystore; 3] {
        [&self.file, &self.os, &self.pass]
    }

    fn over<'s, T>(&'s self, keystore: &'s dyn Keystore, act: impl FnOnce(Vault<'s>) -> T) -> T {
        act(Vault::new(keystore, &self.folder.path().join("data"), &self.folder.path().join("state")))
    }

    /// The vault as a process finds it that was told nothing: by what is recorded.
    pub(super) fn vault<'s>(&'s self, keystores: [&'s dyn Keystore; 3]) -> Vault<'s> {
        let data = self.folder.path().join("data");
        let named = |name: String| *keystores.iter().find(|keystore| keystore.name() == name).unwrap();
        let main = Vault::recorded_keystore(&data).unwrap().map_or(keystores[0], named);
        let seeds = Vault::recorded_seed_keystore(&data).unwrap().map(named);
        let vault = Vault::new(main, &data, &self.folder.path().join("state")).chosen_by_record(true, true);
        match seeds.filter(|seeds| seeds.name() != main.name()) {
            Some(seeds) => vault.with_seeds_in(seeds, true),
            None => vault,
        }
    }

    pub(super) fn found(&self) -> Vault<'_> {
        self.vault(self.keystores())
    }

    pub(super) fn move_over<'s>(
        &'s self,
        keystores: [&'s dyn Keystore; 3],
        to: &str,
        seeds_only: bool,
    ) -> Result<Moved, VaultError> {
        self.vault(keystores).move_to(to, seeds_only, &keystores, at(100), &|| {})
    }

    pub(super) fn move_to(&self, to: &str, seeds_only: bool) -> Result<Moved, VaultError> {
        self.move_over(self.keystores(), to, seeds_only)
    }

    /// Everything is found, and found as it was.
    #[track_caller]
    pub(super) fn assert_whole(&self, case: &str) {
        let vault = self.found();
        assert_eq!(vault.key(&name("main")).unwrap(), Some(key("one")), "{case}");
        assert_eq!(vault.key(&name("other")).unwrap(), Some(key("two")), "{case}");
        assert_eq!(vault.device("alice").unwrap(), Some(device("alice", SEED)), "{case}");
        let serial_number = "arn:aws:iam::111122223333:mfa/carol".parse().unwrap();
        let carol = vault.device_with_serial(&serial_number).unwrap();
        assert_eq!(carol, Some(device("carol", OTHER_SEED)), "{case}");
        assert_eq!(vault.session(&CacheKey::of(["s"]), at(100)).unwrap(), Some(session()), "{case}");
        assert_eq!(vault.sign_in(&CacheKey::of(["i"])).unwrap(), Some(sign_in()), "{case}");
        let index = vault.index().unwrap();
        let counts = [index.keys.len(), index.devices.len(), index.sessions.len(), index.sign_ins.len()];
        assert_eq!(counts, [2, 2, 1, 1], "{case}");
        assert_eq!(index.enrolments.get(&name("bob")), Some(&enrolment()), "{case}");
        assert_eq!(index.last_backup.as_ref().map(|backup| backup.generation), Some(7), "{case}");
        assert_eq!(index.devices["alice"].backed_up, Some(at(50)), "{case}");
    }

    /// All of it is here, nothing of it elsewhere, and nothing is left of the way here.
    #[track_caller]
    pub(super) fn assert_all_in(&self, keystore: &MemoryKeystore, case: &str) {
        self.assert_whole(case);
        for other in [&self.file, &self.os, &self.pass] {
            let (expected, is_here) = if other.name() == keystore.name() { (6, true) } else { (0, false) };
            assert_eq!(other.names().len(), expected, "{case}: {} has {:?}", other.name(), other.names());
            assert_eq!(
                self.path(&format!("index.{}.json", other.name())).exists(),
                is_here,
                "{case}: {}",
                other.name()
            );
        }
        assert_eq!(self.choices(), [Some(keystore.name().to_owned()), None], "{case}");
        self.assert_nothing_pending(case);
    }

    #[track_caller]
    pub(super) fn assert_nothing_pending(&self, case: &str) {
        assert_eq!(Vault::pending_move(&self.folder.path().join("data")).unwrap(), None, "{case}");
        assert!(!self.path("keystore-move.json").exists(), "{case}");
    }

    pub(super) fn choices(&self) -> [Option<String>; 2] {
        [CHOICE, SEED_CHOICE].map(|file| fs::read_to_string(self.path(file)).ok())
    }
}

fn fill(vault: &Vault<'_>) {
    vault.store_key(&name("main"), &key("one")).unwrap();
    vault.store_key(&name("other"), &key("two")).unwrap();
    vault.store_device(&device("alice", SEED)).unwrap();
    vault.store_device(&device("carol", OTHER_SEED)).unwrap();
    vault.remember_session(&CacheKey::of(["s"]), &session(), at(1)).unwrap();
    vault.remember_sign_in(&CacheKey::of(["i"]), &sign_in(), at(1)).unwrap();
    vault.begin_enrolment(&name("bob"), enrolment()).unwrap();
    vault.note_backup(["alice"], 7, at(50)).unwrap();
}

fn record(kind: &'static str, name: &str) -> RecordName {
    RecordName::new(kind, name)
}

#[test]
fn everything_moves_and_nothing_stays_behind() {
    let stage = Stage::filled();
    let moved = stage.move_to("os", false).unwrap();
    assert_eq!(moved, Moved { records: 6, ..Moved::default() });
    stage.assert_all_in(&stage.os, "there");
    stage.move_to("file", false).unwrap();
    stage.assert_all_in(&stage.file, "and back");
    assert_eq!(stage.move_to("file", false).unwrap().records, 0, "where it is already");
}

#[test]
fn seeds_go_apart_elsewhere_and_back_and_keys_stay() {
    let stage = Stage::filled();
    let seeds = ["device/alice", "device/carol"];
    stage.move_to("os", true).unwrap();
    stage.assert_whole("apart");
    assert_eq!((stage.os.names(), stage.file.names().len()), (seeds.map(str::to_owned).to_vec(), 4));
    assert_eq!(stage.choices(), [Some("file".to_owned()), Some("os".to_owned())]);
    stage.move_to("pass", true).unwrap();
    stage.assert_whole("to another keystore");
    assert_eq!((stage.pass.names(), stage.os.names()), (seeds.map(str::to_owned).to_vec(), Vec::new()));
    assert!(!stage.path("index.os.json").exists());
    assert_eq!(stage.choices(), [Some("file".to_owned()), Some("pass".to_owned())]);
    stage.move_to("file", true).unwrap();
    stage.assert_all_in(&stage.file, "back");
    // Where new ones go, with none there yet.
    let stage = Stage::empty();
    stage.move_to("os", true).unwrap();
    stage.found().store_device(&device("alice", SEED)).unwrap();
    assert_eq!(stage.os.names(), ["device/alice"]);
}

#[test]
fn keys_that_move_leave_the_seeds_where_they_are_or_join_them() {
    let stage = Stage::apart();
    stage.move_to("os", false).unwrap();
    stage.assert_whole("away from both");
    assert_eq!((stage.os.names().len(), stage.pass.names().len()), (4, 2));
    assert_eq!(stage.choices(), [Some("os".to_owned()), Some("pass".to_owned())]);
    stage.move_to("pass", false).unwrap();
    // Then new seeds do not stay behind when all of it moves once more.
    stage.assert_all_in(&stage.pass, "to the seeds");
}

#[test]
fn devices_of_before_join_those_that_are_apart_already() {
    let stage = Stage::filled();
    let vault = stage.over(&stage.file, |vault| vault.with_seeds_in(&stage.pass, true));
    vault.store_device(&device("dave", SEED)).unwrap();
    assert_eq!(stage.pass.names(), ["device/dave"]);
    stage.move_to("pass", true).unwrap();
    assert_eq!(stage.pass.names(), ["device/alice", "device/carol", "device/dave"]);
    assert_eq!(stage.found().device("dave").unwrap(), Some(device("dave", SEED)));
    assert_eq!(stage.found().device("alice").unwrap(), Some(device("alice", SEED)));
}

#[test]
fn what_is_there_under_the_same_name_is_not_replaced_unless_it_is_the_same() {
    let stage = Stage::filled();
    let alice = stage.file.get(&record("device", "alice")).unwrap();
    stage.os.put(&record("device", "alice"), &alice).unwrap();
    stage.os.put(&record("key", "main"), &SecretBytes::new(b"somebody else's".to_vec())).unwrap();
    stage.os.put(&record("key", "nobody's"), &SecretBytes::new(b"not ours".to_vec())).unwrap();
    let before = stage.os.names();
    match stage.move_to("os", false) {
        Err(VaultError::MoveConflict { keystore: "os", names }) => assert_eq!(names, ["key/main"]),
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.os.names(), before);
    assert!(!stage.path("index.os.json").exists());
    stage.assert_nothing_pending("refused");
    stage.assert_whole("refused");
    // What was there the same stays there when the move is undone, for it may be another vault's.
    stage.os.remove(&record("key", "main")).unwrap();
    stage.os.fail_at(10, || KeystoreError::TooLarge { keystore: "os", limit_bytes: 1 });
    assert!(stage.move_to("os", false).is_err());
    assert_eq!(stage.os.names(), ["device/alice", "key/nobody's"]);
    stage.assert_nothing_pending("undone");
    stage.move_to("os", false).unwrap();
    stage.os.remove(&record("key", "nobody's")).unwrap();
    stage.assert_all_in(&stage.os, "moved");
}

#[test]
fn an_encrypted_file_that_was_only_begun_is_gone_with_what_it_was_before() {
    let stage = Stage::filled();
    stage.move_to("os", false).unwrap();
    let ask = Box::new(|_| Ok("correct horse".into()));
    let file = FileKeystore::with_cost(stage.folder.path().join("data"), ask, KdfCost::LEAST);
    // The log does not take what was done after everything was copied.
    let head = stage.folder.path().join("state/audit.head");
    fs::remove_file(&head).unwrap();
    fs::create_dir(&head).unwrap();
    let keystores: [&dyn Keystore; 3] = [&file, &stage.os, &stage.pass];
    stage.move_over(keystores, "file", false).unwrap_err();
    assert!(!stage.path("keystore").exists() && !stage.path("keystore.previous").exists());
    stage.assert_all_in(&stage.os, "undone");
}

#[test]
fn enrolments_of_one_name_do_not_become_one() {
    let stage = Stage::filled();
    let other = Enrolment { user_name: "another".to_owned(), ..enrolment() };
    stage.over(&stage.os, |vault| vault.begin_enrolment(&name("bob"), other)).unwrap();
    match stage.move_to("os", false) {
        Err(VaultError::MoveConflict { names, .. }) => assert_eq!(names, ["enrolment/bob"]),
        other => panic!("{other:?}"),
    }
    stage.assert_whole("refused");
}

#[test]
fn what_only_the_index_names_is_left_out_and_said() {
    let stage = Stage::filled();
    stage.file.remove(&record("key", "other")).unwrap();
    stage.file.remove(&record("session", CacheKey::of(["s"]).as_str())).unwrap();
    let moved = stage.move_to("os", false).unwrap();
    assert_eq!(moved, Moved { records: 4, gone: vec![record("key", "other")], ..Moved::default() });
    let index = stage.found().index().unwrap();
    assert!(index.keys.keys().eq([&name("main")]) && stage.file.names().is_empty());
    assert!(!stage.path("index.file.json").exists());
    assert_eq!(index.sessions.len(), 1, "a session that is kept elsewhere has an entry alone");
}

#[test]
fn what_can_be_obtained_anew_stops_nothing_when_it_is_damaged_and_the_rest_does() {
    let corrupt = || KeystoreError::Corrupt { keystore: "file", reason: "a test".to_owned() };
    // Read in this order: two keys, two devices, a session and a sign-in.
    for (nth, kind) in [(1, "key"), (3, "device"), (5, "session"), (6, "sign-in")] {
        let stage = Stage::filled();
        stage.file.fail_at(nth, corrupt);
        let moved = stage.move_to("os", false);
        stage.assert_nothing_pending(kind);
        if nth < 5 {
            assert!(matches!(moved, Err(VaultError::Keystore(KeystoreError::Corrupt { .. }))), "{kind}: {moved:?}");
            stage.assert_all_in(&stage.file, kind);
            continue;
        }
        let moved = moved.unwrap();
        let kinds: Vec<&str> = moved.unreadable.iter().map(RecordName::kind).collect();
        assert_eq!((moved.records, kinds), (5, vec![kind]));
        assert_eq!((stage.file.names(), stage.os.names().len()), (Vec::new(), 5), "{kind}");
        assert!(!stage.path("index.file.json").exists(), "{kind}");
        let index = stage.found().index().unwrap();
        assert_eq!(index.sessions.len() + index.sign_ins.len(), 1, "{kind}: {index:?}");
    }
    // The move is undone for another reason: what could not be read is still named.
    let stage = Stage::filled();
    stage.file.fail_at(5, corrupt);
    stage.os.fail_at(7, || KeystoreError::TooLarge { keystore: "os", limit_bytes: 1 });
    stage.move_to("os", false).unwrap_err();
    stage.assert_all_in(&stage.file, "undone before anything was forgotten");
}

#[test]
fn sessions_in_a_keystore_of_their_own_are_obtained_anew_after_the_move() {
    let stage = Stage::empty();
    let kernel = MemoryKeystore::named("kernel");
    let vault = stage.over(&stage.file, |vault| vault.with_sessions_in(&kernel, true));
    fill(&vault);
    assert_eq!(kernel.names().len(), 1);
    vault.move_to("os", false, &stage.keystores(), at(100), &|| {}).unwrap();
    assert_eq!((kernel.names(), stage.os.names().len()), (Vec::new(), 5));
    let vault = stage.over(&stage.os, |vault| vault.with_sessions_in(&kernel, true));
    assert!(
        vault.index().unwrap().sessions.is_empty() && vault.session(&CacheKey::of(["s"]), at(100)).unwrap().is_none()
    );
}

#[test]
fn a_process_that_began_before_the_move_makes_no_second_vault() {
    let stage = Stage::filled();
    let old = stage.found();
    stage.move_to("os", false).unwrap();
    let moved = |error: Result<(), VaultError>| match error {
        Err(VaultError::Moved { from, to }) => assert_eq!((from.as_str(), to.as_str()), ("file", "os")),
        other => panic!("{other:?}"),
    };
    moved(old.store_key(&name("new"), &key("three")));
    moved(old.store_device(&device("new", SEED)));
    moved(old.key(&name("main")).map(drop));
    moved(old.device("alice").map(drop));
    moved(old.remember_session(&CacheKey::of(["t"]), &session(), at(1)));
    moved(old.move_to("pass", false, &stage.keystores(), at(100), &|| {}).map(drop));
    stage.assert_all_in(&stage.os, "untouched");
    // And where only the seeds moved.
    let old = stage.found();
    stage.move_to("pass", true).unwrap();
    let moved = |error: Result<(), VaultError>| assert!(matches!(error, Err(VaultError::Moved { .. })), "{error:?}");
    moved(old.device("alice").map(drop));
    moved(old.store_device(&device("new", SEED)));
    old.store_key(&name("new"), &key("three")).unwrap();
    assert_eq!(stage.pass.names(), ["device/alice", "device/carol"]);
}

#[test]
fn whoever_asks_for_a_keystore_by_name_is_not_stopped_by_where_the_vault_is() {
    let stage = Stage::filled();
    stage.move_to("os", false).unwrap();
    stage.over(&stage.file, |vault| vault.store_key(&name("new"), &key("three"))).unwrap();
    assert_eq!(stage.file.names(), ["key/new"]);
    // It moves alone, to where the vault is.
    let moved = stage.over(&stage.file, |vault| vault.move_to("os", false, &stage.keystores(), at(1), &|| {})).unwrap();
    assert_eq!((moved.records, stage.file.names()), (1, Vec::<String>::new()));
    assert_eq!(stage.found().key(&name("new")).unwrap(), Some(key("three")));
    stage.found().forget_key(&name("new")).unwrap();
    stage.assert_all_in(&stage.os, "one vault again");
}

#[test]
fn a_keystore_that_was_asked_for_by_name_takes_nobodys_place_but_its_own() {
    let hidden = |stage: &Stage, moved: Result<Moved, VaultError>, by: &str| {
        match moved {
            Err(VaultError::WouldHide { keystore, .. }) => assert_eq!(keystore, by),
            other => panic!("{other:?}"),
        }
        stage.assert_nothing_pending(by);
    };
    let stage = Stage::filled();
    let move_pass = |to| stage.over(&stage.pass, |vault| vault.move_to(to, false, &stage.keystores(), at(1), &|| {}));
    stage.over(&stage.pass, |vault| vault.store_key(&name("new"), &key("three"))).unwrap();
    hidden(&stage, move_pass("os"), "file");
    stage.assert_whole("untouched");
    move_pass("file").unwrap();
    assert_eq!((stage.pass.names(), stage.choices()[0].as_deref()), (Vec::new(), Some("file")));
    // The same of the seeds, which are in `pass`, and of those in `os` that are asked for.
    let stage = Stage::apart();
    let asked = stage.over(&stage.file, |vault| vault.with_seeds_in(&stage.os, true));
    hidden(&stage, asked.move_to("helper", true, &stage.keystores(), at(1), &|| {}), "pass");
    stage.assert_whole("untouched");
}
