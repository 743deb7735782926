//! What went wrong, as a person reads it: `error:`, `caused by:`, `hint:`, and the exit code. Only here is advice given.

use std::{
    error::Error as _,
    ffi::OsString,
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use super::{
    args::ColorChoice,
    parse::{looks_secret, secret_among},
};
use crate::{
    atomic_file::FileError,
    aws::AwsError,
    backup_file::BackupFileError,
    commands::Error,
    keystore::KeystoreError,
    process::LaunchError,
    profile::ProfileError,
    prompt::PromptError,
    session::{ObtainError, PlanError},
    vault::{Part, VaultError},
    visible::is_unseen,
};

/// Wrong usage.
const USAGE: u8 = 2;
/// Ctrl-C.
const INTERRUPTED: u8 = 130;

const NO_SECRET_ARGUMENTS: &str = "secrets come in by a hidden prompt, --stdin or a file; other processes can read an \
                                   argument, so consider this one known";

/// Whether stderr gets colour.
#[derive(Clone, Copy)]
pub(super) struct Colour(bool);

impl Colour {
    /// By the flag; else colour on a terminal that is not to be without (NO_COLOR, see no-color.org).
    pub(super) fn chosen(choice: ColorChoice) -> Self {
        Colour(match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => io::stderr().is_terminal() && !crate::environment::wants_no_colour(),
        })
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Reports a command line that clap refused; an argument that looks like a secret is not repeated.
pub(super) fn usage(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        // --help and --version; a reader that went away is no error.
        return match error.print() {
            Err(failed) if failed.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        };
    }
    let mut text = error.render().to_string();
    let own = arguments.iter().skip(1).filter_map(|argument| argument.to_str());
    let secrets: Vec<&str> = own
        .flat_map(|argument| argument.split_once('=').map_or([argument, ""], |(_, value)| [argument, value]))
        .filter(|argument| looks_secret(argument) && text.contains(argument))
        .collect();
    if secrets.is_empty() && !secret_among(arguments) {
        let unclean: Vec<&str> =
            arguments.iter().filter_map(|argument| argument.to_str()).filter(|text| one_line(text) != **text).collect();
        if unclean.is_empty() {
            let _ = error.print();
        } else {
            // Plain, for what stands in an argument must not act on the terminal.
            for argument in unclean {
                text = text.replace(argument, &one_line(argument));
            }
            text.lines().for_each(|line| drop(writeln!(io::stderr(), "{}", one_line(line))));
        }
        let is_exec = arguments.iter().skip(1).any(|argument| argument == "exec");
        if is_exec && error.kind() == clap::error::ErrorKind::UnknownArgument {
            let _ = writeln!(io::stderr(), "hint: the command stands behind `--`: mfavault exec PROFILE -- COMMAND");
        }
        return ExitCode::from(USAGE);
    }
    for secret in secrets {
        text = text.replace(secret, "[not shown]");
    }
    let _ = writeln!(io::stderr(), "{}\nhint: {NO_SECRET_ARGUMENTS}", text.trim_end());
    ExitCode::from(USAGE)
}

/// Reports an argument that is a secret, where another one is expected; it is not repeated.
pub(super) fn secret_argument(colour: Colour) -> ExitCode {
    let (error, hint) = (colour.paint("1;31", "error:"), colour.paint("1;36", "hint:"));
    let _ = writeln!(
        io::stderr(),
        "{error} an argument looks like a secret; it was not used\n{hint} {NO_SECRET_ARGUMENTS}"
    );
    ExitCode::from(USAGE)
}

/// Reports an error of a command.
pub(super) fn failure(error: &Error, own_failure: u8, colour: Colour) -> ExitCode {
    if is_interruption(error) {
        let _ = writeln!(io::stderr(), "{}", colour.paint("1;31", "interrupted"));
        return ExitCode::from(INTERRUPTED);
    }
    if matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    let mut text = format!("{} {}\n", colour.paint("1;31", "error:"), one_line(&error.to_string()));
    let mut cause = error.source();
    let mut last = error.to_string();
    while let Some(error) = cause {
        let line = error.to_string();
        if line != last {
            // The system's own sentences begin with a capital.
            let line = if error.is::<io::Error>() { lower_start(&line) } else { line.clone() };
            let _ = writeln!(text, "{} {}", colour.paint("31", "caused by:"), one_line(&line));
        }
        last = line;
        cause = error.source();
    }
    if let Some(hint) = hint(error) {
        let _ = writeln!(text, "{} {}", colour.paint("1;36", "hint:"), one_line(&hint));
    }
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(exit_code(error, own_failure))
}

fn lower_start(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}

/// Names and answers from outside must not act on the terminal.
fn one_line(text: &str) -> String {
    text.replace('\n', " ").chars().map(|character| if is_unseen(character) { '\u{fffd}' } else { character }).collect()
}

fn is_interruption(error: &Error) -> bool {
    let of_vault = |error: &VaultError| matches!(error, VaultError::Keystore(KeystoreError::Interrupted));
    match error {
        Error::Prompt(PromptError::Interrupted) => true,
        Error::Vault(error) => of_vault(error),
        Error::EnrolmentUnfinished { source, .. } => is_interruption(source),
        Error::Obtain(ObtainError::Vault(error)) => of_vault(error),
        Error::Obtain(ObtainError::CodeNeeded { source: PromptError::Interrupted, .. }) => true,
        _ => false,
    }
}

fn exit_code(error: &Error, own_failure: u8) -> u8 {
    match error {
        Error::Launch(LaunchError::NotFound { .. }) => 127,
        Error::Launch(LaunchError::NotExecutable { .. }) => 126,
        _ => own_failure,
    }
}

/// What to do about it: an exact command where there is one.
fn hint(error: &Error) -> Option<String> {
    match error {
        Error::Vault(error) => of_vault(error),
        Error::File(error) => of_file(error),
        Error::Aws(error) => of_aws(error),
        Error::Obtain(error) => of_obtain(error),
        Error::Plan(PlanError::RoleDuration { .. }) => Some("ask for less with --duration, such as -d 12h".to_owned()),
        Error::Plan(PlanError::Unsupported { key, .. }) => Some(format!(
            "take `{key}` out of the profile, or let `aws sts assume-role` make the session: `mfavault exec \
             SOURCE_PROFILE -- aws sts assume-role …`"
        )),
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
        Error::NothingToUnlock { .. } => {
            Some("the system opens it when you log in; `unlock` is for --keystore file".to_owned())
        }
        Error::PassphrasesDiffer | Error::EmptyPassphrase => Some("try again".to_owned()),
        Error::BackupNotReadBack { .. } => {
            Some("do not rely on this file; check the disk and try another place".to_owned())
        }
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
        ObtainError::NoKey { profile } => Some(format!("store it with `mfavault add {profile}`")),
        ObtainError::SameCode => Some("wait for its next code and try again".to_owned()),
        ObtainError::CodeNeeded { .. } | ObtainError::NoCode { .. } | ObtainError::MfaProcess(_) => None,
    }
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
        AwsError::InvalidCredentials { .. } => Some(
            "the key may be deactivated or replaced (`mfavault add PROFILE --force`); IAM says the same to a session \
             without MFA"
                .to_owned(),
        ),
        AwsError::ClockSkew { .. } => Some("set this machine's clock, such as with `timedatectl set-ntp true`".to_owned()),
        AwsError::Unreachable { .. } => Some("check the network, HTTPS_PROXY and AWS_ENDPOINT_URL".to_owned()),
        AwsError::Throttled { .. } => Some("wait a little and try again".to_owned()),
        AwsError::Expired { .. } => Some("forget it with `mfavault clear`".to_owned()),
        AwsError::AccessDenied { .. }
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
        ProfileError::Missing { name, named_by: None } => {
            Some(format!("`mfavault add {name}` stores a key and adds it; `mfavault list` shows what there is"))
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
