//! A keystore in memory that fails on demand.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use mfavault::{
    keystore::{Keystore, KeystoreError, RecordName},
    secret::SecretBytes,
};

type MakeError = Box<dyn Fn() -> KeystoreError + Send>;

/// Keeps records until it is dropped.
pub(crate) struct MemoryKeystore {
    name: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: BTreeMap<RecordName, SecretBytes>,
    operations: usize,
    failure: Option<(usize, MakeError)>,
}

impl MemoryKeystore {
    /// An empty one that never fails.
    pub(crate) fn new() -> Self {
        Self::named("memory")
    }

    /// The same under another name.
    pub(crate) fn named(name: &'static str) -> Self {
        MemoryKeystore { name, state: Mutex::default() }
    }

    /// Lets the nth operation from now (1 is the next) fail with this error and change nothing.
    pub(crate) fn fail_at(&self, nth: usize, error: impl Fn() -> KeystoreError + Send + 'static) {
        let mut state = self.lock();
        state.failure = Some((state.operations + nth, Box::new(error)));
    }

    /// How many operations there were, failed ones too.
    pub(crate) fn operations(&self) -> usize {
        self.lock().operations
    }

    /// The names of the records, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().records.keys().map(ToString::to_string).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the state")
    }

    fn begin(&self) -> Result<MutexGuard<'_, State>, KeystoreError> {
        let mut state = self.lock();
        state.operations += 1;
        match &state.failure {
            Some((nth, error)) if *nth == state.operations => Err(error()),
            _ => Ok(state),
        }
    }
}

impl MemoryKeystore {
    fn not_found(&self, record: &RecordName) -> KeystoreError {
        KeystoreError::NotFound { keystore: self.name, record: record.clone() }
    }
}

impl Keystore for MemoryKeystore {
    fn name(&self) -> &'static str {
        self.name
    }

    fn list(&self) -> Result<Option<Vec<String>>, KeystoreError> {
        Ok(Some(self.names()))
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        self.begin()?.records.get(record).cloned().ok_or_else(|| self.not_found(record))
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        self.begin()?.records.insert(record.clone(), content.clone());
        Ok(())
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.begin()?.records.remove(record).map(drop).ok_or_else(|| self.not_found(record))
    }
}
