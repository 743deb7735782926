//! `rotate` and the age of keys, as a person and a script see them: streams, exit codes, hints, two at once.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt,
    process::Stdio,
    time::Duration,
};

use mfavault::rehearsal::{Fault, FaultKind};
use rustix::process::{Pid, Signal, kill_process};

use super::world::{Run, World, files};

/// AWS does not learn of the new key.
pub(super) fn world_of_a_slow_aws() -> World {
    World::with_keys_where(|settings| settings.propagation_delay = Duration::from_secs(3600))
}

/// The only profile's masked key, as a script reads it.
fn key_of(world: &World, profile: &str) -> serde_json::Value {
    let rows = world.line("list --json").run().succeeded().json();
    rows.as_array().unwrap().iter().find(|row| row["profile"] == profile).unwrap().clone()
}

#[test]
fn a_key_is_replaced_without_a_word_on_stdout_and_the_list_knows_its_age() {
    let world = World::enrolled();
    let before = key_of(&world, "main");
    assert!(before["key_created"].is_null() && before["key_added"].is_string(), "{before}");
    let ran = world.line("rotate main").run().succeeded();
    assert_eq!(ran.stdout, "");
    assert!(!ran.stderr.contains("AKIA"), "{ran:?}");
    let after = key_of(&world, "main");
    assert_ne!(before["access_key_id"], after["access_key_id"]);
    assert!(mfavault::rfc3339::parse(after["key_created"].as_str().unwrap()).is_some());
    assert_eq!(world.line("list --older-than 90d --json").run().succeeded().json(), serde_json::json!([]));
    let calls = world.aws.requests().len();
    let ran = world.line("rotate main --older-than 90d").run().succeeded();
    assert!(ran.stderr.contains("it is not that old, and stays"), "{ran:?}");
    assert_eq!(world.aws.requests().len(), calls);
    let table = world.line("list").run().succeeded().stdout;
    assert!(table.lines().next().unwrap().starts_with("PROFILE") && table.contains(" AGE "), "{table}");
}

#[test]
fn an_unfinished_one_says_how_to_go_on_and_leaves_no_secret_in_the_clear() {
    let world = World::with_keys();
    let old = world.key("admin");
    world.aws.inject_fault(Fault {
        action: Some("DeleteAccessKey".to_owned()),
        kind: FaultKind::ServerError,
        times: None,
    });
    let ran = world
        .line("rotate admin")
        .run()
        .refused(1, &["`admin` is begun, not finished", "`mfavault rotate admin` goes on"]);
    world.line("remove admin --force").run().refused(1, &["is being replaced", "`mfavault rotate admin`"]);
    // The stand-in lists the new key first by now only if the old one is gone.
    world.in_vault(|vault| {
        let new = vault.key(&"admin".parse().unwrap()).unwrap().unwrap().credentials;
        for path in files(world.folder()).into_iter().filter(|path| path.is_file()) {
            let content = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            for key in [&old, &new] {
                let secret = key.secret_access_key.expose().as_str();
                assert!(
                    !content.contains(secret) && !content.contains(key.access_key_id.as_str()),
                    "{}",
                    path.display()
                );
                assert!(!ran.stderr.contains(secret), "{ran:?}");
            }
        }
    });
    world.aws.clear_faults();
    world.line("rotate admin").run().succeeded();
    world.line("remove admin --force").run().succeeded();
}

#[test]
fn of_two_at_once_each_waits_for_the_other_and_one_key_is_left() {
    let world = World::with_keys();
    let start = || world.line("rotate admin").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    for child in [start(), start(), start()] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let state = world.aws.state();
    let admin = state["users"].as_array().unwrap().iter().find(|user| user["name"] == "admin").unwrap();
    assert_eq!(admin["access_keys"].as_array().unwrap().len(), 1);
    assert_eq!(world.calls("CreateAccessKey"), 3);
    world.line("exec admin --no-session -- mfavault rehearse --list-users").run().succeeded();
}

#[test]
fn refusals_name_the_command_that_helps() {
    let world = World::with_keys();
    world.line("rotate deploy").run().refused(1, &["no access key of its own", "`mfavault rotate main`"]);
    world.line("rotate main").run().refused(1, &["ListAccessKeys: access denied", "`mfavault mfa enable`"]);
    world.line("rotate nobody").run().refused(1, &["no access key of the profile `nobody`"]);
    world.line("rotate admin --deactivate-only").run().succeeded();
    world.line("rotate admin").run().refused(1, &["inactive, made ", "give --delete-other"]);
    world.line("rotate admin --delete-other").run().succeeded();
}

#[test]
fn a_signal_during_the_wait_says_how_the_keys_stand_and_how_to_go_on() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let world = world_of_a_slow_aws();
        // Whoever runs the tests in the background has signals ignored.
        let mut command = world.program("env");
        command.args(["--default-signal", "setsid", "mfavault", "rotate", "admin"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("AWS learns of the new access key") {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0);
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(signal.as_raw()));
        let new = world.aws.state()["users"].as_array().unwrap().iter().find(|user| user["name"] == "admin").unwrap()
            ["access_keys"][1]["access_key_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let old = world.key("admin").access_key_id;
        let last_four = |id: &str| format!("****{}", &id[id.len() - 4..]);
        let words = format!(
            "interrupted: the new access key {} is stored, and the old one, {}, is still active; `mfavault rotate admin` goes \
             on from here",
            last_four(&new),
            last_four(old.as_str())
        );
        // Another wait may have begun meanwhile.
        assert!(said.lines().last() == Some(&words) && said.matches("interrupted").count() == 1, "{said}");
        world.line("remove admin --force").run().refused(1, &["is being replaced", "`mfavault rotate admin`"]);
    }
}

#[test]
fn a_signal_that_was_ignored_from_the_start_stays_so() {
    let world = world_of_a_slow_aws();
    let mut command = world.program("setsid");
    command.args(["bash", "-c", "trap '' HUP; exec mfavault rotate admin"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut waits = stderr.by_ref().map(Result::unwrap).filter(|line| line.starts_with("AWS learns"));
    assert!(waits.next().is_some());
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    assert!(waits.next().is_some(), "it went on");
    drop(waits);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(stderr.map(Result::unwrap).any(|line| line.starts_with("interrupted: the new access key")));
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
}
