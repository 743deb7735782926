//! The proof that the device works: a real GetSessionToken with its code.

use std::time::Duration;

use super::{Ceremony, FAULT_PAUSE, may_have_been_obeyed, serial_of};
use crate::{
    aws::{AwsError, MfaProof},
    commands::{Error, SessionRequest},
    session::{Call, Step},
    vault::{DeviceRecord, SessionKind, SessionRecord},
};

/// How often the proof is tried while STS does not know the device yet: it took 8 to 14 s, seldom more.
const PROOF_TRIES: usize = 5;
/// How long to let STS learn of the device before the next try.
const PROOF_PAUSE: Duration = Duration::from_secs(8);
/// The shortest session there is, for a proof that nobody uses further.
const PROOF_DURATION: Duration = Duration::from_secs(15 * 60);

/// How it is known that the device works.
pub(super) enum Proof {
    /// By a session that was obtained now.
    Obtained,
    /// By one that was obtained since the device was enabled, and still holds.
    Remembered,
}

impl Ceremony<'_> {
    /// A real GetSessionToken, whose session is remembered if it is one that the profile's plan asks for. STS may need
    /// some seconds to learn of a new device.
    pub(super) fn prove(&self, record: &DeviceRecord) -> Result<Proof, Error> {
        let serial_number = serial_of(record)?;
        let plan =
            SessionRequest::plain(self.arguments.profile.clone()).plan_with_serial(self.context, serial_number)?;
        // A plan may begin with a role, or at another profile's keys: the session of this key is not what it asks for.
        let own = |step: &&Step| step.call == Call::GetSessionToken && plan.source == self.arguments.profile;
        let step = plan.steps.first().filter(own);
        if let Some(step) = step
            && self.context.vault.session(&step.cache_key, self.context.clock.now())?.is_some()
        {
            return Ok(Proof::Remembered);
        }
        let duration = step.and_then(|step| step.duration).unwrap_or(PROOF_DURATION);
        let (mut unseen, mut refused) = (None, false);
        for attempt in 1..=PROOF_TRIES {
            let code = match unseen.take() {
                Some(code) => code,
                None => self.authenticator().code(record, self.offset()?)?,
            };
            let proof = MfaProof { serial_number: serial_number.clone(), code };
            match self.context.aws.get_session_token(self.caller(), duration, Some(&proof)) {
                Ok(credentials) => {
                    if let Some(step) = step {
                        let (kind, profile) = (SessionKind::GetSessionToken, step.profile.clone());
                        let session =
                            SessionRecord { credentials, kind, profile, source: plan.source.clone(), mfa: true };
                        self.context.vault.remember_session(&step.cache_key, &session, self.context.clock.now())?;
                    }
                    return Ok(Proof::Obtained);
                }
                Err(error) if attempt == PROOF_TRIES => return Err(error.into()),
                Err(AwsError::UnknownSerialNumber { .. }) => {
                    self.pause("AWS STS learns of the new device", PROOF_PAUSE);
                    // STS did not look at the code, and all other steps of now are spent: another would have to wait.
                    unseen = Some(proof.code);
                }
                Err(AwsError::InvalidAuthenticationCode { .. }) if refused => self.resync(record)?,
                Err(AwsError::InvalidAuthenticationCode { .. }) => refused = true,
                Err(error) if may_have_been_obeyed(&error) => self.pause("AWS has a moment to recover", FAULT_PAUSE),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::NotProved)
    }

    /// Enabled, but out of step with AWS: a pair of later codes mends that (API reference, ResyncMFADevice).
    fn resync(&self, record: &DeviceRecord) -> Result<(), Error> {
        let serial_number = serial_of(record)?;
        let user_name = self.context.aws.get_caller_identity(self.caller())?.arn.resource_name().to_owned();
        let authenticator = self.authenticator();
        let pair = authenticator.consecutive_codes(record, self.offset()?)?;
        authenticator.wait_for_step_after(record, pair.current.next(), self.offset()?);
        let pair = authenticator.consecutive_codes(record, self.offset()?)?;
        let codes = [&pair.codes[0], &pair.codes[1]];
        self.context.aws.resync_mfa_device(self.caller(), &user_name, serial_number, codes)?;
        self.say("the device was out of step with AWS; resynchronised it");
        Ok(())
    }
}
