//! Edge: the person's settings, `config.toml` in the folder for settings: read once, checked, each value with its line.
//!
//! `text` knows the keys. Few and flat. An unknown key is an error: what is misspelt must not be passed over in silence.

mod text;

use std::{
    fmt,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;

use crate::{
    atomic_file::{FileError, PrivateFolder},
    visible::shell_word,
};

/// The file's name in the folder for settings.
pub const FILE: &str = "config.toml";

/// Which keystore is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeystoreWish {
    /// Whatever would be taken without a wish; for seeds, that of the keys.
    Auto,
    /// The system's own.
    Os,
    /// The encrypted file.
    File,
    /// The password store of the program `pass`.
    Pass,
    /// The program that `helper` names.
    Helper,
}

impl KeystoreWish {
    /// All of them.
    pub const ALL: [KeystoreWish; 5] =
        [KeystoreWish::Auto, KeystoreWish::Os, KeystoreWish::File, KeystoreWish::Pass, KeystoreWish::Helper];

    /// The wish of this name.
    pub fn named(name: &str) -> Option<KeystoreWish> {
        Self::ALL.into_iter().find(|wish| wish.name() == name)
    }

    /// The word for it; that of a keystore is the keystore's name.
    pub fn name(self) -> &'static str {
        match self {
            KeystoreWish::Auto => "auto",
            KeystoreWish::Os => "os",
            KeystoreWish::File => "file",
            KeystoreWish::Pass => "pass",
            KeystoreWish::Helper => "helper",
        }
    }
}

impl fmt::Display for KeystoreWish {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Where sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionPlace {
    /// In the keystore that the keys are in.
    Keys,
    /// In the kernel's memory, until the machine is started anew.
    Kernel,
}

/// Where the passphrase of the encrypted file comes from, if the environment gives none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassphraseFrom {
    /// A person types it.
    Terminal,
    /// The system's keystore has it.
    Os,
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
    /// `session_keystore`.
    pub session_keystore: Option<Line<SessionPlace>>,
    /// `secret_service_collection`: the label of the collection that items go to; without it, the default one.
    pub secret_service_collection: Option<Line<String>>,
    /// `helper`: the program of the keystore `helper`, by its absolute path, and its arguments.
    pub helper: Option<Line<Vec<String>>>,
    /// `passphrase_from`.
    pub passphrase_from: Option<Line<PassphraseFrom>>,
    /// `kdf_memory_mib`: what a passphrase that is set from now on costs to try, in MiB.
    pub kdf_memory_mib: Option<Line<u32>>,
    /// `kdf_passes`: the same in passes over that memory.
    pub kdf_passes: Option<Line<u32>>,
    /// `unlock_for`: for how long `unlock` unlocks unless told otherwise.
    pub unlock_for: Option<Line<Duration>>,
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

/// The longest that the encrypted file may be unlocked for.
pub const LONGEST_UNLOCK: Duration = Duration::from_secs(30 * 86_400);

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
        let mut settings = Settings { path, ..Settings::default() };
        let read = match std::str::from_utf8(bytes) {
            Ok(text) => text::read_into(&mut settings, text),
            Err(error) => Err(text::Fault { offset: error.valid_up_to(), reason: "it is not UTF-8".to_owned() }),
        };
        match read {
            Ok(()) => Ok(settings),
            Err(text::Fault { offset, reason }) => {
                Err(SettingsError::Invalid { path: settings.path, line: text::line_of(bytes, offset), reason })
            }
        }
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
            repair: format!("look at it, then chmod 600 {}", shell_word(path.display())),
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
        let all = "session_keystore = 'kernel'\nsecret_service_collection = 'mine'\nhelper = ['/bin/h', 'x']\n\
                   passphrase_from = 'os'\nkdf_memory_mib = 256\nkdf_passes = 4\nunlock_for = '1h30m'\n";
        let settings = read(all).expect("settings");
        assert_eq!(settings.helper, Some(Line { value: vec!["/bin/h".to_owned(), "x".to_owned()], line: 3 }));
        assert_eq!(settings.secret_service_collection, Some(Line { value: "mine".to_owned(), line: 2 }));
        assert_eq!(settings.unlock_for, Some(Line { value: Duration::from_secs(5400), line: 7 }));
        for wish in KeystoreWish::ALL {
            assert_eq!(KeystoreWish::named(&wish.to_string()), Some(wish));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_its_key_and_what_is_wanted() {
        const KEYSTORES: &str = "\"auto\", \"os\", \"file\", \"pass\" or \"helper\"";
        const NUMBER: &str = "wants a whole number such as";
        const TIME: &str = "`unlock_for` wants a time such as \"8h\" or \"1h30m\", up to \"30d\": ";
        let keystore = |found: &str| format!("`keystore` wants {KEYSTORES}: {found}");
        for (text, expected_line, expected) in [
            ("keystore = 3\n", 1, keystore("not 3")),
            ("\nkeystore = \"cloud\"\n", 2, keystore("not \"cloud\"")),
            ("keystore = \"fiel\"\n", 1, keystore("not \"fiel\"; did you mean \"file\"?")),
            ("keystore = \"an\\u202eswer\"\n", 1, keystore("not \"answer\"")),
            ("keystore = \"much too long to be shown here\"\n", 1, keystore("not this text")),
            ("# a\n[keystore]\n", 2, keystore("not a section")),
            ("\n\nseed_keystore = true\n", 3, format!("`seed_keystore` wants {KEYSTORES}: not true")),
            (
                "session_keystore = \"Kernel\"\n",
                1,
                "wants \"keys\" or \"kernel\": not \"Kernel\"; did you mean \"kernel\"?".to_owned(),
            ),
            ("passphrase_from = \"hunter2\"\n", 1, "wants \"terminal\" or \"os\": not this text".to_owned()),
            ("kdf_memory_mib = \"a lot\"\n", 1, format!("`kdf_memory_mib` {NUMBER} 64: not \"a lot\"")),
            ("kdf_memory_mib = 64.5\n", 1, format!("{NUMBER} 64: not 64.5")),
            ("kdf_passes = -1\n", 1, format!("`kdf_passes` {NUMBER} 3: not -1")),
            ("kdf_passes = 99999999999\n", 1, "not 99999999999".to_owned()),
            ("kdf_passes = 2026-01-01\n", 1, "not a date or a time of day".to_owned()),
            ("unlock_for = \"9 parsecs\"\n", 1, format!("{TIME}not \"9 parsecs\"")),
            ("unlock_for = 8\n", 1, format!("{TIME}not 8")),
            ("unlock_for = \"0\"\n", 1, format!("{TIME}it takes some time")),
            ("\nunlock_for = \"31d\"\n", 2, format!("{TIME}this is longer")),
            (
                "secret_service_collection = \" \"\n",
                1,
                "a collection's name such as \"mfavault\": this is empty".to_owned(),
            ),
            ("secret_service_collection = \"a\\u202eb\"\n", 1, "direction-changing".to_owned()),
            ("secret_service_collection = []\n", 1, "not a list".to_owned()),
            (
                "helper = \"/usr/bin/helper\"\n",
                1,
                "`helper` wants a program's absolute path and its arguments".to_owned(),
            ),
            ("helper = []\n", 1, "this names no program".to_owned()),
            ("helper = [\"/usr/bin/helper\", 3]\n", 1, "each word of it is a text".to_owned()),
            ("\nhelper = [\"helper\", \"-x\"]\n", 2, "this is no absolute path".to_owned()),
            ("helper = [\"/bin/x\\u0000\"]\n", 1, "NUL".to_owned()),
            ("\nkeystor = \"os\"\n", 2, "`keystor` is no setting; did you mean `keystore`?".to_owned()),
            ("unlok-for = \"8h\"\n", 1, "`unlok-for` is no setting; did you mean `unlock_for`?".to_owned()),
            ("[profile]\nkeystore = 1\n", 1, format!("`profile` is no setting; there are {}", text::KEYS.join(", "))),
            // The first of several, not the first of the alphabet.
            ("unlock_for = 8\nhelper = 8\n", 1, TIME.to_owned()),
            (
                "keystore = \"os\"\n\"keystore\" = \"file\"\n",
                2,
                "`keystore` is set twice; the second one stands here".to_owned(),
            ),
            // TOML's own words.
            ("\nkeystore = os\n", 2, "string values must be quoted".to_owned()),
            ("keystore = \"os\n", 1, "invalid basic string".to_owned()),
            ("keystore\n", 1, String::new()),
            ("kdf_passes = 3\nkeystore =", 2, String::new()),
            ("kdf_passes = 3\n\nhelper = [\"/bin/x\"\n\n", 3, String::new()),
        ] {
            match read(text) {
                Err(SettingsError::Invalid { line, reason, path }) => {
                    assert_eq!(
                        (line, path.ends_with("mfavault/config.toml")),
                        (expected_line, true),
                        "{text:?}: {reason}"
                    );
                    let is_one_line = !reason.is_empty() && !reason.chars().any(char::is_control);
                    assert!(reason.contains(&expected) && is_one_line, "{text:?}: {reason}");
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
        let odd = place.path().join("it's; id");
        std::fs::create_dir(&odd).expect("created");
        std::fs::write(odd.join(FILE), "").expect("written");
        std::fs::set_permissions(odd.join(FILE), std::fs::Permissions::from_mode(0o666)).expect("set");
        match Settings::read(&odd) {
            Err(SettingsError::File(FileError::Unsafe { repair, .. })) => {
                assert!(repair.ends_with(r"it'\''s; id/config.toml'"), "{repair}");
            }
            other => panic!("{other:?}"),
        }
        std::fs::rename(&path, place.path().join("elsewhere")).expect("renamed");
        symlink(place.path().join("elsewhere"), &path).expect("linked");
        assert!(matches!(Settings::read(&folder), Err(SettingsError::File(FileError::Unsafe { .. }))));
    }
}
