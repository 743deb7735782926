//! Edge: the person's settings, `config.toml` in the folder for settings: read once, checked, each value with its line.
//!
//! Few and flat. An unknown key is an error: what is misspelt must not be passed over in silence.

use std::{
    fmt,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use crate::atomic_file::{FileError, PrivateFolder};

/// The file's name in the folder for settings.
pub const FILE: &str = "config.toml";

/// Which keystore is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeystoreWish {
    /// Whatever would be taken without a wish; for seeds, that of the keys.
    Auto,
    /// The system's own.
    Os,
    /// The encrypted file.
    File,
}

impl KeystoreWish {
    /// The wish of this name.
    pub fn named(name: &str) -> Option<KeystoreWish> {
        [KeystoreWish::Auto, KeystoreWish::Os, KeystoreWish::File].into_iter().find(|wish| wish.to_string() == name)
    }
}

impl fmt::Display for KeystoreWish {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            KeystoreWish::Auto => "auto",
            KeystoreWish::Os => "os",
            KeystoreWish::File => "file",
        })
    }
}

/// A value and the line it stands in, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<T> {
    /// The value.
    pub value: T,
    /// Where it begins.
    pub line: usize,
}

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The file, whether it is there or not.
    pub path: PathBuf,
    /// `keystore`.
    pub keystore: Option<Line<KeystoreWish>>,
    /// `seed_keystore`.
    pub seed_keystore: Option<Line<KeystoreWish>>,
}

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file is not safely ours, or cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// What it says is not what it may say.
    #[error("the settings cannot be used: {}:{line}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    keystore: Option<Spanned<KeystoreWish>>,
    seed_keystore: Option<Spanned<KeystoreWish>>,
}

impl Settings {
    /// Reads the settings of a folder; without the file there are none, which costs one look.
    ///
    /// # Errors
    /// If the file or the folder is not safely ours, or others may write to it, then `File`; if it says something else
    /// than settings, then `Invalid`.
    pub fn read(folder: &Path) -> Result<Self, SettingsError> {
        let path = folder.join(FILE);
        let nothing = Settings { path: path.clone(), ..Settings::default() };
        match path.symlink_metadata() {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(nothing),
            Ok(metadata) => check_that_only_we_write(&path, &metadata)?,
            // Reading it says what is the matter.
            Err(_) => {}
        }
        match PrivateFolder::open(folder)?.read(FILE)? {
            Some(bytes) => Self::parse(path, &bytes),
            None => Ok(nothing),
        }
    }

    fn parse(path: PathBuf, bytes: &[u8]) -> Result<Self, SettingsError> {
        let line = |offset: usize| 1 + bytes[..offset.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count();
        let invalid = |path, offset, reason| SettingsError::Invalid { path, line: line(offset), reason };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return Err(invalid(path, error.valid_up_to(), "it is not UTF-8".to_owned())),
        };
        let stored: Stored = match toml::from_str(text) {
            Ok(stored) => stored,
            Err(error) => {
                let reason = error.message().trim().replace('\n', ", ");
                return Err(invalid(path, error.span().map_or(0, |span| span.start), reason));
            }
        };
        let with_line =
            |value: Spanned<KeystoreWish>| Line { line: line(value.span().start), value: value.into_inner() };
        Ok(Settings {
            keystore: stored.keystore.map(with_line),
            seed_keystore: stored.seed_keystore.map(with_line),
            path,
        })
    }
}

/// Whoever may write it chooses where secrets go; that it is made private now does not undo what was written.
#[cfg(unix)]
fn check_that_only_we_write(path: &Path, metadata: &std::fs::Metadata) -> Result<(), FileError> {
    use std::os::unix::fs::MetadataExt;
    if metadata.is_file() && metadata.mode() & 0o022 != 0 {
        return Err(FileError::Unsafe {
            path: path.to_owned(),
            reason: "others may write to it".to_owned(),
            repair: format!("look at it, then chmod 600 '{}'", path.display()),
        });
    }
    Ok(())
}

/// There the folder's access rules say who writes.
#[cfg(not(unix))]
fn check_that_only_we_write(_: &Path, _: &std::fs::Metadata) -> Result<(), FileError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("mfavault");
        std::fs::create_dir(&folder).expect("created");
        (place, folder)
    }

    fn read(text: &str) -> Result<Settings, SettingsError> {
        let (_place, folder) = folder();
        std::fs::write(folder.join(FILE), text).expect("written");
        Settings::read(&folder)
    }

    #[test]
    fn values_are_read_with_their_lines() {
        let settings = read("# mine\nkeystore = \"os\"\n\nseed_keystore = 'file'\n").expect("settings");
        assert_eq!(settings.keystore, Some(Line { value: KeystoreWish::Os, line: 2 }));
        assert_eq!(settings.seed_keystore, Some(Line { value: KeystoreWish::File, line: 4 }));
        for text in ["", "# nothing\n"] {
            let settings = read(text).expect("settings");
            assert_eq!((settings.keystore, settings.seed_keystore), (None, None), "{text:?}");
        }
        for wish in [KeystoreWish::Auto, KeystoreWish::Os, KeystoreWish::File] {
            assert_eq!(KeystoreWish::named(&wish.to_string()), Some(wish));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, expected_line, word) in [
            ("\nkeystor = \"os\"\n", 2, "unknown field `keystor`"),
            ("keystore = \"os\"\nkeystore = \"file\"\n", 2, "duplicate key"),
            ("\n\nseed_keystore = \"cloud\"\n", 3, "unknown variant `cloud`"),
            ("keystore = 3\n", 1, ""),
            ("keystore = \"os\n", 1, ""),
            ("[keystore]\n", 1, ""),
            ("a\n", 1, ""),
        ] {
            match read(text) {
                Err(SettingsError::Invalid { line, reason, path }) => {
                    assert!(
                        (line, path.ends_with("mfavault/config.toml")) == (expected_line, true),
                        "{text:?}: {line}"
                    );
                    assert!(
                        reason.contains(word) && !reason.contains('\n') && !reason.is_empty(),
                        "{text:?}: {reason}"
                    );
                }
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn no_file_and_no_folder_are_no_settings_and_nothing_is_made() {
        let (place, folder) = folder();
        assert_eq!(Settings::read(&folder).expect("none").keystore, None);
        let missing = place.path().join("missing");
        assert_eq!(Settings::read(&missing).expect("none").path, missing.join(FILE));
        assert!(!missing.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_write_to_is_refused() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let (place, folder) = folder();
        let path = folder.join(FILE);
        std::fs::write(&path, "keystore = \"os\"\n").expect("written");
        for (mode, is_safe) in [(0o644, true), (0o600, true), (0o660, false), (0o666, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            let read = Settings::read(&folder);
            assert_eq!(read.is_ok(), is_safe, "{mode:o}");
            assert!(is_safe || matches!(read, Err(SettingsError::File(FileError::Unsafe { .. }))));
        }
        std::fs::rename(&path, place.path().join("elsewhere")).expect("renamed");
        symlink(place.path().join("elsewhere"), &path).expect("linked");
        assert!(matches!(Settings::read(&folder), Err(SettingsError::File(FileError::Unsafe { .. }))));
    }
}
