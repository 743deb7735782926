//! Why there are no credentials: one variant for each thing that somebody can do about it.

use thiserror::Error;

use super::{consent::ConsentError, denial::Denial};
use crate::{
    atomic_file::FileError,
    aws::AwsError,
    environment::EnvironmentError,
    mfa::{InvalidAuthenticationCode, SerialNumber},
    process::ProcessError,
    profile::ProfileName,
    prompt::PromptError,
    vault::VaultError,
};

/// Why there are no credentials.
#[derive(Debug, Error)]
pub enum ObtainError {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// AWS refused, or could not be asked.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// AWS denied it.
    #[error("{why}")]
    Denied {
        /// What most likely stands behind it.
        why: Box<Denial>,
        /// What AWS said.
        source: AwsError,
    },
    /// A person did not agree that a code goes out.
    #[error(transparent)]
    Consent(ConsentError),
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
    MfaProcess(#[source] ProcessError),
    /// The profile's `credential_process` failed.
    #[error("the `credential_process` of the profile `{profile}` failed")]
    CredentialProcess {
        /// Whose.
        profile: ProfileName,
        /// How.
        source: ProcessError,
    },
    /// The profile's `credential_process` printed something else than credentials.
    #[error("the `credential_process` of the profile `{profile}` printed no usable credentials: {reason}")]
    ProcessDocument {
        /// Whose.
        profile: ProfileName,
        /// What is wrong, without any content.
        reason: &'static str,
    },
    /// The `credential_process` of a profile asks for the profile itself, or through too many others.
    #[error("the `credential_process` of the profile `{profile}` leads back here: {}", path.join(" → "))]
    ProcessLoop {
        /// Whose.
        profile: ProfileName,
        /// The profiles that led here, the outermost first.
        path: Vec<String>,
    },
    /// The file with the token of the identity provider cannot be read.
    #[error("the web identity token of the profile `{profile}` cannot be read")]
    TokenFile {
        /// Whose.
        profile: ProfileName,
        /// Why not.
        source: FileError,
    },
    /// The file with the token of the identity provider holds none.
    #[error("{path} holds no web identity token")]
    NoToken {
        /// The file.
        path: String,
    },
    /// A person has to sign in at IAM Identity Center, and cannot be shown where.
    #[error("a sign-in at {start_url} is needed")]
    SignInNeeded {
        /// Where.
        start_url: String,
        /// Why nobody can do it.
        source: PromptError,
    },
    /// The person did not sign in in time, or said no.
    #[error("the sign-in at {start_url} was not approved{}", if source.is_none() { " in time" } else { "" })]
    NotSignedIn {
        /// Where.
        start_url: String,
        /// What AWS said, if it was not the time that ran out here.
        source: Option<AwsError>,
    },
    /// The person who signed in may not use it, or there is none.
    #[error("the sign-in has no permission set {role_name} in the account {account_id}")]
    NoPermissionSet {
        /// `sso_account_id`.
        account_id: String,
        /// `sso_role_name`.
        role_name: String,
        /// What AWS said.
        source: AwsError,
    },
    /// Another tool gave a session where it might have given keys, and AWS narrows down no session.
    #[error(
        "the `credential_process` of the profile `{profile}` gave a session, and AWS takes a session policy only for a role"
    )]
    PolicyForSession {
        /// Whose.
        profile: ProfileName,
    },
    /// The environment's credentials cannot be used.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The vault has no long-term credentials of the source profile.
    #[error("there are no long-term credentials of the profile `{profile}` in the vault{}", if *leads_back { ", and its credential_process leads back here" } else { "" })]
    NoKey {
        /// Which profile.
        profile: ProfileName,
        /// Whether its `credential_process` asks this program for them.
        leads_back: bool,
    },
}

impl From<ConsentError> for ObtainError {
    fn from(error: ConsentError) -> Self {
        match error {
            ConsentError::Vault(error) => ObtainError::Vault(error),
            error => ObtainError::Consent(error),
        }
    }
}
