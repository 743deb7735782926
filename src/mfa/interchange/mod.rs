//! Devices in the files of other authenticators: read, checked and taken apart, never trusted.
//!
//! A file says how much work and memory its password costs, how deep it nests and how long its parts are. All of that is
//! held to a limit before it is done. What is read is either entries that make the same codes as there, or a reason for
//! each that was left out; nothing is guessed, and nothing of a secret is in an error.

mod aegis;
mod andotp;
mod bitwarden;
mod cotp;
mod ente;
mod entry;
mod field;
mod freeotp;
mod google;
mod keepassxc;
mod otpauth;
mod pass;
mod protobuf;
mod proton;
mod sealed;
mod secretstream;
mod two_fas;

use std::fmt;

use thiserror::Error;

pub use google::{GoogleExport, to_google};

use super::uri::OtpauthUri;
use crate::secret::{SecretBytes, SecretText};

/// The largest file that is looked at.
pub const MOST_BYTES: usize = 16 << 20;
/// More entries than any person has.
const MOST_ENTRIES: usize = 10_000;

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text, one `otpauth://` URI a line.
    Otpauth,
    /// Google Authenticator: `otpauth-migration://`, as text or as pictures of QR codes.
    Google,
    /// Aegis: JSON, plain or with a password.
    Aegis,
    /// 2FAS: JSON, plain or with a password.
    TwoFas,
    /// andOTP: JSON, or binary with a password.
    AndOtp,
    /// FreeOTP and FreeOTP+: JSON, or Java-serialised with a password.
    FreeOtp,
    /// Bitwarden: JSON or CSV, plain or with a password.
    Bitwarden,
    /// KeePassXC: CSV, or XML of KeePass.
    KeepassXc,
    /// Ente Auth: text, or JSON with a password.
    Ente,
    /// Proton Authenticator: JSON, plain or with a password.
    Proton,
    /// cotp: JSON with a password.
    Cotp,
    /// `pass` and `gopass`: the decrypted text of an entry.
    Pass,
}

/// What was in the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// What makes codes.
    pub entries: Vec<OtpauthUri>,
    /// What does not, or not of a kind known here.
    pub skipped: Vec<Skipped>,
}

/// An entry that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// What the file calls it, without unseen characters.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Why nothing of a file was read. No content is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InterchangeError {
    /// Another kind of file, or a damaged one.
    #[error("this is no export of {format}: {reason}")]
    NotThisFormat {
        /// Whose it was said to be.
        format: Format,
        /// What does not hold.
        reason: String,
    },
    /// More files than one export has.
    #[error("an export of {format} is one file, and {count} were given")]
    SeveralFiles {
        /// Whose it was said to be.
        format: Format,
        /// How many.
        count: usize,
    },
    /// It is encrypted, and no password was given.
    #[error("the export is encrypted with a password")]
    NeedsPassword,
    /// The formats tell these two no further apart.
    #[error("the password is wrong, or the export is damaged")]
    WrongPassword,
    /// Only the account that wrote it can open it.
    #[error("the export can be opened only by the account that made it")]
    AccountRestricted,
    /// Work that no honest writer asks for.
    #[error("the export asks for too much work: {what}")]
    TooCostly {
        /// Which parameter, and how much.
        what: String,
    },
    /// Above 16 MiB, or with more than 10,000 entries.
    #[error("the export is too large: {what}")]
    TooLarge {
        /// Of what there is too much.
        what: &'static str,
    },
    /// Google's export comes in several pictures, and not all are there.
    #[error("the export has {parts} QR codes, and number {missing} is missing")]
    Incomplete {
        /// How many there are.
        parts: u32,
        /// Which one is missing, counted from 1.
        missing: u32,
    },
}

/// Reads the files of one export, usually one; a password is looked at only if they are encrypted.
///
/// # Errors
/// As [`InterchangeError`] says; then nothing was read.
pub fn read(
    format: Format,
    files: &[SecretBytes],
    password: Option<&SecretText>,
) -> Result<Imported, InterchangeError> {
    if files.iter().any(|file| file.expose().len() > MOST_BYTES) {
        return Err(InterchangeError::TooLarge { what: "a file above 16 MiB" });
    }
    let file = match files {
        [file] => file,
        [first, ..] if format == Format::Google => first,
        _ => return Err(InterchangeError::SeveralFiles { format, count: files.len() }),
    };
    bounded(match format {
        Format::Google => google::read(files)?,
        Format::Otpauth => otpauth::read(file)?,
        Format::Aegis => aegis::read(file, password)?,
        Format::TwoFas => two_fas::read(file, password)?,
        Format::AndOtp => andotp::read(file, password)?,
        Format::FreeOtp => freeotp::read(file, password)?,
        Format::Bitwarden => bitwarden::read(file, password)?,
        Format::KeepassXc => keepassxc::read(file)?,
        Format::Ente => ente::read(file, password)?,
        Format::Proton => proton::read(file, password)?,
        Format::Cotp => cotp::read(file, password)?,
        Format::Pass => pass::read(file)?,
    })
}

fn bounded(imported: Imported) -> Result<Imported, InterchangeError> {
    match imported.is_too_large() {
        true => Err(InterchangeError::TooLarge { what: "more than 10,000 entries" }),
        false => Ok(imported),
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Format::Otpauth => "otpauth URIs",
            Format::Google => "Google Authenticator",
            Format::Aegis => "Aegis",
            Format::TwoFas => "2FAS",
            Format::AndOtp => "andOTP",
            Format::FreeOtp => "FreeOTP",
            Format::Bitwarden => "Bitwarden",
            Format::KeepassXc => "KeePassXC",
            Format::Ente => "Ente Auth",
            Format::Proton => "Proton Authenticator",
            Format::Cotp => "cotp",
            Format::Pass => "pass",
        })
    }
}
