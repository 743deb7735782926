//! The stores of macOS and Windows, and the absence of one on other systems.
//!
//! They are open while the user is logged in; if not, the call itself says so.

use std::{collections::HashMap, sync::Arc};

use keyring_core::{CredentialStore, error::PlatformError};

use super::Access;
use crate::keystore::RecordName;

/// CRED_MAX_CREDENTIAL_BLOB_SIZE on Windows; the Keychain has no practical limit.
pub(super) const LIMIT_BYTES: usize = if cfg!(windows) { 2560 } else { 1024 * 1024 };
/// The Keychain asks for consent whenever the program changed since the item was made.
pub(super) const MAY_ASK_AT_ANY_CALL: bool = cfg!(target_os = "macos");

#[cfg(target_os = "macos")]
pub(super) fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = apple_native_keyring_store::keychain::Store::new()?;
    Ok(store)
}

#[cfg(windows)]
pub(super) fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = windows_native_keyring_store::Store::new()?;
    Ok(store)
}

#[cfg(not(any(target_os = "macos", windows)))]
pub(super) fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(keyring_core::Error::NotSupportedByStore("this system has no keystore".to_owned()))
}

/// On Windows the default would follow the user to every machine of a domain.
pub(super) fn modifiers(_record: &RecordName) -> HashMap<&'static str, String> {
    if cfg!(windows) { HashMap::from([("persistence", "Local".to_owned())]) } else { HashMap::new() }
}

pub(super) fn access(_user: Option<&str>) -> Access {
    match store() {
        Ok(_) => Access::Open,
        Err(error) => Access::Absent(error.to_string()),
    }
}

pub(super) fn unlock(_user: &str) -> Result<(), String> {
    Ok(())
}

pub(super) fn says_locked(_error: &PlatformError) -> bool {
    false
}
