//! What holds for every command: exit codes, streams, errors, questions that nobody can answer, global options.

use std::fs;

use rexpect::session::spawn_command;

use super::world::{PROFILE, Run, World};

#[test]
fn exit_codes_say_how_it_went() {
    let world = World::with_keys();
    world.line("list").run().succeeded();
    world.line("mfa show nobody").run().refused(1, &["nobody", "hint: see `mfavault mfa list`"]);
    world.line("export nobody").run().refused(1, &["nobody"]);
    world.line("exec nobody -- true").run().refused(125, &["nobody"]);
    assert_eq!(world.aws.requests(), []);
}

#[test]
fn a_command_that_cannot_run_is_told_before_aws_is_asked_or_anything_is_unlocked() {
    let world = World::enrolled();
    let before = world.aws.requests().len();
    for (program, status) in [("/etc/passwd", 126), ("/", 126), ("no-such-program", 127), ("./no/such", 127)] {
        let mut command = world.mfavault(["exec", PROFILE, "--", program]);
        command.env("MFAVAULT_PASSPHRASE", "wrong").run().refused(status, &[program]);
    }
    assert_eq!(world.aws.requests().len(), before);
}

#[test]
fn wrong_usage_is_status_2_and_shows_the_usage_on_stderr() {
    let world = World::empty();
    for arguments in [
        "",
        "bogus",
        "mfa",
        "backup",
        "list --bogus",
        "exec --bogus -- true",
        "exec -d 5m -- true",
        "exec -d 37h -- true",
        "export --format toml",
        "list --color sometimes",
        "list --keystore cloud",
        "add --env --stdin",
        "mfa codes",
        "mfa codes alice --json --format cli",
        "mfa import --serial arn:aws:iam::111122223333:user/alice",
        "unlock --for ever",
    ] {
        let ran = world.line(arguments).run();
        assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(2), ""), "{arguments}: {ran:?}");
        assert!(ran.stderr.contains("--help") || ran.stderr.contains("Usage:"), "{arguments}: {ran:?}");
    }
    for code in ["12x456", "1234567", "\u{661}23456", ""] {
        let ran = world.mfavault(["exec", "--mfa-code", code, "main", "--", "true"]).run();
        assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.contains("--mfa-code") && ran.stderr.contains("Usage:"), "{ran:?}");
        assert!(code.is_empty() || !ran.stderr.contains(code), "{ran:?}");
    }
    assert!(!world.path("vault").exists());
}

#[test]
fn data_is_on_stdout_and_talk_on_stderr() {
    let world = World::with_keys();
    for arguments in ["list", "list --json", "mfa list", "mfa list --json", "explain main", "explain main --json"] {
        let ran = world.line(arguments).run().succeeded();
        assert_eq!(ran.stderr, "", "{arguments}");
        if arguments.ends_with("--json") {
            ran.json();
        }
    }
    for arguments in ["setup main --yes", "setup main --undo --yes", "remove admin --force"] {
        let ran = world.line(arguments).run().succeeded();
        assert_eq!(ran.stdout, "", "{arguments}");
        assert_ne!(ran.stderr, "", "{arguments}");
    }
}

#[test]
fn a_question_that_nobody_can_answer_is_an_error_that_names_what_would_have_answered_it() {
    let world = World::enrolled();
    world.configure(
        "[profile admin]\n",
        "[profile elsewhere]\nmfa_serial = arn:aws:iam::111122223333:mfa/phone\nsource_profile = main\n\
         role_arn = arn:aws:iam::111122223333:role/deploy\n\n[profile admin]\n",
    );
    for (arguments, status, answer) in [
        ("add new", 1, "--stdin"),
        ("remove main", 1, "--force"),
        ("mfa import other", 1, "--stdin"),
        ("mfa export alice", 1, "--yes"),
        ("mfa remove alice", 1, "--force"),
        ("setup main", 1, "--yes"),
        ("export elsewhere", 1, "--mfa-code"),
        ("exec elsewhere -- true", 125, "--mfa-code"),
    ] {
        world.line(&format!("--no-input {arguments}")).run().refused(status, &["--no-input", answer]);
        let mut by_variable = world.line(arguments);
        by_variable.env("MFAVAULT_NO_INPUT", "1").run().refused(status, &["MFAVAULT_NO_INPUT", answer]);
        world.line(arguments).run().refused(status, &["no terminal", answer]);
    }
    for (arguments, status) in
        [("export main", 1), ("exec main -- true", 125), ("credential-process main", 1), ("code alice", 1)]
    {
        let mut command = world.line(arguments);
        let ran = command.env_remove("MFAVAULT_PASSPHRASE").run();
        ran.refused(status, &["no terminal", "MFAVAULT_PASSPHRASE_FILE", "mfavault unlock"]);
    }
    let unchanged = world.line("list --json").run().succeeded().json();
    assert!(unchanged.as_array().unwrap().iter().any(|row| row["profile"] == "main" && row["device_held"] == true));
}

#[test]
fn the_passphrase_may_be_in_a_file() {
    let world = World::with_keys();
    let with_file = |name: &str| {
        let mut command = world.line("export main --no-session --format json");
        command.env_remove("MFAVAULT_PASSPHRASE").env("MFAVAULT_PASSPHRASE_FILE", world.path(name));
        command
    };
    fs::write(world.path("passphrase"), format!("{}\nsecond line\n", world.passphrase)).unwrap();
    with_file("passphrase").run().succeeded();
    with_file("absent").run().refused(1, &["absent"]);
    fs::write(world.path("empty"), "").unwrap();
    with_file("empty").run().refused(1, &["MFAVAULT_PASSPHRASE_FILE", "empty"]);
    for arguments in ["list", "explain main", "mfa list", "setup main --yes"] {
        let mut command = world.line(arguments);
        command.env_remove("MFAVAULT_PASSPHRASE").env("MFAVAULT_PASSPHRASE_FILE", world.path("absent"));
        command.run().succeeded();
    }
    fs::write(world.path("wrong"), "not it\n").unwrap();
    with_file("wrong").run().refused(1, &["passphrase"]);
}

#[test]
fn an_unparsable_environment_variable_is_named_and_its_value_is_not_repeated() {
    let world = World::with_keys();
    for variable in [
        "MFAVAULT_KEYSTORE",
        "MFAVAULT_SEED_KEYSTORE",
        "MFAVAULT_NO_INPUT",
        "MFAVAULT_LOG",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_STS",
        "AWS_ENDPOINT_URL_IAM",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_MFA_SERIAL",
    ] {
        for (arguments, status) in [("list", 1), ("exec main -- true", 125), ("rehearse -- true", 1)] {
            let mut command = world.line(arguments);
            command.env_remove("AWS_REGION").env(variable, "[can ary]");
            let ran = command.run().refused(status, &[variable]);
            assert!(!ran.stderr.contains("can ary"), "{ran:?}");
        }
    }
    for variable in ["AWS_PROFILE", "AWS_REGION", "MFAVAULT_NO_INPUT", "MFAVAULT_LOG"] {
        world.line("list").env(variable, "").run().succeeded();
    }
    world.line("export main").env("AWS_CA_BUNDLE", "/no/such/bundle").run().refused(1, &["/no/such/bundle"]);
}

#[test]
fn a_secret_given_as_an_argument_is_refused_and_not_repeated() {
    const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzz4ey";
    const URI: &str = "otpauth://totp/AWS:a?secret=JBSWY3DPEHPK3PXP";
    let world = World::empty();
    let joined = format!("--stdin={SEED}");
    let spaced = SEED.as_bytes().chunks(4).map(|word| str::from_utf8(word).unwrap()).collect::<Vec<_>>().join(" ");
    for arguments in [
        ["mfa", "import", SEED].as_slice(),
        &["mfa", "import", &SEED.to_lowercase()],
        &["mfa", "import", &spaced],
        &["mfa", "import", URI],
        &["mfa", "import", "--stdin", SEED],
        &["mfa", "import", "--", SEED],
        &["mfa", "import", &joined],
        &["mfa", "import", "--qr", SEED],
        &["mfa", "import", "--serial", SEED],
        &["mfa", "import", "--seed", SEED],
        &["mfa", "import", "alice", SEED],
        &["mfa", "import", "--profile", SEED],
        &["mfa", "show", SEED],
        &["code", SEED],
        &["add", SECRET],
        &["add", "main", SECRET],
        &["add", "--stdin", SECRET],
        &["add", "--secret-access-key", SECRET],
        &["exec", SECRET, "--", "true"],
        &["--no-input", "list", SECRET],
    ] {
        let ran = world.mfavault(arguments.iter().copied()).run_with(&format!("{SEED}\n"));
        assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ran:?}");
        for secret in [SEED, SECRET, URI, &spaced, &SEED.to_lowercase()] {
            assert!(!ran.stderr.contains(secret), "{arguments:?}: {ran:?}");
        }
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains("\nhint: "), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains("--stdin"), "{arguments:?}: {ran:?}");
    }
    assert!(!world.path("vault").exists());
    for name in ["my-production-account-2024", "PRODUCTIONACCOUNT", "222233334444-AdministratorAccess"] {
        world.mfavault(["mfa", "show", name]).run().refused(1, &[name]);
    }
    // What belongs to the command is the command's.
    let world = World::with_keys();
    let ran = world.mfavault(["exec", "admin", "--no-session", "--", "echo", SEED]).run().succeeded();
    assert_eq!(ran.stdout, format!("{SEED}\n"));
}

#[test]
fn colour_is_for_terminals_and_can_be_wanted_or_not() {
    let world = World::empty();
    let coloured = |arguments: &str| world.line(arguments).run().stderr.contains('\u{1b}');
    for (arguments, expected) in [
        ("code nobody", false),
        ("code nobody --color always", true),
        ("--color always code nobody", true),
        ("--color=never code nobody", false),
        ("--color always list --bogus", true),
        ("list --bogus", false),
    ] {
        assert_eq!(coloured(arguments), expected, "{arguments}");
    }
    let on_a_terminal = |arguments: &str, no_color: &str| {
        let mut command = world.program(super::world::MFAVAULT);
        command.args(arguments.split(' ')).env("NO_COLOR", no_color);
        spawn_command(command, Some(20_000)).unwrap().exp_eof().unwrap().contains('\u{1b}')
    };
    for (arguments, no_color, expected) in [
        ("code nobody", "", true),
        ("code nobody", "1", false),
        ("code nobody --color never", "", false),
        ("code nobody --color always", "1", true),
        ("list --bogus", "", true),
        ("list --bogus --color never", "", false),
        ("list --bogus", "1", false),
    ] {
        assert_eq!(on_a_terminal(arguments, no_color), expected, "{arguments} {no_color}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = World::empty();
    let profiles: String = (0..5_000).map(|number| format!("[profile number-{number:05}]\n")).collect();
    fs::write(world.path("config"), profiles).unwrap();
    for command in ["list", "list --json", "--help", "rehearse --help"] {
        let script = format!("mfavault {command} | true; echo ${{PIPESTATUS[0]}}");
        let ran = world.program("bash").args(["-c", &script]).run();
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("0\n", ""), "{command}");
    }
    let ran = world.program("bash").args(["-c", "mfavault list > /dev/full"]).run();
    ran.refused(1, &["standard output", "no space left"]);
    assert_eq!(world.program("bash").args(["-c", "mfavault --help > /dev/full"]).run().status.code(), Some(1));
    world.program("bash").args(["-c", "mfavault list >&- 2>&- <&-"]).run().succeeded();
}

#[test]
fn global_options_stand_before_and_after_the_command() {
    let world = World::with_keys();
    for arguments in ["--no-input mfa export x --yes", "mfa --no-input export x --yes", "mfa export x --yes --no-input"]
    {
        world.line(arguments).run().refused(1, &["x"]);
    }
    for arguments in ["-v list", "list -v", "mfa -vv list", "mfa list --verbose --verbose"] {
        let ran = world.line(arguments).run().succeeded();
        assert!(ran.stderr.contains("keystore file"), "{arguments}: {ran:?}");
    }
    for arguments in ["--keystore file list --json", "list --json --keystore file"] {
        let ran = world.line(arguments).env_remove("MFAVAULT_KEYSTORE").run().succeeded();
        assert!(ran.json().as_array().unwrap().iter().any(|row| row["access_key_id"].is_string()), "{arguments}");
    }
}

#[test]
fn a_masked_key_shows_its_last_four_characters_only() {
    let world = World::with_keys();
    let id = world.key("alice").access_key_id.to_string();
    for arguments in ["list", "list --json"] {
        let ran = world.line(arguments).run().succeeded();
        assert!(ran.stdout.contains(&id[16..]) && !ran.stdout.contains(&id[12..]), "{arguments}: {ran:?}");
    }
}
