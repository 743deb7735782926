//! Long records in a store that takes short ones only: the parts under names of their own, and a head that counts them.
//!
//! There are two sets of parts, `a` and `b`. A new content goes into the set that is not in use, then the head is changed
//! in one write, then the old set goes: whoever is killed between leaves the old content or the new one. Writers of one
//! record come one after the other (the vault has a lock for that); a reader beside them reads again.

use ring::digest;

use crate::{
    keystore::{Keystore, KeystoreError, RecordName, os::corrupt},
    secret::SecretBytes,
};

/// Begins the head of a split record. A content that begins so is split, too, so that none is taken for a head.
const MAGIC: &str = "mfavault split 1 ";
/// The kind of the parts, which no record of the vault has.
const PART: &str = "part";
/// A writer that comes between is done by then.
const READINGS: usize = 3;

/// A keystore that splits what its inner one would not take.
pub(super) struct Split<K> {
    inner: K,
    part_bytes: usize,
    limit_bytes: usize,
}

/// What the head of a split record says.
struct Head {
    set: char,
    parts: usize,
    digest: String,
}

impl<K: Keystore> Split<K> {
    /// Splits into parts of so many bytes, at least 128 of them, what is longer than that; takes no record over the limit.
    pub(super) fn over(inner: K, part_bytes: usize, limit_bytes: usize) -> Self {
        Split { inner, part_bytes, limit_bytes }
    }

    #[cfg(test)]
    pub(super) fn inner(&self) -> &K {
        &self.inner
    }

    /// The head of what is there now; none if that is not split.
    fn head(&self, record: &RecordName) -> Result<Option<Head>, KeystoreError> {
        match self.inner.get(record) {
            Ok(content) => Head::read(&content).transpose(),
            Err(KeystoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn joined(&self, record: &RecordName, head: &Head) -> Result<SecretBytes, KeystoreError> {
        // Grown once, so that no copy of it stays behind unwiped.
        let mut content = Vec::with_capacity(head.parts.saturating_mul(self.part_bytes).min(self.limit_bytes));
        for number in 0..head.parts {
            match self.inner.get(&part(record, head.set, number)) {
                Ok(bytes) if content.len() + bytes.expose().len() <= content.capacity() => {
                    content.extend_from_slice(bytes.expose());
                }
                Ok(_) => return Err(unfit()),
                Err(KeystoreError::NotFound { .. }) => return Err(unfit()),
                Err(error) => return Err(error),
            }
        }
        let content = SecretBytes::new(content);
        if digest_of(&content) == head.digest { Ok(content) } else { Err(unfit()) }
    }

    /// Removes the parts of a set from that one on, the last first: what is left of it can be counted again.
    fn sweep(&self, record: &RecordName, set: char, from: usize) -> Result<(), KeystoreError> {
        let mut end = from;
        while self.inner.get(&part(record, set, end)).is_ok() {
            end += 1;
        }
        (from..end).rev().try_for_each(|number| self.inner.remove(&part(record, set, number)))
    }
}

impl<K: Keystore> Keystore for Split<K> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        let mut answer = Err(unfit());
        for _ in 0..READINGS {
            let content = self.inner.get(record)?;
            let Some(head) = Head::read(&content).transpose()? else { return Ok(content) };
            answer = self.joined(record, &head);
            if !matches!(answer, Err(KeystoreError::Corrupt { .. })) {
                break;
            }
        }
        answer
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        let bytes = content.expose();
        if bytes.len() > self.limit_bytes {
            return Err(KeystoreError::TooLarge { keystore: self.name(), limit_bytes: self.limit_bytes });
        }
        // A head that cannot be read has no set to spare.
        let old = self.head(record).or_else(|error| if is_corrupt(&error) { Ok(None) } else { Err(error) })?;
        let set = if old.is_some_and(|head| head.set == 'a') { 'b' } else { 'a' };
        let mut parts = 0;
        if bytes.len() <= self.part_bytes && !bytes.starts_with(MAGIC.as_bytes()) {
            self.inner.put(record, content)?;
        } else {
            for bytes in bytes.chunks(self.part_bytes) {
                self.inner.put(&part(record, set, parts), &SecretBytes::new(bytes.to_vec()))?;
                parts += 1;
            }
            let head = format!("{MAGIC}{set} {parts} {}", digest_of(content));
            self.inner.put(record, &SecretBytes::new(head.into_bytes()))?;
        }
        // The record is written. What stays of an older one is cleared away when it is written next.
        let other = if set == 'a' { 'b' } else { 'a' };
        let _ = self.sweep(record, set, parts).and_then(|()| self.sweep(record, other, 0));
        Ok(())
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        let removed = self.inner.remove(record);
        if let Ok(()) | Err(KeystoreError::NotFound { .. }) = removed {
            self.sweep(record, 'a', 0)?;
            self.sweep(record, 'b', 0)?;
        }
        removed
    }
}

impl Head {
    /// None if this is no head but a content.
    fn read(content: &SecretBytes) -> Option<Result<Head, KeystoreError>> {
        let rest = content.expose().strip_prefix(MAGIC.as_bytes())?;
        let mut words = std::str::from_utf8(rest).unwrap_or_default().split(' ');
        let head = (|| {
            let set = words.next()?.parse().ok().filter(|set| ['a', 'b'].contains(set))?;
            let (parts, digest) = (words.next()?.parse().ok()?, words.next()?.to_owned());
            words.next().is_none().then_some(Head { set, parts, digest })
        })();
        Some(head.ok_or_else(unfit))
    }
}

/// The set and the number end at the first slash, so no two parts share a name.
fn part(record: &RecordName, set: char, number: usize) -> RecordName {
    RecordName::new(PART, format!("{set}.{number}/{record}"))
}

fn digest_of(content: &SecretBytes) -> String {
    let digest = digest::digest(&digest::SHA256, content.expose());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unfit() -> KeystoreError {
    corrupt("the parts of a record do not fit together")
}

fn is_corrupt(error: &KeystoreError) -> bool {
    matches!(error, KeystoreError::Corrupt { .. })
}
