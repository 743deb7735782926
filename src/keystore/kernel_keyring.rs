//! A key lent to the kernel for a while: the user keyring of Linux, keyrings(7), which forgets it by itself.
//!
//! It is a cache: containers forbid it, quotas fill up, user namespaces hide it. Every failure to read is a miss.

use std::time::Duration;

use linux_keyutils::{Key, KeyError, KeyRing, KeyRingIdentifier};

use crate::secret::SecretBytes;

/// The most that the kernel takes in one key of the type `user`.
pub(super) const LIMIT_BYTES: usize = 32_767;

/// Whether the keyring lets us in.
pub(super) fn probe() -> Result<(), String> {
    user_keyring().map(drop).map_err(|error| format!("the kernel keyring cannot be used: {error}"))
}

/// Lends the content to the kernel; the text of the error says what the kernel refused.
pub(super) fn store(description: &str, content: &[u8], duration: Duration) -> Result<(), String> {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    // The kernel takes 32 bits and keeps a key with a time-out of 0 for ever.
    let seconds = usize::try_from(seconds.clamp(1, u32::MAX.into())).unwrap_or(usize::MAX);
    let lend = || {
        let ring = user_keyring()?;
        // First where it ends with this thread: killed in between, no key stays without a time-out.
        let own = KeyRing::from_special_id(KeyRingIdentifier::Thread, true)?;
        let key = own.add_key(description, content)?;
        let lent = key.set_timeout(seconds).and_then(|()| ring.link_key(key));
        own.unlink_key(key)?;
        lent
    };
    lend().map_err(|error: KeyError| format!("the kernel keyring refused it: {error}"))
}

/// What was lent and is still there.
pub(super) fn fetch(description: &str) -> Option<SecretBytes> {
    let key = find(description).ok()?;
    let mut content = vec![0; LIMIT_BYTES];
    let length = key.read(&mut content).ok()?;
    content.truncate(length);
    Some(SecretBytes::new(content))
}

/// Takes it back; that it is not there any more is fine.
pub(super) fn forget(description: &str) -> Result<(), String> {
    let forget = |key: Key| {
        // Invalid keys are collected some time later; what is overwritten takes no room of the quota from now on.
        let _ = key.update(&[0]);
        key.invalidate()
    };
    match find(description).and_then(forget) {
        Ok(()) | Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(()),
        Err(error) => Err(format!("the kernel keyring did not forget it: {error}")),
    }
}

fn find(description: &str) -> Result<Key, KeyError> {
    user_keyring()?.search(description)
}

/// The user keyring, possessed by this thread.
///
/// Where the session's keyring does not link to it (a new session keyring, some containers), its serial number alone
/// gives no possession, and the kernel then refuses even a time-out for what was just added. A link from the thread's
/// own keyring, made by the special id, gives it everywhere; keys need no bits for others then.
fn user_keyring() -> Result<KeyRing, KeyError> {
    KeyRing::from_special_id(KeyRingIdentifier::Thread, true)?.link_keyring_id(KeyRingIdentifier::User)?;
    KeyRing::from_special_id(KeyRingIdentifier::User, false)
}
