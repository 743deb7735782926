//! Commands that are started, and what they inherit.
//!
//! [`child`] is this test binary run again: the process that starts the command.
#![cfg(unix)]

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::Write,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use mfavault::process::{self, Launch, LaunchError, ProcessError, find_program};
use rustix::{
    io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd},
    process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit},
};

use crate::support::stopwatch::Stopwatch;

const HOW: &str = "MFAVAULT_TEST_HOW";
const SCRIPT: &str = "MFAVAULT_TEST_SCRIPT";

/// Not a test: the process that starts the command, if the environment says which.
#[test]
#[allow(clippy::disallowed_methods, reason = "the environment is how a test binary is told what to do")]
fn child() {
    let (Ok(how), Some(script)) = (env::var(HOW), env::var_os(SCRIPT)) else { return };
    let maximum = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: maximum, maximum }).expect("set");
    let hardened = process::harden().expect("hardened");
    #[cfg(target_os = "linux")]
    assert_eq!(rustix::process::dumpable_behavior().expect("known"), rustix::process::DumpableBehavior::NotDumpable);
    assert_eq!(getrlimit(Resource::Core).current, Some(0));

    let leaked = fcntl_dupfd_cloexec(std::io::stdin(), 50).expect("a descriptor");
    fcntl_setfd(&leaked, FdFlags::empty()).expect("set");
    let launch = Launch {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script, "sh".into(), std::process::id().to_string().into()],
        environment: vec![("ONLY".into(), "this".into())],
    };
    let status = match how.as_str() {
        "launch" => process::launch(&launch, &hardened),
        "run" => process::run(&launch, &hardened),
        other => panic!("no way `{other}`"),
    };
    assert_eq!(getrlimit(Resource::Core).current, Some(0));
    // Not by returning: the harness would make every status its own.
    let _ = std::io::stdout().flush();
    #[allow(clippy::disallowed_methods, reason = "the status is what is tested")]
    std::process::exit(status.expect("started"));
}

fn starting(how: &str, script: &str) -> Command {
    let name = format!("{}::child", module_path!().split_once("::").expect("a module").1);
    let mut command = Command::new(env::current_exe().expect("this binary"));
    command.args(["--exact", &name, "--nocapture", "--quiet"]).env(HOW, how).env(SCRIPT, script);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn start(how: &str, script: &str) -> Output {
    starting(how, script).output().expect("this binary runs")
}

fn said(output: &Output) -> String {
    // The harness says first how many tests it runs.
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().skip_while(|line| *line != "begin").skip(1).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_command_takes_the_place_of_the_process() {
    let output = start("launch", "echo begin; test $$ = $1 && echo same");
    assert_eq!(said(&output), "same", "{output:?}");
    let output = start("run", "echo begin; test $PPID = $1 && echo child");
    assert_eq!(said(&output), "child", "{output:?}");
}

#[test]
fn only_the_three_streams_stay_open() {
    for how in ["launch", "run"] {
        let output = start(how, "echo begin; for fd in 0 1 2 50 51 52; do test -e /dev/fd/$fd && echo $fd; done");
        assert_eq!(said(&output), "0\n1\n2", "{output:?}");
    }
}

#[test]
fn the_environment_is_what_was_given_and_nothing_else() {
    let output = start("launch", "echo begin; /usr/bin/env | /bin/grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=");
    assert_eq!(said(&output), "ONLY=this", "{output:?}");
}

#[test]
fn the_core_limit_is_the_one_from_before() {
    let hard = start("launch", "echo begin; ulimit -H -c");
    for how in ["launch", "run"] {
        assert_eq!(said(&start(how, "echo begin; ulimit -S -c")), said(&hard));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn signals_have_their_default_effect_and_none_is_blocked() {
    for how in ["launch", "run"] {
        let output = start(how, "echo begin; exec /bin/cat /proc/self/status");
        let status = said(&output);
        let mask = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a mask");
            u64::from_str_radix(line.trim_start_matches(':').trim(), 16).expect("hexadecimal")
        };
        assert_eq!(mask("SigBlk"), 0, "{how}");
        assert_eq!(mask("SigIgn") & 1 << (Signal::PIPE.as_raw() - 1), 0, "{how}");
        assert_eq!(mask("SigCgt"), 0, "{how}");
    }
}

#[test]
fn the_status_is_the_commands_own() {
    assert_eq!(start("launch", "exit 42").status.code(), Some(42));
    assert_eq!(start("launch", "kill -TERM $$").status.signal(), Some(15));
    assert_eq!(start("run", "exit 42").status.code(), Some(42));
    assert_eq!(start("run", "kill -TERM $$").status.code(), Some(128 + 15));
}

#[test]
fn a_signal_to_end_is_handed_on_to_a_command_that_runs_beside() {
    for (signal, name) in [(Signal::TERM, "TERM"), (Signal::HUP, "HUP")] {
        let waiting = "/bin/sleep 10 >/dev/null 2>&1 & echo begin; echo ready >&2; wait; exit 9";
        let script = format!("trap 'kill $!; echo caught; exit 7' {name}; {waiting}");
        let mut process = starting("run", &script).spawn().expect("this binary runs");
        let mut ready = [0; 6];
        std::io::Read::read_exact(process.stderr.as_mut().expect("a pipe"), &mut ready).expect("read");
        assert_eq!(&ready, b"ready\n");
        kill_process(Pid::from_child(&process), signal).expect("sent");
        let output = process.wait_with_output().expect("the end");
        assert_eq!(said(&output), "caught", "{output:?}");
        assert_eq!(output.status.code(), Some(7));
    }
}

#[test]
fn what_cannot_be_executed_is_told_from_what_is_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = script(folder.path(), "broken", "#!/no/such/interpreter\n", 0o755);
    let hardened = process::harden().expect("hardened");
    let attempt = |program: PathBuf| {
        let launch = Launch { program, arguments: vec![], environment: vec![] };
        process::launch(&launch, &hardened).expect_err("not started")
    };
    assert!(matches!(attempt(folder.path().join("absent")), LaunchError::NotFound { .. }));
    assert!(matches!(attempt(broken), LaunchError::NotExecutable { source: Some(_), .. }));
    assert!(matches!(attempt(folder.path().to_owned()), LaunchError::NotExecutable { source: Some(_), .. }));
}

#[test]
fn a_program_is_found_on_the_path_and_never_in_the_current_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    fs::create_dir_all(&first).expect("a folder");
    fs::create_dir_all(&second).expect("a folder");
    script(&first, "plain", "", 0o644);
    let plain = script(&second, "plain", "", 0o755);
    let alone = script(&first, "alone", "", 0o644);
    let path = env::join_paths([&first, &second]).expect("a path");
    let find = |name: &str| find_program(OsStr::new(name), Some(&path));

    assert_eq!(find("plain").expect("found"), plain);
    assert!(matches!(find("alone"), Err(LaunchError::NotExecutable { program, .. }) if program == alone));
    for name in ["absent", "", ".", ".."] {
        assert!(find(name).is_err(), "{name:?}");
    }

    // Tests run in the package's folder, where Cargo.toml and src are.
    for path in ["", ".", ":", "./:src", "src"] {
        let found = find_program(OsStr::new("Cargo.toml"), Some(OsStr::new(path)));
        assert!(matches!(found, Err(LaunchError::NotFound { .. })), "{path:?}");
        let found = find_program(OsStr::new("main.rs"), Some(OsStr::new(path)));
        assert!(matches!(found, Err(LaunchError::NotFound { .. })), "{path:?}");
    }
    assert!(matches!(find_program(OsStr::new("sh"), None), Err(LaunchError::NotFound { .. })));
}

#[test]
fn a_name_with_a_slash_is_a_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = script(folder.path(), "plain", "", 0o755);
    let find = |name: OsString| find_program(&name, Some(OsStr::new("/usr/bin")));
    assert_eq!(find(program.clone().into()).expect("found"), program);
    assert!(matches!(find("./Cargo.toml".into()), Err(LaunchError::NotExecutable { .. })));
    assert!(matches!(find("./src".into()), Err(LaunchError::NotExecutable { .. })));
    assert!(matches!(find("./absent".into()), Err(LaunchError::NotFound { .. })));
    assert!(matches!(find(folder.path().join("absent").into()), Err(LaunchError::NotFound { .. })));
}

fn script(folder: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, text).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
    file
}

#[test]
fn a_launch_in_a_log_shows_neither_credentials_nor_arguments() {
    let launch = Launch {
        program: "/bin/sh".into(),
        arguments: vec!["canary".into()],
        environment: vec![("AWS_SECRET_ACCESS_KEY".into(), "canary".into())],
    };
    let shown = format!("{launch:?}");
    assert!(shown.contains("/bin/sh") && !shown.contains("canary"), "{shown}");
}

fn printed(script: &str, patience: Duration) -> Result<String, ProcessError> {
    let environment = [("PATH".into(), "/usr/bin:/bin".into())];
    process::output_of(script, &environment, patience, true).map(|text| text.expose().clone())
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn what_a_shell_command_prints_is_given_back() {
    assert_eq!(printed("echo 123456; echo talk >&2", LONG).expect("text"), "123456\n");
    assert_eq!(printed("cat", LONG).expect("standard input is empty"), "");
    assert_eq!(printed("exec >&-; sleep 0.1", LONG).expect("nothing"), "");
    let most = printed("head -c 65536 /dev/zero | tr '\\0' x", LONG).expect("64 KiB are taken");
    assert_eq!(most.len(), 65536);
}

#[test]
fn a_shell_command_that_fails_gives_nothing() {
    let failed = |script| match printed(script, LONG) {
        Err(ProcessError::Failed { status }) => status,
        other => panic!("{script}: {other:?}"),
    };
    assert_eq!(failed("echo 123456; exit 3"), "exit status: 3");
    assert!(failed("echo 123456; kill -KILL $$").contains('9'));
    assert!(matches!(printed("printf '\\377\\376'", LONG), Err(ProcessError::NotText)));
}

#[test]
fn a_shell_command_that_does_not_end_is_ended_and_leaves_no_zombie() {
    let folder = tempfile::tempdir().expect("a folder");
    let note = folder.path().join("ids");
    for script in [
        "exec sleep 60",
        "trap '' TERM; while :; do sleep 0.01; done",
        "exec >&-; exec sleep 60",
        "while :; do echo x; sleep 0.01; done",
        #[cfg(target_os = "linux")]
        "sh -c 'echo $$ >> ids; sleep 60 & echo $! >> ids; wait'; true",
    ] {
        let began = Stopwatch::start();
        let script = format!("cd {}; echo $$ > ids; {script}", folder.path().display());
        let outcome = printed(&script, Duration::from_secs(2));
        assert!(matches!(outcome, Err(ProcessError::TimedOut { .. })), "{script}: {outcome:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{script}");
        for (place, id) in fs::read_to_string(&note).expect("IDs").lines().enumerate() {
            let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let id = Pid::from_raw(id.parse().expect("a number")).expect("an ID");
            // The shell is ours to bury; what it had started is buried by another, who may take his time.
            let is_gone = rustix::process::test_kill_process(id).is_err();
            assert!(is_gone || place > 0 && state.contains(") Z "), "{script}: {state}");
        }
    }
}

#[test]
fn a_shell_command_that_prints_without_end_is_ended() {
    let began = Stopwatch::start();
    let outcome = printed("head -c 1000000000 /dev/zero", LONG);
    assert!(matches!(outcome, Err(ProcessError::TooLong)), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn whoever_is_left_with_the_pipe_is_not_awaited() {
    let began = Stopwatch::start();
    assert_eq!(printed("sleep 20 2>&- & echo 123456", LONG).expect("text"), "123456\n");
    assert!(began.elapsed() < Duration::from_secs(15));
}

/// A background process group would be stopped by the system as soon as it read from the terminal.
#[test]
fn a_shell_command_stays_in_our_process_group() {
    let group = printed("ps -o pgid= -p $$", LONG).expect("text");
    let own = rustix::process::getpgrp().as_raw_nonzero().to_string();
    assert_eq!(group.trim(), own);
}

#[test]
fn a_shell_command_that_may_not_ask_is_no_foreground_job() {
    let environment = [("PATH".into(), "/usr/bin:/bin".into())];
    let text = process::output_of("ps -o pgid= -p $$; echo $$", &environment, LONG, false).expect("text");
    let ids: Vec<&str> = text.expose().split_whitespace().collect();
    assert_eq!(ids[0], ids[1]);
}
