//! `remove`: forgets a profile's key and everything made with it.

use super::{Context, Error, Outcome};
use crate::profile::ProfileName;

/// Removes the key of a profile and its sessions. AWS is not told.
///
/// # Errors
/// If there is no key of the profile, then `NoKey`; if nobody confirms, then `Prompt` or `Declined`.
pub fn run(context: &Context<'_>, profile: &ProfileName, confirmed: bool) -> Result<Outcome, Error> {
    let index = context.vault.index()?;
    let Some(entry) = index.keys.get(profile) else { return Err(Error::NoKey { profile: profile.clone() }) };
    let question = format!(
        "Forget the access key {} of `{profile}` and its sessions? It stays valid at AWS.",
        entry.masked_access_key_id
    );
    context.confirm(confirmed, &question, "--force")?;
    let sessions = context.vault.forget_sessions(Some(profile), context.clock.now())?;
    context.vault.forget_key(profile)?;
    context.prompt.say(&format!("forgot the key of `{profile}` and {sessions} of its sessions"));
    Ok(Outcome::Done)
}
