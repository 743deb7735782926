//! Edge: the age file format (age-encryption.org/v1), by the `age` crate; the stock `age` tool opens what is written here.
//!
//! A backup is locked with one passphrase or to any number of keys (`age1…`, `ssh-ed25519`, `ssh-rsa`), never both: the
//! format forbids the mix; or it comes in several files, the [`shares`]. What is inside a backup lives in another place.

pub mod shares;

use std::{
    fmt,
    io::{self, Read, Write},
    str::FromStr,
};

use age::{DecryptError, Decryptor, Encryptor, armor::ArmoredReader, scrypt, secrecy::SecretString, ssh, x25519};
use base64::{Engine, engine::general_purpose::STANDARD};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    secret::{SecretBytes, SecretText},
    visible::visible,
};

/// The largest content of a backup.
const MAX_BYTES: usize = 64 << 20;
/// Armored text is a third larger than what it carries.
const MAX_FILE_BYTES: usize = 2 * MAX_BYTES;
/// Some six hundred recipients.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// 2^17 rounds of scrypt: 128 MiB and about a third of a second.
const WORK_FACTOR: u8 = 17;
/// 2^20 rounds: 1 GiB and about three seconds. A hostile file could ask for any amount.
const MAX_WORK_FACTOR: u8 = 20;

/// Who can open a backup: whoever knows a passphrase, or the owner of a key.
pub struct Recipient(RecipientKind);

enum RecipientKind {
    Passphrase(SecretText),
    Key { text: String, key: Box<dyn age::Recipient> },
}

/// What opens a backup: a passphrase or a private key.
pub struct Identity(IdentityKind);

enum IdentityKind {
    Passphrase(SecretText),
    Key(Box<dyn age::Identity>),
}

/// Why a backup was not written or read.
#[derive(Debug, Error)]
pub enum BackupFileError {
    /// A text that is no public key, or one of another kind.
    #[error("`{recipient}` is not a recipient: {reason}")]
    InvalidRecipient {
        /// The text, without unseen characters, cut if long; a private key is masked.
        recipient: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody could open such a backup.
    #[error("there is no recipient to encrypt to")]
    NoRecipients,
    /// age allows a passphrase only as the single recipient.
    #[error("a backup cannot be encrypted to a passphrase and to other recipients at once")]
    MixedPassphrase,
    /// More than 64 MiB.
    #[error("the backup is larger than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    /// A file of another kind.
    #[error("the file is not encrypted with age")]
    NotAge,
    /// A later version of the format.
    #[error("the file has a version of the age format that is not known here")]
    UnknownVersion,
    /// A passphrase opens the file, and none was given.
    #[error("the backup is encrypted with a passphrase")]
    NeedsPassphrase,
    /// A private key opens the file, and none was given.
    #[error("the backup is encrypted to keys, not with a passphrase")]
    NeedsIdentity,
    /// The format tells these two no further apart.
    #[error("the passphrase is wrong, or the header of the backup is damaged")]
    WrongPassphrase,
    /// The backup is for other keys.
    #[error("none of the identities opens the backup")]
    NoMatchingIdentity,
    /// Work that no honest writer asks for.
    #[error("the backup asks for 2^{required} rounds of scrypt, more than 2^{MAX_WORK_FACTOR}")]
    ExcessiveWork {
        /// The power of two.
        required: u8,
    },
    /// Cut short, or changed since it was written.
    #[error("the backup is damaged")]
    Damaged,
    /// A line of an identity file that is no private key; the line is not repeated.
    #[error("line {line} of the identity file is not an age identity")]
    InvalidIdentity {
        /// Counted from 1.
        line: usize,
    },
    /// Not text, or an SSH key that cannot be read.
    #[error("the identity file cannot be read as age identities or as an SSH private key")]
    InvalidIdentityFile,
    /// Of a kind, or encrypted in a way, that age has no use for.
    #[error("the SSH key is of a kind that age does not support")]
    UnsupportedKey,
    /// Encrypted, and no passphrase was given.
    #[error("the identity file is encrypted with a passphrase")]
    IdentityNeedsPassphrase,
    /// The passphrase of the identity file, not of the backup.
    #[error("the passphrase of the identity file is wrong")]
    WrongIdentityPassphrase,
    /// A share that is not as it was written.
    #[error("the share is damaged: {reason}")]
    DamagedShare {
        /// What does not hold.
        reason: &'static str,
    },
    /// A later version of our own form.
    #[error("the share has a version that is not known here")]
    ShareVersion,
    /// One of them is not what it says, or they are of several backups, or too few.
    #[error("the shares do not fit together: at least one of them is not as it was made")]
    SharesDoNotFit,
    /// The encryption failed, as when no randomness can be had.
    #[error("cannot encrypt the backup")]
    Encrypt(#[source] io::Error),
}

impl Recipient {
    /// Whoever knows the passphrase.
    pub fn passphrase(passphrase: SecretText) -> Self {
        Recipient(RecipientKind::Passphrase(passphrase))
    }

    fn key(&self) -> Option<&dyn age::Recipient> {
        match &self.0 {
            RecipientKind::Passphrase(_) => None,
            RecipientKind::Key { key, .. } => Some(&**key),
        }
    }
}

impl FromStr for Recipient {
    type Err = BackupFileError;

    /// Reads a public key: `age1…`, or `ssh-ed25519 …` or `ssh-rsa …` as in an `authorized_keys` file.
    ///
    /// # Errors
    /// If it is none, then `InvalidRecipient`.
    fn from_str(text: &str) -> Result<Self, BackupFileError> {
        let text = text.trim();
        let private = text.to_ascii_uppercase().contains("AGE-SECRET-KEY-") || text.contains("PRIVATE KEY");
        let shown = if private { "[secret]".to_owned() } else { visible(text).chars().take(100).collect() };
        let invalid = |reason| BackupFileError::InvalidRecipient { recipient: shown.clone(), reason };
        let key: Box<dyn age::Recipient> = if private {
            return Err(invalid("it is a private key"));
        } else if text.starts_with("ssh-") {
            if has_zero_number(text) {
                return Err(invalid("it is not an SSH public key"));
            }
            use ssh::ParseRecipientKeyError::{RsaModulusTooLarge, RsaModulusTooSmall, Unsupported};
            Box::new(text.parse::<ssh::Recipient>().map_err(|error| {
                invalid(match error {
                    RsaModulusTooLarge => "the RSA key is too large",
                    RsaModulusTooSmall => "the RSA key has less than 2048 bits",
                    Unsupported(_) => "age encrypts to ssh-ed25519 and ssh-rsa keys only",
                    _ => "it is not an SSH public key",
                })
            })?)
        } else {
            Box::new(text.parse::<x25519::Recipient>().map_err(invalid)?)
        };
        Ok(Recipient(RecipientKind::Key { text: shown, key }))
    }
}

impl Identity {
    /// The passphrase of a backup.
    pub fn passphrase(passphrase: SecretText) -> Self {
        Identity(IdentityKind::Passphrase(passphrase))
    }

    /// Reads an identity file: lines `AGE-SECRET-KEY-1…`, such a file encrypted by `age -p`, or an SSH private key.
    /// The passphrase is looked at only if the file is encrypted.
    ///
    /// # Errors
    /// If the file is encrypted and there is no passphrase, then `IdentityNeedsPassphrase`; if it is wrong, then
    /// `WrongIdentityPassphrase`; if the file holds nothing of that, then `InvalidIdentity`, `InvalidIdentityFile` or
    /// `UnsupportedKey`.
    pub fn read_file(file: &SecretBytes, passphrase: Option<&SecretText>) -> Result<Vec<Self>, BackupFileError> {
        if !is_age(file.expose()) {
            return Identity::read_plain(file, passphrase);
        }
        let passphrase = passphrase.ok_or(BackupFileError::IdentityNeedsPassphrase)?;
        let plain =
            decrypt(file.expose(), &[Identity::passphrase(passphrase.clone())]).map_err(|error| match error {
                BackupFileError::WrongPassphrase => BackupFileError::WrongIdentityPassphrase,
                BackupFileError::NeedsIdentity => BackupFileError::InvalidIdentityFile,
                error => error,
            })?;
        Identity::read_plain(&plain, None)
    }

    fn read_plain(file: &SecretBytes, passphrase: Option<&SecretText>) -> Result<Vec<Self>, BackupFileError> {
        let text = std::str::from_utf8(file.expose()).map_err(|_| BackupFileError::InvalidIdentityFile)?;
        if text.trim_start().starts_with("-----BEGIN ") {
            return Ok(vec![Identity::ssh(text.trim(), passphrase)?]);
        }
        let mut identities = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key: x25519::Identity =
                line.parse().map_err(|_| BackupFileError::InvalidIdentity { line: index + 1 })?;
            identities.push(Identity(IdentityKind::Key(Box::new(key))));
        }
        if identities.is_empty() { Err(BackupFileError::InvalidIdentityFile) } else { Ok(identities) }
    }

    fn key(&self) -> Option<&dyn age::Identity> {
        match &self.0 {
            IdentityKind::Passphrase(_) => None,
            IdentityKind::Key(key) => Some(&**key),
        }
    }

    fn ssh(text: &str, passphrase: Option<&SecretText>) -> Result<Self, BackupFileError> {
        let key =
            ssh::Identity::from_buffer(text.as_bytes(), None).map_err(|_| BackupFileError::InvalidIdentityFile)?;
        let key = match key {
            ssh::Identity::Encrypted(key) => {
                let passphrase = passphrase.ok_or(BackupFileError::IdentityNeedsPassphrase)?;
                key.decrypt(for_age(passphrase)).map_err(|_| BackupFileError::WrongIdentityPassphrase)?.into()
            }
            ssh::Identity::Unsupported(_) => return Err(BackupFileError::UnsupportedKey),
            key => key,
        };
        Ok(Identity(IdentityKind::Key(Box::new(key))))
    }
}

/// Encrypts to one passphrase or to any number of keys, as binary age.
///
/// # Errors
/// If there is no recipient, then `NoRecipients`; if a passphrase is not the only one, then `MixedPassphrase`; if the
/// content is above 64 MiB, then `TooLarge`.
pub fn encrypt(plain: &SecretBytes, to: &[Recipient]) -> Result<Vec<u8>, BackupFileError> {
    if plain.expose().len() > MAX_BYTES {
        return Err(BackupFileError::TooLarge);
    }
    let encryptor = match to {
        [] => return Err(BackupFileError::NoRecipients),
        [Recipient(RecipientKind::Passphrase(passphrase))] => {
            let mut recipient = scrypt::Recipient::new(for_age(passphrase));
            recipient.set_work_factor(WORK_FACTOR);
            Encryptor::with_recipients(std::iter::once(&recipient as _))
        }
        many => {
            let keys: Option<Vec<&dyn age::Recipient>> = many.iter().map(Recipient::key).collect();
            Encryptor::with_recipients(keys.ok_or(BackupFileError::MixedPassphrase)?.into_iter())
        }
    };
    let encryptor = encryptor.map_err(|error| BackupFileError::Encrypt(io::Error::other(error)))?;
    let write = || {
        let mut file = Vec::with_capacity(plain.expose().len() + 4096);
        let mut writer = encryptor.wrap_output(&mut file)?;
        writer.write_all(plain.expose())?;
        writer.finish()?;
        Ok(file)
    };
    write().map_err(BackupFileError::Encrypt)
}

/// Decrypts a binary or armored age file with the first passphrase, or with whichever key fits.
///
/// # Errors
/// If the file is not of this format, then `NotAge` or `UnknownVersion`; if it needs what was not given, then
/// `NeedsPassphrase` or `NeedsIdentity`; if what was given does not fit, then `WrongPassphrase` or
/// `NoMatchingIdentity`; if it is too large or too costly, then `TooLarge` or `ExcessiveWork`; if any byte is not as
/// it was written, then `Damaged`.
pub fn decrypt(file: &[u8], with: &[Identity]) -> Result<SecretBytes, BackupFileError> {
    if file.len() > MAX_FILE_BYTES {
        return Err(BackupFileError::TooLarge);
    }
    if !is_age(file) {
        return Err(BackupFileError::NotAge);
    }
    check_header(file)?;
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(file)).map_err(|error| match error {
        DecryptError::UnknownFormat => BackupFileError::UnknownVersion,
        _ => BackupFileError::Damaged,
    })?;
    let by_passphrase = decryptor.is_scrypt();
    let passphrase = with.iter().find_map(|identity| match &identity.0 {
        IdentityKind::Passphrase(passphrase) if by_passphrase => {
            let mut key = scrypt::Identity::new(for_age(passphrase));
            key.set_max_work_factor(MAX_WORK_FACTOR);
            Some(key)
        }
        _ => None,
    });
    let keys: Vec<&dyn age::Identity> = match &passphrase {
        Some(passphrase) => vec![passphrase],
        None if by_passphrase => Vec::new(),
        None => with.iter().filter_map(Identity::key).collect(),
    };
    if keys.is_empty() {
        return Err(if by_passphrase { BackupFileError::NeedsPassphrase } else { BackupFileError::NeedsIdentity });
    }
    let mut reader = decryptor.decrypt(keys.into_iter()).map_err(|error| match error {
        DecryptError::DecryptionFailed if by_passphrase => BackupFileError::WrongPassphrase,
        DecryptError::NoMatchingKeys => BackupFileError::NoMatchingIdentity,
        DecryptError::ExcessiveWork { required, .. } => BackupFileError::ExcessiveWork { required },
        _ => BackupFileError::Damaged,
    })?;
    // Reserved in one piece: a buffer that grew would leave copies behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(file.len()));
    reader.read_to_end(&mut plain).map_err(|_| BackupFileError::Damaged)?;
    if plain.len() > MAX_BYTES {
        return Err(BackupFileError::TooLarge);
    }
    Ok(SecretBytes::from(std::mem::take(&mut *plain)))
}

/// Refuses a header of more recipients than any backup has: the work of reading it grows with their square.
fn check_header(file: &[u8]) -> Result<(), BackupFileError> {
    let mut head = Vec::with_capacity(MAX_HEADER_BYTES);
    let read = ArmoredReader::new(file).take(MAX_HEADER_BYTES as u64).read_to_end(&mut head);
    match read.is_ok() && head.windows(4).any(|window| window == b"\n---") {
        true => Ok(()),
        false => Err(BackupFileError::Damaged),
    }
}

fn is_age(file: &[u8]) -> bool {
    let file = file.trim_ascii_start();
    file.starts_with(b"age-encryption.org/") || file.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

/// Whether a number of an SSH public key is zero, written out (RFC 4251, section 5): age 0.12 panics at these.
fn has_zero_number(text: &str) -> bool {
    let encoded = text.split_whitespace().nth(1).unwrap_or_default();
    let key = STANDARD.decode(encoded).unwrap_or_default();
    let mut rest = key.as_slice();
    while let Some((length, after)) = rest.split_first_chunk() {
        let Some((field, after)) = after.split_at_checked(u32::from_be_bytes(*length) as usize) else { break };
        if !field.is_empty() && field.iter().all(|byte| *byte == 0) {
            return true;
        }
        rest = after;
    }
    false
}

fn for_age(passphrase: &SecretText) -> SecretString {
    SecretString::from(passphrase.expose().as_str())
}

impl fmt::Debug for Recipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.0 {
            RecipientKind::Passphrase(_) => "[secret]",
            RecipientKind::Key { text, .. } => text,
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &[u8] = b"the seeds of all devices";

    fn content() -> SecretBytes {
        SecretBytes::from(CONTENT.to_vec())
    }

    fn key_pair() -> (Recipient, Identity) {
        let key = x25519::Identity::generate();
        let recipient = key.to_public().to_string().parse().expect("a recipient");
        (recipient, Identity(IdentityKind::Key(Box::new(key))))
    }

    fn passphrase(text: &str) -> Identity {
        Identity::passphrase(text.into())
    }

    #[test]
    fn a_passphrase_opens_what_it_locked_and_no_other_does() {
        let file = encrypt(&content(), &[Recipient::passphrase("right".into())]).expect("encrypted");
        assert_eq!(decrypt(&file, &[passphrase("right")]).expect("decrypted").expose(), CONTENT);
        assert!(matches!(decrypt(&file, &[passphrase("wrong")]), Err(BackupFileError::WrongPassphrase)));
        let header = String::from_utf8_lossy(&file[..100]);
        assert!(header.contains(&format!(" {WORK_FACTOR}\n")), "{header}");
    }

    #[test]
    fn each_of_several_keys_opens_the_backup_and_a_stranger_does_not() {
        let ((first, one), (second, two), (_, stranger)) = (key_pair(), key_pair(), key_pair());
        let file = encrypt(&content(), &[first, second]).expect("encrypted");
        for keys in [vec![one], vec![stranger, two]] {
            assert_eq!(decrypt(&file, &keys).expect("decrypted").expose(), CONTENT);
        }
        assert!(matches!(decrypt(&file, &[key_pair().1]), Err(BackupFileError::NoMatchingIdentity)));
    }

    #[test]
    fn what_is_missing_is_named() {
        let (recipient, identity) = key_pair();
        let to_keys = encrypt(&content(), &[recipient]).expect("encrypted");
        assert!(matches!(decrypt(&to_keys, &[passphrase("x")]), Err(BackupFileError::NeedsIdentity)));
        let to_passphrase = encrypt(&content(), &[Recipient::passphrase("x".into())]).expect("encrypted");
        assert!(matches!(decrypt(&to_passphrase, &[identity]), Err(BackupFileError::NeedsPassphrase)));
    }

    #[test]
    fn a_passphrase_is_not_mixed_with_keys_and_nobody_is_not_a_recipient() {
        let mixed = [key_pair().0, Recipient::passphrase("x".into())];
        assert!(matches!(encrypt(&content(), &mixed), Err(BackupFileError::MixedPassphrase)));
        assert!(matches!(encrypt(&content(), &[]), Err(BackupFileError::NoRecipients)));
    }

    #[test]
    fn no_changed_byte_and_no_cut_goes_unnoticed() {
        let (recipient, identity) = key_pair();
        let file = encrypt(&content(), &[recipient]).expect("encrypted");
        let identities = [identity];
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(decrypt(&changed, &identities).is_err(), "byte {at}");
            assert!(decrypt(&file[..at], &identities).is_err(), "cut at {at}");
        }
        let last = file.len() - 1;
        let mut changed = file.clone();
        changed[last] ^= 1;
        assert!(matches!(decrypt(&changed, &identities), Err(BackupFileError::Damaged)));
        assert!(matches!(decrypt(&file[..last], &identities), Err(BackupFileError::Damaged)));
    }

    #[test]
    fn other_files_are_named_as_such() {
        for file in [&b""[..], b"PK\x03\x04", b"{\"version\": 1}"] {
            assert!(matches!(decrypt(file, &[passphrase("x")]), Err(BackupFileError::NotAge)));
        }
        let later = b"age-encryption.org/v2\n-> X25519 x\n--- x\n";
        assert!(matches!(decrypt(later, &[passphrase("x")]), Err(BackupFileError::UnknownVersion)));
    }

    #[test]
    fn a_file_that_asks_for_absurd_work_is_refused_at_once() {
        let file = format!(
            "age-encryption.org/v1\n-> scrypt {} 63\n{}\n--- {}\n{}",
            "A".repeat(22),
            "A".repeat(43),
            "A".repeat(43),
            "x".repeat(64)
        );
        assert!(matches!(
            decrypt(file.as_bytes(), &[passphrase("x")]),
            Err(BackupFileError::ExcessiveWork { required: 63 })
        ));
    }

    #[test]
    fn content_above_the_limit_is_refused() {
        let plain = SecretBytes::from(vec![0; MAX_BYTES + 1]);
        assert!(matches!(encrypt(&plain, &[key_pair().0]), Err(BackupFileError::TooLarge)));
    }

    #[test]
    fn a_header_of_more_recipients_than_anybody_has_is_refused_before_it_is_read() {
        let stanza = format!("-> X25519 {}\n{}\n", "a".repeat(43), "b".repeat(43));
        let file = format!("age-encryption.org/v1\n{}--- {}\n", stanza.repeat(60_000), "c".repeat(43));
        let key = Identity::passphrase("a passphrase".into());
        assert!(matches!(decrypt(file.as_bytes(), &[key]), Err(BackupFileError::Damaged)));
    }

    #[test]
    fn armored_files_are_read() {
        let key = x25519::Identity::generate();
        let armored = age::encrypt_and_armor(&key.to_public(), CONTENT).expect("encrypted");
        let identity = Identity(IdentityKind::Key(Box::new(key)));
        assert_eq!(decrypt(armored.as_bytes(), &[identity]).expect("decrypted").expose(), CONTENT);
    }

    #[test]
    fn a_recipient_that_is_none_is_named_unless_it_is_a_secret() {
        let refused = |text: &str| text.parse::<Recipient>().expect_err("refused").to_string();
        assert!(refused("age1nonsense").contains("`age1nonsense`"));
        assert!(refused("alice\x1b[31m").contains("`alice[31m`"));
        assert!(refused("ssh-ed25519 AAAA").contains("not an SSH public key"));
        // Two numbers of one zero byte.
        assert!(refused("ssh-rsa AAAAB3NzaC1yc2EAAAABAAAAAAEA").contains("not an SSH public key"));
        let secret = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ";
        assert!(!refused(secret).contains("1QQQ"));
        assert!(!refused(&secret.to_lowercase()).contains("1qqq"));
        assert!(!refused(&format!("# public key: age1\n{secret}")).contains("1QQQ"));
    }

    #[test]
    fn an_identity_file_is_read_line_by_line_and_never_repeated() {
        use age::secrecy::ExposeSecret;
        let key = x25519::Identity::generate();
        let secret = key.to_string();
        let file = format!("# created: today\r\n\n{}\r\n", secret.expose_secret());
        let identities = Identity::read_file(&file.into_bytes().into(), None).expect("identities");
        let recipient: Recipient = key.to_public().to_string().parse().expect("a recipient");
        let backup = encrypt(&content(), &[recipient]).expect("encrypted");
        assert_eq!(decrypt(&backup, &identities).expect("decrypted").expose(), CONTENT);

        let broken = format!("# a key\n{}X\n", secret.expose_secret());
        let error = Identity::read_file(&broken.into_bytes().into(), None).expect_err("refused");
        assert!(matches!(error, BackupFileError::InvalidIdentity { line: 2 }));
        assert!(matches!(
            Identity::read_file(&b"# nothing".to_vec().into(), None),
            Err(BackupFileError::InvalidIdentityFile)
        ));
    }

    #[test]
    fn an_identity_file_encrypted_with_a_passphrase_is_opened_by_it() {
        use age::secrecy::ExposeSecret;
        let key = x25519::Identity::generate();
        let plain = key.to_string().expose_secret().as_bytes().to_vec();
        let file: SecretBytes =
            encrypt(&plain.into(), &[Recipient::passphrase("right".into())]).expect("encrypted").into();
        assert_eq!(Identity::read_file(&file, Some(&"right".into())).expect("identities").len(), 1);
        assert!(matches!(Identity::read_file(&file, None), Err(BackupFileError::IdentityNeedsPassphrase)));
        let wrong = Identity::read_file(&file, Some(&"wrong".into()));
        assert!(matches!(wrong, Err(BackupFileError::WrongIdentityPassphrase)));
    }
}
