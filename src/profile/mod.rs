//! Noun, pure: what an AWS config says of a profile.
//!
//! `text` keeps a file line by line and `edit` changes only the lines it must; `resolve` turns the keys of one profile
//! into values, `chain` follows its sources and finds loops, `credential_process` tells our command line from another
//! tool's. Nothing here reads a file or an environment variable.

use std::{fmt, path::PathBuf, time::Duration};

use thiserror::Error;

use crate::{arn::Arn, mfa::SerialNumber};

mod chain;
pub mod credential_process;
mod edit;
mod name;
mod resolve;
mod text;
pub mod values;

pub use chain::{Chain, chain};
pub use edit::EditError;
pub use name::{InvalidProfileName, ProfileName};
pub use text::{ConfigText, Entry, FileKind, SectionName};

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
    pub sts_regional_endpoints: Option<Setting<StsRegionalEndpoints>>,
    pub endpoint_url: Option<Setting<String>>,
    /// `endpoint_url` of `sts` in the section that `services` names.
    pub sts_endpoint_url: Option<Setting<String>>,
    /// `endpoint_url` of `iam` in the section that `services` names.
    pub iam_endpoint_url: Option<Setting<String>>,
    /// As written; `~` is for whoever opens the file.
    pub ca_bundle: Option<Setting<PathBuf>>,
    pub use_fips_endpoint: Option<Setting<bool>>,
    pub use_dualstack_endpoint: Option<Setting<bool>>,
    /// Where `aws_access_key_id` stands in plain text, if it does. Never inherited.
    pub static_keys: Option<Place>,
}

impl Profile {
    /// The `credential_process` of another tool: credentials that come from elsewhere. Ours gets them from here, by the
    /// rest of the profile.
    pub fn foreign_process(&self) -> Option<&Setting<String>> {
        self.credential_process.as_ref().filter(|command| !credential_process::is_ours(&command.value))
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
}
