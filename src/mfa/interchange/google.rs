//! Exports of Google Authenticator: `otpauth-migration://offline?data=…`, as lines of text or as pictures of QR codes.
//!
//! The data is base64 of a message in the encoding of Protocol Buffers; its fields were never published, and are those
//! that readers have found. A long export comes in several parts. Pictures may also hold `otpauth://` URIs.

use std::collections::BTreeMap;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use super::{Format, Imported, InterchangeError, MOST_ENTRIES, Skipped, field, otpauth, protobuf};
use crate::{
    mfa::{
        Algorithm, CodeSettings, Seed, qr,
        uri::{self, OtpauthUri},
    },
    secret::{SecretBytes, SecretText},
};

const SCHEME: &str = "otpauth-migration://";
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// As many as Google puts into one code.
const MOST_IN_A_PART: usize = 10;
/// The most bytes of entries in one part, so that a QR code holds it.
const MOST_BYTES_OF_A_PART: usize = 1000;
/// The same on a terminal, so that the code has at most 48 lines.
const MOST_BYTES_ON_A_TERMINAL: usize = 300;

/// What Google Authenticator can take in, and what it cannot.
#[derive(Debug, Default)]
pub struct GoogleExport {
    /// One `otpauth-migration://` URI for each QR code.
    pub parts: Vec<SecretText>,
    /// What it would make other codes of.
    pub left_out: Vec<Skipped>,
}

/// Which part of which export, and what is in it.
struct Part {
    batch: u64,
    size: u64,
    index: u64,
    entries: Vec<Entry>,
}

/// One entry as it stands there.
#[derive(Default, PartialEq)]
struct Entry {
    secret: Zeroizing<Vec<u8>>,
    name: String,
    issuer: String,
    algorithm: u64,
    digits: u64,
    kind: u64,
    counter: u64,
}

pub(super) fn read(files: &[SecretBytes]) -> Result<Imported, InterchangeError> {
    let mut imported = Imported::default();
    let (mut parts, mut entries) = (Vec::new(), 0);
    for file in files {
        let texts = match is_picture(file.expose()) {
            true => qr::read(file.expose()).map_err(|error| wrong(field::reason(&error)))?,
            false => otpauth::lines(field::text(file, Format::Google)?).map(|(_, line)| line.into()).collect(),
        };
        for (index, text) in texts.iter().enumerate() {
            match uri::strip_prefix_any_case(text.expose().trim(), SCHEME) {
                Some(rest) => {
                    let part = part(rest).ok_or_else(|| wrong("a part of it is damaged".to_owned()))?;
                    entries += part.entries.len();
                    parts.push(part);
                }
                None => otpauth::add_line(&mut imported, index + 1, text.expose().trim()),
            }
            if entries.max(parts.len()) > MOST_ENTRIES || imported.is_too_large() {
                return Err(InterchangeError::TooLarge { what: "more than 10,000 entries" });
            }
        }
    }
    if parts.is_empty() && imported.entries.is_empty() {
        return Err(wrong("no text in it begins with otpauth-migration://".to_owned()));
    }
    for entry in complete(parts)?.into_iter().flat_map(|part| part.entries) {
        let name = if entry.name.is_empty() { entry.issuer.clone() } else { entry.name.clone() };
        imported.add(&name, entry.read());
    }
    Ok(imported)
}

fn wrong(reason: String) -> InterchangeError {
    InterchangeError::NotThisFormat { format: Format::Google, reason }
}

fn is_picture(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"\xff\xd8\xff")
}

/// All parts in their order, each once.
fn complete(parts: Vec<Part>) -> Result<Vec<Part>, InterchangeError> {
    let mut batches: BTreeMap<u64, BTreeMap<u64, Part>> = BTreeMap::new();
    for part in parts {
        let batch = batches.entry(part.batch).or_default();
        if batch.first_key_value().is_some_and(|(_, first)| first.size != part.size) || part.index >= part.size {
            return Err(wrong("its parts do not belong together".to_owned()));
        }
        match batch.get(&part.index) {
            Some(there) if there.entries != part.entries => {
                return Err(wrong("two of its parts have the same number".to_owned()));
            }
            Some(_) => {}
            None => drop(batch.insert(part.index, part)),
        }
    }
    for batch in batches.values() {
        let size = batch.first_key_value().map_or(0, |(_, first)| first.size);
        if let Some(missing) = (0..size).find(|index| !batch.contains_key(index)) {
            let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            return Err(InterchangeError::Incomplete { parts: number(size), missing: number(missing + 1) });
        }
    }
    Ok(batches.into_values().flat_map(BTreeMap::into_values).collect())
}

/// What follows the scheme; nothing if it is damaged.
fn part(rest: &str) -> Option<Part> {
    let (_, query) = rest.split_once('?')?;
    let data = query.split('&').find_map(|pair| pair.strip_prefix("data="))?;
    let mut data = uri::decode(data, "data").ok()?;
    // On its way a `+` may have been taken for an encoded space, and base64 for that of URLs.
    let text: Zeroizing<String> = Zeroizing::new(
        std::mem::take(&mut *data)
            .chars()
            .map(|character| match character {
                ' ' | '-' => '+',
                '_' => '/',
                character => character,
            })
            .collect(),
    );
    let bytes = Zeroizing::new(BASE64.decode(text.as_bytes()).ok()?);
    let mut part = Part { batch: 0, size: 1, index: 0, entries: Vec::new() };
    let mut is_whole = false;
    for field in protobuf::Fields::of(&bytes) {
        match field? {
            (1, protobuf::Value::Bytes(_)) if part.entries.len() > MOST_ENTRIES => {}
            (1, protobuf::Value::Bytes(entry)) => part.entries.push(Entry::decode(entry)?),
            (2, protobuf::Value::Number(_)) => is_whole = true,
            (3, protobuf::Value::Number(size)) => (part.size, is_whole) = (size.max(1), true),
            (4, protobuf::Value::Number(index)) => part.index = index,
            (5, protobuf::Value::Number(batch)) => part.batch = batch,
            (1..=5, _) => return None,
            _ => {}
        }
    }
    // Version and size stand behind the entries: without them, some may have been cut off.
    is_whole.then_some(part)
}

impl Entry {
    fn decode(bytes: &[u8]) -> Option<Self> {
        use protobuf::Value::{Bytes, Number};
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        let mut entry = Entry::default();
        for field in protobuf::Fields::of(bytes) {
            match field? {
                (1, Bytes(secret)) => entry.secret = Zeroizing::new(secret.to_vec()),
                (2, Bytes(name)) => entry.name = text(name)?,
                (3, Bytes(issuer)) => entry.issuer = text(issuer)?,
                (4, Number(algorithm)) => entry.algorithm = algorithm,
                (5, Number(digits)) => entry.digits = digits,
                (6, Number(kind)) => entry.kind = kind,
                (7, Number(counter)) => entry.counter = counter,
                (1..=7, _) => return None,
                _ => {}
            }
        }
        Some(entry)
    }

    fn read(mut self) -> Result<OtpauthUri, String> {
        let algorithm = match self.algorithm {
            0 | 1 => Algorithm::Sha1,
            2 => Algorithm::Sha256,
            3 => Algorithm::Sha512,
            4 => return Err("its codes are made with MD5".to_owned()),
            _ => return Err("its codes are made with an unknown hash".to_owned()),
        };
        let digits = match self.digits {
            0 | 1 => 6,
            2 => 8,
            3 => 7,
            _ => return Err("its codes have an unknown number of digits".to_owned()),
        };
        let counter = match self.kind {
            0 | 2 => None,
            1 => Some(self.counter),
            _ => return Err("its codes are of an unknown kind".to_owned()),
        };
        let seed = Seed::from_bytes(std::mem::take(&mut *self.secret)).map_err(|error| field::reason(&error))?;
        let (prefix, account) = uri::split_label(&self.name, &self.issuer);
        let issuer = if self.issuer.is_empty() { prefix } else { self.issuer };
        Ok(field::entry(&issuer, &account, seed, field::settings(algorithm, digits, 30)?, counter))
    }
}

/// Writes entries, each with the name it is known by here, as Google Authenticator's own export does; for a terminal in
/// smaller parts.
pub fn to_google(entries: &[(String, OtpauthUri)], for_terminal: bool) -> GoogleExport {
    let most_bytes = if for_terminal { MOST_BYTES_ON_A_TERMINAL } else { MOST_BYTES_OF_A_PART };
    let mut export = GoogleExport::default();
    let mut batches: Vec<Vec<Zeroizing<Vec<u8>>>> = Vec::new();
    for (name, entry) in entries {
        let message = match encode(entry) {
            Ok(message) => message,
            Err(reason) => {
                export.left_out.push(Skipped { name: field::shown(name), reason });
                continue;
            }
        };
        let bytes = |batch: &[Zeroizing<Vec<u8>>]| batch.iter().map(|message| message.len()).sum::<usize>();
        match batches.last_mut() {
            Some(last) if last.len() < MOST_IN_A_PART && bytes(last) + message.len() <= most_bytes => {
                last.push(message);
            }
            _ => batches.push(vec![message]),
        }
    }
    // Any number will do that another export does not have.
    let mut all = Zeroizing::new(Vec::with_capacity(batches.len() * 2 * MOST_BYTES_OF_A_PART));
    batches.iter().flatten().for_each(|message| all.extend_from_slice(message));
    let hash = digest(&SHA256, &all);
    let batch = hash.as_ref().iter().take(4).fold(0, |number, byte| number << 8 | u64::from(*byte)) & 0x7fff_ffff;
    let size = batches.len() as u64;
    export.parts =
        batches.iter().enumerate().map(|(index, messages)| uri_of(messages, size, index as u64, batch)).collect();
    export
}

fn encode(entry: &OtpauthUri) -> Result<Zeroizing<Vec<u8>>, String> {
    let settings = entry.settings;
    if entry.counter.is_none() && settings.period_seconds() != CodeSettings::AWS.period_seconds() {
        return Err(format!("its codes change every {} s, there every 30 s", settings.period_seconds()));
    }
    let digits = match settings.digits() {
        6 => 1,
        8 => 2,
        digits => return Err(format!("its codes have {digits} digits, there 6 or 8")),
    };
    let algorithm = match settings.algorithm() {
        Algorithm::Sha1 => 1,
        Algorithm::Sha256 => 2,
        Algorithm::Sha512 => 3,
    };
    let mut message = protobuf::Message::with_capacity(2 * MOST_BYTES_OF_A_PART);
    message.bytes(1, entry.seed.bytes());
    message.bytes(2, entry.account.as_bytes());
    message.bytes(3, entry.issuer.as_deref().unwrap_or_default().as_bytes());
    message.number(4, algorithm);
    message.number(5, digits);
    message.number(6, if entry.counter.is_some() { 1 } else { 2 });
    if let Some(counter) = entry.counter {
        message.number(7, counter);
    }
    let message = message.done();
    match message.len() > MOST_BYTES_OF_A_PART {
        true => Err("its seed and names are too long for a QR code".to_owned()),
        false => Ok(message),
    }
}

fn uri_of(messages: &[Zeroizing<Vec<u8>>], size: u64, index: u64, batch: u64) -> SecretText {
    let mut payload = protobuf::Message::with_capacity(2 * MOST_BYTES_OF_A_PART);
    messages.iter().for_each(|message| payload.bytes(1, message));
    for (field, number) in [(2, 1), (3, size), (4, index), (5, batch)] {
        payload.number(field, number);
    }
    let encoded = Zeroizing::new(BASE64.encode(&*payload.done()));
    let mut uri = String::with_capacity(SCHEME.len() + 20 + 3 * encoded.len());
    uri.push_str(SCHEME);
    uri.push_str("offline?data=");
    for character in encoded.chars() {
        match character {
            '+' => uri.push_str("%2B"),
            '/' => uri.push_str("%2F"),
            '=' => uri.push_str("%3D"),
            character => uri.push(character),
        }
    }
    SecretText::from(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(uri: &str) -> (String, OtpauthUri) {
        let uri: OtpauthUri = uri.replace("SEED", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").parse().expect("a URI");
        (uri.account.clone(), uri)
    }

    fn file(texts: &[&SecretText]) -> SecretBytes {
        let lines: Vec<&str> = texts.iter().map(|text| text.expose().as_str()).collect();
        SecretBytes::from(lines.join("\n").into_bytes())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let entries: Vec<_> = (0..23)
            .map(|number| match number % 4 {
                0 => entry(&format!("otpauth://totp/Amazon%20Web%20Services:a{number}@123456789012?secret=SEED")),
                1 => entry(&format!("otpauth://totp/b{number}?secret=SEED&digits=8&algorithm=SHA512")),
                2 => entry(&format!("otpauth://hotp/J%C3%BCrgen{number}?secret=SEED&issuer=%E6%97%A5&counter=7")),
                _ => entry(&format!("otpauth://totp/?secret=SEED&issuer=c{number}&algorithm=SHA256")),
            })
            .collect();
        let export = to_google(&entries, false);
        assert_eq!((export.parts.len(), export.left_out.len()), (3, 0));
        let expected: Vec<OtpauthUri> = entries.into_iter().map(|(_, entry)| entry).collect();
        let [first, second, third] = &export.parts[..] else { panic!("three parts") };
        // In any order, in any number of files, the same part twice, and with spaces for plus signs.
        let spaced = SecretText::from(second.expose().replace("%2B", " "));
        for files in
            [vec![file(&[first, second, third])], vec![file(&[third]), file(&[&spaced, third]), file(&[first])]]
        {
            assert_eq!(read(&files), Ok(Imported { entries: expected.clone(), skipped: Vec::new() }));
        }
        assert_eq!(read(&[file(&[first, third])]), Err(InterchangeError::Incomplete { parts: 3, missing: 2 }));
    }

    #[test]
    fn parts_of_different_exports_do_not_complete_each_other() {
        let export = |account: &str| {
            let entries: Vec<_> = (0..11).map(|_| entry(&format!("otpauth://totp/{account}?secret=SEED"))).collect();
            to_google(&entries, false).parts
        };
        let (ours, theirs) = (export("a"), export("b"));
        let error = read(&[file(&[&ours[0], &theirs[1]])]).expect_err("incomplete");
        assert!(matches!(error, InterchangeError::Incomplete { parts: 2, .. }), "{error}");
    }

    #[test]
    fn what_google_would_make_other_codes_of_is_left_out() {
        let export = to_google(
            &[
                entry("otpauth://totp/slow?secret=SEED&period=60"),
                entry("otpauth://totp/seven?secret=SEED&digits=7"),
                entry(&format!("otpauth://totp/long?secret={}", "A".repeat(1600))),
                entry("otpauth://totp/fine?secret=SEED"),
            ],
            false,
        );
        let names: Vec<_> = export.left_out.iter().map(|skipped| skipped.name.as_str()).collect();
        assert_eq!((names, export.parts.len()), (vec!["slow", "seven", "long"], 1));
    }

    #[test]
    fn every_part_fits_into_a_qr_code() {
        let entries: Vec<_> = (0..40)
            .map(|number| entry(&format!("otpauth://totp/{}{number}?secret={}", "n".repeat(90), "B".repeat(64))))
            .collect();
        for part in to_google(&entries, false).parts {
            qr::png(&part).expect("a code");
        }
        let aws = "otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret=";
        let entries: Vec<_> = (0..20).map(|_| entry(&format!("{aws}{}", "B".repeat(64)))).collect();
        for part in to_google(&entries, true).parts {
            assert!(qr::terminal(&part).expect("a code").expose().lines().count() <= 48);
        }
    }
}
