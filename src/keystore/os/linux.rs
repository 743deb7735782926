//! The Secret Service of Linux desktops (GNOME Keyring, KWallet, KeePassXC), over D-Bus.
//!
//! The store crate unlocks whatever it finds locked, by a prompt it awaits for a year. So before each call the lock is
//! looked at here, over a connection of its own.

use std::{collections::HashMap, sync::Arc};

use dbus_secret_service::{Collection, EncryptionType, Error, Item, SecretService};
use keyring_core::{CredentialStore, error::PlatformError};

use super::{Access, SERVICE};
use crate::keystore::RecordName;

/// The service itself has no practical limit.
pub(super) const LIMIT_BYTES: usize = 1024 * 1024;
/// Prompts come only where something is locked.
pub(super) const MAY_ASK_AT_ANY_CALL: bool = false;

pub(super) fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = dbus_secret_service_keyring_store::Store::new()?;
    Ok(store)
}

/// The label is what password managers show.
pub(super) fn modifiers(record: &RecordName) -> HashMap<&'static str, String> {
    HashMap::from([("label", format!("{SERVICE}: {} {}", record.kind(), record.name()))])
}

/// Looks at the record's item, or else at the collection where it would be made.
pub(super) fn access(user: Option<&str>) -> Access {
    let look = || {
        // Encrypting the session would cost 6 ms and hide nothing that is asked here.
        let service = SecretService::connect(EncryptionType::Plain)?;
        if let Some(user) = user {
            let items = service.search_items(attributes(user))?;
            if !items.locked.is_empty() {
                return Ok(Access::Locked("its item is in a locked collection".to_owned()));
            }
            if !items.unlocked.is_empty() {
                return Ok(Access::Open);
            }
        }
        // What is locked may hide its items, and "locked" must not be taken for "not found".
        let locked = service.get_default_collection()?.is_locked()?;
        Ok(if locked { Access::Locked("the default collection is locked".to_owned()) } else { Access::Open })
    };
    look().unwrap_or_else(|error: Error| Access::Absent(reason(&error)))
}

/// Opens what [`access`] found locked, by the service's own prompt.
pub(super) fn unlock(user: &str) -> Result<(), String> {
    let open = || {
        let service = SecretService::connect(EncryptionType::Plain)?;
        let items = service.search_items(attributes(user))?;
        let locked: Vec<&Item<'_>> = items.locked.iter().collect();
        if !locked.is_empty() {
            return service.unlock_all(&locked);
        }
        service.get_default_collection().and_then(|collection: Collection<'_>| collection.ensure_unlocked())
    };
    open().map_err(|error: Error| reason(&error))
}

pub(super) fn says_locked(error: &PlatformError) -> bool {
    match error.downcast_ref::<Error>() {
        Some(Error::Locked | Error::Prompt) => true,
        Some(Error::Dbus(error)) => error.name() == Some("org.freedesktop.Secret.Error.IsLocked"),
        _ => false,
    }
}

fn attributes(user: &str) -> HashMap<&str, &str> {
    HashMap::from([("service", SERVICE), ("username", user)])
}

fn reason(error: &Error) -> String {
    match error {
        Error::NoResult => "the Secret Service has no default collection".to_owned(),
        Error::Prompt => "the prompt that unlocks it was dismissed, or could not be shown".to_owned(),
        Error::Dbus(error) => match error.name().map(|name| name.rsplit('.').next().unwrap_or(name)) {
            Some("NotSupported" | "NoServer" | "FileNotFound" | "BadAddress") => "no D-Bus session bus".to_owned(),
            Some("ServiceUnknown" | "NameHasNoOwner") => "no program offers the Secret Service on D-Bus".to_owned(),
            Some("NoReply" | "Timeout" | "TimedOut") => "the Secret Service does not answer".to_owned(),
            _ => format!("D-Bus says: {}", error.message().unwrap_or("nothing")),
        },
        error => error.to_string(),
    }
}
