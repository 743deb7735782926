//! What a session is remembered under: a hash, so that equal requests meet and others never do.

use ring::digest;

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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
