//! `code`: the current authentication code of a device.

use super::{Context, Error, Outcome};
use crate::{aws::ClockOffset, mfa::TimeStep, session::clock_offset};

/// Gives the code of the current time step, and records it as spent: whoever asks for it will use it, so that no
/// session made at the same time takes it too. Asked again within the step, it is the same code, with a warning.
///
/// # Errors
/// As [`Context::device`]; if the ledger cannot be written, then `Vault`.
pub fn run(context: &Context<'_>, name: Option<String>) -> Result<Outcome, Error> {
    let name = name.unwrap_or_else(|| context.profile_or_default(None).to_string());
    let record = context.device(&name)?;
    let settings = record.device.settings;
    let offset = clock_offset(context.vault, context.aws)?;
    let step = TimeStep::at(offset.apply(context.clock.now()), settings);
    if offset != ClockOffset::default() {
        context.prompt.say(&format!(
            "note: made for AWS's clock, which was {} s {} this machine's when last asked",
            offset.seconds.abs(),
            if offset.seconds < 0 { "behind" } else { "ahead of" }
        ));
    }
    let ledger = context.vault.ledger(record.identity())?;
    if ledger.is_spent(step)? {
        let left = offset.unapply(step.end(settings)).duration_since(context.clock.now()).unwrap_or_default();
        context.prompt.say(&format!(
            "note: this code was given out before, and AWS takes each only once; the next one is there in {} s",
            left.as_secs() + 1
        ));
    }
    ledger.spend(&[step])?;
    Ok(Outcome::Code {
        code: record.device.code(step),
        name: record.device.name,
        serial_number: record.device.serial_number,
        valid_until: offset.unapply(step.end(settings)),
    })
}
