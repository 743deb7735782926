//! The one issuer of authentication codes: a time step is recorded as spent, then its code is sent, and never again.

use std::time::{Duration, SystemTime};

use crate::{
    aws::{Aws, ClockOffset},
    clock::Clock,
    mfa::{AuthenticationCode, TimeStep},
    prompt::Prompt,
    vault::{DeviceRecord, Taken, Vault, VaultError},
};

/// Less than this is the way the answer took.
const NOTABLE_OFFSET_SECONDS: i64 = 10;

/// More than this is refused: signatures would not hold.
const LARGEST_OFFSET_SECONDS: i64 = 300;

/// Makes codes from the seeds in the vault.
pub struct Authenticator<'a> {
    /// Where the ledger of spent steps is.
    pub vault: &'a Vault<'a>,
    /// Decides which step it is.
    pub clock: &'a dyn Clock,
    /// Is told when a step has to be awaited.
    pub prompt: &'a dyn Prompt,
}

/// The codes of two time steps in a row, as EnableMFADevice and ResyncMFADevice want them.
#[derive(Clone, Debug)]
pub struct ConsecutiveCodes {
    /// The code of the step before, then that of the current one.
    pub codes: [AuthenticationCode; 2],
    /// The current step.
    pub current: TimeStep,
}

/// By how much codes are to be made for another time than this machine's: as measured in this run, else as kept from
/// an earlier one.
///
/// # Errors
/// As [`Vault::clock_offset`].
pub fn clock_offset(vault: &Vault<'_>, aws: &dyn Aws) -> Result<ClockOffset, VaultError> {
    match aws.clock_offset() {
        Some(measured) => Ok(measured),
        None => Ok(vault.clock_offset()?.unwrap_or_default()),
    }
}

/// Keeps what this run measured for the next one, and says so when it is news.
///
/// # Errors
/// As [`Vault::keep_clock_offset`].
pub fn keep_clock_offset(vault: &Vault<'_>, aws: &dyn Aws, prompt: &dyn Prompt) -> Result<(), VaultError> {
    let Some(measured) = aws.clock_offset() else { return Ok(()) };
    let kept = vault.clock_offset()?;
    let change = measured.seconds - kept.unwrap_or_default().seconds;
    if change.abs() < NOTABLE_OFFSET_SECONDS {
        return Ok(());
    }
    let notable = measured.seconds.abs() >= NOTABLE_OFFSET_SECONDS;
    // A larger one was an error, which has said so. It is kept: the next command is refused without waiting for a code.
    if notable && measured.seconds.abs() <= LARGEST_OFFSET_SECONDS {
        let side = if measured.seconds < 0 { "ahead of" } else { "behind" };
        let seconds = measured.seconds.abs();
        prompt.say(&format!("note: this machine's clock is {seconds} s {side} AWS's; codes go by AWS's clock"));
    }
    vault.keep_clock_offset(notable.then_some(measured))
}

impl Authenticator<'_> {
    /// A code that was never given out: of the current step, else of a neighbour, which AWS takes too. Waits, and
    /// says so, only when all three are spent.
    ///
    /// # Errors
    /// If the ledger cannot be read or written, then as [`crate::vault::Ledger::take`]; no code is given then.
    pub fn code(&self, record: &DeviceRecord, offset: ClockOffset) -> Result<AuthenticationCode, VaultError> {
        Ok(self.code_of_any(&[record], offset)?.1)
    }

    /// As [`Authenticator::code`], of the first device that has one, with its place in `records`; waits for the one
    /// that has one soonest.
    ///
    /// # Errors
    /// As [`Authenticator::code`].
    pub fn code_of_any(
        &self,
        records: &[&DeviceRecord],
        offset: ClockOffset,
    ) -> Result<(usize, AuthenticationCode), VaultError> {
        loop {
            let now = offset.apply(self.clock.now());
            let mut soonest: Option<SystemTime> = None;
            for (place, record) in records.iter().enumerate() {
                match self.vault.ledger(record.identity())?.take(record.device.settings, now)? {
                    Taken::Step(step) => return Ok((place, record.device.code(step))),
                    Taken::NotBefore(time) => soonest = Some(soonest.map_or(time, |soonest| soonest.min(time))),
                }
            }
            let left = soonest.and_then(|time| time.duration_since(now).ok());
            self.wait("waiting for the next code: those AWS would take now are spent", left);
        }
    }

    /// The codes of the previous and the current step, from one reading of the clock; both are spent.
    ///
    /// # Errors
    /// As [`Authenticator::code`].
    pub fn consecutive_codes(
        &self,
        record: &DeviceRecord,
        offset: ClockOffset,
    ) -> Result<ConsecutiveCodes, VaultError> {
        let current = TimeStep::at(offset.apply(self.clock.now()), record.device.settings);
        let steps = [current.previous(), current];
        self.vault.ledger(record.identity())?.spend(&steps)?;
        Ok(ConsecutiveCodes { codes: steps.map(|step| record.device.code(step)), current })
    }

    /// Waits until a step is over by AWS's clock, with a countdown.
    pub fn wait_for_step_after(&self, record: &DeviceRecord, step: TimeStep, offset: ClockOffset) {
        let now = offset.apply(self.clock.now());
        self.wait("waiting for the next code", step.end(record.device.settings).duration_since(now).ok());
    }

    fn wait(&self, reason: &str, left: Option<Duration>) {
        let Some(left) = left.filter(|left| !left.is_zero()) else { return };
        let until = self.clock.now().checked_add(left).unwrap_or(SystemTime::UNIX_EPOCH);
        self.prompt.countdown(reason, left, &|| self.clock.wait_until(until));
    }
}
