//! The words of `mfa import`: where seeds come from, and the formats of other authenticators.

use std::{ffi::OsString, path::PathBuf};

use clap::{Arg, ArgGroup, ArgMatches, Args, FromArgMatches, ValueEnum, ValueHint, error::ErrorKind, value_parser};

use crate::{
    mfa::{SerialNumber, interchange::Format},
    profile::ProfileName,
};

/// Take in seeds from elsewhere
///
/// Asks for one with hidden input: base32 or an otpauth:// URI. With --from, takes in the export of another authenticator:
/// first it is shown what would come in, and then all of it is stored or nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Formats: otpauth (text, one URI a line), google (otpauth-migration://, as text or as pictures of its
QR codes), aegis, 2fas, andotp, freeotp, bitwarden, keepassxc, ente, proton, cotp, pass (decrypted text).
Encrypted ones ask for their password. A FILE `-` is standard input.

Examples:
  mfavault mfa import alice --serial arn:aws:iam::123456789012:mfa/alice
  mfavault mfa import --profile prod --qr QRCode.png
  mfavault mfa import --from aegis aegis-backup.json --dry-run
  mfavault mfa import --from google part1.png part2.png
  pass show aws/otp | mfavault mfa import alice --from pass -"
)]
#[command(group = ArgGroup::new("source").args(["stdin", "qr", "from"]))]
pub(in crate::cli) struct ImportArgs {
    /// The local name of one device [default: the name in the URI or the serial number]
    pub(in crate::cli) name: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) export: ExportFiles,
    /// Read pictures of QR codes: PNG or JPEG, AWS's QRCode.png included
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = ValueHint::FilePath)]
    pub(in crate::cli) qr: Vec<PathBuf>,
    /// Read the seed or URI from standard input
    #[arg(long)]
    pub(in crate::cli) stdin: bool,
    /// The device's serial number at AWS
    #[arg(long, value_name = "ARN")]
    pub(in crate::cli) serial: Option<SerialNumber>,
    /// The profile whose user has the device
    #[arg(long)]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// Read the export's password from the first line of a file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "from",
        conflicts_with_all = ["stdin", "qr"])]
    pub(in crate::cli) password_file: Option<PathBuf>,
    /// Say what would come in, and change nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Replace the seed of a device of the same name
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

/// `--from FORMAT FILE…`: two kinds of values, which clap's own parsers do not tell apart.
#[derive(Debug)]
pub(in crate::cli) struct ExportFiles {
    pub(in crate::cli) from: Option<(ImportFormat, Vec<PathBuf>)>,
}

/// Whose export it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ImportFormat {
    Otpauth,
    Google,
    Aegis,
    #[value(name = "2fas")]
    TwoFas,
    #[value(name = "andotp")]
    AndOtp,
    #[value(name = "freeotp")]
    FreeOtp,
    Bitwarden,
    #[value(name = "keepassxc")]
    KeepassXc,
    Ente,
    Proton,
    Cotp,
    Pass,
}

impl From<ImportFormat> for Format {
    fn from(format: ImportFormat) -> Format {
        match format {
            ImportFormat::Otpauth => Format::Otpauth,
            ImportFormat::Google => Format::Google,
            ImportFormat::Aegis => Format::Aegis,
            ImportFormat::TwoFas => Format::TwoFas,
            ImportFormat::AndOtp => Format::AndOtp,
            ImportFormat::FreeOtp => Format::FreeOtp,
            ImportFormat::Bitwarden => Format::Bitwarden,
            ImportFormat::KeepassXc => Format::KeepassXc,
            ImportFormat::Ente => Format::Ente,
            ImportFormat::Proton => Format::Proton,
            ImportFormat::Cotp => Format::Cotp,
            ImportFormat::Pass => Format::Pass,
        }
    }
}

impl Args for ExportFiles {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.arg(
            Arg::new("from")
                .long("from")
                .help("Take in the export of another authenticator")
                .value_names(["FORMAT", "FILE"])
                .num_args(2..)
                .value_parser(value_parser!(OsString))
                .value_hint(ValueHint::FilePath),
        )
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ExportFiles {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut values = matches.get_many::<OsString>("from").into_iter().flatten();
        let Some(format) = values.next() else { return Ok(ExportFiles { from: None }) };
        let format = format.to_str().and_then(|name| ImportFormat::from_str(name, true).ok()).ok_or_else(|| {
            // The word is not repeated: it may be a seed at the wrong place.
            let names: Vec<_> =
                ImportFormat::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
            let names: Vec<_> = names.iter().map(|value| value.get_name()).collect();
            let message =
                format!("--from takes a FORMAT and then its FILE; the FORMAT is one of {}\n", names.join(", "));
            clap::Error::raw(ErrorKind::InvalidValue, message)
        })?;
        Ok(ExportFiles { from: Some((format, values.map(PathBuf::from).collect())) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
