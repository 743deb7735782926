//! `mfa rename`: another local name. AWS is not told: there, a device keeps its name for life.

use super::checked_name;
use crate::{
    commands::{Context, Error, Outcome},
    vault::ENROLMENT_LOCK,
};

/// Gives a device another local name; ends what a run that was killed had begun.
///
/// # Errors
/// If there is none of the name, then `NoDevice`; if the new name would deceive a reader, then `RecordName`; if another
/// device has it, then `NameTaken`.
pub fn run(context: &Context<'_>, name: &str, new_name: &str) -> Result<Outcome, Error> {
    checked_name(new_name)?;
    let _lock = context.vault.lock(ENROLMENT_LOCK)?;
    if name == new_name && context.vault.index()?.devices.contains_key(name) {
        context.prompt.say(&format!("`{name}` has this name already"));
        return Ok(Outcome::Done);
    }
    if let Some(mut renamed) = context.vault.device(name)? {
        renamed.device.name = new_name.to_owned();
        if context.vault.device(new_name)?.is_some_and(|there| there != renamed) {
            return Err(Error::NameTaken { name: new_name.to_owned() });
        }
        context.audit_device(&renamed.device, &format!("renamed from {name}"))?;
    }
    if !context.vault.rename_device(name, new_name)? {
        return Err(Error::NoDevice { name: name.to_owned() });
    }
    context.prompt.say(&format!("`{name}` is now `{new_name}`"));
    Ok(Outcome::Done)
}
