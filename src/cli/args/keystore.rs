//! The words of `keystore`.

use clap::{Args, Subcommand};

use crate::{cli::parse, keystore::KeystoreKind};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeystoreCommand {
    #[command(visible_alias = "ls")]
    List(KeystoreListArgs),
    Move(KeystoreMoveArgs),
    Passphrase(KeystorePassphraseArgs),
}

/// Show the keystores, which of them work here, and which is used and why
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault keystore list --json")]
pub(in crate::cli) struct KeystoreListArgs {
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Move all records to another keystore
///
/// Everything is copied, read back and compared; then the other keystore is the vault's, and what was there before is
/// deleted. Killed at any point, the same command goes on, or `--to` the one of before goes back; until then every
/// command finds everything. What has another content there under the same name is named, and nothing is moved.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault keystore move --to os
  mfavault keystore move --to file --seeds")]
pub(in crate::cli) struct KeystoreMoveArgs {
    /// The keystore that they go to
    #[arg(long, value_name = "NAME", value_parser = parse::keystore_kind())]
    pub(in crate::cli) to: KeystoreKind,
    /// Move the seeds only, keys and sessions stay; or bring them back to where the keys are
    #[arg(long)]
    pub(in crate::cli) seeds: bool,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

/// Change the passphrase of the file keystore
///
/// Asks for the one of now and twice for the new one. Every record is sealed anew, under a new key, and so is the
/// generation before: the old passphrase opens nothing any more but copies of before. A guess of it costs what the
/// settings `kdf_memory_mib` (8 to 1024) and `kdf_passes` (1 to 16) say at that time; the same passphrase may be given again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault keystore passphrase
  mfavault keystore passphrase --to-os
  mfavault keystore passphrase --new-passphrase-file new.txt")]
pub(in crate::cli) struct KeystorePassphraseArgs {
    /// Read the new passphrase from the first line of a file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(in crate::cli) new_passphrase_file: Option<std::path::PathBuf>,
    /// Change nothing but where it comes from: keep the passphrase in the system's keystore (`passphrase_from = "os"`)
    #[arg(long, conflicts_with_all = ["new_passphrase_file", "forget_from_os"])]
    pub(in crate::cli) to_os: bool,
    /// Take the passphrase out of the system's keystore again
    #[arg(long, conflicts_with = "new_passphrase_file")]
    pub(in crate::cli) forget_from_os: bool,
}
