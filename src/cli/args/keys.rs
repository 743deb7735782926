//! The words of `rotate`, `import` and `report`: the care of access keys.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use crate::{cli::parse, mfa::AuthenticationCode, profile::ProfileName};

/// Replace a profile's access key by a new one
///
/// Makes a new key at AWS, stores it, proves that AWS accepts it, then deactivates and deletes the old one. Killed at any
/// point, the same command goes on: the old key or the new one works, and it is here. Where policies demand MFA, one code
/// is used for all of it. Every profile with the same key gets the new one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault rotate prod
  mfavault rotate prod --older-than 90d
  mfavault rotate prod --deactivate-only")]
pub(in crate::cli) struct RotateArgs {
    /// The profile [default: $AWS_PROFILE, else `default`]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// Do nothing unless the key is older than this, such as `90d`
    #[arg(long, value_name = "TIME", value_parser = parse::age)]
    pub(in crate::cli) older_than: Option<Duration>,
    /// Leave the old key at AWS, inactive
    #[arg(long)]
    pub(in crate::cli) deactivate_only: bool,
    /// Delete another, inactive key of the user, where there are two and AWS allows no third
    #[arg(long)]
    pub(in crate::cli) delete_other: bool,
    /// A code of a device that is not held here
    #[arg(long, value_name = "CODE", value_parser = parse::Code)]
    pub(in crate::cli) mfa_code: Option<AuthenticationCode>,
    /// Forget a replacement that cannot go on, for AWS accepts neither key, without a question
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ImportKeysCommand {
    AwsVault(ImportAwsVaultArgs),
    CredentialsFile(ImportCredentialsFileArgs),
    Csv(ImportCsvArgs),
}

/// How access keys are taken in, wherever they come from.
#[derive(Debug, Args)]
pub(in crate::cli) struct TakeInArgs {
    /// Only these profiles
    #[arg(long = "profile", value_name = "PROFILE")]
    pub(in crate::cli) profiles: Vec<ProfileName>,
    /// Say what would come in, and change nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Replace other keys of the same profiles
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Do not check the keys with AWS
    #[arg(long)]
    pub(in crate::cli) no_verify: bool,
    /// Do not add the profiles to the AWS config
    #[arg(long)]
    pub(in crate::cli) no_config: bool,
    /// Take what was stored and read back out of where it was
    #[arg(long, conflicts_with = "keep_source")]
    pub(in crate::cli) remove_source: bool,
    /// Leave what was stored where it was, too
    #[arg(long)]
    pub(in crate::cli) keep_source: bool,
    /// Do not ask whether they are to come in
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum AwsVaultBackend {
    SecretService,
    File,
    Pass,
}

/// Take in the access keys of aws-vault
///
/// From its collection in the Secret Service, its encrypted files or its part of the password store `pass`. First it is
/// shown what would come in; what AWS refuses stays out, and all the rest is stored or nothing. Sessions stay where they are. aws-vault's own variables
/// hold here too: AWS_VAULT_FILE_PASSPHRASE, AWS_VAULT_SECRET_SERVICE_COLLECTION_NAME, AWS_VAULT_PASS_PREFIX,
/// AWS_VAULT_PASS_PASSWORD_STORE_DIR. `pass` is looked at where it is named or has a prefix.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault import aws-vault --dry-run
  mfavault import aws-vault --backend file --profile prod
  mfavault import aws-vault --yes --remove-source")]
pub(in crate::cli) struct ImportAwsVaultArgs {
    /// Which of its backends [default: AWS_VAULT_BACKEND, else all that are there]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) backend: Option<AwsVaultBackend>,
    /// The folder of the encrypted files [default: AWS_VAULT_FILE_DIR, else ~/.awsvault/keys]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) file_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) how: TakeInArgs,
}

/// Take in the access keys of ~/.aws/credentials
///
/// Sections named `NAME-long-term` as aws-mfa has them become the profile NAME, their aws_mfa_device its mfa_serial. Keys
/// in the AWS config come in as well.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault import credentials-file --dry-run
  mfavault import credentials-file --yes --remove-source")]
pub(in crate::cli) struct ImportCredentialsFileArgs {
    #[command(flatten)]
    pub(in crate::cli) how: TakeInArgs,
}

/// Take in the access keys of a CSV file that the console offers for download
///
/// A file with user names may hold several keys; each becomes the profile of its user's name. A single key gets the name
/// of --profile. Passwords in the file are not looked at.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault import csv credentials.csv
  mfavault import csv alice_accessKeys.csv --profile prod")]
pub(in crate::cli) struct ImportCsvArgs {
    /// The file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) how: TakeInArgs,
}

/// Show who in the account has MFA, whose keys are old, and how root stands
///
/// The account's credential report (GenerateCredentialReport, GetCredentialReport). AWS keeps one for four hours: newer
/// changes do not show.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault report admin
  mfavault report admin --fail-on no-mfa --fail-on old-keys
  mfavault report admin --csv > report.csv")]
pub(in crate::cli) struct ReportArgs {
    /// The profile [default: $AWS_PROFILE, else `default`]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    pub(in crate::cli) json: bool,
    /// Print the CSV as AWS wrote it
    #[arg(long)]
    pub(in crate::cli) csv: bool,
    /// Exit with 1 if there is such a finding; may be given several times
    #[arg(long, value_name = "FINDING", value_delimiter = ',')]
    pub(in crate::cli) fail_on: Vec<ReportFinding>,
    /// From which age on a key is old
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = parse::age)]
    pub(in crate::cli) older_than: Duration,
    /// A code of a device that is not held here
    #[arg(long, value_name = "CODE", value_parser = parse::Code)]
    pub(in crate::cli) mfa_code: Option<AuthenticationCode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReportFinding {
    /// A user who can sign in or has an active key, or root, has no MFA
    NoMfa,
    /// An active key is older than --older-than
    OldKeys,
    /// An active key was not used for as long as --older-than
    UnusedKeys,
    /// Root has an access key
    RootKeys,
}
