//! A person at the controlling terminal. How a line is read there is the system's: see `tty_unix.rs`, `tty_windows.rs`.

use std::{cell::Cell, time::Duration};

use super::{Dialog, Prompt, PromptError, Screen, menu, signals::EndSignals, talk, tty};
use crate::{secret::SecretText, visible::visible};

/// Asks on the controlling terminal, whatever stdin, stdout and stderr are.
///
/// Ctrl-C answers with `Interrupted`; Ctrl-Z does nothing while a question is open. SIGINT, SIGTERM and SIGHUP end the
/// process as ever, with the terminal as it was before.
pub struct TerminalPrompt {
    /// Whether a choice is shown in colours.
    coloured: bool,
    signals: EndSignals,
    released: Cell<bool>,
    dialog: Option<Dialog>,
}

impl TerminalPrompt {
    /// Touches the terminal at the first question only.
    pub fn new(coloured: bool) -> Self {
        TerminalPrompt { coloured, signals: EndSignals::default(), released: Cell::new(false), dialog: None }
    }

    /// The same, with a dialog for what a person has to agree to where there is no terminal.
    #[must_use]
    pub fn with_dialog(self, dialog: Option<Dialog>) -> Self {
        TerminalPrompt { dialog, ..self }
    }

    fn ask(&self, question: &str, prompt: &str, hidden: bool, instead: &str) -> Result<SecretText, PromptError> {
        self.still_asks(question, instead)?;
        tty::ask(prompt, hidden, &self.signals)?.ok_or_else(|| refusal(question, "no terminal", instead))
    }

    /// A question would come in the way of whoever has the terminal by now.
    fn still_asks(&self, question: &str, instead: &str) -> Result<(), PromptError> {
        match self.released.get() {
            true => Err(refusal(question, "nobody is asked any more", instead)),
            false => Ok(()),
        }
    }
}

fn refusal(question: &str, reason: &'static str, instead: &str) -> PromptError {
    PromptError::NoTerminal { question: question.to_owned(), reason, instead: instead.to_owned() }
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

    fn agree(&self, question: &str, instead: &str) -> Result<bool, PromptError> {
        let without_terminal = match self.confirm(question, instead) {
            Err(error @ PromptError::NoTerminal { .. }) => error,
            answer => return answer,
        };
        match (&self.dialog, self.released.get()) {
            (Some(dialog), false) => dialog.agree(&visible(question), instead),
            _ => Err(without_terminal),
        }
    }

    fn choose(&self, question: &str, options: &[String], instead: &str) -> Result<usize, PromptError> {
        self.still_asks(&visible(question), instead)?;
        menu::choose(question, options, self.coloured, &self.signals)
    }

    fn show(&self, question: &str, text: &str, instead: &str) -> Result<(), PromptError> {
        self.still_asks(question, instead)?;
        let text: String = text.lines().map(|line| visible(line) + "\n").collect();
        match tty::show(&text)? {
            true => Ok(()),
            false => Err(refusal(&visible(question), "no terminal", instead)),
        }
    }

    fn screen(&self) -> Result<Option<Screen>, PromptError> {
        Ok(Screen::open(&self.signals)?)
    }

    fn say(&self, line: &str) {
        talk::say(line);
    }

    fn countdown(&self, reason: &str, left: Duration, wait: &dyn Fn()) {
        talk::countdown(reason, left, wait);
    }

    fn last_words(&self, words: Option<String>) {
        self.signals.last_words(words);
    }

    fn may_ask(&self) -> bool {
        !self.released.get()
    }

    fn release_signals(&self) {
        self.released.set(true);
        self.signals.release();
    }
}
