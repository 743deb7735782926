//! Exports of Bitwarden: JSON or CSV, plain, or JSON that a password of its own encrypts.
//!
//! That one is the work of `encString.ts` and `password-protected-export` of Bitwarden's clients: a key of PBKDF2 or
//! Argon2id, stretched by HKDF-Expand (RFC 5869) into one for AES-256-CBC and one for HMAC-SHA256, which comes first.

use std::fmt;

use aes::cipher::{BlockDecryptMut, KeyIvInit, block_padding::Pkcs7};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{digest, hmac, pbkdf2};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use zeroize::Zeroizing;

use super::{
    Format, Imported, InterchangeError,
    entry::{self, no_export},
    field,
    sealed::Kdf,
};
use crate::secret::{SecretBytes, SecretText};

#[derive(Deserialize)]
struct Export {
    encrypted: Option<bool>,
    items: Option<Items>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    name: Option<String>,
    deleted_date: Option<String>,
    login: Option<Login>,
}

#[derive(Deserialize)]
struct Login {
    username: Option<String>,
    totp: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protected {
    #[serde(default)]
    password_protected: bool,
    salt: Option<String>,
    kdf_type: Option<u64>,
    kdf_iterations: Option<u64>,
    kdf_memory: Option<u64>,
    kdf_parallelism: Option<u64>,
    #[serde(rename = "encKeyValidation_DO_NOT_EDIT")]
    validation: Option<String>,
    data: Option<String>,
}

pub(super) fn read(file: &SecretBytes, password: Option<&SecretText>) -> Result<Imported, InterchangeError> {
    let text = field::text(file, Format::Bitwarden)?;
    if !text.trim_start().starts_with('{') {
        return read_csv(text);
    }
    let export: Export = json(text)?;
    if export.encrypted != Some(true) {
        return of_items(export);
    }
    let plain = decrypt(json(text)?, password)?;
    of_items(json(field::text(&plain, Format::Bitwarden)?)?)
}

fn wrong(reason: &str) -> InterchangeError {
    no_export(Format::Bitwarden, reason)
}

fn json<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, InterchangeError> {
    entry::json(Format::Bitwarden, text.as_bytes())
}

fn read_csv(text: &str) -> Result<Imported, InterchangeError> {
    let mut imported = Imported::default();
    for [name, username, totp] in field::columns(text, ["name", "login_username", "login_totp"], Format::Bitwarden)? {
        imported.add(&name, field::read(&totp, &name, &username));
    }
    Ok(imported)
}

fn of_items(export: Export) -> Result<Imported, InterchangeError> {
    export.items.map(|items| items.0).ok_or_else(|| wrong("it has no `items`"))
}

/// The logins with codes, each taken in as it comes: a file may have millions of other items.
struct Items(Imported);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Items;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items, A::Error> {
                let mut imported = Imported::default();
                while let Some(item) = list.next_element::<Item>()? {
                    item.add_to(&mut imported);
                }
                Ok(Items(imported))
            }
        }

        deserializer.deserialize_seq(List)
    }
}

impl Item {
    fn add_to(self, imported: &mut Imported) {
        let name = self.name.unwrap_or_default();
        let Some(login) = self.login else { return };
        let Some(totp) = login.totp.filter(|totp| !totp.trim().is_empty()) else { return };
        let read = match self.deleted_date {
            Some(_) => Err("it is in the trash".to_owned()),
            None => field::read(&totp, &name, &login.username.unwrap_or_default()),
        };
        imported.add(&name, read);
    }
}

fn decrypt(export: Protected, password: Option<&SecretText>) -> Result<SecretBytes, InterchangeError> {
    if !export.password_protected {
        return Err(InterchangeError::AccountRestricted);
    }
    let (Some(salt), Some(validation), Some(data)) = (&export.salt, &export.validation, &export.data) else {
        return Err(wrong("it lacks its salt or its data"));
    };
    let (validation, data) = (Encrypted::parse(validation)?, Encrypted::parse(data)?);
    let (kdf, salt) = kdf(&export, salt)?;
    let key = kdf.key(password.ok_or(InterchangeError::NeedsPassword)?, &salt)?;
    // One of them tells whether the password is right, the other whether the data is whole.
    validation.decrypt(&key)?;
    data.decrypt(&key)
}

/// How the key comes out of the password, and with what salt: the salt is the text itself, not what it encodes.
fn kdf(export: &Protected, salt: &str) -> Result<(Kdf, Vec<u8>), InterchangeError> {
    let number = |given: Option<u64>| given.ok_or_else(|| wrong("it lacks the cost of its key"));
    let (format, rounds) = (Format::Bitwarden, number(export.kdf_iterations)?);
    match export.kdf_type {
        Some(0) => Ok((Kdf::pbkdf2(format, pbkdf2::PBKDF2_HMAC_SHA256, rounds)?, salt.as_bytes().to_vec())),
        Some(1) => {
            let kibibytes = number(export.kdf_memory)?.saturating_mul(1024);
            let kdf = Kdf::argon2id(format, kibibytes, rounds, number(export.kdf_parallelism)?)?;
            Ok((kdf, digest::digest(&digest::SHA256, salt.as_bytes()).as_ref().to_vec()))
        }
        _ => Err(wrong("the key is made of the password in an unknown way")),
    }
}

/// Type 2 of Bitwarden's encrypted texts: `2.IV|CIPHERTEXT|MAC`, each in base64.
struct Encrypted {
    iv: [u8; 16],
    ciphertext: Vec<u8>,
    mac: Vec<u8>,
}

impl Encrypted {
    fn parse(text: &str) -> Result<Self, InterchangeError> {
        let parse = || {
            let mut parts = text.strip_prefix("2.")?.split('|').map(|part| STANDARD.decode(part).ok());
            let (iv, ciphertext, mac) = (parts.next()??, parts.next()??, parts.next()??);
            let iv = iv.try_into().ok()?;
            parts.next().is_none().then_some(Encrypted { iv, ciphertext, mac })
        };
        parse().ok_or_else(|| wrong("what is encrypted is not of the form 2.IV|CIPHERTEXT|MAC"))
    }

    fn decrypt(mut self, key: &[u8; 32]) -> Result<SecretBytes, InterchangeError> {
        let damaged = |_| InterchangeError::WrongPassword;
        let mac_key = hmac::Key::new(hmac::HMAC_SHA256, &*expand(key, b"mac"));
        let signed = [&self.iv[..], &self.ciphertext].concat();
        hmac::verify(&mac_key, &signed, &self.mac).map_err(damaged)?;
        let decryptor = cbc::Decryptor::<aes::Aes256>::new((&*expand(key, b"enc")).into(), &self.iv.into());
        let length = decryptor
            .decrypt_padded_mut::<Pkcs7>(&mut self.ciphertext)
            .map_err(|_| damaged(ring::error::Unspecified))?
            .len();
        self.ciphertext.truncate(length);
        Ok(SecretBytes::from(self.ciphertext))
    }
}

/// The first block of HKDF-Expand, which is all of a key of 32 bytes.
fn expand(key: &[u8; 32], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(info);
    context.update(&[1]);
    let mut expanded = Zeroizing::new([0; 32]);
    expanded.copy_from_slice(context.sign().as_ref());
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mfa::interchange::MOST_ENTRIES;

    const PROTECTED: &str = r#"{"encrypted": true, "passwordProtected": true, "salt": "c2FsdA==", "kdfType": TYPE,
        "kdfIterations": ROUNDS, "kdfMemory": MEMORY, "kdfParallelism": LANES,
        "encKeyValidation_DO_NOT_EDIT": "2.AAAAAAAAAAAAAAAAAAAAAA==|AAAAAAAAAAAAAAAAAAAAAA==|AAAA",
        "data": "2.AAAAAAAAAAAAAAAAAAAAAA==|AAAAAAAAAAAAAAAAAAAAAA==|AAAA"}"#;

    fn read_text(text: &str) -> Result<Imported, InterchangeError> {
        read(&SecretBytes::from(text.as_bytes().to_vec()), Some(&"password".into()))
    }

    fn costs(kdf: u32, rounds: u64, mebibytes: u64, lanes: u64) -> Result<Imported, InterchangeError> {
        let numbers = [("TYPE", u64::from(kdf)), ("ROUNDS", rounds), ("MEMORY", mebibytes), ("LANES", lanes)];
        read_text(
            &numbers.iter().fold(PROTECTED.to_owned(), |text, (name, number)| text.replace(name, &number.to_string())),
        )
    }

    #[test]
    fn logins_with_codes_are_read() {
        let json = r#"{"encrypted": false, "folders": [], "items": [
            {"type": 1, "name": "Site", "login": {"username": "me", "totp": "GEZDGNBVGY3TQOJQ", "uris": []}},
            {"type": 1, "name": "None", "login": {"username": null, "totp": null}},
            {"type": 2, "name": "Note", "secureNote": {"type": 0}},
            {"type": 1, "name": "Gone", "login": {"totp": "GEZDGNBVGY3TQOJQ"}, "deletedDate": "2026-01-01T00:00:00.000Z"},
            {"type": 1, "name": "Steam", "login": {"totp": "steam://GEZDGNBVGY3TQOJQ"}}]}"#;
        let csv = "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\n\
            ,,login,Site,\"a\nb\",,0,,me,secret,GEZDGNBVGY3TQOJQ\n,,note,Note,,,0,,,,\n,,login,Steam,,,0,,,,steam://GEZDGNBV\n";
        for text in [json, csv] {
            let imported = read_text(text).expect("an export");
            let uris: Vec<_> = imported.entries.iter().map(|entry| entry.to_uri().expose().clone()).collect();
            assert_eq!(uris, ["otpauth://totp/Site:me?secret=GEZDGNBVGY3TQOJQ&issuer=Site"]);
            assert_eq!(
                imported.skipped.iter().map(|skipped| skipped.name.as_str()).collect::<Vec<_>>().last(),
                Some(&"Steam")
            );
            assert!(imported.skipped.len() == 2 || text == csv);
        }
    }

    #[test]
    fn logins_without_codes_do_not_count_and_no_more_with_codes_are_kept_than_may_be() {
        let items = |many: &str, count: usize, last: &str| {
            read_text(&format!("{{\"items\": [{}{last}]}}", format!("{many},").repeat(count)))
        };
        let with_codes = r#"{"name": "a", "login": {"totp": "GEZDGNBVGY3TQOJQ"}}"#;
        assert_eq!(items("{}", 20_000, with_codes).expect("an export").entries.len(), 1);
        assert_eq!(items(with_codes, 20_000, "{}").expect("an export").entries.len(), MOST_ENTRIES + 1);
    }

    #[test]
    fn costs_are_looked_at_before_they_are_paid() {
        for (kdf, rounds, mebibytes, lanes) in [
            (0, 1 << 31, 0, 0),
            (0, 1 << 40, 0, 0),
            (0, 10_000_001, 0, 0),
            (1, 161, 64, 4),
            (1, 3, 1 << 22, 4),
            (1, 3, 1025, 4),
            (1, 3, 64, 17),
        ] {
            let error = costs(kdf, rounds, mebibytes, lanes).expect_err("refused");
            assert!(matches!(error, InterchangeError::TooCostly { .. }), "{error}");
        }
        for (kdf, rounds, mebibytes, lanes) in [(0, 0, 0, 0), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0), (2, 1, 1, 1)] {
            let error = costs(kdf, rounds, mebibytes, lanes).expect_err("refused");
            assert!(matches!(error, InterchangeError::NotThisFormat { .. }), "{error}");
        }
        assert_eq!(costs(0, 1, 0, 0), Err(InterchangeError::WrongPassword));
        assert_eq!(costs(1, 1, 1, 1), Err(InterchangeError::WrongPassword));
    }

    #[test]
    fn an_export_that_only_the_account_opens_says_so() {
        let text = r#"{"encrypted": true, "encKeyValidation_DO_NOT_EDIT": "2.a|b|c", "items": [{"name": "2.a|b|c"}]}"#;
        assert_eq!(read_text(text), Err(InterchangeError::AccountRestricted));
    }

    #[test]
    fn what_is_wrong_is_not_repeated() {
        for text in
            ["{", r#"{"items": "GEZDGNBV"}"#, r#"{"items": [{"name": 1, "login": "GEZDGNBV"}]}"#, "{}", "GEZDGNBV"]
        {
            let error = read_text(text).expect_err(text);
            assert!(matches!(error, InterchangeError::NotThisFormat { .. }), "{error}");
            assert!(!error.to_string().contains("GEZDGNBV"), "{error}");
        }
    }
}
