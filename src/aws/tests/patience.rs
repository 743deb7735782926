//! What is sent again, how often, and what never is.

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
