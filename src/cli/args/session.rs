//! The words for sessions: exec, export, credential-process, serve, login, setup, clear, explain, whoami, status.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{
    Args, ValueEnum, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
};

use crate::{
    cli::parse,
    mfa::AuthenticationCode,
    profile::{ProfileName, values},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct SessionArgs {
    /// The profile [default: $AWS_PROFILE, else `default`]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// How long the session lasts: `15m`, `12h`, or seconds [env: AWS_SESSION_TOKEN_TTL, AWS_ASSUME_ROLE_TTL]
    #[arg(short, long, value_name = "TIME", value_parser = values::session_duration)]
    pub(in crate::cli) duration: Option<Duration>,
    /// Use the long-term credentials without GetSessionToken
    #[arg(short, long)]
    pub(in crate::cli) no_session: bool,
    /// The region, for STS and for the command
    #[arg(short, long)]
    pub(in crate::cli) region: Option<String>,
    /// A code of a device that is not held here
    #[arg(long, value_name = "CODE", value_parser = parse::Code)]
    pub(in crate::cli) mfa_code: Option<AuthenticationCode>,
    /// A policy document that narrows a role's session down
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) policy: Option<PathBuf>,
    /// A managed policy that narrows a role's session down; may be repeated
    #[arg(long, value_name = "ARN", value_parser = values::policy_arn)]
    pub(in crate::cli) policy_arn: Vec<String>,
    /// How long the credentials must still be valid
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    pub(in crate::cli) min_ttl: Option<Duration>,
    /// Pass over remembered sessions
    #[arg(long)]
    pub(in crate::cli) refresh: bool,
}

/// Run a command with session credentials in its environment
///
/// The command takes this process's place: same process ID, signals, exit status. 2: wrong usage; 125: mfavault failed
/// before the command; 126: the command cannot be executed; 127: it was not found.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault exec prod -- aws s3 ls
  mfavault exec prod -d 4h -- terraform apply
  mfavault exec prod --server -- ./long-job.sh
  mfavault exec prod                 start a shell")]
pub(in crate::cli) struct ExecArgs {
    #[command(flatten)]
    pub(in crate::cli) session: SessionArgs,
    /// Give the command an address that hands out fresh credentials as long as it runs, instead of fixed ones
    #[arg(long)]
    pub(in crate::cli) server: bool,
    /// The command and its arguments [default: $SHELL]
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub(in crate::cli) command: Vec<OsString>,
}

/// Print session credentials for a shell or a file
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  eval \"$(mfavault export prod)\"
  mfavault export prod --format fish | source
  mfavault export prod --format json")]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    pub(in crate::cli) session: SessionArgs,
    /// The form
    #[arg(long, value_name = "FORMAT", default_value = "env")]
    pub(in crate::cli) format: ExportFormat,
    /// Also MFAVAULT_PROFILE, as `exec` sets it: for `mfav`
    #[arg(long, hide = true)]
    pub(in crate::cli) for_shell: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ExportFormat {
    /// export K='V', for sh, bash and zsh
    Env,
    /// K=V, one a line
    Dotenv,
    /// the credential_process document
    Json,
    /// a section of ~/.aws/credentials
    Ini,
    /// for fish
    Fish,
    /// for PowerShell
    Powershell,
    /// for cmd.exe
    Cmd,
    /// for Nushell
    Nu,
}

impl From<ExportFormat> for crate::credentials::ExportFormat {
    fn from(format: ExportFormat) -> Self {
        match format {
            ExportFormat::Env => Self::Env,
            ExportFormat::Dotenv => Self::Dotenv,
            ExportFormat::Json => Self::Json,
            ExportFormat::Ini => Self::Ini,
            ExportFormat::Fish => Self::Fish,
            ExportFormat::Powershell => Self::PowerShell,
            ExportFormat::Cmd => Self::Cmd,
            ExportFormat::Nu => Self::Nu,
        }
    }
}

/// Serve an AWS SDK: for `credential_process =` in the AWS config
///
/// Prints one JSON document and never reads standard input. `mfavault setup PROFILE` writes the line.
#[derive(Debug, Args)]
#[command(after_help = "Example, in ~/.aws/config:
  [profile prod]
  credential_process = mfavault credential-process prod")]
pub(in crate::cli) struct CredentialProcessArgs {
    #[command(flatten)]
    pub(in crate::cli) session: SessionArgs,
}

/// Hand out credentials on loopback to other processes, fresh ones as long as it runs
///
/// Prints the two variables that AWS's SDKs read (AWS_CONTAINER_CREDENTIALS_FULL_URI and
/// AWS_CONTAINER_AUTHORIZATION_TOKEN) and serves until it is interrupted. Nobody is asked after the start. A client takes
/// them only where neither AWS_PROFILE nor AWS_ACCESS_KEY_ID is set.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault serve prod
  mfavault serve prod --format json")]
pub(in crate::cli) struct ServeArgs {
    #[command(flatten)]
    pub(in crate::cli) session: SessionArgs,
    /// The form of the two variables; json is one object with their names
    #[arg(long, value_name = "FORMAT", default_value = "env", value_parser = variables_format())]
    pub(in crate::cli) format: ExportFormat,
}

/// All forms but a section of the credentials file, which has no variables.
fn variables_format() -> impl TypedValueParser<Value = ExportFormat> {
    let formats = ExportFormat::value_variants().iter().filter(|format| **format != ExportFormat::Ini);
    PossibleValuesParser::new(formats.filter_map(ValueEnum::to_possible_value))
        .try_map(|name| ExportFormat::from_str(&name, false))
}

/// Sign in to the AWS console with a profile's credentials
///
/// Opens the browser. The address is as good as a password for 15 minutes: --print shows it instead.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault login prod
  mfavault login prod --destination ec2
  mfavault login prod --print")]
pub(in crate::cli) struct LoginArgs {
    #[command(flatten)]
    pub(in crate::cli) session: SessionArgs,
    /// Print the address instead of opening it
    #[arg(long)]
    pub(in crate::cli) print: bool,
    /// Where to go: a service (`ec2`), a path of the console (`ec2/home#Instances:`) or its URL
    #[arg(long, value_name = "PLACE")]
    pub(in crate::cli) destination: Option<String>,
}

/// Show the live sessions and how long they still last
///
/// Unlocks nothing and asks AWS nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault status
  mfavault status --short      one line for a shell prompt, such as `prod 47m`; nothing where there is nothing to say")]
pub(in crate::cli) struct StatusArgs {
    /// One line about the current shell, fit for its prompt
    #[arg(long, conflicts_with = "json")]
    pub(in crate::cli) short: bool,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Let plain `aws --profile PROFILE` and every SDK get credentials from here
///
/// Shows the change to the AWS config and asks. The keys of a role, a web identity or a sign-in at IAM Identity Center
/// get the prefix `mfavault_`, because an SDK that sees them would act by itself, and ask for a code. So does the
/// credential_process of another tool: mfavault runs it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault setup prod
  mfavault setup prod --undo")]
pub(in crate::cli) struct SetupArgs {
    /// The profile
    pub(in crate::cli) profile: ProfileName,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Take the change back
    #[arg(long)]
    pub(in crate::cli) undo: bool,
}

/// Forget remembered sessions
///
/// Without a profile also the sign-ins at IAM Identity Center: the next use of one asks in the browser again. What
/// somebody agreed to for devices that ask (`mfa consent`) is forgotten in any case.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault clear
  mfavault clear prod")]
pub(in crate::cli) struct ClearArgs {
    /// Only those of this profile and made with its key
    pub(in crate::cli) profile: Option<ProfileName>,
}

/// Show which calls a profile leads to, and where each value comes from
///
/// Asks nobody, unlocks nothing, and does not use the network.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault explain deploy")]
pub(in crate::cli) struct ExplainArgs {
    #[command(flatten)]
    pub(in crate::cli) session: SessionArgs,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Ask AWS whose credentials a profile gives
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault whoami prod")]
pub(in crate::cli) struct WhoamiArgs {
    #[command(flatten)]
    pub(in crate::cli) session: SessionArgs,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
