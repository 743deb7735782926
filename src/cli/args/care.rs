//! The words of `doctor` and `audit`.

use clap::{Args, Subcommand};

/// Look for what is wrong, and say how to mend it
///
/// The keystore, folders and files, the clock against AWS, mistakes in the AWS config, keys left in the clear, the stored
/// devices and keys against AWS. Exit code 1 if anything is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault doctor
  mfavault doctor --fix
  mfavault doctor --restore-keystore
  mfavault doctor --offline --json")]
pub(in crate::cli) struct DoctorArgs {
    /// Mend what can be mended without a loss: modes, files that killed runs left, what the index names in vain
    #[arg(long)]
    pub(in crate::cli) fix: bool,
    /// Go back to the generation before, where the file of the file keystore is damaged; that one is set aside
    #[arg(long)]
    pub(in crate::cli) restore_keystore: bool,
    /// Ask AWS nothing
    #[arg(long)]
    pub(in crate::cli) offline: bool,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

impl DoctorArgs {
    /// Whether anything is to be changed at all.
    pub(in crate::cli) fn mends(&self) -> bool {
        self.fix || self.restore_keystore
    }
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AuditCommand {
    Show(AuditShowArgs),
    Verify(AuditVerifyArgs),
    Rotate(AuditRotateArgs),
}

/// Show what was done: codes, sessions, devices, keys, exports
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault audit show
  mfavault audit show --last 20 --json")]
pub(in crate::cli) struct AuditShowArgs {
    /// Only so many, the newest
    #[arg(long, value_name = "COUNT")]
    pub(in crate::cli) last: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Check that no line of the log was changed, taken out, moved or cut off
///
/// Names the first line that does not fit. Logs that were closed are looked at, too, as far as they are still there: each is
/// named by the one after it. Exit code 1 if one was changed.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mfavault audit verify")]
pub(in crate::cli) struct AuditVerifyArgs {
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Close the log under its date, and begin a new one
///
/// To keep it small, or to go on after somebody changed it. The closed log stays beside the new one, whole or not, and the new
/// one's first line says which, how many lines it had, its hash, and whether it was as it was written. Prints the closed file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault audit rotate
  mfavault audit rotate --yes")]
pub(in crate::cli) struct AuditRotateArgs {
    /// Do not ask
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
}
