//! Sending one request to AWS: signature, patience, and the difference of the two clocks.
//!
//! What may be sent a second time is decided here and nowhere else: an authentication code is good for one check,
//! so a request that carries one goes out again only if it certainly was not looked at.

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use ring::rand::{SecureRandom, SystemRandom};
use ureq::{
    Agent, Body, Timeout,
    http::{self, HeaderValue},
};
use zeroize::Zeroizing;

use super::{
    AwsError, ClockOffset, Signer,
    answer::Answer,
    connection::{self, ConnectionSettings},
    refusal::clean,
    server_time::{offset_between, parse_http_date},
    sigv4::{self, Scope, SignedParts},
};
use crate::{
    credentials::AccessKeyId,
    secret::{SecretBytes, SecretText},
};

const FORM_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";
const JSON_TYPE: &str = "application/json";
const BEARER_TOKEN: &str = "x-amz-sso_bearer_token";
/// After this time no further try begins.
const PATIENCE: Duration = Duration::from_secs(15);
const MOST_TRIES: u32 = 3;
/// The first wait is up to this long, each further one up to twice the one before.
const FIRST_WAIT: Duration = Duration::from_millis(400);
const LARGEST_BODY: u64 = 1024 * 1024;
/// AWS documents five minutes for signatures.
const LARGEST_OFFSET_SECONDS: u64 = 300;

/// The time of day and waiting, handed in.
pub struct TimeSource {
    /// The time now, by this machine.
    pub now: Box<dyn Fn() -> SystemTime + Send + Sync>,
    /// Returns when the time has passed.
    pub wait: Box<dyn Fn(Duration) + Send + Sync>,
}

/// What a second sending of the same request would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Nothing: the request only asks.
    Harmless,
    /// Something else, if the first one was obeyed.
    ChangesTheOutcome,
    /// Spend a code for nothing, or look like an attack.
    SpendsCodes,
}

/// What a request says. No `Debug`: it holds secrets.
pub(super) enum Content {
    /// A form, posted to `/`.
    Form(Zeroizing<String>),
    /// JSON, posted to the path.
    Json(&'static str, Zeroizing<Vec<u8>>),
    /// All of it in path and query.
    Query(Zeroizing<String>),
}

/// Who a request is from.
#[derive(Clone, Copy)]
pub(super) enum Authorization<'a> {
    /// Whose signature it has, and what that is valid for.
    Signature { signer: Signer<'a>, service: &'static str, region: &'a str },
    /// A token of IAM Identity Center.
    BearerToken(&'a SecretText),
    /// Nobody, or whoever the content says.
    None,
}

/// One operation, ready to be sent but for the time.
pub(super) struct Request<'a> {
    /// The API operation.
    pub(super) operation: &'static str,
    /// The endpoint, without path.
    pub(super) url: &'a str,
    /// The only roots of trust, in PEM, if the user set any.
    pub(super) ca_bundle: Option<&'a Path>,
    /// What is asked.
    pub(super) content: Content,
    /// Who asks.
    pub(super) authorization: Authorization<'a>,
    /// What is secret in the content, and might be quoted by AWS.
    pub(super) secrets: Vec<&'a SecretText>,
    /// Whether it may be sent again.
    pub(super) repeat: Repeat,
}

impl Request<'_> {
    /// All that must not stand in an error, wherever its words come from.
    fn all_secrets(&self) -> Vec<&str> {
        let of_sender = match self.authorization {
            Authorization::Signature { signer, .. } => Keys::of(signer).token,
            Authorization::BearerToken(token) => Some(token),
            Authorization::None => None,
        };
        self.secrets.iter().copied().chain(of_sender).map(|secret| secret.expose().as_str()).collect()
    }

    fn is_signed(&self) -> bool {
        matches!(self.authorization, Authorization::Signature { .. })
    }
}

/// Why a try gave no usable answer, by what that means for the next try.
enum Setback {
    /// Nothing was sent; the next try may find a way.
    NotConnected(AwsError),
    /// It was sent, and no whole answer came.
    Lost(AwsError),
    /// AWS turned it away before looking at it.
    Throttled(AwsError),
    /// AWS failed, perhaps after doing it.
    ServerFault(AwsError),
    /// AWS refused the time of the signature before looking at the request; now the offset is known.
    SignedAtTheWrongTime(AwsError),
    /// Another try would end the same.
    Final(AwsError),
}

/// The one way to AWS. Building it costs nothing: connection and TLS are made for the first request.
pub(super) struct Transport {
    settings: ConnectionSettings,
    time: TimeSource,
    agent: Mutex<Option<(Option<PathBuf>, Agent)>>,
    offset: Mutex<Option<ClockOffset>>,
}

impl Transport {
    pub(super) fn new(settings: ConnectionSettings, time: TimeSource) -> Self {
        Transport { settings, time, agent: Mutex::new(None), offset: Mutex::new(None) }
    }

    pub(super) fn clock_offset(&self) -> Option<ClockOffset> {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time now by AWS's clock, as far as it is known.
    pub(super) fn aws_now(&self) -> SystemTime {
        self.clock_offset().unwrap_or_default().apply((self.time.now)())
    }

    /// Sends a request, again if that is safe and may help, and gives a successful answer back.
    ///
    /// # Errors
    /// As [`AwsError`] says.
    pub(super) fn call(&self, request: &Request<'_>) -> Result<Answer, AwsError> {
        let started = Instant::now();
        let mut signed_anew = false;
        let mut tries = 1;
        loop {
            let setback = match self.try_once(request) {
                Ok(answer) => return Ok(answer),
                Err(setback) => setback,
            };
            let (error, again) = match setback {
                Setback::SignedAtTheWrongTime(error) if signed_anew => (error, false),
                Setback::SignedAtTheWrongTime(_) => {
                    signed_anew = true;
                    continue;
                }
                Setback::NotConnected(error) => (error, true),
                Setback::Throttled(error) => (error, request.repeat != Repeat::SpendsCodes),
                Setback::ServerFault(error) | Setback::Lost(error) => (error, request.repeat == Repeat::Harmless),
                Setback::Final(error) => (error, false),
            };
            if !again || tries == MOST_TRIES || started.elapsed() > PATIENCE {
                return Err(error);
            }
            (self.time.wait)(jitter(FIRST_WAIT * 2_u32.pow(tries - 1)));
            tries += 1;
        }
    }

    fn try_once(&self, request: &Request<'_>) -> Result<Answer, Setback> {
        let agent = self.agent(request.ca_bundle).map_err(Setback::Final)?;
        let signed_with = self.clock_offset().unwrap_or_default();
        let sent = (self.time.now)();
        let (answer, date) = send(&agent, request, signed_with.apply(sent))?;
        let measured = date.map(|date| offset_between(date, sent, (self.time.now)()));
        if let Some(measured) = measured {
            *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = Some(measured);
        }
        let offset = measured.unwrap_or_default().seconds;
        log::debug!("{}: HTTP {}, AWS's clock is {offset} s ahead", request.operation, answer.status);
        self.judge(request, answer, signed_with, measured)
    }

    fn judge(
        &self,
        request: &Request<'_>,
        answer: Answer,
        signed_with: ClockOffset,
        measured: Option<ClockOffset>,
    ) -> Result<Answer, Setback> {
        let refusal = answer.refusal(&request.all_secrets());
        let too_far = measured.filter(|offset| offset.seconds.unsigned_abs() > LARGEST_OFFSET_SECONDS);
        let Some(refusal) = refusal else {
            return match too_far {
                // What is given once only, or was paid for with a code, is not thrown away.
                Some(offset) if request.repeat == Repeat::Harmless => {
                    Err(Setback::Final(AwsError::ClockSkew { offset }))
                }
                _ => Ok(answer),
            };
        };
        // What nobody signed was not refused for our clock.
        if let Some(offset) = too_far.filter(|_| request.is_signed()) {
            return Err(Setback::Final(AwsError::ClockSkew { offset }));
        }
        if refusal.about_time {
            return Err(match measured.filter(|offset| *offset != ClockOffset::default()) {
                Some(offset) if offset != signed_with => Setback::SignedAtTheWrongTime(AwsError::ClockSkew { offset }),
                Some(offset) => Setback::Final(AwsError::ClockSkew { offset }),
                None => Setback::Final(refusal.error),
            });
        }
        Err(match refusal.error {
            error @ AwsError::Throttled { .. } => Setback::Throttled(error),
            error if answer.status >= 500 || refusal.transient => Setback::ServerFault(error),
            error => Setback::Final(error),
        })
    }

    /// The client with these roots of trust; the last one is kept.
    fn agent(&self, ca_bundle: Option<&Path>) -> Result<Agent, AwsError> {
        let mut kept = self.agent.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((roots, agent)) if roots.as_deref() == ca_bundle => Ok(agent.clone()),
            _ => {
                let agent = connection::agent(&self.settings, ca_bundle)?;
                *kept = Some((ca_bundle.map(Path::to_owned), agent.clone()));
                Ok(agent)
            }
        }
    }
}

/// What a signer signs with.
struct Keys<'a> {
    access_key_id: &'a AccessKeyId,
    secret_access_key: &'a SecretText,
    token: Option<&'a SecretText>,
}

impl<'a> Keys<'a> {
    fn of(signer: Signer<'a>) -> Self {
        match signer {
            Signer::LongTerm(credentials) => Keys {
                access_key_id: &credentials.access_key_id,
                secret_access_key: &credentials.secret_access_key,
                token: None,
            },
            Signer::Session(credentials) => Keys {
                access_key_id: &credentials.access_key_id,
                secret_access_key: &credentials.secret_access_key,
                token: Some(&credentials.session_token),
            },
        }
    }
}

/// Signs, sends and reads one answer, with AWS's time if it was told.
fn send(
    agent: &Agent,
    request: &Request<'_>,
    signing_time: SystemTime,
) -> Result<(Answer, Option<SystemTime>), Setback> {
    let operation = request.operation;
    let host = request.url.split_once("://").map_or(request.url, |(_, host)| host);
    let unreachable = |reason: String, sent: bool| AwsError::Unreachable {
        operation,
        endpoint: host.to_owned(),
        // It may quote names out of a stranger's certificate.
        reason: clean(&reason, &request.all_secrets()),
        sent,
    };

    let (path, body): (&str, Option<&[u8]>) = match &request.content {
        Content::Form(form) => ("/", Some(form.as_bytes())),
        Content::Json(path, json) => (path, Some(json)),
        Content::Query(path_and_query) => (path_and_query, None),
    };
    let url = Zeroizing::new(format!("{}{path}", request.url));
    let mut message = match body {
        Some(_) => http::Request::post(url.as_str()),
        None => http::Request::get(url.as_str()),
    };
    for (name, value) in headers(request, host, signing_time) {
        let mut header = HeaderValue::from_str(&value).map_err(|_| {
            Setback::Final(unreachable(format!("the value of the header {name} cannot be sent"), false))
        })?;
        header.set_sensitive(matches!(name, "authorization" | "x-amz-security-token" | BEARER_TOKEN));
        message = message.header(name, header);
    }
    let unsendable = |_| Setback::Final(unreachable("the request cannot be sent".to_owned(), false));
    let sent = match body {
        Some(body) => agent.run(message.body(body).map_err(unsendable)?),
        None => agent.run(message.body(()).map_err(unsendable)?),
    };
    let mut response = sent.map_err(|error| setback(error, &unreachable))?;

    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let date = header("date").as_deref().and_then(parse_http_date);
    let (request_id, error_type) = (header("x-amzn-requestid"), header("x-amzn-errortype"));
    let status = response.status().as_u16();
    let body = read_body(response.body_mut()).map_err(|error| match error {
        Some(error) => Setback::Lost(unreachable(error.to_string(), true)),
        None => {
            let reason = "it is larger than 1 MiB".to_owned();
            Setback::Final(AwsError::UnusableAnswer { operation, reason })
        }
    })?;
    Ok((Answer { operation, status, request_id, error_type, body }, date))
}

/// All headers of a request that are ours to choose.
fn headers(request: &Request<'_>, host: &str, signing_time: SystemTime) -> Vec<(&'static str, Zeroizing<String>)> {
    let plain = |name, value: &str| vec![(name, Zeroizing::new(value.to_owned()))];
    let mut headers = match (&request.content, request.authorization) {
        (Content::Form(form), Authorization::Signature { signer, service, region }) => {
            return signed_headers(Keys::of(signer), (service, region), host, signing_time, form);
        }
        (Content::Form(_), _) => plain("content-type", FORM_TYPE),
        (Content::Json(..), _) => plain("content-type", JSON_TYPE),
        (Content::Query(_), _) => Vec::new(),
    };
    if let Authorization::BearerToken(token) = request.authorization {
        headers.extend(plain(BEARER_TOKEN, token.expose()));
    }
    headers
}

/// The headers of a signed form, the signature last.
fn signed_headers(
    keys: Keys<'_>,
    (service, region): (&str, &str),
    host: &str,
    signing_time: SystemTime,
    body: &str,
) -> Vec<(&'static str, Zeroizing<String>)> {
    let amz_date = sigv4::amz_date(signing_time);
    let mut headers = vec![("content-type", FORM_TYPE), ("host", host), ("x-amz-date", amz_date.as_str())];
    headers.extend(keys.token.map(|token| ("x-amz-security-token", token.expose().as_str())));
    let scope = Scope { amz_date: &amz_date, region, service };
    let parts = SignedParts { method: "POST", path: "/", query: &[], headers: &headers, body: body.as_bytes() };
    let authorization = sigv4::authorization(keys.access_key_id, keys.secret_access_key, scope, parts);
    headers.push(("authorization", &authorization));
    headers.into_iter().map(|(name, value)| (name, Zeroizing::new(value.to_owned()))).collect()
}

/// The whole body.
///
/// # Errors
/// If it is larger than any answer, then nothing; if it ends early, then what the network said.
fn read_body(body: &mut Body) -> Result<SecretBytes, Option<std::io::Error>> {
    let announced = body.content_length();
    if announced.is_some_and(|length| length > LARGEST_BODY) {
        return Err(None);
    }
    // Room for all of it: a buffer that is outgrown stays behind with the secrets in it.
    let mut content = Zeroizing::new(Vec::with_capacity(announced.unwrap_or(64 * 1024) as usize + 1));
    body.as_reader().take(LARGEST_BODY + 1).read_to_end(&mut content).map_err(Some)?;
    if content.len() as u64 > LARGEST_BODY {
        return Err(None);
    }
    Ok(SecretBytes::from(std::mem::take(&mut *content)))
}

/// Sorts what the HTTP library reports: whether the request can have been sent, and whether trying again may help.
fn setback(error: ureq::Error, unreachable: &dyn Fn(String, bool) -> AwsError) -> Setback {
    use std::io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable};
    let reason = match &error {
        ureq::Error::Io(inner) => inner.to_string(),
        ureq::Error::HostNotFound => "the host's name is not known".to_owned(),
        ureq::Error::Timeout(_) => "it took too long".to_owned(),
        // It quotes all of the address, and the query may hold secrets.
        ureq::Error::BadUri(_) => "the address is not one".to_owned(),
        other => other.to_string(),
    };
    let answer = |sent| unreachable(reason, sent);
    match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)
        | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => Setback::NotConnected(answer(false)),
        ureq::Error::Io(inner) => match inner.kind() {
            ConnectionRefused | HostUnreachable | NetworkUnreachable | NetworkDown | AddrNotAvailable => {
                Setback::NotConnected(answer(false))
            }
            _ if inner.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => Setback::Final(answer(false)),
            _ => Setback::Lost(answer(true)),
        },
        // Whatever else it was, the request may have gone out before.
        ureq::Error::Timeout(_) | ureq::Error::Protocol(_) => Setback::Lost(answer(true)),
        _ => Setback::Final(answer(false)),
    }
}

/// A random part of the longest wait, so that many who were throttled at once do not return at once.
fn jitter(longest: Duration) -> Duration {
    let mut byte = [128];
    // Without randomness the wait is half as long as the longest; nothing else hangs on it.
    let _ = SystemRandom::new().fill(&mut byte);
    longest * u32::from(byte[0]) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_random_and_never_longer_than_its_bound() {
        let longest = Duration::from_millis(400);
        let waits: Vec<Duration> = (0..50).map(|_| jitter(longest)).collect();
        assert!(waits.iter().all(|wait| *wait <= longest));
        assert!(waits.iter().any(|wait| *wait != waits[0]));
    }
}
