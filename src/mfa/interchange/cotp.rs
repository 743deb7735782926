//! The database of cotp, which is its backup too: JSON with a password (<https://github.com/replydev/cotp>,
//! `src/crypto`). `cotp export` writes the plain formats of other programs.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    Format::Cotp,
    Imported, InterchangeError, Skipped,
    entry::{Entries, Entry, json, no_export},
    sealed::{self, Kdf},
};
use crate::{
    mfa::{Seed, uri::OtpauthUri},
    secret::{SecretBytes, SecretText},
};

const MEMORY_KIB: u64 = 32 * 1024;
const PASSES: u64 = 4;
const LANES: u64 = 4;

#[derive(Deserialize)]
struct Sealed {
    version: u64,
    nonce: String,
    salt: String,
    cipher: String,
}

#[derive(Deserialize)]
struct Database {
    version: u64,
    elements: Entries<Element>,
}

#[derive(Deserialize)]
struct Element {
    secret: Zeroizing<String>,
    issuer: String,
    label: String,
    #[serde(rename = "type")]
    kind: String,
    algorithm: String,
    digits: i64,
    period: i64,
    counter: Option<i64>,
}

pub(super) fn read(file: &SecretBytes, password: Option<&SecretText>) -> Result<Imported, InterchangeError> {
    let sealed: Sealed = json(Cotp, file.expose())?;
    if sealed.version != 1 {
        return Err(no_export(Cotp, format!("version {} is not known", sealed.version)));
    }
    let opened = sealed.open(password)?;
    let text = opened.expose();
    // The first version was the list alone.
    let elements = if text.starts_with(b"[") {
        json(Cotp, text)?
    } else {
        let database: Database = json(Cotp, text)?;
        if !(1..=2).contains(&database.version) {
            return Err(no_export(Cotp, format!("version {} of its elements is not known", database.version)));
        }
        database.elements
    };
    Ok(elements.0.iter().map(Element::read).collect())
}

impl Sealed {
    fn open(&self, password: Option<&SecretText>) -> Result<SecretBytes, InterchangeError> {
        let nonce = sealed::exactly(Cotp, "nonce", &sealed::base64(Cotp, "nonce", &self.nonce)?)?;
        let salt = sealed::exactly::<16>(Cotp, "salt", &sealed::base64(Cotp, "salt", &self.salt)?)?;
        let text = sealed::base64(Cotp, "cipher", &self.cipher)?;
        let kdf = Kdf::argon2id(Cotp, MEMORY_KIB, PASSES, LANES)?;
        let key = kdf.key(password.ok_or(InterchangeError::NeedsPassword)?, &salt)?;
        sealed::open_xchacha20_poly1305(&key, &nonce, text)
    }
}

impl Element {
    fn read(&self) -> Result<OtpauthUri, Skipped> {
        Entry {
            kind: &self.kind,
            issuer: &self.issuer,
            account: &self.label,
            seed: &|| Seed::from_base32(&self.secret),
            algorithm: Some(&self.algorithm),
            digits: Some(self.digits),
            period_seconds: Some(self.period),
            counter: self.counter,
        }
        .read()
    }
}
