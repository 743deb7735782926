//! What comes after AWS demands the device: what is known of it here, the config line, the proof, the journal's end.

use super::{Ceremony, serial_of};
use crate::{
    aws::EnabledDevice,
    commands::{Error, mfa::prove::Proof},
    mfa::SerialNumber,
    vault::DeviceRecord,
    visible::shell_word,
};

impl Ceremony<'_> {
    /// `devices` are those that the user had before.
    pub(super) fn finish(&self, record: DeviceRecord, devices: &[EnabledDevice]) -> Result<DeviceRecord, Error> {
        let record = self.noted_as_enabled(record)?;
        let serial_number = serial_of(&record)?;
        if !self.account.is_own() {
            self.end_unless_replacing()?;
            self.say_what_the_user_does(&record, serial_number);
            return Ok(record);
        }
        let other = self.other_in_config(serial_number, devices)?;
        let line = if other.is_some() { None } else { Some(serial_number) };
        self.context.add_to_config(self.account.profile, line)?;
        let how = match self.account.prove(&record)? {
            Proof::Obtained => "proved it",
            Proof::Remembered => "a session that it proved still holds",
        };
        self.end_unless_replacing()?;
        self.say(&match other {
            None => format!("{how}: `mfavault exec {} -- COMMAND` now carries MFA", self.account.profile),
            Some(other) => format!("{how}; mfa_serial of `{}` stays {other}", self.account.profile),
        });
        Ok(record)
    }

    /// AWS demands it, so it is not deactivated; and it is the profile's user's.
    fn noted_as_enabled(&self, mut record: DeviceRecord) -> Result<DeviceRecord, Error> {
        let before = (record.deactivated, record.profile.clone());
        record.deactivated = false;
        if self.account.is_own() && record.profile.is_none() {
            record.profile = Some(self.account.profile.clone());
        }
        if before != (record.deactivated, record.profile.clone()) {
            self.context.vault.store_device(&record)?;
        }
        Ok(record)
    }

    /// Another device that the config names and that does as well: enabled, its seed here, and there to stay.
    fn other_in_config(
        &self,
        serial_number: &SerialNumber,
        devices: &[EnabledDevice],
    ) -> Result<Option<SerialNumber>, Error> {
        let configured = self.context.mfa_serial(self.account.profile)?;
        let index = self.context.vault.index()?;
        Ok(configured.filter(|configured| {
            configured != serial_number
                && Some(configured) != self.arguments.beside.as_ref()
                && devices.iter().any(|device| device.serial_number == *configured)
                && index.device_with_serial(configured).is_some()
        }))
    }

    /// Whoever replaces a device is not done before the old one is retired.
    fn end_unless_replacing(&self) -> Result<(), Error> {
        match self.begun_in_account()? {
            Some(enrolment) if enrolment.replaces.is_none() => {
                Ok(self.context.vault.end_enrolment(self.account.profile)?)
            }
            _ => Ok(()),
        }
    }

    fn say_what_the_user_does(&self, record: &DeviceRecord, serial_number: &SerialNumber) {
        let (user_name, name) = (&self.account.user_name, &record.device.name);
        self.say(&format!("{user_name} has {serial_number}; only {user_name}'s own key can prove it"));
        self.say(&format!(
            "next, let {user_name} take the seed in from `mfavault mfa qr {name}` and run `mfavault mfa enable` with that \
             key; then forget it here with `mfavault mfa remove {name}`", name = shell_word(name)));
    }
}
