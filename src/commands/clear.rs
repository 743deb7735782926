//! `clear`: forgets remembered sessions.

use super::{Context, Error, Outcome};
use crate::profile::ProfileName;

/// Forgets the sessions of a profile and those made with its key, or all, and says how many were still valid.
///
/// # Errors
/// If the keystore cannot be written, then `Vault`.
pub fn run(context: &Context<'_>, profile: Option<&ProfileName>) -> Result<Outcome, Error> {
    let count = context.vault.forget_sessions(profile, context.clock.now())?;
    Ok(Outcome::Line(match count {
        1 => "forgot 1 session".to_owned(),
        count => format!("forgot {count} sessions"),
    }))
}
