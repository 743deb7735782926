//! The audit log by the real program: what is shown and checked, and who does not touch it.

use std::{fs, path::PathBuf};

use super::world::{PROFILE, Run, World};
use crate::support::{disk::Disk, programs::installed};

fn path(world: &World) -> PathBuf {
    world.path("vault/state/audit.jsonl")
}

#[test]
fn the_log_is_shown_and_checked_and_a_changed_line_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::enrolled();
    world.line("code alice").run().succeeded();
    world.line("mfa export alice --yes").run().succeeded();
    let shown = world.line("audit show").run().succeeded().stdout;
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("LINE  TIME"), "{shown}");
    assert!(lines[1].contains("code made") && lines[1].ends_with("mfavault code"), "{shown}");
    let last = world.line("audit show --last 1 --json").run().succeeded().json();
    assert_eq!((&last[0]["event"], &last[0]["command"]), (&"exported".into(), &"mfa export".into()));
    assert_eq!(fs::metadata(path(&world)).unwrap().permissions().mode() & 0o777, 0o600);
    let whole = world.line("audit verify --json").run().succeeded().json();
    assert_eq!((&whole["whole"], &whole["lines"], &whole["fault"]), (&true.into(), &2.into(), &().into()));
    let text = fs::read_to_string(path(&world)).unwrap();
    fs::write(path(&world), text.replacen("\"alice\"", "\"bob\"", 1)).unwrap();
    let ran = world.line("audit verify").run();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(ran.stdout.starts_with("2 lines, not as it was written: line 1 was changed\nlast hash "), "{ran:?}");
    let ran = world.line("audit verify --json").run();
    assert_eq!((ran.status.code(), &ran.json()["fault"]["kind"]), (Some(1), &"changed".into()));
    let ran = world.line("audit show").run().succeeded();
    assert!(ran.stderr.contains("warning: ") && ran.stdout.contains("bob"), "{ran:?}");
}

#[test]
fn a_log_that_was_changed_is_closed_and_gone_on_from_and_the_break_stays_on_record() {
    let world = World::enrolled();
    world.line("audit rotate --yes").run().succeeded();
    world.line("code alice").run().succeeded();
    let text = fs::read_to_string(path(&world)).unwrap();
    let changed = text.replacen("\"alice\"", "\"bob\"", 1);
    fs::write(path(&world), &changed).unwrap();
    let ran = world.line("audit verify").run();
    assert!(ran.stderr.contains("mfavault audit rotate") && ran.status.code() == Some(1), "{ran:?}");
    let ran = world.line("doctor --offline").run();
    assert!(ran.stdout.contains("mfavault audit show") && ran.stdout.contains("mfavault audit rotate"), "{ran:?}");
    world.line("audit rotate").run().refused(1, &["--yes"]);
    assert_eq!(fs::read_to_string(path(&world)).unwrap(), changed);
    let ran = world.line("audit rotate --yes").run().succeeded();
    let closed = PathBuf::from(ran.stdout.trim_end());
    assert_eq!(fs::read_to_string(&closed).unwrap(), changed);
    world.line("code alice").run().succeeded();
    let ran = world.line("audit verify").run().succeeded();
    let name = closed.file_name().unwrap().to_str().unwrap();
    let line =
        format!("before it {name}, 1 line, as it was closed; it was not as it was written then: line 1 was changed");
    assert!(ran.stdout.starts_with("2 lines, as they were written\n") && ran.stdout.contains(&line), "{ran:?}");
    let ran = world.line("audit show").run().succeeded();
    assert!(ran.stdout.lines().nth(1).unwrap().contains("log rotated") && ran.stdout.contains(name), "{ran:?}");
    let ran = world.line("doctor --offline").run().succeeded();
    assert!(ran.stdout.contains("note   log") && ran.stdout.contains("line 1 was changed"), "{ran:?}");
    fs::write(&closed, &text).unwrap();
    let ran = world.line("audit verify --json").run();
    assert_eq!((ran.status.code(), &ran.json()["earlier"][0]["state"]), (Some(1), &"changed".into()), "{ran:?}");
    let ran = world.line("doctor --offline").run();
    assert!(ran.status.code() == Some(1) && ran.stdout.contains(&format!("mv {}", closed.display())), "{ran:?}");
    fs::write(&closed, &changed).unwrap();
    let archive = world.path("archive");
    fs::rename(&closed, &archive).unwrap();
    let ran = world.line("audit verify").run().succeeded();
    assert!(ran.stdout.contains("note: not here any more"), "{ran:?}");
    fs::rename(&archive, &closed).unwrap();
    let ran = world.line("audit rotate --yes").run().succeeded();
    let between = ran.stdout.trim_end().to_owned();
    let ran = world.line("doctor --offline").run().succeeded();
    assert!(ran.stdout.contains("ok     log"), "{ran:?}");
    for is_gone in [false, true] {
        let ran = world.line("audit verify").run().succeeded();
        assert_eq!(
            ran.stdout.contains("; one before it was not as it was written: line 1 was changed"),
            is_gone,
            "{ran:?}"
        );
        assert_eq!(ran.stdout.matches("line 1 was changed").count(), 1, "{ran:?}");
        let _ = fs::remove_file(&between);
    }
}

#[test]
fn a_log_that_has_become_large_is_a_note_and_rotating_makes_it_small() {
    let world = World::enrolled();
    world.line("code alice").run().succeeded();
    let names: Vec<String> = (0..200_000).map(|number| format!("{number:0>90}")).collect();
    let event = mfavault::vault::AuditEvent::Exported { format: "otpauth", names: &names };
    world.in_vault(|vault| vault.audit(super::world::now(), &event).unwrap());
    let ran = world.line("doctor --offline").run().succeeded();
    assert!(ran.stdout.contains("the audit log has 17 MiB") && ran.stdout.contains("audit rotate"), "{ran:?}");
    world.line("audit rotate --yes").run().succeeded();
    let ran = world.line("doctor --offline").run().succeeded();
    assert!(ran.stdout.contains("ok     log"), "{ran:?}");
    world.line("audit verify").run().succeeded();
}

#[test]
fn a_session_that_is_remembered_touches_no_log() {
    if !installed(&["strace"]) {
        return;
    }
    let disk = Disk::with_device();
    let ran = disk.mfavault(&[], &["credential-process", "main"]);
    assert!(ran.status.success(), "{ran:?}");
    let ran = disk.mfavault(&["-e", "trace=file"], &["credential-process", "main"]);
    assert!(ran.status.success(), "{ran:?}");
    let trace = disk.bench.text("trace");
    assert!(trace.contains("keystore") && !trace.contains("audit"), "{trace}");
}

#[test]
fn a_log_in_a_folder_that_cannot_be_written_stops_what_it_should_tell_of_and_can_be_read() {
    let Some(world) = World::enrolled().for_a_user() else { return };
    world.line("code alice").run().succeeded();
    let state = path(&world).parent().unwrap().to_owned();
    let lock = state.join("audit.lock");
    // The ledger can be written and the log cannot.
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    world.give(&lock);
    world.line("code alice").run().refused(1, &["audit.lock"]);
    world.line("audit verify").run().succeeded();
    fs::remove_dir(&lock).unwrap();
    world.line("code alice").run().succeeded();
    world.line(&format!("exec {PROFILE} -- true")).run().succeeded();
    let lines = fs::read_to_string(path(&world)).unwrap().lines().count();
    assert_eq!(lines, 4);
}

#[test]
fn seeds_are_rescued_from_a_disk_that_takes_nothing_more_and_all_else_is_refused_there() {
    if !installed(&["strace"]) {
        return;
    }
    let disk = Disk::with_device();
    let state = disk.bench.path("vault/state");
    let path = |name: &str| state.join(name).display().to_string();
    let log = || fs::read_to_string(path("audit.jsonl")).unwrap();
    let (folder, file, out) = (state.display().to_string(), path("audit.jsonl"), disk.bench.path("out"));
    fs::create_dir(&out).unwrap();
    let (backup, picture) = (out.join("backup.age").display().to_string(), out.join("qr.png").display().to_string());
    let passphrase = out.join("passphrase").display().to_string();
    fs::write(&passphrase, "correct horse battery\n").unwrap();
    let rescues: [&[&str]; 4] = [
        &["mfa", "export", "alice", "--yes"],
        &["mfa", "qr", "alice", "--output", &picture, "--force"],
        &["backup", "create", &backup, "--passphrase-file", &passphrase, "--with-keys", "--force"],
        &["backup", "verify", &backup, "--passphrase-file", &passphrase],
    ];
    for (call, error, at) in [
        ("openat:when=2+", "EROFS", &folder),
        ("write", "ENOSPC", &file),
        ("write", "EDQUOT", &file),
        ("write", "EIO", &file),
    ] {
        let before = log();
        // What is opened first is the folder.
        let inject = format!("inject={call}:error={error}");
        let strace = ["-e", &inject, "-P", at.as_str()];
        for rescue in rescues {
            let ran = disk.mfavault(&strace, rescue);
            let (stderr, is_read_only) = (String::from_utf8(ran.stderr).unwrap(), rescue[1] == "verify");
            assert_eq!(ran.status.success(), error != "EIO" || is_read_only, "{error} {rescue:?}: {stderr}");
            let is_said = stderr.contains("warning: not in the log") && stderr.contains("alice");
            assert_eq!(is_said, error != "EIO" && !is_read_only, "{error} {rescue:?}: {stderr}");
        }
        for refused in [
            &["code", "alice"][..],
            &["exec", "main", "--no-session", "--", "true"],
            &["mfa", "remove", "alice", "--force"],
        ] {
            let ran = disk.mfavault(&strace, refused);
            let stderr = String::from_utf8(ran.stderr).unwrap();
            assert!(!ran.status.success() && stderr.contains("vault/state/"), "{error} {refused:?}: {stderr}");
        }
        assert_eq!(log(), before, "{error}");
    }
}

#[test]
fn the_csv_of_the_report_is_what_the_aws_cli_gets() {
    if !installed(&["aws"]) {
        return;
    }
    let world = World::with_keys();
    let csv = world.line("report admin --csv").run().succeeded().stdout;
    let mut aws = world.program("aws");
    let key = world.key("admin");
    aws.args(["iam", "get-credential-report", "--query", "Content", "--output", "text"]);
    aws.env("AWS_ACCESS_KEY_ID", key.access_key_id.as_str()).env("AWS_DEFAULT_REGION", "us-east-1");
    aws.env("AWS_SECRET_ACCESS_KEY", key.secret_access_key.expose());
    let text = aws.run().succeeded().stdout;
    use base64::{Engine, engine::general_purpose::STANDARD};
    assert_eq!(String::from_utf8(STANDARD.decode(text.trim()).unwrap()).unwrap(), csv);
    let table = world.line("report admin --color always").run().succeeded();
    assert!(table.stdout.lines().nth(1).unwrap().contains("<root_account>"), "{table:?}");
    assert!(table.stdout.contains("\u{1b}[33m") && !csv.contains('\u{1b}'), "{table:?}");
    let json = world.line("report admin --json").run().succeeded().json();
    assert_eq!(json["users"][0]["is_root"], true);
    let failed = world.line("report admin --fail-on no-mfa,old-keys").run();
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(failed.stderr.contains("no-mfa: <root_account>, "), "{failed:?}");
}
