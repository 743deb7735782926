//! The collection of the Secret Service: an item's label is its name, its secret the item's JSON.
//!
//! A frozen service hangs nobody: each step has its time.

use std::time::Duration;

use super::{AwsVaultError, MOST_ITEMS, item::is_of_session};
use crate::{
    secret::SecretBytes,
    secret_service::{Fault, MayAsk, Object, Service},
};

/// For each step: finding the collection, reading an item.
const PATIENCE: Duration = Duration::from_millis(1700);
const STARTING_PATIENCE: Duration = Duration::from_secs(10);
/// A person types a password meanwhile.
const PERSON_PATIENCE: Duration = Duration::from_secs(120);
/// Every path of a collection begins so.
const PATH: &str = "/org/freedesktop/secrets/collection/";

/// aws-vault's collection, by its name.
#[derive(Clone, Debug)]
pub struct Collection {
    name: String,
    may_ask: MayAsk,
}

impl Collection {
    /// The collection of this name. Only with `interactive` may the service open a window that asks for a password.
    pub fn named(name: &str, interactive: bool) -> Self {
        Collection { name: name.to_owned(), may_ask: interactive.then_some(PERSON_PATIENCE) }
    }

    /// The items in it with their names, sessions with nothing in them; nothing if there is no such collection.
    ///
    /// # Errors
    /// If the service is not there or does not answer, then `Unavailable`; if nobody opens what is locked, then
    /// `Locked`; if there are more than 1000 items, then `TooMany`.
    pub fn items(&self) -> Result<Option<Vec<(String, SecretBytes)>>, AwsVaultError> {
        self.with(|service, collection| {
            let items = service.items(collection)?;
            if items.len() > MOST_ITEMS {
                return Ok(Err(AwsVaultError::TooMany { place: format!("the collection `{}`", self.name) }));
            }
            let mut found = Vec::with_capacity(items.len());
            for item in items {
                service.begin();
                let label = service.item_label(&item)?;
                let secret =
                    if is_of_session(&label) { SecretBytes::from(Vec::new()) } else { service.secret(&item)? };
                found.push((label, secret));
            }
            found.sort_by(|(one, _), (other, _)| one.cmp(other));
            Ok(Ok(found))
        })
    }

    /// Removes items that are still as they were read, and says how many.
    ///
    /// # Errors
    /// As [`Collection::items`].
    pub fn remove(&self, items: Vec<(String, SecretBytes)>) -> Result<usize, AwsVaultError> {
        let removed = self.with(|service, collection| {
            let mut removed = 0;
            for item in service.items(collection)? {
                service.begin();
                let label = service.item_label(&item)?;
                let Some((_, read)) = items.iter().find(|(name, _)| *name == label) else { continue };
                if service.secret(&item)? == *read {
                    service.delete(&item, self.may_ask)?;
                    removed += 1;
                }
            }
            Ok(Ok(removed))
        })?;
        Ok(removed.unwrap_or_default())
    }

    /// Does something with the collection once it is open; nothing if it is not there.
    fn with<T>(
        &self,
        act: impl Fn(&Service, &Object) -> Result<Result<T, AwsVaultError>, Fault>,
    ) -> Result<Option<T>, AwsVaultError> {
        let work = |service: &Service| {
            let collections = service.collections()?;
            let is_meant =
                |collection: &&Object| collection.strip_prefix(PATH).is_some_and(|path| decoded(path) == self.name);
            let Some(collection) = collections.iter().find(is_meant) else { return Ok(Ok(None)) };
            if service.is_locked(collection)? {
                // Without a person, a prompt would be shown to nobody.
                match self.may_ask {
                    Some(_) => service.unlock(collection, self.may_ask)?,
                    None => return Err(Fault::Locked("nobody was asked to open it".to_owned())),
                }
            }
            Ok(act(service, collection)?.map(Some))
        };
        let begun = || {
            let mut service = Service::connect(PATIENCE)?;
            match work(&service) {
                Err(Fault::NotRunning) => {
                    service.start(STARTING_PATIENCE)?;
                    work(&service)
                }
                answer => answer,
            }
        };
        begun().unwrap_or_else(|fault| Err(self.error(fault)))
    }

    fn error(&self, fault: Fault) -> AwsVaultError {
        match fault {
            Fault::Locked(reason) => AwsVaultError::Locked { collection: self.name.clone(), reason },
            Fault::Unavailable(reason) | Fault::Corrupt(reason) => AwsVaultError::Unavailable { reason },
            Fault::Missing | Fault::Gone | Fault::Stale | Fault::NotRunning => {
                AwsVaultError::Unavailable { reason: "the Secret Service changes while it is asked".to_owned() }
            }
        }
    }
}

/// A name as a path has it: GNOME Keyring writes other characters as `_` and two hexadecimal digits.
fn decoded(path: &str) -> String {
    let mut pieces = path.split('_');
    let mut text = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let code = piece.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        let Some(code) = code else { return path.to_owned() };
        text.push(code);
        text.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(text).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_is_known_by_its_path() {
        for (path, name) in [("awsvault", "awsvault"), ("aws_2dvault", "aws-vault"), ("a_b", "a_b"), ("a_5fb", "a_b")] {
            assert_eq!(decoded(path), name);
        }
    }
}
