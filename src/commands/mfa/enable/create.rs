//! The device's creation: under which name, at AWS and here, and the seed in the vault before anything else is done.

use super::{Ceremony, PROVENANCE, may_have_been_obeyed};
use crate::{
    arn::Arn,
    aws::{AwsError, CallerIdentity},
    commands::Error,
    mfa::{CodeSettings, SerialNumber, VirtualMfaDevice, uri::AWS_ISSUER},
    vault::{DeviceRecord, Enrolment},
};

/// How many names are tried when the wanted one is taken.
const NAME_TRIES: usize = 8;

impl Ceremony<'_> {
    /// Creates the device under the wanted name, or a fresh one like it; the seed is in the vault when this returns.
    pub(super) fn create(&self, identity: &CallerIdentity, user_name: &str) -> Result<DeviceRecord, Error> {
        let wanted = self.wanted_name(user_name);
        for attempt in 1..=NAME_TRIES {
            let name = if attempt == 1 { wanted.to_owned() } else { format!("{wanted}-{attempt}") };
            let serial_number = serial_number(identity, &name)?;
            if self.context.vault.device_with_serial(&serial_number)?.is_some() {
                // Somebody's, or of another time: what is held here was looked at before.
                continue;
            }
            // All that can fail without AWS does so before AWS makes a seed that is then in no other place.
            let local_name = self.free_local_name(&name, &identity.account_id)?;
            let enrolment = Enrolment { serial_number: serial_number.clone(), user_name: user_name.to_owned() };
            self.context.vault.begin_enrolment(&self.arguments.profile, enrolment)?;
            match self.context.aws.create_virtual_mfa_device(self.caller(), &name) {
                Ok(created) => {
                    self.say(&format!("created {}", created.serial_number));
                    let device = VirtualMfaDevice {
                        name: local_name,
                        account: format!("{}@{}", created.serial_number.device_name(), identity.account_id),
                        serial_number: Some(created.serial_number),
                        issuer: Some(AWS_ISSUER.to_owned()),
                        seed: created.seed,
                        settings: CodeSettings::AWS,
                    };
                    return self.store(device);
                }
                Err(AwsError::AlreadyExists { .. }) => {
                    // Perhaps made by a run that was killed before it stored the seed, perhaps by somebody else: a
                    // device whose seed is not here is never deleted.
                    self.say(&format!("{serial_number} is at AWS already, without its seed here; taking another name"));
                }
                Err(error) => {
                    if !may_have_been_obeyed(&error) {
                        self.context.vault.end_enrolment(&self.arguments.profile)?;
                    }
                    return Err(error.into());
                }
            }
        }
        self.context.vault.end_enrolment(&self.arguments.profile)?;
        Err(Error::NamesTaken { name: wanted.to_owned() })
    }

    /// What the device is to be called at AWS.
    pub(super) fn wanted_name<'n>(&'n self, user_name: &'n str) -> &'n str {
        self.arguments.name.as_deref().unwrap_or(user_name)
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
        let record = DeviceRecord {
            device,
            profile: self.arguments.user_name.is_none().then(|| self.arguments.profile.clone()),
            provenance: PROVENANCE.to_owned(),
            added: self.context.clock.now(),
        };
        if let Err(error) = self.context.vault.store_device(&record) {
            self.undo(&record);
            return Err(error.into());
        }
        self.say(&format!("stored its seed in the keystore `{}` and read it back", self.context.vault.keystore_name()));
        Ok(record)
    }
}

/// The serial number a new device of this name will have, in the caller's own partition and account.
pub(super) fn serial_number(identity: &CallerIdentity, name: &str) -> Result<SerialNumber, Error> {
    let arn = Arn {
        partition: identity.arn.partition.clone(),
        service: "iam".to_owned(),
        region: String::new(),
        account_id: identity.account_id.clone(),
        resource: format!("mfa/{name}"),
    };
    let valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
    match arn.to_string().parse() {
        Ok(serial_number) if valid => Ok(serial_number),
        _ => Err(Error::DeviceName { name: name.to_owned() }),
    }
}
