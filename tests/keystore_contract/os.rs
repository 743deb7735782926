//! The system's keystore against a real GNOME Keyring on a private D-Bus session, and against what can be wrong there.
//!
//! The bus is found through the environment, so each case runs in a process of its own: this binary, started again.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use dbus::{
    Path,
    arg::{AppendAll, ReadAll, Variant},
    blocking::Connection,
};
use mfavault::keystore::{Keystore, KeystoreError, OsKeystore, RecordName};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{conforms, secret};
use crate::support::stopwatch::{Stopwatch, within};

mod kwallet;
mod stub;

/// A bus that starts only what the test says, so that what is not there stays away.
const BUS: &str = r#"<busconfig><type>session</type><listen>unix:dir=FOLDER</listen><auth>EXTERNAL</auth>
<limit name="service_start_timeout">4000</limit><servicedir>FOLDER</servicedir><policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>"#;

pub(crate) struct Session {
    folder: TempDir,
    address: String,
    bus: Child,
    keyring: Option<Child>,
}

impl Session {
    fn with_bus() -> Option<Session> {
        Session::that_starts("")
    }

    /// A bus that starts the Secret Service by this command when it is called.
    fn that_starts(command: &str) -> Option<Session> {
        let folder = tempfile::tempdir().unwrap();
        if !command.is_empty() {
            let text = format!("[D-BUS Service]\nName=org.freedesktop.secrets\nExec={command}\n");
            fs::write(folder.path().join("org.freedesktop.secrets.service"), text).unwrap();
        }
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
        Session::with_keyring_of(&[])
    }

    /// As [`Session::with_keyring`], with these collections, which are open from the start.
    pub(crate) fn with_keyring_of(collections: &[&str]) -> Option<Session> {
        let mut session = Session::with_bus()?;
        let keyrings = session.folder.path().join("keyrings");
        fs::create_dir(&keyrings).unwrap();
        for name in collections {
            let text =
                format!("[keyring]\ndisplay-name={name}\nctime=0\nmtime=0\nlock-on-idle=false\nlock-after=false\n");
            fs::write(keyrings.join(format!("{name}.keyring")), text).unwrap();
        }
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

    /// Where everything is that its programs write.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Locks the keyring, which nothing unlocks here.
    pub(crate) fn lock(&self) {
        self.run("locks");
    }

    /// Has it answer no more.
    pub(crate) fn freeze(&self) {
        self.signal_keyring(Signal::STOP);
    }

    fn signal_keyring(&self, signal: Signal) {
        let keyring = self.keyring.as_ref().expect("the session has a keyring");
        kill_process(Pid::from_child(keyring), signal).unwrap();
    }

    fn run(&self, child: &str) {
        self.run_in("child", child);
    }

    fn run_in(&self, module: &str, child: &str) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        self.environment(&mut command);
        run(&mut command, &format!("{module}::{child}"));
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
pub(crate) fn started(command: &mut Command) -> Option<Child> {
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
    let name = format!("keystore_contract::os::{child}");
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
fn what_other_programs_wrote_and_read_is_the_same() {
    let Some(session) = Session::with_keyring() else { return };
    let tool = |arguments: &str| {
        let mut command = Command::new("secret-tool");
        session.environment(command.args(arguments.split_whitespace()).stdin(Stdio::piped()).stdout(Stdio::piped()));
        command
    };
    let Some(mut store) = started(&mut tool("store --label=theirs service mfavault username key/theirs")) else {
        return;
    };
    store.stdin.take().unwrap().write_all(b"content of theirs").unwrap();
    assert!(store.wait().unwrap().success());
    session.run("reads_and_changes_what_others_wrote");
    let output = tool("lookup service mfavault username key/theirs").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "changed");
}

#[test]
fn hundreds_of_records_and_large_ones_are_kept() {
    let Some(session) = Session::with_keyring() else { return };
    session.run("keeps_many_and_large_ones");
}

#[test]
fn a_secret_is_in_no_file_in_the_clear() {
    let Some(session) = Session::with_keyring() else { return };
    session.run("puts_a_planted_secret");
    let files = files(session.folder.path());
    assert!(files.iter().any(|path| path.extension().is_some_and(|end| end == "keyring")), "{files:?}");
    for path in files {
        // Sockets cannot be read.
        let Ok(content) = fs::read(&path) else { continue };
        let found = content.windows(PLANTED.len()).any(|bytes| bytes == PLANTED.as_bytes());
        assert!(!found, "{}", path.display());
    }
}

#[test]
fn a_service_that_ends_between_calls_is_unavailable_at_once() {
    let Some(session) = Session::with_keyring() else { return };
    session.run("outlives_the_service");
}

#[test]
fn a_service_that_has_yet_to_start_is_waited_for() {
    let exec = "/bin/sh -c \"sleep 2.5; exec gnome-keyring-daemon --foreground --components=secrets\"";
    let Some(session) = Session::that_starts(exec) else { return };
    if started(Command::new("gnome-keyring-daemon").arg("--version").stdout(Stdio::null())).is_some() {
        session.run("waits_for_a_start");
    }
}

#[test]
fn a_service_that_does_not_start_is_unavailable_and_says_so() {
    let Some(session) = Session::that_starts("/bin/sleep 9") else { return };
    session.run("waits_for_a_start_in_vain");
    let Some(session) = Session::that_starts("/nowhere/at-all") else { return };
    session.run("finds_nothing_to_start");
}

#[test]
fn a_collection_of_our_own_takes_new_items_and_old_ones_stay_found() {
    let Some(session) = Session::with_keyring() else { return };
    session.run("uses_a_collection_of_its_own");
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
    run(command.env("HOME", folder.path()).env("XDG_RUNTIME_DIR", folder.path()), "child::finds_no_bus");
}

#[test]
fn a_mute_bus_is_unavailable_within_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mute");
    let _listener = UnixListener::bind(&socket).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket.display()));
    run(&mut command, "child::finds_it_mute");
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

const PLANTED: &str = "PLANTED-wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY";

/// Calls the service without our adapter.
fn call<R: ReadAll>(path: &Path<'static>, interface: &str, method: &str, arguments: impl AppendAll) -> R {
    let connection = Connection::new_session().unwrap();
    let proxy = connection.with_proxy("org.freedesktop.secrets", path.clone(), Duration::from_secs(5));
    proxy.method_call(format!("org.freedesktop.{interface}"), method, arguments).unwrap()
}

fn service() -> Path<'static> {
    Path::new("/org/freedesktop/secrets").unwrap()
}

fn labels(user: &str) -> Vec<(String, String)> {
    let attributes = std::collections::HashMap::from([("service", "mfavault"), ("username", user)]);
    let (open, _): (Vec<Path<'static>>, Vec<Path<'static>>) =
        call(&service(), "Secret.Service", "SearchItems", (attributes,));
    let label = |item: Path<'static>| {
        let (Variant(label),) = call(&item, "DBus.Properties", "Get", ("org.freedesktop.Secret.Item", "Label"));
        (item.to_string(), label)
    };
    open.into_iter().map(label).collect()
}

fn lock_the_default_collection() {
    let (collection,): (Path<'static>,) = call(&service(), "Secret.Service", "ReadAlias", ("default",));
    let _: (Vec<Path<'static>>, Path<'static>) = call(&service(), "Secret.Service", "Lock", (vec![collection],));
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

    const AT_ONCE: Duration = Duration::from_secs(1);
    const TWO_SECONDS: Duration = Duration::from_secs(2);

    #[test]
    #[ignore = "started by the tests above"]
    #[allow(clippy::disallowed_methods, reason = "another process is waited for")]
    fn waits_for_the_service() {
        let begin = Stopwatch::start();
        while let Err(error) = OsKeystore::probe(None) {
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
        let labels: Vec<String> = labels("key/prod").into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["mfavault: access key of prod"]);
        conforms(&OsKeystore::new(true));
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn reads_and_changes_what_others_wrote() {
        let (keystore, theirs) = (OsKeystore::new(false), RecordName::new("key", "theirs"));
        assert_eq!(keystore.get(&theirs).unwrap(), secret("content of theirs"));
        keystore.put(&theirs, &secret("changed")).unwrap();
        assert_eq!(labels("key/theirs")[0].1, "theirs");
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn keeps_many_and_large_ones() {
        let keystore = OsKeystore::new(false);
        let record = |number: usize| RecordName::new("key", format!("name-{number}"));
        for number in 0..300 {
            keystore.put(&record(number), &secret(format!("content {number}"))).unwrap();
        }
        let large = secret((0..200_000_u32).map(|number| (number % 251) as u8).collect::<Vec<u8>>());
        keystore.put(&record(7), &large).unwrap();
        let again = OsKeystore::new(false);
        for number in (0..300).filter(|number| *number != 7) {
            assert_eq!(again.get(&record(number)).unwrap(), secret(format!("content {number}")));
        }
        assert_eq!(again.get(&record(7)).unwrap(), large);
        within(AT_ONCE, || drop(OsKeystore::new(false).get(&record(299)).unwrap()));
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn puts_a_planted_secret() {
        let keystore = OsKeystore::new(false);
        for record in [prod(), RecordName::new("device", "alice"), RecordName::new("session", "0123")] {
            keystore.put(&record, &secret(PLANTED)).unwrap();
            keystore.get(&record).unwrap();
        }
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn outlives_the_service() {
        let keystore = OsKeystore::new(false);
        keystore.put(&prod(), &secret("content")).unwrap();
        let bus = Connection::new_session().unwrap();
        let proxy = bus.with_proxy("org.freedesktop.DBus", "/org/freedesktop/DBus", Duration::from_secs(5));
        let (process,): (u32,) = proxy
            .method_call("org.freedesktop.DBus", "GetConnectionUnixProcessID", ("org.freedesktop.secrets",))
            .unwrap();
        kill_process(Pid::from_raw(process.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
        within(TWO_SECONDS, || {
            // The first call may still meet it on its way out.
            let reasons: Vec<String> = (0..3).map(|_| unavailable(keystore.get(&prod()))).collect();
            assert_eq!(reasons[2], "no program offers the Secret Service on D-Bus");
        });
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn waits_for_a_start() {
        within(Duration::from_secs(10), || {
            assert_eq!(unavailable(OsKeystore::probe(None)), "the Secret Service has no default collection");
        });
        within(AT_ONCE, || {
            for answer in [OsKeystore::new(false), OsKeystore::new(true)].map(|keystore| keystore.get(&prod())) {
                assert_eq!(unavailable(answer), "the Secret Service has no default collection");
            }
            assert!(OsKeystore::probe(Some("mfavault")).is_ok(), "it would be made");
        });
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn waits_for_a_start_in_vain() {
        within(Duration::from_secs(10), || {
            let reason = unavailable(OsKeystore::new(false).get(&prod()));
            assert_eq!(reason, "the Secret Service was being started, and was not there in time");
        });
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn finds_nothing_to_start() {
        within(AT_ONCE, || {
            let reason = unavailable(OsKeystore::new(false).get(&prod()));
            assert!(reason.starts_with("the bus could not start the Secret Service: "), "{reason}");
        });
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn uses_a_collection_of_its_own() {
        let labelled = |label: &str| OsKeystore::new(false).in_collection(Some(label.to_owned()));
        let (old, new) = (RecordName::new("key", "old"), RecordName::new("key", "new"));
        OsKeystore::new(false).put(&old, &secret("old")).unwrap();
        // This one is there, is not the default, and lasts as long as the service.
        let (session,): (Path<'static>,) = call(&service(), "Secret.Service", "ReadAlias", ("session",));
        let (Variant(label),): (Variant<String>,) =
            call(&session, "DBus.Properties", "Get", ("org.freedesktop.Secret.Collection", "Label"));
        let keystore = labelled(&label);
        keystore.put(&new, &secret("new")).unwrap();
        keystore.put(&old, &secret("changed")).unwrap();
        assert!(labels("key/new")[0].0.starts_with(&*session), "{:?}", labels("key/new"));
        assert!(!labels("key/old")[0].0.starts_with(&*session), "{:?}", labels("key/old"));
        for keystore in [labelled(&label), labelled("not there"), OsKeystore::new(false)] {
            assert_eq!(keystore.get(&new).unwrap(), secret("new"));
            assert_eq!(keystore.get(&old).unwrap(), secret("changed"));
        }
        keystore.remove(&new).unwrap();
        conforms(&keystore);
        // Making one asks for its password.
        within(AT_ONCE, || match labelled("not there").put(&new, &secret("new")) {
            Err(KeystoreError::Locked { reason, .. }) => {
                assert!(reason.contains("no collection `not there`"), "{reason}")
            }
            other => panic!("{other:?}"),
        });
        // Here nothing can show that question.
        let interactive = OsKeystore::new(true).in_collection(Some("not there".to_owned()));
        within(TWO_SECONDS, || locked(interactive.put(&new, &secret("new"))));
    }

    #[test]
    #[ignore = "started by other tests"]
    fn locks() {
        lock_the_default_collection();
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
        lock_the_default_collection();
        let missing = RecordName::new("key", "missing");
        within(AT_ONCE, || {
            locked(OsKeystore::probe(None));
            let keystore = OsKeystore::new(false);
            locked(keystore.get(&prod()));
            locked(keystore.get(&missing));
            locked(keystore.put(&missing, &secret("x")));
            locked(keystore.remove(&prod()));
        });
        // Here nothing can show the prompt, which must be an answer and no hanging.
        within(TWO_SECONDS, || locked(OsKeystore::new(true).get(&prod())));
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn finds_it_frozen() {
        within(TWO_SECONDS, || drop(unavailable(OsKeystore::probe(None))));
        within(TWO_SECONDS, || {
            let reason = unavailable(OsKeystore::new(false).get(&prod()));
            assert_eq!(reason, "the Secret Service does not answer");
        });
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn finds_no_service() {
        within(AT_ONCE, || {
            for reason in [unavailable(OsKeystore::probe(None)), unavailable(OsKeystore::new(true).get(&prod()))] {
                assert_eq!(reason, "no program offers the Secret Service on D-Bus");
            }
        });
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn finds_no_bus() {
        within(AT_ONCE, || {
            for reason in [unavailable(OsKeystore::probe(None)), unavailable(OsKeystore::new(true).get(&prod()))] {
                assert_eq!(reason, "no D-Bus session bus");
            }
        });
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn finds_it_mute() {
        within(TWO_SECONDS, || {
            assert_eq!(unavailable(OsKeystore::probe(None)), "the D-Bus session bus does not answer");
        });
    }
}

#[test]
fn a_record_too_large_is_refused_before_anything_is_asked() {
    let answer = OsKeystore::new(false).put(&RecordName::new("key", "prod"), &secret(vec![0; 1024 * 1024 + 1]));
    assert!(matches!(answer, Err(KeystoreError::TooLarge { limit_bytes: 1_048_576, .. })), "{answer:?}");
}
