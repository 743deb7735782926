//! The encrypted file's passphrase: changed, hinted at, remembered by the system's keystore; and the time it is unlocked.

use std::{fs, process::Command};

use rexpect::session::spawn_command;

use super::world::{Run, World, files};
use crate::keystore_contract::os::Session;

const NEW: &str = "tulip orbit quarry lantern";
const EXPORT: &str = "export admin --no-session --format json";
/// So that a new keystore is opened quickly.
const CHEAP: &str = "kdf_memory_mib = 8\nkdf_passes = 1\n";

fn settings(world: &World, text: &str) {
    fs::create_dir_all(world.path("vault")).unwrap();
    fs::write(world.path("vault/config.toml"), text).unwrap();
}

fn with(mut command: Command, passphrase: &str) -> Command {
    command.env("MFAVAULT_PASSPHRASE", passphrase);
    command
}

fn changed(world: &World, new: &str) -> Command {
    fs::write(world.path("new"), format!("{new}\n")).unwrap();
    world.line(&format!("keystore passphrase --new-passphrase-file {}", world.path("new").display()))
}

#[test]
fn a_script_changes_it_and_the_old_one_opens_nothing_any_more() {
    let world = World::with_keys();
    settings(&world, CHEAP);
    let ran = changed(&world, NEW).run().succeeded();
    assert_eq!(ran.stdout, "");
    for words in ["changed the passphrase", "8 MiB and 1 pass over", "it is locked", "copies"] {
        assert!(ran.stderr.contains(words), "no {words:?}: {ran:?}");
    }
    assert!(!ran.stderr.contains("weak:") && !ran.stderr.contains(NEW), "{ran:?}");
    world.line(EXPORT).run().refused(1, &["wrong passphrase"]);
    let document = with(world.line(EXPORT), NEW).run().succeeded().json();
    assert_eq!(document["AccessKeyId"], world.key("admin").access_key_id.as_str());
    for path in files(&world.path("vault")).iter().filter(|path| path.is_file()) {
        let file = fs::read(path).unwrap();
        for canary in [NEW, &world.passphrase] {
            assert!(!file.windows(canary.len()).any(|part| part == canary.as_bytes()), "{}", path.display());
        }
    }
}

#[test]
fn a_wrong_present_one_and_an_empty_new_one_change_nothing() {
    let world = World::with_keys();
    let keystore = world.path("vault/data/keystore");
    let before = fs::read(&keystore).unwrap();
    with(changed(&world, NEW), "wrong").run().refused(1, &["wrong passphrase"]);
    changed(&world, "").run().refused(1, &["empty"]);
    let mut without = changed(&world, NEW);
    without.env_remove("MFAVAULT_PASSPHRASE").run().refused(1, &["locked", "MFAVAULT_PASSPHRASE_FILE"]);
    world.line("keystore passphrase").run().refused(1, &["--new-passphrase-file"]);
    assert_eq!(fs::read(&keystore).unwrap(), before);
    let empty = World::empty();
    changed(&empty, NEW).run().refused(1, &["does not exist yet"]);
}

#[test]
fn a_person_gives_the_present_one_and_twice_the_new_one_and_none_is_shown() {
    let world = World::with_keys();
    settings(&world, CHEAP);
    let mut command = world.program("bash");
    command.args(["-c", "mfavault keystore passphrase; echo \"status $?\""]).env_remove("MFAVAULT_PASSPHRASE");
    let mut terminal = spawn_command(command, Some(30_000)).unwrap();
    let mut shown = String::new();
    for (question, answer) in [
        ("Passphrase of the keystore: ", "a slip"),
        ("Passphrase of the keystore: ", &world.passphrase),
        ("New passphrase of the keystore: ", "letmein2026"),
        ("The same again: ", "letmein2026"),
    ] {
        shown += &terminal.exp_string(question).unwrap_or_else(|error| panic!("no {question:?}: {error}"));
        terminal.send_line(answer).unwrap();
    }
    shown += &terminal.exp_string("status 0").unwrap();
    assert!(shown.contains("weak: ") && shown.contains("tried first"), "{shown}");
    assert!(!shown.contains("letmein") && !shown.contains(&world.passphrase), "{shown}");
    with(world.line(EXPORT), "letmein2026").run().succeeded();
}

#[test]
fn a_weak_one_is_taken_and_called_weak_when_the_keystore_is_made() {
    let world = World::empty();
    settings(&world, CHEAP);
    let key = world.key("admin");
    let pair = format!("{}\n{}\n", key.access_key_id, key.secret_access_key.expose());
    let ran = with(world.line("add admin --stdin"), "Tester123").run_with(&pair).succeeded();
    assert!(ran.stderr.contains("weak: ") && !ran.stderr.contains("Tester123"), "{ran:?}");
    let ran = with(world.line(EXPORT), "Tester123").run().succeeded();
    assert!(!ran.stderr.contains("weak: "), "only when it is set: {ran:?}");
}

#[test]
fn a_cost_out_of_bounds_is_an_error_with_line_and_range_and_another_holds_from_the_next_change() {
    let world = World::with_keys();
    for (text, words) in [
        ("# dear\nkdf_memory_mib = 7\n", [":2:", "from 8 to 1024"]),
        ("kdf_memory_mib = 1025\n", [":1:", "from 8 to 1024"]),
        ("kdf_passes = 0\n", [":1:", "from 1 to 16"]),
        ("kdf_passes = 17\n", [":1:", "from 1 to 16"]),
    ] {
        settings(&world, text);
        world.line("list").run().refused(1, &["config.toml", words[0], words[1]]);
    }
    settings(&world, "kdf_memory_mib = 9\nkdf_passes = 2\n");
    world.line(EXPORT).run().succeeded();
    let memory =
        || u32::from_be_bytes(*fs::read(world.path("vault/data/keystore")).unwrap()[26..].first_chunk().unwrap());
    assert_eq!(memory(), 8 * 1024);
    let ran = changed(&world, &world.passphrase).run().succeeded();
    assert!(ran.stderr.contains("9 MiB and 2 passes"), "{ran:?}");
    assert_eq!(memory(), 9 * 1024);
    world.line(EXPORT).run().succeeded();
}

#[test]
fn unlocked_it_says_until_when_and_no_passphrase_is_needed_nor_looked_at() {
    let world = World::with_keys();
    settings(&world, "unlock_for = \"30m\"\n");
    let ran = world.line("unlock").run();
    if !ran.status.success() {
        // The kernel's keyring cannot be used here, as the tests of it say.
        return;
    }
    assert!(ran.stderr.starts_with("unlocked for 30m, until 20") && ran.stderr.contains('Z'), "{ran:?}");
    // A wrong one would be refused, and none asked for, if there were a key to derive.
    with(world.line(EXPORT), "wrong").run().succeeded();
    world.line(EXPORT).env_remove("MFAVAULT_PASSPHRASE").run().succeeded();
    with(changed(&world, NEW), "wrong").run().refused(1, &["wrong passphrase"]);
    let ran = world.line("unlock --for 1h").run().succeeded();
    assert!(ran.stderr.contains("unlocked for 1h"), "{ran:?}");
    changed(&world, NEW).run().succeeded();
    world.line(EXPORT).env_remove("MFAVAULT_PASSPHRASE").run().refused(1, &["locked"]);
    settings(&world, "unlock_for = \"0s\"\n");
    with(world.line("unlock"), NEW).run().refused(1, &[":1:", "unlock_for"]);
}

/// In the keyring's session, without a passphrase in the environment.
fn freely(world: &World, session: Option<&Session>, arguments: &str) -> Command {
    let mut command = world.line(arguments);
    command.env_remove("MFAVAULT_PASSPHRASE").env("XDG_RUNTIME_DIR", world.folder());
    session.iter().for_each(|session| session.environment(&mut command));
    command
}

const FROM_OS: &str = "kdf_memory_mib = 8\nkdf_passes = 1\npassphrase_from = \"os\"\n";

#[test]
fn the_systems_keystore_remembers_it_for_each_vault_apart_and_forgets_it_again() {
    let Some(session) = Session::with_keyring() else { return };
    let worlds = [World::with_keys(), World::with_keys()];
    for world in &worlds {
        let to_os = || freely(world, Some(&session), "keystore passphrase --to-os");
        with(to_os(), "wrong").run().refused(1, &["wrong passphrase"]);
        let ran = with(to_os(), &world.passphrase).run().succeeded();
        assert!(ran.stderr.contains("passphrase_from = \"os\"") && ran.stderr.contains("config.toml"), "{ran:?}");
        freely(world, Some(&session), EXPORT).run().refused(1, &["locked"]);
        settings(world, FROM_OS);
    }
    for world in &worlds {
        let ran = freely(world, Some(&session), EXPORT).run().succeeded();
        assert!(!ran.stderr.contains("passphrase"), "nothing is asked and nothing said: {ran:?}");
        with(freely(world, Some(&session), EXPORT), "wrong").run().refused(1, &["wrong passphrase"]);
    }
    let [world, other] = &worlds;
    // A change takes the remembered one along.
    fs::write(world.path("new"), NEW).unwrap();
    let change = format!("keystore passphrase --new-passphrase-file {}", world.path("new").display());
    let ran = freely(world, Some(&session), &change).run().succeeded();
    assert!(ran.stderr.contains("remembers the new one"), "{ran:?}");
    freely(world, Some(&session), EXPORT).run().succeeded();
    freely(world, Some(&session), "keystore passphrase --forget-from-os").run().succeeded();
    let ran = freely(world, Some(&session), EXPORT).run().refused(1, &["locked"]);
    assert!(ran.stderr.contains("does not have the passphrase") && ran.stderr.contains("--to-os"), "{ran:?}");
    freely(world, Some(&session), "keystore passphrase --forget-from-os").run().refused(1, &["no record"]);
    freely(other, Some(&session), EXPORT).run().succeeded();
    freely(other, Some(&session), "keystore passphrase --forget-from-os").run().succeeded();
}

#[test]
fn a_systems_keystore_that_does_not_answer_or_remembers_another_is_said_and_a_person_is_asked() {
    let Some(session) = Session::with_keyring() else { return };
    let world = World::with_keys();
    settings(&world, FROM_OS);
    with(freely(&world, Some(&session), "keystore passphrase --to-os"), &world.passphrase).run().succeeded();
    // What is remembered is not the passphrase any more.
    let mut command = with(freely(&world, None, "keystore passphrase"), &world.passphrase);
    fs::write(world.path("new"), NEW).unwrap();
    let ran = command.arg("--new-passphrase-file").arg(world.path("new")).run();
    ran.refused(1, &["the passphrase was changed", "still remembers the old one", "--to-os", "D-Bus"]);
    for (session, said) in [
        (Some(&session), "the passphrase that the system's keystore remembers is a wrong one"),
        (None, "no D-Bus session bus"),
    ] {
        let mut command = freely(&world, session, EXPORT);
        let ran = command.run().refused(1, &["locked", "MFAVAULT_PASSPHRASE_FILE"]);
        assert_eq!(ran.stderr.matches(said).count(), 1, "{ran:?}");
        let mut command = world.program("bash");
        command.args(["-c", &format!("mfavault {EXPORT}; echo \"status $?\"")]).env_remove("MFAVAULT_PASSPHRASE");
        command.env("XDG_RUNTIME_DIR", world.folder());
        session.iter().for_each(|session| session.environment(&mut command));
        let mut terminal = spawn_command(command, Some(30_000)).unwrap();
        let shown = terminal.exp_string("Passphrase of the keystore: ").unwrap();
        assert!(shown.contains(said), "{shown}");
        terminal.send_line(NEW).unwrap();
        terminal.exp_string("status 0").unwrap();
    }
    with(freely(&world, Some(&session), "keystore passphrase --to-os"), NEW).run().succeeded();
    freely(&world, Some(&session), EXPORT).run().succeeded();
    freely(&world, Some(&session), "keystore passphrase --forget-from-os").run().succeeded();
}

#[test]
fn where_the_vault_is_in_the_systems_keystore_there_is_no_passphrase_to_change() {
    let world = World::empty();
    for arguments in ["", " --to-os", " --forget-from-os"] {
        let mut command = world.line(&format!("keystore passphrase{arguments} --keystore os"));
        command.run().refused(1, &["`os`"]);
    }
}
