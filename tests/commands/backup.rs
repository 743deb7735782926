//! Backups: made, compared, and brought back, all of it or nothing.

use std::{fs, path::PathBuf, time::Duration};

use age::secrecy::ExposeSecret;
use mfavault::{
    backup_file::{BackupFileError, shares::Split},
    clock::Clock,
    commands::{
        Context, Error, Outcome,
        backup::{Compared, Opening, SharesError, Standing, create, restore, sheet, verify, verify::Comparison},
        list,
        mfa::import,
    },
    keystore::{Keystore, KeystoreError, RecordName},
    prompt::PromptError,
    secret::{SecretBytes, SecretText},
    vault::{Consent, DeviceRecord, Index},
};

use crate::support::bench::{Bench, import_of, name};

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
        let (name, from) = (Some(device.to_owned()), import::From::Text(seed.into()));
        let arguments = import::Arguments { name, overwrite: true, ..import_of(from) };
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
        let (with_keys, overwrite, split) = (true, false, None);
        let mut arguments = create::Arguments { file, recipients, opening, split, with_keys, overwrite };
        change(&mut arguments);
        self.bench.run(|context| create::run(context, arguments)).map(drop)
    }

    fn create_shares(&self, file: &str, split: &str) -> Result<Vec<PathBuf>, Error> {
        let file = self.bench.path(file);
        let split: Split = split.parse().unwrap();
        let (recipients, opening, with_keys, overwrite) = (Vec::new(), Opening::default(), true, false);
        let split_into = Some(split);
        let arguments =
            create::Arguments { file: file.clone(), recipients, opening, split: split_into, with_keys, overwrite };
        self.bench.run(|context| create::run(context, arguments))?;
        let name = |number| format!("{}.{number}-of-{}.txt", file.display(), split.count());
        Ok((1..=split.count()).map(|number| PathBuf::from(name(number))).collect())
    }

    fn verify_shares(&self, files: &[&PathBuf]) -> Result<Comparison, Error> {
        let files: Vec<PathBuf> = files.iter().map(|path| path.to_path_buf()).collect();
        match self.bench.run(|context| verify::run(context, &files, &Opening::default()))? {
            Outcome::Comparison(comparison) => Ok(comparison),
            _ => panic!("no comparison"),
        }
    }

    fn index(&self) -> Index {
        self.bench.run(|context| context.vault.index()).unwrap()
    }

    fn backed_up(&self) -> Vec<String> {
        let devices = self.index().devices.into_iter();
        devices.filter(|(_, entry)| entry.backed_up.is_some()).map(|(name, _)| name).collect()
    }

    /// Number and age in seconds of the last backup.
    fn last_backup(&self) -> Option<(u64, u64)> {
        let now = self.bench.clock.now();
        self.index().last_backup.map(|last| (last.generation, now.duration_since(last.created).unwrap().as_secs()))
    }

    fn change_device(&self, name: &str, change: impl FnOnce(&mut DeviceRecord)) {
        let mut record = self.bench.device(name).unwrap();
        change(&mut record);
        self.bench.run(|context| context.vault.store_device(&record)).unwrap();
    }

    /// Gives a code of a counter-based device out: the counter it was of.
    fn spend_counter(&self, name: &str) -> u64 {
        let record = self.bench.device(name).unwrap();
        let take = |context: &Context<'_>| {
            context.vault.ledger(&record.identity())?.take_counter(record.device.counter.unwrap())
        };
        self.bench.run(take).unwrap().0
    }

    fn verify_with(&self, opening: &Opening) -> Result<Vec<Compared>, Error> {
        match self.bench.run(|context| verify::run(context, &[self.file()], opening))? {
            Outcome::Comparison(comparison) => Ok(comparison.compared),
            _ => panic!("no comparison"),
        }
    }

    fn standings(&self) -> Vec<(String, Standing)> {
        let compared = self.verify_with(&self.opening()).unwrap();
        compared.into_iter().map(|line| (format!("{} {}", line.kind, line.name), line.standing)).collect()
    }

    fn restore(&self, change: impl FnOnce(&mut restore::Arguments)) -> Result<(), Error> {
        let (files, opening) = (vec![self.file()], self.opening());
        let mut arguments = restore::Arguments { files, opening, overwrite: false, confirmed: true };
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
    assert_eq!(stage.bench.prompt.questions(), ["Restore 4 of them, 2 of which replace what is here?"]);
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
    assert_eq!(stage.everything().0, before.0);
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

#[test]
fn each_backup_has_the_next_number_and_is_noted_once_it_is_good() {
    let stage = Stage::new();
    assert_eq!((stage.last_backup(), stage.backed_up().len()), (None, 0));
    stage.create(|arguments| arguments.recipients = vec!["age1nonsense".to_owned()]).unwrap_err();
    assert_eq!((stage.last_backup(), stage.backed_up().len()), (None, 0));
    stage.create(|_| {}).unwrap();
    assert!(stage.bench.prompt.talk().contains(", number 1 of 20"));
    assert_eq!((stage.last_backup(), stage.backed_up()), (Some((1, 0)), vec!["alice".to_owned(), "bob".to_owned()]));
    stage.create(|_| {}).unwrap_err();
    stage.bench.clock.advance(60);
    assert_eq!(stage.last_backup(), Some((1, 60)));
    stage.create(|arguments| arguments.overwrite = true).unwrap();
    assert_eq!(stage.last_backup(), Some((2, 0)));
    stage.bench.clock.advance(60);
    stage.import("alice", OTHER);
    assert_eq!(stage.backed_up(), ["bob"]);
    stage.create_shares("shared", "2/3").unwrap();
    assert_eq!((stage.last_backup(), stage.backed_up().len()), (Some((3, 0)), 2));
}

#[test]
fn a_vault_that_was_lost_counts_on_from_the_backup() {
    let (stage, other) = (Stage::new(), Stage { bench: Bench::empty(|_| {}), identity: Stage::new().identity });
    stage.create(|_| {}).unwrap();
    stage.create(|arguments| arguments.overwrite = true).unwrap();
    fs::copy(stage.file(), other.file()).unwrap();
    other.restore(|arguments| arguments.opening = stage.opening()).unwrap();
    assert_eq!(other.last_backup().unwrap().0, 2);
    assert_eq!(other.backed_up(), ["alice", "bob"]);
}

#[test]
fn an_older_backup_is_restored_after_a_warning_with_both_dates() {
    let stage = Stage::new();
    stage.create(|_| {}).unwrap();
    let first = fs::read(stage.file()).unwrap();
    stage.bench.clock.advance(3600);
    stage.import("alice", OTHER);
    stage.create(|arguments| arguments.overwrite = true).unwrap();
    stage.bench.prompt.talk();
    stage.restore(|_| {}).unwrap();
    assert!(!stage.bench.prompt.talk().contains("warning"), "this is the last one");

    fs::write(stage.file(), first).unwrap();
    let dates = |stage: &Stage| {
        let talk = stage.bench.prompt.talk();
        let warnings: Vec<String> = talk.lines().filter(|line| line.contains("warning")).map(str::to_owned).collect();
        assert!(warnings.iter().all(|line| line.matches("T2").count() == 2), "{warnings:#?}");
        warnings
    };
    stage.restore(|_| {}).unwrap_err();
    let warnings = dates(&stage);
    assert!(warnings[0].contains("older than the last one") && warnings[0].contains("number 1 of"), "{warnings:#?}");
    assert!(warnings[0].contains("number 2 of") && warnings[1].contains("device alice here is newer"), "{warnings:#?}");
    stage.bench.prompt.answer("no");
    let asked = |arguments: &mut restore::Arguments| (arguments.overwrite, arguments.confirmed) = (true, false);
    assert!(matches!(stage.restore(asked), Err(Error::Declined)));
    assert_eq!(dates(&stage).len(), 2);
    stage.bench.prompt.answer("yes");
    stage.restore(asked).unwrap();
    assert_eq!(stage.last_backup(), Some((2, 0)));
    assert_eq!(stage.bench.device("alice").unwrap().device.seed.to_base32().expose(), SEED);
}

/// A counter-based device, from counter 5 on.
fn with_a_counter() -> Stage {
    let stage = Stage::new();
    let uri = format!("otpauth://hotp/Example:carol?secret={SEED}&counter=5");
    stage.import("carol", &uri);
    stage
}

fn of_carol(stage: &Stage) -> Compared {
    let compared = stage.verify_with(&stage.opening()).unwrap();
    compared.into_iter().find(|line| line.name == "carol").unwrap()
}

#[test]
fn no_counter_comes_twice_after_a_restore() {
    let stage = with_a_counter();
    assert_eq!(stage.spend_counter("carol"), 5);
    stage.create(|_| {}).unwrap();
    assert_eq!((of_carol(&stage).standing, of_carol(&stage).codes_since), (Standing::Same, None));
    assert_eq!(stage.spend_counter("carol"), 6);
    stage.bench.prompt.talk();
    assert_eq!((of_carol(&stage).standing, of_carol(&stage).codes_since), (Standing::Same, Some(1)));
    assert!(stage.bench.prompt.talk().contains("one code of carol was given out since"));

    // Gone and brought back: the ledger knows of the second code.
    stage.bench.run(|context| context.vault.forget_device("carol")).unwrap();
    stage.restore(|_| {}).unwrap();
    assert_eq!(stage.spend_counter("carol"), 7);

    // On another machine there is no ledger: there the backup knows of the first.
    let other = Stage { bench: Bench::empty(|_| {}), identity: Stage::new().identity };
    fs::copy(stage.file(), other.file()).unwrap();
    other.restore(|arguments| arguments.opening = stage.opening()).unwrap();
    assert_eq!(other.spend_counter("carol"), 6);
}

#[test]
fn a_counter_that_is_ahead_in_the_backup_is_a_difference_and_is_never_lowered() {
    let stage = with_a_counter();
    stage.change_device("carol", |record| record.device.counter = Some(9));
    stage.create(|_| {}).unwrap();
    stage.change_device("carol", |record| record.device.counter = Some(7));
    assert_eq!(of_carol(&stage).standing, Standing::Different);
    stage.restore(|arguments| arguments.overwrite = true).unwrap();
    assert_eq!(stage.bench.device("carol").unwrap().device.counter, Some(9));

    // Replaced for another reason: the higher counter stays.
    stage.change_device("carol", |record| {
        record.device.counter = Some(20);
        record.device.serial_number = Some("arn:aws:iam::111122223333:mfa/carol".parse().unwrap());
    });
    stage.restore(|arguments| arguments.overwrite = true).unwrap();
    let restored = stage.bench.device("carol").unwrap().device;
    assert_eq!((restored.counter, restored.serial_number), (Some(20), None));
}

#[test]
fn a_device_that_was_renamed_since_is_still_the_same() {
    let stage = Stage::new();
    stage.create(|_| {}).unwrap();
    let mut record = stage.bench.device("alice").unwrap();
    record.device.name = "phone".to_owned();
    stage.bench.run(|context| context.vault.forget_device("alice")).unwrap();
    stage.bench.run(|context| context.vault.store_device(&record)).unwrap();
    let compared = stage.verify_with(&stage.opening()).unwrap();
    assert!(compared.iter().all(|line| line.standing == Standing::Same), "{compared:#?}");
    assert_eq!(compared[0].held_as.as_deref(), Some("phone"));
    assert!(stage.bench.prompt.talk().contains("alice is called phone here"));
    stage.restore(|_| {}).unwrap();
    assert!(stage.bench.device("alice").is_none());
    assert_eq!(stage.backed_up(), ["bob", "phone"]);
}

#[test]
fn a_device_that_got_the_name_of_a_renamed_one_is_not_taken_for_it() {
    let stage = Stage::new();
    let serial = |device: &str| Some(format!("arn:aws:iam::111122223333:mfa/{device}").parse().unwrap());
    stage.change_device("alice", |record| record.device.serial_number = serial("old"));
    stage.create(|_| {}).unwrap();
    let mut record = stage.bench.device("alice").unwrap();
    record.device.name = "phone".to_owned();
    stage.bench.run(|context| context.vault.forget_device("alice")).unwrap();
    stage.bench.run(|context| context.vault.store_device(&record)).unwrap();
    stage.import("alice", "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK");
    stage.change_device("alice", |record| record.device.serial_number = serial("new"));
    let compared = stage.verify_with(&stage.opening()).unwrap();
    assert_eq!((compared[0].held_as.as_deref(), compared[0].standing), (Some("phone"), Standing::Same));
    assert!(stage.standings().contains(&("device alice".to_owned(), Standing::OnlyInVault)));
    stage.restore(|arguments| arguments.overwrite = true).unwrap();
    assert_eq!(stage.bench.device("alice").unwrap().device.serial_number, serial("new"), "AWS demands this one");
}

#[test]
fn of_two_decisions_the_stricter_about_questions_and_the_later_about_aws_hold() {
    let stage = Stage::new();
    let minutes = |minutes: u64| Some(Consent { remembered: Duration::from_secs(minutes * 60) });
    for (device, saved) in [("alice", 60), ("bob", 1)] {
        stage.change_device(device, |record| (record.consent, record.deactivated) = (minutes(saved), true));
    }
    stage.create(|_| {}).unwrap();
    for device in ["alice", "bob"] {
        stage.change_device(device, |record| {
            (record.consent, record.deactivated) = (minutes(5), false);
            record.device.serial_number = Some(format!("arn:aws:iam::111122223333:mfa/{device}").parse().unwrap());
        });
    }
    stage.restore(|arguments| arguments.overwrite = true).unwrap();
    let (alice, bob) = (stage.bench.device("alice").unwrap(), stage.bench.device("bob").unwrap());
    assert_eq!((alice.consent, bob.consent), (minutes(5), minutes(1)));
    assert!(!alice.deactivated && !bob.deactivated, "enabled again since");
}

#[test]
fn what_was_decided_about_a_device_is_kept() {
    let stage = Stage::new();
    let consent = Some(Consent { remembered: Duration::from_secs(60) });
    stage.change_device("alice", |record| record.consent = consent);
    stage.create(|_| {}).unwrap();
    for device in ["alice", "bob"] {
        stage.change_device(device, |record| {
            record.consent = None;
            record.deactivated = true;
            record.device.serial_number = Some(format!("arn:aws:iam::111122223333:mfa/{device}").parse().unwrap());
        });
    }
    stage.restore(|arguments| arguments.overwrite = true).unwrap();
    let (alice, bob) = (stage.bench.device("alice").unwrap(), stage.bench.device("bob").unwrap());
    assert_eq!((alice.consent, bob.consent), (consent, None));
    assert!(alice.deactivated && bob.deactivated && alice.device.serial_number.is_none());
    stage.bench.run(|context| context.vault.forget_device("alice")).unwrap();
    stage.restore(|_| {}).unwrap();
    assert_eq!(stage.bench.device("alice").unwrap().consent, consent);
}

#[test]
fn any_of_enough_shares_bring_everything_back() {
    let stage = Stage::new();
    let files = stage.create_shares("shared", "2/3").unwrap();
    let before = stage.everything();
    for pair in [[0, 1], [0, 2], [2, 1]] {
        assert!(stage.verify_shares(&pair.map(|index: usize| &files[index])).unwrap().is_alike());
        stage.bench.run(|context| context.vault.forget_device("alice")).unwrap();
        stage.bench.run(|context| context.vault.forget_key(&name("other"))).unwrap();
        let chosen = pair.map(|index| files[index].clone()).to_vec();
        stage.restore(|arguments| arguments.files = chosen).unwrap();
        assert_eq!(stage.everything(), before);
    }
    assert!(stage.verify_shares(&files.iter().collect::<Vec<_>>()).unwrap().is_alike());
    for file in &files {
        let bytes = fs::read(file).unwrap();
        assert!([SEED, OTHER, "AGE-SECRET"].iter().all(|secret| !contains(&bytes, secret)));
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn shares_that_do_not_open_the_backup_are_named() {
    let stage = Stage::new();
    let files = stage.create_shares("shared", "3/5").unwrap();
    let others = stage.create_shares("again", "3/5").unwrap();
    let refused = |files: &[&PathBuf]| match stage.verify_shares(files).unwrap_err() {
        Error::Shares(error) => error,
        error => panic!("{error}"),
    };
    let named = |path: &PathBuf, at: &PathBuf| assert_eq!(path, at);

    for few in [&files[..1], &files[..2]] {
        let few: Vec<&PathBuf> = few.iter().collect();
        let SharesError::TooFew { needed: 3, given, missing } = refused(&few) else { panic!("{few:?}") };
        assert_eq!((given, missing), (few.len(), (few.len() as u8 + 1..=5).collect::<Vec<u8>>()));
    }
    let SharesError::Twice { path, other, number: 1 } = refused(&[&files[0], &files[1], &files[0]]) else { panic!() };
    named(&path, &files[0]);
    named(&other, &files[0]);
    let SharesError::OtherSet { path, other } = refused(&[&files[0], &files[1], &others[2]]) else { panic!() };
    named(&path, &others[2]);
    named(&other, &files[0]);
    stage.create(|_| {}).unwrap();
    for mixed in [[&files[0], &stage.file(), &files[1]], [&stage.file(), &files[0], &files[1]]] {
        let SharesError::NoShare { path } = refused(&mixed) else { panic!() };
        named(&path, &stage.file());
    }

    let good = fs::read_to_string(&files[1]).unwrap();
    for broken in [good.replacen("needed: 3", "needed: 2", 1), good[..good.len() - 9].to_owned()] {
        fs::write(&files[1], broken).unwrap();
        let error = stage.verify_shares(&[&files[0], &files[1], &files[2]]).unwrap_err();
        let Error::Backup { path, source: BackupFileError::DamagedShare { .. } } = error else { panic!("{error}") };
        named(&path, &files[1]);
    }
    // A forger sees to the checksum.
    let (head, tail) = good.split_once("sha256: ").unwrap();
    let at = head.find("key:\n    ").unwrap() + 9;
    let flipped = if &head[at..=at] == "0" { "1" } else { "0" };
    let head = format!("{}{flipped}{}", &head[..at], &head[at + 1..]);
    let tail = &tail[65..];
    let sum: String = sha256(&format!("{head}{tail}"));
    fs::write(&files[1], format!("{head}sha256: {sum}\n{tail}")).unwrap();
    let error = stage.verify_shares(&[&files[0], &files[1], &files[2]]).unwrap_err();
    assert!(matches!(error, Error::Backup { source: BackupFileError::SharesDoNotFit, .. }), "{error}");
    let SharesError::Wrong { path } = refused(&files.iter().collect::<Vec<_>>()) else { panic!() };
    named(&path, &files[1]);
}

fn sha256(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn shares_are_all_written_or_none() {
    let stage = Stage::new();
    fs::write(stage.bench.path("shared.2-of-3.txt"), "mine").unwrap();
    assert!(matches!(stage.create_shares("shared", "2/3"), Err(Error::File(_))));
    assert!(!stage.bench.path("shared.1-of-3.txt").exists());
    assert_eq!(stage.bench.text("shared.2-of-3.txt"), "mine");
    assert!(matches!(stage.create_shares("nowhere/shared", "2/3"), Err(Error::File(_))));
    assert_eq!((stage.last_backup(), stage.backed_up().len()), (None, 0));
}

#[test]
fn a_sheet_is_written_after_a_yes_and_counts_as_a_backup_of_its_devices() {
    let stage = Stage::new();
    let file = stage.bench.path("sheet.html");
    let print = |names: &[&str], confirmed, overwrite| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let arguments = sheet::Arguments { file: file.clone(), names, confirmed, overwrite };
        stage.bench.run(|context| sheet::run(context, &arguments)).map(drop)
    };
    stage.bench.prompt.answer("no");
    assert!(matches!(print(&[], false, false), Err(Error::Declined)));
    assert!(stage.bench.prompt.questions()[0].contains("the seeds of 2 devices unencrypted to"));
    assert!(matches!(print(&["nobody"], true, false), Err(Error::NoDevice { .. })));
    assert!(!file.exists() && stage.backed_up().is_empty());

    stage.bench.prompt.answer("yes");
    print(&["bob", "bob"], false, false).unwrap();
    assert_eq!((stage.backed_up(), stage.last_backup()), (vec!["bob".to_owned()], None));
    assert_eq!(stage.bench.run(list::not_backed_up).unwrap(), ["alice"]);
    let page = fs::read(&file).unwrap();
    assert!(contains(&page, "JBSW Y3DP EHPK 3PXP") && !contains(&page, "GEZD"));
    assert!(matches!(print(&[], true, false), Err(Error::File(_))));
    assert_eq!(fs::read(&file).unwrap(), page);
    print(&[], true, true).unwrap();
    assert!(contains(&fs::read(&file).unwrap(), "GEZD"));
    assert!(stage.bench.run(list::not_backed_up).unwrap().is_empty());
    stage.change_device("alice", |record| record.deactivated = true);
    let empty = Bench::empty(|_| {});
    let arguments = sheet::Arguments { file: empty.path("x"), names: Vec::new(), confirmed: true, overwrite: false };
    assert!(matches!(empty.run(|context| sheet::run(context, &arguments)), Err(Error::NothingToBackUp)));
}

#[test]
fn a_name_that_a_killed_renaming_left_without_a_record_does_not_hinder_a_backup() {
    let stage = Stage::new();
    stage.bench.run(|context| {
        let mut record = context.vault.device("alice").unwrap().unwrap();
        record.device.name = "work".to_owned();
        context.vault.store_device(&record).unwrap();
    });
    stage.bench.keystore.remove(&RecordName::new("device", "alice")).unwrap();
    stage.create(|_| {}).unwrap();
    stage.bench.keystore.remove(&RecordName::new("device", "work")).unwrap();
    let error = stage.create(|arguments| arguments.overwrite = true).unwrap_err();
    assert!(matches!(error, Error::RecordGone { kind: "device", .. }), "{error}");
}
