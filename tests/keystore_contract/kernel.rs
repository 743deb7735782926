//! Sessions in the kernel's keyring: for them only, gone in time, each vault's own, and never an error for want of room.

use std::{path::Path, process::Command, time::Duration};

use mfavault::keystore::{KernelKeystore, Keystore, KeystoreError, RecordName};

use super::{assert_not_found, conforms_for, secret};
use crate::support::{programs, stopwatch::Stopwatch};

/// Containers often forbid the kernel keyring; then there is nothing to test, and CI must not be such a container.
#[allow(clippy::disallowed_methods, clippy::print_stderr, reason = "a skipped test says so, and CI skips none")]
pub(crate) fn allowed() -> bool {
    match KernelKeystore::probe() {
        Ok(()) => true,
        Err(error) if std::env::var_os("CI").is_none() => {
            eprintln!("SKIPPED: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

fn session() -> RecordName {
    RecordName::new("session", "a")
}

#[test]
fn the_kernel_conforms_for_sessions() {
    let folder = tempfile::tempdir().unwrap();
    if allowed() {
        conforms_for(&KernelKeystore::of(folder.path(), "os"), &["session"]);
    }
}

#[test]
fn nothing_but_sessions_is_ever_put_where_it_is_lost_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = KernelKeystore::of(folder.path(), "os");
    for kind in ["key", "device", "sign-in"] {
        let answer = kernel.put(&RecordName::new(kind, "a"), &secret("secret"));
        assert!(matches!(&answer, Err(KeystoreError::Unavailable { reason, .. }) if reason.contains("sessions only")));
        assert_not_found(kernel.get(&RecordName::new(kind, "a")));
    }
}

#[test]
fn a_session_goes_by_itself_and_is_of_one_vault_and_one_keystore() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kernel = KernelKeystore::of(folder.path(), "os");
    if !allowed() {
        return;
    }
    kernel.put(&session(), &secret("content")).unwrap();
    let same = folder.path().join("../").join(folder.path().file_name().unwrap());
    assert_eq!(KernelKeystore::of(&same, "os").get(&session()).unwrap(), secret("content"));
    for stranger in [KernelKeystore::of(other.path(), "os"), KernelKeystore::of(folder.path(), "file")] {
        assert_not_found(stranger.get(&session()));
        assert_not_found(stranger.remove(&session()));
    }
    kernel.put_for(&session(), &secret("content"), Duration::from_millis(1999)).unwrap();
    let begin = Stopwatch::start();
    while kernel.get(&session()).is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(5), "a session of 1.999 s is there for one");
        std::thread::yield_now();
    }
    assert_not_found(kernel.remove(&session()));
}

/// As a user of its own, for what is full is full for all that the user runs, and for minutes after a test that failed.
#[test]
fn a_full_keyring_refuses_and_has_room_again_for_what_is_removed() {
    if !rustix::process::geteuid().is_root() || !allowed() {
        // The keyring of whoever runs this is not to be filled.
        return;
    }
    let mut command = Command::new("setpriv");
    let user = format!("--reuid={}", 1_000_000 + std::process::id());
    command.args([&user, "--regid=54322", "--clear-groups", "--"]).arg(std::env::current_exe().unwrap());
    let name = "keystore_contract::kernel::child_that_fills_the_keyring";
    let output = command.args(["--ignored", "--exact", name]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "started by the test above"]
fn child_that_fills_the_keyring() {
    let kernel = KernelKeystore::of(Path::new("/nonexistent"), "os");
    let record = |number: usize| RecordName::new("session", number.to_string());
    let content = secret(vec![7; 1300]);
    let put = |number: usize| kernel.put_for(&record(number), &content, Duration::from_secs(20));
    let full = (0..100).find(|number| put(*number).is_err()).expect("a quota of 20,000 bytes");
    assert!(full > 5, "{full}");
    assert!(matches!(put(full), Err(KeystoreError::Unavailable { .. })));
    assert_eq!(kernel.get(&record(0)).unwrap(), content);
    // At once, though the kernel collects it some time later: only the name of what was removed may still take room.
    kernel.remove(&record(0)).unwrap();
    kernel.remove(&record(1)).unwrap();
    put(full).unwrap();
    (2..=full).for_each(|number| kernel.remove(&record(number)).unwrap());
}

#[test]
#[ignore = "started by the test below under strace"]
#[allow(clippy::disallowed_methods, reason = "how a test speaks to the process it starts")]
fn child_that_puts() {
    let folder = std::env::var_os("MFAVAULT_TEST_FOLDER").unwrap();
    let record = RecordName::new("session", Path::new(&folder).file_name().unwrap().to_str().unwrap());
    KernelKeystore::of(Path::new(&folder), "os").put_for(&record, &secret("new"), Duration::from_secs(60)).unwrap();
}

#[test]
fn a_put_that_is_killed_at_any_call_leaves_nothing_that_stays() {
    if !allowed() || !programs::installed(&["strace"]) {
        return;
    }
    for (call, count) in [("add_key", 1), ("keyctl", 6)] {
        for nth in 1..=count {
            let folder = tempfile::tempdir().unwrap();
            let mut command = Command::new("strace");
            command.args(["-qq", "-f", "-o", "/dev/null", "-e", &format!("inject={call}:signal=KILL:when={nth}")]);
            let name = "keystore_contract::kernel::child_that_puts";
            command.arg(std::env::current_exe().unwrap()).args(["--ignored", "--exact", name, "--test-threads=1"]);
            let output = command.env("MFAVAULT_TEST_FOLDER", folder.path()).output().unwrap();
            assert!(!output.status.success(), "{call} {nth}: nothing was killed");
            // The kernel takes its time to collect what was the killed thread's.
            let own = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
            let stays = || {
                let keys = std::fs::read_to_string("/proc/keys").unwrap_or_default();
                keys.lines().any(|line| line.contains(&own) && line.contains(" perm "))
            };
            let begin = Stopwatch::start();
            while stays() {
                assert!(begin.elapsed() < Duration::from_secs(10), "{call} {nth}: a key without a time-out");
                std::thread::yield_now();
            }
        }
    }
}
