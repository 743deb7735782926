//! The system's own keystore, through keyring-core: Secret Service on Linux, Keychain on macOS, Credential Manager on
//! Windows. What differs between them is in `linux` and `elsewhere`.
//!
//! Every call runs on a thread of its own under a deadline, because a frozen service would hang us for ever. A call that
//! is overdue is given up, not undone: a `put` may still happen afterwards.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use keyring_core::{CredentialStore, Entry, Error};

use super::{Keystore, KeystoreError, RecordName};
use crate::secret::SecretBytes;

#[cfg(not(target_os = "linux"))]
#[path = "os/elsewhere.rs"]
mod platform;
#[cfg(target_os = "linux")]
#[path = "os/linux.rs"]
mod platform;

const NAME: &str = "os";
/// Names our items among everything else that the system keeps.
const SERVICE: &str = "mfavault";
const PROBE_DEADLINE: Duration = Duration::from_secs(2);
/// The first call may have to start the service.
const FIRST_DEADLINE: Duration = Duration::from_secs(25);
const LATER_DEADLINE: Duration = Duration::from_secs(5);
/// A person types a password meanwhile.
const PERSON_DEADLINE: Duration = Duration::from_secs(120);

/// Whether the system's store can be worked with right now.
enum Access {
    Open,
    /// What is locked.
    Locked(String),
    /// What is missing.
    Absent(String),
}

/// The keystore that the operating system has.
pub struct OsKeystore {
    interactive: bool,
    answered: Cell<bool>,
    store: RefCell<Option<Arc<CredentialStore>>>,
}

impl OsKeystore {
    /// The store of the user's session, which is not contacted before the first call. Only with `interactive` may the
    /// system open a window that asks for a password; without, what is locked is `Locked` at once.
    pub fn new(interactive: bool) -> Self {
        OsKeystore { interactive, answered: Cell::new(false), store: RefCell::new(None) }
    }

    /// Asks within two seconds whether the store can be used, without opening anything.
    ///
    /// # Errors
    /// If it is locked, then `Locked`; if it is not there or does not answer, then `Unavailable`, with the reason.
    pub fn probe() -> Result<(), KeystoreError> {
        usable(within(PROBE_DEADLINE, || platform::access(None))?)
    }

    /// Runs an action with the entry of a record.
    fn with_entry<T: Send + 'static>(
        &self,
        record: &RecordName,
        action: impl FnOnce(Entry) -> keyring_core::Result<T> + Send + 'static,
    ) -> Result<T, KeystoreError> {
        self.open(record)?;
        let known = self.store.borrow().clone();
        let (user, modifiers) = (record.to_string(), platform::modifiers(record));
        let (store, answer) = within(self.deadline(), move || {
            let store = match known.map_or_else(platform::store, Ok) {
                Ok(store) => store,
                Err(error) => return (None, Err(error)),
            };
            let modifiers: HashMap<&str, &str> = modifiers.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let answer = store.build(SERVICE, &user, Some(&modifiers)).and_then(action);
            (Some(store), answer)
        })?;
        self.store.replace(store);
        self.answered.set(true);
        answer.map_err(|error| from_keyring(error, record))
    }

    /// Sees to it that the record, or the place where it will be, is not locked.
    fn open(&self, record: &RecordName) -> Result<(), KeystoreError> {
        let user = record.to_string();
        let access = within(self.deadline(), move || platform::access(Some(&user)))?;
        self.answered.set(true);
        if !self.interactive || !matches!(access, Access::Locked(_)) {
            return usable(access);
        }
        let user = record.to_string();
        let unlocked = within(PERSON_DEADLINE, move || platform::unlock(&user))?;
        unlocked.map_err(|reason| KeystoreError::Locked { keystore: NAME, reason })
    }

    fn deadline(&self) -> Duration {
        match (self.interactive && platform::MAY_ASK_AT_ANY_CALL, self.answered.get()) {
            (true, _) => PERSON_DEADLINE,
            (false, false) => FIRST_DEADLINE,
            (false, true) => LATER_DEADLINE,
        }
    }
}

impl Keystore for OsKeystore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        self.with_entry(record, |entry| entry.get_secret().map(SecretBytes::new))
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        if content.expose().len() > platform::LIMIT_BYTES {
            return Err(KeystoreError::TooLarge { keystore: NAME, limit_bytes: platform::LIMIT_BYTES });
        }
        let content = content.clone();
        self.with_entry(record, move |entry| entry.set_secret(content.expose()))
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.with_entry(record, |entry| entry.delete_credential())
    }
}

/// Runs the action on a thread of its own and waits for it so long.
fn within<T: Send + 'static>(
    deadline: Duration,
    action: impl FnOnce() -> T + Send + 'static,
) -> Result<T, KeystoreError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name("os keystore".to_owned()).spawn(move || {
        // Nobody listens any more when the answer is overdue.
        let _ = sender.send(action());
    });
    spawned.map_err(|error| unavailable(format!("no thread to ask it from: {error}")))?;
    receiver.recv_timeout(deadline).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => unavailable(format!("it did not answer within {} s", deadline.as_secs())),
        mpsc::RecvTimeoutError::Disconnected => unavailable("the library that speaks to it failed"),
    })
}

fn usable(access: Access) -> Result<(), KeystoreError> {
    match access {
        Access::Open => Ok(()),
        Access::Locked(reason) => Err(KeystoreError::Locked { keystore: NAME, reason }),
        Access::Absent(reason) => Err(unavailable(reason)),
    }
}

fn from_keyring(error: Error, record: &RecordName) -> KeystoreError {
    match error {
        Error::NoEntry => KeystoreError::NotFound { keystore: NAME, record: record.clone() },
        Error::NoStorageAccess(source) => KeystoreError::Locked { keystore: NAME, reason: source.to_string() },
        Error::PlatformFailure(source) if platform::says_locked(&source) => {
            KeystoreError::Locked { keystore: NAME, reason: source.to_string() }
        }
        Error::TooLong(_, limit) => {
            KeystoreError::TooLarge { keystore: NAME, limit_bytes: usize::try_from(limit).unwrap_or(usize::MAX) }
        }
        Error::Ambiguous(entries) => corrupt(format!("{} items have the name of one record", entries.len())),
        // Their texts may quote what was stored.
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) => {
            corrupt("the record is not in the form the system wrote it".to_owned())
        }
        error => unavailable(error.to_string()),
    }
}

fn unavailable(reason: impl Into<String>) -> KeystoreError {
    KeystoreError::Unavailable { keystore: NAME, reason: reason.into() }
}

fn corrupt(reason: String) -> KeystoreError {
    KeystoreError::Corrupt { keystore: NAME, reason }
}
