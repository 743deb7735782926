//! The end of a device: AWS demands it no more, forgets it, and so does this vault. Each step is read off what AWS and
//! the vault have, so that a second run ends what a first one began; the seed goes last.

use crate::commands::account::{Account, FAULT_PAUSE, may_have_been_obeyed};
use crate::{
    aws::{AwsError, EnabledDevice},
    commands::Error,
    mfa::SerialNumber,
    profile::{FileKind, ProfileName, SectionName},
    shared_config,
    vault::{AuditEvent, DeviceRecord},
};

/// How a device stands at AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// AWS demands it of the user.
    Enabled,
    /// AWS has it, and demands it of nobody.
    Unassigned,
    /// AWS does not have it.
    Gone,
}

/// A device of the account's user that is to go.
pub(super) struct Retirement<'a> {
    account: &'a Account<'a>,
    serial_number: &'a SerialNumber,
    /// All that the user has at the beginning.
    devices: Vec<EnabledDevice>,
    standing: Standing,
    /// Whether a code of a device that is not held here was given.
    has_code: bool,
}

impl<'a> Retirement<'a> {
    /// Asks AWS how the device stands.
    ///
    /// # Errors
    /// If it is another user's, or might be, then `NotOfUser`; else as ListMFADevices and ListVirtualMFADevices.
    pub(super) fn find(
        account: &'a Account<'a>,
        serial_number: &'a SerialNumber,
        has_code: bool,
    ) -> Result<Self, Error> {
        let devices = account.devices()?;
        let is_enabled = devices.iter().any(|device| device.serial_number == *serial_number);
        let standing = if is_enabled { Standing::Enabled } else { standing_in_account(account, serial_number)? };
        Ok(Retirement { account, serial_number, devices, standing, has_code })
    }

    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether the user has no other device.
    pub(super) fn is_last(&self) -> bool {
        self.standing == Standing::Enabled && self.devices.len() == 1
    }

    /// Another device of the user whose seed is here.
    ///
    /// # Errors
    /// If the index cannot be read, then `Vault`.
    pub(super) fn heir(&self) -> Result<Option<SerialNumber>, Error> {
        let index = self.account.context.vault.index()?;
        let is_held = |serial_number: &&SerialNumber| index.device_with_serial(serial_number).is_some();
        Ok(self.others().map(|device| &device.serial_number).find(is_held).cloned())
    }

    /// Has AWS demand it no more, and writes that down: in its record, and in the AWS config, whose lines name the heir
    /// from now on, or nothing.
    ///
    /// # Errors
    /// If AWS wants MFA that is not to be had, then as [`Account::show_any_mfa`]; if it refuses, then `Aws`.
    pub(super) fn deactivate(&self, heir: Option<&SerialNumber>) -> Result<(), Error> {
        let (user_name, serial_number) = (&self.account.user_name, self.serial_number);
        if self.standing == Standing::Enabled {
            self.show_mfa()?;
            self.deactivate_at_aws()?;
            self.audit("deactivated")?;
            self.account.say(&format!("AWS does not demand {serial_number} of {user_name} any more"));
        } else {
            self.account.say(&format!("AWS does not demand {serial_number} of {user_name}"));
        }
        let vault = self.account.context.vault;
        if let Some(mut record) = vault.device_with_serial(serial_number)?
            && !record.deactivated
        {
            record.deactivated = true;
            vault.store_device(&record)?;
        }
        self.change_config(heir)
    }

    /// Has AWS forget it, and then this vault. What it spent of its codes stays known.
    ///
    /// # Errors
    /// If AWS does not let the caller delete it, then `NotDeleted`, and the seed stays; if it fails, then `Aws`.
    pub(super) fn delete(&self) -> Result<(), Error> {
        if self.standing != Standing::Gone {
            self.delete_at_aws()?;
            self.audit("deleted")?;
            self.account.say(&format!("deleted {} at AWS", self.serial_number));
        }
        let vault = self.account.context.vault;
        for name in vault.index()?.names_with_serial(self.serial_number) {
            let serial_number = Some(self.serial_number);
            let event = AuditEvent::DeviceChanged { device: name, serial_number, change: "removed" };
            self.account.context.audit(&event)?;
            vault.forget_device(name)?;
            self.account.say(&format!("forgot the seed of `{name}`"));
        }
        Ok(())
    }

    /// What AWS did; a device that is not held here goes by its name there.
    fn audit(&self, change: &str) -> Result<(), Error> {
        let context = self.account.context;
        let (index, serial_number) = (context.vault.index()?, self.serial_number);
        let device = index.device_with_serial(serial_number).unwrap_or_else(|| serial_number.device_name());
        context.audit(&AuditEvent::DeviceChanged { device, serial_number: Some(serial_number), change })
    }

    fn others(&self) -> impl Iterator<Item = &EnabledDevice> {
        self.devices.iter().filter(|device| device.serial_number != *self.serial_number)
    }

    /// The device that goes shows MFA itself only where no other one can by its seed.
    fn show_mfa(&self) -> Result<(), Error> {
        let index = self.account.context.vault.index()?;
        let is_held = |device: &&EnabledDevice| index.device_with_serial(&device.serial_number).is_some();
        let held: Vec<_> = self.others().filter(is_held).cloned().collect();
        let any = if held.is_empty() || self.has_code { &self.devices } else { &held };
        self.account.show_any_mfa(any, None)
    }

    /// DeactivateMFADevice. If the answer was lost, ListMFADevices tells.
    fn deactivate_at_aws(&self) -> Result<(), Error> {
        let (account, aws) = (self.account, self.account.context.aws);
        let mut again = false;
        loop {
            let asked = aws.deactivate_mfa_device(account.caller(), &account.user_name, self.serial_number);
            let Err(error) = asked else { return Ok(()) };
            let may_be_done = may_have_been_obeyed(&error) || matches!(error, AwsError::NoSuchEntity { .. });
            if !may_be_done {
                return Err(error.into());
            }
            if account.devices()?.iter().all(|device| device.serial_number != *self.serial_number) {
                return Ok(());
            }
            if again {
                return Err(error.into());
            }
            account.pause("AWS has a moment to recover", FAULT_PAUSE);
            again = true;
        }
    }

    /// DeleteVirtualMFADevice. If the answer was lost, asking again tells; if it is denied, perhaps MFA helps.
    fn delete_at_aws(&self) -> Result<(), Error> {
        let (account, aws) = (self.account, self.account.context.aws);
        let (mut again, mut with_mfa) = (false, false);
        loop {
            match aws.delete_virtual_mfa_device(account.caller(), self.serial_number) {
                Ok(()) | Err(AwsError::NoSuchEntity { .. }) => return Ok(()),
                Err(AwsError::AccessDenied { .. }) if !with_mfa && self.may_show_mfa_now()? => with_mfa = true,
                Err(error @ AwsError::AccessDenied { .. }) => return self.denied(error),
                Err(error) if again || !may_have_been_obeyed(&error) => return Err(error.into()),
                Err(_) => {
                    account.pause("AWS has a moment to recover", FAULT_PAUSE);
                    again = true;
                }
            }
        }
    }

    /// Shows MFA after the device was deactivated: with another one, or with the session that it gave before.
    fn may_show_mfa_now(&self) -> Result<bool, Error> {
        let others: Vec<_> = self.others().filter(|device| device.serial_number.gives_codes()).cloned().collect();
        match others.is_empty() {
            true => self.account.show_remembered_mfa(self.serial_number),
            false => self.account.show_any_mfa(&others, None).map(|()| true),
        }
    }

    /// Who may not delete hears nothing else of a device that is not there.
    fn denied(&self, source: AwsError) -> Result<(), Error> {
        let account = self.account;
        match account.context.aws.list_virtual_mfa_devices(account.caller()) {
            Ok(devices) if devices.iter().all(|device| device.serial_number != *self.serial_number) => Ok(()),
            _ => Err(Error::NotDeleted { serial_number: self.serial_number.clone(), source }),
        }
    }

    /// Every line of the config that names the device is of no use any more, whichever profile's it is.
    fn change_config(&self, heir: Option<&SerialNumber>) -> Result<(), Error> {
        let file = &self.account.context.environment.aws_config_file;
        let is_it = |text: &str| text == self.serial_number.as_str();
        let lines = shared_config::edit(file, FileKind::Config, |text| {
            let profiles: Vec<ProfileName> = text.profile_names().cloned().collect();
            let mut lines = Vec::new();
            for (profile, key) in profiles.iter().flat_map(|profile| KEYS.map(|key| (profile, key))) {
                let section = SectionName::Profile(profile.clone());
                if text.entry(&section, key).is_some_and(|entry| is_it(&entry.value())) {
                    match heir {
                        Some(heir) => text.set(&section, key, heir.as_str())?,
                        None => drop(text.remove_key(&section, key)?),
                    }
                    let file = file.display();
                    lines.push(match heir {
                        Some(heir) => format!("wrote {heir} as {key} of `{profile}` to {file}"),
                        None => format!("removed {key} of `{profile}` from {file}"),
                    });
                }
            }
            Ok(lines)
        })?;
        lines.iter().for_each(|line| self.account.say(line));
        Ok(())
    }
}

/// As the AWS CLI and SDKs read it, and as it is hidden from them (`setup`).
const KEYS: [&str; 2] = ["mfa_serial", "mfavault_mfa_serial"];

/// How a device stands that the user does not have. Only virtual ones are listed without a user.
fn standing_in_account(account: &Account<'_>, serial_number: &SerialNumber) -> Result<Standing, Error> {
    let (vault, user_name) = (account.context.vault, &account.user_name);
    let not_of_user = |owner: Option<String>| Error::NotOfUser {
        serial_number: serial_number.clone(),
        user_name: user_name.clone(),
        owner,
    };
    if !serial_number.is_virtual() {
        return Err(not_of_user(None));
    }
    match account.context.aws.list_virtual_mfa_devices(account.caller()) {
        Ok(devices) => match devices.into_iter().find(|device| device.serial_number == *serial_number) {
            None => Ok(Standing::Gone),
            Some(device) => match device.owner {
                None => Ok(Standing::Unassigned),
                Some(owner) => Err(not_of_user(Some(owner.resource_name().to_owned()))),
            },
        },
        Err(AwsError::AccessDenied { .. }) => {
            let is_users = match vault.device_with_serial(serial_number)? {
                Some(record) => record.deactivated || account.is_own() && is_of_key(account, &record)?,
                None => false,
            };
            if is_users { Ok(Standing::Unassigned) } else { Err(not_of_user(None)) }
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a device is the profile's user's, as far as it can be known here: a key that was stored after it may be
/// another user's.
fn is_of_key(account: &Account<'_>, record: &DeviceRecord) -> Result<bool, Error> {
    let key = account.context.vault.index()?.keys.remove(account.profile);
    Ok(record.profile.as_ref() == Some(account.profile) && key.is_some_and(|key| key.added <= record.added))
}
