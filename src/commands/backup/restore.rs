//! `backup restore`: brings the devices and keys of a backup into the vault, all or none.

use std::path::PathBuf;

use super::{Compared, Opening, Standing, compare, standing};
use crate::{
    commands::{Context, Error, Outcome},
    rfc3339,
    vault::{DeviceRecord, KeyRecord, Snapshot},
};

/// From where, and how.
pub struct Arguments {
    /// The backup.
    pub file: PathBuf,
    /// What opens it.
    pub opening: Opening,
    /// Whether what differs is replaced.
    pub overwrite: bool,
    /// Whether it was confirmed beforehand.
    pub confirmed: bool,
}

/// Shows what would come in, asks, and restores. The ledger of spent steps is not touched, so that no code goes out
/// twice.
///
/// # Errors
/// As [`super::verify::run`]; if something differs and is not to be replaced, then `RestoreConflict`; if nobody
/// confirms, then `Prompt` or `Declined`; if the keystore fails midway, then `Vault`, with everything put back.
pub fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Error> {
    let snapshot = context.open_backup(&arguments.file, &arguments.opening)?;
    let compared = compare(context, &snapshot)?;
    context.prompt.say(&format!("the backup was made {}", rfc3339::format(snapshot.created)));
    for line in &compared {
        let word = match line.standing {
            Standing::OnlyInBackup => "new",
            Standing::Same => "same",
            Standing::Different => "conflict",
            Standing::OnlyInVault => continue,
        };
        context.prompt.say(&format!("  {word:<9}{} {}", line.kind, line.name));
    }
    let conflicts: Vec<String> = names(&compared, Standing::Different);
    if !conflicts.is_empty() && !arguments.overwrite {
        return Err(Error::RestoreConflict { names: conflicts });
    }
    let coming = names(&compared, Standing::OnlyInBackup).len() + conflicts.len();
    if coming == 0 {
        context.prompt.say("nothing to restore: all of it is here");
        return Ok(Outcome::Done);
    }
    context.confirm(arguments.confirmed, &format!("Restore {coming} of them?"), "--yes")?;
    restore(context, snapshot, &compared, arguments.overwrite)?;
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

/// What stood in the vault before, to be put back if a later record fails.
enum Before {
    Device(String, Option<DeviceRecord>),
    Key(crate::profile::ProfileName, Option<KeyRecord>),
}

/// Refuses to replace what came to stand in the vault while a person was asked.
fn still(standing: Standing, overwrite: bool, kind: &str, name: &str) -> Result<(), Error> {
    match standing {
        Standing::Different if !overwrite => Err(Error::RestoreConflict { names: vec![format!("{kind} {name}")] }),
        _ => Ok(()),
    }
}

fn restore(context: &Context<'_>, snapshot: Snapshot, compared: &[Compared], overwrite: bool) -> Result<(), Error> {
    let wanted = |kind, name: &str| {
        compared.iter().any(|line| line.kind == kind && line.name == name && line.standing != Standing::Same)
    };
    let mut done = Vec::new();
    let mut write = || -> Result<(), Error> {
        for record in snapshot.devices.iter().filter(|record| wanted("device", &record.device.name)) {
            let name = record.device.name.clone();
            let held = context.vault.device(&name)?;
            still(standing(held.as_ref().map(|held| &held.device), &record.device), overwrite, "device", &name)?;
            done.push(Before::Device(name, held));
            context.vault.store_device(record)?;
        }
        for (profile, key) in snapshot.keys.iter().filter(|(profile, _)| wanted("key", profile.as_str())) {
            let held = context.vault.key(profile)?;
            let now = standing(held.as_ref().map(|held| &held.credentials), &key.credentials);
            still(now, overwrite, "key", profile.as_str())?;
            done.push(Before::Key(profile.clone(), held));
            context.vault.store_key(profile, key)?;
        }
        Ok(())
    };
    let result = write();
    if result.is_err() {
        for before in done.into_iter().rev() {
            // The first error is the one to tell; a keystore that fails again changes nothing about it.
            let _ = match before {
                Before::Device(_, Some(record)) => context.vault.store_device(&record),
                Before::Device(name, None) => context.vault.forget_device(&name).map(drop),
                Before::Key(profile, Some(key)) => context.vault.store_key(&profile, &key),
                Before::Key(profile, None) => context.vault.forget_key(&profile).map(drop),
            };
        }
    }
    result
}
