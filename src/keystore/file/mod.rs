//! The encrypted file: a keystore for machines without a system's own, opened by a passphrase.
//!
//! One file `keystore` in a private folder, always replaced whole, with the state before it as `keystore.previous`.
//! `format` knows the bytes, `passphrase` how the file is opened and its passphrase changed, `generations` what can be
//! told of the two files and how to go back to the one before.

mod format;
mod generations;
mod passphrase;
mod shared_key;

use std::{cell::RefCell, fmt::Write, path::PathBuf, time::Duration};

use ring::digest;

pub use self::{
    format::KdfCost,
    generations::{Generation, Generations},
    passphrase::{AskPassphrase, PassphraseFor, ProvenPassphrase},
};
use self::{
    format::{Contents, DataKey, FormatError, Header},
    passphrase::Passphrase,
};
use super::{Keystore, KeystoreError, RecordName, kernel_keyring};
use crate::{
    atomic_file::{FileLock, PrivateFolder, previous_name},
    secret::SecretBytes,
};

const NAME: &str = "file";
const FILE: &str = "keystore";
const LOCK: &str = "keystore.lock";
/// Far above any record of the vault, far below the length fields of the format.
const RECORD_LIMIT_BYTES: usize = 1024 * 1024;
/// A keystore that is replaced by another one more often than this, during one save, is not worked with.
const TRIES: usize = 3;

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

/// What is to become of a record.
enum Change<'c> {
    Put(&'c SecretBytes),
    /// It must be there.
    Remove,
    RemoveIfThere,
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
        let (_, header, key) = self.existing()?.ok_or_else(not_there)?;
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
            Some(file) => forget_lent(&parse_header(&file)?),
            None => Ok(()),
        }
    }

    /// Whether the kernel has the key, so that nobody is asked.
    ///
    /// # Errors
    /// As [`Keystore::get`], save that nobody is asked.
    pub fn is_unlocked(&self) -> Result<bool, KeystoreError> {
        let Some(file) = self.read()? else { return Ok(false) };
        Ok(kernel_keyring::fetch(&description(&parse_header(&file)?)).is_some())
    }

    /// What one guess of the passphrase costs, if there is a keystore; asks nobody.
    ///
    /// # Errors
    /// As [`Keystore::get`], save that nobody is asked.
    pub fn cost(&self) -> Result<Option<KdfCost>, KeystoreError> {
        self.read()?.map(|file| Ok(parse_header(&file)?.cost())).transpose()
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

    /// Makes all the changes in one save, or none of them.
    fn save(&self, changes: &[(&RecordName, Change<'_>)]) -> Result<(), KeystoreError> {
        let names: Vec<String> = changes.iter().map(|(record, _)| record.to_string()).collect();
        let may_create = changes.iter().any(|(_, change)| matches!(change, Change::Put(_)));
        for _ in 0..TRIES {
            // Keys are derived before the lock is taken, so that others wait for milliseconds only.
            let Some((header, key, new)) = self.to_save_with(may_create)? else {
                let missed = changes.iter().find(|(_, change)| matches!(change, Change::Remove));
                return missed.map_or(Ok(()), |(record, _)| Err(not_found(record)));
            };
            let (folder, _lock) = self.to_write()?;
            let file = folder.read(FILE)?;
            let mut contents = match &file {
                Some(file) if is_of(file, &header) => Contents::parse(file, &key).map_err(from_format)?,
                None if new => Contents::new(header.clone()),
                _ => continue,
            };
            let mut changed = false;
            for ((record, change), name) in changes.iter().zip(&names) {
                changed |= match change {
                    Change::Put(content) => contents.put(name, content, &key).map(|()| true).map_err(from_format)?,
                    Change::Remove if !contents.contains(name) => return Err(not_found(record)),
                    Change::Remove | Change::RemoveIfThere => contents.remove(name),
                };
            }
            if !changed {
                return Ok(());
            }
            contents.generation += 1;
            let bytes = contents.to_bytes(&key);
            match &file {
                Some(former) => folder.write_with_previous(FILE, &bytes, former)?,
                None => folder.write(FILE, &bytes)?,
            }
            self.open.replace(Some((*header.id(), key)));
            if new {
                self.passphrase.replace(Passphrase::Spent);
            }
            return Ok(());
        }
        Err(keeps_changing())
    }

    /// The folder, and the lock without which nobody writes the keystore; what killed processes left of it is gone.
    fn to_write(&self) -> Result<(PrivateFolder, FileLock), KeystoreError> {
        let folder = PrivateFolder::open(&self.folder)?;
        let lock = folder.lock(LOCK)?;
        folder.sweep_of(FILE);
        folder.sweep_of(&previous_name(FILE));
        Ok((folder, lock))
    }
}

impl Keystore for FileKeystore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(&self, _: &RecordName, to_write: bool) -> Result<(), KeystoreError> {
        let is_open = self.open.borrow().is_some();
        if !is_open && self.existing()?.is_none() && to_write {
            self.passphrase(PassphraseFor::Creating)?;
        }
        Ok(())
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        let Some((file, _, key)) = self.existing()? else { return Err(not_found(record)) };
        let content = format::read_record(&file, &key, &record.to_string()).map_err(from_format)?;
        content.ok_or_else(|| not_found(record))
    }

    fn list(&self) -> Result<Option<Vec<String>>, KeystoreError> {
        let Some((file, _, key)) = self.existing()? else { return Ok(Some(Vec::new())) };
        let names = format::names(&file, &key).map_err(from_format)?;
        Ok(Some(names.into_iter().map(str::to_owned).collect()))
    }

    /// The file is read and verified once.
    fn get_all(&self, records: &[RecordName]) -> Result<Vec<Option<SecretBytes>>, KeystoreError> {
        let Some((file, _, key)) = self.existing()? else { return Ok(records.iter().map(|_| None).collect()) };
        let contents = Contents::parse(&file, &key).map_err(from_format)?;
        let found = records.iter().map(|record| contents.get(&record.to_string(), &key).map_err(from_format));
        found.collect()
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        check_size(record, content)?;
        self.save(&[(record, Change::Put(content))])
    }

    /// All at once, or none.
    fn put_all(&self, records: &[(RecordName, SecretBytes)]) -> Result<(), KeystoreError> {
        records.iter().try_for_each(|(record, content)| check_size(record, content))?;
        let changes: Vec<_> = records.iter().map(|(record, content)| (record, Change::Put(content))).collect();
        if changes.is_empty() { Ok(()) } else { self.save(&changes) }
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.save(&[(record, Change::Remove)])
    }

    /// All at once, or none.
    fn remove_all(&self, records: &[RecordName]) -> Result<(), KeystoreError> {
        let changes: Vec<_> = records.iter().map(|record| (record, Change::RemoveIfThere)).collect();
        if changes.is_empty() { Ok(()) } else { self.save(&changes) }
    }

    /// The generation before goes; and without any record, so does the file.
    fn forget_former_states(&self) -> Result<(), KeystoreError> {
        let Some((_, header, key)) = self.existing()? else { return Ok(()) };
        let (folder, _lock) = self.to_write()?;
        let Some(file) = folder.read(FILE)?.filter(|file| is_of(file, &header)) else { return Ok(()) };
        if !format::names(&file, &key).map_err(from_format)?.is_empty() {
            return Ok(folder.write(&previous_name(FILE), &file)?);
        }
        // In this order: a generation before without the file is taken for damage.
        folder.remove(&previous_name(FILE))?;
        folder.remove(FILE)?;
        self.passphrase.replace(Passphrase::NotAsked);
        forget_lent(&header)
    }
}

fn check_size(record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
    match content.expose().len() > RECORD_LIMIT_BYTES || record.to_string().len() > usize::from(u16::MAX) {
        true => Err(KeystoreError::TooLarge { keystore: NAME, limit_bytes: RECORD_LIMIT_BYTES }),
        false => Ok(()),
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

/// Has the kernel forget the key, for whatever it was left there.
fn forget_lent(header: &Header) -> Result<(), KeystoreError> {
    let description = description(header);
    let shared = shared_key::forget(&description);
    shared.and_then(|()| kernel_keyring::forget(&description)).map_err(unavailable)
}

fn is_of(file: &[u8], header: &Header) -> bool {
    Header::parse(file).is_ok_and(|there| there.id() == header.id())
}

fn parse_header(file: &[u8]) -> Result<Header, KeystoreError> {
    Header::parse(file).map_err(from_format)
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

fn not_there() -> KeystoreError {
    unavailable("it does not exist yet")
}

fn keeps_changing() -> KeystoreError {
    unavailable("other processes keep replacing it")
}
