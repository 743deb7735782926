//! How lines of the log are tied to each other, and the head to the last of them.

use std::io::{self, BufRead, Read};

use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::rotation::ClosedLog;
use crate::vault::cache_key::hex;

/// What the first line is tied to.
const BEGINNING: &str = "mfavault audit log 1";
const VERSION: u32 = 1;
/// Longer than any line of ours.
pub(super) const LONGEST_LINE: u64 = 4 << 20;

/// Reads a line with its line feed, or what there is of it; says whether there was anything.
///
/// # Errors
/// If the system refuses, then its error.
pub(super) fn next_line(log: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(log.take(LONGEST_LINE).read_until(b'\n', line)? > 0)
}

/// The SHA-256 of a line with its line feed: what `sha256sum` says of it.
pub(super) fn hash(line: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, line).as_ref())
}

/// The SHA-256 of all that is read: what `sha256sum` says of a file.
///
/// # Errors
/// If the system refuses, then its error.
pub(super) fn hash_of_all(mut from: impl BufRead) -> io::Result<String> {
    let mut context = digest::Context::new(&digest::SHA256);
    loop {
        let bytes = from.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hex(context.finish().as_ref()));
        }
        context.update(bytes);
        let count = bytes.len();
        from.consume(count);
    }
}

/// A line, as the next one knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) hash: String,
}

impl Link {
    /// What stands before the first line.
    pub(super) fn beginning() -> Self {
        Link { seq: 0, hash: BEGINNING.to_owned() }
    }
}

/// What a line says of its place.
pub(super) struct Ties {
    pub(super) seq: u64,
    pub(super) previous: String,
    /// All that it says.
    pub(super) content: Map<String, Value>,
}

impl Ties {
    /// Nothing if it is no line of ours.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        let content: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let seq = content.get("seq")?.as_u64()?;
        let previous = content.get("previous")?.as_str()?.to_owned();
        Some(Ties { seq, previous, content })
    }

    /// Whether it was written right after that line.
    pub(super) fn follow(&self, link: &Link) -> bool {
        link.seq.checked_add(1) == Some(self.seq) && self.previous == link.hash
    }
}

/// What is known of the end of the log apart from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    version: u32,
    pub(super) seq: u64,
    pub(super) hash: String,
    /// How many bytes the log has, up to that line's end.
    pub(super) length: u64,
}

impl Head {
    pub(super) fn of(link: Link, length: u64) -> Self {
        Head { version: VERSION, seq: link.seq, hash: link.hash, length }
    }

    pub(super) fn link(&self) -> Link {
        Link { seq: self.seq, hash: self.hash.clone() }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("invariant: the head has text keys only");
        bytes.push(b'\n');
        bytes
    }
}

/// The head as it was found.
pub(super) enum HeadFile {
    /// There is none, as before the first line.
    Absent,
    /// It is not one of ours.
    Unreadable,
    /// What it knows.
    There(Head),
}

impl HeadFile {
    /// What the content of the file says of a log that begins with this line.
    pub(super) fn of(content: Option<&[u8]>, first_line: &[u8]) -> Self {
        let Some(content) = content else { return HeadFile::Absent };
        // Between the new log and its head: this one is still the closed log's, and knows nothing of the new one.
        if ClosedLog::of(first_line).is_some_and(|closed| closed.head == Some(hash(content))) {
            return HeadFile::There(Head::of(Link::beginning(), 0));
        }
        let head: Option<Head> = serde_json::from_slice(content).ok();
        head.filter(|head| head.version == VERSION).map_or(HeadFile::Unreadable, HeadFile::There)
    }
}
