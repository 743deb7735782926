//! Exports of otpauth lists, Google Authenticator, KeePassXC, Bitwarden and pass: the fixtures that `make.py` beside them
//! has made without us, and what is to be read in them.

use std::{fs, path::PathBuf, process::Command};

use mfavault::{
    mfa::{
        interchange::{self, Format, Imported, InterchangeError},
        qr,
        uri::OtpauthUri,
    },
    secret::{SecretBytes, SecretText},
};

use crate::support::programs;

pub(super) const PASSWORD: &str = "correct horse battery staple";

pub(super) fn fixture(name: &str) -> SecretBytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/interchange").join(name);
    SecretBytes::from(fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// URIs and names of what was skipped, as `expected.txt` has them.
fn lines(imported: &Imported) -> String {
    let uris = imported.entries.iter().map(|entry| entry.to_uri().expose().clone());
    let skipped = imported.skipped.iter().map(|skipped| format!("# skipped: {}", skipped.name));
    uris.chain(skipped).map(|line| line + "\n").collect()
}

fn expected(name: &str) -> String {
    String::from_utf8(fixture(name).expose().clone()).unwrap()
}

#[test]
fn what_the_programs_write_is_read() {
    for (format, files, expected_in) in [
        (Format::Otpauth, &["otpauth/list.txt"][..], "otpauth/expected.txt"),
        (Format::Google, &["google/parts.txt"], "google/expected.txt"),
        (Format::Google, &["google/part-2.png", "google/part-1.png", "google/part-2.png"], "google/expected.txt"),
        (Format::KeepassXc, &["keepassxc/export.csv"], "keepassxc/export.csv.expected.txt"),
        (Format::KeepassXc, &["keepassxc/export.xml"], "keepassxc/export.xml.expected.txt"),
        (Format::Bitwarden, &["bitwarden/plain.json"], "bitwarden/expected.txt"),
        (Format::Bitwarden, &["bitwarden/plain.csv"], "bitwarden/expected.txt"),
        (Format::Bitwarden, &["bitwarden/pbkdf2.json"], "bitwarden/expected.txt"),
        (Format::Bitwarden, &["bitwarden/small-pbkdf2.json"], "bitwarden/small.expected.txt"),
        (Format::Bitwarden, &["bitwarden/argon2id.json"], "bitwarden/expected.txt"),
        (Format::Bitwarden, &["bitwarden/small-argon2id.json"], "bitwarden/small.expected.txt"),
        (Format::Pass, &["pass/site.txt"], "pass/site.txt.expected.txt"),
        (Format::Pass, &["pass/gopass.txt"], "pass/gopass.txt.expected.txt"),
    ] {
        let contents: Vec<SecretBytes> = files.iter().map(|name| fixture(name)).collect();
        let imported = interchange::read(format, &contents, Some(&PASSWORD.into()));
        let imported = imported.unwrap_or_else(|error| panic!("{files:?}: {error}"));
        assert_eq!(lines(&imported), expected(expected_in), "{files:?}");
    }
}

#[test]
fn an_encrypted_export_wants_its_password_and_no_other() {
    let read = |name: &str, password: Option<&str>| {
        let password = password.map(SecretText::from);
        interchange::read(Format::Bitwarden, &[fixture(name)], password.as_ref())
    };
    for name in ["bitwarden/small-pbkdf2.json", "bitwarden/small-argon2id.json"] {
        assert_eq!(read(name, None), Err(InterchangeError::NeedsPassword));
        for wrong in ["", "wrong", "Correct horse battery staple"] {
            assert_eq!(read(name, Some(wrong)), Err(InterchangeError::WrongPassword));
        }
    }
    assert_eq!(read("bitwarden/account-restricted.json", None), Err(InterchangeError::AccountRestricted));
}

#[test]
fn a_part_of_googles_export_alone_says_which_one_is_missing() {
    for (file, missing) in [("google/part-1.png", 2), ("google/part-2.png", 1)] {
        let error = interchange::read(Format::Google, &[fixture(file)], None);
        assert_eq!(error, Err(InterchangeError::Incomplete { parts: 2, missing }));
    }
}

#[test]
fn zbar_reads_the_codes_for_google_as_they_were_written() {
    if !programs::installed(&["zbarimg"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let uris = expected("google/expected.txt");
    let entries = uris.lines().filter_map(|line| line.parse::<OtpauthUri>().ok());
    let export =
        interchange::to_google(&entries.map(|entry| (entry.account.clone(), entry)).collect::<Vec<_>>(), false);
    let [part] = &export.parts[..] else { panic!("one part") };
    fs::write(folder.path().join("part.png"), qr::png(part).unwrap().expose()).unwrap();
    let read = Command::new("zbarimg").args(["--quiet", "--raw", "part.png"]).current_dir(&folder).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim_end(), part.expose());
}

/// Google's message, taken apart by other code than ours.
const DECODE: &str = r#"
import base64, sys, urllib.parse
def fields(data):
    at = 0
    def varint():
        nonlocal at
        number = shift = 0
        while True:
            byte = data[at]; at += 1
            number |= (byte & 127) << shift; shift += 7
            if byte < 128: return number
    while at < len(data):
        key = varint()
        if key & 7 == 0: yield key >> 3, varint()
        else:
            length = varint(); yield key >> 3, data[at:at + length]; at += length
for line in sys.stdin:
    payload = base64.b64decode(urllib.parse.parse_qs(urllib.parse.urlsplit(line.strip()).query)["data"][0])
    for field, value in fields(payload):
        if field == 1:
            entry = dict(fields(value))
            print(base64.b32encode(entry[1]).decode(), entry[2].decode(), entry[3].decode(), *(entry.get(n) for n in range(4, 8)))
        elif field != 5: print(field, value)
"#;

#[test]
fn python_takes_our_codes_for_google_apart() {
    if !programs::installed(&["python3"]) {
        return;
    }
    let entries: Vec<(String, OtpauthUri)> = (0..11)
        .map(|number| {
            let uri = match number {
                10 => "otpauth://hotp/me?secret=GEZDGNBVGY3TQOJQ&digits=8&algorithm=SHA512&counter=300".to_owned(),
                _ => format!("otpauth://totp/Site:n{number}?secret=GEZDGNBVGY3TQOJQ"),
            };
            (String::new(), uri.parse().unwrap())
        })
        .collect();
    let parts = interchange::to_google(&entries, false).parts;
    let folder = tempfile::tempdir().unwrap();
    let text: String = parts.iter().map(|part| format!("{}\n", part.expose())).collect();
    fs::write(folder.path().join("parts"), text).unwrap();
    let input = fs::File::open(folder.path().join("parts")).unwrap();
    let ran = Command::new("python3").args(["-c", DECODE]).stdin(input).output().unwrap();
    let mut expected: Vec<String> =
        (0..10).map(|number| format!("GEZDGNBVGY3TQOJQ n{number} Site 1 1 2 None")).collect();
    expected.extend(["2 1", "3 2", "4 0", "GEZDGNBVGY3TQOJQ me  3 2 1 300", "2 1", "3 2", "4 1"].map(str::to_owned));
    assert_eq!(String::from_utf8_lossy(&ran.stdout).lines().collect::<Vec<_>>(), expected);
}
