//! Reading the log from its beginning: what it says, and the first line that is not as it was written.
//!
//! A line is vouched for by the one after it, the last by the head. So whether a line was changed, or the one that
//! should vouch for it, is known one line later.

use std::{fmt, ops::RangeInclusive};

use serde_json::{Map, Value};

use super::{
    HEAD, LOG,
    chain::{HeadFile, LONGEST_LINE, Link, Ties, hash, next_line},
    first_line, head_beside,
    rotation::ClosedLog,
};
use crate::vault::{Vault, VaultError};

/// A line that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// Counted from 1, as an editor shows it.
    pub number: u64,
    /// All that it says.
    pub content: Map<String, Value>,
}

/// Whether the log is as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditVerdict {
    /// How many lines it has.
    pub lines: u64,
    /// The hash of the last line, if there is one: noted elsewhere, it tells whether the whole log is another one later.
    pub last_hash: Option<String>,
    /// Whether a half-written line stands at the end, which a crash left. Nothing that it tells of happened.
    pub torn: bool,
    /// The first line that is not as it was written.
    pub fault: Option<AuditFault>,
    /// How many bytes it has.
    pub bytes: u64,
    /// The log before it, if its first line names one.
    pub closed: Option<ClosedLog>,
}

/// What is wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFault {
    /// Counted from 1: which line it is, or would be.
    pub line: u64,
    /// What is wrong there.
    pub tampering: Tampering,
}

/// What was done to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// The line is no line of a log.
    NoLine,
    /// The line is not as it was written.
    Changed,
    /// So many lines are missing before this one.
    MissingBefore(u64),
    /// The line stood elsewhere, or stands there as well.
    Moved,
    /// The log was cut off: so many lines are missing from this one on.
    CutOff(u64),
    /// The file that knows the end of the log is gone, or not as it was written: lines may be missing from this one on.
    NoHead,
}

impl fmt::Display for AuditFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        let lines = |count: u64| if count == 1 { "a line is".to_owned() } else { format!("{count} lines are") };
        match &self.tampering {
            Tampering::NoLine => write!(formatter, "line {line} is no line of a log"),
            Tampering::Changed => write!(formatter, "line {line} was changed"),
            Tampering::MissingBefore(count) => write!(formatter, "before line {line} {} missing", lines(*count)),
            Tampering::Moved => write!(formatter, "line {line} was moved there"),
            Tampering::CutOff(count) => {
                write!(formatter, "it was cut off: from line {line} on {} missing", lines(*count))
            }
            Tampering::NoHead => {
                write!(formatter, "its head is gone or another one: from line {line} on lines may be missing")
            }
        }
    }
}

impl Vault<'_> {
    /// Reads the log from its beginning, and gives each line that can be read to `see`. Waits for no lock: only what was
    /// there at the beginning is read.
    ///
    /// # Errors
    /// If the log cannot be read, then `File`; if something in it is wrong, that is no error.
    pub fn read_audit(&self, see: &mut dyn FnMut(AuditLine)) -> Result<AuditVerdict, VaultError> {
        if !self.has_state() {
            return Ok(Checker::default().verdict(&HeadFile::Absent));
        }
        let folder = self.state()?;
        let (head, file) = loop {
            // The head first: whatever it knows stands in the log already, save one that was closed in between.
            let (head, file) = (folder.read(HEAD)?, folder.open_grown(LOG)?);
            if folder.read(HEAD)? == head {
                break (head, file);
            }
        };
        let mut checker = Checker::default();
        let Some(file) = file else { return Ok(checker.verdict(&head_beside(folder, head.as_deref(), b"")?)) };
        let first = first_line(&file)?;
        let head = head_beside(folder, head.as_deref(), &first)?;
        let mut log = file.part(0, file.length()?)?;
        let mut line = Vec::new();
        while next_line(&mut log, &mut line).map_err(|error| file.unreadable(error))? {
            if let Some(content) = checker.take(&line, &head) {
                see(AuditLine { number: checker.lines, content });
            }
        }
        Ok(AuditVerdict { closed: ClosedLog::of(&first), ..checker.verdict(&head) })
    }
}

/// The state of a check, line after line.
struct Checker {
    lines: u64,
    /// Where the next line begins, in bytes.
    at: u64,
    last: Link,
    torn: bool,
    fault: Option<AuditFault>,
    doubt: Option<Doubt>,
}

/// What is not known before later lines are read.
enum Doubt {
    /// This line or the one before it was changed: this one, unless the next vouches for it.
    Which(Link),
    /// These are missing, unless one of them comes later.
    Missing(RangeInclusive<u64>),
}

impl Default for Checker {
    fn default() -> Self {
        Checker { lines: 0, at: 0, last: Link::beginning(), torn: false, fault: None, doubt: None }
    }
}

impl Checker {
    /// Takes the next line, and gives what it says.
    fn take(&mut self, line: &[u8], head: &HeadFile) -> Option<Map<String, Value>> {
        let begin = self.at;
        self.at += line.len() as u64;
        if !line.ends_with(b"\n") && (line.len() as u64) < LONGEST_LINE {
            match head {
                HeadFile::There(head) if begin < head.length => {
                    self.settle(None);
                    self.blame(self.lines + 1, Tampering::CutOff(head.seq.saturating_sub(self.last.seq)));
                }
                _ => self.torn = true,
            }
            return None;
        }
        self.lines += 1;
        let Some(ties) = Ties::of(line) else {
            self.settle(None);
            self.blame(self.lines, Tampering::NoLine);
            self.last = Link { seq: self.last.seq.saturating_add(1), hash: hash(line) };
            return None;
        };
        self.settle(Some(&ties));
        let link = Link { seq: ties.seq, hash: hash(line) };
        self.judge(&ties, &link);
        if let HeadFile::There(head) = head
            && head.seq == ties.seq
            && self.doubt.is_none()
            && (head.hash != link.hash || head.length != self.at)
        {
            self.blame(self.lines, Tampering::Changed);
        }
        self.last = link;
        Some(ties.content)
    }

    fn judge(&mut self, ties: &Ties, link: &Link) {
        if self.fault.is_some() || self.doubt.is_some() || ties.follow(&self.last) {
            return;
        }
        let next = self.last.seq.saturating_add(1);
        if ties.seq == next {
            self.doubt = Some(Doubt::Which(link.clone()));
            self.fault = Some(AuditFault { line: self.lines, tampering: Tampering::Changed });
        } else if ties.previous == self.last.hash {
            self.blame(self.lines, Tampering::Changed);
        } else if ties.seq > next {
            self.fault = Some(AuditFault { line: self.lines, tampering: Tampering::MissingBefore(ties.seq - next) });
            self.doubt = Some(Doubt::Missing(next..=ties.seq - 1));
        } else {
            self.blame(self.lines, Tampering::Moved);
        }
    }

    /// Decides what was in doubt by the line after it.
    fn settle(&mut self, next: Option<&Ties>) {
        let Some(fault) = &mut self.fault else { return };
        match (&self.doubt, next) {
            (Some(Doubt::Which(link)), next) => {
                // The first line has none before it that could have been changed.
                if next.is_some_and(|next| next.previous == link.hash) {
                    fault.line = fault.line.saturating_sub(1).max(1);
                }
                self.doubt = None;
            }
            (Some(Doubt::Missing(missing)), Some(next)) if missing.contains(&next.seq) => {
                fault.tampering = Tampering::Moved;
                self.doubt = None;
            }
            _ => {}
        }
    }

    fn blame(&mut self, line: u64, tampering: Tampering) {
        self.fault.get_or_insert(AuditFault { line, tampering });
    }

    fn verdict(mut self, head: &HeadFile) -> AuditVerdict {
        match head {
            HeadFile::There(head) => {
                if let (Some(Doubt::Which(link)), Some(fault)) = (&self.doubt, &mut self.fault)
                    && link.hash == head.hash
                {
                    fault.line = fault.line.saturating_sub(1).max(1);
                }
                if self.last.seq < head.seq {
                    self.blame(self.lines + 1, Tampering::CutOff(head.seq - self.last.seq));
                }
            }
            HeadFile::Unreadable => self.blame(self.lines + 1, Tampering::NoHead),
            // A crash at the first line leaves it without a head.
            HeadFile::Absent if self.lines > 1 => self.blame(self.lines + 1, Tampering::NoHead),
            HeadFile::Absent => {}
        }
        let last_hash = (self.lines > 0).then_some(self.last.hash);
        let (lines, bytes) = (self.lines, self.at);
        AuditVerdict { lines, last_hash, torn: self.torn, fault: self.fault, bytes, closed: None }
    }
}
