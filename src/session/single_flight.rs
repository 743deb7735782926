//! One for all: of N processes that want the same thing at once, one leads and the rest read its result.
//!
//! The lock is the kernel's and goes with the process that holds it, so a killed leader leaves nobody waiting.

use std::time::Duration;

use crate::{
    prompt::Prompt,
    vault::{CacheKey, Vault, VaultError},
};

/// A leader that takes longer most likely waits for a person or for the next code: those who follow say so.
const PATIENCE: Duration = Duration::from_secs(2);

/// Gives what `remembered` finds, or else what `lead` makes and remembers; `lead` runs in one process at a time.
///
/// # Errors
/// As the two functions; if the lock cannot be taken, then that [`VaultError`].
pub(super) fn one_for_all<T, E: From<VaultError>>(
    vault: &Vault<'_>,
    prompt: &dyn Prompt,
    key: &CacheKey,
    remembered: impl Fn() -> Result<Option<T>, E>,
    lead: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    if let Some(found) = remembered()? {
        return Ok(found);
    }
    let say = || prompt.say("waiting for another mfavault, which is about to get these credentials");
    let _lock = vault.lock_or_say(&format!("session-{}.lock", &key.as_str()[..32]), PATIENCE, &say)?;
    match remembered()? {
        Some(found) => Ok(found),
        None => lead(),
    }
}
