//! Where the encrypted file's passphrase comes from: the environment, a file, the system's keystore if the settings say so,
//! and a person; and what it costs to guess.

use std::{
    cell::{Cell, OnceCell},
    path::PathBuf,
    rc::Rc,
    time::Duration,
};

use super::{args::KeystorePassphraseArgs, wire::World};
use crate::{
    commands::{
        self, Context, Error, Outcome,
        passphrase::{Memory, hint_at_weakness, record_of, remembered},
    },
    environment::Environment,
    keystore::{AskPassphrase, KdfCost, KeystoreError, KeystoreKind, OsKeystore, PassphraseFor, RecordName},
    prompt::{Prompt, PromptError},
    secret::SecretText,
    settings::{Line, PassphraseFrom, Settings, SettingsError},
};

/// For how long `unlock` unlocks if nobody says.
pub(super) const UNLOCK_FOR: Duration = Duration::from_secs(8 * 3600);

/// `MFAVAULT_PASSPHRASE`, else the first line of the file that `MFAVAULT_PASSPHRASE_FILE` names: read when it is first
/// needed, for most commands need none.
pub(super) struct GivenPassphrase {
    value: Option<SecretText>,
    file: Option<PathBuf>,
    read: OnceCell<SecretText>,
}

impl GivenPassphrase {
    pub(super) fn of(environment: &Environment) -> Self {
        let (value, file) = (environment.passphrase.clone(), environment.passphrase_file.clone());
        GivenPassphrase { value, file, read: OnceCell::new() }
    }

    pub(super) fn is_given(&self) -> bool {
        self.value.is_some() || self.file.is_some()
    }

    pub(super) fn get(&self) -> Result<Option<SecretText>, Error> {
        match (self.value.as_ref().or(self.read.get()), &self.file) {
            (Some(passphrase), _) => Ok(Some(passphrase.clone())),
            (None, Some(path)) => {
                let read = super::read_first_line(path)?;
                Ok(Some(self.read.get_or_init(|| read).clone()))
            }
            (None, None) => Ok(None),
        }
    }
}

/// What asks for the passphrase, once it is needed.
struct Asking {
    prompt: Rc<dyn Prompt>,
    given: Rc<GivenPassphrase>,
    /// Its record in the system's keystore, if the settings say that it is there.
    remembered: Option<RecordName>,
    interactive: bool,
    user: Option<String>,
    keystore: &'static str,
    /// Why there is one.
    why: &'static str,
    /// The passphrase that was tried last was the one that is remembered.
    was_remembered: Cell<bool>,
}

/// The passphrase of the file keystore.
pub(super) fn ask(world: &World, given: &Rc<GivenPassphrase>, of_seeds: bool) -> AskPassphrase {
    let (keystore, why) = match of_seeds {
        true => ("the seeds' keystore", "Seeds go into an encrypted file, apart from the keys."),
        false => ("the keystore", "Secrets go into an encrypted file."),
    };
    let asking = Asking {
        prompt: Rc::clone(&world.prompt),
        given: Rc::clone(given),
        remembered: is_remembered(world).then(|| record_of(&world.environment.folders.data)),
        interactive: world.interactive,
        user: world.environment.user.clone(),
        keystore,
        why,
        was_remembered: Cell::new(false),
    };
    Box::new(move |purpose| asking.answer(purpose))
}

impl Asking {
    fn answer(&self, purpose: PassphraseFor) -> Result<SecretText, KeystoreError> {
        let given = self.given.get().map_err(|error| match error {
            Error::File(error) => KeystoreError::File(error),
            error => locked(format!("MFAVAULT_PASSPHRASE_FILE: {error}")),
        })?;
        if let Some(passphrase) = given {
            return match purpose {
                PassphraseFor::Opening => Ok(passphrase),
                PassphraseFor::OpeningAgain => Err(KeystoreError::WrongPassphrase { keystore: "file" }),
                PassphraseFor::Creating => Ok(self.hinted(passphrase)),
            };
        }
        match purpose {
            PassphraseFor::Opening => self.remembered().map_or_else(|| self.asked("Passphrase of"), Ok),
            PassphraseFor::OpeningAgain => {
                self.prompt.say(match self.was_remembered.replace(false) {
                    true => "the passphrase that the system's keystore remembers is a wrong one",
                    false => "wrong passphrase; once more",
                });
                self.asked("Passphrase of")
            }
            PassphraseFor::Creating => {
                self.prompt.say(self.why);
                let first = self.asked("New passphrase of")?;
                match self.secret("The same again")? == first {
                    true => Ok(self.hinted(first)),
                    false => Err(locked("the two passphrases differ".to_owned())),
                }
            }
        }
    }

    /// From the system's keystore, or nothing, and then one line says why.
    fn remembered(&self) -> Option<SecretText> {
        let record = self.remembered.clone()?;
        let system = OsKeystore::new(self.interactive);
        match remembered(&Memory { keystore: &system, record, is_used: true }) {
            Ok(passphrase) => {
                self.was_remembered.set(true);
                Some(passphrase)
            }
            Err(KeystoreError::NotFound { .. }) => {
                self.prompt
                    .say("the system's keystore does not have the passphrase: `mfavault keystore passphrase --to-os`");
                None
            }
            Err(error) => {
                self.prompt.say(&format!("the passphrase that is remembered cannot be had: {error}"));
                None
            }
        }
    }

    fn asked(&self, question: &str) -> Result<SecretText, KeystoreError> {
        self.secret(&format!("{question} {}", self.keystore))
    }

    fn secret(&self, question: &str) -> Result<SecretText, KeystoreError> {
        self.prompt.secret(question, "MFAVAULT_PASSPHRASE_FILE").map_err(|error| match error {
            PromptError::Interrupted => KeystoreError::Interrupted,
            error => locked(error.to_string()),
        })
    }

    fn hinted(&self, passphrase: SecretText) -> SecretText {
        hint_at_weakness(&|line| self.prompt.say(line), &passphrase, self.user.as_deref());
        passphrase
    }
}

/// `keystore passphrase`.
pub(super) fn run(world: &World, context: &Context<'_>, arguments: KeystorePassphraseArgs) -> Result<Outcome, Error> {
    world.only_with_the_file()?;
    let file = world.file_keystore(false);
    let system = world.wishes.open(KeystoreKind::Os, world, false);
    let record = record_of(&world.environment.folders.data);
    let memory = Memory { keystore: &*system, record, is_used: is_remembered(world) };
    if arguments.forget_from_os {
        return commands::passphrase::take_from_memory(context, &file, &memory);
    }
    if arguments.to_os {
        let outcome = commands::passphrase::put_in_memory(context, &file, &memory)?;
        if !memory.is_used {
            let path = world.wishes.settings.path.display();
            world.prompt.say(&format!("write `passphrase_from = \"os\"` into {path} to have it taken from there"));
        }
        return Ok(outcome);
    }
    let new = arguments.new_passphrase_file.as_deref().map(super::read_first_line).transpose()?;
    commands::passphrase::change(context, &file, &memory, new)
}

fn is_remembered(world: &World) -> bool {
    world.wishes.settings.passphrase_from.is_some_and(|from| from.value == PassphraseFrom::Os)
}

/// What a passphrase that is set from now on costs to guess.
///
/// # Errors
/// If a setting is out of bounds, then `Settings`.
pub(super) fn cost(settings: &Settings) -> Result<KdfCost, Error> {
    let checked = |name: &str, setting: Option<Line<u32>>, range: std::ops::RangeInclusive<u32>| match setting {
        Some(Line { value, line }) if !range.contains(&value) => {
            let reason =
                format!("`{name}` wants a whole number from {} to {}: not {value}", range.start(), range.end());
            Err(SettingsError::Invalid { path: settings.path.clone(), line, reason })
        }
        setting => Ok(setting.map(|setting| setting.value)),
    };
    let usual = KdfCost::default();
    let memory = checked("kdf_memory_mib", settings.kdf_memory_mib, KdfCost::MEMORY_MIB)?;
    let passes = checked("kdf_passes", settings.kdf_passes, KdfCost::PASSES)?;
    let memory_kib = memory.map_or(usual.memory_kib, |mib| mib * 1024);
    Ok(KdfCost { memory_kib, passes: passes.unwrap_or(usual.passes), ..usual })
}

/// For how long `unlock` unlocks: as asked, else as the settings say.
pub(super) fn unlock_time(asked: Option<Duration>, settings: &Settings) -> Duration {
    asked.or(settings.unlock_for.map(|setting| setting.value)).unwrap_or(UNLOCK_FOR)
}

fn locked(reason: String) -> KeystoreError {
    KeystoreError::Locked { keystore: "file", reason }
}
