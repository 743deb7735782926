//! The system's keystore against a real GNOME Keyring on a private D-Bus session, and against what can be wrong there.
//!
//! The bus is found through the environment, so each case runs in a process of its own: this binary, started again.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use dbus_secret_service::{EncryptionType, SecretService};
use mfavault::keystore::{Keystore, KeystoreError, OsKeystore, RecordName};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{conforms, secret};

/// A bus that starts nothing by itself, so that what is not there stays away.
const BUS: &str = r#"<busconfig><type>session</type><listen>unix:dir=FOLDER</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>"#;

pub(crate) struct Session {
    folder: TempDir,
    address: String,
    bus: Child,
    keyring: Option<Child>,
}

impl Session {
    fn with_bus() -> Option<Session> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("bus.conf");
        fs::write(&config, BUS.replace("FOLDER", folder.path().to_str().unwrap())).unwrap();
        let mut command = Command::new("dbus-daemon");
        command.args(["--nofork", "--print-address"]).arg(format!("--config-file={}", config.display()));
        let mut bus = started(command.stdout(Stdio::piped()).stderr(Stdio::null()))?;
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Some(Session { folder, address: address.trim().to_owned(), bus, keyring: None })
    }

    pub(crate) fn with_keyring() -> Option<Session> {
        let mut session = Session::with_bus()?;
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--unlock", "--components=secrets"]);
        session.environment(&mut command);
        let mut keyring = started(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()))?;
        keyring.stdin.take().unwrap().write_all(b"pass").unwrap();
        session.keyring = Some(keyring);
        session.run("waits_for_the_service");
        Some(session)
    }

    pub(crate) fn environment(&self, command: &mut Command) {
        let path = self.folder.path();
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        for variable in ["HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"] {
            command.env(variable, path);
        }
    }

    fn signal_keyring(&self, signal: Signal) {
        let keyring = self.keyring.as_ref().expect("the session has a keyring");
        kill_process(Pid::from_child(keyring), signal).unwrap();
    }

    fn run(&self, child: &str) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        self.environment(&mut command);
        run(&mut command, child);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for child in self.keyring.iter_mut().chain([&mut self.bus]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The program, or nothing where it is not installed; in CI that is a failure.
#[allow(clippy::disallowed_methods, clippy::print_stderr, reason = "a skipped test says so, and CI skips none")]
fn started(command: &mut Command) -> Option<Child> {
    match command.spawn() {
        Ok(child) => Some(child),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && std::env::var_os("CI").is_none() => {
            eprintln!("SKIPPED: {} is not installed", command.get_program().display());
            None
        }
        Err(error) => panic!("{command:?}: {error}"),
    }
}

fn run(command: &mut Command, child: &str) {
    let name = format!("keystore_contract::os::child::{child}");
    let output = command.args(["--ignored", "--exact", &name]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{child}: {said}");
}

#[test]
fn the_secret_service_conforms() {
    let Some(session) = Session::with_keyring() else { return };
    session.run("conforms_and_is_labelled");
}

#[test]
fn another_process_reads_what_was_put_until_the_keyring_is_locked() {
    let Some(session) = Session::with_keyring() else { return };
    session.run("puts");
    session.run("gets");
    session.run("locks_and_is_refused");
}

#[test]
fn a_frozen_service_is_unavailable_within_two_seconds() {
    let Some(session) = Session::with_keyring() else { return };
    session.signal_keyring(Signal::STOP);
    session.run("finds_it_frozen");
    session.signal_keyring(Signal::CONT);
}

#[test]
fn a_bus_without_the_service_is_unavailable_at_once() {
    let Some(session) = Session::with_bus() else { return };
    session.run("finds_no_service");
}

#[test]
fn a_session_without_a_bus_is_unavailable_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    for variable in ["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"] {
        command.env_remove(variable);
    }
    run(command.env("HOME", folder.path()).env("XDG_RUNTIME_DIR", folder.path()), "finds_no_bus");
}

#[test]
fn a_mute_bus_is_unavailable_within_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mute");
    let _listener = UnixListener::bind(&socket).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket.display()));
    run(&mut command, "finds_it_mute");
}

/// What runs in the processes with the changed environment.
mod child {
    use super::*;

    fn prod() -> RecordName {
        RecordName::new("key", "prod")
    }

    fn unavailable<T: std::fmt::Debug>(answer: Result<T, KeystoreError>) -> String {
        match answer {
            Err(KeystoreError::Unavailable { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn locked<T: std::fmt::Debug>(answer: Result<T, KeystoreError>) {
        assert!(matches!(answer, Err(KeystoreError::Locked { .. })), "{answer:?}");
    }

    fn within(limit: Duration, action: impl FnOnce()) {
        let begin = Instant::now();
        action();
        assert!(begin.elapsed() < limit, "{:?}", begin.elapsed());
    }

    const AT_ONCE: Duration = Duration::from_secs(1);
    const TWO_SECONDS_AND_SOME: Duration = Duration::from_millis(2800);

    #[test]
    #[ignore = "started by the tests above"]
    #[allow(clippy::disallowed_methods, reason = "another process is waited for")]
    fn waits_for_the_service() {
        let begin = Instant::now();
        while let Err(error) = OsKeystore::probe() {
            assert!(begin.elapsed() < Duration::from_secs(15), "{error}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn conforms_and_is_labelled() {
        let keystore = OsKeystore::new(false);
        conforms(&keystore);
        keystore.put(&prod(), &secret("content")).unwrap();
        let service = SecretService::connect(EncryptionType::Plain).unwrap();
        let items = service.search_items([("service", "mfavault"), ("username", "key/prod")].into()).unwrap();
        assert_eq!(items.unlocked.len(), 1);
        assert_eq!(items.unlocked[0].get_label().unwrap(), "mfavault: key prod");
        conforms(&OsKeystore::new(true));
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn puts() {
        OsKeystore::new(false).put(&prod(), &secret("content")).unwrap();
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn gets() {
        assert_eq!(OsKeystore::new(false).get(&prod()).unwrap(), secret("content"));
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn locks_and_is_refused() {
        let service = SecretService::connect(EncryptionType::Plain).unwrap();
        service.get_default_collection().unwrap().lock().unwrap();
        let missing = RecordName::new("key", "missing");
        within(AT_ONCE, || {
            locked(OsKeystore::probe());
            let keystore = OsKeystore::new(false);
            locked(keystore.get(&prod()));
            locked(keystore.get(&missing));
            locked(keystore.put(&missing, &secret("x")));
            locked(keystore.remove(&prod()));
        });
        // Here nothing can show the prompt, which must be an answer and no hanging.
        within(TWO_SECONDS_AND_SOME, || locked(OsKeystore::new(true).get(&prod())));
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn finds_it_frozen() {
        within(TWO_SECONDS_AND_SOME, || drop(unavailable(OsKeystore::probe())));
        within(TWO_SECONDS_AND_SOME, || {
            let reason = unavailable(OsKeystore::new(false).get(&prod()));
            assert_eq!(reason, "the Secret Service does not answer");
        });
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn finds_no_service() {
        within(AT_ONCE, || {
            for reason in [unavailable(OsKeystore::probe()), unavailable(OsKeystore::new(true).get(&prod()))] {
                assert_eq!(reason, "no program offers the Secret Service on D-Bus");
            }
        });
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn finds_no_bus() {
        within(AT_ONCE, || {
            for reason in [unavailable(OsKeystore::probe()), unavailable(OsKeystore::new(true).get(&prod()))] {
                assert_eq!(reason, "no D-Bus session bus");
            }
        });
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn finds_it_mute() {
        within(TWO_SECONDS_AND_SOME, || {
            assert_eq!(unavailable(OsKeystore::probe()), "it did not answer within 2 s");
        });
    }
}

#[test]
fn a_record_too_large_is_refused_before_anything_is_asked() {
    let answer = OsKeystore::new(false).put(&RecordName::new("key", "prod"), &secret(vec![0; 1024 * 1024 + 1]));
    assert!(matches!(answer, Err(KeystoreError::TooLarge { limit_bytes: 1_048_576, .. })), "{answer:?}");
}
