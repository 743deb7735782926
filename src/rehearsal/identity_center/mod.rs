//! IAM Identity Center: registered clients, sign-ins that a person approves in a browser, tokens, and roles for them
//! (SSO OIDC and SSO API Reference; RFC 8628). What is remembered lives here; the calls in `oidc` and `portal`.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use super::{
    LoggedRequest, Shared,
    answer::stamped,
    control,
    error::ServiceError,
    exchange::exchange,
    random,
    settings::{IdentityCenterSettings, PermissionSetSettings, RoleSettings},
    world::World,
};
use crate::{
    http_server::{HttpRequest, HttpResponse},
    secret::SecretText,
};

mod oidc;
mod page;
mod portal;

/// Where the roles of permission sets are.
pub(super) const ROLE_PATH: &str = "/aws-reserved/sso.amazonaws.com/";

/// Only Identity Center assumes such a role.
const TRUST: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"], "Principal":
     {"Federated": "arn:PARTITION:iam::ACCOUNT:saml-provider/AWSSSO_rehearsal_DO_NOT_DELETE"}}}"#;

/// The scope of access tokens that are good for role credentials.
const ACCOUNT_ACCESS: &str = "sso:account:access";

pub(super) struct IdentityCenter {
    settings: IdentityCenterSettings,
    /// By client ID.
    clients: BTreeMap<String, Client>,
    sign_ins: Vec<SignIn>,
    access_tokens: Vec<AccessToken>,
    refresh_tokens: Vec<RefreshToken>,
    /// By the name of the permission set.
    assigned: BTreeMap<String, Assignment>,
}

struct Client {
    secret: SecretText,
    expiration: SystemTime,
    scopes: Vec<String>,
    /// None: any.
    grant_types: Option<Vec<String>>,
}

/// A device authorization.
struct SignIn {
    device_code: SecretText,
    user_code: String,
    client_id: String,
    expiration: SystemTime,
    /// Grows by five seconds with each CreateToken that came too early.
    interval: Duration,
    asked: Option<SystemTime>,
    state: SignInState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignInState {
    Pending,
    Approved {
        at: SystemTime,
    },
    Denied,
    /// The token was given out.
    Used,
}

struct AccessToken {
    token: SecretText,
    expiration: SystemTime,
    /// Whether it is good for role credentials.
    has_account_access: bool,
}

struct RefreshToken {
    token: SecretText,
    client_id: String,
    /// When the person has to sign in again.
    expiration: SystemTime,
}

struct Assignment {
    /// `AWSReservedSSO_…`.
    role: String,
    session_duration: Duration,
}

/// The role of a permission set in the account.
///
/// # Errors
/// If there are no random bytes, then `InternalFailure`.
pub(super) fn role_of(set: &PermissionSetSettings) -> Result<RoleSettings, ServiceError> {
    let hex: String = random::bytes::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(RoleSettings {
        name: format!("AWSReservedSSO_{}_{hex}", set.name),
        trust_policy: TRUST.to_owned(),
        policies: set.policies.clone(),
        max_session_duration: Duration::from_secs(12 * 3600),
    })
}

impl IdentityCenter {
    pub(super) fn new(settings: &IdentityCenterSettings) -> Self {
        IdentityCenter {
            settings: settings.clone(),
            clients: BTreeMap::new(),
            sign_ins: Vec::new(),
            access_tokens: Vec::new(),
            refresh_tokens: Vec::new(),
            assigned: BTreeMap::new(),
        }
    }

    /// Gives the person a permission set, which is a role of the account.
    pub(super) fn assign(&mut self, set: &PermissionSetSettings, role: String) {
        self.assigned.insert(set.name.clone(), Assignment { role, session_duration: set.session_duration });
    }

    /// Approves or refuses a sign-in; says whether one with this code was waiting.
    pub(super) fn answer_sign_in(&mut self, user_code: &str, approved: bool, now: SystemTime) -> bool {
        let waiting = |sign_in: &&mut SignIn| {
            sign_in.user_code == user_code && sign_in.state == SignInState::Pending && now < sign_in.expiration
        };
        let Some(sign_in) = self.sign_ins.iter_mut().find(waiting) else { return false };
        sign_in.state = if approved { SignInState::Approved { at: now } } else { SignInState::Denied };
        true
    }

    /// The sign-ins as `GET /_rehearsal/state` shows them.
    pub(super) fn sign_ins(&self) -> Vec<serde_json::Value> {
        let shown = self.sign_ins.iter().map(|sign_in| {
            let state = match sign_in.state {
                SignInState::Pending => "pending",
                SignInState::Approved { .. } => "approved",
                SignInState::Denied => "denied",
                SignInState::Used => "used",
            };
            serde_json::json!({ "user_code": sign_in.user_code, "state": state })
        });
        shown.collect()
    }
}

type Reply = Result<serde_json::Value, ServiceError>;

/// Whether a path is one of Identity Center's.
pub(super) fn serves(path: &str) -> bool {
    path == page::PATH || action_of(path).is_some()
}

/// The operation of a path, and its method.
fn action_of(path: &str) -> Option<(&'static str, &'static str)> {
    Some(match path {
        "/client/register" => ("POST", "RegisterClient"),
        "/device_authorization" => ("POST", "StartDeviceAuthorization"),
        "/token" => ("POST", "CreateToken"),
        "/federation/credentials" => ("GET", "GetRoleCredentials"),
        "/assignment/accounts" => ("GET", "ListAccounts"),
        "/assignment/roles" => ("GET", "ListAccountRoles"),
        "/logout" => ("POST", "Logout"),
        _ => return None,
    })
}

/// Answers a request whose path is one of Identity Center's.
pub(super) fn answer(shared: &Shared, request: &HttpRequest) -> HttpResponse {
    let Some((method, action)) = action_of(&request.path) else { return page::answer(shared, request) };
    let now = shared.now();
    let query = request.query_parameters();
    let parameter = |name: &str| query.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
    let entry = LoggedRequest { role: parameter("role_name"), ..LoggedRequest::new(action, now) };
    let is_portal = matches!(action, "GetRoleCredentials" | "ListAccounts" | "ListAccountRoles" | "Logout");
    let act = |entry: &mut LoggedRequest| {
        let mut world = shared.world();
        let world: &mut World = &mut world;
        if request.method != method {
            return Err(ServiceError::new(400, "InvalidRequestException", "The method is not that of the operation."));
        }
        if is_portal {
            let token = request.header("x-amz-sso_bearer_token").unwrap_or_default();
            world.identity_center.check_access_token(token, now)?;
            entry.user = Some(world.identity_center.settings.user_name.clone());
        }
        match action {
            "RegisterClient" => world.identity_center.register_client(&request.body, now),
            "StartDeviceAuthorization" => {
                let base_url = format!("http://{}", request.header("host").unwrap_or_default());
                world.identity_center.start_device_authorization(&request.body, &base_url, now)
            }
            "CreateToken" => world.identity_center.create_token(&request.body, now),
            "GetRoleCredentials" => {
                portal::get_role_credentials(world, parameter("account_id"), parameter("role_name"), now)
            }
            "ListAccounts" => Ok(portal::list_accounts(world)),
            "ListAccountRoles" => portal::list_account_roles(world, parameter("account_id")),
            _ => Ok(world.identity_center.log_out(request.header("x-amz-sso_bearer_token").unwrap_or_default())),
        }
    };
    exchange(shared, entry, act, |outcome| write(outcome, is_portal, now))
}

fn write(outcome: Reply, is_portal: bool, now: SystemTime) -> HttpResponse {
    let response = match outcome {
        Ok(value) => control::json(200, &value),
        Err(error) => {
            let (status, code) = match error.code {
                "Throttling" => (429, "TooManyRequestsException"),
                "InternalFailure" => (500, "InternalServerException"),
                code => (error.status, code),
            };
            let body = if is_portal {
                serde_json::json!({ "message": error.message, "__type": format!("com.amazonaws.switchboard.portal#{code}") })
            } else {
                serde_json::json!({ "error": oauth_code(code), "error_description": error.message })
            };
            let mut response = control::json(status, &body);
            response.headers.push(("x-amzn-ErrorType".to_owned(), code.to_owned()));
            response
        }
    };
    stamped(response, random::request_id(), now)
}

/// `slow_down` for `SlowDownException`.
fn oauth_code(code: &str) -> String {
    let mut text = String::new();
    for character in code.trim_end_matches("Exception").chars() {
        if character.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}
