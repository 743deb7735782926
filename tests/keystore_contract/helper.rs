//! Keystores that are programs: the example that is shipped, and programs that do what they must not.

use std::{
    ffi::OsString,
    fs,
    io::Write,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use mfavault::{
    atomic_file::FileError,
    keystore::{HelperKeystore, Keystore, KeystoreError, RecordName},
};
use tempfile::TempDir;

use super::{conforms, secret};
use crate::support::{programs, stopwatch::Stopwatch};

const SECRET: &str = "wJalrXUtnFEMIexample";

fn prod() -> RecordName {
    RecordName::new("key", "prod")
}

fn environment() -> Vec<(OsString, OsString)> {
    vec![("PATH".into(), programs::path()), ("HOME".into(), "/nonexistent".into())]
}

/// A helper by script.
struct Script(TempDir);

impl Script {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("helper");
        // Not open for writing any more when it is started.
        let mut file = fs::File::create(&program).unwrap();
        write!(file, "#!/bin/sh\ncd '{}'\n{script}\n", folder.path().display()).unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o700)).unwrap();
        Script(folder)
    }

    fn keystore(&self) -> HelperKeystore {
        HelperKeystore::new(self.command(), false, environment())
    }

    fn command(&self) -> Vec<String> {
        vec![self.0.path().join("helper").to_str().unwrap().to_owned(), "--folder".to_owned()]
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.0.path().join(file)).unwrap()
    }
}

/// The identity, the recipient, and the command of the example.
pub(crate) fn example(folder: &Path) -> Option<Vec<String>> {
    if !programs::installed(&["python3", "age", "age-keygen"]) {
        return None;
    }
    let key = folder.join("age-key.txt");
    let made = Command::new("age-keygen").arg("-o").arg(&key).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let recipient = Command::new("age-keygen").arg("-y").arg(&key).output().unwrap();
    let recipient = String::from_utf8(recipient.stdout).unwrap().trim().to_owned();
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("packaging/keystore-helpers/mfavault-keystore-age");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let records = folder.join("records");
    fs::create_dir(&records).unwrap();
    let words = ["--folder".to_owned(), text(&records), "--identity".to_owned(), text(&key)];
    Some([text(&program)].into_iter().chain(words).chain(["--recipient".to_owned(), recipient]).collect())
}

#[test]
fn the_example_with_age_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let Some(command) = example(folder.path()) else { return };
    let keystore = HelperKeystore::new(command, false, environment());
    keystore.probe().unwrap();
    conforms(&keystore);
    let records = folder.path().join("records");
    assert_eq!(fs::read_dir(&records).unwrap().count(), 0);
    keystore.put(&prod(), &secret(SECRET)).unwrap();
    let file = fs::read_dir(&records).unwrap().next().unwrap().unwrap().path();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let whole = fs::read(&file).unwrap();
    assert!(!String::from_utf8_lossy(&whole).contains(SECRET) && whole.starts_with(b"age-encryption.org/v1\n"));
    // Cut off, changed, and encrypted to somebody else.
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    for damaged in [&whole[..30], &whole[..whole.len() - 1], &changed, b""] {
        fs::write(&file, damaged).unwrap();
        let answer = keystore.get(&prod());
        assert!(matches!(answer, Err(KeystoreError::Corrupt { .. })), "{answer:?}");
    }
    fs::write(&file, whole).unwrap();
    // On a disk that is not there: not to be taken for a record that is not there.
    fs::rename(&records, folder.path().join("away")).unwrap();
    let answers = [keystore.get(&prod()).map(drop), keystore.remove(&prod()), keystore.put(&prod(), &secret(SECRET))];
    for answer in answers {
        assert!(matches!(answer, Err(KeystoreError::Unavailable { .. })), "{answer:?}");
    }
    fs::rename(folder.path().join("away"), &records).unwrap();
    fs::remove_file(folder.path().join("age-key.txt")).unwrap();
    let answer = keystore.get(&prod());
    assert!(matches!(answer, Err(KeystoreError::Unavailable { .. })), "{answer:?}");
}

#[test]
fn a_request_says_all_and_nothing_stands_in_arguments_or_the_environment() {
    let script = Script::new(
        r#"cat > request; echo "$@" > arguments; env > environment; tr '\0' ' ' < /proc/$$/cmdline > line
        printf '{"version":1,"future":[1],"content":"AP8="}'"#,
    );
    let keystore = script.keystore();
    let odd = RecordName::new("device", "a\"\n\u{202e}ü\u{1}");
    keystore.put(&odd, &secret(SECRET)).unwrap();
    let request: serde_json::Value = serde_json::from_str(&script.text("request")).unwrap();
    let expected = serde_json::json!({
        "version": 1, "operation": "put", "kind": "device", "name": odd.name(),
        "content": "d0phbHJYVXRuRkVNSWV4YW1wbGU=", "interactive": false,
    });
    assert_eq!(request, expected);
    assert_eq!(script.text("arguments"), "--folder\n");
    for file in ["environment", "line"] {
        let text = script.text(file);
        assert!(!text.contains(SECRET) && !text.contains("d0phbHJY"), "{text}");
    }
    assert_eq!(keystore.get(&odd).unwrap(), secret([0, 255]));
    let request: serde_json::Value = serde_json::from_str(&script.text("request")).unwrap();
    assert_eq!((&request["operation"], request.get("content")), (&"get".into(), None));
    keystore.remove(&odd).unwrap();
    assert!(script.text("request").contains(r#""operation":"remove""#));
}

#[test]
fn the_errors_of_an_answer_are_told_apart() {
    let said = |answer: &str| {
        let script = Script::new(&format!("cat >/dev/null; printf '%s' '{answer}'"));
        let keystore = script.keystore();
        (
            format!("{:?}", keystore.get(&prod()).unwrap_err()),
            format!("{:?}", keystore.put(&prod(), &secret("abc")).unwrap_err()),
        )
    };
    for (answer, of_get, of_put) in [
        (r#"{"version":1,"error":"not-found"}"#, "NotFound {", "Unavailable {"),
        (r#"{"version":1,"error":"locked","message":"sign in\nfirst"}"#, "Locked {", "reason: \"sign in\""),
        (r#"{"version":1,"error":"unavailable"}"#, "Unavailable {", "the helper says `unavailable`"),
        (r#"{"version":1,"error":"corrupt","message":"bad"}"#, "Corrupt {", "Corrupt {"),
        (r#"{"version":1,"error":"too-large"}"#, "Unavailable {", "TooLarge { keystore: \"helper\", limit_bytes: 2 }"),
        (r#"{"version":1,"error":"too-large","limit_bytes":1}"#, "Unavailable {", "limit_bytes: 1 }"),
        (r#"{"version":1,"error":"of a later version","content":"YQ=="}"#, "Unavailable {", "of a later version"),
        (r#"{"version":2,"content":"YQ=="}"#, "Unavailable {", "version 2"),
    ] {
        let (get, put) = said(answer);
        assert!(get.contains(of_get) && put.contains(of_put), "{answer}: {get} {put}");
    }
}

#[test]
fn whoever_answered_that_it_has_nothing_is_not_asked_to_open_again() {
    let script = Script::new(r#"cat >>asked; printf '%s' '{"version":1,"error":"not-found"}'"#);
    let keystore = HelperKeystore::new(script.command(), true, environment());
    keystore.open(&prod(), true).unwrap();
    keystore.open(&prod(), true).unwrap();
    assert_eq!(script.text("asked").lines().count(), 1);
    let silent = script.keystore();
    silent.open(&prod(), true).unwrap();
    assert_eq!(script.text("asked").lines().count(), 1, "where nobody may be asked, nobody is");
}

#[test]
fn a_helper_that_is_not_by_the_protocol_is_an_error_without_anything_of_what_it_said() {
    let encoded = "d0phbHJYVXRuRkVNSWV4YW1wbGU=";
    for script in [
        "cat >/dev/null".to_owned(),
        format!("cat >/dev/null; echo {SECRET}"),
        "cat >/dev/null; head -c 100000 /dev/urandom".to_owned(),
        "cat".to_owned(),
        format!(r#"cat >/dev/null; echo '{{"version":"{SECRET}"}}'"#),
        format!(r#"cat >/dev/null; echo '{{"version":1,"content":["{SECRET}"]}}'"#),
        format!(r#"cat >/dev/null; echo '{{"version":1,"content":"{SECRET}!"}}'"#),
        format!(r#"cat >/dev/null; echo '{{"version":1,"content":"{encoded}"'"#),
        format!(r#"cat >/dev/null; a='{{"version":1,"content":"{encoded}"}}'; echo "$a"; echo "$a""#),
        format!(r#"cat >/dev/null; echo '{{"version":1,"content":"{encoded}"}}'; exit 3"#),
        format!(r#"cat >/dev/null; echo '{{"version":1,"content":"{encoded}"}}'; kill -9 $$"#),
        format!(r#"cat >/dev/null; printf '{{"version":1,"con'; kill -PIPE $$; echo 'tent":"{encoded}"}}'"#),
        r#"cat >/dev/null; echo '{"version":1}'"#.to_owned(),
        "exec yes".to_owned(),
        "cat >/dev/null; printf '\\377\\376'".to_owned(),
        format!("cat >/dev/null; printf '[%0100000d' 0; echo {SECRET}"),
    ] {
        let begin = Stopwatch::start();
        let error = Script::new(&script).keystore().get(&prod()).expect_err(&script);
        assert!(begin.elapsed() < Duration::from_secs(8), "{script}");
        let told = format!("{error} {error:?}");
        let is_known = matches!(error, KeystoreError::Unavailable { .. } | KeystoreError::Corrupt { .. });
        assert!(is_known && !told.contains(SECRET) && !told.contains("d0phb") && told.len() < 600, "{script}: {told}");
    }
}

#[test]
fn a_helper_may_close_its_input_and_one_that_hangs_is_ended_with_what_it_started() {
    let script = Script::new(r#"exec <&-; echo '{"version":1}'"#);
    script.keystore().put(&prod(), &secret(vec![7; 500_000])).unwrap();
    let script = Script::new("sleep 1000 & echo $! > started; wait");
    let begin = Stopwatch::start();
    let error = script.keystore().put(&prod(), &secret(vec![7; 500_000])).unwrap_err();
    assert!(error.to_string().contains("did not end within 10 s"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    let sleeper = PathBuf::from("/proc").join(script.text("started").trim()).join("cmdline");
    // An orphan that has ended is a zombie until the system's first process looks: it has no command line any more.
    assert!(!cfg!(target_os = "linux") || fs::read(sleeper).unwrap_or_default().is_empty());
}

#[test]
fn a_program_that_is_not_there_or_not_named_by_an_absolute_path_is_said() {
    for (command, expected) in [
        (vec![], "the setting `helper` names no program"),
        (vec!["helper".to_owned()], "names no absolute path: helper"),
        (vec!["./helper".to_owned()], "names no absolute path"),
        (vec!["/nonexistent/helper".to_owned()], "there is no program /nonexistent/helper"),
        (vec!["/".to_owned()], "there is no program /"),
        (vec!["/etc/passwd".to_owned()], "cannot be started"),
    ] {
        let keystore = HelperKeystore::new(command, false, environment());
        for error in [keystore.get(&prod()).map(drop), keystore.remove(&prod()), keystore.put(&prod(), &secret("x"))] {
            let error = error.unwrap_err();
            assert!(matches!(error, KeystoreError::Unavailable { .. }), "{error:?}");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}

#[test]
fn a_program_that_others_may_write_to_gets_nothing() {
    let script = Script::new("touch started");
    let program = script.0.path().join("helper");
    let ours = rustix::process::getegid().as_raw();
    let set = |mode| fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
    let refusal = || match script.keystore().put(&prod(), &secret(SECRET)) {
        Err(KeystoreError::File(FileError::Unsafe { reason, repair, .. })) => Some((reason, repair)),
        Err(KeystoreError::Unavailable { .. }) => None,
        other => panic!("{other:?}"),
    };
    let repair = format!("chmod go-w '{}'", program.canonicalize().unwrap().display());
    let is_own_group = ours == rustix::process::geteuid().as_raw();
    for (mode, is_safe) in [(0o777, false), (0o702, false), (0o775, is_own_group), (0o755, true), (0o700, true)] {
        set(mode);
        let expected = (!is_safe).then(|| ("others may write to it".to_owned(), repair.clone()));
        assert_eq!(refusal(), expected, "{mode:o}");
        assert_eq!(script.0.path().join("started").exists(), is_safe, "{mode:o}");
        let _ = fs::remove_file(script.0.path().join("started"));
    }
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Of another group, and of a stranger; a link to it is no way past that.
    set(0o770);
    chown(&program, None, Some(ours + 1)).unwrap();
    assert_eq!(refusal(), Some(("others may write to it".to_owned(), repair)));
    set(0o700);
    chown(&program, Some(54321), None).unwrap();
    let (reason, repair) = refusal().unwrap();
    assert!(reason.contains("another user (uid 54321)") && repair.starts_with("sudo chown "), "{reason}: {repair}");
    let link = script.0.path().join("link");
    symlink(&program, &link).unwrap();
    let keystore = HelperKeystore::new(vec![link.to_str().unwrap().to_owned()], false, environment());
    assert!(matches!(keystore.probe(), Err(KeystoreError::File(FileError::Unsafe { .. }))));
}

#[test]
#[ignore = "started by the test below"]
#[allow(clippy::disallowed_methods, reason = "how a test speaks to the process it starts")]
fn child_of_a_group_that_others_are_in() {
    let keystore = HelperKeystore::new(vec![std::env::var("MFAVAULT_TEST_HELPER").unwrap()], false, environment());
    assert!(matches!(keystore.probe(), Err(KeystoreError::File(FileError::Unsafe { .. }))));
}

#[test]
fn a_program_that_a_group_of_many_may_write_to_gets_nothing_though_it_is_ours() {
    if !rustix::process::geteuid().is_root() || !programs::installed(&["setpriv"]) {
        return;
    }
    let script = Script::new("touch started");
    let program = script.0.path().join("helper");
    chown(&program, None, Some(100)).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o775)).unwrap();
    let mut child = Command::new("setpriv");
    child.args(["--regid=100", "--clear-groups"]).arg(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "keystore_contract::helper::child_of_a_group_that_others_are_in"]);
    let ran = child.env("MFAVAULT_TEST_HELPER", &program).output().unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && told.contains("1 passed"), "{told}");
}
