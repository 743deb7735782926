//! What the keystores hold against what the indexes name, and the way back of an index that was lost: for `doctor`.

use std::{collections::BTreeSet, path::PathBuf, time::SystemTime};

use super::{
    DEVICE, DeviceEntry, DeviceRecord, INDEX_LOCK, Index, KeyEntry, KeyRecord, Part, Vault, VaultError, is_absent,
    rotations::{ROTATION, Rotation, RotationRecord},
};
use crate::{
    atomic_file::FileLock,
    keystore::{Keystore, KeystoreError, RecordName},
    rfc3339,
    secret::SecretBytes,
};

const KEY: &str = "key";
const SESSION: &str = "session";
const SIGN_IN: &str = "sign-in";

/// What does not fit together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Keys, devices and rotations that no index names: nobody finds them.
    pub unnamed: Vec<RecordName>,
    /// Remembered sessions and sign-ins that no index names: nobody needs them.
    pub strays: Vec<RecordName>,
    /// What an index names, and its keystore does not have.
    pub ghosts: Vec<RecordName>,
}

impl Vault<'_> {
    /// Compares, for each keystore that can tell what it holds.
    ///
    /// # Errors
    /// As [`Vault::index`]; if a keystore cannot be asked, then as [`Keystore::list`].
    pub fn census(&self) -> Result<Census, VaultError> {
        let mut census = Census::default();
        let indexes = self.indexes()?;
        for (keystore, index) in self.keystores().zip([Some(&indexes.main), indexes.seeds.as_ref()]) {
            let (Some(held), Some(index)) = (keystore.list()?, index) else { continue };
            let held: BTreeSet<RecordName> = held.iter().filter_map(|text| record_of(text)).collect();
            let mut index = index.clone();
            index.sessions.retain(|_, entry| !entry.apart);
            let known: BTreeSet<RecordName> = index.records().into_iter().collect();
            census.ghosts.extend(known.difference(&held).cloned());
            for record in held.difference(&known) {
                match record.kind() {
                    SESSION | SIGN_IN => census.strays.push(record.clone()),
                    _ => census.unnamed.push(record.clone()),
                }
            }
        }
        Ok(census)
    }

    /// What of a census, and of ghosts that were found otherwise, is so when nobody stores or removes anything: the other
    /// commands do one thing after the other, and whoever looks in between sees half of it.
    ///
    /// # Errors
    /// As [`Vault::census`] and [`Vault::key`].
    pub fn confirm(&self, suspected: Census) -> Result<Census, VaultError> {
        let Census { unnamed, strays, ghosts } = suspected;
        let Some(some) = unnamed.iter().chain(&strays).chain(&ghosts).next() else { return Ok(Census::default()) };
        // Who has the lock now may be making the keystore, and others are not to wait for somebody who types.
        drop(self.lock_index());
        self.open(some, false)?;
        let _lock = self.lock_index();
        let (now, known) = (self.census()?, self.named()?);
        let set = |records: Vec<RecordName>| records.into_iter().collect::<BTreeSet<_>>();
        let both = |before, now| set(before).intersection(&set(now)).cloned().collect();
        let (ghosts, ghosts_now) = (set(ghosts), set(now.ghosts));
        let mut confirmed = Vec::new();
        for record in ghosts.intersection(&known) {
            // A keystore that cannot list what it has tells of each record alone.
            if ghosts_now.contains(record) || self.read(record, |_| Ok(()))?.is_none() {
                confirmed.push(record.clone());
            }
        }
        Ok(Census { unnamed: both(unnamed, now.unnamed), strays: both(strays, now.strays), ghosts: confirmed })
    }

    /// Where the index cannot be locked, such as on a disk that is read-only, nobody else changes it either.
    fn lock_index(&self) -> Option<FileLock> {
        if is_absent(&self.data_path) { None } else { self.data().ok()?.lock(INDEX_LOCK).ok() }
    }

    /// All that the indexes name.
    fn named(&self) -> Result<BTreeSet<RecordName>, VaultError> {
        let indexes = self.indexes()?;
        Ok(std::iter::once(&indexes.main).chain(&indexes.seeds).flat_map(Index::records).collect())
    }

    /// Enters a key, a device or a rotation into the index of the keystore that holds it; says whether it is named now and
    /// was not.
    ///
    /// # Errors
    /// As [`Vault::key`]; if the index cannot be written, then `File`.
    pub fn enter(&self, record: &RecordName) -> Result<bool, VaultError> {
        self.open(record, false)?;
        let _lock = self.data()?.lock(INDEX_LOCK)?;
        let before = self.indexes()?;
        if self.named()?.contains(record) {
            return Ok(false);
        }
        for (place, keystore) in self.keystores().enumerate() {
            let content = match keystore.get(record) {
                Err(KeystoreError::NotFound { .. }) => continue,
                content => content?,
            };
            let mut after = before.clone();
            let index = if place == 0 { Some(&mut after.main) } else { after.seeds.as_mut() };
            index.map_or(Ok(()), |index| entered(index, record, &content)).map_err(|reason| {
                let what = Part::Record(record.clone());
                VaultError::Damaged { what, reason }
            })?;
            self.write_indexes(&before, &after)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Forgets those sessions and sign-ins that no index names even now.
    ///
    /// # Errors
    /// As [`Keystore::remove_all`].
    pub fn forget_strays(&self, strays: &[RecordName]) -> Result<(), VaultError> {
        let _lock = self.data()?.lock(INDEX_LOCK)?;
        let known = self.named()?;
        let strays: Vec<RecordName> = strays.iter().filter(|record| !known.contains(record)).cloned().collect();
        self.keystores().try_for_each(|keystore| Ok(keystore.remove_all(&strays)?))
    }

    /// Gives indexes that cannot be read another name, so that they can be made anew; says which.
    ///
    /// # Errors
    /// If a file cannot be read or written, then `File`.
    pub fn set_damaged_indexes_aside(&self, now: SystemTime) -> Result<Vec<PathBuf>, VaultError> {
        let folder = self.data()?;
        let _lock = folder.lock(INDEX_LOCK)?;
        let mut aside = Vec::new();
        for keystore in self.keystores() {
            let Err(VaultError::Damaged { what: Part::Index(path), .. }) = Index::read(folder, keystore.name()) else {
                continue;
            };
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let time: String = rfc3339::format(now).chars().filter(|character| !"-:".contains(*character)).collect();
            let other = format!("{name}.damaged-{time}");
            folder.write(&other, &folder.read(name)?.unwrap_or_default())?;
            folder.remove(name)?;
            aside.push(folder.path().join(other));
        }
        Ok(aside)
    }

    /// The keystore of the keys, then that of the seeds, if they have one.
    fn keystores(&self) -> impl Iterator<Item = &dyn Keystore> {
        std::iter::once(self.keystore).chain(self.seeds.as_ref().map(|seeds| seeds.keystore))
    }
}

/// The record of this text form; none if it is of no kind that an index names.
fn record_of(text: &str) -> Option<RecordName> {
    let (kind, name) = text.split_once('/')?;
    let kind = [KEY, DEVICE, ROTATION, SESSION, SIGN_IN].into_iter().find(|known| *known == kind)?;
    Some(RecordName::new(kind, name))
}

fn entered(index: &mut Index, record: &RecordName, content: &SecretBytes) -> Result<(), String> {
    let profile = || record.name().parse().map_err(|_| "its name is no profile's".to_owned());
    match record.kind() {
        KEY => {
            let profile = profile()?;
            let key = KeyRecord::from_bytes(content, &profile)?;
            index.keys.insert(profile, KeyEntry::of(&key));
        }
        DEVICE => {
            let device = DeviceRecord::from_bytes(content, record.name())?;
            index.devices.insert(record.name().to_owned(), DeviceEntry::of(&device));
        }
        ROTATION => {
            drop(index.rotations.insert(profile()?, Rotation::of(&RotationRecord::from_bytes(content)?)));
        }
        _ => {}
    }
    Ok(())
}
