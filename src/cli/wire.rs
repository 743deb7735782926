//! Puts the world together: which prompt, which AWS, and by `keystores` which keystore. The only place that knows which adapter is real.

use std::{
    cell::OnceCell,
    ffi::{OsStr, OsString},
    io::IsTerminal,
    process::ExitCode,
    rc::Rc,
    time::Duration,
};

use super::{
    args::Global,
    keystores::{Keystores, Wishes},
    passphrase::{self, GivenPassphrase},
    report::Colour,
};
use crate::{
    aws::{ConnectionSettings, HttpAws, TimeSource},
    browser::Browser,
    clock::{Clock, SystemClock},
    commands::{Context, Error},
    environment::{Environment, without_credentials},
    keystore::{FileKeystore, KdfCost},
    process,
    prompt::{self, Dialog, Nobody, Prompt, TerminalPrompt},
    rfc3339,
    vault::{AuditEvent, Vault, VaultError},
};

pub(super) struct World {
    pub(super) environment: Environment,
    pub(super) prompt: Rc<dyn Prompt>,
    pub(super) interactive: bool,
    pub(super) wishes: Wishes,
    passphrase: Rc<GivenPassphrase>,
    /// What a passphrase that is set now costs to guess.
    cost: KdfCost,
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
        let cost = passphrase::cost(&wishes.settings)?;
        let passphrase = Rc::new(GivenPassphrase::of(&environment));
        Ok(World { environment, prompt, interactive: !silenced, wishes, passphrase, cost })
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

    pub(super) fn unlock(&self, asked: Option<Duration>) -> Result<ExitCode, Error> {
        self.only_with_the_file()?;
        let time = passphrase::unlock_time(asked, &self.wishes.settings);
        let keystore = self.file_keystore(false);
        keystore.unlock_for(time).map_err(VaultError::from)?;
        if let Err(error) = self.audit_keystore("unlocked") {
            keystore.lock().map_err(VaultError::from)?;
            return Err(error);
        }
        let until = rfc3339::format(SystemClock.now() + time);
        self.prompt.say(&format!("unlocked for {}, until {until}", super::render::duration(time)));
        Ok(ExitCode::SUCCESS)
    }

    /// Locks the encrypted file, and forgets every yes to codes, whichever keystore the seeds are in.
    pub(super) fn lock(&self) -> Result<ExitCode, Error> {
        let keystores = self.keystores()?;
        keystores.vault(&self.environment).forget_agreements()?;
        self.only_with_the_file()?;
        self.file_keystore(false).lock().map_err(VaultError::from)?;
        self.audit_keystore("locked")?;
        self.prompt.say("locked");
        Ok(ExitCode::SUCCESS)
    }

    fn audit_keystore(&self, change: &str) -> Result<(), Error> {
        let keystores = self.keystores()?;
        let event = AuditEvent::KeystoreChanged { keystore: "file", change };
        Ok(keystores.vault(&self.environment).audit(SystemClock.now(), &event)?)
    }

    /// Refuses what is about the encrypted file where it is not used.
    pub(super) fn only_with_the_file(&self) -> Result<(), Error> {
        match self.keystores()?.without_file() {
            None => Ok(()),
            Some(keystore) => Err(Error::NothingToUnlock { keystore }),
        }
    }

    pub(super) fn file_keystore(&self, of_seeds: bool) -> FileKeystore {
        let ask = passphrase::ask(self, &self.passphrase, of_seeds);
        let keystore = FileKeystore::with_cost(self.environment.folders.data.clone(), ask, self.cost);
        match self.passphrase.is_given() {
            true => keystore.sharing(),
            false => keystore,
        }
    }
}
