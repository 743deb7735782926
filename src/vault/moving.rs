//! Moving what the vault holds to another keystore: copied, read back, compared; then the other keystore is the vault's,
//! and the records of before go.
//!
//! The journal is there before the first copy, and the last thing to go. What is recorded as the choice of keystore
//! decides: until it changes, the source is whole and what was copied is undone; from then on the target is, and what
//! is left at the source is cleaned up. Whoever comes between finds everything in the one or in the other.

mod journal;
mod part;

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, SystemTime},
};

pub use journal::PendingMove;
use journal::{Journal, Way};

use super::{
    AuditEvent, CHOICE, DEVICE, ENROLMENT_LOCK, INDEX_LOCK, Index, ROTATION_LOCK, SEED_CHOICE, Vault, VaultError,
};
use crate::{
    atomic_file::PrivateFolder,
    keystore::{Keystore, KeystoreError, RecordName},
    secret::SecretBytes,
};

/// How long another command may take to finish before a person is told what is awaited.
const PATIENCE: Duration = Duration::from_secs(2);

/// What would move from one keystore to another, by the index alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// From where.
    pub from: &'static str,
    /// What, as the index there has it.
    pub part: Index,
    way: Way,
}

/// What was moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// How many records.
    pub records: usize,
    /// Keys and devices that an index named and the keystore did not hold: they are named no more.
    pub gone: Vec<RecordName>,
    /// Sessions and sign-ins that could not be read: forgotten, for they can be obtained anew.
    pub unreadable: Vec<RecordName>,
}

/// How a move that an earlier run left was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// From where it went.
    pub from: String,
    /// Where to.
    pub to: String,
    /// Whether it was finished; else all that it had copied is gone again.
    pub finished: bool,
    /// Records that came to stand at the source after the move: they stay there.
    pub kept: Vec<RecordName>,
}

impl Vault<'_> {
    /// The move that was begun and is not finished, if there is one.
    ///
    /// # Errors
    /// If the journal is not safely ours, then `File`; if it cannot be read, then `Damaged`.
    pub fn pending_move(data: &Path) -> Result<Option<PendingMove>, VaultError> {
        match PrivateFolder::open_if_present(data)? {
            Some(folder) => Ok(Journal::read(&folder)?.map(|journal| journal.pending())),
            None => Ok(None),
        }
    }

    /// What a move would take along, one leg for each keystore that it comes from: everything, or only the devices.
    /// Opens no keystore; nothing is left to be done if there is no leg.
    ///
    /// # Errors
    /// As [`Vault::index`]; if what is recorded is in a keystore that is neither, then `WouldHide`.
    pub fn legs(&self, to: &str, seeds_only: bool) -> Result<Vec<Leg>, VaultError> {
        self.check_nothing_is_hidden(to, seeds_only)?;
        let (main, indexes) = (self.keystore.name(), self.indexes()?);
        if !seeds_only {
            let leg = Leg { from: main, part: indexes.main, way: Way::All };
            let is_chosen = super::recorded(&self.data_path, CHOICE)?.as_deref() == Some(to);
            let is_done = main == to || (leg.part.is_empty() && is_chosen);
            return Ok(if is_done { Vec::new() } else { vec![leg] });
        }
        let recorded = super::recorded(&self.data_path, SEED_CHOICE)?;
        let mut legs = Vec::new();
        if let (Some(seeds), Some(index)) = (&self.seeds, indexes.seeds) {
            let way = if to == main { Way::Back } else { Way::Over };
            legs.push(Leg { from: seeds.keystore.name(), part: index.of_devices(), way });
        }
        legs.push(Leg { from: main, part: indexes.main.of_devices(), way: Way::Apart });
        legs.retain(|leg| leg.from != to && !leg.part.devices.is_empty());
        let wanted = (to != main).then_some(to);
        if legs.is_empty() && recorded.as_deref() != wanted {
            // Only where new ones go changes.
            let from = self.seeds.as_ref().map_or(self.keystore, |seeds| seeds.keystore).name();
            let way = if to == main { Way::Back } else { Way::Over };
            legs.push(Leg { from, part: Index::new(), way });
        }
        Ok(legs)
    }

    /// A move ends with the target being recorded. What is recorded now, and does not move along, must not be left behind.
    fn check_nothing_is_hidden(&self, to: &str, seeds_only: bool) -> Result<(), VaultError> {
        let seeds = self.seeds.as_ref().filter(|_| seeds_only).map(|seeds| seeds.keystore.name());
        let Some(keystore) = super::recorded(&self.data_path, if seeds_only { SEED_CHOICE } else { CHOICE })? else {
            return Ok(());
        };
        if [Some(to), Some(self.keystore.name()), seeds].contains(&Some(keystore.as_str())) {
            return Ok(());
        }
        let there = Vault::index_of(&self.data_path, &keystore)?;
        match if seeds_only { there.devices.is_empty() } else { there.is_empty() } {
            true => Ok(()),
            false => Err(VaultError::WouldHide { keystore, seeds_only }),
        }
    }

    /// Ends the move that an earlier run left, if it left one: finishes it, or undoes what it had copied.
    ///
    /// `others` are the keystores there are; `say` is called once if another command has to be waited for.
    ///
    /// # Errors
    /// As [`Vault::pending_move`], and as [`Keystore::get`] and [`Keystore::remove`] of the two keystores.
    pub fn settle_move(&self, others: &[&dyn Keystore], say: &dyn Fn()) -> Result<Option<Settled>, VaultError> {
        if Vault::pending_move(&self.data_path)?.is_none() {
            return Ok(None);
        }
        self.open_pending(others)?;
        let _ceremonies = self.no_ceremony(say)?;
        let folder = self.data()?;
        let _lock = folder.lock(INDEX_LOCK)?;
        self.settle(folder, others)
    }

    /// Moves everything, or only the devices, to another keystore, one leg after the other.
    ///
    /// # Errors
    /// If the target has something else under the same name, then `MoveConflict`, and nothing was written; if it fails
    /// later, then its error, and all that was copied is gone again; if what remains cannot be done now, then
    /// `MoveUnfinished`, and the next run goes on.
    pub fn move_to(
        &self,
        to: &str,
        seeds_only: bool,
        others: &[&dyn Keystore],
        now: SystemTime,
        say: &dyn Fn(),
    ) -> Result<Moved, VaultError> {
        self.check_place(true)?;
        self.open_legs(to, seeds_only, others)?;
        let _ceremonies = self.no_ceremony(say)?;
        let folder = self.data()?;
        let _lock = folder.lock(INDEX_LOCK)?;
        self.check_place(true)?;
        self.settle(folder, others)?;
        let mut moved = Moved::default();
        for leg in self.legs(to, seeds_only)? {
            let target = self.find(to, others)?;
            let source = self.find(leg.from, others)?;
            let done = self.carry(folder, source, target, &leg, now)?;
            moved.records += done.records;
            moved.gone.extend(done.gone);
            moved.unreadable.extend(done.unreadable);
        }
        Ok(moved)
    }

    /// Opens both keystores of a move, while others can still work: a person takes as long as it takes.
    fn open_legs(&self, to: &str, seeds_only: bool, others: &[&dyn Keystore]) -> Result<(), VaultError> {
        for leg in self.legs(to, seeds_only)? {
            let record = leg.part.records().into_iter().next().unwrap_or_else(nowhere);
            self.find(leg.from, others)?.open(&record, false)?;
            self.find(to, others)?.open(&record, true)?;
        }
        Ok(())
    }

    /// The same for the move that an earlier run left.
    fn open_pending(&self, others: &[&dyn Keystore]) -> Result<(), VaultError> {
        if let Some(journal) = Journal::read(self.data()?)? {
            let record = journal.record();
            self.find(&journal.from, others)?.open(&record, false)?;
            self.find(&journal.to, others)?.open(&record, false)?;
        }
        Ok(())
    }

    /// Sessions in a keystore of their own belong to those beside them: nobody would find them there, and they go.
    fn lose_sessions_apart(&self, part: &Index) {
        let Some(sessions) = &self.sessions else { return };
        for (key, _) in part.sessions.iter().filter(|(_, entry)| entry.apart) {
            // It ends by itself, too.
            let _ = sessions.keystore.remove(&RecordName::new("session", key));
        }
    }

    /// Long ceremonies hold these: what they are about is not to move beneath them.
    fn no_ceremony(&self, say: &dyn Fn()) -> Result<[crate::atomic_file::FileLock; 2], VaultError> {
        let enrolment = self.lock_or_say(ENROLMENT_LOCK, PATIENCE, say)?;
        Ok([enrolment, self.lock_or_say(ROTATION_LOCK, PATIENCE, say)?])
    }

    /// A keystore by its name, the one that is open already if there is one: nobody is asked for a passphrase twice.
    fn find<'k>(&'k self, name: &str, others: &[&'k dyn Keystore]) -> Result<&'k dyn Keystore, VaultError> {
        let seeds = self.seeds.as_ref().map(|seeds| seeds.keystore);
        let mut all = [Some(self.keystore), seeds].into_iter().flatten().chain(others.iter().copied());
        let missing = || Journal::damaged(&self.data_path, "it names a keystore that is not known here".to_owned());
        all.find(|keystore| keystore.name() == name).ok_or_else(missing)
    }

    fn settle(&self, folder: &PrivateFolder, others: &[&dyn Keystore]) -> Result<Option<Settled>, VaultError> {
        let Some(journal) = Journal::read(folder)? else { return Ok(None) };
        let from = self.find(&journal.from, others)?;
        let to = self.find(&journal.to, others)?;
        let (finished, kept) = match journal.is_switched(folder)? {
            true => (true, journal.finish(folder, from, to, true)?),
            false => {
                journal.undo(folder, from, to)?;
                (false, Vec::new())
            }
        };
        Ok(Some(Settled { from: journal.from, to: journal.to, finished, kept }))
    }

    fn carry(
        &self,
        folder: &PrivateFolder,
        from: &dyn Keystore,
        to: &dyn Keystore,
        leg: &Leg,
        now: SystemTime,
    ) -> Result<Moved, VaultError> {
        let taken = Taken::read(from, to, leg, &Index::read(folder, to.name())?)?;
        let (moved, copies) = (taken.moved(), taken.copies);
        let choice_before =
            folder.read(leg.way.choice())?.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        let mut journal = Journal::new([from.name(), to.name()], leg.way, choice_before, taken.entries);
        (journal.gone, journal.there) = (taken.gone, taken.there);
        journal.write(folder)?;
        let copied = copy(to, &copies).and_then(|()| {
            let change = format!("{}moved to {}", if leg.way == Way::All { "" } else { "seeds " }, to.name());
            self.audit(now, &AuditEvent::KeystoreChanged { keystore: from.name(), change: &change })?;
            leave_out(folder, from, &moved.unreadable)?;
            journal.enter(folder)
        });
        if let Err(error) = copied {
            // What cannot be undone now, the next run undoes: the journal stays.
            return Err(match journal.undo(folder, from, to) {
                Ok(()) => error,
                Err(_) => journal.unfinished(error),
            });
        }
        self.lose_sessions_apart(&leg.part);
        let finished = journal.switch(folder).and_then(|()| journal.finish(folder, from, to, false));
        finished.map_err(|error| journal.unfinished(error))?;
        Ok(moved)
    }
}

/// What was read at the source, held against what the target has.
struct Taken {
    entries: Index,
    /// What the index names and the source does not hold.
    gone: Index,
    /// What the target has already, the same.
    there: BTreeSet<String>,
    /// What is to be written there.
    copies: Vec<(RecordName, SecretBytes)>,
    /// What is only remembered, and damaged.
    unreadable: Vec<RecordName>,
}

impl Taken {
    fn read(from: &dyn Keystore, to: &dyn Keystore, leg: &Leg, to_index: &Index) -> Result<Self, VaultError> {
        let (mut missing, mut there, mut copies) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let mut unreadable = Vec::new();
        let mut others = leg.part.clashes(to_index);
        let records = leg.part.records();
        if records.is_empty() {
            // Nothing shows whether it can be used, and from now on it will be.
            drop(found(to.get(&nowhere()))?);
        }
        for record in records {
            let content = match from.get(&record) {
                Err(KeystoreError::Corrupt { .. }) if is_remembered(&record) => {
                    unreadable.push(record);
                    continue;
                }
                content => found(content)?,
            };
            let Some(content) = content else {
                missing.insert(record);
                continue;
            };
            match found(to.get(&record))? {
                Some(same) if same == content => {
                    there.insert(record.to_string());
                }
                // What is only remembered is as good there as here.
                Some(_) if !is_remembered(&record) => others.push(record.to_string()),
                _ => copies.push((record, content)),
            }
        }
        if !others.is_empty() {
            return Err(VaultError::MoveConflict { keystore: to.name(), names: others });
        }
        let (mut entries, mut gone) = (leg.part.clone(), leg.part.of_keys_and_devices());
        // Of a session that is kept elsewhere, or a rotation that was just begun, there is nothing but the entry.
        let is_gone = |record: &RecordName| missing.contains(record) && is_entrusted(record);
        entries.retain_records(|record| !is_gone(record) && !unreadable.contains(record));
        gone.retain_records(is_gone);
        Ok(Taken { entries, gone, there, copies, unreadable })
    }

    fn moved(&self) -> Moved {
        let records = self.copies.len() + self.there.len();
        Moved { records, gone: self.gone.records(), unreadable: self.unreadable.clone() }
    }
}

/// No record, for a keystore that is asked whether it can be.
fn nowhere() -> RecordName {
    RecordName::new(DEVICE, "")
}

/// Whether it can be had again, so that another one of the name is as good.
fn is_remembered(record: &RecordName) -> bool {
    matches!(record.kind(), "session" | "sign-in")
}

/// Whether its entry in an index is worth nothing without the record.
fn is_entrusted(record: &RecordName) -> bool {
    matches!(record.kind(), "key" | DEVICE)
}

fn found(answer: Result<SecretBytes, KeystoreError>) -> Result<Option<SecretBytes>, KeystoreError> {
    match answer {
        Ok(content) => Ok(Some(content)),
        Err(KeystoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Forgets what cannot be read at the source. A record that the keystore does not let go of is of no use to anybody.
fn leave_out(folder: &PrivateFolder, from: &dyn Keystore, unreadable: &[RecordName]) -> Result<(), VaultError> {
    if unreadable.is_empty() {
        return Ok(());
    }
    let mut index = Index::read(folder, from.name())?;
    index.retain_records(|record| !unreadable.contains(record));
    index.write(folder, from.name())?;
    for record in unreadable {
        let _ = from.remove(record);
    }
    Ok(())
}

fn copy(to: &dyn Keystore, copies: &[(RecordName, SecretBytes)]) -> Result<(), VaultError> {
    to.put_all(copies)?;
    for (record, content) in copies {
        if to.get(record)? != *content {
            return Err(VaultError::NotReadBack { keystore: to.name(), record: record.clone() });
        }
    }
    Ok(())
}
