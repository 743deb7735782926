//! The formats that may be encrypted. Where the fixtures come from, `tests/data/interchange/make_*.py` say; what is to be
//! read of each stands beside it.

use std::{fs, path::PathBuf};

use mfavault::{
    mfa::interchange::{Format, Imported, InterchangeError, read},
    secret::{SecretBytes, SecretText},
};
use proptest::prelude::*;

use crate::support::stopwatch::Stopwatch;

const PASSWORD: &str = "correct horse";

/// How far damage shows: the whole is authenticated, the seeds are, or nothing is.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    Whole,
    Seeds,
    Nothing,
}

use Held::{Nothing, Seeds, Whole};

/// Format, file, what is authenticated, and for damage every how-many-th byte: opening some costs much by their format.
const FIXTURES: &[(Format, &str, Held, usize)] = &[
    (Format::Aegis, "aegis/plain.json", Nothing, 1),
    (Format::Aegis, "aegis/otpclient.json", Nothing, 1),
    (Format::Aegis, "aegis/slots.json", Whole, 1),
    (Format::TwoFas, "two_fas/plain.2fas", Nothing, 1),
    (Format::TwoFas, "two_fas/schema_2.2fas", Nothing, 1),
    (Format::TwoFas, "two_fas/default.2fas", Whole, 7),
    (Format::AndOtp, "andotp/plain.json", Nothing, 1),
    (Format::AndOtp, "andotp/otpclient.json", Nothing, 1),
    (Format::AndOtp, "andotp/new.bin", Whole, 1),
    (Format::AndOtp, "andotp/old.bin", Whole, 1),
    (Format::FreeOtp, "freeotp/plus.json", Nothing, 1),
    (Format::FreeOtp, "freeotp/tokens.xml", Nothing, 1),
    (Format::FreeOtp, "freeotp/sha1.xml", Seeds, 1),
    (Format::Ente, "ente/plain.txt", Nothing, 1),
    (Format::Ente, "ente/final.json", Whole, 1),
    (Format::Proton, "proton/plain.json", Nothing, 1),
    (Format::Proton, "proton/default.json", Whole, 41),
    (Format::Cotp, "cotp/default.cotp", Whole, 97),
];

/// Those that cost what the real ones do.
const COSTLY: &[(Format, &str)] = &[
    (Format::Aegis, "aegis/default.json"),
    (Format::AndOtp, "andotp/default.bin"),
    (Format::AndOtp, "andotp/otpclient.bin"),
    (Format::FreeOtp, "freeotp/default.xml"),
    (Format::Ente, "ente/default.json"),
    (Format::Ente, "ente/phone.json"),
];

const FORMATS: [Format; 7] =
    [Format::Aegis, Format::TwoFas, Format::AndOtp, Format::FreeOtp, Format::Ente, Format::Proton, Format::Cotp];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/interchange").join(name)
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn open_with(format: Format, bytes: &[u8], password: Option<&str>) -> Result<Imported, InterchangeError> {
    read(format, &[SecretBytes::from(bytes.to_vec())], password.map(SecretText::from).as_ref())
}

fn open(format: Format, bytes: &[u8]) -> Result<Imported, InterchangeError> {
    open_with(format, bytes, Some(PASSWORD))
}

/// As the files beside the fixtures say it. FreeOTP 2 keeps no order.
fn lines(imported: &Imported) -> Vec<String> {
    let entries = imported.entries.iter().map(|entry| entry.to_uri().expose().clone());
    let skipped = imported.skipped.iter().map(|skipped| format!("skipped {}", skipped.name));
    let mut lines: Vec<_> = entries.chain(skipped).collect();
    lines.sort();
    lines
}

fn gives_what_stands_beside_it(format: Format, name: &str) {
    let imported = open(format, &fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = String::from_utf8(fixture(&format!("{name}.expected"))).unwrap();
    let mut expected: Vec<_> = expected.lines().collect();
    expected.sort();
    assert_eq!(lines(&imported), expected, "{name}");
    assert!(imported.skipped.iter().all(|skipped| !skipped.reason.is_empty()), "{name}");
}

#[test]
fn every_export_gives_the_entries_that_its_program_put_there() {
    for (format, name, ..) in FIXTURES {
        gives_what_stands_beside_it(*format, name);
    }
}

#[test]
fn exports_open_at_the_cost_that_their_programs_choose() {
    for (format, name) in COSTLY {
        gives_what_stands_beside_it(*format, name);
    }
}

#[test]
fn no_fixture_is_forgotten() {
    let named: Vec<_> = FIXTURES.iter().map(|row| row.1).chain(COSTLY.iter().map(|row| row.1)).collect();
    for folder in ["aegis", "two_fas", "andotp", "freeotp", "ente", "proton", "cotp"] {
        for file in fs::read_dir(path(folder)).unwrap() {
            let name = format!("{folder}/{}", file.unwrap().file_name().to_str().unwrap());
            assert!(name.ends_with(".expected") || name.ends_with(".java") || named.contains(&name.as_str()), "{name}");
        }
    }
}

#[test]
fn what_is_left_out_has_a_reason_that_says_what_is_not_made_here() {
    let imported = open(Format::Aegis, &fixture("aegis/plain.json")).unwrap();
    let reasons: Vec<_> = imported.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "it makes codes of another type, steam",
            "it makes codes of another type, motp",
            "it makes codes of another type, yandex",
            "its algorithm is none of SHA1, SHA256 and SHA512 but MD5",
        ]
    );
    let imported = open(Format::Ente, &fixture("ente/plain.txt")).unwrap();
    assert_eq!(imported.skipped[1].reason, "it is in Ente's trash");
}

#[test]
fn a_password_is_asked_for_if_and_only_if_it_is_needed() {
    for (format, name, held, _) in FIXTURES {
        let without = open_with(*format, &fixture(name), None);
        match held {
            Nothing => assert_eq!(without, open(*format, &fixture(name)), "{name}"),
            Whole | Seeds => assert_eq!(without, Err(InterchangeError::NeedsPassword), "{name}"),
        }
    }
}

#[test]
fn a_wrong_password_is_told_as_such() {
    for (format, name, ..) in FIXTURES.iter().filter(|row| row.2 != Nothing) {
        for password in ["", "correct hors", "correct horse ", "Correct horse", "another"] {
            let refused = open_with(*format, &fixture(name), Some(password));
            assert_eq!(refused, Err(InterchangeError::WrongPassword), "{name} with {password:?}");
        }
    }
}

#[test]
fn every_password_of_an_aegis_file_opens_it() {
    let file = fixture("aegis/slots.json");
    assert_eq!(open_with(Format::Aegis, &file, Some("another password")), open(Format::Aegis, &file));
}

#[test]
fn a_file_that_was_cut_short_gives_nothing() {
    for (format, name, held, step) in FIXTURES {
        let file = fixture(name);
        let whole = open(*format, &file).unwrap();
        for length in (0..file.len()).step_by(*step) {
            match open(*format, &file[..length]) {
                // Nothing tells of the lines that are missing.
                Ok(_) if *name == "ente/plain.txt" => {}
                Ok(read) => assert!(*held == Nothing && read == whole, "{name} cut to {length} bytes"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}

#[test]
fn one_wrong_bit_gives_an_error_or_is_nowhere_that_counts() {
    for (format, name, held, step) in FIXTURES {
        let file = fixture(name);
        let whole = open(*format, &file).unwrap();
        let seeds: Vec<_> = whole.entries.iter().map(|entry| entry.seed.clone()).collect();
        for index in (0..file.len()).step_by(*step) {
            let mut damaged = file.clone();
            damaged[index] ^= 1 << (index % 8);
            let Ok(read) = open(*format, &damaged) else { continue };
            match held {
                // In a name that Aegis gives a slot, for one.
                Whole => assert_eq!(lines(&read), lines(&whole), "{name}, byte {index}"),
                Seeds => {
                    let all_known = read.entries.iter().all(|entry| seeds.contains(&entry.seed));
                    assert!(all_known, "{name}, byte {index}");
                }
                Nothing => {}
            }
        }
    }
}

#[test]
fn a_wrong_bit_in_what_is_encrypted_is_told_as_a_wrong_password() {
    let mut file = fixture("andotp/old.bin");
    let last = file.len() - 1;
    for index in [0, 12, 500, last - 16, last] {
        file[index] ^= 1;
        assert_eq!(open(Format::AndOtp, &file), Err(InterchangeError::WrongPassword), "byte {index}");
        file[index] ^= 1;
    }
}

/// A map as Java writes it. `values` stand as they are, tag included.
fn java(size: u32, values: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"\xac\xed\0\x05\x73\x72\0\x11java.util.HashMap\x05\x07\xda\xc1\xc3\x16\x60\xd1\x03\0\x02F\0\x0aloadFactorI\0\x09thresholdxp\x3f\x40\0\0\0\0\0\x0c\x77\x08\0\0\0\x10".to_vec();
    bytes.extend(size.to_be_bytes());
    bytes.extend(values.concat());
    bytes.push(0x78);
    bytes
}

fn java_string(text: &str) -> Vec<u8> {
    [&[0x74][..], &(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

fn master_key(algorithm: &str, iterations: u64, salt: usize) -> Vec<u8> {
    let salt = vec!["7"; salt].join(",");
    let key = r#"{"mCipherText":[1,2],"mParameters":[48,17,4,12,1,2,3,4,5,6,7,8,9,10,11,12,2,1,16],"mCipher":"AES/GCM/NoPadding","mToken":"AES"}"#;
    let text =
        format!(r#"{{"mAlgorithm":"{algorithm}","mIterations":{iterations},"mSalt":[{salt}],"mEncryptedKey":{key}}}"#);
    java(1, &[java_string("masterKey"), java_string(&text)])
}

fn aegis(slots: usize, n: u64, r: u64, p: u64) -> Vec<u8> {
    let zeros = |bytes: usize| "00".repeat(bytes);
    let slot = format!(
        r#"{{"type":1,"key":"{}","key_params":{{"nonce":"{}","tag":"{}"}},"n":{n},"r":{r},"p":{p},"salt":"{}"}}"#,
        zeros(32),
        zeros(12),
        zeros(16),
        zeros(32)
    );
    let slots = vec![slot; slots].join(",");
    let params = format!(r#"{{"nonce":"{}","tag":"{}"}}"#, zeros(12), zeros(16));
    format!(r#"{{"version":1,"header":{{"slots":[{slots}],"params":{params}}},"db":"AAAA"}}"#).into_bytes()
}

fn ente(memory: u64, passes: u64) -> Vec<u8> {
    let salt = "AAAAAAAAAAAAAAAAAAAAAA==";
    let header = "A".repeat(32);
    format!(
        r#"{{"version":1,"kdfParams":{{"memLimit":{memory},"opsLimit":{passes},"salt":"{salt}"}},"encryptedData":"AAAA","encryptionNonce":"{header}"}}"#
    )
    .into_bytes()
}

fn costs_too_much(format: Format, file: &[u8]) {
    // Before a password is asked for, and before any work.
    let began = Stopwatch::start();
    for password in [None, Some(PASSWORD)] {
        let refused = open_with(format, file, password);
        assert!(matches!(refused, Err(InterchangeError::TooCostly { .. })), "{format}: {refused:?}");
    }
    assert!(began.elapsed().as_secs() < 3, "{format}");
}

#[test]
fn work_that_no_honest_writer_asks_for_is_refused_before_it_is_done() {
    for (n, r, p) in
        [(1 << 30, 8, 1), (1 << 21, 1, 1), (1 << 20, 8, 1), (1 << 15, 8, 1 << 31), (2, 1 << 20, 4), (u64::MAX, 8, 1)]
    {
        costs_too_much(Format::Aegis, &aegis(1, n, r, p));
    }
    costs_too_much(Format::Aegis, &aegis(9, 1 << 15, 8, 1));
    for (memory, passes) in [(1 << 40, 1), ((1 << 30) + 1024, 1), (1 << 30, 11), (8192, 1 << 31), (u64::MAX, u64::MAX)]
    {
        costs_too_much(Format::Ente, &ente(memory, passes));
    }
    for iterations in [10_000_001, 1 << 31, i64::MAX as u64] {
        costs_too_much(Format::FreeOtp, &master_key("PBKDF2withHmacSHA512", iterations, 32));
    }
}

#[test]
fn andotps_old_form_cannot_be_made_to_work_by_a_huge_number_in_front() {
    for iterations in [0, 10_000_001, i32::MAX as u32, u32::MAX] {
        let mut file = fixture("andotp/new.bin");
        file[..4].copy_from_slice(&iterations.to_be_bytes());
        let began = Stopwatch::start();
        assert_eq!(open(Format::AndOtp, &file), Err(InterchangeError::WrongPassword), "{iterations}");
        assert!(began.elapsed().as_secs() < 3, "{iterations}");
    }
}

fn is_no_export(format: Format, file: &[u8]) -> String {
    let began = Stopwatch::start();
    let refused = open(format, file);
    assert!(began.elapsed().as_secs() < 3, "{format} took {:?}", began.elapsed());
    match refused {
        Err(InterchangeError::NotThisFormat { reason, .. }) => reason,
        other => panic!("{format}: {other:?}"),
    }
}

#[test]
fn numbers_that_make_no_key_are_no_export() {
    for (n, r, p) in [(0, 8, 1), (1, 8, 1), (48, 8, 1), (16, 0, 1), (16, 8, 0), (1 << 17, 1, 1)] {
        is_no_export(Format::Aegis, &aegis(1, n, r, p));
    }
    for (memory, passes) in [(0, 1), (1024, 1), (8192, 0)] {
        is_no_export(Format::Ente, &ente(memory, passes));
    }
    is_no_export(Format::FreeOtp, &master_key("PBKDF2withHmacSHA512", 0, 32));
    is_no_export(Format::FreeOtp, &master_key("PBKDF2withHmacSHA512", 2, 31));
    is_no_export(Format::FreeOtp, &master_key("PBKDF2withHmacMD5", 2, 32));
    is_no_export(Format::FreeOtp, &java(1, &[java_string("masterkey"), java_string("{}")]));
}

#[test]
fn deep_nesting_and_entities_are_refused() {
    for format in FORMATS {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"{"header":{"slots":["#, "]}}")] {
            let deep = open.repeat(10_000) + "1" + &close.repeat(10_000);
            is_no_export(format, deep.as_bytes());
            is_no_export(format, open.repeat(10_000).as_bytes());
        }
    }
    let deep = "<map>".repeat(10_000) + &"</map>".repeat(10_000);
    assert_eq!(open(Format::FreeOtp, deep.as_bytes()), Ok(Imported::default()));
    for document in [
        r#"<!DOCTYPE map [<!ENTITY x SYSTEM "file:///etc/passwd">]><map><string name="a">&x;</string></map>"#,
        r#"<!DOCTYPE m [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><map>&b;</map>"#,
        "<html></html>",
        "<map",
        "<map><string>{}</string></map>",
    ] {
        is_no_export(Format::FreeOtp, document.as_bytes());
    }
}

#[test]
fn of_java_only_one_map_of_strings_is_read() {
    let reference = |handle: u32| [&[0x71][..], &handle.to_be_bytes()].concat();
    let key = || java_string("key");
    let long = |length: u64| [&[0x7c][..], &length.to_be_bytes(), b"abc"].concat();
    let mut another_class = java(0, &[]);
    another_class[10..13].copy_from_slice(b"evl");
    let mut trailing = java(0, &[]);
    trailing.push(0x70);
    for (what, file) in [
        ("another class", another_class),
        ("the map in itself", java(1, &[key(), reference(0x7e_0001)])),
        ("its class as a value", java(1, &[key(), reference(0x7e_0000)])),
        ("a reference ahead", java(1, &[key(), reference(0x7e_0003)])),
        ("a reference to nowhere", java(1, &[key(), reference(u32::MAX)])),
        ("a reference below all", java(1, &[key(), reference(0)])),
        ("a string of 2 GiB", java(1, &[key(), long(1 << 31)])),
        ("a string without end", java(1, &[key(), long(u64::MAX)])),
        ("an object as a value", java(1, &[key(), vec![0x73, 0x72, 0, 1, b'X']])),
        ("a proxy as a value", java(1, &[key(), vec![0x7d, 0, 0, 0, 1]])),
        ("nothing as a value", java(1, &[key(), vec![0x70]])),
        ("a string that is not UTF-8", java(1, &[key(), vec![0x74, 0, 1, 0xff]])),
        ("half a surrogate pair", java(1, &[key(), vec![0x74, 0, 3, 0xed, 0xa0, 0x80]])),
        ("a reset of the stream", java(1, &[key(), vec![0x79]])),
        ("more entries than there are", java(3, &[key(), key()])),
        ("fewer entries than there are", java(0, &[key(), key()])),
        ("something behind it", trailing),
        ("one key twice", java(2, &[key(), key(), reference(0x7e_0002), key()])),
        ("no master key", java(0, &[])),
    ] {
        assert!(!is_no_export(Format::FreeOtp, &file).is_empty(), "{what}");
    }
}

#[test]
fn too_many_entries_and_strings_are_refused_while_they_are_read() {
    let too_large = |format, file: &[u8]| {
        let began = Stopwatch::start();
        let refused = open(format, file);
        assert!(matches!(refused, Err(InterchangeError::TooLarge { .. })), "{format}: {refused:?}");
        assert!(began.elapsed().as_secs() < 5, "{format} took {:?}", began.elapsed());
    };
    too_large(Format::FreeOtp, &java(u32::MAX, &[]));
    // One string of a mebibyte, referred to a thousand times.
    let long = [&[0x7c][..], &(1_u64 << 20).to_be_bytes(), &vec![b' '; 1 << 20]].concat();
    let reference = [&[0x71][..], &0x7e_0002_u32.to_be_bytes()].concat();
    let mut strings = vec![long];
    strings.resize(1000, reference);
    too_large(Format::FreeOtp, &java(500, &strings));
    too_large(Format::AndOtp, format!("[{}]", vec![r#"{"secret":""}"#; 100_000].join(",")).as_bytes());
    too_large(Format::Ente, "otpauth://totp/a?secret=MZXW6YTB\n".repeat(20_000).as_bytes());
    let xml = format!("<map>{}</map>", r#"<string name="tokenOrder">x</string>"#.repeat(100_000));
    too_large(Format::FreeOtp, xml.as_bytes());
}

#[test]
fn openpgp_messages_of_andotp_are_told_by_what_opens_them() {
    for file in [
        b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n".to_vec(),
        vec![0x85, 1, 0x0c, 3, 0xff, 0xff, 0xff],
        vec![0x84, 0x5e, 3, 0xff, 0xff],
        vec![0xc1, 0xc0, 0x4c, 3, 0xff],
        vec![0x8c, 0x0d, 4, 9, 3, 8, 0xff],
        vec![0xc3, 0x0d, 4, 9, 3, 8, 0xff],
    ] {
        assert!(is_no_export(Format::AndOtp, &file).contains("gpg"), "{file:?}");
    }
}

#[test]
fn other_files_are_no_exports_and_errors_repeat_nothing_of_them() {
    let others = [
        "",
        " ",
        "\u{feff}",
        "MZXW6YTBOIMZXW6YTBOI",
        "\"MZXW6YTBOI\"",
        "null",
        "[\"MZXW6YTBOI\"]",
        r#"{"version":"MZXW6YTBOI"}"#,
        r#"{"version":2,"header":{"slots":null,"params":null},"db":"MZXW6YTBOI"}"#,
        r#"{"schemaVersion":1,"services":[{"secret":"MZXW6YTBOI"}]}"#,
        r#"{"schemaVersion":5,"services":[]}"#,
        r#"{"schemaVersion":4,"services":[],"servicesEncrypted":"MZXW6YTBOI"}"#,
        r#"{"schemaVersion":4,"services":[],"servicesEncrypted":"A:B:C"}"#,
        r#"{"version":1,"salt":"MZXW6YTBOI","content":"MZXW6YTBOI"}"#,
        r#"{"version":1,"nonce":"MZXW6YTBOI","salt":"MZXW6YTBOI","cipher":"MZXW6YTBOI"}"#,
        r#"[{"secret":["MZXW6YTBOI"]}]"#,
    ];
    for format in FORMATS {
        for other in others {
            match open(format, other.as_bytes()) {
                Err(error) => assert!(!format!("{error} {error:?}").contains("MZXW"), "{format}: {other}"),
                Ok(read) => panic!("{format}: {other:?} gave {read:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_bytes_make_a_reader_panic(head in 0..8_usize, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let heads: [&[u8]; 8] = [b"", b"[", b"{\"version\":1,", b"<map><string name=\"", b"otpauth://totp/", b"\xac\xed\0\x05\x73\x72\0\x11java.util.HashMap", b"\0\0\0\x01", b"[{\"secret\":\""];
        let file = [heads[head], &bytes].concat();
        for format in FORMATS {
            let _ = open(format, &file);
        }
    }

    #[test]
    fn no_damage_to_a_real_file_makes_a_reader_panic(
        which in 0..FIXTURES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let (format, name, ..) = FIXTURES[which];
        prop_assume!(!["proton/default.json", "cotp/default.cotp"].contains(&name));
        let mut file = fixture(name);
        for (index, byte) in changes {
            let index = index.index(file.len());
            file[index] = byte;
        }
        let _ = open(format, &file);
    }
}
