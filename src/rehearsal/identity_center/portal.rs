//! SSO: what an access token is good for: accounts, roles, and a role's credentials.

use std::time::SystemTime;

use serde_json::json;

use super::{IdentityCenter, Reply};
use crate::{
    rehearsal::{
        error::ServiceError,
        sessions::Session,
        world::{Identity, World},
    },
    secret::SecretText,
};

impl IdentityCenter {
    /// # Errors
    /// If the token is unknown, over, or for something else, then `UnauthorizedException`.
    pub(super) fn check_access_token(&self, token: &str, now: SystemTime) -> Result<(), ServiceError> {
        let token = SecretText::from(token);
        let known = self.access_tokens.iter().find(|known| known.token == token);
        match known {
            Some(known) if now < known.expiration && known.has_account_access => Ok(()),
            _ => Err(ServiceError::new(401, "UnauthorizedException", "Session token not found or invalid")),
        }
    }

    /// Forgets an access token, and everybody's refresh tokens: there is one person.
    pub(super) fn log_out(&mut self, token: &str) -> serde_json::Value {
        let token = SecretText::from(token);
        self.access_tokens.retain(|known| known.token != token);
        self.refresh_tokens.clear();
        json!({})
    }
}

fn required(value: Option<String>, name: &str) -> Result<String, ServiceError> {
    let missing = || ServiceError::new(400, "InvalidRequestException", format!("Missing parameter: {name}"));
    value.filter(|value| !value.is_empty()).ok_or_else(missing)
}

/// # Errors
/// If there is no such account, then `ResourceNotFoundException`.
fn check_account(world: &World, account_id: &str) -> Result<(), ServiceError> {
    if account_id == world.account_id {
        return Ok(());
    }
    Err(ServiceError::new(404, "ResourceNotFoundException", format!("Account {account_id} not found")))
}

pub(super) fn get_role_credentials(
    world: &mut World,
    account_id: Option<String>,
    role_name: Option<String>,
    now: SystemTime,
) -> Reply {
    let (account_id, role_name) = (required(account_id, "account_id")?, required(role_name, "role_name")?);
    check_account(world, &account_id)?;
    let center = &world.identity_center;
    let no_access = || ServiceError::new(403, "ForbiddenException", "No access");
    let assignment = center.assigned.get(&role_name).ok_or_else(no_access)?;
    let (role, session_name) = (assignment.role.clone(), center.settings.user_name.clone());
    let session = Session::new(Identity::AssumedRole { role, session_name }, now + assignment.session_duration)?;
    let since_epoch = session.expiration.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut credentials = json!({
        "secretAccessKey": session.secret.expose(),
        "sessionToken": session.token.expose(),
        "expiration": u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
    });
    credentials["accessKeyId"] = world.add_session(session)?.into();
    Ok(json!({ "roleCredentials": credentials }))
}

pub(super) fn list_accounts(world: &World) -> serde_json::Value {
    let account = json!({
        "accountId": world.account_id,
        "accountName": "rehearsal",
        "emailAddress": "rehearsal@example.com",
    });
    json!({ "accountList": [account] })
}

pub(super) fn list_account_roles(world: &World, account_id: Option<String>) -> Reply {
    let account_id = required(account_id, "account_id")?;
    check_account(world, &account_id)?;
    let names = world.identity_center.assigned.keys();
    let roles: Vec<_> = names.map(|name| json!({ "roleName": name, "accountId": account_id })).collect();
    Ok(json!({ "roleList": roles }))
}
