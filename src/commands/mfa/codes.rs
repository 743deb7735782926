//! `mfa codes`: the two consecutive codes that EnableMFADevice and ResyncMFADevice need.

use crate::{
    commands::{Context, Error, Outcome},
    session::{Authenticator, clock_offset},
};

/// Gives the codes of the previous and the current step, from one reading of the clock.
///
/// # Errors
/// As [`Context::device`]; if the device counts its codes, then `CounterBased`; if the ledger cannot be written, then `Vault`.
pub fn run(context: &Context<'_>, name: &str) -> Result<Outcome, Error> {
    let record = context.device(name)?;
    if record.device.counter.is_some() {
        return Err(Error::CounterBased { name: record.device.name });
    }
    let authenticator = Authenticator { vault: context.vault, clock: context.clock, prompt: context.prompt };
    let offset = clock_offset(context.vault, context.aws)?;
    let pair = authenticator.consecutive_codes(&record, offset, "mfavault mfa codes")?;
    let [previous, current] = pair.codes;
    Ok(Outcome::ConsecutiveCodes {
        codes: [(pair.current.previous(), previous), (pair.current, current)],
        valid_until: offset.unapply(pair.current.end(record.device.settings)),
        name: record.device.name,
        serial_number: record.device.serial_number,
    })
}
