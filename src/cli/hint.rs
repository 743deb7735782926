//! What to do about an error: advice, with an exact command where there is one. Each error is listed, so that a new one does
//! not compile until somebody decided what to say.

mod files;
mod rotate;
mod sessions;

use std::ffi::OsString;

use self::{
    files::{of_aws_vault, of_backup, of_file, of_interchange, of_shares, of_vault},
    sessions::{of_aws, of_consent, of_obtain, of_profile},
};
use crate::{
    aws::endpoints,
    clipboard::ClipboardError,
    commands::{
        Error,
        mfa::{delete_command, enable::Begun},
    },
    process::LaunchError,
    prompt::PromptError,
    session::PlanError,
    settings::SettingsError,
    visible::shell_word,
};

/// What to do about it: an exact command where there is one.
pub(super) fn hint(error: &Error) -> Option<String> {
    match error {
        Error::Vault(error) => of_vault(error),
        Error::File(error) => of_file(error),
        Error::Settings(SettingsError::File(error)) => of_file(error),
        Error::Settings(SettingsError::Invalid { .. }) => {
            Some("`mfavault settings --help` lists the keys, their values and what holds without them".to_owned())
        }
        Error::Aws(error) => of_aws(error),
        Error::Obtain(error) => of_obtain(error),
        Error::Consent(error) => of_consent(error),
        Error::Plan(PlanError::RoleDuration { .. }) => Some("ask for less with --duration, such as -d 12h".to_owned()),
        Error::Plan(PlanError::PolicyWithoutRole { .. }) => {
            Some("leave --policy and --policy-arn out, or ask for a profile with a role_arn".to_owned())
        }
        Error::Plan(PlanError::NoEnvironmentKeys { .. }) => {
            Some("set the two variables, or name a source_profile instead of credential_source".to_owned())
        }
        Error::Plan(PlanError::OtherSource { profile, .. }) => {
            Some(format!("store its key with `mfavault add {profile}`", profile = shell_word(profile)))
        }
        Error::Profile(error) => of_profile(error),
        Error::Prompt(PromptError::NoTerminal { instead, .. }) => Some(format!("give {instead}")),
        Error::Prompt(PromptError::Interrupted | PromptError::Io(_)) => None,
        Error::Launch(LaunchError::NotFound { .. }) => Some("check the name and PATH".to_owned()),
        Error::Launch(_) => None,
        Error::Seed(_) => {
            Some("paste the base32 text that AWS shows under `Show secret key`, or the otpauth:// URI".to_owned())
        }
        Error::Backup { source, .. } => of_backup(source),
        Error::Shares(error) => of_shares(error),
        Error::NothingToBackUp | Error::NothingToWatch | Error::NothingToExport => {
            Some("enable a device with `mfavault mfa enable`, or import one".to_owned())
        }
        Error::RecordGone { kind: "device", name } => Some(format!(
            "restore it from an older backup, or forget it with `mfavault mfa remove {name}`",
            name = shell_word(name)
        )),
        Error::RecordGone { name, .. } => {
            Some(format!("store it again with `mfavault add {name} --force`", name = shell_word(name)))
        }
        Error::Interchange(error) => of_interchange(error),
        Error::NothingToImport => Some(
            "`mfavault mfa import --help` lists the formats; `mfavault mfa import NAME` takes one seed by hand"
                .to_owned(),
        ),
        Error::ForOneDevice { .. } => {
            Some("leave it out, or take that one in alone: `mfavault mfa import NAME --stdin`".to_owned())
        }
        Error::ImportConflict { .. } => Some("--force replaces the seeds here by those".to_owned()),
        Error::RestoreConflict { .. } => Some("--overwrite takes those of the backup".to_owned()),
        Error::Declined => None,
        Error::NoDeviceOfProfile { profile } => Some(format!(
            "`mfavault mfa enable {profile}` makes one, `mfavault mfa import --profile {profile}` takes a seed in",
            profile = shell_word(profile)
        )),
        Error::NoDevice { .. } => Some("see `mfavault mfa list`; `mfavault mfa import` takes a seed in".to_owned()),
        Error::SeveralDevices { .. } => Some("name the device instead of the profile".to_owned()),
        Error::DeviceExists { .. } => Some("take another name, or replace the seed with --force".to_owned()),
        Error::Clipboard(ClipboardError::None(_)) => Some("leave --copy out, and the code is printed".to_owned()),
        Error::Clipboard(ClipboardError::Helper { .. } | ClipboardError::Terminal(_)) => None,
        Error::NameTaken { name } => Some(format!(
            "take another name, or rename that one first: `mfavault mfa rename {name} NEW_NAME`",
            name = shell_word(name)
        )),
        Error::SerialNumberHeld { name, .. } => Some(format!(
            "replace its seed with `mfavault mfa import {name} --force`, or give another --serial",
            name = shell_word(name)
        )),
        Error::NoPartition { .. } => {
            Some(format!("one of {}", endpoints::partition_names().collect::<Vec<_>>().join(", ")))
        }
        Error::ReportLate => Some("try again in a minute: AWS goes on making it".to_owned()),
        Error::NameNeeded => Some("give a name: `mfavault mfa import NAME`".to_owned()),
        Error::NotForAws { .. } => {
            Some("import it without --serial and --profile to use it with `mfavault code`".to_owned())
        }
        Error::PictureFormat { .. } => Some("--output FILE.png or --output FILE.svg".to_owned()),
        Error::NotATerminal => {
            Some("--output FILE.png writes a file only you can read; --force prints it anyway".to_owned())
        }
        Error::QrTooWide { .. } => {
            Some("make the terminal wider or its letters smaller, or write it with --output FILE.png".to_owned())
        }
        Error::NoKey { profile } => Some(format!(
            "`mfavault list` shows what there is; `mfavault add {profile}` stores one",
            profile = shell_word(profile)
        )),
        Error::KeyExists { .. } => Some("--force replaces it".to_owned()),
        Error::KeyRefused { .. } => {
            Some("check both halves; a new key is known after some seconds; --no-verify stores it unchecked".to_owned())
        }
        Error::KeyConflict { .. } => Some("--force replaces them; --profile takes only the others".to_owned()),
        Error::AwsVault(error) => of_aws_vault(error),
        Error::AwsVaultBackend { .. } => Some(
            "read are `secret-service`, `file` and `pass`; or print each key, `aws-vault export --no-session PROFILE`, \
             and store it with `mfavault add PROFILE`"
                .to_owned(),
        ),
        Error::Rotate(error) => rotate::hint(error),
        Error::RootUser { arn } => Some(format!(
            "sign in to the console as root, under `Security credentials` assign an MFA device, an authenticator app, and \
             choose `Show secret key`; then `mfavault mfa import root --serial arn:{}:iam::{}:mfa/root-account-mfa-device` \
             takes it in, and `mfavault mfa codes root` gives the two codes that the page asks for",
            arn.partition, arn.account_id
        )),
        Error::NotOfAUser { .. } => {
            Some("name the profile of the user's own key, or the user with --user-name".to_owned())
        }
        Error::NoSessionOfKey { profile } => Some(format!(
            "`{profile}` leads to a role or another key: name a profile that has this key and neither role_arn nor source_profile"
        )),
        Error::NotAUser { .. } => {
            Some("the root user's device is enabled in the console only; then `mfavault mfa import`".to_owned())
        }
        Error::OnlyPasskeys { .. } => Some(
            "passkeys and security keys have no codes: have an administrator enable the device with --user-name, or \
             enable a virtual one in the console and take it in with `mfavault mfa import`"
                .to_owned(),
        ),
        Error::DeviceLimit { profile, user_name, is_own, .. } => {
            let whose = if *is_own { String::new() } else { format!(" --user-name {user_name}") };
            Some(format!(
                "retire one first: `mfavault mfa deactivate SERIAL-NUMBER --profile {profile}{whose} --delete`",
                profile = shell_word(profile)
            ))
        }
        Error::NamesTaken { .. } => Some("choose one with --name".to_owned()),
        Error::EnrolmentUnfinished { begun, .. } => {
            Some(format!("nothing is lost: `{}` goes on from here", command_for(begun)))
        }
        Error::EnrolmentBegun { begun, name } => Some(format!(
            "finish that first: `{}`; if `mfavault mfa list --remote` says that AWS does not demand it, it can be forgotten \
             instead: `mfavault mfa remove {name}`",
            command_for(begun),
            name = shell_word(name)
        )),
        Error::NotAtAws { name, .. } => Some(format!(
            "make a device of another name with --name, or forget the seed: `mfavault mfa remove {name}`",
            name = shell_word(name)
        )),
        Error::DeviceInUse { .. } => {
            Some("make a device of another name with --name; if it was just enabled, run the same again".to_owned())
        }
        Error::PictureExists { .. } => Some("name another file with --qr, or move this one away".to_owned()),
        Error::NotProved { .. } => Some("wait a minute and run the same again: it goes on from there".to_owned()),
        Error::NotInConfig { profile, .. } => {
            Some(format!("`mfavault add {profile}` adds it, or edit the file", profile = shell_word(profile)))
        }
        Error::StaticKeys { profile, in_config: false, .. } => Some(format!(
            "move them into the vault: `mfavault add {profile} --from-credentials-file`",
            profile = shell_word(profile)
        )),
        Error::StaticKeys { profile, in_config: true, .. } => Some(format!(
            "store them with `mfavault add {profile}`, then delete them from the config file",
            profile = shell_word(profile)
        )),
        Error::TakenFirst { key, config, .. } => {
            Some(format!("move {key} and what belongs to it to {}, or delete it", config.display()))
        }
        Error::NothingToServe { profile } => Some(format!(
            "leave --no-session out, or hand them out as they are: `mfavault exec {profile} -- COMMAND`",
            profile = shell_word(profile)
        )),
        Error::NothingToUnlock { .. } => {
            Some("the system opens its own when you log in, `pass` asks by itself; --keystore file names the encrypted file".to_owned())
        }
        Error::PassphraseRememberedStill { .. } => {
            Some("see to the system's keystore, then `mfavault keystore passphrase --to-os`".to_owned())
        }
        Error::PassphrasesDiffer | Error::EmptyPassphrase => Some("try again".to_owned()),
        Error::BackupNotReadBack { .. } => {
            Some("do not rely on this file; check the disk and try another place".to_owned())
        }
        Error::Destination { .. } => Some(
            "give a service such as `ec2`, a path such as `ec2/home#Instances:`, or a URL of the console".to_owned(),
        ),
        Error::LongTermAtConsole { .. } => {
            Some("sign in with a profile that has a role_arn, or whose key is in the vault".to_owned())
        }
        Error::NoBrowser { profile } | Error::BrowserStaysAway { profile } => Some(format!(
            "`mfavault login {profile} --print` prints the address, which is as good as a password for 15 minutes",
            profile = shell_word(profile)
        )),
        Error::ProfileNeeded { .. } => Some("name the profile with --profile PROFILE".to_owned()),
        Error::OtherAccount { .. } => Some("name a profile of that account with --profile PROFILE".to_owned()),
        Error::NotOfUser { owner: Some(owner), .. } => {
            Some(format!("an administrator may change it with --user-name {owner}"))
        }
        Error::NotOfUser { owner: None, .. } => Some(
            "`mfavault mfa list --remote` shows whose is what; another user's is named with --user-name".to_owned(),
        ),
        Error::NotEnabled { .. } => {
            Some("`mfavault mfa list --remote` shows how it stands; `mfavault mfa enable` enables it".to_owned())
        }
        Error::SeedNotHere { .. } => {
            Some("take it in with `mfavault mfa import --serial ARN --profile PROFILE`, if you have it".to_owned())
        }
        Error::NotVirtual { .. } => Some(
            "leave --delete out: deactivated, nobody is asked for it, and it may be used for somebody else".to_owned(),
        ),
        Error::BeingReplaced { name, .. } => {
            Some(format!("finish that first with `mfavault mfa replace {name}`", name = shell_word(name)))
        }
        Error::NotDeleted { serial_number, .. } => Some(format!(
            "an administrator deletes it with `{}`; then the same command forgets the seed, which stays here until then",
            delete_command(serial_number)
        )),
        Error::CounterBased { name } => {
            Some(format!("`mfavault code {name}` gives its next code", name = shell_word(name)))
        }
        Error::NoSerialNumber { name } => Some(format!("import `{name}` again with --serial ARN")),
        Error::SharedConfig(_)
        | Error::Edit(_)
        | Error::Environment(_)
        | Error::Export(_)
        | Error::Endpoint(_)
        | Error::Uri(_)
        | Error::Qr(_)
        | Error::Picture { .. }
        | Error::NotABackup { .. }
        | Error::RecordName { .. }
        | Error::SerialNumber(_)
        | Error::NoFolder { .. }
        | Error::KeyInput { .. }
        | Error::NoKeysToImport
        | Error::PasswordStore { .. }
        | Error::DeviceName { .. }
        | Error::NotSetUp { .. }
        | Error::WatchNeedsTerminal
        | Error::NotText { .. }
        | Error::Report(_)
        | Error::Rehearsal { .. }
        | Error::Policy { .. }
        | Error::Io { .. } => None,
    }
}

/// What goes on with an enrolment.
fn command_for(begun: &Begun) -> String {
    let profile = &begun.profile;
    let mut command = match &begun.replaces {
        Some(name) => format!(
            "mfavault mfa replace {name} --profile {profile}",
            name = shell_word(name),
            profile = shell_word(profile)
        ),
        None => format!("mfavault mfa enable {profile}", profile = shell_word(profile)),
    };
    command.extend(begun.user_name.iter().map(|user_name| format!(" --user-name {user_name}")));
    command
}

/// What aws-vault calls otherwise, and where the command of `exec` belongs.
pub(super) fn of_unknown_argument(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let unknown = match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(text) => text.split('=').next()?,
        _ => return None,
    };
    let ours = match unknown {
        "-j" | "--json" => "`mfavault export PROFILE --format json`",
        "-t" | "--mfa-token" => "--mfa-code",
        "--assume-role-ttl" | "--session-ttl" | "--chained-session-token-ttl" | "--federation-token-ttl" => {
            "--duration"
        }
        "-s" | "--stdout" => "--print",
        "--ecs-server" | "--ec2-server" => "--server",
        "--debug" => "-v",
        "--backend" => "--keystore",
        "--path" => "--destination",
        _ => {
            let is = |word: &str| arguments.iter().skip(1).any(|argument| argument == word);
            let is_word = !unknown.starts_with('-') && is("exec") && !is("--");
            return is_word.then(|| "the command stands behind `--`: mfavault exec PROFILE -- COMMAND".to_owned());
        }
    };
    Some(format!("what is {unknown} in aws-vault is {ours} here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_that_aws_may_demand_is_not_to_be_forgotten_without_a_look() {
        let begun = Begun {
            profile: "main".parse().expect("a name"),
            serial_number: "arn:aws:iam::111122223333:mfa/bob".parse().expect("a serial number"),
            user_name: Some("bob".to_owned()),
            replaces: None,
        };
        let hint = hint(&Error::EnrolmentBegun { begun: Box::new(begun), name: "bob".to_owned() }).expect("a hint");
        let places = ["mfavault mfa enable main --user-name bob", "mfa list --remote", "mfavault mfa remove bob"];
        let places = places.map(|words| hint.find(words));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{hint}");
    }
}
