//! The one issuer of authentication codes: a person agrees if the device wants that, a time step is recorded as spent,
//! then its code is sent, and never again.

use std::time::{Duration, SystemTime};

use super::consent::{self, ConsentError, Purpose};
use crate::{
    aws::{Aws, ClockOffset},
    clock::Clock,
    mfa::{AuthenticationCode, TimeStep},
    prompt::Prompt,
    vault::{AuditEvent, DeviceRecord, Taken, Vault, VaultError},
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
    /// Is asked where a device wants that, and told when a step has to be awaited.
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
    /// A code that was never given out, to prove a device with: of the current step, else of a neighbour, which AWS takes
    /// too. Waits, and says so, only when all three are spent.
    ///
    /// # Errors
    /// If a person has to agree and does not, then as [`consent::agree`]; if the ledger cannot be read or written, then as
    /// [`crate::vault::Ledger::take`]; if the audit log cannot be written, then as [`Vault::audit`]. No code is given then.
    pub fn code(&self, record: &DeviceRecord, offset: ClockOffset) -> Result<AuthenticationCode, ConsentError> {
        Ok(self.code_of_any(&[record], offset, Purpose::Proof)?.1)
    }

    /// As [`Authenticator::code`], for another purpose, of the first device that has one, with its place in `records`; waits for the one
    /// that has one soonest. If nobody has to be asked about some of them, it is one of those; else the first.
    ///
    /// # Errors
    /// As [`Authenticator::code`].
    pub fn code_of_any(
        &self,
        records: &[&DeviceRecord],
        offset: ClockOffset,
        purpose: Purpose<'_>,
    ) -> Result<(usize, AuthenticationCode), ConsentError> {
        let agreed = self.agreed(records, purpose)?;
        let purpose = purpose.in_log();
        loop {
            let now = offset.apply(self.clock.now());
            let mut soonest: Option<SystemTime> = None;
            for &place in &agreed {
                let record = records[place];
                match self.vault.ledger(&record.identity())?.take(record.device.settings, now)? {
                    Taken::Step(step) => {
                        self.audit(record, &purpose)?;
                        return Ok((place, record.device.code(step)));
                    }
                    Taken::NotBefore(time) => soonest = Some(soonest.map_or(time, |soonest| soonest.min(time))),
                }
            }
            let left = soonest.and_then(|time| time.duration_since(now).ok());
            self.wait("waiting for the next code: those AWS would take now are spent", left);
        }
    }

    /// The places of the devices that codes may be taken of: those nobody has to be asked about, else the first, once a
    /// person has agreed.
    fn agreed(&self, records: &[&DeviceRecord], purpose: Purpose<'_>) -> Result<Vec<usize>, ConsentError> {
        let mut agreed = Vec::new();
        for (place, record) in records.iter().enumerate() {
            if !consent::would_ask(self.vault, self.clock, record)? {
                agreed.push(place);
            }
        }
        if let (true, Some(first)) = (agreed.is_empty(), records.first()) {
            consent::agree(self.vault, self.clock, self.prompt, first, purpose)?;
            agreed.push(0);
        }
        Ok(agreed)
    }

    /// Writes down that a code goes out, before it does.
    pub(super) fn audit(&self, record: &DeviceRecord, purpose: &str) -> Result<(), VaultError> {
        let (device, serial_number) = (record.device.name.as_str(), record.device.serial_number.as_ref());
        self.vault.audit(self.clock.now(), &AuditEvent::CodeMade { device, serial_number, purpose })
    }

    /// The codes of the previous and the current step, from one reading of the clock; both are spent. `operation` is what
    /// for, such as `EnableMFADevice`, or the command that shows them.
    ///
    /// # Errors
    /// As [`Authenticator::code`].
    pub fn consecutive_codes(
        &self,
        record: &DeviceRecord,
        offset: ClockOffset,
        operation: &str,
    ) -> Result<ConsecutiveCodes, ConsentError> {
        consent::agree(self.vault, self.clock, self.prompt, record, Purpose::TwoCodes { operation })?;
        let current = TimeStep::at(offset.apply(self.clock.now()), record.device.settings);
        let steps = [current.previous(), current];
        self.vault.ledger(&record.identity())?.spend(&steps)?;
        self.audit(record, operation)?;
        Ok(ConsecutiveCodes { codes: steps.map(|step| record.device.code(step)), current })
    }

    /// As [`Authenticator::consecutive_codes`], of steps newer than those of the last pair that AWS took, as far as this
    /// machine knows: waits for them.
    ///
    /// # Errors
    /// As [`Authenticator::code`].
    pub fn newer_pair(
        &self,
        record: &DeviceRecord,
        offset: ClockOffset,
        operation: &str,
    ) -> Result<ConsecutiveCodes, ConsentError> {
        if let Some(last) = self.vault.ledger(&record.identity())?.last_pair()? {
            let current = TimeStep::at(offset.apply(self.clock.now()), record.device.settings);
            // After a clock that ran far ahead was set right, the wait would have no end.
            if current.previous() <= last && last.0.abs_diff(current.0) <= 2 {
                self.wait_for_step_after(record, last.next(), offset);
            }
        }
        self.consecutive_codes(record, offset, operation)
    }

    /// Notes a pair that AWS took.
    ///
    /// # Errors
    /// As [`crate::vault::Ledger::take`].
    pub fn note_pair(&self, record: &DeviceRecord, pair: &ConsecutiveCodes) -> Result<(), VaultError> {
        self.vault.ledger(&record.identity())?.note_pair(pair.current)
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
