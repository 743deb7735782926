//! Edge: AWS's two files, read into values and edited under a lock.
//!
//! An edit reads again under the lock before it writes, so two processes lose nothing of each other's. What the texts
//! mean is the business of `profile`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{
    atomic_file::{FileError, create_folders, replace_keeping_mode},
    credentials::LongTermCredentials,
    profile::{ConfigText, EditError, Entry, FileKind, Place, ProfileName, SectionName, SharedConfig},
    secret::{SecretBytes, SecretText},
};

/// No file of AWS's tools comes near; what is larger is something else.
const LIMIT_BYTES: u64 = 16 * 1024 * 1024;

/// Why AWS's files cannot be used.
#[derive(Debug, Error)]
pub enum SharedConfigError {
    /// The file is there and cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than any config.
    #[error("{} is larger than {limit_bytes} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit_bytes: u64,
    },
    /// The file is not text.
    #[error("{}:{line} is not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first such line, from 1.
        line: usize,
    },
    /// Another process cannot be kept from writing at the same time.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The edit is refused.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The edited text cannot be written; the file is as it was.
    #[error(transparent)]
    Write(#[from] FileError),
    /// The keys of a profile are not a whole key pair of a user. No value is repeated.
    #[error("the keys at {place} are no long-term credentials: {reason}")]
    NotLongTerm {
        /// Where the first of them stands.
        place: Box<Place>,
        /// What is missing or too much.
        reason: String,
    },
}

/// Reads both files; one that is missing is empty.
///
/// # Errors
/// If a file is there and cannot be read, then `Read`; if it is over 16 MiB, then `TooLarge`; if it is not UTF-8, then
/// `NotText`.
pub fn read(config: &Path, credentials: &Path) -> Result<SharedConfig, SharedConfigError> {
    Ok(SharedConfig {
        config: read_file(config, FileKind::Config)?,
        credentials: read_file(credentials, FileKind::Credentials)?,
    })
}

/// Reads one of the files, lets it be edited, and writes it back if that changed it; waits for other such edits. The
/// file keeps its mode; a missing one, and its folder, are made for the user alone.
///
/// # Errors
/// As [`read`]; if the lock file beside it cannot be locked, then `Lock`; if the edit is refused, then `Edit`; if the
/// text cannot be written, then `Write`. The file is then as it was.
pub fn edit<T>(
    path: &Path,
    kind: FileKind,
    edit: impl FnOnce(&mut ConfigText) -> Result<T, EditError>,
) -> Result<T, SharedConfigError> {
    let _lock = lock(path)?;
    let before = read_file(path, kind)?;
    let mut text = before.clone();
    let outcome = edit(&mut text)?;
    if text != before {
        replace_keeping_mode(path, text.as_str().as_bytes())?;
    }
    Ok(outcome)
}

/// The key pair that stands in plain text in a profile's section, if one does.
///
/// # Errors
/// If a half is missing, the ID is not one, or a session token stands beside it, then `NotLongTerm`.
pub fn static_keys(text: &ConfigText, name: &ProfileName) -> Result<Option<LongTermCredentials>, SharedConfigError> {
    let section = SectionName::Profile(name.clone());
    let entry = |key| text.entry(&section, key).filter(|entry| !entry.value().is_empty());
    let (id, secret) = (entry("aws_access_key_id"), entry("aws_secret_access_key"));
    let Some(first) = id.or(secret) else { return Ok(None) };
    let not_long_term = |reason: &str| {
        let (file, key) = (first.path().to_owned(), first.key().to_owned());
        let place = Box::new(Place { file, line: first.line(), profile: name.clone(), key });
        SharedConfigError::NotLongTerm { place, reason: reason.to_owned() }
    };
    let id = id.ok_or_else(|| not_long_term("aws_access_key_id is missing"))?;
    let secret = secret.ok_or_else(|| not_long_term("aws_secret_access_key is missing"))?;
    if entry("aws_session_token").is_some() {
        return Err(not_long_term("aws_session_token makes them session credentials, which end"));
    }
    let parsed = id.value().parse();
    let access_key_id =
        parsed.map_err(|error: crate::credentials::InvalidAccessKeyId| not_long_term(&error.to_string()))?;
    Ok(Some(LongTermCredentials { access_key_id, secret_access_key: SecretText::from(secret.value().into_owned()) }))
}

/// The two halves of a key pair.
pub const KEY_PAIR: [&str; 2] = ["aws_access_key_id", "aws_secret_access_key"];

/// Removes the key pair of a profile from its section, and the section too if nothing else stands in it; says whether
/// there was one.
///
/// # Errors
/// As [`ConfigText::remove_key`].
pub fn remove_static_keys(text: &mut ConfigText, name: &ProfileName) -> Result<bool, EditError> {
    let section = SectionName::Profile(name.clone());
    if has_only(text, &section, &KEY_PAIR) {
        return text.remove_section(&section);
    }
    let mut removed = false;
    for key in KEY_PAIR {
        removed |= text.remove_key(&section, key)?;
    }
    Ok(removed)
}

/// Whether something stands in a section, and nothing else than these keys.
pub fn has_only(text: &ConfigText, section: &SectionName, keys: &[&str]) -> bool {
    let is_one = |entry: Entry<'_>| keys.iter().any(|key| entry.key().eq_ignore_ascii_case(key));
    text.entries(section).next().is_some() && text.entries(section).all(is_one)
}

fn read_file(path: &Path, kind: FileKind) -> Result<ConfigText, SharedConfigError> {
    let failed = |source| SharedConfigError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ConfigText::parse(path, kind, "")),
        file => file.map_err(failed)?,
    };
    // Sized once: a text that grows by moving would leave its secrets behind.
    let length = file.metadata().map_err(failed)?.len().min(LIMIT_BYTES);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    file.take(LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LIMIT_BYTES {
        return Err(SharedConfigError::TooLarge { path: path.to_owned(), limit_bytes: LIMIT_BYTES });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(ConfigText::parse(path, kind, text)),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
            drop(SecretBytes::from(error.into_bytes()));
            Err(SharedConfigError::NotText { path: path.to_owned(), line })
        }
    }
}

/// Locks a file beside the one to edit (that one is replaced, so a lock on it would not last). The kernel releases it
/// on death.
fn lock(path: &Path) -> Result<File, SharedConfigError> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".mfavault-lock");
    let lock_path = path.with_file_name(name);
    let failed = |source| SharedConfigError::Lock { path: lock_path.clone(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_folders(folder).map_err(failed)?;
    }
    let file = private_file().open(&lock_path).map_err(failed)?;
    keep_for_the_next(&file).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;
    let mut options = OpenOptions::new();
    let planted = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(planted.bits().cast_signed());
    options
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    options
}

/// Gives the owner what the umask took: the next process could not open the lock.
#[cfg(unix)]
fn keep_for_the_next(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o600 == 0o600 {
        return Ok(());
    }
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_for_the_next(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn name(text: &str) -> ProfileName {
        text.parse().expect("a profile name")
    }

    fn set(text: &mut ConfigText, profile: &str) -> Result<(), EditError> {
        text.set(&SectionName::Profile(name(profile)), "region", "eu-west-1")
    }

    #[test]
    fn missing_files_are_empty_and_unreadable_ones_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = read(&folder.path().join("a"), &folder.path().join("b")).expect("empty");
        assert_eq!((shared.config.as_str(), shared.profile_names().len()), ("", 0));
        let error = read(folder.path(), &folder.path().join("b")).expect_err("a folder is no file");
        assert!(error.to_string().contains(&folder.path().display().to_string()));
    }

    #[test]
    fn what_is_not_a_config_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        fs::write(&path, b"[default]\nx = \xff\n").expect("written");
        let error = read(&path, Path::new("/nonexistent/credentials")).expect_err("refused");
        assert!(matches!(error, SharedConfigError::NotText { line: 2, .. }), "{error}");
        File::create(&path).and_then(|file| file.set_len(LIMIT_BYTES + 1)).expect("a large file");
        let error = read(&path, Path::new("/nonexistent/credentials")).expect_err("refused");
        assert!(matches!(error, SharedConfigError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn edits_at_the_same_time_lose_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/.aws/config");
        std::thread::scope(|scope| {
            for number in 0..16 {
                let path = &path;
                scope.spawn(move || {
                    edit(path, FileKind::Config, |text| set(text, &format!("p{number}"))).expect("edited")
                });
            }
        });
        let text = fs::read_to_string(&path).expect("the config");
        assert_eq!(text.matches("[profile p").count(), 16, "{text}");
    }

    #[test]
    fn a_refused_edit_and_an_edit_without_change_write_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        let refused = |text: &mut ConfigText| {
            set(text, "a")?;
            text.set(&SectionName::Profile(name("a")), "x", "1\n[evil]")
        };
        assert!(matches!(edit(&path, FileKind::Config, refused), Err(SharedConfigError::Edit(_))));
        edit(&path, FileKind::Config, |_| Ok(())).expect("nothing to do");
        assert!(!path.exists());
    }

    #[test]
    fn a_key_pair_is_read_and_removed_with_an_empty_section() {
        let text = "[a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\nAWS_Secret_Access_Key = wJalr/#x\n\n[b]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = y\nregion = eu-west-1\n";
        let mut text = ConfigText::parse("credentials", FileKind::Credentials, text);
        let keys = static_keys(&text, &name("a")).expect("read").expect("a pair");
        assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key), ("AKIAIOSFODNN7EXAMPLE", "wJalr/#x".into()));
        assert_eq!(remove_static_keys(&mut text, &name("a")), Ok(true));
        assert_eq!(remove_static_keys(&mut text, &name("b")), Ok(true));
        assert_eq!(remove_static_keys(&mut text, &name("b")), Ok(false));
        assert_eq!(text.as_str(), "[b]\nregion = eu-west-1\n");
        assert!(static_keys(&text, &name("b")).expect("read").is_none());
    }

    #[test]
    fn half_a_pair_or_session_credentials_are_refused_without_repeating_them() {
        for keys in [
            "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
            "aws_secret_access_key = wJalr",
            "aws_access_key_id = wJalr\naws_secret_access_key = wJalr",
            "aws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalr\naws_session_token = wJalr",
        ] {
            let text = ConfigText::parse("credentials", FileKind::Credentials, format!("[a]\n{keys}\n"));
            let error = static_keys(&text, &name("a")).expect_err(keys).to_string();
            assert!(error.contains("credentials:2") && !error.contains("wJalr"), "{error}");
        }
    }
}
