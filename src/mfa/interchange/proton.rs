//! Exports of Proton Authenticator: JSON of `otpauth://` URIs, plain or with a password
//! (<https://github.com/protonpass/proton-pass-common>, crate `proton-authenticator`).

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    Format::Proton,
    Imported, InterchangeError, Skipped,
    entry::{Entries, json, no_export, skipped},
    sealed::{self, Kdf},
};
use crate::{
    mfa::uri::OtpauthUri,
    secret::{SecretBytes, SecretText},
};

/// What the ciphertext is bound to.
const CONTEXT: &[u8] = b"proton.authenticator.export.v1";
const MEMORY_KIB: u64 = 19 * 1024;
const PASSES: u64 = 2;
const LANES: u64 = 1;

#[derive(Deserialize)]
struct Head {
    version: u64,
    salt: Option<String>,
    content: Option<String>,
}

#[derive(Deserialize)]
struct Plain {
    version: u64,
    entries: Entries<Item>,
}

#[derive(Deserialize)]
struct Item {
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    uri: Zeroizing<String>,
    entry_type: String,
    name: Option<String>,
}

pub(super) fn read(file: &SecretBytes, password: Option<&SecretText>) -> Result<Imported, InterchangeError> {
    let head: Head = json(Proton, file.expose())?;
    known(head.version)?;
    let plain: Plain = match (head.salt, head.content) {
        (Some(salt), Some(content)) => json(Proton, open(&salt, &content, password)?.expose())?,
        _ => json(Proton, file.expose())?,
    };
    known(plain.version)?;
    Ok(plain.entries.0.iter().map(|item| item.content.read()).collect())
}

fn known(version: u64) -> Result<(), InterchangeError> {
    match version {
        1 => Ok(()),
        _ => Err(no_export(Proton, format!("version {version} is not known"))),
    }
}

fn open(salt: &str, content: &str, password: Option<&SecretText>) -> Result<SecretBytes, InterchangeError> {
    let salt = sealed::exactly::<16>(Proton, "salt", &sealed::base64(Proton, "salt", salt)?)?;
    let content = sealed::base64(Proton, "content", content)?;
    let (nonce, sealed) = content.split_first_chunk().ok_or_else(|| no_export(Proton, "its content is too short"))?;
    let kdf = Kdf::argon2id(Proton, MEMORY_KIB, PASSES, LANES)?;
    let key = kdf.key(password.ok_or(InterchangeError::NeedsPassword)?, &salt)?;
    sealed::open_aes_256_gcm(&key, *nonce, CONTEXT, sealed.to_vec())
}

impl Content {
    fn read(&self) -> Result<OtpauthUri, Skipped> {
        let skipped = |reason: String| skipped("", self.name.as_deref().unwrap_or_default(), reason);
        if !self.entry_type.eq_ignore_ascii_case("totp") {
            return Err(skipped("it makes codes of another type".to_owned()));
        }
        self.uri.parse().map_err(|error: crate::mfa::uri::InvalidOtpauthUri| skipped(error.to_string()))
    }
}
