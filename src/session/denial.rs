//! Why AWS denied: what its words and our plan say together. Pure.
//!
//! AWS tells a denial by a policy from one by a role's trust policy only in how the sentence ends (IAM User Guide,
//! "Troubleshoot access denied error messages"): the latter's ends with the resource.

use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::plan::{Call, Step};
use crate::{aws::EnabledDevice, mfa::SerialNumber};

/// MFA older than this is worth a new code, if it may be too old for a policy with `aws:MultiFactorAuthAge`.
pub(super) const FRESH: Duration = Duration::from_secs(5 * 60);

/// Younger than this, MFA was given by this very command: AWS's clock counts in seconds.
const SAME_MOMENT: Duration = Duration::from_secs(1);
/// STS was seen to know a new device after 8 to 14 s; twice that, and some.
const PROPAGATION: Duration = Duration::from_secs(30);
/// AWS counts checks of codes in windows of three minutes of UTC.
const CHECKS_WINDOW: u64 = 180;

/// What most likely stands behind a denial.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denial {
    /// A policy denies what is done without MFA, and there was none.
    #[error("a policy denies {operation}, and no MFA went along")]
    NoMfa {
        /// The API operation.
        operation: &'static str,
    },
    /// The role lets nobody in without MFA, or not this caller.
    #[error("the trust policy of {role} does not let this caller in, and no MFA went along")]
    TrustWithoutMfa {
        /// The role's ARN.
        role: String,
    },
    /// The credentials of a role carry no MFA, however they were got.
    #[error(
        "{operation} was called with the credentials of a role, which carry no MFA, and a policy or trust policy denies it"
    )]
    MfaLost {
        /// The API operation.
        operation: &'static str,
    },
    /// There is MFA, but its code was given a while ago.
    #[error("the trust policy of {role} does not let this caller in; MFA is present, its code {} old", old(*age))]
    MfaTooOld {
        /// The role's ARN.
        role: String,
        /// How long ago the code was given.
        age: Duration,
    },
    /// There is fresh MFA, or nobody knows, so it may be about something else.
    #[error("the trust policy of {role} does not let this caller in{}", if *mfa { ", though MFA is present" } else { "" })]
    Trust {
        /// The role's ARN.
        role: String,
        /// Whether MFA is known to be present.
        mfa: bool,
    },
    /// No policy of the caller allows it.
    #[error("no policy of the caller allows {operation}")]
    NotAllowed {
        /// The API operation.
        operation: &'static str,
    },
    /// Tags or a source identity want a permission of their own.
    #[error("{role} may not be assumed with {}: sts:{needed} is not allowed", part(needed))]
    PartNotAllowed {
        /// The role's ARN.
        role: String,
        /// `TagSession` or `SetSourceIdentity`.
        needed: &'static str,
    },
    /// A policy denies it, MFA or not.
    #[error("a policy denies {operation}{}", if *mfa { ", though MFA is present" } else { "" })]
    Forbidden {
        /// The API operation.
        operation: &'static str,
        /// Whether MFA is known to be present.
        mfa: bool,
    },
    /// The device is another user's, or nobody's.
    #[error("{serial_number} is not a device of the user {user_name}{}", whose(enabled))]
    SerialNotOfUser {
        /// The device that was named.
        serial_number: SerialNumber,
        /// Who asked.
        user_name: String,
        /// The devices the user has.
        enabled: Vec<SerialNumber>,
    },
    /// The device was enabled just now.
    #[error("{serial_number} was enabled {} s ago, and not all of AWS knows it yet", age.as_secs())]
    SerialNotYetKnown {
        /// The device.
        serial_number: SerialNumber,
        /// How long ago.
        age: Duration,
    },
    /// AWS checks nine codes of a device within three minutes, and then none, right or wrong.
    #[error("AWS checks no more codes of {serial_number} for {} s: nine within three minutes is its limit", left.as_secs())]
    TooManyChecks {
        /// The device.
        serial_number: SerialNumber,
        /// How long until it does again.
        left: Duration,
    },
    /// GetSessionToken and GetFederationToken are for long-term credentials.
    #[error("{operation} takes long-term credentials only, and was called with those of a session")]
    NeedsLongTerm {
        /// The API operation.
        operation: &'static str,
    },
}

/// Why AWS could not validate a code, which it says in the same words whatever the reason: told by the devices that the
/// user has at AWS, and by AWS's time.
pub(super) fn why_not_validated(
    serial_number: SerialNumber,
    user_name: String,
    devices: &[EnabledDevice],
    aws_now: SystemTime,
) -> Denial {
    let Some(device) = devices.iter().find(|device| device.serial_number == serial_number) else {
        let enabled = devices.iter().map(|device| device.serial_number.clone()).collect();
        return Denial::SerialNotOfUser { serial_number, user_name, enabled };
    };
    match aws_now.duration_since(device.enabled).unwrap_or_default() {
        age if age < PROPAGATION => Denial::SerialNotYetKnown { serial_number, age },
        _ => {
            let into = aws_now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() % CHECKS_WINDOW;
            Denial::TooManyChecks { serial_number, left: Duration::from_secs(CHECKS_WINDOW - into) }
        }
    }
}

fn part(needed: &str) -> &'static str {
    if needed == "TagSession" { "session tags" } else { "a source identity" }
}

fn old(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

fn whose(enabled: &[SerialNumber]) -> String {
    match enabled {
        [] => ", who has none".to_owned(),
        [one] => format!(", whose device is {one}"),
        several => {
            format!(", whose devices are {}", several.iter().map(SerialNumber::as_str).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Why AWS denied a call. `mfa_age` is how old the caller's MFA is, if the caller has any, and if that is known at all; a
/// code that goes along with the call itself is new.
pub(super) fn why(step: &Step, before: Option<&Step>, mfa_age: Option<Option<Duration>>, message: &str) -> Denial {
    let operation = step.call.as_str();
    if message.contains("with session credentials") {
        return Denial::NeedsLongTerm { operation };
    }
    let by_policy = message.contains("explicit deny");
    let role = || match &step.call {
        Call::AssumeRole(role) | Call::AssumeRoleWithWebIdentity { role, .. } => role.role_arn.to_string(),
        _ => operation.to_owned(),
    };
    let action =
        message.split_once("not authorized to perform: sts:").and_then(|(_, rest)| rest.split_whitespace().next());
    if let Some(needed) = ["TagSession", "SetSourceIdentity"].into_iter().find(|needed| action == Some(needed)) {
        return Denial::PartNotAllowed { role: role(), needed };
    }
    if !by_policy && message.contains("because no") {
        return Denial::NotAllowed { operation };
    }
    let of_role = before.is_some_and(|before| {
        matches!(
            before.call,
            Call::AssumeRole(_) | Call::AssumeRoleWithWebIdentity { .. } | Call::GetRoleCredentials(_)
        )
    });
    match mfa_age {
        _ if of_role => Denial::MfaLost { operation },
        Some(None) if by_policy => Denial::NoMfa { operation },
        Some(None) => Denial::TrustWithoutMfa { role: role() },
        _ if by_policy => Denial::Forbidden { operation, mfa: mfa_age.is_some() },
        Some(Some(age)) if age > SAME_MOMENT => Denial::MfaTooOld { role: role(), age },
        _ => Denial::Trust { role: role(), mfa: mfa_age.is_some() },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{aws::SessionPolicy, session::plan::RoleSession, vault::CacheKey};

    const BY_POLICY: &str = "User: U is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/r with \
                             an explicit deny in an identity-based policy";
    const NOBODY_ALLOWS: &str = "User: U is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/r \
                                 because no identity-based policy allows the sts:AssumeRole action";
    const BY_TRUST: &str = "User: U is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/r";
    const TAGS: &str = "User: U is not authorized to perform: sts:TagSession on resource: arn:aws:iam::1:role/r";
    const ROLE: &str = "arn:aws:iam::123456789012:role/r";

    fn serial(name: &str) -> SerialNumber {
        format!("arn:aws:iam::123456789012:mfa/{name}").parse().expect("a serial number")
    }

    fn step(call: Call) -> Step {
        Step {
            call,
            profile: "p".parse().expect("a name"),
            duration: None,
            serial_number: None,
            other_serial_numbers: Vec::new(),
            cache_key: CacheKey::of([]),
            origins: BTreeMap::new(),
        }
    }

    fn assume_role() -> Step {
        step(Call::AssumeRole(Box::new(RoleSession {
            role_arn: ROLE.parse().expect("an ARN"),
            role_session_name: "me".to_owned(),
            external_id: None,
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            session_policy: SessionPolicy::default(),
        })))
    }

    #[test]
    fn each_denial_has_its_own_cause() {
        let (operation, role) = ("AssumeRole", ROLE.to_owned());
        let (fresh, old) = (Some(Some(Duration::ZERO)), Some(Some(Duration::from_secs(3600))));
        let (no_mfa, unknown) = (Some(None), None);
        let (user, through_role) = (step(Call::GetSessionToken), assume_role());
        for (message, before, age, expected) in [
            (BY_POLICY, None, no_mfa, Denial::NoMfa { operation }),
            (BY_POLICY, Some(&user), fresh, Denial::Forbidden { operation, mfa: true }),
            (BY_POLICY, None, unknown, Denial::Forbidden { operation, mfa: false }),
            (BY_TRUST, None, unknown, Denial::Trust { role: role.clone(), mfa: false }),
            (BY_POLICY, Some(&through_role), no_mfa, Denial::MfaLost { operation }),
            (TAGS, Some(&user), fresh, Denial::PartNotAllowed { role: role.clone(), needed: "TagSession" }),
            (NOBODY_ALLOWS, None, no_mfa, Denial::NotAllowed { operation }),
            (NOBODY_ALLOWS, Some(&through_role), no_mfa, Denial::NotAllowed { operation }),
            (BY_TRUST, None, no_mfa, Denial::TrustWithoutMfa { role: role.clone() }),
            (BY_TRUST, Some(&user), no_mfa, Denial::TrustWithoutMfa { role: role.clone() }),
            (BY_TRUST, Some(&user), fresh, Denial::Trust { role: role.clone(), mfa: true }),
            (BY_TRUST, Some(&user), old, Denial::MfaTooOld { role, age: Duration::from_secs(3600) }),
            (BY_TRUST, Some(&through_role), no_mfa, Denial::MfaLost { operation }),
        ] {
            assert_eq!(why(&assume_role(), before, age, message), expected, "{message}");
        }
        let device = |name: &str, enabled: u64| EnabledDevice {
            serial_number: serial(name),
            user_name: "u".to_owned(),
            enabled: SystemTime::UNIX_EPOCH + Duration::from_secs(enabled),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(180 * 10 + 50);
        for (devices, expected) in [
            (vec![], "arn:aws:iam::123456789012:mfa/a is not a device of the user u, who has none"),
            (
                vec![device("b", 0)],
                "arn:aws:iam::123456789012:mfa/a is not a device of the user u, whose device is arn:aws:iam::123456789012:mfa/b",
            ),
            (
                vec![device("a", 1830)],
                "arn:aws:iam::123456789012:mfa/a was enabled 20 s ago, and not all of AWS knows it yet",
            ),
            (
                vec![device("b", 0), device("a", 0)],
                "AWS checks no more codes of arn:aws:iam::123456789012:mfa/a for 130 s: nine within three minutes is its limit",
            ),
        ] {
            assert_eq!(why_not_validated(serial("a"), "u".to_owned(), &devices, now).to_string(), expected);
        }
        let needs_keys = why(&user, None, no_mfa, "Cannot call GetSessionToken with session credentials");
        assert_eq!(needs_keys, Denial::NeedsLongTerm { operation: "GetSessionToken" });
    }
}
