//! `mfa export`: the `otpauth://` URIs of devices, or what Google Authenticator imports, after a confirmation.

use std::path::PathBuf;

use crate::{
    atomic_file,
    commands::{Context, Error, Outcome},
    mfa::{
        interchange::{self, GoogleExport},
        uri::OtpauthUri,
    },
    secret::{SecretBytes, SecretText},
};

/// Which devices.
pub enum Devices {
    /// These, by their names or those of their profiles.
    Named(Vec<String>),
    /// All that are held here.
    All,
}

/// In which form, and where to.
pub struct Arguments {
    /// What Google Authenticator imports, instead of one URI a device.
    pub google: bool,
    /// The file; else they are printed.
    pub output: Option<PathBuf>,
    /// Whether a file there is replaced.
    pub overwrite: bool,
    /// Whether it was confirmed beforehand.
    pub confirmed: bool,
}

/// Gives the URIs, seeds and all.
///
/// # Errors
/// As [`Context::device`]; if there is none at all, then `NothingToExport`; if nobody confirms, then `Prompt` or
/// `Declined`; if a device asks and nobody agrees, then `Consent`.
pub fn run(context: &Context<'_>, devices: &Devices, arguments: &Arguments) -> Result<Outcome, Error> {
    let names = context.names_of(devices)?;
    let whose = match &names[..] {
        [name] => format!("the seed of `{name}`? Whoever sees it can make its codes."),
        _ => format!("the seeds of {} devices? Whoever sees them can make their codes.", names.len()),
    };
    let act = if arguments.output.is_some() { "Write" } else { "Print" };
    let (entries, all_agreed) = context.entries(&names, "mfavault mfa export")?;
    if let Some(path) = arguments.output.as_deref().filter(|_| !arguments.overwrite) {
        atomic_file::check_new_file(path)?;
    }
    // Of devices that ask, there is one question: the one that no option answers.
    if !all_agreed {
        context.confirm(arguments.confirmed, &format!("{act} {whose}"), "--yes")?;
    }
    let uris: Vec<SecretText> = match arguments.google {
        true => context.for_google(&entries, false)?,
        false => entries.iter().map(|(_, entry)| entry.to_uri()).collect(),
    };
    context.audit_rescue(if arguments.google { "google" } else { "otpauth" }, &names)?;
    // Reserved in one piece: a buffer that grew would leave copies behind.
    let mut text = String::with_capacity(uris.iter().map(|uri| uri.expose().len() + 1).sum());
    for uri in &uris {
        text.push_str(uri.expose());
        text.push('\n');
    }
    Ok(match &arguments.output {
        None => Outcome::Secret(text.into()),
        Some(path) => Outcome::SecretFiles {
            files: vec![(path.clone(), SecretBytes::from(text.into_bytes()))],
            overwrite: arguments.overwrite,
        },
    })
}

impl Context<'_> {
    /// The local names of the devices that are meant, each once.
    ///
    /// # Errors
    /// As [`Context::device_name`]; if there is none, then `NothingToExport`.
    pub(super) fn names_of(&self, devices: &Devices) -> Result<Vec<String>, Error> {
        let mut names: Vec<String> = Vec::new();
        match devices {
            Devices::All => names.extend(self.vault.index()?.devices.into_keys()),
            Devices::Named(named) => {
                for name in named {
                    let name = self.device_name(name)?;
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
        }
        if names.is_empty() { Err(Error::NothingToExport) } else { Ok(names) }
    }

    /// What is to be written of devices, counters as far as they went; those that ask have a person agree first. Says
    /// whether all did. `command` is for whom, such as `mfavault mfa export`.
    ///
    /// # Errors
    /// As [`Context::device`] and [`Context::agree_to_seed`]; if the ledger cannot be read, then `Vault`.
    pub(super) fn entries(&self, names: &[String], command: &str) -> Result<(Vec<(String, OtpauthUri)>, bool), Error> {
        let mut entries = Vec::with_capacity(names.len());
        let mut all_agreed = true;
        for name in names {
            let record = self.device(name)?;
            all_agreed &= self.agree_to_seed(&record, command)?;
            let mut entry = OtpauthUri::of(&record.device);
            if let Some(counter) = entry.counter {
                entry.counter = Some(self.vault.ledger(&record.identity())?.next_counter(counter)?);
            }
            entries.push((name.clone(), entry));
        }
        Ok((entries, all_agreed))
    }

    /// What Google Authenticator imports; says what it could not.
    ///
    /// # Errors
    /// If nothing is left, then `NothingToExport`.
    pub(super) fn for_google(
        &self,
        entries: &[(String, OtpauthUri)],
        for_terminal: bool,
    ) -> Result<Vec<SecretText>, Error> {
        let GoogleExport { parts, left_out } = interchange::to_google(entries, for_terminal);
        for left_out in left_out {
            self.prompt.say(&format!("left out `{}`: {}", left_out.name, left_out.reason));
        }
        if parts.is_empty() { Err(Error::NothingToExport) } else { Ok(parts) }
    }
}
