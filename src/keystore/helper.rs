//! A keystore that is a program: for each operation it is started, gets one JSON request on its standard input, and gives
//! one JSON answer on its standard output. The protocol is in `docs/keystores.md`.
//!
//! What stands on its standard error is for the person. Nothing of an answer but its own message gets into an error.

use std::{
    cell::Cell,
    ffi::OsString,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    Keystore, KeystoreError, RecordName,
    program::{Call, reason},
};
use crate::{atomic_file::check_program, child::with_absolute_path, secret::SecretBytes};

const NAME: &str = "helper";
/// Of the protocol.
const VERSION: u32 = 1;
/// Far above any record of the vault.
const LIMIT_BYTES: usize = 1024 * 1024;
/// Room for a record of that size in base64, and for what stands around it.
const MAX_ANSWER_BYTES: usize = LIMIT_BYTES / 2 * 3;

/// A program that keeps records for us, such as in 1Password, Bitwarden or Vault.
pub struct HelperKeystore {
    command: Vec<String>,
    interactive: bool,
    environment: Vec<(OsString, OsString)>,
    /// Whether it gave an answer since: who had to sign in to something has done so.
    has_answered: Cell<bool>,
}

#[derive(Serialize)]
struct Request<'a> {
    version: u32,
    operation: &'static str,
    kind: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    interactive: bool,
}

#[derive(Deserialize)]
struct Answer {
    version: u32,
    content: Option<Zeroizing<String>>,
    error: Option<String>,
    message: Option<String>,
    limit_bytes: Option<usize>,
}

impl HelperKeystore {
    /// The program, by its absolute path, with its arguments, as the settings have it; touches nothing yet.
    pub fn new(command: Vec<String>, interactive: bool, inherited: Vec<(OsString, OsString)>) -> Self {
        let (environment, has_answered) = (with_absolute_path(inherited), Cell::new(false));
        HelperKeystore { command, interactive, environment, has_answered }
    }

    /// Whether the settings name a program that is there, and that nobody else may write to. Starts nothing.
    ///
    /// # Errors
    /// If there is none, then `Unavailable` with the reason; if others may write to it, then `File`.
    pub fn probe(&self) -> Result<(), KeystoreError> {
        match self.program()? {
            program if program.is_file() => Ok(check_program(&program)?),
            program => Err(unavailable(format!("there is no program {}", program.display()))),
        }
    }

    fn program(&self) -> Result<PathBuf, KeystoreError> {
        let Some(program) = self.command.first() else {
            return Err(unavailable("the setting `helper` names no program"));
        };
        match Path::new(program) {
            // Relative, it would be another one in each folder.
            program if !program.is_absolute() => {
                Err(unavailable(format!("the setting `helper` names no absolute path: {}", program.display())))
            }
            program => Ok(program.to_owned()),
        }
    }

    fn ask(
        &self,
        operation: &'static str,
        record: &RecordName,
        content: Option<&SecretBytes>,
    ) -> Result<Answer, KeystoreError> {
        self.probe()?;
        let encoded = content.map(|content| Zeroizing::new(STANDARD.encode(content.expose())));
        let request = Request {
            version: VERSION,
            operation,
            kind: record.kind(),
            name: record.name(),
            content: encoded.as_ref().map(|content| content.as_str()),
            interactive: self.interactive,
        };
        let call = Call {
            program: &self.program()?,
            arguments: &self.command[1..],
            environment: &self.environment,
            input: to_line(&request),
            may_ask: self.interactive,
            listens: false,
            limit_bytes: MAX_ANSWER_BYTES,
        };
        let ended = call.run().map_err(|failure| unavailable(failure.to_string()))?;
        if !ended.status.success() {
            return Err(unavailable(format!("the helper ended with {}", ended.status)));
        }
        // The error itself may quote what stands there.
        let answer: Answer = serde_json::from_slice(ended.output.expose())
            .map_err(|error| unavailable(format!("the helper's answer is none, at column {}", error.column())))?;
        if answer.version != VERSION {
            let version = answer.version;
            return Err(unavailable(format!(
                "the helper speaks version {version} of the protocol, and this is {VERSION}"
            )));
        }
        let error = answer.error.as_ref().map(|error| of_answer(error, &answer, record, content));
        // What is not there was looked for, so nobody has to sign in first.
        self.has_answered.set(matches!(error, None | Some(KeystoreError::NotFound { .. })) || self.has_answered.get());
        error.map_or(Ok(answer), Err)
    }
}

impl Keystore for HelperKeystore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(&self, record: &RecordName, _: bool) -> Result<(), KeystoreError> {
        if !self.interactive || self.has_answered.get() {
            return Ok(());
        }
        match self.ask("get", record, None) {
            Ok(_) | Err(KeystoreError::NotFound { .. } | KeystoreError::Corrupt { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        let answer = self.ask("get", record, None)?;
        let content = answer.content.ok_or_else(|| unavailable("the helper's answer has no content"))?;
        let content = STANDARD.decode(content.as_bytes());
        content.map(SecretBytes::new).map_err(|_| corrupt("the helper's content is not base64".to_owned()))
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        if content.expose().len() > LIMIT_BYTES {
            return Err(KeystoreError::TooLarge { keystore: NAME, limit_bytes: LIMIT_BYTES });
        }
        self.ask("put", record, Some(content)).map(drop)
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.ask("remove", record, None).map(drop)
    }
}

/// The error that an answer names.
fn of_answer(error: &str, answer: &Answer, record: &RecordName, content: Option<&SecretBytes>) -> KeystoreError {
    let message = match reason(answer.message.as_deref().unwrap_or_default()) {
        message if message.is_empty() => format!("the helper says `{}`", reason(error)),
        message => message,
    };
    match (error, content) {
        ("not-found", None) => KeystoreError::NotFound { keystore: NAME, record: record.clone() },
        ("too-large", Some(content)) => {
            // One that does not know its limit has at least refused this.
            let less = content.expose().len().saturating_sub(1);
            KeystoreError::TooLarge { keystore: NAME, limit_bytes: answer.limit_bytes.unwrap_or(less) }
        }
        ("locked", _) => KeystoreError::Locked { keystore: NAME, reason: message },
        ("corrupt", _) => corrupt(message),
        _ => unavailable(message),
    }
}

fn to_line(request: &Request<'_>) -> SecretBytes {
    // Sized once: a buffer that grows by moving would leave secrets behind. A character of a name takes six at most.
    let size = 256 + request.content.map_or(0, str::len) + 6 * (request.kind.len() + request.name.len());
    let mut line = Vec::with_capacity(size);
    serde_json::to_writer(&mut line, request).expect("invariant: a request has texts only");
    line.push(b'\n');
    SecretBytes::new(line)
}

fn unavailable(reason: impl Into<String>) -> KeystoreError {
    KeystoreError::Unavailable { keystore: NAME, reason: reason.into() }
}

fn corrupt(reason: String) -> KeystoreError {
    KeystoreError::Corrupt { keystore: NAME, reason }
}
