//! How the encrypted file is opened: by the key that the kernel was lent, else by a passphrase, asked for lazily and once.
//! And how its passphrase is changed.

use super::{
    super::{KeystoreError, kernel_keyring},
    Contents, DataKey, FILE, FileKeystore, FormatError, Header, NAME, TRIES, description, forget_lent, format,
    from_format, is_of, keeps_changing, locked, not_there, parse_header, shared_key,
};
use crate::{atomic_file::PrivateFolder, secret::SecretText};

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

/// A person is asked once in the life of the process; this remembers how it went.
pub(super) enum Passphrase {
    NotAsked,
    Given(SecretText),
    /// It opened the keystore, and the data key serves from then on.
    Spent,
    Wrong,
    Refused(String),
}

/// A passphrase that opened the keystore just now; no key that was lent had a part in it.
pub struct ProvenPassphrase<'k> {
    keystore: &'k FileKeystore,
    passphrase: SecretText,
    header: Header,
    key: DataKey,
}

impl FileKeystore {
    /// Asks for the passphrase, even if the keystore is unlocked, and tries it on the whole file.
    ///
    /// # Errors
    /// If there is no keystore yet, then `Unavailable`; otherwise as [`super::Keystore::get`].
    pub fn prove_passphrase(&self) -> Result<ProvenPassphrase<'_>, KeystoreError> {
        let file = self.read()?.ok_or_else(not_there)?;
        let header = parse_header(&file)?;
        self.passphrase.replace(Passphrase::NotAsked);
        let (key, passphrase) = self.derive(&header, self.passphrase(PassphraseFor::Opening)?)?;
        format::verify(&file, &key).map_err(from_format)?;
        Ok(ProvenPassphrase { keystore: self, passphrase, header, key })
    }

    pub(super) fn data_key(&self, header: &Header) -> Result<DataKey, KeystoreError> {
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
            return Ok(self.derive(header, passphrase)?.0);
        }
        let description = description(header);
        let shared = || shared_key::fetch(&description, &passphrase);
        if let Some(key) = shared() {
            return Ok(key);
        }
        // Two at a time: as good as all at once where the kernel has no keyring. On a disk that is read-only, all at once.
        let turn = format!("derivation-{}.lock", std::process::id() % 2);
        let _turn = PrivateFolder::open(&self.folder)?.lock(&turn).ok();
        if let Some(key) = shared() {
            return Ok(key);
        }
        let (key, _) = self.derive(header, passphrase.clone())?;
        shared_key::store(&description, &passphrase, &key);
        Ok(key)
    }

    /// Derives the key, and says with which passphrase. A wrong one may be mended by whoever gave it, twice.
    pub(super) fn derive(
        &self,
        header: &Header,
        mut passphrase: SecretText,
    ) -> Result<(DataKey, SecretText), KeystoreError> {
        for attempt in 1.. {
            match header.open(&passphrase) {
                Ok(key) => {
                    self.passphrase.replace(Passphrase::Spent);
                    return Ok((key, passphrase));
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

    pub(super) fn passphrase(&self, purpose: PassphraseFor) -> Result<SecretText, KeystoreError> {
        match &*self.passphrase.borrow() {
            Passphrase::NotAsked => {}
            Passphrase::Given(passphrase) => return Ok(passphrase.clone()),
            Passphrase::Spent => {
                return Err(locked(
                    "its passphrase was changed, or another keystore took its place, while it was open",
                ));
            }
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
}

impl ProvenPassphrase<'_> {
    /// The passphrase itself.
    pub fn passphrase(&self) -> &SecretText {
        &self.passphrase
    }

    /// Seals everything anew under another passphrase, at the cost that the keystore was made with here.
    ///
    /// The data key is another one, too: who knew the old passphrase and kept a copy of the file opens nothing later
    /// with it. The generation before is sealed anew as well, and the kernel forgets the old key.
    ///
    /// # Errors
    /// If the new passphrase is empty, then `Locked`; if another process changed it meanwhile, then `Unavailable`;
    /// otherwise as [`super::Keystore::put`]. The old passphrase then still opens the keystore.
    pub fn change_to(self, new: &SecretText) -> Result<(), KeystoreError> {
        let keystore = self.keystore;
        refuse_empty(new)?;
        let (header, key) = Header::create(new, keystore.cost).map_err(from_format)?;
        let (folder, _lock) = keystore.to_write()?;
        let file = folder.read(FILE)?.filter(|file| is_of(file, &self.header)).ok_or_else(keeps_changing)?;
        let contents = Contents::parse(&file, &self.key);
        let contents = contents.and_then(|contents| contents.resealed(&self.key, header.clone(), &key));
        let mut contents = contents.map_err(from_format)?;
        // First, so that a kernel which does not forget it changes nothing.
        forget_lent(&self.header)?;
        let former = contents.to_bytes(&key);
        contents.generation += 1;
        folder.write_with_previous(FILE, &contents.to_bytes(&key), &former)?;
        keystore.open.replace(Some((*header.id(), key)));
        keystore.passphrase.replace(Passphrase::Spent);
        Ok(())
    }
}

fn refuse_empty(passphrase: &SecretText) -> Result<(), KeystoreError> {
    if passphrase.expose().is_empty() { Err(locked("the passphrase is empty")) } else { Ok(()) }
}
