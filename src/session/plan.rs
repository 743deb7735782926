//! How a profile becomes credentials, as data: printed by `explain`, walked by `obtain`, made by `planner`.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use thiserror::Error;

use crate::{
    arn::Arn,
    aws::{
        SessionPolicy,
        endpoints::{Endpoints, SsoEndpoints},
    },
    credentials::AccessKeyId,
    mfa::SerialNumber,
    profile::{ProfileName, SessionTag, Setting},
    vault::{CacheKey, SessionKind},
};

/// What was asked for on the command line and by the environment, before the profile's own values.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// How long the session is to last.
    pub duration: Option<Duration>,
    /// How long a user's session is to last, by the environment.
    pub user_duration: Option<Setting<Duration>>,
    /// How long a role's is to last, by the environment.
    pub role_duration: Option<Setting<Duration>>,
    /// No GetSessionToken.
    pub no_session: bool,
    /// The serial number to use whatever the config says: that of a device just enabled.
    pub serial_number: Option<SerialNumber>,
    /// `AWS_MFA_SERIAL`.
    pub environment_serial_number: Option<SerialNumber>,
    /// The keys of `AWS_ACCESS_KEY_ID` and its companions, if they are there.
    pub environment_keys: Option<EnvironmentKeys>,
    /// Who is logged in where, for the role session name.
    pub session_name: String,
    /// What the session may do at most.
    pub session_policy: SessionPolicy,
    /// The credentials are to sign in to the console, which those of GetSessionToken cannot.
    pub for_console: bool,
}

/// What is known beforehand of the credentials in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentKeys {
    /// Which they are.
    pub access_key_id: AccessKeyId,
    /// Whether they have a session token.
    pub is_session: bool,
}

/// Where the services are for the profile.
#[derive(Clone, Debug)]
pub struct Places {
    /// The region for the command.
    pub region: Option<Setting<String>>,
    /// STS and IAM.
    pub endpoints: Endpoints,
    /// Who set the endpoint of STS, or what chose among AWS's own; none if only the region did.
    pub endpoint_origin: Option<String>,
    /// Who set the roots of trust, if anybody did.
    pub ca_bundle_origin: Option<String>,
    /// IAM Identity Center, if the source profile signs in there.
    pub sso: Option<SsoEndpoints>,
}

/// How to get credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The profile asked for.
    pub profile: ProfileName,
    /// The profile where everything starts.
    pub source: ProfileName,
    /// What it starts from.
    pub start: Start,
    /// The calls, in order; none if the long-term credentials go out.
    pub steps: Vec<Step>,
    /// The region for the command.
    pub region: Option<String>,
    /// Where STS and IAM are.
    pub endpoints: Endpoints,
    /// Whether the source profile's `credential_process` asks this program for that very profile.
    pub leads_back: bool,
    /// The command that prints a code, if the profile names one.
    pub mfa_process: Option<String>,
    /// What a person should know, such as a cap.
    pub notes: Vec<String>,
    /// Where the plan's own values come from: `start`, `region`, `sts_endpoint`, `ca_bundle`, `mfa_process`.
    pub origins: BTreeMap<&'static str, String>,
}

/// What the first call is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Long-term credentials of the source profile, in the vault.
    Vault,
    /// `AWS_ACCESS_KEY_ID` and its companions.
    Environment,
    /// Nothing: it is not signed.
    Nothing,
}

impl Plan {
    /// The account of the credentials at the end, if the plan says so.
    pub fn account_id(&self) -> Option<&str> {
        match &self.steps.last()?.call {
            Call::AssumeRole(role) | Call::AssumeRoleWithWebIdentity { role, .. } => Some(&role.role_arn.account_id),
            Call::GetRoleCredentials(access) => Some(&access.account_id),
            Call::GetSessionToken | Call::GetFederationToken { .. } | Call::CredentialProcess { .. } => None,
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
    /// What is asked of AWS; none where that is not ours to say.
    pub duration: Option<Duration>,
    /// The device whose code goes along.
    pub serial_number: Option<SerialNumber>,
    /// Further devices of the same user held here, any of which will do.
    pub other_serial_numbers: Vec<SerialNumber>,
    /// The hash of all inputs.
    pub cache_key: CacheKey,
    /// What comes from where: a value's name, as the AWS config or API has it, and its origin.
    pub origins: BTreeMap<&'static str, String>,
}

impl Step {
    /// Whether policies see MFA in what the call gives: an assumed role has none, and of others we do not know.
    pub fn gives_mfa(&self) -> bool {
        self.call == Call::GetSessionToken && self.serial_number.is_some()
    }
}

/// An operation that gives credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Another tool, by the profile's `credential_process`; it may give long-term or session credentials.
    CredentialProcess {
        /// Its command line.
        command: String,
    },
    /// From a sign-in at IAM Identity Center.
    GetRoleCredentials(Box<SsoAccess>),
    /// From long-term credentials.
    GetSessionToken,
    /// From long-term credentials, for the console.
    GetFederationToken {
        /// How CloudTrail calls the session.
        name: String,
        /// What the session may do at most; AWS demands one.
        session_policy: SessionPolicy,
    },
    /// From whatever the step before gave.
    AssumeRole(Box<RoleSession>),
    /// From a token of an identity provider.
    AssumeRoleWithWebIdentity {
        /// What is assumed; of it, the request has neither external ID nor tags nor source identity.
        role: Box<RoleSession>,
        /// The file with the token, as the profile has it; read when it is needed.
        token_file: PathBuf,
    },
}

impl Call {
    /// The kind of session that it gives.
    pub fn kind(&self) -> SessionKind {
        match self {
            Call::CredentialProcess { .. } => SessionKind::CredentialProcess,
            Call::GetRoleCredentials(_) => SessionKind::GetRoleCredentials,
            Call::GetSessionToken => SessionKind::GetSessionToken,
            Call::GetFederationToken { .. } => SessionKind::GetFederationToken,
            Call::AssumeRole(_) => SessionKind::AssumeRole,
            Call::AssumeRoleWithWebIdentity { .. } => SessionKind::AssumeRoleWithWebIdentity,
        }
    }

    /// The operation's name.
    pub fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }
}

/// The session of a role: all that goes into the request but duration and MFA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSession {
    /// Which role.
    pub role_arn: Arn,
    /// How CloudTrail calls the session.
    pub role_session_name: String,
    /// What the role's owner asks for.
    pub external_id: Option<String>,
    /// Put on the session.
    pub tags: Vec<SessionTag>,
    /// Keys of the tags that go on to the next role.
    pub transitive_tag_keys: Vec<String>,
    /// Who is behind the session.
    pub source_identity: Option<String>,
    /// What the session may do at most.
    pub session_policy: SessionPolicy,
}

/// A permission set of IAM Identity Center, and where to sign in for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoAccess {
    /// Where Identity Center is.
    pub endpoints: SsoEndpoints,
    /// The region of Identity Center.
    pub region: String,
    /// The name of the `[sso-session]`; none with the older keys.
    pub session: Option<String>,
    /// Where a person signs in.
    pub start_url: String,
    /// What the sign-in is for.
    pub scopes: Vec<String>,
    /// Twelve digits.
    pub account_id: String,
    /// The permission set.
    pub role_name: String,
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
    /// AWS narrows down roles and federated users only.
    #[error("the profile `{profile}` ends in no role, and AWS takes a session policy only for one")]
    PolicyWithoutRole {
        /// The profile asked for.
        profile: ProfileName,
    },
    /// `credential_source = Environment`, and nothing there.
    #[error(
        "the credentials of `{profile}` come from the environment, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"
    )]
    NoEnvironmentKeys {
        /// The profile that says so.
        profile: ProfileName,
    },
    /// The credentials are, by the config, somewhere this program does not look.
    #[error("the vault has no access key of the profile `{profile}`, whose credentials come from `{place}`")]
    OtherSource {
        /// The profile at the end of the chain.
        profile: ProfileName,
        /// Such as `Ec2InstanceMetadata`.
        place: &'static str,
    },
}
