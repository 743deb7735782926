//! `mfa list --remote`: the devices held here, joined with those that AWS has for the same users.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    aws::{Caller, Signer},
    commands::{Context, Error, Outcome, SessionRequest},
    mfa::SerialNumber,
    profile::ProfileName,
    vault::{Index, VaultError},
};

/// Where a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Its seed is here, and AWS demands it of its user.
    Held,
    /// AWS demands it, and its seed is not here.
    MissingHere,
    /// Its seed is here, and AWS does not demand it of its user.
    MissingThere,
    /// Its seed is here, but there is no key that could ask AWS about it, or the asking failed.
    NotAsked,
}

/// One device of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRow {
    /// The local name, if it is held.
    pub name: Option<String>,
    /// What AWS knows it by.
    pub serial_number: Option<SerialNumber>,
    /// The profile through which AWS was asked, or whose device it is.
    pub profile: Option<ProfileName>,
    /// Where it is.
    pub whereabouts: Whereabouts,
}

/// What AWS said, and to whom.
#[derive(Default)]
struct There {
    devices: BTreeMap<SerialNumber, ProfileName>,
    asked: BTreeSet<ProfileName>,
}

/// Asks AWS, once for each profile that has a key here, which devices its user has; says for which that failed.
///
/// # Errors
/// If it failed for all of them, then the error of the first; if the keystore does not open, then `Vault`.
pub fn run(context: &Context<'_>) -> Result<Outcome, Error> {
    let index = context.vault.index()?;
    let there = ask_for_all(context, &index)?;
    let mut rows: Vec<RemoteRow> = index.devices.keys().map(|name| held_row(&index, name, &there)).collect();
    for (serial_number, profile) in there.devices {
        if index.device_with_serial(&serial_number).is_none() {
            rows.push(RemoteRow {
                name: None,
                serial_number: Some(serial_number),
                profile: Some(profile),
                whereabouts: Whereabouts::MissingHere,
            });
        }
    }
    Ok(Outcome::RemoteDevices(rows))
}

fn ask_for_all(context: &Context<'_>, index: &Index) -> Result<There, Error> {
    let mut there = There::default();
    let mut failures: Vec<(&ProfileName, Error)> = Vec::new();
    for profile in index.keys.keys() {
        match devices_at_aws(context, profile) {
            Ok(devices) => {
                there.asked.insert(profile.clone());
                for serial_number in devices {
                    there.devices.entry(serial_number).or_insert_with(|| profile.clone());
                }
            }
            // A keystore that does not open for one opens for none.
            Err(error @ Error::Vault(VaultError::Keystore(_))) => return Err(error),
            Err(error) => failures.push((profile, error)),
        }
    }
    if there.asked.is_empty() && !failures.is_empty() {
        return Err(failures.swap_remove(0).1);
    }
    for (profile, error) in failures {
        context.prompt.say(&format!("note: AWS could not be asked about `{profile}`: {error}"));
    }
    Ok(there)
}

fn held_row(index: &Index, name: &str, there: &There) -> RemoteRow {
    let entry = &index.devices[name];
    let found = entry.serial_number.as_ref().and_then(|serial| there.devices.get(serial));
    let was_asked = entry.profile.as_ref().is_some_and(|profile| there.asked.contains(profile));
    RemoteRow {
        name: Some(name.to_owned()),
        serial_number: entry.serial_number.clone(),
        profile: found.or(entry.profile.as_ref()).cloned(),
        whereabouts: match (found, was_asked) {
            (Some(_), _) => Whereabouts::Held,
            (None, true) => Whereabouts::MissingThere,
            (None, false) => Whereabouts::NotAsked,
        },
    }
}

fn devices_at_aws(context: &Context<'_>, profile: &ProfileName) -> Result<Vec<SerialNumber>, Error> {
    let key = context.vault.key(profile)?.ok_or_else(|| Error::NoKey { profile: profile.clone() })?;
    let endpoints = SessionRequest::plain(profile.clone()).endpoints(context)?;
    let caller = Caller { signer: Signer::LongTerm(&key.credentials), endpoints: &endpoints };
    let identity = context.aws.get_caller_identity(caller)?;
    let devices = context.aws.list_mfa_devices(caller, identity.arn.resource_name())?;
    Ok(devices.into_iter().map(|device| device.serial_number).collect())
}
