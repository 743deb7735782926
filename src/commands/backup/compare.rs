//! A backup beside the vault: what is in both, and whether it is alike.

use std::collections::HashSet;

use crate::{
    commands::{Context, Error},
    mfa::VirtualMfaDevice,
    vault::{DeviceEntry, DeviceRecord, Index, KeyRecord, Snapshot},
};

/// How one device or key of a backup stands to the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In both, alike.
    Same,
    /// Only in the backup.
    OnlyInBackup,
    /// Only in the vault.
    OnlyInVault,
    /// In both, but not alike.
    Different,
}

/// One device or key, compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// `device` or `key`.
    pub kind: &'static str,
    /// The device's name, or the key's profile; of what is in the backup, its name there.
    pub name: String,
    /// The device's serial number, if it has one.
    pub serial_number: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// The device's name in the vault, if it was renamed since.
    pub held_as: Option<String>,
    /// Of a counter-based device, how many codes were given out since the backup was made.
    pub codes_since: Option<u64>,
}

impl Compared {
    fn new(kind: &'static str, name: String, standing: Standing) -> Self {
        Compared { kind, name, serial_number: None, standing, held_as: None, codes_since: None }
    }

    /// Its name in the vault, now or once it is restored.
    pub(super) fn name_here(&self) -> &str {
        self.held_as.as_ref().unwrap_or(&self.name)
    }

    /// What is worth saying of it beside its standing.
    pub(super) fn remark(&self) -> Option<String> {
        let name = &self.name;
        let renamed = self.held_as.as_ref().map(|held| format!("{name} is called {held} here"));
        let counter = self.codes_since.map(|codes| match codes {
            1 => format!("one code of {name} was given out since; restoring does not go back behind it"),
            _ => format!("{codes} codes of {name} were given out since; restoring does not go back behind them"),
        });
        let remarks: Vec<String> = renamed.into_iter().chain(counter).collect();
        (!remarks.is_empty()).then(|| remarks.join("; "))
    }

    fn of_device(record: &DeviceRecord, standing: Standing) -> Self {
        let serial_number = record.device.serial_number.as_ref().map(ToString::to_string);
        Compared { serial_number, ..Compared::new("device", record.device.name.clone(), standing) }
    }
}

/// Everything of both sides, devices first, each by name; keys only if the backup is one with keys.
pub(super) fn compare(context: &Context<'_>, snapshot: &Snapshot) -> Result<Vec<Compared>, Error> {
    let index = context.vault.index()?;
    let mut seen = HashSet::new();
    let mut compared = Vec::new();
    for record in &snapshot.devices {
        let held = held(context, &index, snapshot, record)?;
        seen.insert(held.as_ref().unwrap_or(record).device.name.clone());
        compared.push(match held {
            Some(held) => compare_device(context, &held, record)?,
            None => Compared::of_device(record, Standing::OnlyInBackup),
        });
    }
    for (name, entry) in index.devices.iter().filter(|(name, _)| !seen.contains(*name)) {
        let serial_number = entry.serial_number.as_ref().map(ToString::to_string);
        compared.push(Compared { serial_number, ..Compared::new("device", name.clone(), Standing::OnlyInVault) });
    }
    for (profile, key) in &snapshot.keys {
        let standing = standing_of_key(context.vault.key(profile)?.as_ref(), key);
        compared.push(Compared::new("key", profile.to_string(), standing));
    }
    let missing = index.keys.keys().filter(|profile| !snapshot.keys.iter().any(|(saved, _)| saved == *profile));
    if !snapshot.keys.is_empty() {
        compared.extend(missing.map(|profile| Compared::new("key", profile.to_string(), Standing::OnlyInVault)));
    }
    Ok(compared)
}

/// The device of the vault that one of the backup is to be held against: itself, also under a name that it got since,
/// else another that has its name. A record that the index does not name was lost to it, and counts as gone.
fn held(
    context: &Context<'_>,
    index: &Index,
    snapshot: &Snapshot,
    record: &DeviceRecord,
) -> Result<Option<DeviceRecord>, Error> {
    let name = &record.device.name;
    let is_itself = |held: &DeviceRecord| held.identity() == record.identity();
    let named = if index.devices.contains_key(name) { context.vault.device(name)? } else { None };
    // Without a serial number there is nothing but the name to know a device by whose seed is another now.
    let has_serial = record.device.serial_number.is_some();
    if named.as_ref().is_some_and(|named| is_itself(named) || !has_serial) {
        return Ok(named);
    }
    let is_in_backup = |name: &str| snapshot.devices.iter().any(|saved| saved.device.name == name);
    let same_serial = |(name, entry): &(&String, &DeviceEntry)| {
        entry.serial_number == record.device.serial_number && !is_in_backup(name)
    };
    for (name, _) in index.devices.iter().filter(same_serial) {
        if let Some(held) = context.vault.device(name)?.filter(is_itself) {
            return Ok(Some(held));
        }
    }
    Ok(named)
}

fn compare_device(context: &Context<'_>, held: &DeviceRecord, saved: &DeviceRecord) -> Result<Compared, Error> {
    let mut compared = Compared::of_device(saved, standing_of_device(context, held, saved)?);
    compared.held_as = Some(held.device.name.clone()).filter(|name| *name != saved.device.name);
    if compared.standing == Standing::Same {
        let counters = next_counter(context, held)?.zip(saved.device.counter);
        compared.codes_since = counters.map(|(next, counter)| next.saturating_sub(counter)).filter(|since| *since > 0);
    }
    Ok(compared)
}

/// How a device of the backup stands to the one that is held.
pub(super) fn standing_of_device(
    context: &Context<'_>,
    held: &DeviceRecord,
    saved: &DeviceRecord,
) -> Result<Standing, Error> {
    // Codes that were given out after the backup was made are no difference: the ledger knows of them. If the backup
    // knows of codes that were given out and are not known here, the next ones from here would be refused.
    let is_ahead = saved.device.counter > next_counter(context, held)?;
    Ok(if are_alike(&held.device, &saved.device) && !is_ahead { Standing::Same } else { Standing::Different })
}

/// How a key of the backup stands to the one that is held, if one is.
pub(super) fn standing_of_key(held: Option<&KeyRecord>, saved: &KeyRecord) -> Standing {
    match held {
        None => Standing::OnlyInBackup,
        Some(held) if held.credentials == saved.credentials => Standing::Same,
        Some(_) => Standing::Different,
    }
}

/// Whether both make the same codes of the same steps, for the same device of AWS; names and labels do not count.
fn are_alike(one: &VirtualMfaDevice, other: &VirtualMfaDevice) -> bool {
    one.seed == other.seed
        && one.settings == other.settings
        && one.serial_number == other.serial_number
        && one.counter.is_some() == other.counter.is_some()
}

/// The counter of a counter-based device's next code, by the ledger.
pub(super) fn next_counter(context: &Context<'_>, record: &DeviceRecord) -> Result<Option<u64>, Error> {
    let Some(first) = record.device.counter else { return Ok(None) };
    Ok(Some(context.vault.ledger(&record.identity())?.next_counter(first)?))
}
