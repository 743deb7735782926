//! `keystore passphrase`: another passphrase for the encrypted file, and whether the system's keystore remembers it.

use super::{Context, Error, Outcome};
use crate::{
    keystore::{FileKeystore, Keystore, KeystoreError, RecordName, weakness},
    secret::{SecretBytes, SecretText},
    vault::{AuditEvent, VaultError},
};

/// Where the passphrase may be remembered.
pub struct Memory<'a> {
    /// The system's keystore.
    pub keystore: &'a dyn Keystore,
    /// Its record there.
    pub record: RecordName,
    /// Whether the settings have it taken from there.
    pub is_used: bool,
}

/// The record that remembers the passphrase of the keystore in a folder; each folder has its own.
pub fn record_of(folder: &std::path::Path) -> RecordName {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    RecordName::new("passphrase", folder.display().to_string())
}

/// Says in one line why a new passphrase is weak, if it surely is.
pub fn hint_at_weakness(say: &dyn Fn(&str), passphrase: &SecretText, user: Option<&str>) {
    if let Some(why) = weakness(passphrase, &[user.unwrap_or_default()]) {
        say(&format!("weak: {why}"));
    }
}

/// Changes the passphrase: asks for the present one, then twice for the new one unless it is given.
///
/// # Errors
/// If the present one is wrong, the file damaged or the disk refuses, then `Vault`, and the old one still opens it; if the
/// new one is empty, or typed in two ways, then `EmptyPassphrase` or `PassphrasesDiffer`. If the change was made but the
/// system's keystore still has the old one, then `PassphraseRememberedStill`.
pub fn change(
    context: &Context<'_>,
    file: &FileKeystore,
    memory: &Memory<'_>,
    new: Option<SecretText>,
) -> Result<Outcome, Error> {
    let proven = file.prove_passphrase().map_err(VaultError::from)?;
    let new = new.map_or_else(|| asked_twice(context), Ok)?;
    if new.expose().is_empty() {
        return Err(Error::EmptyPassphrase);
    }
    hint_at_weakness(&|line| context.prompt.say(line), &new, context.environment.user.as_deref());
    audit(context, file, "passphrase changed")?;
    proven.change_to(&new).map_err(VaultError::from)?;
    context.prompt.say("changed the passphrase; every record is sealed anew, the generation before as well");
    if let Some(cost) = file.cost().map_err(VaultError::from)? {
        let passes = if cost.passes == 1 { "1 pass".to_owned() } else { format!("{} passes", cost.passes) };
        context.prompt.say(&format!("one guess costs {} MiB and {passes} over it", cost.memory_kib / 1024));
    }
    context.prompt.say("it is locked; copies that were made of the file before still open with the old passphrase");
    for path in file.generations().map_err(VaultError::from)?.set_aside {
        context.prompt.say(&format!("so does {}, which was set aside when it was damaged", path.display()));
    }
    if memory.is_used {
        remember(memory, &new).map_err(|source| Error::PassphraseRememberedStill { source: Box::new(source) })?;
        context.prompt.say("the system's keystore remembers the new one");
    }
    Ok(Outcome::Done)
}

/// Has the system's keystore remember the passphrase, which is tried first.
///
/// # Errors
/// If it is wrong, or the system's keystore does not take it, then `Vault`.
pub fn put_in_memory(context: &Context<'_>, file: &FileKeystore, memory: &Memory<'_>) -> Result<Outcome, Error> {
    let proven = file.prove_passphrase().map_err(VaultError::from)?;
    audit(context, file, "passphrase given to the system's keystore")?;
    remember(memory, proven.passphrase())?;
    context.prompt.say("the system's keystore remembers the passphrase");
    if context.vault.keystore_name() == memory.keystore.name() {
        context
            .prompt
            .say("warning: keys are there, too: whoever opens it has them and the seeds of the encrypted file");
    }
    Ok(Outcome::Done)
}

/// Has the system's keystore forget the passphrase.
///
/// # Errors
/// If it does not have it, or does not answer, then `Vault`.
pub fn take_from_memory(context: &Context<'_>, file: &FileKeystore, memory: &Memory<'_>) -> Result<Outcome, Error> {
    audit(context, file, "passphrase taken from the system's keystore")?;
    memory.keystore.remove(&memory.record).map_err(VaultError::from)?;
    context.prompt.say("the system's keystore has forgotten the passphrase");
    Ok(Outcome::Done)
}

fn remember(memory: &Memory<'_>, passphrase: &SecretText) -> Result<(), VaultError> {
    let (keystore, record) = (memory.keystore, &memory.record);
    let content = SecretBytes::from(passphrase.expose().as_bytes().to_vec());
    keystore.put(record, &content)?;
    match keystore.get(record)? == content {
        true => Ok(()),
        false => Err(VaultError::NotReadBack { keystore: keystore.name(), record: record.clone() }),
    }
}

fn asked_twice(context: &Context<'_>) -> Result<SecretText, Error> {
    let ask = |question: &str| context.prompt.secret(question, "--new-passphrase-file FILE");
    let first = ask("New passphrase of the keystore")?;
    if first.expose().is_empty() {
        return Err(Error::EmptyPassphrase);
    }
    match ask("The same again")? == first {
        true => Ok(first),
        false => Err(Error::PassphrasesDiffer),
    }
}

fn audit(context: &Context<'_>, file: &FileKeystore, change: &str) -> Result<(), Error> {
    let event = AuditEvent::KeystoreChanged { keystore: file.name(), change };
    Ok(context.vault.audit(context.clock.now(), &event)?)
}

/// What the system's keystore remembers, as a text.
///
/// # Errors
/// As [`Keystore::get`]; if it is no text, then `Corrupt`.
pub fn remembered(memory: &Memory<'_>) -> Result<SecretText, KeystoreError> {
    let content = memory.keystore.get(&memory.record)?;
    let text = std::str::from_utf8(content.expose()).map_err(|_| KeystoreError::Corrupt {
        keystore: memory.keystore.name(),
        reason: "the passphrase is not UTF-8".to_owned(),
    })?;
    Ok(SecretText::from(text))
}
