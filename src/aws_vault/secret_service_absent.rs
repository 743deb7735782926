//! Where there is no Secret Service, on systems other than Linux.

use super::AwsVaultError;
use crate::secret::SecretBytes;

/// A collection that is never there.
pub struct Collection;

impl Collection {
    /// The collection of this name.
    pub fn named(_name: &str, _interactive: bool) -> Self {
        Collection
    }

    /// The items in it.
    ///
    /// # Errors
    /// Always `Unavailable`.
    pub fn items(&self) -> Result<Option<Vec<(String, SecretBytes)>>, AwsVaultError> {
        Err(AwsVaultError::Unavailable { reason: "this system has none".to_owned() })
    }

    /// Removes items.
    ///
    /// # Errors
    /// Always `Unavailable`.
    pub fn remove(&self, _items: Vec<(String, SecretBytes)>) -> Result<usize, AwsVaultError> {
        Err(AwsVaultError::Unavailable { reason: "this system has none".to_owned() })
    }
}
