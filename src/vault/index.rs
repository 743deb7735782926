//! What the vault holds, without a secret: so that listing, planning and completing unlock nothing.

use std::{collections::BTreeMap, time::SystemTime};

use serde::{Deserialize, Serialize};

use super::{
    DeviceRecord, KeyRecord, Part, Rotation, SessionKind, SessionRecord, SignInRecord, VaultError,
    cache_key::fingerprint,
};
use crate::{atomic_file::PrivateFolder, mfa::SerialNumber, profile::ProfileName, rfc3339};

const VERSION: u32 = 1;

/// What there is, and what is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    pub(super) version: u32,
    /// Long-term credentials by profile.
    #[serde(default)]
    pub keys: BTreeMap<ProfileName, KeyEntry>,
    /// Devices by local name.
    #[serde(default)]
    pub devices: BTreeMap<String, DeviceEntry>,
    /// Sessions by cache key.
    #[serde(default)]
    pub sessions: BTreeMap<String, SessionEntry>,
    /// Sign-ins at IAM Identity Center by cache key.
    #[serde(default)]
    pub sign_ins: BTreeMap<String, SignInEntry>,
    /// Enrolments that were begun and neither finished nor undone, by profile.
    #[serde(default)]
    pub enrolments: BTreeMap<ProfileName, Enrolment>,
    /// Access keys that are being replaced, by the profile that it was begun with.
    #[serde(default)]
    pub rotations: BTreeMap<ProfileName, Rotation>,
    /// The last backup that was made of this vault or restored into it.
    #[serde(default)]
    pub last_backup: Option<LastBackup>,
}

/// What is known of a key without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// The ID but for its last four characters masked.
    pub masked_access_key_id: String,
    /// A hash of the ID: changes when the key does.
    pub fingerprint: String,
    /// The account, if known.
    pub account_id: Option<String>,
    /// When it was stored.
    #[serde(with = "rfc3339_text")]
    pub added: SystemTime,
    /// When AWS made it, if it told.
    #[serde(default, with = "rfc3339_text_if_known")]
    pub created: Option<SystemTime>,
}

/// What is known of a device without reading its seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// What AWS knows it by.
    pub serial_number: Option<SerialNumber>,
    /// The profile whose user has it.
    pub profile: Option<ProfileName>,
    /// Who demands the codes.
    pub issuer: Option<String>,
    /// For whom.
    pub account: String,
    /// Whether its codes are of the kind AWS takes.
    pub fits_aws: bool,
    /// Where the seed came from.
    pub provenance: String,
    /// When it was stored.
    #[serde(with = "rfc3339_text")]
    pub added: SystemTime,
    /// Whether its codes are counted, not made of the time.
    #[serde(default)]
    pub counter_based: bool,
    /// Whether a person has to agree before a code is made.
    #[serde(default)]
    pub asks: bool,
    /// Whether AWS was told not to demand its codes any more.
    #[serde(default)]
    pub deactivated: bool,
    /// When its seed was last backed up, as it is now.
    #[serde(default, with = "rfc3339_text_if_known")]
    pub backed_up: Option<SystemTime>,
    /// The keystore that its seed is in. Not in the file: each keystore has an index of its own.
    #[serde(skip)]
    pub keystore: String,
}

/// Which backup came last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBackup {
    /// Its number: one more than that of the one before.
    pub generation: u64,
    /// When it was made.
    #[serde(with = "rfc3339_text")]
    pub created: SystemTime,
}

/// What is known of a session without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEntry {
    /// For which profile.
    pub profile: ProfileName,
    /// With whose keys.
    pub source: ProfileName,
    /// By which call.
    pub kind: SessionKind,
    /// Whether policies see MFA in it.
    #[serde(default)]
    pub mfa: bool,
    /// Whether it was made for roles to be assumed with, and does not go out itself.
    #[serde(default)]
    pub for_roles: bool,
    /// Whether it is in the sessions' own keystore, not beside the keys.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
    /// When it was made, by this machine; unknown of those that an older version remembered.
    #[serde(default, with = "rfc3339_text_if_known")]
    pub made: Option<SystemTime>,
    /// Until when.
    #[serde(with = "rfc3339_text")]
    pub expiration: SystemTime,
}

/// What is known of a sign-in without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInEntry {
    /// Where.
    pub start_url: String,
    /// Until when it is of use.
    #[serde(with = "rfc3339_text")]
    pub useless_from: SystemTime,
}

/// A device being enrolled: written down before AWS is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The serial number that the device will have.
    pub serial_number: SerialNumber,
    /// Whose device it will be.
    pub user_name: String,
    /// The device that is to be retired once this one is proved.
    #[serde(default)]
    pub replaces: Option<SerialNumber>,
    /// That device's local name, which this one takes over when it is forgotten.
    #[serde(default)]
    pub takes_name: Option<String>,
}

impl KeyEntry {
    pub(super) fn of(key: &KeyRecord) -> Self {
        KeyEntry {
            masked_access_key_id: key.credentials.access_key_id.masked(),
            fingerprint: fingerprint(&key.credentials.access_key_id),
            account_id: key.account_id.clone(),
            added: to_the_second(key.added),
            created: key.created.map(to_the_second),
        }
    }
}

impl DeviceEntry {
    pub(super) fn of(record: &DeviceRecord) -> Self {
        DeviceEntry {
            serial_number: record.device.serial_number.clone(),
            profile: record.profile.clone(),
            issuer: record.device.issuer.clone(),
            account: record.device.account.clone(),
            fits_aws: record.device.fits_aws(),
            provenance: record.provenance.clone(),
            added: to_the_second(record.added),
            counter_based: record.device.counter.is_some(),
            asks: record.consent.is_some(),
            deactivated: record.deactivated,
            backed_up: None,
            keystore: String::new(),
        }
    }
}

impl SessionEntry {
    pub(super) fn of(session: &SessionRecord, for_roles: bool, made: SystemTime) -> Self {
        SessionEntry {
            profile: session.profile.clone(),
            source: session.source.clone(),
            kind: session.kind,
            mfa: session.mfa,
            for_roles,
            apart: false,
            made: Some(to_the_second(made)),
            expiration: to_the_second(session.credentials.expiration),
        }
    }
}

impl SignInEntry {
    pub(super) fn of(sign_in: &SignInRecord) -> Self {
        SignInEntry { start_url: sign_in.start_url.clone(), useless_from: to_the_second(sign_in.useless_from()) }
    }
}

impl Index {
    /// One that names nothing.
    pub(super) fn new() -> Self {
        Index { version: VERSION, ..Index::default() }
    }

    /// As the file has it; no file is one that names nothing.
    pub(super) fn read(folder: &PrivateFolder, keystore: &str) -> Result<Self, VaultError> {
        let name = file_name(keystore);
        let Some(bytes) = folder.read(&name)? else { return Ok(Index::new()) };
        let damaged = |reason: String| VaultError::Damaged { what: Part::Index(folder.path().join(&name)), reason };
        let index: Index = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if index.version != VERSION {
            return Err(damaged(format!("it has version {}; this mfavault knows version {VERSION}", index.version)));
        }
        Ok(index)
    }

    pub(super) fn write(&self, folder: &PrivateFolder, keystore: &str) -> Result<(), VaultError> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("invariant: the index has text keys only");
        bytes.push(b'\n');
        Ok(folder.write(&file_name(keystore), &bytes)?)
    }

    /// Removes the file, which names nothing any more.
    pub(super) fn remove(folder: &PrivateFolder, keystore: &str) -> Result<(), VaultError> {
        folder.remove(&file_name(keystore))?;
        Ok(())
    }

    /// Nothing held, nothing under way.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.devices.is_empty()
            && self.sessions.is_empty()
            && self.sign_ins.is_empty()
            && self.enrolments.is_empty()
            && self.rotations.is_empty()
    }

    /// The local name of the device with this serial number.
    pub fn device_with_serial(&self, serial_number: &SerialNumber) -> Option<&str> {
        self.names_with_serial(serial_number).next()
    }

    /// The local names of the device with this serial number: one, but while it is being renamed.
    pub fn names_with_serial<'i>(&'i self, serial_number: &SerialNumber) -> impl Iterator<Item = &'i str> {
        let has = |entry: &DeviceEntry| entry.serial_number.as_ref() == Some(serial_number);
        self.devices.iter().filter(move |(_, entry)| has(entry)).map(|(name, _)| name.as_str())
    }

    /// The devices of a profile's user that AWS would take codes of, by name; none that was deactivated.
    pub fn devices_of<'i>(&'i self, profile: &'i ProfileName) -> impl Iterator<Item = (&'i str, &'i DeviceEntry)> {
        self.devices
            .iter()
            .filter(move |(_, entry)| entry.profile.as_ref() == Some(profile))
            .filter(|(_, entry)| entry.serial_number.is_some() && !entry.deactivated)
            .map(|(name, entry)| (name.as_str(), entry))
    }
}

/// Each keystore has an index of its own, so that trying another one never mixes up what is where.
fn file_name(keystore: &str) -> String {
    format!("index.{keystore}.json")
}

/// Times are stored to the second; what was just made must equal what is read back.
pub(super) fn to_the_second(time: SystemTime) -> SystemTime {
    rfc3339::parse(&rfc3339::format(time)).unwrap_or(time)
}

pub(super) mod rfc3339_text {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::rfc3339;

    pub(in crate::vault) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339::format(*time))
    }

    pub(in crate::vault) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        rfc3339::parse(&text).ok_or_else(|| D::Error::custom("a time is not RFC 3339"))
    }
}

mod rfc3339_text_if_known {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::rfc3339;

    pub(super) fn serialize<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_str(&rfc3339::format(*time)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| rfc3339::parse(&text)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn folder() -> (tempfile::TempDir, PrivateFolder) {
        let place = tempfile::tempdir().expect("a folder");
        let folder = PrivateFolder::open(&place.path().join("data")).expect("private");
        (place, folder)
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn name(text: &str) -> ProfileName {
        text.parse().expect("a name")
    }

    fn filled() -> Index {
        let mut index = Index { version: VERSION, ..Index::default() };
        let device = |serial: Option<&str>, profile: &str| DeviceEntry {
            serial_number: serial.map(|serial| serial.parse().expect("a serial number")),
            profile: Some(name(profile)),
            issuer: None,
            account: "me".to_owned(),
            fits_aws: true,
            provenance: "test".to_owned(),
            added: at(7),
            counter_based: false,
            asks: false,
            deactivated: false,
            backed_up: None,
            keystore: String::new(),
        };
        let serial = "arn:aws:iam::111122223333:mfa/alice";
        index.devices.insert("alice".to_owned(), device(Some(serial), "main"));
        index.devices.insert("other".to_owned(), device(None, "main"));
        for (key, profile, source, expiration) in
            [("a", "main", "main", 10), ("b", "deploy", "main", 20), ("c", "x", "x", 30)]
        {
            let (profile, source, kind) = (name(profile), name(source), SessionKind::AssumeRole);
            let (mfa, for_roles, made, expiration) = (false, key == "b", (key == "c").then(|| at(3)), at(expiration));
            let session = SessionEntry { profile, source, kind, mfa, for_roles, apart: key == "c", made, expiration };
            index.sessions.insert(key.to_owned(), session);
        }
        let serial_number = serial.parse().expect("a serial number");
        let enrolment = Enrolment { serial_number, user_name: "alice".to_owned(), replaces: None, takes_name: None };
        index.enrolments.insert(name("main"), enrolment);
        index
    }

    #[test]
    fn what_is_written_is_read_and_each_keystore_has_its_own() {
        let (_place, folder) = folder();
        filled().write(&folder, "file").expect("written");
        assert_eq!(Index::read(&folder, "file").expect("an index"), filled());
        assert!(Index::read(&folder, "os").expect("an index").is_empty() && !filled().is_empty());
    }

    #[test]
    fn a_damaged_or_later_index_is_an_error_and_never_an_empty_one() {
        let (_place, folder) = folder();
        for content in ["", "{}", "[]", r#"{"version": 2}"#, r#"{"version": 1, "devices": 3}"#] {
            folder.write("index.file.json", content.as_bytes()).expect("written");
            assert!(matches!(Index::read(&folder, "file"), Err(VaultError::Damaged { .. })), "{content}");
        }
        folder.write("index.file.json", br#"{"version": 1, "of_a_later_version": {}}"#).expect("written");
        assert!(Index::read(&folder, "file").expect("an index").is_empty());
    }

    #[test]
    fn devices_are_found_by_what_they_belong_to() {
        let index = filled();
        let serial = "arn:aws:iam::111122223333:mfa/alice".parse().expect("a serial number");
        assert_eq!(index.device_with_serial(&serial), Some("alice"));
        assert_eq!(index.devices_of(&name("main")).map(|(name, _)| name).collect::<Vec<_>>(), ["alice"]);
    }
}
