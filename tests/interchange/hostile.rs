//! Exports that somebody made to do harm: cut off, changed, deep, long, costly. None may take long, panic, or bring in
//! what was not written.

use std::time::Duration;

use mfavault::{
    mfa::interchange::{self, Format, Imported, InterchangeError},
    secret::SecretBytes,
};

use super::open_formats::{PASSWORD, fixture};
use crate::support::stopwatch::Stopwatch;

const PLAIN: [(Format, &str); 7] = [
    (Format::Otpauth, "otpauth/list.txt"),
    (Format::Google, "google/parts.txt"),
    (Format::KeepassXc, "keepassxc/export.csv"),
    (Format::KeepassXc, "keepassxc/export.xml"),
    (Format::Bitwarden, "bitwarden/plain.json"),
    (Format::Bitwarden, "bitwarden/plain.csv"),
    (Format::Pass, "pass/site.txt"),
];
const ENCRYPTED: [&str; 2] = ["bitwarden/small-pbkdf2.json", "bitwarden/small-argon2id.json"];

fn read(format: Format, bytes: Vec<u8>) -> Result<Imported, InterchangeError> {
    interchange::read(format, &[SecretBytes::from(bytes)], Some(&PASSWORD.into()))
}

fn small(error: &InterchangeError) -> bool {
    error.to_string().len() < 300
}

#[test]
fn a_cut_or_changed_export_that_is_not_encrypted_never_panics() {
    for (format, name) in PLAIN {
        let whole = without_indentation(&fixture(name));
        // What ends in a bracket is whole or nothing.
        let has_end = whole.last().is_some_and(|last| b">}".contains(last));
        for at in 0..whole.len() {
            let cut = read(format, whole[..at].to_vec());
            assert!(cut.as_ref().err().map_or(!has_end, small), "{name} {at}: {cut:?}");
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(read(format, changed).as_ref().err().is_none_or(small), "{name} {at}");
        }
    }
}

/// The same with fewer bytes to try.
fn without_indentation(file: &SecretBytes) -> Vec<u8> {
    let text = std::str::from_utf8(file.expose()).unwrap();
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n").into_bytes()
}

#[test]
fn an_encrypted_export_that_was_changed_gives_nothing() {
    for name in ENCRYPTED {
        let whole = fixture(name);
        let whole = whole.expose();
        let expected = read(Format::Bitwarden, whole.clone());
        let text = std::str::from_utf8(whole).unwrap();
        let sealed: Vec<_> = text
            .match_indices("\"2.")
            .map(|(start, _)| start + 1..start + 1 + text[start + 1..].find('"').unwrap())
            .collect();
        assert_eq!(sealed.len(), 2);
        for at in 0..whole.len() {
            assert!(at + 1 >= whole.len() || read(Format::Bitwarden, whole[..at].to_vec()).is_err(), "{name} {at}");
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            // Around what is encrypted, white space may change, or a field that nobody reads; what comes in is the same.
            let result = read(Format::Bitwarden, changed);
            let is_sealed = sealed.iter().any(|range| range.contains(&at));
            assert!(result.is_err() || (!is_sealed && result == expected), "{name} {at}");
        }
    }
}

#[test]
fn what_is_deep_long_or_costly_is_refused_at_once() {
    let base64 = |bytes: &[u8]| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(bytes).replace('+', "%2B").replace('/', "%2F")
    };
    let google = |bytes: &[u8]| format!("otpauth-migration://offline?data={}", base64(bytes)).into_bytes();
    let laughs: String =
        (1..20).map(|level| format!("<!ENTITY l{level} \"{}\">", format!("&l{};", level - 1).repeat(10))).collect();
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    let keepass = |inner: &str| format!("<KeePassFile><Root><Group>{inner}</Group></Root></KeePassFile>").into_bytes();
    let mut csv = b"Group,Title,Username,TOTP\n\"".to_vec();
    csv.resize(15 << 20, b'a');
    let mut too_large = csv.clone();
    too_large.resize(20 << 20, b'a');
    let kdf = |kind: u32, rounds: u64, memory: u64| {
        let text = String::from_utf8(fixture("bitwarden/argon2id.json").expose().clone()).unwrap();
        let text = text.replace("\"kdfType\": 1", &format!("\"kdfType\": {kind}"));
        let text = text.replace("\"kdfIterations\": 3", &format!("\"kdfIterations\": {rounds}"));
        text.replace("\"kdfMemory\": 64,", &format!("\"kdfMemory\": {memory},")).into_bytes()
    };
    let many = |line: &str| line.repeat((8 << 20) / line.len()).into_bytes();
    let attributes = |element: &str| {
        let attributes: String = (0..500_000).map(|number| format!(" a{number}='1'")).collect();
        format!("<?xml version='1.0'?><{element}{attributes}/>").into_bytes()
    };
    let cases: Vec<(&str, Format, Vec<u8>)> = vec![
        ("length of 2^63", Format::Google, google(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")),
        ("length of 2 GiB", Format::Google, google(b"\x0a\xff\xff\xff\xff\x07abc")),
        ("endless number", Format::Google, google(&[0xff; 4000])),
        ("message of a million entries", Format::Google, google(&b"\x0a\x00".repeat(1_000_000))),
        ("2^31 parts", Format::Google, google(b"\x18\xff\xff\xff\xff\x07")),
        ("part 5 of 2", Format::Google, google(b"\x18\x02\x20\x05")),
        ("a million lines", Format::Google, many("otpauth-migration://offline?data=\n")),
        ("deep JSON", Format::Bitwarden, deep("[", "]").into_bytes()),
        ("deep JSON in items", Format::Bitwarden, format!("{{\"items\": {}}}", deep("[", "]")).into_bytes()),
        (
            "deep JSON that is passed over",
            Format::Bitwarden,
            format!("{{\"x\": {}}}", deep("{\"a\":", "}")).into_bytes(),
        ),
        ("2^31 rounds", Format::Bitwarden, kdf(0, 1 << 31, 1)),
        ("2^31 rounds of Argon2id", Format::Bitwarden, kdf(1, 1 << 31, 1)),
        ("4 TiB of Argon2id", Format::Bitwarden, kdf(1, 1, 1 << 22)),
        (
            "billion laughs",
            Format::KeepassXc,
            format!("<!DOCTYPE a [<!ENTITY l0 \"ha\">{laughs}]><KeePassFile>&l19;</KeePassFile>").into_bytes(),
        ),
        (
            "an entity outside",
            Format::KeepassXc,
            b"<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><KeePassFile>&x;</KeePassFile>".to_vec(),
        ),
        (
            "an undeclared entity",
            Format::KeepassXc,
            keepass("<Entry><String><Key>otp</Key><Value>&x;</Value></String></Entry>"),
        ),
        ("deep XML", Format::KeepassXc, keepass(&deep("<Group>", "</Group>"))),
        ("a million elements", Format::KeepassXc, many("<a/>")),
        ("an open quote", Format::KeepassXc, csv),
        ("20 MB in quotes", Format::KeepassXc, too_large),
        ("half a million attributes", Format::FreeOtp, attributes("map")),
        ("and of KeePass", Format::KeepassXc, attributes("KeePassFile")),
        ("only quotes", Format::KeepassXc, many("\"")),
        ("only commas", Format::Bitwarden, many(",")),
        ("rows of commas", Format::Bitwarden, [&b"name,login_username,login_totp\n"[..], &many(",,a\n")].concat()),
        ("a million URIs", Format::Otpauth, many("otpauth://totp/a?secret=GEZDGNBV\n")),
        ("a million other lines", Format::Otpauth, many("a\n")),
        ("one line", Format::Otpauth, [&b"otpauth://totp/"[..], &many("a")].concat()),
        ("a million lines for pass", Format::Pass, many("totp:a\n")),
        ("arbitrary bytes", Format::Pass, (0..=255).cycle().take(1 << 20).collect()),
    ];
    for (case, format, bytes) in cases {
        let begun = Stopwatch::start();
        let result = read(format, bytes);
        let nothing = result.as_ref().map_or(true, |imported| imported.entries.is_empty());
        assert!(nothing && result.as_ref().err().is_none_or(small), "{case}: {result:.300?}");
        // Well under a second in a release build, on a machine with nothing else to do.
        assert!(begun.elapsed() < Duration::from_secs(5), "{case}: {:?}", begun.elapsed());
    }
}
