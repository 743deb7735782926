//! Which device at AWS a person means, and with which profile's keys AWS is asked about it.

use super::AtAws;
use crate::{
    arn::Arn,
    commands::{Context, Error, account::Account},
    mfa::SerialNumber,
    profile::ProfileName,
    vault::DeviceRecord,
};

/// A device that AWS knows; its seed need not be here.
pub(super) struct Target {
    pub(super) serial_number: SerialNumber,
    /// What it is called here, if it is.
    pub(super) name: Option<String>,
    /// Its seed and what goes with it; none also of a device that a run was killed while it forgot it.
    pub(super) record: Option<DeviceRecord>,
    /// The profile whose keys call.
    pub(super) profile: ProfileName,
}

impl Target {
    /// Finds what was named: a device held here, else a profile's, else one that only AWS has.
    ///
    /// # Errors
    /// If nothing here has the name, and it is no serial number, then as [`Context::device_name`]; if AWS does not know
    /// the device, then `NoSerialNumber`; if no profile is known whose keys could call, then `ProfileNeeded`.
    pub(super) fn find(context: &Context<'_>, device: &AtAws) -> Result<Self, Error> {
        let name = held_name(context, device)?;
        let index = context.vault.index()?;
        let entry = name.as_ref().and_then(|name| index.devices.get(name));
        let (serial_number, record) = match (&name, entry) {
            (Some(name), Some(entry)) => {
                let serial_number = entry.serial_number.clone();
                let serial_number = serial_number.ok_or_else(|| Error::NoSerialNumber { name: name.clone() })?;
                let record = context.vault.device_with_serial(&serial_number)?;
                (serial_number, record)
            }
            _ => (device.name.parse()?, None),
        };
        let of_record = entry.and_then(|entry| entry.profile.clone());
        let named = || device.name.parse().ok().filter(|name| index.keys.contains_key(name));
        let of_environment = || context.environment.profile.clone();
        let profile = match device.profile.clone().or(of_record).or_else(named).or_else(of_environment) {
            Some(profile) => profile,
            None => return Err(Error::ProfileNeeded { serial_number }),
        };
        Ok(Target { serial_number, name, record, profile })
    }
}

/// Refuses a device that is in another account than the keys: what AWS says there of it says nothing.
///
/// # Errors
/// If it is, then `OtherAccount`.
pub(super) fn check_account(account: &Account<'_>, serial_number: &SerialNumber) -> Result<(), Error> {
    let account_id = &account.identity.account_id;
    match serial_number.arn() {
        Some(Arn { account_id: its, .. }) if its != *account_id => Err(Error::OtherAccount {
            serial_number: serial_number.clone(),
            profile: account.profile.clone(),
            account_id: account_id.clone(),
        }),
        _ => Ok(()),
    }
}

/// The local name of what was named; none for a serial number of which nothing is here.
fn held_name(context: &Context<'_>, device: &AtAws) -> Result<Option<String>, Error> {
    let (name, index) = (&device.name, context.vault.index()?);
    if index.devices.contains_key(name) {
        return Ok(Some(name.clone()));
    }
    let serial_number = name.parse::<SerialNumber>();
    if let Ok(serial_number) = &serial_number
        && let Some(held) = index.device_with_serial(serial_number)
    {
        return Ok(Some(held.to_owned()));
    }
    if name.starts_with("arn:") {
        return Ok(None);
    }
    match context.device_name(name) {
        // A hardware token's number looks like any name, so more must say that it is one.
        Err(Error::NoDevice { .. }) if serial_number.is_ok() && device.profile.is_some() => Ok(None),
        found => found.map(Some),
    }
}
