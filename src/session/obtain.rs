//! Walks a plan: what is still fresh in the vault is used, the rest is asked for and remembered.

use std::time::{Duration, SystemTime};

use super::{
    authenticator::clock_offset,
    consent::ConsentError,
    error::ObtainError,
    outside,
    plan::{Call, Plan, Start, Step},
    single_flight::one_for_all,
    sts_call::{denied, may_pass, web_identity_request},
};
use crate::{
    atomic_file,
    aws::{Aws, AwsError, SessionPolicy},
    clock::Clock,
    credentials::{AccessKeyId, Credentials, LongTermCredentials, SessionCredentials},
    environment::{Environment, EnvironmentError},
    mfa::AuthenticationCode,
    prompt::{Prompt, PromptError},
    secret::{SecretBytes, SecretText},
    vault::{AuditEvent, SessionRecord, Vault, VaultError},
};

/// A session that others are made from must outlive the call made with it.
const SOURCE_MIN_TTL: Duration = Duration::from_secs(5 * 60);
/// When nothing newer is to be had, a session serves as long as this is left of it.
const LAST_RESORT_TTL: Duration = Duration::from_secs(60);

/// Whether it is AWS, the way there or a person that is missing, and not a right.
fn no_newer_can_be_had(error: &ObtainError) -> bool {
    match error {
        ObtainError::Aws(error) => may_pass(error) || matches!(error, AwsError::Unreachable { .. }),
        ObtainError::CodeNeeded { source, .. } | ObtainError::SignInNeeded { source, .. } => {
            matches!(source, PromptError::NoTerminal { .. })
        }
        ObtainError::Consent(ConsentError::Needed { .. })
        | ObtainError::MfaProcess(_)
        | ObtainError::CredentialProcess { .. }
        | ObtainError::NotSignedIn { .. } => true,
        _ => false,
    }
}

/// What walking a plan needs.
pub struct Obtainer<'a> {
    /// Keys, devices, sessions.
    pub vault: &'a Vault<'a>,
    /// STS and IAM Identity Center.
    pub aws: &'a dyn Aws,
    /// The time.
    pub clock: &'a dyn Clock,
    /// A person.
    pub prompt: &'a dyn Prompt,
    /// Opens an address in the person's browser, and says whether that went well.
    pub browse: &'a dyn Fn(&str) -> bool,
    /// How long the credentials must still be good for.
    pub min_ttl: Duration,
    /// Whether remembered sessions are passed over.
    pub refresh: bool,
    /// Its credentials, if a profile names them as its source; commands of the profile get what is no secret of it.
    pub environment: &'a Environment,
    /// The code given on the command line.
    pub given_code: Option<AuthenticationCode>,
}

/// Credentials, and what is known of the MFA behind them.
#[derive(Clone, Debug)]
pub struct Obtained {
    /// What was obtained.
    pub credentials: Credentials,
    /// Whether policies see MFA in them; none if another tool or the environment gave them, and nobody says.
    pub mfa: Option<bool>,
}

/// Credentials that a call is made with.
pub(super) struct Before<'p> {
    pub(super) given: Obtained,
    /// The call that gave them; none gave those of the start.
    pub(super) step: Option<&'p Step>,
}

/// Which remembered sessions are no good.
#[derive(Clone)]
pub(super) enum Pass {
    None,
    All,
    /// The one that AWS denied for its age; somebody else may have made another one meanwhile.
    Over(AccessKeyId),
}

impl Obtainer<'_> {
    /// The credentials at the end of a plan.
    ///
    /// # Errors
    /// As [`ObtainError`] says. Whatever was obtained on the way is remembered.
    pub fn obtain(&self, plan: &Plan) -> Result<Obtained, ObtainError> {
        if let Some(Step { call: Call::CredentialProcess { .. }, profile, .. }) = plan.steps.first() {
            // Before any lock: the same profile would wait for it.
            outside::no_loop(self.environment, profile)?;
        }
        match plan.steps.len() {
            0 => self.handed_out(plan),
            count => self.after(plan, count - 1, &if self.refresh { Pass::All } else { Pass::None }),
        }
    }

    /// The credentials after a step: remembered, or made from those before it.
    pub(super) fn after(&self, plan: &Plan, index: usize, pass: &Pass) -> Result<Obtained, ObtainError> {
        let step = &plan.steps[index];
        if let Call::CredentialProcess { command } = &step.call {
            // Neither remembered nor asked for by one for all: what it gives may hang on more than we know.
            return self.credential_process(step, command);
        }
        let is_last = index + 1 == plan.steps.len();
        let min_ttl = if is_last { self.min_ttl } else { SOURCE_MIN_TTL };
        // A session that never has the time asked to be left would be fetched anew by every call.
        let min_ttl = step.duration.filter(|duration| min_ttl >= *duration).map_or(min_ttl, |duration| duration / 2);
        let remembered = || -> Result<_, ObtainError> {
            let session = match pass {
                Pass::All => None,
                Pass::None | Pass::Over(_) => self.vault.session(&step.cache_key, self.later_now()? + min_ttl)?,
            };
            let is_good = |session: &SessionRecord| match pass {
                Pass::Over(denied) => session.credentials.access_key_id != *denied,
                Pass::None | Pass::All => true,
            };
            Ok(session.filter(is_good).map(Obtained::from))
        };
        if let Some(found) = remembered()? {
            return Ok(found);
        }
        let given = match index.checked_sub(1).map(|previous| &plan.steps[previous].call) {
            Some(Call::CredentialProcess { .. }) => Some(self.before(plan, index)?),
            _ => None,
        };
        if let (Some(Before { given: Obtained { credentials: Credentials::Session(_), .. }, .. }), true) =
            (&given, is_for_long_term(&step.call))
        {
            return self.handed_on(step, given);
        }
        let lead = || {
            let made = self.make(plan, index, given);
            made.map(Obtained::from)
        };
        match one_for_all(self.vault, self.prompt, &step.cache_key, remembered, lead) {
            Err(error) if matches!(pass, Pass::None) && no_newer_can_be_had(&error) => self.last_resort(step, error),
            made => made,
        }
    }

    /// Another tool gave a session where it might have given keys: it goes on as it is.
    fn handed_on(&self, step: &Step, given: Option<Before<'_>>) -> Result<Obtained, ObtainError> {
        match (&step.call, given) {
            (Call::GetFederationToken { session_policy, .. }, _) if *session_policy != SessionPolicy::of_the_user() => {
                Err(ObtainError::PolicyForSession { profile: step.profile.clone() })
            }
            (_, Some(before)) => Ok(before.given),
            (_, None) => Err(ObtainError::NoKey { profile: step.profile.clone(), leads_back: false }),
        }
    }

    /// Asks for what a step gives, and remembers it. `given` is what the step before gave, if that is known already.
    fn make(&self, plan: &Plan, index: usize, given: Option<Before<'_>>) -> Result<SessionRecord, ObtainError> {
        let step = &plan.steps[index];
        log::debug!("{} for `{}`: no session is remembered, asking", step.call.as_str(), step.profile);
        let credentials = match &step.call {
            Call::GetRoleCredentials(access) => self.role_credentials(access)?,
            Call::AssumeRoleWithWebIdentity { role, token_file } => {
                let token = self.web_identity_token(step, token_file)?;
                let request = web_identity_request(role, step, token);
                let asked = self.aws.assume_role_with_web_identity(&plan.endpoints, &request);
                asked.map_err(|error| denied(error, step, None, Some(None)))?
            }
            _ => {
                let before = given.map_or_else(|| self.before(plan, index), Ok)?;
                self.signed(plan, index, &before)?
            }
        };
        let record = SessionRecord {
            credentials,
            kind: step.call.kind(),
            profile: step.profile.clone(),
            source: plan.source.clone(),
            mfa: step.gives_mfa(),
        };
        let SessionCredentials { access_key_id, expiration, .. } = &record.credentials;
        let issued = AuditEvent::SessionIssued {
            profile: &record.profile,
            operation: step.call.as_str(),
            access_key_id: access_key_id.masked(),
            mfa: record.mfa,
            expiration: *expiration,
        };
        self.vault.audit(self.clock.now(), &issued)?;
        let goes_out = index + 1 == plan.steps.len();
        let remember = if goes_out { Vault::remember_session } else { Vault::remember_session_for_roles };
        if let Err(error) = remember(self.vault, &step.cache_key, &record, self.clock.now()) {
            // They were paid for with a code, and are good.
            self.prompt.say(&format!("warning: the session is not remembered: {error}"));
        }
        Ok(record)
    }

    /// What a step's call is signed with.
    fn before<'p>(&self, plan: &'p Plan, index: usize) -> Result<Before<'p>, ObtainError> {
        let Some(previous) = index.checked_sub(1) else { return Ok(Before { given: self.start(plan)?, step: None }) };
        let given = self.after(plan, previous, &if self.refresh { Pass::All } else { Pass::None })?;
        Ok(Before { given, step: Some(&plan.steps[previous]) })
    }

    /// What everything starts from, as it is: long-term credentials of the vault leave it.
    fn handed_out(&self, plan: &Plan) -> Result<Obtained, ObtainError> {
        let given = self.start(plan)?;
        if plan.start == Start::Vault {
            let names = [plan.source.to_string()];
            let event = AuditEvent::Exported { format: "long-term credentials", names: &names };
            self.vault.audit(self.clock.now(), &event)?;
        }
        Ok(given)
    }

    /// What everything starts from.
    fn start(&self, plan: &Plan) -> Result<Obtained, ObtainError> {
        let credentials = match plan.start {
            Start::Environment => {
                let unset = EnvironmentError::Unset { variable: "AWS_ACCESS_KEY_ID" };
                self.environment.credentials()?.ok_or(unset)?
            }
            Start::Vault | Start::Nothing => self.long_term_credentials(plan)?.into(),
        };
        let mfa = matches!(credentials, Credentials::LongTerm(_)).then_some(false);
        Ok(Obtained { credentials, mfa })
    }

    /// A session that still holds, though for less time than was asked for.
    fn last_resort(&self, step: &Step, error: ObtainError) -> Result<Obtained, ObtainError> {
        match self.vault.session(&step.cache_key, self.later_now()? + LAST_RESORT_TTL)? {
            Some(session) => {
                self.prompt
                    .say(&format!("note: no new session can be had ({error}); using the one that is about to end"));
                Ok(Obtained::from(session))
            }
            None => Err(error),
        }
    }

    /// A session ends by AWS's clock, and SDKs judge it by this machine's: what counts is the one that is ahead.
    pub(super) fn later_now(&self) -> Result<SystemTime, VaultError> {
        let now = self.clock.now();
        Ok(clock_offset(self.vault, self.aws)?.apply(now).max(now))
    }

    fn long_term_credentials(&self, plan: &Plan) -> Result<LongTermCredentials, ObtainError> {
        match self.vault.key(&plan.source)? {
            Some(key) => Ok(key.credentials),
            None => Err(ObtainError::NoKey { profile: plan.source.clone(), leads_back: plan.leads_back }),
        }
    }

    fn web_identity_token(&self, step: &Step, path: &std::path::Path) -> Result<SecretText, ObtainError> {
        let path = self.environment.expand_home(path);
        let bytes = atomic_file::read_user_file(&path)
            .map_err(|source| ObtainError::TokenFile { profile: step.profile.clone(), source })?;
        let bytes = SecretBytes::from(bytes);
        let text = std::str::from_utf8(bytes.expose()).map(str::trim).unwrap_or_default();
        let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        match is_token {
            true => Ok(SecretText::from(text)),
            false => Err(ObtainError::NoToken { path: path.display().to_string() }),
        }
    }
}

/// Whether a call can only be made with long-term credentials.
fn is_for_long_term(call: &Call) -> bool {
    matches!(call, Call::GetSessionToken | Call::GetFederationToken { .. })
}

impl From<SessionRecord> for Obtained {
    fn from(record: SessionRecord) -> Self {
        Obtained { credentials: Credentials::Session(record.credentials), mfa: Some(record.mfa) }
    }
}
