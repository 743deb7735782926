//! Exports of andOTP: JSON, or that encrypted with a password, in a new and an old binary form
//! (<https://github.com/andOTP/andOTP/wiki/Backup-format>), or as an OpenPGP message.
//!
//! Neither binary form says what it is. The new one begins with a number of iterations, the old one with random bytes.

use ring::{
    digest::{SHA256, digest},
    pbkdf2::PBKDF2_HMAC_SHA1,
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    Format::AndOtp,
    Imported, InterchangeError, Skipped,
    entry::{Entries, Entry, json, no_export},
    sealed::{self, Kdf},
};
use crate::{
    mfa::{Seed, uri::OtpauthUri},
    secret::{SecretBytes, SecretText},
};

#[derive(Deserialize)]
struct Item {
    secret: Zeroizing<String>,
    issuer: Option<String>,
    label: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    algorithm: Option<String>,
    digits: Option<i64>,
    period: Option<i64>,
    counter: Option<i64>,
}

pub(super) fn read(file: &SecretBytes, password: Option<&SecretText>) -> Result<Imported, InterchangeError> {
    let bytes = file.expose();
    if is_openpgp(bytes) {
        return Err(no_export(AndOtp, "it is an OpenPGP message, which gpg has to decrypt first"));
    }
    let items: Entries<Item> = match std::str::from_utf8(bytes) {
        Ok(_) => json(AndOtp, bytes)?,
        Err(_) => json(AndOtp, open(bytes, password)?.expose())?,
    };
    Ok(items.0.iter().map(Item::read).collect())
}

/// ASCII armour, or the binary packet that begins an encrypted message (RFC 9580, sections 5.1 and 5.3): its head, and
/// the version of its content.
fn is_openpgp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"-----BEGIN PGP")
        || matches!(bytes, [0x84 | 0xc1, _, 3, ..] | [0x85, _, _, 3, ..] | [0xc1, 192..224, _, 3, ..])
        || matches!(bytes, [0x8c | 0xc3, _, 4, ..])
}

fn open(bytes: &[u8], password: Option<&SecretText>) -> Result<SecretBytes, InterchangeError> {
    let new = bytes.split_first_chunk::<4>().and_then(|(iterations, rest)| {
        let (salt, rest) = rest.split_first_chunk::<12>()?;
        let kdf = Kdf::pbkdf2(AndOtp, PBKDF2_HMAC_SHA1, u32::from_be_bytes(*iterations).into()).ok()?;
        Some((kdf, salt, rest))
    });
    if bytes.len() < 12 + 16 {
        return Err(no_export(AndOtp, "it is too short"));
    }
    let password = password.ok_or(InterchangeError::NeedsPassword)?;
    if let Some((kdf, salt, rest)) = new {
        let key = kdf.key(password, salt)?;
        match open_with(&key, rest) {
            Err(InterchangeError::WrongPassword) => {}
            opened => return opened,
        }
    }
    let mut key = sealed::Key::default();
    key.copy_from_slice(digest(&SHA256, password.expose().as_bytes()).as_ref());
    open_with(&key, bytes)
}

fn open_with(key: &[u8; 32], bytes: &[u8]) -> Result<SecretBytes, InterchangeError> {
    let (nonce, sealed) = bytes.split_first_chunk::<12>().ok_or(InterchangeError::WrongPassword)?;
    sealed::open_aes_256_gcm(key, *nonce, &[], sealed.to_vec())
}

impl Item {
    fn read(&self) -> Result<OtpauthUri, Skipped> {
        let label = self.label.as_deref().unwrap_or_default();
        // The first versions had no issuer of its own.
        let (issuer, account) = match self.issuer.as_deref() {
            Some(issuer) => (issuer, label),
            None => label.split_once(" - ").unwrap_or(("", label)),
        };
        Entry {
            kind: self.kind.as_deref().unwrap_or("TOTP"),
            issuer,
            account,
            seed: &|| Seed::from_base32(&self.secret),
            algorithm: self.algorithm.as_deref(),
            digits: self.digits,
            period_seconds: self.period,
            counter: self.counter,
        }
        .read()
    }
}
