//! Noun, pure: long-term and session credentials, and (in `export`) their text forms.
//!
//! Where they come from, and where they rest, is not known here.

use std::{fmt, str::FromStr, time::SystemTime};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::secret::SecretText;

mod export;
mod process_document;

pub use export::{ExportDetails, ExportError, ExportFormat};
pub use process_document::ProcessDocument;

/// An access key's public half, such as `AKIAIOSFODNN7EXAMPLE`; not a secret, yet shown masked in lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessKeyId(String);

/// A text that is not an access key ID. It is not repeated: it may be the secret half in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("an access key ID has 16 to 128 letters, digits and underscores, such as AKIAIOSFODNN7EXAMPLE")]
pub struct InvalidAccessKeyId;

impl AccessKeyId {
    /// The whole ID.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ID of a long-term key, without the white space around it.
    ///
    /// # Errors
    /// If it is none, then `Id`; if it is a session's, then `OfSession`.
    pub fn of_long_term(text: &str) -> Result<Self, InvalidKeyPair> {
        let id: AccessKeyId = text.trim().parse()?;
        if id.as_str().starts_with("ASIA") { Err(InvalidKeyPair::OfSession) } else { Ok(id) }
    }

    /// `****************MPLE`: all but the last four masked, as the AWS CLI's `configure list` shows it.
    pub fn masked(&self) -> String {
        let shown = &self.0[self.0.len() - 4..];
        format!("{}{shown}", "*".repeat(self.0.len() - 4))
    }
}

impl FromStr for AccessKeyId {
    type Err = InvalidAccessKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidAccessKeyId> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if (16..=128).contains(&text.len()) && text.bytes().all(word) {
            Ok(AccessKeyId(text.to_owned()))
        } else {
            Err(InvalidAccessKeyId)
        }
    }
}

impl TryFrom<String> for AccessKeyId {
    type Error = InvalidAccessKeyId;

    fn try_from(text: String) -> Result<Self, InvalidAccessKeyId> {
        text.parse()
    }
}

impl From<AccessKeyId> for String {
    fn from(id: AccessKeyId) -> String {
        id.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An IAM user's access key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongTermCredentials {
    /// The public half.
    pub access_key_id: AccessKeyId,
    /// The secret half.
    pub secret_access_key: SecretText,
}

/// Two texts that are no long-term key pair. Neither is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidKeyPair {
    /// The first is no access key ID.
    #[error(transparent)]
    Id(#[from] InvalidAccessKeyId),
    /// The ID is one that STS gives.
    #[error("an ID that begins with ASIA is part of session credentials, not a long-term key")]
    OfSession,
    /// An ID in the secret's place.
    #[error("an access key ID stands where the secret should: the two are the wrong way round")]
    WrongWayRound,
    /// The second cannot be a secret access key.
    #[error("a secret access key has 40 letters, digits, + and /")]
    Secret,
}

impl LongTermCredentials {
    /// The pair of these two texts, without the white space around them: an ID in the secret's place, or a session's key,
    /// would only fail later.
    ///
    /// # Errors
    /// If the ID is none, then `Id`; if it is a session's, then `OfSession`; if an ID stands in the secret's place, then
    /// `WrongWayRound`; if it is no secret, then `Secret`.
    pub fn of_texts(id: &str, secret: &str) -> Result<Self, InvalidKeyPair> {
        let access_key_id = AccessKeyId::of_long_term(id)?;
        let secret = secret.trim();
        if secret.starts_with("AKIA") && secret.parse::<AccessKeyId>().is_ok() {
            return Err(InvalidKeyPair::WrongWayRound);
        }
        let encoded = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        if !(16..=128).contains(&secret.len()) || !secret.bytes().all(encoded) {
            return Err(InvalidKeyPair::Secret);
        }
        Ok(LongTermCredentials { access_key_id, secret_access_key: SecretText::from(secret) })
    }
}

/// What STS gives for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCredentials {
    /// The public half, `ASIA…`.
    pub access_key_id: AccessKeyId,
    /// The secret half.
    pub secret_access_key: SecretText,
    /// Goes with every request; of no fixed size.
    pub session_token: SecretText,
    /// When AWS stops taking them, by AWS's clock.
    pub expiration: SystemTime,
}

/// What is handed to a program: either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A user's own.
    LongTerm(LongTermCredentials),
    /// For a time.
    Session(SessionCredentials),
}

impl Credentials {
    /// The public half.
    pub fn access_key_id(&self) -> &AccessKeyId {
        match self {
            Credentials::LongTerm(credentials) => &credentials.access_key_id,
            Credentials::Session(credentials) => &credentials.access_key_id,
        }
    }

    /// The secret half.
    pub fn secret_access_key(&self) -> &SecretText {
        match self {
            Credentials::LongTerm(credentials) => &credentials.secret_access_key,
            Credentials::Session(credentials) => &credentials.secret_access_key,
        }
    }

    /// Only session credentials have one.
    pub fn session_token(&self) -> Option<&SecretText> {
        match self {
            Credentials::LongTerm(_) => None,
            Credentials::Session(credentials) => Some(&credentials.session_token),
        }
    }

    /// Only session credentials end.
    pub fn expiration(&self) -> Option<SystemTime> {
        match self {
            Credentials::LongTerm(_) => None,
            Credentials::Session(credentials) => Some(credentials.expiration),
        }
    }
}

impl From<LongTermCredentials> for Credentials {
    fn from(credentials: LongTermCredentials) -> Self {
        Credentials::LongTerm(credentials)
    }
}

impl From<SessionCredentials> for Credentials {
    fn from(credentials: SessionCredentials) -> Self {
        Credentials::Session(credentials)
    }
}
