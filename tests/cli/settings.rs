//! `config.toml`: what it says holds unless an option or the environment says otherwise, and what is wrong is named.

use std::fs;

use rexpect::session::spawn_command;

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
fn every_setting_is_shown_with_who_said_so_and_no_passphrase() {
    let world = World::empty();
    let file = world.path("vault/config.toml");
    fs::create_dir_all(world.path("vault")).unwrap();
    let rows = || world.line("settings show --json --no-input").run().succeeded().json();
    let row = |rows: &serde_json::Value, name: &str| {
        let row = rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
        (row["value"].clone(), row["origin"].as_str().unwrap().to_owned())
    };
    let usual = rows();
    for (name, value) in [
        ("session_keystore", "\"keys\""),
        ("secret_service_collection", "null"),
        ("helper", "null"),
        ("passphrase_from", "\"terminal\""),
        ("kdf_memory_mib", "64"),
        ("kdf_passes", "3"),
        ("unlock_for", "\"8h\""),
        ("MFAVAULT_LOG", "null"),
    ] {
        let (found, origin) = row(&usual, name);
        assert_eq!((found.to_string().as_str(), origin.as_str()), (value, "default"), "{name}");
    }
    assert_eq!(row(&usual, "MFAVAULT_NO_INPUT"), (true.into(), "option --no-input".to_owned()));
    let said = || "environment variable MFAVAULT_PASSPHRASE".to_owned();
    assert_eq!(row(&usual, "MFAVAULT_PASSPHRASE"), (true.into(), said()));
    assert!(!usual.to_string().contains(&world.passphrase));
    let text = "session_keystore = 'kernel'\nhelper = ['/bin/h', 'a b']\npassphrase_from = 'os'\n\
                kdf_memory_mib = 8\nkdf_passes = 1\nunlock_for = '90m'\nsecret_service_collection = 'mine'\n";
    fs::write(&file, text).unwrap();
    let set = rows();
    for (line, name, value) in [
        (1, "session_keystore", "\"kernel\""),
        (2, "helper", r#"["/bin/h","a b"]"#),
        (3, "passphrase_from", "\"os\""),
        (4, "kdf_memory_mib", "8"),
        (5, "kdf_passes", "1"),
        (6, "unlock_for", "\"1h30m\""),
        (7, "secret_service_collection", "\"mine\""),
    ] {
        let (found, origin) = row(&set, name);
        assert_eq!((found.to_string(), origin), (value.to_owned(), format!("{}:{line}", file.display())), "{name}");
    }
    let shown = world.line("settings show").run().succeeded().stdout;
    assert!(
        shown.contains("/bin/h 'a b'") && shown.contains("MFAVAULT_PASSPHRASE ") && shown.contains(" set "),
        "{shown}"
    );
    let help = world.line("settings --help").run().succeeded().stdout;
    for name in set.as_array().unwrap().iter().filter_map(|row| row["name"].as_str()) {
        assert!(name.starts_with("MFAVAULT_") || help.contains(&format!("\n  {name}")), "{name}: {help}");
    }
}

#[test]
fn settings_out_of_bounds_are_refused_with_what_they_may_be() {
    let world = World::with_keys();
    let file = world.path("vault/config.toml");
    for (text, words) in [
        ("kdf_memory_mib = 7\n", [":1:", "from 8 to 1024"]),
        ("\nkdf_memory_mib = 1025\n", [":2:", "from 8 to 1024"]),
        ("kdf_passes = 0\n", [":1:", "from 1 to 16"]),
        ("kdf_passes = 17\n", [":1:", "from 1 to 16"]),
        ("\n\nunlock_for = \"0s\"\n", [":3:", "some time"]),
        ("helper = [\"relative\"]\n", [":1:", "absolute path"]),
    ] {
        fs::write(&file, text).unwrap();
        for line in ["list", "settings show"] {
            world.line(line).run().refused(1, &words);
        }
    }
}

#[test]
fn on_a_narrow_terminal_settings_and_keystores_stand_below_each_other() {
    let world = World::with_keys();
    let words = ["/usr/local/bin/a-program-of-mine", "--folder", "/home/alice/.local/share/a-folder-of-mine"];
    let settings = format!("helper = {}\n", serde_json::to_string(&words).unwrap());
    fs::write(world.path("vault/config.toml"), settings).unwrap();
    for columns in [40, 60, 400] {
        for (line, first) in
            [("settings show", "keystore\n  value  "), ("keystore list", "os\n  state     not usable: ")]
        {
            let mut shell = world.program("bash");
            shell.args(["-c", &format!("exec </dev/tty; stty cols {columns} rows 24; mfavault {line}")]);
            let mut terminal = spawn_command(shell, Some(30_000)).unwrap();
            let shown = terminal.exp_eof().unwrap().replace('\r', "");
            let table = shown.split("\n\n").next().unwrap();
            assert_eq!(table.starts_with(first), columns < 400, "{columns}: {shown}");
            assert!(table.lines().all(|line| line.chars().count() <= columns), "{columns}: {shown}");
        }
    }
}

#[test]
fn unlocking_ends_where_the_setting_ends() {
    let world = World::with_keys();
    for time in ["31d", "720h1s", "99999999d"] {
        let ran = world.line(&format!("unlock --for {time}")).run();
        assert!(ran.status.code() == Some(2) && ran.stderr.contains("30d at most"), "{ran:?}");
        fs::write(world.path("vault/config.toml"), format!("unlock_for = \"{time}\"\n")).unwrap();
        world.line("unlock").run().refused(1, &[":1:", "`unlock_for`", "up to \"30d\""]);
    }
}

#[test]
fn settings_that_cannot_be_used_are_an_error_with_file_and_line() {
    let world = World::with_keys();
    let file = world.path("vault/config.toml");
    for (text, words) in [
        ("keystore = \"file\"\nseed_keystor = \"os\"\n", [":2:", "did you mean `seed_keystore`?"]),
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
