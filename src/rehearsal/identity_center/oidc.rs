//! SSO OIDC: RegisterClient, StartDeviceAuthorization, CreateToken; JSON in, JSON out, nobody signs.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::{
    ACCOUNT_ACCESS, AccessToken, Client, IdentityCenter, RefreshToken, Reply, SignIn, SignInState, page, random,
};
use crate::{rehearsal::error::ServiceError, secret::SecretText};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const REFRESH_TOKEN: &str = "refresh_token";
const AUTHORIZATION_CODE: &str = "authorization_code";
/// How long a registration is good for.
const REGISTERED: Duration = Duration::from_secs(90 * 24 * 3600);
/// RFC 8628, section 3.5.
const SLOWER: Duration = Duration::from_secs(5);

/// The body of any of the three calls.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    client_name: Option<String>,
    client_type: Option<String>,
    scopes: Vec<String>,
    grant_types: Option<Vec<String>>,
    redirect_uris: Vec<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    start_url: Option<String>,
    grant_type: Option<String>,
    device_code: Option<String>,
    refresh_token: Option<String>,
}

impl Body {
    fn read(body: &[u8]) -> Result<Self, ServiceError> {
        serde_json::from_slice(body).map_err(|_| invalid_request("The body is not the JSON of the operation."))
    }
}

fn refusal(code: &'static str, description: &str) -> ServiceError {
    let status = if code == "InvalidClientException" { 401 } else { 400 };
    ServiceError::new(status, code, description)
}

fn invalid_request(description: &str) -> ServiceError {
    refusal("InvalidRequestException", description)
}

fn required<T>(value: Option<T>, name: &str) -> Result<T, ServiceError> {
    value.ok_or_else(|| invalid_request(&format!("Missing parameter: {name}")))
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl IdentityCenter {
    pub(super) fn register_client(&mut self, body: &[u8], now: SystemTime) -> Reply {
        let body = Body::read(body)?;
        let name = required(body.client_name, "clientName")?;
        if name.trim().is_empty() || required(body.client_type, "clientType")? != "public" {
            return Err(refusal("InvalidClientMetadataException", "clientName is a text and clientType is public."));
        }
        if let Some(scope) = body.scopes.iter().find(|scope| *scope != ACCOUNT_ACCESS) {
            return Err(refusal("InvalidScopeException", &format!("The scope {scope} is not known here.")));
        }
        for grant_type in body.grant_types.iter().flatten() {
            match grant_type.as_str() {
                DEVICE_CODE | REFRESH_TOKEN => {}
                AUTHORIZATION_CODE if body.redirect_uris.is_empty() => {
                    return Err(refusal("InvalidRedirectUriException", "An authorization code needs redirectUris."));
                }
                AUTHORIZATION_CODE => {}
                _ => return Err(refusal("UnsupportedGrantTypeException", "The grant type is not known.")),
            }
        }
        let client_id = random::identifier("")?;
        let secret = random::session_token()?;
        let expiration = now + REGISTERED;
        let answer = serde_json::json!({
            "clientId": client_id,
            "clientSecret": secret,
            "clientIdIssuedAt": unix_seconds(now),
            "clientSecretExpiresAt": unix_seconds(expiration),
        });
        let secret = SecretText::from(secret);
        self.clients
            .insert(client_id, Client { secret, expiration, scopes: body.scopes, grant_types: body.grant_types });
        Ok(answer)
    }

    /// The client of a request, if its secret is right and it may use the grant type.
    fn client(&self, body: &Body, grant_type: &str, now: SystemTime) -> Result<(&String, &Client), ServiceError> {
        let id = required(body.client_id.as_ref(), "clientId")?;
        let secret = SecretText::from(required(body.client_secret.as_deref(), "clientSecret")?);
        let known = self.clients.get_key_value(id).filter(|(_, client)| client.secret == secret);
        let (id, client) = known
            .filter(|(_, client)| now < client.expiration)
            .ok_or_else(|| refusal("InvalidClientException", "The client is not registered, or not any more."))?;
        if client.grant_types.as_ref().is_some_and(|types| !types.iter().any(|other| other == grant_type)) {
            return Err(refusal("UnauthorizedClientException", "The client is not registered for this grant type."));
        }
        Ok((id, client))
    }

    pub(super) fn start_device_authorization(&mut self, body: &[u8], base_url: &str, now: SystemTime) -> Reply {
        let body = Body::read(body)?;
        let (client_id, _) = self.client(&body, DEVICE_CODE, now)?;
        let client_id = client_id.clone();
        let start_url = required(body.start_url, "startUrl")?;
        let canonical = |url: &str| url.trim_end_matches('#').trim_end_matches('/').to_owned();
        if canonical(&start_url) != canonical(&self.settings.start_url) {
            return Err(invalid_request("The start URL is not that of a directory."));
        }
        let device_code = random::session_token()?;
        let user_code = random::user_code()?;
        let (expires_in, interval) = (self.settings.approval_time, self.settings.polling_interval);
        let verification_uri = format!("{base_url}{}", page::PATH);
        let answer = serde_json::json!({
            "deviceCode": device_code,
            "userCode": user_code,
            "verificationUri": verification_uri,
            "verificationUriComplete": format!("{verification_uri}?user_code={user_code}"),
            "expiresIn": expires_in.as_secs(),
            "interval": interval.as_secs(),
        });
        self.sign_ins.push(SignIn {
            device_code: SecretText::from(device_code),
            user_code,
            client_id,
            expiration: now + expires_in,
            interval,
            asked: None,
            state: SignInState::Pending,
        });
        Ok(answer)
    }

    pub(super) fn create_token(&mut self, body: &[u8], now: SystemTime) -> Reply {
        let body = Body::read(body)?;
        let grant_type = required(body.grant_type.as_deref(), "grantType")?;
        if !matches!(grant_type, DEVICE_CODE | REFRESH_TOKEN) {
            return Err(refusal("UnsupportedGrantTypeException", "The grant type is not known."));
        }
        let (client_id, client) = self.client(&body, grant_type, now)?;
        let (client_id, has_account_access) =
            (client_id.clone(), client.scopes.iter().any(|scope| scope == ACCOUNT_ACCESS));
        // A client of the older kind asks for no scope: its token is good for roles, and not refreshed.
        let is_older = client.scopes.is_empty();
        if grant_type == DEVICE_CODE {
            let device_code = SecretText::from(required(body.device_code, "deviceCode")?);
            let approved = self.take_sign_in(&device_code, &client_id, now)?;
            let expiration = approved + self.settings.session_duration;
            let refresh_token = (!is_older).then(|| self.add_refresh_token(client_id, expiration)).transpose()?;
            return self.add_access_token(refresh_token, has_account_access || is_older, now);
        }
        let token = SecretText::from(required(body.refresh_token, "refreshToken")?);
        let fits =
            |known: &RefreshToken| known.token == token && known.client_id == client_id && now < known.expiration;
        let index = self.refresh_tokens.iter().position(fits);
        let index = index.ok_or_else(|| refusal("InvalidGrantException", "Invalid refresh token provided"))?;
        let refresh_token = if self.settings.rotates_refresh_tokens {
            let spent = self.refresh_tokens.remove(index);
            self.add_refresh_token(client_id, spent.expiration)?
        } else {
            token.expose().clone()
        };
        self.add_access_token(Some(refresh_token), has_account_access, now)
    }

    /// Uses an approved sign-in up, and says when it was approved.
    fn take_sign_in(
        &mut self,
        device_code: &SecretText,
        client_id: &str,
        now: SystemTime,
    ) -> Result<SystemTime, ServiceError> {
        let fits = |sign_in: &&mut SignIn| sign_in.device_code == *device_code && sign_in.client_id == client_id;
        let invalid = || refusal("InvalidGrantException", "Invalid device code provided");
        let sign_in = self.sign_ins.iter_mut().find(fits).ok_or_else(invalid)?;
        let asked = sign_in.asked.replace(now);
        if sign_in.state == SignInState::Used {
            return Err(invalid());
        }
        if sign_in.expiration <= now {
            return Err(refusal("ExpiredTokenException", "Device code has expired"));
        }
        if asked.is_some_and(|asked| now < asked + sign_in.interval) {
            sign_in.interval += SLOWER;
            return Err(refusal("SlowDownException", "Slow down"));
        }
        match sign_in.state {
            SignInState::Approved { at } => {
                sign_in.state = SignInState::Used;
                Ok(at)
            }
            SignInState::Denied => Err(refusal("AccessDeniedException", "The sign-in was refused.")),
            SignInState::Pending | SignInState::Used => {
                Err(refusal("AuthorizationPendingException", "The sign-in is not approved yet."))
            }
        }
    }

    fn add_refresh_token(&mut self, client_id: String, expiration: SystemTime) -> Result<String, ServiceError> {
        let token = random::session_token()?;
        self.refresh_tokens.push(RefreshToken { token: SecretText::from(token.as_str()), client_id, expiration });
        Ok(token)
    }

    fn add_access_token(&mut self, refresh_token: Option<String>, has_account_access: bool, now: SystemTime) -> Reply {
        let token = random::session_token()?;
        let lifetime = self.settings.access_token_lifetime;
        let mut answer = serde_json::json!({
            "accessToken": token,
            "tokenType": "Bearer",
            "expiresIn": lifetime.as_secs(),
        });
        if let Some(refresh_token) = refresh_token {
            answer["refreshToken"] = refresh_token.into();
        }
        let expiration = now + lifetime;
        self.access_tokens.push(AccessToken { token: SecretText::from(token), expiration, has_account_access });
        Ok(answer)
    }
}
