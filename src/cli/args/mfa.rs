//! The words for devices and their codes: mfa and code.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use crate::{
    cli::{args::ImportArgs, parse},
    mfa::AuthenticationCode,
    profile::ProfileName,
};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum MfaCommand {
    Enable(EnableArgs),
    Resync(ResyncArgs),
    Deactivate(DeactivateArgs),
    Replace(ReplaceArgs),
    Rename(RenameArgs),
    Consent(ConsentArgs),
    Import(ImportArgs),
    #[command(visible_alias = "ls")]
    List(MfaListArgs),
    Show(ShowArgs),
    Codes(CodesArgs),
    Qr(QrArgs),
    Export(MfaExportArgs),
    Policy(PolicyArgs),
    #[command(visible_alias = "rm")]
    Remove(MfaRemoveArgs),
}

/// Create a virtual MFA device at AWS, store its seed here and enable it
///
/// A user who has a device already shows MFA with it first. Killed at any point, running it again finishes or undoes
/// what was begun.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa enable prod
  mfavault mfa enable prod --qr backup.png
  mfavault mfa enable prod --name laptop
  mfavault mfa enable admin --user-name bob")]
pub(in crate::cli) struct EnableArgs {
    /// The profile whose user gets the device [default: $AWS_PROFILE, else `default`]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// The device's name, or with a path /team/NAME [default: the user name]
    #[arg(long)]
    pub(in crate::cli) name: Option<String>,
    /// The user who gets the device, if not the one who calls
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) user_name: Option<String>,
    /// Write the seed as a QR code to this file before the device is enabled
    #[arg(long, value_name = "FILE.png", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) qr: Option<PathBuf>,
    /// A code of a device that the user has already and that is not held here
    #[arg(long, value_name = "CODE")]
    pub(in crate::cli) mfa_code: Option<AuthenticationCode>,
}

/// Which device at AWS, and with which keys
#[derive(Debug, Args)]
pub(in crate::cli) struct DeviceAtAwsArgs {
    /// The device, a profile, or a serial number
    pub(in crate::cli) name: String,
    /// The profile whose keys call [default: the device's]
    #[arg(long)]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// The user who has the device, if not the one who calls
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) user_name: Option<String>,
    /// A code of a device that is not held here
    #[arg(long, value_name = "CODE")]
    pub(in crate::cli) mfa_code: Option<AuthenticationCode>,
}

/// Bring a device back into step with AWS
///
/// Sends two consecutive codes, and proves that AWS takes the next one.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault mfa resync alice")]
pub(in crate::cli) struct ResyncArgs {
    #[command(flatten)]
    pub(in crate::cli) device: DeviceAtAwsArgs,
}

/// Tell AWS not to demand a device any more
///
/// The seed stays here, and `mfavault mfa enable` can use it again. Killed at any point, running it again finishes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa deactivate alice-2
  mfavault mfa deactivate alice-2 --delete
  mfavault mfa deactivate arn:aws:iam::123456789012:mfa/lost-phone --profile prod
  mfavault mfa deactivate arn:aws:iam::123456789012:mfa/bob --profile admin --user-name bob")]
pub(in crate::cli) struct DeactivateArgs {
    #[command(flatten)]
    pub(in crate::cli) device: DeviceAtAwsArgs,
    /// Delete it at AWS as well, and then its seed here
    #[arg(long)]
    pub(in crate::cli) delete: bool,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

/// Put a new device in the place of another
///
/// The new one is enabled and proved beside the old one before the old one is retired. Killed at any point, running it
/// again finishes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa replace alice --qr backup.png
  mfavault mfa replace arn:aws:iam::123456789012:mfa/phone --profile prod")]
pub(in crate::cli) struct ReplaceArgs {
    #[command(flatten)]
    pub(in crate::cli) device: DeviceAtAwsArgs,
    /// The new device's name at AWS [default: a fresh one like the old]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) new_name: Option<String>,
    /// Write the new seed as a QR code to this file before the device is enabled
    #[arg(long, value_name = "FILE.png", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) qr: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

/// Print the IAM policy that demands MFA of users, and lets them manage their own devices and keys
///
/// For `aws iam create-policy`. It is the one AWS documents ("Allows MFA-authenticated IAM users to manage their own
/// credentials"), for the partition of the profile's region.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa policy > force-mfa.json
  mfavault exec admin -- aws iam create-policy --policy-name ForceMFA \\
    --policy-document \"$(mfavault mfa policy)\"")]
pub(in crate::cli) struct PolicyArgs {
    /// The profile whose region says which partition [default: $AWS_PROFILE, else `default`]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// The partition, such as `aws-us-gov`
    #[arg(long, value_name = "NAME", conflicts_with = "profile")]
    pub(in crate::cli) partition: Option<String>,
}

/// Give a device another local name; AWS is not told
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault mfa rename alice prod")]
pub(in crate::cli) struct RenameArgs {
    /// The device
    pub(in crate::cli) name: String,
    /// Its new name
    pub(in crate::cli) new_name: String,
}

/// Say whether a person has to agree before a code of a device is made
///
/// Of a device that asks, the seed is shown only after a yes of its own, each time. To ask less needs a yes as well.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa consent alice ask --remember 15m
  mfavault mfa consent alice free")]
pub(in crate::cli) struct ConsentArgs {
    /// The device
    pub(in crate::cli) name: String,
    /// Whether somebody is asked
    pub(in crate::cli) policy: ConsentPolicy,
    /// How long a yes holds [default: for one code]
    #[arg(long, value_name = "TIME", value_parser = parse::some_time)]
    pub(in crate::cli) remember: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ConsentPolicy {
    /// on the terminal, or by a dialog where there is none
    Ask,
    /// codes are made without a word
    Free,
}

/// Show the devices held here
///
/// With --remote, joined with AWS's. Held: the seed is here, and AWS demands the device. Unassigned: the seed is here, and
/// AWS demands the device of nobody. Missing here: AWS demands it, and its seed is not here. Missing there: AWS does not
/// have it. Orphan: AWS has it, unassigned under a name of the user's, and its seed is not here.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa list
  mfavault mfa list --remote --json")]
pub(in crate::cli) struct MfaListArgs {
    /// Ask AWS too: held, unassigned, missing here, missing there, orphan
    #[arg(long)]
    pub(in crate::cli) remote: bool,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Show what is known of one device; never its seed
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault mfa show alice")]
pub(in crate::cli) struct ShowArgs {
    /// The device, or a profile
    pub(in crate::cli) name: String,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Print the two consecutive codes that `aws iam enable-mfa-device` needs
#[derive(Debug, Args)]
#[command(after_help = "Example:
  aws iam enable-mfa-device --user-name alice --serial-number \"$ARN\" $(mfavault mfa codes alice --format cli)")]
pub(in crate::cli) struct CodesArgs {
    /// The device, or a profile
    pub(in crate::cli) name: String,
    /// The form
    #[arg(long, value_name = "FORMAT", default_value = "lines", conflicts_with = "json")]
    pub(in crate::cli) format: CodesFormat,
    /// Print JSON with time steps and validity
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum CodesFormat {
    /// one code a line
    Lines,
    /// the options of the AWS CLI
    Cli,
}

/// Show the QR code of a device again, or write it to a file
///
/// Of several, one after another; to files with numbers: FILE-1-of-3.png.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa qr alice
  mfavault mfa qr alice --output alice.png
  mfavault mfa qr --all --google")]
pub(in crate::cli) struct QrArgs {
    #[command(flatten)]
    pub(in crate::cli) devices: DevicesArgs,
    /// Codes for the import of Google Authenticator, with up to ten devices each
    #[arg(long)]
    pub(in crate::cli) google: bool,
    /// A .png or .svg file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Replace the file; without a file, print to what is not a terminal
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

/// Print otpauth:// URIs, seeds and all
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa export alice --yes | qrencode -t ansiutf8
  mfavault mfa export --all --output seeds.txt")]
pub(in crate::cli) struct MfaExportArgs {
    #[command(flatten)]
    pub(in crate::cli) devices: DevicesArgs,
    /// The form
    #[arg(long, value_name = "FORMAT", default_value = "otpauth")]
    pub(in crate::cli) format: SeedFormat,
    /// Write them to a file that only you can read
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Replace the file
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

/// Which devices
#[derive(Debug, Args)]
pub(in crate::cli) struct DevicesArgs {
    /// The devices, or profiles
    #[arg(required_unless_present = "all")]
    pub(in crate::cli) name: Vec<String>,
    /// All devices held here
    #[arg(long, conflicts_with = "name")]
    pub(in crate::cli) all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SeedFormat {
    /// one otpauth:// URI a line
    Otpauth,
    /// otpauth-migration:// URIs, with up to ten devices each
    Google,
}

/// Forget a device and its seed here; AWS still demands its codes
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault mfa remove alice")]
pub(in crate::cli) struct MfaRemoveArgs {
    /// The device
    pub(in crate::cli) name: String,
    /// Do not ask
    #[arg(long, alias = "yes")]
    pub(in crate::cli) force: bool,
}

/// Clear the clipboard after a time, if it still holds what standard input says: left behind by `code --copy`
#[derive(Debug, Args)]
pub(in crate::cli) struct ClearClipboardArgs {
    /// In seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(in crate::cli) after: u64,
}

/// Print the current authentication code
///
/// Of a device that counts its codes, the next one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault code prod
  mfavault code prod --copy
  mfavault code --watch
  mfa_process = mfavault code prod   in the config of aws-vault")]
pub(in crate::cli) struct CodeArgs {
    /// The device or profile [default: $AWS_PROFILE, else `default`]
    pub(in crate::cli) name: Option<String>,
    /// Print JSON: code, serial_number, valid_until or counter
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Put it into the clipboard instead, which is cleared after a while if it is unchanged
    #[arg(long, conflicts_with = "json")]
    pub(in crate::cli) copy: bool,
    /// Show the codes of all devices, or of one, live, until q, Esc or Ctrl-C; n shows the next ones, too
    #[arg(long, conflicts_with_all = ["json", "copy"])]
    pub(in crate::cli) watch: bool,
}
