//! A page on loopback that sends one browser on to a secret address, once.
//!
//! What a browser is started with, every process of the machine can read. So it is given the page's address, which is
//! worth nothing after the first visit; the server itself refuses other users and other web pages.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    clock::Clock,
    http_server::{Audience, HttpRequest, HttpResponse, HttpServer},
    secret::SecretText,
};

/// How long a browser has to start and to ask: 30 s in all.
const NAP: Duration = Duration::from_millis(100);
const NAPS: u32 = 300;
/// How long the answer is waited for to leave.
const DELIVERY: Duration = Duration::from_secs(2);

/// What became of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// A browser was sent on.
    Done,
    /// None could be started.
    NoBrowser,
    /// None came in time.
    Nobody,
}

struct Page {
    path: SecretText,
    address: Mutex<Option<SecretText>>,
}

/// Has a browser fetch the page and go on to `address`; waits for it. `browse` opens the page.
///
/// # Errors
/// If no port can be had on loopback, or no random bytes, then the system's error.
pub(super) fn send_on(address: SecretText, browse: &dyn Fn(&str) -> bool, clock: &dyn Clock) -> io::Result<Visit> {
    let mut random = [0; 32];
    SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let path = SecretText::from(format!("/{}", URL_SAFE_NO_PAD.encode(random)));
    let page = Arc::new(Page { path, address: Mutex::new(Some(address)) });
    let server = {
        let page = Arc::clone(&page);
        HttpServer::start(Audience::OwnUser, Arc::new(move |request| page.answer(request)))?
    };
    if !browse(&format!("http://{}{}", server.address(), page.path.expose())) {
        return Ok(Visit::NoBrowser);
    }
    for _ in 0..NAPS {
        if page.is_visited() {
            deliver(server);
            return Ok(Visit::Done);
        }
        clock.wait_until(clock.now() + NAP);
    }
    Ok(Visit::Nobody)
}

impl Page {
    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let is_asked_for =
            request.method == "GET" && request.query.is_empty() && SecretText::from(request.path.as_str()) == self.path;
        let address = if is_asked_for { self.lock().take() } else { None };
        let Some(address) = address else { return HttpResponse::empty(403) };
        let mut response = HttpResponse::empty(303);
        let headers = [
            ("Location", address.expose().as_str()),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
        ];
        response.headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        response
    }

    fn is_visited(&self) -> bool {
        self.lock().is_none()
    }

    fn lock(&self) -> MutexGuard<'_, Option<SecretText>> {
        self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops the server when the answer has left. Browsers open connections in advance and leave them idle: those are not
/// waited for.
fn deliver(server: HttpServer) {
    let (sender, left) = mpsc::channel();
    let waiting = std::thread::Builder::new().name("http-delivery".to_owned()).spawn(move || {
        server.wait_until_idle().ok();
        sender.send(()).ok();
    });
    if waiting.is_ok() {
        left.recv_timeout(DELIVERY).ok();
    }
}
