//! `remove`: forgets a profile's key and everything made with it.

use super::{
    Context, Error, Outcome,
    rotate::{self, RotateError},
};
use crate::{
    profile::ProfileName,
    vault::{AuditEvent, VaultError},
};

/// Removes the key of a profile and its sessions. AWS is not told.
///
/// # Errors
/// If there is no key of the profile, then `NoKey`; if it is being replaced, then `UnderWay`; if nobody confirms, then `Prompt` or `Declined`.
pub fn run(context: &Context<'_>, profile: &ProfileName, confirmed: bool) -> Result<Outcome, Error> {
    // Else the key that the question names may be another one by the answer.
    let _lock = rotate::lock(context)?;
    let index = context.vault.index()?;
    let Some(entry) = index.keys.get(profile) else { return Err(Error::NoKey { profile: profile.clone() }) };
    let rotation = index.rotations.get(profile);
    if rotation.is_some_and(|rotation| !rotation.only_deletion) {
        return Err(RotateError::UnderWay { profile: profile.clone() }.into());
    }
    let question = format!(
        "Forget the access key {} of `{profile}` and its sessions? It stays valid at AWS.",
        entry.masked_access_key_id
    );
    context.confirm(confirmed, &question, "--force")?;
    let access_key_id = entry.masked_access_key_id.clone();
    if let Some(rotation) = rotation {
        // Before the key: it must not come back from there.
        context.vault.end_rotation(profile)?;
        context.prompt.say(&format!("the key before it, {}, stays at AWS, inactive", rotation.masked_old));
    }
    // What is locked is found out before the log says that it is gone.
    if let Err(error @ VaultError::Keystore(_)) = context.vault.key(profile) {
        return Err(error.into());
    }
    context.audit(&AuditEvent::KeyChanged { profile, access_key_id, change: "removed" })?;
    let sessions = context.vault.forget_sessions(Some(profile), context.clock.now())?;
    context.vault.forget_key(profile)?;
    context.prompt.say(&format!("forgot the key of `{profile}` and {sessions} of its sessions"));
    Ok(Outcome::Done)
}
