//! Names in the index whose record the keystore does not have: what a record leaves that goes by another hand than ours.

use std::cell::Cell;

use super::{Index, Vault, VaultError, device_record, key_record};
use crate::{keystore::RecordName, profile::ProfileName};

impl Vault<'_> {
    /// Strikes a key out of the index if the keystore does not have it; says whether that was so. A key that somebody is
    /// storing meanwhile stays.
    ///
    /// # Errors
    /// As [`Vault::key`].
    pub fn strike_out_key(&self, profile: &ProfileName) -> Result<bool, VaultError> {
        self.strike_out(&key_record(profile), |index| drop(index.keys.remove(profile)))
    }

    /// As [`Vault::strike_out_key`], a device.
    ///
    /// # Errors
    /// As [`Vault::key`].
    pub fn strike_out_device(&self, name: &str) -> Result<bool, VaultError> {
        self.strike_out(&device_record(name), |index| drop(index.devices.remove(name)))
    }

    fn strike_out(&self, record: &RecordName, leave: impl FnOnce(&mut Index)) -> Result<bool, VaultError> {
        let is_gone = Cell::new(false);
        // Under the lock of the index: what is being stored is there by now.
        let look = || {
            is_gone.set(self.read(record, |_| Ok(()))?.is_none());
            Ok(())
        };
        let leave_if_gone = |index: &mut Index| {
            if is_gone.get() {
                leave(index);
            }
        };
        self.open(record, false)?;
        self.change(|_| {}, look, leave_if_gone)?;
        Ok(is_gone.get())
    }
}
