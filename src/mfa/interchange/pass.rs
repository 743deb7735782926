//! Entries of `pass` and `gopass`, as decrypted text: the password, and below it a line `otpauth://…` (of `pass-otp`) or
//! `totp: SEED`. The entry's name is that of its file, which is not known here.

use super::{Format, Imported, InterchangeError, field};
use crate::{
    mfa::uri::{shown_label, strip_prefix_any_case},
    secret::SecretBytes,
};

pub(super) fn read(file: &SecretBytes) -> Result<Imported, InterchangeError> {
    let mut imported = Imported::default();
    for line in field::text(file, Format::Pass)?.lines().map(str::trim) {
        let text = match strip_prefix_any_case(line, "totp:") {
            Some(text) => text.trim(),
            None if strip_prefix_any_case(line, "otpauth://").is_some() => line,
            None => continue,
        };
        imported.add(&shown_label(text).unwrap_or_else(|| "totp".to_owned()), field::read(text, "", ""));
        if imported.is_too_large() {
            break;
        }
    }
    match imported.entries.is_empty() && imported.skipped.is_empty() {
        true => Err(InterchangeError::NotThisFormat {
            format: Format::Pass,
            reason: "no line begins with otpauth:// or `totp:`".to_owned(),
        }),
        false => Ok(imported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Imported, InterchangeError> {
        read(&SecretBytes::from(text.as_bytes().to_vec()))
    }

    #[test]
    fn the_line_is_found_below_the_password() {
        for (text, account) in [
            ("hunter2\nuser: me\notpauth://totp/Site:me?secret=GEZDGNBVGY3TQOJQ\n", "me"),
            ("hunter2\n---\ntotp: GEZD GNBV GY3T QOJQ\n", ""),
            ("TOTP:otpauth://totp/me?secret=GEZDGNBVGY3TQOJQ", "me"),
        ] {
            let imported = read_text(text).expect("an entry");
            assert_eq!(imported.entries[0].account, account);
            assert_eq!(imported.entries[0].seed.to_base32().expose(), "GEZDGNBVGY3TQOJQ");
            assert!(imported.skipped.is_empty());
        }
    }

    #[test]
    fn an_entry_without_such_a_line_is_refused() {
        for text in ["", "hunter2\n", "hunter2\nurl: https://example.com/totp\n", "\u{85}\u{1}\u{c}"] {
            assert!(matches!(read_text(text), Err(InterchangeError::NotThisFormat { .. })), "{text}");
        }
    }
}
