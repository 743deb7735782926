//! What to do about an error: advice, with an exact command where there is one. Each error is listed, so that a new one does
//! not compile until somebody decided what to say.

use std::{ffi::OsString, io};

use crate::{
    atomic_file::FileError,
    aws::AwsError,
    backup_file::BackupFileError,
    commands::Error,
    keystore::KeystoreError,
    process::LaunchError,
    profile::{LineFault, MalformedLine, ProfileError},
    prompt::PromptError,
    session::{Denial, ObtainError, PlanError},
    vault::{Part, VaultError},
};
/// What to do about it: an exact command where there is one.
pub(super) fn hint(error: &Error) -> Option<String> {
    match error {
        Error::Vault(error) => of_vault(error),
        Error::File(error) => of_file(error),
        Error::Aws(error) => of_aws(error),
        Error::Obtain(error) => of_obtain(error),
        Error::Plan(PlanError::RoleDuration { .. }) => Some("ask for less with --duration, such as -d 12h".to_owned()),
        Error::Plan(PlanError::PolicyWithoutRole { .. }) => {
            Some("leave --policy and --policy-arn out, or ask for a profile with a role_arn".to_owned())
        }
        Error::Plan(PlanError::NoEnvironmentKeys { .. }) => {
            Some("set the two variables, or name a source_profile instead of credential_source".to_owned())
        }
        Error::Plan(PlanError::OtherSource { profile, .. }) => {
            Some(format!("store its key with `mfavault add {profile}`"))
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
        Error::NothingToBackUp | Error::NothingToWatch => {
            Some("enable a device with `mfavault mfa enable`, or import one".to_owned())
        }
        Error::RecordGone { kind: "device", name } => {
            Some(format!("restore it from an older backup, or forget it with `mfavault mfa remove {name}`"))
        }
        Error::RecordGone { name, .. } => Some(format!("store it again with `mfavault add {name} --force`")),
        Error::RestoreConflict { .. } => Some("--overwrite takes those of the backup".to_owned()),
        Error::Declined => Some("answer `y`, or give --yes or --force where the command has it".to_owned()),
        Error::NoDeviceOfProfile { profile } => Some(format!(
            "`mfavault mfa enable {profile}` makes one, `mfavault mfa import --profile {profile}` takes a seed in"
        )),
        Error::NoDevice { .. } => Some("see `mfavault mfa list`; `mfavault mfa import` takes a seed in".to_owned()),
        Error::SeveralDevices { .. } => Some("name the device instead of the profile".to_owned()),
        Error::DeviceExists { .. } => Some("take another name, or replace the seed with --force".to_owned()),
        Error::SerialNumberHeld { name, .. } => {
            Some(format!("replace its seed with `mfavault mfa import {name} --force`, or give another --serial"))
        }
        Error::NameNeeded => Some("give a name: `mfavault mfa import NAME`".to_owned()),
        Error::NotForAws { .. } => {
            Some("import it without --serial and --profile to use it with `mfavault code`".to_owned())
        }
        Error::PictureFormat { .. } => Some("--output FILE.png or --output FILE.svg".to_owned()),
        Error::NotATerminal => {
            Some("--output FILE.png writes a file only you can read; --force prints it anyway".to_owned())
        }
        Error::NoKey { profile } => {
            Some(format!("`mfavault list` shows what there is; `mfavault add {profile}` stores one"))
        }
        Error::KeyExists { .. } => Some("--force replaces it".to_owned()),
        Error::KeyRefused { .. } => {
            Some("check both halves; a new key is known after some seconds; --no-verify stores it unchecked".to_owned())
        }
        Error::NotAUser { .. } => {
            Some("the root user's device is enabled in the console only; then `mfavault mfa import`".to_owned())
        }
        Error::UserHasDevice { .. } => Some(
            "take its seed in with `mfavault mfa import --serial ARN --profile PROFILE`, if you have it".to_owned(),
        ),
        Error::NamesTaken { .. } => Some("choose one with --name".to_owned()),
        Error::EnrolmentUnfinished { profile, .. } => {
            Some(format!("nothing is lost: `mfavault mfa enable {profile}` goes on from here"))
        }
        Error::NotAtAws { name, .. } => {
            Some(format!("make a device of another name with --name, or forget the seed: `mfavault mfa remove {name}`"))
        }
        Error::PictureExists { .. } => Some("name another file with --qr, or move this one away".to_owned()),
        Error::NotProved => Some("wait a minute and run `mfavault mfa enable` again: it goes on from there".to_owned()),
        Error::NotInConfig { profile, .. } => Some(format!("`mfavault add {profile}` adds it, or edit the file")),
        Error::StaticKeys { profile, in_config: false, .. } => {
            Some(format!("move them into the vault: `mfavault add {profile} --from-credentials-file`"))
        }
        Error::StaticKeys { profile, in_config: true, .. } => {
            Some(format!("store them with `mfavault add {profile}`, then delete them from the config file"))
        }
        Error::TakenFirst { key, config, .. } => {
            Some(format!("move {key} and what belongs to it to {}, or delete it", config.display()))
        }
        Error::NothingToServe { profile } => {
            Some(format!("leave --no-session out, or hand them out as they are: `mfavault exec {profile} -- COMMAND`"))
        }
        Error::NothingToUnlock { .. } => {
            Some("the system opens it when you log in; `unlock` is for --keystore file".to_owned())
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
            "`mfavault login {profile} --print` prints the address, which is as good as a password for 15 minutes"
        )),
        Error::NoSerialNumber { name } => Some(format!("import `{name}` again with --serial ARN")),
        Error::SharedConfig(_)
        | Error::Edit(_)
        | Error::Environment(_)
        | Error::Export(_)
        | Error::Endpoint(_)
        | Error::Uri(_)
        | Error::Qr(_)
        | Error::SeveralQrCodes { .. }
        | Error::NotABackup { .. }
        | Error::RecordName { .. }
        | Error::KeyInput { .. }
        | Error::DeviceName { .. }
        | Error::NotSetUp { .. }
        | Error::Clipboard(_)
        | Error::WatchNeedsTerminal
        | Error::NotText { .. }
        | Error::Rehearsal { .. }
        | Error::Policy { .. }
        | Error::Io { .. } => None,
    }
}

fn of_vault(error: &VaultError) -> Option<String> {
    match error {
        VaultError::Keystore(error) => of_keystore(error),
        VaultError::File(error) => of_file(error),
        VaultError::Damaged { what, .. } => of_damage(what),
        VaultError::NotReadBack { .. } => Some("nothing was entrusted to it; try another with --keystore".to_owned()),
    }
}

fn of_damage(what: &Part) -> Option<String> {
    match what {
        Part::Record(record) => match record.kind() {
            "key" => Some(format!("store it again with `mfavault add {} --force`", record.name())),
            "device" => Some(format!(
                "forget `{}` with `mfavault mfa remove`, then `mfavault backup restore FILE` brings it back",
                record.name()
            )),
            _ => None,
        },
        Part::Index(path) => Some(format!(
            "move {} away; the records themselves stay, and `mfavault add PROFILE` and `mfavault mfa import NAME` enter \
             them again",
            path.display()
        )),
        Part::Ledger(path) => {
            Some(format!("delete {}; codes of the last minutes may then be refused once", path.display()))
        }
        Part::Choice(path) => {
            Some(format!("write `os` or `file`, where your records are, into {}, or give --keystore", path.display()))
        }
    }
}

fn of_keystore(error: &KeystoreError) -> Option<String> {
    match error {
        KeystoreError::Locked { keystore: "file", .. } => Some(
            "run it on a terminal, or `mfavault unlock --for 8h` first, or set MFAVAULT_PASSPHRASE_FILE".to_owned(),
        ),
        KeystoreError::Locked { .. } => Some("unlock it where you manage your passwords, then try again".to_owned()),
        KeystoreError::WrongPassphrase { .. } => Some("try again; the keystore itself is whole".to_owned()),
        KeystoreError::Unavailable { keystore: "os", .. } => {
            Some("start the system's keyring, or use the encrypted file with --keystore file".to_owned())
        }
        KeystoreError::Corrupt { keystore: "file", .. } => Some(
            "the generation before it is beside it: copy `keystore.previous` to `keystore` to go back to it".to_owned(),
        ),
        KeystoreError::File(error) => of_file(error),
        KeystoreError::NotFound { .. }
        | KeystoreError::Interrupted
        | KeystoreError::Unavailable { .. }
        | KeystoreError::TooLarge { .. }
        | KeystoreError::Corrupt { .. } => None,
    }
}

fn of_file(error: &FileError) -> Option<String> {
    match error {
        FileError::Unsafe { repair, .. } => Some(repair.clone()),
        FileError::Io { source, .. } => match source.kind() {
            io::ErrorKind::AlreadyExists => Some("choose another name, or replace it with --force".to_owned()),
            io::ErrorKind::StorageFull => Some("free some space; what was there before is whole".to_owned()),
            _ => None,
        },
    }
}

fn of_obtain(error: &ObtainError) -> Option<String> {
    match error {
        ObtainError::Vault(error) => of_vault(error),
        ObtainError::Aws(error) => of_aws(error),
        ObtainError::CodeNeeded { source: PromptError::NoTerminal { instead, .. }, .. } => {
            Some(format!("give {instead}"))
        }
        ObtainError::NoKey { profile, .. } => Some(format!("store it with `mfavault add {profile}`")),
        ObtainError::SameCode => Some("wait for its next code and try again".to_owned()),
        ObtainError::SignInNeeded { source: PromptError::NoTerminal { .. }, .. } => {
            Some("sign in on a terminal first: `mfavault whoami PROFILE`".to_owned())
        }
        ObtainError::NotSignedIn { .. } => Some("try again, and approve the sign-in in the browser".to_owned()),
        ObtainError::NoPermissionSet { .. } => {
            Some("check sso_account_id and sso_role_name, or ask for the permission set to be assigned".to_owned())
        }
        ObtainError::ProcessLoop { profile, .. } => {
            Some(format!("let the `credential_process` of `{profile}` name another profile, or take it out"))
        }
        ObtainError::Denied { why, .. } => of_denial(why),
        ObtainError::CodeNeeded { .. }
        | ObtainError::NoCode { .. }
        | ObtainError::MfaProcess(_)
        | ObtainError::CredentialProcess { .. }
        | ObtainError::ProcessDocument { .. }
        | ObtainError::TokenFile { .. }
        | ObtainError::NoToken { .. }
        | ObtainError::PolicyForSession { .. }
        | ObtainError::SignInNeeded { .. }
        | ObtainError::Environment(_) => None,
    }
}

fn of_denial(why: &Denial) -> Option<String> {
    Some(match why {
        Denial::NoMfa { operation: "GetFederationToken" } => {
            "sign in with the profile of a role: MFA can go along with AssumeRole, and not with GetFederationToken"
                .to_owned()
        }
        Denial::NoMfa { .. } | Denial::TrustWithoutMfa { .. } => {
            "set mfa_serial in the profile or its source, or enable a device with `mfavault mfa enable`".to_owned()
        }
        Denial::MfaLost { .. } => "ask the role's owner: a role that is assumed through another one cannot demand MFA \
                                   with aws:MultiFactorAuthPresent"
            .to_owned(),
        Denial::MfaTooOld { .. } => {
            "`--refresh` gives a new code; if that is denied as well, it is not about its age".to_owned()
        }
        Denial::Trust { .. } => {
            "check the role's ARN and its trust policy: the principal, external_id, source_identity, tags".to_owned()
        }
        Denial::PartNotAllowed { needed, .. } => {
            let keys = if *needed == "TagSession" { "session_tags" } else { "source_identity" };
            format!("the role's trust policy and yours must allow sts:{needed}; or take {keys} out of the profile")
        }
        Denial::NotAllowed { operation } => format!("ask for a policy that allows sts:{operation} on this resource"),
        Denial::Forbidden { .. } => "ask who wrote the policy; `mfavault whoami` shows who you are to AWS".to_owned(),
        Denial::SerialNotOfUser { .. } => {
            "set mfa_serial to a device of this user; `mfavault mfa list --remote` compares them".to_owned()
        }
        Denial::SerialNotYetKnown { .. } => "wait some seconds and try again".to_owned(),
        Denial::TooManyChecks { .. } => "wait, and try again then".to_owned(),
        Denial::NeedsLongTerm { .. } => "store the user's access key with `mfavault add`".to_owned(),
    })
}

fn of_aws(error: &AwsError) -> Option<String> {
    match error {
        AwsError::InvalidAuthenticationCode { .. } => Some(
            "if this goes on, device and AWS are out of step or the seed is another one's: compare with `mfavault mfa list`"
                .to_owned(),
        ),
        AwsError::UnknownSerialNumber { .. } => Some(
            "check mfa_serial: it must be a device of this very user; a new device takes some seconds; after nine codes \
             in three minutes AWS takes none"
                .to_owned(),
        ),
        AwsError::AccessDenied { message, .. } if message.contains("explicit deny") => {
            Some("a policy forbids it, as force-MFA policies do without MFA: is mfa_serial set? see `mfavault list`".to_owned())
        }
        AwsError::InvalidCredentials { operation: "AssumeRoleWithWebIdentity", .. } => Some(
            "have the identity provider write a new token into the web_identity_token_file; the role must trust that provider"
                .to_owned(),
        ),
        AwsError::InvalidCredentials { operation: "CreateToken" | "StartDeviceAuthorization", .. } => {
            Some("forget the sign-in with `mfavault clear`, then try again".to_owned())
        }
        AwsError::DurationTooLong { message, .. } if message.contains("role chaining") => Some(
            "ask for 1h at most with --duration, or assume the role with the access key itself: --no-session".to_owned(),
        ),
        AwsError::DurationTooLong { .. } => Some(
            "ask for less with --duration or duration_seconds, or have the role's maximum session duration raised".to_owned(),
        ),
        AwsError::InvalidCredentials { .. } => Some(
            "the key may be deactivated or replaced (`mfavault add PROFILE --force`); IAM says the same to a session \
             without MFA"
                .to_owned(),
        ),
        AwsError::ClockSkew { .. } => Some("set this machine's clock, such as with `timedatectl set-ntp true`".to_owned()),
        AwsError::Unreachable { .. } => Some("check the network, HTTPS_PROXY and AWS_ENDPOINT_URL".to_owned()),
        AwsError::Throttled { .. } | AwsError::Service { status: 500.., .. } => {
            Some("wait a little and try again".to_owned())
        }
        AwsError::Expired { .. } => Some("forget it with `mfavault clear`".to_owned()),
        AwsError::SignInOver { .. } => Some("sign in again".to_owned()),
        AwsError::AccessDenied { .. }
        | AwsError::AuthorizationPending { .. }
        | AwsError::SlowDown { .. }
        | AwsError::LimitExceeded { .. }
        | AwsError::AlreadyExists { .. }
        | AwsError::NoSuchEntity { .. }
        | AwsError::UnusableAnswer { .. }
        | AwsError::InvalidSettings { .. }
        | AwsError::Service { .. } => None,
    }
}

fn of_profile(error: &ProfileError) -> Option<String> {
    match error {
        ProfileError::Missing { similar: Some(similar), .. } => {
            Some(format!("did you mean `{similar}`? `mfavault list` shows what there is"))
        }
        ProfileError::Missing { name, named_by: None, .. } if name.is_default() => {
            Some("name a profile, or set AWS_PROFILE; `mfavault list` shows what there is".to_owned())
        }
        ProfileError::Missing { name, named_by: None, .. } => {
            Some(format!("`mfavault add {name}` stores a key and adds it; `mfavault list` shows what there is"))
        }
        ProfileError::Malformed { line: MalformedLine { fault: LineFault::OpenHeading, .. }, .. } => {
            Some("close the bracket, such as [profile NAME]".to_owned())
        }
        ProfileError::Malformed { .. } => {
            Some("write `key = value`, or `#` before a comment; the AWS CLI refuses the whole file".to_owned())
        }
        ProfileError::Missing { .. } | ProfileError::Loop { .. } | ProfileError::Invalid { .. } => None,
    }
}

fn of_backup(error: &BackupFileError) -> Option<String> {
    match error {
        BackupFileError::NeedsIdentity | BackupFileError::NoMatchingIdentity => {
            Some("give the private key with --identity FILE".to_owned())
        }
        BackupFileError::MixedPassphrase => Some("leave out --passphrase-file or --recipient".to_owned()),
        _ => None,
    }
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
