//! Edge: where secrets rest. One narrow trait, its contract, and the adapters that keep it.
//!
//! `os` is the system's own store (Secret Service, Keychain, Credential Manager), `file` an encrypted file.
//! What the bytes mean is the vault's business, not known here.

use std::fmt;

use thiserror::Error;

mod choice;
mod file;
mod file_format;
#[cfg_attr(not(target_os = "linux"), path = "kernel_keyring_absent.rs")]
mod kernel_keyring;
mod os;
mod shared_key;

pub use choice::{Choice, KeystoreKind, choose};
pub use file::{AskPassphrase, FileKeystore, PassphraseFor};
pub use file_format::KdfCost;
pub use os::OsKeystore;

use crate::secret::SecretBytes;

/// The name of one record: a kind and a name within the kind, such as `key` and `prod`.
///
/// Two different pairs never share one text form, whatever characters the name has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordName {
    kind: &'static str,
    name: String,
}

impl RecordName {
    /// Names a record; `kind` has only lower-case letters and dashes, so the first slash always ends it.
    pub fn new(kind: &'static str, name: impl Into<String>) -> Self {
        debug_assert!(kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        RecordName { kind, name: name.into() }
    }

    /// Such as `key`, `device` or `session`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The name within the kind.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind, self.name)
    }
}

/// A place that keeps small secret records by name.
pub trait Keystore {
    /// The name a person uses for it: `os` or `file`.
    fn name(&self) -> &'static str;

    /// Reads one record.
    ///
    /// # Errors
    /// If there is no such record, then `NotFound`, and only then; a store that cannot be asked is never "not found".
    /// If the store is locked and nobody opened it, then `Locked`; if it does not answer, then `Unavailable`; if what
    /// it holds was damaged, then `Corrupt`.
    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError>;

    /// Writes one record, whole or not at all, replacing an older one of the name.
    ///
    /// When it returns, the record survives a crash of the machine as far as the store can promise it.
    ///
    /// # Errors
    /// As [`Keystore::get`], save `NotFound`; if the record is larger than the store takes, then `TooLarge`; if the
    /// disk refuses, then `File`. The older record is then still there.
    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError>;

    /// Removes one record.
    ///
    /// # Errors
    /// As [`Keystore::get`]: removing what is not there is `NotFound`.
    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError>;
}

/// Why a keystore did not do what it was asked, by what the caller can do about it.
#[derive(Debug, Error)]
pub enum KeystoreError {
    /// The record is not there.
    #[error("the keystore `{keystore}` has no record `{record}`")]
    NotFound {
        /// The keystore's name.
        keystore: &'static str,
        /// The record asked for.
        record: RecordName,
    },
    /// A person has to open it first.
    #[error("the keystore `{keystore}` is locked: {reason}")]
    Locked {
        /// The keystore's name.
        keystore: &'static str,
        /// What stood in the way, such as `no passphrase was given`.
        reason: String,
    },
    /// A person who was asked for the passphrase pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The passphrase does not open it; the store itself is whole.
    #[error("wrong passphrase for the keystore `{keystore}`")]
    WrongPassphrase {
        /// The keystore's name.
        keystore: &'static str,
    },
    /// It is not there, or does not answer in time.
    #[error("the keystore `{keystore}` is unavailable: {reason}")]
    Unavailable {
        /// The keystore's name.
        keystore: &'static str,
        /// What was tried and what came back.
        reason: String,
    },
    /// The record does not fit.
    #[error("the keystore `{keystore}` takes no record over {limit_bytes} bytes")]
    TooLarge {
        /// The keystore's name.
        keystore: &'static str,
        /// The largest record it takes.
        limit_bytes: usize,
    },
    /// What it holds was damaged, or was not written by us.
    #[error("the keystore `{keystore}` is damaged: {reason}")]
    Corrupt {
        /// The keystore's name.
        keystore: &'static str,
        /// What does not hold, without any content.
        reason: String,
    },
    /// The file system refused, or a file or folder of ours is not safely ours.
    #[error(transparent)]
    File(#[from] crate::atomic_file::FileError),
}
