//! Closing the log under its date, and beginning another one, whose first line vouches for it; reading back along these.
//!
//! A copy gets the date, is on the disk, and only then the new log takes the old one's place, in one step; last comes the
//! head. Whatever stops it in between, there is one log, and it is whole.

use std::{collections::BTreeSet, io::ErrorKind, path::PathBuf, time::SystemTime};

use serde::{Deserialize, Serialize};

use super::{
    AuditEvent, AuditVerdict, HEAD, LOCK, LOG,
    chain::{Head, Link, Ties, hash, hash_of_all},
    first_line,
};
use crate::{
    atomic_file::{FileError, PrivateFolder},
    rfc3339,
    vault::{Vault, VaultError},
};

const EVENT: &str = "log_rotated";
/// How names of closed logs begin and end.
const CLOSED: (&str, &str) = ("audit-", ".jsonl");

/// A log that was closed, as the first line of the next one has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedLog {
    /// Its name in the same folder; none if there was no file any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The SHA-256 of the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// How many lines it had.
    pub lines: u64,
    /// The hash of the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_hash: Option<String>,
    /// Whether it was as it was written.
    pub whole: bool,
    /// What was wrong with it, if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What was wrong with one before it: known even where those in between are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier_fault: Option<String>,
    /// The SHA-256 of its head, by which that is known where a crash left it beside the new log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) head: Option<String>,
}

/// A closed log that is looked at later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierLog {
    /// What was written down of it.
    pub log: ClosedLog,
    /// How it is now.
    pub state: ClosedState,
}

/// How a closed log is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedState {
    /// As when it was closed.
    AsClosed,
    /// Another one.
    Changed,
    /// Not where it was.
    Missing,
    /// There, and no log names it: the one that did is gone or changed, or a rotation was killed.
    Unnamed,
}

impl ClosedLog {
    /// What the first line of a log says of the one before; nothing if there was none.
    pub(super) fn of(first_line: &[u8]) -> Option<Self> {
        let content = Ties::of(first_line)?.content;
        (content.get("event")?.as_str()? == EVENT).then_some(())?;
        serde_json::from_value(content.into()).ok()
    }
}

impl Vault<'_> {
    /// Closes the log, as whole as it is, and begins a new one that says so in its first line. Gives the file of the closed
    /// log, if there was one, and how it was; does nothing where there never was a log.
    ///
    /// # Errors
    /// If a file cannot be read or written, then `File`; the log is then the old one or the new one.
    pub fn rotate_audit(&self, now: SystemTime) -> Result<(Option<PathBuf>, AuditVerdict), VaultError> {
        let folder = self.state()?;
        let _lock = folder.lock(LOCK)?;
        let verdict = self.read_audit(&mut |_| ())?;
        let (head, file) = (folder.read(HEAD)?, folder.open_grown(LOG)?);
        if head.is_none() && file.is_none() && verdict.fault.is_none() {
            return Ok((None, verdict));
        }
        // Whatever became of the file, a name that a log has is not given again.
        let earlier = self.earlier_audit_logs(verdict.closed.as_ref()).unwrap_or_default();
        let taken: BTreeSet<String> = earlier.into_iter().filter_map(|earlier| earlier.log.file).collect();
        let mut closed = ClosedLog {
            file: None,
            sha256: None,
            lines: verdict.lines,
            last_hash: verdict.last_hash.clone(),
            whole: verdict.fault.is_none(),
            fault: verdict.fault.as_ref().map(ToString::to_string),
            earlier_fault: verdict.closed.clone().and_then(|before| before.fault.or(before.earlier_fault)),
            head: head.as_deref().map(hash),
        };
        if let Some(file) = file {
            let name = kept(&rfc3339::format(now), &taken, |name| file.copy_as(name))?;
            // Of the copy: that is what will be there.
            closed.sha256 = hash_of(folder, &name)?;
            closed.file = Some(name);
        }
        let line = self.line(now, &AuditEvent::LogRotated(&closed), &Link::beginning());
        folder.write(LOG, &line)?;
        // Never before the log: until then the first line says whose head this is.
        folder.write(HEAD, &Head::of(Link { seq: 1, hash: hash(&line) }, line.len() as u64).to_bytes())?;
        Ok((closed.file.map(|name| folder.path().join(name)), verdict))
    }

    /// The logs that were closed before this one, newest first, as far back as one names the next; then those that are there
    /// and that none names.
    ///
    /// # Errors
    /// If one that is there cannot be read, then `File`.
    pub fn earlier_audit_logs(&self, newest: Option<&ClosedLog>) -> Result<Vec<EarlierLog>, VaultError> {
        let (mut earlier, mut seen, mut next) = (Vec::new(), BTreeSet::new(), newest.cloned());
        while let Some(log) = next.take() {
            let name = log.file.clone().filter(|name| is_closed(name));
            let folder = self.state()?;
            let state = match name.as_deref().map_or(Ok(None), |name| hash_of(folder, name)) {
                Ok(None) => ClosedState::Missing,
                Ok(found) if found == log.sha256 => ClosedState::AsClosed,
                // A link is another file than the one that was closed.
                Ok(Some(_)) | Err(VaultError::File(FileError::Unsafe { .. })) => ClosedState::Changed,
                Err(error) => return Err(error),
            };
            if let (Some(name), true) = (name, state == ClosedState::AsClosed)
                && seen.insert(name.clone())
                && let Some(file) = folder.open_grown(&name)?
            {
                next = ClosedLog::of(&first_line(&file)?);
            }
            earlier.push(EarlierLog { log, state });
        }
        earlier.extend(self.unnamed_audit_logs(&earlier, newest)?);
        Ok(earlier)
    }

    /// The closed logs that are not among these, newest first; none while one is closed, or if one was since `newest` was
    /// read: it is there before a log names it.
    fn unnamed_audit_logs(
        &self,
        named: &[EarlierLog],
        newest: Option<&ClosedLog>,
    ) -> Result<Vec<EarlierLog>, VaultError> {
        if !self.has_state() {
            return Ok(Vec::new());
        }
        let folder = self.state()?;
        let is_named = |name: &String| named.iter().any(|earlier| earlier.log.file.as_ref() == Some(name));
        let unnamed: Vec<_> = closed_names(folder)?.into_iter().rev().filter(|name| !is_named(name)).collect();
        if unnamed.is_empty() || self.is_locked(LOCK) {
            return Ok(Vec::new());
        }
        let first = folder.open_grown(LOG)?.map(|file| first_line(&file)).transpose()?.unwrap_or_default();
        if ClosedLog::of(&first).as_ref() != newest {
            return Ok(Vec::new());
        }
        let entry = |name| EarlierLog {
            log: ClosedLog { file: Some(name), ..ClosedLog::default() },
            state: ClosedState::Unnamed,
        };
        Ok(unnamed.into_iter().map(entry).collect())
    }
}

/// The names of closed logs, whichever log names them, oldest first.
pub(super) fn closed_names(folder: &PrivateFolder) -> Result<BTreeSet<String>, FileError> {
    Ok(folder.names()?.into_iter().filter(|name| is_closed(name)).collect())
}

fn is_closed(name: &str) -> bool {
    name.starts_with(CLOSED.0) && name.ends_with(CLOSED.1) && !name.contains('/')
}

/// The first name of this time that is free, once the log is kept under it.
fn kept(
    time: &str,
    taken: &BTreeSet<String>,
    keep: impl Fn(&str) -> Result<(), FileError>,
) -> Result<String, FileError> {
    let time = time.replace(':', "");
    let mut number = 1;
    loop {
        let which = if number == 1 { String::new() } else { format!("-{number}") };
        let name = format!("{}{time}{which}{}", CLOSED.0, CLOSED.1);
        if taken.contains(&name) {
            number += 1;
            continue;
        }
        match keep(&name) {
            Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => number += 1,
            kept => return kept.map(|()| name),
        }
    }
}

/// None if there is no such file.
fn hash_of(folder: &PrivateFolder, name: &str) -> Result<Option<String>, VaultError> {
    let Some(file) = folder.open_grown(name)? else { return Ok(None) };
    let content = file.part(0, file.length()?)?;
    Ok(Some(hash_of_all(content).map_err(|error| file.unreadable(error))?))
}
