//! The words of `settings`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SettingsCommand {
    Show(SettingsShowArgs),
}

/// Show each setting, its value, and who said so
///
/// An option comes before the environment, that before config.toml, and that before what was recorded when the first
/// record was stored.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault settings show --json")]
pub(in crate::cli) struct SettingsShowArgs {
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
