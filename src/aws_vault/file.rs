//! The encrypted files: one an item, in one folder, all under one passphrase. A file's name is the item's, in which a
//! slash stands as `%2F`; older versions escaped nothing.

use std::{
    fs::{self, FileType},
    path::{Path, PathBuf},
};

use super::{AwsVaultError, MOST_BYTES, MOST_ITEMS, jwe};
use crate::{
    atomic_file::{self, FileError},
    secret::{SecretBytes, SecretText},
};

/// One item as it lies in its file.
#[derive(Clone, Debug)]
pub struct SealedFile {
    /// Where it is.
    pub path: PathBuf,
    /// The item's name.
    pub name: String,
}

/// What lies in a folder.
#[derive(Debug, Default)]
pub struct Sealed {
    /// The files, by name.
    pub files: Vec<SealedFile>,
    /// What else has a name there, and what it is, such as `a symbolic link`: neither followed nor opened.
    pub others: Vec<(String, &'static str)>,
}

/// The files of a folder; none where there is no such folder. Nothing of them is read.
///
/// # Errors
/// If the folder cannot be read, then `Folder`; if there are more than 1000, then `TooMany`.
pub fn sealed_files(folder: &Path) -> Result<Sealed, AwsVaultError> {
    let failed = |source| AwsVaultError::Folder { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Sealed::default()),
        entries => entries.map_err(failed)?,
    };
    let mut sealed = Sealed::default();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let file_name = entry.file_name();
        let name = unescaped(&file_name.to_string_lossy());
        match what_it_is_instead(entry.file_type().map_err(failed)?) {
            None if file_name.to_str().is_none() => sealed.others.push((name, "a file whose name is not UTF-8")),
            None => sealed.files.push(SealedFile { path: entry.path(), name }),
            Some(kind) => sealed.others.push((name, kind)),
        }
        if sealed.files.len() + sealed.others.len() > MOST_ITEMS {
            return Err(AwsVaultError::TooMany { place: folder.display().to_string() });
        }
    }
    sealed.files.sort_by(|one, other| one.name.cmp(&other.name));
    sealed.others.sort();
    Ok(sealed)
}

/// Nothing for a regular file.
fn what_it_is_instead(kind: FileType) -> Option<&'static str> {
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_fifo(&kind) {
        return Some("a named pipe");
    }
    if kind.is_file() {
        None
    } else if kind.is_symlink() {
        Some("a symbolic link")
    } else if kind.is_dir() {
        Some("a folder")
    } else {
        Some("no regular file")
    }
}

impl SealedFile {
    /// The file as it is now.
    ///
    /// # Errors
    /// If the system refuses, or it has more than 64 KiB, then `Io`.
    pub fn read(&self) -> Result<Vec<u8>, FileError> {
        atomic_file::read_user_file_up_to(&self.path, MOST_BYTES)
    }

    /// The item in a file that reads so.
    ///
    /// # Errors
    /// As [`jwe::JweFault`] says.
    pub fn open(content: &[u8], passphrase: &SecretText) -> Result<SecretBytes, jwe::JweFault> {
        jwe::open(std::str::from_utf8(content).map_err(|_| jwe::JweFault::Malformed)?, passphrase)
    }
}

/// Puts back what `%` and two hexadecimal digits stand for; anything else stays as it is.
fn unescaped(name: &str) -> String {
    let bytes = name.as_bytes();
    let mut text = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = (*byte == b'%').then(|| name.get(at + 1..at + 3)).flatten();
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) => {
                text.push(escaped);
                at += 3;
            }
            None => {
                text.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(text).unwrap_or_else(|_| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read_and_others_stay_as_they_are() {
        for (name, expected) in [
            ("prod", "prod"),
            ("team%2Fprod", "team/prod"),
            ("oidc:https:%2F%2Fx", "oidc:https://x"),
            ("a%25b", "a%b"),
            ("50%", "50%"),
            ("50%+1", "50%+1"),
            ("%zz%2", "%zz%2"),
            ("%ff", "%ff"),
            ("\u{fc}%2f", "\u{fc}/"),
        ] {
            assert_eq!(unescaped(name), expected);
        }
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_files_and_one_that_is_too_full_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(sealed_files(&folder.path().join("none")).expect("nothing").files.is_empty());
        for number in 0..=MOST_ITEMS {
            fs::write(folder.path().join(format!("{number}")), "").expect("written");
        }
        assert!(matches!(sealed_files(folder.path()), Err(AwsVaultError::TooMany { .. })));
    }
}
