//! What a person agreed to lately: when a yes to a device's codes was given, one file for all devices.
//!
//! Each yes carries a mark that is made with the device's seed, so that nobody forges one who could not make the codes
//! himself. How long it holds is the record's to say. A file that cannot be read holds no yes: somebody is asked again.

use std::{collections::BTreeMap, time::SystemTime};

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{DeviceRecord, Vault, VaultError, cache_key};
use crate::{atomic_file::PrivateFolder, rfc3339};

const VERSION: u32 = 1;
const FILE: &str = "agreements.json";
const LOCK: &str = "agreements.lock";

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// By what the ledger knows the device by.
    devices: BTreeMap<String, Agreement>,
}

#[derive(Serialize, Deserialize)]
struct Agreement {
    given: String,
    mark: String,
}

/// Whether a yes holds. One that was given later than now does not: the clock was set back, and nobody knows how long
/// ago it was.
fn holds(folder: &PrivateFolder, record: &DeviceRecord, now: SystemTime) -> Result<bool, VaultError> {
    let Some(consent) = record.consent.filter(|consent| !consent.remembered.is_zero()) else { return Ok(false) };
    let Some(agreement) = read(folder)?.remove(&record.identity()) else { return Ok(false) };
    let is_ours = agreement.mark.as_bytes().ct_eq(mark(record, &agreement.given).as_bytes());
    let age = rfc3339::parse(&agreement.given).and_then(|given| now.duration_since(given).ok());
    Ok(bool::from(is_ours) && age.is_some_and(|age| age < consent.remembered))
}

fn remember(folder: &PrivateFolder, record: &DeviceRecord, now: SystemTime) -> Result<(), VaultError> {
    let given = rfc3339::format(now);
    let agreement = Agreement { mark: mark(record, &given), given };
    change(folder, |devices| drop(devices.insert(record.identity(), agreement)))
}

fn forget(folder: &PrivateFolder, record: &DeviceRecord) -> Result<(), VaultError> {
    change(folder, |devices| drop(devices.remove(&record.identity())))
}

fn forget_all(folder: &PrivateFolder) -> Result<(), VaultError> {
    let _lock = folder.lock(LOCK)?;
    folder.remove(FILE)?;
    Ok(())
}

fn mark(record: &DeviceRecord, given: &str) -> String {
    cache_key::agreement_mark(record.device.seed.bytes(), &record.identity(), given)
}

fn change(folder: &PrivateFolder, change: impl FnOnce(&mut BTreeMap<String, Agreement>)) -> Result<(), VaultError> {
    let _lock = folder.lock(LOCK)?;
    let mut devices = read(folder)?;
    change(&mut devices);
    let stored = Stored { version: VERSION, devices };
    let bytes = serde_json::to_vec(&stored).expect("invariant: what was agreed to has text keys only");
    Ok(folder.write(FILE, &bytes)?)
}

fn read(folder: &PrivateFolder) -> Result<BTreeMap<String, Agreement>, VaultError> {
    let stored = folder.read(FILE)?.and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok());
    Ok(stored.filter(|stored| stored.version == VERSION).map(|stored| stored.devices).unwrap_or_default())
}

impl Vault<'_> {
    /// Whether a person's yes to codes of a device still holds.
    ///
    /// # Errors
    /// If the file is not safely ours, then `File`; one that cannot be read holds no yes.
    pub fn is_agreed(&self, record: &DeviceRecord, now: SystemTime) -> Result<bool, VaultError> {
        holds(self.state()?, record, now)
    }

    /// Remembers a person's yes to codes of a device, for as long as the device's record lets one hold.
    ///
    /// # Errors
    /// If the file cannot be written, then `File`.
    pub fn remember_agreement(&self, record: &DeviceRecord, now: SystemTime) -> Result<(), VaultError> {
        remember(self.state()?, record, now)
    }

    /// Forgets a person's yes to codes of a device.
    ///
    /// # Errors
    /// If the file cannot be written, then `File`.
    pub fn forget_agreement(&self, record: &DeviceRecord) -> Result<(), VaultError> {
        forget(self.state()?, record)
    }

    /// Forgets every yes.
    ///
    /// # Errors
    /// If the file cannot be removed, then `File`.
    pub fn forget_agreements(&self) -> Result<(), VaultError> {
        match self.has_state() {
            true => forget_all(self.state()?),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        mfa::{CodeSettings, Seed, VirtualMfaDevice},
        vault::Consent,
    };

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_294_080 + seconds)
    }

    fn device(seed: &str, remembered: u64) -> DeviceRecord {
        let device = VirtualMfaDevice {
            name: "alice".to_owned(),
            serial_number: Some("arn:aws:iam::111122223333:mfa/alice".parse().expect("a serial number")),
            issuer: None,
            account: "alice".to_owned(),
            seed: Seed::from_base32(seed).expect("a seed"),
            settings: CodeSettings::AWS,
            counter: None,
        };
        let consent = Some(Consent { remembered: Duration::from_secs(remembered) });
        DeviceRecord { consent, ..DeviceRecord::new(device, None, "a test", at(0)) }
    }

    fn folder() -> (tempfile::TempDir, PrivateFolder) {
        let place = tempfile::tempdir().expect("a folder");
        let folder = PrivateFolder::open(&place.path().join("state")).expect("private");
        (place, folder)
    }

    const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

    #[test]
    fn a_yes_holds_for_its_time_and_not_before_it_was_given() {
        let (_place, folder) = folder();
        let alice = device(SEED, 900);
        let holds = |record: &DeviceRecord, seconds| holds(&folder, record, at(seconds)).expect("a file");
        assert!(!holds(&alice, 100));
        remember(&folder, &alice, at(100)).expect("written");
        assert!(holds(&alice, 100) && holds(&alice, 999) && !holds(&alice, 1000));
        assert!(!holds(&alice, 99), "the clock was set back");
        assert!(!holds(&device(SEED, 0), 100), "one for each code");
        assert!(!holds(&device(SEED, 60), 200), "the time is the record's");
        assert!(!holds(&DeviceRecord { consent: None, ..alice.clone() }, 100), "who is not asked agrees to nothing");
        forget(&folder, &alice).expect("written");
        assert!(!holds(&alice, 100));
        remember(&folder, &alice, at(100)).expect("written");
        forget_all(&folder).expect("removed");
        forget_all(&folder).expect("nothing there is fine");
        assert!(!holds(&alice, 100));
    }

    #[test]
    fn a_yes_that_was_made_without_the_seed_is_none() {
        let (_place, folder) = folder();
        let (alice, other) = (device(SEED, 900), device("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 900));
        remember(&folder, &other, at(100)).expect("written");
        assert!(!holds(&folder, &alice, at(100)).expect("a file"), "another seed's");
        remember(&folder, &alice, at(100)).expect("written");
        let text = String::from_utf8(folder.read(FILE).expect("read").expect("there")).expect("text");
        let later = text.replace(&rfc3339::format(at(100)), &rfc3339::format(at(2000)));
        assert_ne!(text, later);
        folder.write(FILE, later.as_bytes()).expect("written");
        assert!(!holds(&folder, &alice, at(2000)).expect("a file"), "another time's");
        for damaged in ["", "{}", &text[..40], r#"{"version":2,"devices":{}}"#] {
            folder.write(FILE, damaged.as_bytes()).expect("written");
            assert!(!holds(&folder, &alice, at(100)).expect("a file"), "{damaged}");
        }
        remember(&folder, &alice, at(100)).expect("written over what cannot be read");
        assert!(holds(&folder, &alice, at(100)).expect("a file"));
    }
}
