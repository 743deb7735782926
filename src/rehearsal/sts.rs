//! STS: who the caller is, and sessions: who may have them, for how long, with which code.

use std::time::{Duration, SystemTime};

use super::{
    answer::{Call, Reply},
    codes::Verification,
    error::ServiceError,
    policy::{self, Decision, Policy, Question, Trust},
    random,
    world::{Identity, Session},
    xml,
};
use crate::{rfc3339, secret::SecretText};

const HOUR_SECONDS: u64 = 3600;
const MIN_SECONDS: u64 = 900;
/// Of GetSessionToken and GetFederationToken.
const MAX_SECONDS: u64 = 129_600;
const DEFAULT_SECONDS: u64 = 43_200;
const MAX_ROLE_SECONDS: u64 = 43_200;

pub(super) fn answer(call: &mut Call<'_>) -> Reply {
    let action = call.parameters.get("Action").unwrap_or_default();
    match action {
        "GetCallerIdentity" => get_caller_identity(call),
        "GetSessionToken" => get_session_token(call),
        "AssumeRole" => assume_role(call),
        "GetFederationToken" => get_federation_token(call),
        _ => Err(ServiceError::invalid_action(action, "2011-06-15")),
    }
}

fn get_caller_identity(call: &mut Call<'_>) -> Reply {
    let identity = &call.caller.identity;
    Ok(xml::text("Arn", &call.world.arn_of(identity))
        + &xml::text("UserId", &call.world.id_of(identity))
        + &xml::text("Account", &call.world.account_id))
}

/// Needs no permission, and cannot be denied (IAM User Guide, "Permissions for GetSessionToken").
fn get_session_token(call: &mut Call<'_>) -> Reply {
    let asked = call.parameters.number("DurationSeconds", MIN_SECONDS, MAX_SECONDS)?;
    refuse_sessions(call, "GetSessionToken")?;
    let mfa_since = check_mfa(call)?;
    let session = new_session(call.caller.identity.clone(), lasting(call, asked), mfa_since, None)?;
    give_out(call, session)
}

fn get_federation_token(call: &mut Call<'_>) -> Reply {
    let name = call.parameters.name("Name", 32)?.map(str::to_owned);
    let name = name.ok_or_else(|| ServiceError::constraint("Name", None, "Member must not be null"))?;
    let asked = call.parameters.number("DurationSeconds", MIN_SECONDS, MAX_SECONDS)?;
    refuse_sessions(call, "GetFederationToken")?;
    let identity = Identity::FederatedUser(name);
    let arn = call.world.arn_of(&identity);
    call.authorise("sts:GetFederationToken", &arn)?;
    let user = xml::text("FederatedUserId", &call.world.id_of(&identity)) + &xml::text("Arn", &arn);
    let policy = session_policy(call)?;
    let session = new_session(identity, lasting(call, asked), None, policy)?;
    Ok(give_out(call, session)? + &xml::element("FederatedUser", &user))
}

fn refuse_sessions(call: &Call<'_>, action: &str) -> Result<(), ServiceError> {
    if call.caller.is_session {
        return Err(ServiceError::access_denied(format!("Cannot call {action} with session credentials")));
    }
    Ok(())
}

/// Until when a session of a user or of root lasts: root's are cut to an hour without a word.
fn lasting(call: &Call<'_>, asked: Option<u64>) -> SystemTime {
    let asked = asked.unwrap_or(DEFAULT_SECONDS);
    let seconds = if call.caller.identity == Identity::Root { asked.min(HOUR_SECONDS) } else { asked };
    call.now + Duration::from_secs(seconds)
}

fn assume_role(call: &mut Call<'_>) -> Reply {
    let role_arn = call.parameters.required("RoleArn")?.to_owned();
    let session_name = match call.parameters.name("RoleSessionName", 64)? {
        Some(name) if name.len() >= 2 => name.to_owned(),
        value => {
            let rule = if value.is_some() {
                "Member must have length greater than or equal to 2"
            } else {
                "Member must not be null"
            };
            return Err(ServiceError::constraint("RoleSessionName", value, rule));
        }
    };
    let asked = call.parameters.number("DurationSeconds", MIN_SECONDS, MAX_ROLE_SECONDS)?;
    if call.caller.identity == Identity::Root {
        return Err(ServiceError::access_denied("Roles may not be assumed by root accounts."));
    }
    let code_taken = check_mfa(call)?;
    let role_name = may_assume(call, &role_arn, code_taken.or(call.caller.mfa_since))?;
    let seconds = asked.unwrap_or(HOUR_SECONDS);
    check_role_duration(call, &role_name, seconds)?;
    let identity = Identity::AssumedRole { role: role_name, session_name };
    let user =
        xml::text("AssumedRoleId", &call.world.id_of(&identity)) + &xml::text("Arn", &call.world.arn_of(&identity));
    let policy = session_policy(call)?;
    // A role's credentials say nothing about MFA (IAM User Guide, "Configuring MFA-protected API access").
    let session = new_session(identity, call.now + Duration::from_secs(seconds), None, policy)?;
    Ok(give_out(call, session)? + &xml::element("AssumedRoleUser", &user))
}

/// The name of the role, if its trust policy and the caller's policies let the caller in.
fn may_assume(call: &Call<'_>, role_arn: &str, mfa_since: Option<SystemTime>) -> Result<String, ServiceError> {
    const ACTION: &str = "sts:AssumeRole";
    let refused = || ServiceError::access_denied(call.not_authorized(ACTION, role_arn));
    let mut facts = call.facts(mfa_since);
    for (key, parameter) in [("sts:externalid", "ExternalId"), ("sts:rolesessionname", "RoleSessionName")] {
        if let Some(value) = call.parameters.get(parameter) {
            facts.insert(key, value.to_owned());
        }
    }
    let question = Question { action: ACTION, resource: role_arn, facts: &facts };
    let (own, kind) = call.decide(question);
    if own == Decision::ExplicitDeny {
        return Err(call.refusal(ACTION, role_arn, own, kind));
    }
    // A role that does not exist is refused like one that does not trust.
    let found = call.world.roles.iter().find(|(name, _)| call.world.role_arn(name) == role_arn);
    let (name, role) = found.ok_or_else(refused)?;
    let caller_arn = call.principal_arn();
    match policy::trust(&role.trust, &caller_arn, &call.world.iam_arn("root"), question) {
        Trust::Nobody => Err(refused()),
        Trust::Account if own != Decision::Allow => Err(call.refusal(ACTION, role_arn, own, kind)),
        Trust::Account | Trust::Caller => Ok(name.clone()),
    }
}

fn check_role_duration(call: &Call<'_>, role_name: &str, seconds: u64) -> Result<(), ServiceError> {
    // GetSessionToken's sessions count as the first link of a chain too, as aws-vault found.
    if call.caller.is_session && seconds > HOUR_SECONDS {
        return Err(ServiceError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    let max = call.world.roles.get(role_name).map(|role| role.max_session_duration.as_secs());
    if max.is_some_and(|max| seconds > max) {
        return Err(ServiceError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(())
}

/// Takes the code of the request, if there is one, and says when it was taken.
fn check_mfa(call: &mut Call<'_>) -> Result<Option<SystemTime>, ServiceError> {
    let (serial_number, code) = match (call.parameters.serial_number()?, call.parameters.code("TokenCode")?) {
        (None, None) => return Ok(None),
        (Some(serial_number), Some(code)) => (serial_number, code),
        _ => {
            return Err(ServiceError::access_denied(
                "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
            ));
        }
    };
    let unable = || {
        ServiceError::access_denied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is \
             valid and associated with this user.",
        )
    };
    let (now, delay) = (call.now, call.world.rules.propagation_delay);
    let user = call.caller.user_name().ok_or_else(unable)?;
    let device = call.world.devices.get_mut(serial_number).ok_or_else(unable)?;
    let known = device.enabled.as_ref().is_some_and(|(owner, since)| {
        owner == user && since.checked_add(delay).is_some_and(|known_from| known_from <= now)
    });
    if !known {
        return Err(unable());
    }
    match device.codes.verify(&code, now) {
        Verification::Accepted => Ok(Some(now)),
        Verification::TooManyTries => Err(unable()),
        Verification::Invalid => {
            Err(ServiceError::access_denied("MultiFactorAuthentication failed with invalid MFA one time pass code. "))
        }
    }
}

/// The policy that narrows the session, if one is given.
fn session_policy(call: &Call<'_>) -> Result<Option<Policy>, ServiceError> {
    let malformed =
        |_| ServiceError::new(400, "MalformedPolicyDocument", "The policy is not in the valid JSON format.");
    call.parameters.get("Policy").map(|text| Policy::parse(text).map_err(malformed)).transpose()
}

fn new_session(
    identity: Identity,
    expiration: SystemTime,
    mfa_since: Option<SystemTime>,
    policy: Option<Policy>,
) -> Result<Session, ServiceError> {
    let secret = SecretText::from(random::secret_access_key()?);
    let token = SecretText::from(random::session_token()?);
    Ok(Session { secret, token, expiration, identity, mfa_since, policy })
}

/// Remembers a session and writes its credentials.
fn give_out(call: &mut Call<'_>, session: Session) -> Reply {
    let access_key_id = random::identifier("ASIA")?;
    let credentials = xml::text("AccessKeyId", &access_key_id)
        + &xml::text("SecretAccessKey", session.secret.expose())
        + &xml::text("SessionToken", session.token.expose())
        + &xml::text("Expiration", &rfc3339::format(session.expiration));
    call.world.sessions.insert(access_key_id, session);
    Ok(xml::element("Credentials", &credentials))
}
