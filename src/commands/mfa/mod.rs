//! The virtual MFA device: enable, resync, deactivate, replace; import, export; list, show, rename, remove; consent.

pub mod codes;
pub mod consent;
pub mod deactivate;
pub mod enable;
pub mod export;
pub mod import;
pub mod list;
pub mod policy;
mod prove;
pub mod qr;
pub mod remote;
pub mod remove;
pub mod rename;
pub mod replace;
pub mod resync;
mod retire;
mod target;

use crate::{
    commands::Error,
    mfa::{AuthenticationCode, CodeSettings, SerialNumber},
    profile::ProfileName,
    visible::is_unseen,
};

/// Which device at AWS, and with which keys.
pub struct AtAws {
    /// The device, a profile, or a serial number.
    pub name: String,
    /// The profile whose keys call, if not the device's.
    pub profile: Option<ProfileName>,
    /// The user who has the device, if not the caller.
    pub user_name: Option<String>,
    /// A code of a device that is not held here.
    pub mfa_code: Option<AuthenticationCode>,
}

/// The AWS CLI's command by which an administrator deletes a device that nobody has.
pub fn delete_command(serial_number: &SerialNumber) -> String {
    format!("aws iam delete-virtual-mfa-device --serial-number {serial_number}")
}

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
fn misfit(settings: CodeSettings, counter: Option<u64>) -> Option<String> {
    let aws = CodeSettings::AWS;
    match counter {
        Some(_) => Some("its codes are counted, and AWS takes only codes made of the time".to_owned()),
        None => (settings != aws).then(|| format!("its codes are made with {settings}, and AWS takes only {aws}")),
    }
}
