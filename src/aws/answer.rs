//! What AWS answered: XML of the Query API in, our own values out. Pure. Refusals are read in `refusal`, the JSON of
//! other services in their own files.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use roxmltree::{Document, Node, ParsingOptions};
use zeroize::Zeroizing;

use super::{AwsError, CallerIdentity, CreatedDevice, EnabledDevice, ListedDevice, refusal::clean};
use crate::{
    credentials::SessionCredentials,
    mfa::{Seed, SerialNumber},
    rfc3339,
    secret::{SecretBytes, SecretText},
};

/// The longest session AWS gives is 36 h; an hour more for clocks.
const LONGEST_SESSION: Duration = Duration::from_secs(37 * 3600);
const MOST_NODES: u32 = 10_000;
/// Tokens have no fixed size; one of more characters is none.
const LONGEST_SECRET: usize = 32 * 1024;

/// A whole answer to one operation.
#[derive(Debug)]
pub(super) struct Answer {
    /// The API operation.
    pub(super) operation: &'static str,
    /// The HTTP status.
    pub(super) status: u16,
    /// `x-amzn-RequestId`.
    pub(super) request_id: Option<String>,
    /// `x-amzn-ErrorType`, of services that speak JSON.
    pub(super) error_type: Option<String>,
    /// The body; it may hold secrets.
    pub(super) body: SecretBytes,
}

/// Session credentials as they came, whatever they came in. No `Debug`: they are secrets.
pub(super) struct GivenCredentials<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) secret_access_key: &'a str,
    pub(super) session_token: &'a str,
    pub(super) expiration: SystemTime,
}

impl GivenCredentials<'_> {
    /// The credentials, if they can be used; `aws_now` is the time by AWS's clock.
    ///
    /// # Errors
    /// If they are not those of a session, have expired or last longer than any do, then what is wrong.
    pub(super) fn checked(&self, aws_now: SystemTime) -> Result<SessionCredentials, &'static str> {
        let access_key_id = Some(self.access_key_id).filter(|id| id.starts_with("ASIA")).and_then(|id| id.parse().ok());
        let access_key_id = access_key_id.ok_or("AccessKeyId is not one of session credentials")?;
        if !is_secret(self.secret_access_key) || !is_secret(self.session_token) {
            return Err("a secret has characters that cannot be sent back, or no end");
        }
        match self.expiration.duration_since(aws_now) {
            Ok(left) if left > LONGEST_SESSION => Err("the credentials last longer than any session"),
            Ok(left) if !left.is_zero() => Ok(SessionCredentials {
                access_key_id,
                secret_access_key: SecretText::from(self.secret_access_key),
                session_token: SecretText::from(self.session_token),
                expiration: self.expiration,
            }),
            _ => Err("the credentials have expired already"),
        }
    }
}

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page<T> {
    /// What is listed.
    pub(super) members: Vec<T>,
    /// Where the next page begins, if there is one.
    pub(super) marker: Option<String>,
}

impl Answer {
    /// Checks an answer that has no result, such as EnableMFADevice's.
    ///
    /// # Errors
    /// If it is not the operation's, then `UnusableAnswer`.
    pub(super) fn acknowledgement(&self) -> Result<(), AwsError> {
        self.response(&self.document()?).map(|_| ())
    }

    /// Reads GetCallerIdentity's answer.
    ///
    /// # Errors
    /// If something is missing or malformed, then `UnusableAnswer`.
    pub(super) fn caller_identity(&self) -> Result<CallerIdentity, AwsError> {
        let document = self.document()?;
        let result = self.result(&document)?;
        let arn = self.text(result, "Arn")?.parse().map_err(|_| self.unusable("Arn is not an ARN"))?;
        let account_id = self.text(result, "Account")?;
        if account_id.len() != 12 || !account_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.unusable("Account is not twelve digits"));
        }
        let user_id = self.text(result, "UserId")?;
        if !is_visible(user_id) {
            return Err(self.unusable("UserId has characters that no ID has"));
        }
        Ok(CallerIdentity { account_id: account_id.to_owned(), arn, user_id: user_id.to_owned() })
    }

    /// Reads the answer of an operation of STS that gives credentials; `aws_now` is the time by AWS's clock.
    ///
    /// # Errors
    /// If the credentials are incomplete, have expired or last longer than any do, then `UnusableAnswer`.
    pub(super) fn session_credentials(&self, aws_now: SystemTime) -> Result<SessionCredentials, AwsError> {
        let document = self.document()?;
        let credentials = self.child(self.result(&document)?, "Credentials")?;
        let expiration = rfc3339::parse(self.text(credentials, "Expiration")?)
            .ok_or_else(|| self.unusable("Expiration is not a time"))?;
        let given = GivenCredentials {
            access_key_id: self.text(credentials, "AccessKeyId")?,
            secret_access_key: self.text(credentials, "SecretAccessKey")?,
            session_token: self.text(credentials, "SessionToken")?,
            expiration,
        };
        given.checked(aws_now).map_err(|reason| self.unusable(reason))
    }

    /// Reads CreateVirtualMFADevice's answer. The seed is a blob of the API: base64 of the base32 text.
    ///
    /// # Errors
    /// If something is missing or malformed, then `UnusableAnswer`.
    pub(super) fn created_device(&self) -> Result<CreatedDevice, AwsError> {
        let document = self.document()?;
        let device = self.child(self.result(&document)?, "VirtualMFADevice")?;
        let serial_number = self.text(device, "SerialNumber")?;
        let serial_number = serial_number.parse().map_err(|_| self.unusable("SerialNumber is not a serial number"))?;
        let no_seed = || self.unusable("Base32StringSeed is not a seed");
        let blob = Zeroizing::new(self.text(device, "Base32StringSeed")?.replace([' ', '\n', '\r', '\t'], ""));
        let text = Zeroizing::new(STANDARD.decode(blob.as_bytes()).map_err(|_| no_seed())?);
        let text = std::str::from_utf8(&text).map_err(|_| no_seed())?;
        let seed = Seed::from_base32(text).map_err(|_| no_seed())?;
        Ok(CreatedDevice { serial_number, seed })
    }

    /// Reads the names of a page of ListUsers.
    ///
    /// # Errors
    /// If something is missing or malformed, then `UnusableAnswer`.
    pub(super) fn user_names(&self) -> Result<Vec<String>, AwsError> {
        let document = self.document()?;
        let users = self.child(self.result(&document)?, "Users")?;
        users.children().filter(Node::is_element).map(|user| Ok(clean(self.text(user, "UserName")?, &[]))).collect()
    }

    /// Reads a page of ListMFADevices.
    ///
    /// # Errors
    /// If something is missing or malformed, then `UnusableAnswer`.
    pub(super) fn device_page(&self) -> Result<Page<EnabledDevice>, AwsError> {
        self.page("MFADevices", |member| {
            Ok(EnabledDevice {
                serial_number: self.serial_number(member)?,
                user_name: clean(self.text(member, "UserName")?, &[]),
                enabled: rfc3339::parse(self.text(member, "EnableDate")?)
                    .ok_or_else(|| self.unusable("EnableDate is not a time"))?,
            })
        })
    }

    /// Reads a page of ListVirtualMFADevices. A path may have characters that no serial number has; such a device is
    /// nobody's that could be named here, and left out.
    ///
    /// # Errors
    /// As [`Answer::device_page`].
    pub(super) fn virtual_device_page(&self) -> Result<Page<ListedDevice>, AwsError> {
        let page = self.page("VirtualMFADevices", |member| {
            let Ok(serial_number) = self.text(member, "SerialNumber")?.parse() else { return Ok(None) };
            let arn = |user| self.text(user, "Arn")?.parse().map_err(|_| self.unusable("Arn is not an ARN"));
            let owner = child(member, "User").map(arn).transpose()?;
            Ok(Some(ListedDevice { serial_number, owner }))
        })?;
        Ok(Page { members: page.members.into_iter().flatten().collect(), marker: page.marker })
    }

    fn serial_number(&self, member: Node<'_, '_>) -> Result<SerialNumber, AwsError> {
        self.text(member, "SerialNumber")?.parse().map_err(|_| self.unusable("SerialNumber is not a serial number"))
    }

    pub(super) fn page<T>(
        &self,
        list: &str,
        read: impl Fn(Node<'_, '_>) -> Result<T, AwsError>,
    ) -> Result<Page<T>, AwsError> {
        let document = self.document()?;
        let result = self.result(&document)?;
        let members = self.child(result, list)?.children().filter(Node::is_element);
        let members = members.map(read).collect::<Result<Vec<T>, AwsError>>()?;
        let truncated = self.text(result, "IsTruncated").is_ok_and(|text| text == "true");
        let marker = if truncated { Some(self.text(result, "Marker")?.to_owned()) } else { None };
        Ok(Page { members, marker })
    }

    pub(super) fn document(&self) -> Result<Document<'_>, AwsError> {
        let text = std::str::from_utf8(self.body.expose()).map_err(|_| self.unusable("it is not UTF-8"))?;
        let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
        // The parser's own words are dropped: they quote the answer.
        Document::parse_with_options(text, options).map_err(|_| self.unusable("it is not the XML of an AWS service"))
    }

    fn response<'a>(&self, document: &'a Document<'_>) -> Result<Node<'a, 'a>, AwsError> {
        let root = document.root_element();
        if root.tag_name().name().strip_suffix("Response") == Some(self.operation) {
            Ok(root)
        } else {
            Err(self.unusable("it is the answer to something else"))
        }
    }

    pub(super) fn result<'a>(&self, document: &'a Document<'_>) -> Result<Node<'a, 'a>, AwsError> {
        self.child(self.response(document)?, &format!("{}Result", self.operation))
    }

    pub(super) fn child<'a>(&self, node: Node<'a, 'a>, name: &str) -> Result<Node<'a, 'a>, AwsError> {
        child(node, name).ok_or_else(|| self.unusable(&format!("{name} is missing")))
    }

    pub(super) fn text<'a>(&self, node: Node<'a, 'a>, name: &str) -> Result<&'a str, AwsError> {
        child_text(node, name).ok_or_else(|| self.unusable(&format!("{name} is missing")))
    }

    /// The error that says what is wrong with the answer; `reason` quotes nothing of it.
    pub(super) fn unusable(&self, reason: &str) -> AwsError {
        AwsError::UnusableAnswer { operation: self.operation, reason: reason.to_owned() }
    }
}

pub(super) fn child<'a>(node: Node<'a, 'a>, name: &str) -> Option<Node<'a, 'a>> {
    node.children().find(|child| child.tag_name().name() == name)
}

/// The text of a child, without blanks around it; none if it is missing, empty or not plain text.
pub(super) fn child_text<'a>(node: Node<'a, 'a>, name: &str) -> Option<&'a str> {
    let child = child(node, name)?;
    let text = child.text()?.trim();
    (child.children().count() == 1 && !text.is_empty()).then_some(text)
}

/// Whether it can be a token or another secret that goes back as it came.
pub(super) fn is_secret(text: &str) -> bool {
    is_visible(text) && text.len() <= LONGEST_SECRET
}

/// Whether it has characters, and only such of ASCII as are seen.
pub(super) fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}
