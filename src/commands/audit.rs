//! `audit`: shows the log of what was done here, and checks that it is whole.

use std::collections::VecDeque;

use super::{Context, Error, Outcome};

/// Gives the lines of the log, or only so many of the newest, oldest first; also of one that is not whole, with a
/// warning.
///
/// # Errors
/// If the log cannot be read, then `Vault`.
pub fn show(context: &Context<'_>, last: Option<usize>) -> Result<Outcome, Error> {
    let mut lines = VecDeque::new();
    let verdict = context.vault.read_audit(&mut |line| {
        lines.push_back(line);
        if last.is_some_and(|last| lines.len() > last) {
            lines.pop_front();
        }
    })?;
    if let Some(fault) = verdict.fault {
        context.prompt.say(&format!("warning: the log is not as it was written: {fault}"));
    }
    Ok(Outcome::AuditLog(lines.into()))
}

/// Checks the log.
///
/// # Errors
/// If the log cannot be read, then `Vault`; that it is not whole is no error.
pub fn verify(context: &Context<'_>) -> Result<Outcome, Error> {
    let verdict = context.vault.read_audit(&mut |_| ())?;
    if verdict.torn {
        context
            .prompt
            .say("note: after the last line stands a half-written one, which a crash left; nothing came of it");
    }
    Ok(Outcome::AuditVerdict(verdict))
}
