//! Edge: where aws-vault keeps its keys: encrypted files, a collection of the Secret Service, a part of the password store
//! of the program `pass`. Read and, once they are elsewhere, taken away; never written.
//!
//! The forms are those of the Go library `keyring` that aws-vault is built on (99designs, now ByteNess): in all three
//! stores an item is one JSON object, see `item`. Which program runs `pass`, and who is asked, is not known here.

mod file;
mod item;
mod jwe;
mod pass;
#[cfg_attr(not(target_os = "linux"), path = "secret_service_absent.rs")]
mod secret_service;

use std::path::PathBuf;

use thiserror::Error;

pub use file::{Sealed, SealedFile, sealed_files};
pub use item::{ItemFault, credentials_of, is_of_session};
pub use jwe::JweFault;
pub use pass::{entries as pass_entries, remove_command as pass_remove, show_command as pass_show};
pub use secret_service::Collection;

use crate::atomic_file::FileError;

/// More items than any person has.
const MOST_ITEMS: usize = 1000;
/// Far above every item.
const MOST_BYTES: u64 = 64 * 1024;

/// Why one of the stores cannot be read. No content is repeated.
#[derive(Debug, Error)]
pub enum AwsVaultError {
    /// The Secret Service is not there, or does not answer.
    #[error("the Secret Service is unavailable: {reason}")]
    Unavailable {
        /// What was tried and what came back.
        reason: String,
    },
    /// A person has to open the collection first.
    #[error("the collection `{collection}` of the Secret Service is locked: {reason}")]
    Locked {
        /// Its name.
        collection: String,
        /// What stood in the way.
        reason: String,
    },
    /// More items than any person has.
    #[error("{place} has more than {MOST_ITEMS} items")]
    TooMany {
        /// Where.
        place: String,
    },
    /// The folder cannot be read.
    #[error("cannot read {}", path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nothing of what was encrypted opens.
    #[error("the passphrase opens none of the files in {}", folder.display())]
    WrongPassphrase {
        /// Where they are.
        folder: PathBuf,
    },
}
