//! One call of STS, signed with the credentials before it: codes that are refused, faults that are borne, denials that
//! are told by their cause.

use std::time::Duration;

use super::{
    authenticator::clock_offset,
    codes::CodeSource,
    denial::{self, Denial},
    error::ObtainError,
    obtain::{Before, Obtainer, Pass},
    plan::{Call, Plan, RoleSession, Step},
    planner::CHAINED_MAX,
};
use crate::{
    aws::{AssumeRoleRequest, AwsError, Caller, MfaProof, Signer, WebIdentityRequest},
    credentials::{Credentials, SessionCredentials},
    mfa::AuthenticationCode,
    secret::SecretText,
};

/// How long AWS is left alone after it first failed with a code in hand.
const PAUSE: Duration = Duration::from_secs(1);
/// How often AWS may fail before its failure is ours: the SDKs' standard mode makes three tries, too.
const FAULTS_BORNE: u32 = 2;

/// Whether a failure of AWS or of the way there may be over in a moment.
pub(super) fn may_pass(error: &AwsError) -> bool {
    matches!(
        error,
        AwsError::Throttled { .. } | AwsError::Service { status: 500.., .. } | AwsError::Unreachable { sent: true, .. }
    )
}

/// How long ago the code was given that policies see behind a call; none if there was none. None of it if nobody knows.
type MfaAge = Option<Option<Duration>>;

impl Obtainer<'_> {
    /// A call signed with the credentials before it. MFA that may be too old for the role is given once more.
    pub(super) fn signed(
        &self,
        plan: &Plan,
        index: usize,
        before: &Before<'_>,
    ) -> Result<SessionCredentials, ObtainError> {
        let step = &plan.steps[index];
        let age = self.mfa_age(step, before)?;
        let error = match self.call(plan, step, before) {
            Err(ObtainError::Aws(error @ AwsError::UnknownSerialNumber { .. })) => {
                return Err(self.not_validated(plan, step, before, error));
            }
            Err(ObtainError::Aws(error)) => denied(error, step, before.step, age),
            result => return result,
        };
        match (&error, index.checked_sub(1)) {
            (ObtainError::Denied { why, .. }, Some(previous)) if matches!(**why, Denial::MfaTooOld { age, .. } if age > denial::FRESH) =>
            {
                self.prompt.say(&format!("{why}; trying once more with a new code"));
                // Of many that are denied at once one gives a new code, and the rest take what it got.
                let denied_one = Pass::Over(before.given.credentials.access_key_id().clone());
                let renewed = Before { given: self.after(plan, previous, &denied_one)?, step: before.step };
                let fresh = self.mfa_age(step, &renewed)?;
                self.call(plan, step, &renewed).map_err(|error| match error {
                    ObtainError::Aws(error) => denied(error, step, before.step, fresh),
                    error => error,
                })
            }
            _ => Err(error),
        }
    }

    /// AWS has one sentence for several causes: the user's devices tell them apart, and force-MFA lets one list them.
    fn not_validated(&self, plan: &Plan, step: &Step, before: &Before<'_>, source: AwsError) -> ObtainError {
        let caller = Caller { signer: signer(before), endpoints: &plan.endpoints };
        let devices = self.aws.get_caller_identity(caller).and_then(|identity| {
            let user_name = identity.arn.resource_name().to_owned();
            Ok((self.aws.list_mfa_devices(caller, &user_name)?, user_name))
        });
        let now = clock_offset(self.vault, self.aws).map(|offset| offset.apply(self.clock.now()));
        match (devices, now, &step.serial_number) {
            (Ok((devices, user_name)), Ok(now), Some(serial_number)) => {
                let why = denial::why_not_validated(serial_number.clone(), user_name, &devices, now);
                ObtainError::Denied { why: Box::new(why), source }
            }
            _ => source.into(),
        }
    }

    fn mfa_age(&self, step: &Step, before: &Before<'_>) -> Result<MfaAge, ObtainError> {
        if step.serial_number.is_some() && matches!(before.given.credentials, Credentials::LongTerm(_)) {
            return Ok(Some(Some(Duration::ZERO)));
        }
        let Some(mfa) = before.given.mfa else { return Ok(None) };
        let duration = before.step.filter(|_| mfa).and_then(|step| step.duration);
        let (Some(duration), Some(expiration)) = (duration, before.given.credentials.expiration()) else {
            return Ok(Some(None));
        };
        let now = clock_offset(self.vault, self.aws)?.apply(self.clock.now());
        let given = expiration.checked_sub(duration).unwrap_or(now);
        Ok(Some(Some(now.duration_since(given).unwrap_or_default())))
    }

    /// One STS call, with a fresh code if the step wants one; a refused code is tried once more with another.
    fn call(&self, plan: &Plan, step: &Step, before: &Before<'_>) -> Result<SessionCredentials, ObtainError> {
        let serial_number = match (&step.serial_number, &before.given.credentials) {
            (Some(serial_number), Credentials::LongTerm(_)) => serial_number,
            (serial_number, _) => {
                if serial_number.is_some() {
                    self.prompt.say("note: another tool gave a session, which has no MFA device: no code goes along");
                }
                return Ok(self.ask_sts(plan, step, before, None)?);
            }
        };
        let mut source = self.code_source(plan, step, serial_number)?;
        let (mut refusals_left, mut faults_left) = (source.tries() - 1, FAULTS_BORNE);
        let mut unseen: Option<MfaProof> = None;
        let mut last: Option<AuthenticationCode> = None;
        let mut fault = None;
        loop {
            let proof = match unseen.take() {
                Some(proof) => proof,
                None => self.proof(&source, step, serial_number)?,
            };
            if matches!(source, CodeSource::Process(_)) && last.as_ref() == Some(&proof.code) {
                return Err(fault.map_or(ObtainError::SameCode, ObtainError::Aws));
            }
            match self.ask_sts(plan, step, before, Some(proof.clone())) {
                Err(AwsError::InvalidAuthenticationCode { .. }) if refusals_left > 0 => {
                    refusals_left -= 1;
                    fault = None;
                    last = Some(proof.code);
                    self.prompt.say("AWS did not take the code; trying another");
                }
                // Out of its nine checks, or not known yet: the user's other device may do.
                Err(AwsError::UnknownSerialNumber { .. })
                    if refusals_left > 0 && source.without(&proof.serial_number) =>
                {
                    refusals_left -= 1;
                    let used = &proof.serial_number;
                    self.prompt.say(&format!("AWS cannot validate codes of {used} now; trying another device"));
                }
                // Turned away before anybody looked at the code.
                Err(error @ AwsError::Throttled { .. }) if faults_left > 0 => {
                    unseen = Some(proof);
                    self.bear(&error, &mut faults_left);
                }
                // The code may be spent by now; with another one the same may be asked again.
                Err(error) if faults_left > 0 && source.makes_codes() && may_pass(&error) => {
                    last = Some(proof.code);
                    self.bear(&error, &mut faults_left);
                    fault = Some(error);
                }
                result => return Ok(result?),
            }
        }
    }

    /// Says what went wrong, and gives AWS a moment, each time a longer one.
    fn bear(&self, error: &AwsError, faults_left: &mut u32) {
        self.prompt.say(&format!("{error}; trying once more"));
        let until = self.clock.now() + PAUSE * 2_u32.pow(FAULTS_BORNE - *faults_left);
        *faults_left -= 1;
        self.clock.wait_until(until);
    }

    fn ask_sts(
        &self,
        plan: &Plan,
        step: &Step,
        before: &Before<'_>,
        mfa: Option<MfaProof>,
    ) -> Result<SessionCredentials, AwsError> {
        let signer = signer(before);
        let caller = Caller { signer, endpoints: &plan.endpoints };
        let duration = step.duration.unwrap_or(CHAINED_MAX);
        match &step.call {
            Call::AssumeRole(role) => {
                let is_session = matches!(signer, Signer::Session(_));
                if is_session && duration > CHAINED_MAX {
                    self.prompt.say("note: from a session a role lasts at most 1h: AWS's limit for role chaining");
                }
                let duration = if is_session { duration.min(CHAINED_MAX) } else { duration };
                self.aws.assume_role(caller, &assume_role_request(role, duration, mfa))
            }
            Call::GetFederationToken { name, session_policy } => {
                self.aws.get_federation_token(caller, name, session_policy, duration)
            }
            _ => self.aws.get_session_token(caller, duration, mfa.as_ref()),
        }
    }
}

fn signer<'c>(before: &'c Before<'_>) -> Signer<'c> {
    match &before.given.credentials {
        Credentials::LongTerm(credentials) => Signer::LongTerm(credentials),
        Credentials::Session(credentials) => Signer::Session(credentials),
    }
}

pub(super) fn denied(error: AwsError, step: &Step, before: Option<&Step>, mfa_age: MfaAge) -> ObtainError {
    match error {
        AwsError::AccessDenied { ref message, .. } => {
            let why = Box::new(denial::why(step, before, mfa_age, message));
            ObtainError::Denied { why, source: error }
        }
        error => error.into(),
    }
}

fn assume_role_request(role: &RoleSession, duration: Duration, mfa: Option<MfaProof>) -> AssumeRoleRequest {
    AssumeRoleRequest {
        role_arn: role.role_arn.clone(),
        role_session_name: role.role_session_name.clone(),
        duration,
        external_id: role.external_id.clone(),
        tags: role.tags.clone(),
        transitive_tag_keys: role.transitive_tag_keys.clone(),
        source_identity: role.source_identity.clone(),
        session_policy: role.session_policy.clone(),
        mfa,
    }
}

pub(super) fn web_identity_request(role: &RoleSession, step: &Step, token: SecretText) -> WebIdentityRequest {
    WebIdentityRequest {
        role_arn: role.role_arn.clone(),
        role_session_name: role.role_session_name.clone(),
        duration: step.duration.unwrap_or(CHAINED_MAX),
        token,
        session_policy: role.session_policy.clone(),
    }
}
