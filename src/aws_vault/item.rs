//! One item: the JSON object of the Go library `keyring`, whose `Data` is the base64 text of another one, the AWS SDK's
//! credentials (`credentials.Value` of SDK 1, `aws.Credentials` of SDK 2; what they share is read).
//!
//! Sessions are items too; their names tell. See `sessionkeyring.go` and `oidctokenkeyring.go` of aws-vault.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::credentials::{InvalidKeyPair, LongTermCredentials};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    data: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Value {
    #[serde(rename = "AccessKeyID", alias = "AccessKeyId", default)]
    access_key_id: String,
    #[serde(rename = "SecretAccessKey", default)]
    secret_access_key: Zeroizing<String>,
    #[serde(rename = "SessionToken", default)]
    session_token: Option<Zeroizing<String>>,
}

/// Why an item is no long-term key. No content is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ItemFault {
    /// Another kind of text.
    #[error("it is no item of aws-vault")]
    NotAnItem,
    /// What is in it are not the SDK's credentials.
    #[error("it holds no credentials")]
    NoCredentials,
    /// A token stands beside the key.
    #[error("it holds session credentials, which end")]
    OfSession,
    /// What stands for the key is none.
    #[error(transparent)]
    Key(#[from] InvalidKeyPair),
}

/// The key in an item.
///
/// # Errors
/// If it is no such JSON, then `NotAnItem` or `NoCredentials`; if there is a session token, then `OfSession`; if the
/// key cannot be a long-term one, then `Key`.
pub fn credentials_of(item: &[u8]) -> Result<LongTermCredentials, ItemFault> {
    let item: Item = serde_json::from_slice(item).map_err(|_| ItemFault::NotAnItem)?;
    let data = STANDARD.decode(item.data.as_bytes()).map(Zeroizing::new).map_err(|_| ItemFault::NotAnItem)?;
    let value: Value = serde_json::from_slice(&data).map_err(|_| ItemFault::NoCredentials)?;
    if value.session_token.is_some_and(|token| !token.is_empty()) {
        return Err(ItemFault::OfSession);
    }
    if value.access_key_id.is_empty() && value.secret_access_key.is_empty() {
        return Err(ItemFault::NoCredentials);
    }
    Ok(LongTermCredentials::of_texts(&value.access_key_id, &value.secret_access_key)?)
}

/// Whether an item of this name is a session or a sign-in, now or in a form that aws-vault used to write.
pub fn is_of_session(name: &str) -> bool {
    name.starts_with("oidc:") || is_session(name) || is_old_session(name)
}

/// `TYPE,PROFILE,SERIAL,UNIX-TIME`, the middle two in base64.
fn is_session(name: &str) -> bool {
    let parts: Vec<&str> = name.split(',').collect();
    let [kind, profile, serial, expiration] = parts[..] else { return false };
    let is_base64 = |text: &str| URL_SAFE_NO_PAD.decode(text).is_ok();
    let is_number = !expiration.is_empty() && expiration.bytes().all(|byte| byte.is_ascii_digit());
    let is_old = kind == "session" && expiration.len() > 1;
    !kind.is_empty() && !profile.is_empty() && is_number && (is_old || (is_base64(profile) && is_base64(serial)))
}

/// `session:PROFILE:SERIAL:TIME`, and before that `PROFILE session (TIME)`.
fn is_old_session(name: &str) -> bool {
    let with_colons =
        name.strip_prefix("session:").and_then(|rest| rest.rsplit_once(':')).is_some_and(|(rest, end)| {
            let has_profile = rest.split_once(':').is_some_and(|(profile, _)| !profile.is_empty());
            has_profile && !rest.contains(' ') && !end.is_empty()
        });
    let in_words =
        name.strip_suffix(')').and_then(|rest| rest.rsplit_once(" session (")).is_some_and(|(profile, time)| {
            !profile.is_empty() && !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit())
        });
    with_colons || in_words
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00";

    fn item(data: &str) -> Vec<u8> {
        format!(r#"{{"Key":"a","Data":"{}","Label":"aws-vault (a)","Description":""}}"#, STANDARD.encode(data))
            .into_bytes()
    }

    #[test]
    fn the_credentials_of_both_sdks_are_read() {
        let of_sdk_1 =
            format!(r#"{{"AccessKeyID":"{ID}","SecretAccessKey":"{SECRET}","SessionToken":"","ProviderName":""}}"#);
        let of_sdk_2 = format!(
            r#"{{"AccessKeyID":"{ID}","SecretAccessKey":"{SECRET}","SessionToken":"","Source":"","CanExpire":false,"Expires":"0001-01-01T00:00:00Z","AccountID":""}}"#
        );
        for data in [of_sdk_1, of_sdk_2] {
            let key = credentials_of(&item(&data)).expect("a key");
            assert_eq!((key.access_key_id.as_str(), key.secret_access_key), (ID, SECRET.into()));
        }
    }

    #[test]
    fn what_is_no_long_term_key_says_why_without_repeating_it() {
        let with = |id: &str, secret: &str, token: &str| {
            item(&format!(r#"{{"AccessKeyID":"{id}","SecretAccessKey":"{secret}","SessionToken":"{token}"}}"#))
        };
        for (bytes, fault) in [
            (b"hunter2\n".to_vec(), ItemFault::NotAnItem),
            (br#"{"Key":"a"}"#.to_vec(), ItemFault::NotAnItem),
            (br#"{"Key":"a","Data":"*"}"#.to_vec(), ItemFault::NotAnItem),
            (br#"{"Key":"a","Data":null}"#.to_vec(), ItemFault::NotAnItem),
            (item(SECRET), ItemFault::NoCredentials),
            (item("{}"), ItemFault::NoCredentials),
            (with(ID, SECRET, "t"), ItemFault::OfSession),
            (with("ASIAIOSFODNN7EXAMPLE", SECRET, ""), ItemFault::Key(InvalidKeyPair::OfSession)),
            (with(ID, "wJalr", ""), ItemFault::Key(InvalidKeyPair::Secret)),
            (with(SECRET, ID, ""), ItemFault::Key(InvalidKeyPair::WrongWayRound)),
        ] {
            let found = credentials_of(&bytes).expect_err("refused");
            assert_eq!(found, fault);
            assert!(!found.to_string().contains("wJalr"));
        }
    }

    #[test]
    fn names_of_sessions_are_told_from_names_of_profiles() {
        for name in [
            "oidc:https://example.awsapps.com/start",
            "sts.GetSessionToken,cHJvZA,YXJuOmF3czppYW06OjExMTEyMjIyMzMzMzptZmEvYWxpY2U,1700000000",
            "sts.AssumeRole,cHJvZA,,1700000000",
            "session,cHJvZA,,1700000000",
            "session,not base64!,,1700000000",
            "session:prod:arn:aws:iam::1:mfa/a:1700000000",
            "prod session (1700000000)",
        ] {
            assert!(is_of_session(name), "{name}");
        }
        for name in
            ["prod", "session", "a,b", "a,b,c,d", "a,b c,d,12", "session:prod", "my session", "oidc", "x session ()"]
        {
            assert!(!is_of_session(name), "{name}");
        }
    }
}
