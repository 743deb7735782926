//! Exports of FreeOTP and FreeOTP+: JSON of FreeOTP+, the preferences of FreeOTP 1 as Android stores them (XML, with JSON
//! for each entry), and the backup of FreeOTP 2 (a Java-serialised map, seeds encrypted with a password)
//! (<https://github.com/freeotp/freeotp-android>, <https://github.com/helloworld1/FreeOTPPlus>).
//!
//! FreeOTP 2 encrypts the seeds alone: names and settings beside them are as readable and as changeable as in the others.

mod java;

use std::{collections::HashMap, fmt};

use ring::pbkdf2::{PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA512};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use zeroize::Zeroizing;

use super::{
    Format::FreeOtp,
    Imported, InterchangeError, MOST_ENTRIES, Skipped,
    entry::{Entries, Entry, json, no_export, skipped, xml},
    sealed::{self, Kdf},
};
use crate::{
    mfa::{Seed, uri::OtpauthUri},
    secret::{SecretBytes, SecretText},
};

const MASTER_KEY: &str = "masterKey";
const TOKEN: &str = "-token";
/// A seed has at most 1024 bytes.
const MOST_BYTES: usize = 2048;

#[derive(Deserialize)]
struct Plus {
    tokens: Entries<Token>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    algo: Option<String>,
    issuer_ext: Option<String>,
    issuer_int: Option<String>,
    issuer_alt: Option<String>,
    label: Option<String>,
    label_alt: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    digits: Option<i64>,
    period: Option<i64>,
    counter: Option<i64>,
    secret: Option<Bytes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MasterKey {
    m_algorithm: String,
    m_iterations: u64,
    m_salt: Bytes,
    m_encrypted_key: EncryptedKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EncryptedKey {
    m_cipher: String,
    m_cipher_text: Bytes,
    m_parameters: Bytes,
    m_token: String,
}

#[derive(Deserialize)]
struct Wrapped {
    key: String,
}

pub(super) fn read(file: &SecretBytes, password: Option<&SecretText>) -> Result<Imported, InterchangeError> {
    let bytes = file.expose();
    if bytes.starts_with(&java::MAGIC) {
        return backup(bytes, password);
    }
    match bytes.trim_ascii_start().first() {
        Some(b'<') => preferences(bytes),
        // FreeOTP+ writes a list of URIs, too.
        Some(b'o') => super::otpauth::read(file),
        _ => Ok(json::<Plus>(FreeOtp, bytes)?.tokens.0.iter().map(Token::read).collect()),
    }
}

/// `<map>` with a `<string name="…">` of JSON for each entry, and `tokenOrder`.
fn preferences(bytes: &[u8]) -> Result<Imported, InterchangeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| no_export(FreeOtp, "it is not UTF-8"))?;
    // Each entry has a node for its element, its text and the space behind it.
    let document = xml(FreeOtp, text, 4 * MOST_ENTRIES as u32)?;
    if document.root_element().tag_name().name() != "map" {
        return Err(no_export(FreeOtp, "its XML is not Android's preferences"));
    }
    let strings = document.root_element().children().filter(|node| node.has_tag_name("string"));
    let entries = strings.filter(|node| node.attribute("name") != Some("tokenOrder"));
    entries.map(|node| Ok(json::<Token>(FreeOtp, node.text().unwrap_or_default().as_bytes())?.read())).collect()
}

/// The map of FreeOTP 2: `masterKey`, and for each entry UUID → encrypted seed and UUID`-token` → the rest.
fn backup(bytes: &[u8], password: Option<&SecretText>) -> Result<Imported, InterchangeError> {
    let strings = java::strings(bytes)?;
    let map: HashMap<&str, &str> = strings.iter().map(|(key, value)| (&**key, &**value)).collect();
    if map.len() != strings.len() {
        return Err(no_export(FreeOtp, "a key of its map comes twice"));
    }
    let master = map.get(MASTER_KEY).ok_or_else(|| no_export(FreeOtp, "it has no master key"))?;
    let master = json::<MasterKey>(FreeOtp, master.as_bytes())?.open(password)?;
    let entries = strings.iter().filter(|(key, _)| key != MASTER_KEY);
    let entries = entries.filter(|(key, _)| !key.strip_suffix(TOKEN).is_some_and(|uuid| map.contains_key(uuid)));
    entries
        .map(|(key, value)| {
            let Some(token) = map.get(format!("{key}{TOKEN}").as_str()) else {
                return Ok(Err(skipped("", "", "one half of it is missing")));
            };
            let mut token: Token = json(FreeOtp, token.as_bytes())?;
            let wrapped: Wrapped = json(FreeOtp, value.as_bytes())?;
            let seed = json::<EncryptedKey>(FreeOtp, wrapped.key.as_bytes())?.open(&master)?;
            token.secret = Some(Bytes(Zeroizing::new(seed.expose().clone())));
            Ok(token.read())
        })
        .collect()
}

impl Token {
    fn read(&self) -> Result<OtpauthUri, Skipped> {
        let first = |texts: &[&'_ Option<String>]| -> String {
            texts.iter().copied().flatten().find(|text| !text.is_empty()).cloned().unwrap_or_default()
        };
        let entry = Entry {
            kind: &self.kind,
            // `Alt` is what the person made of it; the issuer of the label wins over the parameter's.
            issuer: &first(&[&self.issuer_alt, &self.issuer_ext, &self.issuer_int]),
            account: &first(&[&self.label_alt, &self.label]),
            seed: &|| Seed::from_bytes(self.secret.as_ref().map(|secret| secret.0.to_vec()).unwrap_or_default()),
            algorithm: self.algo.as_deref(),
            digits: self.digits,
            period_seconds: self.period,
            counter: self.counter,
        };
        // FreeOTP tells Steam's codes by the name alone.
        if self.issuer_ext.as_deref() == Some("Steam") {
            return Err(entry.skipped("it makes codes of another type, Steam's"));
        }
        entry.read()
    }
}

impl MasterKey {
    fn open(&self, password: Option<&SecretText>) -> Result<sealed::Key, InterchangeError> {
        let algorithm = match self.m_algorithm.to_ascii_lowercase().as_str() {
            "pbkdf2withhmacsha1" => PBKDF2_HMAC_SHA1,
            "pbkdf2withhmacsha512" => PBKDF2_HMAC_SHA512,
            _ => return Err(no_export(FreeOtp, "its key derivation is neither PBKDF2 with SHA-1 nor with SHA-512")),
        };
        let kdf = Kdf::pbkdf2(FreeOtp, algorithm, self.m_iterations)?;
        // Its length is that of the key, too.
        let salt = sealed::exactly::<32>(FreeOtp, "salt", &self.m_salt.0)?;
        self.m_encrypted_key.parameters()?;
        let key = kdf.key(password.ok_or(InterchangeError::NeedsPassword)?, &salt)?;
        let master = self.m_encrypted_key.open(&key)?;
        Ok(Zeroizing::new(sealed::exactly(FreeOtp, "master key", master.expose())?))
    }
}

impl EncryptedKey {
    fn open(&self, key: &[u8; 32]) -> Result<SecretBytes, InterchangeError> {
        let nonce = self.parameters()?;
        sealed::open_aes_256_gcm(key, nonce, self.m_token.as_bytes(), self.m_cipher_text.0.to_vec())
    }

    /// The nonce, out of DER: `SEQUENCE { OCTET STRING nonce, INTEGER 16 }` (RFC 5084, section 3.2), or the nonce alone.
    fn parameters(&self) -> Result<[u8; 12], InterchangeError> {
        if self.m_cipher != "AES/GCM/NoPadding" {
            return Err(no_export(FreeOtp, "its cipher is not AES/GCM/NoPadding"));
        }
        match self.m_parameters.0.as_slice() {
            [0x30, 17, 4, 12, nonce @ .., 2, 1, 16] | [4, 12, nonce @ ..] => sealed::exactly(FreeOtp, "nonce", nonce),
            _ => Err(no_export(FreeOtp, "its parameters are not those of AES-GCM with a tag of 16 bytes")),
        }
    }
}

/// Bytes as Gson writes them: a list of numbers from -128 to 127. No more is kept than shows that they are too many.
struct Bytes(Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Bytes;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of bytes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bytes, A::Error> {
                // One allocation: a buffer that grew would leave copies of the seed behind.
                let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES));
                while let Some(byte) = list.next_element::<i8>()? {
                    if bytes.len() < MOST_BYTES {
                        bytes.push(byte as u8);
                    }
                }
                Ok(Bytes(bytes))
            }
        }

        deserializer.deserialize_seq(List)
    }
}
