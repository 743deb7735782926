//! One line from `/dev/tty`, by termios (POSIX.1, chapter 11).
//!
//! Not by `dialoguer`: it reads stdin where that is a terminal, takes the end of the input for an empty answer, leaves
//! unwiped copies of what was typed, and leaves the echo off when a signal ends the process.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag,
    iterator::Signals,
    low_level::emulate_default_handler,
};
use zeroize::Zeroizing;

use super::PromptError;
use crate::secret::SecretText;

/// The longest answer; the line editing of terminals takes no more either.
const MAX_BYTES: usize = 4096;

/// The controlling terminal; one question at a time.
#[derive(Default)]
pub(super) struct Tty {
    signals: Mutex<Option<Arc<SignalGuard>>>,
}

impl Tty {
    /// Asks for one line; none if there is no controlling terminal.
    pub(super) fn ask(&self, prompt: &str, hidden: bool) -> Result<Option<SecretText>, PromptError> {
        let Ok(mut tty) = OpenOptions::new().read(true).write(true).open("/dev/tty") else { return Ok(None) };
        let mut signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = match &*signals {
            Some(guard) => Arc::clone(guard),
            None => Arc::clone(signals.insert(SignalGuard::start()?)),
        };
        let changed = Changed::new(&tty, hidden, guard)?;
        tty.write_all(prompt.as_bytes())?;
        let line = read_line(&mut tty, changed.interrupt);
        drop(changed);
        if hidden || line.is_err() {
            tty.write_all(b"\n")?;
        }
        line.map(Some)
    }
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
    guard: Arc<SignalGuard>,
}

impl Changed {
    fn new(tty: &File, hidden: bool, guard: Arc<SignalGuard>) -> io::Result<Self> {
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
        let changed = Changed { tty: tty.try_clone()?, original, interrupt, guard };
        // The guard before the change: a signal must find what to set back.
        changed.guard.asking(Some((tty.try_clone()?, changed.original.clone())));
        tcsetattr(tty, actions, &modes)?;
        Ok(changed)
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.original);
        self.guard.asking(None);
    }
}

/// Sets the terminal back when a signal ends the process during a question.
struct SignalGuard {
    /// Whether a signal has its default effect now.
    idle: Arc<AtomicBool>,
    question: Mutex<Option<(File, Termios)>>,
}

impl SignalGuard {
    fn start() -> io::Result<Arc<Self>> {
        let ending = [SIGINT, SIGQUIT, SIGTERM, SIGHUP];
        let idle = Arc::new(AtomicBool::new(true));
        let mut signals = Signals::new(ending)?;
        for signal in ending {
            // A handler, once set, cannot be taken away: between questions it does what happens without one.
            flag::register_conditional_default(signal, Arc::clone(&idle))?;
        }
        let guard = Arc::new(SignalGuard { idle, question: Mutex::default() });
        let watching = Arc::clone(&guard);
        thread::Builder::new().name("terminal".into()).spawn(move || {
            for signal in signals.forever() {
                let question = watching.question.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((tty, original)) = &*question {
                    let _ = tcsetattr(tty, OptionalActions::Now, original);
                    let _ = (&*tty).write_all(b"\n");
                    let _ = emulate_default_handler(signal);
                }
            }
        })?;
        Ok(guard)
    }

    fn asking(&self, question: Option<(File, Termios)>) {
        // In this order a signal always finds one of the two that answers it.
        let idle = question.is_none();
        if idle {
            self.idle.store(true, Ordering::SeqCst);
        }
        *self.question.lock().unwrap_or_else(PoisonError::into_inner) = question;
        if !idle {
            self.idle.store(false, Ordering::SeqCst);
        }
    }
}
