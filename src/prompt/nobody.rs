//! Nobody to ask: no terminal, or a person who wished not to be asked. Talk still goes to stderr.

use std::time::Duration;

use super::{Prompt, PromptError, talk};
use crate::{secret::SecretText, visible::visible};

/// Refuses every question.
pub struct Nobody {
    reason: &'static str,
}

impl Nobody {
    /// With what switched questions off, such as `--no-input`.
    pub fn new(reason: &'static str) -> Self {
        Nobody { reason }
    }

    fn refuse<T>(&self, question: &str, instead: &str) -> Result<T, PromptError> {
        Err(PromptError::NoTerminal { question: visible(question), reason: self.reason, instead: instead.to_owned() })
    }
}

impl Prompt for Nobody {
    fn secret(&self, question: &str, instead: &str) -> Result<SecretText, PromptError> {
        self.refuse(question, instead)
    }

    fn line(&self, question: &str, instead: &str) -> Result<String, PromptError> {
        self.refuse(question, instead)
    }

    fn confirm(&self, question: &str, instead: &str) -> Result<bool, PromptError> {
        self.refuse(question, instead)
    }

    fn say(&self, line: &str) {
        talk::say(line);
    }

    fn countdown(&self, reason: &str, left: Duration, wait: &dyn Fn()) {
        talk::countdown(reason, left, wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_refused_with_what_would_have_answered_it() {
        let nobody = Nobody::new("--no-input");
        let errors = [
            nobody.secret("Passphrase", "--passphrase-file").expect_err("refused"),
            nobody.line("Passphrase", "--passphrase-file").expect_err("refused"),
            nobody.confirm("Passphrase", "--passphrase-file").expect_err("refused"),
        ];
        for error in errors {
            assert_eq!(error.to_string(), "cannot ask \"Passphrase\": --no-input");
            assert!(matches!(error, PromptError::NoTerminal { instead, .. } if instead == "--passphrase-file"));
        }
    }
}
