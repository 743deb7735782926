//! The words of `settings`.

use clap::{Args, Subcommand};

/// What `config.toml` takes.
pub(in crate::cli) const KEYS: &str = "\
Keys of config.toml, each with what holds without it:
  keystore = \"auto\"             where keys and sessions go: where they are already, else to the
                                system's keystore if it answers, else into an encrypted file;
                                \"os\", \"file\", \"pass\" (the password store), \"helper\" (a program)
  seed_keystore = \"auto\"        where MFA seeds go: with the keys, or to one of those
  session_keystore = \"keys\"     \"kernel\" keeps sessions in memory, until the next start (Linux)
  secret_service_collection     the label of the collection for new items of the keystore `os` on
                                Linux; without it, the default collection
  helper                        the program of the keystore `helper` by its absolute path, with its
                                arguments: [\"/path/to/program\", \"argument\"]
  passphrase_from = \"terminal\"  who gives the file's passphrase if no variable does; \"os\" has it
                                after `mfavault keystore passphrase --to-os`
  kdf_memory_mib = 64           what a guess of a passphrase costs that is set from now on, 8 to
                                1024 MiB of memory
  kdf_passes = 3                and passes over that memory, 1 to 16
  unlock_for = \"8h\"             for how long `mfavault unlock` unlocks: up to \"30d\"

The file is in $XDG_CONFIG_HOME/mfavault (~/.config/mfavault), or in $MFAVAULT_HOME.
MFAVAULT_KEYSTORE and MFAVAULT_SEED_KEYSTORE come before it.";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SettingsCommand {
    Show(SettingsShowArgs),
}

/// Show each setting, its value, and who said so
///
/// An option comes before the environment, that before config.toml, and that before what was recorded when the first
/// record was stored. `mfavault settings --help` lists the keys.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault settings show
  mfavault settings show --json | jq -r '.[] | select(.origin != \"default\") | .name'")]
pub(in crate::cli) struct SettingsShowArgs {
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
