//! The records of the vault and their stored form: JSON with a version, secrets and all, for the keystore's eyes only.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{CacheKey, cache_key};
use crate::{
    credentials::{AccessKeyId, LongTermCredentials, SessionCredentials},
    mfa::{Algorithm, CodeSettings, Seed, SerialNumber, VirtualMfaDevice},
    profile::ProfileName,
    rfc3339,
    secret::{SecretBytes, SecretText},
    visible::is_unseen,
};

pub(super) const VERSION: u32 = 1;
/// More than any record takes, so that the buffer never grows and leaves a copy behind.
pub(super) const CAPACITY: usize = 16 * 1024;

/// A profile's long-term credentials, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The access key pair.
    pub credentials: LongTermCredentials,
    /// The account, if GetCallerIdentity told.
    pub account_id: Option<String>,
    /// When it was stored.
    pub added: SystemTime,
    /// When AWS made it, if it told.
    pub created: Option<SystemTime>,
}

/// A device, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// The device with its seed.
    pub device: VirtualMfaDevice,
    /// The profile whose user has the device.
    pub profile: Option<ProfileName>,
    /// Where the seed came from, such as `mfa enable` or `QR code`.
    pub provenance: String,
    /// When it was stored.
    pub added: SystemTime,
    /// Whether a person has to agree before a code is made; none: nobody is asked.
    pub consent: Option<Consent>,
    /// Whether AWS was told not to demand its codes any more; sessions leave it alone.
    pub deactivated: bool,
}

/// A person has to agree before a code is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// How long a yes holds; zero: for one code.
    pub remembered: Duration,
}

/// What call gave a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionKind {
    /// STS GetSessionToken.
    GetSessionToken,
    /// STS AssumeRole.
    AssumeRole,
    /// STS AssumeRoleWithWebIdentity.
    AssumeRoleWithWebIdentity,
    /// STS GetFederationToken.
    GetFederationToken,
    /// SSO GetRoleCredentials.
    GetRoleCredentials,
    /// A profile's `credential_process`.
    #[serde(rename = "credential_process")]
    CredentialProcess,
}

impl SessionKind {
    /// The API operation's name.
    pub fn as_str(self) -> &'static str {
        match self {
            SessionKind::GetSessionToken => "GetSessionToken",
            SessionKind::AssumeRole => "AssumeRole",
            SessionKind::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
            SessionKind::GetFederationToken => "GetFederationToken",
            SessionKind::GetRoleCredentials => "GetRoleCredentials",
            SessionKind::CredentialProcess => "credential_process",
        }
    }
}

/// Session credentials, and what they are good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// What STS gave.
    pub credentials: SessionCredentials,
    /// By which call.
    pub kind: SessionKind,
    /// For which profile.
    pub profile: ProfileName,
    /// With whose keys.
    pub source: ProfileName,
    /// Whether policies see MFA in it: it does not outlive an AssumeRole.
    pub mfa: bool,
}

/// What a backup holds: devices, and keys where they were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Counts the backups of a vault, so that an older one is known when it is restored; 0 of a vault that did not count.
    pub generation: u64,
    /// When it was made.
    pub created: SystemTime,
    /// The devices with their seeds.
    pub devices: Vec<DeviceRecord>,
    /// Long-term credentials by profile.
    pub keys: Vec<(ProfileName, KeyRecord)>,
}

#[derive(Serialize, Deserialize)]
struct StoredSnapshot {
    version: u32,
    #[serde(default)]
    generation: u64,
    created: String,
    devices: Vec<StoredDevice>,
    keys: Vec<StoredProfileKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredProfileKey {
    profile: ProfileName,
    key: StoredKey,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredKey {
    version: u32,
    access_key_id: AccessKeyId,
    #[serde(with = "exposed")]
    secret_access_key: SecretText,
    account_id: Option<String>,
    added: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    /// Whose it is, in a record of its own: a store that does not seal could give another one. Older ones do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<ProfileName>,
}

#[derive(Serialize, Deserialize)]
struct StoredDevice {
    version: u32,
    name: String,
    serial_number: Option<SerialNumber>,
    issuer: Option<String>,
    account: String,
    #[serde(with = "exposed")]
    seed: SecretText,
    algorithm: String,
    digits: u8,
    period_seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counter: Option<u64>,
    profile: Option<ProfileName>,
    provenance: String,
    added: String,
    /// How long a consent is remembered, in seconds; none if nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consent: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deactivated: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredSession {
    version: u32,
    cache_key: String,
    kind: SessionKind,
    profile: ProfileName,
    source: ProfileName,
    #[serde(default)]
    mfa: bool,
    access_key_id: AccessKeyId,
    #[serde(with = "exposed")]
    secret_access_key: SecretText,
    #[serde(with = "exposed")]
    session_token: SecretText,
    expiration: String,
}

impl KeyRecord {
    pub(super) fn to_bytes(&self, profile: &ProfileName) -> SecretBytes {
        to_bytes(&StoredKey { profile: Some(profile.clone()), ..self.stored() }, CAPACITY)
    }

    pub(super) fn from_bytes(bytes: &SecretBytes, profile: &ProfileName) -> Result<Self, String> {
        let stored: StoredKey = from_bytes(bytes)?;
        match stored.profile.as_ref().is_none_or(|own| own == profile) {
            true => KeyRecord::from_stored(stored),
            false => Err("it is the record of another profile".to_owned()),
        }
    }

    pub(super) fn stored(&self) -> StoredKey {
        StoredKey {
            version: VERSION,
            access_key_id: self.credentials.access_key_id.clone(),
            secret_access_key: self.credentials.secret_access_key.clone(),
            account_id: self.account_id.clone(),
            added: rfc3339::format(self.added),
            created: self.created.map(rfc3339::format),
            profile: None,
        }
    }

    pub(super) fn from_stored(stored: StoredKey) -> Result<Self, String> {
        Ok(KeyRecord {
            credentials: LongTermCredentials {
                access_key_id: stored.access_key_id,
                secret_access_key: stored.secret_access_key,
            },
            account_id: stored.account_id,
            added: time(&stored.added)?,
            created: stored.created.as_deref().map(time).transpose()?,
        })
    }
}

impl DeviceRecord {
    /// A device as it comes: nobody is asked for its codes.
    pub fn new(
        device: VirtualMfaDevice,
        profile: Option<ProfileName>,
        provenance: impl Into<String>,
        added: SystemTime,
    ) -> Self {
        DeviceRecord { device, profile, provenance: provenance.into(), added, consent: None, deactivated: false }
    }

    /// What the spent-step ledger knows the device by: its serial number; of a device that AWS does not know, a mark of
    /// its seed, which says nothing of it and stays the same when the device is renamed or restored.
    pub fn identity(&self) -> String {
        match &self.device.serial_number {
            Some(serial_number) => serial_number.to_string(),
            None => cache_key::mark_of(self.device.seed.bytes(), self.device.counter.is_some()),
        }
    }

    pub(super) fn to_bytes(&self) -> SecretBytes {
        to_bytes(&self.stored(), CAPACITY)
    }

    pub(super) fn from_bytes(bytes: &SecretBytes, name: &str) -> Result<Self, String> {
        let record = DeviceRecord::from_stored(from_bytes(bytes)?)?;
        match record.device.name == name {
            true => Ok(record),
            false => Err("it is the record of another device".to_owned()),
        }
    }

    fn stored(&self) -> StoredDevice {
        let device = &self.device;
        StoredDevice {
            version: VERSION,
            name: device.name.clone(),
            serial_number: device.serial_number.clone(),
            issuer: device.issuer.clone(),
            account: device.account.clone(),
            seed: device.seed.to_base32(),
            algorithm: device.settings.algorithm().as_str().to_owned(),
            digits: device.settings.digits(),
            period_seconds: device.settings.period_seconds(),
            counter: device.counter,
            profile: self.profile.clone(),
            provenance: self.provenance.clone(),
            added: rfc3339::format(self.added),
            consent: self.consent.map(|consent| consent.remembered.as_secs()),
            deactivated: self.deactivated,
        }
    }

    fn from_stored(stored: StoredDevice) -> Result<Self, String> {
        let algorithm = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == stored.algorithm)
            .ok_or_else(|| format!("unknown algorithm `{}`", stored.algorithm))?;
        let settings = CodeSettings::new(algorithm, stored.digits.into(), stored.period_seconds);
        Ok(DeviceRecord {
            device: VirtualMfaDevice {
                name: stored.name,
                serial_number: stored.serial_number,
                issuer: stored.issuer,
                account: stored.account,
                seed: Seed::from_base32(stored.seed.expose()).map_err(|error| error.to_string())?,
                settings: settings.map_err(|error| error.to_string())?,
                counter: stored.counter,
            },
            profile: stored.profile,
            provenance: stored.provenance,
            added: time(&stored.added)?,
            consent: stored.consent.map(|seconds| Consent { remembered: Duration::from_secs(seconds) }),
            deactivated: stored.deactivated,
        })
    }
}

impl Snapshot {
    /// The snapshot as JSON, secrets and all: for an encrypted file only.
    pub fn to_bytes(&self) -> SecretBytes {
        let keys =
            self.keys.iter().map(|(profile, key)| StoredProfileKey { profile: profile.clone(), key: key.stored() });
        let stored = StoredSnapshot {
            version: VERSION,
            generation: self.generation,
            created: rfc3339::format(self.created),
            devices: self.devices.iter().map(DeviceRecord::stored).collect(),
            keys: keys.collect(),
        };
        to_bytes(&stored, CAPACITY * (1 + self.devices.len() + self.keys.len()))
    }

    /// Reads what [`Snapshot::to_bytes`] wrote.
    ///
    /// # Errors
    /// If it is no snapshot of a version known here, two of its devices or keys have one name, or a text in it that
    /// people read has unseen characters, then the reason, without any content.
    pub fn from_bytes(bytes: &SecretBytes) -> Result<Self, String> {
        let stored: StoredSnapshot = from_bytes(bytes)?;
        let devices = stored.devices.into_iter().map(DeviceRecord::from_stored).collect::<Result<Vec<_>, _>>()?;
        let keys = stored.keys.into_iter().map(|entry| Ok((entry.profile, KeyRecord::from_stored(entry.key)?)));
        let snapshot = Snapshot {
            generation: stored.generation,
            created: time(&stored.created)?,
            devices,
            keys: keys.collect::<Result<Vec<_>, String>>()?,
        };
        let names: HashSet<&str> = snapshot.devices.iter().map(|record| record.device.name.as_str()).collect();
        let profiles: HashSet<&ProfileName> = snapshot.keys.iter().map(|(profile, _)| profile).collect();
        if names.len() != snapshot.devices.len() || profiles.len() != snapshot.keys.len() {
            return Err("two of its devices or keys have the same name".to_owned());
        }
        // Whoever made the file chose these, and they are shown before anybody decides about it.
        if snapshot.shown_texts().any(|text| text.chars().any(is_unseen)) {
            return Err("a name or text in it has a control, invisible or direction-changing character".to_owned());
        }
        Ok(snapshot)
    }

    /// What is shown of it and has no type that keeps it clean.
    fn shown_texts(&self) -> impl Iterator<Item = &str> {
        let devices = self.devices.iter().flat_map(|record| {
            let device = &record.device;
            [Some(&device.name), Some(&device.account), device.issuer.as_ref(), Some(&record.provenance)]
        });
        let keys = self.keys.iter().map(|(_, key)| key.account_id.as_ref());
        devices.chain(keys).flatten().map(String::as_str)
    }
}

impl SessionRecord {
    pub(super) fn to_bytes(&self, key: &CacheKey) -> SecretBytes {
        let stored = StoredSession {
            version: VERSION,
            cache_key: key.as_str().to_owned(),
            kind: self.kind,
            profile: self.profile.clone(),
            source: self.source.clone(),
            mfa: self.mfa,
            access_key_id: self.credentials.access_key_id.clone(),
            secret_access_key: self.credentials.secret_access_key.clone(),
            session_token: self.credentials.session_token.clone(),
            expiration: rfc3339::format(self.credentials.expiration),
        };
        to_bytes(&stored, CAPACITY)
    }

    /// Reads a session, and refuses one that was stored under another key.
    pub(super) fn from_bytes(bytes: &SecretBytes, key: &CacheKey) -> Result<Self, String> {
        let stored: StoredSession = from_bytes(bytes)?;
        if stored.cache_key != key.as_str() {
            return Err("it belongs to other inputs".to_owned());
        }
        Ok(SessionRecord {
            credentials: SessionCredentials {
                access_key_id: stored.access_key_id,
                secret_access_key: stored.secret_access_key,
                session_token: stored.session_token,
                expiration: time(&stored.expiration)?,
            },
            kind: stored.kind,
            profile: stored.profile,
            source: stored.source,
            mfa: stored.mfa,
        })
    }
}

pub(super) fn to_bytes(stored: &impl Serialize, capacity: usize) -> SecretBytes {
    let mut bytes = Vec::with_capacity(capacity);
    serde_json::to_writer(&mut bytes, stored).expect("invariant: records have text keys only, and memory takes all");
    SecretBytes::from(bytes)
}

pub(super) fn from_bytes<T: DeserializeOwned>(bytes: &SecretBytes) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let read = |error: serde_json::Error| match error.classify() {
        // serde's own words may quote a value.
        serde_json::error::Category::Data => "a field is missing or has a value that cannot be".to_owned(),
        _ => "it is not JSON".to_owned(),
    };
    let Version { version } = serde_json::from_slice(bytes.expose()).map_err(read)?;
    if version != VERSION {
        return Err(format!("it has version {version}; this mfavault knows version {VERSION}"));
    }
    serde_json::from_slice(bytes.expose()).map_err(read)
}

pub(super) fn time(text: &str) -> Result<SystemTime, String> {
    rfc3339::parse(text).ok_or_else(|| "a time is not RFC 3339".to_owned())
}

/// Secrets of the stored form: the one place where they are written out in full.
pub(super) mod exposed {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::secret::SecretText;

    pub(in crate::vault) fn serialize<S: Serializer>(secret: &SecretText, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(in crate::vault) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretText, D::Error> {
        String::deserialize(deserializer).map(SecretText::from)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn key() -> KeyRecord {
        let access_key_id = "AKIAIOSFODNN7EXAMPLE".parse().expect("an ID");
        let credentials = LongTermCredentials { access_key_id, secret_access_key: "wJalr\"\\/+é".into() };
        KeyRecord { created: None, credentials, account_id: Some("111122223333".to_owned()), added: at(5) }
    }

    fn device() -> DeviceRecord {
        let device = VirtualMfaDevice {
            name: "a \"b\"".to_owned(),
            serial_number: Some("arn:aws:iam::111122223333:mfa/alice".parse().expect("a serial number")),
            issuer: None,
            account: "me".to_owned(),
            seed: Seed::from_bytes((1..=40).collect()).expect("a seed"),
            settings: CodeSettings::new(Algorithm::Sha512, 8, 60).expect("settings"),
            counter: Some(7),
        };
        let consent = Some(Consent { remembered: Duration::from_secs(600) });
        let record = DeviceRecord::new(device, Some(ProfileName::default()), "test", at(5));
        DeviceRecord { consent, deactivated: true, ..record }
    }

    fn session() -> SessionRecord {
        let credentials = SessionCredentials {
            access_key_id: "ASIAIOSFODNN7EXAMPLE".parse().expect("an ID"),
            secret_access_key: "wJalr".into(),
            session_token: "x".repeat(5000).into(),
            expiration: at(5),
        };
        let profile = ProfileName::default();
        SessionRecord { credentials, kind: SessionKind::AssumeRole, source: profile.clone(), profile, mfa: true }
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let [main, other] = ["main", "other"].map(|name| name.parse::<ProfileName>().expect("a name"));
        assert_eq!(KeyRecord::from_bytes(&key().to_bytes(&main), &main), Ok(key()));
        assert!(KeyRecord::from_bytes(&key().to_bytes(&main), &other).is_err(), "another profile's");
        // As older versions wrote it.
        assert_eq!(KeyRecord::from_bytes(&to_bytes(&key().stored(), CAPACITY), &main), Ok(key()));
        let name = device().device.name;
        assert_eq!(DeviceRecord::from_bytes(&device().to_bytes(), &name), Ok(device()));
        assert!(DeviceRecord::from_bytes(&device().to_bytes(), "other").is_err(), "another device's");
        let cache_key = CacheKey::of(["a"]);
        assert_eq!(SessionRecord::from_bytes(&session().to_bytes(&cache_key), &cache_key), Ok(session()));
        let snapshot = Snapshot {
            generation: 3,
            created: at(9),
            devices: vec![device()],
            keys: vec![(ProfileName::default(), key())],
        };
        assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()), Ok(snapshot));
    }

    #[test]
    fn a_session_under_another_key_is_refused() {
        let bytes = session().to_bytes(&CacheKey::of(["a"]));
        assert!(SessionRecord::from_bytes(&bytes, &CacheKey::of(["b"])).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_an_error_without_any_of_the_content() {
        let text = String::from_utf8(device().to_bytes().expose().clone()).expect("text");
        let seed = device().device.seed.to_base32();
        for broken in [
            String::new(),
            text[..text.len() - 2].to_owned(),
            text.replace("\"version\":1", "\"version\":2"),
            text.replace("SHA512", "MD5"),
            text.replace("\"digits\":8", "\"digits\":12"),
            text.replace("\"digits\":8", &format!("\"digits\":\"{}\"", seed.expose())),
            text.replace(&seed.expose()[..4], "1!  "),
            text.replace("1970-01-01", "yesterday"),
            text.replace("\"seed\"", "\"sead\""),
        ] {
            let reason =
                DeviceRecord::from_bytes(&broken.into_bytes().into(), &device().device.name).expect_err("refused");
            assert!(!reason.contains(&seed.expose()[4..]), "{reason}");
        }
    }

    #[test]
    fn a_snapshot_with_a_name_twice_is_refused() {
        let profile = ProfileName::default;
        for (devices, keys) in
            [(vec![device(), device()], vec![]), (vec![], vec![(profile(), key()), (profile(), key())])]
        {
            let snapshot = Snapshot { generation: 3, created: at(9), devices, keys };
            assert!(Snapshot::from_bytes(&snapshot.to_bytes()).is_err());
        }
    }

    #[test]
    fn a_snapshot_whose_texts_would_deceive_a_reader_is_refused() {
        let changes: [fn(&mut Snapshot, String); 5] = [
            |snapshot, text| snapshot.devices[0].device.name = text,
            |snapshot, text| snapshot.devices[0].device.account = text,
            |snapshot, text| snapshot.devices[0].device.issuer = Some(text),
            |snapshot, text| snapshot.devices[0].provenance = text,
            |snapshot, text| snapshot.keys[0].1.account_id = Some(text),
        ];
        for change in changes {
            for (text, clean) in [
                ("Jürgen's 日本", true),
                ("a\u{1b}[2J", false),
                ("a\nb", false),
                ("a\u{202e}b", false),
                ("a\u{200b}", false),
            ] {
                let mut snapshot = Snapshot {
                    generation: 3,
                    created: at(9),
                    devices: vec![device()],
                    keys: vec![(ProfileName::default(), key())],
                };
                change(&mut snapshot, text.to_owned());
                let read = Snapshot::from_bytes(&snapshot.to_bytes());
                assert_eq!(read.is_ok(), clean, "{text:?}");
                assert!(read.err().is_none_or(|reason| !reason.contains('\u{1b}')));
            }
        }
    }

    #[test]
    fn inputs_of_a_cache_key_do_not_run_together() {
        let keys = [vec!["ab", "c"], vec!["a", "bc"], vec!["abc"], vec!["abc", ""], vec!["", "abc"], vec![]];
        let hashes: HashSet<String> = keys.map(|inputs| CacheKey::of(inputs).as_str().to_owned()).into();
        assert_eq!(hashes.len(), 6);
    }
}
