//! The words for backups.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum BackupCommand {
    Create(BackupCreateArgs),
    Verify(BackupVerifyArgs),
    Restore(BackupRestoreArgs),
}

/// Write all seeds to one encrypted file, in the format of the `age` tool
///
/// Asks for a passphrase twice, or encrypts to recipients. Read back and compared before success is claimed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault backup create mfa.age
  mfavault backup create mfa.age --recipient age1… --recipient \"$(cat ~/.ssh/id_ed25519.pub)\"")]
pub(in crate::cli) struct BackupCreateArgs {
    /// The file to write
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: PathBuf,
    /// Encrypt to this age or SSH public key instead of a passphrase; repeatable
    #[arg(short, long, value_name = "KEY")]
    pub(in crate::cli) recipient: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) opening: PassphraseArgs,
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
/// Writes nothing. Exit status 1 on any difference: fit for cron.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault backup verify mfa.age --identity ~/.ssh/id_ed25519")]
pub(in crate::cli) struct BackupVerifyArgs {
    /// The backup
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) opening: OpeningArgs,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Bring the devices of a backup into the vault
///
/// Shows first what is new, the same, or in conflict; then all or nothing.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault backup restore mfa.age")]
pub(in crate::cli) struct BackupRestoreArgs {
    /// The backup
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) opening: OpeningArgs,
    /// Replace devices and keys that differ
    #[arg(long)]
    pub(in crate::cli) overwrite: bool,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}
