//! What a `credential_process` of another tool prints (AWS SDKs and Tools Reference Guide, "Process credential
//! provider"): one JSON object of version 1.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{AccessKeyId, Credentials, LongTermCredentials, SessionCredentials};
use crate::{rfc3339, secret::SecretText};

/// How long a session counts as good that does not say when it ends: so long that an SDK that gets it asks again each
/// time.
const UNTOLD: Duration = Duration::from_secs(15 * 60);

/// The document, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessDocument {
    access_key_id: AccessKeyId,
    secret_access_key: SecretText,
    session_token: Option<SecretText>,
    /// When they end; none if they do not, or nobody says.
    pub expiration: Option<SystemTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    version: u32,
    access_key_id: Zeroizing<String>,
    secret_access_key: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
    expiration: Option<String>,
}

impl ProcessDocument {
    /// Reads the document.
    ///
    /// # Errors
    /// If it is not one of version 1, or a part of it cannot be what it must, then what is wrong, without any content.
    pub fn parse(text: &SecretText) -> Result<Self, &'static str> {
        let raw: Raw = serde_json::from_str(text.expose()).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => "a field is missing or is no text",
            _ => "it is not one JSON document",
        })?;
        if raw.version != 1 {
            return Err("Version is not 1");
        }
        let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        let session_token = raw.session_token.filter(|token| !token.is_empty());
        if !visible(&raw.secret_access_key) || session_token.as_ref().is_some_and(|token| !visible(token)) {
            return Err("a secret is empty or has characters that cannot be sent");
        }
        let expiration = raw.expiration.as_deref().filter(|text| !text.is_empty()).map(rfc3339::parse);
        Ok(ProcessDocument {
            access_key_id: raw.access_key_id.parse().map_err(|_| "AccessKeyId is not an access key ID")?,
            secret_access_key: SecretText::from(raw.secret_access_key.as_str()),
            session_token: session_token.map(|token| SecretText::from(token.as_str())),
            expiration: match expiration {
                Some(None) => return Err("Expiration is not a time in ISO 8601"),
                Some(time) => time,
                None => None,
            },
        })
    }

    /// The credentials; a session that does not say when it ends counts as good for a quarter of an hour from `now`.
    pub fn credentials(&self, now: SystemTime) -> Credentials {
        let (access_key_id, secret_access_key) = (self.access_key_id.clone(), self.secret_access_key.clone());
        match self.session_token.clone() {
            None => Credentials::LongTerm(LongTermCredentials { access_key_id, secret_access_key }),
            Some(session_token) => Credentials::Session(SessionCredentials {
                access_key_id,
                secret_access_key,
                session_token,
                expiration: self.expiration.unwrap_or(now + UNTOLD),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ASIAIOSFODNN7EXAMPLE";

    fn document(rest: &str) -> String {
        format!(r#"{{"Version": 1, "AccessKeyId": "{ID}", "SecretAccessKey": "s3cret"{rest}}}"#)
    }

    fn parse(text: &str) -> Result<ProcessDocument, &'static str> {
        ProcessDocument::parse(&text.into())
    }

    #[test]
    fn keys_and_sessions_are_told_apart_by_the_token() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_293_822);
        let credentials = |rest: &str| parse(&document(rest)).expect("a document").credentials(now);
        assert!(matches!(credentials(""), Credentials::LongTerm(_)));
        assert!(matches!(credentials(r#", "SessionToken": """#), Credentials::LongTerm(_)));
        let told = credentials(r#", "SessionToken": "t", "Expiration": "2026-11-21T21:43:42+00:00", "AccountId": "1""#);
        assert_eq!(told.expiration(), Some(now + Duration::from_secs(3600)));
        assert_eq!(credentials(r#", "SessionToken": "t", "Expiration": null"#).expiration(), Some(now + UNTOLD));
    }

    #[test]
    fn what_is_no_such_document_is_refused_without_a_word_of_it() {
        for text in [
            "",
            "s3cret",
            "[]",
            r#"{"Version": 1}"#,
            &document("").replace("1,", "2,"),
            &document("").replace("1,", "\"1\","),
            &document("").replace(ID, "short"),
            &document("").replace("s3cret", ""),
            &document("").replace("s3cret", "s3 cret"),
            &document(r#", "SessionToken": "a\nb""#),
            &document(r#", "Expiration": "tomorrow s3cret""#),
            &format!("{} s3cret", document("")),
        ] {
            let reason = parse(text).expect_err(text);
            assert!(!reason.contains("s3"), "{reason}");
        }
    }
}
