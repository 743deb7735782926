//! What AWS says when it refuses: XML of the Query API or JSON of IAM Identity Center in, [`AwsError`] out. Pure.
//!
//! Errors are told apart by code, and where one code stands for several causes, by AWS's words
//! (IAM and STS API References, "Common Errors"; SSO and SSO OIDC API References, "Errors" of each operation).
//! AWS's words are cleaned before anybody sees them.

use roxmltree::Document;
use serde_json::Value;

use super::{
    AwsError,
    answer::{Answer, child_text},
    federation::GET_SIGNIN_TOKEN,
};
use crate::visible::visible;

const LONGEST_MESSAGE: usize = 600;
/// What is shorter is no token of AWS's or of a provider's, and taking it out would tear other words apart.
const SHORTEST_SECRET: usize = 8;

/// An error AWS answered with.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What the caller is told.
    pub(super) error: AwsError,
    /// Whether the time of the signature was refused, not the signature.
    pub(super) about_time: bool,
    /// Whether AWS asks to try again, though it is not AWS that is at fault.
    pub(super) transient: bool,
}

/// Code, message and request ID of an error, as far as they are there.
#[derive(Default)]
struct Texts {
    code: Option<String>,
    message: String,
    request_id: Option<String>,
}

impl Answer {
    /// Nothing if AWS did what it was asked; `secrets` are those of the request, which AWS may quote.
    pub(super) fn refusal(&self, secrets: &[&str]) -> Option<Refusal> {
        let operation = self.operation;
        if (200..300).contains(&self.status) {
            return None;
        }
        if (300..400).contains(&self.status) {
            let reason = format!("it is a redirect (HTTP {}), which is not followed", self.status);
            let error = AwsError::UnusableAnswer { operation, reason };
            return Some(Refusal { error, about_time: false, transient: false });
        }
        let texts = self.error_texts();
        let error_type = self.error_type.as_deref().map(short_name);
        let code = error_type.or(texts.code).map(|code| clean(&code, secrets)).filter(|code| !code.is_empty());
        let message = clean(&texts.message, secrets);
        let request_id = texts.request_id.or(self.request_id.clone()).map(|id| clean(&id, secrets));
        let about_time = code.as_deref().is_some_and(|code| is_about_time(code, &message));
        let transient = code.as_deref() == Some("IDPCommunicationError");
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
        Some(Refusal { error, about_time, transient })
    }

    fn error_texts(&self) -> Texts {
        match serde_json::from_slice::<Value>(self.body.expose()) {
            Ok(value) => texts_of_json(&value),
            Err(_) => self.document().map(|document| texts_of_xml(&document)).unwrap_or_default(),
        }
    }
}

fn texts_of_xml(document: &Document<'_>) -> Texts {
    let root = document.root_element();
    let error = root.descendants().find(|node| node.tag_name().name() == "Error");
    let text = |name| error.and_then(|node| child_text(node, name)).map(str::to_owned);
    let request_id = root.descendants().find(|node| matches!(node.tag_name().name(), "RequestId" | "RequestID"));
    Texts {
        code: text("Code"),
        message: text("Message").unwrap_or_default(),
        request_id: request_id.and_then(|node| node.text()).map(str::to_owned),
    }
}

fn texts_of_json(value: &Value) -> Texts {
    let text = |name| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    Texts {
        code: text("__type").map(short_name).or_else(|| text("error").map(camel_case)),
        message: ["message", "Message", "error_description"].into_iter().find_map(text).unwrap_or_default().to_owned(),
        request_id: None,
    }
}

/// `InvalidGrantException` of `com.amazonaws.sso#InvalidGrantException` or `InvalidGrantException:http://…`.
fn short_name(error_type: &str) -> String {
    let name = error_type.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().trim().to_owned()
}

/// `InvalidGrant` of OAuth's `invalid_grant`.
fn camel_case(code: &str) -> String {
    let capital = |word: &str| {
        let mut characters = word.chars();
        characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect::<String>()
    };
    code.split('_').map(capital).collect()
}

enum Class {
    Known(AwsError),
    Other(String),
}

fn classify(operation: &'static str, code: Option<&str>, message: String, status: u16) -> Class {
    let Some(code) = code else {
        return match status {
            429 => Class::Known(AwsError::Throttled { operation }),
            // It answers with a page for people.
            400 if operation == GET_SIGNIN_TOKEN => Class::Other(
                "these credentials cannot sign in to the console, or not with a duration of one's own".to_owned(),
            ),
            _ => Class::Other("the answer is not one of an AWS service".to_owned()),
        };
    };
    // The AWS SDKs meet the same codes with and without this ending.
    let code = code.strip_suffix("Exception").unwrap_or(code);
    if let Some(error) = of_sign_in(operation, code, &message) {
        return Class::Known(error);
    }
    Class::Known(match code {
        "AccessDenied" if message.contains("invalid MFA one time pass code") => {
            AwsError::InvalidAuthenticationCode { operation }
        }
        "AccessDenied" if message.contains("unable to validate MFA code") => {
            AwsError::UnknownSerialNumber { operation }
        }
        "AccessDenied" => AwsError::AccessDenied { operation, message },
        "ValidationError" if is_about_duration(&message) => AwsError::DurationTooLong { operation, message },
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

/// The errors of calls that nobody signs: what is wrong is a token or a sign-in, not an access key.
fn of_sign_in(operation: &'static str, code: &str, message: &str) -> Option<AwsError> {
    // OAuth's errors need not be described.
    let message = if message.is_empty() { code.to_owned() } else { message.to_owned() };
    Some(match (operation, code) {
        ("AssumeRoleWithWebIdentity", "InvalidIdentityToken" | "ExpiredToken" | "IDPRejectedClaim") => {
            AwsError::InvalidCredentials { operation, message }
        }
        ("CreateToken", "AuthorizationPending") => AwsError::AuthorizationPending { operation },
        ("CreateToken", "SlowDown") => AwsError::SlowDown { operation },
        ("CreateToken", "ExpiredToken" | "InvalidGrant" | "AccessDenied") | ("GetRoleCredentials", "Unauthorized") => {
            AwsError::SignInOver { operation, message }
        }
        ("GetRoleCredentials", "Forbidden") => AwsError::AccessDenied { operation, message },
        ("GetRoleCredentials", "ResourceNotFound") => AwsError::NoSuchEntity { operation, message },
        ("CreateToken" | "StartDeviceAuthorization", "InvalidClient" | "UnauthorizedClient") => {
            AwsError::InvalidCredentials { operation, message }
        }
        ("RegisterClient" | "StartDeviceAuthorization", "SlowDown") => AwsError::Throttled { operation },
        _ => return None,
    })
}

fn is_about_duration(message: &str) -> bool {
    message.contains("exceeds the 1 hour session limit") || message.contains("exceeds the MaxSessionDuration")
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

/// Others' words as one short line that cannot steer a terminal or change the order of reading, without the secrets.
pub(super) fn clean(text: &str, secrets: &[&str]) -> String {
    // SignatureDoesNotMatch goes on with the whole canonical request.
    let text = text.split("The Canonical String for this request").next().unwrap_or_default();
    let mut words =
        text.split(char::is_whitespace).map(visible).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET) {
        words = words.replace(secret, "[secret]");
    }
    match words.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}
