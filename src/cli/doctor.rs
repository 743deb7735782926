//! `doctor`: what was found in words, each finding with what to do about it.

use std::{error::Error as _, io, process::ExitCode};

use serde_json::{Value, json};

use super::{
    args::{DoctorArgs, Global},
    hint::hint,
    render,
    report::Colour,
};
use crate::{
    commands::{
        Error,
        doctor::{Area, Fact, Finding, Weight},
        mfa::delete_command,
    },
    visible::{shell_word, visible},
};

/// Shows the findings; says whether anything is wrong.
pub(super) fn findings(findings: &[Finding], as_json: bool, colour: Colour) -> (bool, io::Result<()>) {
    let is_wrong = findings.iter().any(|finding| finding.weight() == Weight::Wrong);
    if as_json {
        let rows = findings.iter().map(|finding| {
            json!({
                "area": finding.area.as_str(),
                "status": status(finding),
                "finding": visible(&what(&finding.fact)),
                "repair": repair(finding),
                "fixable": finding.fact.can_be_mended(),
            })
        });
        return (is_wrong, render::print_json(&Value::Array(rows.collect())));
    }
    let mut text = String::new();
    for finding in findings {
        let status = status(finding);
        let painted = match status {
            "wrong" => colour.paint("1;31", "wrong "),
            "note" => colour.paint("1;33", "note  "),
            _ => colour.paint("32", &format!("{status:<6}")),
        };
        text.push_str(&format!("{painted} {:<9} {}\n", finding.area.as_str(), visible(&what(&finding.fact))));
        if let Some(repair) = repair(finding) {
            text.push_str(&format!("{:17}{} {}\n", "", colour.paint("1;36", "repair:"), visible(&repair)));
        }
    }
    (is_wrong, render::print(&text))
}

/// Where settings or environment let nothing else be looked at.
pub(super) fn without_a_world(
    files: Vec<Fact>,
    error: Error,
    arguments: &DoctorArgs,
    global: &Global,
) -> Result<ExitCode, Error> {
    let mut all: Vec<Finding> = files.into_iter().map(Finding::of(Area::Files)).collect();
    let is_told = all.iter().any(|of| matches!(&of.fact, Fact::Fails(told) if told.to_string() == error.to_string()));
    if !is_told {
        all.push(Finding::of(Area::Config)(Fact::Fails(error)));
    }
    let (_, shown) = findings(&all, arguments.json, Colour::for_output(global.color));
    shown.map_err(|source| Error::Io { action: "write to standard output", source })?;
    Ok(ExitCode::FAILURE)
}

fn status(finding: &Finding) -> &'static str {
    match finding.weight() {
        _ if finding.mended => "mended",
        Weight::Good => "ok",
        Weight::Note => "note",
        Weight::Wrong => "wrong",
    }
}

/// The fact.
fn what(fact: &Fact) -> String {
    match fact {
        Fact::NothingWrong => "nothing wrong was found".to_owned(),
        Fact::NotAsked => "not checked: AWS was not asked".to_owned(),
        Fact::NotLookedAt => "could not be looked at, as said above".to_owned(),
        Fact::Keystore { name, state, .. } => format!("`{name}`: {state}"),
        Fact::Fails(error) => with_causes(error),
        Fact::FailsFor { profile, error } => format!("profile `{profile}`: {}", with_causes(error)),
        Fact::Ghost { kind, name } => format!("the {kind} `{name}` is named in the index, and is not in the keystore"),
        Fact::HasNone { keystore, count } => format!(
            "the keystore `{keystore}` has nothing of what the index names ({}): another one is there, or it was emptied",
            counted(*count, "record")
        ),
        Fact::UnfinishedEnrolment { profile, serial_number } => {
            format!("the device {serial_number} was begun with `{profile}`, and not finished")
        }
        Fact::IndexDamaged(error) => error.to_string(),
        Fact::Unnamed { kind, name } => {
            format!("the {kind} `{name}` is in the keystore, and the index does not name it")
        }
        Fact::Strays { count } => {
            format!("{} in the keystore that the index does not name", counted(*count, "session"))
        }
        Fact::NotOpened(error) => format!("{error}; what it holds was not looked at"),
        Fact::UnfinishedMove { from, to, .. } => {
            format!("a move from the keystore `{from}` to `{to}` was begun, and not finished")
        }
        Fact::UnderWay { what, profile } => format!("another command is about the {what} of `{profile}`"),
        Fact::UnfinishedRotation { profile, masked_old, only_deletion: true } => {
            format!("the access key {masked_old} of `{profile}` was replaced and is inactive, and not deleted")
        }
        Fact::UnfinishedRotation { profile, masked_old, .. } => {
            format!("the replacement of the access key {masked_old} of `{profile}` was begun, and not finished")
        }
        Fact::KeystoreDamaged { reason, can_go_back: true } => {
            format!("the file of the keystore `file` is damaged: {reason}; the generation before it is there")
        }
        Fact::KeystoreDamaged { reason, .. } => format!("the file of the keystore `file` is damaged: {reason}"),
        Fact::SetAside { paths } => {
            let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            format!("damaged files of the keystore `file` were set aside: {}", paths.join(", "))
        }
        Fact::LogTampered(fault) => format!("the audit log is not as it was written: {fault}"),
        Fact::LogLarge { bytes } => format!("the audit log has {} MiB", bytes >> 20),
        Fact::LogClosedBroken { file, fault } => format!(
            "the audit log before this one{} was not as it was written when it was closed: {fault}",
            file.as_ref().map(|file| format!(" ({file})")).unwrap_or_default()
        ),
        Fact::LogClosedChanged { path } => {
            format!("{} is not the audit log that was closed under this name", path.display())
        }
        Fact::LooseMode { path, mode } => {
            format!("{} has mode {mode:04o}: others on this machine may look into it", path.display())
        }
        Fact::PassphraseReadable { path, mode } => format!(
            "{}, which MFAVAULT_PASSPHRASE_FILE names, has mode {mode:04o}: others on this machine may read the passphrase",
            path.display()
        ),
        Fact::LeftOver { path } => format!("a killed run left the unfinished file {}", path.display()),
        Fact::IdleLocks { folder, names } => {
            format!("{} of sessions in {}, which take no room", counted(names.len(), "lock file"), folder.display())
        }
        Fact::BeatsProcess { profile, key, place } => format!(
            "the AWS CLI and SDKs take {key} at {place} before the credential_process of `{profile}`, and never ask mfavault"
        ),
        Fact::OddHeading { place, heading, .. } => {
            format!("AWS's tools pass over {heading} at {place}, and all that stands below it")
        }
        Fact::ProcessGone { place, program, .. } => {
            format!("the credential_process at {place} starts {program}, which is not there")
        }
        Fact::UserArnAsSerial { place, .. } => {
            format!("{place} is the ARN of a user, not of an MFA device: AWS takes no code for it")
        }
        Fact::KeyInClear { profile, place, is_held: Some(false) } => {
            format!("an access key of `{profile}` stands in plain text at {place}, and another one is here")
        }
        Fact::KeyInClear { profile, place, .. } => {
            format!("an access key of `{profile}` stands in plain text at {place}")
        }
        Fact::SessionInClear { profile, place } => {
            format!(
                "session credentials of `{profile}` stand in plain text at {place}, where the AWS CLI takes them first"
            )
        }
        Fact::CliCache { folder, count } => {
            format!("the AWS CLI keeps {} in plain text in {}", counted(*count, "session"), folder.display())
        }
        Fact::KeysInEnvironment => {
            "AWS_ACCESS_KEY_ID is set in this shell: the AWS CLI takes it before any profile".to_owned()
        }
        Fact::Clock { seconds: 0 } => "this machine's clock and AWS's agree".to_owned(),
        Fact::Clock { seconds } => format!(
            "this machine's clock is {} s {} AWS's",
            seconds.unsigned_abs(),
            if *seconds < 0 { "ahead of" } else { "behind" }
        ),
        Fact::ClockUnknown => "not compared with AWS's: there was no answer to compare it with".to_owned(),
        Fact::OldKey { profile, age } => format!("the access key of `{profile}` is {} days old", days(*age)),
        Fact::NotAtAws { name, serial_number, unassigned: true, .. } => {
            format!("AWS has the device `{name}` ({serial_number}) unassigned: it demands no codes of it")
        }
        Fact::NotAtAws { name, serial_number, .. } => {
            format!("AWS does not have the device `{name}` ({serial_number})")
        }
        Fact::NotHere { serial_number, .. } => format!("AWS demands {serial_number}, whose seed is not here"),
        Fact::Orphan { serial_number } => format!("nobody has {serial_number} at AWS, and its seed is not here"),
        Fact::NotBackedUp { names } => format!("no backup has {}", names.join(", ")),
    }
}

/// What to do about it; nothing where all is well.
fn repair(finding: &Finding) -> Option<String> {
    if finding.mended || finding.weight() == Weight::Good {
        return None;
    }
    let by_fix = |otherwise: String| Some(format!("`mfavault doctor --fix`{otherwise}"));
    match &finding.fact {
        Fact::NothingWrong | Fact::NotAsked | Fact::NotLookedAt | Fact::UnderWay { .. } => None,
        Fact::Keystore { unusable, .. } => unusable.as_ref().and_then(hint),
        // What an error names is mended where it says.
        Fact::Fails(error) | Fact::FailsFor { error, .. } => {
            Some(hint(error).unwrap_or_else(|| "mend what is named there, then look again".to_owned()))
        }
        Fact::Ghost { kind: "access key" | "device", .. }
        | Fact::Unnamed { .. }
        | Fact::Strays { .. }
        | Fact::LeftOver { .. }
        | Fact::IdleLocks { .. } => by_fix(String::new()),
        Fact::Ghost { .. } => Some("`mfavault clear`, if it does not go by itself".to_owned()),
        Fact::IndexDamaged(_) => by_fix(", which makes it anew from what the keystore holds".to_owned()),
        Fact::NotOpened(error) => hint(error),
        Fact::LooseMode { path, mode } if mode & 0o022 != 0 => {
            let mode = if path.is_dir() { "700" } else { "600" };
            let path = shell_word(path.display().to_string());
            Some(format!("look at what is there, for others could write to it; then `chmod {mode} {path}`"))
        }
        Fact::PassphraseReadable { path, .. } => Some(format!(
            "`chmod 600 {}`; a secret that is mounted like this may stay so, if nobody else is there",
            shell_word(path.display().to_string())
        )),
        Fact::HasNone { .. } => Some(
            "see to it that the right one is there; else `mfavault backup restore FILE`, or `mfavault remove PROFILE` and \
             `mfavault mfa remove NAME`"
                .to_owned(),
        ),
        Fact::LooseMode { path, .. } => {
            let mode = if path.is_dir() { "700" } else { "600" };
            by_fix(format!(", or `chmod {mode} {}`", shell_word(path.display().to_string())))
        }
        Fact::UnfinishedEnrolment { profile, .. } => Some(format!("`mfavault mfa enable {}`", shell_word(profile))),
        Fact::UnfinishedMove { to, seeds_only, .. } => {
            Some(format!("`mfavault keystore move --to {to}{}`", if *seeds_only { " --seeds" } else { "" }))
        }
        Fact::UnfinishedRotation { profile, only_deletion: true, .. } => Some(format!(
            "`mfavault rotate {profile}`, or with `--deactivate-only` to leave it",
            profile = shell_word(profile)
        )),
        Fact::UnfinishedRotation { profile, .. } => Some(format!("`mfavault rotate {}`", shell_word(profile))),
        Fact::KeystoreDamaged { can_go_back: true, .. } => Some("`mfavault doctor --restore-keystore`".to_owned()),
        Fact::KeystoreDamaged { .. } => Some("`mfavault backup restore FILE`, with the file moved away".to_owned()),
        Fact::SetAside { .. } => Some("remove them, once nothing is missing".to_owned()),
        Fact::LogTampered(_) => Some(
            "find out who did that: `mfavault audit show` shows what is left; then `mfavault audit rotate` keeps it, and begins \
             a new one"
                .to_owned(),
        ),
        Fact::LogLarge { .. } => Some("`mfavault audit rotate` keeps it, and begins a new one".to_owned()),
        Fact::LogClosedBroken { .. } => Some("`mfavault audit verify` shows how those before it are".to_owned()),
        Fact::LogClosedChanged { path } => Some(format!(
            "find out who did that; then bring it back from a backup, or move it away: `mv {path} {path}.changed`",
            path = shell_word(path.display())
        )),
        Fact::BeatsProcess { profile, .. } | Fact::ProcessGone { profile, .. } => {
            Some(format!("`mfavault setup {}`", shell_word(profile)))
        }
        Fact::OddHeading { meant, .. } => Some(format!("write {meant}, if that is meant")),
        Fact::UserArnAsSerial { serial_number: Some(serial_number), .. } => Some(format!("write {serial_number}")),
        Fact::UserArnAsSerial { .. } => {
            Some("write the device's ARN, with :mfa/ in it; `aws iam list-mfa-devices` shows it".to_owned())
        }
        Fact::KeyInClear { place, is_held: Some(false), .. } => {
            Some(format!("delete it at {place}, if it is of no use any more"))
        }
        Fact::KeyInClear { profile, is_held: Some(true), .. } => {
            Some(format!("`mfavault import credentials-file --profile {} --remove-source`", shell_word(profile)))
        }
        Fact::KeyInClear { profile, .. } => {
            Some(format!("`mfavault import credentials-file --profile {}`", shell_word(profile)))
        }
        Fact::SessionInClear { .. } => Some("delete them there".to_owned()),
        Fact::CliCache { folder, .. } => Some(format!("`rm -r {}`", shell_word(folder.display().to_string()))),
        Fact::KeysInEnvironment => Some("`unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN`".to_owned()),
        Fact::Clock { .. } => Some("set the clock, such as by `timedatectl set-ntp true`".to_owned()),
        Fact::ClockUnknown => Some("ask without --offline; `mfavault add PROFILE` stores a key to ask with".to_owned()),
        Fact::OldKey { profile, .. } => Some(format!("`mfavault rotate {}`", shell_word(profile))),
        Fact::NotAtAws { profile: Some(profile), unassigned: true, .. } => {
            Some(format!("`mfavault mfa enable {}` enables it again", shell_word(profile)))
        }
        Fact::NotAtAws { name, .. } => Some(format!(
            "`mfavault mfa remove {}`, if it is of no use any more, and `mfavault mfa enable` for a new one",
            shell_word(name)
        )),
        Fact::NotHere { serial_number, .. } => {
            Some(format!("`mfavault mfa import --serial {serial_number}`, if its seed can be had"))
        }
        Fact::Orphan { serial_number } => Some(format!("`{}`, by an administrator", delete_command(serial_number))),
        Fact::NotBackedUp { .. } => Some("`mfavault backup create FILE`".to_owned()),
    }
}

fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.ends_with(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = error.source();
    }
    text
}

fn days(age: std::time::Duration) -> u64 {
    age.as_secs() / (24 * 3600)
}

fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
