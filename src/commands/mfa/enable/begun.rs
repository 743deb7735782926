//! What there is to go on with: of an earlier run that did not end well, and of what is held and enabled already.

use super::{Ceremony, Progress, name::DeviceName, serial_of};
use crate::{
    aws::{AwsError, EnabledDevice},
    commands::Error,
    mfa::SerialNumber,
    profile::ProfileName,
    vault::{DeviceRecord, Enrolment},
};

/// An enrolment that was begun and not finished, as it takes to name the command that goes on with it.
#[derive(Debug)]
pub struct Begun {
    /// With whose keys.
    pub profile: ProfileName,
    /// The new device.
    pub serial_number: SerialNumber,
    /// Whose it will be, if not the caller's.
    pub user_name: Option<String>,
    /// What the replaced device is called, if it replaces one.
    pub replaces: Option<String>,
}

impl Ceremony<'_> {
    /// What the journal says was begun for the profile.
    pub(super) fn begun(&self) -> Result<Option<Enrolment>, Error> {
        Ok(self.context.vault.index()?.enrolments.remove(self.account.profile))
    }

    /// An error that leaves something for the next run says so.
    pub(super) fn unfinished(&self, error: Error) -> Error {
        let begun = match self.begun_in_account() {
            Ok(Some(enrolment)) if self.is_this(&enrolment) => self.told(&enrolment).ok(),
            _ => None,
        };
        match begun {
            Some(begun) => Error::EnrolmentUnfinished { begun: Box::new(begun), source: Box::new(error) },
            None => error,
        }
    }

    /// Whether it is what this run is about, under whatever name.
    fn is_this(&self, enrolment: &Enrolment) -> bool {
        enrolment.user_name == self.account.user_name && enrolment.replaces == self.arguments.beside
    }

    fn told(&self, enrolment: &Enrolment) -> Result<Begun, Error> {
        let index = self.context.vault.index()?;
        let caller = &self.account.identity.arn;
        let is_own = caller.resource.starts_with("user/") && enrolment.user_name == caller.resource_name();
        // The old device may be gone from here already.
        let called = |old: &SerialNumber| {
            let name = [old, &enrolment.serial_number].into_iter().find_map(|serial| index.device_with_serial(serial));
            name.unwrap_or(old.as_str()).to_owned()
        };
        Ok(Begun {
            profile: self.account.profile.clone(),
            serial_number: enrolment.serial_number.clone(),
            user_name: (!is_own).then(|| enrolment.user_name.clone()),
            replaces: enrolment.replaces.as_ref().map(called),
        })
    }

    /// The user's devices. A user who is gone gets none: what was begun for him is undone.
    pub(super) fn devices_or_undo(&self) -> Result<Vec<EnabledDevice>, Error> {
        match self.account.devices() {
            Err(Error::Aws(error @ AwsError::NoSuchEntity { .. })) => {
                if let Some(enrolment) =
                    self.begun_in_account()?.filter(|begun| begun.user_name == self.account.user_name)
                {
                    self.undo_begun(&enrolment.serial_number)?;
                }
                Err(error.into())
            }
            devices => devices,
        }
    }

    /// What was begun with the profile in this account. The profile's key may have become one of another account, where
    /// a user of the same name has nothing begun.
    pub(super) fn begun_in_account(&self) -> Result<Option<Enrolment>, Error> {
        Ok(self.begun()?.filter(|enrolment| self.is_of_account(&enrolment.serial_number)))
    }

    /// How far the enrolment got that the journal knows of; nothing if there is none, or no seed came of it.
    pub(super) fn begun_progress(&self, devices: &[EnabledDevice]) -> Result<Option<Progress>, Error> {
        let Some(enrolment) = self.begun_in_account()? else { return Ok(None) };
        let vault = self.context.vault;
        let serial_number = &enrolment.serial_number;
        let Some(record) = vault.device_with_serial(serial_number)? else {
            if let Some(name) = vault.index()?.device_with_serial(serial_number) {
                // Named in the index by a run that was killed before the seed was written: nothing is there.
                vault.forget_device(name)?;
            }
            return Ok(None);
        };
        match self.is_this(&enrolment) {
            true => Ok(Some(self.held(record, devices))),
            false => {
                let (begun, name) = (Box::new(self.told(&enrolment)?), record.device.name);
                Err(Error::EnrolmentBegun { begun, name })
            }
        }
    }

    /// Whether a device is the one that was asked for, or one under a fresh name like it; without a name asked for, any.
    pub(super) fn is_asked_for(&self, record: &DeviceRecord, wanted: &DeviceName) -> bool {
        let identity = &self.account.identity;
        let has = |name: DeviceName| record.device.serial_number == name.serial_number(identity).ok();
        self.arguments.name.is_none() || wanted.alike().any(has)
    }

    /// What is to be done for what is asked for, if nothing was begun.
    pub(super) fn progress(&self, devices: &[EnabledDevice], wanted: DeviceName) -> Result<Progress, Error> {
        let serial_number = wanted.serial_number(&self.account.identity)?;
        if self.arguments.beside.is_some() {
            // What is held already does not stand for a new device.
            return Ok(Progress::Fresh(wanted));
        }
        let of_the_name = self.context.vault.device_with_serial(&serial_number)?;
        let held_already = match of_the_name {
            // Asked for by its name: one like it that is enabled does not stand for it.
            Some(record) if self.arguments.name.is_some() => Some(record),
            of_the_name => match self.held_and_enabled(devices, &wanted)?.or(of_the_name) {
                Some(record) => Some(record),
                None => self.held_and_unassigned(devices)?,
            },
        };
        let Some(record) = held_already else { return Ok(Progress::Fresh(wanted)) };
        let progress = self.held(record, devices);
        if let Progress::SeedStored(record) = &progress {
            self.refuse_anothers(serial_of(record)?)?;
        }
        Ok(progress)
    }

    /// Before a code is waited for, and one of the other user's spent.
    fn refuse_anothers(&self, serial_number: &SerialNumber) -> Result<(), Error> {
        let listed = self.context.aws.list_virtual_mfa_devices(self.account.caller()).unwrap_or_default();
        let owner = listed.into_iter().find(|device| device.serial_number == *serial_number).and_then(|it| it.owner);
        match owner.is_some_and(|owner| owner.resource_name() != self.account.user_name) {
            true => Err(self.in_use(serial_number)),
            false => Ok(()),
        }
    }

    pub(super) fn in_use(&self, serial_number: &SerialNumber) -> Error {
        let user_name = self.account.user_name.clone();
        Error::DeviceInUse { serial_number: serial_number.clone(), user_name }
    }

    /// A device of the user whose seed is here: of the asked name, or one like it; without a name asked for, the
    /// configured one, else any.
    fn held_and_enabled(&self, devices: &[EnabledDevice], wanted: &DeviceName) -> Result<Option<DeviceRecord>, Error> {
        let enabled =
            |serial_number: &SerialNumber| devices.iter().any(|device| device.serial_number == *serial_number);
        let candidates: Vec<SerialNumber> = match &self.arguments.name {
            Some(_) => wanted
                .alike()
                .filter_map(|name| name.serial_number(&self.account.identity).ok())
                .filter(enabled)
                .collect(),
            None => {
                let configured = match self.account.is_own() {
                    true => self.context.mfa_serial(self.account.profile)?.filter(enabled),
                    false => None,
                };
                configured.into_iter().chain(devices.iter().map(|device| device.serial_number.clone())).collect()
            }
        };
        for serial_number in candidates {
            if let Some(record) = self.context.vault.device_with_serial(&serial_number)? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Without a name asked for: the only device held here of the profile's user that AWS does not demand, if it was
    /// deactivated and not deleted.
    fn held_and_unassigned(&self, devices: &[EnabledDevice]) -> Result<Option<DeviceRecord>, Error> {
        if self.arguments.name.is_some() || !self.account.is_own() {
            return Ok(None);
        }
        let index = self.context.vault.index()?;
        let mut held = index.devices.iter().filter(|(_, entry)| {
            entry.profile.as_ref() == Some(self.account.profile)
                && entry.serial_number.as_ref().is_some_and(|serial_number| {
                    let is_enabled = devices.iter().any(|device| device.serial_number == *serial_number);
                    !is_enabled && self.is_of_account(serial_number)
                })
        });
        let (Some((name, entry)), None) = (held.next(), held.next()) else { return Ok(None) };
        let is_there = || entry.serial_number.as_ref().is_some_and(|serial| self.unassigned_at_aws().contains(serial));
        match entry.deactivated || is_there() {
            true => Ok(self.context.vault.device(name)?),
            false => Ok(None),
        }
    }

    fn is_of_account(&self, serial_number: &SerialNumber) -> bool {
        serial_number.arn().is_some_and(|arn| arn.account_id == self.account.identity.account_id)
    }

    fn held(&self, record: DeviceRecord, devices: &[EnabledDevice]) -> Progress {
        let serial_number = record.device.serial_number.as_ref();
        let is_enabled = devices.iter().any(|device| Some(&device.serial_number) == serial_number);
        let shown = serial_number.map_or("the device", SerialNumber::as_str);
        self.say(&match is_enabled {
            true => format!("{shown} is enabled already; going on from there"),
            false => format!("the seed of {shown} is here already; going on from there"),
        });
        if is_enabled { Progress::Enabled(record) } else { Progress::SeedStored(record) }
    }
}
