//! Encrypted backups of the vault: create, verify, restore.

pub mod create;
pub mod restore;
pub mod verify;

use std::path::{Path, PathBuf};

use crate::{
    atomic_file,
    backup_file::{self, BackupFileError, Identity},
    commands::{Context, Error},
    secret::{SecretBytes, SecretText},
    vault::Snapshot,
};

/// What opens a backup.
#[derive(Default)]
pub struct Opening {
    /// Private key files, as read.
    pub identity_files: Vec<SecretBytes>,
    /// The passphrase, from a file.
    pub passphrase: Option<SecretText>,
}

/// How one device or key of a backup stands to the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In both, alike.
    Same,
    /// Only in the backup.
    OnlyInBackup,
    /// Only in the vault.
    OnlyInVault,
    /// In both, but not alike.
    Different,
}

/// One device or key, compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// `device` or `key`.
    pub kind: &'static str,
    /// The device's name, or the key's profile.
    pub name: String,
    /// The device's serial number, if it has one.
    pub serial_number: Option<String>,
    /// How it stands.
    pub standing: Standing,
}

impl Context<'_> {
    /// Opens a backup file with what was given, or with the passphrase that a person types or the environment holds.
    fn open_backup(&self, path: &Path, opening: &Opening) -> Result<Snapshot, Error> {
        let file = atomic_file::read_user_file(path)?;
        let content = self.decrypt(path, &file, opening)?;
        Snapshot::from_bytes(&content).map_err(|reason| Error::NotABackup { path: path.to_owned(), reason })
    }

    fn decrypt(&self, path: &Path, file: &[u8], opening: &Opening) -> Result<SecretBytes, Error> {
        let unreadable = |source| Error::Backup { path: path.to_owned(), source };
        let mut identities = Vec::new();
        for identity in &opening.identity_files {
            identities.extend(self.identities(identity).map_err(|error| error.of_backup(path))?);
        }
        identities.extend(opening.passphrase.clone().map(Identity::passphrase));
        match backup_file::decrypt(file, &identities) {
            Err(BackupFileError::NeedsPassphrase) => {
                let passphrase = self.backup_passphrase("Passphrase of the backup")?;
                backup_file::decrypt(file, &[Identity::passphrase(passphrase)]).map_err(unreadable)
            }
            result => result.map_err(unreadable),
        }
    }

    /// The keys of an identity file, whose own passphrase is asked for if it has one.
    fn identities(&self, file: &SecretBytes) -> Result<Vec<Identity>, IdentityError> {
        match Identity::read_file(file, None) {
            Err(BackupFileError::IdentityNeedsPassphrase) => {
                let passphrase = self
                    .prompt
                    .secret("Passphrase of the identity file", "an identity file without a passphrase")
                    .map_err(IdentityError::Prompt)?;
                Identity::read_file(file, Some(&passphrase)).map_err(IdentityError::File)
            }
            result => result.map_err(IdentityError::File),
        }
    }

    /// A backup's passphrase: typed by a person; where nobody can be asked, the one of the environment.
    fn backup_passphrase(&self, question: &str) -> Result<SecretText, Error> {
        match self.prompt.secret(question, "--passphrase-file FILE or MFAVAULT_PASSPHRASE") {
            Err(error @ crate::prompt::PromptError::NoTerminal { .. }) => {
                (self.given_passphrase)()?.ok_or(Error::Prompt(error))
            }
            result => Ok(result?),
        }
    }
}

enum IdentityError {
    Prompt(crate::prompt::PromptError),
    File(BackupFileError),
}

impl IdentityError {
    fn of_backup(self, path: &Path) -> Error {
        match self {
            IdentityError::Prompt(error) => Error::Prompt(error),
            IdentityError::File(source) => Error::Backup { path: PathBuf::from(path), source },
        }
    }
}

/// Everything of both sides, devices first, each by name; keys only if the backup is one with keys.
fn compare(context: &Context<'_>, snapshot: &Snapshot) -> Result<Vec<Compared>, Error> {
    let index = context.vault.index()?;
    let mut compared = Vec::new();
    for record in &snapshot.devices {
        let held = context.vault.device(&record.device.name)?;
        compared.push(Compared {
            kind: "device",
            name: record.device.name.clone(),
            serial_number: record.device.serial_number.as_ref().map(ToString::to_string),
            // A record that the index does not name was lost to it, and is entered again by a restore.
            standing: match index.devices.contains_key(&record.device.name) {
                true => standing(held.as_ref().map(|held| &held.device), &record.device),
                false => Standing::OnlyInBackup,
            },
        });
    }
    for (name, entry) in &index.devices {
        if !snapshot.devices.iter().any(|record| record.device.name == *name) {
            let serial_number = entry.serial_number.as_ref().map(ToString::to_string);
            compared.push(Compared {
                kind: "device",
                name: name.clone(),
                serial_number,
                standing: Standing::OnlyInVault,
            });
        }
    }
    for (profile, key) in &snapshot.keys {
        let held = context.vault.key(profile)?;
        compared.push(Compared {
            kind: "key",
            name: profile.to_string(),
            serial_number: None,
            standing: standing(held.as_ref().map(|held| &held.credentials), &key.credentials),
        });
    }
    let missing = index.keys.keys().filter(|profile| !snapshot.keys.iter().any(|(saved, _)| saved == *profile));
    if !snapshot.keys.is_empty() {
        compared.extend(missing.map(|profile| Compared {
            kind: "key",
            name: profile.to_string(),
            serial_number: None,
            standing: Standing::OnlyInVault,
        }));
    }
    Ok(compared)
}

fn standing<T: PartialEq>(held: Option<&T>, saved: &T) -> Standing {
    match held {
        None => Standing::OnlyInBackup,
        Some(held) if held == saved => Standing::Same,
        Some(_) => Standing::Different,
    }
}
