//! One line from the console, by `dialoguer`.

use std::io::ErrorKind;

use dialoguer::{Error, Input, Password};

use super::PromptError;
use crate::secret::SecretText;

/// The console.
#[derive(Default)]
pub(super) struct Tty;

impl Tty {
    /// Asks for one line; none if there is no console.
    pub(super) fn ask(&self, prompt: &str, hidden: bool) -> Result<Option<SecretText>, PromptError> {
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
}
