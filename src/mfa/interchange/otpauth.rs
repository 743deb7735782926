//! Exports of text with `otpauth://` URIs, one a line; empty lines and those that begin with `#` say nothing.

use super::{Format, Imported, InterchangeError, field};
use crate::{
    mfa::uri::{shown_label, strip_prefix_any_case},
    secret::SecretBytes,
};

pub(super) fn read(file: &SecretBytes) -> Result<Imported, InterchangeError> {
    let mut imported = Imported::default();
    let mut uris = 0;
    for (number, line) in lines(field::text(file, Format::Otpauth)?) {
        uris += usize::from(is_uri(line));
        add_line(&mut imported, number, line);
        if imported.is_too_large() {
            return Ok(imported);
        }
    }
    match uris {
        0 => Err(InterchangeError::NotThisFormat {
            format: Format::Otpauth,
            reason: "no line begins with otpauth://".to_owned(),
        }),
        _ => Ok(imported),
    }
}

/// The lines that say something, counted from 1.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Adds what a line says; one that is no URI is left out with the reason.
pub(super) fn add_line(imported: &mut Imported, number: usize, line: &str) {
    let name = || shown_label(line).unwrap_or_else(|| format!("line {number}"));
    let begins_with = |scheme| strip_prefix_any_case(line, scheme).is_some();
    if is_uri(line) || begins_with("steam://") {
        let read = field::read(line, "", "");
        let name = if read.is_err() { name() } else { String::new() };
        return imported.add(&name, read);
    }
    let reason = match begins_with("otpauth-migration://") {
        true => "it is an export of Google Authenticator, not a URI of one entry",
        false => "it is no otpauth URI",
    };
    imported.add(&name(), Err(reason.to_owned()));
}

fn is_uri(line: &str) -> bool {
    strip_prefix_any_case(line, "otpauth://").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn read_text(text: &str) -> Result<Imported, InterchangeError> {
        read(&SecretBytes::from(text.replace("SEED", SEED).into_bytes()))
    }

    #[test]
    fn uris_come_in_lines_and_what_else_there_is_gets_a_reason() {
        let text = "\u{feff}# of my phone\r\n\r\n  otpauth://totp/A:b?secret=SEED&issuer=A  \n\
            OTPAUTH://hotp/c?secret=SEED&counter=9\notpauth://totp/short?secret=GEZDGNBVGY3TQOJQ\n\
            steam://SEED\notpauth://motp/old%1b[2J?secret=SEED\notpauth-migration://offline?data=AAAA\nSEED\n\
            otpauth://totp/broken%ff?secret=SEED\notpauth://totp/md5?secret=SEED&algorithm=MD5";
        let imported = read_text(text).expect("an export");
        let accounts: Vec<_> = imported.entries.iter().map(|entry| (entry.account.as_str(), entry.counter)).collect();
        assert_eq!(accounts, [("b", None), ("c", Some(9)), ("short", None)]);
        let skipped: Vec<_> = imported.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
        assert_eq!(skipped, ["line 6", "old[2J", "line 8", "line 9", "line 10", "md5"]);
        assert!(!format!("{:?}", imported.skipped).contains(SEED));
    }

    #[test]
    fn a_text_without_a_uri_is_another_format() {
        for text in ["", "# only\n", "SEED\n", "steam://SEED"] {
            assert!(matches!(read_text(text), Err(InterchangeError::NotThisFormat { .. })), "{text}");
        }
        assert!(read(&SecretBytes::from(b"otpauth://totp/\xff".to_vec())).is_err());
    }
}
