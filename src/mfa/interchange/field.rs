//! What exports hold of one entry: an `otpauth://` URI, KeeOtp's `key=…&size=…&step=…`, or a bare seed; and the names
//! beside it.
//!
//! Whatever cannot be turned into the same codes gives a reason, in which nothing of the text is repeated.

use std::error::Error;

use zeroize::Zeroizing;

use super::{Format, Imported, InterchangeError, MOST_ENTRIES, Skipped};
use crate::{
    csv::{self, CsvError},
    mfa::{
        Algorithm, CodeSettings, Seed,
        uri::{self, OtpauthUri},
    },
    secret::SecretBytes,
    visible::visible,
};

/// Longer names are cut.
const MOST_CHARACTERS: usize = 256;
pub(super) const STEAM: &str = "Steam's codes are of a kind of their own";

/// The text of a file.
pub(super) fn text(file: &SecretBytes, format: Format) -> Result<&str, InterchangeError> {
    let text = std::str::from_utf8(file.expose());
    let text = text.map_err(|_| InterchangeError::NotThisFormat { format, reason: "it is not text".to_owned() })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The fields of these columns of a table, of all rows whose last one of them is filled.
pub(super) fn columns<const COUNT: usize>(
    text: &str,
    columns: [&'static str; COUNT],
    format: Format,
) -> Result<Vec<[Zeroizing<String>; COUNT]>, InterchangeError> {
    csv::filled(text, columns).map_err(|error| match error {
        CsvError::TooManyRecords => InterchangeError::TooLarge { what: "more than 10,000 entries" },
        CsvError::NoColumn(_) | CsvError::Malformed(_) => {
            InterchangeError::NotThisFormat { format, reason: error.to_string() }
        }
    })
}

/// A name as it may be shown and kept: without unseen characters and not too long.
pub(super) fn shown(name: &str) -> String {
    visible(name).trim().chars().take(MOST_CHARACTERS).collect::<String>().trim_end().to_owned()
}

/// An error with its causes, as a reason.
pub(super) fn reason(error: &dyn Error) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        reason.push_str(&format!(": {error}"));
        cause = error.source();
    }
    reason
}

/// Reads the text that an entry makes codes by; issuer and account are what else the entry says of itself.
pub(super) fn read(text: &str, issuer: &str, account: &str) -> Result<OtpauthUri, String> {
    let text = text.trim();
    let begins_with = |prefix| uri::strip_prefix_any_case(text, prefix).is_some();
    if begins_with("otpauth://") {
        let uri: OtpauthUri = text.parse().map_err(|error| reason(&error))?;
        return Ok(OtpauthUri {
            issuer: uri.issuer.or_else(|| Some(shown(issuer)).filter(|issuer| !issuer.is_empty())),
            account: if uri.account.is_empty() { shown(account) } else { uri.account },
            ..uri
        });
    }
    if begins_with("steam://") {
        return Err(STEAM.to_owned());
    }
    if begins_with("key=") || (text.contains('&') && text.contains("key=")) {
        return of_keeotp(text, issuer, account);
    }
    Ok(entry(issuer, account, seed(text)?, CodeSettings::AWS, None))
}

/// An entry out of its parts.
pub(super) fn entry(
    issuer: &str,
    account: &str,
    seed: Seed,
    settings: CodeSettings,
    counter: Option<u64>,
) -> OtpauthUri {
    let issuer = Some(shown(issuer)).filter(|issuer| !issuer.is_empty());
    OtpauthUri { issuer, account: shown(account), seed, settings, counter }
}

pub(super) fn seed(text: &str) -> Result<Seed, String> {
    Seed::from_base32(text).map_err(|error| reason(&error))
}

pub(super) fn settings(algorithm: Algorithm, digits: u64, period_seconds: u64) -> Result<CodeSettings, String> {
    CodeSettings::new(algorithm, digits, period_seconds).map_err(|error| reason(&error))
}

/// A number, or what is meant where there is none.
pub(super) fn number(text: Option<&str>, what: &str, default: u64) -> Result<u64, String> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| format!("its {what} is not a number")),
    }
}

/// What the plug-in KeeOtp of KeePass writes: the query of a URI without the URI.
fn of_keeotp(text: &str, issuer: &str, account: &str) -> Result<OtpauthUri, String> {
    let value = |name: &str| -> Result<Option<Zeroizing<String>>, String> {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.into_iter().find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
        found.map(|(_, value)| uri::decode(value, "key").map_err(|_| "it is not text".to_owned())).transpose()
    };
    let number = |name, default| number(value(name)?.as_ref().map(|text| text.as_str()), name, default);
    if value("encoding")?.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("base32")) {
        return Err("its seed is not written in base32".to_owned());
    }
    let algorithm = match value("otpHashMode")?.as_ref().map(|text| text.to_ascii_lowercase()).as_deref() {
        None | Some("" | "sha1") => Algorithm::Sha1,
        Some("sha256") => Algorithm::Sha256,
        Some("sha512") => Algorithm::Sha512,
        Some(_) => return Err("its codes are made with an unknown hash".to_owned()),
    };
    let counter = match value("type")?.as_ref().map(|text| text.to_ascii_lowercase()).as_deref() {
        None | Some("" | "totp") => None,
        Some("hotp") => Some(number("counter", 0)?),
        Some("steam") => return Err(STEAM.to_owned()),
        Some(_) => return Err("its codes are of an unknown kind".to_owned()),
    };
    let key = value("key")?.ok_or("it has no seed")?;
    let settings = settings(algorithm, number("size", 6)?, number("step", 30)?)?;
    Ok(entry(issuer, account, seed(&key)?, settings, counter))
}

impl Imported {
    /// Whether there is more than may come in already: then nothing more needs to be read.
    pub(super) fn is_too_large(&self) -> bool {
        self.entries.len() + self.skipped.len() > MOST_ENTRIES
    }

    /// Adds what was read of one entry, or why it was not; no more than there may be.
    pub(super) fn add(&mut self, name: &str, read: Result<OtpauthUri, String>) {
        if self.is_too_large() {
            return;
        }
        match read {
            Ok(entry) => self.entries.push(entry),
            Err(reason) => self.skipped.push(Skipped { name: shown(name), reason }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "GEZDGNBVGY3TQOJQ";

    #[test]
    fn an_entry_is_a_uri_a_bare_seed_or_keeotps() {
        for (text, expected) in [
            ("GEZD GNBV gy3t qojq", "otpauth://totp/Site:me?secret=SEED&issuer=Site"),
            ("otpauth://totp/A:b?secret=SEED&issuer=A", "otpauth://totp/A:b?secret=SEED&issuer=A"),
            ("otpauth://totp/?secret=SEED", "otpauth://totp/Site:me?secret=SEED&issuer=Site"),
            ("key=SEED", "otpauth://totp/Site:me?secret=SEED&issuer=Site"),
            (
                "key=SEED%3d&size=8&step=60&otpHashMode=Sha256",
                "otpauth://totp/Site:me?secret=SEED&issuer=Site&algorithm=SHA256&digits=8&period=60",
            ),
            ("type=hotp&counter=7&key=SEED", "otpauth://hotp/Site:me?secret=SEED&issuer=Site&counter=7"),
        ] {
            let entry =
                read(&text.replace("SEED", SEED), "Site", "me").unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(entry.to_uri().expose(), &expected.replace("SEED", SEED), "{text}");
        }
    }

    #[test]
    fn what_makes_other_codes_is_left_out_with_the_reason_and_without_the_seed() {
        for text in [
            "steam://SEED",
            "otpauth://steam/a?secret=SEED",
            "otpauth://totp/a?secret=SEED&algorithm=MD5",
            "otpauth://totp/a?secret=SEED&encoder=steam",
            "key=SEED&type=steam",
            "key=SEED&type=other",
            "key=SEED&otpHashMode=md5",
            "key=SEED&encoding=hex",
            "key=SEED&size=5",
            "key=SEED&step=x",
            "motp://SEED",
            "SEED1",
            "",
        ] {
            let reason = read(&text.replace("SEED", SEED), "Site", "me").expect_err(text);
            assert!(!reason.contains(SEED) && !reason.is_empty(), "{text}: {reason}");
        }
    }

    #[test]
    fn names_are_cleaned_and_cut() {
        let entry = read(SEED, "a\u{1b}[2J\u{202e}b", &"x".repeat(9999)).expect("an entry");
        assert_eq!((entry.issuer.as_deref(), entry.account.len()), (Some("a[2Jb"), MOST_CHARACTERS));
    }
}
