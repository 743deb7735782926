//! Saves of the encrypted file, changes of its passphrase and ways back to the generation before, killed or refused at
//! every system call: afterwards the old state is there or the new one, whole. strace does the killing and refusing to
//! this binary, started again as a user without rights.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::lchown,
    path::Path,
    process::{Command, Output},
    time::{Duration, SystemTime},
};

use mfavault::{
    keystore::{Keystore, KeystoreError, RecordName},
    secret::SecretText,
};

use super::{file::opened_with, secret};
use crate::support::programs;

const CHILDREN: &str = "keystore_contract::crash::child_that_";
/// The calls that change something; `openat` also creates.
const CALLS: [&str; 9] = ["openat", "write", "fsync", "rename", "renameat", "renameat2", "linkat", "unlinkat", "mkdir"];
/// Nobody's.
const USER_ID: u32 = 54321;
/// What must stand in no file in the clear.
const CANARIES: [&str; 3] = [OLD, OLD_PASSPHRASE, NEW_PASSPHRASE];
const OLD: &str = "canary-old-content";
const OLD_PASSPHRASE: &str = "canary-old-passphrase";
const NEW_PASSPHRASE: &str = "canary-new-passphrase";

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Create,
    Save,
    Change,
    Restore,
}

impl Act {
    const ALL: [Act; 4] = [Act::Create, Act::Save, Act::Change, Act::Restore];

    fn child(self) -> &'static str {
        match self {
            Act::Create | Act::Save => "saves",
            Act::Change => "changes_the_passphrase",
            Act::Restore => "restores",
        }
    }

    /// The world before.
    fn folder(self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let keystore = opened_with(folder.path(), OLD_PASSPHRASE);
        if self != Act::Create {
            keystore.put(&record(), &secret("older")).unwrap();
            keystore.put(&record(), &secret(OLD)).unwrap();
        }
        if self == Act::Restore {
            keystore.put(&record(), &secret("lost")).unwrap();
            let path = folder.path().join("vault/keystore");
            let mut file = fs::read(&path).unwrap();
            *file.last_mut().unwrap() ^= 1;
            fs::write(&path, &file).unwrap();
            fs::write(folder.path().join("damaged"), &file).unwrap();
        }
        folder
    }

    /// Whether the new state is there; that it or the old one is, whole.
    fn is_done(self, folder: &Path, case: &str) -> bool {
        match self {
            Act::Create | Act::Save => match opened_with(folder, OLD_PASSPHRASE).get(&record()) {
                Ok(content) if content == secret("new") => true,
                Ok(content) if self == Act::Save && content == secret(OLD) => false,
                Err(KeystoreError::NotFound { .. }) if self == Act::Create => false,
                other => panic!("{case}: {other:?}"),
            },
            Act::Change => passphrase_is_changed(folder, case),
            Act::Restore => is_restored(folder, case),
        }
    }

    /// Whoever comes next is not hindered by what is left, and leaves nothing of it.
    fn next(self, folder: &Path, done: bool, case: &str) {
        if self == Act::Restore && !done {
            opened_with(folder, OLD_PASSPHRASE).restore_previous(now()).unwrap();
            assert!(is_restored(folder, case), "{case}");
        }
        let passphrase = if self == Act::Change && done { NEW_PASSPHRASE } else { OLD_PASSPHRASE };
        opened_with(folder, passphrase).put(&record(), &secret("next")).unwrap();
        assert_eq!(temporaries(folder), [""; 0], "{case}");
    }
}

fn record() -> RecordName {
    RecordName::new("key", "prod")
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_293_822)
}

fn passphrase_is_changed(folder: &Path, case: &str) -> bool {
    let opens = |passphrase| match opened_with(folder, passphrase).get(&record()) {
        Ok(content) => {
            assert_eq!(content, secret(OLD), "{case}");
            true
        }
        Err(KeystoreError::WrongPassphrase { .. }) => false,
        Err(error) => panic!("{case}: {error:?}"),
    };
    let new = opens(NEW_PASSPHRASE);
    assert_ne!(opens(OLD_PASSPHRASE), new, "{case}: one of them, and not both");
    // The generation before must not have the old one any more once the change is there.
    let previous = tempfile::tempdir().unwrap();
    fs::create_dir(previous.path().join("vault")).unwrap();
    fs::copy(folder.join("vault/keystore.previous"), previous.path().join("vault/keystore")).unwrap();
    let answer = opened_with(previous.path(), OLD_PASSPHRASE).get(&record());
    assert!(!new || matches!(answer, Err(KeystoreError::WrongPassphrase { .. })), "{case}: {answer:?}");
    new
}

fn is_restored(folder: &Path, case: &str) -> bool {
    let damaged = fs::read(folder.join("damaged")).unwrap();
    let vault = folder.join("vault");
    let kept = |path: &Path| fs::read(path).is_ok_and(|file| file == damaged);
    let aside = kept(&vault.join("keystore.damaged-20261121T204342Z"));
    assert!(aside || kept(&vault.join("keystore")), "{case}: the damaged file is nowhere");
    match opened_with(folder, OLD_PASSPHRASE).get(&record()) {
        Ok(content) => {
            assert!(aside && content == secret(OLD), "{case}");
            true
        }
        Err(KeystoreError::Corrupt { .. }) => false,
        Err(error) => panic!("{case}: {error:?}"),
    }
}

#[allow(clippy::disallowed_methods, reason = "how a test speaks to the process it starts")]
fn folder_of_the_child() -> std::path::PathBuf {
    std::env::var_os("MFAVAULT_TEST_FOLDER").unwrap().into()
}

#[test]
#[ignore = "started by the tests below under strace"]
fn child_that_saves() {
    opened_with(&folder_of_the_child(), OLD_PASSPHRASE).put(&record(), &secret("new")).unwrap();
}

#[test]
#[ignore = "started by the tests below under strace"]
fn child_that_changes_the_passphrase() {
    let keystore = opened_with(&folder_of_the_child(), OLD_PASSPHRASE);
    keystore.prove_passphrase().unwrap().change_to(&SecretText::from(NEW_PASSPHRASE)).unwrap();
}

#[test]
#[ignore = "started by the tests below under strace"]
fn child_that_restores() {
    opened_with(&folder_of_the_child(), OLD_PASSPHRASE).restore_previous(now()).unwrap();
}

/// This binary, in the clothes of a user without rights where the tests are root's.
fn child(name: &str, wrapper: &[&str], folder: &Path) -> Command {
    let user = [format!("--reuid={USER_ID}"), format!("--regid={USER_ID}")];
    let is_root = rustix::process::geteuid().is_root() && programs::installed(&["setpriv"]);
    let mut words: Vec<&str> = Vec::new();
    if is_root {
        words.extend(["setpriv", &user[0], &user[1], "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--"]);
    }
    words.extend(wrapper);
    let own = std::env::current_exe().unwrap();
    words.push(own.to_str().unwrap());
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command.args(["--ignored", "--exact", &format!("{CHILDREN}{name}"), "--test-threads=1"]);
    command.env("MFAVAULT_TEST_FOLDER", folder).env_remove("LD_LIBRARY_PATH");
    command
}

/// Makes the folder and all in it the user's, or ours again.
fn give(folder: &Path, to_the_user: bool) {
    if !rustix::process::geteuid().is_root() || !programs::installed(&["setpriv"]) {
        return;
    }
    let owner = if to_the_user { Some(USER_ID) } else { Some(0) };
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        lchown(&path, owner, owner).unwrap();
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

fn under_strace(act: Act, folder: &Path, arguments: &[&str]) -> Output {
    let trace = folder.join("trace");
    let wrapper = [&["strace", "-qq", "-f", "-o", trace.to_str().unwrap()], arguments].concat();
    give(folder, true);
    let output = child(act.child(), &wrapper, folder).output().unwrap();
    give(folder, false);
    output
}

/// How often each call is made while it is going well; nothing where strace is missing, which CI does not allow.
#[allow(clippy::disallowed_methods, clippy::print_stderr, reason = "a skipped test says so, and CI skips none")]
fn calls_of(act: Act) -> Option<BTreeMap<&'static str, usize>> {
    let usable = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    if !usable.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "strace is needed");
        eprintln!("SKIPPED: strace is not installed, or not allowed to trace");
        return None;
    }
    let folder = act.folder();
    let output = under_strace(act, folder.path(), &[]);
    assert!(output.status.success(), "{output:?}");
    assert!(act.is_done(folder.path(), "going well"));
    let trace = fs::read_to_string(folder.path().join("trace")).unwrap();
    // strace counts for each thread, and the act has one of its own.
    let thread = trace.lines().find(|line| line.contains("renameat(")).and_then(|line| line.split(' ').next()).unwrap();
    let own = |line: &&str| line.split(' ').next() == Some(thread);
    let count = |call: &str| trace.lines().filter(own).filter(|line| line.contains(&format!(" {call}("))).count();
    let counts: BTreeMap<_, _> = CALLS.into_iter().map(|call| (call, count(call))).collect();
    let of_the_act = trace.lines().filter_map(|line| line.split_whitespace().nth(1));
    let order: Vec<&str> = of_the_act
        .filter_map(|call| ["fsync(", "renameat"].into_iter().find(|wanted| call.starts_with(wanted)))
        .collect();
    let expected: &[&str] = match act {
        Act::Create => &["fsync(", "renameat", "fsync("],
        Act::Save | Act::Change => &["fsync(", "fsync(", "renameat", "renameat", "fsync("],
        Act::Restore => &["fsync(", "renameat", "renameat", "fsync("],
    };
    assert_eq!(order, expected, "{act:?}: files, names, folder: in this order, each of them flushed");
    Some(counts)
}

fn temporaries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder.join("vault")) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".tmp-")).collect()
}

/// Neither secret stands in a file, whatever state the folder is in.
fn assert_nothing_in_the_clear(folder: &Path, case: &str) {
    let Ok(entries) = fs::read_dir(folder.join("vault")) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let file = fs::read(&path).unwrap();
        let found = CANARIES.iter().find(|canary| file.windows(canary.len()).any(|part| part == canary.as_bytes()));
        assert_eq!(found, None, "{case}: {}", path.display());
    }
}

#[test]
fn whatever_is_killed_at_any_call_leaves_the_old_or_the_new_state() {
    for act in Act::ALL {
        let Some(calls) = calls_of(act) else { return };
        for (call, count) in calls {
            for nth in 1..=count {
                let case = format!("{act:?}: {call} {nth}");
                let folder = act.folder();
                let inject = format!("inject={call}:signal=KILL:when={nth}");
                let output = under_strace(act, folder.path(), &["-e", &inject]);
                assert!(!output.status.success(), "{case}: nothing was killed");
                assert_nothing_in_the_clear(folder.path(), &case);
                let done = act.is_done(folder.path(), &case);
                act.next(folder.path(), done, &case);
            }
        }
    }
}

#[test]
fn what_the_disk_refuses_is_said_and_leaves_no_unfinished_file() {
    for act in Act::ALL {
        let Some(calls) = calls_of(act) else { return };
        for (call, error) in [
            ("fsync", "EIO"),
            ("write", "ENOSPC"),
            ("write", "EIO"),
            ("renameat", "EIO"),
            ("renameat2", "EIO"),
            ("mkdir", "ENOSPC"),
            ("openat", "EROFS"),
            ("openat", "EIO"),
        ] {
            for nth in 1..=calls[call] {
                let case = format!("{act:?}: {call} {nth} {error}");
                let folder = act.folder();
                let inject = format!("inject={call}:error={error}:when={nth}");
                let output = under_strace(act, folder.path(), &["-e", &inject]);
                let done = act.is_done(folder.path(), &case);
                // Tidying up, which looks into the folder, may fail in silence.
                let may_be_swallowed = call == "openat" && done;
                assert!(!output.status.success() || may_be_swallowed, "{case}: the error was swallowed (done: {done})");
                assert!(done || !output.status.success(), "{case}: it was said to be done");
                assert_eq!(temporaries(folder.path()), [""; 0], "{case}");
                assert_nothing_in_the_clear(folder.path(), &case);
                act.next(folder.path(), done, &case);
            }
        }
    }
}

/// A disk of its own, in a name space of its own, of so many KiB. The script sees it as `$VAULT`, and each child's command
/// under its name. Nothing where the kernel does not allow it, as in many containers.
#[allow(clippy::print_stderr, reason = "a skipped test says so")]
fn on_a_disk(kib: usize, script: &str, children: &[&str]) -> Option<Output> {
    if !programs::installed(&["unshare"]) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("vault");
    fs::create_dir(&vault).unwrap();
    give(folder.path(), true);
    let quoted = |name: &str| {
        let command = child(name, &[], folder.path());
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| format!("'{}'", word.to_str().unwrap())).collect::<Vec<_>>().join(" ")
    };
    let is_root = rustix::process::geteuid().is_root();
    let owner = if is_root && programs::installed(&["setpriv"]) { USER_ID } else { 0 };
    let run = |script: &str| {
        let mount = format!("mount -t tmpfs -o size={kib}k,mode=700,uid={owner},gid={owner} none \"$VAULT\"");
        let mut command = Command::new("unshare");
        command.args(if is_root { &["-m"][..] } else { &["-rm"] }).args(["sh", "-ec", &format!("{mount}; {script}")]);
        command.env("VAULT", &vault).env("MFAVAULT_TEST_FOLDER", folder.path());
        command.envs(children.iter().map(|name| (name, quoted(name)))).output().unwrap()
    };
    if !run("true").status.success() {
        eprintln!("SKIPPED: no disk of its own can be had here");
        return None;
    }
    Some(run(script))
}

#[track_caller]
fn assert_passed(output: &Output, children: usize) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.matches("1 passed").count() == children, "{output:?}");
}

#[test]
#[ignore = "started by the test below on a small disk"]
fn child_that_fills_the_disk() {
    let folder = folder_of_the_child();
    let keystore = opened_with(&folder, OLD_PASSPHRASE);
    let name = |number: usize| RecordName::new("key", number.to_string());
    let mut stored = 0;
    let error = loop {
        match keystore.put(&name(stored), &secret([OLD.as_bytes(), &[7; 5000]].concat())) {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, KeystoreError::File(_)) && stored > 2, "{stored}: {error:?}");
    let check = || {
        let keystore = opened_with(&folder, OLD_PASSPHRASE);
        (0..stored).for_each(|number| drop(keystore.get(&name(number)).unwrap()));
        assert!(matches!(keystore.get(&name(stored)), Err(KeystoreError::NotFound { .. })));
        assert_eq!(temporaries(&folder), [""; 0]);
    };
    check();
    let proven = keystore.prove_passphrase().unwrap();
    assert!(matches!(proven.change_to(&SecretText::from(NEW_PASSPHRASE)), Err(KeystoreError::File(_))));
    check();
    // What frees space is possible as long as there is some for the smaller file.
    let path = folder.join("vault/keystore");
    let mut file = fs::read(&path).unwrap();
    file[200] ^= 1;
    fs::write(&path, &file).unwrap();
    let filler = folder.join("vault/filler");
    let room = (1..).take_while(|kib| fs::write(&filler, vec![0; kib * 1024]).is_ok()).count();
    assert!(room > 0);
    assert!(matches!(keystore.restore_previous(now()), Err(KeystoreError::File(_))));
    assert_eq!(fs::read(&path).unwrap(), file, "the damaged file is where it was");
    fs::remove_file(filler).unwrap();
    assert_eq!(temporaries(&folder), [""; 0]);
}

#[test]
fn a_full_disk_takes_nothing_and_spoils_nothing() {
    let children = ["fills_the_disk"];
    let Some(output) = on_a_disk(128, "eval \"$fills_the_disk\"", &children) else { return };
    assert_passed(&output, 1);
}

#[test]
#[ignore = "started by the test below on a disk that becomes read-only"]
fn child_that_finds_the_disk_read_only() {
    let folder = folder_of_the_child();
    for keystore in [opened_with(&folder, OLD_PASSPHRASE), opened_with(&folder, OLD_PASSPHRASE).sharing()] {
        assert_eq!(keystore.get(&record()).unwrap(), secret("new"));
        assert!(matches!(keystore.put(&record(), &secret("x")), Err(KeystoreError::File(_))));
        assert!(matches!(keystore.remove(&record()), Err(KeystoreError::File(_))));
        let proven = keystore.prove_passphrase().unwrap();
        assert!(matches!(proven.change_to(&SecretText::from(NEW_PASSPHRASE)), Err(KeystoreError::File(_))));
        assert_eq!(keystore.get(&record()).unwrap(), secret("new"));
    }
}

#[test]
fn on_a_disk_that_is_read_only_reading_works_and_writing_says_why_not() {
    let children = ["saves", "finds_the_disk_read_only"];
    let script = "eval \"$saves\"; mount -o remount,ro \"$VAULT\"; eval \"$finds_the_disk_read_only\"";
    let Some(output) = on_a_disk(128, script, &children) else { return };
    assert_passed(&output, 2);
}
