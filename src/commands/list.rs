//! `list`: profiles with what is held for them.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use super::{Context, Error, Outcome, configured_serial_number};
use crate::{
    mfa::SerialNumber,
    profile::{self, Chain, CredentialSource, Profile, ProfileName},
    vault::{DeviceEntry, Index, SessionKind},
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
    /// When AWS made that key, if it told.
    pub key_created: Option<SystemTime>,
    /// When that key was stored here.
    pub key_added: Option<SystemTime>,
    /// Its MFA device, by the config or by the vault.
    pub serial_number: Option<SerialNumber>,
    /// That device's local name, if its seed is held.
    pub device: Option<String>,
    /// When that device was last backed up, if it is held and was.
    pub backed_up: Option<SystemTime>,
    /// Where its credentials come from, if that is not a key here: a sign-in, another tool, a token.
    pub elsewhere: Option<Elsewhere>,
    /// Whether somebody is signed in for it at IAM Identity Center, if that is where they come from.
    pub signed_in: bool,
    /// Live sessions, those that end soonest first.
    pub sessions: Vec<LiveSession>,
}

/// A place that credentials come from, other than a key in the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// A sign-in at IAM Identity Center.
    Sso,
    /// Another tool, by `credential_process`.
    CredentialProcess,
    /// A token of an identity provider.
    WebIdentity,
    /// `AWS_ACCESS_KEY_ID` and its companions, by `credential_source`.
    Environment,
}

impl ProfileRow {
    /// How old its key is, if one is held: since AWS made it, else since it is here, and then it may be older.
    pub fn key_age(&self, now: SystemTime) -> Option<Duration> {
        let since = self.key_created.or(self.key_added)?;
        Some(now.duration_since(since).unwrap_or_default())
    }
}

impl Elsewhere {
    /// The name of the place in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Elsewhere::Sso => "sso",
            Elsewhere::CredentialProcess => "credential_process",
            Elsewhere::WebIdentity => "web identity",
            Elsewhere::Environment => "environment",
        }
    }

    /// Where this program gets them; a key of its own comes before all of them.
    fn of(profile: &Profile) -> Option<Self> {
        match profile.elsewhere()? {
            profile::Elsewhere::WebIdentity(_) => Some(Elsewhere::WebIdentity),
            profile::Elsewhere::CredentialSource(setting) => {
                (setting.value == CredentialSource::Environment).then_some(Elsewhere::Environment)
            }
            profile::Elsewhere::Sso(_) => Some(Elsewhere::Sso),
            profile::Elsewhere::StaticKeys(_) => None,
            profile::Elsewhere::Process(_) => Some(Elsewhere::CredentialProcess),
        }
    }
}

/// A session that still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSession {
    /// By which call.
    pub kind: SessionKind,
    /// Whether policies see MFA in it.
    pub mfa: bool,
    /// Until when.
    pub expiration: SystemTime,
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

/// As [`run`], but only profiles whose key is older than this, as far as is known.
///
/// # Errors
/// As [`run`].
pub fn older_than(context: &Context<'_>, age: Duration) -> Result<Outcome, Error> {
    let now = context.clock.now();
    Ok(match run(context)? {
        Outcome::Profiles(mut rows) => {
            rows.retain(|row| row.key_age(now).is_some_and(|there| there > age));
            Outcome::Profiles(rows)
        }
        outcome => outcome,
    })
}

/// The profiles that credentials can be had for, in the order of the config, then those that only the vault knows.
///
/// # Errors
/// As [`run`].
pub fn usable(context: &Context<'_>) -> Result<Vec<ProfileName>, Error> {
    let index = context.vault.index()?;
    let config = context.shared_config()?;
    let mut names: Vec<ProfileName> = config.profile_names().into_iter().cloned().collect();
    names.extend(index.keys.keys().filter(|name| !config.contains(name)).cloned());
    let has_keys = |name: &ProfileName| index.keys.contains_key(name);
    names.retain(|name| {
        let chain = profile::chain(config, name, &has_keys);
        chain.is_ok_and(|chain| has_keys(&chain.source().name) || Elsewhere::of(chain.source()).is_some())
    });
    Ok(names)
}

/// The devices that codes are made of and that no backup has: what to remind a person of.
///
/// # Errors
/// If the index cannot be read, then `Vault`.
pub fn not_backed_up(context: &Context<'_>) -> Result<Vec<String>, Error> {
    let devices = context.vault.index()?.devices.into_iter();
    let is_at_risk = |entry: &DeviceEntry| entry.backed_up.is_none() && !entry.deactivated;
    Ok(devices.filter(|(_, entry)| is_at_risk(entry)).map(|(name, _)| name).collect())
}

fn row(index: &Index, profile: ProfileName, in_config: bool, chain: Option<&Chain>, now: SystemTime) -> ProfileRow {
    let source = chain.map_or(&profile, |chain| &chain.source().name);
    let held = || index.devices_of(source).find_map(|(_, entry)| entry.serial_number.clone());
    let serial_number = chain.and_then(configured_serial_number).or_else(held);
    let device = serial_number.as_ref().and_then(|serial| index.device_with_serial(serial));
    let held = device.and_then(|name| index.devices.get(name));
    let mut sessions: Vec<LiveSession> = index
        .sessions
        .values()
        .filter(|session| session.profile == profile && session.expiration > now)
        .map(|session| LiveSession { kind: session.kind, mfa: session.mfa, expiration: session.expiration })
        .collect();
    sessions.sort_unstable_by_key(|session| session.expiration);
    let own = chain.map(Chain::profile).filter(|own| !index.keys.contains_key(&own.name));
    let elsewhere = own.and_then(Elsewhere::of);
    let start_url = own.and_then(|own| own.sso.as_ref()).map(|sso| &sso.start_url.value);
    let signed_in = |start_url: &String| {
        index.sign_ins.values().any(|sign_in| sign_in.start_url == *start_url && sign_in.useless_from > now)
    };
    let key = index.keys.get(&profile);
    ProfileRow {
        elsewhere,
        signed_in: elsewhere == Some(Elsewhere::Sso) && start_url.is_some_and(signed_in),
        in_config,
        masked_access_key_id: key.map(|key| key.masked_access_key_id.clone()),
        key_created: key.and_then(|key| key.created),
        key_added: key.map(|key| key.added),
        device: device.map(str::to_owned),
        backed_up: held.and_then(|device| device.backed_up),
        serial_number,
        sessions,
        profile,
    }
}
