//! From an HTTP request to who is asking for what: parameters, and the verified signature
//! (IAM User Guide, "AWS Signature Version 4 for API requests").

use std::time::{Duration, SystemTime};

use super::{
    error::{ServiceError, lower_first},
    sessions::Carried,
    world::{AccessKey, Caller, LastUse, World},
};
use crate::{
    aws::sigv4::{self, Scope, SignedParts},
    http_server::HttpRequest,
    mfa::AuthenticationCode,
    rfc3339,
    secret::SecretText,
};

/// How far a request's date may be from the server's clock.
const MAX_SKEW: Duration = Duration::from_secs(5 * 60);

/// The parameters of an operation.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// From the query of a GET, the form of a POST.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let mut parameters = request.query_parameters();
        parameters.extend(request.body_parameters());
        Parameters(parameters)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// # Errors
    /// If there is no such parameter, then `ValidationError`.
    pub(super) fn required(&self, name: &str) -> Result<&str, ServiceError> {
        self.get(name).ok_or_else(|| ServiceError::constraint(name, None, "Member must not be null"))
    }

    /// The members of a list of structures with one field of each, such as `PolicyArns.member.1.arn`; an empty field
    /// for `Names.member.1`. A field that is missing is empty.
    pub(super) fn members(&self, list: &str, fields: &[&str]) -> Vec<Vec<&str>> {
        let member = |number: usize| {
            let values = fields.iter().map(|field| {
                let dot = if field.is_empty() { "" } else { "." };
                self.get(&format!("{list}.member.{number}{dot}{field}"))
            });
            let values: Vec<Option<&str>> = values.collect();
            values.iter().any(Option::is_some).then(|| values.into_iter().map(Option::unwrap_or_default).collect())
        };
        (1..).map_while(member).collect()
    }

    /// A text of a length, of letters, digits, `_` and some other characters, `-` last.
    ///
    /// # Errors
    /// If it is not, then `ValidationError`.
    pub(super) fn text(
        &self,
        parameter: &str,
        lengths: [usize; 2],
        others: &str,
    ) -> Result<Option<&str>, ServiceError> {
        let Some(value) = self.get(parameter) else { return Ok(None) };
        check_length(parameter, value, lengths[0], lengths[1])?;
        let allowed =
            |character: char| character.is_ascii_alphanumeric() || character == '_' || others.contains(character);
        check_pattern(parameter, value, value.chars().all(allowed), &format!(r"[\w{others}]*"))?;
        Ok(Some(value))
    }

    /// A name of a user, a device, a role session.
    ///
    /// # Errors
    /// If it is not up to `max` letters, digits and `+=,.@_-`, then `ValidationError`.
    pub(super) fn name(&self, parameter: &str, max: usize) -> Result<Option<&str>, ServiceError> {
        let Some(value) = self.get(parameter) else { return Ok(None) };
        check_length(parameter, value, 1, max)?;
        if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)) {
            return Ok(Some(value));
        }
        Err(ServiceError::validation(format!(
            "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-",
            lower_first(parameter)
        )))
    }

    /// # Errors
    /// If it is not 9 to 256 of the characters of serial numbers, then `ValidationError`.
    pub(super) fn serial_number(&self) -> Result<Option<&str>, ServiceError> {
        let Some(value) = self.get("SerialNumber") else { return Ok(None) };
        check_length("SerialNumber", value, 9, 256)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=/:,.@-".contains(&byte);
        check_pattern("SerialNumber", value, value.bytes().all(allowed), r"[\w+=/:,.@-]+")?;
        Ok(Some(value))
    }

    /// # Errors
    /// If it is not exactly six digits, then `ValidationError`.
    pub(super) fn code(&self, parameter: &str) -> Result<Option<AuthenticationCode>, ServiceError> {
        let Some(value) = self.get(parameter) else { return Ok(None) };
        check_length(parameter, value, 6, 6)?;
        let pattern_error = || check_pattern(parameter, value, false, r"[\d]+");
        match value.parse() {
            Ok(code) => Ok(Some(code)),
            Err(_) => pattern_error().map(|()| None),
        }
    }

    /// A whole number within bounds.
    ///
    /// # Errors
    /// If it is no number or out of bounds, then `ValidationError`.
    pub(super) fn number(&self, parameter: &str, min: u64, max: u64) -> Result<Option<u64>, ServiceError> {
        let Some(value) = self.get(parameter) else { return Ok(None) };
        let rule = |rule: String| ServiceError::constraint(parameter, Some(value), &rule);
        let number: i64 = value.parse().map_err(|_| ServiceError::new(400, "MalformedInput", "Invalid Argument"))?;
        match u64::try_from(number) {
            Ok(number) if number > max => Err(rule(format!("Member must have value less than or equal to {max}"))),
            Ok(number) if number >= min => Ok(Some(number)),
            _ => Err(rule(format!("Member must have value greater than or equal to {min}"))),
        }
    }
}

pub(super) fn check_length(parameter: &str, value: &str, min: usize, max: usize) -> Result<(), ServiceError> {
    let length = value.chars().count();
    let rule = match length {
        _ if length < min => format!("Member must have length greater than or equal to {min}"),
        _ if length > max => format!("Member must have length less than or equal to {max}"),
        _ => return Ok(()),
    };
    Err(ServiceError::constraint(parameter, Some(value), &rule))
}

pub(super) fn check_pattern(parameter: &str, value: &str, holds: bool, pattern: &str) -> Result<(), ServiceError> {
    if holds {
        return Ok(());
    }
    let rule = format!("Member must satisfy regular expression pattern: {pattern}");
    Err(ServiceError::constraint(parameter, Some(value), &rule))
}

/// The `Authorization` header, taken apart.
struct Authorization<'a> {
    access_key_id: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn of(request: &'a HttpRequest) -> Result<Self, ServiceError> {
        let missing =
            || ServiceError::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
        let header = request.header("authorization").ok_or_else(missing)?;
        let fields = header.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(|| {
            ServiceError::incomplete_signature("Authorization header requires 'AWS4-HMAC-SHA256' algorithm.")
        })?;
        let field = |name: &str| {
            let found = fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
            found.ok_or_else(|| {
                ServiceError::incomplete_signature(format!("Authorization header requires '{name}' parameter."))
            })
        };
        let credential = field("Credential")?;
        let [access_key_id, day, region, service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..]
        else {
            let text = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term";
            return Err(ServiceError::incomplete_signature(text));
        };
        let signed_headers = field("SignedHeaders")?.split(';').collect();
        Ok(Authorization { access_key_id, day, region, service, signed_headers, signature: field("Signature")? })
    }
}

/// The access key ID that a request says it is signed with, verified or not.
pub(super) fn claimed_access_key_id(request: &HttpRequest) -> Option<String> {
    Authorization::of(request).ok().map(|authorization| authorization.access_key_id.to_owned())
}

/// Who signed the request, for this service and this minute.
///
/// # Errors
/// If there is no signature, then `MissingAuthenticationToken` or `IncompleteSignature`; if the key or token is not
/// known, then `InvalidClientTokenId`; if the session is over, then `ExpiredToken`; if scope, date or secret are
/// wrong, then `SignatureDoesNotMatch`.
pub(super) fn authenticate(
    request: &HttpRequest,
    world: &mut World,
    service: &'static str,
    now: SystemTime,
) -> Result<Caller, ServiceError> {
    let authorization = Authorization::of(request)?;
    let amz_date = request.header("x-amz-date").ok_or_else(|| {
        let text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
        ServiceError::incomplete_signature(text)
    })?;
    check_signed_headers(request, &authorization.signed_headers)?;
    let (caller, secret) = find_caller(request, world, authorization.access_key_id, now)?;
    check_scope(world, &authorization, service)?;
    check_date(&authorization, amz_date, now)?;
    check_signature(request, &authorization, &secret, amz_date)?;
    let key = world.keys.iter_mut().find(|key| key.id.as_str() == authorization.access_key_id);
    if let Some(key) = key {
        key.last_used = Some(LastUse { at: now, region: authorization.region.to_owned(), service });
    }
    Ok(caller)
}

fn check_signed_headers(request: &HttpRequest, signed: &[&str]) -> Result<(), ServiceError> {
    if !signed.contains(&"host") {
        let text = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
        return Err(ServiceError::signature(text));
    }
    let amz_headers = request.headers.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("x-amz-"));
    match amz_headers.into_iter().find(|name| !signed.contains(name)) {
        Some(name) => {
            Err(ServiceError::signature(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")))
        }
        None => Ok(()),
    }
}

fn find_caller(
    request: &HttpRequest,
    world: &World,
    access_key_id: &str,
    now: SystemTime,
) -> Result<(Caller, SecretText), ServiceError> {
    let token = request.header("x-amz-security-token").map(SecretText::from);
    if let Some(session) = world.sessions.get(access_key_id) {
        if token.as_ref() != Some(&session.token) {
            return Err(ServiceError::invalid_client_token());
        }
        if now >= session.expiration {
            let text = "The security token included in the request is expired";
            return Err(ServiceError::new(403, "ExpiredToken", text));
        }
        let caller = Caller {
            identity: session.identity.clone(),
            is_session: true,
            mfa_since: session.mfa_since,
            session_policies: session.policies.clone(),
            carried: session.carried.clone(),
        };
        return Ok((caller, session.secret.clone()));
    }
    let is_good = |key: &&AccessKey| key.active && key.known_from <= now && token.is_none();
    let key = world.keys.iter().find(|key| key.id.as_str() == access_key_id).filter(is_good);
    let key = key.ok_or_else(ServiceError::invalid_client_token)?;
    let caller = Caller {
        identity: key.owner.clone(),
        is_session: false,
        mfa_since: None,
        session_policies: None,
        carried: Carried::default(),
    };
    Ok((caller, key.secret.clone()))
}

fn check_scope(world: &World, authorization: &Authorization<'_>, service: &str) -> Result<(), ServiceError> {
    if authorization.service != service {
        let text = format!("Credential should be scoped to correct service: '{service}'. ");
        return Err(ServiceError::signature(text));
    }
    let region = authorization.region;
    let numbered = region.ends_with(|last: char| last.is_ascii_digit());
    // The one region of the partition that IAM is signed for, and how all its regions begin.
    let (iam_region, is_of_partition) = match world.partition.as_str() {
        "aws" => ("us-east-1", !["cn-", "us-gov-", "us-iso"].iter().any(|prefix| region.starts_with(prefix))),
        "aws-cn" => ("cn-north-1", region.starts_with("cn-")),
        "aws-us-gov" => ("us-gov-west-1", region.starts_with("us-gov-")),
        _ => (region, true),
    };
    let valid = if service == "iam" { region == iam_region } else { numbered && is_of_partition };
    if valid {
        return Ok(());
    }
    Err(ServiceError::signature(format!("Credential should be scoped to a valid region, not '{region}'. ")))
}

fn check_date(authorization: &Authorization<'_>, amz_date: &str, now: SystemTime) -> Result<(), ServiceError> {
    let Some(date) = parse_amz_date(amz_date) else {
        let text = format!("Date must be in ISO-8601 'basic format'. Got '{amz_date}'.");
        return Err(ServiceError::incomplete_signature(text));
    };
    let (day, header_day) = (authorization.day, &amz_date[..8]);
    if day != header_day {
        return Err(ServiceError::signature(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{day}' != \
             '{header_day}', from '{amz_date}'."
        )));
    }
    let text = amz_text(now);
    if date.checked_add(MAX_SKEW).is_some_and(|latest| latest < now) {
        let earliest = amz_text(now.checked_sub(MAX_SKEW).unwrap_or(now));
        let message = format!("Signature expired: {amz_date} is now earlier than {earliest} ({text} - 5 min.)");
        return Err(ServiceError::signature(message));
    }
    if now.checked_add(MAX_SKEW).is_some_and(|latest| latest < date) {
        let latest = amz_text(now.checked_add(MAX_SKEW).unwrap_or(now));
        let message = format!("Signature not yet current: {amz_date} is still later than {latest} ({text} + 5 min.)");
        return Err(ServiceError::signature(message));
    }
    Ok(())
}

fn check_signature(
    request: &HttpRequest,
    authorization: &Authorization<'_>,
    secret: &SecretText,
    amz_date: &str,
) -> Result<(), ServiceError> {
    let value_of = |name: &str| {
        let values = request.headers.iter().filter(|(other, _)| other == name);
        values.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(",")
    };
    let values: Vec<(&str, String)> = authorization.signed_headers.iter().map(|name| (*name, value_of(name))).collect();
    let headers: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let query = request.query_parameters();
    let parts = SignedParts {
        method: &request.method,
        path: &request.path,
        query: &query,
        headers: &headers,
        body: &request.body,
    };
    let scope = Scope { amz_date, region: authorization.region, service: authorization.service };
    let expected = sigv4::signature(secret, scope, &sigv4::string_to_sign(scope, &sigv4::canonical_request(parts)));
    // Secrets are compared in constant time.
    if SecretText::from(expected) == SecretText::from(authorization.signature) {
        return Ok(());
    }
    Err(ServiceError::signature(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    ))
}

/// Reads `20261121T204342Z`.
fn parse_amz_date(text: &str) -> Option<SystemTime> {
    let shape = |(index, byte): (usize, u8)| match index {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    if text.len() != 16 || !text.bytes().enumerate().all(shape) {
        return None;
    }
    let (year, month, day) = (&text[..4], &text[4..6], &text[6..8]);
    let (hour, minute, second) = (&text[9..11], &text[11..13], &text[13..15]);
    rfc3339::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

/// Writes `20261121T204342Z`.
fn amz_text(time: SystemTime) -> String {
    rfc3339::format(time).replace(['-', ':'], "")
}
