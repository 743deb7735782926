//! What AWS answered: XML of the Query API in, our own values and errors out. Pure.
//!
//! Errors are told apart by code, and where one code stands for several causes, by AWS's words
//! (IAM and STS API References, "Common Errors"). AWS's words are cleaned before anybody sees them.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use roxmltree::{Document, Node, ParsingOptions};
use zeroize::Zeroizing;

use super::{AwsError, CallerIdentity, CreatedDevice, EnabledDevice};
use crate::{
    credentials::SessionCredentials,
    mfa::Seed,
    rfc3339,
    secret::{SecretBytes, SecretText},
    visible::visible,
};

/// The longest session AWS gives is 36 h; an hour more for clocks.
const LONGEST_SESSION: Duration = Duration::from_secs(37 * 3600);
const MOST_NODES: u32 = 10_000;
const LONGEST_MESSAGE: usize = 600;

/// A whole answer to one operation.
#[derive(Debug)]
pub(super) struct Answer {
    /// The API operation.
    pub(super) operation: &'static str,
    /// The HTTP status.
    pub(super) status: u16,
    /// `x-amzn-RequestId`.
    pub(super) request_id: Option<String>,
    /// The body; it may hold secrets.
    pub(super) body: SecretBytes,
}

/// An error AWS answered with.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What the caller is told.
    pub(super) error: AwsError,
    /// Whether the time of the signature was refused, not the signature.
    pub(super) about_time: bool,
}

/// One page of ListMFADevices.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DevicePage {
    /// The devices.
    pub(super) devices: Vec<EnabledDevice>,
    /// Where the next page begins, if there is one.
    pub(super) marker: Option<String>,
}

impl Answer {
    /// Nothing if AWS did what it was asked; `token` is the signer's session token, which AWS may quote.
    pub(super) fn refusal(&self, token: Option<&str>) -> Option<Refusal> {
        let operation = self.operation;
        if (200..300).contains(&self.status) {
            return None;
        }
        if (300..400).contains(&self.status) {
            let reason = format!("it is a redirect (HTTP {}), which is not followed", self.status);
            return Some(Refusal { error: AwsError::UnusableAnswer { operation, reason }, about_time: false });
        }
        let (code, message, request_id) = match self.document() {
            Ok(document) => error_texts(&document, token),
            Err(_) => Default::default(),
        };
        let request_id = request_id.or(self.request_id.clone()).map(|id| clean(&id, token));
        let about_time = code.as_deref().is_some_and(|code| is_about_time(code, &message));
        let error = match classify(operation, code.as_deref(), message, self.status) {
            Class::Known(error) => error,
            Class::Other(message) => AwsError::Service {
                operation,
                code: code.unwrap_or_else(|| "unknown error".to_owned()),
                message,
                status: self.status,
                request_id: request_id.unwrap_or_else(|| "unknown".to_owned()),
            },
        };
        Some(Refusal { error, about_time })
    }

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

    /// Reads GetSessionToken's or AssumeRole's answer; `aws_now` is the time by AWS's clock.
    ///
    /// # Errors
    /// If the credentials are incomplete, have expired or last longer than any do, then `UnusableAnswer`.
    pub(super) fn session_credentials(&self, aws_now: SystemTime) -> Result<SessionCredentials, AwsError> {
        let document = self.document()?;
        let credentials = self.child(self.result(&document)?, "Credentials")?;
        let access_key_id = self.text(credentials, "AccessKeyId")?;
        let access_key_id = Some(access_key_id)
            .filter(|id| id.starts_with("ASIA"))
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| self.unusable("AccessKeyId is not one of session credentials"))?;
        let secret_access_key = SecretText::from(self.text(credentials, "SecretAccessKey")?);
        let session_token = SecretText::from(self.text(credentials, "SessionToken")?);
        if !is_visible(secret_access_key.expose()) || !is_visible(session_token.expose()) {
            return Err(self.unusable("a secret has characters that cannot be sent back"));
        }
        let expiration = rfc3339::parse(self.text(credentials, "Expiration")?)
            .ok_or_else(|| self.unusable("Expiration is not a time"))?;
        match expiration.duration_since(aws_now) {
            Ok(left) if left.is_zero() => Err(self.unusable("the credentials have expired already")),
            Ok(left) if left > LONGEST_SESSION => Err(self.unusable("the credentials last longer than any session")),
            Ok(_) => Ok(SessionCredentials { access_key_id, secret_access_key, session_token, expiration }),
            Err(_) => Err(self.unusable("the credentials have expired already")),
        }
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
        users.children().filter(Node::is_element).map(|user| Ok(clean(self.text(user, "UserName")?, None))).collect()
    }

    /// Reads a page of ListMFADevices.
    ///
    /// # Errors
    /// If something is missing or malformed, then `UnusableAnswer`.
    pub(super) fn device_page(&self) -> Result<DevicePage, AwsError> {
        let document = self.document()?;
        let result = self.result(&document)?;
        let mut devices = Vec::new();
        for member in self.child(result, "MFADevices")?.children().filter(Node::is_element) {
            let serial_number = self.text(member, "SerialNumber")?;
            devices.push(EnabledDevice {
                serial_number: serial_number
                    .parse()
                    .map_err(|_| self.unusable("SerialNumber is not a serial number"))?,
                user_name: clean(self.text(member, "UserName")?, None),
            });
        }
        let truncated = self.text(result, "IsTruncated").is_ok_and(|text| text == "true");
        let marker = if truncated { Some(self.text(result, "Marker")?.to_owned()) } else { None };
        Ok(DevicePage { devices, marker })
    }

    fn document(&self) -> Result<Document<'_>, AwsError> {
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

    fn result<'a>(&self, document: &'a Document<'_>) -> Result<Node<'a, 'a>, AwsError> {
        self.child(self.response(document)?, &format!("{}Result", self.operation))
    }

    fn child<'a>(&self, node: Node<'a, 'a>, name: &str) -> Result<Node<'a, 'a>, AwsError> {
        child(node, name).ok_or_else(|| self.unusable(&format!("{name} is missing")))
    }

    fn text<'a>(&self, node: Node<'a, 'a>, name: &str) -> Result<&'a str, AwsError> {
        child_text(node, name).ok_or_else(|| self.unusable(&format!("{name} is missing")))
    }

    fn unusable(&self, reason: &str) -> AwsError {
        AwsError::UnusableAnswer { operation: self.operation, reason: reason.to_owned() }
    }
}

enum Class {
    Known(AwsError),
    Other(String),
}

fn classify(operation: &'static str, code: Option<&str>, message: String, status: u16) -> Class {
    let Some(code) = code else {
        return match status {
            429 => Class::Known(AwsError::Throttled { operation }),
            _ => Class::Other("the answer is not one of an AWS service".to_owned()),
        };
    };
    // The AWS SDKs meet the same codes with and without this ending.
    Class::Known(match code.strip_suffix("Exception").unwrap_or(code) {
        "AccessDenied" if message.contains("invalid MFA one time pass code") => {
            AwsError::InvalidAuthenticationCode { operation }
        }
        "AccessDenied" if message.contains("unable to validate MFA code") => {
            AwsError::UnknownSerialNumber { operation }
        }
        "AccessDenied" => AwsError::AccessDenied { operation, message },
        "InvalidAuthenticationCode" => AwsError::InvalidAuthenticationCode { operation },
        "EntityAlreadyExists" => AwsError::AlreadyExists { operation, message },
        "NoSuchEntity" => AwsError::NoSuchEntity { operation, message },
        "LimitExceeded" => AwsError::LimitExceeded { operation, message },
        "ExpiredToken" => AwsError::Expired { operation },
        "InvalidClientTokenId" | "SignatureDoesNotMatch" | "UnrecognizedClient" | "InvalidSignature" => {
            AwsError::InvalidCredentials { operation, message }
        }
        "Throttling" | "Throttled" | "RequestLimitExceeded" | "TooManyRequests" | "RequestThrottled" => {
            AwsError::Throttled { operation }
        }
        _ if status == 429 => AwsError::Throttled { operation },
        _ => return Class::Other(message),
    })
}

/// Whether AWS refused the time of a signature; the message names both times then.
fn is_about_time(code: &str, message: &str) -> bool {
    match code.strip_suffix("Exception").unwrap_or(code) {
        "RequestExpired" | "RequestTimeTooSkewed" | "RequestInTheFuture" => true,
        "SignatureDoesNotMatch" | "InvalidSignature" | "InvalidClientTokenId" | "IncompleteSignature" => {
            message.contains("Signature expired") || message.contains("not yet current")
        }
        _ => false,
    }
}

/// Code, message and request ID of an error, cleaned; of whatever there is.
fn error_texts(document: &Document<'_>, token: Option<&str>) -> (Option<String>, String, Option<String>) {
    let root = document.root_element();
    let error = root.descendants().find(|node| node.tag_name().name() == "Error");
    let text = |name| error.and_then(|node| child_text(node, name));
    let code = text("Code").map(|code| clean(code, token)).filter(|code| !code.is_empty());
    let message = text("Message").map(|message| clean(message, token)).unwrap_or_default();
    let request_id = root.descendants().find(|node| matches!(node.tag_name().name(), "RequestId" | "RequestID"));
    (code, message, request_id.and_then(|node| node.text()).map(str::to_owned))
}

fn child<'a>(node: Node<'a, 'a>, name: &str) -> Option<Node<'a, 'a>> {
    node.children().find(|child| child.tag_name().name() == name)
}

/// The text of a child, without blanks around it; none if it is missing, empty or not plain text.
fn child_text<'a>(node: Node<'a, 'a>, name: &str) -> Option<&'a str> {
    let child = child(node, name)?;
    let text = child.text()?.trim();
    (child.children().count() == 1 && !text.is_empty()).then_some(text)
}

fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

/// Others' words as one short line that cannot steer a terminal or change the order of reading, without the session
/// token.
pub(super) fn clean(text: &str, token: Option<&str>) -> String {
    // SignatureDoesNotMatch goes on with the whole canonical request.
    let text = text.split("The Canonical String for this request").next().unwrap_or_default();
    let words =
        text.split(char::is_whitespace).map(visible).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let words = match token {
        Some(token) if !token.is_empty() => words.replace(token, "[secret]"),
        _ => words,
    };
    match words.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}
