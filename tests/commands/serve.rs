//! The server of credentials, in process, where the time is ours: they are renewed before they end, without a person,
//! and without wasting codes.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use mfavault::{
    clock::Clock,
    commands::{
        Context, Error, SessionRequest,
        serve::{CredentialServer, SERVER_MIN_TTL},
    },
    rehearsal::FaultKind,
    rfc3339,
};
use serde_json::Value;

use crate::support::bench::{Bench, SERIAL};

fn request(minutes: u64) -> SessionRequest {
    let mut request = SessionRequest::plain("main".parse().unwrap());
    request.duration = Some(Duration::from_secs(minutes * 60));
    request.min_ttl = SERVER_MIN_TTL;
    request
}

fn start<'a>(bench: &Bench, context: &'a Context<'a>, request: SessionRequest) -> Result<CredentialServer<'a>, Error> {
    CredentialServer::start(context, request, Arc::clone(&bench.clock) as Arc<dyn Clock + Send + Sync>)
}

/// What the URL and the token stand for.
struct Address {
    host: String,
    token: String,
}

impl Address {
    fn of(server: &CredentialServer<'_>) -> Self {
        let variables = server.variables();
        let host = variables[0].1.expose().strip_prefix("http://").unwrap().strip_suffix("/credentials").unwrap();
        Address { host: host.to_owned(), token: variables[1].1.expose().clone() }
    }

    fn ask(&self) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let Address { host, token } = self;
        write!(stream, "GET /credentials HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
    }
}

/// What a client gets while the server sees to its credentials.
fn ask_while_it_serves(server: &mut CredentialServer<'_>, times: usize) -> Vec<(u16, Value)> {
    let (address, stopper) = (Address::of(server), server.stopper());
    std::thread::scope(|scope| {
        let client = scope.spawn(move || {
            let answers = (0..times).map(|_| address.ask()).collect();
            stopper.stop();
            answers
        });
        server.serve();
        client.join().unwrap()
    })
}

/// Seconds that the served credentials still have.
fn left(bench: &Bench, address: &Address) -> u64 {
    let (status, document) = address.ask();
    assert_eq!(status, 200, "{document}");
    let expiration = rfc3339::parse(document["Expiration"].as_str().unwrap()).unwrap();
    expiration.duration_since(bench.clock.now()).unwrap().as_secs()
}

#[test]
fn credentials_are_renewed_before_they_end_and_nobody_is_asked() {
    for (minutes, renewed_after) in [(60, 44), (15, 8)] {
        let bench = Bench::with_device();
        bench.prompt.leave();
        bench.run(|context| {
            let mut server = start(&bench, context, request(minutes)).unwrap();
            let address = Address::of(&server);
            let (requests, ()) = bench.requests_of(|| {
                bench.clock.advance(renewed_after * 60 - 60);
                server.look(false);
                assert_eq!(left(&bench, &address), (minutes - renewed_after + 1) * 60);
            });
            assert!(requests.is_empty(), "{requests:?}");
            let (requests, ()) = bench.requests_of(|| {
                bench.clock.advance(60);
                server.look(false);
                server.look(false);
                assert_eq!(left(&bench, &address), minutes * 60);
            });
            assert_eq!(requests, [format!("GetSessionToken {} mfa/alice+code", minutes * 60)]);
        });
        assert_eq!(bench.prompt.questions(), Vec::<String>::new());
        assert_eq!(bench.prompt.talk(), "");
    }
}

#[test]
fn the_answer_is_what_sdks_read() {
    let bench = Bench::with_device();
    bench.run(|context| {
        let server = start(&bench, context, request(60)).unwrap();
        let (_, document) = Address::of(&server).ask();
        let mut names: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort();
        // The bench does not know the account of its keys.
        assert_eq!(names, ["AccessKeyId", "Expiration", "SecretAccessKey", "Token"]);
    });
    bench.write_config(&format!(
        "[profile main]\nmfa_serial = {SERIAL}\n[profile deploy]\nrole_arn = arn:aws:iam::111122223333:role/deploy\n\
         source_profile = main\n"
    ));
    bench.run(|context| {
        let request = SessionRequest { profile: "deploy".parse().unwrap(), ..request(60) };
        let (_, document) = Address::of(&start(&bench, context, request).unwrap()).ask();
        assert_eq!(document["AccountId"], "111122223333");
    });
}

#[test]
fn while_aws_is_away_the_old_ones_are_served_until_they_end_and_aws_is_left_alone() {
    let bench = Bench::with_device();
    bench.run(|context| {
        let mut server = start(&bench, context, request(60)).unwrap();
        let address = Address::of(&server);
        bench.fail("GetSessionToken", FaultKind::Throttling, None);
        let (requests, ()) = bench.requests_of(|| {
            let first = address.ask();
            for _ in 1..60 {
                bench.clock.advance(60);
                server.look(false);
                assert_eq!(address.ask(), first);
            }
        });
        // Three calls a try, and longer and longer pauses.
        assert!((3..=18).contains(&requests.len()), "{requests:?}");
        // Each reason is said once: the screen may be the command's.
        let talk = bench.prompt.talk();
        assert!(talk.starts_with("warning: no new credentials of `main`: no new session can be had"), "{talk}");
        assert!(talk.contains("throttling") && talk.lines().count() == 2, "{talk}");

        // Once they have ended, those who ask get the reason, and AWS at most one try in half a minute.
        bench.clock.advance(120);
        let (requests, answers) = bench.requests_of(|| ask_while_it_serves(&mut server, 5));
        for (status, document) in answers {
            assert_eq!((status, &document["code"]), (500, &Value::from("NoCredentials")));
            assert!(document["message"].as_str().unwrap().contains("GetSessionToken"), "{document}");
        }
        assert!(requests.len() <= 3, "{requests:?}");

        // And it goes on when AWS is back.
        bench.aws.clear_faults();
        bench.clock.advance(40);
        assert_eq!(ask_while_it_serves(&mut server, 1)[0].0, 200);
        assert_eq!(left(&bench, &address), 3600);
    });
}

#[test]
fn short_ones_are_renewed_with_as_much_left_as_any_command_gets() {
    let bench = Bench::with_device();
    let file = bench.path("document");
    bench.write_config(&format!("[profile short]\ncredential_process = cat {}\n", file.display()));
    let write = |key: &str, seconds: u64| {
        let expiration = rfc3339::format(bench.clock.now() + Duration::from_secs(seconds));
        let document = format!(
            r#"{{"Version":1,"AccessKeyId":"{key}","SecretAccessKey":"x","SessionToken":"y","Expiration":"{expiration}"}}"#
        );
        std::fs::write(&file, document).unwrap();
    };
    for (seconds, renewed_after) in [(320, 20), (480, 180), (900, 450), (280, 140)] {
        write("ASIAIOSFODNN7EXAMPL1", seconds);
        bench.run(|context| {
            let request =
                SessionRequest { profile: "short".parse().unwrap(), duration: None, refresh: true, ..request(60) };
            let mut server = start(&bench, context, request).unwrap();
            let address = Address::of(&server);
            let served = || address.ask().1["AccessKeyId"].as_str().unwrap().to_owned();
            bench.clock.advance(renewed_after - 1);
            write("ASIAIOSFODNN7EXAMPL2", seconds);
            server.look(false);
            assert_eq!(served(), "ASIAIOSFODNN7EXAMPL1", "{seconds}");
            bench.clock.advance(1);
            server.look(false);
            assert_eq!(served(), "ASIAIOSFODNN7EXAMPL2", "{seconds}");
        });
    }
}

#[test]
fn a_renewal_that_hangs_keeps_nobody_from_the_old_ones() {
    let bench = Bench::with_device();
    bench.run(|context| {
        let mut server = start(&bench, context, request(60)).unwrap();
        let address = Address::of(&server);
        let first = address.ask();
        bench.clock.advance(50 * 60);
        bench.fail("GetSessionToken", FaultKind::Latency(Duration::from_secs(2)), Some(1));
        let (sender, ended) = std::sync::mpsc::channel();
        let asker = &address;
        std::thread::scope(|scope| {
            let client = scope.spawn(move || {
                let mut answers = Vec::new();
                while ended.try_recv().is_err() {
                    answers.push(asker.ask());
                }
                answers
            });
            server.look(false);
            let _ = sender.send(());
            let answers = client.join().unwrap();
            assert!(answers.iter().filter(|answer| **answer == first).count() > 10, "{}", answers.len());
        });
        assert_ne!(address.ask(), first);
    });
}

#[test]
fn a_person_is_asked_at_the_start_and_never_again() {
    let bench = Bench::with_device();
    let device = bench.device("alice").unwrap();
    bench.run(|context| context.vault.forget_device("alice")).unwrap();
    bench.prompt.answer(bench.code(&device, 0).expose());
    bench.run(|context| {
        let mut server = start(&bench, context, request(60)).unwrap();
        assert_eq!(bench.prompt.questions().len(), 1);
        bench.clock.advance(50 * 60);
        let (requests, ()) = bench.requests_of(|| server.look(false));
        assert!(requests.is_empty(), "{requests:?}");
        assert_eq!(left(&bench, &Address::of(&server)), 600);
        bench.clock.advance(10 * 60);
        server.look(true);
        let talk = bench.prompt.talk();
        assert_eq!(talk.matches("warning: no new credentials of `main`: the code of").count(), 1, "{talk}");
    });
    assert_eq!(bench.prompt.questions(), Vec::<String>::new());
}

#[test]
fn a_code_given_for_the_start_is_not_used_again() {
    let bench = Bench::with_device();
    let device = bench.device("alice").unwrap();
    bench.run(|context| {
        let mut request = request(60);
        (request.mfa_code, request.refresh) = (Some(bench.code(&device, 0)), true);
        let mut server = start(&bench, context, request).unwrap();
        bench.clock.advance(45 * 60);
        server.look(false);
        assert_eq!(left(&bench, &Address::of(&server)), 3600);
    });
}

#[test]
fn a_clock_behind_that_of_aws_does_not_let_ended_credentials_out() {
    let bench = Bench::with_device();
    bench.set_skew(200);
    bench.run(|context| {
        let mut server = start(&bench, context, request(60)).unwrap();
        bench.fail("GetSessionToken", FaultKind::ClosedBeforeActing, None);
        bench.clock.advance(3590);
        server.look(false);
        assert_eq!(ask_while_it_serves(&mut server, 1)[0].0, 200);
        bench.clock.advance(20);
        assert_eq!(ask_while_it_serves(&mut server, 1)[0].0, 500);
    });
}

#[test]
fn credentials_that_never_end_are_not_served() {
    let bench = Bench::with_device();
    bench.run(|context| {
        let request = SessionRequest { no_session: true, ..request(60) };
        assert!(matches!(start(&bench, context, request), Err(Error::NothingToServe { .. })));
    });
    let process = r#"echo '{"Version":1,"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"x"}'"#;
    bench.write_config(&format!("[profile other]\ncredential_process = {process}\n"));
    bench.run(|context| {
        let request = SessionRequest { profile: "other".parse().unwrap(), duration: None, ..request(60) };
        assert!(matches!(start(&bench, context, request), Err(Error::NothingToServe { .. })));
    });
}
