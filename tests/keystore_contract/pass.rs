//! The real `pass` over a real GnuPG, with keys and a store of its own.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use mfavault::keystore::{Keystore, KeystoreError, PassKeystore, RecordName};
use tempfile::TempDir;

use super::{assert_not_found, conforms, secret};
use crate::support::{programs, stopwatch::within};

const SECRET: &str = "wJalrXUtnFEMIexample";

/// A home with keys and a password store. Its agent ends with it.
pub(crate) struct Home(TempDir);

impl Home {
    /// With a key that has this passphrase.
    pub(crate) fn new(passphrase: &str) -> Option<Self> {
        if !programs::installed(&["pass", "gpg", "gpgconf"]) {
            return None;
        }
        // Sockets of agents have short paths.
        let home = Home(tempfile::tempdir_in("/tmp").unwrap());
        fs::create_dir(home.path("gnupg")).unwrap();
        fs::set_permissions(home.path("gnupg"), fs::Permissions::from_mode(0o700)).unwrap();
        let user = ["--batch", "--passphrase", passphrase, "--quick-generate-key", "me@example.com", "future-default"];
        home.run("gpg", &[&user[..], &["default", "never"]].concat());
        home.run("pass", &["init", "me@example.com"]);
        Some(home)
    }

    pub(crate) fn environment(&self) -> Vec<(OsString, OsString)> {
        let of = |name: &str, value: OsString| (OsString::from(name), value);
        vec![
            of("PATH", programs::path()),
            of("HOME", self.path("").into()),
            of("GNUPGHOME", self.path("gnupg").into()),
            of("PASSWORD_STORE_DIR", self.path("store").into()),
        ]
    }

    fn keystore(&self) -> PassKeystore {
        PassKeystore::new(false, self.environment())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, entry: &str) -> PathBuf {
        self.path("store/mfavault").join(format!("{entry}.gpg"))
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(self.environment()).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        output
    }

    /// The agent forgets every passphrase.
    fn forget(&self) {
        self.run("gpgconf", &["--kill", "gpg-agent"]);
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        let _ = command.args(["--kill", "all"]).env_clear().envs(self.environment()).output();
    }
}

fn prod() -> RecordName {
    RecordName::new("key", "prod")
}

fn reason<T: std::fmt::Debug>(answer: Result<T, KeystoreError>) -> String {
    match answer {
        Err(KeystoreError::Unavailable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pass_conforms() {
    let Some(home) = Home::new("") else { return };
    home.keystore().probe().unwrap();
    conforms(&home.keystore());
    assert!(!home.path("store/mfavault").exists(), "nothing is left");
}

#[test]
fn the_passphrase_is_asked_when_the_store_is_opened_and_not_again() {
    let Some(home) = Home::new("a passphrase") else { return };
    let pinentry = home.path("pinentry");
    let script = "#!/bin/sh\necho OK\nwhile read -r line; do case $line in\nGETPIN*) echo asked >> \"$(dirname \"$0\")/asked\"; \
                  echo 'D a passphrase'; echo OK ;;\nBYE*) echo OK; exit ;;\n*) echo OK ;;\nesac; done\n";
    fs::write(&pinentry, script).unwrap();
    fs::set_permissions(&pinentry, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(home.path("gnupg/gpg-agent.conf"), format!("pinentry-program {}\n", pinentry.display())).unwrap();
    let asked = || fs::read_to_string(home.path("asked")).unwrap_or_default().lines().count();
    let keystore = || PassKeystore::new(true, home.environment());
    home.forget();
    keystore().open(&prod(), true).unwrap();
    assert_eq!((asked(), home.path("store/mfavault").exists()), (0, false), "there is nothing to ask about yet");
    keystore().put(&prod(), &secret(SECRET)).unwrap();
    let keystore = keystore();
    keystore.open(&prod(), false).unwrap();
    assert_eq!(asked(), 1);
    home.forget();
    keystore.open(&prod(), true).unwrap();
    assert_eq!(asked(), 1);
    home.keystore().open(&prod(), true).unwrap();
    assert_eq!(asked(), 1, "where nobody may be asked, nobody is");
}

#[test]
fn records_are_entries_that_a_person_finds_and_nothing_is_readable() {
    let Some(home) = Home::new("") else { return };
    let keystore = home.keystore();
    keystore.put(&prod(), &secret(SECRET)).unwrap();
    keystore.put(&RecordName::new("device", "../A b"), &secret(SECRET)).unwrap();
    let shown = home.run("pass", &["show", "mfavault/key/prod"]);
    assert_eq!(String::from_utf8_lossy(&shown.stdout).trim(), "d0phbHJYVXRuRkVNSWV4YW1wbGU=");
    assert!(home.file("device/%2e%2e%2f%41%20b").is_file());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&home.file("key/prod")), mode(&home.path("store/mfavault/key"))), (0o600, 0o700));
    let grep = Command::new("grep").args(["-rlE", "wJalr|d0phb"]).arg(home.path("")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&grep.stdout), "");
    // A record that another program left beside them is not ours.
    assert_not_found(keystore.get(&RecordName::new("key", "other")));
}

#[test]
fn a_store_in_git_gets_its_commits() {
    if !programs::installed(&["git"]) {
        return;
    }
    let Some(home) = Home::new("") else { return };
    home.run("pass", &["git", "init"]);
    home.run("pass", &["git", "config", "user.email", "me@example.com"]);
    home.run("pass", &["git", "config", "user.name", "me"]);
    home.run("pass", &["git", "commit", "--allow-empty", "-m", "begin"]);
    let keystore = home.keystore();
    keystore.put(&prod(), &secret("one")).unwrap();
    keystore.put(&prod(), &secret("two")).unwrap();
    assert_eq!(keystore.get(&prod()).unwrap(), secret("two"));
    keystore.remove(&prod()).unwrap();
    let status = home.run("pass", &["git", "status", "--porcelain"]);
    assert_eq!(String::from_utf8_lossy(&status.stdout), "");
    let log = home.run("pass", &["git", "log", "--format=%s"]);
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    assert!(log.starts_with("Remove mfavault/key/prod from store.\n") && log.lines().count() > 3, "{log}");
}

#[test]
fn a_key_that_wants_its_passphrase_is_locked_and_no_window_opens() {
    let Some(home) = Home::new("secret1") else { return };
    let keystore = home.keystore();
    // Nobody is needed to put something in.
    keystore.put(&prod(), &secret(SECRET)).unwrap();
    let asked = home.path("asked");
    let pinentry = home.path("pinentry");
    fs::write(&pinentry, format!("#!/bin/sh\ntouch '{}'\necho ERR 83886179 cancelled\n", asked.display())).unwrap();
    fs::set_permissions(&pinentry, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(home.path("gnupg/gpg-agent.conf"), format!("pinentry-program {}\n", pinentry.display())).unwrap();
    home.forget();
    within(Duration::from_secs(2), || {
        let answer = keystore.get(&prod());
        assert!(matches!(answer, Err(KeystoreError::Locked { .. })), "{answer:?}");
    });
    assert!(!asked.exists(), "nobody may be asked, and a pinentry was started");
    assert_not_found(keystore.get(&RecordName::new("key", "missing")));
    // With somebody there it is; here the answer is no.
    let interactive = PassKeystore::new(true, home.environment());
    let answer = interactive.get(&prod());
    assert!(matches!(answer, Err(KeystoreError::Locked { .. })) && asked.exists(), "{answer:?}");
    // Once the agent knows it, nobody is asked.
    let unlock = ["--batch", "--pinentry-mode", "loopback", "--passphrase", "secret1", "--decrypt"];
    home.run("gpg", &[&unlock[..], &[home.file("key/prod").to_str().unwrap()]].concat());
    assert_eq!(keystore.get(&prod()).unwrap(), secret(SECRET));
}

#[test]
fn a_damaged_record_is_never_an_empty_one_and_a_lost_key_is_not_a_lost_record() {
    let Some(home) = Home::new("") else { return };
    let keystore = home.keystore();
    keystore.put(&prod(), &secret(SECRET)).unwrap();
    let file = home.file("key/prod");
    let whole = fs::read(&file).unwrap();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    // `pass` itself ends well with some of these.
    let cut = [0, 1, 20, 100, whole.len() - 40, whole.len() - 1].map(|length| whole[..length].to_vec());
    for damaged in cut.into_iter().chain([changed]) {
        fs::write(&file, &damaged).unwrap();
        let answer = keystore.get(&prod());
        assert!(matches!(answer, Err(KeystoreError::Corrupt { .. })), "{} bytes: {answer:?}", damaged.len());
    }
    fs::write(&file, &whole).unwrap();
    home.run("pass", &["insert", "--multiline", "--force", "mfavault/key/other"]);
    let answer = keystore.get(&RecordName::new("key", "other"));
    assert_eq!(answer.unwrap(), secret(""), "an empty entry is base64 of nothing");
    fs::rename(home.path("gnupg/private-keys-v1.d"), home.path("gnupg/lost")).unwrap();
    home.forget();
    let reason = reason(keystore.get(&prod()));
    assert!(!reason.is_empty() && !reason.contains("[GNUPG:]"), "{reason}");
}

#[test]
fn a_put_that_fails_leaves_the_older_record() {
    let Some(home) = Home::new("") else { return };
    let keystore = home.keystore();
    keystore.put(&prod(), &secret("older")).unwrap();
    // Encrypted to a key that nobody has.
    fs::write(home.path("store/.gpg-id"), "nobody@example.com\n").unwrap();
    let said = reason(keystore.put(&prod(), &secret(SECRET)));
    assert!(said.contains("nobody@example.com") && !said.contains(SECRET), "{said}");
    assert_eq!(keystore.get(&prod()).unwrap(), secret("older"));
}

#[test]
fn what_a_put_that_was_killed_left_goes_with_the_record() {
    let Some(home) = Home::new("") else { return };
    let keystore = home.keystore();
    for is_there in [true, false] {
        if is_there {
            keystore.put(&prod(), &secret("older")).unwrap();
        }
        home.run("pass", &["insert", "--multiline", "--force", "mfavault/key/prod.new"]);
        match (is_there, keystore.remove(&prod())) {
            (true, answer) => answer.unwrap(),
            (false, answer) => assert_not_found(answer),
        }
        assert!(!home.path("store/mfavault").exists(), "{is_there}");
    }
}

#[test]
fn what_is_missing_is_said_before_anything_is_started() {
    let Some(home) = Home::new("") else { return };
    let with = |name: &str, value: &Path| {
        let mut environment = home.environment();
        environment.retain(|(known, _)| known != name);
        environment.push((name.into(), value.into()));
        PassKeystore::new(false, environment)
    };
    let elsewhere = home.path("elsewhere");
    for (keystore, expected) in [
        (
            with("PASSWORD_STORE_DIR", &elsewhere),
            format!("the password store {} is not initialised", elsewhere.display()),
        ),
        (
            with("PASSWORD_STORE_DIR", Path::new("store")),
            "PASSWORD_STORE_DIR is not an absolute path: store".to_owned(),
        ),
        (with("PATH", &elsewhere), "there is no program `pass` on the PATH".to_owned()),
    ] {
        assert_eq!(reason(keystore.probe()), expected);
        assert_eq!(reason(keystore.get(&prod())), expected);
        assert_eq!(reason(keystore.remove(&prod())), expected);
        assert_eq!(reason(keystore.put(&prod(), &secret("x"))), expected);
    }
    assert!(!elsewhere.exists());
}

#[test]
fn no_secret_stands_in_arguments_and_no_program_of_the_current_folder_is_run() {
    let Some(home) = Home::new("") else { return };
    // A `pass` and a `gpg` that write down what they are given, in a folder that PATH has first, and the same where we are.
    let real = |name: &str| mfavault::process::find_program(name.as_ref(), Some(&programs::path())).unwrap();
    fs::create_dir(home.path("bin")).unwrap();
    for name in ["pass", "gpg"] {
        let file = home.path("bin").join(name);
        let script = format!(
            "#!/bin/sh\necho \"$@\" >> '{0}'\nenv >> '{0}'\nexec '{1}' \"$@\"\n",
            home.path("seen").display(),
            real(name).display()
        );
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let mut environment = home.environment();
    let path = [home.path("bin").as_os_str(), &programs::path()].join(":".as_ref());
    let relative = [":.:bin:".as_ref(), path.as_os_str()].join("".as_ref());
    environment.retain(|(name, _)| name != "PATH");
    environment.push(("PATH".into(), relative));
    symlink("/bin/false", home.path("pass")).unwrap();
    let keystore = PassKeystore::new(false, environment);
    keystore.put(&prod(), &secret(SECRET)).unwrap();
    assert_eq!(keystore.get(&prod()).unwrap(), secret(SECRET));
    let seen = fs::read_to_string(home.path("seen")).unwrap();
    assert!(
        seen.contains("insert --multiline --force mfavault/key/prod.new") && seen.contains("--decrypt")
            || seen.contains("-d ")
    );
    assert!(!seen.contains(SECRET) && !seen.contains("d0phb"), "{seen}");
    let paths: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("PATH=")).collect();
    assert!(paths.iter().all(|path| path.split(':').all(|folder| folder.starts_with('/'))), "{paths:?}");
}
