//! Puts the world together: which prompt, which AWS, and by `keystores` which keystore. The only place that knows which adapter is real.

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
    args::Global,
    keystores::{Keystores, Wishes},
    report::Colour,
};
use crate::{
    aws::{ConnectionSettings, HttpAws, TimeSource},
    browser::Browser,
    clock::{Clock, SystemClock},
    commands::{Context, Error},
    environment::{Environment, without_credentials},
    keystore::{AskPassphrase, FileKeystore, KeystoreError, PassphraseFor},
    process,
    prompt::{self, Dialog, Nobody, Prompt, PromptError, TerminalPrompt},
    secret::SecretText,
    vault::{Vault, VaultError},
};

pub(super) struct World {
    pub(super) environment: Environment,
    pub(super) prompt: Rc<dyn Prompt>,
    pub(super) interactive: bool,
    pub(super) wishes: Wishes,
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

/// The window for what a person has to agree to, where there are windows.
fn dialog(environment: &Environment) -> Option<Dialog> {
    let has_display = environment.wayland || environment.x11 || (cfg!(target_os = "macos") && !environment.ssh);
    let inherited = || without_credentials(environment.inherited.iter().cloned()).collect();
    has_display.then(|| Dialog::new(inherited()))
}

impl World {
    pub(super) fn read(global: &Global) -> Result<Self, Error> {
        let mut environment = Environment::read()?;
        let silenced = global.no_input || environment.no_input;
        environment.no_input = silenced;
        let prompt: Rc<dyn Prompt> = match (global.no_input, environment.no_input) {
            (true, _) => Rc::new(Nobody::new("--no-input is given")),
            (_, true) => Rc::new(Nobody::new("MFAVAULT_NO_INPUT is set")),
            _ => {
                let terminal = TerminalPrompt::new(Colour::chosen(global.color).is_wanted());
                Rc::new(terminal.with_dialog(dialog(&environment)))
            }
        };
        let wishes = Wishes::read(global, &environment)?;
        let passphrase = Rc::new(GivenPassphrase {
            value: environment.passphrase.clone(),
            file: environment.passphrase_file.clone(),
            read: OnceCell::new(),
        });
        Ok(World { environment, prompt, interactive: !silenced, wishes, passphrase })
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

    /// The keystores that were wished for, or the vault's own, or the first that works here.
    pub(super) fn keystores(&self) -> Result<Keystores, Error> {
        self.wishes.keystores(self)
    }

    pub(super) fn unlock(&self, time: Duration) -> Result<ExitCode, Error> {
        self.only_with_the_file()?;
        self.file_keystore(false).unlock_for(time).map_err(VaultError::from)?;
        self.prompt.say(&format!("unlocked for {}", super::render::duration(time)));
        Ok(ExitCode::SUCCESS)
    }

    /// Locks the encrypted file, and forgets every yes to codes, whichever keystore the seeds are in.
    pub(super) fn lock(&self) -> Result<ExitCode, Error> {
        let keystores = self.keystores()?;
        keystores.vault(&self.environment).forget_agreements()?;
        self.only_with_the_file()?;
        self.file_keystore(false).lock().map_err(VaultError::from)?;
        self.prompt.say("locked");
        Ok(ExitCode::SUCCESS)
    }

    fn only_with_the_file(&self) -> Result<(), Error> {
        match self.keystores()?.without_file() {
            None => Ok(()),
            Some(keystore) => Err(Error::NothingToUnlock { keystore }),
        }
    }

    pub(super) fn file_keystore(&self, of_seeds: bool) -> FileKeystore {
        let keystore = FileKeystore::new(self.environment.folders.data.clone(), self.ask_passphrase(of_seeds));
        match self.passphrase.is_given() {
            true => keystore.sharing(),
            false => keystore,
        }
    }

    /// The passphrase of the file keystore: from the environment, else from a person, a new one twice.
    fn ask_passphrase(&self, of_seeds: bool) -> AskPassphrase {
        let prompt = Rc::clone(&self.prompt);
        let given = Rc::clone(&self.passphrase);
        let (keystore, why) = match of_seeds {
            true => ("the seeds' keystore", "Seeds go into an encrypted file, apart from the keys."),
            false => ("the keystore", "No system keystore is used here: secrets go into an encrypted file."),
        };
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
                PassphraseFor::Opening => ask(&format!("Passphrase of {keystore}")),
                PassphraseFor::OpeningAgain => {
                    prompt.say("wrong passphrase; once more");
                    ask(&format!("Passphrase of {keystore}"))
                }
                PassphraseFor::Creating => {
                    prompt.say(why);
                    let first = ask(&format!("New passphrase of {keystore}"))?;
                    match ask("The same again")? == first {
                        true => Ok(first),
                        false => Err(locked("the two passphrases differ".to_owned())),
                    }
                }
            }
        })
    }
}
