//! Verbs, one file each: `run(&Context, Arguments) -> Result<Outcome, Error>`.
//!
//! A command gets the world in its [`Context`], and gives back a value that says what came out; it prints nothing
//! save talk through the prompt, and chooses no exit code. Flags it knows only by name: those that would have answered
//! a question.

mod account;
pub mod add;
pub mod audit;
pub mod backup;
pub mod clear;
pub mod code;
pub mod doctor;
mod error;
pub mod exec;
pub mod explain;
pub mod import;
pub mod keystore;
pub mod list;
pub mod login;
pub mod mfa;
mod obtained;
pub mod passphrase;
pub mod remove;
pub mod report;
pub mod rotate;
pub mod serve;
pub mod setup;
pub mod status;
pub mod whoami;

use std::{cell::OnceCell, path::PathBuf, time::SystemTime};

pub use error::Error;
pub use obtained::SessionRequest;

use crate::{
    aws::Aws,
    clock::Clock,
    credentials::Credentials,
    environment::Environment,
    mfa::{AuthenticationCode, SerialNumber, TimeStep, VirtualMfaDevice},
    process::{self, Launch},
    profile::{self, Chain, FileKind, ProfileName, SectionName, SharedConfig},
    prompt::Prompt,
    secret::{SecretBytes, SecretText},
    session::{Plan, Purpose, consent},
    shared_config,
    vault::{AuditEvent, AuditLine, AuditVerdict, DeviceEntry, DeviceRecord, EarlierLog, Index, Vault, VaultError},
};

/// The world of a command.
pub struct Context<'a> {
    /// What is remembered.
    pub vault: &'a Vault<'a>,
    /// AWS.
    pub aws: &'a dyn Aws,
    /// A person, or nobody.
    pub prompt: &'a dyn Prompt,
    /// The time.
    pub clock: &'a dyn Clock,
    /// The environment, read once.
    pub environment: &'a Environment,
    /// The AWS config, read at its first use.
    pub shared_config: OnceCell<SharedConfig>,
    /// The file of this program, for the commands it is named in.
    pub own_program: PathBuf,
    /// Opens an address in the person's browser, and says whether that went well; it never does where nobody is to be
    /// asked.
    pub browse: Box<dyn Fn(&str) -> bool + 'a>,
    /// The passphrase that the environment gives where nobody can be asked, if it gives one; from a file, read then.
    pub given_passphrase: Box<dyn Fn() -> Result<Option<SecretText>, Error> + 'a>,
}

impl Context<'_> {
    /// The AWS config and credentials files.
    ///
    /// # Errors
    /// If a file is there but cannot be read, then `SharedConfig`.
    pub fn shared_config(&self) -> Result<&SharedConfig, Error> {
        if let Some(config) = self.shared_config.get() {
            return Ok(config);
        }
        let config = shared_config::read(&self.environment.aws_config_file, &self.environment.aws_credentials_file)?;
        Ok(self.shared_config.get_or_init(|| config))
    }

    /// The profile asked for, else that of `AWS_PROFILE`, else that whose credentials this shell holds, else `default`.
    pub fn profile_or_default(&self, asked: Option<ProfileName>) -> ProfileName {
        let environment = self.environment;
        asked
            .or_else(|| environment.profile.clone().or_else(|| environment.current_profile.clone()))
            .unwrap_or_default()
    }

    /// Appends a line to the audit log: before what it tells of leaves this process, or once AWS has done it.
    ///
    /// # Errors
    /// As [`Vault::audit`].
    pub fn audit(&self, event: &AuditEvent<'_>) -> Result<(), Error> {
        Ok(self.vault.audit(self.clock.now(), event)?)
    }

    /// As [`Context::audit`], for seeds and keys that go out so that they are not lost with this disk: if it takes nothing
    /// more, that is said instead.
    ///
    /// # Errors
    /// As [`Vault::audit`], save where the disk is full or can only be read.
    pub fn audit_rescue(&self, format: &str, names: &[String]) -> Result<(), Error> {
        match self.vault.audit(self.clock.now(), &AuditEvent::Exported { format, names }) {
            Err(VaultError::File(error)) if error.disk_takes_nothing() => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}").to_lowercase());
                let names = names.join(", ");
                self.prompt.say(&format!(
                    "warning: not in the log for sure: {format} of {names}: {error}{}",
                    cause.unwrap_or_default()
                ));
                Ok(())
            }
            written => Ok(written?),
        }
    }

    /// Appends what is done to a device; `change` is such as `enabled`.
    ///
    /// # Errors
    /// As [`Vault::audit`].
    pub fn audit_device(&self, device: &VirtualMfaDevice, change: &str) -> Result<(), Error> {
        let serial_number = device.serial_number.as_ref();
        self.audit(&AuditEvent::DeviceChanged { device: &device.name, serial_number, change })
    }

    /// The device of this name; if there is none, the one of the profile of this name.
    ///
    /// # Errors
    /// As [`Context::device_name`]; if its record cannot be read, then `Vault`.
    pub fn device(&self, name: &str) -> Result<DeviceRecord, Error> {
        let found = self.device_name(name)?;
        self.vault.device(&found)?.ok_or_else(|| Error::NoDevice { name: name.to_owned() })
    }

    /// The local name of the device that a person means with the name of a device or of a profile.
    ///
    /// # Errors
    /// If there is neither, then `NoDevice`; if the profile's user has several here, then `SeveralDevices`.
    pub fn device_name(&self, name: &str) -> Result<String, Error> {
        let index = self.vault.index()?;
        match index.devices.contains_key(name) {
            true => Ok(name.to_owned()),
            false => self.device_of_profile(&index, name),
        }
    }

    /// The serial number that the AWS config gives a profile: its own, or that of one of its sources.
    ///
    /// # Errors
    /// If the config cannot be read, or the profile not be resolved, then `SharedConfig` or `Profile`; a profile that
    /// is not there has none.
    pub fn mfa_serial(&self, profile: &ProfileName) -> Result<Option<SerialNumber>, Error> {
        Ok(self.chain(&self.vault.index()?, profile)?.as_ref().and_then(configured_serial_number))
    }

    /// The sources of a profile that is in the AWS config, found as for a session.
    fn chain(&self, index: &Index, profile: &ProfileName) -> Result<Option<Chain>, Error> {
        let config = self.shared_config()?;
        if !config.contains(profile) {
            return Ok(None);
        }
        let chain = profile::chain(config, profile, &|name| index.keys.contains_key(name));
        // A device may come before the keys without which there is no session.
        Ok(Some(chain.or_else(|_| profile::chain(config, profile, &|_| true))?))
    }

    /// How a role's session is called in CloudTrail unless the profile says otherwise: user and host.
    fn role_session_name(&self) -> String {
        let environment = self.environment;
        let name = format!("{}@{}", environment.user.as_deref().unwrap_or("mfavault"), process::host_name());
        let allowed = |character: &char| character.is_ascii_alphanumeric() || "_+=,.@-".contains(*character);
        name.chars().filter(allowed).take(64).collect()
    }

    /// Asks for a yes, unless it was given beforehand; `flag` is what gives it.
    ///
    /// # Errors
    /// If nobody can be asked, then `Prompt`; if the answer is no, then `Declined`.
    pub fn confirm(&self, given: bool, question: &str, flag: &str) -> Result<(), Error> {
        match given || self.prompt.confirm(question, flag)? {
            true => Ok(()),
            false => Err(Error::Declined),
        }
    }

    /// Has a person agree, if the device wants that, before its seed leaves in the clear; says whether one was asked, so
    /// that there is no second question. `command` is for whom, such as `mfavault mfa export`.
    ///
    /// # Errors
    /// As [`consent::agree`].
    pub fn agree_to_seed(&self, record: &DeviceRecord, command: &str) -> Result<bool, Error> {
        consent::agree(self.vault, self.clock, self.prompt, record, Purpose::Seed { command })?;
        Ok(record.consent.is_some())
    }

    /// Writes a profile to the AWS config if it is not there, and its serial number if one is given; says what changed.
    ///
    /// # Errors
    /// If the config cannot be read or written, then `SharedConfig`.
    pub fn add_to_config(&self, profile: &ProfileName, serial: Option<&SerialNumber>) -> Result<(), Error> {
        self.add_all_to_config([(profile, serial)])
    }

    /// As [`Context::add_to_config`] for several, in one edit.
    ///
    /// # Errors
    /// As [`Context::add_to_config`]; the config is then as it was.
    pub fn add_all_to_config<'p>(
        &self,
        profiles: impl IntoIterator<Item = (&'p ProfileName, Option<&'p SerialNumber>)>,
    ) -> Result<(), Error> {
        let file = &self.environment.aws_config_file;
        let section_of =
            |(profile, serial): (&'p ProfileName, _)| (SectionName::Profile(profile.clone()), profile, serial);
        let wished: Vec<_> = profiles.into_iter().map(section_of).collect();
        let lines = shared_config::edit(file, FileKind::Config, |text| {
            let missing = wished.iter().filter(|(section, ..)| !text.contains(section));
            let (missing, mut lines): (Vec<_>, Vec<_>) = missing
                .map(|(section, profile, _)| {
                    (section.clone(), format!("added the profile `{profile}` to {}", file.display()))
                })
                .unzip();
            text.add_sections(&missing)?;
            for (section, profile, serial) in &wished {
                let Some(serial) = serial else { continue };
                let prefixed = text.entry(section, "mfavault_mfa_serial").is_some();
                let key = if prefixed { "mfavault_mfa_serial" } else { "mfa_serial" };
                if text.entry(section, key).is_none_or(|entry| entry.value() != serial.as_str()) {
                    text.set(section, key, serial.as_str())?;
                    lines.push(format!("wrote {key} of `{profile}` to {}", file.display()));
                }
            }
            Ok(lines)
        })?;
        lines.iter().for_each(|line| self.prompt.say(line));
        Ok(())
    }

    fn device_of_profile(&self, index: &Index, name: &str) -> Result<String, Error> {
        let missing = || Error::NoDevice { name: name.to_owned() };
        let profile: ProfileName = name.parse().map_err(|_| missing())?;
        let chain = self.chain(index, &profile)?;
        let missing = || match chain.is_some() || index.keys.contains_key(&profile) {
            true => Error::NoDeviceOfProfile { profile: profile.clone() },
            false => missing(),
        };
        let configured = chain.as_ref().and_then(configured_serial_number);
        if let Some(found) = configured.and_then(|serial| index.device_with_serial(&serial).map(str::to_owned)) {
            return Ok(found);
        }
        // A session's device is its source's, and AWS knows it; a code is also had of others.
        let source = chain.as_ref().map_or(&profile, |chain| &chain.source().name);
        let names_of = |owner: &ProfileName, has_serial: bool| -> Vec<String> {
            let is_meant = |entry: &DeviceEntry| {
                entry.profile.as_ref() == Some(owner) && entry.serial_number.is_some() == has_serial
            };
            index.devices.iter().filter(|(_, entry)| is_meant(entry)).map(|(name, _)| name.clone()).collect()
        };
        let owners = [(source, true), (&profile, true), (source, false), (&profile, false)];
        let found = owners.into_iter().map(|(owner, has_serial)| names_of(owner, has_serial));
        let mut names = found.into_iter().find(|names| !names.is_empty()).ok_or_else(missing)?;
        match names.len() {
            1 => Ok(names.remove(0)),
            _ => Err(Error::SeveralDevices { profile, names }),
        }
    }
}

fn configured_serial_number(chain: &Chain) -> Option<SerialNumber> {
    let setting = chain.profiles().find_map(|profile| profile.mfa_serial.as_ref());
    setting.map(|setting| setting.value.clone())
}

/// What came out of a command.
pub enum Outcome {
    /// Nothing to show: what there was to say was said.
    Done,
    /// One line that a script may want: whose key was added, how many sessions were forgotten.
    Line(String),
    /// `list`.
    Profiles(Vec<list::ProfileRow>),
    /// `status`.
    Sessions(Vec<status::SessionRow>),
    /// `exec`: this process becomes the command.
    Launch(Launch),
    /// `export`, `credential-process`: credentials, for the profile, with the region if known.
    Credentials {
        /// What was obtained.
        credentials: Credentials,
        /// For whom.
        profile: ProfileName,
        /// The region, if known.
        region: Option<String>,
        /// The account, if known.
        account_id: Option<String>,
    },
    /// `explain`.
    Plan(Box<Plan>),
    /// `whoami`.
    Whoami(whoami::Whoami),
    /// `mfa list`.
    Devices(Vec<(String, DeviceEntry)>),
    /// `mfa list --remote`.
    RemoteDevices(Vec<mfa::remote::RemoteRow>),
    /// `mfa show`.
    Device(String, Box<DeviceEntry>),
    /// `code`.
    Code {
        /// The device's local name.
        name: String,
        /// What AWS knows it by.
        serial_number: Option<SerialNumber>,
        /// The code.
        code: AuthenticationCode,
        /// When its step is over; none of a counter-based device.
        valid_until: Option<SystemTime>,
        /// The counter of a counter-based device.
        counter: Option<u64>,
    },
    /// `mfa codes`.
    ConsecutiveCodes {
        /// The device's local name.
        name: String,
        /// What AWS knows it by.
        serial_number: Option<SerialNumber>,
        /// Previous and current step, each with its code.
        codes: [(TimeStep, AuthenticationCode); 2],
        /// When the current step is over.
        valid_until: SystemTime,
    },
    /// `mfa qr`: the code in block characters, for a terminal.
    QrCode(SecretText),
    /// `mfa export`: a text that is secret.
    Secret(SecretText),
    /// `mfa qr` of several: each code in block characters, with what is in it.
    QrCodes(Vec<(String, SecretText)>),
    /// `--output` of what is secret: the bytes go to these files.
    SecretFiles {
        /// Where to, and what.
        files: Vec<(PathBuf, SecretBytes)>,
        /// Whether files there are replaced.
        overwrite: bool,
    },
    /// `backup verify`: what was compared.
    Comparison(backup::verify::Comparison),
    /// `doctor`: what was found.
    Findings(Vec<doctor::Finding>),
    /// `audit show`: the lines of the log.
    AuditLog(Vec<AuditLine>),
    /// `audit verify`: whether it is whole, and how those before it are.
    AuditVerdict(AuditVerdict, Vec<EarlierLog>),
    /// `report`: the credential report, judged.
    Report(Box<report::Report>),
    /// `mfa policy`: a text as it is.
    Text(String),
}
