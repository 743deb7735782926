//! What is known of backups: the number of the last one, and which devices are in one as they are now.

use std::time::SystemTime;

use super::{Index, LastBackup, Vault, VaultError, index::to_the_second};

impl Vault<'_> {
    /// Notes a backup that was written, or restored, with these devices. One that is older than the last one changes
    /// nothing about what is the last one.
    ///
    /// # Errors
    /// If the index cannot be written, then `File`.
    pub fn note_backup<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
        generation: u64,
        created: SystemTime,
    ) -> Result<(), VaultError> {
        let backup = LastBackup { generation, created: to_the_second(created) };
        self.change_index(|index| {
            if index.last_backup.as_ref().is_none_or(|last| !backup.is_older_than(last)) {
                index.last_backup = Some(backup);
            }
            names.into_iter().for_each(|name| note(index, name, created));
        })
    }

    /// Notes that a device is backed up by a picture or a printed page of its own.
    ///
    /// # Errors
    /// As [`Vault::note_backup`].
    pub fn note_picture(&self, name: &str, time: SystemTime) -> Result<(), VaultError> {
        self.change_index(|index| note(index, name, time))
    }
}

fn note(index: &mut Index, name: &str, time: SystemTime) {
    if let Some(entry) = index.devices.get_mut(name) {
        entry.backed_up = entry.backed_up.max(Some(to_the_second(time)));
    }
}

impl LastBackup {
    /// Whether this backup came before another one of the same vault: by its number, else by its date.
    pub fn is_older_than(&self, other: &LastBackup) -> bool {
        (self.generation, self.created) < (other.generation, other.created)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn backup(generation: u64, seconds: u64) -> LastBackup {
        LastBackup { generation, created: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) }
    }

    #[test]
    fn the_number_counts_before_the_date() {
        assert!(backup(1, 9).is_older_than(&backup(2, 1)));
        assert!(backup(1, 1).is_older_than(&backup(1, 2)));
        assert!(!backup(1, 1).is_older_than(&backup(1, 1)) && !backup(2, 1).is_older_than(&backup(1, 9)));
    }
}
