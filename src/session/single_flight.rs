//! One for all: of N processes that want the same thing at once, one leads and the rest read its result.
//!
//! The lock is the kernel's and goes with the process that holds it, so a killed leader leaves nobody waiting.

use crate::vault::{CacheKey, Vault, VaultError};

/// Gives what `remembered` finds, or else what `lead` makes and remembers; `lead` runs in one process at a time.
///
/// # Errors
/// As the two functions; if the lock cannot be taken, then that [`VaultError`].
pub(super) fn one_for_all<T, E: From<VaultError>>(
    vault: &Vault<'_>,
    key: &CacheKey,
    remembered: impl Fn() -> Result<Option<T>, E>,
    lead: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    if let Some(found) = remembered()? {
        return Ok(found);
    }
    let _lock = vault.lock(&format!("session-{}.lock", &key.as_str()[..32]))?;
    match remembered()? {
        Some(found) => Ok(found),
        None => lead(),
    }
}
