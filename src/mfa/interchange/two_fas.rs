//! Exports of 2FAS: JSON, plain or with a password
//! (<https://github.com/twofas/2fas-android>, module `core/backup`; schema versions 2 to 4).
//!
//! The first schema is left out: it does not say which entries are counter-based.

use ring::pbkdf2::PBKDF2_HMAC_SHA256;
use serde::{Deserialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::{
    Format::TwoFas,
    Imported, InterchangeError, Skipped,
    entry::{Entries, Entry, json, no_export},
    sealed::{self, Kdf},
};
use crate::{
    mfa::{Seed, uri::OtpauthUri},
    secret::{SecretBytes, SecretText},
};

/// Fixed by 2FAS.
const ITERATIONS: u64 = 10_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    schema_version: u64,
    services_encrypted: Option<String>,
    reference: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Plain {
    services: Entries<Service>,
}

#[derive(Deserialize)]
struct Service {
    name: Option<String>,
    secret: Zeroizing<String>,
    otp: Option<Otp>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Otp {
    issuer: Option<String>,
    account: Option<String>,
    label: Option<String>,
    token_type: Option<String>,
    algorithm: Option<String>,
    digits: Option<i64>,
    period: Option<i64>,
    counter: Option<i64>,
}

pub(super) fn read(file: &SecretBytes, password: Option<&SecretText>) -> Result<Imported, InterchangeError> {
    let head: Head = json(TwoFas, file.expose())?;
    if !(2..=4).contains(&head.schema_version) {
        return Err(no_export(TwoFas, format!("schema version {} is not known", head.schema_version)));
    }
    let services: Entries<Service> = match (head.services_encrypted, head.reference) {
        (Some(sealed), _) => json(TwoFas, open(&sealed, password)?.expose())?,
        (None, None) => json::<Plain>(TwoFas, file.expose())?.services,
        // The plain list of an encrypted export is empty, which is not to pass for an export of nothing.
        (None, Some(_)) => return Err(no_export(TwoFas, "it is encrypted and its services are missing")),
    };
    Ok(services.0.iter().map(Service::read).collect())
}

/// Ciphertext, salt and nonce stand between colons. That the password is right, the tag says; `reference`, which 2FAS
/// keeps for that, is not needed.
fn open(sealed: &str, password: Option<&SecretText>) -> Result<SecretBytes, InterchangeError> {
    let mut parts = sealed.split(':');
    let (Some(text), Some(salt), Some(nonce), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(no_export(TwoFas, "its encrypted services have not three parts"));
    };
    let kdf = Kdf::pbkdf2(TwoFas, PBKDF2_HMAC_SHA256, ITERATIONS)?;
    let text = sealed::base64(TwoFas, "ciphertext", text)?;
    let salt = sealed::exactly::<256>(TwoFas, "salt", &sealed::base64(TwoFas, "salt", salt)?)?;
    let nonce = sealed::exactly(TwoFas, "nonce", &sealed::base64(TwoFas, "nonce", nonce)?)?;
    let key = kdf.key(password.ok_or(InterchangeError::NeedsPassword)?, &salt)?;
    sealed::open_aes_256_gcm(&key, nonce, &[], text)
}

impl Service {
    fn read(&self) -> Result<OtpauthUri, Skipped> {
        let nothing = Otp::default();
        let otp = self.otp.as_ref().unwrap_or(&nothing);
        let first = |texts: [&'_ Option<String>; 2]| -> String {
            texts.into_iter().flatten().find(|text| !text.is_empty()).cloned().unwrap_or_default()
        };
        Entry {
            kind: otp.token_type.as_deref().unwrap_or("TOTP"),
            // The name is what the person made of the issuer.
            issuer: &first([&otp.issuer, &self.name]),
            account: &first([&otp.account, &otp.label]),
            seed: &|| Seed::from_base32(&self.secret),
            algorithm: otp.algorithm.as_deref(),
            digits: otp.digits,
            period_seconds: otp.period,
            counter: otp.counter,
        }
        .read()
    }
}
