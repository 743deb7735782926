//! Access keys and the credential report of IAM: what the API says of them, in our own types.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    AwsError,
    answer::{Answer, Page, child, child_text, is_secret},
};
use crate::{
    credentials::{AccessKeyId, LongTermCredentials},
    rfc3339,
    secret::SecretText,
};

/// A key as CreateAccessKey made it. Its secret is given this once only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedAccessKey {
    /// The pair.
    pub credentials: LongTermCredentials,
    /// When it was made, by AWS's clock.
    pub created: SystemTime,
}

/// A key as ListAccessKeys shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAccessKey {
    /// Its ID.
    pub access_key_id: AccessKeyId,
    /// Whether AWS accepts it.
    pub is_active: bool,
    /// When it was made, by AWS's clock.
    pub created: SystemTime,
}

/// The account's credential report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialReport {
    /// CSV as AWS wrote it, not checked.
    pub csv: String,
    /// When it was made, by AWS's clock; it is kept for four hours.
    pub generated: SystemTime,
}

impl Answer {
    /// Reads CreateAccessKey's answer.
    ///
    /// # Errors
    /// If something is missing or malformed, then `UnusableAnswer`.
    pub(super) fn created_access_key(&self) -> Result<CreatedAccessKey, AwsError> {
        let document = self.document()?;
        let key = self.child(self.result(&document)?, "AccessKey")?;
        let secret = self.text(key, "SecretAccessKey")?;
        if !is_secret(secret) {
            return Err(self.unusable("SecretAccessKey has characters that cannot be sent back, or no end"));
        }
        let credentials = LongTermCredentials {
            access_key_id: self.access_key_id(self.text(key, "AccessKeyId")?)?,
            secret_access_key: SecretText::from(secret),
        };
        Ok(CreatedAccessKey { credentials, created: self.time(self.text(key, "CreateDate")?)? })
    }

    /// Reads a page of ListAccessKeys.
    ///
    /// # Errors
    /// If something is missing or malformed, then `UnusableAnswer`.
    pub(super) fn access_key_page(&self) -> Result<Page<ListedAccessKey>, AwsError> {
        self.page("AccessKeyMetadata", |member| {
            Ok(ListedAccessKey {
                access_key_id: self.access_key_id(self.text(member, "AccessKeyId")?)?,
                is_active: self.text(member, "Status")? == "Active",
                created: self.time(self.text(member, "CreateDate")?)?,
            })
        })
    }

    /// Reads GetAccessKeyLastUsed's answer; none if it was never used.
    ///
    /// # Errors
    /// If something is missing or malformed, then `UnusableAnswer`.
    pub(super) fn last_used(&self) -> Result<Option<SystemTime>, AwsError> {
        let document = self.document()?;
        let last_used = child(self.result(&document)?, "AccessKeyLastUsed");
        // Seen as `N/A` where there is none, documented as absent.
        let text = last_used.and_then(|node| child_text(node, "LastUsedDate")).filter(|text| *text != "N/A");
        text.map(|text| self.time(text)).transpose()
    }

    /// Reads GenerateCredentialReport's answer: whether the report is there.
    ///
    /// # Errors
    /// If something is missing, then `UnusableAnswer`.
    pub(super) fn is_report_complete(&self) -> Result<bool, AwsError> {
        let document = self.document()?;
        Ok(self.text(self.result(&document)?, "State")? == "COMPLETE")
    }

    /// Reads GetCredentialReport's answer.
    ///
    /// # Errors
    /// If something is missing or malformed, then `UnusableAnswer`.
    pub(super) fn credential_report(&self) -> Result<CredentialReport, AwsError> {
        let document = self.document()?;
        let result = self.result(&document)?;
        let no_text = || self.unusable("Content is not base64 of UTF-8 text");
        let blob = self.text(result, "Content")?.replace([' ', '\n', '\r', '\t'], "");
        let bytes = STANDARD.decode(blob).map_err(|_| no_text())?;
        let csv = String::from_utf8(bytes).map_err(|_| no_text())?;
        Ok(CredentialReport { csv, generated: self.time(self.text(result, "GeneratedTime")?)? })
    }

    fn access_key_id(&self, text: &str) -> Result<AccessKeyId, AwsError> {
        text.parse().map_err(|_| self.unusable("AccessKeyId is not an access key ID"))
    }

    fn time(&self, text: &str) -> Result<SystemTime, AwsError> {
        rfc3339::parse(text).ok_or_else(|| self.unusable("a date is not a time"))
    }
}
