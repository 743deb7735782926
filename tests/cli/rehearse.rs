//! `rehearse`: a world of its own, in which nothing of the user's is touched.

use std::{
    fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use rexpect::session::spawn_command;

use super::world::{MFAVAULT, Run, World, files, ran};

/// A user with a config, a vault and variables of his own, none of which may be touched.
fn rehearsing(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.mfavault(["rehearse"].into_iter().chain(arguments.iter().copied()));
    command.env("AWS_PROFILE", "canary").env("AWS_ACCESS_KEY_ID", "canary").env("AWS_SECRET_ACCESS_KEY", "canary");
    command.env("AWS_SESSION_TOKEN", "canary").env("AWS_ROLE_ARN", "canary").env("TMPDIR", world.path("tmp"));
    command
}

fn with_belongings() -> (World, Vec<(std::path::PathBuf, Vec<u8>)>) {
    let world = World::with_keys();
    for folder in ["home/.aws", "tmp"] {
        fs::create_dir(world.path(folder)).unwrap();
    }
    for name in ["home/.aws/config", "home/.aws/credentials"] {
        fs::write(world.path(name), "[default]\nregion = canary-1\n").unwrap();
        fs::set_permissions(world.path(name), fs::Permissions::from_mode(0o400)).unwrap();
    }
    let before = belongings(&world);
    (world, before)
}

/// Every file with its content; the folder of temporary files is empty in the end.
fn belongings(world: &World) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all: Vec<_> = files(world.folder())
        .into_iter()
        .map(|path| {
            let content = if path.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
            (path, content)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn the_commands_status_is_passed_on() {
    let (world, before) = with_belongings();
    assert_eq!(rehearsing(&world, &["--", "sh", "-c", "exit 42"]).run().status.code(), Some(42));
    assert_eq!(rehearsing(&world, &["--", "sh", "-c", "kill -TERM $$"]).run().status.code(), Some(143));
    rehearsing(&world, &["--", "no-such-program"]).run().refused(127, &["no-such-program"]);
    rehearsing(&world, &["--", "/etc/passwd"]).run().refused(126, &["/etc/passwd"]);
    assert_eq!(belongings(&world), before);
    assert_eq!(world.aws.requests(), []);
}

#[test]
fn a_command_finds_a_world_in_its_environment() {
    let (world, before) = with_belongings();
    let ran = rehearsing(&world, &["--", "env"]).run().succeeded();
    assert!(!ran.stdout.contains("canary"), "{ran:?}");
    let value = |name: &str| {
        let line = ran.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {name}: {ran:?}"))
    };
    assert!(value("AWS_ENDPOINT_URL").starts_with("http://127.0.0.1:"));
    assert_ne!(value("AWS_ENDPOINT_URL"), world.aws.url());
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
        assert!(value(name).starts_with(world.path("tmp").to_str().unwrap()), "{ran:?}");
    }
    assert_eq!(belongings(&world), before);
}

#[test]
fn a_script_can_be_tested_without_aws() {
    let (world, before) = with_belongings();
    let script = "set -e; mfavault add --from-credentials-file >&2; mfavault mfa enable >&2\n\
                  mfavault exec -- mfavault rehearse --list-users; cat";
    let ran = rehearsing(&world, &["--", "sh", "-c", script]).run_with("piped in\n").succeeded();
    assert_eq!(ran.stdout, "admin\nalice\npiped in\n");
    assert_eq!(belongings(&world), before);
}

#[test]
fn without_a_terminal_it_is_the_tour_and_all_of_it_holds() {
    let (world, before) = with_belongings();
    // At the same time: each waits for a time step of its own.
    let start = |arguments: &[&str]| {
        let mut command = rehearsing(&world, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let tours = [start(&[]), start(&["--tour"])];
    for tour in tours.map(|child| ran(child.wait_with_output().unwrap()).succeeded()) {
        for word in ["explicit deny", "mfa enable", "credential-process", "backup create", "held: STS was asked once"] {
            assert!(tour.stdout.contains(word) || tour.stderr.contains(word), "no {word}: {tour:?}");
        }
        assert!(tour.stdout.contains("whole story") && !tour.stdout.contains('\u{1b}'), "{tour:?}");
    }
    assert_eq!(belongings(&world), before);
}

#[test]
fn on_a_terminal_it_is_a_shell() {
    let (world, before) = with_belongings();
    let mut command = world.program(MFAVAULT);
    command.arg("rehearse").env("SHELL", "/bin/sh").env("PS1", "ready> ").env("TMPDIR", world.path("tmp"));
    command.stdin(Stdio::inherit());
    let mut terminal = spawn_command(command, Some(30_000)).unwrap();
    terminal.exp_string("nothing of yours is touched").unwrap();
    terminal.exp_string("ready> ").unwrap();
    terminal.send_line("mfavault list --json | grep -c access_key_id; echo done-$AWS_PROFILE").unwrap();
    terminal.exp_string("done-rehearsal").unwrap();
    terminal.send_line("exit 3").unwrap();
    let status = terminal.process().wait().unwrap();
    assert!(format!("{status:?}").contains("3"), "{status:?}");
    assert_eq!(belongings(&world), before);
}

#[test]
fn a_signal_to_end_reaches_the_command_and_the_world_is_cleared_away() {
    let (world, before) = with_belongings();
    let script = "trap 'kill $!; exit 9' TERM; sleep 60 & echo ready; wait";
    let mut child = rehearsing(&world, &["--", "sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    assert_eq!(belongings(&world), before);
}
