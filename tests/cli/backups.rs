//! Backups, shares and sheets on a real disk: their modes, what is in their way, what the disk refuses; and the reminder.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
};

use age::secrecy::ExposeSecret;

use super::world::{MFAVAULT, Ran, Run, World};
use crate::support::programs;

const SHARES: [&str; 3] = ["mfa.1-of-3.txt", "mfa.2-of-3.txt", "mfa.3-of-3.txt"];

/// What lies where the commands run.
fn names(world: &World) -> Vec<String> {
    let entries = fs::read_dir(world.path("home")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn shares_and_sheets_are_0600_whatever_the_umask() {
    for umask in ["000", "777"] {
        let Some(world) = World::enrolled().for_a_user() else { return };
        let script = format!(
            "set -e; umask {umask}; \"$0\" backup create mfa --split 2/3; \"$0\" backup sheet sheet.html --yes\n\
             \"$0\" backup verify mfa.3-of-3.txt mfa.1-of-3.txt"
        );
        world.program("setsid").args(["bash", "-c", &script, MFAVAULT]).run().succeeded();
        assert_eq!(names(&world), [&SHARES[..], &["sheet.html"]].concat());
        for name in names(&world) {
            let mode = fs::metadata(world.path("home").join(&name)).unwrap().mode() & 0o7777;
            assert_eq!(mode, 0o600, "{name} with umask {umask}");
        }
    }
}

#[test]
fn what_is_in_the_way_is_never_replaced_without_force_and_never_by_shares() {
    let world = World::enrolled();
    let path = |name: &str| world.path("home").join(name);
    fs::write(path("target"), "mine").unwrap();
    symlink("target", path(SHARES[1])).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    fs::write(path("sheet.html"), "mine").unwrap();
    let before = names(&world);
    for arguments in [
        "backup create mfa --split 2/3",
        "backup create dangling",
        "backup sheet sheet.html --yes",
        "backup sheet dangling --yes",
    ] {
        world.line(arguments).run().refused(1, &["cannot write"]);
    }
    let both = world.line("backup create mfa --split 2/3 --force").run();
    assert!(both.status.code() == Some(2) && both.stderr.contains("'--force'"), "{both:?}");
    world.line("backup sheet dangling --yes --force").run().refused(1, &["not a regular file"]);
    assert_eq!(names(&world), before);
    assert_eq!(fs::read(path("target")).unwrap(), b"mine");
    world.line("backup sheet sheet.html --yes --force").run().succeeded();
    assert!(fs::read(path("sheet.html")).unwrap().starts_with(b"<!DOCTYPE html>"));
}

/// Runs a command whose `nth` call of the system of this kind fails.
fn with_a_fault(world: &World, call: &str, error: &str, nth: usize, arguments: &str) -> Ran {
    let mut command = world.program("strace");
    let fault = format!("inject={call}:error={error}:when={nth}");
    command.args(["-qq", "-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &fault]);
    command.args(["setsid", "--wait", MFAVAULT]).args(arguments.split(' ')).run()
}

#[test]
fn a_disk_that_refuses_leaves_all_shares_or_none_and_old_files_whole() {
    if !programs::installed(&["strace"]) {
        return;
    }
    let world = World::enrolled();
    let home = |name: &str| world.path("home").join(name);
    let key = age::x25519::Identity::generate();
    fs::write(home("key"), key.to_string().expose_secret()).unwrap();
    let mut refused = 0;
    for (call, error) in [("fsync", "EIO"), ("write", "ENOSPC"), ("renameat2", "EIO"), ("openat", "ENOSPC")] {
        for nth in 1..=8 {
            // The loader of programs opens files, too.
            let nth = if call == "openat" { nth * 4 } else { nth };
            let case = format!("{call} {nth}: {error}");
            let ran = with_a_fault(&world, call, error, nth, "backup create mfa --split 2/3");
            let mut expected = vec!["key".to_owned()];
            if ran.status.success() {
                expected.extend(SHARES.map(str::to_owned));
                assert_eq!(names(&world), expected, "{case}: {ran:?}");
                world.line("backup verify mfa.1-of-3.txt mfa.2-of-3.txt").run().succeeded();
                SHARES.iter().for_each(|name| fs::remove_file(home(name)).unwrap());
            } else {
                refused += 1;
                assert_eq!(names(&world), expected, "{case}: {ran:?}");
            }
        }
    }
    assert!(refused >= 12, "{refused}");
    let create = format!("backup create mfa.age --identity key --recipient {}", key.to_public());
    world.line(&create).run().succeeded();
    world.line("backup sheet sheet.html --yes").run().succeeded();
    for (call, error) in [("fsync", "EIO"), ("write", "ENOSPC"), ("renameat", "EIO")] {
        for nth in 1..=4 {
            for arguments in [&format!("{create} --force"), "backup sheet sheet.html --yes --force"] {
                let ran = with_a_fault(&world, call, error, nth, arguments);
                assert_eq!(names(&world), ["key", "mfa.age", "sheet.html"], "{call} {nth}: {ran:?}");
                assert!(ran.status.success() || ran.stderr.contains("error: "), "{call} {nth}: {ran:?}");
                assert!(fs::read(home("sheet.html")).unwrap().ends_with(b"</html>\n"), "{call} {nth}");
            }
            world.line("backup verify mfa.age --identity key").run().succeeded();
        }
    }
}

#[test]
fn list_reminds_of_what_no_backup_has() {
    let world = World::enrolled();
    world.line("mfa import other --stdin").run_with("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").succeeded();
    let reminder = |arguments: &str| {
        let ran = world.line(arguments).run().succeeded();
        assert!(!ran.stdout.contains("note:"), "{ran:?}");
        ran.stderr
    };
    for arguments in ["list", "mfa list"] {
        assert_eq!(reminder(arguments), "note: no backup of alice, other: `mfavault backup create FILE`\n");
    }
    for arguments in ["list --json", "mfa list --json"] {
        assert_eq!(reminder(arguments), "");
    }
    world.line("backup sheet sheet.html other --yes").run().succeeded();
    assert_eq!(reminder("list"), "note: no backup of alice: `mfavault backup create FILE`\n");
    let devices = world.line("mfa list --json").run().succeeded().json();
    assert!(devices[0]["backed_up"].is_null() && devices[1]["backed_up"].is_string(), "{devices:#}");
    world.line("backup create mfa --split 2/2").run().succeeded();
    assert_eq!(reminder("list"), "");
    let rows = world.line("list --json").run().succeeded().json();
    let row = rows.as_array().unwrap().iter().find(|row| row["profile"] == "main").unwrap();
    assert!(row["backed_up"].is_string(), "{row:#}");
}

#[test]
fn shares_are_asked_for_until_there_are_enough() {
    let world = World::enrolled();
    world.line("backup create mfa --split 2/3").run().succeeded();
    let ran = world.line("backup verify mfa.2-of-3.txt").run().refused(1, &["takes 2 shares", "1 was given", "1, 3"]);
    assert!(ran.stderr.contains("hint: "), "{ran:?}");
    let verified = world.line("backup verify mfa.2-of-3.txt mfa.1-of-3.txt --json").run().succeeded().json();
    assert_eq!((&verified["generation"], &verified["same"]), (&1.into(), &true.into()), "{verified:#}");
    assert!(verified["created"].as_str().unwrap().ends_with('Z'), "{verified:#}");
    world.line("mfa remove alice --force").run().succeeded();
    let differs = world.line("backup verify mfa.2-of-3.txt mfa.1-of-3.txt").run();
    assert_eq!((differs.status.code(), differs.stdout.contains("missing in vault")), (Some(1), true), "{differs:?}");
    world.line("backup restore mfa.3-of-3.txt mfa.1-of-3.txt --yes").run().succeeded();
    world.line("backup verify mfa.2-of-3.txt mfa.1-of-3.txt").run().succeeded();
    for split in ["1/3", "4/3", "3", "2/256"] {
        let refused = world.line(&format!("backup create other --split {split}")).run();
        assert!(refused.status.code() == Some(2) && refused.stderr.contains("--split"), "{refused:?}");
    }
}
