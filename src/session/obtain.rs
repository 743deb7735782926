//! Walks a plan: what is still fresh in the vault is used, the rest is asked of STS and remembered.

use std::{
    ffi::OsString,
    time::{Duration, SystemTime},
};

use thiserror::Error;

use super::{Authenticator, Call, Plan, Step, authenticator::clock_offset, single_flight::one_for_all};
use crate::{
    aws::{AssumeRoleRequest, Aws, AwsError, Caller, MfaProof, Signer},
    clock::Clock,
    credentials::{Credentials, LongTermCredentials, SessionCredentials},
    environment,
    mfa::{AuthenticationCode, InvalidAuthenticationCode, SerialNumber},
    process::{self, ProcessError},
    profile::ProfileName,
    prompt::{Prompt, PromptError},
    vault::{DeviceRecord, SessionKind, SessionRecord, Vault, VaultError},
};

/// A session that others are made from must outlive the call made with it.
const SOURCE_MIN_TTL: Duration = Duration::from_secs(5 * 60);
/// When nothing newer is to be had, a session serves as long as this is left of it.
const LAST_RESORT_TTL: Duration = Duration::from_secs(60);
/// How long AWS is left alone after it failed with a code in hand.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a person may mistype a code: within AWS's nine checks in three minutes.
const TYPED_TRIES: usize = 3;

/// Why there are no credentials.
#[derive(Debug, Error)]
pub enum ObtainError {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// AWS refused, or could not be asked.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A person was needed for a code.
    #[error("the code of {serial_number} is needed")]
    CodeNeeded {
        /// Of which device.
        serial_number: SerialNumber,
        /// Why nobody gave it.
        source: PromptError,
    },
    /// What `--mfa-code`, the profile's `mfa_process` or a person gave is not a code.
    #[error("{origin} gave no usable code")]
    NoCode {
        /// Such as `mfa_process`.
        origin: &'static str,
        /// What is wrong with it.
        source: InvalidAuthenticationCode,
    },
    /// The profile's `mfa_process` printed once more what AWS had not taken, and AWS takes a code once.
    #[error("the `mfa_process` of the profile gave the same code again")]
    SameCode,
    /// The profile's `mfa_process` failed.
    #[error("the `mfa_process` of the profile failed")]
    MfaProcess(#[from] ProcessError),
    /// The vault has no long-term credentials of the source profile.
    #[error("there are no long-term credentials of the profile `{profile}` in the vault")]
    NoKey {
        /// Which profile.
        profile: ProfileName,
    },
}

/// Where the codes of a device come from.
pub enum CodeSource {
    /// Given on the command line, good for one call.
    Given(AuthenticationCode),
    /// The seed is in the vault.
    Seed(Box<DeviceRecord>),
    /// A command that prints a code.
    Process(String),
    /// A person.
    Typed,
}

impl CodeSource {
    /// Whether another code costs nobody anything.
    fn makes_codes(&self) -> bool {
        matches!(self, CodeSource::Seed(_) | CodeSource::Process(_))
    }
}

/// Whether a failure of AWS or of the way there may be over in a moment.
fn may_pass(error: &AwsError) -> bool {
    matches!(
        error,
        AwsError::Throttled { .. } | AwsError::Service { status: 500.., .. } | AwsError::Unreachable { sent: true, .. }
    )
}

/// Whether it is AWS, the way there or a person that is missing, and not a right.
fn no_newer_can_be_had(error: &ObtainError) -> bool {
    match error {
        ObtainError::Aws(error) => may_pass(error) || matches!(error, AwsError::Unreachable { .. }),
        ObtainError::CodeNeeded { source, .. } => matches!(source, PromptError::NoTerminal { .. }),
        ObtainError::MfaProcess(_) => true,
        ObtainError::Vault(_) | ObtainError::NoCode { .. } | ObtainError::SameCode | ObtainError::NoKey { .. } => false,
    }
}

/// What walking a plan needs.
pub struct Obtainer<'a> {
    /// Keys, devices, sessions.
    pub vault: &'a Vault<'a>,
    /// STS.
    pub aws: &'a dyn Aws,
    /// The time.
    pub clock: &'a dyn Clock,
    /// A person.
    pub prompt: &'a dyn Prompt,
    /// How long the credentials must still be good for.
    pub min_ttl: Duration,
    /// Whether remembered sessions are passed over.
    pub refresh: bool,
    /// The environment, of which the profile's `mfa_process` gets what is no secret.
    pub inherited: &'a [(OsString, OsString)],
    /// The code given on the command line.
    pub given_code: Option<AuthenticationCode>,
}

impl Obtainer<'_> {
    /// The credentials at the end of a plan.
    ///
    /// # Errors
    /// As [`ObtainError`] says. Whatever was obtained on the way is remembered.
    pub fn obtain(&self, plan: &Plan) -> Result<Credentials, ObtainError> {
        match plan.steps.len() {
            0 => Ok(Credentials::LongTerm(self.long_term_credentials(plan)?)),
            count => Ok(Credentials::Session(self.session(plan, count - 1)?)),
        }
    }

    /// The session after a step: remembered, or made from the step before.
    fn session(&self, plan: &Plan, index: usize) -> Result<SessionCredentials, ObtainError> {
        let step = &plan.steps[index];
        let is_last = index + 1 == plan.steps.len();
        let min_ttl = if is_last { self.min_ttl } else { SOURCE_MIN_TTL };
        // A session that never has the time asked to be left would be fetched anew by every call.
        let min_ttl = if min_ttl < step.duration { min_ttl } else { step.duration / 2 };
        let remembered = || -> Result<_, ObtainError> {
            let session = match self.refresh {
                true => None,
                false => self.vault.session(&step.cache_key, self.later_now()? + min_ttl)?,
            };
            Ok(session.map(|record| record.credentials))
        };
        let made = one_for_all(self.vault, &step.cache_key, remembered, || {
            log::debug!("{} for `{}`: no session is remembered, asking STS", step.call.as_str(), step.profile);
            let credentials = match index {
                0 => {
                    let key = self.long_term_credentials(plan)?;
                    self.call(plan, step, Signer::LongTerm(&key))?
                }
                _ => self.call(plan, step, Signer::Session(&self.session(plan, index - 1)?))?,
            };
            let record = SessionRecord {
                credentials,
                kind: match step.call {
                    Call::GetSessionToken => SessionKind::GetSessionToken,
                    Call::AssumeRole { .. } => SessionKind::AssumeRole,
                },
                profile: step.profile.clone(),
                source: plan.source.clone(),
            };
            if let Err(error) = self.vault.remember_session(&step.cache_key, &record, self.clock.now()) {
                // They were paid for with a code, and are good.
                self.prompt.say(&format!("warning: the session is not remembered: {error}"));
            }
            Ok(record.credentials)
        });
        match made {
            Err(error) if !self.refresh && no_newer_can_be_had(&error) => self.last_resort(step, error),
            made => made,
        }
    }

    /// A session that still holds, though for less time than was asked for.
    fn last_resort(&self, step: &Step, error: ObtainError) -> Result<SessionCredentials, ObtainError> {
        match self.vault.session(&step.cache_key, self.later_now()? + LAST_RESORT_TTL)? {
            Some(session) => {
                self.prompt
                    .say(&format!("note: no new session can be had ({error}); using the one that is about to end"));
                Ok(session.credentials)
            }
            None => Err(error),
        }
    }

    /// A session ends by AWS's clock, and SDKs judge it by this machine's: what counts is the one that is ahead.
    fn later_now(&self) -> Result<SystemTime, VaultError> {
        let now = self.clock.now();
        Ok(clock_offset(self.vault, self.aws)?.apply(now).max(now))
    }

    fn long_term_credentials(&self, plan: &Plan) -> Result<LongTermCredentials, ObtainError> {
        match self.vault.key(&plan.source)? {
            Some(key) => Ok(key.credentials),
            None => Err(ObtainError::NoKey { profile: plan.source.clone() }),
        }
    }

    /// One STS call, with a fresh code if the step wants one; a refused code is tried once more with another.
    fn call(&self, plan: &Plan, step: &Step, signer: Signer<'_>) -> Result<SessionCredentials, ObtainError> {
        let Some(serial_number) = &step.serial_number else { return Ok(self.ask_sts(plan, step, signer, None)?) };
        let source = self.code_source(plan, serial_number)?;
        let tries = match source {
            CodeSource::Given(_) => 1,
            CodeSource::Seed(_) | CodeSource::Process(_) => 2,
            CodeSource::Typed => TYPED_TRIES,
        };
        let mut attempt = 1;
        let mut last: Option<AuthenticationCode> = None;
        loop {
            let code = self.code(&source, serial_number)?;
            if matches!(source, CodeSource::Process(_)) && last.as_ref() == Some(&code) {
                return Err(ObtainError::SameCode);
            }
            last = Some(code.clone());
            let proof = MfaProof { serial_number: serial_number.clone(), code };
            match self.ask_sts(plan, step, signer, Some(proof)) {
                Err(AwsError::InvalidAuthenticationCode { .. }) if attempt < tries => {
                    self.prompt.say("AWS did not take the code; trying another");
                }
                // The code may be spent by now; with another one the same may be asked again.
                Err(error) if attempt < tries && source.makes_codes() && may_pass(&error) => {
                    self.prompt.say(&format!("{error}; trying once more"));
                    let until = self.clock.now() + PAUSE;
                    self.clock.wait_until(until);
                }
                result => return Ok(result?),
            }
            attempt += 1;
        }
    }

    fn ask_sts(
        &self,
        plan: &Plan,
        step: &Step,
        signer: Signer<'_>,
        mfa: Option<MfaProof>,
    ) -> Result<SessionCredentials, AwsError> {
        let caller = Caller { signer, endpoints: &plan.endpoints };
        match &step.call {
            Call::GetSessionToken => self.aws.get_session_token(caller, step.duration, mfa.as_ref()),
            Call::AssumeRole { role_arn, role_session_name, external_id } => self.aws.assume_role(
                caller,
                &AssumeRoleRequest {
                    role_arn: role_arn.clone(),
                    role_session_name: role_session_name.clone(),
                    duration: step.duration,
                    external_id: external_id.clone(),
                    mfa,
                },
            ),
        }
    }

    /// The order of the contract: what was given, the seed, the profile's command, a person.
    fn code_source(&self, plan: &Plan, serial_number: &SerialNumber) -> Result<CodeSource, ObtainError> {
        if let Some(code) = &self.given_code {
            return Ok(CodeSource::Given(code.clone()));
        }
        if let Some(device) = self.vault.device_with_serial(serial_number)? {
            return Ok(CodeSource::Seed(Box::new(device)));
        }
        Ok(plan.mfa_process.clone().map_or(CodeSource::Typed, CodeSource::Process))
    }

    fn code(&self, source: &CodeSource, serial_number: &SerialNumber) -> Result<AuthenticationCode, ObtainError> {
        let read = |text: &str, origin| text.trim().parse().map_err(|source| ObtainError::NoCode { origin, source });
        match source {
            CodeSource::Given(code) => Ok(code.clone()),
            CodeSource::Seed(device) => {
                let authenticator = Authenticator { vault: self.vault, clock: self.clock, prompt: self.prompt };
                Ok(authenticator.code(device, clock_offset(self.vault, self.aws)?)?)
            }
            CodeSource::Process(command) => {
                let inherited = self.inherited.iter().cloned();
                let environment: Vec<_> = environment::without_credentials(inherited).collect();
                read(process::output_of(command, &environment)?.expose(), "the `mfa_process` of the profile")
            }
            CodeSource::Typed => {
                let question = format!("Code of {serial_number}");
                let instead = "--mfa-code, or `mfavault mfa import` with the device's seed";
                let needed = |source| ObtainError::CodeNeeded { serial_number: serial_number.clone(), source };
                for _ in 1..TYPED_TRIES {
                    let answer = self.prompt.secret(&question, instead).map_err(needed)?;
                    match answer.expose().trim().parse() {
                        Ok(code) => return Ok(code),
                        Err(error) => self.prompt.say(&format!("{error}; once more")),
                    }
                }
                read(self.prompt.secret(&question, instead).map_err(needed)?.expose(), "the terminal")
            }
        }
    }
}
