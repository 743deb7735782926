//! Signals after a question on a real terminal: they belong to the command that runs beside us, or end `serve` cleanly.

use std::process::Command;

use mfavault::rehearsal::{Fault, FaultKind};
use rexpect::session::{PtySession, spawn_command};
use rustix::process::{Pid, Signal, kill_process};

use super::world::{Run, World};

const PASSPHRASE: &str = "Passphrase of the keystore: ";

/// Says each Ctrl-C and whether the server is there, counts each SIGTERM, and ends at the first Ctrl-C after one.
const COMMAND: &str = r#"
    terms=0
    address=${AWS_CONTAINER_CREDENTIALS_FULL_URI#http://}
    address=${address%%/*}
    at_int() {
        (exec 3<>/dev/tcp/${address%:*}/${address#*:}) && echo "served"
        echo "Ctrl-C after $terms"
        [ $terms = 0 ] || exit 9
    }
    trap at_int INT
    trap 'terms=$((terms + 1)); echo "SIGTERM $terms"' TERM
    echo "beside $PPID"
    while :; do sleep 0.05; done
"#;

/// A shell on a terminal that runs a line and says how it ended.
fn on_a_terminal(world: &World, change: impl Fn(&mut Command), line: &str) -> PtySession {
    std::fs::write(world.path("home/command"), COMMAND).unwrap();
    let mut command = world.program("bash");
    command.args(["-c", &format!("exec </dev/tty; {line}; echo \"status $?\"")]).env("NO_COLOR", "1");
    change(&mut command);
    spawn_command(command, Some(30_000)).unwrap()
}

fn asked_for_the_passphrase(world: &World, line: &str) -> PtySession {
    let ask = |command: &mut Command| {
        command.env_remove("MFAVAULT_PASSPHRASE");
    };
    let mut terminal = on_a_terminal(world, ask, line);
    sees(&mut terminal, PASSPHRASE);
    terminal.send_line(&world.passphrase).unwrap();
    terminal
}

#[track_caller]
fn sees(terminal: &mut PtySession, text: &str) -> String {
    terminal.exp_string(text).unwrap_or_else(|error| panic!("no {text:?}: {error}"))
}

#[track_caller]
fn process_id(terminal: &mut PtySession, before: &str) -> Pid {
    sees(terminal, before);
    Pid::from_raw(terminal.read_line().unwrap().trim().parse().unwrap()).unwrap()
}

/// Ctrl-C is the command's, SIGTERM reaches it once, and its status is ours.
#[track_caller]
fn leaves_signals_to_the_command(mut terminal: PtySession) {
    let id = process_id(&mut terminal, "beside ");
    terminal.send_control('c').unwrap();
    sees(&mut terminal, "served");
    sees(&mut terminal, "Ctrl-C after 0");
    kill_process(id, Signal::TERM).unwrap();
    sees(&mut terminal, "SIGTERM 1");
    terminal.send_control('c').unwrap();
    sees(&mut terminal, "served");
    sees(&mut terminal, "Ctrl-C after 1");
    sees(&mut terminal, "status 9");
}

#[test]
fn after_the_passphrase_signals_are_the_commands() {
    let world = World::enrolled();
    leaves_signals_to_the_command(asked_for_the_passphrase(&world, "mfavault exec main --server -- bash ./command"));
}

#[test]
fn after_the_choice_of_a_profile_signals_are_the_commands() {
    let world = World::enrolled();
    let mut terminal = on_a_terminal(&world, |_| (), "mfavault exec --server -- bash ./command");
    sees(&mut terminal, "deploy");
    terminal.send("main\r").unwrap();
    terminal.flush().unwrap();
    leaves_signals_to_the_command(terminal);
    // What was served was used, too.
    assert_eq!(std::fs::read_to_string(world.path("vault/state/uses")).unwrap(), "main\n");
}

#[test]
fn after_a_question_signals_end_serve_cleanly() {
    let world = World::enrolled();
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 0), (Signal::HUP, 0), (Signal::QUIT, 131)] {
        let line = "sh -c 'echo serve $$; exec mfavault serve main'";
        let ask = |command: &mut Command| {
            command.env_remove("MFAVAULT_PASSPHRASE");
        };
        let mut terminal = on_a_terminal(&world, ask, line);
        let id = process_id(&mut terminal, "serve ");
        sees(&mut terminal, PASSPHRASE);
        terminal.send_line(&world.passphrase).unwrap();
        sees(&mut terminal, "Ctrl-C ends it");
        kill_process(id, signal).unwrap();
        sees(&mut terminal, &format!("status {status}"));
    }
    let mut terminal = asked_for_the_passphrase(&world, "mfavault serve main");
    sees(&mut terminal, "Ctrl-C ends it");
    terminal.send_control('c').unwrap();
    sees(&mut terminal, "status 130");
}

#[test]
fn whoever_is_not_to_be_asked_is_not_asked_by_a_profiles_command_either() {
    let world = World::with_keys();
    let process = "mfa_process = printf 'which code? ' >/dev/tty; read code </dev/tty; echo $code";
    let serial = "mfa_serial = arn:aws:iam::111122223333:mfa/alice";
    world.configure("region = eu-central-1\n", &format!("region = eu-central-1\n{serial}\n{process}\n"));
    let mut terminal = on_a_terminal(&world, |_| (), "mfavault exec main -- true");
    sees(&mut terminal, "which code? ");
    terminal.send_line("12345").unwrap();
    sees(&mut terminal, "status 125");
    let mut terminal = on_a_terminal(&world, |_| (), "mfavault --no-input exec main -- true; read -r line; echo $line");
    let shown = sees(&mut terminal, "it wants the terminal, and nobody is asked now");
    assert!(!shown.contains("status"), "{shown}");
    terminal.send_line("typed for the shell").unwrap();
    sees(&mut terminal, "typed for the shell\r\nstatus 0");
    assert_eq!(world.calls("GetSessionToken"), 0);
    // One that only prints needs no terminal.
    world.configure(process, "mfa_process = echo 000000");
    let ran = world.line("--no-input exec main -- true").run();
    assert_eq!(ran.status.code(), Some(125), "{ran:?}");
    assert!(world.calls("GetSessionToken") > 0, "{ran:?}");
}

#[test]
fn ctrl_c_while_a_new_key_is_waited_for_says_how_to_go_on() {
    let world = super::rotate::world_of_a_slow_aws();
    let mut terminal = asked_for_the_passphrase(&world, "trap : INT; mfavault rotate admin");
    sees(&mut terminal, "AWS learns of the new access key");
    terminal.send_control('c').unwrap();
    sees(&mut terminal, "interrupted: the new access key ****");
    sees(&mut terminal, "`mfavault rotate admin` goes on from here");
    sees(&mut terminal, "status 130");
}

#[test]
fn ctrl_c_as_the_answer_of_a_question_says_how_to_go_on_with_what_was_begun() {
    let world = World::with_keys();
    let (action, kind) = (Some("DeleteAccessKey".to_owned()), FaultKind::ServerError);
    world.aws.inject_fault(Fault { action, kind, times: None });
    world.line("rotate admin").run().refused(1, &["`admin` is begun, not finished"]);
    let ask = |command: &mut Command| _ = command.env_remove("MFAVAULT_PASSPHRASE");
    let mut terminal = on_a_terminal(&world, ask, "mfavault rotate admin");
    sees(&mut terminal, PASSPHRASE);
    terminal.send_control('c').unwrap();
    sees(&mut terminal, "interrupted");
    sees(&mut terminal, "hint: nothing is lost: `mfavault rotate admin` goes on from here");
    sees(&mut terminal, "status 130");
}
