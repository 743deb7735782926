//! Questions on a real terminal: hidden, interruptible, on `/dev/tty` whatever the streams are.

use std::fs;

use rexpect::session::{PtySession, spawn_command};
use rustix::process::{Pid, Signal, kill_process};

use super::world::{MFAVAULT, PROFILE, Run, World};
use crate::keystore_contract::helper;

/// A shell on a terminal that runs a line and says how it ended.
fn on_a_terminal(world: &World, line: &str) -> PtySession {
    let mut command = world.program("bash");
    command.args(["-c", &format!("{line}; echo \"status $?\"")]);
    command.env_remove("MFAVAULT_PASSPHRASE");
    spawn_command(command, Some(30_000)).unwrap()
}

#[track_caller]
fn sees(terminal: &mut PtySession, text: &str) -> String {
    terminal.exp_string(text).unwrap_or_else(|error| panic!("no {text:?}: {error}"))
}

#[test]
fn the_passphrase_is_asked_on_the_terminal_while_data_goes_to_a_file() {
    let world = World::with_keys();
    let mut terminal = on_a_terminal(&world, "mfavault export admin -n --format json </dev/null >out 2>err");
    sees(&mut terminal, "Passphrase of the keystore: ");
    terminal.send_line(&world.passphrase).unwrap();
    let shown = sees(&mut terminal, "status 0");
    assert!(!shown.contains(&world.passphrase), "{shown}");
    let document: serde_json::Value = serde_json::from_slice(&fs::read(world.path("home/out")).unwrap()).unwrap();
    assert_eq!(document["AccessKeyId"], world.key("admin").access_key_id.as_str());
    assert!(!fs::read_to_string(world.path("home/err")).unwrap().contains("Passphrase"));
}

#[test]
fn ctrl_c_at_a_question_is_status_130_and_nothing_is_done() {
    let world = World::with_keys();
    for (line, question) in [
        ("mfavault export main", "Passphrase of the keystore: "),
        ("mfavault exec main -- touch ran", "Passphrase of the keystore: "),
        ("mfavault add other", "Access key ID: "),
        ("mfavault mfa import other", "otpauth:// URI: "),
        ("mfavault remove main", "[y/N] "),
    ] {
        let mut terminal = on_a_terminal(&world, line);
        sees(&mut terminal, question);
        terminal.send_control('c').unwrap();
        sees(&mut terminal, "status 130");
    }
    assert!(!world.path("home/ran").exists());
    assert_eq!(world.aws.requests(), []);
}

#[test]
fn a_key_is_added_on_the_terminal_without_its_secret_being_shown() {
    let world = World::empty();
    let key = world.key("admin");
    let secret = key.secret_access_key.expose().clone();
    let mut terminal = on_a_terminal(&world, "mfavault add fresh");
    sees(&mut terminal, "Access key ID: ");
    terminal.send_line(key.access_key_id.as_str()).unwrap();
    let mut shown = sees(&mut terminal, "Secret access key: ");
    terminal.send_line(&secret).unwrap();
    shown += &sees(&mut terminal, "New passphrase of the keystore: ");
    terminal.send_line(&world.passphrase).unwrap();
    shown += &sees(&mut terminal, "The same again: ");
    terminal.send_line(&world.passphrase).unwrap();
    shown += &sees(&mut terminal, "status 0");
    assert!(!shown.contains(&secret) && !shown.contains(&world.passphrase), "{shown}");
    let ran = world.line("export fresh --no-session --format json").run().succeeded();
    assert_eq!(ran.json()["SecretAccessKey"], secret.as_str());
}

#[test]
fn two_different_new_passphrases_make_no_keystore() {
    let world = World::empty();
    let mut terminal = on_a_terminal(&world, "mfavault mfa import x --stdin <<< JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    sees(&mut terminal, "New passphrase of the keystore: ");
    terminal.send_line("one").unwrap();
    sees(&mut terminal, "The same again: ");
    terminal.send_line("two").unwrap();
    sees(&mut terminal, "differ");
    sees(&mut terminal, "status 1");
    assert!(!world.path("vault/data/keystore").exists());
}

#[test]
fn a_code_is_typed_for_a_device_that_is_not_held() {
    let world = World::enrolled();
    let code = world.line("code alice").run().succeeded().stdout;
    world.line("mfa remove alice --force").run().succeeded();
    let mut terminal =
        on_a_terminal(&world, &format!("MFAVAULT_PASSPHRASE='{}' mfavault exec main -- true", world.passphrase));
    sees(&mut terminal, "mfa/alice: ");
    terminal.send_line("123").unwrap();
    sees(&mut terminal, "once more");
    sees(&mut terminal, "mfa/alice: ");
    terminal.send_line(code.trim()).unwrap();
    sees(&mut terminal, "status 0");
    assert_eq!(world.calls("GetSessionToken"), 1);
}

#[test]
fn while_it_waits_for_a_person_nobody_can_look_into_its_memory() {
    let Some(world) = World::with_keys().for_a_user() else { return };
    let mut command = world.program("bash");
    command.args(["-c", "ulimit -S -c $(ulimit -H -c); echo $$; exec \"$0\" add other", MFAVAULT]);
    let mut terminal = spawn_command(command, Some(30_000)).unwrap();
    let id = terminal.read_line().unwrap().trim().to_owned();
    sees(&mut terminal, "Access key ID: ");
    let limits = fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    // The kernel gives root what belongs to a process that is not dumpable; ptrace is refused by the same rule.
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(format!("/proc/{id}/environ")).unwrap());
    assert_eq!(owner, 0);
    for file in ["environ", "mem", "maps"] {
        let ran = world.program("cat").arg(format!("/proc/{id}/{file}")).run();
        assert!(ran.stderr.contains("denied"), "{ran:?}");
    }
    kill_process(Pid::from_raw(id.parse().unwrap()).unwrap(), Signal::TERM).unwrap();
}

#[test]
fn yes_on_the_terminal_removes_a_key() {
    let world = World::with_keys();
    for (answer, status) in [("n", 1), ("y", 0)] {
        let mut terminal =
            on_a_terminal(&world, &format!("MFAVAULT_PASSPHRASE='{}' mfavault remove {PROFILE}", world.passphrase));
        sees(&mut terminal, "[y/N] ");
        terminal.send_line(answer).unwrap();
        sees(&mut terminal, &format!("status {status}"));
    }
    world.line("export main -n").run().refused(1, &["mfavault add main"]);
}

#[test]
fn while_a_passphrase_is_typed_others_store_and_nothing_of_theirs_is_lost() {
    let world = World::with_keys();
    let Some(helper) = helper::example(world.folder()) else { return };
    let settings = format!("helper = {}\n", serde_json::to_string(&helper).unwrap());
    fs::write(world.path("vault/config.toml"), settings).unwrap();
    let key = world.key("alice");
    let pair = format!("{}\n{}\n", key.access_key_id, key.secret_access_key.expose());
    fs::write(world.path("home/pair"), &pair).unwrap();
    let seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let (asked, made) = (["Passphrase of the keystore: "].as_slice(), ["New passphrase", "The same again"]);
    // Where the second command finds everything meanwhile: of the last move, the file is yet to be made.
    for (line, questions, keystore, other) in [
        ("add typed --stdin --no-verify < pair", asked, "file", "mfa import first --stdin"),
        ("mfa import typed --stdin <<< JBSWY3DPEHPK3PXP", asked, "file", "add second --stdin --no-verify"),
        ("keystore move --to helper --yes", asked, "file", "add third --stdin --no-verify"),
        ("keystore move --to file --yes", &made, "helper", "mfa import fourth --stdin"),
    ] {
        let mut terminal = on_a_terminal(&world, &format!("env -u MFAVAULT_KEYSTORE mfavault {line}"));
        sees(&mut terminal, questions[0]);
        let mut command = world.program("timeout");
        command.args(["20", MFAVAULT, "--no-input"]).args(other.split(' ')).env("MFAVAULT_KEYSTORE", keystore);
        command.run_with(if other.starts_with("add") { &pair } else { seed }).succeeded();
        terminal.send_line(&world.passphrase).unwrap();
        for question in &questions[1..] {
            sees(&mut terminal, question);
            terminal.send_line(&world.passphrase).unwrap();
        }
        sees(&mut terminal, "status 0");
    }
    let rows = world.line("keystore list --json").run().succeeded().json();
    let file = rows.as_array().unwrap().iter().find(|row| row["name"] == "file").unwrap();
    assert_eq!((&file["records"]["keys"], &file["records"]["devices"]), (&5.into(), &3.into()), "{rows}");
}

#[test]
fn an_unlocked_keystore_asks_nothing_until_it_is_locked() {
    let world = World::with_keys();
    let export = || {
        let mut command = world.line("export admin -n");
        command.env_remove("MFAVAULT_PASSPHRASE").run()
    };
    export().refused(1, &["MFAVAULT_PASSPHRASE_FILE"]);
    if !world.unlock() {
        return;
    }
    export().succeeded();
    world.line("lock").env_remove("MFAVAULT_PASSPHRASE").run().succeeded();
    export().refused(1, &["MFAVAULT_PASSPHRASE_FILE"]);
}
