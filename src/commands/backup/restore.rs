//! `backup restore`: brings the devices and keys of a backup into the vault, all or none.

use std::path::PathBuf;

use super::{
    Compared, Opening, Standing, called,
    compare::{compare, next_counter, standing_of_device, standing_of_key},
    place_of,
};
use crate::{
    commands::{Context, Error, Outcome, rotate},
    profile::ProfileName,
    rfc3339,
    vault::{AuditEvent, Before, DeviceRecord, KeyRecord, Snapshot},
};

/// From where, and how.
pub struct Arguments {
    /// The backup, or enough of its shares.
    pub files: Vec<PathBuf>,
    /// What opens it.
    pub opening: Opening,
    /// Whether what differs is replaced.
    pub overwrite: bool,
    /// Whether it was confirmed beforehand.
    pub confirmed: bool,
}

/// Shows what would come in, warns of what is older than the vault, asks, and restores. The ledger of spent steps is not
/// touched, so that no code goes out twice.
///
/// # Errors
/// As [`super::verify::run`]; if something differs and is not to be replaced, then `RestoreConflict`; if nobody
/// confirms, then `Prompt` or `Declined`; if the keystore fails midway, then `Vault`, with everything put back.
pub fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Error> {
    let snapshot = context.open_backup(&arguments.files, &arguments.opening)?;
    let compared = compare(context, &snapshot)?;
    context.prompt.say(&format!("this is the backup {}", called(&place_of(&snapshot))));
    for line in &compared {
        let word = match line.standing {
            Standing::OnlyInBackup => "new",
            Standing::Same => "same",
            Standing::Different => "conflict",
            Standing::OnlyInVault => continue,
        };
        context.prompt.say(&format!("  {word:<9}{} {}", line.kind, line.name));
        line.remark().into_iter().for_each(|remark| context.prompt.say(&format!("           {remark}")));
    }
    warn_of_age(context, &snapshot, &compared)?;
    let conflicts: Vec<String> = names(&compared, Standing::Different);
    if !conflicts.is_empty() && !arguments.overwrite {
        return Err(Error::RestoreConflict { names: conflicts });
    }
    let coming = names(&compared, Standing::OnlyInBackup).len() + conflicts.len();
    let in_both = compared.iter().filter(|line| line.kind == "device" && line.standing != Standing::OnlyInVault);
    let in_both: Vec<&str> = in_both.map(Compared::name_here).collect();
    if coming == 0 {
        context.note_backup(in_both, &place_of(&snapshot));
        context.prompt.say("nothing to restore: all of it is here");
        return Ok(Outcome::Done);
    }
    let question = match conflicts.len() {
        0 => format!("Restore {coming} of them?"),
        replaced => format!("Restore {coming} of them, {replaced} of which replace what is here?"),
    };
    context.confirm(arguments.confirmed, &question, "--yes")?;
    // Keys that another run is replacing are not put back as they were before.
    let _lock = rotate::lock(context)?;
    restore(context, &snapshot, &compared, arguments.overwrite)?;
    context.note_backup(in_both, &place_of(&snapshot));
    context.prompt.say(&format!("restored {coming}"));
    Ok(Outcome::Done)
}

fn names(compared: &[Compared], standing: Standing) -> Vec<String> {
    compared
        .iter()
        .filter(|line| line.standing == standing)
        .map(|line| format!("{} {}", line.kind, line.name))
        .collect()
}

/// Says what is newer here than in the backup, with both dates: the last backup, and what would be replaced.
fn warn_of_age(context: &Context<'_>, snapshot: &Snapshot, compared: &[Compared]) -> Result<(), Error> {
    let index = context.vault.index()?;
    let this = place_of(snapshot);
    if let Some(last) = index.last_backup.as_ref().filter(|last| this.is_older_than(last)) {
        context.prompt.say(&format!(
            "warning: this backup is older than the last one of this vault: it is {}, the last one is {}",
            called(&this),
            called(last)
        ));
    }
    for line in compared.iter().filter(|line| line.standing == Standing::Different) {
        let added = match line.kind {
            "device" => index.devices.get(line.name_here()).map(|entry| entry.added),
            _ => line.name.parse().ok().and_then(|profile| index.keys.get(&profile)).map(|entry| entry.added),
        };
        if let Some(added) = added.filter(|added| *added > snapshot.created) {
            context.prompt.say(&format!(
                "warning: the {} {} here is newer than this backup: it was stored {}, the backup was made {}",
                line.kind,
                line.name,
                rfc3339::format(added),
                rfc3339::format(snapshot.created)
            ));
        }
    }
    Ok(())
}

/// What stood in the vault before, to be put back if a later record fails.
enum Replaced {
    Device(Before),
    Key(ProfileName, Option<KeyRecord>),
}

/// Refuses to replace what came to stand in the vault while a person was asked.
fn still(standing: Standing, overwrite: bool, kind: &str, name: &str) -> Result<(), Error> {
    match standing {
        Standing::Different if !overwrite => Err(Error::RestoreConflict { names: vec![format!("{kind} {name}")] }),
        _ => Ok(()),
    }
}

/// The record that takes the place of one: of the same seed, it does not forget what was decided here since, and a person
/// is not asked less than either of them says.
fn merged(context: &Context<'_>, held: &DeviceRecord, saved: &DeviceRecord) -> Result<DeviceRecord, Error> {
    let mut record = saved.clone();
    record.device.name.clone_from(&held.device.name);
    if held.device.seed == saved.device.seed {
        record.consent = [saved.consent, held.consent].into_iter().flatten().min_by_key(|consent| consent.remembered);
        record.deactivated = held.deactivated;
        if saved.device.counter.is_some() {
            record.device.counter = saved.device.counter.max(next_counter(context, held)?);
        }
    }
    Ok(record)
}

fn restore(context: &Context<'_>, snapshot: &Snapshot, compared: &[Compared], overwrite: bool) -> Result<(), Error> {
    let wanted = |kind: &'static str, name: &str| {
        let comes = |line: &&Compared| matches!(line.standing, Standing::OnlyInBackup | Standing::Different);
        compared.iter().find(|line| line.kind == kind && line.name == name && comes(line))
    };
    let mut done = Vec::new();
    let mut write = || -> Result<(), Error> {
        for saved in &snapshot.devices {
            let Some(line) = wanted("device", &saved.device.name) else { continue };
            let name = line.name_here().to_owned();
            let before = context.vault.before(&name)?;
            let record = match before.record() {
                Some(held) => {
                    still(standing_of_device(context, held, saved)?, overwrite, "device", &name)?;
                    merged(context, held, saved)?
                }
                None => saved.clone(),
            };
            done.push(Replaced::Device(before));
            context.audit_device(&record.device, "restored")?;
            context.vault.store_device(&record)?;
        }
        for (profile, key) in snapshot.keys.iter().filter(|(profile, _)| wanted("key", profile.as_str()).is_some()) {
            let held = context.vault.key(profile)?;
            still(standing_of_key(held.as_ref(), key), overwrite, "key", profile.as_str())?;
            done.push(Replaced::Key(profile.clone(), held));
            let access_key_id = key.credentials.access_key_id.masked();
            context.audit(&AuditEvent::KeyChanged { profile, access_key_id, change: "restored" })?;
            context.vault.store_key(profile, key)?;
        }
        Ok(())
    };
    let result = write();
    if result.is_err() {
        for replaced in done.into_iter().rev() {
            // The first error is the one to tell; a keystore that fails again changes nothing about it.
            let _ = match replaced {
                Replaced::Device(before) => context.vault.put_back(&before),
                Replaced::Key(profile, Some(key)) => context.vault.store_key(&profile, &key),
                Replaced::Key(profile, None) => context.vault.forget_key(&profile).map(drop),
            };
        }
    }
    result
}
