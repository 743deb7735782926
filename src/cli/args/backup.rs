//! The words for backups.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::backup_file::shares::Split;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum BackupCommand {
    Create(BackupCreateArgs),
    Verify(BackupVerifyArgs),
    Restore(BackupRestoreArgs),
    Sheet(BackupSheetArgs),
}

/// Write all seeds to one encrypted file, in the format of the `age` tool
///
/// Asks for a passphrase twice, or encrypts to recipients. Read back and compared before success is claimed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault backup create mfa.age
  mfavault backup create mfa.age --recipient age1… --recipient \"$(cat ~/.ssh/id_ed25519.pub)\"
  mfavault backup create mfa --split 3/5")]
pub(in crate::cli) struct BackupCreateArgs {
    /// The file to write
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: PathBuf,
    /// Encrypt to this age or SSH public key instead of a passphrase; repeatable
    #[arg(short, long, value_name = "KEY")]
    pub(in crate::cli) recipient: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) opening: PassphraseArgs,
    /// Write N shares instead, FILE.1-of-N.txt and so on: any K of them restore it without a passphrase, fewer tell nothing
    #[arg(long, value_name = "K/N", conflicts_with_all = ["recipient", "passphrase_file", "identity", "force"])]
    pub(in crate::cli) split: Option<Split>,
    /// Put the long-term credentials in as well
    #[arg(long)]
    pub(in crate::cli) with_keys: bool,
    /// An age or SSH private key to read the file back with
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) identity: Vec<PathBuf>,
    /// Replace the file
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PassphraseArgs {
    /// Read the backup's passphrase from the first line of this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OpeningArgs {
    #[command(flatten)]
    pub(in crate::cli) passphrase: PassphraseArgs,
    /// An age or SSH private key that opens the file; repeatable
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) identity: Vec<PathBuf>,
}

/// Say for each device whether a backup makes the same codes as the vault
///
/// Changes nothing. Exit status 1 on any difference, also if the vault has a device that the backup lacks: fit for cron.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault backup verify mfa.age --identity ~/.ssh/id_ed25519")]
pub(in crate::cli) struct BackupVerifyArgs {
    /// The backup, or as many shares of one as it takes
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) opening: OpeningArgs,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Bring the devices of a backup into the vault
///
/// Shows first what is new, the same, or in conflict, and whether the backup is older than what is here; then all or
/// nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault backup restore mfa.age
  mfavault backup restore mfa.1-of-5.txt mfa.3-of-5.txt mfa.4-of-5.txt")]
pub(in crate::cli) struct BackupRestoreArgs {
    /// The backup, or as many shares of one as it takes
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) opening: OpeningArgs,
    /// Replace devices and keys that differ
    #[arg(long)]
    pub(in crate::cli) overwrite: bool,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

/// Write a page to print: the QR code and the seed of each device
///
/// The file is not encrypted: print it from a browser, then delete it. The paper brings the devices back in any
/// authenticator app. Devices on it count as backed up.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault backup sheet mfa.html
  mfavault backup sheet mfa.html alice --yes")]
pub(in crate::cli) struct BackupSheetArgs {
    /// The file to write, in HTML
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: PathBuf,
    /// The devices; all if none is named
    pub(in crate::cli) name: Vec<String>,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Replace the file
    #[arg(long)]
    pub(in crate::cli) force: bool,
}
