//! What a person is told if a signal ends the run: how both keys stand, and that the next run goes on.

use super::{Rotation, short};
use crate::{
    commands::Error,
    vault::{RotationRecord, VaultError},
    visible::shell_word,
};

/// How far it is, as far as nothing of it is in doubt.
#[derive(Clone, Copy)]
pub(super) enum Stands {
    /// AWS may have been asked for a new key.
    Asked,
    /// Both pairs are in the keystore.
    Stored,
    /// The profiles have the new one.
    InUse,
    /// AWS may have been told to deactivate the old one.
    Deactivating,
    /// AWS may have been told to delete the old one.
    Deleting,
    /// AWS may have been told to delete the new one.
    Undoing,
    /// An earlier run got as far as a new pair, or further.
    Begun,
}

impl Rotation<'_> {
    /// How it stands from now on, until the next step.
    pub(super) fn stands(&self, record: &RotationRecord, stands: Stands) {
        let old = short(&record.old.credentials.access_key_id);
        let new = record.new.as_ref().map(|new| short(&new.credentials.access_key_id)).unwrap_or_default();
        let keys = match stands {
            Stands::Asked => format!("a new access key is not stored yet, and the old one, {old}, is still active"),
            Stands::Stored => format!("the new access key {new} is stored, and the old one, {old}, is still active"),
            Stands::InUse => format!("the new access key {new} is in use, and the old one, {old}, is still active"),
            Stands::Deactivating => {
                format!("the new access key {new} is in use, and the old one, {old}, is being deactivated")
            }
            Stands::Deleting => format!("the new access key {new} is in use, and the old one, {old}, is being deleted"),
            Stands::Undoing => format!("the new access key {new} is being deleted, and the old one, {old}, is in use"),
            Stands::Begun => format!("the replacement of the access key {old} by {new} is not finished"),
        };
        let again = format!("`mfavault rotate {}` goes on from here", shell_word(self.profile));
        self.context.prompt.last_words(Some(format!("interrupted: {keys}; {again}")));
    }

    /// Ends the journal: there is nothing to go on with.
    pub(super) fn end(&self) -> Result<(), VaultError> {
        self.context.prompt.last_words(None);
        self.context.vault.end_rotation(self.profile)
    }

    /// Ends the journal after the last error: that one is what counts, and what stays of the journal shows next time.
    pub(super) fn end_after(&self, error: Error) -> Error {
        let _ = self.end();
        error
    }
}
