//! The console's federation endpoint: credentials in, a sign-in token out (IAM User Guide, "Enable custom identity broker
//! access to the AWS console"). The address holds the credentials, and is shown to nobody.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    AwsError,
    answer::{Answer, is_secret},
    endpoints::ConsoleEndpoints,
    sigv4,
    sso::to_json,
    transport::{Authorization, Content, Repeat, Request},
};
use crate::{credentials::SessionCredentials, secret::SecretText};

pub(super) const GET_SIGNIN_TOKEN: &str = "getSigninToken";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    session_id: &'a str,
    session_key: &'a str,
    session_token: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SigninToken {
    signin_token: Zeroizing<String>,
}

/// Asks for a sign-in token; `duration` is the console session's.
pub(super) fn get_signin_token<'a>(
    console: &'a ConsoleEndpoints,
    credentials: &'a SessionCredentials,
    duration: Option<Duration>,
) -> Request<'a> {
    let session = to_json(&Session {
        session_id: credentials.access_key_id.as_str(),
        session_key: credentials.secret_access_key.expose(),
        session_token: credentials.session_token.expose(),
    });
    let session = Zeroizing::new(sigv4::percent_encode(&String::from_utf8_lossy(&session)));
    let duration = duration.map(|duration| format!("&SessionDuration={}", duration.as_secs())).unwrap_or_default();
    let mut query = Zeroizing::new(String::with_capacity(session.len() + 100));
    for part in ["/federation?Action=", GET_SIGNIN_TOKEN, &duration, "&Session=", &session] {
        query.push_str(part);
    }
    Request {
        operation: GET_SIGNIN_TOKEN,
        url: &console.signin_url,
        ca_bundle: console.ca_bundle.as_deref(),
        content: Content::Query(query),
        authorization: Authorization::None,
        secrets: vec![&credentials.secret_access_key, &credentials.session_token],
        repeat: Repeat::Harmless,
    }
}

/// Reads the sign-in token.
///
/// # Errors
/// If there is none, then `UnusableAnswer`.
pub(super) fn signin_token(answer: &Answer) -> Result<SecretText, AwsError> {
    let SigninToken { signin_token } = answer.json()?;
    match is_secret(&signin_token) {
        true => Ok(SecretText::from(signin_token.as_str())),
        false => Err(answer.unusable("SigninToken is not a token")),
    }
}
