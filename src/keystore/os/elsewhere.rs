//! The stores of macOS and Windows, through keyring-core, and the absence of one on other systems.
//!
//! They are open while the user is logged in; if not, the call itself says so. Every call runs on a thread of its own under
//! a deadline, because a frozen service would hang us for ever; a `put` that is overdue may still happen afterwards.

use std::{cell::RefCell, collections::HashMap, fmt::Write, sync::Arc, time::Duration};

use keyring_core::{CredentialStore, Entry, Error};

#[cfg(windows)]
use super::split::Split;
use super::{NAME, SERVICE, corrupt, unavailable};
use crate::{
    deadline::{NoResult, within},
    keystore::{Keystore, KeystoreError, RecordName},
    secret::SecretBytes,
};

/// CRED_MAX_CREDENTIAL_BLOB_SIZE.
const LIMIT_OF_WINDOWS_BYTES: usize = 2560;
/// The Keychain has no practical limit.
const LIMIT_BYTES: usize = 1024 * 1024;
const PROBE_DEADLINE: Duration = Duration::from_secs(2);
const DEADLINE: Duration = Duration::from_secs(5);
/// The Keychain asks for consent whenever the program changed since the item was made.
const PERSON_DEADLINE: Duration = Duration::from_secs(120);

#[cfg(not(windows))]
type Whole = Native;
#[cfg(windows)]
type Whole = Split<Native>;

/// The keystore that the operating system has.
pub struct OsKeystore(Whole);

impl OsKeystore {
    /// The user's store, which is not contacted before the first call. Only with `interactive` is a person waited for
    /// whom the system asks.
    pub fn new(interactive: bool) -> Self {
        let asks = interactive && cfg!(target_os = "macos");
        let native = Native {
            store: RefCell::default(),
            deadline: if asks { PERSON_DEADLINE } else { DEADLINE },
            limit_bytes: if cfg!(windows) { LIMIT_OF_WINDOWS_BYTES } else { LIMIT_BYTES },
            // On Windows the default would follow the user to every machine of a domain.
            modifiers: if cfg!(windows) { HashMap::from([("persistence", "Local")]) } else { HashMap::new() },
        };
        #[cfg(windows)]
        let native = Split::over(native, LIMIT_OF_WINDOWS_BYTES, LIMIT_BYTES);
        OsKeystore(native)
    }

    /// There are no collections here.
    #[must_use]
    pub fn in_collection(self, _label: Option<String>) -> Self {
        self
    }

    /// Asks within two seconds whether the store can be used, without opening anything.
    ///
    /// # Errors
    /// If it is not there or does not answer, then `Unavailable`, with the reason.
    pub fn probe(_collection: Option<&str>) -> Result<(), KeystoreError> {
        within(PROBE_DEADLINE, system_store)
            .map_err(no_result)?
            .map(drop)
            .map_err(|error| unavailable(error.to_string()))
    }
}

impl Keystore for OsKeystore {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        self.0.get(record)
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        self.0.put(record, content)
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.0.remove(record)
    }
}

/// A store of keyring-core, a record an item.
struct Native {
    store: RefCell<Option<Arc<CredentialStore>>>,
    deadline: Duration,
    limit_bytes: usize,
    modifiers: HashMap<&'static str, &'static str>,
}

impl Native {
    /// Runs an action with the entry of a record.
    fn with_entry<T: Send + 'static>(
        &self,
        record: &RecordName,
        action: impl FnOnce(Entry) -> keyring_core::Result<T> + Send + 'static,
    ) -> Result<T, KeystoreError> {
        let (known, modifiers) = (self.store.borrow().clone(), self.modifiers.clone());
        let user = if cfg!(windows) { without_case(record) } else { record.to_string() };
        let (store, answer) = within(self.deadline, move || match known.map_or_else(system_store, Ok) {
            Ok(store) => {
                let answer = store.build(SERVICE, &user, Some(&modifiers)).and_then(action);
                (Some(store), answer)
            }
            Err(error) => (None, Err(error)),
        })
        .map_err(no_result)?;
        self.store.replace(store);
        answer.map_err(|error| from_keyring(error, record))
    }
}

fn no_result(why: NoResult) -> KeystoreError {
    unavailable(why.to_string())
}

impl Keystore for Native {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        self.with_entry(record, |entry| entry.get_secret().map(SecretBytes::new))
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        if content.expose().len() > self.limit_bytes {
            return Err(KeystoreError::TooLarge { keystore: NAME, limit_bytes: self.limit_bytes });
        }
        let content = content.clone();
        self.with_entry(record, move |entry| entry.set_secret(content.expose()))
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.with_entry(record, |entry| entry.delete_credential())
    }
}

#[cfg(target_os = "macos")]
fn system_store() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = apple_native_keyring_store::keychain::Store::new()?;
    Ok(store)
}

#[cfg(windows)]
fn system_store() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = windows_native_keyring_store::Store::new()?;
    Ok(store)
}

#[cfg(not(any(target_os = "macos", windows)))]
fn system_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(Error::NotSupportedByStore("this system has no keystore".to_owned()))
}

/// A name for a system that takes `Prod` and `prod` for one.
fn without_case(record: &RecordName) -> String {
    let mut name = String::new();
    for byte in record.to_string().bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/._-".contains(&byte) {
            name.push(byte.into());
        } else {
            let _ = write!(name, "%{byte:02x}");
        }
    }
    name
}

fn from_keyring(error: Error, record: &RecordName) -> KeystoreError {
    match error {
        Error::NoEntry => KeystoreError::NotFound { keystore: NAME, record: record.clone() },
        Error::NoStorageAccess(source) => KeystoreError::Locked { keystore: NAME, reason: source.to_string() },
        Error::TooLong(_, limit) => {
            KeystoreError::TooLarge { keystore: NAME, limit_bytes: usize::try_from(limit).unwrap_or(usize::MAX) }
        }
        Error::Ambiguous(entries) => corrupt(format!("{} items have the name of one record", entries.len())),
        // Their texts may quote what was stored.
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) => {
            corrupt("the record is not in the form the system wrote it")
        }
        error => unavailable(error.to_string()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{cell::Cell, collections::HashSet};

    use keyring_core::mock;

    use super::*;
    use crate::keystore::os::split::Split;

    fn mocked(limit_bytes: usize) -> Native {
        let store: Arc<CredentialStore> = mock::Store::new().unwrap();
        let store = RefCell::new(Some(store));
        Native { store, deadline: DEADLINE, limit_bytes, modifiers: HashMap::new() }
    }

    /// Fails from the nth operation on, as if the process had been killed there, until it is revived.
    struct Mortal {
        store: Native,
        left: Cell<usize>,
    }

    impl Mortal {
        fn step(&self) -> Result<(), KeystoreError> {
            let left = self.left.get();
            self.left.set(left.saturating_sub(1));
            if left == 0 { Err(unavailable("killed")) } else { Ok(()) }
        }
    }

    impl Keystore for Mortal {
        fn name(&self) -> &'static str {
            NAME
        }

        fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
            self.step().and_then(|()| self.store.get(record))
        }

        fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
            self.step().and_then(|()| self.store.put(record, content))
        }

        fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
            self.step().and_then(|()| self.store.remove(record))
        }
    }

    const LIMIT: usize = 128;

    fn split() -> Split<Mortal> {
        let mortal = Mortal { store: mocked(LIMIT), left: Cell::new(usize::MAX) };
        Split::over(mortal, LIMIT, 100_000)
    }

    fn prod() -> RecordName {
        RecordName::new("key", "prod")
    }

    fn content(byte: u8, length: usize) -> SecretBytes {
        SecretBytes::new((0..length).map(|index| byte ^ (index / 7) as u8).collect())
    }

    /// How many items there are in the mock.
    fn items(keystore: &Split<Mortal>) -> usize {
        let store = keystore.inner().store.store.borrow().clone().unwrap();
        let entries = store.search(&HashMap::from([("service", SERVICE)])).unwrap();
        entries.iter().filter(|entry| entry.get_secret().is_ok()).count()
    }

    #[test]
    fn records_of_any_length_come_back_and_leave_nothing_behind() {
        let keystore = split();
        for length in [0, 1, 100, 127, 128, 129, 5000, 99_999, 100_000, 128, 3] {
            let content = content(1, length);
            keystore.put(&prod(), &content).unwrap();
            assert_eq!(keystore.get(&prod()).unwrap(), content, "{length}");
        }
        assert_eq!(items(&keystore), 1);
        let head_of_a_split_record = SecretBytes::new(b"mfavault split 1 a 3 ...".to_vec());
        keystore.put(&prod(), &head_of_a_split_record).unwrap();
        assert_eq!(keystore.get(&prod()).unwrap(), head_of_a_split_record);
        let answer = keystore.put(&prod(), &content(1, 100_001));
        assert!(matches!(answer, Err(KeystoreError::TooLarge { limit_bytes: 100_000, .. })), "{answer:?}");
        keystore.remove(&prod()).unwrap();
        assert_eq!(items(&keystore), 0);
        assert!(matches!(keystore.get(&prod()), Err(KeystoreError::NotFound { .. })));
        assert!(matches!(keystore.remove(&prod()), Err(KeystoreError::NotFound { .. })));
    }

    #[test]
    fn killed_between_any_two_operations_it_is_the_old_record_or_the_new_one() {
        for (before, after) in [(1000, 2000), (2000, 1000), (1000, 10), (10, 1000), (10, 20)] {
            let (before, after) = (content(1, before), content(2, after));
            for killed_at in 0.. {
                let keystore = split();
                keystore.put(&prod(), &before).unwrap();
                keystore.inner().left.set(killed_at);
                let put = keystore.put(&prod(), &after);
                let was_killed = keystore.inner().left.get() == 0;
                keystore.inner().left.set(usize::MAX);
                let found = keystore.get(&prod()).unwrap();
                assert!(found == before || found == after, "killed at {killed_at}");
                assert_eq!(put.is_ok(), found == after, "killed at {killed_at}: {put:?}");
                // Whatever was left is cleared away by the next one.
                keystore.put(&prod(), &content(3, 10)).unwrap();
                assert_eq!(items(&keystore), 1, "killed at {killed_at}");
                if !was_killed {
                    break;
                }
            }
        }
    }

    #[test]
    fn killed_while_it_is_removed_it_is_there_or_gone_and_a_second_time_clears_it_away() {
        for killed_at in 0.. {
            let keystore = split();
            keystore.put(&prod(), &content(1, 1000)).unwrap();
            keystore.inner().left.set(killed_at);
            let _ = keystore.remove(&prod());
            let was_killed = keystore.inner().left.get() == 0;
            keystore.inner().left.set(usize::MAX);
            match keystore.get(&prod()) {
                Ok(found) => assert_eq!(found, content(1, 1000)),
                Err(error) => assert!(matches!(error, KeystoreError::NotFound { .. }), "{error}"),
            }
            let _ = keystore.remove(&prod());
            assert_eq!(items(&keystore), 0, "killed at {killed_at}");
            if !was_killed {
                break;
            }
        }
    }

    #[test]
    fn a_record_whose_parts_do_not_fit_is_corrupt() {
        let part = |number: usize| RecordName::new("part", format!("a.{number}/key/prod"));
        for damage in [
            |parts: &Mortal, part: RecordName| parts.remove(&part).unwrap(),
            |parts: &Mortal, part: RecordName| parts.put(&part, &content(9, LIMIT)).unwrap(),
            |parts: &Mortal, part: RecordName| parts.put(&part, &content(9, 1)).unwrap(),
        ] {
            let keystore = split();
            keystore.put(&prod(), &content(1, 1000)).unwrap();
            damage(keystore.inner(), part(2));
            let answer = keystore.get(&prod());
            assert!(matches!(answer, Err(KeystoreError::Corrupt { .. })), "{answer:?}");
            keystore.put(&prod(), &content(2, 1000)).unwrap();
            assert_eq!(keystore.get(&prod()).unwrap(), content(2, 1000));
        }
    }

    #[test]
    fn a_store_without_splitting_says_how_much_it_takes() {
        let keystore = mocked(LIMIT);
        let answer = keystore.put(&prod(), &content(1, LIMIT + 1));
        assert!(matches!(answer, Err(KeystoreError::TooLarge { limit_bytes: LIMIT, .. })), "{answer:?}");
    }

    #[test]
    fn names_stay_apart_where_case_does_not_count() {
        let names = ["prod", "Prod", "PROD", "%50rod", "prod ", "pröd", "prÖd", "a/b", "a%2fb", "\u{212a}", "k"];
        let plain: HashSet<String> = names.iter().map(|name| without_case(&RecordName::new("key", *name))).collect();
        assert_eq!(plain.len(), names.len(), "{plain:?}");
        assert!(plain.iter().all(|name| name.is_ascii() && *name == name.to_lowercase()), "{plain:?}");
        assert_eq!(without_case(&prod()), "key/prod");
    }
}
