//! Taking back what AWS refused: the device at AWS first, then its seed, and only what this enrolment made itself.

use std::time::Duration;

use super::{Ceremony, PROVENANCE, serial_of};
use crate::{aws::AwsError, commands::Error, mfa::SerialNumber, vault::DeviceRecord};

/// After this long IAM knows a device that it made; until then "no such entity" may be untrue.
const IAM_KNOWS: Duration = Duration::from_secs(60);

impl Ceremony<'_> {
    /// Takes back what AWS refused: the device first, if AWS lets us, and only then its seed.
    pub(super) fn undo(&self, record: &DeviceRecord) {
        let Ok(serial_number) = serial_of(record) else { return };
        if !self.is_ours(record) {
            self.say(&format!("{serial_number} was not begun here: its seed is kept, and AWS is told nothing"));
            return;
        }
        match self.context.aws.delete_virtual_mfa_device(self.account.caller(), serial_number) {
            Ok(()) | Err(AwsError::NoSuchEntity { .. }) => self.forget(record, "was deleted again"),
            Err(error) => {
                let next = match self.context.vault.device(&record.device.name) {
                    Ok(Some(_)) => "its seed is kept, and the next run goes on with it",
                    _ => "its seed could not be stored, so the next run takes another name",
                };
                self.say(&format!("{serial_number} stays at AWS, not enabled ({error}); {next}"));
            }
        }
    }

    /// Takes back what was begun under this serial number, if anything came of it, for a user who is gone.
    pub(super) fn undo_begun(&self, serial_number: &SerialNumber) -> Result<(), Error> {
        match self.context.vault.device_with_serial(serial_number)? {
            Some(record) => self.undo(&record),
            None => self.context.vault.end_enrolment(self.account.profile)?,
        }
        Ok(())
    }

    /// What comes of a device of which IAM said twice that there is none. One that was made just now may still turn up,
    /// and must not do so without its seed.
    pub(super) fn undo_missing(&self, record: &DeviceRecord, error: AwsError) -> Error {
        let serial_number = match serial_of(record) {
            Ok(serial_number) => serial_number.clone(),
            Err(error) => return error,
        };
        if !self.is_ours(record) {
            return Error::NotAtAws { name: record.device.name.clone(), serial_number };
        }
        let age = self.context.clock.now().duration_since(record.added).unwrap_or_default();
        match self.context.aws.delete_virtual_mfa_device(self.account.caller(), &serial_number) {
            Ok(()) => self.forget(record, "was deleted again"),
            // Who may not delete hears nothing else of a device that is not there.
            Err(AwsError::NoSuchEntity { .. } | AwsError::AccessDenied { .. }) if age >= IAM_KNOWS => {
                self.forget(record, "is not at AWS any more; forgot its seed");
            }
            Err(_) => {
                self.say(&format!("IAM does not know {serial_number} yet; its seed is kept, and the next run goes on"));
            }
        }
        error.into()
    }

    /// Whether the journal says that this very device was begun for the profile, and its seed is the one made then.
    fn is_ours(&self, record: &DeviceRecord) -> bool {
        let begun = self.begun().ok().flatten().map(|enrolment| enrolment.serial_number);
        begun.is_some() && begun == record.device.serial_number && record.provenance == PROVENANCE
    }

    /// Forgets a device that AWS does not have, its picture, and that it was begun.
    fn forget(&self, record: &DeviceRecord, what: &str) {
        if let Err(error) = self.context.audit_device(&record.device, "undone") {
            // What went wrong before is the error to tell, and a useless seed had better go.
            self.say(&format!("warning: the audit log cannot be written: {error}"));
        }
        let forgotten = self.context.vault.forget_device(&record.device.name).is_ok();
        if let (true, Ok(serial_number)) = (forgotten, serial_of(record))
            && self.context.vault.end_enrolment(self.account.profile).is_ok()
        {
            self.say(&format!("{serial_number} {what}"));
        }
        if forgotten {
            self.remove_picture(record);
        }
    }
}
