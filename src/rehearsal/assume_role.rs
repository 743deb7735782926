//! STS AssumeRole: whom a role lets in, for how long, and what goes on from the caller's session to the next.

use std::time::{Duration, SystemTime};

use super::{
    answer::{Call, Reply},
    authorise::SESSION,
    error::ServiceError,
    policy::{self, Decision, Facts, Question, Trust},
    request::{Parameters, check_length},
    sessions::{Carried, Session, requested_tags},
    sts::{HOUR_SECONDS, MIN_SECONDS, check_mfa},
    world::{Identity, World},
    xml,
};

/// Of AssumeRole and AssumeRoleWithWebIdentity.
const MAX_SECONDS: u64 = 43_200;

/// What the calls that end in a role's session have in common.
pub(super) struct RoleRequest {
    pub(super) role_arn: String,
    pub(super) session_name: String,
    pub(super) seconds: u64,
}

impl RoleRequest {
    /// # Errors
    /// If something is missing, or not well formed, then `ValidationError`.
    pub(super) fn read(parameters: &Parameters) -> Result<Self, ServiceError> {
        let role_arn = parameters.required("RoleArn")?.to_owned();
        check_length("RoleArn", &role_arn, 20, 2048)?;
        let session_name = parameters.required("RoleSessionName")?;
        check_length("RoleSessionName", session_name, 2, 64)?;
        let session_name = parameters.name("RoleSessionName", 64)?.unwrap_or_default().to_owned();
        let seconds = parameters.number("DurationSeconds", MIN_SECONDS, MAX_SECONDS)?.unwrap_or(HOUR_SECONDS);
        Ok(RoleRequest { role_arn, session_name, seconds })
    }
}

pub(super) fn assume_role(call: &mut Call<'_>) -> Reply {
    let request = RoleRequest::read(call.parameters)?;
    call.parameters.text("ExternalId", [2, 1224], "+=,.@:/-")?;
    let policies = call.world.session_policies(call.parameters)?;
    if call.caller.identity == Identity::Root {
        return Err(ServiceError::access_denied("Roles may not be assumed by root accounts."));
    }
    let carried = carried_on(call, &request.role_arn)?;
    let code_taken = check_mfa(call)?;
    let role = may_assume(call, &request.role_arn, code_taken.or(call.caller.mfa_since), &carried)?;
    // GetSessionToken's sessions count as the first link of a chain too, as aws-vault found.
    if call.caller.is_session && request.seconds > HOUR_SECONDS {
        return Err(ServiceError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    check_max_session_duration(call.world, &role, request.seconds)?;
    let identity = Identity::AssumedRole { role, session_name: request.session_name };
    let user = assumed_role_user(call.world, &identity);
    let source_identity = carried.source_identity.as_ref().map(|value| xml::text("SourceIdentity", value));
    // A role's credentials say nothing about MFA (IAM User Guide, "Configuring MFA-protected API access").
    let session = Session {
        policies,
        is_chained: call.caller.is_session,
        carried,
        ..Session::new(identity, call.now + Duration::from_secs(request.seconds))?
    };
    Ok(call.world.give_out(session)? + &user + &source_identity.unwrap_or_default())
}

/// `AssumedRoleUser` of the answer.
pub(super) fn assumed_role_user(world: &World, identity: &Identity) -> String {
    let id = xml::text("AssumedRoleId", &world.id_of(identity));
    xml::element("AssumedRoleUser", &(id + &xml::text("Arn", &world.arn_of(identity))))
}

/// # Errors
/// If the role's sessions are shorter than that, then `ValidationError`.
pub(super) fn check_max_session_duration(world: &World, role: &str, seconds: u64) -> Result<(), ServiceError> {
    let max = world.roles.get(role).map(|role| role.max_session_duration.as_secs());
    if max.is_some_and(|max| seconds > max) {
        return Err(ServiceError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(())
}

/// What the new session carries; a source identity stays what it is through all roles.
fn carried_on(call: &Call<'_>, role_arn: &str) -> Result<Carried, ServiceError> {
    let mut next = call.caller.carried.next(call.parameters)?;
    match (&call.caller.carried.source_identity, &next.source_identity) {
        (Some(so_far), Some(asked)) if so_far != asked => {
            Err(ServiceError::access_denied(call.not_authorized("sts:SetSourceIdentity", role_arn)))
        }
        (Some(so_far), None) => {
            next.source_identity = Some(so_far.clone());
            Ok(next)
        }
        _ => Ok(next),
    }
}

/// The name of the role, if its trust policy and the caller's policies let the caller in with all it carries.
fn may_assume(
    call: &Call<'_>,
    role_arn: &str,
    mfa_since: Option<SystemTime>,
    carried: &Carried,
) -> Result<String, ServiceError> {
    let mut facts = call.facts(mfa_since);
    for (key, parameter) in [("sts:externalid", "ExternalId"), ("sts:rolesessionname", "RoleSessionName")] {
        if let Some(value) = call.parameters.get(parameter) {
            facts.insert(key.to_owned(), value.to_owned());
        }
    }
    if let Some(source_identity) = &carried.source_identity {
        facts.insert("sts:sourceidentity".to_owned(), source_identity.clone());
    }
    let tags = requested_tags(call.parameters)?;
    facts.extend(tags.into_iter().map(|(key, value)| (format!("aws:requesttag/{key}"), value)));
    let role = may(call, "sts:AssumeRole", role_arn, &facts)?;
    if !carried.tags.is_empty() {
        may(call, "sts:TagSession", role_arn, &facts)?;
    }
    if carried.source_identity.is_some() {
        may(call, "sts:SetSourceIdentity", role_arn, &facts)?;
    }
    Ok(role)
}

/// The name of the role, if its trust policy and the caller's policies allow this one action.
fn may(call: &Call<'_>, action: &str, role_arn: &str, facts: &Facts) -> Result<String, ServiceError> {
    let refused = || ServiceError::access_denied(call.not_authorized(action, role_arn));
    let question = Question { action, resource: role_arn, facts };
    let (own, kind) = call.decide(question);
    if own == Decision::ExplicitDeny {
        return Err(call.refusal(action, role_arn, own, kind));
    }
    // A federated user may call nothing of STS but GetCallerIdentity. A role that does not exist is refused like one
    // that does not trust.
    let (name, role) = match &call.caller.identity {
        Identity::FederatedUser(_) => return Err(refused()),
        _ => call.world.role_of(role_arn).ok_or_else(refused)?,
    };
    let callers = [call.principal_arn(), call.world.arn_of(&call.caller.identity)];
    match policy::trust(&role.trust, &callers, &call.world.iam_arn("root"), question) {
        Trust::Nobody => Err(refused()),
        // Whom a trust policy names needs no permission, but what a session is narrowed to holds for it as well.
        Trust::Caller if own == Decision::Allow || kind != SESSION => Ok(name.to_owned()),
        Trust::Account if own == Decision::Allow => Ok(name.to_owned()),
        Trust::Account | Trust::Caller => Err(call.refusal(action, role_arn, own, kind)),
    }
}
