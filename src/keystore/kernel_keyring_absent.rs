//! The kernel keyring of systems that have none: nothing can be lent, nothing is ever found.

use std::time::Duration;

use crate::secret::SecretBytes;

pub(super) fn store(_description: &str, _content: &[u8], _duration: Duration) -> Result<(), String> {
    Err("this system has no kernel keyring".to_owned())
}

pub(super) fn fetch(_description: &str) -> Option<SecretBytes> {
    None
}

pub(super) fn forget(_description: &str) -> Result<(), String> {
    Ok(())
}
