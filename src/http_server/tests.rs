//! Raw sockets against the server: what it takes, and what it refuses.

use super::*;

fn echo() -> HttpServer {
    HttpServer::start(
        Audience::Everybody,
        Arc::new(|request| {
            let parameters = request.query_parameters();
            let mut response = HttpResponse::new(200, "text/plain", request.body.clone());
            for (name, value) in parameters {
                match name.as_str() {
                    "cut" => response.delivery = Delivery::Truncated,
                    "drop" => response.delivery = Delivery::Nothing,
                    "delay" => response.delay = Duration::from_millis(value.parse().expect("milliseconds")),
                    _ => response.body.extend_from_slice(format!("{name}={value};").as_bytes()),
                }
            }
            response
        }),
    )
    .expect("a server")
}

/// Sends bytes, with `HOST` as the server's address, and returns all that comes back.
fn talk(server: &HttpServer, text: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let text = text.replace("HOST", &format!("Host: {}", server.address()));
    stream.write_all(text.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    String::from_utf8(answer).expect("text")
}

#[test]
fn a_body_comes_by_length_or_in_chunks() {
    let server = echo();
    let answer = talk(&server, "POST /?a=1%2B1+x HTTP/1.1\r\nHOST\r\nContent-Length: 3\r\n\r\nabc");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("Connection: close\r\n"));
    assert!(answer.ends_with("\r\n\r\nabca=1+1 x;"), "{answer}");
    let chunks =
        "POST / HTTP/1.1\r\nHOST\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: v\r\n\r\n";
    assert!(talk(&server, chunks).ends_with("\r\n\r\nabc"));
}

#[test]
fn a_client_that_expects_to_be_asked_is_asked() {
    let request = "PUT / HTTP/1.1\r\nHOST\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx";
    assert!(talk(&echo(), request).starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"));
}

#[test]
fn head_has_the_length_and_no_body() {
    let answer = talk(&echo(), "HEAD /?a=b HTTP/1.1\r\nHOST\r\n\r\n");
    assert!(answer.contains("Content-Length: 4\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn pages_of_a_browser_and_foreign_host_names_are_refused() {
    let server = echo();
    let port = server.address().port();
    for head in [
        "HOST\r\nOrigin: http://localhost".to_owned(),
        "HOST\r\nOrigin: null".to_owned(),
        "HOST\r\nHOST".to_owned(),
        format!("Host: attacker.example:{port}"),
        "Host: 127.0.0.1".to_owned(),
        "X: y".to_owned(),
    ] {
        let answer = talk(&server, &format!("GET / HTTP/1.1\r\n{head}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 403 "), "{head}: {answer}");
    }
    assert!(talk(&server, &format!("GET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_private_server_is_called_by_its_address_and_by_programs_only() {
    let answer = |_: &HttpRequest| HttpResponse::empty(204);
    let server = HttpServer::start(Audience::OwnUserNoBrowser, Arc::new(answer)).expect("a server");
    assert!(talk(&server, "GET / HTTP/1.1\r\nHOST\r\n\r\n").starts_with("HTTP/1.1 204 "));
    let port = server.address().port();
    for request in [
        format!("GET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"),
        "GET / HTTP/1.1\r\nHOST\r\nReferer: x\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHOST\r\nSec-Fetch-Mode: no-cors\r\n\r\n".to_owned(),
        "DELETE / HTTP/1.1\r\nHOST\r\n\r\n".to_owned(),
    ] {
        assert!(talk(&server, &request).starts_with("HTTP/1.1 403 "), "{request}");
    }
}

#[test]
fn what_is_too_big_or_ambiguous_is_refused() {
    let server = echo();
    for (head, status) in [
        ("Content-Length: 1048577", "413"),
        ("Content-Length: 99999999999999999999999", "413"),
        ("Content-Length: +1", "400"),
        ("Content-Length: 1\r\nContent-Length: 1", "400"),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked", "400"),
        ("Transfer-Encoding: gzip, chunked", "400"),
        (&format!("X: {}", "x".repeat(33 * 1024)), "431"),
        (&"X: y\r\n".repeat(101), "431"),
    ] {
        let answer = talk(&server, &format!("POST / HTTP/1.1\r\nHOST\r\n{head}\r\n\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{}: {answer}", &head[..30.min(head.len())]);
    }
    assert!(talk(&server, "DELETE / HTTP/1.1\r\nHOST\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(talk(&server, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let chunk = "POST / HTTP/1.1\r\nHOST\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n";
    assert!(talk(&server, chunk).starts_with("HTTP/1.1 413 "));
}

#[test]
fn an_answer_can_be_cut_dropped_or_held_back() {
    let server = echo();
    let post = |query| talk(&server, &format!("POST /?{query} HTTP/1.1\r\nHOST\r\nContent-Length: 4\r\n\r\nabcd"));
    assert!(post("cut").contains("Content-Length: 4\r\n") && post("cut").ends_with("\r\n\r\nab"));
    assert_eq!(post("drop"), "");
    let start = Instant::now();
    assert!(post("delay=50").ends_with("abcd"));
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[test]
fn a_server_that_is_dropped_is_gone_even_while_it_holds_an_answer_back() {
    let server = echo();
    let address = server.address();
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!("GET /?delay=60000 HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let start = Instant::now();
    drop(server);
    stream.read_to_end(&mut Vec::new()).ok();
    assert!(start.elapsed() < Duration::from_secs(30));
    // A process that another test is about to start has the listener, too, until it becomes another program.
    while TcpStream::connect(address).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn sixty_four_clients_at_once_are_all_answered() {
    let server = echo();
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| assert!(talk(&server, "GET /?delay=20 HTTP/1.1\r\nHOST\r\n\r\n").contains(" 200 OK")));
        }
    });
}

#[test]
fn a_request_that_trickles_in_is_ended_at_its_deadline() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let mut client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    let (mut stream, _) = listener.accept().expect("accepted");
    client.write_all(b"GET / HTTP/1.1\r\nX: y").expect("sent");
    let outcome = read(&mut stream, Instant::now() + Duration::from_millis(50));
    assert!(matches!(outcome, Err(Refusal::Answer(408))));
}

#[test]
fn one_connection_too_many_is_told_to_come_back() {
    let server = echo();
    let idle: Vec<TcpStream> =
        (0..MAX_CONNECTIONS).map(|_| TcpStream::connect(server.address()).expect("a connection")).collect();
    let answer = talk(&server, "GET / HTTP/1.1\r\nHOST\r\n\r\n");
    // Refused unread, the connection may also end by a reset that overtakes the answer.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503 "), "{answer}");
    drop(idle);
    let start = Instant::now();
    while !talk(&server, "GET / HTTP/1.1\r\nHOST\r\n\r\n").contains(" 200 OK") {
        assert!(start.elapsed() < Duration::from_secs(10), "room again once the others are gone");
    }
}
