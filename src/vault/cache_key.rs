//! What a session is remembered under: a hash, so that equal requests meet and others never do.

use ring::{digest, hmac};

use crate::credentials::AccessKeyId;

/// A hash of every input that changes a session; two requests share a session only if it is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey(pub(super) String);

impl CacheKey {
    /// Hashes the inputs, each with its length, so that no two lists of inputs run together.
    pub fn of<'a>(inputs: impl IntoIterator<Item = &'a str>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for input in inputs {
            context.update(&(input.len() as u64).to_be_bytes());
            context.update(input.as_bytes());
        }
        CacheKey(hex(context.finish().as_ref()))
    }

    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Tells keys apart in the index without showing them.
pub(super) fn fingerprint(access_key_id: &AccessKeyId) -> String {
    CacheKey::of([access_key_id.as_str()]).0
}

/// Tells seeds apart without showing anything of them: an HMAC keyed with the seed. A seed that counts its codes is
/// another one than the same that makes them of the time: counters and time steps are not to meet in a ledger.
pub(super) fn mark_of(seed: &[u8], counter_based: bool) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
    let what: &[u8] = if counter_based { b"mfavault ledger of counters" } else { b"mfavault ledger" };
    hex(&hmac::sign(&key, what).as_ref()[..16])
}

/// Tells that whoever wrote down an agreement had the seed: an HMAC keyed with it, of the device and the time.
pub(super) fn agreement_mark(seed: &[u8], identity: &str, given: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
    let agreed = CacheKey::of(["mfavault agreement", identity, given]);
    hex(hmac::sign(&key, agreed.as_str().as_bytes()).as_ref())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
