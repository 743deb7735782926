//! Edge: the one small HTTP/1.1 server, on loopback only: one thread a connection, one request a connection.
//!
//! It knows nothing of what it serves. What it holds by itself: sizes and times are bounded, requests with an
//! `Origin`, or with a `Host` that is not this server's address, are refused (DNS rebinding), and a request whose
//! length can be read in two ways is no request (RFC 9112, section 6.3).

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use zeroize::{Zeroize, Zeroizing};

mod peer;
mod request;

pub use request::HttpRequest;
use request::{Refusal, read};

const MAX_CONNECTIONS: usize = 128;
/// For reading one whole request, so that a client that sends a byte now and then does not hold a thread.
const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the rest of a request is read that was refused halfway.
const DRAIN: Duration = Duration::from_secs(1);
const FOREIGN_DRAIN: Duration = Duration::from_millis(100);
/// How long a new connection waits for one of the others to end.
const PATIENCE_WHEN_FULL: Duration = Duration::from_secs(1);

/// Who is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every program on this machine.
    Everybody,
    /// Programs of the user who runs this one, as far as the system tells (on Linux), and by the address alone: not as
    /// `localhost`.
    OwnUser,
    /// As `OwnUser`, and no browser.
    OwnUserNoBrowser,
}

/// What answers requests; called from many threads at once.
pub type Handler = Arc<dyn Fn(&HttpRequest) -> HttpResponse + Send + Sync>;

/// An answer, and how faithfully it is delivered. Like a request, it has no `Debug`: it may hold secrets.
#[derive(Clone)]
pub struct HttpResponse {
    /// Such as 200.
    pub status: u16,
    /// Names and values; `Content-Length` and `Connection` are added.
    pub headers: Vec<(String, String)>,
    /// The body; not sent for `HEAD`.
    pub body: Vec<u8>,
    /// How long it is held back.
    pub delay: Duration,
    /// How much of it is sent.
    pub delivery: Delivery,
}

/// How much of an answer arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// All of it.
    #[default]
    Whole,
    /// The head and the first half of the body.
    Truncated,
    /// Nothing: the connection is closed.
    Nothing,
}

impl HttpResponse {
    /// An answer that is delivered whole and at once.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        HttpResponse { status, headers, body: body.into(), delay: Duration::ZERO, delivery: Delivery::Whole }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        HttpResponse { status, headers: Vec::new(), body: Vec::new(), delay: Duration::ZERO, delivery: Delivery::Whole }
    }
}

/// A running server; stops when dropped.
pub struct HttpServer {
    address: SocketAddr,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

/// How many connections there are, and whether the server is going down.
#[derive(Default)]
struct State {
    inner: Mutex<Connections>,
    changed: Condvar,
}

#[derive(Default)]
struct Connections {
    open: usize,
    stopping: bool,
}

impl HttpServer {
    /// Listens on a free port of 127.0.0.1 and answers from threads of its own.
    ///
    /// # Errors
    /// If no port can be had or no thread started, then the system's error.
    pub fn start(audience: Audience, handler: Handler) -> io::Result<HttpServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let acceptor = {
            let state = Arc::clone(&state);
            let service = Service { address, audience, handler };
            std::thread::Builder::new()
                .name("http-accept".to_owned())
                .spawn(move || accept(&listener, &service, &state))?
        };
        Ok(HttpServer { address, state, acceptor: Some(acceptor) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HttpServer {
    /// Takes no new connection; answers being held back are dropped.
    fn drop(&mut self) {
        self.state.lock().stopping = true;
        self.state.changed.notify_all();
        // Accepting has no time-out: a connection of our own wakes it.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok();
        if let (true, Some(acceptor)) = (woken, self.acceptor.take()) {
            acceptor.join().ok();
        }
    }
}

impl HttpServer {
    /// Returns when every request that was sent before is dealt with, though whoever sent it may be gone.
    ///
    /// # Errors
    /// If the server does not answer any more, then its error.
    pub fn wait_until_idle(&self) -> io::Result<()> {
        // Connections are accepted in their order: once this one is answered, all earlier ones are counted.
        let mut stream = TcpStream::connect(self.address)?;
        write!(stream, "GET / HTTP/1.1\r\nHost: {}\r\nOrigin: none\r\n\r\n", self.address)?;
        stream.read_to_end(&mut Vec::new())?;
        drop(stream);
        let busy = |state: &mut Connections| state.open > 0;
        drop(self.state.changed.wait_while(self.state.lock(), busy));
        Ok(())
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection in, if there is room or soon will be.
    fn admit(&self) -> bool {
        let full = |state: &mut Connections| state.open >= MAX_CONNECTIONS && !state.stopping;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), PATIENCE_WHEN_FULL, full)
            .unwrap_or_else(PoisonError::into_inner);
        let admitted = state.open < MAX_CONNECTIONS;
        state.open += usize::from(admitted);
        admitted
    }

    /// Waits, unless the server stops first.
    fn hold(&self, delay: Duration) {
        if !delay.is_zero() {
            let running = |state: &mut Connections| !state.stopping;
            drop(self.changed.wait_timeout_while(self.lock(), delay, running));
        }
    }
}

/// Counts a connection out when its thread ends, however it ends.
struct Admitted(Arc<State>);

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
        self.0.changed.notify_all();
    }
}

/// What every connection is served by.
#[derive(Clone)]
struct Service {
    address: SocketAddr,
    audience: Audience,
    handler: Handler,
}

fn accept(listener: &TcpListener, service: &Service, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.lock().stopping {
            break;
        }
        let Ok(mut stream) = stream else {
            // Out of descriptors, most likely: a spinning thread would not free any.
            state.hold(Duration::from_millis(50));
            continue;
        };
        if !state.admit() {
            refuse(&mut stream);
            continue;
        }
        let admitted = Admitted(Arc::clone(state));
        let service = service.clone();
        // Without a thread the closure is dropped, which closes the connection and counts it out.
        std::thread::Builder::new()
            .name("http-connection".to_owned())
            .spawn(move || {
                serve(&mut stream, &service, &admitted.0).ok();
            })
            .ok();
    }
}

/// Tells a client that there are too many; the accepting thread does not wait for it.
fn refuse(stream: &mut TcpStream) {
    let mut busy = HttpResponse::empty(503);
    busy.headers.push(("Retry-After".to_owned(), "1".to_owned()));
    stream.set_nonblocking(true).ok();
    write(stream, &busy, true).ok();
}

fn serve(stream: &mut TcpStream, service: &Service, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let is_private = service.audience != Audience::Everybody;
    if is_private && !peer::is_own(stream) {
        log::debug!("refused a connection that is not, or cannot be told to be, of the own user");
        write(stream, &HttpResponse::empty(403), true)?;
        // Hardly waited for: nobody else's connections are to keep the user's out.
        return drain(stream, FOREIGN_DRAIN);
    }
    let (mut response, with_body) = match read(stream, Instant::now() + REQUEST_DEADLINE) {
        Ok(request) if request.is_foreign(service.address, service.audience) => (HttpResponse::empty(403), true),
        Ok(request) => ((service.handler)(&request), request.method != "HEAD"),
        Err(Refusal::Answer(status)) => {
            // Whom nothing is owed is not told either which methods there are.
            let status = if is_private && status == 405 { 403 } else { status };
            write(stream, &HttpResponse::empty(status), true)?;
            return drain(stream, DRAIN);
        }
        Err(Refusal::Gone(error)) => return Err(error),
    };
    state.hold(response.delay);
    let written = match response.delivery {
        Delivery::Nothing => Ok(()),
        Delivery::Whole | Delivery::Truncated => write(stream, &response, with_body),
    };
    response.body.zeroize();
    written?;
    stream.shutdown(Shutdown::Both)
}

fn write(stream: &mut TcpStream, response: &HttpResponse, with_body: bool) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", response.body.len()));
    let sent = match response.delivery {
        _ if !with_body => 0,
        Delivery::Truncated => response.body.len() / 2,
        Delivery::Whole | Delivery::Nothing => response.body.len(),
    };
    // One write for head and body; a buffer that grows by moving would leave secrets behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(head.len() + sent));
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(&response.body[..sent]);
    stream.write_all(&bytes)?;
    stream.flush()
}

/// Reads a little more of a request that was refused halfway: closing at once would reset the connection, and the
/// client might lose the answer with it.
fn drain(stream: &mut TcpStream, patience: Duration) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + patience;
    let mut chunk = [0_u8; 8192];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        if stream.read(&mut chunk)? == 0 {
            return Ok(());
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        303 => "See Other",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests;
