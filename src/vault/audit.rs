//! The log of what was done here: lines of JSON, each with the hash of the one before it. No secret is ever in it.
//!
//! `audit.jsonl` grows by whole lines, each on the disk before what it tells of leaves this process. `audit.head`
//! knows the last one, so that a log that was cut off is known, too; it is written after the line, and may know one
//! less after a crash. A line is `seq`, `time`, `event` with its fields, `pid`, `command`, and `previous`: the SHA-256
//! of the line before, line feed included, as `sha256sum` has it. A log that was closed lies beside it under its date;
//! the first line of the one after it has its hash.

mod chain;
mod reading;
mod rotation;

use std::time::SystemTime;

use serde::{Serialize, Serializer};
use serde_json::Value;

use self::{
    chain::{Head, HeadFile, LONGEST_LINE, Link, Ties, hash, next_line},
    rotation::closed_names,
};
pub use self::{
    reading::{AuditFault, AuditLine, AuditVerdict, Tampering},
    rotation::{ClosedLog, ClosedState, EarlierLog},
};
use super::{Vault, VaultError};
use crate::{
    atomic_file::{GrowingFile, PrivateFolder},
    mfa::SerialNumber,
    profile::ProfileName,
    rfc3339,
};

const LOG: &str = "audit.jsonl";
const HEAD: &str = "audit.head";
const LOCK: &str = "audit.lock";

/// What was done, and to what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AuditEvent<'a> {
    /// A code was made, or two in a row, and is about to go out.
    CodeMade {
        /// The device's local name.
        device: &'a str,
        /// What AWS knows it by.
        #[serde(skip_serializing_if = "Option::is_none")]
        serial_number: Option<&'a SerialNumber>,
        /// What for, such as `mfavault code` or `GetSessionToken for prod`.
        purpose: &'a str,
    },
    /// A service gave session credentials.
    SessionIssued {
        /// For which profile.
        profile: &'a ProfileName,
        /// By which API operation.
        operation: &'a str,
        /// The masked ID of the session's key.
        access_key_id: String,
        /// Whether policies see MFA in it.
        mfa: bool,
        /// Until when.
        #[serde(serialize_with = "as_rfc3339")]
        expiration: SystemTime,
    },
    /// IAM Identity Center gave a token to somebody who signed in, or a new one for an old one.
    SignedIn {
        /// Where.
        start_url: &'a str,
        /// Until when.
        #[serde(serialize_with = "as_rfc3339")]
        expiration: SystemTime,
    },
    /// A device came, went, or is another one at AWS.
    DeviceChanged {
        /// Its local name.
        device: &'a str,
        /// What AWS knows it by.
        #[serde(skip_serializing_if = "Option::is_none")]
        serial_number: Option<&'a SerialNumber>,
        /// What was done, such as `enabled`, `imported`, `restored`, `removed`.
        change: &'a str,
    },
    /// A long-term key came, went, or is another one at AWS.
    KeyChanged {
        /// Whose it is.
        profile: &'a ProfileName,
        /// Its masked ID.
        access_key_id: String,
        /// What was done, such as `added`, `created`, `deactivated`, `deleted`, `removed`.
        change: &'a str,
    },
    /// Seeds or keys left the vault: in the clear, or in a backup.
    Exported {
        /// How, such as `otpauth` or `backup`.
        format: &'a str,
        /// What: local names of devices, and profiles.
        names: &'a [String],
    },
    /// Where or how secrets rest was changed.
    KeystoreChanged {
        /// Which keystore.
        keystore: &'a str,
        /// What was done, such as `unlocked`, `moved to`, `passphrase changed`.
        change: &'a str,
    },
    /// The log itself was not as it should be when the next line came.
    LogMended {
        /// What was wrong with it.
        reason: &'a str,
    },
    /// The log before this one was closed; always the first line.
    LogRotated(&'a ClosedLog),
}

/// Larger lines are shortened; far from what a reader takes.
const LONGEST_WRITTEN: usize = 1 << 20;
/// Names beyond this many bytes go into a line of their own.
const NAMES_IN_A_LINE: usize = 64 << 10;
/// What is left of a text that made a line too large.
const SHORTENED: usize = 1 << 10;

/// A line as it is written.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    time: String,
    #[serde(flatten)]
    event: &'a AuditEvent<'a>,
    pid: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    command: &'a str,
    previous: &'a str,
}

impl Vault<'_> {
    /// Says which command it is that opened the vault, such as `mfa enable`, for the log.
    #[must_use]
    pub fn opened_by(self, command: String) -> Self {
        Vault { command, ..self }
    }

    /// Appends a line to the log; called before what it tells of leaves this process. It is on the disk when this
    /// returns.
    ///
    /// # Errors
    /// If the log cannot be written, then `File`; whoever asked must then not go on.
    pub fn audit(&self, now: SystemTime, event: &AuditEvent<'_>) -> Result<(), VaultError> {
        self.audit_all(now, std::slice::from_ref(event))
    }

    /// As [`Vault::audit`], a line each, all of them or none.
    ///
    /// # Errors
    /// As [`Vault::audit`].
    pub fn audit_all(&self, now: SystemTime, events: &[AuditEvent<'_>]) -> Result<(), VaultError> {
        if events.is_empty() {
            return Ok(());
        }
        let folder = self.state()?;
        let _lock = folder.lock(LOCK)?;
        let mut file = folder.open_growing(LOG)?;
        let End { mut link, mut length, mut added, mended } = end(folder, &file)?;
        let mut add = |event: &AuditEvent<'_>| {
            let line = self.line(now, event, &link);
            link = Link { seq: link.seq + 1, hash: hash(&line) };
            added.extend(line);
        };
        if let Some(reason) = mended {
            add(&AuditEvent::LogMended { reason });
        }
        events.iter().for_each(|event| in_lines(event, &mut add));
        file.append(&added)?;
        length += added.len() as u64;
        // Never before the line: a head that knows more than the log says that somebody cut it off.
        Ok(folder.write_soon(HEAD, &Head::of(link, length).to_bytes())?)
    }

    /// The line of an event, with its line feed, after another one.
    fn line(&self, now: SystemTime, event: &AuditEvent<'_>, link: &Link) -> Vec<u8> {
        let line = Line {
            seq: link.seq + 1,
            time: rfc3339::format(now),
            event,
            pid: std::process::id(),
            command: &self.command,
            previous: &link.hash,
        };
        let invariant = "invariant: an event has text keys only";
        let mut bytes = serde_json::to_vec(&line).expect(invariant);
        if bytes.len() > LONGEST_WRITTEN {
            let mut line = serde_json::to_value(&line).expect(invariant);
            shorten(&mut line);
            bytes = serde_json::to_vec(&line).expect(invariant);
        }
        bytes.push(b'\n');
        bytes
    }
}

/// Splits what has too many names for one line.
fn in_lines(event: &AuditEvent<'_>, add: &mut impl FnMut(&AuditEvent<'_>)) {
    let AuditEvent::Exported { format, names } = event else { return add(event) };
    let mut rest = *names;
    loop {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|name| {
            bytes += name.len();
            bytes <= NAMES_IN_A_LINE
        });
        let (these, others) = rest.split_at(fitting.count().max(1).min(rest.len()));
        add(&AuditEvent::Exported { format, names: these });
        rest = others;
        if rest.is_empty() {
            return;
        }
    }
}

/// Cuts long texts: a name in a file of somebody else's may have any length.
fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > SHORTENED => {
            text.truncate(text.floor_char_boundary(SHORTENED));
            text.push('…');
        }
        Value::Array(values) => values.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

/// Where the next line goes.
struct End {
    /// What it is tied to.
    link: Link,
    /// How long the log is.
    length: u64,
    /// What has to stand before it.
    added: Vec<u8>,
    /// What was wrong with the log.
    mended: Option<&'static str>,
}

/// Finds the end of the log: by its head, and after a crash by the lines that the head does not know. A log that was
/// tampered with is left as it is, and what comes next is not tied to it: that is how it shows.
fn end(folder: &PrivateFolder, file: &GrowingFile<'_>) -> Result<End, VaultError> {
    let length = file.length()?;
    let head = folder.read(HEAD)?;
    let (mut link, from, mut mended) = match head_beside(folder, head.as_deref(), &first_line(file)?)? {
        HeadFile::There(head) if length < head.length => {
            // Perhaps within a line, which must not run into the next.
            let is_torn = length > 0 && !ends_a_line(file, length)?;
            let added = if is_torn { vec![b'\n'] } else { Vec::new() };
            return Ok(End { link: head.link(), length, added, mended: Some("lines were cut off its end") });
        }
        HeadFile::There(head) => (head.link(), head.length, None),
        HeadFile::Unreadable => (Link::beginning(), 0, Some("its head could not be read, or was gone")),
        HeadFile::Absent => (Link::beginning(), 0, None),
    };
    let (mut at, mut line) = (from, Vec::new());
    let mut rest = file.part(from, length)?;
    while next_line(&mut rest, &mut line).map_err(|error| file.unreadable(error))? && line.ends_with(b"\n") {
        // After a crash at the first line there is no head; later there is one.
        if from == 0 && at > 0 && mended.is_none() {
            mended = Some("its head was gone");
        }
        at += line.len() as u64;
        if let Some(ties) = Ties::of(&line).filter(|ties| ties.follow(&link)) {
            link = Link { seq: ties.seq, hash: hash(&line) };
        }
    }
    if at < length {
        file.cut_to(at)?;
        mended = Some("a line was half-written, and is taken off");
    }
    Ok(End { link, length: at, added: Vec::new(), mended })
}

/// The head of the log that begins with this line. Where there is neither a line nor a head, closed logs tell that there was
/// a log.
fn head_beside(folder: &PrivateFolder, content: Option<&[u8]>, first_line: &[u8]) -> Result<HeadFile, VaultError> {
    let head = HeadFile::of(content, first_line);
    let is_nothing = matches!(head, HeadFile::Absent) && first_line.is_empty();
    Ok(if is_nothing && !closed_names(folder)?.is_empty() { HeadFile::Unreadable } else { head })
}

fn first_line(file: &GrowingFile<'_>) -> Result<Vec<u8>, VaultError> {
    let mut line = Vec::new();
    next_line(&mut file.part(0, LONGEST_LINE)?, &mut line).map_err(|error| file.unreadable(error))?;
    Ok(line)
}

fn ends_a_line(file: &GrowingFile<'_>, length: u64) -> Result<bool, VaultError> {
    let mut last = Vec::new();
    next_line(&mut file.part(length - 1, length)?, &mut last).map_err(|error| file.unreadable(error))?;
    Ok(last == b"\n")
}

fn as_rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339::format(*time))
}
