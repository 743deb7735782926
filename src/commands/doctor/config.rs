//! The AWS config as the AWS CLI and SDKs read it: what comes before us there, what stands in the clear.

use std::path::Path;

use super::{Area, Fact, Finding};
use crate::{
    atomic_file::mode_if_others_read,
    commands::{Context, Error, import, setup},
    credentials::AccessKeyId,
    profile::{
        self, ConfigText, Entry, OddHeading, Place, ProfileError, ProfileName, SectionName, SharedConfig,
        credential_process,
    },
    vault::{Index, KeyEntry},
};

/// Where the AWS CLI keeps sessions of roles, beside the config where that is in its usual place.
const CLI_CACHE: &str = "cli/cache";

pub(super) fn check(context: &Context<'_>, fix: bool) -> Vec<Finding> {
    let shared = match context.shared_config() {
        Ok(shared) => shared,
        Err(error) => return vec![Finding::of(Area::Config)(Fact::Fails(error))],
    };
    let index = context.vault.index().unwrap_or_default();
    let mut facts = Vec::new();
    for text in [&shared.config, &shared.credentials] {
        facts.extend(text.odd_headings().into_iter().map(|OddHeading { line, heading, meant }| {
            let place = format!("{}:{line}", text.path().display());
            Fact::OddHeading { place, heading, meant }
        }));
    }
    for name in shared.profile_names() {
        of_profile(shared, &index, name, &mut facts);
    }
    facts.extend(cli_cache(context));
    let environment = context.environment;
    if environment.access_key_id.is_some() && environment.current_profile.is_none() {
        facts.push(Fact::KeysInEnvironment);
    }
    let passphrase_file = environment.passphrase_file.as_deref();
    facts.extend(
        passphrase_file.and_then(|path| {
            Some(Fact::PassphraseReadable { path: path.to_owned(), mode: mode_if_others_read(path)? })
        }),
    );
    let mut findings: Vec<Finding> = facts.into_iter().map(Finding::of(Area::Config)).collect();
    let files = [&environment.aws_config_file, &environment.aws_credentials_file];
    for (text, path) in [&shared.config, &shared.credentials].into_iter().zip(files) {
        let holds_a_secret = |name: &SectionName| text.entry(name, "aws_secret_access_key").is_some();
        if text.section_names().any(holds_a_secret) {
            findings.extend(mode_of(path, fix));
        }
    }
    findings
}

fn of_profile(shared: &SharedConfig, index: &Index, name: &ProfileName, facts: &mut Vec<Fact>) {
    let section = SectionName::Profile(name.clone());
    let process = shared.config.entry(&section, "credential_process");
    let process = process.filter(|entry| credential_process::is_ours(&entry.value()));
    for (text, in_config) in [(&shared.config, true), (&shared.credentials, false)] {
        let Some(entry) = text.entry(&section, "aws_access_key_id") else { continue };
        let place = place_of(&entry);
        let id: Option<AccessKeyId> = entry.value().parse().ok();
        let is_held = |held: &KeyEntry| id.as_ref().is_some_and(|id| id.masked() == held.masked_access_key_id);
        facts.push(if text.entry(&section, "aws_session_token").is_some() {
            Fact::SessionInClear { profile: name.clone(), place }
        } else if process.is_some() {
            Fact::Fails(Error::StaticKeys { profile: name.clone(), place, in_config })
        } else {
            let profile = import::profile_of(text, name);
            let is_held = index.keys.get(&profile).map(is_held);
            Fact::KeyInClear { profile, place, is_held }
        });
    }
    if let Some(process) = &process {
        for key in setup::TAKEN_FIRST {
            for text in [&shared.config, &shared.credentials] {
                let before = text.entry(&section, key).map(|entry| place_of(&entry));
                facts.extend(before.map(|place| Fact::BeatsProcess { profile: name.clone(), key, place }));
            }
        }
        let program = credential_process::program(&process.value()).unwrap_or_default();
        if Path::new(&program).is_absolute() && !Path::new(&program).exists() {
            facts.push(Fact::ProcessGone { profile: name.clone(), place: place_of(process), program });
        }
    }
    let user_arns = user_arns(&shared.config, &section, name, index);
    let has_keys = |name: &ProfileName| index.keys.contains_key(name);
    match profile::chain(shared, name, &has_keys) {
        Err(ProfileError::Invalid { .. }) if !user_arns.is_empty() => {}
        Err(error) => facts.push(Fact::FailsFor { profile: name.clone(), error: Error::Profile(error) }),
        Ok(_) => {}
    }
    facts.extend(user_arns);
}

/// A user's ARN instead of a device's: the words differ by three letters.
fn user_arns(config: &ConfigText, section: &SectionName, name: &ProfileName, index: &Index) -> Vec<Fact> {
    let entries = ["mfa_serial", "mfavault_mfa_serial"].into_iter().filter_map(|key| config.entry(section, key));
    let of_users = entries.filter(|entry| entry.value().contains(":user/"));
    let device = index.devices_of(name).next().and_then(|(_, device)| device.serial_number.clone());
    of_users
        .map(|entry| Fact::UserArnAsSerial {
            place: Box::new(Place {
                file: entry.path().to_owned(),
                line: entry.line(),
                profile: name.clone(),
                key: entry.key().to_owned(),
            }),
            serial_number: device.clone(),
        })
        .collect()
}

fn cli_cache(context: &Context<'_>) -> Option<Fact> {
    let folder = context.environment.aws_config_file.parent()?.join(CLI_CACHE);
    let entries = std::fs::read_dir(&folder).ok()?;
    let is_json = |path: &Path| path.extension().is_some_and(|extension| extension == "json");
    let count = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_json(path)).count();
    (count > 0).then_some(Fact::CliCache { folder, count })
}

#[cfg(unix)]
fn mode_of(path: &Path, fix: bool) -> Option<Finding> {
    use std::{fs, os::unix::fs::PermissionsExt};
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return None;
    }
    let mended = fix && fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700)).is_ok();
    Some(Finding { area: Area::Config, fact: Fact::LooseMode { path: path.to_owned(), mode }, mended })
}

#[cfg(not(unix))]
fn mode_of(_path: &Path, _fix: bool) -> Option<Finding> {
    None
}

fn place_of(entry: &Entry<'_>) -> String {
    format!("{}:{}", entry.path().display(), entry.line())
}
