//! Access keys that are being replaced: a record with both pairs in the keystore, an entry in the index that says so.
//!
//! The entry is there before the record, and the record before AWS is asked for a key; the record goes before the entry.
//! Until then neither pair is anywhere lost, whatever the profile's own record holds.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{
    Index, KeyRecord, Vault, VaultError,
    cache_key::fingerprint,
    index::{rfc3339_text, to_the_second},
    records::{CAPACITY, StoredKey, VERSION, from_bytes, time, to_bytes},
};
use crate::{credentials::AccessKeyId, keystore::RecordName, profile::ProfileName, rfc3339, secret::SecretBytes};

/// The kind of the records; the name is the profile's.
pub(super) const ROTATION: &str = "rotation";

/// A key that is being replaced, as the index shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Whose keys they are.
    pub user_name: String,
    /// The old key's ID but for its last four characters masked.
    pub masked_old: String,
    /// The new key's, once there is one.
    pub masked_new: Option<String>,
    /// As [`KeyEntry::fingerprint`](super::KeyEntry::fingerprint), of the old key.
    pub old_fingerprint: String,
    /// The same of the new key, once there is one.
    pub new_fingerprint: Option<String>,
    /// When it was begun.
    #[serde(with = "rfc3339_text")]
    pub begun: SystemTime,
    /// Whether all is done but the deletion of the old key, which is inactive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_deletion: bool,
}

/// A key that is being replaced, with both pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationRecord {
    /// Whose keys they are.
    pub user_name: String,
    /// The user's ARN as GetCallerIdentity told it.
    pub arn: String,
    /// The key that is being replaced, as it was stored.
    pub old: KeyRecord,
    /// The one that replaces it, once AWS has made it.
    pub new: Option<KeyRecord>,
    /// The IDs of the keys that the user had before.
    pub before: Vec<AccessKeyId>,
    /// The IDs of keys that were made for it and are of no use; AWS was asked to delete them, or is about to be.
    pub doomed: Vec<AccessKeyId>,
    /// When it was begun, by AWS's clock.
    pub begun: SystemTime,
    /// When AWS was last asked for a key, or is about to be, by its clock.
    pub asked: SystemTime,
    /// Whether the old key is to stay at AWS, inactive.
    pub deactivate_only: bool,
    /// Whether all is done but the deletion of the old key, which is inactive.
    pub only_deletion: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredRotation {
    version: u32,
    user_name: String,
    arn: String,
    old: StoredKey,
    new: Option<StoredKey>,
    before: Vec<AccessKeyId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    doomed: Vec<AccessKeyId>,
    begun: String,
    /// None: when it was begun.
    #[serde(default)]
    asked: Option<String>,
    deactivate_only: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    only_deletion: bool,
}

impl Rotation {
    pub(super) fn of(record: &RotationRecord) -> Self {
        let new = record.new.as_ref().map(|key| &key.credentials.access_key_id);
        Rotation {
            user_name: record.user_name.clone(),
            masked_old: record.old.credentials.access_key_id.masked(),
            masked_new: new.map(AccessKeyId::masked),
            old_fingerprint: fingerprint(&record.old.credentials.access_key_id),
            new_fingerprint: new.map(fingerprint),
            begun: to_the_second(record.begun),
            only_deletion: record.only_deletion,
        }
    }

    /// Whether it is about the key of this fingerprint, as the old or the new one.
    pub fn concerns(&self, fingerprint: &str) -> bool {
        self.old_fingerprint == fingerprint || self.new_fingerprint.as_deref() == Some(fingerprint)
    }
}

impl RotationRecord {
    fn to_bytes(&self) -> SecretBytes {
        let stored = StoredRotation {
            version: VERSION,
            user_name: self.user_name.clone(),
            arn: self.arn.clone(),
            old: self.old.stored(),
            new: self.new.as_ref().map(KeyRecord::stored),
            before: self.before.clone(),
            doomed: self.doomed.clone(),
            begun: rfc3339::format(self.begun),
            asked: Some(rfc3339::format(self.asked)),
            deactivate_only: self.deactivate_only,
            only_deletion: self.only_deletion,
        };
        to_bytes(&stored, CAPACITY)
    }

    pub(super) fn from_bytes(bytes: &SecretBytes) -> Result<Self, String> {
        let stored: StoredRotation = from_bytes(bytes)?;
        Ok(RotationRecord {
            user_name: stored.user_name,
            arn: stored.arn,
            old: KeyRecord::from_stored(stored.old)?,
            new: stored.new.map(KeyRecord::from_stored).transpose()?,
            before: stored.before,
            doomed: stored.doomed,
            begun: time(&stored.begun)?,
            asked: time(stored.asked.as_ref().unwrap_or(&stored.begun))?,
            deactivate_only: stored.deactivate_only,
            only_deletion: stored.only_deletion,
        })
    }
}

impl Index {
    /// The rotation that is under way of a profile's key, and the profile that it was begun with: another one may have
    /// the same key.
    pub fn rotation_of(&self, profile: &ProfileName) -> Option<(&ProfileName, &Rotation)> {
        let own = self.rotations.get_key_value(profile);
        own.or_else(|| {
            let key = self.keys.get(profile)?;
            self.rotations.iter().find(|(_, rotation)| rotation.concerns(&key.fingerprint))
        })
    }

    /// The profiles that have this key, by name.
    pub fn profiles_with_key<'i>(&'i self, access_key_id: &AccessKeyId) -> impl Iterator<Item = &'i ProfileName> {
        let wanted = fingerprint(access_key_id);
        self.keys.iter().filter(move |(_, key)| key.fingerprint == wanted).map(|(profile, _)| profile)
    }
}

impl Vault<'_> {
    /// The rotation that was begun with a profile, with its pairs; none if the run that wrote it down got no further
    /// than the index, or had only the index left to clean.
    ///
    /// # Errors
    /// As [`Vault::key`].
    pub fn rotation(&self, profile: &ProfileName) -> Result<Option<RotationRecord>, VaultError> {
        self.read(&rotation_record(profile), RotationRecord::from_bytes)
    }

    /// Writes down how far the rotation of a profile's key is, and reads it back.
    ///
    /// # Errors
    /// As [`Vault::store_key`].
    pub fn store_rotation(&self, profile: &ProfileName, record: &RotationRecord) -> Result<(), VaultError> {
        let enter = |index: &mut Index| drop(index.rotations.insert(profile.clone(), Rotation::of(record)));
        self.open(&rotation_record(profile), true)?;
        self.change(enter, || self.write(&rotation_record(profile), record.to_bytes()), |_| {})
    }

    /// Strikes a rotation out, and forgets its pairs: it is finished, or undone.
    ///
    /// # Errors
    /// As [`Vault::forget_key`].
    pub fn end_rotation(&self, profile: &ProfileName) -> Result<(), VaultError> {
        let leave = |index: &mut Index| drop(index.rotations.remove(profile));
        self.open(&rotation_record(profile), false)?;
        self.change(|_| {}, || self.forget(&rotation_record(profile)), leave).map(drop)
    }
}

fn rotation_record(profile: &ProfileName) -> RecordName {
    RecordName::new(ROTATION, profile.as_str())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::credentials::LongTermCredentials;

    fn key(id: &str) -> KeyRecord {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        KeyRecord {
            credentials: LongTermCredentials {
                access_key_id: id.parse().expect("an ID"),
                secret_access_key: format!("secret of {id}").into(),
            },
            account_id: Some("111122223333".to_owned()),
            added: at(8),
            created: Some(at(7)),
        }
    }

    fn record(new: Option<KeyRecord>) -> RotationRecord {
        RotationRecord {
            user_name: "alice".to_owned(),
            arn: "arn:aws:iam::111122223333:user/alice".to_owned(),
            old: key("AKIAIOSFODNN7EXAMPLE"),
            before: vec!["AKIAIOSFODNN7EXAMPLE".parse().expect("an ID")],
            doomed: vec!["AKIADOOMEDDOOMEXAMPL".parse().expect("an ID")],
            begun: SystemTime::UNIX_EPOCH + Duration::from_secs(9),
            asked: SystemTime::UNIX_EPOCH + Duration::from_secs(10),
            deactivate_only: true,
            only_deletion: new.is_some(),
            new,
        }
    }

    #[test]
    fn a_rotation_is_read_as_it_was_written_with_and_without_the_new_pair() {
        for record in [record(None), record(Some(key("AKIAI44QH8DHBEXAMPLE")))] {
            assert_eq!(RotationRecord::from_bytes(&record.to_bytes()), Ok(record));
        }
    }

    #[test]
    fn the_index_has_a_rotation_without_a_secret_and_finds_it_by_either_key() {
        let entry = Rotation::of(&record(Some(key("AKIAI44QH8DHBEXAMPLE"))));
        let text = serde_json::to_string(&entry).expect("JSON");
        assert!(!text.contains("AKIA") && !text.contains("secret"), "{text}");
        let mut index = Index::default();
        let [main, twin, other] = ["main", "twin", "other"].map(|name| name.parse::<ProfileName>().expect("a name"));
        index.rotations.insert(main.clone(), entry);
        for (profile, id) in [(&twin, "AKIAI44QH8DHBEXAMPLE"), (&other, "AKIAOTHEROTHEREXAMPL")] {
            index.keys.insert(profile.clone(), super::super::KeyEntry::of(&key(id)));
        }
        let found = |profile| index.rotation_of(profile).map(|(profile, _)| profile);
        assert_eq!((found(&main), found(&twin), found(&other)), (Some(&main), Some(&main), None));
    }
}
