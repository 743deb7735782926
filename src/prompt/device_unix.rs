//! The terminal as a device to draw on: `/dev/tty` by termios (POSIX.1, chapter 11) and xterm's control sequences.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    termios::{
        InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr, ttyname,
    },
};
use signal_hook::{SigId, consts::SIGWINCH, flag, low_level::unregister};

use super::{
    screen::{Key, Size},
    signals::{EndSignals, Held},
};

/// The alternate screen without cursor and line wrap.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J";
/// Cleared first: a console without an alternate screen, and one that shows it again, have nothing to show.
const LEAVE: &[u8] = b"\x1b[0m\x1b[H\x1b[2J\x1b[?7h\x1b[?25h\x1b[?1049l";
/// Of a terminal that does not know its size.
const USUAL: Size = Size { height: 24, width: 80 };
/// How long the rest of an arrow key may be under way behind its first character, which is Esc.
const REST: Duration = Duration::from_millis(50);

pub(super) struct Device {
    tty: File,
    taken: Arc<Mutex<Option<Taken>>>,
    /// The character that stands for Ctrl-C.
    interrupt: u8,
    resized: SigId,
    /// Let go after the terminal is given back.
    _signals: Held,
}

/// The terminal as it was before; it is set back when this is dropped.
struct Taken {
    tty: File,
    original: Termios,
}

impl Device {
    /// Takes the controlling terminal; none if there is none.
    pub(super) fn open(signals: &EndSignals) -> io::Result<Option<Self>> {
        // It is not waited for, in either direction: one that is stopped must not keep a signal from ending us.
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let tty = OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open(path());
        let Ok(tty) = tty else { return Ok(None) };
        let original = tcgetattr(&tty)?;
        let mut modes = original.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN);
        modes.input_modes.remove(InputModes::IXON);
        let interrupt = original.special_codes[SpecialCodeIndex::VINTR];
        let taken = Arc::new(Mutex::new(Some(Taken { tty: tty.try_clone()?, original })));
        // Before the change: a signal must find what to set back.
        let of_signals = Arc::clone(&taken);
        let held = signals.hold_with(move || drop(locked(&of_signals).take()))?;
        // Nothing is done with it but that the system interrupts the waiting for keys.
        let resized = flag::register(SIGWINCH, Arc::new(AtomicBool::new(false)))?;
        let device = Device { tty, taken, interrupt, resized, _signals: held };
        tcsetattr(&device.tty, OptionalActions::Flush, &modes)?;
        device.write(ENTER)?;
        Ok(Some(device))
    }

    pub(super) fn size(&self) -> Size {
        match tcgetwinsize(&self.tty) {
            Ok(size) if size.ws_row > 0 && size.ws_col > 0 => {
                Size { height: size.ws_row.into(), width: size.ws_col.into() }
            }
            _ => USUAL,
        }
    }

    /// Says whether all of it was taken.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<bool> {
        // Once a signal has set the terminal back, nothing is drawn any more.
        match locked(&self.taken).as_ref().map(|taken| (&taken.tty).write_all(bytes)) {
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Some(Err(error)) => Err(error),
            Some(Ok(())) | None => Ok(true),
        }
    }

    pub(super) fn keys(&mut self, patience: Duration) -> io::Result<Vec<Key>> {
        let mut bytes = self.read(patience)?;
        if bytes.ends_with(b"\x1b") || bytes.ends_with(b"\x1b[") || bytes.ends_with(b"\x1bO") {
            bytes.extend(self.read(REST)?);
        }
        Ok(keys_in(&bytes, self.interrupt))
    }

    fn read(&mut self, patience: Duration) -> io::Result<Vec<u8>> {
        let patience =
            Timespec { tv_sec: patience.as_secs().try_into().unwrap_or(1), tv_nsec: patience.subsec_nanos().into() };
        let mut watched = [PollFd::new(&self.tty, PollFlags::IN)];
        match poll(&mut watched, Some(&patience)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            Ok(_) if watched[0].revents().contains(PollFlags::NVAL) => {
                return Err(io::Error::other("the terminal cannot be waited for"));
            }
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut bytes = [0; 64];
        match self.tty.read(&mut bytes) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => Ok(bytes[..count].to_vec()),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        drop(locked(&self.taken).take());
        unregister(self.resized);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let _ = self.tty.write_all(LEAVE);
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.original);
    }
}

fn locked(taken: &Mutex<Option<Taken>>) -> MutexGuard<'_, Option<Taken>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The controlling terminal. macOS cannot wait for that name of it, but for its own.
fn path() -> PathBuf {
    let own = || {
        let names = [ttyname(io::stderr(), []), ttyname(io::stdin(), []), ttyname(io::stdout(), [])];
        names.into_iter().find_map(|name| name.ok()?.into_string().ok())
    };
    let name = if cfg!(target_os = "macos") { own() } else { None };
    name.map_or_else(|| "/dev/tty".into(), PathBuf::from)
}

/// What a terminal sends for the keys that mean something here; other sequences are passed over.
fn keys_in(bytes: &[u8], interrupt: u8) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = bytes;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match (first, behind) {
            (0x1b, [b'[' | b'O', sequence @ ..]) => {
                let end = sequence.iter().position(|byte| (0x40..0x7f).contains(byte)).unwrap_or(sequence.len());
                match &sequence[..sequence.len().min(end + 1)] {
                    b"A" => keys.push(Key::Up),
                    b"B" => keys.push(Key::Down),
                    _ => {}
                }
                rest = sequence.get(end + 1..).unwrap_or_default();
            }
            (0x1b, _) => keys.push(Key::Escape),
            (b'\r' | b'\n', _) => keys.push(Key::Enter),
            (0x03, _) => keys.push(Key::Interrupt),
            (byte, _) if byte == interrupt && interrupt != 0 => keys.push(Key::Interrupt),
            (byte, _) if byte.is_ascii_graphic() => keys.push(Key::Char(byte.into())),
            _ => {}
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_what_a_terminal_sends_for_them() {
        use Key::{Char, Down, Enter, Escape, Interrupt, Up};
        for (bytes, keys) in [
            (&b"n"[..], vec![Char('n')]),
            (b"\x1b", vec![Escape]),
            (b"\x1b[A\x1bOB\x1b[B", vec![Up, Down, Down]),
            (b"\r\n4q", vec![Enter, Enter, Char('4'), Char('q')]),
            (b"\x03\x1c", vec![Interrupt, Interrupt]),
            // Delete, a shifted arrow, a report of the mouse, a letter beyond ASCII, a sequence that is cut off.
            (b"\x1b[3~\x1b[1;2A\x1b[<0;1;1M\xc3\xbcn\x1b[1;", vec![Char('n')]),
            (b"", vec![]),
        ] {
            assert_eq!(keys_in(bytes, 0x1c), keys, "{bytes:?}");
        }
        assert_eq!(keys_in(b"\0", 0), []);
    }
}
