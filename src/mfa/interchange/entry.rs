//! What the readers have in common: an entry in the words of its file, and JSON whose content is not repeated in errors.

use std::{fmt, marker::PhantomData};

use roxmltree::{Document, ParsingOptions};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

use super::{Format, Imported, InterchangeError, MOST_ENTRIES, Skipped, field::shown};
use crate::mfa::{Algorithm, CodeSettings, InvalidSeed, Seed, uri::OtpauthUri};

/// Far more than an element and the text behind it have.
const MOST_QUOTES: usize = 4000;

/// An entry as a file has it. What is not said is as in the Key Uri Format: SHA1, 6 digits, 30 seconds.
pub(super) struct Entry<'a> {
    /// `totp`, `hotp` or another, in any case.
    pub(super) kind: &'a str,
    /// Who demands the codes; may be empty.
    pub(super) issuer: &'a str,
    /// For whom; may be empty.
    pub(super) account: &'a str,
    /// Looked at only if codes of this kind are made here: other kinds write it in other ways.
    pub(super) seed: &'a dyn Fn() -> Result<Seed, InvalidSeed>,
    pub(super) algorithm: Option<&'a str>,
    pub(super) digits: Option<i64>,
    pub(super) period_seconds: Option<i64>,
    pub(super) counter: Option<i64>,
}

impl Entry<'_> {
    /// The entry, or why it is left out.
    pub(super) fn read(&self) -> Result<OtpauthUri, Skipped> {
        self.checked().map_err(|reason| self.skipped(reason))
    }

    /// Left out for a reason of the reader's.
    pub(super) fn skipped(&self, reason: impl Into<String>) -> Skipped {
        skipped(self.issuer, self.account, reason)
    }

    fn checked(&self) -> Result<OtpauthUri, String> {
        let counter = match self.kind.to_ascii_lowercase().as_str() {
            "totp" => None,
            "hotp" => Some(number("counter", self.counter.ok_or("it is counter-based and has no counter")?)?),
            _ => return Err(format!("it makes codes of another type, {}", shown(self.kind))),
        };
        let algorithm = match self.algorithm {
            None => Algorithm::Sha1,
            Some(name) => match name.to_ascii_uppercase().replace('-', "").as_str() {
                "SHA1" => Algorithm::Sha1,
                "SHA256" => Algorithm::Sha256,
                "SHA512" => Algorithm::Sha512,
                _ => return Err(format!("its algorithm is none of SHA1, SHA256 and SHA512 but {}", shown(name))),
            },
        };
        let digits = self.digits.map_or(Ok(6), |digits| number("digits", digits))?;
        let period_seconds = match self.period_seconds {
            // The period of a counter-based entry says nothing; some files have a zero there.
            Some(period_seconds) if counter.is_none() => number("period", period_seconds)?,
            _ => 30,
        };
        let issuer = shown(self.issuer);
        Ok(OtpauthUri {
            issuer: (!issuer.is_empty()).then_some(issuer),
            account: shown(self.account),
            seed: (self.seed)().map_err(|error| error.to_string())?,
            settings: CodeSettings::new(algorithm, digits, period_seconds).map_err(|error| error.to_string())?,
            counter,
        })
    }
}

/// What is left out, under the name that authenticators show.
pub(super) fn skipped(issuer: &str, account: &str, reason: impl Into<String>) -> Skipped {
    let (issuer, account) = (shown(issuer), shown(account));
    let name = match (issuer.is_empty(), account.is_empty()) {
        (true, true) => "(no name)".to_owned(),
        (false, true) => issuer,
        (true, false) => account,
        (false, false) => format!("{issuer}:{account}"),
    };
    Skipped { name, reason: reason.into() }
}

fn number(what: &str, value: i64) -> Result<u64, String> {
    u64::try_from(value).map_err(|_| format!("its {what} is negative"))
}

impl FromIterator<Result<OtpauthUri, Skipped>> for Imported {
    fn from_iter<I: IntoIterator<Item = Result<OtpauthUri, Skipped>>>(read: I) -> Self {
        let mut imported = Imported::default();
        for entry in read {
            match entry {
                Ok(entry) => imported.entries.push(entry),
                Err(skipped) => imported.skipped.push(skipped),
            }
        }
        imported
    }
}

/// Another kind of file, for this reason.
pub(super) fn no_export(format: Format, reason: impl Into<String>) -> InterchangeError {
    InterchangeError::NotThisFormat { format, reason: reason.into() }
}

/// Reads JSON. serde's own words for what is wrong repeat the content, so only the place is told.
///
/// # Errors
/// If it is not JSON, or JSON of another structure, then `NotThisFormat`.
pub(super) fn json<'a, T: Deserialize<'a>>(format: Format, bytes: &'a [u8]) -> Result<T, InterchangeError> {
    // Windows' editors put a byte order mark before UTF-8.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        let what = if error.is_data() { "has another structure" } else { "is not JSON" };
        no_export(format, format!("it {what} (line {}, column {})", error.line(), error.column()))
    })
}

/// Reads XML, without a document type, which could name other files or grow without end.
///
/// # Errors
/// If there are more nodes than asked for, then `TooLarge`; if it is no XML, or an element has more attributes than any
/// export's, then `NotThisFormat`.
pub(super) fn xml(format: Format, text: &str, nodes_limit: u32) -> Result<Document<'_>, InterchangeError> {
    // The parser compares each attribute of an element with all before it.
    let is_quote = |character: &char| matches!(character, '"' | '\'');
    if text.split('<').any(|element| element.chars().filter(is_quote).count() > MOST_QUOTES) {
        return Err(no_export(format, "an element of its XML has too many attributes"));
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::NodesLimitReached => InterchangeError::TooLarge { what: "its XML has too many parts" },
        roxmltree::Error::DtdDetected => no_export(format, "it has a document type, as no export does"),
        error => no_export(format, format!("it is not XML (line {}, column {})", error.pos().row, error.pos().col)),
    })
}

/// A list of which no more is kept than shows that it is too long.
pub(super) struct Entries<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = Entries<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries<T>, A::Error> {
                let mut entries = Vec::new();
                while entries.len() <= MOST_ENTRIES {
                    match list.next_element()? {
                        Some(entry) => entries.push(entry),
                        None => return Ok(Entries(entries)),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_seq(List(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "GEZDGNBVGY3TQOJQ";

    fn entry() -> Entry<'static> {
        Entry {
            kind: "TOTP",
            issuer: "A",
            account: "b",
            seed: &|| Seed::from_base32(SEED),
            algorithm: None,
            digits: None,
            period_seconds: None,
            counter: None,
        }
    }

    fn uri(entry: &Entry<'_>) -> String {
        entry.read().expect("an entry").to_uri().expose().replace(SEED, "SEED")
    }

    #[test]
    fn what_is_not_said_is_the_usual_and_what_is_said_is_kept() {
        assert_eq!(uri(&entry()), "otpauth://totp/A:b?secret=SEED&issuer=A");
        let other = Entry { algorithm: Some("sha-512"), digits: Some(8), period_seconds: Some(10), ..entry() };
        assert_eq!(uri(&other), "otpauth://totp/A:b?secret=SEED&issuer=A&algorithm=SHA512&digits=8&period=10");
        let counted = Entry { kind: "hotp", counter: Some(0), period_seconds: Some(0), ..entry() };
        assert_eq!(uri(&counted), "otpauth://hotp/A:b?secret=SEED&issuer=A&counter=0");
    }

    #[test]
    fn what_is_unknown_or_impossible_is_left_out_and_never_guessed() {
        for (other, reason) in [
            (Entry { kind: "steam", ..entry() }, "it makes codes of another type, steam"),
            (Entry { kind: "", ..entry() }, "it makes codes of another type, "),
            (Entry { kind: "hotp", ..entry() }, "it is counter-based and has no counter"),
            (Entry { kind: "hotp", counter: Some(-1), ..entry() }, "its counter is negative"),
            (Entry { algorithm: Some("MD5"), ..entry() }, "its algorithm is none of SHA1, SHA256 and SHA512 but MD5"),
            (Entry { algorithm: Some(""), ..entry() }, "its algorithm is none of SHA1, SHA256 and SHA512 but "),
            (Entry { digits: Some(5), ..entry() }, "5 digits: a code has 6 to 8"),
            (Entry { period_seconds: Some(-30), ..entry() }, "its period is negative"),
            (
                Entry { seed: &|| Seed::from_base32("1"), ..entry() },
                "character 1 of the seed is not base32 (A to Z, 2 to 7)",
            ),
        ] {
            assert_eq!(other.read(), Err(skipped("A", "b", reason)));
        }
    }

    #[test]
    fn names_are_cleaned_and_cut() {
        let read = Entry { issuer: " a\u{1b}[2J\u{202e}b ", account: &"x".repeat(9999), ..entry() }.read();
        let read = read.expect("an entry");
        assert_eq!((read.issuer.as_deref(), read.account.len()), (Some("a[2Jb"), 256));
        assert_eq!(skipped("", "", "x").name, "(no name)");
    }
}
