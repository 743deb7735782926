//! The words of the command line: clap's tree. The doc comments are the help text.

mod backup;
mod care;
mod import;
mod keys;
mod keystore;
mod mfa;
mod session;
mod settings;
mod shell;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint, builder::styling};

pub(in crate::cli) use self::{
    backup::*, care::*, import::*, keys::*, keystore::*, mfa::*, session::*, settings::*, shell::*,
};
use crate::{cli::parse, mfa::SerialNumber, profile::ProfileName, settings::KeystoreWish};

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Yellow.on_default().bold())
    .usage(styling::AnsiColor::Yellow.on_default().bold())
    .literal(styling::AnsiColor::Green.on_default().bold())
    .placeholder(styling::AnsiColor::Cyan.on_default());

/// A virtual MFA device and credential vault for AWS.
///
/// Keeps MFA seeds and access keys in the system's keystore and runs any command with session credentials that carry
/// MFA, without six digits being typed.
#[derive(Debug, Parser)]
#[command(name = "mfavault", version, styles = STYLES, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "First steps:
  mfavault rehearse                  try everything against a stand-in of AWS
  mfavault add prod                  store an access key
  mfavault mfa enable prod           make and enable a virtual MFA device
  mfavault exec prod -- aws s3 ls    run a command with session credentials")]
pub(in crate::cli) struct Cli {
    #[command(flatten)]
    pub(in crate::cli) global: Global,
    #[command(subcommand)]
    pub(in crate::cli) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(in crate::cli) struct Global {
    /// Which keystore: `auto`, `os` (the system's), `file` (an encrypted file), `pass` or `helper` [env: MFAVAULT_KEYSTORE]
    #[arg(long, global = true, value_name = "NAME", value_parser = parse::keystore_wish())]
    pub(in crate::cli) keystore: Option<KeystoreWish>,
    /// Ask nothing: a needed question is an error [env: MFAVAULT_NO_INPUT]
    #[arg(long, global = true)]
    pub(in crate::cli) no_input: bool,
    /// Say more; twice, say all
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(in crate::cli) verbose: u8,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(in crate::cli) color: ColorChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// What `--color` says, before the command line is read: its errors are coloured, too.
pub(in crate::cli) fn colour_asked_for(arguments: &[OsString]) -> clap::ColorChoice {
    let own = || arguments.iter().skip(1).take_while(|argument| *argument != "--").filter_map(|text| text.to_str());
    let values = own().zip(own().skip(1)).filter_map(|(one, next)| (one == "--color").then_some(next));
    match values.chain(own().filter_map(|argument| argument.strip_prefix("--color="))).last() {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    Add(AddArgs),
    #[command(visible_alias = "ls")]
    List(ListArgs),
    #[command(visible_alias = "rm")]
    Remove(RemoveArgs),
    Rotate(RotateArgs),
    /// Take in access keys from elsewhere: aws-vault, the credentials file, the console's CSV
    #[command(subcommand)]
    Import(ImportKeysCommand),
    Exec(ExecArgs),
    Export(ExportArgs),
    CredentialProcess(CredentialProcessArgs),
    Serve(ServeArgs),
    Login(LoginArgs),
    Setup(SetupArgs),
    Clear(ClearArgs),
    Explain(ExplainArgs),
    Whoami(WhoamiArgs),
    Status(StatusArgs),
    /// Virtual MFA devices: make, take in, show, replace and end them
    #[command(subcommand)]
    Mfa(MfaCommand),
    Code(CodeArgs),
    /// Backups of the seeds: create, verify, restore, and a sheet to print
    #[command(subcommand)]
    Backup(BackupCommand),
    #[command(hide = true)]
    ClearClipboard(ClearClipboardArgs),
    Unlock(UnlockArgs),
    Lock(LockArgs),
    /// Where secrets rest: which keystore, moving all of them to another, the file's passphrase
    #[command(subcommand)]
    Keystore(KeystoreCommand),
    Report(ReportArgs),
    Doctor(DoctorArgs),
    /// What was done here, by a log that shows when it was changed: show, verify
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The settings in config.toml, and who said what
    #[command(subcommand, after_help = settings::KEYS)]
    Settings(SettingsCommand),
    Rehearse(RehearseArgs),
    Init(InitArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Store an access key pair in the keystore
///
/// Asks for both halves on the terminal, the secret one hidden. The pair is checked with GetCallerIdentity before it
/// is stored, and read back after.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault add prod
  mfavault add prod --from-credentials-file
  mfavault add ci --csv accessKeys.csv --mfa-serial arn:aws:iam::123456789012:mfa/ci
  printf '%s\\n%s\\n' \"$ID\" \"$SECRET\" | mfavault add ci --stdin")]
pub(in crate::cli) struct AddArgs {
    /// The profile [default: $AWS_PROFILE, else `default`]
    pub(in crate::cli) profile: Option<ProfileName>,
    #[command(flatten)]
    pub(in crate::cli) source: KeySourceArgs,
    /// Do not check the pair with AWS
    #[arg(long)]
    pub(in crate::cli) no_verify: bool,
    /// Do not add the profile to the AWS config
    #[arg(long)]
    pub(in crate::cli) no_config: bool,
    /// Replace another key of the profile
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// The serial number of the user's MFA device, written to the AWS config
    #[arg(long, value_name = "ARN", conflicts_with = "no_config")]
    pub(in crate::cli) mfa_serial: Option<SerialNumber>,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(in crate::cli) struct KeySourceArgs {
    /// Take the pair from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    #[arg(long)]
    pub(in crate::cli) env: bool,
    /// Read two lines from standard input: the ID, the secret
    #[arg(long)]
    pub(in crate::cli) stdin: bool,
    /// Read the file the console offers for download
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) csv: Option<PathBuf>,
    /// Move the pair out of ~/.aws/credentials
    #[arg(long)]
    pub(in crate::cli) from_credentials_file: bool,
}

/// Show profiles with their keys, MFA devices and live sessions
///
/// Unlocks nothing and asks AWS nothing. The age of a key is since AWS made it; with a `+`, since it is here, for AWS did
/// not tell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault list
  mfavault list --older-than 90d
  mfavault list --json | jq -r '.[].profile'")]
pub(in crate::cli) struct ListArgs {
    /// Only profiles whose access key is older than this, such as `90d`
    #[arg(long, value_name = "TIME", value_parser = parse::age)]
    pub(in crate::cli) older_than: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Forget a profile's access key and its sessions
///
/// The key stays valid at AWS: deactivate it there if it is no longer wanted.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault remove prod")]
pub(in crate::cli) struct RemoveArgs {
    /// The profile
    pub(in crate::cli) profile: ProfileName,
    /// Do not ask
    #[arg(long, alias = "yes")]
    pub(in crate::cli) force: bool,
}

/// Remember the unlocked key of the file keystore in the kernel for a time
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault unlock --for 8h")]
pub(in crate::cli) struct UnlockArgs {
    /// For how long [default: the setting `unlock_for`, else 8h]
    #[arg(long = "for", value_name = "TIME", value_parser = parse::unlock_time)]
    pub(in crate::cli) time: Option<Duration>,
}

/// Forget the unlocked key of the file keystore
///
/// What somebody agreed to for devices that ask (`mfa consent`) is forgotten, too.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault lock")]
pub(in crate::cli) struct LockArgs {}

/// Try everything against a strict stand-in of AWS on this machine
///
/// A temporary vault, a user under a force-MFA policy, IAM and STS that really check signatures and codes, IAM Identity
/// Center, the console's sign-in. Nothing of yours is touched. On a terminal: a shell in that world; otherwise the tour.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault rehearse
  mfavault rehearse --tour
  mfavault rehearse -- ./my-script.sh

In that world, AWS's clock and faults are set over HTTP, and what was asked is shown:
  curl -X POST \"$AWS_ENDPOINT_URL/_rehearsal/clock?offset_seconds=90\"
  curl -X POST \"$AWS_ENDPOINT_URL/_rehearsal/fault?action=GetSessionToken&kind=lost-answer&times=1\"
  curl \"$AWS_ENDPOINT_URL/_rehearsal/requests\"
Kinds of faults: latency (with milliseconds=N), lost-answer, closed-before-acting, throttling,
server-error, truncated-body. POST /_rehearsal/clear-faults ends them.

The profile `developer` signs in at IAM Identity Center. Whoever opens the page approves; or a
person refuses:
  curl -X POST \"$AWS_ENDPOINT_URL/_rehearsal/sign-in?user_code=ABCD-EFGH&answer=deny\"")]
pub(in crate::cli) struct RehearseArgs {
    /// Tell the story: add, enable, exec, credential_process, backup, restore
    #[arg(long, conflicts_with = "command")]
    pub(in crate::cli) tour: bool,
    /// List the account's users with the credentials in the environment: what needs MFA there
    #[arg(long, conflicts_with_all = ["command", "tour"])]
    pub(in crate::cli) list_users: bool,
    /// Run this in that world
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub(in crate::cli) command: Vec<OsString>,
}
