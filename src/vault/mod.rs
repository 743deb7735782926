//! What is remembered: long-term credentials, devices and sessions as typed records over a keystore; beside it, in
//! the clear and without any secret, the index of what there is, the journal of what is under way, and the ledger of
//! spent time steps.
//!
//! Seeds may have a keystore of their own, see `places`; and so may sessions, see `sessions`.
//!
//! Order is the law here: a record is named in the index before it is written and until it is gone, so that nothing
//! secret is ever stored that nobody knows of; and what AWS will depend on is read back and compared before it does.

mod agreements;
mod audit;
mod backups;
mod cache_key;
mod census;
mod damage;
mod error;
mod index;
mod ledger;
mod many_keys;
mod moving;
mod places;
mod put_back;
mod records;
mod rename;
mod rotations;
mod sessions;
mod sign_in;
mod strike_out;
mod usage;

use std::{
    cell::OnceCell,
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

pub use audit::{AuditEvent, AuditFault, AuditLine, AuditVerdict, ClosedLog, ClosedState, EarlierLog, Tampering};
pub use cache_key::CacheKey;
pub use census::Census;
pub use damage::Part;
pub use error::VaultError;
use error::nothing_was_written;
pub use index::{DeviceEntry, Enrolment, Index, KeyEntry, LastBackup, SessionEntry, SignInEntry};
pub use ledger::{Ledger, Taken};
pub use moving::{Leg, Moved, PendingMove, Settled};
use places::{ByRecord, SeedKeystore};
pub use put_back::Before;
pub use records::{Consent, DeviceRecord, KeyRecord, SessionKind, SessionRecord, Snapshot};
pub use rotations::{Rotation, RotationRecord};
use sessions::SessionKeystore;
pub use sign_in::SignInRecord;

use crate::{
    atomic_file::{FileLock, PrivateFolder},
    aws::ClockOffset,
    keystore::{Keystore, KeystoreError, RecordName},
    mfa::SerialNumber,
    profile::ProfileName,
    secret::SecretBytes,
};

/// The file that says which keystore was chosen when the vault got its first record.
pub const CHOICE: &str = "keystore.choice";
/// The file that says which keystore was chosen for seeds alone when the first of them was stored there.
pub const SEED_CHOICE: &str = "seed-keystore.choice";
/// The file of the last notable clock offset, in seconds.
const CLOCK_OFFSET: &str = "clock-offset";
/// Held by whoever makes, changes or ends a device, from the beginning to the end.
pub const ENROLMENT_LOCK: &str = "enrolment.lock";
/// Held by whoever replaces, removes or imports access keys, from the beginning to the end.
pub const ROTATION_LOCK: &str = "rotation.lock";
/// Held by whoever changes an index.
const INDEX_LOCK: &str = "index.lock";
/// The kind of the records that hold seeds.
const DEVICE: &str = "device";

/// Our records in a keystore, and the files beside it.
pub struct Vault<'a> {
    keystore: &'a dyn Keystore,
    seeds: Option<SeedKeystore<'a>>,
    by_record: ByRecord,
    sessions: Option<SessionKeystore<'a>>,
    data_path: PathBuf,
    state_path: PathBuf,
    data: OnceCell<PrivateFolder>,
    state: OnceCell<PrivateFolder>,
    /// The words of the command, for the audit log; empty if nobody said.
    command: String,
}

impl<'a> Vault<'a> {
    /// A vault over a keystore; touches nothing yet.
    pub fn new(keystore: &'a dyn Keystore, data: &Path, state: &Path) -> Self {
        Vault {
            keystore,
            seeds: None,
            by_record: ByRecord::default(),
            sessions: None,
            data_path: data.to_owned(),
            state_path: state.to_owned(),
            data: OnceCell::new(),
            state: OnceCell::new(),
            command: String::new(),
        }
    }

    /// The keystore's name, such as `file`.
    pub fn keystore_name(&self) -> &'static str {
        self.keystore.name()
    }

    /// The keystore that was recorded as this vault's when it got its first record.
    ///
    /// # Errors
    /// If the folder or the file is not safely ours, then `File`.
    pub fn recorded_keystore(data: &Path) -> Result<Option<String>, VaultError> {
        recorded(data, CHOICE)
    }

    /// What the keystore of this name holds, by its index alone.
    ///
    /// # Errors
    /// As [`Vault::index`].
    pub fn index_of(data: &Path, keystore: &str) -> Result<Index, VaultError> {
        match PrivateFolder::open_if_present(data)? {
            Some(folder) => Index::read(&folder, keystore),
            None => Ok(Index::default()),
        }
    }

    /// What there is, without a secret and without unlocking anything. Sessions that their own keystore has lost
    /// count as none.
    ///
    /// # Errors
    /// If the index file is not safely ours, then `File`; if it is not readable, then `Damaged`.
    pub fn index(&self) -> Result<Index, VaultError> {
        let mut index = self.joined(&self.indexes()?);
        self.leave_out_lost_sessions(&mut index);
        Ok(index)
    }

    /// Changes the index under its lock, and with it what the change is about.
    ///
    /// `act` comes after the index names the record and before the name is struck out: `enter` is what the index says
    /// from before `act` on, `leave` what it says after. If the keystore surely did not take it, all is as before.
    fn change<T>(
        &self,
        enter: impl FnOnce(&mut Index),
        act: impl FnOnce() -> Result<T, VaultError>,
        leave: impl FnOnce(&mut Index),
    ) -> Result<T, VaultError> {
        let folder = self.data()?;
        let _lock = folder.lock(INDEX_LOCK)?;
        self.check_place(false)?;
        let before = self.indexes()?;
        let mut index = self.joined(&before);
        enter(&mut index);
        let entered = self.split(&before, index);
        let choices = self.record_choices(folder, &before, &entered)?;
        self.write_indexes(&before, &entered)?;
        let result = act();
        if result.as_ref().is_err_and(nothing_was_written) {
            self.write_indexes(&entered, &before)?;
            for choice in choices {
                folder.remove(choice)?;
            }
        }
        let result = result?;
        let mut index = self.joined(&entered);
        leave(&mut index);
        let left = self.split(&entered, index);
        self.write_indexes(&entered, &left)?;
        Ok(result)
    }

    fn write_index(&self, before: &Index, after: &Index) -> Result<(), VaultError> {
        if before == after { Ok(()) } else { after.write(self.data()?, self.keystore.name()) }
    }

    fn change_index(&self, change: impl FnOnce(&mut Index)) -> Result<(), VaultError> {
        self.change(change, || Ok(()), |_| {})
    }

    /// The long-term credentials of a profile, if it has any here.
    ///
    /// # Errors
    /// As [`Keystore::get`], save that a missing record is `None`; `Damaged` if the record cannot be read.
    pub fn key(&self, profile: &ProfileName) -> Result<Option<KeyRecord>, VaultError> {
        self.read(&key_record(profile), |bytes| KeyRecord::from_bytes(bytes, profile))
    }

    /// Stores a profile's long-term credentials and reads them back.
    ///
    /// # Errors
    /// As [`Keystore::put`]; if the keystore gives back something else, then `NotReadBack`.
    pub fn store_key(&self, profile: &ProfileName, key: &KeyRecord) -> Result<(), VaultError> {
        let enter = |index: &mut Index| drop(index.keys.insert(profile.clone(), KeyEntry::of(key)));
        self.open(&key_record(profile), true)?;
        self.change(enter, || self.write(&key_record(profile), key.to_bytes(profile)), |_| {})
    }

    /// Removes a profile's long-term credentials; says whether there were any.
    ///
    /// # Errors
    /// As [`Keystore::remove`].
    pub fn forget_key(&self, profile: &ProfileName) -> Result<bool, VaultError> {
        self.open(&key_record(profile), false)?;
        self.change(|_| {}, || self.forget(&key_record(profile)), |index| drop(index.keys.remove(profile)))
    }

    /// A device with its seed, by its local name.
    ///
    /// # Errors
    /// As [`Vault::key`].
    pub fn device(&self, name: &str) -> Result<Option<DeviceRecord>, VaultError> {
        self.read(&device_record(name), |bytes| DeviceRecord::from_bytes(bytes, name))
    }

    /// A device with its seed, by its serial number.
    ///
    /// # Errors
    /// As [`Vault::key`].
    pub fn device_with_serial(&self, serial_number: &SerialNumber) -> Result<Option<DeviceRecord>, VaultError> {
        for name in self.index()?.names_with_serial(serial_number) {
            // A renaming that was killed leaves a name whose record is yet to come.
            if let Some(record) = self.device(name)? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Stores a device and reads it back.
    ///
    /// # Errors
    /// As [`Vault::store_key`].
    pub fn store_device(&self, record: &DeviceRecord) -> Result<(), VaultError> {
        let name = &record.device.name;
        let enter = |index: &mut Index| {
            let mut entry = DeviceEntry::of(record);
            let before = index.devices.remove(name);
            // The same seed as before: what is stored with it may change, its backup stays good.
            entry.backed_up = before.filter(|before| before.added == entry.added).and_then(|before| before.backed_up);
            index.devices.insert(name.clone(), entry);
        };
        self.open(&device_record(name), true)?;
        self.change(enter, || self.write(&device_record(name), record.to_bytes()), |_| {})
    }

    /// Removes a device and its seed; says whether there was one.
    ///
    /// # Errors
    /// As [`Keystore::remove`].
    pub fn forget_device(&self, name: &str) -> Result<bool, VaultError> {
        self.open(&device_record(name), false)?;
        self.change(|_| {}, || self.forget(&device_record(name)), |index| drop(index.devices.remove(name)))
    }

    /// Writes down that a device is being enrolled for a profile, before AWS is told.
    ///
    /// # Errors
    /// If the index cannot be written, then `File`.
    pub fn begin_enrolment(&self, profile: &ProfileName, enrolment: Enrolment) -> Result<(), VaultError> {
        self.change_index(|index| {
            index.enrolments.insert(profile.clone(), enrolment);
        })
    }

    /// Strikes an enrolment out: it is finished, or undone.
    ///
    /// # Errors
    /// If the index cannot be written, then `File`.
    pub fn end_enrolment(&self, profile: &ProfileName) -> Result<(), VaultError> {
        self.change_index(|index| {
            index.enrolments.remove(profile);
        })
    }

    /// The ledger of a device's spent time steps; `identity` is its serial number, or its name where it has none.
    ///
    /// # Errors
    /// If the state folder is not safely ours, then `File`.
    pub fn ledger(&self, identity: &str) -> Result<Ledger<'_>, VaultError> {
        Ok(Ledger::new(self.state()?, identity))
    }

    /// How far AWS's clock was from this machine's when last measured, if that was worth keeping.
    ///
    /// # Errors
    /// If the file is not safely ours, then `File`; one that cannot be read counts as none.
    pub fn clock_offset(&self) -> Result<Option<ClockOffset>, VaultError> {
        if !self.has_state() {
            return Ok(None);
        }
        let content = self.state()?.read(CLOCK_OFFSET)?;
        let seconds = content.and_then(|bytes| String::from_utf8(bytes).ok()?.trim().parse().ok());
        Ok(seconds.map(|seconds| ClockOffset { seconds }))
    }

    /// Keeps an offset for the codes of the next command; none, or a small one, forgets the old.
    ///
    /// # Errors
    /// If the file cannot be written, then `File`.
    pub fn keep_clock_offset(&self, offset: Option<ClockOffset>) -> Result<(), VaultError> {
        match offset {
            Some(offset) => self.state()?.write(CLOCK_OFFSET, format!("{}\n", offset.seconds).as_bytes())?,
            None => drop(self.state()?.remove(CLOCK_OFFSET)?),
        }
        Ok(())
    }

    /// Notes that a profile was used. Does not wait for the disk.
    ///
    /// # Errors
    /// If the file cannot be written, then `File`.
    pub fn note_use(&self, profile: &ProfileName) -> Result<(), VaultError> {
        usage::note(self.state()?, profile)
    }

    /// How often each profile was used lately.
    ///
    /// # Errors
    /// If the file is not safely ours, then `File`.
    pub fn uses(&self) -> Result<HashMap<ProfileName, usize>, VaultError> {
        match self.has_state() {
            true => usage::counted(self.state()?),
            false => Ok(HashMap::new()),
        }
    }

    /// Waits for a lock of this name; the kernel releases it when the process ends, however it ends.
    ///
    /// # Errors
    /// If the lock file is not safely ours, then `File`.
    pub fn lock(&self, name: &str) -> Result<FileLock, VaultError> {
        Ok(self.state()?.lock(name)?)
    }

    /// Whether somebody has the lock of this name at this moment; one that cannot be looked at counts as free.
    pub fn is_locked(&self, name: &str) -> bool {
        self.has_state() && self.state().is_ok_and(|folder| folder.is_locked(name).unwrap_or(false))
    }

    /// As [`Vault::lock`]; calls `say` once if it takes longer than `patience`.
    ///
    /// # Errors
    /// As [`Vault::lock`].
    pub fn lock_or_say(&self, name: &str, patience: Duration, say: &dyn Fn()) -> Result<FileLock, VaultError> {
        Ok(self.state()?.lock_or_say(name, patience, say)?)
    }

    fn data(&self) -> Result<&PrivateFolder, VaultError> {
        open_once(&self.data, &self.data_path)
    }

    /// Whether there may be anything in the state folder: looking does not make it.
    fn has_state(&self) -> bool {
        self.state.get().is_some() || !is_absent(&self.state_path)
    }

    fn state(&self) -> Result<&PrivateFolder, VaultError> {
        open_once(&self.state, &self.state_path)
    }

    fn read<T>(
        &self,
        record: &RecordName,
        parse: impl FnOnce(&SecretBytes) -> Result<T, String>,
    ) -> Result<Option<T>, VaultError> {
        match self.keystore_of(record)?.get(record) {
            Ok(bytes) => parse(&bytes)
                .map(Some)
                .map_err(|reason| VaultError::Damaged { what: Part::Record(record.clone()), reason }),
            // It may be somewhere else by now.
            Err(KeystoreError::NotFound { .. }) => self.check_place(record.kind() == DEVICE).map(|()| None),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&self, record: &RecordName, bytes: SecretBytes) -> Result<(), VaultError> {
        if record.kind() == DEVICE {
            self.check_place(true)?;
        }
        let keystore = self.keystore_of(record)?;
        keystore.put(record, &bytes)?;
        if keystore.get(record)? != bytes {
            return Err(VaultError::NotReadBack { keystore: keystore.name(), record: record.clone() });
        }
        Ok(())
    }

    fn forget(&self, record: &RecordName) -> Result<bool, VaultError> {
        match self.keystore_of(record)?.remove(record) {
            Ok(()) => Ok(true),
            Err(KeystoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn open_once<'f>(cell: &'f OnceCell<PrivateFolder>, path: &Path) -> Result<&'f PrivateFolder, VaultError> {
    if let Some(folder) = cell.get() {
        return Ok(folder);
    }
    let folder = PrivateFolder::open(path)?;
    Ok(cell.get_or_init(|| folder))
}

/// Whether nothing is there: a link that leads nowhere, or a folder that cannot be looked into, may hide something.
fn is_absent(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// What a file of ours says which keystore was chosen; that there is none is known without opening the folder.
fn recorded(data: &Path, file: &str) -> Result<Option<String>, VaultError> {
    if is_absent(&data.join(file)) {
        return Ok(None);
    }
    let content = PrivateFolder::open(data)?.read(file)?;
    Ok(content.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
}

fn key_record(profile: &ProfileName) -> RecordName {
    RecordName::new("key", profile.as_str())
}

fn device_record(name: &str) -> RecordName {
    RecordName::new(DEVICE, name)
}
