//! `serve` and `exec --server`, as AWS's SDKs, a shell and an attacker on this machine see them.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::world::{PROFILE, REGION, Ran, Run, World, ran};
use crate::support::{programs::installed, stopwatch::Stopwatch};

const URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// A running `serve`; killed when dropped.
struct Serving {
    child: Option<Child>,
    /// Such as `127.0.0.1:40000`.
    host: String,
    token: String,
}

impl Serving {
    fn start(world: &World, options: &str) -> Self {
        let mut command = world.line(&format!("{options} serve {PROFILE} --format json"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let variables: BTreeMap<String, String> = serde_json::from_str(&line).expect("one object on one line");
        assert_eq!(variables.keys().collect::<Vec<_>>(), [TOKEN, URI]);
        let host = variables[URI].strip_prefix("http://").unwrap().strip_suffix("/credentials").unwrap();
        Serving { child: Some(child), host: host.to_owned(), token: variables[TOKEN].clone() }
    }

    /// Sends bytes, with HOST, PORT and TOKEN replaced, and gives back all that comes.
    fn talk(&self, text: &str) -> String {
        let port = self.host.rsplit(':').next().unwrap();
        let text = text.replace("HOST", &self.host).replace("PORT", port).replace("TOKEN", &self.token);
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // It may be refused before all is sent.
        let _ = stream.write_all(text.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    fn get(&self) -> String {
        self.talk("GET /credentials HTTP/1.1\r\nHost: HOST\r\nAuthorization: TOKEN\r\n\r\n")
    }

    fn end(mut self, signal: Signal) -> Ran {
        let child = self.child.take().unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        ran(child.wait_with_output().unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn body(answer: &str) -> Value {
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn whoever_has_the_token_gets_the_credentials_and_no_cache_keeps_them() {
    let world = World::enrolled();
    let server = Serving::start(&world, "");
    let answer = server.get();
    assert!(
        answer.contains("\r\nCache-Control: no-store\r\n") && answer.contains("\r\nContent-Type: application/json\r\n")
    );
    let document = body(&answer);
    assert!(document["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    assert_eq!(document["AccountId"], "111122223333");
    assert_eq!(document.as_object().unwrap().len(), 5, "{:?}", document.as_object().unwrap().keys());
    assert_eq!(server.token.len(), 43, "256 bits in base64");
    // It is the session of the vault, and no other token's.
    let other = Serving::start(&world, "");
    assert_eq!(body(&other.get()), document);
    assert_ne!((&other.token, &other.host), (&server.token, &server.host));
    assert_eq!(world.calls("GetSessionToken"), 1);
}

#[test]
fn everything_else_is_refused_without_a_word() {
    let world = World::enrolled();
    let server = Serving::start(&world, "");
    let rest = "Host: HOST\r\nAuthorization: TOKEN\r\n\r\n";
    let almost = {
        let last = if server.token.ends_with('A') { "B" } else { "A" };
        format!("{}{last}", &server.token[..42])
    };
    let long = "A".repeat(20_000);
    let headers = |head: &str| format!("GET /credentials HTTP/1.1\r\n{head}\r\n\r\n");
    let line = |line: &str| format!("{line}\r\n{rest}");
    for (text, status) in [
        (headers("Host: HOST"), 403),
        (headers("Host: HOST\r\nAuthorization:"), 403),
        (headers(&format!("Host: HOST\r\nAuthorization: {almost}")), 403),
        (headers("Host: HOST\r\nAuthorization: TOKENx"), 403),
        (headers("Host: HOST\r\nAuthorization: TOKEN TOKEN"), 403),
        (headers("Host: HOST\r\nAuthorization: Bearer TOKEN"), 403),
        (headers(&format!("Host: HOST\r\nAuthorization: {}", server.token.to_lowercase())), 403),
        (headers(&format!("Host: HOST\r\nAuthorization: {long}")), 403),
        (headers("Host: HOST\r\nAuthorization: TOKEN\r\nAuthorization: TOKEN"), 403),
        (headers("Host: HOST\r\nX-Aws-Ec2-Metadata-Token: TOKEN"), 403),
        (headers("Host: localhost:PORT\r\nAuthorization: TOKEN"), 403),
        (headers("Host: 127.0.0.1\r\nAuthorization: TOKEN"), 403),
        (headers("Host: 127.0.0.1:1PORT\r\nAuthorization: TOKEN"), 403),
        (headers("Host: 127.0.0.1.:PORT\r\nAuthorization: TOKEN"), 403),
        (headers("Host: 127.1:PORT\r\nAuthorization: TOKEN"), 403),
        (headers("Host: [::1]:PORT\r\nAuthorization: TOKEN"), 403),
        (headers("Host: [::ffff:127.0.0.1]:PORT\r\nAuthorization: TOKEN"), 403),
        (headers("Host: 169.254.170.2\r\nAuthorization: TOKEN"), 403),
        (headers("Host: attacker.example:PORT\r\nAuthorization: TOKEN"), 403),
        (headers("Host: user@HOST\r\nAuthorization: TOKEN"), 403),
        (headers("Host: HOST\r\nHost: HOST\r\nAuthorization: TOKEN"), 403),
        (headers("Host: HOST\r\nHost: other\r\nAuthorization: TOKEN"), 403),
        (headers("Authorization: TOKEN"), 403),
        (headers("Host: HOST\r\nAuthorization: TOKEN\r\nOrigin: null"), 403),
        (headers("Host: HOST\r\nAuthorization: TOKEN\r\nOrigin: http://HOST"), 403),
        (headers("Host: HOST\r\nAuthorization: TOKEN\r\nReferer: http://HOST/"), 403),
        (headers("Host: HOST\r\nAuthorization: TOKEN\r\nSec-Fetch-Site: same-origin"), 403),
        (line("GET / HTTP/1.1"), 403),
        (line("GET /credentials/ HTTP/1.1"), 403),
        (line("GET //credentials HTTP/1.1"), 403),
        (line("GET /Credentials HTTP/1.1"), 403),
        (line("GET /%63redentials HTTP/1.1"), 403),
        (line("GET /x/../credentials HTTP/1.1"), 403),
        (line("GET /credentials?x HTTP/1.1"), 403),
        (line("GET http://HOST/credentials HTTP/1.1"), 403),
        (line("GET * HTTP/1.1"), 403),
        (line("HEAD /credentials HTTP/1.1"), 403),
        (line("POST /credentials HTTP/1.1"), 403),
        (line("PUT /credentials HTTP/1.1"), 403),
        (line("OPTIONS /credentials HTTP/1.1"), 403),
        (line("CONNECT HOST HTTP/1.1"), 403),
        (line("get /credentials HTTP/1.1"), 403),
        (line("GET /credentials HTTP/2.0"), 400),
        (line("GET /credentials HTTP/1.1 x"), 400),
        (line("GET  /credentials HTTP/1.1"), 400),
        (line("GET /credentials"), 400),
        (headers("Host: HOST\r\nAuthorization : TOKEN"), 400),
        (headers("Host: HOST\r\nAuthorization: x\r\n TOKEN"), 400),
        (headers("Host: HOST\r\nAuthorization: TO\rKEN"), 400),
        (headers("Host: HOST\r\nAuthorization: TOKEN\0"), 400),
        (headers("Host: HOST\r\nAuthorization: TOKEN\r\nContent-Length: 1\r\nTransfer-Encoding: chunked"), 400),
        (headers("Host: HOST\r\nAuthorization: TOKEN\r\nTransfer-Encoding: chunked") + "1\r\nx\r\n0\r\n\r\n", 403),
        (headers("Host: HOST\r\nAuthorization: TOKEN\r\nContent-Length: 1") + "x", 403),
        (headers(&format!("Host: HOST\r\nAuthorization: TOKEN\r\nX: {}", "x".repeat(40_000))), 431),
        (headers(&format!("Host: HOST\r\nAuthorization: TOKEN{}", "\r\nX: y".repeat(200))), 431),
    ] {
        let answer = server.talk(&text);
        let shown = &text[..text.len().min(200)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown:?}: {answer}");
        assert!(answer.ends_with("\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), "{shown:?}: {answer}");
    }
    // White space around a value is no part of it (RFC 9110, section 5.5), and HTTP/1.0 can name a host, too.
    for text in [headers("Host: HOST\r\nAuthorization:TOKEN \t"), line("GET /credentials HTTP/1.0")] {
        body(&server.talk(&text));
    }
    // One request a connection: what comes behind the first is not looked at.
    let two = line("GET /credentials HTTP/1.1").repeat(2);
    assert_eq!(server.talk(&two).matches("HTTP/1.1 ").count(), 1);
}

#[test]
fn idle_and_slow_connections_keep_nobody_out_for_long() {
    let world = World::enrolled();
    let server = Serving::start(&world, "");
    let mut idle: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(&server.host).unwrap()).collect();
    let _ = idle[0].write_all(b"GET /credentials HTTP/1.1\r\nX: ");
    let began = Instant::now();
    while !server.get().starts_with("HTTP/1.1 200 ") {
        assert!(began.elapsed() < Duration::from_secs(30), "its deadline ends each of them");
    }
}

#[test]
fn another_user_is_refused_though_he_knows_the_token() {
    if !rustix::process::geteuid().is_root() || !installed(&["setpriv", "bash", "python3"]) {
        return;
    }
    let world = World::enrolled();
    let server = Serving::start(&world, "");
    let request = |host: &str, token: &str| {
        let (address, port) = host.split_once(':').unwrap();
        format!(
            "exec 3<>/dev/tcp/{address}/{port}; \
             printf 'GET /credentials HTTP/1.1\\r\\nHost: {host}\\r\\nAuthorization: {token}\\r\\n\\r\\n' >&3; cat <&3"
        )
    };
    let script = request(&server.host, &server.token);
    let as_another = ["--reuid=54321", "--regid=54321", "--clear-groups", "bash", "-c", &script];
    let refused = world.program("setpriv").args(as_another).run();
    assert!(refused.stdout.starts_with("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n"), "{refused:?}");
    body(&world.program("bash").args(["-c", &script]).run().stdout);
    // The same by a socket for IPv6, as Java opens them.
    let (_, port) = server.host.split_once(':').unwrap();
    let script = format!(
        "import socket; s = socket.create_connection(('::ffff:127.0.0.1', {port})); \
         s.sendall(b'GET /credentials HTTP/1.1\\r\\nHost: {}\\r\\nAuthorization: {}\\r\\n\\r\\n'); print(s.recv(20))",
        server.host, server.token
    );
    let as_another = ["--reuid=54321", "--regid=54321", "--clear-groups", "/usr/bin/python3", "-c", &script];
    let refused = world.program("setpriv").args(as_another).run();
    assert!(refused.stdout.contains("403") || refused.stderr.contains("unreachable"), "{refused:?}");
    let own = world.program("/usr/bin/python3").args(["-c", &script]).run();
    assert!(own.stdout.contains("200 OK") || own.stderr.contains("unreachable"), "{own:?}");
    drop(server);

    // Root is another user, too.
    let Some(world) = world.for_a_user() else { return };
    let server = Serving::start(&world, "");
    assert!(server.get().starts_with("HTTP/1.1 403 "));
    body(&world.program("bash").args(["-c", &request(&server.host, &server.token)]).run().stdout);
}

#[test]
fn signals_end_it_cleanly_and_the_port_is_gone() {
    let world = World::enrolled();
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 0), (Signal::HUP, 0)] {
        let server = Serving::start(&world, "");
        let host = server.host.clone();
        let ran = server.end(signal);
        assert_eq!(ran.status.code(), Some(status), "{ran:?}");
        assert_eq!(ran.stderr, "serving the credentials of `main`; Ctrl-C ends it\n");
        assert!(TcpStream::connect(host).is_err());
    }
}

#[test]
fn the_variables_come_in_every_form_and_a_reader_that_is_gone_ends_it() {
    let world = World::enrolled();
    let script = |line: &str| world.program("bash").args(["-c", line]).run();
    for (format, start) in [("env", "export AWS_"), ("dotenv", "AWS_"), ("fish", "set -gx AWS_"), ("cmd", "set \"AWS_")]
    {
        let ran = script(&format!(
            "mfavault serve main --format {format} > out & sleep 0.1; until [ -s out ]; do :; done; kill $!; wait $!; cat out"
        ));
        assert!(ran.stdout.lines().count() == 2 && ran.stdout.lines().all(|line| line.starts_with(start)), "{ran:?}");
    }
    let ran = script("mfavault serve main | true; echo ${PIPESTATUS[0]}");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("0\n", ""));
    assert_eq!(world.line("serve main --format ini").run().status.code(), Some(2));
    world.line("serve main --no-session").run().refused(1, &["`main`", "hint: leave --no-session out"]);
    world.line("exec main --server -n -- true").run().refused(125, &["hint: leave --no-session out"]);
}

#[test]
fn what_cannot_be_run_is_known_before_aws_is_asked() {
    let world = World::enrolled();
    fs::write(world.path("home/plain"), "").unwrap();
    let asked = world.aws.requests().len();
    world.line("exec main --server -- nonsense").run().refused(127, &["nonsense"]);
    world.line("exec main --server -- ./plain").run().refused(126, &["plain"]);
    assert_eq!(world.aws.requests().len(), asked);
}

#[test]
fn the_commands_status_and_environment_are_the_documented_ones() {
    let world = World::enrolled();
    let status =
        |script: &str| world.mfavault(["exec", PROFILE, "--server", "--", "sh", "-c", script]).run().status.code();
    assert_eq!(status("exit 42"), Some(42));
    assert_eq!(status("kill -TERM $$"), Some(128 + 15));
    assert_eq!(status("kill -KILL $$"), Some(128 + 9));

    let mut command = world.mfavault(["exec", PROFILE, "--server", "--", "env"]);
    let stale = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"];
    let stale = stale.into_iter().chain(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", URI, TOKEN, "AWS_ROLE_ARN"]);
    let stale: Vec<&str> = stale.chain(["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "MFAVAULT_X"]).collect();
    command.envs(stale.iter().map(|name| (name, "stale"))).env("AWS_PROFILE", "admin");
    let inherited: BTreeMap<String, String> = command
        .get_envs()
        .map(|(name, value)| (name.to_str().unwrap().to_owned(), value.unwrap().to_str().unwrap().to_owned()))
        .filter(|(name, _)| !stale.contains(&name.as_str()) && !name.starts_with("MFAVAULT_") && name != "AWS_PROFILE")
        .collect();
    let ran = command.run().succeeded();
    let mut child: BTreeMap<String, String> = ran
        .stdout
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert!(child.remove(URI).unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(child.remove(TOKEN).unwrap().len(), 43);
    for (name, value) in [("AWS_REGION", REGION), ("AWS_DEFAULT_REGION", REGION), ("MFAVAULT_PROFILE", PROFILE)] {
        assert_eq!(child.remove(name).as_deref(), Some(value));
    }
    assert_eq!(child, inherited);

    let look = "for fd in 0 1 2 3 4 5 6 7 8 9 10 11 12 63; do [ -e /proc/self/fd/$fd ] && echo $fd; done; true";
    let script = format!("exec 7</etc/passwd; exec mfavault exec main --server -- sh -c '{look}'");
    let ran = world.program("bash").args(["-c", &script]).run().succeeded();
    assert_eq!(ran.stdout, "0\n1\n2\n", "{ran:?}");
}

#[test]
fn a_signal_is_handed_on_and_the_port_ends_with_the_command() {
    let world = World::enrolled();
    let script = "trap 'kill $!; exit 7' TERM; sleep 60 2>&- >&- & echo $AWS_CONTAINER_CREDENTIALS_FULL_URI; wait";
    let mut command = world.mfavault(["exec", PROFILE, "--server", "--", "bash", "-c", script]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let host = line.trim().strip_prefix("http://").unwrap().strip_suffix("/credentials").unwrap().to_owned();
    assert!(TcpStream::connect(&host).is_ok());
    let began = Stopwatch::start();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(&host).is_err());

    // Of ours killed, nothing stays but the command.
    let server = Serving::start(&world, "");
    let host = server.host.clone();
    drop(server);
    assert!(TcpStream::connect(host).is_err());
}

#[test]
fn credentials_of_the_default_profile_are_told_to_be_in_the_way() {
    let world = World::enrolled();
    let quiet = world.line("exec main --server -- true").run().succeeded();
    assert_eq!(quiet.stderr, "");
    world.configure("[profile main]", "[default]\nregion = x-y-1\nrole_arn = arn:aws:iam::1:role/x\n[profile main]");
    let ran = world.line("exec main --server -- true").run().succeeded();
    assert!(ran.stderr.contains("config:3\nhint: ") && ran.stderr.contains("`role_arn`"), "{ran:?}");
    fs::write(world.path("credentials"), "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n").unwrap();
    let ran = world.line("exec main --server -- true").run().succeeded();
    assert!(ran.stderr.contains("credentials:2\nhint: ") && ran.stderr.contains("`aws_access_key_id`"), "{ran:?}");
}

#[test]
fn the_aws_cli_and_boto3_take_their_credentials_from_it() {
    if !installed(&["aws", "python3"]) {
        return;
    }
    let world = World::enrolled();
    let own = ["exec", PROFILE, "--server", "--"];
    let who = ["aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"];
    let ran = world.mfavault(own.into_iter().chain(who)).run().succeeded();
    assert_eq!(ran.stdout, "arn:aws:iam::111122223333:user/alice\n");
    if !world.program("python3").args(["-c", "import boto3"]).run().status.success() {
        assert!(!installed(&["boto3 for python3"]));
        return;
    }
    let script = "import boto3\nsession = boto3.Session()\n\
                  print(session.get_credentials().method, session.client('sts').get_caller_identity()['Arn'])\n\
                  import os\nos.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN'] = 'wrong'\n\
                  try: boto3.Session().get_credentials().get_frozen_credentials()\n\
                  except Exception as error: print(error)";
    let ran = world.mfavault(own.into_iter().chain(["python3", "-c", script])).run().succeeded();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "container-role arn:aws:iam::111122223333:user/alice");
    assert!(lines[1].contains("non 200 response 403"), "{ran:?}");
}

#[test]
fn neither_token_nor_keys_are_in_arguments_or_logs() {
    let world = World::enrolled();
    let server = Serving::start(&world, "-vv");
    let document = body(&server.get());
    server.talk("GET /credentials HTTP/1.1\r\nHost: HOST\r\nAuthorization: TOKENx\r\n\r\n");
    let secrets = [&server.token, document["SecretAccessKey"].as_str().unwrap(), document["Token"].as_str().unwrap()]
        .map(str::to_owned);
    let id = server.child.as_ref().unwrap().id();
    for file in ["cmdline", "environ"] {
        let text = String::from_utf8_lossy(&fs::read(format!("/proc/{id}/{file}")).unwrap()).into_owned();
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{file}");
    }
    let ran = server.end(Signal::TERM);
    assert!(ran.stderr.contains("debug: "), "{ran:?}");
    assert!(!secrets.iter().any(|secret| ran.stderr.contains(secret)), "{ran:?}");
    for path in super::world::files(world.folder()).into_iter().filter(|path| path.is_file()) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{}", path.display());
    }
}
