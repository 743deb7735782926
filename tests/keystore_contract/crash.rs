//! Saves of the encrypted file that are killed or refused at every system call: afterwards the old state is there or
//! the new one, whole. strace does the killing and refusing to this binary, started again.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

use mfavault::keystore::{Keystore, KeystoreError, RecordName};

use super::{file::opened_with, secret};

const CHILD: &str = "keystore_contract::crash::child_that_saves";
/// The calls that change something; `openat` also creates.
const CALLS: [&str; 9] = ["openat", "write", "fsync", "rename", "renameat", "renameat2", "linkat", "unlinkat", "mkdir"];

fn record() -> RecordName {
    RecordName::new("key", "prod")
}

#[test]
#[ignore = "started by the tests below under strace"]
#[allow(clippy::disallowed_methods, reason = "how a test speaks to the process it starts")]
fn child_that_saves() {
    let folder = std::env::var_os("MFAVAULT_TEST_FOLDER").unwrap();
    opened_with(Path::new(&folder), "pass").put(&record(), &secret("new")).unwrap();
}

/// A folder with the old state, or with none yet.
fn before(old: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    if old {
        opened_with(folder.path(), "pass").put(&record(), &secret("older")).unwrap();
        opened_with(folder.path(), "pass").put(&record(), &secret("old")).unwrap();
    }
    folder
}

fn save_under_strace(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("strace");
    command.args(["-qq", "-f", "-o"]).arg(folder.join("trace")).args(arguments);
    command.arg(std::env::current_exe().unwrap()).args(["--ignored", "--exact", CHILD, "--test-threads=1"]);
    command.env("MFAVAULT_TEST_FOLDER", folder).env_remove("LD_LIBRARY_PATH").output().unwrap()
}

/// How often each call is made while a save is going well; nothing where strace is missing, which CI does not allow.
#[allow(clippy::disallowed_methods, clippy::print_stderr, reason = "a skipped test says so, and CI skips none")]
fn calls_of_a_save(old: bool) -> Option<BTreeMap<&'static str, usize>> {
    let usable = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    if !usable.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "strace is needed");
        eprintln!("SKIPPED: strace is not installed, or not allowed to trace");
        return None;
    }
    let folder = before(old);
    let output = save_under_strace(folder.path(), &[]);
    assert!(output.status.success(), "{output:?}");
    let trace = fs::read_to_string(folder.path().join("trace")).unwrap();
    // strace counts for each thread, and the save has one of its own.
    let thread = trace.lines().find(|line| line.contains("renameat(")).and_then(|line| line.split(' ').next()).unwrap();
    let own = |line: &&str| line.split(' ').next() == Some(thread);
    let count = |call: &str| trace.lines().filter(own).filter(|line| line.contains(&format!(" {call}("))).count();
    let counts: BTreeMap<_, _> = CALLS.into_iter().map(|call| (call, count(call))).collect();
    let of_the_save = trace.lines().filter_map(|line| line.split_whitespace().nth(1));
    let order: Vec<&str> = of_the_save
        .filter_map(|call| ["fsync(", "renameat("].into_iter().find(|wanted| call.starts_with(wanted)))
        .collect();
    let once = ["fsync(", "renameat("];
    let expected = if old { [&once[..], &once, &["fsync("]].concat() } else { [&once[..], &["fsync("]].concat() };
    assert_eq!(order, expected, "file, name, folder: in this order, each of them flushed");
    Some(counts)
}

fn assert_old_or_new(folder: &Path, old: bool, case: &str) -> bool {
    match opened_with(folder, "pass").get(&record()) {
        Ok(content) if content == secret("new") => true,
        Ok(content) if old && content == secret("old") => false,
        Err(KeystoreError::NotFound { .. }) if !old => false,
        other => panic!("{case}: {other:?}"),
    }
}

fn temporaries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder.join("vault")) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".tmp-")).collect()
}

#[test]
fn a_save_that_is_killed_at_any_call_leaves_the_old_or_the_new_state() {
    for old in [true, false] {
        let Some(calls) = calls_of_a_save(old) else { return };
        for (call, count) in calls {
            for nth in 1..=count {
                let case = format!("{call} {nth}, old {old}");
                let folder = before(old);
                let inject = format!("inject={call}:signal=KILL:when={nth}");
                let output = save_under_strace(folder.path(), &["-e", &inject]);
                assert!(!output.status.success(), "{case}: nothing was killed");
                assert_old_or_new(folder.path(), old, &case);
                // Whoever comes next is not hindered by what is left.
                opened_with(folder.path(), "pass").put(&record(), &secret("next")).unwrap();
            }
        }
    }
}

#[test]
fn a_save_that_the_disk_refuses_says_so_and_leaves_no_unfinished_file() {
    for old in [true, false] {
        let Some(calls) = calls_of_a_save(old) else { return };
        for (call, error) in
            [("fsync", "EIO"), ("write", "ENOSPC"), ("write", "EIO"), ("renameat", "EIO"), ("mkdir", "ENOSPC")]
        {
            for nth in 1..=calls[call] {
                let case = format!("{call} {nth} {error}, old {old}");
                let folder = before(old);
                let inject = format!("inject={call}:error={error}:when={nth}");
                let output = save_under_strace(folder.path(), &["-e", &inject]);
                let new = assert_old_or_new(folder.path(), old, &case);
                assert!(!output.status.success(), "{case}: the error was swallowed (new state: {new})");
                assert_eq!(temporaries(folder.path()), [""; 0], "{case}");
            }
        }
    }
}
