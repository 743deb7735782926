//! The encrypted file: a keystore for machines without a system's own, opened by a passphrase.
//!
//! One file `keystore` in a private folder, always replaced whole, with the state before it as `keystore.previous`.
//! The passphrase is asked for lazily and once; `unlock_for` lends the data key to the kernel instead.
//! The bytes are `file_format`'s business.

use std::{cell::RefCell, fmt::Write, path::PathBuf, time::Duration};

use ring::digest;

use super::{
    Keystore, KeystoreError, RecordName,
    file_format::{self, Contents, DataKey, FormatError, Header, KdfCost},
    kernel_keyring, shared_key,
};
use crate::{
    atomic_file::{PrivateFolder, previous_name},
    secret::{SecretBytes, SecretText},
};

const NAME: &str = "file";
const FILE: &str = "keystore";
const LOCK: &str = "keystore.lock";
/// Far above any record of the vault, far below the length fields of the format.
const RECORD_LIMIT_BYTES: usize = 1024 * 1024;
/// A keystore that is replaced by another one more often than this, during one save, is not worked with.
const TRIES: usize = 3;

/// What a passphrase is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassphraseFor {
    /// A keystore that does not exist yet: a new passphrase, which a person should type twice.
    Creating,
    /// The keystore that exists.
    Opening,
    /// The same, after a wrong one. Who has no other to give answers `WrongPassphrase`.
    OpeningAgain,
}

/// Gives a passphrase, or says why it cannot.
pub type AskPassphrase = Box<dyn Fn(PassphraseFor) -> Result<SecretText, KeystoreError>>;

/// A keystore in one encrypted file.
pub struct FileKeystore {
    folder: PathBuf,
    ask: AskPassphrase,
    cost: KdfCost,
    passphrase: RefCell<Passphrase>,
    /// The id and data key of the keystore that was opened last.
    open: RefCell<Option<([u8; 16], DataKey)>>,
    /// Whether processes that are given the same passphrase spare each other the key derivation.
    shares: bool,
}

/// A person is asked once in the life of the process; this remembers how it went.
enum Passphrase {
    NotAsked,
    Given(SecretText),
    /// It opened the keystore, and the data key serves from then on.
    Spent,
    Wrong,
    Refused(String),
}

impl FileKeystore {
    /// A keystore in this folder, which nothing is created in before the first `put`.
    pub fn new(folder: PathBuf, ask: AskPassphrase) -> Self {
        Self::with_cost(folder, ask, KdfCost::default())
    }

    /// As [`FileKeystore::new`], with another cost for passphrases that are set from now on.
    pub fn with_cost(folder: PathBuf, ask: AskPassphrase, cost: KdfCost) -> Self {
        let (passphrase, open) = (RefCell::new(Passphrase::NotAsked), RefCell::new(None));
        FileKeystore { folder, ask, cost, passphrase, open, shares: false }
    }

    /// For a passphrase that the environment gives to every process: the first one derives the key, and for a minute
    /// the kernel gives it to those that come with the same passphrase.
    #[must_use]
    pub fn sharing(self) -> Self {
        FileKeystore { shares: true, ..self }
    }

    /// Opens the keystore for every process of this user, until the time is over, the machine restarts, or
    /// [`FileKeystore::lock`].
    ///
    /// # Errors
    /// If there is no keystore yet, or the kernel does not take its key, then `Unavailable`; otherwise as
    /// [`Keystore::get`].
    pub fn unlock_for(&self, duration: Duration) -> Result<(), KeystoreError> {
        let (_, header, key) = self.existing()?.ok_or_else(|| unavailable("it does not exist yet"))?;
        kernel_keyring::store(&description(&header), key.expose(), duration).map_err(unavailable)
    }

    /// Takes the key back from the kernel, and forgets it in this process.
    ///
    /// # Errors
    /// If the kernel does not forget it, then `Unavailable`; otherwise as [`Keystore::get`].
    pub fn lock(&self) -> Result<(), KeystoreError> {
        self.open.replace(None);
        self.passphrase.replace(Passphrase::NotAsked);
        match self.read()? {
            Some(file) => {
                let description = description(&parse_header(&file)?);
                shared_key::forget(&description)
                    .and_then(|()| kernel_keyring::forget(&description))
                    .map_err(unavailable)
            }
            None => Ok(()),
        }
    }

    fn read(&self) -> Result<Option<Vec<u8>>, KeystoreError> {
        let Some(folder) = PrivateFolder::open_if_present(&self.folder)? else { return Ok(None) };
        let file = folder.read(FILE)?;
        if file.is_none() && folder.read(&previous_name(FILE))?.is_some() {
            // A new file in its place would in the end take that last good generation too.
            let reason = "the file is gone, and the generation before it is still there".to_owned();
            return Err(KeystoreError::Corrupt { keystore: NAME, reason });
        }
        Ok(file)
    }

    /// The file's bytes, its header and its data key, if there is a file; asks nobody if there is none.
    fn existing(&self) -> Result<Option<(Vec<u8>, Header, DataKey)>, KeystoreError> {
        let Some(file) = self.read()? else { return Ok(None) };
        let header = parse_header(&file)?;
        let key = self.data_key(&header)?;
        Ok(Some((file, header, key)))
    }

    fn data_key(&self, header: &Header) -> Result<DataKey, KeystoreError> {
        if let Some((id, key)) = &*self.open.borrow()
            && id == header.id()
        {
            return Ok(key.clone());
        }
        let lent = kernel_keyring::fetch(&description(header));
        let key = match lent.as_ref().and_then(DataKey::from_bytes) {
            Some(key) => key,
            None => self.open_with_passphrase(header)?,
        };
        self.open.replace(Some((*header.id(), key.clone())));
        Ok(key)
    }

    fn open_with_passphrase(&self, header: &Header) -> Result<DataKey, KeystoreError> {
        let passphrase = self.passphrase(PassphraseFor::Opening)?;
        if !self.shares {
            return self.derive(header, passphrase);
        }
        let description = description(header);
        let shared = || shared_key::fetch(&description, &passphrase);
        if let Some(key) = shared() {
            return Ok(key);
        }
        // Two at a time: as good as all at once where the kernel has no keyring.
        let turn = format!("derivation-{}.lock", std::process::id() % 2);
        let _turn = PrivateFolder::open(&self.folder)?.lock(&turn)?;
        if let Some(key) = shared() {
            return Ok(key);
        }
        let key = self.derive(header, passphrase.clone())?;
        shared_key::store(&description, &passphrase, &key);
        Ok(key)
    }

    /// Derives the key. A wrong passphrase may be mended by whoever gave it, twice.
    fn derive(&self, header: &Header, mut passphrase: SecretText) -> Result<DataKey, KeystoreError> {
        for attempt in 1.. {
            match header.open(&passphrase) {
                Ok(key) => {
                    self.passphrase.replace(Passphrase::Spent);
                    return Ok(key);
                }
                Err(FormatError::WrongPassphrase) if attempt < TRIES => {
                    self.passphrase.replace(Passphrase::Wrong);
                    passphrase = (self.ask)(PassphraseFor::OpeningAgain)?;
                }
                Err(error) => return Err(from_format(error)),
            }
        }
        Err(KeystoreError::WrongPassphrase { keystore: NAME })
    }

    fn passphrase(&self, purpose: PassphraseFor) -> Result<SecretText, KeystoreError> {
        match &*self.passphrase.borrow() {
            Passphrase::NotAsked => {}
            Passphrase::Given(passphrase) => return Ok(passphrase.clone()),
            Passphrase::Spent => return Err(locked("another keystore took its place while it was open")),
            Passphrase::Wrong => return Err(KeystoreError::WrongPassphrase { keystore: NAME }),
            Passphrase::Refused(reason) => return Err(locked(reason)),
        }
        let answer = (self.ask)(purpose).and_then(|passphrase| match purpose {
            PassphraseFor::Creating => refuse_empty(&passphrase).map(|()| passphrase),
            PassphraseFor::Opening | PassphraseFor::OpeningAgain => Ok(passphrase),
        });
        self.passphrase.replace(match &answer {
            Ok(passphrase) => Passphrase::Given(passphrase.clone()),
            Err(KeystoreError::Locked { reason, .. }) => Passphrase::Refused(reason.clone()),
            Err(error) => Passphrase::Refused(error.to_string()),
        });
        answer
    }

    /// The header and key to save with, and whether they are those of a keystore that is yet to be written.
    fn to_save_with(&self, may_create: bool) -> Result<Option<(Header, DataKey, bool)>, KeystoreError> {
        if let Some((_, header, key)) = self.existing()? {
            return Ok(Some((header, key, false)));
        }
        if !may_create {
            return Ok(None);
        }
        let passphrase = self.passphrase(PassphraseFor::Creating)?;
        let (header, key) = Header::create(&passphrase, self.cost).map_err(from_format)?;
        Ok(Some((header, key, true)))
    }

    /// Puts a record's new content in, or takes the record out.
    fn save(&self, record: &RecordName, content: Option<&SecretBytes>) -> Result<(), KeystoreError> {
        let name = record.to_string();
        for _ in 0..TRIES {
            // Keys are derived before the lock is taken, so that others wait for milliseconds only.
            let Some((header, key, new)) = self.to_save_with(content.is_some())? else {
                return Err(not_found(record));
            };
            let folder = PrivateFolder::open(&self.folder)?;
            let _lock = folder.lock(LOCK)?;
            let file = folder.read(FILE)?;
            let mut contents = match &file {
                Some(file) if is_of(file, &header) => Contents::parse(file, &key).map_err(from_format)?,
                None if new => Contents::new(header.clone()),
                _ => continue,
            };
            match content {
                Some(content) => contents.put(&name, content, &key).map_err(from_format)?,
                None if contents.remove(&name) => {}
                None => return Err(not_found(record)),
            }
            contents.generation += 1;
            folder.write_keeping_previous(FILE, &contents.to_bytes(&key))?;
            self.open.replace(Some((*header.id(), key)));
            if new {
                self.passphrase.replace(Passphrase::Spent);
            }
            return Ok(());
        }
        Err(keeps_changing())
    }
}

impl Keystore for FileKeystore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        let Some((file, _, key)) = self.existing()? else { return Err(not_found(record)) };
        let content = file_format::read_record(&file, &key, &record.to_string()).map_err(from_format)?;
        content.ok_or_else(|| not_found(record))
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        if content.expose().len() > RECORD_LIMIT_BYTES || record.to_string().len() > usize::from(u16::MAX) {
            return Err(KeystoreError::TooLarge { keystore: NAME, limit_bytes: RECORD_LIMIT_BYTES });
        }
        self.save(record, Some(content))
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.save(record, None)
    }
}

/// The name of a keystore's key in the kernel: a hash of its random id, so that two keystores never share one.
fn description(header: &Header) -> String {
    let mut description = "mfavault:".to_owned();
    for byte in &digest::digest(&digest::SHA256, header.id()).as_ref()[..16] {
        write!(description, "{byte:02x}").expect("writing to a text cannot fail");
    }
    description
}

fn is_of(file: &[u8], header: &Header) -> bool {
    Header::parse(file).is_ok_and(|there| there.id() == header.id())
}

fn parse_header(file: &[u8]) -> Result<Header, KeystoreError> {
    Header::parse(file).map_err(from_format)
}

fn refuse_empty(passphrase: &SecretText) -> Result<(), KeystoreError> {
    if passphrase.expose().is_empty() { Err(locked("the passphrase is empty")) } else { Ok(()) }
}

fn from_format(error: FormatError) -> KeystoreError {
    match error {
        FormatError::Damaged(reason) => KeystoreError::Corrupt { keystore: NAME, reason: reason.to_owned() },
        FormatError::WrongPassphrase => KeystoreError::WrongPassphrase { keystore: NAME },
        FormatError::UnknownVersion(version) => {
            unavailable(format!("its format has version {version}, which this program does not know"))
        }
        FormatError::NoResources(reason) => unavailable(reason),
    }
}

fn not_found(record: &RecordName) -> KeystoreError {
    KeystoreError::NotFound { keystore: NAME, record: record.clone() }
}

fn locked(reason: impl Into<String>) -> KeystoreError {
    KeystoreError::Locked { keystore: NAME, reason: reason.into() }
}

fn unavailable(reason: impl Into<String>) -> KeystoreError {
    KeystoreError::Unavailable { keystore: NAME, reason: reason.into() }
}

fn keeps_changing() -> KeystoreError {
    unavailable("other processes keep replacing it")
}
