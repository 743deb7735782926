//! `audit`: shows the log of what was done here, checks that it is whole, and closes it to begin another one.

use std::collections::VecDeque;

use super::{Context, Error, Outcome};
use crate::vault::AuditVerdict;

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

/// Checks the log, and those before it that are still there.
///
/// # Errors
/// If a log cannot be read, then `Vault`; that one is not whole is no error.
pub fn verify(context: &Context<'_>) -> Result<Outcome, Error> {
    let verdict = context.vault.read_audit(&mut |_| ())?;
    if verdict.torn {
        context
            .prompt
            .say("note: after the last line stands a half-written one, which a crash left; nothing came of it");
    }
    let earlier = context.vault.earlier_audit_logs(verdict.closed.as_ref())?;
    Ok(Outcome::AuditVerdict(verdict, earlier))
}

/// Closes the log under its date, whole or not, and begins a new one that says so; gives the closed one's file.
///
/// # Errors
/// If nobody confirms, then `Prompt` or `Declined`; if a log cannot be read or written, then `Vault`.
pub fn rotate(context: &Context<'_>, confirmed: bool) -> Result<Outcome, Error> {
    let verdict = context.vault.read_audit(&mut |_| ())?;
    if verdict.bytes == 0 && verdict.fault.is_none() {
        context.prompt.say("there is nothing in the log yet");
        return Ok(Outcome::Done);
    }
    let question = format!("Close the log ({}), and begin a new one?", how_it_is(&verdict));
    context.confirm(confirmed, &question, "--yes")?;
    let (file, verdict) = context.vault.rotate_audit(context.clock.now())?;
    context.prompt.say(&format!("closed the log ({}); the new one says so", how_it_is(&verdict)));
    Ok(file.map_or(Outcome::Done, |file| Outcome::Line(file.display().to_string())))
}

fn how_it_is(verdict: &AuditVerdict) -> String {
    let lines = format!("{} line{}", verdict.lines, if verdict.lines == 1 { "" } else { "s" });
    match &verdict.fault {
        Some(fault) => format!("{lines}, not as it was written: {fault}"),
        None => format!("{lines}, as they were written"),
    }
}
