//! Sessions in the kernel's memory: quick, gone with the machine's next start, and never for keys or seeds.
//!
//! It is a cache: every failure to read is a record that is not there.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use ring::digest;

use super::{Keystore, KeystoreError, RecordName, kernel_keyring};
use crate::secret::SecretBytes;

const NAME: &str = "kernel";
/// The only kind of record that may be lost: what is lost is obtained anew.
const KIND: &str = "session";
/// No session of AWS lasts longer.
const LONGEST: Duration = Duration::from_secs(36 * 60 * 60);

/// The user keyring of the Linux kernel, for sessions only.
pub struct KernelKeystore {
    folder: PathBuf,
    keystore: String,
}

impl KernelKeystore {
    /// For the sessions of the vault of this folder whose keys are in this keystore. Touches nothing yet.
    pub fn of(folder: &Path, keystore: &str) -> Self {
        KernelKeystore { folder: folder.to_owned(), keystore: keystore.to_owned() }
    }

    /// Whether there is a kernel keyring here that lets us in.
    ///
    /// # Errors
    /// If not, then `Unavailable` with the reason.
    pub fn probe() -> Result<(), KeystoreError> {
        kernel_keyring::probe().map_err(unavailable)
    }

    /// All vaults of a user share the keyring: the folder, whatever path leads there, tells them apart.
    fn name_of(&self, record: &RecordName) -> String {
        let folder = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone());
        let folder = digest::digest(&digest::SHA256, folder.as_os_str().as_encoded_bytes());
        let mut name = "mfavault:".to_owned();
        for byte in &folder.as_ref()[..16] {
            let _ = write!(name, "{byte:02x}");
        }
        let _ = write!(name, ":{}:{record}", self.keystore);
        name
    }

    fn lost(record: &RecordName) -> KeystoreError {
        KeystoreError::NotFound { keystore: NAME, record: record.clone() }
    }
}

impl Keystore for KernelKeystore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        kernel_keyring::fetch(&self.name_of(record)).ok_or_else(|| Self::lost(record))
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        self.put_for(record, content, LONGEST)
    }

    fn put_for(&self, record: &RecordName, content: &SecretBytes, time: Duration) -> Result<(), KeystoreError> {
        if record.kind() != KIND {
            return Err(unavailable("the kernel keyring is for sessions only".to_owned()));
        }
        if content.expose().len() > kernel_keyring::LIMIT_BYTES {
            return Err(KeystoreError::TooLarge { keystore: NAME, limit_bytes: kernel_keyring::LIMIT_BYTES });
        }
        // Whole seconds, so that it is never there longer than it is of use.
        let time = Duration::from_secs(time.min(LONGEST).as_secs());
        kernel_keyring::store(&self.name_of(record), content.expose(), time).map_err(unavailable)
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        let name = self.name_of(record);
        if kernel_keyring::fetch(&name).is_none() {
            return Err(Self::lost(record));
        }
        kernel_keyring::forget(&name).map_err(unavailable)
    }
}

fn unavailable(reason: String) -> KeystoreError {
    KeystoreError::Unavailable { keystore: NAME, reason }
}
