//! The device's creation: under which name, at AWS and here, and the seed in the vault before anything else is done.

use std::cell::OnceCell;

use super::{Ceremony, DeviceName, FAULT_PAUSE, PROVENANCE, may_have_been_obeyed};
use crate::{
    aws::{AwsError, CreatedDevice, EnabledDevice},
    commands::Error,
    mfa::{CodeSettings, SerialNumber, VirtualMfaDevice, uri::AWS_ISSUER},
    vault::{DeviceRecord, Enrolment},
};

impl Ceremony<'_> {
    /// What the device is to be called at AWS.
    pub(super) fn wanted_name(&self) -> Result<DeviceName, Error> {
        DeviceName::parse(self.arguments.name.as_deref().unwrap_or(&self.account.user_name))
    }

    /// Creates the device under the wanted name, or a fresh one like it; the seed is in the vault when this returns.
    pub(super) fn create(&self, wanted: &DeviceName, devices: &[EnabledDevice]) -> Result<DeviceRecord, Error> {
        let identity = &self.account.identity;
        let unassigned = OnceCell::new();
        for name in wanted.alike() {
            let serial_number = name.serial_number(identity)?;
            let is_enabled = devices.iter().any(|device| device.serial_number == serial_number);
            if is_enabled || self.context.vault.device_with_serial(&serial_number)?.is_some() {
                // Somebody's, or of another time: what is held here was looked at before.
                continue;
            }
            // All that can fail without AWS does so before AWS makes a seed that is then in no other place.
            let local_name = self.free_local_name(name.name(), &identity.account_id)?;
            // Its place in the keystore is empty, and the keystore there.
            self.context.vault.device(&local_name)?;
            let enrolment = Enrolment {
                serial_number: serial_number.clone(),
                user_name: self.account.user_name.clone(),
                replaces: self.arguments.beside.clone(),
                takes_name: None,
            };
            self.context.vault.begin_enrolment(self.account.profile, enrolment)?;
            match self.create_at_aws(&name, &serial_number) {
                Ok(created) => {
                    self.say(&format!("created {}", created.serial_number));
                    let device = VirtualMfaDevice {
                        name: local_name,
                        account: format!("{}@{}", created.serial_number.device_name(), identity.account_id),
                        serial_number: Some(created.serial_number),
                        issuer: Some(AWS_ISSUER.to_owned()),
                        seed: created.seed,
                        settings: CodeSettings::AWS,
                        counter: None,
                    };
                    return self.store(device);
                }
                Err(AwsError::AlreadyExists { .. }) => {
                    // Perhaps made by a run that was killed before it stored the seed, perhaps by somebody else: a
                    // device whose seed is not here is never deleted.
                    let of_nobody = unassigned.get_or_init(|| self.unassigned_at_aws()).contains(&serial_number);
                    self.say(&match of_nobody {
                        true => format!(
                            "{serial_number} is at AWS already, an orphan of nobody; taking another name (an administrator \
                             deletes it with `aws iam delete-virtual-mfa-device --serial-number {serial_number}`)"
                        ),
                        false => {
                            format!("{serial_number} is at AWS already, without its seed here; taking another name")
                        }
                    });
                }
                Err(error) => {
                    if !may_have_been_obeyed(&error) {
                        self.context.vault.end_enrolment(self.account.profile)?;
                    }
                    return Err(error.into());
                }
            }
        }
        self.context.vault.end_enrolment(self.account.profile)?;
        Err(Error::NamesTaken { name: wanted.to_string() })
    }

    /// CreateVirtualMFADevice; once more, if AWS failed and has no such device, for then no seed was made.
    fn create_at_aws(&self, name: &DeviceName, serial_number: &SerialNumber) -> Result<CreatedDevice, AwsError> {
        let (account, aws) = (self.account, self.context.aws);
        let create = || aws.create_virtual_mfa_device(account.caller(), &name.to_string());
        let made = create();
        let is_unclear =
            |error: &AwsError| may_have_been_obeyed(error) && !matches!(error, AwsError::AlreadyExists { .. });
        if !made.as_ref().is_err_and(is_unclear) {
            return made;
        }
        account.pause("AWS has a moment to recover", FAULT_PAUSE);
        match aws.list_virtual_mfa_devices(account.caller()) {
            Ok(devices) if devices.iter().all(|device| device.serial_number != *serial_number) => create(),
            _ => made,
        }
    }

    /// The account's virtual devices that nobody has; none if AWS does not tell.
    pub(super) fn unassigned_at_aws(&self) -> Vec<SerialNumber> {
        let listed = self.context.aws.list_virtual_mfa_devices(self.account.caller()).unwrap_or_default();
        listed.into_iter().filter(|device| device.owner.is_none()).map(|device| device.serial_number).collect()
    }

    /// The device's own name; in a vault that has another device of that name, with the account, and at last a number.
    fn free_local_name(&self, name: &str, account_id: &str) -> Result<String, Error> {
        let taken = self.context.vault.index()?.devices;
        let mut free = name.to_owned();
        let mut count = 0;
        while taken.contains_key(&free) {
            count += 1;
            free = match count {
                1 => format!("{name}@{account_id}"),
                _ => format!("{name}@{account_id}-{count}"),
            };
        }
        Ok(free)
    }

    fn store(&self, device: VirtualMfaDevice) -> Result<DeviceRecord, Error> {
        let profile = self.account.is_own().then(|| self.account.profile.clone());
        let record = DeviceRecord::new(device, profile, PROVENANCE, self.context.clock.now());
        if let Err(error) = self.context.vault.store_device(&record) {
            self.undo(&record);
            return Err(error.into());
        }
        self.context.audit_device(&record.device, "created")?;
        self.say(&format!(
            "stored its seed in the keystore `{}` and read it back",
            self.context.vault.seed_keystore_name()
        ));
        Ok(record)
    }
}
