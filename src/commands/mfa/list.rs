//! `mfa list` and `mfa show`: what is known of the devices held here, without their seeds.

use crate::commands::{Context, Error, Outcome};

/// Lists all devices.
///
/// # Errors
/// If the index cannot be read, then `Vault`.
pub fn run(context: &Context<'_>) -> Result<Outcome, Error> {
    Ok(Outcome::Devices(context.vault.index()?.devices.into_iter().collect()))
}

/// Shows one device, found by its name or by its profile.
///
/// # Errors
/// As [`Context::device_name`].
pub fn show(context: &Context<'_>, name: &str) -> Result<Outcome, Error> {
    let name = context.device_name(name)?;
    match context.vault.index()?.devices.remove(&name) {
        Some(entry) => Ok(Outcome::Device(name, Box::new(entry))),
        None => Err(Error::NoDevice { name }),
    }
}
