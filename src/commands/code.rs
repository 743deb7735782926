//! `code`: the current authentication code of a device.

use super::{Context, Error, Outcome};
use crate::{
    aws::ClockOffset,
    session::{Authenticator, clock_offset},
};

/// Gives the code of the current time step, and records it as spent: whoever asks for it will use it, so that no
/// session made at the same time takes it too. Asked again within the step, it is the same code, with a warning.
/// A counter-based device gives its next code each time.
///
/// # Errors
/// As [`Context::device`]; if a person has to agree and does not, then `Consent`; if the ledger cannot be written, then
/// `Vault`.
pub fn run(context: &Context<'_>, name: Option<String>) -> Result<Outcome, Error> {
    given_to(context, name, "mfavault code")
}

/// As [`run`], for the clipboard.
///
/// # Errors
/// As [`run`].
pub fn to_copy(context: &Context<'_>, name: Option<String>) -> Result<Outcome, Error> {
    given_to(context, name, "mfavault code --copy")
}

fn given_to(context: &Context<'_>, name: Option<String>, command: &str) -> Result<Outcome, Error> {
    let name = name.unwrap_or_else(|| context.profile_or_default(None).to_string());
    let record = context.device(&name)?;
    if record.deactivated {
        context.prompt.say(&format!("note: `{}` is deactivated: AWS does not take its codes", record.device.name));
    }
    let offset = match record.device.counter {
        Some(_) => ClockOffset::default(),
        None => clock_offset(context.vault, context.aws)?,
    };
    if offset != ClockOffset::default() {
        context.prompt.say(&format!(
            "note: made for AWS's clock, which was {} s {} this machine's when last asked",
            offset.seconds.abs(),
            if offset.seconds < 0 { "behind" } else { "ahead of" }
        ));
    }
    let authenticator = Authenticator { vault: context.vault, clock: context.clock, prompt: context.prompt };
    let shown = authenticator.shown_code(&record, offset, command)?;
    if let (true, Some(valid_until)) = (shown.given_before, shown.valid_until) {
        let left = valid_until.duration_since(context.clock.now()).unwrap_or_default();
        context.prompt.say(&format!(
            "note: this code was given out before, and AWS takes each only once; the next one is there in {} s",
            left.as_secs() + 1
        ));
    }
    Ok(Outcome::Code {
        name: record.device.name,
        serial_number: record.device.serial_number,
        code: shown.code,
        valid_until: shown.valid_until,
        counter: shown.counter,
    })
}
