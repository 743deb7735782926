//! The table of how a profile becomes credentials. Pure: chain, holdings and wishes in, a list of calls out.
//!
//! | case | calls |
//! | --- | --- |
//! | user profile | GetSessionToken, with MFA if there is a serial number |
//! | user profile, no session wished | none |
//! | role for up to 1 h, with a serial number | GetSessionToken at the source (8 h, shared) → AssumeRole |
//! | one role for longer | AssumeRole with MFA, directly |
//! | one role, no session wished | AssumeRole, directly, with MFA if there is a serial number |
//! | role without a serial number | AssumeRole from the long-term credentials |
//! | several roles | GetSessionToken at the source → each AssumeRole, at most 1 h |

use std::{collections::BTreeMap, time::Duration};

use thiserror::Error;

use crate::{
    arn::Arn,
    aws::endpoints::Endpoints,
    mfa::SerialNumber,
    profile::{Chain, Profile, ProfileName},
    vault::{CacheKey, Index},
};

/// What a user session lasts unless asked otherwise, and a role's.
const DEFAULT_DURATION: Duration = Duration::from_secs(3_600);
/// What AWS allows a session made from another session's role, at most ("role chaining").
const CHAINED_MAX: Duration = Duration::from_secs(3_600);
/// What any role may last at most.
const ROLE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// How long the session lasts that roles share: a working day.
const SHARED_DURATION: Duration = Duration::from_secs(8 * 3_600);

/// What was asked for on the command line, before the profile's own values.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// How long the session is to last.
    pub duration: Option<Duration>,
    /// No GetSessionToken.
    pub no_session: bool,
    /// The serial number to use whatever the config says: that of a device just enabled.
    pub serial_number: Option<SerialNumber>,
    /// `AWS_MFA_SERIAL`.
    pub environment_serial_number: Option<SerialNumber>,
    /// Who is logged in where, for the role session name.
    pub session_name: String,
}

/// How to get credentials: data, printed by `explain` and walked by `obtain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The profile asked for.
    pub profile: ProfileName,
    /// The profile whose long-term credentials are used.
    pub source: ProfileName,
    /// The calls, in order; none if the long-term credentials go out.
    pub steps: Vec<Step>,
    /// The region for the command.
    pub region: Option<String>,
    /// Where STS and IAM are.
    pub endpoints: Endpoints,
    /// The command that prints a code, if the profile names one.
    pub mfa_process: Option<String>,
    /// What a person should know, such as a cap.
    pub notes: Vec<String>,
}

impl Plan {
    /// The account of the role at the end, if there is one.
    pub fn role_account(&self) -> Option<String> {
        match &self.steps.last()?.call {
            Call::AssumeRole { role_arn, .. } => Some(role_arn.account_id.clone()),
            Call::GetSessionToken => None,
        }
    }
}

/// One call, and what it is remembered under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The operation.
    pub call: Call,
    /// The profile it is made for.
    pub profile: ProfileName,
    /// What is asked of AWS.
    pub duration: Duration,
    /// The device whose code goes along.
    pub serial_number: Option<SerialNumber>,
    /// The hash of all inputs.
    pub cache_key: CacheKey,
    /// What comes from where: a value's name, as the AWS config or API has it, and its origin.
    pub origins: BTreeMap<&'static str, String>,
}

/// An operation of STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// From long-term credentials.
    GetSessionToken,
    /// From whatever the step before gave.
    AssumeRole {
        /// Which role.
        role_arn: Arn,
        /// How CloudTrail calls the session.
        role_session_name: String,
        /// What the role's owner asks for.
        external_id: Option<String>,
    },
}

impl Call {
    /// The operation's name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Call::GetSessionToken => "GetSessionToken",
            Call::AssumeRole { .. } => "AssumeRole",
        }
    }
}

/// Why no plan can be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// A role for longer than any role lasts.
    #[error("a session of the role {role_arn} lasts at most 12h")]
    RoleDuration {
        /// Which role.
        role_arn: Arn,
    },
    /// A role's session would be another one without this.
    #[error("the profile `{profile}` sets `{key}`, which is not supported")]
    Unsupported {
        /// Which profile.
        profile: ProfileName,
        /// Its key.
        key: &'static str,
    },
    /// The long-term credentials are not in the vault but, by the config, somewhere this program does not look.
    #[error("the vault has no access key of the profile `{profile}`, whose credentials come from `{key}`")]
    OtherSource {
        /// The profile at the end of the chain.
        profile: ProfileName,
        /// Its key that says where they are.
        key: &'static str,
    },
}

/// Plans the way to the credentials of the chain's first profile.
///
/// # Errors
/// If a role is wanted for more than 12 h, then `RoleDuration`; if a role's session is to have tags or a source
/// identity, then `Unsupported`; if the credentials are not to come from keys of the vault, then `OtherSource`.
pub fn plan(
    chain: &Chain,
    index: &Index,
    region: Option<String>,
    endpoints: Endpoints,
    wishes: &Wishes,
) -> Result<Plan, PlanError> {
    supported(chain, index)?;
    let mut planner = Planner { chain, index, wishes, endpoints: &endpoints, steps: Vec::new(), notes: Vec::new() };
    planner.walk()?;
    let Planner { steps, notes, .. } = planner;
    Ok(Plan {
        profile: chain.profile().name.clone(),
        source: chain.source().name.clone(),
        steps,
        region,
        mfa_process: chain.profiles().find_map(|profile| profile.mfa_process.as_ref()).map(|found| found.value.clone()),
        notes,
        endpoints,
    })
}

/// Keys in the vault come first; what a profile says of other places counts only where there are none.
fn supported(chain: &Chain, index: &Index) -> Result<(), PlanError> {
    for role in chain.roles() {
        let set = [
            ("session_tags", role.session_tags.is_some()),
            ("transitive_session_tags", role.transitive_session_tags.is_some()),
            ("source_identity", role.source_identity.is_some()),
        ];
        if let Some((key, _)) = set.into_iter().find(|(_, set)| *set) {
            return Err(PlanError::Unsupported { profile: role.name.clone(), key });
        }
    }
    let source = chain.source();
    let elsewhere = [
        ("web_identity_token_file", source.web_identity_token_file.is_some()),
        ("credential_source", source.credential_source.is_some()),
        ("credential_process", source.foreign_process().is_some()),
    ];
    match elsewhere.into_iter().find(|(_, set)| *set) {
        Some((key, _)) if !index.keys.contains_key(&source.name) => {
            Err(PlanError::OtherSource { profile: source.name.clone(), key })
        }
        _ => Ok(()),
    }
}

/// A value, and where it came from.
type Sourced<T> = (T, String);

struct Planner<'a> {
    chain: &'a Chain,
    index: &'a Index,
    wishes: &'a Wishes,
    endpoints: &'a Endpoints,
    steps: Vec<Step>,
    notes: Vec<String>,
}

impl Planner<'_> {
    fn walk(&mut self) -> Result<(), PlanError> {
        let roles: Vec<&Profile> = self.chain.roles().collect();
        let serial = self.serial_number();
        let Some((last, earlier)) = roles.split_last() else {
            self.user(serial);
            return Ok(());
        };
        let duration = self.duration(last);
        if duration.0 > ROLE_MAX {
            return Err(PlanError::RoleDuration { role_arn: role_arn(last) });
        }
        if earlier.is_empty() && (serial.is_none() || self.wishes.no_session || duration.0 > CHAINED_MAX) {
            self.assume(last, duration, serial);
            return Ok(());
        }
        if let Some(serial) = serial.filter(|_| !self.wishes.no_session) {
            let shared = (SHARED_DURATION, "default of the session that roles share".to_owned());
            self.get_session_token(shared, Some(serial));
        }
        for role in earlier {
            self.assume(role, (CHAINED_MAX, "limit of AWS for role chaining".to_owned()), None);
        }
        let mut last_duration = duration;
        if last_duration.0 > CHAINED_MAX {
            self.notes
                .push("a role assumed through another role lasts at most 1h: AWS's limit for role chaining".to_owned());
            last_duration = (CHAINED_MAX, "limit of AWS for role chaining".to_owned());
        }
        self.assume(last, last_duration, None);
        Ok(())
    }

    fn user(&mut self, serial: Option<Sourced<SerialNumber>>) {
        if self.wishes.no_session {
            self.notes.push("the long-term credentials go out: they do not expire and carry no MFA".to_owned());
            return;
        }
        let duration = self.duration(self.chain.profile());
        self.get_session_token(duration, serial);
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

    fn duration(&self, profile: &Profile) -> Sourced<Duration> {
        match (self.wishes.duration, &profile.duration_seconds) {
            (Some(wished), _) => (wished, "option --duration".to_owned()),
            (None, Some(setting)) => (setting.value, setting.origin.to_string()),
            (None, None) => (DEFAULT_DURATION, "default".to_owned()),
        }
    }

    fn get_session_token(&mut self, duration: Sourced<Duration>, serial: Option<Sourced<SerialNumber>>) {
        let profile = self.chain.source().name.clone();
        self.push(Call::GetSessionToken, profile, duration, serial, BTreeMap::new());
    }

    fn assume(&mut self, role: &Profile, duration: Sourced<Duration>, serial: Option<Sourced<SerialNumber>>) {
        let mut origins = BTreeMap::new();
        if let Some(setting) = &role.role_arn {
            origins.insert("role_arn", setting.origin.to_string());
        }
        let session_name = match &role.role_session_name {
            Some(setting) => {
                origins.insert("role_session_name", setting.origin.to_string());
                setting.value.clone()
            }
            None => {
                origins.insert("role_session_name", "default: user and host".to_owned());
                self.wishes.session_name.clone()
            }
        };
        let external_id = role.external_id.as_ref().map(|setting| {
            origins.insert("external_id", setting.origin.to_string());
            setting.value.clone()
        });
        let call = Call::AssumeRole { role_arn: role_arn(role), role_session_name: session_name, external_id };
        self.push(call, role.name.clone(), duration, serial, origins);
    }

    fn push(
        &mut self,
        call: Call,
        profile: ProfileName,
        (duration, duration_origin): Sourced<Duration>,
        serial: Option<Sourced<SerialNumber>>,
        mut origins: BTreeMap<&'static str, String>,
    ) {
        origins.insert("duration", duration_origin);
        let serial_number = serial.map(|(serial, origin)| {
            origins.insert("serial_number", origin);
            serial
        });
        let cache_key = self.cache_key(&call, duration, serial_number.as_ref());
        self.steps.push(Step { call, profile, duration, serial_number, cache_key, origins });
    }

    /// A hash of the key, of the step before and of all that goes into the request. Sessions are of a user, so that
    /// profiles with the same role, keys and serial number share one.
    fn cache_key(&self, call: &Call, duration: Duration, serial_number: Option<&SerialNumber>) -> CacheKey {
        let source = &self.chain.source().name;
        let key = self.index.keys.get(source).map_or("", |entry| entry.fingerprint.as_str());
        let before = self.steps.last().map_or("", |step| step.cache_key.as_str());
        let duration = duration.as_secs().to_string();
        let serial_number = serial_number.map_or("", SerialNumber::as_str);
        let call_inputs = match call {
            Call::GetSessionToken => vec![],
            Call::AssumeRole { role_arn, role_session_name, external_id } => {
                let (present, id) = (external_id.is_some(), external_id.clone().unwrap_or_default());
                vec![role_arn.to_string(), role_session_name.clone(), present.to_string(), id]
            }
        };
        let place = [self.endpoints.sts_url.as_str(), self.endpoints.sts_signing_region.as_str()];
        let fixed = [call.as_str(), source.as_str(), key, before, duration.as_str(), serial_number];
        CacheKey::of(fixed.into_iter().chain(place).chain(call_inputs.iter().map(String::as_str)))
    }
}

fn role_arn(profile: &Profile) -> Arn {
    profile.role_arn.as_ref().expect("invariant: the roles of a chain have a role ARN").value.clone()
}
