//! Keys that stand in AWS's two files in plain text.
//!
//! The tool aws-mfa keeps the key of the profile NAME in `[NAME-long-term]`, with its device, and writes sessions to
//! `[NAME]`, where SDKs look first. So NAME gets the key, and both sections may go.

use super::{Found, FoundKey, HowToTakeIn, source::Source};
use crate::{
    commands::{Context, Error},
    credentials::LongTermCredentials,
    profile::{ConfigText, FileKind, ProfileName, SectionName},
    shared_config::{self, SharedConfigError},
};

const LONG_TERM: &str = "-long-term";
const DEVICE: &str = "aws_mfa_device";

pub(super) fn find(context: &Context<'_>, how: &HowToTakeIn) -> Result<Found, Error> {
    let shared = context.shared_config()?;
    let mut found = Found::default();
    for (text, kind) in [(&shared.credentials, FileKind::Credentials), (&shared.config, FileKind::Config)] {
        let mut seen = std::collections::HashSet::new();
        for section in text.profile_names().filter(|name| seen.insert(*name)) {
            section_of(&mut found, text, kind, section, how);
        }
    }
    Ok(found)
}

/// Looks at one section.
fn section_of(found: &mut Found, text: &ConfigText, kind: FileKind, section: &ProfileName, how: &HowToTakeIn) {
    let profile = profile_of(text, section);
    let keys = match shared_config::static_keys(text, section) {
        Ok(None) => return,
        Ok(Some(keys)) => keys,
        Err(_) if has_token(text, section) && long_term_of(text, section).is_some() => {
            return found.skip(section, "a session of aws-mfa; where its key is taken out, it goes too");
        }
        Err(SharedConfigError::NotLongTerm { reason, .. }) => return found.skip(section, reason),
        Err(error) => return found.skip(section, error),
    };
    let keys = LongTermCredentials::of_texts(keys.access_key_id.as_str(), keys.secret_access_key.expose());
    let credentials = match keys {
        Ok(credentials) => credentials,
        Err(error) => return found.skip(section, error),
    };
    let name = SectionName::Profile(section.clone());
    let is_wished = how.profiles.is_empty() || how.profiles.contains(&profile);
    let serial_number = text.entry(&name, DEVICE).and_then(|entry| match entry.value().parse() {
        Ok(serial_number) => Some(serial_number),
        Err(error) => {
            found.notes.extend(is_wished.then(|| format!("the {DEVICE} of [{section}] is left out: {error}")));
            None
        }
    });
    if text.entry(&name, "assume_role").is_some() && is_wished {
        found.notes.push(format!(
            "[{section}] has an assume_role: add a profile with this role_arn and `source_profile = {profile}`"
        ));
    }
    let session = (profile != *section && has_token(text, &profile)).then(|| profile.clone());
    let source = Source::Section {
        path: text.path().to_owned(),
        kind,
        section: section.clone(),
        session,
        takes_device: serial_number.is_some() && how.config,
    };
    found.keys.push(FoundKey { profile, credentials, serial_number, source });
}

/// NAME for `NAME-long-term`, unless NAME has a key of its own.
pub(in crate::commands) fn profile_of(text: &ConfigText, section: &ProfileName) -> ProfileName {
    let short: Option<ProfileName> = section.as_str().strip_suffix(LONG_TERM).and_then(|name| name.parse().ok());
    let is_free =
        |name: &ProfileName| has_token(text, name) || matches!(shared_config::static_keys(text, name), Ok(None));
    short.filter(is_free).unwrap_or_else(|| section.clone())
}

/// The section of the key that aws-mfa makes this section's sessions with.
fn long_term_of(text: &ConfigText, section: &ProfileName) -> Option<SectionName> {
    let name = format!("{section}{LONG_TERM}").parse().ok().map(SectionName::Profile)?;
    text.contains(&name).then_some(name)
}

fn has_token(text: &ConfigText, section: &ProfileName) -> bool {
    text.entry(&SectionName::Profile(section.clone()), "aws_session_token").is_some()
}
