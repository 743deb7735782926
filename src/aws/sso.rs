//! IAM Identity Center: SSO OIDC's RegisterClient, StartDeviceAuthorization and CreateToken, and SSO's GetRoleCredentials
//! (API References of both, version 2019-06-10). JSON, not signed: requests out, checked values in.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    AwsError, DeviceAuthorization, Grant, RegisteredClient, SsoToken,
    answer::{Answer, GivenCredentials, is_secret, is_visible},
    endpoints::{SsoEndpoints, is_web_address},
    sigv4,
    transport::{Authorization, Content, Repeat, Request},
};
use crate::{credentials::SessionCredentials, secret::SecretText};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const REFRESH_TOKEN: &str = "refresh_token";
/// More than requests have; a buffer that grew would leave copies of the secrets behind.
const JSON_ROOM: usize = 64 * 1024;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// AWS's registrations last 90 days; what goes on for ten years is no time.
const LONGEST_REGISTRATION: Duration = Duration::from_secs(3653 * 24 * 3600);
/// AWS's portal sessions last 90 days at most.
const LONGEST_TOKEN: Duration = Duration::from_secs(91 * 24 * 3600);
/// What RFC 8628, section 3.2, takes if nothing is said.
const USUAL_INTERVAL_SECONDS: u64 = 5;
const LONGEST_INTERVAL_SECONDS: u64 = 300;
const LONGEST_USER_CODE: usize = 64;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegisterClient<'a> {
    client_name: &'a str,
    client_type: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes: &'a [String],
    grant_types: [&'static str; 2],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartDeviceAuthorization<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    start_url: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateToken<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    grant_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Client {
    client_id: String,
    client_secret: Zeroizing<String>,
    client_secret_expires_at: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Device {
    device_code: Zeroizing<String>,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    access_token: Zeroizing<String>,
    token_type: Option<String>,
    expires_in: u64,
    refresh_token: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleAnswer {
    role_credentials: RoleCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleCredentials {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Zeroizing<String>,
    expiration: u64,
}

pub(super) fn register_client<'a>(sso: &'a SsoEndpoints, name: &str, scopes: &[String]) -> Request<'a> {
    let grant_types = [DEVICE_CODE, REFRESH_TOKEN];
    let body = RegisterClient { client_name: name, client_type: "public", scopes, grant_types };
    oidc(sso, "RegisterClient", "/client/register", &body)
}

pub(super) fn start_device_authorization<'a>(
    sso: &'a SsoEndpoints,
    client: &'a RegisteredClient,
    start_url: &str,
) -> Request<'a> {
    let RegisteredClient { client_id, client_secret, .. } = client;
    let body = StartDeviceAuthorization { client_id, client_secret: client_secret.expose(), start_url };
    let request = oidc(sso, "StartDeviceAuthorization", "/device_authorization", &body);
    Request { secrets: vec![client_secret], ..request }
}

/// A grant is good once: whether AWS took it is not known after a lost answer.
pub(super) fn create_token<'a>(sso: &'a SsoEndpoints, client: &'a RegisteredClient, grant: Grant<'a>) -> Request<'a> {
    let RegisteredClient { client_id, client_secret, .. } = client;
    let (secret, grant_type) = match grant {
        Grant::DeviceCode(code) => (code, DEVICE_CODE),
        Grant::RefreshToken(token) => (token, REFRESH_TOKEN),
    };
    let given = |wanted| (grant_type == wanted).then_some(secret.expose().as_str());
    let body = CreateToken {
        client_id,
        client_secret: client_secret.expose(),
        grant_type,
        device_code: given(DEVICE_CODE),
        refresh_token: given(REFRESH_TOKEN),
    };
    let request = oidc(sso, "CreateToken", "/token", &body);
    Request { secrets: vec![client_secret, secret], repeat: Repeat::ChangesTheOutcome, ..request }
}

pub(super) fn get_role_credentials<'a>(
    sso: &'a SsoEndpoints,
    access_token: &'a SecretText,
    account_id: &str,
    role_name: &str,
) -> Request<'a> {
    let (role_name, account_id) = (sigv4::percent_encode(role_name), sigv4::percent_encode(account_id));
    let query = format!("/federation/credentials?role_name={role_name}&account_id={account_id}");
    Request {
        operation: "GetRoleCredentials",
        url: &sso.portal_url,
        ca_bundle: sso.ca_bundle.as_deref(),
        content: Content::Query(Zeroizing::new(query)),
        authorization: Authorization::BearerToken(access_token),
        secrets: Vec::new(),
        repeat: Repeat::Harmless,
    }
}

fn oidc<'a>(sso: &'a SsoEndpoints, operation: &'static str, path: &'static str, body: &impl Serialize) -> Request<'a> {
    Request {
        operation,
        url: &sso.oidc_url,
        ca_bundle: sso.ca_bundle.as_deref(),
        content: Content::Json(path, to_json(body)),
        authorization: Authorization::None,
        secrets: Vec::new(),
        repeat: Repeat::Harmless,
    }
}

pub(super) fn to_json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut json = Zeroizing::new(Vec::with_capacity(JSON_ROOM));
    serde_json::to_writer(&mut *json, value)
        .expect("invariant: texts and lists of texts are JSON, and memory takes all");
    json
}

impl Answer {
    /// Reads an answer in JSON.
    ///
    /// # Errors
    /// If it is none, or not of this shape, then `UnusableAnswer`.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, AwsError> {
        // The parser's own words are dropped: they quote the answer.
        serde_json::from_slice(self.body.expose()).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => self.unusable("a field is missing or is not what it must be"),
            _ => self.unusable("it is not the JSON of an AWS service"),
        })
    }

    /// Reads RegisterClient's answer; `aws_now` is the time by AWS's clock, here and below.
    ///
    /// # Errors
    /// If something is missing or malformed, or is over already, then `UnusableAnswer`; the same for all below.
    pub(super) fn registered_client(&self, aws_now: SystemTime) -> Result<RegisteredClient, AwsError> {
        let client: Client = self.json()?;
        if !is_secret(&client.client_id) || !is_secret(&client.client_secret) {
            return Err(self.unusable("clientId or clientSecret has characters that cannot be sent back"));
        }
        let expiration = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(client.client_secret_expires_at))
            .filter(|end| end.duration_since(aws_now).is_ok_and(|left| !left.is_zero() && left < LONGEST_REGISTRATION))
            .ok_or_else(|| self.unusable("clientSecretExpiresAt is over already, or too far away"))?;
        let client_secret = SecretText::from(client.client_secret.as_str());
        Ok(RegisteredClient { client_id: client.client_id, client_secret, expiration })
    }

    /// Reads StartDeviceAuthorization's answer. What a person is to see, and a browser to open, can be shown and opened.
    pub(super) fn device_authorization(&self) -> Result<DeviceAuthorization, AwsError> {
        let device: Device = self.json()?;
        if !is_secret(&device.device_code) {
            return Err(self.unusable("deviceCode has characters that cannot be sent back"));
        }
        if !is_visible(&device.user_code) || device.user_code.len() > LONGEST_USER_CODE {
            return Err(self.unusable("userCode is not a code that can be shown"));
        }
        let verification_uri_complete = device.verification_uri_complete.unwrap_or(device.verification_uri.clone());
        if !is_web_address(&device.verification_uri) || !is_web_address(&verification_uri_complete) {
            return Err(self.unusable("verificationUri is not an address of the web with https"));
        }
        let interval = device.interval.unwrap_or(USUAL_INTERVAL_SECONDS).max(1);
        if interval > LONGEST_INTERVAL_SECONDS {
            return Err(self.unusable("interval is too long"));
        }
        Ok(DeviceAuthorization {
            device_code: SecretText::from(device.device_code.as_str()),
            user_code: device.user_code,
            verification_uri: device.verification_uri,
            verification_uri_complete,
            expires_in: self.lifetime(device.expires_in, DAY)?,
            interval: Duration::from_secs(interval),
        })
    }

    /// Reads CreateToken's answer.
    pub(super) fn sso_token(&self, aws_now: SystemTime) -> Result<SsoToken, AwsError> {
        let token: Token = self.json()?;
        if token.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(self.unusable("tokenType is not Bearer"));
        }
        let refresh_token = token.refresh_token.filter(|token| !token.is_empty());
        if !is_secret(&token.access_token) || refresh_token.as_ref().is_some_and(|token| !is_secret(token)) {
            return Err(self.unusable("a token has characters that cannot be sent back"));
        }
        Ok(SsoToken {
            access_token: SecretText::from(token.access_token.as_str()),
            expiration: aws_now + self.lifetime(token.expires_in, LONGEST_TOKEN)?,
            refresh_token: refresh_token.map(|token| SecretText::from(token.as_str())),
        })
    }

    /// Reads GetRoleCredentials' answer.
    pub(super) fn role_credentials(&self, aws_now: SystemTime) -> Result<SessionCredentials, AwsError> {
        let RoleAnswer { role_credentials: role } = self.json()?;
        let given = GivenCredentials {
            access_key_id: &role.access_key_id,
            secret_access_key: &role.secret_access_key,
            session_token: &role.session_token,
            expiration: SystemTime::UNIX_EPOCH
                .checked_add(Duration::from_millis(role.expiration))
                .ok_or_else(|| self.unusable("expiration is not a time"))?,
        };
        given.checked(aws_now).map_err(|reason| self.unusable(reason))
    }

    fn lifetime(&self, seconds: u64, longest: Duration) -> Result<Duration, AwsError> {
        let lifetime = Duration::from_secs(seconds);
        match seconds {
            1.. if lifetime <= longest => Ok(lifetime),
            _ => Err(self.unusable("expiresIn is over already, or too long")),
        }
    }
}
