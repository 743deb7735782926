//! Noun, pure: what an AWS config says of a profile.
//!
//! `text` keeps a file line by line and `edit` changes only the lines it must; `layers` says which of its keys counts for
//! a profile, `resolve` and `sso` turn them into values, `chain` follows its sources and finds loops,
//! `credential_process` tells our command line from another tool's. Nothing here reads a file or an environment variable.

use std::{fmt, path::PathBuf, time::Duration};

use thiserror::Error;

use crate::{arn::Arn, mfa::SerialNumber};

mod chain;
pub mod credential_process;
mod edit;
mod headings;
mod layers;
mod name;
mod resolve;
mod sso;
mod text;
pub mod values;

pub use chain::{Chain, chain};
pub use edit::EditError;
pub use headings::OddHeading;
pub use name::{InvalidProfileName, ProfileName};
pub use text::{ConfigText, Entry, FileKind, LineFault, MalformedLine, SectionName};

/// The texts of AWS's two files; where both set a key of a profile, the credentials file wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedConfig {
    /// `~/.aws/config`.
    pub config: ConfigText,
    /// `~/.aws/credentials`.
    pub credentials: ConfigText,
}

impl SharedConfig {
    /// Whether one of the files has a section for the profile.
    pub fn contains(&self, name: &ProfileName) -> bool {
        let section = SectionName::Profile(name.clone());
        self.config.contains(&section) || self.credentials.contains(&section)
    }

    /// All profiles of both files, each once, in the order of the files, the config first.
    pub fn profile_names(&self) -> Vec<&ProfileName> {
        let mut seen = std::collections::HashSet::new();
        let names = self.config.profile_names().chain(self.credentials.profile_names());
        names.filter(|name| seen.insert(*name)).collect()
    }

    /// The profile whose name is most like one that is not there: in another case, or with a slip of the keys or two.
    fn similar(&self, name: &ProfileName) -> Option<ProfileName> {
        let wanted = name.as_str().to_lowercase();
        let most = (wanted.chars().count() / 3).clamp(1, 3);
        let slips = |other: &ProfileName| strsim::damerau_levenshtein(&wanted, &other.as_str().to_lowercase());
        let names = self.profile_names().into_iter().map(|other| (slips(other), other));
        names.filter(|(slips, _)| *slips <= most).min_by_key(|(slips, _)| *slips).map(|(_, name)| name.clone())
    }
}

/// A place in an AWS config or credentials file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The profile in whose section it stands, or that points to the section it stands in.
    pub profile: ProfileName,
    /// The key as written.
    pub key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{} (profile {}, key {})", self.file.display(), self.line, self.profile, self.key)
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A key of the AWS config or credentials file.
    File(Place),
    /// An environment variable.
    Environment(&'static str),
    /// An option of the command line, such as `--duration`.
    Option(&'static str),
    /// Nobody said anything.
    Default,
}

impl Origin {
    /// The place, if it stands in a file.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Origin::File(place) => Some(place),
            Origin::Environment(_) | Origin::Option(_) | Origin::Default => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(place) => place.fmt(formatter),
            Origin::Environment(variable) => write!(formatter, "environment variable {variable}"),
            Origin::Option(option) => write!(formatter, "option {option}"),
            Origin::Default => formatter.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Who said so.
    pub origin: Origin,
}

/// `credential_source`: where a role's source credentials are, if not in a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// In `AWS_ACCESS_KEY_ID` and its companions.
    Environment,
    /// At the metadata service of the EC2 instance.
    Ec2InstanceMetadata,
    /// At the credentials endpoint of the container.
    EcsContainer,
}

/// `sts_regional_endpoints`: which STS is asked for regions that existed before 2019.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StsRegionalEndpoints {
    /// That of the region.
    Regional,
    /// The global one.
    Legacy,
}

/// A tag that an AssumeRole call puts on the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTag {
    /// 1 to 128 characters.
    pub key: String,
    /// At most 256 characters.
    pub value: String,
}

/// `endpoint_url` of single services, each in the nested block of its name in a `[services …]` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the blocks of the AWS config, documented there")]
pub struct ServiceEndpoints {
    pub sts: Option<Setting<String>>,
    pub iam: Option<Setting<String>>,
    pub sso: Option<Setting<String>>,
    pub sso_oidc: Option<Setting<String>>,
}

/// How a profile signs in through IAM Identity Center: by `sso_session`, or by the older keys in the profile itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sso {
    /// The name of the `[sso-session]` section; none with the older keys.
    pub session: Option<Setting<String>>,
    /// `sso_start_url`.
    pub start_url: Setting<String>,
    /// `sso_region`: where Identity Center is.
    pub region: Setting<String>,
    /// `sso_registration_scopes`; `sso:account:access` if a session names none, empty with the older keys.
    pub scopes: Vec<String>,
    /// `sso_account_id`: twelve digits.
    pub account_id: Setting<String>,
    /// `sso_role_name`: the permission set.
    pub role_name: Setting<String>,
}

/// All that the AWS config says of one profile, checked; a field is the key of its name.
///
/// A key with the prefix `mfavault_` wins over the plain one; what is not set is inherited from `include_profile`, and
/// `region` at last from the profile `default`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are keys of the AWS config, documented there")]
pub struct Profile {
    pub name: ProfileName,
    pub region: Option<Setting<String>>,
    pub mfa_serial: Option<Setting<SerialNumber>>,
    pub mfa_process: Option<Setting<String>>,
    pub role_arn: Option<Setting<Arn>>,
    pub source_profile: Option<Setting<ProfileName>>,
    pub credential_source: Option<Setting<CredentialSource>>,
    pub web_identity_token_file: Option<Setting<PathBuf>>,
    pub credential_process: Option<Setting<String>>,
    pub external_id: Option<Setting<String>>,
    pub role_session_name: Option<Setting<String>>,
    /// 15 min to 12 h.
    pub duration_seconds: Option<Setting<Duration>>,
    pub session_tags: Option<Setting<Vec<SessionTag>>>,
    pub transitive_session_tags: Option<Setting<Vec<String>>>,
    pub source_identity: Option<Setting<String>>,
    /// Where the credentials come from by signing in, if the profile has neither a role nor keys.
    pub sso: Option<Sso>,
    pub sts_regional_endpoints: Option<Setting<StsRegionalEndpoints>>,
    pub endpoint_url: Option<Setting<String>>,
    /// From the section that `services` names.
    pub service_endpoints: ServiceEndpoints,
    /// As written; `~` is for whoever opens the file.
    pub ca_bundle: Option<Setting<PathBuf>>,
    pub use_fips_endpoint: Option<Setting<bool>>,
    pub use_dualstack_endpoint: Option<Setting<bool>>,
    /// Where `aws_access_key_id` stands in plain text, if it does. Never inherited.
    pub static_keys: Option<Place>,
}

/// Where a profile's credentials come from if the vault has no keys of it.
#[derive(Clone, Copy, Debug)]
pub enum Elsewhere<'p> {
    /// A token of an identity provider, for the profile's role.
    WebIdentity(&'p Setting<PathBuf>),
    /// `credential_source`, for the profile's role.
    CredentialSource(&'p Setting<CredentialSource>),
    /// A sign-in at IAM Identity Center.
    Sso(&'p Sso),
    /// Keys in plain text in one of AWS's files, which this program does not use.
    StaticKeys(&'p Place),
    /// Another tool.
    Process(&'p Setting<String>),
}

impl Profile {
    /// Where the credentials come from if the vault has no keys of the profile; the order is botocore's.
    pub fn elsewhere(&self) -> Option<Elsewhere<'_>> {
        // Without a role they say nothing, as for the SDKs.
        let role = self.role_arn.as_ref();
        role.and_then(|_| self.web_identity_token_file.as_ref().map(Elsewhere::WebIdentity))
            .or_else(|| role.and_then(|_| self.credential_source.as_ref().map(Elsewhere::CredentialSource)))
            .or_else(|| self.sso.as_ref().map(Elsewhere::Sso))
            .or_else(|| self.static_keys.as_ref().map(Elsewhere::StaticKeys))
            .or_else(|| self.foreign_process().map(Elsewhere::Process))
    }

    /// The `credential_process` of another tool: credentials that come from elsewhere. Ours gets them from here, by the
    /// rest of the profile.
    pub fn foreign_process(&self) -> Option<&Setting<String>> {
        self.credential_process.as_ref().filter(|command| !credential_process::is_ours_for(&command.value, &self.name))
    }
}

/// Why a profile cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProfileError {
    /// No file has a section for it, and it has no keys of its own.
    #[error("there is no profile `{name}`{}", named_by.as_ref().map(|place| format!(", named at {place}")).unwrap_or_default())]
    Missing {
        /// The profile.
        name: ProfileName,
        /// The key that names it, if it was not asked for directly.
        named_by: Option<Box<Place>>,
        /// The profile that may have been meant.
        similar: Option<ProfileName>,
    },
    /// Sources or included profiles lead back to where they came from.
    #[error("the profile `{}` leads back to itself: {} (the last step at {closed_by})", path.first().map(ProfileName::as_str).unwrap_or_default(), path.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(" → "))]
    Loop {
        /// The way; its last name occurs in it twice.
        path: Vec<ProfileName>,
        /// The key that closes it.
        closed_by: Box<Place>,
    },
    /// A key has a value that cannot be meant.
    #[error("the value `{value}` at {place} cannot be used: {reason}")]
    Invalid {
        /// Where it stands.
        place: Box<Place>,
        /// The value, without control characters, cut if long.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A line of a section that is used means nothing, so that what else stands there may not be what was meant.
    #[error("{}:{} cannot be read: {} (profile {profile})", file.display(), line.line, line.fault)]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The line.
        line: MalformedLine,
        /// The profile in whose section it stands, or that points to the section it stands in.
        profile: ProfileName,
    },
}
