//! `list`: profiles with what is held for them.

use std::{collections::BTreeMap, time::SystemTime};

use super::{Context, Error, Outcome, configured_serial_number};
use crate::{
    mfa::SerialNumber,
    profile::{Chain, ProfileName},
    vault::{Index, SessionKind},
};

/// One profile, and what is held for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRow {
    /// Its name.
    pub profile: ProfileName,
    /// Whether the AWS config knows it; if not, what is held here is an orphan.
    pub in_config: bool,
    /// The masked ID of its key, if one is held.
    pub masked_access_key_id: Option<String>,
    /// Its MFA device, by the config or by the vault.
    pub serial_number: Option<SerialNumber>,
    /// Whether that device's seed is held.
    pub device_held: bool,
    /// Live sessions.
    pub sessions: Vec<(SessionKind, SystemTime)>,
}

/// Lists the profiles of the AWS config and those that only the vault knows. Unlocks nothing.
///
/// # Errors
/// If the AWS config cannot be read, then `SharedConfig`; if the index cannot, then `Vault`.
pub fn run(context: &Context<'_>) -> Result<Outcome, Error> {
    let index = context.vault.index()?;
    let config = context.shared_config()?;
    let mut names: BTreeMap<ProfileName, bool> =
        config.profile_names().into_iter().map(|name| (name.clone(), true)).collect();
    let devices = index.devices.values().filter_map(|device| device.profile.as_ref());
    let sessions = index.sessions.values().map(|session| &session.profile);
    for name in index.keys.keys().chain(devices).chain(sessions) {
        names.entry(name.clone()).or_insert(false);
    }
    let now = context.clock.now();
    let rows = names.into_iter().map(|(profile, in_config)| {
        // A bad value in one profile must not hide the others.
        let chain = context.chain(&index, &profile).ok().flatten();
        row(&index, profile, in_config, chain.as_ref(), now)
    });
    Ok(Outcome::Profiles(rows.collect()))
}

fn row(index: &Index, profile: ProfileName, in_config: bool, chain: Option<&Chain>, now: SystemTime) -> ProfileRow {
    let source = chain.map_or(&profile, |chain| &chain.source().name);
    let held = || index.devices_of(source).find_map(|(_, entry)| entry.serial_number.clone());
    let serial_number = chain.and_then(configured_serial_number).or_else(held);
    let mut sessions: Vec<(SessionKind, SystemTime)> = index
        .sessions
        .values()
        .filter(|session| session.profile == profile && session.expiration > now)
        .map(|session| (session.kind, session.expiration))
        .collect();
    sessions.sort_unstable_by_key(|(_, expiration)| *expiration);
    ProfileRow {
        in_config,
        masked_access_key_id: index.keys.get(&profile).map(|key| key.masked_access_key_id.clone()),
        device_held: serial_number.as_ref().is_some_and(|serial| index.device_with_serial(serial).is_some()),
        serial_number,
        sessions,
        profile,
    }
}
