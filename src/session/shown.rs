//! A code that leaves for a person or another program, who uses it where we do not see it: it counts as spent.

use std::time::SystemTime;

use super::{
    Authenticator,
    consent::{self, ConsentError, Purpose},
};
use crate::{
    aws::ClockOffset,
    mfa::{AuthenticationCode, TimeStep},
    vault::{DeviceRecord, VaultError},
};

/// A code that somebody was given.
#[derive(Clone, Debug)]
pub struct ShownCode {
    /// The code.
    pub code: AuthenticationCode,
    /// When its step is over, by this machine's clock; none of a counter-based device, whose codes wait to be used.
    pub valid_until: Option<SystemTime>,
    /// The counter it was made of, of a counter-based device.
    pub counter: Option<u64>,
    /// Whether it was given out before, so that AWS may have taken it already.
    pub given_before: bool,
}

impl Authenticator<'_> {
    /// The code of the current step, or of the next counter, for whoever ran this command; it is recorded as spent before
    /// it is given. The same step gives the same code again, and says so; a counter is never given again.
    ///
    /// # Errors
    /// As [`Authenticator::code`].
    pub fn shown_code(
        &self,
        record: &DeviceRecord,
        offset: ClockOffset,
        command: &str,
    ) -> Result<ShownCode, ConsentError> {
        consent::agree(self.vault, self.clock, self.prompt, record, Purpose::Shown { command })?;
        let device = &record.device;
        let ledger = self.vault.ledger(&record.identity())?;
        if let Some(first) = device.counter {
            let counter = ledger.take_counter(first)?;
            self.audit(record, command)?;
            let code = device.code(counter);
            return Ok(ShownCode { code, valid_until: None, counter: Some(counter.0), given_before: false });
        }
        let step = TimeStep::at(offset.apply(self.clock.now()), device.settings);
        let given_before = ledger.spend(&[step])?;
        self.audit(record, command)?;
        let valid_until = Some(offset.unapply(step.end(device.settings)));
        Ok(ShownCode { code: device.code(step), valid_until, counter: None, given_before })
    }

    /// Writes down that somebody looks at the codes of a device from now on, one line however long that is. Nothing is
    /// spent: who takes a code from a screen does not say so.
    ///
    /// # Errors
    /// As [`crate::vault::Vault::audit`].
    pub fn watched(&self, record: &DeviceRecord, command: &str) -> Result<(), VaultError> {
        self.audit(record, command)
    }
}
