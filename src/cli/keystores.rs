//! Which keystore holds the keys and which the seeds: the option, else the environment, else the settings, else what was
//! recorded when the first record was stored, else what this machine has.

use std::{fmt, path::PathBuf};

use super::{
    args::{Global, KeystoreChoice},
    render,
    wire::World,
};
use crate::{
    commands::Error,
    environment::{Environment, EnvironmentError},
    keystore::{Keystore, KeystoreKind, OsKeystore, choose},
    settings::{KeystoreWish, Line, Settings},
    vault::{CHOICE, Part, SEED_CHOICE, Vault, VaultError},
};

/// Who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Option(&'static str),
    Environment(&'static str),
    Settings(PathBuf, usize),
    Recorded(PathBuf),
    Default,
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
            let reason = || "it is none of auto, os, file".to_owned();
            let value =
                KeystoreWish::named(name).ok_or_else(|| EnvironmentError::Unparsable { variable, reason: reason() })?;
            return Ok(Some(Wish { value, origin: Origin::Environment(variable) }));
        }
        let origin = |line| Origin::Settings(settings.path.clone(), line);
        Ok(in_settings.map(|setting| Wish { value: setting.value, origin: origin(setting.line) }))
    }

    /// None if whatever there is will do.
    fn kind(&self) -> Option<KeystoreKind> {
        match self.value {
            KeystoreWish::Auto => None,
            KeystoreWish::Os => Some(KeystoreKind::Os),
            KeystoreWish::File => Some(KeystoreKind::File),
        }
    }
}

/// The keystores that are wanted.
pub(super) struct Wishes {
    keys: Option<Wish>,
    seeds: Option<Wish>,
}

/// The keystores that are used.
pub(super) struct Keystores {
    main: Box<dyn Keystore>,
    /// The seeds' own, and whether new ones go there.
    seeds: Option<(Box<dyn Keystore>, bool)>,
}

impl Wishes {
    pub(super) fn read(global: &Global, environment: &Environment) -> Result<Self, Error> {
        let settings = Settings::read(&environment.folders.config)?;
        let option = global.keystore.map(|choice| match choice {
            KeystoreChoice::Auto => KeystoreWish::Auto,
            KeystoreChoice::Os => KeystoreWish::Os,
            KeystoreChoice::File => KeystoreWish::File,
        });
        let keys = match option {
            Some(value) => Some(Wish { value, origin: Origin::Option("--keystore") }),
            None => Wish::of("MFAVAULT_KEYSTORE", environment.keystore.as_deref(), settings.keystore, &settings)?,
        };
        let in_environment = environment.seed_keystore.as_deref();
        let seeds = Wish::of("MFAVAULT_SEED_KEYSTORE", in_environment, settings.seed_keystore, &settings)?;
        Ok(Wishes { keys, seeds })
    }

    fn main(&self, environment: &Environment) -> Result<KeystoreKind, Error> {
        let wish = self.keys.as_ref().and_then(Wish::kind);
        let recorded = match wish {
            // Not read where it does not decide: the warm path has a file less to open.
            Some(_) => None,
            None => recorded(environment, CHOICE)?,
        };
        let choice = choose(wish, recorded, OsKeystore::probe).map_err(VaultError::from)?;
        log::debug!("keystore {}: {}", choice.kind, choice.reason);
        Ok(choice.kind)
    }

    /// The seeds' own keystore, if they have one, and whether new ones go there.
    fn seeds(&self, environment: &Environment, main: KeystoreKind) -> Result<Option<(KeystoreKind, bool)>, Error> {
        match self.seeds.as_ref().map(Wish::kind) {
            Some(Some(wish)) if wish != main => Ok(Some((wish, true))),
            // Those that are there already are still found.
            wish => {
                let recorded = recorded(environment, SEED_CHOICE)?.filter(|kind| *kind != main);
                Ok(recorded.map(|kind| (kind, wish.is_none())))
            }
        }
    }

    /// Opens nothing yet.
    ///
    /// # Errors
    /// If a recorded choice cannot be read, or the system's keystore is locked before a choice was made, then `Vault`.
    pub(super) fn keystores(&self, world: &World) -> Result<Keystores, Error> {
        let main = self.main(&world.environment)?;
        let seeds = self.seeds(&world.environment, main)?;
        let open = |kind, of_seeds| -> Box<dyn Keystore> {
            match kind {
                KeystoreKind::Os => Box::new(OsKeystore::new(world.interactive)),
                KeystoreKind::File => Box::new(world.file_keystore(of_seeds)),
            }
        };
        let seeds = seeds.map(|(kind, takes_new)| {
            log::debug!("keystore of seeds {kind}");
            (open(kind, true), takes_new)
        });
        Ok(Keystores { main: open(main, false), seeds })
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

    /// Prints each setting, its value, and who said so. Opens no keystore.
    pub(super) fn show(&self, environment: &Environment, as_json: bool) -> Result<(), Error> {
        let effective = |wish: &Option<Wish>, choice: &str| -> Result<(String, Origin), Error> {
            if let Some((wish, kind)) = wish.as_ref().and_then(|wish| Some((wish, wish.kind()?))) {
                return Ok((kind.to_string(), wish.origin.clone()));
            }
            let is_for_seeds = choice == SEED_CHOICE;
            let said = wish.as_ref().map(|wish| wish.origin.clone());
            match recorded(environment, choice)? {
                // For keys, `auto` is what was recorded; for seeds it is the keystore of the keys.
                Some(kind) if said.is_none() || !is_for_seeds => {
                    Ok((kind.to_string(), Origin::Recorded(environment.folders.data.join(choice))))
                }
                _ => Ok((KeystoreWish::Auto.to_string(), said.unwrap_or(Origin::Default))),
            }
        };
        let rows = [("keystore", &self.keys, CHOICE), ("seed_keystore", &self.seeds, SEED_CHOICE)];
        let rows = rows.into_iter().map(|(name, wish, choice)| {
            let (value, origin) = effective(wish, choice)?;
            Ok((name, value, origin.to_string()))
        });
        let rows: Vec<_> = rows.collect::<Result<_, Error>>()?;
        render::settings(&rows, as_json).map_err(|source| Error::Io { action: "write to standard output", source })
    }
}

impl Keystores {
    pub(super) fn vault(&self, environment: &Environment) -> Vault<'_> {
        let vault = Vault::new(&*self.main, &environment.folders.data, &environment.folders.state);
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
        reason: "it is neither `os` nor `file`".to_owned(),
    };
    // Not passed over: probing anew could begin a second vault in another keystore.
    Ok(recorded.map(|name| KeystoreKind::named(&name).ok_or_else(unknown)).transpose()?)
}
