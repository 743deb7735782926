//! The console as a device to draw on, by `console`, which `dialoguer` stands on.

use std::{
    io,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use dialoguer::console::{Key as ConsoleKey, Term};

use super::{
    screen::{Key, Size},
    signals::EndSignals,
};

/// The alternate screen without cursor and line wrap.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J";
const LEAVE: &str = "\x1b[0m\x1b[H\x1b[2J\x1b[?7h\x1b[?25h\x1b[?1049l";

pub(super) struct Device {
    console: Term,
    wanted: Sender<()>,
    pressed: Receiver<io::Result<ConsoleKey>>,
    /// Whether the thread reads: it does not while a question is asked.
    reads: bool,
}

impl Device {
    /// Takes the console; none if there is none, or one that knows no control sequences.
    pub(super) fn open(_: &EndSignals) -> io::Result<Option<Self>> {
        let console = Term::stderr();
        // Asking for colours switches the control sequences on.
        if !console.is_term() || !console.features().colors_supported() {
            return Ok(None);
        }
        let (wanted, asked) = mpsc::channel();
        let (sender, pressed) = mpsc::channel();
        let of_thread = console.clone();
        // A key cannot be waited for with a time-out. The thread ends with the process.
        thread::Builder::new().spawn(
            move || {
                while asked.recv().is_ok() && sender.send(of_thread.read_key_raw()).is_ok() {}
            },
        )?;
        console.write_str(ENTER)?;
        Ok(Some(Device { console, wanted, pressed, reads: false }))
    }

    pub(super) fn size(&self) -> Size {
        let (height, width) = self.console.size();
        Size { height: height.into(), width: width.into() }
    }

    /// Says whether all of it was taken.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<bool> {
        self.console.write_str(&String::from_utf8_lossy(bytes)).map(|()| true)
    }

    pub(super) fn keys(&mut self, patience: Duration) -> io::Result<Vec<Key>> {
        if !self.reads {
            self.reads = self.wanted.send(()).is_ok();
        }
        let key = match self.pressed.recv_timeout(patience) {
            Ok(key) => key?,
            Err(RecvTimeoutError::Timeout) => return Ok(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        self.reads = false;
        Ok(Vec::from_iter(match key {
            ConsoleKey::Char(character) => Some(Key::Char(character)),
            ConsoleKey::Enter => Some(Key::Enter),
            ConsoleKey::Escape => Some(Key::Escape),
            ConsoleKey::CtrlC => Some(Key::Interrupt),
            ConsoleKey::ArrowUp => Some(Key::Up),
            ConsoleKey::ArrowDown => Some(Key::Down),
            _ => None,
        }))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = self.console.write_str(LEAVE);
    }
}
