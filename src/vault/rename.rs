//! Another local name for a device: its record is written anew and read back before the old one goes, so that there is
//! no time without one.

use super::{DeviceEntry, Index, Vault, VaultError, device_record};

impl Vault<'_> {
    /// Gives a device another local name: its record is written under the new name and read back, then the old one
    /// removed. Killed in between, both are there, and doing it again ends it. A record of the new name is replaced.
    /// Says whether there was a device of the old name.
    ///
    /// # Errors
    /// As [`Vault::store_key`] and [`Vault::forget_device`].
    pub fn rename_device(&self, name: &str, new_name: &str) -> Result<bool, VaultError> {
        if name == new_name {
            return Ok(self.index()?.devices.contains_key(name));
        }
        match self.device(name)? {
            Some(mut record) => {
                record.device.name = new_name.to_owned();
                let enter = |index: &mut Index| {
                    let backed_up = index.devices.get(name).and_then(|entry| entry.backed_up);
                    index.devices.insert(new_name.to_owned(), DeviceEntry { backed_up, ..DeviceEntry::of(&record) });
                };
                self.open(&device_record(new_name), true)?;
                self.change(enter, || self.write(&device_record(new_name), record.to_bytes()), |_| {})?;
            }
            // Killed when it had removed the record and not yet struck out its name.
            None if self.is_renamed(name, new_name)? => {}
            None => return Ok(false),
        }
        self.forget_device(name)?;
        Ok(true)
    }

    /// Whether a renaming that was killed left this name without a record: the device stands under another one.
    ///
    /// # Errors
    /// As [`Vault::device`].
    pub fn is_leftover(&self, name: &str) -> Result<bool, VaultError> {
        for other in self.index()?.devices.keys().filter(|other| *other != name) {
            if self.is_renamed(name, other)? {
                return Ok(self.device(name)?.is_none());
            }
        }
        Ok(false)
    }

    fn is_renamed(&self, name: &str, new_name: &str) -> Result<bool, VaultError> {
        let devices = self.index()?.devices;
        // A renaming may move the record to the keystore of the seeds.
        let of = |name: &str| devices.get(name).map(|entry| DeviceEntry { keystore: String::new(), ..entry.clone() });
        let alike = devices.contains_key(name) && of(name) == of(new_name);
        Ok(alike && self.device(new_name)?.is_some())
    }
}
