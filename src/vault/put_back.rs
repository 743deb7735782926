//! What stood under a device's name, and putting it back: for changes that are made as a whole or not at all.

use std::time::SystemTime;

use super::{DeviceRecord, Vault, VaultError};

/// A device as it stood, or that there was none.
pub struct Before {
    name: String,
    record: Option<DeviceRecord>,
    backed_up: Option<SystemTime>,
}

impl Before {
    /// The device, if there was one.
    pub fn record(&self) -> Option<&DeviceRecord> {
        self.record.as_ref()
    }
}

impl Vault<'_> {
    /// What stands under a device's name now.
    ///
    /// # Errors
    /// As [`Vault::device`] and [`Vault::index`].
    pub fn before(&self, name: &str) -> Result<Before, VaultError> {
        let backed_up = self.index()?.devices.get(name).and_then(|entry| entry.backed_up);
        Ok(Before { name: name.to_owned(), record: self.device(name)?, backed_up })
    }

    /// Puts back what stood there, and that it was backed up.
    ///
    /// # Errors
    /// As [`Vault::store_device`] and [`Vault::forget_device`].
    pub fn put_back(&self, before: &Before) -> Result<(), VaultError> {
        match &before.record {
            Some(record) => self.store_device(record)?,
            None => drop(self.forget_device(&before.name)?),
        }
        before.backed_up.map_or(Ok(()), |time| self.note_picture(&before.name, time))
    }
}
