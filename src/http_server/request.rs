//! Reading one request from a socket: head, body by length or in chunks, all bounded in size and time
//! (RFC 9112), and its forms decoded.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Instant,
};

use super::Audience;

/// Session tokens are long: AWS names no greatest size.
const MAX_HEAD_BYTES: usize = 32 * 1024;
const MAX_BODY_BYTES: usize = 1024 * 1024;
const MAX_HEADERS: usize = 100;

/// One whole request.
#[derive(Clone)]
pub struct HttpRequest {
    /// `GET`, `HEAD`, `POST` or `PUT`.
    pub method: String,
    /// The path as sent, percent-encoded.
    pub path: String,
    /// What stands behind the question mark, percent-encoded; empty without one.
    pub query: String,
    /// Names in lower case, values as sent, in their order.
    pub headers: Vec<(String, String)>,
    /// The body, taken out of its chunks.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The names and values of the query, decoded.
    pub fn query_parameters(&self) -> Vec<(String, String)> {
        form_parameters(&self.query)
    }

    /// The names and values of a form in the body, decoded; bytes that are not UTF-8 are replaced.
    pub fn body_parameters(&self) -> Vec<(String, String)> {
        form_parameters(&String::from_utf8_lossy(&self.body))
    }

    /// Whether another page in a browser, or a name that was made to point here, is behind the request; for some
    /// audiences, whether any browser is.
    pub(super) fn is_foreign(&self, address: SocketAddr, audience: Audience) -> bool {
        let mut hosts = self.headers.iter().filter(|(name, _)| name == "host").map(|(_, value)| value.as_str());
        let host = hosts.next().unwrap_or_default();
        let by_name = audience == Audience::Everybody && host == format!("localhost:{}", address.port());
        let ours = host == address.to_string() || by_name;
        // A picture's or a link's request has no `Origin` (Fetch Metadata Request Headers).
        let by_browser = || self.headers.iter().any(|(name, _)| name == "referer" || name.starts_with("sec-fetch-"));
        let refused = audience == Audience::OwnUserNoBrowser && by_browser();
        !ours || hosts.next().is_some() || self.header("origin").is_some() || refused
    }
}

/// Why there is no request.
pub(super) enum Refusal {
    /// The client is told the status.
    Answer(u16),
    /// Nobody is there to be told.
    Gone(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Refusal::Answer(408),
            _ => Refusal::Gone(error),
        }
    }
}

/// What arrived, beyond what was taken out already.
struct Incoming<'a> {
    stream: &'a mut TcpStream,
    buffer: Vec<u8>,
    deadline: Instant,
}

impl Incoming<'_> {
    fn more(&mut self) -> Result<(), Refusal> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Refusal::Answer(408));
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut chunk = [0_u8; 8192];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(Refusal::Gone(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take(&mut self, count: usize) -> Result<Vec<u8>, Refusal> {
        while self.buffer.len() < count {
            self.more()?;
        }
        let rest = self.buffer.split_off(count);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    /// Takes a line and its line break out, which must come within `limit` bytes.
    fn take_line(&mut self, limit: usize) -> Result<Vec<u8>, Refusal> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                return self.take(end + 1);
            }
            if self.buffer.len() > limit {
                return Err(Refusal::Answer(400));
            }
            self.more()?;
        }
    }
}

/// Reads one request whole.
///
/// # Errors
/// If it is too big, ambiguous, of another method or not there by the deadline, then `Answer`; if the connection is
/// gone, then `Gone`.
pub(super) fn read(stream: &mut TcpStream, deadline: Instant) -> Result<HttpRequest, Refusal> {
    let mut incoming = Incoming { stream, buffer: Vec::new(), deadline };
    let mut request = loop {
        if let Some((request, length)) = parse_head(&incoming.buffer)? {
            incoming.take(length)?;
            break request;
        }
        if incoming.buffer.len() > MAX_HEAD_BYTES {
            return Err(Refusal::Answer(431));
        }
        incoming.more()?;
    };
    if !matches!(request.method.as_str(), "GET" | "HEAD" | "POST" | "PUT") {
        return Err(Refusal::Answer(405));
    }
    let length = body_length(&request)?;
    if matches!(length, BodyLength::Bytes(length) if length > MAX_BODY_BYTES) {
        return Err(Refusal::Answer(413));
    }
    if request.header("expect").is_some_and(|expected| expected.eq_ignore_ascii_case("100-continue")) {
        incoming.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    request.body = match length {
        BodyLength::Bytes(length) => incoming.take(length)?,
        BodyLength::Chunked => read_chunks(&mut incoming)?,
    };
    Ok(request)
}

/// The head and its length in bytes; nothing while it is incomplete.
fn parse_head(buffer: &[u8]) -> Result<Option<(HttpRequest, usize)>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let length = match head.parse(buffer) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD_BYTES => length,
        Ok(httparse::Status::Complete(_)) | Err(httparse::Error::TooManyHeaders) => return Err(Refusal::Answer(431)),
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Refusal::Answer(400)),
    };
    let target = head.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = HttpRequest {
        method: head.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Vec::with_capacity(head.headers.len()),
        body: Vec::new(),
    };
    for header in head.headers.iter() {
        let value = std::str::from_utf8(header.value).map_err(|_| Refusal::Answer(400))?;
        request.headers.push((header.name.to_ascii_lowercase(), value.to_owned()));
    }
    Ok(Some((request, length)))
}

enum BodyLength {
    Bytes(usize),
    Chunked,
}

fn body_length(request: &HttpRequest) -> Result<BodyLength, Refusal> {
    let all = |name: &str| {
        let values = request.headers.iter().filter(|(other, _)| other == name);
        values.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    match (all("transfer-encoding").as_slice(), all("content-length").as_slice()) {
        ([], []) => Ok(BodyLength::Bytes(0)),
        ([], [length]) if !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()) => {
            // Digits that do not fit a number are a length beyond every limit.
            Ok(BodyLength::Bytes(length.parse().unwrap_or(usize::MAX)))
        }
        ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Ok(BodyLength::Chunked),
        _ => Err(Refusal::Answer(400)),
    }
}

fn read_chunks(incoming: &mut Incoming<'_>) -> Result<Vec<u8>, Refusal> {
    let mut body = Vec::new();
    loop {
        let line = incoming.take_line(1024)?;
        let Ok(httparse::Status::Complete((_, length))) = httparse::parse_chunk_size(&line) else {
            return Err(Refusal::Answer(400));
        };
        if length > (MAX_BODY_BYTES - body.len()) as u64 {
            return Err(Refusal::Answer(413));
        }
        if length == 0 {
            break;
        }
        body.extend_from_slice(&incoming.take(length as usize)?);
        if incoming.take(2)? != b"\r\n" {
            return Err(Refusal::Answer(400));
        }
    }
    // Trailers are read and forgotten.
    let mut trailer_bytes = 0;
    loop {
        let line = incoming.take_line(1024)?;
        trailer_bytes += line.len();
        match line.as_slice() {
            b"\r\n" | b"\n" => return Ok(body),
            _ if trailer_bytes > MAX_HEAD_BYTES => return Err(Refusal::Answer(431)),
            _ => {}
        }
    }
}

/// `application/x-www-form-urlencoded`, decoded; what is not percent-encoded as it should be stays as it is.
fn form_parameters(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (form_decode(name), form_decode(value)))
        .collect()
}

fn form_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let escaped = bytes.get(index + 1..index + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = escaped.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match (bytes[index], escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                index += 2;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        index += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
