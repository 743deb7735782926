//! Edge: a person. Questions go to the controlling terminal, never to stdin or stdout; talk goes to stderr.

#[cfg_attr(unix, path = "device_unix.rs")]
#[cfg_attr(windows, path = "device_windows.rs")]
mod device;
mod dialog;
mod menu;
mod nobody;
mod screen;
#[cfg_attr(unix, path = "signals_unix.rs")]
#[cfg_attr(windows, path = "signals_windows.rs")]
mod signals;
mod talk;
mod terminal;
#[cfg_attr(unix, path = "tty_unix.rs")]
#[cfg_attr(windows, path = "tty_windows.rs")]
mod tty;

use std::time::Duration;

use thiserror::Error;

pub use dialog::Dialog;
pub use menu::can_choose;
pub use nobody::Nobody;
pub use screen::{Key, Screen, Size};
pub use terminal::TerminalPrompt;

use crate::secret::SecretText;

/// A person who can be asked and told things.
pub trait Prompt {
    /// Asks for a secret with hidden input.
    ///
    /// # Errors
    /// If nobody can be asked, then `NoTerminal` with `instead`, the thing that would have answered the question.
    fn secret(&self, question: &str, instead: &str) -> Result<SecretText, PromptError>;

    /// Asks for a line of text.
    ///
    /// # Errors
    /// As [`Prompt::secret`].
    fn line(&self, question: &str, instead: &str) -> Result<String, PromptError>;

    /// Asks yes or no; an empty answer is no.
    ///
    /// # Errors
    /// As [`Prompt::secret`].
    fn confirm(&self, question: &str, instead: &str) -> Result<bool, PromptError>;

    /// Asks a person to agree that something secret goes out: on the terminal, else by a dialog. An empty answer is no.
    ///
    /// # Errors
    /// As [`Prompt::secret`]; if nobody answers the dialog, then `NoTerminal` as well.
    fn agree(&self, question: &str, instead: &str) -> Result<bool, PromptError>;

    /// Asks for one of the options, the first one marked; gives its place in the list. To be called only if
    /// [`can_choose`] says so.
    ///
    /// # Errors
    /// As [`Prompt::secret`]; if the person chooses none, then `Interrupted`.
    fn choose(&self, question: &str, options: &[String], instead: &str) -> Result<usize, PromptError>;

    /// Shows lines to the person at the terminal, whatever stdin, stdout and stderr are: what has to be seen for the
    /// command to go on. `question` says what it is about.
    ///
    /// # Errors
    /// As [`Prompt::secret`].
    fn show(&self, question: &str, text: &str, instead: &str) -> Result<(), PromptError>;

    /// Takes the whole terminal, to show something for a while; none if there is no terminal. Whoever has it says and asks
    /// nothing before it is given back.
    ///
    /// # Errors
    /// If the terminal fails, then `Io`.
    fn screen(&self) -> Result<Option<Screen>, PromptError>;

    /// Says one line of talk at once, on stderr: what is happening, or a warning.
    fn say(&self, line: &str);

    /// Shows what is awaited and how long still, as a countdown on a terminal and elsewhere as one line, and calls
    /// `wait` meanwhile. The waiting itself is the clock's.
    fn countdown(&self, reason: &str, left: Duration, wait: &dyn Fn());

    /// From now on, and until it gets others or none, a signal that ends the process has these words said first, on
    /// stderr. On Windows they are not.
    fn last_words(&self, words: Option<String>);

    /// Whether questions are asked; else nothing else may ask on the terminal either.
    fn may_ask(&self) -> bool;

    /// Asks no question any more, and leaves the signals that end a process to whoever handles them from now on. After
    /// a question, they have their default effect as long as this was not called.
    fn release_signals(&self);
}

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum PromptError {
    /// There is no terminal, or the person wished not to be asked.
    #[error("cannot ask \"{question}\": {reason}")]
    NoTerminal {
        /// The question that was to be asked.
        question: String,
        /// `no terminal`, or what switched questions off.
        reason: &'static str,
        /// What would have answered it, such as `--stdin`.
        instead: String,
    },
    /// The person pressed Ctrl-C or closed the terminal.
    #[error("interrupted")]
    Interrupted,
    /// The terminal failed.
    #[error("cannot use the terminal")]
    Io(#[from] std::io::Error),
}
