//! A device that asks: the question on a real terminal, and no pinentry of a stranger's.

use std::{fs, os::unix::fs::PermissionsExt};

use rexpect::session::spawn_command;

use super::world::{PROFILE, Run, SERIAL_NUMBER, World};

/// Alice's device asks; a yes holds for 15 minutes.
fn asking() -> World {
    let world = World::enrolled();
    world.line("mfa consent alice ask --remember 15m").run().succeeded();
    world
}

#[test]
fn the_question_is_on_the_terminal_while_an_sdk_reads_the_answer() {
    let world = asking();
    let mut command = world.program("bash");
    command.args(["-c", &format!("mfavault credential-process {PROFILE} </dev/null >out 2>err; echo \"status $?\"")]);
    let ask = |answer: &str, status: &str| {
        let mut terminal = spawn_command(clone(&command), Some(30_000)).unwrap();
        let question = format!("Give a code of `alice` ({SERIAL_NUMBER}) for GetSessionToken of profile `{PROFILE}`");
        terminal.exp_string(&question).unwrap();
        terminal.exp_string("for 15 min? [y/N] ").unwrap();
        terminal.send_line(answer).unwrap();
        terminal.exp_string(status).unwrap();
        fs::read_to_string(world.path("home/out")).unwrap()
    };
    assert_eq!(ask("n", "status 1"), "");
    assert_eq!(world.calls("GetSessionToken"), 0);
    assert!(fs::read_to_string(world.path("home/err")).unwrap().contains("the answer was no"));
    assert_eq!(ask("\u{3}", "status 130"), "");
    let document: serde_json::Value = serde_json::from_str(&ask("y", "status 0")).unwrap();
    assert_eq!((document["Version"].as_u64(), world.calls("GetSessionToken")), (Some(1), 1));
    // Without a terminal, while the yes holds; locking ends that.
    world.line("code alice").run().succeeded();
    world.line("lock").run().succeeded();
    world.line("code alice").run().refused(1, &["`alice`", "no terminal", "mfavault mfa consent alice free"]);
    world.line("--no-input code alice").run().refused(1, &["`alice`", "--no-input"]);
}

fn clone(command: &std::process::Command) -> std::process::Command {
    let mut copy = std::process::Command::new(command.get_program());
    copy.args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        copy.env(name, value.unwrap());
    }
    copy.current_dir(command.get_current_dir().unwrap());
    copy
}

#[test]
fn a_pinentry_that_was_planted_in_path_or_the_current_folder_is_not_started() {
    let world = asking();
    let planted = world.path("home");
    let script =
        format!("#!/bin/sh\ntouch {}/used\necho OK\nwhile read -r line; do echo OK; done\n", planted.display());
    for name in ["pinentry", "pinentry-gnome3", "pinentry-qt", "pinentry-gtk-2", "pinentry-mac"] {
        fs::write(planted.join(name), &script).unwrap();
        fs::set_permissions(planted.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    for path in [format!("{}:/usr/bin:/bin", planted.display()), ".:/usr/bin:/bin".to_owned()] {
        let mut command = world.line("code alice");
        // Nothing answers there, so that the system's own pinentry gives up at once.
        command.env("PATH", path).env("DISPLAY", ":54321");
        command.run().refused(1, &["`alice`", "no terminal"]);
    }
    assert!(!planted.join("used").exists());
}
