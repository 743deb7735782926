//! What the keystores hold against what the indexes name, and the way back of an index that was lost: for `doctor`.

use std::{collections::BTreeSet, path::PathBuf, time::SystemTime};

use super::{
    DEVICE, DeviceEntry, DeviceRecord, INDEX_LOCK, Index, KeyEntry, KeyRecord, Part, Vault, VaultError,
    rotations::{ROTATION, Rotation, RotationRecord},
};
use crate::{
    keystore::{Keystore, RecordName},
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
            let held: BTreeSet<RecordName> = held.iter().filter_map(|text| named(text)).collect();
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

    /// Enters a key, a device or a rotation into the index of the keystore that holds it; says whether one does.
    ///
    /// # Errors
    /// As [`Vault::key`]; if the index cannot be written, then `File`.
    pub fn enter(&self, record: &RecordName) -> Result<bool, VaultError> {
        for (place, keystore) in self.keystores().enumerate() {
            let content = match keystore.get(record) {
                Err(crate::keystore::KeystoreError::NotFound { .. }) => continue,
                content => content?,
            };
            let folder = self.data()?;
            let _lock = folder.lock(INDEX_LOCK)?;
            let before = self.indexes()?;
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

    /// Forgets sessions and sign-ins that no index names.
    ///
    /// # Errors
    /// As [`Keystore::remove_all`].
    pub fn forget_strays(&self, strays: &[RecordName]) -> Result<(), VaultError> {
        self.keystores().try_for_each(|keystore| Ok(keystore.remove_all(strays)?))
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
fn named(text: &str) -> Option<RecordName> {
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
