//! `clear`: forgets remembered sessions, and with all of them the sign-ins at IAM Identity Center; and every yes to codes.

use super::{Context, Error, Outcome};
use crate::profile::ProfileName;

/// Forgets the sessions of a profile and those made with its key; without a profile all, and all sign-ins. Says how many
/// sessions were still valid, and how many sign-ins there were.
///
/// # Errors
/// If the keystore cannot be written, then `Vault`.
pub fn run(context: &Context<'_>, profile: Option<&ProfileName>) -> Result<Outcome, Error> {
    context.vault.forget_agreements()?;
    let sessions = context.vault.forget_sessions(profile, context.clock.now())?;
    let sign_ins = if profile.is_none() { context.vault.forget_sign_ins()? } else { 0 };
    let mut line = format!("forgot {}", counted(sessions, "session"));
    if sign_ins > 0 {
        line.push_str(&format!(" and {}", counted(sign_ins, "sign-in")));
    }
    Ok(Outcome::Line(line))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
