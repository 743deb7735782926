//! `setup`: lets plain `aws --profile` and the SDKs get credentials from here, by a `credential_process` line.

use std::collections::HashMap;

use super::{Context, Error, Outcome};
use crate::{
    profile::{ConfigText, EditError, FileKind, ProfileName, SectionName, credential_process},
    shared_config,
};

/// Keys by which an SDK gets credentials by itself, before it would ask a process (botocore, `ProfileProviderBuilder`).
pub(super) const TAKEN_FIRST: [&str; 5] =
    ["role_arn", "web_identity_token_file", "sso_account_id", "sso_role_name", "login_session"];
/// These and all that belongs to them, which get a name under which only we read them.
const HIDDEN_FROM_SDKS: [&str; 17] = [
    "role_arn",
    "web_identity_token_file",
    "source_profile",
    "mfa_serial",
    "external_id",
    "role_session_name",
    "duration_seconds",
    "session_tags",
    "transitive_session_tags",
    "source_identity",
    "credential_source",
    "sso_session",
    "sso_account_id",
    "sso_role_name",
    "sso_start_url",
    "sso_region",
    "login_session",
];
const PREFIX: &str = "mfavault_";
const KEY: &str = "credential_process";

/// Shows the change to the profile, asks, and writes it; `undo` takes it back.
///
/// # Errors
/// If the profile is not in the config, then `NotInConfig`; if static keys of it would win over what is written, then
/// `StaticKeys`; if another key of it in the credentials file would, then `TakenFirst`; if there is nothing to undo, then `NotSetUp`; if nobody confirms, then `Prompt` or `Declined`.
pub fn run(context: &Context<'_>, profile: &ProfileName, confirmed: bool, undo: bool) -> Result<Outcome, Error> {
    let file = &context.environment.aws_config_file;
    let shared = context.shared_config()?;
    let section = SectionName::Profile(profile.clone());
    if !shared.config.contains(&section) {
        return Err(Error::NotInConfig { profile: profile.clone(), file: file.clone() });
    }
    for (text, in_config) in [(&shared.config, true), (&shared.credentials, false)] {
        if let Some(entry) = text.entry(&section, "aws_access_key_id").filter(|_| !undo) {
            let place = format!("{}:{}", text.path().display(), entry.line());
            return Err(Error::StaticKeys { profile: profile.clone(), place, in_config });
        }
    }
    for key in TAKEN_FIRST.into_iter().chain([KEY]).filter(|_| !undo) {
        if let Some(entry) = shared.credentials.entry(&section, key) {
            let place = format!("{}:{}", entry.path().display(), entry.line());
            return Err(Error::TakenFirst { profile: profile.clone(), key, place, config: file.clone() });
        }
    }
    if undo && !is_ours(&shared.config, &section) {
        return Err(Error::NotSetUp { profile: profile.clone() });
    }
    let command_line = (!undo).then(|| command_line(context, profile));
    let change = |text: &mut ConfigText| match &command_line {
        None => take_back(text, &section),
        Some(command_line) => write(text, &section, command_line),
    };
    let before = &shared.config;
    let mut after = before.clone();
    change(&mut after)?;
    if after.as_str() == before.as_str() {
        context.prompt.say(&format!("`{profile}` is set up already"));
        return Ok(Outcome::Done);
    }
    for line in difference(before.as_str(), after.as_str()) {
        context.prompt.say(&line);
    }
    context.confirm(confirmed, &format!("Change {}?", file.display()), "--yes")?;
    shared_config::edit(file, FileKind::Config, change)?;
    context.prompt.say(&match undo {
        true => format!("`{profile}` is as it was before setup"),
        false => format!("`aws --profile {profile}` now gets its credentials from mfavault"),
    });
    Ok(Outcome::Done)
}

fn write(text: &mut ConfigText, section: &SectionName, command_line: &str) -> Result<(), EditError> {
    // Without these, an SDK does nothing with the other keys, and other tools may read them.
    if TAKEN_FIRST.iter().any(|key| text.entry(section, key).is_some()) {
        for key in HIDDEN_FROM_SDKS {
            hide(text, section, key)?;
        }
    }
    // Another tool's process stays the source of the profile: now we ask it.
    if !is_ours(text, section) {
        hide(text, section, KEY)?;
    }
    text.set(section, KEY, command_line)
}

/// How an SDK, which may have another PATH, starts this very program. Under another name it would not be known again.
fn command_line(context: &Context<'_>, profile: &ProfileName) -> String {
    let line = context.own_program.to_str().map(|program| credential_process::command_line(program, profile));
    line.filter(|line| credential_process::is_ours(line)).unwrap_or_else(|| {
        let program = context.own_program.display();
        context
            .prompt
            .say(&format!("note: this program is `{program}`; `mfavault` is written, and must be on the PATH"));
        credential_process::command_line("mfavault", profile)
    })
}

fn is_ours(text: &ConfigText, section: &SectionName) -> bool {
    text.entry(section, KEY).is_some_and(|entry| credential_process::is_ours(&entry.value()))
}

fn take_back(text: &mut ConfigText, section: &SectionName) -> Result<(), EditError> {
    text.remove_key(section, KEY)?;
    for key in HIDDEN_FROM_SDKS.into_iter().chain([KEY]) {
        show(text, section, key)?;
    }
    Ok(())
}

/// Puts a prefix before a key, which stays as it was written, so that it can come back so.
fn hide(text: &mut ConfigText, section: &SectionName, key: &str) -> Result<(), EditError> {
    if let Some(entry) = text.entry(section, key) {
        let hidden = format!("{PREFIX}{}", entry.key());
        text.rename_key(section, key, &hidden)?;
    }
    Ok(())
}

fn show(text: &mut ConfigText, section: &SectionName, key: &str) -> Result<(), EditError> {
    let hidden = format!("{PREFIX}{key}");
    if let Some(entry) = text.entry(section, &hidden) {
        let original = entry.key()[PREFIX.len()..].to_owned();
        text.rename_key(section, &hidden, &original)?;
    }
    Ok(())
}

/// The lines that went and the lines that came; none that only stayed, whatever stands in it.
fn difference(before: &str, after: &str) -> Vec<String> {
    let gone = surplus(before, after).map(|line| format!("- {line}"));
    let came = surplus(after, before).map(|line| format!("+ {line}"));
    gone.chain(came).collect()
}

/// The lines that a text has more often than the other.
fn surplus<'a>(text: &'a str, other: &'a str) -> impl Iterator<Item = &'a str> {
    let mut others: HashMap<&str, usize> = HashMap::new();
    for line in other.lines() {
        *others.entry(line).or_default() += 1;
    }
    text.lines().filter(move |line| match others.get_mut(line) {
        Some(left @ 1..) => {
            *left -= 1;
            false
        }
        _ => true,
    })
}
