//! `backup verify`: whether a backup makes the same codes as the vault.

use std::path::PathBuf;

use super::{Compared, Opening, Standing, called, compare::compare, place_of};
use crate::{
    commands::{Context, Error, Outcome},
    vault::LastBackup,
};

/// A backup beside the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Which backup it is.
    pub backup: LastBackup,
    /// Every device and key of both.
    pub compared: Vec<Compared>,
}

impl Comparison {
    /// Whether nothing differs, on neither side.
    pub fn is_alike(&self) -> bool {
        self.compared.iter().all(|line| line.standing == Standing::Same)
    }
}

/// Opens the backup in memory and compares it with the vault, device by device; changes nothing. Devices are alike
/// when seed, algorithm, digits, period and serial number are, and then every code from now on is.
///
/// # Errors
/// If the backup cannot be opened, then `Backup` or `Shares`; if it is another age file, then `NotABackup`.
pub fn run(context: &Context<'_>, files: &[PathBuf], opening: &Opening) -> Result<Outcome, Error> {
    let snapshot = context.open_backup(files, opening)?;
    let comparison = Comparison { backup: place_of(&snapshot), compared: compare(context, &snapshot)? };
    context.prompt.say(&format!("this is the backup {}", called(&comparison.backup)));
    for line in &comparison.compared {
        line.remark().into_iter().for_each(|remark| context.prompt.say(&remark));
    }
    Ok(Outcome::Comparison(comparison))
}
