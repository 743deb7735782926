//! The journal of a move: what was copied from where to where, without any secret, and what is left to be done by it.

use std::{collections::BTreeSet, path::Path};

use serde::{Deserialize, Serialize};

use super::{found, is_entrusted, is_remembered, nowhere};
use crate::{
    atomic_file::PrivateFolder,
    keystore::{Keystore, RecordName},
    vault::{CHOICE, Index, Part, SEED_CHOICE, VaultError},
};

const FILE: &str = "keystore-move.json";
const VERSION: u32 = 1;

/// What moves which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// Everything that is where the keys are.
    All,
    /// Devices, from where the keys are to a keystore of their own.
    Apart,
    /// Devices, from one keystore of their own to another.
    Over,
    /// Devices, from a keystore of their own to where the keys are.
    Back,
}

impl Way {
    /// The file that decides.
    pub(super) fn choice(self) -> &'static str {
        if self == Way::All { CHOICE } else { SEED_CHOICE }
    }
}

/// A move that is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingMove {
    /// From which keystore.
    pub from: String,
    /// To which.
    pub to: String,
    /// Whether it is about devices alone.
    pub seeds_only: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Journal {
    version: u32,
    pub(super) from: String,
    pub(super) to: String,
    way: Way,
    /// What the file that decides said before.
    choice_before: Option<String>,
    /// What moves, as the source's index has it.
    entries: Index,
    /// What that index names and the source does not hold.
    pub(super) gone: Index,
    /// The records that the target had before, the same: they are not ours to remove there.
    pub(super) there: BTreeSet<String>,
    /// Whether the target has everything, compared.
    copied: bool,
}

impl Journal {
    pub(super) fn new([from, to]: [&str; 2], way: Way, choice_before: Option<String>, entries: Index) -> Self {
        let (from, to, gone, there) = (from.to_owned(), to.to_owned(), Index::new(), BTreeSet::new());
        Journal { version: VERSION, from, to, way, choice_before, entries, gone, there, copied: false }
    }

    pub(super) fn read(folder: &PrivateFolder) -> Result<Option<Self>, VaultError> {
        let Some(bytes) = folder.read(FILE)? else { return Ok(None) };
        let journal: Journal =
            serde_json::from_slice(&bytes).map_err(|error| Self::damaged(folder.path(), error.to_string()))?;
        match journal.version {
            VERSION => Ok(Some(journal)),
            version => {
                let reason = format!("it has version {version}; this mfavault knows version {VERSION}");
                Err(Self::damaged(folder.path(), reason))
            }
        }
    }

    pub(super) fn damaged(data: &Path, reason: String) -> VaultError {
        VaultError::Damaged { what: Part::Move(data.join(FILE)), reason }
    }

    pub(super) fn write(&self, folder: &PrivateFolder) -> Result<(), VaultError> {
        let bytes = serde_json::to_vec_pretty(self).expect("invariant: the journal has text keys only");
        Ok(folder.write(FILE, &bytes)?)
    }

    pub(super) fn pending(&self) -> PendingMove {
        PendingMove { from: self.from.clone(), to: self.to.clone(), seeds_only: self.way != Way::All }
    }

    pub(super) fn unfinished(&self, source: VaultError) -> VaultError {
        let PendingMove { from, to, seeds_only } = self.pending();
        VaultError::MoveUnfinished { from, to, seeds_only, source: Box::new(source) }
    }

    /// Whether what moves is the target's by now: whoever reads and writes does so there.
    pub(super) fn is_switched(&self, folder: &PrivateFolder) -> Result<bool, VaultError> {
        let decided = || -> Result<bool, VaultError> {
            let choice = folder.read(self.way.choice())?;
            Ok(choice.is_some_and(|bytes| String::from_utf8_lossy(&bytes).trim() == self.to))
        };
        let was_chosen_before = self.choice_before.as_ref() == Some(&self.to);
        Ok(self.copied
            && match self.way {
                Way::All | Way::Over if !was_chosen_before => decided()?,
                // The index of the keys' keystore is looked at first.
                Way::Apart => self.entries.named_in(&Index::read(folder, &self.from)?).is_empty(),
                Way::All | Way::Over | Way::Back => {
                    let new = self.new_at_target().records();
                    new.is_empty() || !self.new_at_target().named_in(&Index::read(folder, &self.to)?).is_empty()
                }
            })
    }

    /// One of those that move.
    pub(super) fn record(&self) -> RecordName {
        self.entries.records().into_iter().next().unwrap_or_else(nowhere)
    }

    fn new_at_target(&self) -> Index {
        let mut entries = self.entries.clone();
        entries.retain_records(|record| !self.there.contains(&record.to_string()));
        entries
    }

    /// Names everything in the target's index.
    pub(super) fn enter(&mut self, folder: &PrivateFolder) -> Result<(), VaultError> {
        self.copied = true;
        self.write(folder)?;
        let before = Index::read(folder, &self.to)?;
        let mut index = before.clone();
        index.add(&self.entries);
        if index == before { Ok(()) } else { index.write(folder, &self.to) }
    }

    /// Makes the target the one that is used.
    pub(super) fn switch(&self, folder: &PrivateFolder) -> Result<(), VaultError> {
        match self.way {
            Way::Back => Ok(()),
            way => Ok(folder.write(way.choice(), self.to.as_bytes())?),
        }
    }

    /// Takes away what is left at the source. Of a move that another run began, what came to stand there since stays;
    /// gives what that is.
    pub(super) fn finish(
        &self,
        folder: &PrivateFolder,
        from: &dyn Keystore,
        to: &dyn Keystore,
        by_another: bool,
    ) -> Result<Vec<RecordName>, VaultError> {
        let mut index = Index::read(folder, &self.from)?;
        let mut leaving = self.entries.clone();
        leaving.add(&self.gone);
        let kept = if by_another { newer_at_source(&leaving.named_in(&index), from, to)? } else { Vec::new() };
        leaving.retain_records(|record| !kept.contains(record));
        let before = index.clone();
        index.subtract(&leaving);
        if index != before {
            index.write(folder, &self.from)?;
        }
        let records = leaving.records();
        if by_another {
            self.check_not_the_last(folder, &records, to)?;
        }
        from.remove_all(&records)?;
        from.forget_former_states()?;
        if index == Index::new() {
            Index::remove(folder, &self.from)?;
        }
        self.end_of_seeds_choice(folder)?;
        folder.remove(FILE)?;
        Ok(kept)
    }

    /// Seeds are not apart any more: whoever moves the keys away later does not leave the new ones behind.
    fn end_of_seeds_choice(&self, folder: &PrivateFolder) -> Result<(), VaultError> {
        let ended = match self.way {
            Way::All => &self.to,
            Way::Back => &self.from,
            Way::Apart | Way::Over => return Ok(()),
        };
        let choice = folder.read(SEED_CHOICE)?;
        if choice.is_some_and(|bytes| String::from_utf8_lossy(&bytes).trim() == ended) {
            folder.remove(SEED_CHOICE)?;
        }
        Ok(())
    }

    /// What the target's index names, the target has, or nothing is taken away at the source.
    fn check_not_the_last(
        &self,
        folder: &PrivateFolder,
        records: &[RecordName],
        to: &dyn Keystore,
    ) -> Result<(), VaultError> {
        let (named, gone) = (names(&Index::read(folder, &self.to)?), names(&self.gone));
        let counts = |record: &&RecordName| named.contains(record) && is_entrusted(record) && !gone.contains(record);
        for record in records.iter().filter(counts) {
            if found(to.get(record))?.is_none() {
                return Err(VaultError::NotReadBack { keystore: to.name(), record: record.clone() });
            }
        }
        Ok(())
    }

    /// Takes away what was copied, where the source still has it; what was changed at the target since stays there.
    pub(super) fn undo(
        &self,
        folder: &PrivateFolder,
        from: &dyn Keystore,
        to: &dyn Keystore,
    ) -> Result<(), VaultError> {
        let (source, before) = (Index::read(folder, &self.from)?, Index::read(folder, &self.to)?);
        let copied = self.new_at_target();
        let entered = copied.common(&before);
        let mut leaving = copied.clone();
        let mut stays = BTreeSet::new();
        let (at_source, at_target, as_entered) = (names(&source), names(&before), names(&entered));
        for record in copied.records().into_iter().filter(|record| at_target.contains(record)) {
            let is_at_source =
                || Ok::<_, VaultError>(at_source.contains(&record) && found(from.get(&record))?.is_some());
            if !as_entered.contains(&record) || (!is_at_source()? && found(to.get(&record))?.is_some()) {
                stays.insert(record);
            }
        }
        leaving.retain_records(|record| !stays.contains(record));
        // At once: a store that is one file is not written anew for each.
        to.remove_all(&leaving.records())?;
        to.forget_former_states()?;
        let mut index = before.clone();
        index.subtract(&leaving.common(&before));
        match () {
            () if index == before => {}
            () if index == Index::new() => Index::remove(folder, &self.to)?,
            () => index.write(folder, &self.to)?,
        }
        if self.way == Way::Apart {
            match &self.choice_before {
                Some(choice) => folder.write(SEED_CHOICE, choice.as_bytes())?,
                None => drop(folder.remove(SEED_CHOICE)?),
            }
        }
        folder.remove(FILE)?;
        Ok(())
    }
}

fn names(index: &Index) -> BTreeSet<RecordName> {
    index.records().into_iter().collect()
}

/// What a run that still used the source has put there: what the target has not, or has otherwise.
fn newer_at_source(
    named: &[RecordName],
    from: &dyn Keystore,
    to: &dyn Keystore,
) -> Result<Vec<RecordName>, VaultError> {
    let mut newer = Vec::new();
    for record in named.iter().filter(|record| !is_remembered(record)) {
        if let Some(content) = found(from.get(record))?
            && found(to.get(record))? != Some(content)
        {
            newer.push(record.clone());
        }
    }
    Ok(newer)
}
