//! `config.toml`: what it says holds unless an option or the environment says otherwise, and what is wrong is named.

use std::fs;

use super::world::{Run, World};

#[test]
fn an_option_comes_before_the_environment_that_before_the_file_and_that_before_what_was_recorded() {
    let world = World::with_keys();
    let show = |options: &str, environment: Option<&str>| {
        let mut command = world.line(&format!("settings show --json{options}"));
        command.env_remove("MFAVAULT_KEYSTORE").env_remove("MFAVAULT_PASSPHRASE");
        environment.map(|value| command.env("MFAVAULT_KEYSTORE", value));
        let rows = command.run().succeeded().json();
        assert_eq!((rows[0]["name"].as_str(), rows[1]["name"].as_str()), (Some("keystore"), Some("seed_keystore")));
        (rows[0]["value"].as_str().unwrap().to_owned(), rows[0]["origin"].as_str().unwrap().to_owned())
    };
    let (value, origin) = show("", None);
    assert!(value == "file" && origin.starts_with("recorded in ") && origin.ends_with("keystore.choice"), "{origin}");
    let file = world.path("vault/config.toml");
    fs::write(&file, "# mine\nkeystore = \"os\"\n").unwrap();
    assert_eq!(show("", None), ("os".to_owned(), format!("{}:2", file.display())));
    assert_eq!(show("", Some("file")), ("file".to_owned(), "environment variable MFAVAULT_KEYSTORE".to_owned()));
    assert_eq!(show(" --keystore os", Some("file")), ("os".to_owned(), "option --keystore".to_owned()));
    assert_eq!(show(" --keystore auto", None).0, "file", "what was recorded");
    let shown = world.line("settings show").run().succeeded().stdout;
    assert!(shown.contains("seed_keystore") && shown.contains("auto"), "{shown}");
}

#[test]
fn settings_that_cannot_be_used_are_an_error_with_file_and_line() {
    let world = World::with_keys();
    let file = world.path("vault/config.toml");
    for (text, words) in [
        ("keystore = \"file\"\nseed_keystor = \"os\"\n", [":2:", "seed_keystor"]),
        ("keystore = \"cloud\"\n", [":1:", "cloud"]),
    ] {
        fs::write(&file, text).unwrap();
        world.line("list").run().refused(1, &[&file.display().to_string(), words[0], words[1], "hint: "]);
        world.line("exec main -- true").run().refused(125, &words);
    }
    fs::remove_file(&file).unwrap();
    world.line("list").run().succeeded();
}

#[test]
fn seeds_that_are_wanted_apart_and_are_not_are_said_to_be_so() {
    let world = World::enrolled();
    fs::write(world.path("vault/config.toml"), "seed_keystore = \"file\"\n").unwrap();
    let ran = world.line("mfa list").run().succeeded();
    assert!(ran.stderr.contains("config.toml:1") && ran.stderr.contains("not apart"), "{ran:?}");
    world.line("code alice").run().succeeded();
    let ran = world.line("mfa list").env("MFAVAULT_SEED_KEYSTORE", "auto").run().succeeded();
    assert!(!ran.stderr.contains("apart"), "{ran:?}");
    // Nobody has to open the other keystore to be told what is still with the keys.
    let ran = world.line("mfa list").env("MFAVAULT_SEED_KEYSTORE", "os").run().succeeded();
    assert!(ran.stderr.contains("still in the keystore `file` with them: alice"), "{ran:?}");
}
