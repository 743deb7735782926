//! The password store of the program `pass` (passwordstore.org): one file a record, `mfavault/KIND/NAME.gpg` in it,
//! encrypted by GnuPG.
//!
//! `pass` does what changes the store, so that a store in git gets its commits; a record is inserted beside the older
//! one and then moved over it, because GnuPG writes in place. What happened is read from GnuPG's status lines (its
//! doc/DETAILS), never from words of a language: `pass` calls a truncated record a success.

use std::{
    cell::Cell,
    ffi::{OsStr, OsString},
    fmt::Write,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest;
use zeroize::Zeroizing;

use super::{
    Keystore, KeystoreError, RecordName,
    program::{Call, Ended, reason},
};
use crate::{
    child::{terminal_name, with_absolute_path},
    secret::SecretBytes,
};

const NAME: &str = "pass";
/// Our folder in the store.
const FOLDER: &str = "mfavault";
/// What a record is called until it is whole; in no encoded name.
const NEW: &str = ".new";
/// Far above any record of the vault.
const LIMIT_BYTES: usize = 1024 * 1024;
/// Room for a record of that size in base64, with line ends.
const MAX_OUTPUT_BYTES: usize = LIMIT_BYTES * 3 / 2;
/// Of the 255 bytes that a file's name may have, what `.new.gpg` and the names GnuPG makes leave.
const MAX_NAME_BYTES: usize = 200;
/// How GnuPG begins each line that is made for programs.
const STATUS: &str = "[GNUPG:] ";

/// A folder of the user's password store.
pub struct PassKeystore {
    interactive: bool,
    environment: Vec<(OsString, OsString)>,
    /// Whether something was decrypted: GnuPG's agent has the passphrase now.
    has_decrypted: Cell<bool>,
}

impl PassKeystore {
    /// The password store that these variables lead to (`PATH`, `HOME`, `PASSWORD_STORE_DIR`, `GNUPGHOME`); touches nothing
    /// yet. Only with `interactive` may GnuPG's agent open a window that asks for a passphrase.
    pub fn new(interactive: bool, inherited: Vec<(OsString, OsString)>) -> Self {
        let mut environment = with_absolute_path(inherited);
        let mut options = value(&environment, "PASSWORD_STORE_GPG_OPTS").unwrap_or_default().to_owned();
        options.push(" --batch --status-fd 2");
        if !interactive {
            options.push(" --pinentry-mode error");
        }
        set(&mut environment, "PASSWORD_STORE_GPG_OPTS", options);
        if let Some(terminal) = terminal_name().filter(|_| interactive && value(&environment, "GPG_TTY").is_none()) {
            // `pass` would look for it at its standard input, which is ours.
            set(&mut environment, "GPG_TTY", terminal);
        }
        PassKeystore { interactive, environment, has_decrypted: Cell::new(false) }
    }

    /// Whether there is a program `pass` and a store that was initialised. Starts nothing.
    ///
    /// # Errors
    /// If not, then `Unavailable` with the reason.
    pub fn probe(&self) -> Result<(), KeystoreError> {
        let store = self.store()?;
        let is_there = |folder: &Path| folder.join(".gpg-id").is_file();
        if is_there(&store) || is_there(&store.join(FOLDER)) || self.value("PASSWORD_STORE_KEY").is_some() {
            return self.program().map(drop);
        }
        Err(unavailable(format!("the password store {} is not initialised", store.display())))
    }

    /// The password store's folder, by the same rule as `pass` itself.
    ///
    /// # Errors
    /// If no variable leads to it, then `Unavailable` with the reason.
    pub fn store(&self) -> Result<PathBuf, KeystoreError> {
        let store = match (self.value("PASSWORD_STORE_DIR"), self.value("HOME")) {
            (Some(store), _) => PathBuf::from(store),
            (None, Some(home)) => Path::new(home).join(".password-store"),
            (None, None) => return Err(unavailable("neither PASSWORD_STORE_DIR nor HOME is set")),
        };
        match store.is_absolute() {
            true => Ok(store),
            false => Err(unavailable(format!("PASSWORD_STORE_DIR is not an absolute path: {}", store.display()))),
        }
    }

    fn program(&self) -> Result<PathBuf, KeystoreError> {
        let path = self.value("PATH").map(std::env::split_paths).into_iter().flatten();
        let found = path.map(|folder| folder.join("pass")).find(|program| program.is_file());
        found.ok_or_else(|| unavailable("there is no program `pass` on the PATH"))
    }

    fn value(&self, name: &str) -> Option<&OsStr> {
        value(&self.environment, name)
    }

    /// The file of an entry, if it is there.
    fn file(&self, entry: &str) -> Result<Option<PathBuf>, KeystoreError> {
        self.probe()?;
        let file = self.store()?.join(format!("{entry}.gpg"));
        match fs::symlink_metadata(&file) {
            Ok(_) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unavailable(format!("{} cannot be looked at: {error}", file.display()))),
        }
    }

    fn found(&self, record: &RecordName) -> Result<PathBuf, KeystoreError> {
        self.file(&entry(record))?.ok_or_else(|| KeystoreError::NotFound { keystore: NAME, record: record.clone() })
    }

    fn run(&self, arguments: &[&str], input: SecretBytes) -> Result<Ended, KeystoreError> {
        let call = Call {
            program: &self.program()?,
            arguments: &arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>(),
            environment: &self.environment,
            input,
            may_ask: self.interactive,
            listens: true,
            limit_bytes: MAX_OUTPUT_BYTES,
        };
        call.run().map_err(|failure| unavailable(failure.to_string()))
    }

    /// Has an entry decrypted.
    fn show(&self, entry: &str) -> Result<Ended, KeystoreError> {
        let ended = self.run(&["show", entry], nothing())?;
        if !ended.status.success() || !has_status(&ended, &["DECRYPTION_OKAY"]) {
            return Err(of_decryption(&ended, self.interactive));
        }
        self.has_decrypted.set(true);
        Ok(ended)
    }

    /// An entry of ours to decrypt: that of this record, else any.
    fn some_entry(&self, record: &RecordName) -> Result<Option<String>, KeystoreError> {
        if self.file(&entry(record))?.is_some() {
            return Ok(Some(entry(record)));
        }
        let folder = self.store()?.join(FOLDER);
        let mut entries = names_in(&folder).into_iter().flat_map(|kind| {
            let files = names_in(&folder.join(&kind)).into_iter();
            files.filter_map(move |file| Some(format!("{FOLDER}/{kind}/{}", file.strip_suffix(".gpg")?)))
        });
        Ok(entries.next())
    }

    /// Runs what has no answer but that it was done.
    fn change(&self, arguments: &[&str], input: SecretBytes) -> Result<(), KeystoreError> {
        let ended = self.run(arguments, input)?;
        match ended.status.success() {
            true => Ok(()),
            false => Err(unavailable(failed(&ended))),
        }
    }
}

impl Keystore for PassKeystore {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Only what is read is asked about: where nothing of ours is yet, that is when the first record is read back.
    fn open(&self, record: &RecordName, _: bool) -> Result<(), KeystoreError> {
        if !self.interactive || self.has_decrypted.get() {
            return Ok(());
        }
        match self.some_entry(record)?.map(|entry| self.show(&entry)) {
            None | Some(Ok(_) | Err(KeystoreError::Corrupt { .. })) => Ok(()),
            Some(Err(error)) => Err(error),
        }
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        self.found(record)?;
        let ended = self.show(&entry(record))?;
        // Sized once: a buffer that grows by moving would leave secrets behind.
        let mut text = Zeroizing::new(Vec::with_capacity(ended.output.expose().len()));
        text.extend(ended.output.expose().iter().filter(|byte| !byte.is_ascii_whitespace()));
        let content = STANDARD.decode(&*text);
        content.map(SecretBytes::new).map_err(|_| corrupt(format!("{} is not what was stored there", entry(record))))
    }

    /// Names that are too long to be file names cannot be told.
    fn list(&self) -> Result<Option<Vec<String>>, KeystoreError> {
        self.probe()?;
        let mut names = Vec::new();
        for kind in names_in(&self.store()?.join(FOLDER)) {
            for file in names_in(&self.store()?.join(FOLDER).join(&kind)) {
                let name = file.strip_suffix(".gpg").and_then(decoded);
                names.extend(name.map(|name| format!("{kind}/{name}")));
            }
        }
        Ok(Some(names))
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        if content.expose().len() > LIMIT_BYTES {
            return Err(KeystoreError::TooLarge { keystore: NAME, limit_bytes: LIMIT_BYTES });
        }
        self.probe()?;
        let entry = entry(record);
        let new = format!("{entry}{NEW}");
        let text = SecretBytes::new(STANDARD.encode(content.expose()).into_bytes());
        self.change(&["insert", "--multiline", "--force", &new], text)?;
        let store = self.store()?;
        let saved = |entry: &str, save: fn(&Path, &Path) -> io::Result<()>| {
            let file = store.join(format!("{entry}.gpg"));
            save(&file, &store).map_err(|error| unavailable(format!("{} cannot be saved: {error}", file.display())))
        };
        // Whole on the disk before it replaces the older one.
        saved(&new, |file, _| File::open(file)?.sync_all())?;
        self.change(&["mv", "--force", &new, &entry], nothing())?;
        saved(&entry, sync_with_names)
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        let new = format!("{}{NEW}", entry(record));
        if self.file(&new)?.is_some() {
            // A `put` that was killed left it.
            self.change(&["rm", "--force", &new], nothing())?;
        }
        let file = self.found(record)?;
        self.change(&["rm", "--force", &entry(record)], nothing())?;
        // `pass` ends well whatever came of it.
        match fs::symlink_metadata(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            _ => Err(unavailable(format!("{} is still there", file.display()))),
        }
    }
}

/// Has a file on the disk, and the names that lead to it in the store: `pass` waits for none of it, and may have written
/// the file anew.
#[cfg(unix)]
fn sync_with_names(file: &Path, store: &Path) -> io::Result<()> {
    let mut all = file.ancestors().take_while(|folder| folder.starts_with(store));
    all.try_for_each(|path| File::open(path)?.sync_all())
}

/// Has a file on the disk; folders cannot be waited for there.
#[cfg(not(unix))]
fn sync_with_names(file: &Path, _: &Path) -> io::Result<()> {
    File::open(file)?.sync_all()
}

/// The entry of a record: lower-case letters, digits, `-` and `_` as they are, every other byte as `%` and two digits,
/// so that no two names are one, not even where a file system takes `A` for `a`. Of a long name, and of none, the hash.
fn entry(record: &RecordName) -> String {
    let mut name = String::new();
    for byte in record.name().bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => drop(write!(name, "%{byte:02x}")),
        }
    }
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        // No name begins like this: a percent sign has two digits behind it.
        name = "%-".to_owned();
        for byte in digest::digest(&digest::SHA256, record.name().as_bytes()).as_ref() {
            let _ = write!(name, "{byte:02x}");
        }
    }
    format!("{FOLDER}/{}/{name}", record.kind())
}

/// The name that [`entry`] wrote as this one; none if that was another program, or the name is only a hash.
fn decoded(file: &str) -> Option<String> {
    let mut pieces = file.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok().filter(|_| !file.ends_with(NEW))
}

/// What lies in a folder of the store, by name; nothing where there is none.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Why a record could not be decrypted; with `asked`, a person could be asked.
fn of_decryption(ended: &Ended, asked: bool) -> KeystoreError {
    // With the secret key at hand, it is the record that is bad. DECRYPTION_KEY says that it was; NODATA, that it is cut off.
    if has_status(ended, &["NODATA", "BADMDC", "DECRYPTION_KEY", "UNEXPECTED"]) {
        return corrupt("GnuPG cannot decrypt the record".to_owned());
    }
    // GnuPG looks at a secret key that it has. Its own words are those of one that it has not.
    if has_status(ended, &["KEY_CONSIDERED"]) {
        let reason = match asked {
            true => "nobody gave GnuPG the passphrase of the secret key",
            false => "GnuPG has to ask for the passphrase of the secret key",
        };
        return KeystoreError::Locked { keystore: NAME, reason: reason.to_owned() };
    }
    unavailable(failed(ended))
}

/// Whether GnuPG gave one of these status lines.
fn has_status(ended: &Ended, words: &[&str]) -> bool {
    let mut given = ended.talk.lines().filter_map(|line| line.strip_prefix(STATUS)?.split_ascii_whitespace().next());
    given.any(|word| words.contains(&word))
}

/// What it said, else how it ended. It never says what it encrypts.
fn failed(ended: &Ended) -> String {
    let said: Vec<&str> = ended.talk.lines().filter(|line| !line.starts_with(STATUS)).collect();
    match reason(&said.join("\n")) {
        said if said.is_empty() => format!("it ended with {}", ended.status),
        said => said,
    }
}

fn value<'e>(environment: &'e [(OsString, OsString)], name: &str) -> Option<&'e OsStr> {
    let found = environment.iter().find(|(known, value)| known == name && !value.is_empty());
    found.map(|(_, value)| value.as_os_str())
}

fn set(environment: &mut Vec<(OsString, OsString)>, name: &str, value: OsString) {
    environment.retain(|(known, _)| known != name);
    environment.push((name.into(), value));
}

fn nothing() -> SecretBytes {
    SecretBytes::new(Vec::new())
}

fn unavailable(reason: impl Into<String>) -> KeystoreError {
    KeystoreError::Unavailable { keystore: NAME, reason: reason.into() }
}

fn corrupt(reason: String) -> KeystoreError {
    KeystoreError::Corrupt { keystore: NAME, reason }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_of_entries_are_safe_for_every_file_system_and_never_meet() {
        let long = "x".repeat(300);
        let longer = "x".repeat(301);
        let hash = entry(&RecordName::new("key", &long)).rsplit('/').next().expect("a name").to_owned();
        let names = [
            "prod", "Prod", "a/b", "a%2fb", "a%2Fb", "..", ".", "", "-rf", "ü", "u\u{308}", "\n", &long, &longer, &hash,
        ];
        let mut seen = HashSet::new();
        for kind in ["key", "session"] {
            for name in names {
                let entry = entry(&RecordName::new(kind, name));
                let file = entry.rsplit('/').next().expect("a name");
                assert!(format!("{file}{NEW}.gpg").len() <= 255 && !file.contains(['.', '\\', ' ']), "{entry}");
                assert!(
                    !file.is_empty()
                        && entry.starts_with(&format!("mfavault/{kind}/"))
                        && entry.matches('/').count() == 2,
                    "{entry}"
                );
                assert!(seen.insert(entry.to_lowercase()), "{name:?}: {entry}");
            }
        }
    }
}
