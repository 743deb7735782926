//! Why the vault did not do what it was asked, by what can be done about it.

use thiserror::Error;

use super::Part;
use crate::{
    atomic_file::FileError,
    keystore::{KeystoreError, RecordName},
};

/// Why the vault did not do what it was asked.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The keystore said no.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// A file of ours could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A record or file does not hold what it should.
    #[error("{what} cannot be read: {reason}")]
    Damaged {
        /// Which one.
        what: Part,
        /// What does not hold, without any content.
        reason: String,
    },
    /// A record was written, but reading it gave something else. The keystore is not to be trusted with secrets.
    #[error("the keystore `{keystore}` did not give back what was stored as `{record}`")]
    NotReadBack {
        /// The keystore's name.
        keystore: &'static str,
        /// The record.
        record: RecordName,
    },
    /// The records went to another keystore since this process looked where they are.
    #[error("the vault was moved from the keystore `{from}` to `{to}` meanwhile")]
    Moved {
        /// Where they were.
        from: String,
        /// Where they are.
        to: String,
    },
    /// Something else is under the same name where records were to go. Nothing was written.
    #[error("the keystore `{keystore}` has something else under the same name: {}", names.join(", "))]
    MoveConflict {
        /// The keystore they were to go to.
        keystore: &'static str,
        /// The names, with their kinds.
        names: Vec<String>,
    },
    /// Records would move from keystores that were asked for by name, and those that are recorded would then be in one where
    /// nobody looks. Nothing was written.
    #[error("the keystore `{keystore}` is recorded as the vault's, and what it holds would not be found any more")]
    WouldHide {
        /// The keystore that is recorded.
        keystore: String,
        /// Whether it is about devices alone.
        seeds_only: bool,
    },
    /// A move stopped where nothing is lost, and what remains to be done is written down.
    #[error("the move from the keystore `{from}` to `{to}` is not finished")]
    MoveUnfinished {
        /// From where.
        from: String,
        /// Where to.
        to: String,
        /// Whether it is about devices alone.
        seeds_only: bool,
        /// What stopped it.
        source: Box<VaultError>,
    },
}

/// Whether an error says that the keystore is as it was; of others that cannot be known.
pub(super) fn nothing_was_written(error: &VaultError) -> bool {
    use KeystoreError::{Corrupt, Interrupted, Locked, TooLarge, WrongPassphrase};
    let VaultError::Keystore(error) = error else { return matches!(error, VaultError::Moved { .. }) };
    matches!(error, Locked { .. } | WrongPassphrase { .. } | Interrupted | TooLarge { .. } | Corrupt { .. })
}
