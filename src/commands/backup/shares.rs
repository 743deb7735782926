//! A backup in shares on the disk: where they are written, and which files together open it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use thiserror::Error;

use crate::{
    atomic_file,
    backup_file::{
        BackupFileError,
        shares::{self, Share, Split},
    },
    commands::Error,
    secret::SecretBytes,
};

/// Why several files do not open a backup.
#[derive(Debug, Error)]
pub enum SharesError {
    /// More than one file is for shares only.
    #[error("{} is no share of a backup, and only shares are given together", path.display())]
    NoShare {
        /// The file.
        path: PathBuf,
    },
    /// Made by two runs.
    #[error("{} and {} are shares of different backups", path.display(), other.display())]
    OtherSet {
        /// The file.
        path: PathBuf,
        /// The first file of another backup.
        other: PathBuf,
    },
    /// The same share again, in whatever form.
    #[error("{} and {} are both share {number}", path.display(), other.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The file before it.
        other: PathBuf,
        /// The number of both.
        number: u8,
    },
    /// Not enough of them.
    #[error("it takes {needed} shares to open the backup, and {given} {}: those not given are {}",
        if *given == 1 { "was given" } else { "were given" }, listed(missing))]
    TooFew {
        /// How many it takes.
        needed: u8,
        /// How many there are.
        given: usize,
        /// The numbers of the others.
        missing: Vec<u8>,
    },
    /// More than enough were given, and without this one they fit.
    #[error("{} is not as it was made: the other shares open the backup without it", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
    },
}

fn listed(numbers: &[u8]) -> String {
    numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

/// Opens the backup of the shares in these files.
///
/// # Errors
/// If a file is damaged or they do not fit together, then `Backup`; otherwise as [`SharesError`] says.
pub(super) fn open(files: &[(&Path, SecretBytes)]) -> Result<SecretBytes, Error> {
    let mut read: Vec<(&Path, Share)> = Vec::new();
    for (path, file) in files {
        let path_of = || path.to_path_buf();
        if !shares::is_share(file.expose()) {
            return Err(SharesError::NoShare { path: path_of() }.into());
        }
        let share = Share::read(file.expose()).map_err(|source| Error::Backup { path: path_of(), source })?;
        if let Some((other, _)) = read.first().filter(|(_, first)| !share.is_of_set(first)) {
            return Err(SharesError::OtherSet { path: path_of(), other: other.to_path_buf() }.into());
        }
        let number = share.number();
        if let Some((other, _)) = read.iter().find(|(_, other)| other.number() == number) {
            return Err(SharesError::Twice { path: path_of(), other: other.to_path_buf(), number }.into());
        }
        read.push((path, share));
    }
    let all: Vec<&Share> = read.iter().map(|(_, share)| share).collect();
    let split = all.first().map(|share| share.split());
    if let Some(split) = split.filter(|split| all.len() < usize::from(split.needed())) {
        let missing = (1..=split.count()).filter(|number| all.iter().all(|share| share.number() != *number));
        let (needed, given) = (split.needed(), all.len());
        return Err(SharesError::TooFew { needed, given, missing: missing.collect() }.into());
    }
    shares::open(&all).map_err(|source| {
        let wrong = matches!(source, BackupFileError::SharesDoNotFit).then(|| wrong_one(&read)).flatten();
        match wrong {
            Some(path) => SharesError::Wrong { path: path.to_owned() }.into(),
            None => {
                Error::Backup { path: files.first().map_or(PathBuf::new(), |(path, _)| path.to_path_buf()), source }
            }
        }
    })
}

/// The share without which the others fit, if there are more than it takes.
fn wrong_one<'p>(read: &[(&'p Path, Share)]) -> Option<&'p Path> {
    let fits_without = |left_out: &Share| {
        let others = read.iter().map(|(_, share)| share).filter(|share| share.number() != left_out.number());
        shares::open(&others.collect::<Vec<_>>()).is_ok()
    };
    read.iter().find(|(_, share)| fits_without(share)).map(|(path, _)| *path)
}

/// `FILE.1-of-5.txt` and so on.
pub(super) fn paths(file: &Path, split: Split) -> Vec<PathBuf> {
    let path = |number| {
        let mut path = file.as_os_str().to_owned();
        path.push(format!(".{number}-of-{}.txt", split.count()));
        PathBuf::from(path)
    };
    (1..=split.count()).map(path).collect()
}

/// Writes all shares or none, reads them back, and opens the backup once with the first and once with the last.
///
/// # Errors
/// If a file is there or cannot be written, then `File`; if what was written opens otherwise, then
/// `BackupNotReadBack`. No share of this backup is left behind then.
pub(super) fn write(
    file: &Path,
    content: &SecretBytes,
    split: Split,
    created: SystemTime,
) -> Result<Vec<PathBuf>, Error> {
    let paths = paths(file, split);
    let made =
        shares::split(content, split, created).map_err(|source| Error::Backup { path: file.to_owned(), source })?;
    let write = || -> Result<(), Error> {
        for (path, share) in paths.iter().zip(&made) {
            atomic_file::write_user_file(path, share.expose(), false)?;
        }
        let mut read = Vec::new();
        for (path, share) in paths.iter().zip(&made) {
            read.push((path.as_path(), SecretBytes::from(atomic_file::read_user_file(path)?)));
            if read.last().is_none_or(|(_, read)| read != share) {
                return Err(Error::BackupNotReadBack { path: path.clone() });
            }
        }
        let needed = usize::from(split.needed());
        for few in [&read[..needed], &read[read.len() - needed..]] {
            if open(few)? != *content {
                return Err(Error::BackupNotReadBack { path: file.to_owned() });
            }
        }
        Ok(())
    };
    let result = write();
    if result.is_err() {
        // Also one of which it is not sure that it is on the disk; never a file that somebody else put there.
        let is_ours = |path: &Path, share: &SecretBytes| fs::read(path).is_ok_and(|bytes| bytes == *share.expose());
        let ours = paths.iter().zip(&made).filter(|(path, share)| is_ours(path, share));
        ours.for_each(|(path, _)| drop(fs::remove_file(path)));
    }
    result.map(|()| paths)
}
