//! Puts the world together: which keystore, which prompt, which AWS. The only place that knows which adapter is real.

use std::{
    cell::OnceCell,
    ffi::{OsStr, OsString},
    io::IsTerminal,
    path::PathBuf,
    process::ExitCode,
    rc::Rc,
    time::Duration,
};

use super::{
    args::{Global, KeystoreChoice},
    report::Colour,
};
use crate::{
    aws::{ConnectionSettings, HttpAws, TimeSource},
    browser::Browser,
    clock::{Clock, SystemClock},
    commands::{Context, Error},
    environment::{Environment, EnvironmentError, without_credentials},
    keystore::{AskPassphrase, FileKeystore, Keystore, KeystoreError, KeystoreKind, OsKeystore, PassphraseFor, choose},
    process,
    prompt::{self, Nobody, Prompt, PromptError, TerminalPrompt},
    secret::SecretText,
    vault::{CHOICE, Part, Vault, VaultError},
};

pub(super) struct World {
    pub(super) environment: Environment,
    pub(super) prompt: Rc<dyn Prompt>,
    interactive: bool,
    wish: Option<KeystoreKind>,
    passphrase: Rc<GivenPassphrase>,
}

/// `MFAVAULT_PASSPHRASE`, else the first line of the file that `MFAVAULT_PASSPHRASE_FILE` names: read when it is first
/// needed, for most commands need none.
struct GivenPassphrase {
    value: Option<SecretText>,
    file: Option<PathBuf>,
    read: OnceCell<SecretText>,
}

impl GivenPassphrase {
    fn is_given(&self) -> bool {
        self.value.is_some() || self.file.is_some()
    }

    fn get(&self) -> Result<Option<SecretText>, Error> {
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

impl World {
    pub(super) fn read(global: &Global) -> Result<Self, Error> {
        let mut environment = Environment::read()?;
        let silenced = global.no_input || environment.no_input;
        environment.no_input = silenced;
        let prompt: Rc<dyn Prompt> = match (global.no_input, environment.no_input) {
            (true, _) => Rc::new(Nobody::new("--no-input is given")),
            (_, true) => Rc::new(Nobody::new("MFAVAULT_NO_INPUT is set")),
            _ => Rc::new(TerminalPrompt::new(Colour::chosen(global.color).is_wanted())),
        };
        let wish = match (global.keystore, environment.keystore.as_deref()) {
            (Some(KeystoreChoice::Os), _) | (None, Some("os")) => Some(KeystoreKind::Os),
            (Some(KeystoreChoice::File), _) | (None, Some("file")) => Some(KeystoreKind::File),
            (Some(KeystoreChoice::Auto), _) | (None, None | Some("auto")) => None,
            (None, Some(_)) => {
                let reason = "it is none of auto, os, file".to_owned();
                return Err(EnvironmentError::Unparsable { variable: "MFAVAULT_KEYSTORE", reason }.into());
            }
        };
        if environment.seed_keystore.is_some() {
            // Silence would let somebody believe that one unlocking does not give both factors.
            let reason = "this version keeps seeds and keys in one keystore".to_owned();
            return Err(EnvironmentError::Unparsable { variable: "MFAVAULT_SEED_KEYSTORE", reason }.into());
        }
        let passphrase = Rc::new(GivenPassphrase {
            value: environment.passphrase.clone(),
            file: environment.passphrase_file.clone(),
            read: OnceCell::new(),
        });
        Ok(World { environment, prompt, interactive: !silenced, wish, passphrase })
    }

    /// Whether somebody sits there who may be asked and shown things.
    pub(super) fn at_a_terminal(&self) -> bool {
        self.interactive && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
    }

    /// Whether somebody sits there who may choose from a list.
    pub(super) fn can_choose(&self) -> bool {
        self.interactive && prompt::can_choose(self.environment.term.as_deref())
    }

    /// What `exec` runs without a command.
    pub(super) fn shell(&self) -> OsString {
        self.environment.shell()
    }

    pub(super) fn vault<'a>(&self, keystore: &'a dyn Keystore) -> Vault<'a> {
        Vault::new(keystore, &self.environment.folders.data, &self.environment.folders.state)
    }

    pub(super) fn context<'a>(&'a self, vault: &'a Vault<'a>, aws: &'a HttpAws) -> Result<Context<'a>, Error> {
        Ok(Context {
            vault,
            aws,
            prompt: &*self.prompt,
            clock: &SystemClock,
            environment: &self.environment,
            shared_config: OnceCell::new(),
            own_program: std::env::current_exe().unwrap_or_else(|_| "mfavault".into()),
            browse: Box::new(|url| self.browse(url)),
            given_passphrase: Box::new(|| self.passphrase.get()),
        })
    }

    /// Opens an address in the person's browser, unless nobody is to be asked.
    fn browse(&self, url: &str) -> bool {
        let environment = &self.environment;
        let find_program = |name: &OsStr| process::find_program(name, environment.path.as_deref()).ok();
        let has_display = environment.wayland || environment.x11;
        let browser = Browser::find(environment.browser.as_deref(), has_display, &find_program);
        let inherited: Vec<_> = without_credentials(environment.inherited.iter().cloned()).collect();
        self.interactive && browser.is_some_and(|browser| browser.open(url, &inherited))
    }

    /// The client; it builds nothing before the first call.
    pub(super) fn aws(&self) -> Result<HttpAws, Error> {
        let settings = ConnectionSettings {
            https_proxy: self.environment.https_proxy.clone(),
            no_proxy: self.environment.no_proxy.clone(),
        };
        let time = TimeSource {
            now: Box::new(|| SystemClock.now()),
            wait: Box::new(|time| SystemClock.wait_until(SystemClock.now() + time)),
        };
        Ok(HttpAws::new(settings, time))
    }

    /// The keystore that was wished for, or the vault's own, or the first that works here.
    pub(super) fn keystore(&self) -> Result<Box<dyn Keystore>, Error> {
        let recorded = match self.wish {
            // Not read where it does not decide: the warm path has a file less to open.
            Some(_) => None,
            None => Vault::recorded_keystore(&self.environment.folders.data)?,
        };
        let unknown = || VaultError::Damaged {
            what: Part::Choice(self.environment.folders.data.join(CHOICE)),
            reason: "it is neither `os` nor `file`".to_owned(),
        };
        // Not passed over: probing anew could begin a second vault in another keystore.
        let recorded = recorded.map(|name| KeystoreKind::named(&name).ok_or_else(unknown)).transpose()?;
        let choice = choose(self.wish, recorded, OsKeystore::probe).map_err(VaultError::from)?;
        log::debug!("keystore {}: {}", choice.kind, choice.reason);
        Ok(match choice.kind {
            KeystoreKind::Os => Box::new(OsKeystore::new(self.interactive)),
            KeystoreKind::File => Box::new(self.file_keystore()),
        })
    }

    pub(super) fn unlock(&self, time: Duration) -> Result<ExitCode, Error> {
        self.only_for_the_file()?;
        self.file_keystore().unlock_for(time).map_err(VaultError::from)?;
        self.prompt.say(&format!("unlocked for {}", super::render::duration(time)));
        Ok(ExitCode::SUCCESS)
    }

    pub(super) fn lock(&self) -> Result<ExitCode, Error> {
        self.only_for_the_file()?;
        self.file_keystore().lock().map_err(VaultError::from)?;
        self.prompt.say("locked");
        Ok(ExitCode::SUCCESS)
    }

    fn only_for_the_file(&self) -> Result<(), Error> {
        match self.keystore()?.name() {
            "file" => Ok(()),
            keystore => Err(Error::NothingToUnlock { keystore }),
        }
    }

    fn file_keystore(&self) -> FileKeystore {
        let keystore = FileKeystore::new(self.environment.folders.data.clone(), self.ask_passphrase());
        match self.passphrase.is_given() {
            true => keystore.sharing(),
            false => keystore,
        }
    }

    /// The passphrase of the file keystore: from the environment, else from a person, a new one twice.
    fn ask_passphrase(&self) -> AskPassphrase {
        let prompt = Rc::clone(&self.prompt);
        let given = Rc::clone(&self.passphrase);
        Box::new(move |purpose| {
            let locked = |reason: String| KeystoreError::Locked { keystore: "file", reason };
            let passphrase = given.get().map_err(|error| match error {
                Error::File(error) => KeystoreError::File(error),
                error => locked(format!("MFAVAULT_PASSPHRASE_FILE: {error}")),
            })?;
            match (passphrase, purpose) {
                (Some(_), PassphraseFor::OpeningAgain) => {
                    return Err(KeystoreError::WrongPassphrase { keystore: "file" });
                }
                (Some(passphrase), _) => return Ok(passphrase),
                (None, _) => {}
            }
            let ask = |question: &str| {
                prompt.secret(question, "MFAVAULT_PASSPHRASE_FILE").map_err(|error| match error {
                    PromptError::Interrupted => KeystoreError::Interrupted,
                    error => locked(error.to_string()),
                })
            };
            match purpose {
                PassphraseFor::Opening => ask("Passphrase of the keystore"),
                PassphraseFor::OpeningAgain => {
                    prompt.say("wrong passphrase; once more");
                    ask("Passphrase of the keystore")
                }
                PassphraseFor::Creating => {
                    prompt.say("No system keystore is used here: secrets go into an encrypted file.");
                    let first = ask("New passphrase of the keystore")?;
                    match ask("The same again")? == first {
                        true => Ok(first),
                        false => Err(locked("the two passphrases differ".to_owned())),
                    }
                }
            }
        })
    }
}
