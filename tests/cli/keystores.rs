//! `keystore list` and `keystore move`, from outside: what is said of each keystore, and a vault that moves to a real GNOME
//! Keyring and back.

use std::{fs, process::Command};

use serde_json::{Value, json};

use super::world::{Run, World, files};
use crate::keystore_contract::os::Session;

/// Without a wish and without a passphrase.
fn freely(world: &World, arguments: &str) -> Command {
    let mut command = world.line(arguments);
    command.env_remove("MFAVAULT_KEYSTORE").env_remove("MFAVAULT_PASSPHRASE");
    command
}

fn row(rows: &Value, name: &str) -> Value {
    rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
}

#[test]
fn keystores_are_listed_with_what_they_hold_and_why_they_are_used_and_none_is_opened() {
    let world = World::enrolled();
    let rows = freely(&world, "keystore list --json").run().succeeded().json();
    let names: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["os", "file", "pass", "helper", "kernel"]);
    let file = row(&rows, "file");
    let counts = json!({"keys": 2, "devices": 1, "sessions": 0, "sign_ins": 0, "rotations": 0});
    assert_eq!(file["records"], counts);
    assert_eq!(file["used_for"], json!(["keys", "seeds", "sessions"]));
    assert_eq!((&file["usable"], &file["locked"]), (&json!(true), &json!(true)));
    assert_eq!(file["kdf"], json!({"memory_mib": 8, "passes": 1, "lanes": 1}));
    assert!(file["because"]["keys"].as_str().unwrap().ends_with("keystore.choice"), "{file}");
    assert_eq!(file["because"]["seeds"], "with the keys");
    let os = row(&rows, "os");
    assert_eq!((&os["usable"], &os["used_for"]), (&json!(false), &json!([])));
    assert!(os["reason"].as_str().unwrap().contains("D-Bus"), "{os}");
    assert_eq!(row(&rows, "helper")["usable"], json!(false));
    assert_eq!(row(&rows, "file")["unfinished_move"], Value::Null);
    let rows = world.line("keystore list --json").run().succeeded().json();
    assert_eq!(row(&rows, "file")["because"]["keys"], "environment variable MFAVAULT_KEYSTORE");
    fs::write(world.path("vault/config.toml"), "seed_keystore = 'pass'\nsession_keystore = 'kernel'\n").unwrap();
    let rows = freely(&world, "keystore list --json").run().succeeded().json();
    assert_eq!(row(&rows, "file")["used_for"], json!(["keys"]));
    assert_eq!(row(&rows, "pass")["used_for"], json!(["seeds"]));
    assert!(row(&rows, "kernel")["because"]["sessions"].as_str().unwrap().ends_with("config.toml:2"));
    let table = freely(&world, "keystore ls").run().succeeded().stdout;
    for words in ["KEYSTORE", "locked: opens with its passphrase", "2 keys, 1 device", "seeds in pass: ", "8 MiB"] {
        assert!(table.contains(words), "{words}: {table}");
    }
    if world.unlock() {
        let rows = freely(&world, "keystore list --json").run().succeeded().json();
        assert_eq!(row(&rows, "file")["locked"], json!(false));
        world.line("lock").run().succeeded();
    }
}

#[test]
fn a_keystore_that_cannot_be_used_takes_nothing() {
    let world = World::enrolled();
    let before = files(&world.path("vault/data"));
    for (to, words) in [("os", "D-Bus"), ("helper", "names no program")] {
        let line = format!("keystore move --to {to} --yes");
        world.line(&line).run().refused(1, &[to, "unavailable", words]);
        let line = format!("keystore move --to {to} --seeds --yes");
        world.line(&line).run().refused(1, &[to, "unavailable", words]);
    }
    world.line("keystore move --to os").env("MFAVAULT_NO_INPUT", "1").run().refused(1, &["--yes"]);
    assert_eq!(world.line("keystore move --to auto").run().status.code(), Some(2));
    let mut after = files(&world.path("vault/data"));
    after.retain(|path| path.extension().is_none_or(|extension| extension != "lock"));
    assert!(after.iter().all(|path| before.contains(path)), "{after:?}");
    freely(&world, "code alice").env("MFAVAULT_PASSPHRASE", &world.passphrase).run().succeeded();
}

#[test]
fn a_vault_moves_to_the_keyring_and_back_and_who_still_wants_it_otherwise_is_named() {
    let Some(session) = Session::with_keyring() else { return };
    let world = World::enrolled();
    let run = |arguments: &str| {
        let mut command = freely(&world, arguments);
        session.environment(&mut command);
        command.env("HOME", world.path("home")).env("MFAVAULT_PASSPHRASE", &world.passphrase);
        command
    };
    run("exec main -- true").run().succeeded();
    let ran = run("keystore move --to os --yes").env("MFAVAULT_KEYSTORE", "file").run().succeeded();
    for words in ["access key of main", "MFA device alice", "1 session", "moved 4 records", "unset MFAVAULT_KEYSTORE"] {
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
    // By what is recorded it is found, and nothing of it is left in the file.
    let left = files(&world.path("vault/data"));
    let is_left = |name: &str| left.iter().any(|path| path.ends_with(name));
    assert!(!is_left("keystore") && !is_left("keystore.previous") && !is_left("index.file.json"), "{left:?}");
    let mut code = run("code alice");
    code.env_remove("MFAVAULT_PASSPHRASE").run().succeeded();
    run("exec main -- true").env_remove("MFAVAULT_PASSPHRASE").run().succeeded();
    assert_eq!(world.calls("GetSessionToken"), 1, "the session moved along");
    let secrets = [world.seed.clone().unwrap(), world.key("alice").secret_access_key.expose().clone()];
    for path in files(world.folder()).into_iter().filter(|path| path.is_file()) {
        let content = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(secrets.iter().all(|secret| !content.contains(secret)), "{}", path.display());
    }
    // Who is sent to the place of before is told where it is.
    for (line, status) in [("list", 0), ("mfa list", 0), ("exec main -- true", 125), ("code alice", 1)] {
        let ran = run(line).env("MFAVAULT_KEYSTORE", "file").run();
        assert_eq!(ran.status.code(), Some(status), "{ran:?}");
        let words = "the keystore `os` holds 2 access keys and 1 MFA device of this vault";
        assert!(ran.stderr.contains(words), "{line}: {ran:?}");
        assert!(!run(line).run().stderr.contains("holds"), "{line}");
    }
    let config = world.path("vault/config.toml");
    fs::write(&config, "\nkeystore = 'os'\nseed_keystore = 'os'\n").unwrap();
    let ran = run("keystore move --to file --yes").run().succeeded();
    let words =
        [format!("delete {}:2, or write `keystore = \"file\"`", config.display()), "move --to os --seeds".to_owned()];
    assert!(words.iter().all(|words| ran.stderr.contains(words)), "{ran:?}");
    fs::remove_file(&config).unwrap();
    let ran = run("keystore move --to os --seeds --yes").run().succeeded();
    assert!(ran.stderr.contains("moved 1 record to the keystore `os`"), "{ran:?}");
    run("code alice").env_remove("MFAVAULT_PASSPHRASE").run().succeeded();
    run("export main --no-session").env_remove("MFAVAULT_PASSPHRASE").run().refused(1, &["`file`", "locked"]);
    let ran = run("keystore move --to file --seeds --yes").env("MFAVAULT_SEED_KEYSTORE", "os").run().succeeded();
    for words in ["one unlocking gives both factors", "unset MFAVAULT_SEED_KEYSTORE, or set it to `file`"] {
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
    let rows = run("keystore list --json").run().succeeded().json();
    assert_eq!(row(&rows, "os")["records"]["devices"], 0);
    assert_eq!((&row(&rows, "os")["usable"], &row(&rows, "os")["locked"]), (&json!(true), &json!(false)));
    assert_eq!(row(&rows, "file")["records"]["keys"], 2);
    assert!(run("keystore move --to file --yes").run().succeeded().stderr.contains("nothing to move"));
}
