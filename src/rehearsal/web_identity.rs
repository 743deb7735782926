//! STS AssumeRoleWithWebIdentity: a role for whoever an identity provider vouches for. Nobody signs it: the token is
//! the proof. Here a token is a known text instead of a signed one.

use std::time::{Duration, SystemTime};

use super::{
    answer::Reply,
    assume_role::{RoleRequest, assumed_role_user, check_max_session_duration},
    error::ServiceError,
    policy::{self, Facts, Question},
    request::{Parameters, check_length},
    sessions::Session,
    settings::WebIdentitySettings,
    world::{Identity, World},
    xml,
};
use crate::secret::SecretText;

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// What a provider says in one token.
#[derive(Clone)]
pub(super) struct WebIdentity {
    token: SecretText,
    /// Such as `token.actions.githubusercontent.com`.
    provider: String,
    subject: String,
    audience: String,
    expiration: Option<SystemTime>,
}

impl WebIdentity {
    pub(super) fn new(settings: &WebIdentitySettings, now: SystemTime) -> Self {
        WebIdentity {
            token: SecretText::from(settings.token.as_str()),
            provider: settings.provider.clone(),
            subject: settings.subject.clone(),
            audience: settings.audience.clone(),
            expiration: settings.valid_for.and_then(|duration| now.checked_add(duration)),
        }
    }
}

/// Also says whom the provider vouched for.
pub(super) fn assume_role_with_web_identity(
    world: &mut World,
    parameters: &Parameters,
    now: SystemTime,
) -> (Option<String>, Reply) {
    let known = RoleRequest::read(parameters).and_then(|request| Ok((request, identify(world, parameters, now)?)));
    match known {
        Ok((request, identity)) => (Some(identity.subject.clone()), assume(world, parameters, request, &identity, now)),
        Err(error) => (None, Err(error)),
    }
}

fn identify(world: &World, parameters: &Parameters, now: SystemTime) -> Result<WebIdentity, ServiceError> {
    let token = parameters.required("WebIdentityToken")?;
    check_length("WebIdentityToken", token, 4, 20_000)?;
    let token = SecretText::from(token);
    let identity = world.web_identities.iter().find(|identity| identity.token == token).ok_or_else(|| {
        let text = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
        ServiceError::new(400, "InvalidIdentityToken", text)
    })?;
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    match identity.expiration {
        Some(expiration) if expiration <= now => {
            let text = format!(
                "Token expired: current date/time {} must be before the expiration date/time {}",
                seconds(now),
                seconds(expiration)
            );
            Err(ServiceError::new(400, "ExpiredTokenException", text))
        }
        _ => Ok(identity.clone()),
    }
}

fn assume(
    world: &mut World,
    parameters: &Parameters,
    request: RoleRequest,
    identity: &WebIdentity,
    now: SystemTime,
) -> Reply {
    let policies = world.session_policies(parameters)?;
    let provider_arn = world.iam_arn(&format!("oidc-provider/{}", identity.provider));
    let provider = identity.provider.to_ascii_lowercase();
    let facts = Facts::from([
        (format!("{provider}:sub"), identity.subject.clone()),
        (format!("{provider}:aud"), identity.audience.clone()),
        ("aws:federatedprovider".to_owned(), provider_arn.clone()),
        ("sts:rolesessionname".to_owned(), request.session_name.clone()),
    ]);
    let question = Question { action: ACTION, resource: &request.role_arn, facts: &facts };
    let (role, _) = world
        .role_of(&request.role_arn)
        .filter(|(_, role)| policy::trusts_provider(&role.trust, &provider_arn, question))
        .ok_or_else(|| ServiceError::access_denied(format!("Not authorized to perform {ACTION}")))?;
    let role = role.to_owned();
    check_max_session_duration(world, &role, request.seconds)?;
    let assumed = Identity::AssumedRole { role, session_name: request.session_name };
    let user = assumed_role_user(world, &assumed)
        + &xml::text("SubjectFromWebIdentityToken", &identity.subject)
        + &xml::text("Audience", &identity.audience)
        + &xml::text("Provider", &provider_arn);
    let session = Session { policies, ..Session::new(assumed, now + Duration::from_secs(request.seconds))? };
    Ok(world.give_out(session)? + &user)
}
