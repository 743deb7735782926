//! `serve` and `exec --server`: a container-credentials endpoint on loopback, whose credentials are renewed before they
//! end, without a person.
//!
//! `endpoint` answers from memory, in the threads of the HTTP server. The thread that has the vault and AWS renews.

use std::{
    cell::RefCell,
    error::Error as _,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, SystemTime},
};

use self::endpoint::{Endpoint, Served};
use super::{Context, Error, SessionRequest, exec::SDK_MIN_TTL};
use crate::{
    clock::Clock,
    credentials::Credentials,
    http_server::{Audience, HttpServer},
    profile::{Entry, ProfileName, SectionName},
    secret::SecretText,
    session::{self, Plan, clock_offset},
    visible::shell_word,
    visible::visible,
};

mod endpoint;

/// How much time served credentials have left at the least, if a session can be had that is long enough. A little
/// more than an SDK wants, so that they are renewed before it asks.
pub const SERVER_MIN_TTL: Duration = Duration::from_secs(SDK_MIN_TTL.as_secs() + 60);
/// How often it is looked whether it is time to renew: a timer would stand still while a laptop sleeps.
const LOOK: Duration = Duration::from_secs(10);
/// The shortest time from one try to the next, whoever asks.
const PAUSE: Duration = Duration::from_secs(30);
/// After failures nobody waits for, the pause is doubled so many times at most: 8 min.
const MOST_DOUBLINGS: u32 = 4;

/// What makes SDKs take another way to credentials than the server, by the key in `[default]` that says so.
const RIVALS: [&str; 7] = [
    "aws_access_key_id",
    "role_arn",
    "web_identity_token_file",
    "sso_session",
    "sso_start_url",
    "login_session",
    "credential_process",
];

/// A running endpoint with the credentials of a profile. Gone when dropped.
pub struct CredentialServer<'a> {
    context: &'a Context<'a>,
    request: SessionRequest,
    region: Option<String>,
    http: HttpServer,
    endpoint: Arc<Endpoint>,
    events: Receiver<Event>,
    sender: Sender<Event>,
    /// When what is served ends, by this machine's clock.
    until: SystemTime,
    /// How much of it is left when it is renewed.
    margin: Duration,
    last_try: Option<SystemTime>,
    failures: u32,
}

/// What the thread that renews is told.
enum Event {
    /// A request waits: the credentials have ended.
    Needed,
    Stop,
}

/// Ends [`CredentialServer::serve`], from any thread.
#[derive(Clone)]
pub struct Stopper(Sender<Event>);

impl Stopper {
    /// Lets it return as soon as it has done what it is about.
    pub fn stop(&self) {
        // Without a receiver it has ended already.
        let _ = self.0.send(Event::Stop);
    }
}

/// Where the AWS CLI and SDKs find credentials before they ask the server.
pub struct Rival {
    /// File and line.
    pub place: String,
    /// The key in `[default]`.
    pub key: &'static str,
}

impl<'a> CredentialServer<'a> {
    /// Obtains the credentials, for which a person may be asked, and begins to hand them out.
    ///
    /// # Errors
    /// As [`SessionRequest::plan`] and [`SessionRequest::obtain`]; if the credentials have no end, or nobody knows it,
    /// then `NothingToServe`; if there is no port or no random token to be had, then `Io`.
    pub fn start(
        context: &'a Context<'a>,
        mut request: SessionRequest,
        clock: Arc<dyn Clock + Send + Sync>,
    ) -> Result<Self, Error> {
        let plan = request.plan(context)?;
        if plan.steps.is_empty() {
            return Err(Error::NothingToServe { profile: request.profile });
        }
        // A session never lasts longer than it was made for.
        if let Some(duration) = plan.steps.last().and_then(|step| step.duration).filter(|it| *it <= request.min_ttl) {
            request.min_ttl = duration / 2;
        }
        let credentials = request.obtain(context, &plan)?;
        keep_clock_offset(context);
        say_who_has_to_agree(context, &plan)?;
        let served = served(context, &request.profile, &plan, credentials)?;
        // Both were for the start.
        (request.mfa_code, request.refresh) = (None, false);
        let until = served.until;
        let (sender, events) = mpsc::channel();
        let io = |action| move |source| Error::Io { action, source };
        let no_random = || std::io::Error::other("the system gives no random bytes");
        let endpoint = Endpoint::new(served, clock, sender.clone());
        let endpoint = endpoint.ok_or_else(no_random).map_err(io("make a token"))?;
        let http = {
            let endpoint = Arc::clone(&endpoint);
            let handler = Arc::new(move |request: &_| endpoint.answer(request));
            HttpServer::start(Audience::OwnUserNoBrowser, handler).map_err(io("listen on 127.0.0.1"))?
        };
        let margin = margin(&request, until, context.clock.now());
        let (last_try, failures) = (None, 0);
        let region = plan.region;
        Ok(CredentialServer {
            context,
            request,
            region,
            http,
            endpoint,
            events,
            sender,
            until,
            margin,
            last_try,
            failures,
        })
    }

    /// The variables by which the AWS CLI and SDKs find the server.
    pub fn variables(&self) -> Vec<(&'static str, SecretText)> {
        let url = format!("http://{}{}", self.http.address(), endpoint::PATH);
        vec![
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.into()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", self.endpoint.token().clone()),
        ]
    }

    /// For whom it serves.
    pub fn profile(&self) -> &ProfileName {
        &self.request.profile
    }

    /// The region, if known.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// What ends [`CredentialServer::serve`].
    pub fn stopper(&self) -> Stopper {
        Stopper(self.sender.clone())
    }

    /// Renews the credentials whenever it is time, until it is stopped.
    pub fn serve(&mut self) {
        loop {
            match self.events.recv_timeout(LOOK) {
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Event::Needed) => self.look(true),
                Err(RecvTimeoutError::Timeout) => self.look(false),
            }
        }
    }

    /// Renews the credentials if it is time; `needed` says that a request waits for them.
    pub fn look(&mut self, needed: bool) {
        let now = self.context.clock.now();
        let left = self.until.duration_since(now).unwrap_or_default();
        let pause = if needed { PAUSE } else { PAUSE * 2_u32.pow(self.failures.min(MOST_DOUBLINGS)) };
        // A clock that was set back does not prolong the pause.
        let pauses = self.last_try.is_some_and(|last| now.duration_since(last).is_ok_and(|gone| gone < pause));
        if left <= self.margin && !pauses {
            self.last_try = Some(now);
            self.renew();
        }
        self.endpoint.looked();
    }

    fn renew(&mut self) {
        let heard = RefCell::new(String::new());
        let listen = |line: &str| {
            log::debug!("{line}");
            heard.replace(line.trim_start_matches("note: ").to_owned());
        };
        match self.obtain_again(&listen) {
            Ok(served) if served.until > self.until => {
                log::debug!("new credentials of `{}` are served", self.request.profile);
                self.until = served.until;
                self.margin = margin(&self.request, self.until, self.context.clock.now());
                self.failures = 0;
                self.endpoint.serve(served);
            }
            // The old ones, because AWS cannot be asked: the last that was said is why.
            Ok(_) => self.failed(&heard.take()),
            Err(error) => self.failed(&with_causes(&error)),
        }
        keep_clock_offset(self.context);
    }

    /// Says it once, for the screen may be the command's.
    fn failed(&mut self, reason: &str) {
        self.failures += 1;
        let reason = visible(reason);
        let line = format!("warning: no new credentials of `{}`: {reason}", self.request.profile);
        if self.endpoint.explain(reason) {
            self.context.prompt.say(&line);
        }
    }

    /// Plans anew, for the key may be another one by now.
    fn obtain_again(&self, listener: &dyn Fn(&str)) -> Result<Served, Error> {
        let mut plan = self.request.plan(self.context)?;
        // Said at the start.
        plan.notes.clear();
        let credentials = self.request.obtain_unattended(self.context, &plan, listener)?;
        served(self.context, &self.request.profile, &plan, credentials)
    }
}

/// How much is left when they are renewed: what was asked for. Of those that never have as much, half, but not less than
/// every command's credentials have, if they have that.
fn margin(request: &SessionRequest, until: SystemTime, now: SystemTime) -> Duration {
    let left = until.duration_since(now).unwrap_or_default();
    if left > request.min_ttl {
        request.min_ttl
    } else if left > SessionRequest::MIN_TTL {
        SessionRequest::MIN_TTL.max(left / 2)
    } else {
        left / 2
    }
}

fn served(
    context: &Context<'_>,
    profile: &ProfileName,
    plan: &Plan,
    credentials: Credentials,
) -> Result<Served, Error> {
    let now = context.clock.now();
    let session = match credentials {
        Credentials::Session(session) if session.expiration > now => session,
        _ => return Err(Error::NothingToServe { profile: profile.clone() }),
    };
    let index = context.vault.index()?;
    let of_key = || index.keys.get(&plan.source).and_then(|key| key.account_id.as_deref());
    // They end by AWS's clock or by ours, by which an SDK judges: by the one that is ahead.
    let ahead = clock_offset(context.vault, context.aws)?.apply(now).duration_since(now).unwrap_or_default();
    let until = session.expiration.checked_sub(ahead).unwrap_or(now);
    Served::new(&session, plan.account_id().or_else(of_key), until)
        .map_err(|error| Error::Io { action: "write the credentials as JSON", source: error.into() })
}

/// A person agrees to codes, and nobody is asked once the server runs.
fn say_who_has_to_agree(context: &Context<'_>, plan: &Plan) -> Result<(), Error> {
    let index = context.vault.index()?;
    let asks = |serial_number| index.device_with_serial(serial_number).is_some_and(|name| index.devices[name].asks);
    let mut serial_numbers = plan.steps.iter().filter_map(|step| {
        let mut devices = step.serial_number.iter().chain(&step.other_serial_numbers);
        // One of them that nobody has to be asked about will do.
        devices.all(asks).then_some(step.serial_number.as_ref()?)
    });
    if let Some(name) = serial_numbers.find_map(|serial_number| index.device_with_serial(serial_number)) {
        context.prompt.say(&format!(
            "warning: codes of `{name}` need somebody's yes, and the server asks nobody: it renews as long as a yes to \
             `mfavault code {name}` holds, and then no more",
            name = shell_word(name)
        ));
    }
    Ok(())
}

fn keep_clock_offset(context: &Context<'_>) {
    if let Err(error) = session::keep_clock_offset(context.vault, context.aws, context.prompt) {
        context.prompt.say(&format!("warning: AWS's time is not kept for the next command: {error}"));
    }
}

fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if line != last {
            text = format!("{text}: {line}");
        }
        last = line;
        cause = error.source();
    }
    text
}

/// What the AWS CLI and SDKs take before a server if no profile is named, if anything.
///
/// # Errors
/// If the AWS config cannot be read, then `SharedConfig`.
pub fn rival(context: &Context<'_>) -> Result<Option<Rival>, Error> {
    let shared = context.shared_config()?;
    let section = SectionName::Profile(ProfileName::default());
    let found = |key: &'static str| {
        let entry = [&shared.config, &shared.credentials].into_iter().find_map(|text| text.entry(&section, key));
        let place = |entry: Entry<'_>| format!("{}:{}", entry.path().display(), entry.line());
        entry.map(|entry| Rival { place: place(entry), key })
    };
    Ok(RIVALS.into_iter().find_map(found))
}
