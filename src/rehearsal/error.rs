//! The errors of IAM and STS: HTTP status, code, message, as the real services word them.

use ring::error::Unspecified;

/// What a service answers when it does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceError {
    pub(super) status: u16,
    pub(super) code: &'static str,
    /// Some errors of credential reports have none.
    pub(super) message: Option<String>,
}

impl ServiceError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        ServiceError { status, code, message: Some(message.into()) }
    }

    pub(super) fn without_message(status: u16, code: &'static str) -> Self {
        ServiceError { status, code, message: None }
    }

    pub(super) fn access_denied(message: impl Into<String>) -> Self {
        ServiceError::new(403, "AccessDenied", message)
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        ServiceError::new(400, "ValidationError", message)
    }

    /// A value that breaks a rule of the service's model; `name` as in the request.
    pub(super) fn constraint(name: &str, value: Option<&str>, rule: &str) -> Self {
        let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
        let name = lower_first(name);
        let text =
            format!("1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: {rule}");
        ServiceError::validation(text)
    }

    pub(super) fn no_such_entity(message: impl Into<String>) -> Self {
        ServiceError::new(404, "NoSuchEntity", message)
    }

    pub(super) fn already_exists(message: impl Into<String>) -> Self {
        ServiceError::new(409, "EntityAlreadyExists", message)
    }

    pub(super) fn limit_exceeded(message: impl Into<String>) -> Self {
        ServiceError::new(409, "LimitExceeded", message)
    }

    pub(super) fn invalid_client_token() -> Self {
        ServiceError::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    }

    pub(super) fn signature(message: impl Into<String>) -> Self {
        ServiceError::new(403, "SignatureDoesNotMatch", message)
    }

    pub(super) fn incomplete_signature(message: impl Into<String>) -> Self {
        ServiceError::new(400, "IncompleteSignature", message)
    }

    pub(super) fn invalid_action(action: &str, version: &str) -> Self {
        ServiceError::new(400, "InvalidAction", format!("Could not find operation {action} for version {version}"))
    }

    pub(super) fn throttling() -> Self {
        ServiceError::new(400, "Throttling", "Rate exceeded")
    }

    pub(super) fn internal_failure() -> Self {
        ServiceError::new(500, "InternalFailure", "The request processing has failed because of an unknown error.")
    }
}

impl From<Unspecified> for ServiceError {
    fn from(_: Unspecified) -> Self {
        ServiceError::internal_failure()
    }
}

/// `UserName` as `userName`.
pub(super) fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(characters).collect()
}
