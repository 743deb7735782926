//! Nobody to ask: no terminal, or a person who wished not to be asked. Talk goes to stderr, or to whoever listens.

use std::time::Duration;

use super::{Prompt, PromptError, Screen, signals::EndSignals, talk};
use crate::{secret::SecretText, visible::visible};

/// Refuses every question.
pub struct Nobody<'a> {
    reason: &'static str,
    listener: Option<&'a dyn Fn(&str)>,
    signals: EndSignals,
}

impl<'a> Nobody<'a> {
    /// With what switched questions off, such as `--no-input`.
    pub fn new(reason: &'static str) -> Self {
        Nobody { reason, listener: None, signals: EndSignals::default() }
    }

    /// The same, where the screen is another program's by now: talk goes to a listener instead of stderr.
    pub fn heard_by(listener: &'a dyn Fn(&str), reason: &'static str) -> Self {
        Nobody { reason, listener: Some(listener), signals: EndSignals::default() }
    }

    fn refuse<T>(&self, question: &str, instead: &str) -> Result<T, PromptError> {
        Err(PromptError::NoTerminal { question: visible(question), reason: self.reason, instead: instead.to_owned() })
    }
}

impl Prompt for Nobody<'_> {
    fn secret(&self, question: &str, instead: &str) -> Result<SecretText, PromptError> {
        self.refuse(question, instead)
    }

    fn line(&self, question: &str, instead: &str) -> Result<String, PromptError> {
        self.refuse(question, instead)
    }

    fn confirm(&self, question: &str, instead: &str) -> Result<bool, PromptError> {
        self.refuse(question, instead)
    }

    fn agree(&self, question: &str, instead: &str) -> Result<bool, PromptError> {
        self.refuse(question, instead)
    }

    fn choose(&self, question: &str, _: &[String], instead: &str) -> Result<usize, PromptError> {
        self.refuse(question, instead)
    }

    fn show(&self, question: &str, _: &str, instead: &str) -> Result<(), PromptError> {
        self.refuse(question, instead)
    }

    /// Who is not asked may still look.
    fn screen(&self) -> Result<Option<Screen>, PromptError> {
        match self.listener {
            Some(_) => Ok(None),
            None => Ok(Screen::open(&self.signals)?),
        }
    }

    fn say(&self, line: &str) {
        match self.listener {
            Some(listener) => listener(line),
            None => talk::say(line),
        }
    }

    fn countdown(&self, reason: &str, left: Duration, wait: &dyn Fn()) {
        match self.listener {
            Some(_) => wait(),
            None => talk::countdown(reason, left, wait),
        }
    }

    fn last_words(&self, words: Option<String>) {
        if self.listener.is_none() {
            self.signals.last_words(words);
        }
    }

    fn may_ask(&self) -> bool {
        false
    }

    fn release_signals(&self) {}
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
            nobody.agree("Passphrase", "--passphrase-file").map(drop).expect_err("refused"),
            nobody.choose("Passphrase", &[], "--passphrase-file").map(drop).expect_err("refused"),
            nobody.show("Passphrase", "text", "--passphrase-file").expect_err("refused"),
        ];
        for error in errors {
            assert_eq!(error.to_string(), "cannot ask \"Passphrase\": --no-input");
            assert!(matches!(error, PromptError::NoTerminal { instead, .. } if instead == "--passphrase-file"));
        }
    }
}
