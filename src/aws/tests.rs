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

mod federation;
mod leaks;
mod sso;
mod sts;

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

mod answers {
    use super::*;

    #[test]
    fn the_caller_is_read_and_the_request_is_a_signed_form() {
        let server = Server::saying(vec![reply(200, IDENTITY)]);
        let identity = identity_from(&server).expect("an identity");
        assert_eq!(identity.account_id, "123456789012");
        assert_eq!(identity.arn.resource_name(), "alice");
        let request = server.requests().remove(0);
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\nAction=GetCallerIdentity&Version=2011-06-15"), "{request}");
        assert_eq!(header(&request, "host").expect("host"), server.address.to_string());
        assert_eq!(header(&request, "x-amz-date").expect("date"), "20261121T204342Z");
        assert!(header(&request, "user-agent").expect("agent").starts_with("mfavault/"));
        let authorization = header(&request, "authorization").expect("authorization");
        assert!(authorization.contains("Credential=AKIAIOSFODNN7EXAMPLE/20261121/eu-west-1/sts/aws4_request"));
        assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-date, "), "{authorization}");
    }

    #[test]
    fn a_session_signs_with_its_token() {
        let server = Server::saying(vec![reply(200, IDENTITY)]);
        let session = session();
        let caller = Caller { signer: Signer::Session(&session), endpoints: &server.endpoints() };
        client().get_caller_identity(caller).expect("an identity");
        let request = server.requests().remove(0);
        assert_eq!(header(&request, "x-amz-security-token").as_ref(), Some(session.session_token.expose()));
        assert!(header(&request, "authorization").expect("it").contains("x-amz-date;x-amz-security-token, "));
    }

    #[test]
    fn a_created_device_has_its_seed_decoded_once() {
        let seed = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".repeat(2);
        let blob = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &seed);
        let server = Server::saying(vec![reply(
            200,
            &format!(
                r#"<CreateVirtualMFADeviceResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateVirtualMFADeviceResult><VirtualMFADevice>
                <SerialNumber>arn:aws:iam::123456789012:mfa/alice</SerialNumber><Base32StringSeed>{blob}</Base32StringSeed>
                <QRCodePNG>iVBORw0KGgo=</QRCodePNG></VirtualMFADevice></CreateVirtualMFADeviceResult></CreateVirtualMFADeviceResponse>"#
            ),
        )]);
        let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
        let device = client().create_virtual_mfa_device(caller, "al+ice").expect("a device");
        assert_eq!(device.seed.to_base32().expose(), &seed);
        assert_eq!(device.serial_number.device_name(), "alice");
        let request = server.requests().remove(0);
        let form = "Action=CreateVirtualMFADevice&Version=2010-05-08&Path=%2F&VirtualMFADeviceName=al%2Bice";
        assert!(request.ends_with(form), "{request}");
        assert!(request.contains("/us-east-1/iam/aws4_request"), "{request}");
    }

    #[test]
    fn all_pages_of_devices_are_read() {
        let page = |name: &str, rest: &str| {
            reply(
                200,
                &format!(
                    r#"<ListMFADevicesResponse><ListMFADevicesResult>{rest}<MFADevices><member><UserName>alice</UserName>
                    <SerialNumber>arn:aws:iam::123456789012:mfa/{name}</SerialNumber><EnableDate>2026-11-21T20:43:42Z</EnableDate>
                    </member></MFADevices></ListMFADevicesResult></ListMFADevicesResponse>"#
                ),
            )
        };
        let server = Server::saying(vec![
            page("one", "<IsTruncated>true</IsTruncated><Marker>a/b=</Marker>"),
            page("two", "<IsTruncated>false</IsTruncated>"),
        ]);
        let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
        let devices = client().list_mfa_devices(caller, "alice").expect("devices");
        let names: Vec<&str> = devices.iter().map(|device| device.serial_number.device_name()).collect();
        assert_eq!(names, ["one", "two"]);
        assert!(server.requests()[1].ends_with("&UserName=alice&Marker=a%2Fb%3D"));
    }

    #[test]
    fn a_list_without_end_is_given_up() {
        let page = reply(
            200,
            "<ListMFADevicesResponse><ListMFADevicesResult><IsTruncated>true</IsTruncated><Marker>x</Marker><MFADevices/></ListMFADevicesResult></ListMFADevicesResponse>",
        );
        let server = Server::saying(vec![page; 20]);
        let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
        assert!(matches!(client().list_mfa_devices(caller, "alice"), Err(AwsError::UnusableAnswer { .. })));
        assert_eq!(server.requests().len(), 10);
    }

    #[test]
    fn a_pair_of_codes_goes_out_in_order_and_an_empty_answer_is_enough() {
        let server = Server::saying(vec![reply(
            200,
            "<EnableMFADeviceResponse><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></EnableMFADeviceResponse>",
        )]);
        let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
        let (first, second) = ("111111".parse().expect("a code"), "222222".parse().expect("a code"));
        client().enable_mfa_device(caller, "alice", &proof().serial_number, [&first, &second]).expect("enabled");
        assert!(server.requests()[0].ends_with("&AuthenticationCode1=111111&AuthenticationCode2=222222"));
    }

    #[test]
    fn session_credentials_are_taken_only_if_they_can_be_used() {
        let good = reply(200, &session_answer("ASIAIOSFODNN7EXAMPLE", "s3cr3t", "2026-11-22T08:43:42Z"));
        let session = session_with_code(&Server::saying(vec![good])).expect("a session");
        assert_eq!(Some(session.expiration), rfc3339::parse("2026-11-22T08:43:42Z"));
        for (id, secret, expiration) in [
            ("AKIAIOSFODNN7EXAMPLE", "s3cr3t", "2026-11-22T08:43:42Z"),
            ("ASIA", "s3cr3t", "2026-11-22T08:43:42Z"),
            ("ASIAIOSFODNN7EXAMPLE", "", "2026-11-22T08:43:42Z"),
            ("ASIAIOSFODNN7EXAMPLE", "a b", "2026-11-22T08:43:42Z"),
            ("ASIAIOSFODNN7EXAMPLE", "s3cr3t", "2026-11-21T20:43:42Z"),
            ("ASIAIOSFODNN7EXAMPLE", "s3cr3t", "2020-01-01T00:00:00Z"),
            ("ASIAIOSFODNN7EXAMPLE", "s3cr3t", "9999-12-31T23:59:59Z"),
            ("ASIAIOSFODNN7EXAMPLE", "s3cr3t", "soon"),
            ("ASIAIOSFODNN7EXAMPLE", "s3cr3t", ""),
        ] {
            let server = Server::saying(vec![reply(200, &session_answer(id, secret, expiration))]);
            let error = session_with_code(&server).expect_err(expiration);
            assert!(matches!(error, AwsError::UnusableAnswer { .. }), "{error}");
            assert!(!error.to_string().contains("FwoG"));
        }
    }

    #[test]
    fn hostile_xml_is_refused() {
        let billion = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><GetCallerIdentityResponse>&b;</GetCallerIdentityResponse>"#;
        let deep = "<a>".repeat(200_000);
        let many = IDENTITY.replace(
            "</GetCallerIdentityResponse>",
            &format!("{}</GetCallerIdentityResponse>", "<a/>".repeat(200_000)),
        );
        for body in [
            billion,
            &deep,
            &many,
            "",
            "<html>Sign in to the hotel's network</html>",
            "<DeleteVirtualMFADeviceResponse/>",
            "<GetCallerIdentityResponse/>",
            &IDENTITY.replace("123456789012</Account>", "1</Account>"),
            &IDENTITY.replace("AIDACKCEVSQ6C2EXAMPLE", "\u{202e}AIDA"),
        ] {
            let error = identity_from(&Server::saying(vec![reply(200, body)])).expect_err("refused");
            assert!(matches!(error, AwsError::UnusableAnswer { .. }), "{error}");
        }
    }
}

mod errors {
    use super::*;

    fn error_of(status: u16, body: &str) -> AwsError {
        session_with_code(&Server::saying(vec![reply(status, body)])).expect_err("refused")
    }

    #[test]
    fn each_code_and_each_wording_has_its_variant() {
        let wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
        let unknown = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.";
        for (status, code, message, variant) in [
            (403, "AccessDenied", wrong, "InvalidAuthenticationCode"),
            (403, "AccessDenied", unknown, "UnknownSerialNumber"),
            (403, "AccessDenied", "User: x is not authorized to perform: sts:AssumeRole", "AccessDenied"),
            (403, "AccessDeniedException", "no", "AccessDenied"),
            (
                403,
                "InvalidAuthenticationCode",
                "Authentication code for device is not valid.",
                "InvalidAuthenticationCode",
            ),
            (409, "EntityAlreadyExists", "MFA device already exists.", "AlreadyExists"),
            (409, "LimitExceeded", "Cannot exceed quota for MfaDevicesPerUser: 8", "LimitExceeded"),
            (404, "NoSuchEntity", "MFA Device invalid for user.", "NoSuchEntity"),
            (409, "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", "Service"),
            (409, "EntityTemporarilyUnmodifiable", "later", "Service"),
            (
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
                "InvalidCredentials",
            ),
            (403, "SignatureDoesNotMatch", "The request signature we calculated does not match", "InvalidCredentials"),
            (400, "UnrecognizedClientException", "The security token is invalid.", "InvalidCredentials"),
            (403, "ExpiredToken", "The security token included in the request is expired", "Expired"),
            (400, "ExpiredTokenException", "expired", "Expired"),
            (400, "Throttling", "Rate exceeded", "Throttled"),
            (400, "ThrottlingException", "Rate exceeded", "Throttled"),
            (503, "RequestLimitExceeded", "Request limit exceeded", "Throttled"),
            (429, "TooManyRequestsException", "slow down", "Throttled"),
            (
                400,
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
                "DurationTooLong",
            ),
            (
                400,
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                "DurationTooLong",
            ),
            (400, "ValidationError", "1 validation error detected", "Service"),
            (403, "AccessDenied", "Cannot call GetSessionToken with session credentials", "AccessDenied"),
            (400, "PackedPolicyTooLarge", "Packed size is 120%", "Service"),
            (400, "MalformedPolicyDocument", "Syntax errors in policy.", "Service"),
            (500, "InternalFailure", "oops", "Service"),
        ] {
            let error = error_of(status, &sts_error(code, message));
            let shown = format!("{error:?}");
            assert!(shown.starts_with(variant), "{code}: {shown}");
        }
    }

    #[test]
    fn what_no_variant_covers_keeps_code_status_and_request_id() {
        let body = r#"<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>DeleteConflict</Code><Message>in use</Message></Error><RequestId>abc-1</RequestId></ErrorResponse>"#;
        assert_eq!(
            error_of(409, body).to_string(),
            "GetSessionToken: DeleteConflict: in use (HTTP 409, request abc-1)"
        );
        assert_eq!(
            error_of(502, "<html><body>Bad Gateway</body>").to_string(),
            "GetSessionToken: unknown error: the answer is not one of an AWS service (HTTP 502, request unknown)"
        );
    }

    #[test]
    fn the_words_of_aws_cannot_steer_a_terminal() {
        let message = format!("one&#x9;two\n&#x85;thr\u{202e}ee\u{200b} {}", "x".repeat(5000));
        let text = error_of(403, &sts_error("AccessDenied", &message)).to_string();
        assert!(text.starts_with("GetSessionToken: access denied: one two three xxx"), "{text}");
        assert!(text.chars().count() < 700);
        assert!(text.chars().all(|character| !character.is_control()));
    }

    #[test]
    fn a_session_token_in_an_error_is_not_repeated() {
        let session = session();
        let token = session.session_token.expose();
        let message = format!(
            "Wrong token {token} here. The Canonical String for this request should have been&#10;'POST&#10;x-amz-security-token:{token}'"
        );
        let server = Server::saying(vec![reply(403, &sts_error("SignatureDoesNotMatch", &message))]);
        let caller = Caller { signer: Signer::Session(&session), endpoints: &server.endpoints() };
        let error = client().get_caller_identity(caller).expect_err("refused");
        assert_eq!(
            error.to_string(),
            "GetCallerIdentity: AWS does not accept these credentials: Wrong token [secret] here."
        );
    }
}

mod patience {
    use super::*;

    #[test]
    fn a_harmless_call_is_repeated_after_a_server_fault_with_growing_random_waits() {
        let server = Server::saying(vec![
            reply(503, &sts_error("ServiceUnavailable", "x")),
            reply(400, &sts_error("Throttling", "Rate exceeded")),
            reply(200, IDENTITY),
        ]);
        let (aws, waits) = client_with(ConnectionSettings::default());
        ask(&aws, &server.endpoints()).expect("an identity");
        let waits = waits.lock().expect("no panic");
        assert_eq!(waits.len(), 2);
        assert!(waits[0] <= Duration::from_millis(400) && waits[1] <= Duration::from_millis(800), "{waits:?}");
    }

    #[test]
    fn three_tries_are_all() {
        let server = Server::saying(vec![reply(400, &sts_error("Throttling", "Rate exceeded")); 5]);
        assert!(matches!(identity_from(&server), Err(AwsError::Throttled { .. })));
        assert_eq!(server.requests().len(), 3);
    }

    #[test]
    fn a_harmless_call_is_repeated_after_a_lost_or_truncated_answer() {
        let mut truncated = reply(200, IDENTITY);
        truncated.truncate(truncated.len() - 50);
        let server = Server::saying(vec![Vec::new(), truncated, reply(200, IDENTITY)]);
        identity_from(&server).expect("an identity");
        assert_eq!(server.requests().len(), 3);
    }

    #[test]
    fn a_code_is_never_sent_twice() {
        let mut truncated = reply(200, &session_answer("ASIAIOSFODNN7EXAMPLE", "s", "2026-11-22T08:43:42Z"));
        truncated.truncate(truncated.len() - 50);
        for (first, variant) in [
            (Vec::new(), "Unreachable"),
            (truncated, "Unreachable"),
            (reply(500, &sts_error("InternalFailure", "x")), "Service"),
            (reply(400, &sts_error("Throttling", "Rate exceeded")), "Throttled"),
        ] {
            let server = Server::saying(vec![first.clone(), first]);
            let error = session_with_code(&server).expect_err("refused");
            assert!(format!("{error:?}").starts_with(variant), "{error:?}");
            assert_eq!(server.requests().len(), 1, "{variant}");
        }
    }

    #[test]
    fn a_device_is_created_again_after_throttling_but_not_after_a_fault() {
        for (first, sent) in [
            (reply(400, &sts_error("Throttling", "Rate exceeded")), 3),
            (reply(500, &sts_error("ServiceFailure", "x")), 1),
            (Vec::new(), 1),
        ] {
            let server = Server::saying(vec![first; 3]);
            let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &server.endpoints() };
            client().create_virtual_mfa_device(caller, "alice").expect_err("refused");
            assert_eq!(server.requests().len(), sent);
        }
    }

    #[test]
    fn a_refused_connection_is_tried_again_even_with_a_code() {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let (aws, waits) = client_with(ConnectionSettings::default());
        let endpoints = endpoints_at(&format!("http://{free}"));
        let caller = Caller { signer: Signer::LongTerm(&long_term()), endpoints: &endpoints };
        let error = aws.get_session_token(caller, Duration::from_secs(900), Some(&proof())).expect_err("refused");
        assert!(error.to_string().starts_with(&format!("GetSessionToken: no answer from {free}: ")), "{error}");
        assert_eq!(waits.lock().expect("no panic").len(), 2);
    }

    #[test]
    fn a_redirect_is_not_followed() {
        let other = Server::saying(vec![reply(200, IDENTITY)]);
        for status in [301, 302, 307, 308] {
            let headers = format!("Location: http://{}/\r\n", other.address);
            let server = Server::saying(vec![reply_with(status, Some(0), &headers, "")]);
            let error = identity_from(&server).expect_err("refused");
            assert!(error.to_string().contains("a redirect"), "{error}");
        }
        assert!(other.requests().is_empty());
    }

    #[test]
    fn a_huge_answer_is_refused_before_it_is_read() {
        for head in ["Content-Length: 104857600", "Content-Length: 1000000000000000", "Transfer-Encoding: chunked"] {
            let written = Arc::new(Mutex::new(0));
            let counter = Arc::clone(&written);
            let server = Server::doing(1, move |_, stream| {
                let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
                let _ = write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
                for _ in 0..1600 {
                    if stream.write_all(chunk.as_bytes()).is_err() {
                        break;
                    }
                    *counter.lock().expect("no panic") += chunk.len();
                }
            });
            let started = Instant::now();
            let error = identity_from(&server).expect_err("refused");
            assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
            assert!(started.elapsed() < Duration::from_secs(5));
            drop(server);
            assert!(*written.lock().expect("no panic") < 50_000_000);
        }
    }
}

mod clocks {
    use super::*;

    #[test]
    fn the_offset_is_measured_and_the_next_signature_applies_it() {
        let late = reply_with(200, Some(90), "", IDENTITY);
        let server = Server::saying(vec![late.clone(), late]);
        let aws = client();
        assert_eq!(aws.clock_offset(), None);
        ask(&aws, &server.endpoints()).expect("an identity");
        assert!((89..=91).contains(&aws.clock_offset().expect("measured").seconds));
        ask(&aws, &server.endpoints()).expect("an identity");
        let dates: Vec<_> = server.requests().iter().filter_map(|request| header(request, "x-amz-date")).collect();
        assert_eq!(dates[0], "20261121T204342Z");
        assert!(dates[1].as_str() > "20261121T204510Z" && dates[1].as_str() < "20261121T204514Z", "{dates:?}");
    }

    #[test]
    fn a_second_is_no_offset() {
        for ahead in [-1, 0, 1] {
            let server = Server::saying(vec![reply_with(200, Some(ahead), "", IDENTITY)]);
            let aws = client();
            ask(&aws, &server.endpoints()).expect("an identity");
            assert_eq!(aws.clock_offset(), Some(ClockOffset { seconds: 0 }), "{ahead}");
        }
    }

    #[test]
    fn clocks_that_are_too_far_apart_are_an_error_of_their_own() {
        for ahead in [600, -600] {
            let expired =
                sts_error("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2 (3 - 15 min.)");
            for answer in [reply_with(403, Some(ahead), "", &expired), reply_with(200, Some(ahead), "", IDENTITY)] {
                let server = Server::saying(vec![answer; 2]);
                match identity_from(&server) {
                    Err(AwsError::ClockSkew { offset }) => assert!((offset.seconds - ahead).abs() <= 1),
                    other => panic!("{other:?}"),
                }
                assert_eq!(server.requests().len(), 1);
            }
        }
    }

    #[test]
    fn what_a_code_has_paid_for_is_kept_whatever_the_clock() {
        let answer = session_answer("ASIAIOSFODNN7EXAMPLE", "s", "2026-11-22T08:43:42Z");
        let server = Server::saying(vec![reply_with(200, Some(600), "", &answer)]);
        session_with_code(&server).expect("a session");
    }

    #[test]
    fn a_refused_time_is_signed_anew_once_even_with_a_code() {
        let expired = sts_error("SignatureDoesNotMatch", "Signature not yet current: 1 is still later than 2");
        let refused = reply_with(403, Some(-200), "", &expired);
        let good = session_answer("ASIAIOSFODNN7EXAMPLE", "s", "2026-11-22T08:43:42Z");
        let server = Server::saying(vec![refused.clone(), reply_with(200, Some(-200), "", &good)]);
        session_with_code(&server).expect("a session");
        let second = header(&server.requests()[1], "x-amz-date").expect("a date");
        assert!(second.starts_with("20261121T2040"), "{second}");

        let server = Server::saying(vec![refused; 4]);
        assert!(matches!(session_with_code(&server), Err(AwsError::ClockSkew { .. })));
        assert_eq!(server.requests().len(), 2);
    }

    #[test]
    fn a_refused_time_without_a_measured_difference_is_reported_as_aws_says_it() {
        let expired = sts_error("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2");
        for ahead in [None, Some(0)] {
            let server = Server::saying(vec![reply_with(403, ahead, "", &expired)]);
            assert!(matches!(identity_from(&server), Err(AwsError::InvalidCredentials { .. })));
        }
    }
}

mod tls {
    use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

    use super::*;

    /// A TLS server on loopback with its own self-signed certificate, in PEM.
    fn tls_server(name: &str, connections: usize) -> (Server, Vec<u8>) {
        tls_server_with(rcgen::CertificateParams::new([name.to_owned()]).expect("parameters"), connections)
    }

    fn tls_server_with(parameters: rcgen::CertificateParams, connections: usize) -> (Server, Vec<u8>) {
        let key_pair = rcgen::KeyPair::generate().expect("a key pair");
        let certificate = parameters.self_signed(&key_pair).expect("a certificate");
        let pem = certificate.pem().into_bytes();
        let key = PrivateKeyDer::try_from(key_pair.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a configuration");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let thread = std::thread::spawn(move || {
            for _ in 0..connections {
                let (stream, _) = listener.accept().expect("a connection");
                let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
                let mut stream = StreamOwned::new(connection, stream);
                let request = read_request(&mut stream);
                if !request.is_empty() {
                    seen.lock().expect("no panic").push(request);
                    let _ = stream.write_all(&reply(200, IDENTITY));
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            }
        });
        (Server { address, requests, thread: Some(thread) }, pem)
    }

    /// Asks with these roots of trust, or those of the system.
    fn ask_trusting(pem: Option<&[u8]>, url: &str) -> Result<CallerIdentity, AwsError> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(pem.unwrap_or_default()).expect("written");
        let ca_bundle = pem.map(|_| file.path().to_owned());
        ask(&client(), &Endpoints { ca_bundle, ..endpoints_at(url) })
    }

    fn local(server: &Server) -> String {
        format!("https://localhost:{}", server.address.port())
    }

    #[test]
    fn an_unknown_certificate_is_refused_before_anything_is_sent() {
        let (server, _) = tls_server("localhost", 2);
        let error = ask_trusting(None, &local(&server)).expect_err("refused");
        assert!(matches!(error, AwsError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
        assert!(server.requests().is_empty());
    }

    #[test]
    fn the_roots_of_a_ca_bundle_are_trusted_and_no_others() {
        let (server, pem) = tls_server("localhost", 1);
        ask_trusting(Some(&pem), &local(&server)).expect("an identity");
        let (server, _) = tls_server("localhost", 2);
        ask_trusting(Some(&pem), &local(&server)).expect_err("refused");
        assert!(server.requests().is_empty());
    }

    #[test]
    fn a_certificate_for_another_host_is_refused() {
        let (server, pem) = tls_server("sts.example.com", 2);
        let error = ask_trusting(Some(&pem), &local(&server)).expect_err("refused");
        assert!(matches!(error, AwsError::Unreachable { .. }), "{error}");
        assert!(server.requests().is_empty());
    }

    #[test]
    fn an_expired_certificate_is_refused() {
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("parameters");
        parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
        let (server, pem) = tls_server_with(parameters, 2);
        let error = ask_trusting(Some(&pem), &local(&server)).expect_err("refused");
        assert!(error.to_string().contains("expired"), "{error}");
        assert!(server.requests().is_empty());
    }

    #[test]
    fn a_ca_bundle_without_certificates_is_an_error_of_the_settings() {
        for pem in ["", "not PEM", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
            let error = ask_trusting(Some(pem.as_bytes()), "https://127.0.0.1:1").expect_err("refused");
            assert!(matches!(error, AwsError::InvalidSettings { .. }), "{error}");
            assert!(error.to_string().contains("AWS_CA_BUNDLE"), "{error}");
        }
    }
}

mod proxies {
    use super::*;

    fn through(proxy: &str, no_proxy: &str) -> HttpAws {
        let settings = ConnectionSettings { https_proxy: Some(proxy.into()), no_proxy: Some(no_proxy.to_owned()) };
        client_with(settings).0
    }

    #[test]
    fn another_machine_is_asked_through_the_proxy() {
        let proxy = Server::saying(vec![b"HTTP/1.1 403 No\r\n\r\n".to_vec(); 3]);
        let aws = through(&format!("http://me:hunter2@{}", proxy.address), "");
        let error = ask(&aws, &endpoints_at("https://sts.example.invalid")).expect_err("refused");
        assert!(proxy.requests()[0].starts_with("CONNECT sts.example.invalid:443 HTTP/1.1\r\n"));
        assert!(header(&proxy.requests()[0], "proxy-authorization").is_some());
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn this_machine_is_asked_directly() {
        let proxy = Server::saying(vec![b"HTTP/1.1 403 No\r\n\r\n".to_vec(); 3]);
        let url = format!("http://{}", proxy.address);
        let server = Server::saying(vec![reply(200, IDENTITY)]);
        ask(&through(&url, ""), &server.endpoints()).expect("an identity");
        assert!(proxy.requests().is_empty());
    }

    #[test]
    fn a_proxy_that_is_none_is_an_error_of_the_settings() {
        for url in ["socks5://127.0.0.1:1", "ftp://127.0.0.1", "http://", "://"] {
            let error = ask(&through(url, ""), &endpoints_at("https://sts.example.invalid")).expect_err("refused");
            assert!(matches!(error, AwsError::InvalidSettings { setting: "HTTPS_PROXY", .. }), "{url}: {error}");
        }
    }
}
