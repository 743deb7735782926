//! Long-term keys of many profiles at once: what one costs, ten thousand cost, and all are stored or none.

use std::cell::RefCell;

use super::{Index, KeyEntry, KeyRecord, Part, Vault, VaultError, key_record, nothing_was_written};
use crate::{keystore::RecordName, profile::ProfileName, secret::SecretBytes};

impl Vault<'_> {
    /// The long-term credentials of each of these profiles, in their order.
    ///
    /// # Errors
    /// As [`Vault::key`].
    pub fn keys<'p>(
        &self,
        profiles: impl IntoIterator<Item = &'p ProfileName>,
    ) -> Result<Vec<Option<KeyRecord>>, VaultError> {
        let profiles: Vec<&ProfileName> = profiles.into_iter().collect();
        let names: Vec<RecordName> = profiles.iter().map(|profile| key_record(profile)).collect();
        let found = self.records(&names)?;
        if found.iter().any(Option::is_none) {
            // It may be somewhere else by now.
            self.check_place(false)?;
        }
        let parsed = names.into_iter().zip(profiles).zip(found).map(|((name, profile), bytes)| {
            let record = bytes.map(|bytes| KeyRecord::from_bytes(&bytes, profile)).transpose();
            record.map_err(|reason| VaultError::Damaged { what: Part::Record(name), reason })
        });
        parsed.collect()
    }

    /// Stores the long-term credentials of several profiles and reads them back. If that fails, all profiles have again
    /// what they had before, if the keystore lets us.
    ///
    /// # Errors
    /// As [`Vault::store_key`].
    pub fn store_keys(&self, keys: &[(ProfileName, KeyRecord)]) -> Result<(), VaultError> {
        if keys.is_empty() {
            return Ok(());
        }
        let named: Vec<(RecordName, SecretBytes)> =
            keys.iter().map(|(profile, key)| (key_record(profile), key.to_bytes(profile))).collect();
        // What the index said, and, where all was put back, why.
        let (entries, failure) = (RefCell::new(Vec::new()), RefCell::new(None));
        let enter = |index: &mut Index| {
            let replaced = keys.iter().map(|(profile, key)| index.keys.insert(profile.clone(), KeyEntry::of(key)));
            entries.replace(replaced.collect());
        };
        let act = || {
            let names: Vec<RecordName> = named.iter().map(|(name, _)| name.clone()).collect();
            let error = match self.records(&names) {
                Err(error) if nothing_was_written(&error) => return Err(error),
                Err(error) => error,
                Ok(former) => {
                    let Err(error) = self.write_all(&named, &names) else { return Ok(()) };
                    if nothing_was_written(&error) || self.put_back_all(names, former).is_err() {
                        return Err(error);
                    }
                    error
                }
            };
            failure.replace(Some(error));
            Ok(())
        };
        let leave = |index: &mut Index| {
            if failure.borrow().is_none() {
                return;
            }
            for ((profile, _), entry) in keys.iter().zip(entries.take()) {
                match entry {
                    Some(entry) => drop(index.keys.insert(profile.clone(), entry)),
                    None => drop(index.keys.remove(profile)),
                }
            }
        };
        self.open(&named[0].0, true)?;
        self.change(enter, act, leave)?;
        failure.take().map_or(Ok(()), Err)
    }

    fn records(&self, names: &[RecordName]) -> Result<Vec<Option<SecretBytes>>, VaultError> {
        if names.is_empty() { Ok(Vec::new()) } else { Ok(self.keystore.get_all(names)?) }
    }

    fn write_all(&self, named: &[(RecordName, SecretBytes)], names: &[RecordName]) -> Result<(), VaultError> {
        self.keystore.put_all(named)?;
        let read_back = self.records(names)?;
        let differs = named.iter().zip(read_back).find(|((_, content), found)| found.as_ref() != Some(content));
        match differs {
            Some(((record, _), _)) => {
                Err(VaultError::NotReadBack { keystore: self.keystore.name(), record: record.clone() })
            }
            None => Ok(()),
        }
    }

    fn put_back_all(&self, names: Vec<RecordName>, former: Vec<Option<SecretBytes>>) -> Result<(), VaultError> {
        let (mut replaced, mut new) = (Vec::new(), Vec::new());
        for (name, content) in names.into_iter().zip(former) {
            match content {
                Some(content) => replaced.push((name, content)),
                None => new.push(name),
            }
        }
        self.keystore.put_all(&replaced)?;
        Ok(self.keystore.remove_all(&new)?)
    }
}
