//! The client against a server of a few lines on loopback that says what a test wants it to say.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use super::{endpoints::Endpoints, *};
use crate::rfc3339;

mod answers;
mod clocks;
mod errors;
mod federation;
mod leaks;
mod patience;
mod proxies;
mod sso;
mod sts;
mod tls;

const NOW: u64 = 1_795_293_822; // 2026-11-21T20:43:42Z, a Saturday
const IDENTITY: &str = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>arn:aws:iam::123456789012:user/division/alice</Arn>
    <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata><RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>"#;

fn sts_error(code: &str, message: &str) -> String {
    format!(
        r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"#
    )
}

/// A reply with the local clock's `Date`.
fn reply(status: u16, body: &str) -> Vec<u8> {
    reply_with(status, Some(0), "", body)
}

/// A reply whose clock is `ahead` seconds ahead of ours; without one, it has no `Date`.
fn reply_with(status: u16, ahead: Option<i64>, headers: &str, body: &str) -> Vec<u8> {
    let date = ahead.map_or(String::new(), |ahead| {
        let date = time::OffsetDateTime::from_unix_timestamp(NOW as i64 + ahead).expect("a time");
        let text = date.format(&time::format_description::well_known::Rfc2822).expect("a date");
        format!("Date: {}\r\n", text.replace("+0000", "GMT"))
    });
    let length = body.len();
    format!("HTTP/1.1 {status} Some\r\n{date}{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// A server that answers one connection after the other with the given bytes, then is gone.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn saying(replies: Vec<Vec<u8>>) -> Server {
        Server::doing(replies.len(), move |index, stream| {
            // A client that has heard enough closes early.
            let _ = stream.write_all(&replies[index]);
        })
    }

    fn doing(connections: usize, mut act: impl FnMut(usize, &mut TcpStream) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let thread = std::thread::spawn(move || {
            for index in 0..connections {
                let (mut stream, _) = listener.accept().expect("a connection");
                let request = read_request(&mut stream);
                if request.is_empty() {
                    return; // the test is over
                }
                seen.lock().expect("no panic").push(request);
                act(index, &mut stream);
            }
        });
        Server { address, requests, thread: Some(thread) }
    }

    fn endpoints(&self) -> Endpoints {
        endpoints_at(&format!("http://{}", self.address))
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read_request(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return text,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

fn endpoints_at(url: &str) -> Endpoints {
    Endpoints {
        sts_url: url.to_owned(),
        sts_signing_region: "eu-west-1".to_owned(),
        iam_url: url.to_owned(),
        iam_signing_region: "us-east-1".to_owned(),
        sts_scope: url.to_owned(),
        ca_bundle: None,
    }
}

fn long_term() -> LongTermCredentials {
    LongTermCredentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".parse().expect("an access key ID"),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
    }
}

fn session() -> SessionCredentials {
    SessionCredentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".parse().expect("an access key ID"),
        secret_access_key: "secret".into(),
        session_token: "FwoGZXIvYXdzEXAMPLE//////////token==".into(),
        expiration: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 3600),
    }
}

/// A client whose clock stands still at `NOW`, and the waits it made.
fn client_with(settings: ConnectionSettings) -> (HttpAws, Arc<Mutex<Vec<Duration>>>) {
    let waits = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&waits);
    let time = TimeSource {
        now: Box::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)),
        wait: Box::new(move |wait| noted.lock().expect("no panic").push(wait)),
    };
    (HttpAws::new(settings, time), waits)
}

fn client() -> HttpAws {
    client_with(ConnectionSettings::default()).0
}

fn identity_from(server: &Server) -> Result<CallerIdentity, AwsError> {
    ask(&client(), &server.endpoints())
}

fn ask(aws: &HttpAws, endpoints: &Endpoints) -> Result<CallerIdentity, AwsError> {
    aws.get_caller_identity(Caller { signer: Signer::LongTerm(&long_term()), endpoints })
}

fn proof() -> MfaProof {
    MfaProof {
        serial_number: "arn:aws:iam::123456789012:mfa/alice".parse().expect("a serial number"),
        code: "123456".parse().expect("a code"),
    }
}

fn session_with_code(server: &Server) -> Result<SessionCredentials, AwsError> {
    let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
    client().get_session_token(caller, Duration::from_secs(3600), Some(&proof()))
}

fn session_answer(access_key_id: &str, secret: &str, expiration: &str) -> String {
    format!(
        r#"<GetSessionTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetSessionTokenResult><Credentials>
        <AccessKeyId>{access_key_id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>
        <SessionToken>FwoGZXIvYXdz//EXAMPLE==</SessionToken><Expiration>{expiration}</Expiration>
        </Credentials></GetSessionTokenResult></GetSessionTokenResponse>"#
    )
}
