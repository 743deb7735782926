//! A person at the controlling terminal. How a line is read there is the system's: see `tty_unix.rs`, `tty_windows.rs`.

use std::time::Duration;

use super::{Prompt, PromptError, talk, tty::Tty};
use crate::{secret::SecretText, visible::visible};

/// Asks on the controlling terminal, whatever stdin, stdout and stderr are.
///
/// Ctrl-C answers with `Interrupted`; Ctrl-Z does nothing while a question is open. SIGINT, SIGTERM and SIGHUP end the
/// process as ever, with the terminal as it was before.
#[derive(Default)]
pub struct TerminalPrompt {
    tty: Tty,
}

impl TerminalPrompt {
    /// Touches the terminal at the first question only.
    pub fn new() -> Self {
        Self::default()
    }

    fn ask(&self, question: &str, prompt: &str, hidden: bool, instead: &str) -> Result<SecretText, PromptError> {
        self.tty.ask(prompt, hidden)?.ok_or_else(|| PromptError::NoTerminal {
            question: question.to_owned(),
            reason: "no terminal",
            instead: instead.to_owned(),
        })
    }
}

impl Prompt for TerminalPrompt {
    fn secret(&self, question: &str, instead: &str) -> Result<SecretText, PromptError> {
        let question = visible(question);
        self.ask(&question, &format!("{question}: "), true, instead)
    }

    fn line(&self, question: &str, instead: &str) -> Result<String, PromptError> {
        let question = visible(question);
        let answer = self.ask(&question, &format!("{question}: "), false, instead)?;
        Ok(answer.expose().trim().to_owned())
    }

    fn confirm(&self, question: &str, instead: &str) -> Result<bool, PromptError> {
        let question = visible(question);
        loop {
            let answer = self.ask(&question, &format!("{question} [y/N] "), false, instead)?;
            match answer.expose().trim().to_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "" | "n" | "no" => return Ok(false),
                _ => continue,
            }
        }
    }

    fn say(&self, line: &str) {
        talk::say(line);
    }

    fn countdown(&self, reason: &str, left: Duration, wait: &dyn Fn()) {
        talk::countdown(reason, left, wait);
    }
}
