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
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use ureq::{Agent, Body, Timeout, http::HeaderValue};
use zeroize::Zeroizing;

use super::{
    AwsError, Caller, ClockOffset, Signer,
    answer::{Answer, clean},
    connection::{self, ConnectionSettings},
    sigv4::{self, Scope, SignedParts},
};
use crate::{
    credentials::AccessKeyId,
    secret::{SecretBytes, SecretText},
};

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";
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

/// Which of the two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Sts,
    Iam,
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

/// One operation with its parameters.
pub(super) struct Request<'a> {
    /// The API operation.
    pub(super) operation: &'static str,
    /// Whose operation it is.
    pub(super) service: Service,
    /// Names and values, without `Action` and `Version`.
    pub(super) parameters: Vec<(&'static str, &'a str)>,
    /// What a second sending would do.
    pub(super) repeat: Repeat,
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
    pub(super) fn call(&self, caller: Caller<'_>, request: &Request<'_>) -> Result<Answer, AwsError> {
        let started = Instant::now();
        let mut signed_anew = false;
        let mut tries = 1;
        loop {
            let setback = match self.try_once(caller, request) {
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

    fn try_once(&self, caller: Caller<'_>, request: &Request<'_>) -> Result<Answer, Setback> {
        let agent = self.agent(caller.endpoints.ca_bundle.as_deref()).map_err(Setback::Final)?;
        let signed_with = self.clock_offset().unwrap_or_default();
        let sent = (self.time.now)();
        let (answer, date) = send(&agent, caller, request, signed_with.apply(sent))?;
        let measured = date.map(|date| offset_between(date, sent, (self.time.now)()));
        if let Some(measured) = measured {
            *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = Some(measured);
        }
        log::debug!("{}: HTTP {}, clock offset {:?}", request.operation, answer.status, measured);
        self.judge(caller, request, answer, signed_with, measured)
    }

    fn judge(
        &self,
        caller: Caller<'_>,
        request: &Request<'_>,
        answer: Answer,
        signed_with: ClockOffset,
        measured: Option<ClockOffset>,
    ) -> Result<Answer, Setback> {
        let token = Keys::of(caller).token.map(|token| token.expose().as_str());
        let refusal = answer.refusal(token);
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
        if let Some(offset) = too_far {
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
            error if answer.status >= 500 => Setback::ServerFault(error),
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
    fn of(caller: Caller<'a>) -> Self {
        match caller.signer {
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
    caller: Caller<'_>,
    request: &Request<'_>,
    signing_time: SystemTime,
) -> Result<(Answer, Option<SystemTime>), Setback> {
    let operation = request.operation;
    let endpoints = caller.endpoints;
    let (service, version, url, region) = match request.service {
        Service::Sts => ("sts", "2011-06-15", &endpoints.sts_url, &endpoints.sts_signing_region),
        Service::Iam => ("iam", "2010-05-08", &endpoints.iam_url, &endpoints.iam_signing_region),
    };
    let url = url.trim_end_matches('/');
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    let unreachable = |reason: String, sent: bool| AwsError::Unreachable {
        operation,
        endpoint: host.to_owned(),
        // It may quote names out of a stranger's certificate.
        reason: clean(&reason, None),
        sent,
    };

    let body = form(request, version);
    let headers = signed_headers(Keys::of(caller), (service, region), host, signing_time, &body);
    let mut post = agent.post(format!("{url}/"));
    for (name, value) in headers {
        let mut header = HeaderValue::from_str(&value).map_err(|_| {
            Setback::Final(unreachable(format!("the value of the header {name} cannot be sent"), false))
        })?;
        header.set_sensitive(matches!(name, "authorization" | "x-amz-security-token"));
        post = post.header(name, header);
    }
    let mut response = post.send(body.as_bytes()).map_err(|error| setback(error, &unreachable))?;

    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let date = header("date").and_then(parse_http_date);
    let request_id = header("x-amzn-requestid").map(str::to_owned);
    let status = response.status().as_u16();
    let body = read_body(response.body_mut()).map_err(|error| match error {
        Some(error) => Setback::Lost(unreachable(error.to_string(), true)),
        None => {
            let reason = "it is larger than 1 MiB".to_owned();
            Setback::Final(AwsError::UnusableAnswer { operation, reason })
        }
    })?;
    Ok((Answer { operation, status, request_id, body }, date))
}

/// All headers of a request that are ours to choose, the signature last.
fn signed_headers(
    keys: Keys<'_>,
    (service, region): (&str, &str),
    host: &str,
    signing_time: SystemTime,
    body: &str,
) -> Vec<(&'static str, Zeroizing<String>)> {
    let amz_date = sigv4::amz_date(signing_time);
    let mut headers = vec![("content-type", CONTENT_TYPE), ("host", host), ("x-amz-date", amz_date.as_str())];
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

/// The body: `Action`, `Version` and the parameters, as a form.
fn form(request: &Request<'_>, version: &str) -> Zeroizing<String> {
    let length: usize = request.parameters.iter().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
    let mut body = Zeroizing::new(String::with_capacity(length + 100));
    body.push_str("Action=");
    body.push_str(request.operation);
    body.push_str("&Version=");
    body.push_str(version);
    for (name, value) in &request.parameters {
        body.push('&');
        body.push_str(name);
        body.push('=');
        body.push_str(&Zeroizing::new(sigv4::percent_encode(value)));
    }
    body
}

/// Sorts what the HTTP library reports: whether the request can have been sent, and whether trying again may help.
fn setback(error: ureq::Error, unreachable: &dyn Fn(String, bool) -> AwsError) -> Setback {
    use std::io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable};
    let reason = match &error {
        ureq::Error::Io(inner) => inner.to_string(),
        ureq::Error::HostNotFound => "the host's name is not known".to_owned(),
        ureq::Error::Timeout(_) => "it took too long".to_owned(),
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

/// Reads the `Date` header (RFC 9110, section 5.6.7).
fn parse_http_date(text: &str) -> Option<SystemTime> {
    let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    let seconds = u64::try_from(date.unix_timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// How far AWS is ahead, if it wrote `date` (cut to the second) at some time between `sent` and `received`.
fn offset_between(date: SystemTime, sent: SystemTime, received: SystemTime) -> ClockOffset {
    let least = signed_millis(date, received);
    let most = signed_millis(date, sent) + 1000;
    let seconds = if least <= 1000 && most >= -1000 { 0 } else { ((least + most) as f64 / 2000.0).round() as i64 };
    ClockOffset { seconds }
}

/// Milliseconds from `earlier` to `later`; negative if they are the other way round.
fn signed_millis(later: SystemTime, earlier: SystemTime) -> i64 {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4);
    match later.duration_since(earlier) {
        Ok(distance) => millis(distance),
        Err(error) => -millis(error.duration()),
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

    fn at_millis(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn the_date_header_is_read_in_the_form_of_http() {
        assert_eq!(parse_http_date("Sat, 21 Nov 2026 20:43:42 GMT"), Some(at_millis(1_795_293_822_000)));
        for text in ["", "yesterday", "2026-11-21T20:43:42Z", "Sat, 21 Nov 1926 20:43:42 GMT"] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn an_offset_is_what_neither_rounding_nor_the_way_can_explain() {
        for (date, sent, received, seconds) in [
            (100_000, 100_400, 100_600, 0),
            (100_000, 100_900, 101_900, 0),
            (101_000, 100_100, 100_200, 0),
            (100_000, 90_000, 110_000, 0),
            (100_000, 10_000, 10_200, 90),
            (100_000, 190_000, 190_200, -90),
            (100_000, 10_000, 14_000, 89),
            (4_102_444_800_000, 0, 0, 4_102_444_801),
        ] {
            let measured = offset_between(at_millis(date), at_millis(sent), at_millis(received));
            assert!((measured.seconds - seconds).abs() <= i64::from(seconds != 0), "{date} {sent} {measured:?}");
        }
    }

    #[test]
    fn a_wait_is_random_and_never_longer_than_its_bound() {
        let longest = Duration::from_millis(400);
        let waits: Vec<Duration> = (0..50).map(|_| jitter(longest)).collect();
        assert!(waits.iter().all(|wait| *wait <= longest));
        assert!(waits.iter().any(|wait| *wait != waits[0]));
    }
}
