//! What the address answers (AWS SDKs and Tools Reference Guide, "Container credential provider"), from many threads
//! at once. It has the credentials in memory; only when they have ended does a request wait for others.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc::Sender},
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use zeroize::Zeroizing;

use super::Event;
use crate::{
    clock::Clock,
    credentials::SessionCredentials,
    http_server::{HttpRequest, HttpResponse},
    rfc3339,
    secret::{SecretBytes, SecretText},
};

/// The one path that there is.
pub(super) const PATH: &str = "/credentials";
/// How long a request waits for new credentials: the Rust SDK reads for 5 s; botocore comes again after 2 s.
const PATIENCE: Duration = Duration::from_secs(4);

const NONE_YET: &str = "there are no newer ones yet";

/// Shared by the threads of the server and the one that renews.
pub(super) struct Endpoint {
    token: SecretText,
    clock: Arc<dyn Clock + Send + Sync>,
    renewer: Sender<Event>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    served: Served,
    /// Why there are no newer ones.
    reason: String,
    /// How often the one that renews has looked.
    looks: u64,
}

/// Credentials, ready to be sent.
pub(super) struct Served {
    body: SecretBytes,
    /// When they end, by this machine's clock.
    pub(super) until: SystemTime,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

impl Served {
    /// Writes the document. `until` is the expiration as this machine's clock will show it.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which does not happen, then that error.
    pub(super) fn new(
        session: &SessionCredentials,
        account_id: Option<&str>,
        until: SystemTime,
    ) -> Result<Self, serde_json::Error> {
        let document = Document {
            access_key_id: session.access_key_id.as_str(),
            secret_access_key: session.secret_access_key.expose(),
            token: session.session_token.expose(),
            expiration: rfc3339::format(session.expiration),
            account_id,
        };
        // Sized once: a text that grows by moving would leave its secrets behind.
        let mut body = Vec::with_capacity(2 * document.token.len() + 4096);
        serde_json::to_writer(&mut body, &document)?;
        Ok(Served { body: body.into(), until })
    }
}

impl Endpoint {
    /// With a random token of 256 bits; nothing if the system has no random bytes.
    pub(super) fn new(
        served: Served,
        clock: Arc<dyn Clock + Send + Sync>,
        renewer: Sender<Event>,
    ) -> Option<Arc<Endpoint>> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        SystemRandom::new().fill(&mut *bytes).ok()?;
        let token = SecretText::from(URL_SAFE_NO_PAD.encode(*bytes));
        let state = Mutex::new(State { served, reason: NONE_YET.to_owned(), looks: 0 });
        Some(Arc::new(Endpoint { token, clock, renewer, state, changed: Condvar::new() }))
    }

    /// What a client must send.
    pub(super) fn token(&self) -> &SecretText {
        &self.token
    }

    /// Answers a request; of what is wrong with it, nothing is said.
    pub(super) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        if !self.is_allowed(request) {
            return HttpResponse::empty(403);
        }
        let mut response = match self.credentials() {
            Ok(body) => HttpResponse::new(200, "application/json", body),
            Err(reason) => {
                let message = format!("mfavault has no credentials: {reason}");
                let error = serde_json::json!({"code": "NoCredentials", "message": message});
                HttpResponse::new(500, "application/json", error.to_string())
            }
        };
        response.headers.push(("Cache-Control".to_owned(), "no-store".to_owned()));
        response
    }

    fn is_allowed(&self, request: &HttpRequest) -> bool {
        let is_plain = request.method == "GET" && request.path == PATH && request.query.is_empty();
        let mut tokens = request.headers.iter().filter(|(name, _)| name == "authorization");
        let (first, second) = (tokens.next(), tokens.next());
        // Secrets are compared in constant time.
        let is_known = first.is_some_and(|(_, value)| SecretText::from(value.as_str()) == self.token);
        is_plain && request.body.is_empty() && is_known && second.is_none()
    }

    /// The credentials in memory; if they have ended, asks for others and waits a little for them.
    fn credentials(&self) -> Result<Vec<u8>, String> {
        let good = |state: &State| self.clock.now() < state.served.until;
        let mut state = self.lock();
        if !good(&state) {
            let looks = state.looks;
            // Nobody is there any more only when the server goes down.
            let _ = self.renewer.send(Event::Needed);
            let waits = |state: &mut State| state.looks == looks;
            (state, _) =
                self.changed.wait_timeout_while(state, PATIENCE, waits).unwrap_or_else(PoisonError::into_inner);
        }
        match good(&state) {
            true => Ok(state.served.body.expose().clone()),
            false => Err(state.reason.clone()),
        }
    }

    /// Serves these from now on.
    pub(super) fn serve(&self, served: Served) {
        let mut state = self.lock();
        state.served = served;
        // What hinders the next ones is news again.
        state.reason = NONE_YET.to_owned();
    }

    /// Keeps why there are no newer credentials; says whether that is news.
    pub(super) fn explain(&self, reason: String) -> bool {
        let mut state = self.lock();
        let is_news = state.reason != reason;
        state.reason = reason;
        is_news
    }

    /// Lets those go on who wait for what a look brings.
    pub(super) fn looked(&self) {
        self.lock().looks += 1;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
