//! Several devices at once: shown as they would come in, confirmed, and stored as a whole or not at all.

use super::{
    Way,
    plan::{self, Planned, Standing},
    record, say_line, say_skipped,
};
use crate::{
    commands::{Context, Error},
    mfa::{interchange::Skipped, uri::OtpauthUri},
    vault::{Before, DeviceRecord},
};

/// Shows, asks and stores; says whether the vault has it all now.
pub(super) fn run(
    context: &Context<'_>,
    entries: Vec<OtpauthUri>,
    skipped: &[Skipped],
    provenance: &str,
    way: Way,
) -> Result<bool, Error> {
    let (mut planned, nameless) = plan::plan(entries, &held(context)?, super::partition(context, None)?);
    for one in &planned {
        let (word, why) = match one.standing {
            Standing::New => ("new", None),
            Standing::Same(why) => ("same", Some(why)),
            Standing::Conflict(why) => ("conflict", Some(why)),
        };
        let notes: Vec<String> = why.into_iter().map(str::to_owned).chain(one.notes.iter().cloned()).collect();
        say_line(context, word, &one.name, &notes);
    }
    say_skipped(context, skipped);
    say_skipped(context, &nameless);
    if planned.is_empty() {
        return Err(Error::NameNeeded);
    }
    planned.retain(|one| !matches!(one.standing, Standing::Same(_)));
    let conflicts = planned.iter().filter(|one| matches!(one.standing, Standing::Conflict(_)));
    let names: Vec<String> = conflicts.map(|one| one.name.clone()).collect();
    if planned.is_empty() {
        context.prompt.say("nothing to import: it is here already");
    } else if way.dry_run {
        context.prompt.say("nothing was changed: this was a dry run");
    } else if !names.is_empty() && !way.overwrite {
        return Err(Error::ImportConflict { names });
    } else {
        let replaced = if names.is_empty() { String::new() } else { format!(", replacing {}", names.len()) };
        let question = match planned.len() {
            1 => format!("Import it{replaced}?"),
            count => format!("Import {count} devices{replaced}?"),
        };
        context.confirm(way.confirmed, &question, "--yes")?;
        store(context, &planned, provenance)?;
        context.prompt.say(&format!("stored {} from {provenance}", planned.len()));
    }
    Ok(!way.dry_run)
}

/// The devices that are here, with their seeds.
fn held(context: &Context<'_>) -> Result<Vec<DeviceRecord>, Error> {
    let index = context.vault.index()?;
    let mut held = Vec::with_capacity(index.devices.len());
    for name in index.devices.keys() {
        held.extend(context.vault.device(name)?);
    }
    Ok(held)
}

/// Stores all, or puts back what stood there before.
fn store(context: &Context<'_>, planned: &[Planned], provenance: &str) -> Result<(), Error> {
    let mut done: Vec<Before> = Vec::with_capacity(planned.len());
    let mut write = || -> Result<(), Error> {
        for one in planned {
            let before = context.vault.before(&one.name)?;
            if before.record().is_some() && one.standing == Standing::New {
                // It came while a person was asked.
                return Err(Error::ImportConflict { names: vec![one.name.clone()] });
            }
            let mut record = record(context, one.name.clone(), one.serial_number.clone(), one.uri.clone(), provenance);
            if let Some(there) = before.record() {
                // What is known of it stays known.
                record.profile = there.profile.clone();
                record.consent = there.consent;
                record.device.serial_number =
                    record.device.serial_number.or_else(|| there.device.serial_number.clone());
            }
            done.push(before);
            context.audit_device(&record.device, "imported")?;
            context.vault.store_device(&record)?;
        }
        Ok(())
    };
    let result = write();
    if result.is_err() {
        for before in done.iter().rev() {
            // The first error is the one to tell; a keystore or log that fails again changes nothing about it.
            let _ = context.vault.put_back(before);
        }
    }
    result
}
