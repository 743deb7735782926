//! `backup create`: all seeds, and keys if asked for, in one encrypted file.

use std::path::PathBuf;

use super::Opening;
use crate::{
    atomic_file,
    backup_file::{self, Identity, Recipient},
    commands::{Context, Error, Outcome},
    vault::Snapshot,
};

/// What goes where, and who can open it.
pub struct Arguments {
    /// The file to write.
    pub file: PathBuf,
    /// Public keys; none for a passphrase.
    pub recipients: Vec<String>,
    /// The passphrase from a file, and private keys to read the backup back with.
    pub opening: Opening,
    /// Whether the long-term credentials go in.
    pub with_keys: bool,
    /// Whether a file there is replaced.
    pub overwrite: bool,
}

/// Writes the backup, reads it back from the disk and compares it before success is claimed. Without a private key
/// for the recipients, what is compared is the encrypted file.
///
/// # Errors
/// If there is nothing to back up, then `NothingToBackUp`; if a recipient is none, or mixed with a passphrase, then
/// `Backup`; if the file exists, then `File`; if what was written reads otherwise, then `BackupNotReadBack`.
pub fn run(context: &Context<'_>, arguments: Arguments) -> Result<Outcome, Error> {
    let path = &arguments.file;
    let failed = |source| Error::Backup { path: path.clone(), source };
    if !arguments.overwrite {
        atomic_file::check_new_file(path)?;
    }
    let snapshot = snapshot(context, arguments.with_keys)?;
    let mut recipients =
        arguments.recipients.iter().map(|text| text.parse()).collect::<Result<Vec<Recipient>, _>>().map_err(failed)?;
    let mut identities = Vec::new();
    for identity in &arguments.opening.identity_files {
        identities.extend(context.identities(identity).map_err(|error| error.of_backup(path))?);
    }
    if recipients.is_empty() || arguments.opening.passphrase.is_some() {
        let passphrase = match arguments.opening.passphrase {
            Some(passphrase) => passphrase,
            None => new_passphrase(context)?,
        };
        recipients.push(Recipient::passphrase(passphrase.clone()));
        identities.push(Identity::passphrase(passphrase));
    }
    let content = snapshot.to_bytes();
    let encrypted = backup_file::encrypt(&content, &recipients).map_err(failed)?;
    let not_read_back = || Error::BackupNotReadBack { path: path.clone() };
    let opened = !identities.is_empty();
    if opened {
        // Before a good file is replaced.
        let read = backup_file::decrypt(&encrypted, &identities).map_err(failed)?;
        if read != content || Snapshot::from_bytes(&read).is_err() {
            return Err(not_read_back());
        }
    }
    atomic_file::write_user_file(path, &encrypted, arguments.overwrite)?;
    if atomic_file::read_user_file(path)? != encrypted {
        return Err(not_read_back());
    }
    context.prompt.say(&format!(
        "backed up {} and {} to {}; read back{}",
        counted(snapshot.devices.len(), "device"),
        counted(snapshot.keys.len(), "key"),
        path.display(),
        if opened { ", opened and compared" } else { " (not opened: no --identity was given)" }
    ));
    Ok(Outcome::Done)
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn snapshot(context: &Context<'_>, with_keys: bool) -> Result<Snapshot, Error> {
    let index = context.vault.index()?;
    let mut snapshot = Snapshot { created: context.clock.now(), devices: Vec::new(), keys: Vec::new() };
    for name in index.devices.keys() {
        let record = context.vault.device(name)?;
        snapshot.devices.push(record.ok_or_else(|| Error::RecordGone { kind: "device", name: name.clone() })?);
    }
    if with_keys {
        for profile in index.keys.keys() {
            let key = context.vault.key(profile)?;
            let gone = || Error::RecordGone { kind: "key", name: profile.to_string() };
            snapshot.keys.push((profile.clone(), key.ok_or_else(gone)?));
        }
    }
    match snapshot.devices.is_empty() && snapshot.keys.is_empty() {
        true => Err(Error::NothingToBackUp),
        false => Ok(snapshot),
    }
}

fn new_passphrase(context: &Context<'_>) -> Result<crate::secret::SecretText, Error> {
    let first = context.backup_passphrase("New passphrase of the backup")?;
    if first.expose().is_empty() {
        return Err(Error::EmptyPassphrase);
    }
    match context.backup_passphrase("The same again")? == first {
        true => Ok(first),
        false => Err(Error::PassphrasesDiffer),
    }
}
