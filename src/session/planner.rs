//! The table of how a profile becomes credentials. Pure: chain, holdings and wishes in, a list of calls out.
//!
//! | case | calls |
//! | --- | --- |
//! | user profile | GetSessionToken, with MFA if there is a serial number |
//! | user profile, no session wished | none |
//! | user profile, for the console | GetFederationToken |
//! | role for up to 1 h, with a serial number | GetSessionToken at the source (8 h, shared) → AssumeRole |
//! | one role for longer | AssumeRole with MFA, directly |
//! | one role, no session wished | AssumeRole, directly, with MFA if there is a serial number |
//! | role without a serial number | AssumeRole from the long-term credentials |
//! | several roles | GetSessionToken at the source → each AssumeRole, at most 1 h |
//! | several roles, no session wished | each AssumeRole, the first with MFA, at most 1 h |
//! | web identity | AssumeRoleWithWebIdentity → each further AssumeRole, at most 1 h |
//! | IAM Identity Center | GetRoleCredentials → each AssumeRole, at most 1 h |
//! | `credential_process` | the process; what it gives goes on as long-term credentials would, if it gives such |
//! | `credential_source = Environment` | as the vault's keys, or as a session if they are one: each AssumeRole, at most 1 h |

use std::{collections::BTreeMap, time::Duration};

use super::plan::{Call, Places, Plan, PlanError, RoleSession, SsoAccess, Start, Step, Wishes};
use crate::{
    arn::Arn,
    aws::SessionPolicy,
    mfa::SerialNumber,
    profile::{Chain, CredentialSource, Elsewhere, Profile, ProfileName, Setting},
    vault::{CacheKey, Index},
};

/// What a user session lasts unless asked otherwise, and a role's.
const DEFAULT_DURATION: Duration = Duration::from_secs(3_600);
/// What AWS allows a session made from another session's role, at most ("role chaining").
pub(super) const CHAINED_MAX: Duration = Duration::from_secs(3_600);
/// What any role may last at most, and what the console shows a federated user at most.
const ROLE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// How long the session lasts that roles share: a working day.
const SHARED_DURATION: Duration = Duration::from_secs(8 * 3_600);
/// AWS's limit for the name of a federated user.
const FEDERATED_NAME_MAX: usize = 32;
const CHAINING: &str = "limit of AWS for role chaining";

/// Plans the way to the credentials of the chain's first profile.
///
/// # Errors
/// If a role is wanted for more than 12 h, then `RoleDuration`; if a session policy is wished for what is no role, then
/// `PolicyWithoutRole`; if the credentials are to come from an environment that has none, then `NoEnvironmentKeys`; if
/// from where this program does not look, then `OtherSource`.
pub fn plan(chain: &Chain, index: &Index, places: Places, wishes: &Wishes) -> Result<Plan, PlanError> {
    let mut planner = Planner {
        chain,
        index,
        wishes,
        places: &places,
        start: Start::Vault,
        steps: Vec::new(),
        notes: Vec::new(),
        origins: BTreeMap::new(),
    };
    planner.walk()?;
    let Planner { steps, notes, start, mut origins, .. } = planner;
    let mfa_process = chain.profiles().find_map(|profile| profile.mfa_process.as_ref());
    origins.extend(mfa_process.map(|setting| ("mfa_process", setting.origin.to_string())));
    origins.extend(places.region.as_ref().map(|setting| ("region", setting.origin.to_string())));
    let endpoint = places.endpoint_origin.unwrap_or_else(|| "default of the region".to_owned());
    origins.insert("sts_endpoint", endpoint);
    origins.extend(places.ca_bundle_origin.map(|origin| ("ca_bundle", origin)));
    Ok(Plan {
        profile: chain.profile().name.clone(),
        source: chain.source().name.clone(),
        start,
        steps,
        region: places.region.map(|setting| setting.value),
        leads_back: chain.source().credential_process.is_some() && chain.source().foreign_process().is_none(),
        mfa_process: mfa_process.map(|setting| setting.value.clone()),
        notes,
        endpoints: places.endpoints,
        origins,
    })
}

/// A value, and where it came from.
type Sourced<T> = (T, String);

/// What is in hand before GetSessionToken and the roles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InHand {
    LongTerm,
    Session,
    /// Another tool decides, when it is asked.
    Either,
}

struct Planner<'a> {
    chain: &'a Chain,
    index: &'a Index,
    wishes: &'a Wishes,
    places: &'a Places,
    start: Start,
    steps: Vec<Step>,
    notes: Vec<String>,
    origins: BTreeMap<&'static str, String>,
}

impl Planner<'_> {
    fn walk(&mut self) -> Result<(), PlanError> {
        let all_roles: Vec<&Profile> = self.chain.roles().collect();
        if let Some(last) = all_roles.last().filter(|last| self.duration(last).0 > ROLE_MAX) {
            return Err(PlanError::RoleDuration { role_arn: role_arn(last) });
        }
        let in_hand = self.begin(&all_roles)?;
        let done =
            usize::from(matches!(self.steps.last(), Some(Step { call: Call::AssumeRoleWithWebIdentity { .. }, .. })));
        let roles = &all_roles[done..];
        let serial = if in_hand == InHand::Session { None } else { self.serial_number() };
        let Some((last, earlier)) = roles.split_last() else {
            self.handed_on();
            self.user(in_hand, serial);
            return self.policy_is_used();
        };
        let duration = self.duration(last);
        let direct = serial.is_none() || self.wishes.no_session || duration.0 > CHAINED_MAX;
        if earlier.is_empty() && in_hand != InHand::Session && direct {
            self.assume(last, duration, serial);
            return Ok(());
        }
        let mut serial = serial;
        if serial.is_some() && !self.wishes.no_session {
            let shared = (SHARED_DURATION, "default of the session that roles share".to_owned());
            self.get_session_token(shared, serial.take());
        }
        for role in earlier {
            // Only a user has a device: what is left of the serial number is for the first.
            self.assume(role, (CHAINED_MAX, CHAINING.to_owned()), serial.take());
        }
        let last_duration = if duration.0 > CHAINED_MAX { self.capped() } else { duration };
        self.assume(last, last_duration, serial);
        Ok(())
    }

    /// A source without a role is unusual: perhaps the role's key is misspelt.
    fn handed_on(&mut self) {
        let (profile, source) = (self.chain.profile(), self.chain.source());
        if profile.role_arn.is_none() && profile.name != source.name {
            let (name, source) = (&profile.name, &source.name);
            self.notes.push(format!("`{name}` has a source_profile and no role_arn: it gives what `{source}` gives"));
        }
    }

    fn capped(&mut self) -> Sourced<Duration> {
        self.notes
            .push("a role assumed through another role lasts at most 1h: AWS's limit for role chaining".to_owned());
        (CHAINED_MAX, CHAINING.to_owned())
    }

    /// Where it starts: keys in the vault come first; what a profile says of other places counts only where there are
    /// none.
    fn begin(&mut self, roles: &[&Profile]) -> Result<InHand, PlanError> {
        let source = self.chain.source();
        let name = source.name.clone();
        if self.index.keys.contains_key(&name) {
            self.starts(Start::Vault, format!("keys of `{name}` in the vault"));
            return Ok(InHand::LongTerm);
        }
        match source.elsewhere() {
            Some(Elsewhere::WebIdentity(setting)) => {
                self.starts(Start::Nothing, setting.origin.to_string());
                self.assume_with_web_identity(source, setting, roles.len() > 1);
                Ok(InHand::Session)
            }
            Some(Elsewhere::CredentialSource(setting)) => {
                let place = match setting.value {
                    CredentialSource::Environment => return self.environment(setting),
                    CredentialSource::Ec2InstanceMetadata => "Ec2InstanceMetadata",
                    CredentialSource::EcsContainer => "EcsContainer",
                };
                Err(PlanError::OtherSource { profile: name, place })
            }
            Some(Elsewhere::Sso(_)) => {
                self.starts(Start::Nothing, "a sign-in at IAM Identity Center".to_owned());
                self.get_role_credentials(source);
                Ok(InHand::Session)
            }
            Some(Elsewhere::Process(setting)) => {
                self.starts(Start::Nothing, setting.origin.to_string());
                let origins = BTreeMap::from([("credential_process", setting.origin.to_string())]);
                self.push(Call::CredentialProcess { command: setting.value.clone() }, name, None, None, origins);
                Ok(InHand::Either)
            }
            Some(Elsewhere::StaticKeys(_)) | None => {
                self.starts(Start::Vault, format!("keys of `{name}`, which the vault does not have"));
                Ok(InHand::LongTerm)
            }
        }
    }

    fn starts(&mut self, start: Start, origin: String) {
        self.start = start;
        self.origins.insert("start", origin);
    }

    fn environment(&mut self, setting: &Setting<CredentialSource>) -> Result<InHand, PlanError> {
        self.starts(Start::Environment, setting.origin.to_string());
        match &self.wishes.environment_keys {
            Some(keys) if keys.is_session => Ok(InHand::Session),
            Some(_) => Ok(InHand::LongTerm),
            None => Err(PlanError::NoEnvironmentKeys { profile: self.chain.source().name.clone() }),
        }
    }

    fn user(&mut self, in_hand: InHand, serial: Option<Sourced<SerialNumber>>) {
        let is_last_word = |planner: &Self| planner.wishes.duration.is_some() && in_hand != InHand::LongTerm;
        match in_hand {
            _ if self.wishes.for_console && in_hand != InHand::Session => self.get_federation_token(),
            InHand::LongTerm if self.wishes.no_session => {
                self.notes.push("the long-term credentials go out: they do not expire and carry no MFA".to_owned())
            }
            InHand::LongTerm => self.get_session_token(self.duration(self.chain.profile()), serial),
            InHand::Either if serial.is_some() && !self.wishes.no_session => {
                self.get_session_token(self.duration(self.chain.profile()), serial);
            }
            InHand::Either | InHand::Session if is_last_word(self) => {
                let ended_by_web_identity = self.steps.last().is_some_and(|step| step.duration.is_some());
                if !ended_by_web_identity {
                    self.notes.push("--duration is not used: where these credentials come from decides it".to_owned());
                }
            }
            InHand::Either | InHand::Session => {}
        }
    }

    /// A wish for less than all must not be passed over.
    fn policy_is_used(&self) -> Result<(), PlanError> {
        let takes_one = self.steps.last().is_some_and(|step| {
            matches!(step.call, Call::AssumeRoleWithWebIdentity { .. } | Call::GetFederationToken { .. })
        });
        match self.wishes.session_policy == SessionPolicy::default() || takes_one {
            true => Ok(()),
            false => Err(PlanError::PolicyWithoutRole { profile: self.chain.profile().name.clone() }),
        }
    }

    /// The option, the environment, the profile asked for, its sources, and at last what the vault holds for the user.
    fn serial_number(&self) -> Option<Sourced<SerialNumber>> {
        let given = self.wishes.serial_number.clone().map(|serial| (serial, "this command".to_owned()));
        let environment = self.wishes.environment_serial_number.clone();
        let configured = self.chain.profiles().find_map(|profile| profile.mfa_serial.as_ref());
        let held = self.index.devices_of(&self.chain.source().name).next();
        given
            .or_else(|| environment.map(|serial| (serial, "environment variable AWS_MFA_SERIAL".to_owned())))
            .or_else(|| configured.map(|setting| (setting.value.clone(), setting.origin.to_string())))
            .or_else(|| {
                let (name, entry) = held?;
                Some((entry.serial_number.clone()?, format!("device `{name}` in the vault")))
            })
    }

    /// What else is held for the same user: AWS takes a code of any of a user's devices.
    fn other_serial_numbers(&self, serial_number: &SerialNumber) -> Vec<SerialNumber> {
        let of_user =
            || self.index.devices_of(&self.chain.source().name).filter_map(|(_, entry)| entry.serial_number.clone());
        let asked_for = self.wishes.serial_number.is_some() || self.wishes.environment_serial_number.is_some();
        match !asked_for && of_user().any(|held| held == *serial_number) {
            true => of_user().filter(|held| held != serial_number).collect(),
            // Whose a device is that is not known here, nobody can say.
            false => Vec::new(),
        }
    }

    fn duration(&self, profile: &Profile) -> Sourced<Duration> {
        if let Some(wished) = self.wishes.duration {
            return (wished, "option --duration".to_owned());
        }
        let in_environment = match profile.role_arn {
            Some(_) => &self.wishes.role_duration,
            None => &self.wishes.user_duration,
        };
        let said = in_environment.as_ref().or(profile.duration_seconds.as_ref());
        said.map_or((DEFAULT_DURATION, "default".to_owned()), |setting| (setting.value, setting.origin.to_string()))
    }

    fn get_session_token(&mut self, duration: Sourced<Duration>, serial: Option<Sourced<SerialNumber>>) {
        let profile = self.chain.source().name.clone();
        self.push(Call::GetSessionToken, profile, Some(duration), serial, BTreeMap::new());
    }

    fn get_federation_token(&mut self) {
        let duration = match self.wishes.duration {
            Some(wished) if wished > ROLE_MAX => {
                self.notes.push("the console signs nobody in for more than 12h".to_owned());
                (ROLE_MAX, "limit of the console".to_owned())
            }
            Some(wished) => (wished, "option --duration".to_owned()),
            None => (ROLE_MAX, "default for the console".to_owned()),
        };
        let mut session_policy = self.wishes.session_policy.clone();
        let mut origins = BTreeMap::from([("session_policy", "option --policy or --policy-arn".to_owned())]);
        if session_policy == SessionPolicy::default() {
            // A federated user may do nothing without one.
            session_policy = SessionPolicy::of_the_user();
            origins.insert("session_policy", "default: all that the user may do".to_owned());
        }
        self.notes
            .push("a federated user has no MFA: what a policy demands it for is denied in the console".to_owned());
        let name = self.wishes.session_name.chars().take(FEDERATED_NAME_MAX).collect();
        let profile = self.chain.source().name.clone();
        self.push(Call::GetFederationToken { name, session_policy }, profile, Some(duration), None, origins);
    }

    fn get_role_credentials(&mut self, source: &Profile) {
        let (Some(sso), Some(endpoints)) = (&source.sso, &self.places.sso) else { return };
        let mut origins = BTreeMap::new();
        let mut said = |key, setting: &Setting<String>| {
            origins.insert(key, setting.origin.to_string());
            setting.value.clone()
        };
        let access = SsoAccess {
            endpoints: endpoints.clone(),
            region: said("sso_region", &sso.region),
            session: sso.session.as_ref().map(|setting| said("sso_session", setting)),
            start_url: said("sso_start_url", &sso.start_url),
            scopes: sso.scopes.clone(),
            account_id: said("sso_account_id", &sso.account_id),
            role_name: said("sso_role_name", &sso.role_name),
        };
        origins.insert("duration", "the permission set".to_owned());
        self.push(Call::GetRoleCredentials(Box::new(access)), source.name.clone(), None, None, origins);
    }

    fn assume_with_web_identity(&mut self, source: &Profile, token_file: &Setting<std::path::PathBuf>, goes_on: bool) {
        let (role, mut origins) = self.role_session(source);
        origins.insert("web_identity_token_file", token_file.origin.to_string());
        let duration = if goes_on { (CHAINED_MAX, "default".to_owned()) } else { self.duration(source) };
        let call = Call::AssumeRoleWithWebIdentity { role: Box::new(role), token_file: token_file.value.clone() };
        self.push(call, source.name.clone(), Some(duration), None, origins);
    }

    fn assume(&mut self, role: &Profile, duration: Sourced<Duration>, serial: Option<Sourced<SerialNumber>>) {
        let (session, origins) = self.role_session(role);
        self.push(Call::AssumeRole(Box::new(session)), role.name.clone(), Some(duration), serial, origins);
    }

    fn role_session(&self, role: &Profile) -> (RoleSession, BTreeMap<&'static str, String>) {
        let mut origins = BTreeMap::new();
        fn said<T: Clone>(
            origins: &mut BTreeMap<&'static str, String>,
            key: &'static str,
            setting: &Option<Setting<T>>,
        ) -> Option<T> {
            let setting = setting.as_ref()?;
            origins.insert(key, setting.origin.to_string());
            Some(setting.value.clone())
        }
        said(&mut origins, "role_arn", &role.role_arn);
        let role_session_name = said(&mut origins, "role_session_name", &role.role_session_name).unwrap_or_else(|| {
            origins.insert("role_session_name", "default: user and host".to_owned());
            self.wishes.session_name.clone()
        });
        let is_last = role.name == self.chain.profile().name;
        let session_policy = if is_last { self.wishes.session_policy.clone() } else { SessionPolicy::default() };
        if session_policy != SessionPolicy::default() {
            origins.insert("session_policy", "option --policy or --policy-arn".to_owned());
        }
        let session = RoleSession {
            role_arn: role_arn(role),
            role_session_name,
            external_id: said(&mut origins, "external_id", &role.external_id),
            tags: said(&mut origins, "session_tags", &role.session_tags).unwrap_or_default(),
            transitive_tag_keys: said(&mut origins, "transitive_session_tags", &role.transitive_session_tags)
                .unwrap_or_default(),
            source_identity: said(&mut origins, "source_identity", &role.source_identity),
            session_policy,
        };
        (session, origins)
    }

    fn push(
        &mut self,
        call: Call,
        profile: ProfileName,
        duration: Option<Sourced<Duration>>,
        serial: Option<Sourced<SerialNumber>>,
        mut origins: BTreeMap<&'static str, String>,
    ) {
        let duration = duration.map(|(duration, origin)| {
            origins.insert("duration", origin);
            duration
        });
        let serial_number = serial.map(|(serial, origin)| {
            origins.insert("serial_number", origin);
            serial
        });
        let other_serial_numbers =
            serial_number.as_ref().map_or_else(Vec::new, |serial| self.other_serial_numbers(serial));
        let cache_key = self.cache_key(&call, duration, serial_number.as_ref());
        self.steps.push(Step { call, profile, duration, serial_number, other_serial_numbers, cache_key, origins });
    }

    /// A hash of where it starts, of the step before and of all that goes into the request. Sessions are of a user, so
    /// that profiles with the same role, keys and serial number share one.
    fn cache_key(&self, call: &Call, duration: Option<Duration>, serial_number: Option<&SerialNumber>) -> CacheKey {
        let source = &self.chain.source().name;
        let start = match self.start {
            Start::Vault => self.index.keys.get(source).map_or("", |entry| entry.fingerprint.as_str()),
            Start::Environment => self.wishes.environment_keys.as_ref().map_or("", |keys| keys.access_key_id.as_str()),
            Start::Nothing => "",
        };
        let before = self.steps.last().map_or("", |step| step.cache_key.as_str());
        let duration = duration.map(|duration| duration.as_secs().to_string()).unwrap_or_default();
        let serial_number = serial_number.map_or("", SerialNumber::as_str);
        let scope = self.places.endpoints.sts_scope.as_str();
        let fixed = [call.as_str(), source.as_str(), start, before, duration.as_str(), serial_number, scope];
        let call_inputs = inputs(call);
        CacheKey::of(fixed.into_iter().chain(call_inputs.iter().map(String::as_str)))
    }
}

/// All of a call that changes its result, each part told from the next whatever is in it.
fn inputs(call: &Call) -> Vec<String> {
    match call {
        Call::GetSessionToken => vec![],
        Call::CredentialProcess { command } => vec![command.clone()],
        Call::GetRoleCredentials(access) => vec![format!("{access:?}")],
        Call::GetFederationToken { name, session_policy } => vec![name.clone(), format!("{session_policy:?}")],
        Call::AssumeRole(role) => vec![format!("{role:?}")],
        Call::AssumeRoleWithWebIdentity { role, token_file } => vec![format!("{role:?}"), format!("{token_file:?}")],
    }
}

fn role_arn(profile: &Profile) -> Arn {
    profile.role_arn.as_ref().expect("invariant: the roles of a chain have a role ARN").value.clone()
}
