//! `backup verify`: whether a backup makes the same codes as the vault.

use std::path::Path;

use super::{Opening, compare};
use crate::commands::{Context, Error, Outcome};

/// Opens the backup in memory and compares it with the vault, device by device; changes nothing. Devices are alike
/// when seed, algorithm, digits, period and serial number are, and then every code is.
///
/// # Errors
/// If the backup cannot be opened, then `Backup`; if it is another age file, then `NotABackup`.
pub fn run(context: &Context<'_>, path: &Path, opening: &Opening) -> Result<Outcome, Error> {
    let snapshot = context.open_backup(path, opening)?;
    Ok(Outcome::Comparison(compare(context, &snapshot)?))
}
