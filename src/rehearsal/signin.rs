//! The console's federation endpoint: a sign-in token for session credentials, and the sign-in with it (IAM User
//! Guide, "Enabling custom identity broker access to the AWS console"). Nobody is sent on to the real console.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::{
    LoggedRequest, Shared,
    answer::stamped,
    control,
    error::ServiceError,
    exchange::exchange,
    random,
    world::{Identity, World},
    xml,
};
use crate::{
    http_server::{HttpRequest, HttpResponse},
    secret::SecretText,
};

const TOKEN_LIFETIME: Duration = Duration::from_secs(15 * 60);
const MIN_SECONDS: u64 = 900;
const MAX_SECONDS: u64 = 43_200;

/// The tokens given out, and for whom.
#[derive(Default)]
pub(super) struct SigninTokens(Vec<SigninToken>);

struct SigninToken {
    token: SecretText,
    expiration: SystemTime,
    identity: Identity,
}

/// The `Session` parameter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionParameter {
    session_id: String,
    session_key: String,
    session_token: String,
}

/// What there is to show.
enum Page {
    Json(serde_json::Value),
    Html(String),
}

/// Answers a request to `/federation`.
pub(super) fn answer(shared: &Shared, request: &HttpRequest) -> HttpResponse {
    let now = shared.now();
    let mut parameters = request.query_parameters();
    parameters.extend(request.body_parameters());
    let get = |name: &str| parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    let action = get("Action").unwrap_or_default();
    let session: Option<SessionParameter> = get("Session").and_then(|text| serde_json::from_str(text).ok());
    let duration = get("SessionDuration");
    let entry = LoggedRequest {
        access_key_id: session.as_ref().map(|session| session.session_id.clone()),
        duration_seconds: duration.and_then(|text| text.parse().ok()),
        ..LoggedRequest::new(action, now)
    };
    let act = |entry: &mut LoggedRequest| {
        let mut world = shared.world();
        match action {
            "getSigninToken" => {
                let session = session.as_ref().ok_or_else(|| refused("The Session is not the JSON of credentials."))?;
                let identity = identify(&world, session, duration, now)?;
                entry.user = Some(identity.to_string());
                world.signin_tokens.add(identity, now).map(Page::Json)
            }
            "login" => {
                let identity = world.signin_tokens.identity(get("SigninToken").unwrap_or_default(), now)?;
                entry.user = Some(identity.to_string());
                log_in(&world, &identity, get("Destination").unwrap_or_default())
            }
            _ => Err(refused("The Action is getSigninToken or login.")),
        }
    };
    exchange(shared, entry, act, |outcome| write(outcome, now))
}

fn refused(message: &str) -> ServiceError {
    ServiceError::new(400, "BadRequest", message)
}

/// Whose credentials these are, if they may sign in, for as long as is asked for.
fn identify(
    world: &World,
    asked: &SessionParameter,
    duration: Option<&str>,
    now: SystemTime,
) -> Result<Identity, ServiceError> {
    let (key, token) = (SecretText::from(asked.session_key.as_str()), SecretText::from(asked.session_token.as_str()));
    let session = world
        .sessions
        .get(&asked.session_id)
        .filter(|session| session.secret == key && session.token == token)
        .filter(|session| now < session.expiration)
        .ok_or_else(|| refused("The credentials are no session's, or of one that is over."))?;
    let may_have_duration = match session.identity {
        Identity::Root | Identity::User(_) => {
            return Err(refused("The credentials of GetSessionToken cannot sign in."));
        }
        Identity::FederatedUser(_) => false,
        Identity::AssumedRole { .. } => !session.is_chained,
    };
    let in_bounds = |seconds: u64| (MIN_SECONDS..=MAX_SECONDS).contains(&seconds);
    match duration {
        Some(_) if !may_have_duration => {
            Err(refused("SessionDuration is not for GetFederationToken's credentials, nor for those of chained roles."))
        }
        Some(text) if !text.parse().is_ok_and(in_bounds) => Err(refused("SessionDuration is 900 to 43200 seconds.")),
        _ => Ok(session.identity.clone()),
    }
}

impl SigninTokens {
    fn add(&mut self, identity: Identity, now: SystemTime) -> Result<serde_json::Value, ServiceError> {
        let token = random::session_token()?;
        let answer = serde_json::json!({ "SigninToken": token });
        self.0.push(SigninToken { token: SecretText::from(token), expiration: now + TOKEN_LIFETIME, identity });
        Ok(answer)
    }

    fn identity(&self, token: &str, now: SystemTime) -> Result<Identity, ServiceError> {
        let token = SecretText::from(token);
        let known = self.0.iter().find(|known| known.token == token && now < known.expiration);
        let known = known.ok_or_else(|| refused("The SigninToken is unknown, or older than 15 minutes."))?;
        Ok(known.identity.clone())
    }
}

fn log_in(world: &World, identity: &Identity, destination: &str) -> Result<Page, ServiceError> {
    let host = destination.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let consoles = ["console.aws.amazon.com", "console.amazonaws.cn", "console.amazonaws-us-gov.com"];
    let is_console = |host: &str| {
        consoles
            .iter()
            .any(|console| host.strip_suffix(console).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    };
    if !host.is_some_and(is_console) {
        return Err(refused("The Destination is no page of the console."));
    }
    let arn = world.arn_of(identity);
    Ok(Page::Html(format!("<p>Signed in as {arn}.</p>\n<p>The console would show {}.</p>", xml::escape(destination))))
}

fn write(outcome: Result<Page, ServiceError>, now: SystemTime) -> HttpResponse {
    let html = |status, inner: &str| {
        let body = format!("<!DOCTYPE html><title>Rehearsal</title><h1>Console</h1>{inner}\n");
        HttpResponse::new(status, "text/html; charset=utf-8", body)
    };
    let response = match outcome {
        Ok(Page::Json(value)) => control::json(200, &value),
        Ok(Page::Html(inner)) => html(200, &inner),
        Err(error) => html(error.status, &format!("<p>{}</p>", error.message.unwrap_or_default())),
    };
    stamped(response, random::request_id(), now)
}
