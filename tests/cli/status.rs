//! `status`, `list` and `clear`: what is remembered, told without opening anything.

use std::fs;

use rexpect::session::spawn_command;
use serde_json::Value;

use super::world::{MFAVAULT, PROFILE, Run, World, now};

/// A vault without its passphrase, and an AWS that is away.
fn closed(world: &World, line: &str) -> std::process::Command {
    let mut command = world.line(line);
    command.env_remove("MFAVAULT_PASSPHRASE").env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    command
}

#[test]
fn live_sessions_are_listed_without_config_passphrase_or_network() {
    let world = World::enrolled();
    world.line("exec deploy -- true").run().succeeded();
    world.line("export main -d 15m").run().succeeded();
    fs::write(world.path("config"), "[profile broken\n").unwrap();
    let rows = closed(&world, "status --json").run().succeeded().json();
    let rows = rows.as_array().unwrap();
    let said: Vec<_> = rows
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap();
            (text("profile"), text("source_profile"), text("kind"), row["mfa"] == true, row["leaves_vault"] == true)
        })
        .collect();
    assert_eq!(
        said,
        [
            (PROFILE, PROFILE, "GetSessionToken", true, true),
            ("deploy", PROFILE, "AssumeRole", false, true),
            (PROFILE, PROFILE, "GetSessionToken", true, false),
        ]
    );
    for row in rows {
        let end = mfavault::rfc3339::parse(row["expiration"].as_str().unwrap()).unwrap();
        let left = end.duration_since(now()).unwrap().as_secs();
        assert!(row["seconds_left"].as_u64().unwrap().abs_diff(left) < 60, "{row}");
    }
    let table = closed(&world, "status").run().succeeded().stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("PROFILE ") && lines.len() == 4, "{table}");
    assert!(
        lines[1].ends_with("14m") && lines[3].contains("for roles only") && lines[3].ends_with("7h 59m"),
        "{table}"
    );
    assert!(!table.contains(['█', '░', '\u{1b}']), "{table}");
    assert_eq!(World::empty().line("status --json").run().succeeded().json(), Value::Array(vec![]));
}

#[test]
fn what_this_shell_holds_comes_first_also_when_it_is_over_or_forgotten() {
    let world = World::enrolled();
    world.line("export main -d 15m").run().succeeded();
    let script = "mfavault status --json; mfavault status; mfavault clear >&2; mfavault status --json";
    // What `exec` takes out of the environment of its command says where the vault is.
    let home = format!("export MFAVAULT_HOME={}; export MFAVAULT_KEYSTORE=file", world.path("vault").display());
    let script = format!("{home}; export MFAVAULT_PASSPHRASE='{}'; {script}", world.passphrase);
    let ran = world.mfavault(["exec", "deploy", "--", "bash", "-c", &script]).run().succeeded();
    let mut documents = serde_json::Deserializer::from_str(&ran.stdout).into_iter::<Value>();
    let first = documents.next().unwrap().unwrap()[0].clone();
    assert_eq!((&first["profile"], &first["in_this_shell"]), (&"deploy".into(), &true.into()));
    assert_eq!(first["kind"], "AssumeRole");
    let rest = &ran.stdout[documents.byte_offset()..];
    assert!(rest.trim_start().starts_with("PROFILE"), "{ran:?}");
    assert!(rest.contains("\ndeploy (this shell)"), "{ran:?}");
    let last: Value = serde_json::from_str(&rest[rest.find("\n[").unwrap()..]).unwrap();
    assert_eq!(
        (&last[0]["profile"], &last[0]["kind"], last.as_array().unwrap().len()),
        (&"deploy".into(), &Value::Null, 1)
    );
    let mut over = world.line("status");
    let ran = over.env("MFAVAULT_PROFILE", "gone").env("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z").run();
    let shown = ran.succeeded().stdout;
    assert!(
        shown.lines().nth(1).is_some_and(|line| line.starts_with("gone (this shell)") && line.ends_with("expired"))
    );
}

#[test]
fn the_line_for_a_prompt_opens_no_file_of_ours() {
    let world = World::with_keys();
    let ran = world.line("status --short").run().succeeded();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    // Damage would be told by whoever reads it.
    fs::write(world.path("vault/data/index.file.json"), "{").unwrap();
    fs::write(world.path("config"), "[").unwrap();
    let mut command = world.line("status --short");
    command.env("MFAVAULT_PROFILE", "it's prod").env("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z");
    assert_eq!(command.run().succeeded().stdout, "it's prod expired\n");
    world.line("status").run().refused(1, &["index"]);
}

#[test]
fn bars_are_for_terminals_and_colour_is_for_who_wants_it() {
    let world = World::enrolled();
    world.line("exec deploy -- true").run().succeeded();
    let on_a_terminal = |arguments: &str, no_color: &str, columns: &str| {
        let mut command = world.program("bash");
        command
            .args(["-c", &format!("exec </dev/tty; stty cols {columns} rows 24; {MFAVAULT} {arguments}")])
            .env("NO_COLOR", no_color);
        spawn_command(command, Some(20_000)).unwrap().exp_eof().unwrap()
    };
    // A character is shown byte by byte.
    let full = "\u{e2}\u{96}\u{88}".repeat(4);
    let shown = on_a_terminal("status", "", "80");
    assert!(shown.contains(&format!("\u{1b}[32m{full}")), "{shown}");
    for (arguments, no_color) in [("status", "1"), ("status --color never", "")] {
        let shown = on_a_terminal(arguments, no_color, "80");
        assert!(shown.contains(&full) && !shown.contains('\u{1b}'), "{shown}");
    }
    let narrow = on_a_terminal("status", "1", "40");
    assert!(!narrow.contains(&full[..4]) && narrow.contains("AssumeRole"), "{narrow}");
}

#[test]
fn a_list_says_which_sessions_have_mfa_and_where_other_credentials_come_from() {
    let world = World::enrolled();
    let more = "[profile tool]\ncredential_process = /opt/tool\n\n\
                [profile web]\nrole_arn = arn:aws:iam::111122223333:role/web\nweb_identity_token_file = /token\n\n\
                [profile admin]\n";
    world.configure("[profile admin]\n", more);
    world.line("exec main -- true").run().succeeded();
    world.line("exec admin -- true").run().succeeded();
    let rows = world.line("list --json").run().succeeded().json();
    let row = |name: &str| rows.as_array().unwrap().iter().find(|row| row["profile"] == name).unwrap().clone();
    assert_eq!(row(PROFILE)["sessions"][0]["mfa"], true);
    assert_eq!(row("admin")["sessions"][0]["mfa"], false);
    for (name, source) in [("tool", "credential_process"), ("web", "web_identity")] {
        assert_eq!((&row(name)["source"], &row(name)["signed_in"]), (&source.into(), &false.into()));
    }
    assert_eq!(row(PROFILE)["source"], Value::Null);
    let table = world.line("list").run().succeeded().stdout;
    assert!(table.contains("GetSessionToken with MFA 59m") && table.contains("web identity"), "{table}");
    assert_eq!(world.line("clear").run().succeeded().stdout, "forgot 2 sessions\n");
}
