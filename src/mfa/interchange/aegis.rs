//! Exports of Aegis: JSON, plain or with a password (<https://github.com/beemdevelopment/Aegis/blob/master/docs/vault.md>).
//!
//! The entries are encrypted with a master key, and that once for each slot. Slots of type 1 are passwords, of which a
//! file may have several; the others belong to a phone's fingerprint sensor or to no export.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    Format::Aegis,
    Imported, InterchangeError, Skipped,
    entry::{Entries, Entry, json, no_export},
    sealed::{self, Kdf},
};
use crate::{
    mfa::{Seed, uri::OtpauthUri},
    secret::{SecretBytes, SecretText},
};

const PASSWORD_SLOT: u64 = 1;
/// Every slot costs a key derivation.
const MOST_SLOTS: usize = 8;

#[derive(Deserialize)]
struct Head {
    version: u64,
    header: Header,
}

#[derive(Deserialize)]
struct Header {
    slots: Option<Entries<Slot>>,
    params: Option<Parameters>,
}

#[derive(Deserialize)]
struct Slot {
    #[serde(rename = "type")]
    kind: u64,
    key: String,
    key_params: Parameters,
    n: Option<u64>,
    r: Option<u64>,
    p: Option<u64>,
    salt: Option<String>,
}

#[derive(Deserialize)]
struct Parameters {
    nonce: String,
    tag: String,
}

#[derive(Deserialize)]
struct Plain {
    db: Database,
}

#[derive(Deserialize)]
struct Sealed {
    db: String,
}

#[derive(Deserialize)]
struct Database {
    version: u64,
    entries: Entries<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    issuer: Option<String>,
    info: Info,
}

#[derive(Deserialize)]
struct Info {
    secret: Zeroizing<String>,
    algo: Option<String>,
    digits: Option<i64>,
    period: Option<i64>,
    counter: Option<i64>,
}

pub(super) fn read(file: &SecretBytes, password: Option<&SecretText>) -> Result<Imported, InterchangeError> {
    let head: Head = json(Aegis, file.expose())?;
    if head.version != 1 {
        return Err(no_export(Aegis, format!("version {} is not known", head.version)));
    }
    let database: Database = match (head.header.slots, head.header.params) {
        (None, _) => json::<Plain>(Aegis, file.expose())?.db,
        (Some(slots), Some(parameters)) => {
            let sealed = json::<Sealed>(Aegis, file.expose())?;
            let opened = open(&slots.0, &parameters, &sealed, password)?;
            json(Aegis, opened.expose())?
        }
        (Some(_), None) => return Err(no_export(Aegis, "it has slots and no parameters")),
    };
    if !(1..=3).contains(&database.version) {
        return Err(no_export(Aegis, format!("version {} of its entries is not known", database.version)));
    }
    Ok(database.entries.0.iter().map(Item::read).collect())
}

fn open(
    slots: &[Slot],
    parameters: &Parameters,
    sealed: &Sealed,
    password: Option<&SecretText>,
) -> Result<SecretBytes, InterchangeError> {
    let slots: Vec<_> = slots.iter().filter(|slot| slot.kind == PASSWORD_SLOT).collect();
    if slots.is_empty() {
        return Err(no_export(Aegis, "no password opens it"));
    }
    if slots.len() > MOST_SLOTS {
        return Err(InterchangeError::TooCostly { what: format!("{} passwords to try", slots.len()) });
    }
    // All are checked before the first costs anything.
    let slots = slots.into_iter().map(Slot::checked).collect::<Result<Vec<_>, _>>()?;
    let text = sealed::base64(Aegis, "db", &sealed.db)?;
    let password = password.ok_or(InterchangeError::NeedsPassword)?;
    for (kdf, salt, slot) in slots {
        let key = kdf.key(password, &salt)?;
        let opened = slot.key_params.open(&key, sealed::hex(Aegis, "key", &slot.key)?);
        match opened {
            Ok(master) => {
                let master = Zeroizing::new(sealed::exactly::<32>(Aegis, "master key", master.expose())?);
                return parameters.open(&master, text);
            }
            Err(InterchangeError::WrongPassword) => {}
            Err(error) => return Err(error),
        }
    }
    Err(InterchangeError::WrongPassword)
}

impl Slot {
    fn checked(&self) -> Result<(Kdf, Vec<u8>, &Slot), InterchangeError> {
        let (Some(n), Some(r), Some(p), Some(salt)) = (self.n, self.r, self.p, &self.salt) else {
            return Err(no_export(Aegis, "a password's slot has no parameters of scrypt"));
        };
        let kdf = Kdf::scrypt(Aegis, n, r, p)?;
        let salt = sealed::exactly::<32>(Aegis, "salt", &sealed::hex(Aegis, "salt", salt)?)?;
        Ok((kdf, salt.to_vec(), self))
    }
}

impl Parameters {
    fn open(&self, key: &[u8; 32], mut sealed: Vec<u8>) -> Result<SecretBytes, InterchangeError> {
        let nonce = sealed::exactly(Aegis, "nonce", &sealed::hex(Aegis, "nonce", &self.nonce)?)?;
        let tag = sealed::exactly::<16>(Aegis, "tag", &sealed::hex(Aegis, "tag", &self.tag)?)?;
        sealed.extend_from_slice(&tag);
        sealed::open_aes_256_gcm(key, nonce, &[], sealed)
    }
}

impl Item {
    fn read(&self) -> Result<OtpauthUri, Skipped> {
        Entry {
            kind: &self.kind,
            issuer: self.issuer.as_deref().unwrap_or_default(),
            account: self.name.as_deref().unwrap_or_default(),
            seed: &|| Seed::from_base32(&self.info.secret),
            algorithm: self.info.algo.as_deref(),
            digits: self.info.digits,
            period_seconds: self.info.period,
            counter: self.info.counter,
        }
        .read()
    }
}
