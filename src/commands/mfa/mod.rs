//! The virtual MFA device: enable, import, list, show, codes, qr, export, remove.

pub mod codes;
pub mod enable;
pub mod export;
pub mod import;
pub mod list;
pub mod qr;
pub mod remote;
pub mod remove;

use crate::{commands::Error, mfa::CodeSettings, visible::is_unseen};

/// Refuses a local name that would deceive a reader or break a line.
fn checked_name(name: &str) -> Result<(), Error> {
    let reason = match name.chars().count() {
        0 => Some("it is empty"),
        1..=128 if name.chars().any(is_unseen) => Some("it has a control, invisible or direction-changing character"),
        1..=128 if name.trim() != name => Some("it begins or ends with a space"),
        1..=128 if name.starts_with('-') => Some("it begins with a dash, as options do"),
        1..=128 => None,
        _ => Some("it has more than 128 characters"),
    };
    match reason {
        Some(reason) => Err(Error::RecordName { name: name.chars().take(128).collect(), reason }),
        None => Ok(()),
    }
}

/// What is wrong with a device that AWS should take codes of; nothing if it fits.
fn misfit(settings: CodeSettings) -> Option<String> {
    (settings != CodeSettings::AWS)
        .then(|| format!("its codes are made with {settings}, and AWS takes only {}", CodeSettings::AWS))
}
