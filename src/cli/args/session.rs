//! The words for sessions: exec, export, credential-process, setup, clear, explain, whoami.

use std::{ffi::OsString, time::Duration};

use clap::{Args, ValueEnum, ValueHint};

use crate::{cli::parse, mfa::AuthenticationCode, profile::ProfileName};

#[derive(Debug, Args)]
pub(in crate::cli) struct SessionArgs {
    /// The profile [default: $AWS_PROFILE, else `default`]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// How long the session lasts: `15m`, `12h`, or seconds
    #[arg(short, long, value_name = "TIME", value_parser = parse::duration)]
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
    /// How long the credentials must still be valid
    #[arg(long, value_name = "TIME", value_parser = parse::time)]
    pub(in crate::cli) min_ttl: Option<Duration>,
    /// Pass over remembered sessions
    #[arg(long)]
    pub(in crate::cli) refresh: bool,
}

/// Run a command with session credentials in its environment
///
/// The command takes this process's place: same process ID, signals, exit status. 125: mfavault failed before the
/// command; 126: the command cannot be executed; 127: it was not found.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault exec prod -- aws s3 ls
  mfavault exec prod -d 4h -- terraform apply
  mfavault exec prod                 start a shell")]
pub(in crate::cli) struct ExecArgs {
    #[command(flatten)]
    pub(in crate::cli) session: SessionArgs,
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

/// Let plain `aws --profile PROFILE` and every SDK get credentials from here
///
/// Shows the change to the AWS config and asks. The keys of a role get the prefix `mfavault_`, because an SDK that
/// sees `role_arn` would assume the role by itself and ask for a code.
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
