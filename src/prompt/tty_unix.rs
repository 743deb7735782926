//! One line from `/dev/tty`, by termios (POSIX.1, chapter 11).
//!
//! Not by `dialoguer`: it reads stdin where that is a terminal, takes the end of the input for an empty answer, leaves
//! unwiped copies of what was typed, and leaves the echo off when a signal ends the process.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
};

use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::{
    PromptError,
    signals::{EndSignals, Held},
};
use crate::secret::SecretText;

/// The longest answer; the line editing of terminals takes no more either.
const MAX_BYTES: usize = 4096;

/// Shows a text on the controlling terminal; says whether there is one.
pub(super) fn show(text: &str) -> Result<bool, PromptError> {
    let Ok(mut tty) = OpenOptions::new().write(true).open("/dev/tty") else { return Ok(false) };
    tty.write_all(text.as_bytes())?;
    Ok(true)
}

/// Asks for one line; none if there is no controlling terminal.
pub(super) fn ask(prompt: &str, hidden: bool, signals: &EndSignals) -> Result<Option<SecretText>, PromptError> {
    let Ok(mut tty) = OpenOptions::new().read(true).write(true).open("/dev/tty") else { return Ok(None) };
    let changed = Changed::new(&tty, hidden, signals)?;
    tty.write_all(prompt.as_bytes())?;
    let line = read_line(&mut tty, changed.interrupt);
    drop(changed);
    if hidden || line.is_err() {
        tty.write_all(b"\n")?;
    }
    line.map(Some)
}

/// Reads to the end of the line, in pieces that are wiped.
fn read_line(tty: &mut File, interrupt: Option<u8>) -> Result<SecretText, PromptError> {
    let failed = |kind, reason| Err(PromptError::Io(io::Error::new(kind, reason)));
    // Reserved in one piece: a buffer that grew would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
    let mut piece = Zeroizing::new([0; 512]);
    loop {
        let count = match tty.read(&mut *piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        let last = piece[..count].last().copied();
        if last.is_some() && last == interrupt {
            return Err(PromptError::Interrupted);
        }
        if count == 0 {
            return failed(io::ErrorKind::UnexpectedEof, "the input ended before the answer");
        }
        if line.len() + count > MAX_BYTES {
            return failed(io::ErrorKind::InvalidData, "the answer is too long");
        }
        line.extend_from_slice(&piece[..count]);
        if last == Some(b'\n') {
            break;
        }
    }
    line.pop();
    String::from_utf8(std::mem::take(&mut *line)).map(SecretText::from).or_else(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        failed(io::ErrorKind::InvalidData, "the answer is not UTF-8")
    })
}

/// The terminal set for a question; set back on drop.
struct Changed {
    tty: File,
    original: Termios,
    /// The character that stands for Ctrl-C.
    interrupt: Option<u8>,
    /// Let go after the terminal is set back.
    _signals: Held,
}

impl Changed {
    fn new(tty: &File, hidden: bool, signals: &EndSignals) -> io::Result<Self> {
        let original = tcgetattr(tty)?;
        let mut modes = original.clone();
        // Ctrl-C ends the line instead of sending a signal, so that it is an answer like any other. Ctrl-Z goes with
        // it: a shell that came back would show what is typed into the hidden question.
        modes.local_modes.remove(LocalModes::ISIG);
        // Another program may have left the terminal raw.
        modes.local_modes.insert(LocalModes::ICANON);
        modes.input_modes.insert(InputModes::ICRNL);
        modes.special_codes[SpecialCodeIndex::VEOL] = original.special_codes[SpecialCodeIndex::VINTR];
        modes.local_modes.set(LocalModes::ECHO, !hidden);
        // What was typed ahead was seen on the screen: it is no answer to a hidden question.
        let actions = if hidden { OptionalActions::Flush } else { OptionalActions::Now };
        let interrupt = Some(original.special_codes[SpecialCodeIndex::VINTR]).filter(|code| *code != 0);
        // Before the change: a signal must find what to set back.
        let (of_signals, before) = (tty.try_clone()?, original.clone());
        let held = signals.hold_with(move || {
            let _ = tcsetattr(&of_signals, OptionalActions::Now, &before);
            let _ = (&of_signals).write_all(b"\n");
        })?;
        let changed = Changed { tty: tty.try_clone()?, original, interrupt, _signals: held };
        tcsetattr(tty, actions, &modes)?;
        Ok(changed)
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.original);
    }
}
