//! A data key that processes with the same passphrase share for a minute, so that sixty-four that start together derive
//! it once.
//!
//! Meant for a passphrase in the environment or a file, which every process of the user can read anyway: the check
//! kept beside the key is a fast one. Every failure is a miss.

use std::time::Duration;

use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

use super::{super::kernel_keyring, format::DataKey};
use crate::secret::{SecretBytes, SecretText};

const TIME: Duration = Duration::from_secs(60);
const SALT_LENGTH: usize = 16;
const TAG_LENGTH: usize = 32;

/// Leaves the key for others that come with this passphrase.
pub(super) fn store(description: &str, passphrase: &SecretText, key: &DataKey) {
    let mut salt = [0; SALT_LENGTH];
    if SystemRandom::new().fill(&mut salt).is_err() {
        return;
    }
    let mut content = Zeroizing::new(Vec::with_capacity(SALT_LENGTH + TAG_LENGTH + key.expose().len()));
    content.extend_from_slice(&salt);
    content.extend_from_slice(hmac::sign(&check(passphrase), &salt).as_ref());
    content.extend_from_slice(key.expose());
    // Without a kernel keyring, every process derives the key by itself.
    let _ = kernel_keyring::store(&name(description), &content, TIME);
}

/// The key, if it was left for this passphrase.
pub(super) fn fetch(description: &str, passphrase: &SecretText) -> Option<DataKey> {
    let content = kernel_keyring::fetch(&name(description))?;
    let (salt, rest) = content.expose().split_at_checked(SALT_LENGTH)?;
    let (tag, key) = rest.split_at_checked(TAG_LENGTH)?;
    hmac::verify(&check(passphrase), salt, tag).ok()?;
    DataKey::from_bytes(&SecretBytes::from(key.to_vec()))
}

/// Takes it back.
pub(super) fn forget(description: &str) -> Result<(), String> {
    kernel_keyring::forget(&name(description))
}

fn check(passphrase: &SecretText) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, passphrase.expose().as_bytes())
}

fn name(description: &str) -> String {
    format!("{description}:shared")
}
