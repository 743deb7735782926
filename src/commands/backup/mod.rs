//! Encrypted backups of the vault: create, verify, restore. And a page to print, which is not encrypted.

mod compare;
pub mod create;
pub mod restore;
mod shares;
pub mod sheet;
pub mod verify;

use std::path::{Path, PathBuf};

pub use compare::{Compared, Standing};
pub use shares::SharesError;

use crate::{
    atomic_file,
    backup_file::{self, BackupFileError, Identity},
    commands::{Context, Error},
    rfc3339,
    secret::{SecretBytes, SecretText},
    vault::{LastBackup, Snapshot},
};

/// What opens a backup.
#[derive(Default)]
pub struct Opening {
    /// Private key files, as read.
    pub identity_files: Vec<SecretBytes>,
    /// The passphrase, from a file.
    pub passphrase: Option<SecretText>,
}

impl Context<'_> {
    /// Opens a backup file, or the shares of one, with what was given, or with the passphrase that a person types or the
    /// environment holds.
    fn open_backup(&self, paths: &[PathBuf], opening: &Opening) -> Result<Snapshot, Error> {
        let mut files = Vec::new();
        for path in paths {
            files.push((path.as_path(), SecretBytes::from(atomic_file::read_user_file(path)?)));
        }
        let (path, content) = match &files[..] {
            [(path, file)] if !backup_file::shares::is_share(file.expose()) => {
                (*path, self.decrypt(path, file.expose(), opening)?)
            }
            several => (several.first().map_or(Path::new(""), |(path, _)| path), shares::open(several)?),
        };
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

    /// Notes in the vault that these devices are in a backup. The backup is good without it.
    fn note_backup<'n>(&self, names: impl IntoIterator<Item = &'n str>, backup: &LastBackup) {
        if let Err(error) = self.vault.note_backup(names, backup.generation, backup.created) {
            self.prompt.say(&format!("warning: the vault could not take a note of this backup: {error}"));
        }
    }
}

/// Which backup it is, for people.
fn called(backup: &LastBackup) -> String {
    let made = rfc3339::format(backup.created);
    match backup.generation {
        0 => format!("of {made}"),
        number => format!("number {number} of {made}"),
    }
}

/// Which backup this is.
fn place_of(snapshot: &Snapshot) -> LastBackup {
    LastBackup { generation: snapshot.generation, created: snapshot.created }
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
