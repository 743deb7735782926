//! What of the vault can be damaged: by which of them it is, whoever reports it knows what mends it.

use std::{fmt, path::PathBuf};

use crate::keystore::RecordName;

/// A part of what is remembered; its text says which, with the path of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A record in the keystore.
    Record(RecordName),
    /// The file that says what the keystore holds.
    Index(PathBuf),
    /// The file of one device's spent time steps.
    Ledger(PathBuf),
    /// The file that says which keystore was chosen.
    Choice(PathBuf),
    /// The journal of a move to another keystore.
    Move(PathBuf),
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Record(record) => write!(formatter, "the record {record}"),
            Part::Index(path) => write!(formatter, "the index {}", path.display()),
            Part::Ledger(path) => write!(formatter, "the ledger {}", path.display()),
            Part::Choice(path) => write!(formatter, "the choice of keystore {}", path.display()),
            Part::Move(path) => write!(formatter, "the journal of a move {}", path.display()),
        }
    }
}
