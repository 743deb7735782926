//! From the text of `config.toml` to settings: each key with what it may be, in words for whoever wrote something else.

use std::{path::Path, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{KeystoreWish, LONGEST_UNLOCK, Line, PassphraseFrom, SessionPlace, Settings};
use crate::{
    profile::values,
    visible::{is_unseen, visible},
};

/// All keys.
pub(super) const KEYS: [&str; 9] = [
    "keystore",
    "seed_keystore",
    "session_keystore",
    "secret_service_collection",
    "helper",
    "passphrase_from",
    "kdf_memory_mib",
    "kdf_passes",
    "unlock_for",
];
/// A text up to so many characters is repeated.
const MAX_SHOWN: usize = 24;

/// What is wrong where.
pub(super) struct Fault {
    /// In bytes.
    pub(super) offset: usize,
    pub(super) reason: String,
}

type Value<'t> = Spanned<DeValue<'t>>;

/// Reads all keys into these settings; of several faults, the first of the text is told.
pub(super) fn read_into(settings: &mut Settings, text: &str) -> Result<(), Fault> {
    let table = DeTable::parse(text).map_err(|error| of_syntax(&error, text))?;
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let key_at = key.span().start;
        let line = OneKey { text, key: key.get_ref() };
        match &**key.get_ref() {
            "keystore" => settings.keystore = line.one(value, &wishes())?,
            "seed_keystore" => settings.seed_keystore = line.one(value, &wishes())?,
            "session_keystore" => {
                let places = [("keys", SessionPlace::Keys), ("kernel", SessionPlace::Kernel)];
                settings.session_keystore = line.one(value, &places)?;
            }
            "secret_service_collection" => settings.secret_service_collection = line.checked(value, LABEL, label)?,
            "helper" => settings.helper = line.checked(value, HELPER, program)?,
            "passphrase_from" => {
                let places = [("terminal", PassphraseFrom::Terminal), ("os", PassphraseFrom::Os)];
                settings.passphrase_from = line.one(value, &places)?;
            }
            "kdf_memory_mib" => settings.kdf_memory_mib = line.checked(value, "a whole number such as 64", number)?,
            "kdf_passes" => settings.kdf_passes = line.checked(value, "a whole number such as 3", number)?,
            "unlock_for" => settings.unlock_for = line.checked(value, TIME, time)?,
            unknown => return Err(Fault { offset: key_at, reason: of_unknown(unknown) }),
        }
    }
    Ok(())
}

const LABEL: &str = "a collection's name such as \"mfavault\"";
const HELPER: &str = "a program's absolute path and its arguments, such as [\"/usr/local/bin/helper\", \"--folder\"]";
const TIME: &str = "a time such as \"8h\" or \"1h30m\", up to \"30d\"";

/// One key of the text.
struct OneKey<'t> {
    text: &'t str,
    key: &'t str,
}

impl OneKey<'_> {
    /// One of these words.
    fn one<T: Copy>(&self, value: &Value<'_>, words: &[(&str, T)]) -> Result<Option<Line<T>>, Fault> {
        let wanted: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let (last, others) = wanted.split_last().expect("invariant: each key has several words");
        let wanted = format!("{} or {last}", others.join(", "));
        let found = text_of(value).and_then(|text| words.iter().find(|(word, _)| *word == text));
        match found {
            Some((_, meaning)) => Ok(Some(self.line(value, *meaning))),
            None => {
                let mut fault = self.fault(value, &wanted, None);
                let near = text_of(value).and_then(|text| nearest(text, words.iter().map(|(word, _)| *word)));
                fault.reason.extend(near.map(|word| format!("; did you mean \"{word}\"?")));
                Err(fault)
            }
        }
    }

    /// What this function makes of it; it may say what else is wrong with something of the right kind.
    fn checked<T>(
        &self,
        value: &Value<'_>,
        wanted: &str,
        check: impl FnOnce(&DeValue<'_>) -> Result<T, Option<&'static str>>,
    ) -> Result<Option<Line<T>>, Fault> {
        match check(value.get_ref()) {
            Ok(meaning) => Ok(Some(self.line(value, meaning))),
            Err(reason) => Err(self.fault(value, wanted, reason)),
        }
    }

    fn fault(&self, value: &Value<'_>, wanted: &str, reason: Option<&str>) -> Fault {
        let found = match reason {
            Some(reason) => reason.to_owned(),
            // Whoever mistook it for the place of the passphrase itself does not see it on the screen.
            None if self.key == "passphrase_from" => format!("not {}", kind(value.get_ref())),
            None => format!("not {}", shown(value.get_ref())),
        };
        Fault { offset: value.span().start, reason: format!("`{}` wants {wanted}: {found}", self.key) }
    }

    fn line<T>(&self, value: &Value<'_>, meaning: T) -> Line<T> {
        Line { value: meaning, line: line_of(self.text.as_bytes(), value.span().start) }
    }
}

/// The line of a byte, from 1.
pub(super) fn line_of(text: &[u8], offset: usize) -> usize {
    1 + text[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}

/// What TOML itself does not allow: its reader's words, save where it knows the key.
fn of_syntax(error: &toml::de::Error, text: &str) -> Fault {
    let span = error.span().unwrap_or(text.trim_end().len()..text.len());
    let message = error.message().trim().replace('\n', ", ");
    let key = text.get(span.clone()).map(|key| key.trim_matches(['"', '\'', ' '])).filter(|key| KEYS.contains(key));
    let reason = match key {
        Some(key) if message == "duplicate key" => format!("`{key}` is set twice; the second one stands here"),
        _ => message,
    };
    Fault { offset: span.start, reason }
}

fn of_unknown(key: &str) -> String {
    let key_shown = visible(key);
    match nearest(key, KEYS.into_iter()) {
        Some(known) => format!("`{key_shown}` is no setting; did you mean `{known}`?"),
        None => format!("`{key_shown}` is no setting; there are {}", KEYS.join(", ")),
    }
}

/// The word that was probably meant.
fn nearest<'w>(wrong: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let wrong = wrong.to_lowercase().replace('-', "_");
    let near = words.map(|word| (strsim::damerau_levenshtein(&wrong, word), word)).min();
    near.filter(|(distance, word)| *distance <= 2 && *distance < word.len()).map(|(_, word)| word)
}

fn wishes() -> Vec<(&'static str, KeystoreWish)> {
    KeystoreWish::ALL.map(|wish| (wish.name(), wish)).to_vec()
}

fn text_of<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    match value.get_ref() {
        DeValue::String(text) => Some(text),
        _ => None,
    }
}

fn number(value: &DeValue<'_>) -> Result<u32, Option<&'static str>> {
    match value {
        DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).map_err(|_| None),
        _ => Err(None),
    }
}

fn time(value: &DeValue<'_>) -> Result<Duration, Option<&'static str>> {
    let DeValue::String(text) = value else { return Err(None) };
    match values::time(text).map_err(|_| None)? {
        Duration::ZERO => Err(Some("it takes some time")),
        time if time > LONGEST_UNLOCK => Err(Some("this is longer")),
        time => Ok(time),
    }
}

/// What a person reads in a list of collections.
fn label(value: &DeValue<'_>) -> Result<String, Option<&'static str>> {
    match value {
        DeValue::String(text) if text.chars().any(is_unseen) => {
            Err(Some("this has a control, invisible or direction-changing character"))
        }
        DeValue::String(text) if text.trim().is_empty() => Err(Some("this is empty")),
        DeValue::String(text) => Ok(text.to_string()),
        _ => Err(None),
    }
}

/// A program by its absolute path, with its arguments; whether it is there, matters to whoever uses it.
fn program(value: &DeValue<'_>) -> Result<Vec<String>, Option<&'static str>> {
    let DeValue::Array(words) = value else { return Err(None) };
    let words: Option<Vec<String>> = words.iter().map(|word| text_of(word).map(str::to_owned)).collect();
    match words {
        None => Err(Some("each word of it is a text")),
        Some(words) if words.is_empty() => Err(Some("this names no program")),
        // Relative, it would be another one in each folder.
        Some(words) if !Path::new(&words[0]).is_absolute() => Err(Some("this is no absolute path")),
        Some(words) if words.iter().any(|word| word.contains('\0')) => Err(Some("a word has a NUL character")),
        Some(words) => Ok(words),
    }
}

/// What stands there instead.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() <= MAX_SHOWN => format!("\"{}\"", visible(text)),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        value => kind(value).to_owned(),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "this text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or a time of day",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}
