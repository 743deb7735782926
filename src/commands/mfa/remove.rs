//! `mfa remove`: forgets a device here. AWS is not told, and still demands its codes.

use crate::commands::{Context, Error, Outcome};

/// Removes the device and its seed from the vault.
///
/// # Errors
/// If there is none of the name, then `NoDevice`; if nobody confirms, then `Prompt` or `Declined`.
pub fn run(context: &Context<'_>, name: &str, confirmed: bool) -> Result<Outcome, Error> {
    let index = context.vault.index()?;
    let Some(entry) = index.devices.get(name) else { return Err(Error::NoDevice { name: name.to_owned() }) };
    let serial = entry.serial_number.as_ref().map_or("no serial number", |serial| serial.as_str());
    let question = format!(
        "Forget the seed of `{name}` ({serial})? AWS still demands this device's codes; without a backup of the seed \
         only an administrator can help."
    );
    context.confirm(confirmed, &question, "--force")?;
    context.vault.forget_device(name)?;
    context.prompt.say(&format!("forgot the device `{name}`"));
    Ok(Outcome::Done)
}
