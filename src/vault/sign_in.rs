//! A sign-in at IAM Identity Center as it is stored: this program's registration there, and the tokens of a person.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{
    CacheKey,
    records::{CAPACITY, VERSION, exposed, from_bytes, time, to_bytes},
};
use crate::{
    aws::{RegisteredClient, SsoToken},
    rfc3339,
    secret::{SecretBytes, SecretText},
};

/// One person's sign-in at one start URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRecord {
    /// Where, for people: it is in the index in the clear.
    pub start_url: String,
    /// This program as it registered there.
    pub client: RegisteredClient,
    /// What the person approved.
    pub token: SsoToken,
}

#[derive(Serialize, Deserialize)]
struct StoredSignIn {
    version: u32,
    cache_key: String,
    start_url: String,
    client_id: String,
    #[serde(with = "exposed")]
    client_secret: SecretText,
    client_expiration: String,
    #[serde(with = "exposed")]
    access_token: SecretText,
    expiration: String,
    /// Empty if there is none.
    #[serde(with = "exposed")]
    refresh_token: SecretText,
}

impl SignInRecord {
    pub(super) fn to_bytes(&self, key: &CacheKey) -> SecretBytes {
        let stored = StoredSignIn {
            version: VERSION,
            cache_key: key.as_str().to_owned(),
            start_url: self.start_url.clone(),
            client_id: self.client.client_id.clone(),
            client_secret: self.client.client_secret.clone(),
            client_expiration: rfc3339::format(self.client.expiration),
            access_token: self.token.access_token.clone(),
            expiration: rfc3339::format(self.token.expiration),
            refresh_token: self.token.refresh_token.clone().unwrap_or_else(|| "".into()),
        };
        to_bytes(&stored, CAPACITY)
    }

    /// Reads a sign-in, and refuses one that was stored under another key.
    pub(super) fn from_bytes(bytes: &SecretBytes, key: &CacheKey) -> Result<Self, String> {
        let stored: StoredSignIn = from_bytes(bytes)?;
        if stored.cache_key != key.as_str() {
            return Err("it belongs to other inputs".to_owned());
        }
        Ok(SignInRecord {
            start_url: stored.start_url,
            client: RegisteredClient {
                client_id: stored.client_id,
                client_secret: stored.client_secret,
                expiration: time(&stored.client_expiration)?,
            },
            token: SsoToken {
                access_token: stored.access_token,
                expiration: time(&stored.expiration)?,
                refresh_token: Some(stored.refresh_token).filter(|token| !token.expose().is_empty()),
            },
        })
    }

    /// When nothing of it is of use any more: a refresh token outlives the access token, and the registration both.
    pub(super) fn useless_from(&self) -> SystemTime {
        match self.token.refresh_token {
            Some(_) => self.client.expiration,
            None => self.token.expiration,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_sign_in_is_read_as_it_was_written_and_only_under_its_key() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let record = |refresh_token: Option<&str>| SignInRecord {
            start_url: "https://d-1.awsapps.com/start".to_owned(),
            client: RegisteredClient { client_id: "c".to_owned(), client_secret: "s".into(), expiration: at(9) },
            token: SsoToken {
                access_token: "a".into(),
                expiration: at(5),
                refresh_token: refresh_token.map(SecretText::from),
            },
        };
        let key = CacheKey::of(["a"]);
        for (record, useless_from) in [(record(Some("r")), 9), (record(None), 5)] {
            assert_eq!(record.useless_from(), at(useless_from));
            let bytes = record.to_bytes(&key);
            assert!(SignInRecord::from_bytes(&bytes, &CacheKey::of(["b"])).is_err());
            assert_eq!(SignInRecord::from_bytes(&bytes, &key), Ok(record));
        }
    }
}
