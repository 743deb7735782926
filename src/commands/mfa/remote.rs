//! `mfa list --remote`: the devices held here, joined with those that AWS has for the same users, and with what lies
//! unassigned in their accounts.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    aws::{AwsError, Caller, ListedDevice, Signer},
    commands::{Context, Error, Outcome, SessionRequest},
    mfa::SerialNumber,
    profile::ProfileName,
    vault::{DeviceEntry, Index, VaultError},
};

/// Where a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Its seed is here, and AWS demands it of its user.
    Held,
    /// AWS demands it, and its seed is not here.
    MissingHere,
    /// Its seed is here, and AWS has it unassigned: never enabled, or deactivated.
    Unassigned,
    /// Its seed is here, and AWS does not have it; or, where the account's devices may not be listed, does not demand
    /// it of its user.
    MissingThere,
    /// AWS has it unassigned under a name of the user's, and its seed is not here: what a killed enrolment leaves.
    Orphan,
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
    /// Who has a device, by serial number, through the profile that asked first.
    enabled: BTreeMap<SerialNumber, ProfileName>,
    /// The users whose profiles asked.
    asked: BTreeMap<ProfileName, User>,
    /// All virtual devices of an account, by its number; none of an account where nobody may list them.
    accounts: BTreeMap<String, Vec<ListedDevice>>,
    /// Why not.
    not_listed: BTreeMap<String, (ProfileName, AwsError)>,
}

struct User {
    name: String,
    account_id: String,
}

/// Asks AWS, once for each profile that has a key here, which devices its user has, and once for each account which
/// there are; says for which that failed, and what is left over there.
///
/// # Errors
/// If it failed for all of them, then the error of the first; if the keystore does not open, then `Vault`.
pub fn run(context: &Context<'_>) -> Result<Outcome, Error> {
    let index = context.vault.index()?;
    let mut seen = look(context, &index)?;
    if seen.nobody_answered && !seen.failures.is_empty() {
        return Err(seen.failures.swap_remove(0).1);
    }
    for (profile, error) in &seen.failures {
        context.prompt.say(&format!("note: AWS could not be asked about `{profile}`: {error}"));
    }
    for (account_id, profile, error) in &seen.not_listed {
        context.prompt.say(&format!(
            "note: `{profile}` cannot list the virtual devices of the account {account_id}, so what is unassigned there \
             does not show: {error}"
        ));
    }
    let orphans = seen.rows.iter().filter(|row| row.whereabouts == Whereabouts::Orphan);
    for serial_number in orphans.filter_map(|row| row.serial_number.as_ref()) {
        context.prompt.say(&format!(
            "note: nobody has {serial_number}, and its seed is not here; an administrator deletes it with `{}`",
            super::delete_command(serial_number)
        ));
    }
    Ok(Outcome::RemoteDevices(seen.rows))
}

/// What was seen, and what not.
pub(in crate::commands) struct Seen {
    /// The devices of both sides.
    pub(in crate::commands) rows: Vec<RemoteRow>,
    /// The profiles that AWS could not be asked with.
    pub(in crate::commands) failures: Vec<(ProfileName, Error)>,
    /// The accounts whose devices could not be listed, and with whose keys that was tried.
    pub(in crate::commands) not_listed: Vec<(String, ProfileName, AwsError)>,
    /// Whether AWS could be asked with no profile at all.
    nobody_answered: bool,
}

/// Asks AWS, as [`run`]; says nothing.
///
/// # Errors
/// If the keystore does not open, then `Vault`.
pub(in crate::commands) fn look(context: &Context<'_>, index: &Index) -> Result<Seen, Error> {
    let (there, failures) = ask_for_all(context, index)?;
    let mut rows: Vec<RemoteRow> = index.devices.iter().map(|(name, entry)| held_row(name, entry, &there)).collect();
    let not_held = |serial_number: &SerialNumber| index.device_with_serial(serial_number).is_none();
    let enabled =
        there.enabled.iter().map(|(serial_number, profile)| (serial_number, profile, Whereabouts::MissingHere));
    let orphans = there.orphans().map(|(serial_number, profile)| (serial_number, profile, Whereabouts::Orphan));
    for (serial_number, profile, whereabouts) in enabled.chain(orphans).filter(|(serial, ..)| not_held(serial)) {
        rows.push(RemoteRow {
            name: None,
            serial_number: Some(serial_number.clone()),
            profile: Some(profile.clone()),
            whereabouts,
        });
    }
    let nobody_answered = there.asked.is_empty();
    let not_listed = there.not_listed.into_iter().filter(|(account_id, _)| !there.accounts.contains_key(account_id));
    let not_listed = not_listed.map(|(account_id, (profile, error))| (account_id, profile, error)).collect();
    Ok(Seen { rows, failures, not_listed, nobody_answered })
}

fn ask_for_all(context: &Context<'_>, index: &Index) -> Result<(There, Vec<(ProfileName, Error)>), Error> {
    let mut there = There::default();
    let mut failures = Vec::new();
    for profile in index.keys.keys() {
        match there.ask(context, profile) {
            Ok(()) => {}
            // A keystore that does not open for one opens for none.
            Err(error @ Error::Vault(VaultError::Keystore(_))) => return Err(error),
            Err(error) => failures.push((profile.clone(), error)),
        }
    }
    Ok((there, failures))
}

impl There {
    /// Asks with the key of a profile.
    fn ask(&mut self, context: &Context<'_>, profile: &ProfileName) -> Result<(), Error> {
        let key = context.vault.key(profile)?.ok_or_else(|| Error::NoKey { profile: profile.clone() })?;
        let endpoints = SessionRequest::plain(profile.clone()).endpoints(context)?;
        let caller = Caller { signer: Signer::LongTerm(&key.credentials), endpoints: &endpoints };
        let identity = context.aws.get_caller_identity(caller)?;
        let name = identity.arn.resource_name().to_owned();
        for device in context.aws.list_mfa_devices(caller, &name)? {
            self.enabled.entry(device.serial_number).or_insert_with(|| profile.clone());
        }
        let account_id = identity.account_id;
        if !self.accounts.contains_key(&account_id) {
            match context.aws.list_virtual_mfa_devices(caller) {
                Ok(devices) => drop(self.accounts.insert(account_id.clone(), devices)),
                Err(error) => drop(self.not_listed.insert(account_id.clone(), (profile.clone(), error))),
            }
        }
        self.asked.insert(profile.clone(), User { name, account_id });
        Ok(())
    }

    /// What the account's list says of a device: who has it; nothing if the list is not to be had or does not have it.
    fn listed(&self, serial_number: &SerialNumber) -> Option<&ListedDevice> {
        let account = serial_number.arn()?.account_id;
        self.accounts.get(&account)?.iter().find(|device| device.serial_number == *serial_number)
    }

    /// Whether a device would be in a list that was had.
    fn would_be_listed(&self, serial_number: &SerialNumber) -> bool {
        serial_number.arn().is_some_and(|arn| self.accounts.contains_key(&arn.account_id))
    }

    /// Unassigned devices with the name of a user who asked, or one that `mfa enable` makes of it.
    fn orphans(&self) -> impl Iterator<Item = (&SerialNumber, &ProfileName)> {
        let mut seen = BTreeSet::new();
        let of_user = |(profile, user): (_, &User)| -> Vec<(&SerialNumber, &ProfileName)> {
            let devices = self.accounts.get(&user.account_id).into_iter().flatten();
            let is_orphan = |device: &&ListedDevice| {
                let name = device.serial_number.device_name();
                device.owner.is_none() && is_name_of(name, &user.name)
            };
            devices.filter(is_orphan).map(|device| (&device.serial_number, profile)).collect()
        };
        let all: Vec<_> = self.asked.iter().flat_map(of_user).collect();
        all.into_iter().filter(move |(serial_number, _)| seen.insert(*serial_number))
    }
}

/// `alice`, or `alice-2`.
fn is_name_of(name: &str, user_name: &str) -> bool {
    let numbered = name.strip_prefix(user_name).and_then(|rest| rest.strip_prefix('-'));
    name == user_name
        || numbered.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn held_row(name: &str, entry: &DeviceEntry, there: &There) -> RemoteRow {
    let serial_number = entry.serial_number.as_ref();
    let found = serial_number.and_then(|serial| there.enabled.get(serial));
    let was_asked = entry.profile.as_ref().is_some_and(|profile| there.asked.contains_key(profile))
        || serial_number.is_some_and(|serial| there.would_be_listed(serial));
    let listed = serial_number.and_then(|serial| there.listed(serial));
    RemoteRow {
        name: Some(name.to_owned()),
        serial_number: entry.serial_number.clone(),
        profile: found.or(entry.profile.as_ref()).cloned(),
        whereabouts: match (found, listed) {
            (Some(_), _) | (None, Some(ListedDevice { owner: Some(_), .. })) => Whereabouts::Held,
            (None, Some(ListedDevice { owner: None, .. })) => Whereabouts::Unassigned,
            (None, None) if was_asked => Whereabouts::MissingThere,
            (None, None) => Whereabouts::NotAsked,
        },
    }
}
