//! The words for devices and their codes: mfa and code.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use crate::{mfa::SerialNumber, profile::ProfileName};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum MfaCommand {
    Enable(EnableArgs),
    Import(ImportArgs),
    #[command(visible_alias = "ls")]
    List(MfaListArgs),
    Show(ShowArgs),
    Codes(CodesArgs),
    Qr(QrArgs),
    Export(MfaExportArgs),
    #[command(visible_alias = "rm")]
    Remove(MfaRemoveArgs),
}

/// Create a virtual MFA device at AWS, store its seed here and enable it
///
/// Killed at any point, running it again finishes or undoes what was begun.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa enable prod
  mfavault mfa enable prod --qr backup.png")]
pub(in crate::cli) struct EnableArgs {
    /// The profile whose user gets the device [default: $AWS_PROFILE, else `default`]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// The device's name [default: the user name]
    #[arg(long)]
    pub(in crate::cli) name: Option<String>,
    /// The user who gets the device, if not the one who calls
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) user_name: Option<String>,
    /// Write the seed as a QR code to this file before the device is enabled
    #[arg(long, value_name = "FILE.png", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) qr: Option<PathBuf>,
}

/// Take in a seed from elsewhere
///
/// Asks for it with hidden input: base32 or an otpauth:// URI.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa import alice --serial arn:aws:iam::123456789012:mfa/alice
  mfavault mfa import --qr QRCode.png --profile prod
  pass show aws/otp | mfavault mfa import alice --stdin")]
pub(in crate::cli) struct ImportArgs {
    /// The local name [default: the name in the URI or the serial number]
    pub(in crate::cli) name: Option<String>,
    /// Read the seed or URI from standard input
    #[arg(long, conflicts_with = "qr")]
    pub(in crate::cli) stdin: bool,
    /// Read a picture of a QR code: PNG or JPEG, AWS's QRCode.png included
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) qr: Option<PathBuf>,
    /// The device's serial number at AWS
    #[arg(long, value_name = "ARN")]
    pub(in crate::cli) serial: Option<SerialNumber>,
    /// The profile whose user has the device
    #[arg(long)]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// Replace the seed of a device of the same name
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

/// Show the devices held here
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa list
  mfavault mfa list --remote --json")]
pub(in crate::cli) struct MfaListArgs {
    /// Ask AWS too: held, missing here, missing there
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
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault mfa qr alice
  mfavault mfa qr alice --output alice.png")]
pub(in crate::cli) struct QrArgs {
    /// The device, or a profile
    pub(in crate::cli) name: String,
    /// A .png or .svg file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Replace the file; without a file, print to what is not a terminal
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

/// Print a device's otpauth:// URI, seed and all
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault mfa export alice --yes | qrencode -t ansiutf8")]
pub(in crate::cli) struct MfaExportArgs {
    /// The device, or a profile
    pub(in crate::cli) name: String,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

/// Forget a device and its seed here; AWS still demands its codes
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault mfa remove alice")]
pub(in crate::cli) struct MfaRemoveArgs {
    /// The device
    pub(in crate::cli) name: String,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

/// Print the current authentication code
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault code prod
  mfavault code prod --copy
  mfavault code --watch
  mfa_process = mfavault code prod   in the config of aws-vault")]
pub(in crate::cli) struct CodeArgs {
    /// The device or profile [default: $AWS_PROFILE, else `default`]
    pub(in crate::cli) name: Option<String>,
    /// Print JSON: code, serial_number, valid_until
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Put it into the clipboard instead, which is cleared after a while if it is unchanged
    #[arg(long, conflicts_with = "json")]
    pub(in crate::cli) copy: bool,
    /// Show the codes of all devices, or of one, live, until Ctrl-C
    #[arg(long, conflicts_with_all = ["json", "copy"])]
    pub(in crate::cli) watch: bool,
}
