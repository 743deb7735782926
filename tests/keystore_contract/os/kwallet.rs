//! The system's keystore against KWallet's Secret Service, without a display. Its wallet is opened as its PAM module does
//! at login: by a key over a pipe, after which it waits for the environment over a socket.

use std::{
    fs,
    io::Write,
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use mfavault::keystore::{Keystore, KeystoreError, OsKeystore, RecordName};

use super::{Session, conforms, secret, started};
use crate::support::stopwatch::Stopwatch;

const SETTINGS: &str = "[Wallet]\nEnabled=true\nFirst Use=false\n\n[org.freedesktop.secrets]\napiEnabled=true\n";

impl Session {
    /// A session whose wallet is open, if there is KWallet.
    fn with_kwallet() -> Option<Session> {
        let mut session = Session::with_bus()?;
        fs::write(session.folder.path().join("kwalletrc"), SETTINGS).unwrap();
        // Its Secret Service does not show a wallet that was made since it started.
        let mut first = session.kwallet()?;
        let wallet = session.folder.path().join("kwalletd/kdewallet.kwl");
        wait_for("the wallet", || fs::metadata(&wallet).is_ok_and(|file| file.len() > 0));
        first.kill().unwrap();
        first.wait().unwrap();
        session.keyring = session.kwallet();
        Some(session)
    }

    fn kwallet(&self) -> Option<Child> {
        let socket = self.folder.path().join("kwallet.socket");
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        // A shell would start, and say by itself that there is no such program.
        let mut version = Command::new("kwalletd5");
        self.environment(&mut version);
        version.arg("--version").env("QT_QPA_PLATFORM", "offscreen").stdout(Stdio::null()).stderr(Stdio::null());
        started(&mut version)?.wait().unwrap();
        let mut command = Command::new("/bin/sh");
        // The key comes in at 3, the environment at 4.
        let exec = "exec 3<&0 4<&1 </dev/null >/dev/null; exec kwalletd5 --pam-login 3 4";
        command.args(["-c", exec]).env("PAM_KWALLET5_LOGIN", &socket).env("QT_QPA_PLATFORM", "offscreen");
        self.environment(&mut command);
        command.stdin(Stdio::piped()).stdout(OwnedFd::from(listener)).stderr(Stdio::null());
        let mut child = started(&mut command)?;
        child.stdin.take().unwrap().write_all(&[7; 56]).unwrap();
        // It has ours already.
        drop(UnixStream::connect(&socket).unwrap());
        Some(child)
    }
}

#[allow(clippy::disallowed_methods, reason = "another process is waited for")]
fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let begin = Stopwatch::start();
    while !is_there() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn kwallet_conforms() {
    let Some(session) = Session::with_kwallet() else { return };
    session.run_in("kwallet::child", "conforms_with_kwallet");
}

mod child {
    use super::*;

    #[test]
    #[ignore = "started by the test above"]
    fn conforms_with_kwallet() {
        let is_unavailable = || matches!(OsKeystore::probe(None), Err(KeystoreError::Unavailable { .. }));
        wait_for("the service", || !is_unavailable());
        let prod = RecordName::new("key", "prod");
        let locked = OsKeystore::new(false).get(&prod);
        assert!(matches!(locked, Err(KeystoreError::Locked { .. })), "{locked:?}");
        // Its prompt shows no window, as the wallet is open; from then on it is for whoever may not ask, too.
        conforms(&OsKeystore::new(true));
        conforms(&OsKeystore::new(false));
        let large = secret(vec![7; 200_000]);
        OsKeystore::new(false).put(&prod, &large).unwrap();
        assert_eq!(OsKeystore::new(false).get(&prod).unwrap(), large);
        // It reads some of the numbers that keys are made of in its own way: one in a hundred.
        for number in 0..100_u8 {
            OsKeystore::new(false).put(&prod, &secret([number])).unwrap();
            assert_eq!(OsKeystore::new(false).get(&prod).unwrap(), secret([number]));
        }
    }
}
