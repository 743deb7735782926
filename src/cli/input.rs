//! What comes in by standard input and files: secrets among it, so that buffers are sized once and wiped.

use std::{io::Read, path::Path};

use crate::{
    atomic_file,
    commands::Error,
    secret::{SecretBytes, SecretText},
};

/// A session policy as AWS counts it: without the white space between its words.
pub(super) fn policy_document(path: &Path) -> Result<String, Error> {
    let text = read_text(path)?;
    let document: serde_json::Value = serde_json::from_str(text.expose())
        .map_err(|error| Error::Policy { path: path.to_owned(), reason: error.to_string() })?;
    match document.is_object() {
        true => Ok(document.to_string()),
        false => Err(Error::Policy { path: path.to_owned(), reason: "it is no JSON object".to_owned() }),
    }
}

/// Reads standard input to its end: a seed, a URI or two lines.
pub(super) fn read_stdin() -> Result<SecretText, Error> {
    const LIMIT: usize = 64 * 1024;
    let failed = |source| Error::Io { action: "read standard input", source };
    let mut text = zeroize::Zeroizing::new(String::with_capacity(LIMIT));
    std::io::stdin().lock().take(LIMIT as u64).read_to_string(&mut text).map_err(failed)?;
    Ok(SecretText::from(std::mem::take(&mut *text)))
}

/// Reads standard input to its end: a whole file, of which one byte too many is enough to be refused.
pub(super) fn read_stdin_bytes() -> Result<SecretBytes, Error> {
    const LIMIT: usize = (16 << 20) + 1;
    let failed = |source| Error::Io { action: "read standard input", source };
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(LIMIT));
    std::io::stdin().lock().take(LIMIT as u64).read_to_end(&mut bytes).map_err(failed)?;
    Ok(SecretBytes::from(std::mem::take(&mut *bytes)))
}

pub(super) fn read_text(path: &Path) -> Result<SecretText, Error> {
    let bytes = atomic_file::read_user_file(path)?;
    String::from_utf8(bytes).map(SecretText::from).map_err(|error| {
        drop(SecretBytes::from(error.into_bytes()));
        Error::NotText { path: path.to_owned() }
    })
}

/// A passphrase file's passphrase: its first line.
pub(super) fn read_first_line(path: &Path) -> Result<SecretText, Error> {
    let text = read_text(path)?;
    match text.expose().lines().next().filter(|line| !line.is_empty()) {
        Some(line) => Ok(SecretText::from(line)),
        None => Err(Error::EmptyPassphrase),
    }
}
