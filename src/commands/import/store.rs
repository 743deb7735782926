//! AWS is asked whose the keys are, and those that it knows are stored as a whole or not at all.

use super::{
    HowToTakeIn,
    plan::{Planned, Standing},
    say_line,
};
use crate::{
    commands::{Context, Error, add, rotate},
    profile::ProfileName,
    vault::{AuditEvent, KeyRecord},
};

/// Those that AWS knows, or all of them unchecked. One dead key does not keep the others out: it is said, and stays
/// where it is.
pub(super) fn checked(context: &Context<'_>, planned: Vec<Planned>, how: &HowToTakeIn) -> Result<Vec<Planned>, Error> {
    if !how.verify {
        return Ok(planned);
    }
    let (mut known, mut refusal) = (Vec::with_capacity(planned.len()), None);
    for mut one in planned {
        if one.standing != Standing::Same {
            match add::whose(context, &one.profile, &one.credentials) {
                Ok(identity) => {
                    let whose = format!("account {}, {}", identity.account_id, identity.arn);
                    say_line(context, "accepted", one.profile.as_str(), &[whose]);
                    one.account_id = Some(identity.account_id);
                }
                Err(error @ Error::KeyRefused { .. }) => {
                    let reason = format!("{error}; it does not come in");
                    say_line(context, "refused", one.profile.as_str(), &[reason]);
                    refusal = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        known.push(one);
    }
    match refusal {
        Some(error) if known.iter().all(|one| one.standing == Standing::Same) => Err(error),
        _ => Ok(known),
    }
}

/// Stores all that are not here, each read back, or puts back what stood there before.
pub(super) fn all(context: &Context<'_>, planned: &[Planned]) -> Result<(), Error> {
    // What is put back must not be a key that was replaced meanwhile.
    let _lock = rotate::lock(context)?;
    let new: Vec<&Planned> = planned.iter().filter(|one| one.standing != Standing::Same).collect();
    let there = context.vault.keys(new.iter().map(|one| &one.profile))?;
    let came = new.iter().zip(there).filter(|(one, there)| there.is_some() && one.standing == Standing::New);
    // They came while a person was asked.
    let came: Vec<ProfileName> = came.map(|(one, _)| one.profile.clone()).collect();
    if !came.is_empty() {
        return Err(Error::KeyConflict { profiles: came });
    }
    let now = context.clock.now();
    let events = new.iter().map(|one| {
        let access_key_id = one.credentials.access_key_id.masked();
        AuditEvent::KeyChanged { profile: &one.profile, access_key_id, change: "imported" }
    });
    context.vault.audit_all(now, &events.collect::<Vec<_>>())?;
    let records = new.iter().map(|one| {
        let (credentials, account_id) = (one.credentials.clone(), one.account_id.clone());
        (one.profile.clone(), KeyRecord { created: None, credentials, account_id, added: now })
    });
    context.vault.store_keys(&records.collect::<Vec<_>>())?;
    let keystore = context.vault.keystore_name();
    context.prompt.say(&match new.len() {
        1 => format!("stored 1 key in the keystore `{keystore}`"),
        count => format!("stored {count} keys in the keystore `{keystore}`"),
    });
    Ok(())
}
