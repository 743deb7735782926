//! Backups: made, compared, and brought back, all of it or nothing.

use std::{fs, path::PathBuf};

use age::secrecy::ExposeSecret;
use mfavault::{
    backup_file::BackupFileError,
    commands::{
        Error, Outcome,
        backup::{Compared, Opening, Standing, create, restore, verify},
        mfa::import,
    },
    keystore::{Keystore, KeystoreError, RecordName},
    prompt::PromptError,
    secret::{SecretBytes, SecretText},
    vault::Index,
};

use crate::support::bench::{Bench, name};

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const OTHER: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// A vault with devices and keys, and a key pair for backups.
struct Stage {
    bench: Bench,
    identity: age::x25519::Identity,
}

impl Stage {
    fn new() -> Self {
        let stage = Stage { bench: Bench::empty(|_| {}), identity: age::x25519::Identity::generate() };
        stage.bench.write_config("[profile main]\n");
        stage.import("alice", SEED);
        stage.import("bob", OTHER);
        stage.bench.store_key("main", "alice");
        stage.bench.store_key("other", "admin");
        stage
    }

    fn import(&self, device: &str, seed: &str) {
        let (name, serial_number) = (Some(device.to_owned()), None);
        let from = import::From::Text(seed.into());
        let arguments = import::Arguments { name, from, serial_number, profile: None, overwrite: true };
        self.bench.run(|context| import::run(context, arguments)).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.bench.path("vault.age")
    }

    fn opening(&self) -> Opening {
        let text = self.identity.to_string().expose_secret().to_owned();
        Opening { identity_files: vec![SecretBytes::from(text.into_bytes())], passphrase: None }
    }

    fn create(&self, change: impl FnOnce(&mut create::Arguments)) -> Result<(), Error> {
        let recipients = vec![self.identity.to_public().to_string()];
        let (file, opening) = (self.file(), self.opening());
        let mut arguments = create::Arguments { file, recipients, opening, with_keys: true, overwrite: false };
        change(&mut arguments);
        self.bench.run(|context| create::run(context, arguments)).map(drop)
    }

    fn verify_with(&self, opening: &Opening) -> Result<Vec<Compared>, Error> {
        match self.bench.run(|context| verify::run(context, &self.file(), opening))? {
            Outcome::Comparison(compared) => Ok(compared),
            _ => panic!("no comparison"),
        }
    }

    fn standings(&self) -> Vec<(String, Standing)> {
        let compared = self.verify_with(&self.opening()).unwrap();
        compared.into_iter().map(|line| (format!("{} {}", line.kind, line.name), line.standing)).collect()
    }

    fn restore(&self, change: impl FnOnce(&mut restore::Arguments)) -> Result<(), Error> {
        let (file, opening) = (self.file(), self.opening());
        let mut arguments = restore::Arguments { file, opening, overwrite: false, confirmed: true };
        change(&mut arguments);
        self.bench.run(|context| restore::run(context, &arguments)).map(drop)
    }

    /// Two things are gone, and two are others than in the backup.
    fn change_everything(&self) {
        self.import("alice", OTHER);
        self.bench.store_key("main", "admin");
        self.bench.run(|context| context.vault.forget_device("bob")).unwrap();
        self.bench.run(|context| context.vault.forget_key(&name("other"))).unwrap();
    }

    /// All records with their content, and the index.
    fn everything(&self) -> (Vec<(String, SecretBytes)>, Index) {
        let kinds = ["device", "key"];
        let names = self.bench.keystore.names().into_iter().map(|name| {
            let (kind, rest) = name.split_once('/').unwrap();
            let kind = kinds.into_iter().find(|known| *known == kind).unwrap();
            (name.clone(), self.bench.keystore.get(&RecordName::new(kind, rest)).unwrap())
        });
        (names.collect(), self.bench.run(|context| context.vault.index()).unwrap())
    }
}

const ALL: [&str; 4] = ["device alice", "device bob", "key main", "key other"];

fn all(standing: Standing) -> Vec<(String, Standing)> {
    ALL.map(|name| (name.to_owned(), standing)).to_vec()
}

#[test]
fn a_backup_brings_everything_back() {
    let stage = Stage::new();
    stage.create(|_| {}).unwrap();
    assert!(stage.bench.prompt.talk().contains("2 devices and 2 keys"));
    assert_eq!(stage.standings(), all(Standing::Same));
    let before = stage.everything();
    for device in ["alice", "bob"] {
        stage.bench.run(|context| context.vault.forget_device(device)).unwrap();
    }
    for profile in ["main", "other"] {
        stage.bench.run(|context| context.vault.forget_key(&name(profile))).unwrap();
    }
    assert_eq!(stage.standings(), all(Standing::OnlyInBackup));
    stage.restore(|_| {}).unwrap();
    assert_eq!(stage.everything(), before);
    stage.restore(|_| {}).unwrap();
    assert!(stage.bench.prompt.talk().ends_with("nothing to restore: all of it is here"));
}

#[test]
fn differences_are_named_one_by_one() {
    let stage = Stage::new();
    stage.create(|_| {}).unwrap();
    stage.change_everything();
    stage.import("carol", SEED);
    let standings = [
        ("device alice", Standing::Different),
        ("device bob", Standing::OnlyInBackup),
        ("device carol", Standing::OnlyInVault),
        ("key main", Standing::Different),
        ("key other", Standing::OnlyInBackup),
    ];
    assert_eq!(stage.standings(), standings.map(|(name, standing)| (name.to_owned(), standing)));
}

#[test]
fn what_differs_is_left_alone_unless_it_is_to_be_replaced() {
    let stage = Stage::new();
    stage.create(|_| {}).unwrap();
    stage.change_everything();
    let before = stage.everything();
    let error = stage.restore(|_| {}).unwrap_err();
    assert!(matches!(&error, Error::RestoreConflict { names } if *names == ["device alice", "key main"]), "{error}");
    stage.bench.prompt.answer("no");
    let asked = |arguments: &mut restore::Arguments| (arguments.overwrite, arguments.confirmed) = (true, false);
    assert!(matches!(stage.restore(asked), Err(Error::Declined)));
    assert_eq!(stage.bench.prompt.questions(), ["Restore 4 of them?"]);
    assert_eq!(stage.everything(), before);
    stage.bench.prompt.answer("yes");
    stage.restore(asked).unwrap();
    assert_eq!(stage.standings(), all(Standing::Same));
}

#[test]
fn a_keystore_that_fails_midway_is_put_back_as_it_was() {
    let counted = Stage::new();
    counted.create(|_| {}).unwrap();
    counted.change_everything();
    let before = counted.bench.keystore.operations();
    counted.restore(|arguments| arguments.overwrite = true).unwrap();
    let operations = counted.bench.keystore.operations() - before;
    assert!(operations > 12, "{operations}");
    for nth in 1..=operations {
        let stage = Stage::new();
        stage.create(|_| {}).unwrap();
        stage.change_everything();
        let before = stage.everything();
        let full = || KeystoreError::Unavailable { keystore: "memory", reason: "it is full".to_owned() };
        stage.bench.keystore.fail_at(nth, full);
        let error = stage.restore(|arguments| arguments.overwrite = true).unwrap_err();
        assert!(matches!(error, Error::Vault(_)), "operation {nth}: {error}");
        assert_eq!(stage.everything(), before, "operation {nth}");
    }
}

#[test]
fn a_restore_gives_no_spent_code_back() {
    let stage = Stage::new();
    stage.create(|_| {}).unwrap();
    let spent = |stage: &Stage| {
        let outcome = stage.bench.run(|context| mfavault::commands::code::run(context, Some("alice".to_owned())));
        assert!(matches!(outcome, Ok(Outcome::Code { .. })));
        stage.bench.prompt.talk()
    };
    spent(&stage);
    stage.bench.run(|context| context.vault.forget_device("alice")).unwrap();
    stage.restore(|_| {}).unwrap();
    stage.bench.prompt.talk();
    assert!(spent(&stage).contains("given out before"));
}

#[test]
fn keys_go_in_only_if_asked_for_and_secrets_never_in_the_clear() {
    let stage = Stage::new();
    stage.create(|arguments| arguments.with_keys = false).unwrap();
    assert_eq!(stage.standings(), all(Standing::Same)[..2]);
    let bytes = fs::read(stage.file()).unwrap();
    assert!(!bytes.windows(SEED.len()).any(|window| window == SEED.as_bytes()));
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let stage = Stage::new();
    fs::write(stage.file(), "mine").unwrap();
    assert!(matches!(stage.create(|_| {}), Err(Error::File(_))));
    assert_eq!(fs::read(stage.file()).unwrap(), b"mine");
    stage.create(|arguments| arguments.overwrite = true).unwrap();
    assert_eq!(stage.standings(), all(Standing::Same));
}

#[test]
fn a_backup_that_nobody_here_can_open_is_said_not_to_have_been_opened() {
    let stage = Stage::new();
    stage.create(|arguments| arguments.opening = Opening::default()).unwrap();
    assert!(stage.bench.prompt.talk().contains("not opened: no --identity was given"));
    assert_eq!(stage.standings(), all(Standing::Same));
}

#[test]
fn a_passphrase_is_typed_twice_and_where_nobody_types_comes_from_the_environment() {
    let mut stage = Stage::new();
    let by_passphrase = |arguments: &mut create::Arguments| {
        (arguments.recipients, arguments.opening) = (Vec::new(), Opening::default())
    };
    stage.bench.prompt.answer("");
    assert!(matches!(stage.create(by_passphrase), Err(Error::EmptyPassphrase)));
    stage.bench.prompt.answer("one");
    stage.bench.prompt.answer("two");
    assert!(matches!(stage.create(by_passphrase), Err(Error::PassphrasesDiffer)));
    assert!(!stage.file().exists());
    (0..3).for_each(|_| stage.bench.prompt.answer("correct horse"));
    stage.create(by_passphrase).unwrap();
    assert_eq!(stage.verify_with(&Opening::default()).unwrap().len(), 4);
    stage.bench.prompt.answer("wrong");
    let error = stage.verify_with(&Opening::default()).unwrap_err();
    assert!(matches!(error, Error::Backup { source: BackupFileError::WrongPassphrase, .. }), "{error}");
    stage.bench.prompt.leave();
    let error = stage.verify_with(&Opening::default()).unwrap_err();
    assert!(
        matches!(&error, Error::Prompt(PromptError::NoTerminal { instead, .. }) if instead.contains("MFAVAULT_PASSPHRASE")),
        "{error}"
    );
    stage.bench.set_environment(&[("MFAVAULT_PASSPHRASE", "correct horse")]);
    assert_eq!(stage.verify_with(&Opening::default()).unwrap().len(), 4);
}

#[test]
fn what_is_no_backup_of_ours_is_refused_and_changes_nothing() {
    let stage = Stage::new();
    let before = stage.everything();
    assert!(matches!(stage.restore(|_| {}), Err(Error::File(_))), "no file");
    fs::write(stage.file(), "not age").unwrap();
    assert!(matches!(stage.restore(|_| {}), Err(Error::Backup { source: BackupFileError::NotAge, .. })));
    let recipient = stage.identity.to_public();
    for content in ["{}", r#"{"version": 2}"#, r#"{"version": 1, "created": "x", "devices": [], "keys": []}"#] {
        fs::write(stage.file(), age::encrypt(&recipient, content.as_bytes()).unwrap()).unwrap();
        let error = stage.restore(|_| {}).unwrap_err();
        assert!(matches!(error, Error::NotABackup { .. }), "{content}: {error}");
    }
    stage.create(|arguments| arguments.overwrite = true).unwrap();
    let mut bytes = fs::read(stage.file()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(stage.file(), &bytes).unwrap();
    assert!(matches!(stage.restore(|_| {}), Err(Error::Backup { source: BackupFileError::Damaged, .. })));
    stage.create(|arguments| arguments.overwrite = true).unwrap();
    let stranger = Stage { bench: Bench::empty(|_| {}), identity: age::x25519::Identity::generate() };
    let error = stage.verify_with(&stranger.opening()).unwrap_err();
    assert!(matches!(error, Error::Backup { source: BackupFileError::NoMatchingIdentity, .. }), "{error}");
    assert_eq!(stage.everything(), before);
}

#[test]
fn nothing_makes_no_backup_and_a_recipient_that_is_none_is_refused() {
    let stage = Stage { bench: Bench::empty(|_| {}), identity: age::x25519::Identity::generate() };
    assert!(matches!(stage.create(|_| {}), Err(Error::NothingToBackUp)));
    stage.import("alice", SEED);
    let error = stage.create(|arguments| arguments.recipients = vec!["age1nonsense".to_owned()]).unwrap_err();
    assert!(matches!(error, Error::Backup { source: BackupFileError::InvalidRecipient { .. }, .. }), "{error}");
    let mixed = stage.create(|arguments| arguments.opening.passphrase = Some(SecretText::from("also")));
    assert!(matches!(mixed, Err(Error::Backup { source: BackupFileError::MixedPassphrase, .. })));
    assert!(!stage.file().exists());
}
