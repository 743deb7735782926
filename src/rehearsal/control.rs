//! What is steered from outside: the clock's offset, faults, and the list of what was asked; routes in [`super`].

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use serde::{Serialize, Serializer};

use super::Shared;
use crate::{
    http_server::{HttpRequest, HttpResponse},
    rfc3339,
};

const MAX_REQUESTS: usize = 10_000;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Such as `EnableMFADevice`; none: any action.
    pub action: Option<String>,
    /// What happens.
    pub kind: FaultKind,
    /// How many times; none: until cleared.
    pub times: Option<u32>,
}

/// How something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The answer is late.
    Latency(Duration),
    /// The request is acted on, and the connection closed without an answer.
    LostAnswer,
    /// The connection is closed, and nothing was done.
    ClosedBeforeActing,
    /// `Throttling`, and nothing was done.
    Throttling,
    /// HTTP 500 `InternalFailure`, and nothing was done.
    ServerError,
    /// The request is acted on, and half of the answer's body arrives.
    TruncatedBody,
}

/// One request as it was answered. Never a secret, nor a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggedRequest {
    /// Such as `GetSessionToken`, `CreateToken` or `getSigninToken`; empty if there was none.
    pub action: String,
    /// By the stand-in's clock.
    #[serde(serialize_with = "as_rfc3339")]
    pub time: SystemTime,
    /// The user's or role session's name, or whom a token is about, if signature or token were right.
    pub user: Option<String>,
    /// As the request says.
    pub access_key_id: Option<String>,
    /// The role that was asked for: its ARN, or the name of a permission set.
    pub role: Option<String>,
    /// The device that was named.
    pub serial_number: Option<String>,
    /// Whether there was a code.
    pub with_code: bool,
    /// As asked for.
    pub duration_seconds: Option<u64>,
    /// The HTTP status; of an answer that was lost, the one it had.
    pub status: u16,
    /// Such as `AccessDenied`.
    pub error_code: Option<String>,
}

impl LoggedRequest {
    /// A request about which nothing more is known yet.
    pub(super) fn new(action: &str, time: SystemTime) -> Self {
        LoggedRequest {
            action: action.to_owned(),
            time,
            user: None,
            access_key_id: None,
            role: None,
            serial_number: None,
            with_code: false,
            duration_seconds: None,
            status: 0,
            error_code: None,
        }
    }
}

fn as_rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339::format(*time))
}

#[derive(Default)]
pub(super) struct Control {
    pub(super) clock_offset_seconds: i64,
    pub(super) faults: Vec<Fault>,
    requests: VecDeque<LoggedRequest>,
}

impl Control {
    /// The fault that happens to a request now, counted down.
    pub(super) fn take_fault(&mut self, action: &str) -> Option<FaultKind> {
        let fits = |fault: &Fault| fault.action.as_deref().is_none_or(|only| only == action);
        let index = self.faults.iter().position(fits)?;
        let fault = &mut self.faults[index];
        let kind = fault.kind;
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.faults.remove(index);
            }
        }
        Some(kind)
    }

    pub(super) fn log(&mut self, request: LoggedRequest) {
        if self.requests.len() == MAX_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    pub(super) fn requests(&self) -> Vec<LoggedRequest> {
        self.requests.iter().cloned().collect()
    }
}

/// Answers `/_rehearsal/…`.
pub(super) fn answer(shared: &Shared, request: &HttpRequest) -> HttpResponse {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/_rehearsal/requests") => json(200, &shared.control().requests()),
        ("GET", "/_rehearsal/state") => json(200, &shared.world().state()),
        ("POST", "/_rehearsal/clock") => {
            match parameter(request, "offset_seconds").and_then(|text| text.parse().ok()) {
                Some(seconds) => {
                    shared.control().clock_offset_seconds = seconds;
                    json(200, &serde_json::json!({ "offset_seconds": seconds }))
                }
                None => bad_request("offset_seconds is a whole number"),
            }
        }
        ("POST", "/_rehearsal/fault") => match read_fault(request) {
            Ok(fault) => {
                shared.control().faults.push(fault);
                json(200, &serde_json::json!({}))
            }
            Err(reason) => bad_request(reason),
        },
        ("POST", "/_rehearsal/sign-in") => {
            let approved = match parameter(request, "answer").as_deref() {
                Some("approve") => true,
                Some("deny") => false,
                _ => return bad_request("answer is approve or deny"),
            };
            let (user_code, now) = (parameter(request, "user_code").unwrap_or_default(), shared.now());
            match shared.world().identity_center.answer_sign_in(&user_code, approved, now) {
                true => json(200, &serde_json::json!({})),
                false => {
                    json(404, &serde_json::json!({ "error": "no sign-in with this user_code waits for an answer" }))
                }
            }
        }
        ("POST", "/_rehearsal/clear-faults") => {
            shared.control().faults.clear();
            json(200, &serde_json::json!({}))
        }
        _ => json(404, &serde_json::json!({ "error": "no such route" })),
    }
}

fn read_fault(request: &HttpRequest) -> Result<Fault, &'static str> {
    let number = |name| parameter(request, name).map(|text| text.parse::<u32>()).transpose();
    let times = number("times").map_err(|_| "times is a whole number")?;
    if times == Some(0) {
        return Err("times is at least 1");
    }
    let kind = match parameter(request, "kind").as_deref() {
        Some("latency") => match number("milliseconds") {
            Ok(Some(milliseconds)) => FaultKind::Latency(Duration::from_millis(milliseconds.into())),
            _ => return Err("latency needs milliseconds, a whole number"),
        },
        Some("lost-answer") => FaultKind::LostAnswer,
        Some("closed-before-acting") => FaultKind::ClosedBeforeActing,
        Some("throttling") => FaultKind::Throttling,
        Some("server-error") => FaultKind::ServerError,
        Some("truncated-body") => FaultKind::TruncatedBody,
        _ => return Err("no such kind"),
    };
    Ok(Fault { action: parameter(request, "action"), kind, times })
}

fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    request.query_parameters().into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

pub(super) fn json(status: u16, value: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(value) {
        Ok(body) => HttpResponse::new(status, "application/json", body),
        Err(_) => HttpResponse::empty(500),
    }
}

fn bad_request(reason: &str) -> HttpResponse {
    json(400, &serde_json::json!({ "error": reason }))
}
