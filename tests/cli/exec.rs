//! `exec`: the command takes the process's place, with the documented environment and nothing else of ours.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    process::{Command, Stdio},
    time::Duration,
};

use mfavault::rehearsal::{Fault, FaultKind};
use rustix::process::{Pid, Signal, kill_process};

use super::world::{MFAVAULT, PROFILE, REGION, Run, World};

/// A command without GetSessionToken: what is tested here is the process, not the session.
fn exec(world: &World, command: &[&str]) -> Command {
    let own = ["exec", "admin", "--no-session", "--"];
    world.mfavault(own.into_iter().chain(command.iter().copied()))
}

/// A shell that becomes mfavault, which becomes a command.
fn shell(world: &World, script: &str) -> Command {
    let mut command = world.program("bash");
    command.args(["-c", script]);
    command
}

fn variables(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once('=')).collect()
}

#[test]
fn the_command_has_the_process_id_of_mfavault() {
    let world = World::with_keys();
    let child = exec(&world, &["sh", "-c", "echo $$"]).stdout(Stdio::piped()).spawn().unwrap();
    let id = child.id().to_string();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), id);
}

#[test]
fn the_status_is_the_commands_own() {
    let world = World::with_keys();
    assert_eq!(exec(&world, &["sh", "-c", "exit 42"]).run().status.code(), Some(42));
    assert_eq!(exec(&world, &["sh", "-c", "kill -TERM $$"]).run().status.signal(), Some(15));
    let ran = shell(&world, "mfavault exec admin -n -- sh -c 'kill -KILL $$'; echo $?").run();
    assert_eq!(ran.stdout, "137\n", "{ran:?}");
}

#[test]
fn a_signal_to_mfavault_is_one_to_the_command() {
    let world = World::with_keys();
    let script = "trap 'echo caught; exit 7' TERM; echo ready; while :; do read -t 1 line < fifo; done";
    rustix::fs::mkfifoat(rustix::fs::CWD, world.path("home/fifo"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
        .unwrap();
    // Held open for both, so that reading waits; not for ever, for bash may have got the signal just before.
    let _fifo = fs::OpenOptions::new().read(true).write(true).open(world.path("home/fifo")).unwrap();
    let mut child = exec(&world, &["bash", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "caught");
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn the_environment_is_the_documented_set() {
    let world = World::enrolled();
    let mut command = world.mfavault(["exec", PROFILE, "--", "env"]);
    let stale = [
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_ACCESS_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_SESSION_EXPIRATION",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_VAULT",
        "MFAVAULT_PROFILE",
        "MFAVAULT_ANYTHING",
    ];
    for name in stale {
        command.env(name, "canary");
    }
    command.env("MFAVAULT_NO_INPUT", "1").env("MFAVAULT_LOG", "off").env("AWS_MAX_ATTEMPTS", "7");
    command.env("AWS_PROFILE", "admin").env("MFAVAULT_PASSPHRASE_FILE", "/canary");
    let inherited: BTreeMap<String, String> = command
        .get_envs()
        .map(|(name, value)| (name.to_str().unwrap().to_owned(), value.unwrap().to_str().unwrap().to_owned()))
        .collect();

    let ran = command.run().succeeded();
    assert!(!ran.stdout.contains("canary"), "{ran:?}");
    let mut child = variables(&ran.stdout);
    let mut take = |name: &str| child.remove(name).unwrap_or_else(|| panic!("no {name}: {ran:?}"));
    assert!(take("AWS_ACCESS_KEY_ID").starts_with("ASIA"));
    assert_eq!(take("AWS_SECRET_ACCESS_KEY").len(), 40);
    assert!(take("AWS_SESSION_TOKEN").len() > 40);
    assert!(mfavault::rfc3339::parse(take("AWS_CREDENTIAL_EXPIRATION")).is_some());
    assert_eq!((take("AWS_REGION"), take("AWS_DEFAULT_REGION")), (REGION, REGION));
    assert_eq!(take("MFAVAULT_PROFILE"), PROFILE);
    // The rest is what was there, less what is ours or stale.
    let expected: BTreeMap<&str, &str> = inherited
        .iter()
        .filter(|(name, _)| !stale.contains(&name.as_str()) && !name.starts_with("MFAVAULT_"))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(child, expected);
}

#[test]
fn without_a_session_no_token_is_left_behind_and_a_warning_is_given() {
    let world = World::with_keys();
    let mut command = exec(&world, &["env"]);
    let ran = command.env("AWS_SESSION_TOKEN", "stale").env("AWS_CREDENTIAL_EXPIRATION", "stale").run().succeeded();
    let child = variables(&ran.stdout);
    assert_eq!(child["AWS_ACCESS_KEY_ID"], world.key("admin").access_key_id.as_str());
    assert!(!child.contains_key("AWS_SESSION_TOKEN") && !child.contains_key("AWS_CREDENTIAL_EXPIRATION"));
    assert!(ran.stderr.contains("long-term"), "{ran:?}");
    assert_eq!(world.aws.requests(), []);
}

#[test]
fn the_command_has_the_three_streams_and_nothing_else_open() {
    let world = World::with_keys();
    let look = "for fd in 0 1 2 3 4 5 6 7 8 9 10 11 12 63; do [ -e /proc/self/fd/$fd ] && echo $fd; done; true";
    let script = "exec 7</etc/passwd 63</etc/passwd; exec mfavault exec admin -n -- sh -c \"$0\"";
    let ran = world.program("bash").args(["-c", script, look]).run().succeeded();
    assert_eq!(ran.stdout, "0\n1\n2\n", "{ran:?}");
    let ran = exec(&world, &["cat"]).run_with("what is piped in\n").succeeded();
    assert_eq!(ran.stdout, "what is piped in\n");
}

#[test]
fn limits_and_signals_are_as_before() {
    let world = World::with_keys();
    let script = "ulimit -S -c 0; ulimit -H -c 5; ulimit -S -c 5; exec mfavault exec admin -n -- \
                  bash -c 'ulimit -S -c; ulimit -H -c; umask; cat /proc/self/status'";
    let ran = shell(&world, &format!("umask 027; {script}")).run().succeeded();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[..3], ["5", "5", "0027"], "{ran:?}");
    let mask = |name: &str| {
        let line = lines.iter().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    assert_eq!((mask("SigBlk:"), mask("SigIgn:") & 1 << (Signal::PIPE.as_raw() - 1)), (0, 0));
}

#[test]
fn without_a_command_the_users_shell_is_started() {
    let world = World::with_keys();
    let shell = world.path("shell");
    fs::write(&shell, "#!/bin/sh\necho \"shell of $MFAVAULT_PROFILE with $# arguments\"\n").unwrap();
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = world.line("exec admin --no-session");
    let ran = command.env("SHELL", &shell).run().succeeded();
    assert_eq!(ran.stdout, "shell of admin with 0 arguments\n");
    let ran = world.line("exec admin --no-session").run_with("echo plain $0\n").succeeded();
    assert_eq!(ran.stdout, "plain /bin/sh\n");
    world.line("exec admin --no-session").env("SHELL", "/no/such/shell").run().refused(127, &["/no/such/shell"]);
}

#[test]
fn the_default_profile_is_that_of_the_environment() {
    let world = World::with_keys();
    let mut command = world.line("exec --no-session -- printenv MFAVAULT_PROFILE");
    assert_eq!(command.env("AWS_PROFILE", "admin").run().succeeded().stdout, "admin\n");
    world.line("exec -- true").run().refused(125, &["default"]);
}

#[test]
fn sessions_can_be_nested() {
    let world = World::enrolled();
    let vault = world.path("vault");
    let ours = [
        format!("MFAVAULT_HOME={}", vault.display()),
        "MFAVAULT_KEYSTORE=file".to_owned(),
        format!("MFAVAULT_PASSPHRASE={}", world.passphrase),
    ];
    // A command does not inherit where the vault is: it has to be told.
    let own = ["exec", PROFILE, "--", "env", &ours[0], &ours[1], &ours[2]];
    let ran = world.mfavault(own.into_iter().chain(["mfavault", "exec", "admin", "--", "env"])).run().succeeded();
    let child = variables(&ran.stdout);
    assert_eq!(child["MFAVAULT_PROFILE"], "admin");
    let asked_with: Vec<_> =
        world.aws.requests().into_iter().filter(|request| request.action == "GetSessionToken").collect();
    let users: Vec<_> = asked_with.iter().map(|request| request.user.as_deref().unwrap()).collect();
    assert_eq!(users, ["alice", "admin"]);
    assert_eq!(ran.stdout.matches("AWS_SESSION_TOKEN=").count(), 1);
    assert_eq!(ran.stdout.matches("MFAVAULT_").count(), 1);
}

#[test]
fn arguments_reach_the_command_as_they_are() {
    let world = World::with_keys();
    let ran = exec(&world, &["printf", "<%s>", "a b", "", "--json", "$HOME", "*", "ü\n", "-v"]).run().succeeded();
    assert_eq!(ran.stdout, "<a b><><--json><$HOME><*><ü\n><-v>");
}

#[test]
fn a_broken_vault_is_status_125_and_the_command_does_not_run() {
    let world = World::with_keys();
    let keystore = world.path("vault/data/keystore");
    fs::write(&keystore, b"garbage").unwrap();
    exec(&world, &["touch", "ran"]).run().refused(125, &["keystore"]);
    fs::write(&keystore, b"").unwrap();
    exec(&world, &["touch", "ran"]).run().refused(125, &["keystore"]);
    fs::write(world.path("config"), "[profile admin]\nrole_arn = nonsense\n").unwrap();
    exec(&world, &["touch", "ran"]).run().refused(125, &["config", "2", "admin", "role_arn"]);
    fs::write(world.path("vault/data/index.file.json"), b"{").unwrap();
    exec(&world, &["touch", "ran"]).run().refused(125, &["index"]);
    assert!(!world.path("home/ran").exists());
}

#[test]
fn aws_refusing_or_being_away_is_status_125() {
    let world = World::enrolled();
    let mut command = world.line("exec main -- touch ran");
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").run().refused(125, &["hint: check the network"]);
    world.aws.set_clock_offset(3600);
    world.line("exec main -- touch ran").run().refused(125, &["clock"]);
    assert!(!world.path("home/ran").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_while_aws_is_awaited_ends_it_and_the_command_does_not_run() {
    let world = World::enrolled();
    let kind = FaultKind::Latency(Duration::from_secs(60));
    world.aws.inject_fault(Fault { action: None, kind, times: None });
    // Whoever runs the tests in the background has them ignore Ctrl-C.
    let mut command = world.program("env");
    let mut child =
        command.args(["--default-signal=INT", "mfavault", "exec", "main", "--", "touch", "ran"]).spawn().unwrap();
    while world.calls("GetSessionToken") == 0 {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    // A shell shows this as 130.
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(2), "{status}");
    assert!(!world.path("home/ran").exists());
}

#[test]
fn a_second_run_asks_aws_nothing() {
    let world = World::enrolled();
    world.line("exec main -- true").run().succeeded();
    let asked = world.aws.requests().len();
    world.line("exec main -- true").run().succeeded();
    // Not even if AWS is away.
    world.line("exec main -- true").env("AWS_ENDPOINT_URL", world.aws.url()).run().succeeded();
    world.line("export main").run().succeeded();
    world.line("credential-process main").run().succeeded();
    assert_eq!(world.aws.requests().len(), asked);
    world.line("exec main --refresh -- true").run().succeeded();
    assert!(world.aws.requests().len() > asked);
}

#[test]
fn the_binary_itself_may_be_the_command() {
    let world = World::enrolled();
    let ran = world.mfavault(["exec", PROFILE, "--", MFAVAULT, "rehearse", "--list-users"]).run().succeeded();
    assert_eq!(ran.stdout, "admin\nalice\n");
    world.mfavault(["exec", PROFILE, "-n", "--", MFAVAULT, "rehearse", "--list-users"]).run().refused(1, &["deny"]);
}

#[test]
fn an_mfa_process_has_neither_credentials_nor_our_passphrase() {
    let world = World::with_keys();
    let seen = world.path("home/seen");
    let process = format!("mfa_process = cat && env > {} && echo 123456", seen.display());
    let serial = "mfa_serial = arn:aws:iam::111122223333:mfa/phone";
    world.configure("[profile main]\n", &format!("[profile main]\n{serial}\n{process}\n"));
    let mut command = world.line("exec main -- true");
    command.env("AWS_SECRET_ACCESS_KEY", "canary").env("AWS_SESSION_TOKEN", "canary").env("AWS_PAGER", "kept");
    command.run_with("not for it").refused(125, &["GetSessionToken"]);
    let seen = fs::read_to_string(seen).unwrap();
    let seen = variables(&seen);
    assert_eq!(seen["AWS_PAGER"], "kept");
    assert!(!seen.keys().any(|name| name.starts_with("MFAVAULT_")), "{seen:?}");
    assert!(!seen.values().any(|value| value.contains("canary") || value.contains(&world.passphrase)), "{seen:?}");
}
