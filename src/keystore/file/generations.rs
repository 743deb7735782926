//! The two generations of the encrypted file, the present one and the one before it: what can be told of them without the
//! passphrase, and the way back after damage.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::{
    super::{KeystoreError, kernel_keyring},
    DataKey, FILE, FileKeystore, FormatError, Header, KdfCost, NAME, Passphrase, PassphraseFor, description, format,
    from_format, keeps_changing,
};
use crate::{
    atomic_file::{FileError, PrivateFolder, previous_name},
    rfc3339,
};

/// Begins the name of a damaged file that was set aside.
const SET_ASIDE: &str = "keystore.damaged-";

/// How one file of the keystore is, as far as can be told without the passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Generation {
    /// It is not there.
    Absent,
    /// Nothing is wrong with it.
    Whole {
        /// What one guess of its passphrase costs.
        cost: KdfCost,
        /// Whether every byte was verified, which takes the key that the kernel has while the keystore is unlocked; else
        /// only the header and the lengths were.
        verified: bool,
    },
    /// It does not open any more.
    Damaged {
        /// What does not hold, without any content.
        reason: &'static str,
    },
    /// A later program wrote it.
    OfALaterVersion {
        /// Of the format.
        version: u16,
    },
}

/// What lies in the keystore's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generations {
    /// The file that is used.
    pub present: Generation,
    /// As it was before the last save.
    pub previous: Generation,
    /// Damaged files that were set aside, oldest first. Their passphrase is that of their time.
    pub set_aside: Vec<PathBuf>,
}

impl Generations {
    /// Whether [`FileKeystore::restore_previous`] is what helps, if the passphrase fits.
    pub fn can_go_back(&self) -> bool {
        matches!(self.present, Generation::Absent | Generation::Damaged { .. })
            && matches!(self.previous, Generation::Whole { .. })
    }
}

impl FileKeystore {
    /// Looks at both files; asks nobody.
    ///
    /// # Errors
    /// If a file is not safely ours or cannot be read, then `File`.
    pub fn generations(&self) -> Result<Generations, KeystoreError> {
        let Some(folder) = PrivateFolder::open_if_present(&self.folder)? else {
            return Ok(Generations {
                present: Generation::Absent,
                previous: Generation::Absent,
                set_aside: Vec::new(),
            });
        };
        let look = |name: &str| -> Result<Generation, FileError> { Ok(generation(folder.read(name)?.as_deref())) };
        let (present, previous) = (look(FILE)?, look(&previous_name(FILE))?);
        Ok(Generations { present, previous, set_aside: self.set_aside()? })
    }

    /// Makes the generation before the present one, where the present file is damaged or gone. That it opens whole is
    /// proved first; what is damaged is kept under another name, which is given back.
    ///
    /// # Errors
    /// If the present file opens, or there is none before it, then `NothingToRestore`; if the one before it is damaged
    /// as well, then `Corrupt`; if a passphrase opens neither, then `WrongPassphrase`, for it may be another's that was
    /// not damaged; if the disk refuses, then `File`; otherwise as [`super::Keystore::get`].
    pub fn restore_previous(&self, now: SystemTime) -> Result<Option<PathBuf>, KeystoreError> {
        let Some(folder) = PrivateFolder::open_if_present(&self.folder)? else {
            return Err(nothing_to_restore("it does not exist yet"));
        };
        let read = || Ok::<_, FileError>((folder.read(FILE)?, folder.read(&previous_name(FILE))?));
        let (present, previous) = read()?;
        let Some(former) = &previous else { return Err(nothing_to_restore("there is no generation before it")) };
        let key = match &present {
            Some(file) => self.key_of_damaged(file)?,
            None => None,
        };
        self.verify_previous(former, key)?;
        // What the passphrase was asked for is what is replaced: another process may have saved meanwhile.
        let (folder, _lock) = self.to_write()?;
        if (folder.read(FILE)?, folder.read(&previous_name(FILE))?) != (present.clone(), previous.clone()) {
            return Err(keeps_changing());
        }
        let aside = self.free_name(now)?;
        folder.write_setting_aside(FILE, former, &aside)?;
        Ok(present.map(|_| self.folder.join(aside)))
    }

    /// The header and key of a present file that is damaged behind its header; refuses one that is not damaged.
    fn key_of_damaged(&self, file: &[u8]) -> Result<Option<(Header, DataKey)>, KeystoreError> {
        let header = match Header::parse(file) {
            Ok(header) => header,
            Err(FormatError::Damaged(_)) => return Ok(None),
            Err(error) => return Err(from_format(error)),
        };
        let key = self.data_key(&header)?;
        match format::verify(file, &key) {
            Ok(()) => Err(nothing_to_restore("it opens as it is")),
            Err(FormatError::Damaged(_)) => Ok(Some((header, key))),
            Err(error) => Err(from_format(error)),
        }
    }

    fn verify_previous(&self, file: &[u8], known: Option<(Header, DataKey)>) -> Result<(), KeystoreError> {
        let verified = Header::parse(file).map(|header| {
            let key = match known {
                Some((known, key)) if known.id() == header.id() => key,
                Some(_) => {
                    // Its passphrase was being changed: this is another's.
                    self.passphrase.replace(Passphrase::NotAsked);
                    self.derive(&header, self.passphrase(PassphraseFor::Opening)?)?.0
                }
                None => self.data_key(&header)?,
            };
            Ok::<_, KeystoreError>(format::verify(file, &key))
        });
        let damaged = match verified {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Ok(Ok(Err(error))) | Err(error) => error,
        };
        Err(match from_format(damaged) {
            KeystoreError::Corrupt { keystore, reason } => KeystoreError::Corrupt {
                keystore,
                reason: format!("the generation before it is damaged, too: {reason}"),
            },
            error => error,
        })
    }

    /// A name for what is damaged that no file has.
    fn free_name(&self, now: SystemTime) -> Result<String, KeystoreError> {
        let taken = self.set_aside()?;
        let mut time = now;
        loop {
            let text: String = rfc3339::format(time).chars().filter(|character| !"-:".contains(*character)).collect();
            let name = format!("{SET_ASIDE}{text}");
            if !taken.contains(&self.folder.join(&name)) {
                return Ok(name);
            }
            time += Duration::from_secs(1);
        }
    }

    fn set_aside(&self) -> Result<Vec<PathBuf>, KeystoreError> {
        let failed = |source| FileError::Io { action: "look into", path: self.folder.clone(), source };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(SET_ASIDE)) {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }
}

fn generation(file: Option<&[u8]>) -> Generation {
    let Some(file) = file else { return Generation::Absent };
    let looked = format::outline(file).and_then(|header| {
        let lent = kernel_keyring::fetch(&description(&header));
        let key = lent.as_ref().and_then(DataKey::from_bytes);
        key.as_ref().map_or(Ok(()), |key| format::verify(file, key))?;
        Ok(Generation::Whole { cost: header.cost(), verified: key.is_some() })
    });
    looked.unwrap_or_else(|error| match error {
        FormatError::UnknownVersion(version) => Generation::OfALaterVersion { version },
        FormatError::Damaged(reason) | FormatError::NoResources(reason) => Generation::Damaged { reason },
        FormatError::WrongPassphrase => Generation::Damaged { reason: "its key does not open it" },
    })
}

fn nothing_to_restore(reason: &'static str) -> KeystoreError {
    KeystoreError::NothingToRestore { keystore: NAME, reason }
}
