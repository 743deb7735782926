//! The whole terminal for a while: its alternate screen, redrawn where it changed, and the keys that are pressed.
//!
//! How the terminal is taken and given back is the system's: see `device_unix.rs` and `device_windows.rs`.

use std::{io, time::Duration};

use zeroize::Zeroizing;

use super::{device::Device, signals::EndSignals};

/// A key that somebody pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// One that writes.
    Char(char),
    /// Enter.
    Enter,
    /// Esc.
    Escape,
    /// Ctrl-C, which is a key like any other here.
    Interrupt,
    /// The arrow up.
    Up,
    /// The arrow down.
    Down,
}

/// How much there is to draw on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// In lines.
    pub height: usize,
    /// In columns.
    pub width: usize,
}

/// The terminal, taken until this is dropped; then it is as it was before, and nothing of what was drawn is left. That
/// holds, too, if SIGINT, SIGTERM, SIGHUP or SIGQUIT end the process meanwhile. Nothing else may write to it.
pub struct Screen {
    device: Device,
    drawn: Vec<Zeroizing<String>>,
    /// What `drawn` was drawn for; none if nobody knows what the terminal shows.
    size: Option<Size>,
}

impl Screen {
    pub(super) fn open(signals: &EndSignals) -> io::Result<Option<Self>> {
        Ok(Device::open(signals)?.map(|device| Screen { device, drawn: Vec::new(), size: None }))
    }

    /// How large it is now.
    pub fn size(&self) -> Size {
        self.device.size()
    }

    /// Shows these lines from the top, and nothing below. They are no longer than the screen is wide.
    ///
    /// # Errors
    /// If the terminal is gone, then the system's.
    pub fn draw(&mut self, lines: Vec<Zeroizing<String>>) -> io::Result<()> {
        let size = self.size();
        let known = if self.size == Some(size) { &*self.drawn } else { &[] };
        let mut text =
            Zeroizing::new(String::with_capacity(64 + lines.iter().map(|line| line.len() + 16).sum::<usize>()));
        if self.size != Some(size) {
            text.push_str("\u{1b}[0m\u{1b}[2J");
        }
        for (row, line) in lines.iter().enumerate().take(size.height) {
            if known.get(row) != Some(line) {
                text.push_str(&format!("\u{1b}[{};1H", row + 1));
                text.push_str(line);
                text.push_str("\u{1b}[K");
            }
        }
        if known.len() > lines.len() {
            text.push_str(&format!("\u{1b}[{};1H\u{1b}[J", lines.len() + 1));
        }
        // A terminal that takes no more for now is drawn anew when it does.
        let whole = text.is_empty() || self.device.write(text.as_bytes())?;
        (self.drawn, self.size) = (lines, whole.then_some(size));
        Ok(())
    }

    /// The keys that were pressed: waits for the first one, for this long at most; for less if the size changes.
    ///
    /// # Errors
    /// If the terminal is gone, then the system's.
    pub fn keys(&mut self, patience: Duration) -> io::Result<Vec<Key>> {
        self.device.keys(patience)
    }
}
