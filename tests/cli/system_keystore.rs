//! The system's own keystore, a real GNOME Keyring on a private bus: which keystore is taken, and that it stays so.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use super::world::{Run, World};
use crate::keystore_contract::os::{Session, started};
use crate::support::stopwatch::within;

/// Without a wish, in the session of the keyring or in none.
fn freely(world: &World, session: Option<&Session>, arguments: &str) -> Command {
    let mut command = world.line(arguments);
    command.env_remove("MFAVAULT_KEYSTORE").env_remove("MFAVAULT_PASSPHRASE").env("XDG_RUNTIME_DIR", world.folder());
    if let Some(session) = session {
        session.environment(&mut command);
    }
    command
}

fn pair(world: &World) -> String {
    let key = world.key("admin");
    format!("{}\n{}\n", key.access_key_id, key.secret_access_key.expose())
}

const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

#[test]
fn where_there_is_a_keyring_it_is_taken_and_everything_works_with_it() {
    let Some(session) = Session::with_keyring() else { return };
    for wish in ["", " --keystore os"] {
        let world = World::empty();
        let run = |arguments: &str| freely(&world, Some(&session), &format!("{arguments}{wish}"));
        // The keyring outlives this world: another run may have left the same names.
        let ran = run("add admin --stdin --force").run_with(&pair(&world)).succeeded();
        assert!(ran.stderr.contains("keystore `os`"), "{ran:?}");
        run("mfa import other --stdin --force").run_with(SEED).succeeded();
        assert_eq!(run("code other").run().succeeded().stdout.trim().len(), 6);
        let mut command = freely(&world, Some(&session), &format!("exec admin{wish} -- printenv AWS_SESSION_TOKEN"));
        let token = command.run().succeeded().stdout;
        assert_eq!(command.run().succeeded().stdout, token);
        assert_eq!(world.calls("GetSessionToken"), 1);
        let rows = run("list --json").run().succeeded().json();
        assert_eq!(rows[0]["sessions"].as_array().unwrap().len(), 1, "{rows}");
        assert!(!world.path("vault/data/keystore").exists());
        run("unlock").run().refused(1, &["os"]);
        run("mfa remove other --force").run().succeeded();
        run("remove admin --force").run().succeeded();
    }
}

#[test]
fn the_keystore_of_the_first_record_stays_the_vaults_own() {
    let Some(session) = Session::with_keyring() else { return };
    let world = World::empty();
    freely(&world, Some(&session), "add admin --stdin").run_with(&pair(&world)).succeeded();
    let ran = freely(&world, None, "exec admin -- true").run();
    ran.refused(125, &["os", "D-Bus", "--keystore file"]);
    assert!(!world.path("vault/data/keystore").exists());
    freely(&world, Some(&session), "exec admin -- true").run().succeeded();
    freely(&world, Some(&session), "remove admin --force").run().succeeded();

    let world = World::empty();
    let mut add = freely(&world, None, "add admin --stdin");
    let ran = add.env("MFAVAULT_PASSPHRASE", "p").run_with(&pair(&world)).succeeded();
    assert!(ran.stderr.contains("keystore `file`"), "{ran:?}");
    let mut exec = freely(&world, Some(&session), "-v exec admin -- true");
    let ran = exec.env("MFAVAULT_PASSPHRASE", "p").run().succeeded();
    assert!(ran.stderr.contains("keystore file: the vault is there"), "{ran:?}");
}

#[test]
fn seeds_in_the_encrypted_file_need_its_passphrase_and_keys_in_the_keyring_do_not() {
    let Some(session) = Session::with_keyring() else { return };
    let world = World::empty();
    let run = |arguments: &str| freely(&world, Some(&session), arguments);
    let open = |mut command: Command| {
        command.env("MFAVAULT_PASSPHRASE", &world.passphrase);
        command
    };
    let key = world.key("alice");
    let pair = format!("{}\n{}\n", key.access_key_id, key.secret_access_key.expose());
    run("add main --stdin --force").run_with(&pair).succeeded();
    let mut enable = open(run("mfa enable main"));
    let ran = enable.env("MFAVAULT_SEED_KEYSTORE", "file").run().succeeded();
    assert!(ran.stderr.contains("stored its seed in the keystore `file`"), "{ran:?}");
    // From here on without the variable: it was written down.
    let rows = run("mfa list --json").run().succeeded().json();
    assert_eq!((rows[0]["name"].as_str(), rows[0]["keystore"].as_str()), (Some("alice"), Some("file")));
    run("exec main -- true").run().succeeded();
    assert_eq!(world.calls("GetSessionToken"), 1, "the session of the proof is remembered, and no seed was opened");
    run("clear").run().succeeded();
    let ran = run("exec main -- true").run().refused(125, &["`file`", "locked", "the seeds' keystore"]);
    assert!(!ran.stderr.contains("`os`"), "{ran:?}");
    run("code main").run().refused(1, &["`file`", "locked"]);
    assert_eq!(world.calls("GetSessionToken"), 1, "without the seed there is no code");
    let document = run("export main --no-session --format json").run().succeeded().json();
    assert_eq!(document["AccessKeyId"], key.access_key_id.as_str());
    open(run("exec main -- true")).run().succeeded();
    assert_eq!(world.calls("GetSessionToken"), 2);
    let names: Vec<_> = super::world::files(&world.path("vault/data"));
    assert!(names.iter().any(|path| path.ends_with("keystore")), "{names:?}");
    // Neither is the other's: the keyring holds no seed, and the file no key.
    let ran = run("code alice --keystore file").env("MFAVAULT_PASSPHRASE", &world.passphrase).run().succeeded();
    assert_eq!(ran.stdout.trim().len(), 6);
    let mut export = open(run("export main --no-session --keystore file"));
    export.run().refused(1, &["main"]);
    if world.unlock() {
        run("code alice").run().succeeded();
        run("lock").run().succeeded();
        run("code alice").run().refused(1, &["locked"]);
    }
    open(run("mfa remove alice --force")).run().succeeded();
    run("remove main --force").run().succeeded();
}

/// Talks to the keyring as another program of the person would.
fn secret_tool(session: &Session, arguments: &[&str], input: &str) -> Option<String> {
    let mut command = Command::new("secret-tool");
    session.environment(command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut child = started(&mut command)?;
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    // What it shows of items is talk to it.
    Some(String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn remembered_sessions(session: &Session) -> Option<Vec<String>> {
    let shown = secret_tool(session, &["search", "--all", "service", "mfavault"], "")?;
    let names = shown.lines().filter_map(|line| line.strip_prefix("attribute.username = "));
    Some(names.filter(|name| name.starts_with("session/")).map(ToOwned::to_owned).collect())
}

#[test]
fn a_session_that_was_changed_or_exchanged_in_the_keyring_is_not_used() {
    let Some(session) = Session::with_keyring() else { return };
    let world = World::empty();
    freely(&world, Some(&session), "add admin --stdin").run_with(&pair(&world)).succeeded();
    let exec = |duration: &str| {
        let arguments = format!("exec admin -d {duration} -- printenv AWS_SESSION_TOKEN");
        freely(&world, Some(&session), &arguments).run().succeeded().stdout
    };
    exec("2h");
    let Some(first) = remembered_sessions(&session) else { return };
    let other = exec("1h");
    let both = remembered_sessions(&session).unwrap();
    let second = both.iter().find(|name| !first.contains(name)).unwrap();
    let content = secret_tool(&session, &["lookup", "service", "mfavault", "username", second], "").unwrap();
    assert_eq!((first.len(), both.len(), world.calls("GetSessionToken")), (1, 2, 2));
    for (calls, content) in [(3, content.as_str()), (4, "{\"damaged\":"), (5, "")] {
        let attributes = ["service", "mfavault", "username", first[0].as_str()];
        secret_tool(&session, &[&["clear"][..], &attributes].concat(), "");
        secret_tool(&session, &[&["store", "--label=theirs"][..], &attributes].concat(), content);
        assert_ne!(exec("2h"), other);
        assert_eq!(world.calls("GetSessionToken"), calls);
    }
}

#[test]
fn a_locked_or_frozen_keyring_ends_a_command_within_two_seconds_and_nothing_takes_its_place() {
    let Some(session) = Session::with_keyring() else { return };
    let world = World::empty();
    freely(&world, Some(&session), "add admin --stdin").run_with(&pair(&world)).succeeded();
    let refused = |words: &[&str]| {
        for (arguments, code) in
            [("exec admin -- true", 125), ("credential-process admin", 1), ("add other --stdin", 1)]
        {
            let run = || freely(&world, Some(&session), arguments).run_with(&pair(&world));
            within(Duration::from_millis(2500), run).refused(code, words);
        }
        assert!(!world.path("vault/data/keystore").exists());
    };
    session.lock();
    refused(&["`os`", "locked", "--keystore file"]);
    session.freeze();
    refused(&["`os`", "unavailable", "does not answer", "--keystore file"]);
}

#[test]
fn nothing_secret_is_in_any_file_of_the_person() {
    let Some(session) = Session::with_keyring() else { return };
    let world = World::empty();
    let key = world.key("admin");
    freely(&world, Some(&session), "add admin --stdin").run_with(&pair(&world)).succeeded();
    freely(&world, Some(&session), "mfa import other --stdin").run_with(SEED).succeeded();
    let mut exec = freely(&world, Some(&session), "exec admin -- printenv AWS_SESSION_TOKEN");
    let token = exec.run().succeeded().stdout;
    let secrets = [key.secret_access_key.expose().as_str(), SEED, token.trim()];
    let mut read = 0;
    for path in super::world::files(&world.path("vault")).into_iter().chain(super::world::files(session.folder())) {
        // Folders and sockets have no content.
        let Ok(content) = std::fs::read(&path) else { continue };
        read += 1;
        for secret in secrets {
            assert!(!content.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{}", path.display());
        }
    }
    assert!(read > 2, "the keyring, the index, the choice of keystore");
}
