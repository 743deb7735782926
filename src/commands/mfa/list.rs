//! `mfa list` and `mfa show`: what is known of the devices held here, without their seeds.

use crate::commands::{Context, Error, Outcome};

/// Lists all devices.
///
/// # Errors
/// If the index cannot be read, then `Vault`.
pub fn run(context: &Context<'_>) -> Result<Outcome, Error> {
    let devices = context.vault.index()?.devices;
    let (of_keys, of_seeds) = (context.vault.keystore_name(), context.vault.seed_keystore_name());
    let together: Vec<&str> = devices
        .iter()
        .filter(|(_, entry)| of_keys != of_seeds && entry.keystore == of_keys)
        .map(|(name, _)| name.as_str())
        .collect();
    if !together.is_empty() {
        context.prompt.say(&format!(
            "warning: seeds are to be apart from the keys, and these are still in the keystore `{of_keys}` with them: {}; \
             `mfavault keystore move --to {of_seeds} --seeds` takes them over",
            together.join(", ")
        ));
    }
    Ok(Outcome::Devices(devices.into_iter().collect()))
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
