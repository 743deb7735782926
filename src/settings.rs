//! Edge: the person's settings, `config.toml` in the folder for settings: read once, checked, each value with its line.
//!
//! Few and flat. An unknown key is an error: what is misspelt must not be passed over in silence.

use std::{
    fmt,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use crate::{
    atomic_file::{FileError, PrivateFolder},
    profile::values,
    visible::{is_unseen, shell_word},
};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionPlace {
    /// In the keystore that the keys are in.
    Keys,
    /// In the kernel's memory, until the machine is started anew.
    Kernel,
}

/// Where the passphrase of the encrypted file comes from, if the environment gives none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    keystore: Option<Spanned<KeystoreWish>>,
    seed_keystore: Option<Spanned<KeystoreWish>>,
    session_keystore: Option<Spanned<SessionPlace>>,
    secret_service_collection: Option<Spanned<Label>>,
    helper: Option<Spanned<Program>>,
    passphrase_from: Option<Spanned<PassphraseFrom>>,
    kdf_memory_mib: Option<Spanned<u32>>,
    kdf_passes: Option<Spanned<u32>>,
    unlock_for: Option<Spanned<Time>>,
}

/// Such as `8h`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Time(Duration);

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match values::time(&text)? {
            Duration::ZERO => Err("unlock_for takes some time".to_owned()),
            time if time > LONGEST_UNLOCK => Err("unlock_for is 30d at most".to_owned()),
            time => Ok(Time(time)),
        }
    }
}

/// What a person reads in a list of collections.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Label(String);

impl TryFrom<String> for Label {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.chars().any(is_unseen) {
            true => Err("secret_service_collection has a control, invisible or direction-changing character"),
            false if text.trim().is_empty() => Err("secret_service_collection is empty"),
            false => Ok(Label(text)),
        }
    }
}

/// A program by its absolute path, with its arguments; whether it is there, matters to whoever uses it.
#[derive(Deserialize)]
#[serde(try_from = "Vec<String>")]
struct Program(Vec<String>);

impl TryFrom<Vec<String>> for Program {
    type Error = &'static str;

    fn try_from(words: Vec<String>) -> Result<Self, Self::Error> {
        match words.first() {
            None => Err("`helper` names no program"),
            // Relative, it would be another one in each folder.
            Some(program) if !Path::new(program).is_absolute() => Err("`helper` names no absolute path"),
            Some(_) if words.iter().any(|word| word.contains('\0')) => Err("`helper` has a word with a NUL character"),
            Some(_) => Ok(Program(words)),
        }
    }
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
                let reason = with_guess(error.message().trim().replace('\n', ", "));
                return Err(invalid(path, error.span().map_or(0, |span| span.start), reason));
            }
        };
        Ok(Settings {
            keystore: with_line(stored.keystore, line),
            seed_keystore: with_line(stored.seed_keystore, line),
            session_keystore: with_line(stored.session_keystore, line),
            secret_service_collection: with_line(stored.secret_service_collection, line)
                .map(|Line { value: Label(value), line }| Line { value, line }),
            helper: with_line(stored.helper, line).map(|Line { value: Program(value), line }| Line { value, line }),
            passphrase_from: with_line(stored.passphrase_from, line),
            kdf_memory_mib: with_line(stored.kdf_memory_mib, line),
            kdf_passes: with_line(stored.kdf_passes, line),
            unlock_for: with_line(stored.unlock_for, line)
                .map(|Line { value: Time(value), line }| Line { value, line }),
            path,
        })
    }
}

/// The sentence about an unknown word, which lists those that are known, with the one that was probably meant.
fn with_guess(reason: String) -> String {
    let mut quoted = reason.split('`').skip(1).step_by(2);
    let meant = quoted.next().filter(|_| reason.starts_with("unknown ")).and_then(|wrong| {
        let distance = |known: &str| strsim::damerau_levenshtein(&wrong.to_lowercase(), known);
        quoted.min_by_key(|known| distance(known)).filter(|known| distance(known) <= 2)
    });
    match meant {
        Some(meant) => format!("{reason}; did you mean `{meant}`?"),
        None => reason,
    }
}

fn with_line<T>(value: Option<Spanned<T>>, line: impl Fn(usize) -> usize) -> Option<Line<T>> {
    value.map(|value| Line { line: line(value.span().start), value: value.into_inner() })
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
    fn what_is_wrong_is_said_with_its_line() {
        for (text, expected_line, word) in [
            ("\nkeystor = \"os\"\n", 2, "unknown field `keystor`"),
            ("unlok_for = \"8h\"\n", 1, "did you mean `unlock_for`?"),
            ("keystore = \"fiel\"\n", 1, "did you mean `file`?"),
            ("session_keystore = \"Kernel\"\n", 1, "did you mean `kernel`?"),
            ("passphrase_from = \"file\"\n", 1, "expected `terminal` or `os`"),
            ("unlock_for = \"0\"\n", 1, "unlock_for takes some time"),
            ("\nunlock_for = \"31d\"\n", 2, "30d at most"),
            ("unlock_for = \"soon\"\n", 1, "not a time such as 15m"),
            ("unlock_for = 8\n", 1, "expected a string"),
            ("secret_service_collection = \" \"\n", 1, "secret_service_collection is empty"),
            ("secret_service_collection = \"a\\u202eb\"\n", 1, "direction-changing"),
            ("helper = []\n", 1, "names no program"),
            ("\nhelper = [\"helper\", \"-x\"]\n", 2, "no absolute path"),
            ("helper = \"/usr/bin/helper\"\n", 1, "expected a sequence"),
            ("kdf_passes = -1\n", 1, "expected u32"),
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
