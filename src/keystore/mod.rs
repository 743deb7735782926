//! Edge: where secrets rest. One narrow trait, its contract, and the adapters that keep it.
//!
//! `os` is the system's own store (Secret Service, Keychain, Credential Manager), `file` an encrypted file, `pass` the
//! password store of that name, `helper` a program that speaks our protocol; `kernel` keeps sessions in memory only.
//! What the bytes mean is the vault's business, not known here.

use std::{fmt, time::Duration};

use thiserror::Error;

mod choice;
mod file;
mod helper;
mod kernel;
#[cfg_attr(not(target_os = "linux"), path = "kernel_keyring_absent.rs")]
mod kernel_keyring;
mod os;
mod pass;
mod program;
mod strength;

pub use choice::{Choice, KeystoreKind, choose};
pub use file::{AskPassphrase, FileKeystore, Generation, Generations, KdfCost, PassphraseFor, ProvenPassphrase};
pub use helper::HelperKeystore;
pub use kernel::KernelKeystore;
pub use os::OsKeystore;
pub use pass::PassKeystore;
pub use strength::weakness;

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
    /// The name a person uses for it, such as `os` or `file`.
    fn name(&self) -> &'static str;

    /// Has a person asked now for what reading this record, or writing it, would ask for later, such as a passphrase: to be
    /// called before anything is held that others wait for. The record need not be there, nor be whole.
    ///
    /// # Errors
    /// As [`Keystore::put`].
    fn open(&self, record: &RecordName, to_write: bool) -> Result<(), KeystoreError> {
        let _ = (record, to_write);
        Ok(())
    }

    /// Reads one record.
    ///
    /// # Errors
    /// If there is no such record, then `NotFound`, and only then; a store that cannot be asked is never "not found".
    /// If the store is locked and nobody opened it, then `Locked`; if it does not answer, then `Unavailable`; if what
    /// it holds was damaged, then `Corrupt`.
    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError>;

    /// The text forms of all records that it holds, if it can tell. May be slow: for whoever looks for what was lost.
    ///
    /// # Errors
    /// As [`Keystore::get`], save `NotFound`.
    fn list(&self) -> Result<Option<Vec<String>>, KeystoreError> {
        Ok(None)
    }

    /// Reads several records, in their order; what is not there is `None`.
    ///
    /// A store that can reads all of them at once.
    ///
    /// # Errors
    /// As [`Keystore::get`], save `NotFound`.
    fn get_all(&self, records: &[RecordName]) -> Result<Vec<Option<SecretBytes>>, KeystoreError> {
        let found = records.iter().map(|record| match self.get(record) {
            Err(KeystoreError::NotFound { .. }) => Ok(None),
            found => found.map(Some),
        });
        found.collect()
    }

    /// Writes one record, whole or not at all, replacing an older one of the name.
    ///
    /// When it returns, the record survives a crash of the machine as far as the store can promise it.
    ///
    /// # Errors
    /// As [`Keystore::get`], save `NotFound`; if the record is larger than the store takes, then `TooLarge`; if the
    /// disk refuses, then `File`. The older record is then still there, and after `Corrupt`, as after `Locked`, nothing was
    /// written.
    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError>;

    /// Writes one record that is of no use after this time, counted from now. A store that can forgets it by itself then.
    ///
    /// # Errors
    /// As [`Keystore::put`].
    fn put_for(&self, record: &RecordName, content: &SecretBytes, time: Duration) -> Result<(), KeystoreError> {
        let _ = time;
        self.put(record, content)
    }

    /// Writes several records, each whole or not at all; where one fails, those after it are not written.
    ///
    /// A store that can writes all of them at once.
    ///
    /// # Errors
    /// As [`Keystore::put`].
    fn put_all(&self, records: &[(RecordName, SecretBytes)]) -> Result<(), KeystoreError> {
        records.iter().try_for_each(|(record, content)| self.put(record, content))
    }

    /// Removes one record.
    ///
    /// # Errors
    /// As [`Keystore::get`]: removing what is not there is `NotFound`.
    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError>;

    /// Removes several records; what is not there is passed over.
    ///
    /// A store that can removes all of them at once.
    ///
    /// # Errors
    /// As [`Keystore::remove`], save `NotFound`.
    fn remove_all(&self, records: &[RecordName]) -> Result<(), KeystoreError> {
        records.iter().try_for_each(|record| match self.remove(record) {
            Err(KeystoreError::NotFound { .. }) => Ok(()),
            answer => answer,
        })
    }

    /// Forgets what it keeps of how it was before its last change: called when records were moved elsewhere.
    ///
    /// # Errors
    /// As [`Keystore::remove`].
    fn forget_former_states(&self) -> Result<(), KeystoreError> {
        Ok(())
    }
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
    /// It was to be brought back to an earlier state, and must not or cannot be.
    #[error("the keystore `{keystore}` has nothing to restore: {reason}")]
    NothingToRestore {
        /// The keystore's name.
        keystore: &'static str,
        /// Such as `it opens as it is`.
        reason: &'static str,
    },
    /// The file system refused, or a file or folder of ours is not safely ours.
    #[error(transparent)]
    File(#[from] crate::atomic_file::FileError),
}
