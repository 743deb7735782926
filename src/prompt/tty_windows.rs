//! One line from the console, by `dialoguer`.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
};

use dialoguer::{Error, Input, Password};

use super::{PromptError, signals::EndSignals};
use crate::secret::SecretText;

/// Shows a text on the console; says whether there is one.
pub(super) fn show(text: &str) -> Result<bool, PromptError> {
    let Ok(mut console) = OpenOptions::new().write(true).open("CONOUT$") else { return Ok(false) };
    console.write_all(text.as_bytes())?;
    Ok(true)
}

/// Asks for one line; none if there is no console.
pub(super) fn ask(prompt: &str, hidden: bool, signals: &EndSignals) -> Result<Option<SecretText>, PromptError> {
    let _held = signals.hold()?;
    // dialoguer puts its own colon behind the question.
    let prompt = prompt.trim_end_matches([':', ' ']);
    let answer = if hidden {
        Password::new().with_prompt(prompt).allow_empty_password(true).report(false).interact()
    } else {
        Input::<String>::new().with_prompt(prompt).allow_empty(true).report(false).interact_text()
    };
    match answer {
        Ok(answer) => Ok(Some(SecretText::from(answer))),
        Err(Error::IO(error)) => match error.kind() {
            ErrorKind::NotConnected => Ok(None),
            ErrorKind::Interrupted => Err(PromptError::Interrupted),
            _ => Err(PromptError::Io(error)),
        },
    }
}
