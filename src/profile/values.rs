//! The values of an AWS config: from text to something checked. The environment's variables follow the same rules.
//!
//! Rules are those of the STS API reference (AssumeRole) and the AWS SDKs and Tools Reference Guide. An error says what
//! would have been right, and does not repeat the text.

use std::{path::PathBuf, time::Duration};

use super::{CredentialSource, SessionTag, StsRegionalEndpoints};
use crate::{arn::Arn, mfa::SerialNumber};

/// A region, such as `eu-central-1`: a host label, since it becomes part of a host name.
///
/// # Errors
/// If it is not one, then what it must be.
pub fn region(text: &str) -> Result<String, String> {
    let label = (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.bytes().all(|byte| byte.is_ascii_digit());
    if label { Ok(text.to_owned()) } else { Err("a region looks like eu-central-1".to_owned()) }
}

/// A serial number of an MFA device.
///
/// # Errors
/// If AWS would not take it, then why.
pub fn serial_number(text: &str) -> Result<SerialNumber, String> {
    text.parse().map_err(|error: crate::mfa::InvalidSerialNumber| error.to_string())
}

/// The base URL of a service: `http` or `https`, with a host.
///
/// # Errors
/// If it is not one, then what it must be.
pub fn endpoint_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let visible = text.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    match visible && !host.is_empty() && !host.contains('@') {
        true => Ok(text.to_owned()),
        false => Err("an endpoint looks like https://host or http://host:port".to_owned()),
    }
}

/// `true` or `false`, in any case.
///
/// # Errors
/// If it is neither, then that.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("it is neither `true` nor `false`".to_owned()),
    }
}

/// `regional` or `legacy`.
///
/// # Errors
/// If it is neither, then that.
pub fn sts_regional_endpoints(text: &str) -> Result<StsRegionalEndpoints, String> {
    match text.to_ascii_lowercase().as_str() {
        "regional" => Ok(StsRegionalEndpoints::Regional),
        "legacy" => Ok(StsRegionalEndpoints::Legacy),
        _ => Err("it is neither `regional` nor `legacy`".to_owned()),
    }
}

/// A time: `90`, `90s`, `15m`, `12h`, `1h30m`; a bare number is seconds.
///
/// # Errors
/// If it is none, then what one looks like.
pub fn time(text: &str) -> Result<Duration, String> {
    let invalid = || "not a time such as 15m, 12h, 1h30m, or seconds".to_owned();
    if text.is_empty() || !text.is_ascii() {
        return Err(invalid());
    }
    let (mut total, mut number) = (0_u64, String::new());
    let mut last_unit = u64::MAX;
    for character in text.chars() {
        let unit = match character {
            '0'..='9' if number.len() < 9 => {
                number.push(character);
                continue;
            }
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return Err(invalid()),
        };
        // Units come once each, the largest first.
        if unit >= last_unit {
            return Err(invalid());
        }
        last_unit = unit;
        total += number.parse::<u64>().map_err(|_| invalid())? * unit;
        number.clear();
    }
    if !number.is_empty() {
        if last_unit != u64::MAX {
            return Err(invalid());
        }
        total = number.parse().map_err(|_| invalid())?;
    }
    Ok(Duration::from_secs(total))
}

/// How long a session lasts: at least AWS's 15 minutes, at most its 36 hours.
///
/// # Errors
/// If it is no time or another one, then what it must be.
pub fn session_duration(text: &str) -> Result<Duration, String> {
    let duration = time(text)?;
    if !(900..=129_600).contains(&duration.as_secs()) {
        return Err("a session lasts from 15m to 36h".to_owned());
    }
    Ok(duration)
}

/// How long a role's session lasts: at least AWS's 15 minutes, at most its 12 hours.
///
/// # Errors
/// If it is no time or another one, then what it must be.
pub fn role_duration(text: &str) -> Result<Duration, String> {
    match time(text)? {
        duration if (900..=43_200).contains(&duration.as_secs()) => Ok(duration),
        _ => Err("a role's session lasts from 15m to 12h".to_owned()),
    }
}

/// The ARN of a managed policy, of an account or of AWS itself.
///
/// # Errors
/// If it is none, then what one looks like.
pub fn policy_arn(text: &str) -> Result<String, String> {
    let looks_like =
        "the ARN of a policy looks like arn:aws:iam::aws:policy/NAME or arn:aws:iam::123456789012:policy/NAME";
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, "iam", "", account, resource] = parts[..] else { return Err(looks_like.to_owned()) };
    let is_account = account == "aws" || account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_policy = resource.strip_prefix("policy/").is_some_and(|name| !name.is_empty());
    let is_visible = (20..=2048).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    match arn == "arn" && !partition.is_empty() && is_account && is_policy && is_visible {
        true => Ok(text.to_owned()),
        false => Err(looks_like.to_owned()),
    }
}

pub(super) fn role_arn(text: &str) -> Result<Arn, String> {
    let arn: Arn = text.parse().map_err(|error: crate::arn::InvalidArn| error.to_string())?;
    match arn.service == "iam" && arn.resource.strip_prefix("role/").is_some_and(|name| !name.is_empty()) {
        true => Ok(arn),
        false => Err("the ARN of a role looks like arn:aws:iam::123456789012:role/NAME".to_owned()),
    }
}

pub(super) fn account_id(text: &str) -> Result<String, String> {
    match text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err("the ID of an account has twelve digits".to_owned()),
    }
}

pub(super) fn sso_role_name(text: &str) -> Result<String, String> {
    word(text, 1, 64, "+=,.@-")
}

pub(super) fn sso_start_url(text: &str) -> Result<String, String> {
    match endpoint_url(text) {
        Ok(url) if url.starts_with("https://") => Ok(url),
        _ => Err("a start URL looks like https://d-1234567890.awsapps.com/start".to_owned()),
    }
}

/// Scopes of OAuth (RFC 6749, section 3.3), here with commas between them.
pub(super) fn scopes(text: &str) -> Result<Vec<String>, String> {
    let allowed = |byte: u8| (0x21..=0x7e).contains(&byte) && !b"\"\\".contains(&byte);
    let scopes: Vec<String> =
        text.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    match !scopes.is_empty() && scopes.iter().all(|scope| scope.bytes().all(allowed)) {
        true => Ok(scopes),
        false => Err("scopes look like sso:account:access, with commas between them".to_owned()),
    }
}

pub(super) fn credential_source(text: &str) -> Result<CredentialSource, String> {
    match text.to_ascii_lowercase().as_str() {
        "environment" => Ok(CredentialSource::Environment),
        "ec2instancemetadata" => Ok(CredentialSource::Ec2InstanceMetadata),
        "ecscontainer" => Ok(CredentialSource::EcsContainer),
        _ => Err("it is none of Environment, Ec2InstanceMetadata, EcsContainer".to_owned()),
    }
}

pub(super) fn external_id(text: &str) -> Result<String, String> {
    word(text, 2, 1224, "+=,.@:/-")
}

pub(super) fn role_session_name(text: &str) -> Result<String, String> {
    word(text, 2, 64, "+=,.@-")
}

pub(super) fn source_identity(text: &str) -> Result<String, String> {
    // STS: "You cannot use a value that begins with the text `aws:`"; its pattern has no colon anyway.
    word(text, 2, 64, "+=,.@-")
}

fn word(text: &str, least: usize, most: usize, signs: &str) -> Result<String, String> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '_' || signs.contains(character);
    match (least..=most).contains(&text.len()) && text.chars().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err(format!("it must have {least} to {most} letters, digits and {signs}_")),
    }
}

pub(super) fn duration_seconds(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(seconds) if digits && (900..=43_200).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err("it must be 900 to 43200 seconds".to_owned()),
    }
}

pub(super) fn session_tags(text: &str) -> Result<Vec<SessionTag>, String> {
    let mut tags: Vec<SessionTag> = Vec::new();
    for pair in text.split(',') {
        let (key, value) = pair.split_once('=').ok_or("tags look like key1=value1,key2=value2")?;
        let (key, value) = (tag_text(key, 1, 128)?, tag_text(value, 0, 256)?);
        if tags.iter().any(|tag| tag.key.eq_ignore_ascii_case(&key)) {
            return Err("a tag is there twice".to_owned());
        }
        tags.push(SessionTag { key, value });
    }
    if tags.len() > 50 { Err("STS takes at most 50 tags".to_owned()) } else { Ok(tags) }
}

pub(super) fn transitive_session_tags(text: &str) -> Result<Vec<String>, String> {
    let keys = text.split(',').map(|key| tag_text(key, 1, 128)).collect::<Result<Vec<_>, _>>()?;
    if keys.len() > 50 { Err("STS takes at most 50 tags".to_owned()) } else { Ok(keys) }
}

fn tag_text(text: &str, least: usize, most: usize) -> Result<String, String> {
    let text = text.trim();
    let allowed = |character: char| character.is_alphanumeric() || " _.:/=+-@".contains(character);
    match (least..=most).contains(&text.chars().count()) && text.chars().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err(format!("a tag's part must have {least} to {most} letters, digits, spaces and _.:/=+-@")),
    }
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    match text.chars().any(char::is_control) {
        false => Ok(PathBuf::from(text)),
        true => Err("it has a control character".to_owned()),
    }
}

pub(super) fn command(text: &str) -> Result<String, String> {
    // A continued value has line feeds, which part words as spaces do.
    match text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
        false => Ok(text.to_owned()),
        true => Err("it has a control character".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    fn check<T: Debug>(parse: fn(&str) -> Result<T, String>, taken: &[&str], refused: &[&str]) {
        for text in taken {
            assert!(parse(text).is_ok(), "{text:?}: {:?}", parse(text));
        }
        for text in refused {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("15m", 900), ("12h", 43_200), ("1h30m", 5_400), ("1d", 86_400)]
        {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "1x", "-5m", "1m1h", "1h30", "1h1h", "9999999999", "٣m", "1.5h"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_session_lasts_within_the_limits_of_aws() {
        assert!(role_duration("12h").is_ok() && role_duration("13h").is_err());
        assert!(session_duration("15m").is_ok() && session_duration("36h").is_ok());
        assert!(session_duration("14m").is_err() && session_duration("37h").is_err());
    }

    #[test]
    fn each_value_takes_what_aws_takes_and_refuses_the_rest() {
        check(
            region,
            &["eu-central-1", "us-gov-west-1", "mars"],
            &["", "-a", "a-", "1", "a.b", "a/b", "a@evil", &"x".repeat(64)],
        );
        check(
            endpoint_url,
            &["https://a", "http://127.0.0.1:4566/x"],
            &["", "a", "ftp://a", "https://", "https:///x", "https://a b", "https://u@h", "https://a\n"],
        );
        check(boolean, &["true", "False"], &["", "1", "yes"]);
        check(sts_regional_endpoints, &["regional", "Legacy"], &["", "global"]);
        check(
            role_arn,
            &["arn:aws:iam::123456789012:role/a", "arn:aws-cn:iam::123456789012:role/path/a"],
            &[
                "arn:aws:iam::123456789012:user/a",
                "arn:aws:iam::123456789012:role/",
                "role/a",
                "arn:aws:sts::123456789012:role/a",
            ],
        );
        check(
            policy_arn,
            &["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws-cn:iam::123456789012:policy/path/x"],
            &["", "ReadOnlyAccess", "arn:aws:iam::aws:role/x", "arn:aws:iam::aws:policy/", "arn:aws:iam::1:policy/abc"],
        );
        check(credential_source, &["Environment", "Ec2InstanceMetadata", "EcsContainer"], &["", "Vault"]);
        check(account_id, &["012345678901"], &["", "12345678901", "1234567890123", "12345678901x"]);
        check(sso_role_name, &["Admin", "a+=,.@-_"], &["", "a b", "a/b"]);
        check(
            sso_start_url,
            &["https://d-1234567890.awsapps.com/start", "https://x.awsapps.com/start/#"],
            &["", "x", "http://x", "https://", "https://a b", "https://u@x"],
        );
        check(scopes, &["a", "sso:account:access, codewhisperer:completions,"], &["", ",", "a b", "a\"", "ä"]);
        check(external_id, &["12", "a+=,.@:/-_", &"x".repeat(1224)], &["1", "a b", "ä1", &"x".repeat(1225)]);
        check(role_session_name, &["12", "a+=,.@-_"], &["1", "a:b", "a/b", &"x".repeat(65)]);
        check(source_identity, &["ab"], &["a", "aws:x"]);
        check(duration_seconds, &["900", "43200"], &["899", "43201", "1h", "+900", "", "99999999999999999999"]);
        check(session_tags, &["a=b", "a=, b=c d", "ü=x"], &["", "a", "=b", "a=b,A=c", "a=b#"]);
        check(transitive_session_tags, &["a", "a,b c"], &["", "a,,b"]);
        check(command, &["a \"b\"\n c"], &["a\0", "a\u{1b}"]);
    }
}
