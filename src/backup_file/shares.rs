//! A backup in shares: any K of N files open it, fewer tell nothing about it (Shamir, "How to share a secret", 1979).
//!
//! The backup is an age file for a key pair that is made for it and forgotten. The text of the private key is what is
//! shared, byte by byte over GF(256), by `blahaj`; so that who joins the shares by other means has at once what the `age`
//! tool asks for. Each share is a text that explains itself, with the whole age file behind it. A checksum over all of
//! it finds what went wrong by accident; what was done on purpose shows when the shares do not fit together.

use std::{fmt::Write as _, io::Write, str::FromStr, time::SystemTime};

use age::{
    Encryptor,
    armor::{ArmoredWriter, Format},
    secrecy::ExposeSecret,
    x25519,
};
use blahaj::Sharks;
use ring::digest::{SHA256, digest};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{BackupFileError, Identity, IdentityKind, MAX_BYTES, decrypt, is_age};
use crate::{
    rfc3339,
    secret::{SecretBytes, SecretText},
};

const TITLE: &str = "mfavault backup, share ";
const VERSION: &str = "1";
const ARMOR: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
/// More than a private key of age has.
const MAX_KEY_BYTES: usize = 256;
const KEY_BYTES_PER_LINE: usize = 24;

/// Into how many shares, and how many of them bring the backup back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    needed: u8,
    count: u8,
}

/// Why a text is not `K/N`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidSplit {
    /// Another form.
    #[error("it is not of the form K/N, such as 3/5")]
    Form,
    /// One share would be enough, or there would be too few or too many.
    #[error("K is at least 2, and N at least K and at most 255")]
    Counts,
}

impl Split {
    /// How many shares bring the backup back; 2 at least.
    pub fn needed(self) -> u8 {
        self.needed
    }

    /// How many shares there are; not less than are needed.
    pub fn count(self) -> u8 {
        self.count
    }

    fn new(needed: u8, count: u8) -> Result<Self, InvalidSplit> {
        match needed >= 2 && needed <= count {
            true => Ok(Split { needed, count }),
            false => Err(InvalidSplit::Counts),
        }
    }
}

impl FromStr for Split {
    type Err = InvalidSplit;

    /// Reads `K/N`.
    ///
    /// # Errors
    /// If it has another form, then `Form`; if not 2 ≤ K ≤ N ≤ 255, then `Counts`.
    fn from_str(text: &str) -> Result<Self, InvalidSplit> {
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            true => text.parse::<u8>().map_err(|_| InvalidSplit::Counts),
            false => Err(InvalidSplit::Form),
        };
        let (needed, count) = text.split_once('/').ok_or(InvalidSplit::Form)?;
        Split::new(number(needed)?, number(count)?)
    }
}

/// One share, as it was read.
#[derive(Debug)]
pub struct Share {
    split: Split,
    number: u8,
    /// The hash of the age file: shares of one backup have the same.
    set: [u8; 32],
    key: SecretBytes,
    sealed: Vec<u8>,
}

/// Encrypts to a new key pair, and gives the files of all shares in the order of their numbers, from 1.
///
/// # Errors
/// If the content is above 64 MiB, then `TooLarge`; if it cannot be encrypted, then `Encrypt`.
pub fn split(plain: &SecretBytes, split: Split, created: SystemTime) -> Result<Vec<SecretBytes>, BackupFileError> {
    if plain.expose().len() > MAX_BYTES {
        return Err(BackupFileError::TooLarge);
    }
    let identity = x25519::Identity::generate();
    let sealed = armored(plain, &identity.to_public())?;
    let set = set_of(sealed.as_bytes());
    let text = identity.to_string();
    let dealer = Sharks(split.needed).dealer(text.expose_secret().as_bytes());
    let shares = (1..=split.count).zip(dealer).map(|(number, dealt)| {
        let point = Zeroizing::new(Vec::from(&dealt));
        // Before the values stands their x, which is the number.
        file_of(split, number, created, &set, &point[1..], &sealed)
    });
    Ok(shares.collect())
}

fn armored(plain: &SecretBytes, to: &x25519::Recipient) -> Result<String, BackupFileError> {
    let encryptor = Encryptor::with_recipients(std::iter::once(to as &dyn age::Recipient))
        .map_err(|error| BackupFileError::Encrypt(std::io::Error::other(error)))?;
    let write = || {
        let mut file = Vec::with_capacity(plain.expose().len() / 3 * 5 + 4096);
        let mut writer = encryptor.wrap_output(ArmoredWriter::wrap_output(&mut file, Format::AsciiArmor)?)?;
        writer.write_all(plain.expose())?;
        writer.finish()?.finish()?;
        String::from_utf8(file).map_err(std::io::Error::other)
    };
    write().map_err(BackupFileError::Encrypt)
}

fn file_of(split: Split, number: u8, created: SystemTime, set: &[u8; 32], key: &[u8], sealed: &str) -> SecretBytes {
    let Split { needed, count } = split;
    let created = rfc3339::format(created);
    let files = if needed <= 8 { vec!["FILE"; needed.into()].join(" ") } else { "FILE FILE ...".to_owned() };
    // One allocation: a buffer that grew would leave copies of the key behind.
    let mut text = String::with_capacity(sealed.len() + files.len() + 4 * MAX_KEY_BYTES + 4096);
    text.push_str(&format!(
        "{TITLE}{number} of {count}\n\n\
         One of {count} shares of an encrypted backup of MFA devices. Any {needed} of them bring\n\
         it back; fewer tell nothing about it. Keep them apart, and keep this file as\n\
         it is: no byte of it may change.\n\n\
         To bring it back, have {needed} of the files in one place:\n\n    \
         mfavault backup restore {files}\n\n\
         Without mfavault: each byte of the private key was shared by Shamir's scheme\n\
         over GF(256) with the polynomial x^8+x^4+x^3+x^2+1; x is the share's number.\n\
         The key opens what stands below with the age tool (age-encryption.org).\n\n\
         version: {VERSION}\nset: {}\nshare: {number} of {count}\nneeded: {needed}\ncreated: {created}\nkey:\n",
        hex(&set[..8])
    ));
    for line in key.chunks(KEY_BYTES_PER_LINE) {
        text.push_str("   ");
        for group in line.chunks(4) {
            text.push(' ');
            push_hex(&mut text, group);
        }
        text.push('\n');
    }
    let checksum = hex(&checksum_of(&text, &format!("\n{sealed}")));
    text.push_str(&format!("sha256: {checksum}\n\n"));
    text.push_str(sealed);
    SecretBytes::from(text.into_bytes())
}

/// Whether a file is a share, whole or not, rather than a backup in one piece.
pub fn is_share(file: &[u8]) -> bool {
    let has = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    file.starts_with(TITLE.as_bytes()) || (!is_age(file) && has(ARMOR))
}

impl Share {
    /// Reads a share; ends of lines may have become those of Windows.
    ///
    /// # Errors
    /// If any byte is not as it was written, then `DamagedShare`; if it is of a later version, then `ShareVersion`.
    pub fn read(file: &[u8]) -> Result<Self, BackupFileError> {
        let damaged = |reason| BackupFileError::DamagedShare { reason };
        let text = std::str::from_utf8(file).map_err(|_| damaged("it is not text"))?;
        let text = Zeroizing::new(text.replace("\r\n", "\n"));
        let (head, sealed) = match text.find(ARMOR) {
            Some(at) => text.split_at(at),
            None => return Err(damaged("the encrypted part is missing")),
        };
        let field = |name: &str| {
            let mut found = head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            found.next().filter(|_| found.next().is_none()).ok_or(damaged("a line of it is missing"))
        };
        let checksum = field("sha256")?;
        let (before, after) = head.split_once(&format!("sha256: {checksum}\n")).ok_or(damaged("it is cut"))?;
        if hex(&checksum_of(before, &format!("{after}{sealed}"))) != checksum {
            return Err(damaged("its checksum is another"));
        }
        if field("version")? != VERSION {
            return Err(BackupFileError::ShareVersion);
        }
        let number_of = |text: &str| text.parse::<u8>().map_err(|_| damaged("a number in it is none"));
        let (number, count) = field("share")?.split_once(" of ").ok_or(damaged("a number in it is none"))?;
        let (number, count) = (number_of(number)?, number_of(count)?);
        let split = Split::new(number_of(field("needed")?)?, count)
            .ok()
            .filter(|_| (1..=count).contains(&number))
            .ok_or(damaged("its numbers cannot be"))?;
        let set = set_of(sealed.as_bytes());
        if field("set")? != hex(&set[..8]) {
            return Err(damaged("its encrypted part is of another set"));
        }
        let (_, key) = head.split_once("\nkey:\n").ok_or(damaged("its key is missing"))?;
        let key = read_key(key).ok_or(damaged("its key cannot be read"))?;
        Ok(Share { split, number, set, key, sealed: sealed.as_bytes().to_vec() })
    }

    /// Its number, from 1.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// How the backup was split.
    pub fn split(&self) -> Split {
        self.split
    }

    /// Whether both are of one backup.
    pub fn is_of_set(&self, other: &Share) -> bool {
        (self.set, self.split) == (other.set, other.split)
    }
}

/// Opens the backup of these shares. All of them have to fit together, however many are needed.
///
/// # Errors
/// If they are of several backups, too few, or one of them is not as it was made, then `SharesDoNotFit`; if what they
/// open is damaged, then as [`decrypt`].
pub fn open(shares: &[&Share]) -> Result<SecretBytes, BackupFileError> {
    let key = recover(shares)?;
    let key: x25519::Identity = key.expose().parse().map_err(|_| BackupFileError::SharesDoNotFit)?;
    let [first, ..] = shares else { return Err(BackupFileError::SharesDoNotFit) };
    match decrypt(&first.sealed, &[Identity(IdentityKind::Key(Box::new(key)))]) {
        Err(BackupFileError::NoMatchingIdentity) => Err(BackupFileError::SharesDoNotFit),
        result => result,
    }
}

/// The private key's text, `AGE-SECRET-KEY-1…`, or whatever the shares give.
fn recover(shares: &[&Share]) -> Result<SecretText, BackupFileError> {
    let [first, others @ ..] = shares else { return Err(BackupFileError::SharesDoNotFit) };
    if others.iter().any(|other| !other.is_of_set(first)) {
        return Err(BackupFileError::SharesDoNotFit);
    }
    let points = shares.iter().map(|share| {
        let mut point = Zeroizing::new(Vec::with_capacity(share.key.expose().len() + 1));
        point.push(share.number);
        point.extend(share.key.expose());
        blahaj::Share::try_from(point.as_slice())
    });
    let points: Vec<blahaj::Share> = points.collect::<Result<_, _>>().map_err(|_| BackupFileError::SharesDoNotFit)?;
    let joined = Sharks(first.split.needed).recover(&points).map_err(|_| BackupFileError::SharesDoNotFit)?;
    String::from_utf8(joined).map(SecretText::from).map_err(|error| {
        drop(SecretBytes::from(error.into_bytes()));
        BackupFileError::SharesDoNotFit
    })
}

fn set_of(sealed: &[u8]) -> [u8; 32] {
    let mut set = [0; 32];
    set.copy_from_slice(digest(&SHA256, sealed).as_ref());
    set
}

/// Over all of the file but the line of the checksum itself: `grep -v '^sha256: ' FILE | sha256sum`.
fn checksum_of(before: &str, after: &str) -> [u8; 32] {
    let mut context = ring::digest::Context::new(&SHA256);
    context.update(before.as_bytes());
    context.update(after.as_bytes());
    let mut checksum = [0; 32];
    checksum.copy_from_slice(context.finish().as_ref());
    checksum
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push_hex(&mut text, bytes);
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
}

/// The indented lines at the beginning.
fn read_key(text: &str) -> Option<SecretBytes> {
    let lines = text.lines().take_while(|line| line.starts_with("    "));
    let digits = lines.flat_map(|line| line.bytes().filter(|byte| *byte != b' '));
    let mut digits = digits.map(|byte| char::from(byte).to_digit(16).map(|value| value as u8));
    let mut key = Zeroizing::new(Vec::with_capacity(MAX_KEY_BYTES));
    while let Some(high) = digits.next() {
        if key.len() == MAX_KEY_BYTES {
            return None;
        }
        key.push(high? << 4 | digits.next()??);
    }
    (!key.is_empty()).then(|| SecretBytes::from(std::mem::take(&mut *key)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const CONTENT: &[u8] = b"the seeds of all devices";

    fn files(text: &str) -> Vec<SecretBytes> {
        let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        split(&CONTENT.to_vec().into(), text.parse().expect("K/N"), created).expect("shares")
    }

    fn read(files: &[SecretBytes]) -> Vec<Share> {
        files.iter().map(|file| Share::read(file.expose()).expect("a share")).collect()
    }

    fn open(shares: &[Share]) -> Result<SecretBytes, BackupFileError> {
        super::open(&shares.iter().collect::<Vec<_>>())
    }

    fn picked(files: &[SecretBytes], bits: usize) -> Vec<Share> {
        let chosen = files.iter().enumerate().filter(|(index, _)| bits & (1 << index) != 0);
        read(&chosen.map(|(_, file)| file.clone()).collect::<Vec<_>>())
    }

    #[test]
    fn any_of_enough_shares_open_the_backup_and_fewer_do_not() {
        let files = files("3/5");
        for bits in 0..1_usize << files.len() {
            let shares = picked(&files, bits);
            match open(&shares) {
                Ok(plain) => assert!(shares.len() >= 3 && plain.expose() == CONTENT, "{bits:b}"),
                Err(error) => {
                    assert!(shares.len() < 3 && matches!(error, BackupFileError::SharesDoNotFit), "{bits:b} {error}");
                }
            }
        }
    }

    #[test]
    fn the_largest_and_the_smallest_splits_work() {
        for text in ["2/2", "2/255", "255/255"] {
            let shares = read(&files(text));
            assert_eq!(open(&shares).expect("opened").expose(), CONTENT, "{text}");
        }
    }

    #[test]
    fn a_split_is_written_as_two_numbers_that_can_be() {
        let read = |text: &str| text.parse::<Split>();
        assert_eq!(read("3/5"), Ok(Split { needed: 3, count: 5 }));
        for text in ["1/5", "0/0", "6/5", "2/256", "2/99999999999999999999"] {
            assert_eq!(read(text), Err(InvalidSplit::Counts), "{text}");
        }
        for text in ["", "3", "/", "3/", "/5", "3of5", "+3/5", "3/5/7", "3 / 5", "٣/٥"] {
            assert_eq!(read(text), Err(InvalidSplit::Form), "{text}");
        }
    }

    #[test]
    fn one_share_does_not_have_the_key_and_no_two_have_the_same() {
        let shares = read(&files("2/3"));
        for share in &shares {
            assert_ne!(share.key.expose()[..4], *b"AGE-");
            assert_eq!(share.key.expose().len(), 74);
        }
        assert_ne!(shares[0].key, shares[1].key);
        assert!(recover(&[&shares[1], &shares[2]]).expect("a key").expose().starts_with("AGE-SECRET-KEY-1"));
    }

    #[test]
    fn no_changed_bit_and_no_cut_goes_unnoticed() {
        let file = files("2/3").remove(1);
        let file = file.expose();
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut changed = file.clone();
                changed[at] ^= 1 << bit;
                assert!(Share::read(&changed).is_err(), "bit {bit} of byte {at}");
                assert!(is_share(&changed), "bit {bit} of byte {at}");
            }
            assert!(Share::read(&file[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_share_that_went_by_mail_is_still_one() {
        let files = files("2/2");
        let text = String::from_utf8(files[0].expose().clone()).expect("text");
        assert!(text.lines().all(|line| line.len() < 80), "{text}");
        let shares = [
            Share::read(text.replace('\n', "\r\n").as_bytes()).expect("a share"),
            Share::read(files[1].expose()).expect("a share"),
        ];
        assert_eq!(open(&shares).expect("opened").expose(), CONTENT);
    }

    /// A share that somebody made to deceive: its checksum is right.
    fn forged(file: &SecretBytes, from: &str, to: &str) -> Vec<u8> {
        let text = String::from_utf8(file.expose().clone()).expect("text");
        let (before, after) = text.split_once("sha256: ").expect("a checksum");
        let (before, after) = (before.replacen(from, to, 1), &after[65..]);
        format!("{before}sha256: {}\n{after}", hex(&checksum_of(&before, after))).into_bytes()
    }

    #[test]
    fn what_a_forger_changes_is_refused_or_does_not_fit() {
        let files = files("2/3");
        let second = Share::read(files[1].expose()).expect("a share");
        assert!(Share::read(&forged(&files[0], "nothing", "nothing")).is_ok());
        assert!(matches!(
            Share::read(&forged(&files[0], "version: 1", "version: 2")),
            Err(BackupFileError::ShareVersion)
        ));
        for (from, to) in [
            ("share: 1 of 3", "share: 0 of 3"),
            ("share: 1 of 3", "share: 4 of 3"),
            ("share: 1 of 3", "share: 1 of 300"),
            ("share: 1 of 3", "share: 1 of 1"),
            ("share: 1 of 3", "share: 1"),
            ("needed: 2", "needed: 1"),
            ("needed: 2", "needed: 4"),
            ("needed: 2", "needed: 2\nneeded: 2"),
            ("set: ", "set: 0"),
            ("key:\n    ", "key:\n    0"),
            ("key:\n    ", "key:\n    zz"),
            ("key:\n", "key:\n\n"),
            ("key:\n", &format!("key:\n    {}\n", "00".repeat(MAX_KEY_BYTES))),
        ] {
            let error = Share::read(&forged(&files[0], from, to)).expect_err(to);
            assert!(matches!(error, BackupFileError::DamagedShare { .. }), "{to}: {error}");
        }
        for (from, to) in [
            ("share: 1 of 3", "share: 2 of 3"),
            ("share: 1 of 3", "share: 3 of 3"),
            ("share: 1 of 3", "share: 1 of 4"),
            ("key:\n    ", "key:\n    00"),
        ] {
            let other = Share::read(files[1].expose()).expect("a share");
            let shares = [Share::read(&forged(&files[0], from, to)).expect("a share"), other];
            assert!(matches!(open(&shares), Err(BackupFileError::SharesDoNotFit)), "{to}");
        }
        assert!(matches!(open(&[second]), Err(BackupFileError::SharesDoNotFit)));
    }

    #[test]
    fn shares_of_two_backups_do_not_fit() {
        let (mut shares, others) = (read(&files("2/2")), read(&files("2/2")));
        assert!(shares[0].is_of_set(&shares[1]) && !shares[0].is_of_set(&others[1]));
        shares.truncate(1);
        shares.extend(others.into_iter().skip(1));
        assert!(matches!(open(&shares), Err(BackupFileError::SharesDoNotFit)));
    }

    #[test]
    fn other_files_are_no_shares() {
        for file in [&b""[..], b"age-encryption.org/v1\n", ARMOR.as_bytes(), b"PK\x03\x04"] {
            assert!(!is_share(file));
            assert!(Share::read(file).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn whatever_text_a_share_is_made_of_is_refused_without_a_panic(
            lines in prop::collection::vec(
                prop_oneof![
                    "(version|set|share|needed|created|key|sha256): ?[0-9a-f of]{0,70}",
                    "    [0-9a-f ]{0,60}",
                    "\\PC{0,40}",
                    Just(ARMOR.to_owned()),
                    Just("key:".to_owned()),
                ],
                0..20,
            )
        ) {
            let text = lines.join("\n");
            prop_assert!(Share::read(text.as_bytes()).is_err());
            // The same with a checksum that is right.
            let (before, after) = text.split_once(ARMOR).unwrap_or((&text, ""));
            let before = before.replace("sha256", "sha") + "\n";
            let after = format!("\n{ARMOR}{after}");
            let file = format!("{before}sha256: {}\n{after}", hex(&checksum_of(&before, &after)));
            prop_assert!(Share::read(file.as_bytes()).is_err());
        }
    }
}
