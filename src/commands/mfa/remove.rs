//! `mfa remove`: forgets a device here. AWS is not told, and still demands its codes.

use crate::{
    commands::{Context, Error, Outcome},
    vault::{AuditEvent, DeviceEntry, ENROLMENT_LOCK, VaultError},
};

/// Removes the device and its seed from the vault.
///
/// # Errors
/// If there is none of the name, then `NoDevice`; if nobody confirms, then `Prompt` or `Declined`.
pub fn run(context: &Context<'_>, name: &str, confirmed: bool) -> Result<Outcome, Error> {
    // AWS may be about to demand it.
    let _lock = context.vault.lock(ENROLMENT_LOCK)?;
    let index = context.vault.index()?;
    let Some(entry) = index.devices.get(name) else { return Err(Error::NoDevice { name: name.to_owned() }) };
    context.confirm(confirmed, &question(name, entry), "--force")?;
    let serial_number = entry.serial_number.as_ref();
    // What is locked is found out before the log says that it is gone.
    if let Err(error @ VaultError::Keystore(_)) = context.vault.device(name) {
        return Err(error.into());
    }
    context.audit(&AuditEvent::DeviceChanged { device: name, serial_number, change: "removed" })?;
    context.vault.forget_device(name)?;
    context.prompt.say(&format!("forgot the device `{name}`"));
    if let Some(serial_number) = entry.serial_number.as_ref().filter(|_| !entry.deactivated) {
        context.prompt.say(&format!("AWS still demands {serial_number}"));
    }
    Ok(Outcome::Done)
}

fn question(name: &str, entry: &DeviceEntry) -> String {
    let Some(serial_number) = &entry.serial_number else {
        return format!("Forget the seed of `{name}`? Whoever demands its codes still does.");
    };
    let means = match (entry.deactivated, entry.backed_up) {
        (true, _) => "It was deactivated: AWS does not demand its codes, and without the seed nobody enables it again.",
        (false, None) => {
            "AWS still demands this device's codes; without a backup of the seed only an administrator can help."
        }
        (false, Some(_)) => "AWS still demands this device's codes; its seed will be in your backup only.",
    };
    format!("Forget the seed of `{name}` ({serial_number})? {means}")
}
