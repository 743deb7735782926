//! Exports of Ente Auth: text of one `otpauth://` URI a line, plain or with a password
//! (<https://github.com/ente-io/ente>, folder `auth`). A parameter `codeDisplay` holds what Ente alone knows of an entry.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    Format::Ente,
    Imported, InterchangeError, Skipped,
    entry::{json, no_export, skipped},
    sealed::{self, Kdf},
    secretstream,
};
use crate::{
    mfa::{
        interchange::MOST_ENTRIES,
        uri::{self, InvalidOtpauthUri, OtpauthUri},
    },
    secret::{SecretBytes, SecretText},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sealed {
    version: u64,
    kdf_params: Parameters,
    encrypted_data: String,
    encryption_nonce: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    /// In bytes.
    mem_limit: u64,
    ops_limit: u64,
    salt: String,
}

#[derive(Deserialize)]
struct Display {
    #[serde(default)]
    trashed: bool,
}

pub(super) fn read(file: &SecretBytes, password: Option<&SecretText>) -> Result<Imported, InterchangeError> {
    if file.expose().trim_ascii_start().starts_with(b"{") {
        let sealed: Sealed = json(Ente, file.expose())?;
        return lines(sealed.open(password)?.expose());
    }
    lines(file.expose())
}

fn lines(text: &[u8]) -> Result<Imported, InterchangeError> {
    let text = std::str::from_utf8(text).map_err(|_| no_export(Ente, "it is not text"))?;
    let filled = || text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty());
    if filled().next().is_none() {
        return Err(no_export(Ente, "it is empty"));
    }
    // One line that is none makes the whole file doubtful.
    if let Some(number) = filled().position(|line| !line.contains("://")) {
        return Err(no_export(Ente, format!("its line {} is no URI", number + 1)));
    }
    Ok((1..).zip(filled().take(MOST_ENTRIES + 1)).map(|(number, text)| line(number, text)).collect())
}

fn line(number: usize, line: &str) -> Result<OtpauthUri, Skipped> {
    let (path, query) = line.split_once('?').unwrap_or((line, ""));
    let label = uri::shown_label(line).unwrap_or_else(|| format!("line {number}"));
    // It may hold long notes, and would make the URI too long.
    let mut rest = Zeroizing::new(String::with_capacity(line.len() + 1));
    rest.push_str(path);
    let mut display = None;
    for pair in query.split('&') {
        match pair.strip_prefix("codeDisplay=") {
            Some(value) => display = Some(value),
            None => {
                let is_first = rest.len() == path.len();
                rest.push(if is_first { '?' } else { '&' });
                rest.push_str(pair);
            }
        }
    }
    if let Some(display) = display {
        let display = uri::decode(display, "codeDisplay").map_err(|error| skipped("", &label, error.to_string()))?;
        let display: Result<Display, _> = serde_json::from_str(&display);
        match display {
            Ok(Display { trashed: false }) => {}
            Ok(Display { trashed: true }) => return Err(skipped("", &label, "it is in Ente's trash")),
            Err(_) => return Err(skipped("", &label, "its `codeDisplay` is not JSON")),
        }
    }
    rest.parse().map_err(|error: InvalidOtpauthUri| skipped("", &label, error.to_string()))
}

impl Sealed {
    fn open(&self, password: Option<&SecretText>) -> Result<SecretBytes, InterchangeError> {
        if self.version != 1 {
            return Err(no_export(Ente, format!("version {} is not known", self.version)));
        }
        let parameters = &self.kdf_params;
        let kdf = Kdf::argon2id(Ente, parameters.mem_limit / 1024, parameters.ops_limit, 1)?;
        let salt = sealed::exactly::<16>(Ente, "salt", &sealed::base64(Ente, "salt", &parameters.salt)?)?;
        let header = sealed::base64(Ente, "encryptionNonce", &self.encryption_nonce)?;
        let header = sealed::exactly(Ente, "encryptionNonce", &header)?;
        let text = sealed::base64(Ente, "encryptedData", &self.encrypted_data)?;
        let key = kdf.key(password.ok_or(InterchangeError::NeedsPassword)?, &salt)?;
        secretstream::open(&key, &header, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "GEZDGNBVGY3TQOJQ";

    fn read_text(text: &str) -> Result<Imported, InterchangeError> {
        read(&SecretBytes::from(text.replace("SEED", SEED).into_bytes()), None)
    }

    #[test]
    fn what_ente_adds_to_a_uri_may_stand_anywhere_and_be_long() {
        let note = "n".repeat(5000);
        for query in [
            "secret=SEED&issuer=A".to_owned(),
            "codeDisplay=%7B%7D&secret=SEED&issuer=A".to_owned(),
            format!("secret=SEED&codeDisplay=%7B%22note%22%3A%22{note}%22%7D&issuer=A"),
            "secret=SEED&issuer=A&codeDisplay=%7B%22trashed%22%3Afalse%7D".to_owned(),
        ] {
            let imported = read_text(&format!("\u{feff}\r\n otpauth://totp/A:b?{query}\r\n")).expect("an export");
            assert_eq!(imported.entries.len(), 1, "{query}");
            let uri = imported.entries[0].to_uri();
            assert_eq!(uri.expose(), &format!("otpauth://totp/A:b?secret={SEED}&issuer=A"));
        }
    }

    #[test]
    fn what_cannot_be_told_to_be_kept_is_left_out() {
        for display in ["%7B%22trashed%22%3Atrue%7D", "%7B", "%ff", "", "%7B%22trashed%22%3A1%7D"] {
            let text = format!("otpauth://totp/A:b?secret=SEED&codeDisplay={display}");
            let imported = read_text(&text).expect("an export");
            assert_eq!((imported.entries.len(), imported.skipped[0].name.as_str()), (0, "A:b"), "{display}");
        }
    }

    #[test]
    fn what_is_left_out_is_never_called_by_its_seed() {
        for line in ["steam://SEED", "otpauth://totp/A:b&secret=SEED", "otpauth://totp/A:b%3Fsecret%3DSEED"] {
            let imported = read_text(line).expect("an export");
            assert_eq!(imported.skipped[0].name, "line 1", "{line}");
        }
    }

    #[test]
    fn a_line_that_is_no_uri_makes_the_file_no_export() {
        for text in ["", "\n \n", "otpauth://totp/A:b?secret=SEED\nSEED"] {
            let refused = read_text(text).expect_err(text);
            assert!(matches!(refused, InterchangeError::NotThisFormat { format: Ente, .. }), "{text}");
        }
    }
}
