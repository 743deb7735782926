//! STS: who the caller is, sessions of users: who may have them, for how long; and which codes are taken.

use std::time::{Duration, SystemTime};

use super::{
    answer::{Call, Reply},
    assume_role::assume_role,
    codes::Verification,
    error::ServiceError,
    sessions::{Carried, Session},
    world::Identity,
    xml,
};

pub(super) const HOUR_SECONDS: u64 = 3600;
pub(super) const MIN_SECONDS: u64 = 900;
/// Of GetSessionToken and GetFederationToken.
const MAX_SECONDS: u64 = 129_600;
const DEFAULT_SECONDS: u64 = 43_200;

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
    let session = Session::new(call.caller.identity.clone(), lasting(call, asked))?;
    call.world.give_out(Session { mfa_since, ..session })
}

fn get_federation_token(call: &mut Call<'_>) -> Reply {
    let name = call.parameters.name("Name", 32)?.map(str::to_owned);
    let name = name.ok_or_else(|| ServiceError::constraint("Name", None, "Member must not be null"))?;
    let asked = call.parameters.number("DurationSeconds", MIN_SECONDS, MAX_SECONDS)?;
    refuse_sessions(call, "GetFederationToken")?;
    let identity = Identity::FederatedUser(name);
    let arn = call.world.arn_of(&identity);
    call.authorise("sts:GetFederationToken", &arn)?;
    let carried = Carried::default().next(call.parameters)?;
    if !carried.tags.is_empty() {
        call.authorise("sts:TagSession", &arn)?;
    }
    let user = xml::text("FederatedUserId", &call.world.id_of(&identity)) + &xml::text("Arn", &arn);
    // Without a policy the session may do nothing at all.
    let policies = Some(call.world.session_policies(call.parameters)?.unwrap_or_default());
    let session = Session { policies, carried, ..Session::new(identity, lasting(call, asked))? };
    Ok(call.world.give_out(session)? + &xml::element("FederatedUser", &user))
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

/// Takes the code of the request, if there is one, and says when it was taken.
///
/// # Errors
/// If one of serial number and code is not well formed, then `ValidationError`; if the code is not taken, then
/// `AccessDenied`.
pub(super) fn check_mfa(call: &mut Call<'_>) -> Result<Option<SystemTime>, ServiceError> {
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
