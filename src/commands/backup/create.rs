//! `backup create`: all seeds, and keys if asked for, in one encrypted file or in shares of it.

use std::path::{Path, PathBuf};

use super::{Opening, called, compare::next_counter, place_of, shares};
use crate::{
    atomic_file,
    backup_file::{self, Identity, Recipient, shares::Split},
    commands::{Context, Error, Outcome},
    rfc3339,
    vault::{DeviceRecord, Snapshot},
};

/// What goes where, and who can open it.
pub struct Arguments {
    /// The file to write; of shares, what their names begin with.
    pub file: PathBuf,
    /// Public keys; none for a passphrase.
    pub recipients: Vec<String>,
    /// The passphrase from a file, and private keys to read the backup back with.
    pub opening: Opening,
    /// Into how many shares, and how many open it: then nothing else does, and no file is replaced.
    pub split: Option<Split>,
    /// Whether the long-term credentials go in.
    pub with_keys: bool,
    /// Whether a file there is replaced.
    pub overwrite: bool,
}

/// Writes the backup, reads it back from the disk and compares it before success is claimed and noted. Without a private
/// key for the recipients, what is compared is the encrypted file.
///
/// # Errors
/// If there is nothing to back up, then `NothingToBackUp`; if a recipient is none, or mixed with a passphrase, then
/// `Backup`; if the file exists, then `File`; if what was written reads otherwise, then `BackupNotReadBack`.
pub fn run(context: &Context<'_>, arguments: Arguments) -> Result<Outcome, Error> {
    let files = match arguments.split {
        Some(split) => shares::paths(&arguments.file, split),
        None => vec![arguments.file.clone()],
    };
    if !arguments.overwrite || arguments.split.is_some() {
        files.iter().try_for_each(|path| atomic_file::check_new_file(path))?;
    }
    let snapshot = snapshot(context, arguments.with_keys)?;
    let place = place_of(&snapshot);
    let (how, path) = (arguments.split, arguments.file.clone());
    let read_back = match how {
        Some(split) => {
            audit(context, "backup in shares", &snapshot)?;
            shares::write(&path, &snapshot.to_bytes(), split, snapshot.created)?;
            "opened and compared"
        }
        None => write_one(context, &snapshot, arguments)?,
    };
    context.note_backup(unchanged(context, &snapshot)?.iter().map(String::as_str), &place);
    context.prompt.say(&format!(
        "backed up {} and {} to {}, {}; read back, {read_back}",
        counted(snapshot.devices.len(), "device"),
        counted(snapshot.keys.len(), "key"),
        where_to(&path, &files),
        called(&place),
    ));
    if let Some(split) = how {
        context.prompt.say(&format!(
            "any {} of the {} shares open it: give them to different people or places, and delete them here",
            split.needed(),
            split.count()
        ));
    }
    Ok(Outcome::Done)
}

/// The devices that still are as they were put in: a person may have thought about a passphrase for long.
fn unchanged(context: &Context<'_>, snapshot: &Snapshot) -> Result<Vec<String>, Error> {
    let index = context.vault.index()?;
    let is_as_saved = |record: &&DeviceRecord| {
        let entry = index.devices.get(&record.device.name);
        entry.is_some_and(|entry| rfc3339::format(entry.added) == rfc3339::format(record.added))
    };
    Ok(snapshot.devices.iter().filter(is_as_saved).map(|record| record.device.name.clone()).collect())
}

fn where_to(path: &Path, files: &[PathBuf]) -> String {
    match files {
        [first, .., last] => format!("{} … {}", first.display(), last.display()),
        _ => path.display().to_string(),
    }
}

/// Writes down what goes out: the devices, then the profiles whose keys do.
fn audit(context: &Context<'_>, format: &str, snapshot: &Snapshot) -> Result<(), Error> {
    let devices = snapshot.devices.iter().map(|record| record.device.name.clone());
    let names: Vec<String> = devices.chain(snapshot.keys.iter().map(|(profile, _)| profile.to_string())).collect();
    context.audit_rescue(format, &names)
}

/// Says how far the file was read back.
fn write_one(context: &Context<'_>, snapshot: &Snapshot, arguments: Arguments) -> Result<&'static str, Error> {
    let path = &arguments.file;
    let failed = |source| Error::Backup { path: path.clone(), source };
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
    audit(context, "backup", snapshot)?;
    atomic_file::write_user_file(path, &encrypted, arguments.overwrite)?;
    if atomic_file::read_user_file(path)? != encrypted {
        return Err(not_read_back());
    }
    Ok(if opened { "opened and compared" } else { "but not opened: no --identity was given" })
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn snapshot(context: &Context<'_>, with_keys: bool) -> Result<Snapshot, Error> {
    let index = context.vault.index()?;
    let generation = index.last_backup.as_ref().map_or(1, |last| last.generation.saturating_add(1));
    let mut snapshot = Snapshot { generation, created: context.clock.now(), devices: Vec::new(), keys: Vec::new() };
    for name in index.devices.keys() {
        let Some(mut record) = context.vault.device(name)? else {
            match context.vault.is_leftover(name)? {
                true => continue,
                false => return Err(Error::RecordGone { kind: "device", name: name.clone() }),
            }
        };
        // Where there is no ledger, as on another machine, no counter may come twice either.
        record.device.counter = next_counter(context, &record)?;
        snapshot.devices.push(record);
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
