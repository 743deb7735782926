//! What each key that was found would be here: one a profile, new, here already, or in the place of another.

use std::collections::{HashMap, HashSet};

use super::{FoundKey, HowToTakeIn, Skipped, source::Source};
use crate::{
    commands::{Context, Error},
    credentials::LongTermCredentials,
    mfa::SerialNumber,
    profile::ProfileName,
};

/// A key as it would come in.
pub(super) struct Planned {
    pub(super) profile: ProfileName,
    pub(super) credentials: LongTermCredentials,
    pub(super) serial_number: Option<SerialNumber>,
    /// Everywhere it was found.
    pub(super) sources: Vec<Source>,
    pub(super) standing: Standing,
    pub(super) account_id: Option<String>,
}

/// How a key stands to the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not here yet.
    New,
    /// Here already.
    Same,
    /// The profile has another one here.
    Conflict,
}

impl Standing {
    pub(super) fn word(self) -> &'static str {
        match self {
            Standing::New => "new",
            Standing::Same => "same",
            Standing::Conflict => "conflict",
        }
    }
}

impl Planned {
    /// What a person should know of it.
    pub(super) fn notes(&self) -> Vec<String> {
        let places: Vec<String> = self.sources.iter().map(Source::place).collect();
        let mut notes = vec![format!("{} from {}", self.credentials.access_key_id.masked(), places.join(" and "))];
        notes.extend(self.serial_number.as_ref().map(|serial| format!("its MFA device is {serial}")));
        if self.standing == Standing::Conflict {
            notes.push("the profile has another key here".to_owned());
        }
        notes
    }
}

/// Plans all keys of the profiles that are wished for; what is left out joins the skipped.
pub(super) fn plan(
    context: &Context<'_>,
    keys: Vec<FoundKey>,
    skipped: &mut Vec<Skipped>,
    how: &HowToTakeIn,
) -> Result<Vec<Planned>, Error> {
    let mut planned = one_a_profile(keys, skipped);
    if !how.profiles.is_empty() {
        only(&how.profiles, &mut planned, skipped);
    }
    let index = context.vault.index()?;
    // Only what the index names is worth a look into the keystore.
    let named: Vec<&mut Planned> = planned.iter_mut().filter(|one| index.keys.contains_key(&one.profile)).collect();
    let there = context.vault.keys(named.iter().map(|one| &one.profile))?;
    for (one, here) in named.into_iter().zip(there) {
        one.standing = match here {
            None => Standing::New,
            Some(there) if there.credentials == one.credentials => Standing::Same,
            Some(_) => Standing::Conflict,
        };
    }
    Ok(planned)
}

/// Joins what is the same. Of two keys of one profile neither comes in: neither is better.
fn one_a_profile(keys: Vec<FoundKey>, skipped: &mut Vec<Skipped>) -> Vec<Planned> {
    let mut planned: Vec<Planned> = Vec::with_capacity(keys.len());
    let mut places: HashMap<ProfileName, usize> = HashMap::with_capacity(keys.len());
    let mut twofold: HashSet<ProfileName> = HashSet::new();
    for FoundKey { profile, credentials, serial_number, source } in keys {
        match places.get(&profile).map(|place| &mut planned[*place]) {
            Some(there) if there.credentials == credentials => {
                there.sources.push(source);
                there.serial_number = there.serial_number.take().or(serial_number);
            }
            Some(_) => drop(twofold.insert(profile)),
            None => {
                places.insert(profile.clone(), planned.len());
                let (sources, standing) = (vec![source], Standing::New);
                planned.push(Planned { profile, credentials, serial_number, sources, standing, account_id: None });
            }
        }
    }
    planned.retain(|one| {
        let is_twofold = twofold.contains(&one.profile);
        if is_twofold {
            let reason = "two different keys of it were found, and neither is better".to_owned();
            skipped.push(Skipped { name: one.profile.to_string(), reason });
        }
        !is_twofold
    });
    planned
}

/// Leaves out what is not wished for, and says which wish finds nothing.
fn only(wished: &[ProfileName], planned: &mut Vec<Planned>, skipped: &mut Vec<Skipped>) {
    let is_wished = |name: &str| wished.iter().any(|wished| wished.as_str() == name);
    planned.retain(|one| is_wished(one.profile.as_str()));
    skipped.retain(|one| is_wished(&one.name));
    for name in wished.iter().map(ProfileName::as_str) {
        let is_planned = planned.iter().any(|one| one.profile.as_str() == name);
        if !is_planned && !skipped.iter().any(|one| one.name == name) {
            skipped.push(Skipped { name: name.to_owned(), reason: "there is no key of it".to_owned() });
        }
    }
}
