//! The keystore's records against the index, and what was begun and not ended.

use super::{Area, Fact, Finding};
use crate::{
    commands::{Context, Error, list},
    keystore::{KeystoreError, RecordName},
    vault::{ENROLMENT_LOCK, Index, ROTATION_LOCK, Rotation, VaultError},
};

/// More records than a person has are not read one by one: each may be a decryption of its own.
const MOST_READ: usize = 500;

/// Compares keystore and index, and reads the keys and devices.
///
/// # Errors
/// If a person who is asked for the passphrase interrupts, then `Vault`.
pub(super) fn check(context: &Context<'_>, fix: bool) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    if let Err(error @ VaultError::Damaged { .. }) = context.vault.index() {
        let mended = fix && set_aside(context)?;
        findings.push(Finding { area: Area::Keystore, fact: Fact::IndexDamaged(error), mended });
        if !mended {
            return Ok(findings);
        }
    }
    match compare(context, fix) {
        Ok(found) => findings.extend(found),
        Err(error) => findings.push(Finding::of(Area::Keystore)(of_keystore(error)?)),
    }
    findings.extend(unfinished(context));
    if let Ok(names) = list::not_backed_up(context)
        && !names.is_empty()
    {
        findings.push(Finding::of(Area::Devices)(Fact::NotBackedUp { names }));
    }
    Ok(findings)
}

/// What was begun and not ended; what another command is about at this moment is no fault.
fn unfinished(context: &Context<'_>) -> Vec<Finding> {
    let vault = context.vault;
    let held = || [ENROLMENT_LOCK, ROTATION_LOCK].map(|lock| vault.is_locked(lock));
    let before = held();
    let index = vault.index().unwrap_or_default();
    let after = held();
    let [enrolling, rotating] = [0, 1].map(|lock| before[lock] || after[lock]);
    let enrolments = index.enrolments.into_iter().map(|(profile, enrolment)| {
        Finding::of(Area::Devices)(match enrolling {
            true => Fact::UnderWay { what: "enrolment", profile },
            false => Fact::UnfinishedEnrolment { profile, serial_number: enrolment.serial_number },
        })
    });
    let rotations = index.rotations.into_iter().map(|(profile, Rotation { masked_old, only_deletion, .. })| {
        Finding::of(Area::Keys)(match rotating {
            true => Fact::UnderWay { what: "rotation", profile },
            false => Fact::UnfinishedRotation { profile, masked_old, only_deletion },
        })
    });
    enrolments.chain(rotations).collect()
}

fn set_aside(context: &Context<'_>) -> Result<bool, Error> {
    for path in context.vault.set_damaged_indexes_aside(context.clock.now())? {
        context.prompt.say(&format!("the damaged index is {} now", path.display()));
    }
    Ok(true)
}

fn compare(context: &Context<'_>, fix: bool) -> Result<Vec<Finding>, VaultError> {
    let vault = context.vault;
    let mut suspected = vault.census()?;
    // Of a keystore that cannot list what it has, this tells what is missing.
    let (gone, damaged): (Vec<_>, Vec<_>) =
        read_all(context, &vault.index()?)?.into_iter().partition(|(_, error)| error.is_none());
    let damaged = damaged.into_iter().filter_map(|(_, error)| error);
    let mut findings: Vec<Finding> =
        damaged.map(|error| Finding::of(Area::Keystore)(Fact::Fails(Error::Vault(error)))).collect();
    suspected.ghosts.extend(gone.into_iter().map(|(record, _)| record));
    let census = vault.confirm(suspected)?;
    for record in &census.unnamed {
        let entered = if fix { Some(vault.enter(record)?) } else { None };
        // It was named, or went, meanwhile.
        if entered != Some(false) {
            let fact = Fact::Unnamed { kind: kind(record), name: record.name().to_owned() };
            findings.push(Finding { area: Area::Keystore, fact, mended: fix });
        }
    }
    if !census.strays.is_empty() {
        let mended = fix && vault.forget_strays(&census.strays).is_ok();
        let fact = Fact::Strays { count: census.strays.len() };
        findings.push(Finding { area: Area::Keystore, fact, mended });
    }
    let index = vault.index()?;
    let count = index.keys.len() + index.devices.len();
    let missing = census.ghosts.iter().filter(|record| ["key", "device"].contains(&record.kind())).count();
    if count > 0 && missing == count {
        // That is another keystore of the same name rather, and this index all that is known of the right one.
        findings.push(Finding::of(Area::Keystore)(Fact::HasNone { keystore: vault.keystore_name(), count }));
        return Ok(findings);
    }
    for record in census.ghosts {
        let struck_out = if fix { strike_out(context, &record)? } else { None };
        // It came meanwhile.
        if struck_out != Some(false) {
            let fact = Fact::Ghost { kind: kind(&record), name: record.name().to_owned() };
            findings.push(Finding { area: Area::Keystore, fact, mended: struck_out == Some(true) });
        }
    }
    Ok(findings)
}

/// The keys and devices that are damaged, and those that are not there.
fn read_all(context: &Context<'_>, index: &Index) -> Result<Vec<(RecordName, Option<VaultError>)>, VaultError> {
    let mut found = Vec::new();
    let mut see = |record: RecordName, read: Result<bool, VaultError>| {
        match read {
            Ok(true) => {}
            Ok(false) => found.push((record, None)),
            Err(error @ VaultError::Damaged { .. }) => found.push((record, Some(error))),
            // A keystore that does not open for one opens for none.
            Err(error) => return Err(error),
        }
        Ok(())
    };
    for profile in index.keys.keys().take(MOST_READ) {
        see(RecordName::new("key", profile.as_str()), context.vault.key(profile).map(|key| key.is_some()))?;
    }
    for name in index.devices.keys().take(MOST_READ) {
        see(RecordName::new("device", name), context.vault.device(name).map(|device| device.is_some()))?;
    }
    Ok(found)
}

/// Strikes out what is still not there; none if that is not done here.
fn strike_out(context: &Context<'_>, record: &RecordName) -> Result<Option<bool>, VaultError> {
    match (record.kind(), record.name().parse()) {
        ("key", Ok(profile)) => context.vault.strike_out_key(&profile).map(Some),
        ("device", _) => context.vault.strike_out_device(record.name()).map(Some),
        // Sessions end by themselves, and what is under way is ended by the command that began it.
        _ => Ok(None),
    }
}

fn kind(record: &RecordName) -> &'static str {
    match record.kind() {
        "key" => "access key",
        "rotation" => "rotation",
        "session" => "session",
        "sign-in" => "sign-in",
        kind => kind,
    }
}

/// What it means that the keystore did not do it.
fn of_keystore(error: VaultError) -> Result<Fact, Error> {
    match error {
        VaultError::Keystore(KeystoreError::Interrupted) => Err(error.into()),
        VaultError::Keystore(KeystoreError::Locked { .. }) => Ok(Fact::NotOpened(error.into())),
        error => Ok(Fact::Fails(Error::Vault(error))),
    }
}
