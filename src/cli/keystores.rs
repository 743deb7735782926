//! Which keystore holds the keys and which the seeds: the option, else the environment, else the settings, else what was
//! recorded when the first record was stored, else what this machine has.

use std::{fmt, path::PathBuf};

use super::{args::Global, wire::World};
use crate::{
    commands::Error,
    environment::{Environment, EnvironmentError, without_credentials},
    keystore::{HelperKeystore, KernelKeystore, Keystore, KeystoreKind, OsKeystore, PassKeystore, choose},
    settings::{KeystoreWish, Line, SessionPlace, Settings},
    vault::{CHOICE, Part, SEED_CHOICE, Vault, VaultError},
};

/// Who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Option(&'static str),
    Environment(&'static str),
    Settings(PathBuf, usize),
    Recorded(PathBuf),
    Default,
}

impl Origin {
    fn recorded(environment: &Environment, choice: &str) -> Self {
        Origin::Recorded(environment.folders.data.join(choice))
    }

    /// What makes it say another keystore.
    fn change(&self, setting: &str, to: KeystoreKind) -> String {
        match self {
            Origin::Option(option) => format!("leave {option} out from now on"),
            Origin::Environment(variable) => format!("unset {variable}, or set it to `{to}`"),
            Origin::Settings(path, line) => {
                format!("delete {}:{line}, or write `{setting} = \"{to}\"`", path.display())
            }
            Origin::Recorded(path) => format!("write `{to}` into {}", path.display()),
            Origin::Default => format!("give --keystore {to}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Option(option) => write!(formatter, "option {option}"),
            Origin::Environment(variable) => write!(formatter, "environment variable {variable}"),
            Origin::Settings(path, line) => write!(formatter, "{}:{line}", path.display()),
            Origin::Recorded(path) => write!(formatter, "recorded in {}", path.display()),
            Origin::Default => formatter.write_str("default"),
        }
    }
}

/// What is wanted, and who wants it.
struct Wish {
    value: KeystoreWish,
    origin: Origin,
}

impl Wish {
    fn of(
        variable: &'static str,
        in_environment: Option<&str>,
        in_settings: Option<Line<KeystoreWish>>,
        settings: &Settings,
    ) -> Result<Option<Self>, Error> {
        if let Some(name) = in_environment {
            let reason = || format!("it is none of {}", KeystoreWish::ALL.map(KeystoreWish::name).join(", "));
            let value =
                KeystoreWish::named(name).ok_or_else(|| EnvironmentError::Unparsable { variable, reason: reason() })?;
            return Ok(Some(Wish { value, origin: Origin::Environment(variable) }));
        }
        let origin = |line| Origin::Settings(settings.path.clone(), line);
        Ok(in_settings.map(|setting| Wish { value: setting.value, origin: origin(setting.line) }))
    }

    /// None if whatever there is will do.
    fn kind(&self) -> Option<KeystoreKind> {
        KeystoreKind::named(self.value.name())
    }
}

/// A keystore that was chosen.
pub(super) struct Chosen {
    pub(super) kind: KeystoreKind,
    /// Who said so, or what led to it.
    pub(super) reason: String,
    /// By what is recorded, or would be; not by somebody's wish.
    pub(super) by_record: bool,
}

/// The keystores that are wanted.
pub(super) struct Wishes {
    keys: Option<Wish>,
    seeds: Option<Wish>,
    pub(super) settings: Settings,
}

/// The keystores that are used.
pub(super) struct Keystores {
    main: Box<dyn Keystore>,
    /// The seeds' own, and whether new ones go there.
    seeds: Option<(Box<dyn Keystore>, bool)>,
    /// The sessions' own, and whether new ones go there.
    sessions: (KernelKeystore, bool),
    /// Whether that of the keys, and the seeds', are what is recorded.
    by_record: (bool, bool),
}

impl Wishes {
    pub(super) fn read(global: &Global, environment: &Environment) -> Result<Self, Error> {
        let settings = Settings::read(&environment.folders.config)?;
        let keys = match global.keystore {
            Some(value) => Some(Wish { value, origin: Origin::Option("--keystore") }),
            None => Wish::of("MFAVAULT_KEYSTORE", environment.keystore.as_deref(), settings.keystore, &settings)?,
        };
        let in_environment = environment.seed_keystore.as_deref();
        let seeds = Wish::of("MFAVAULT_SEED_KEYSTORE", in_environment, settings.seed_keystore, &settings)?;
        Ok(Wishes { keys, seeds, settings })
    }

    /// The keystore of the keys.
    ///
    /// # Errors
    /// If a recorded choice cannot be read, or the system's keystore is locked before a choice was made, then `Vault`.
    pub(super) fn main(&self, environment: &Environment) -> Result<Chosen, Error> {
        let wish = self.keys.as_ref().and_then(|wish| Some((wish, wish.kind()?)));
        let recorded = match wish {
            // Not read where it does not decide: the warm path has a file less to open.
            Some(_) => None,
            None => recorded(environment, CHOICE)?,
        };
        let kind = wish.map(|(_, kind)| kind);
        let collection = self.collection();
        let choice = choose(kind, recorded, || OsKeystore::probe(collection)).map_err(VaultError::from)?;
        log::debug!("keystore {}: {}", choice.kind, choice.reason);
        let reason = match (wish, recorded) {
            (Some((wish, _)), _) => wish.origin.to_string(),
            (None, Some(_)) => Origin::recorded(environment, CHOICE).to_string(),
            (None, None) => choice.reason,
        };
        Ok(Chosen { kind: choice.kind, reason, by_record: wish.is_none() })
    }

    /// The label of the system's collection for new items.
    pub(super) fn collection(&self) -> Option<&str> {
        self.settings.secret_service_collection.as_ref().map(|label| label.value.as_str())
    }

    /// The seeds' own keystore, if they have one, and whether new ones go there.
    ///
    /// # Errors
    /// If the recorded choice cannot be read, then `Vault`.
    pub(super) fn seeds(&self, environment: &Environment, main: KeystoreKind) -> Result<Option<(Chosen, bool)>, Error> {
        match self.seeds.as_ref().map(|wish| (wish, wish.kind())) {
            Some((wish, Some(kind))) if kind != main => {
                Ok(Some((Chosen { kind, reason: wish.origin.to_string(), by_record: false }, true)))
            }
            // Those that are there already are still found.
            wish => {
                let recorded = recorded(environment, SEED_CHOICE)?.filter(|kind| *kind != main);
                let reason = || Origin::recorded(environment, SEED_CHOICE).to_string();
                let chosen = recorded.map(|kind| Chosen { kind, reason: reason(), by_record: true });
                Ok(chosen.map(|chosen| (chosen, wish.is_none())))
            }
        }
    }

    /// Opens nothing yet.
    ///
    /// # Errors
    /// If a recorded choice cannot be read, or the system's keystore is locked before a choice was made, then `Vault`.
    pub(super) fn keystores(&self, world: &World) -> Result<Keystores, Error> {
        let main = self.main(&world.environment)?;
        let seeds = self.seeds(&world.environment, main.kind)?;
        let by_record = (main.by_record, seeds.as_ref().is_none_or(|(seeds, _)| seeds.by_record));
        let seeds = seeds.map(|(seeds, takes_new)| {
            log::debug!("keystore of seeds {}", seeds.kind);
            (self.open(seeds.kind, world, true), takes_new)
        });
        let sessions = self.sessions(&world.environment, main.kind)?;
        Ok(Keystores { main: self.open(main.kind, world, false), seeds, sessions, by_record })
    }

    /// All that there are; opens nothing yet.
    pub(super) fn all(&self, world: &World) -> Vec<Box<dyn Keystore>> {
        KeystoreKind::ALL.into_iter().map(|kind| self.open(kind, world, false)).collect()
    }

    /// After everything went to a keystore: who still wants another one, and what to change there.
    pub(super) fn say_who_wants_otherwise(&self, to: KeystoreKind, world: &World) {
        if let Some((wish, kind)) = self.keys.as_ref().and_then(|wish| Some((wish, wish.kind()?)))
            && kind != to
        {
            world.prompt.say(&format!(
                "warning: commands still look in the keystore `{kind}` ({}): {}",
                wish.origin,
                wish.origin.change("keystore", to)
            ));
        }
        if let Some((wish, kind)) = self.seeds.as_ref().and_then(|wish| Some((wish, wish.kind()?)))
            && kind != to
        {
            world.prompt.say(&format!(
                "note: new seeds go to the keystore `{kind}` ({}): `mfavault keystore move --to {kind} --seeds` takes those \
                 that there are to it",
                wish.origin
            ));
        }
    }

    /// The same after the seeds went to a keystore; it may be that of the keys.
    pub(super) fn say_who_wants_seeds_otherwise(&self, to: KeystoreKind, are_apart: bool, world: &World) {
        let Some(wish) = &self.seeds else { return };
        if wish.kind().map_or(are_apart, |kind| kind != to) {
            world.prompt.say(&format!(
                "warning: new seeds still go elsewhere, as `{}` is wanted ({}): {}",
                wish.value,
                wish.origin,
                wish.origin.change("seed_keystore", to)
            ));
        }
    }

    /// What is in the kernel already is forgotten there, whatever is wished now.
    fn sessions(&self, environment: &Environment, main: KeystoreKind) -> Result<(KernelKeystore, bool), Error> {
        let takes_new = self.settings.session_keystore.is_some_and(|place| place.value == SessionPlace::Kernel);
        if takes_new && !cfg!(target_os = "linux") {
            KernelKeystore::probe().map_err(VaultError::from)?;
        }
        Ok((KernelKeystore::of(&environment.folders.data, main.name()), takes_new))
    }

    /// The keystore of a kind; opens nothing yet.
    pub(super) fn open(&self, kind: KeystoreKind, world: &World, of_seeds: bool) -> Box<dyn Keystore> {
        let inherited = || without_credentials(world.environment.inherited.iter().cloned()).collect();
        match kind {
            KeystoreKind::Os => {
                let keystore = OsKeystore::new(world.interactive);
                Box::new(keystore.in_collection(self.collection().map(ToOwned::to_owned)))
            }
            KeystoreKind::File => Box::new(world.file_keystore(of_seeds)),
            KeystoreKind::Pass => Box::new(PassKeystore::new(world.interactive, inherited())),
            KeystoreKind::Helper => {
                let command = self.settings.helper.as_ref().map(|helper| helper.value.clone()).unwrap_or_default();
                Box::new(HelperKeystore::new(command, world.interactive, inherited()))
            }
        }
    }

    /// Says that a wish for a keystore of the seeds' own has no effect: nobody is to believe otherwise.
    pub(super) fn say_if_not_apart(&self, keystores: &Keystores, world: &World) {
        if let Some((wish, kind)) = self.seeds.as_ref().and_then(|wish| Some((wish, wish.kind()?)))
            && kind.name() == keystores.main.name()
        {
            let only = if kind == KeystoreKind::File { ", of which there is only one" } else { "" };
            world.prompt.say(&format!(
                "warning: seeds are wanted in the keystore `{kind}` ({}), where the keys are{only}: they are not apart",
                wish.origin
            ));
        }
    }

    /// The keystore of the keys, or of the seeds, as the settings are shown: what is wished, recorded, or `auto`; and who
    /// said so. Asks no keystore.
    ///
    /// # Errors
    /// If a recorded choice cannot be read, then `Vault`.
    pub(super) fn effective(&self, environment: &Environment, of_seeds: bool) -> Result<(String, Origin), Error> {
        let (wish, choice) = if of_seeds { (&self.seeds, SEED_CHOICE) } else { (&self.keys, CHOICE) };
        if let Some((wish, kind)) = wish.as_ref().and_then(|wish| Some((wish, wish.kind()?))) {
            return Ok((kind.to_string(), wish.origin.clone()));
        }
        let said = wish.as_ref().map(|wish| wish.origin.clone());
        match recorded(environment, choice)? {
            // For keys, `auto` is what was recorded; for seeds it is the keystore of the keys.
            Some(kind) if said.is_none() || !of_seeds => Ok((kind.to_string(), Origin::recorded(environment, choice))),
            _ => Ok((KeystoreWish::Auto.to_string(), said.unwrap_or(Origin::Default))),
        }
    }
}

impl Keystores {
    pub(super) fn vault(&self, environment: &Environment) -> Vault<'_> {
        let vault = Vault::new(&*self.main, &environment.folders.data, &environment.folders.state);
        let vault = vault.with_sessions_in(&self.sessions.0, self.sessions.1);
        let vault = vault.chosen_by_record(self.by_record.0, self.by_record.1);
        match &self.seeds {
            Some((keystore, takes_new)) => vault.with_seeds_in(&**keystore, *takes_new),
            None => vault,
        }
    }

    /// The name of the keystore, if neither is the encrypted file.
    pub(super) fn without_file(&self) -> Option<&'static str> {
        let names = [Some(self.main.name()), self.seeds.as_ref().map(|(keystore, _)| keystore.name())];
        let file = Some(KeystoreKind::File.name());
        (!names.contains(&file)).then(|| self.main.name())
    }
}

fn recorded(environment: &Environment, choice: &str) -> Result<Option<KeystoreKind>, Error> {
    let data = &environment.folders.data;
    let recorded = match choice {
        SEED_CHOICE => Vault::recorded_seed_keystore(data)?,
        _ => Vault::recorded_keystore(data)?,
    };
    let unknown = || VaultError::Damaged {
        what: Part::Choice(data.join(choice)),
        reason: format!("it names none of {}", KeystoreKind::ALL.map(KeystoreKind::name).join(", ")),
    };
    // Not passed over: probing anew could begin a second vault in another keystore.
    Ok(recorded.map(|name| KeystoreKind::named(&name).ok_or_else(unknown)).transpose()?)
}
