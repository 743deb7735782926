//! The proof that a device works: a real GetSessionToken with its code.

use std::time::Duration;

use crate::commands::account::{Account, FAULT_PAUSE, may_have_been_obeyed, serial_of};
use crate::{
    aws::{AwsError, MfaProof},
    commands::{Error, SessionRequest},
    session::{Call, Plan, Step},
    vault::{AuditEvent, DeviceRecord, SessionKind, SessionRecord},
};

/// How often the proof is tried while STS does not know the device yet: it took 8 to 14 s, seldom more. AWS looks at
/// nine codes of a device in three minutes.
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

impl Account<'_> {
    /// A real GetSessionToken with the user's key, whose session is remembered if it is one that the profile's plan
    /// asks for. STS may need some seconds to learn of a new device; one that is out of step is resynchronised.
    ///
    /// # Errors
    /// If AWS takes no code of the device, then `NotProved`; if it fails otherwise, then `Aws`.
    pub(super) fn prove(&self, record: &DeviceRecord) -> Result<Proof, Error> {
        let serial_number = serial_of(record)?;
        let plan = self.plan_of_proof(record)?;
        let step = self.step_of_proof(&plan);
        if let Some(step) = step
            && self.context.vault.session(&step.cache_key, self.context.clock.now())?.is_some()
        {
            return Ok(Proof::Remembered);
        }
        let duration = step.and_then(|step| step.duration).unwrap_or(PROOF_DURATION);
        let (mut unseen, mut refused, mut tries) = (None, false, 0);
        loop {
            let code = match unseen.take() {
                Some(code) => code,
                None => self.authenticator().code(record, self.offset()?)?,
            };
            let proof = MfaProof { serial_number: serial_number.clone(), code };
            tries += 1;
            let error = match self.context.aws.get_session_token(self.key_caller(), duration, Some(&proof)) {
                Ok(credentials) => {
                    self.context.audit(&AuditEvent::SessionIssued {
                        profile: self.profile,
                        operation: Call::GetSessionToken.as_str(),
                        access_key_id: credentials.access_key_id.masked(),
                        mfa: true,
                        expiration: credentials.expiration,
                    })?;
                    if let Some(step) = step {
                        let (kind, profile) = (SessionKind::GetSessionToken, step.profile.clone());
                        let session =
                            SessionRecord { credentials, kind, profile, source: plan.source.clone(), mfa: true };
                        self.context.vault.remember_session(&step.cache_key, &session, self.context.clock.now())?;
                    }
                    return Ok(Proof::Obtained);
                }
                Err(error) => error,
            };
            let is_last = tries == PROOF_TRIES;
            match error {
                AwsError::UnknownSerialNumber { .. } if !is_last => {
                    self.pause("AWS STS learns of the new device", PROOF_PAUSE);
                    // STS did not look at the code, and all other steps of now are spent: another would have to wait.
                    unseen = Some(proof.code);
                }
                AwsError::InvalidAuthenticationCode { .. } if !is_last && refused => self.resync_for_proof(record)?,
                AwsError::InvalidAuthenticationCode { .. } if !is_last => refused = true,
                AwsError::UnknownSerialNumber { .. } | AwsError::InvalidAuthenticationCode { .. } => {
                    return Err(Error::NotProved { serial_number: serial_number.clone(), source: error });
                }
                error if !is_last && may_have_been_obeyed(&error) => {
                    self.pause("AWS has a moment to recover", FAULT_PAUSE);
                }
                error => return Err(error.into()),
            }
        }
    }

    /// Forgets the session that would count as the device's proof: one that is left over is of an earlier device of the
    /// name, or of a time before it was deactivated.
    ///
    /// # Errors
    /// If the vault cannot be changed, then `Vault`.
    pub(super) fn forget_proof(&self, record: &DeviceRecord) -> Result<(), Error> {
        let plan = self.plan_of_proof(record)?;
        if let Some(step) = self.step_of_proof(&plan) {
            self.context.vault.forget_session(&step.cache_key)?;
        }
        Ok(())
    }

    /// Forgets all sessions that were made with the profile's key, save the one that proved this device.
    ///
    /// # Errors
    /// If the vault cannot be changed, then `Vault`.
    pub(super) fn forget_sessions_but_proof(&self, record: &DeviceRecord) -> Result<(), Error> {
        let plan = self.plan_of_proof(record)?;
        let kept = self.step_of_proof(&plan).map(|step| &step.cache_key);
        Ok(self.context.vault.forget_other_sessions(self.profile, kept)?)
    }

    fn plan_of_proof(&self, record: &DeviceRecord) -> Result<Plan, Error> {
        SessionRequest::plain(self.profile.clone()).plan_with_serial(self.context, serial_of(record)?)
    }

    /// The step that the proof is the same as. A plan may begin with a role, or at another profile's keys: the session
    /// of this key is not what it asks for.
    fn step_of_proof<'p>(&self, plan: &'p Plan) -> Option<&'p Step> {
        plan.steps.first().filter(|step| step.call == Call::GetSessionToken && plan.source == *self.profile)
    }

    /// Enabled, but out of step with AWS: a pair of later codes mends that (API reference, ResyncMFADevice).
    fn resync_for_proof(&self, record: &DeviceRecord) -> Result<(), Error> {
        let serial_number = serial_of(record)?;
        let authenticator = self.authenticator();
        let pair = authenticator.consecutive_codes(record, self.offset()?, "ResyncMFADevice")?;
        authenticator.wait_for_step_after(record, pair.current.next(), self.offset()?);
        let pair = authenticator.consecutive_codes(record, self.offset()?, "ResyncMFADevice")?;
        let codes = [&pair.codes[0], &pair.codes[1]];
        self.context.aws.resync_mfa_device(self.caller(), &self.user_name, serial_number, codes)?;
        authenticator.note_pair(record, &pair)?;
        self.context.audit_device(&record.device, "resynchronised")?;
        self.say("the device was out of step with AWS; resynchronised it");
        Ok(())
    }
}
