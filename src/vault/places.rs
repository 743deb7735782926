//! Which of two keystores holds which device, where seeds have one of their own: one unlocking then does not give both
//! factors. Each keystore has its index; whoever looks sees one.
//!
//! Keys, sessions and what is under way are the main keystore's. A device is where its index names it, the main one's
//! first; so one that was stored before the seeds moved is found where it is.

use std::path::Path;

use super::{CHOICE, DEVICE, Index, SEED_CHOICE, Vault, VaultError, recorded};
use crate::{
    atomic_file::PrivateFolder,
    keystore::{Keystore, RecordName},
};

/// A keystore that is the seeds' own.
pub(super) struct SeedKeystore<'a> {
    pub(super) keystore: &'a dyn Keystore,
    /// Whether new devices go there; else it holds what it got before.
    pub(super) takes_new: bool,
}

/// Which of its keystores a vault has by what is recorded, not by somebody's wish: another record since then counts.
#[derive(Clone, Copy, Default)]
pub(super) struct ByRecord {
    main: bool,
    seeds: bool,
}

/// The indexes of both keystores, as their files have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Indexes {
    pub(super) main: Index,
    pub(super) seeds: Option<Index>,
}

/// Where a device is, or a new one goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaceOfSeed {
    Main,
    Seeds,
}

impl Indexes {
    pub(super) fn read(folder: &PrivateFolder, main: &str, seeds: Option<&str>) -> Result<Self, VaultError> {
        let seeds = seeds.map(|keystore| Index::read(folder, keystore)).transpose()?;
        Ok(Indexes { main: Index::read(folder, main)?, seeds })
    }

    /// Both as one, each device with the name of its keystore.
    pub(super) fn joined(&self, main: &str, seeds: Option<&str>) -> Index {
        let mut joined = self.main.clone();
        joined.devices.values_mut().for_each(|entry| main.clone_into(&mut entry.keystore));
        if let (Some(index), Some(keystore)) = (&self.seeds, seeds) {
            for (name, entry) in &index.devices {
                let joined = joined.devices.entry(name.clone()).or_insert_with(|| entry.clone());
                if joined.keystore.is_empty() {
                    keystore.clone_into(&mut joined.keystore);
                }
            }
        }
        joined
    }

    pub(super) fn place_of(&self, device: &str, takes_new: bool) -> PlaceOfSeed {
        let held_apart = self.seeds.as_ref().is_some_and(|seeds| seeds.devices.contains_key(device));
        match self.main.devices.contains_key(device) {
            false if held_apart || (takes_new && self.seeds.is_some()) => PlaceOfSeed::Seeds,
            _ => PlaceOfSeed::Main,
        }
    }

    /// Both, after the one that was joined of them was changed.
    pub(super) fn split(&self, mut joined: Index, takes_new: bool) -> Self {
        joined.devices.values_mut().for_each(|entry| entry.keystore.clear());
        let mut seeds = self.seeds.clone();
        if let Some(seeds) = &mut seeds {
            // Of two devices of one name nobody sees this one, so nobody changed it.
            seeds.devices.retain(|name, _| self.main.devices.contains_key(name));
            for (name, entry) in std::mem::take(&mut joined.devices) {
                match self.place_of(&name, takes_new) {
                    PlaceOfSeed::Main => joined.devices.insert(name, entry),
                    PlaceOfSeed::Seeds => seeds.devices.insert(name, entry),
                };
            }
        }
        Indexes { main: joined, seeds }
    }
}

impl<'a> Vault<'a> {
    /// The same with another keystore for seeds, which is asked for nothing else. Unless it takes the new ones, it holds
    /// those that it got before.
    #[must_use]
    pub fn with_seeds_in(self, keystore: &'a dyn Keystore, takes_new: bool) -> Self {
        Vault { seeds: Some(SeedKeystore { keystore, takes_new }), ..self }
    }

    /// The same, told that its keystore, or where its seeds are, is what was recorded or would be: if another command
    /// moves the records while this one runs, that is an error and no second vault.
    #[must_use]
    pub fn chosen_by_record(self, main: bool, seeds: bool) -> Self {
        Vault { by_record: ByRecord { main, seeds }, ..self }
    }

    /// Sees whether the records are still where they were when this vault was opened.
    pub(super) fn check_place(&self, of_seeds: bool) -> Result<(), VaultError> {
        let main = self.keystore.name();
        if self.by_record.main
            && let Some(to) = recorded(&self.data_path, CHOICE)?.filter(|to| to != main)
        {
            return Err(VaultError::Moved { from: main.to_owned(), to });
        }
        if of_seeds && self.by_record.seeds {
            let place = self.seeds.as_ref().map_or(main, |seeds| seeds.keystore.name());
            let to = recorded(&self.data_path, SEED_CHOICE)?.unwrap_or_else(|| main.to_owned());
            if to != place {
                return Err(VaultError::Moved { from: place.to_owned(), to });
            }
        }
        Ok(())
    }

    /// The name of the keystore that a new seed goes to.
    pub fn seed_keystore_name(&self) -> &'static str {
        self.seeds.as_ref().filter(|seeds| seeds.takes_new).map_or(self.keystore, |seeds| seeds.keystore).name()
    }

    /// The keystore that was recorded as the seeds' own when it got its first one.
    ///
    /// # Errors
    /// As [`Vault::recorded_keystore`].
    pub fn recorded_seed_keystore(data: &Path) -> Result<Option<String>, VaultError> {
        recorded(data, SEED_CHOICE)
    }

    pub(super) fn indexes(&self) -> Result<Indexes, VaultError> {
        if self.data.get().is_none() && super::is_absent(&self.data_path) {
            return Ok(Indexes { main: Index::default(), seeds: self.seeds.as_ref().map(|_| Index::default()) });
        }
        Indexes::read(self.data()?, self.keystore.name(), self.seeds.as_ref().map(|seeds| seeds.keystore.name()))
    }

    pub(super) fn joined(&self, indexes: &Indexes) -> Index {
        indexes.joined(self.keystore.name(), self.seeds.as_ref().map(|seeds| seeds.keystore.name()))
    }

    pub(super) fn split(&self, before: &Indexes, joined: Index) -> Indexes {
        before.split(joined, self.seeds.as_ref().is_some_and(|seeds| seeds.takes_new))
    }

    /// The keystore that a record is in, or goes to.
    pub(super) fn keystore_of(&self, record: &RecordName) -> Result<&'a dyn Keystore, VaultError> {
        let Some(seeds) = self.seeds.as_ref().filter(|_| record.kind() == DEVICE) else { return Ok(self.keystore) };
        match self.indexes()?.place_of(record.name(), seeds.takes_new) {
            PlaceOfSeed::Main => Ok(self.keystore),
            PlaceOfSeed::Seeds => Ok(seeds.keystore),
        }
    }

    /// Has a person asked now for what a record's keystore will want to know: whoever waits for the index is not to wait for
    /// somebody who types.
    pub(super) fn open(&self, record: &RecordName, to_write: bool) -> Result<(), VaultError> {
        self.check_place(false)?;
        Ok(self.keystore_of(record)?.open(record, to_write)?)
    }

    /// Writes down which keystores are chosen, before they get their first record; gives the files that are new.
    pub(super) fn record_choices(
        &self,
        folder: &PrivateFolder,
        before: &Indexes,
        after: &Indexes,
    ) -> Result<Vec<&'static str>, VaultError> {
        let mut new = Vec::new();
        if before.main.is_empty() && folder.read(CHOICE)?.is_none() {
            folder.write(CHOICE, self.keystore.name().as_bytes())?;
            new.push(CHOICE);
        }
        if let Some(seeds) = self.seeds.as_ref().filter(|seeds| seeds.takes_new && before.seeds != after.seeds) {
            let name = seeds.keystore.name().as_bytes();
            let recorded = folder.read(SEED_CHOICE)?;
            if recorded.as_deref() != Some(name) {
                folder.write(SEED_CHOICE, name)?;
                new.extend(recorded.is_none().then_some(SEED_CHOICE));
            }
        }
        Ok(new)
    }

    pub(super) fn write_indexes(&self, before: &Indexes, after: &Indexes) -> Result<(), VaultError> {
        self.write_index(&before.main, &after.main)?;
        match (&self.seeds, &before.seeds, &after.seeds) {
            (Some(seeds), Some(before), Some(after)) if before != after => {
                after.write(self.data()?, seeds.keystore.name())
            }
            _ => Ok(()),
        }
    }
}
