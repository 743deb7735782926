//! Edge: the clipboard, by the desktop's own helper programs; over SSH by the terminal (OSC 52).
//!
//! Helpers are looked for in the system's folders only, never along PATH, and get the text on standard input. Only
//! codes go there, never seeds.

use std::{
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use thiserror::Error;

use crate::secret::SecretText;

const FOLDERS: [&str; 5] = ["/usr/bin", "/bin", "/usr/local/bin", "/opt/homebrew/bin", r"C:\Windows\System32"];

/// What kind of session this is, by the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Desktop {
    /// `WAYLAND_DISPLAY` is set.
    pub wayland: bool,
    /// `DISPLAY` is set.
    pub x11: bool,
    /// `SSH_CONNECTION` or `SSH_TTY` is set.
    pub ssh: bool,
}

/// Why there is no clipboard to use.
#[derive(Debug, Error)]
pub enum ClipboardError {
    /// No desktop, or no helper for it.
    #[error("there is no clipboard here: {0}")]
    None(&'static str),
    /// The helper failed.
    #[error("the clipboard helper {} failed", program.display())]
    Helper {
        /// The helper.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The terminal could not be written.
    #[error("cannot write to the terminal")]
    Terminal(#[source] io::Error),
}

/// A way to the clipboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clipboard {
    /// Two helpers: one takes the text in, one gives it out.
    Helpers {
        /// Copies standard input.
        copy: Helper,
        /// Prints the content.
        paste: Helper,
    },
    /// The terminal's own machine, which takes text but does not give it back.
    Terminal,
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    program: PathBuf,
    arguments: &'static [&'static str],
}

/// For whom, the copying program and its arguments, the pasting program and its arguments.
type Row = (fn(Desktop) -> bool, &'static str, &'static [&'static str], &'static str, &'static [&'static str]);

const TABLE: [Row; 5] = [
    (|desktop| desktop.wayland, "wl-copy", &[], "wl-paste", &["--no-newline"]),
    (|desktop| desktop.x11, "xclip", &["-selection", "clipboard"], "xclip", &["-selection", "clipboard", "-o"]),
    (|desktop| desktop.x11, "xsel", &["--clipboard", "--input"], "xsel", &["--clipboard", "--output"]),
    (|_| cfg!(target_os = "macos"), "pbcopy", &[], "pbpaste", &[]),
    (
        |_| cfg!(windows),
        "clip.exe",
        &[],
        r"WindowsPowerShell\v1.0\powershell.exe",
        &["-NoProfile", "-Command", "Get-Clipboard"],
    ),
];

impl Clipboard {
    /// Finds the way that fits the session.
    ///
    /// # Errors
    /// If there is none, then `None` with the reason.
    pub fn find(desktop: Desktop) -> Result<Self, ClipboardError> {
        for (fits, copy, copy_arguments, paste, paste_arguments) in TABLE {
            if fits(desktop)
                && let (Some(copy), Some(paste)) = (helper(copy, copy_arguments), helper(paste, paste_arguments))
            {
                return Ok(Clipboard::Helpers { copy, paste });
            }
        }
        match desktop {
            Desktop { ssh: true, .. } => Ok(Clipboard::Terminal),
            Desktop { wayland: true, .. } => Err(ClipboardError::None("wl-copy is not installed")),
            Desktop { x11: true, .. } => Err(ClipboardError::None("neither xclip nor xsel is installed")),
            _ => Err(ClipboardError::None("no desktop session")),
        }
    }

    /// Puts a text there. `environment` is the helper's.
    ///
    /// # Errors
    /// If the helper fails, then `Helper`; if the terminal does not take it, then `Terminal`.
    pub fn copy(&self, text: &SecretText, environment: &[(OsString, OsString)]) -> Result<(), ClipboardError> {
        match self {
            Clipboard::Helpers { copy, .. } => copy.run(Some(text), environment).map(drop),
            Clipboard::Terminal => {
                let sequence = format!("\u{1b}]52;c;{}\u{7}", STANDARD.encode(text.expose()));
                let terminal = std::fs::OpenOptions::new().write(true).open("/dev/tty");
                terminal.and_then(|mut tty| tty.write_all(sequence.as_bytes())).map_err(ClipboardError::Terminal)
            }
        }
    }

    /// Empties it, if it still holds the text; says whether it did.
    ///
    /// # Errors
    /// As [`Clipboard::copy`].
    pub fn clear_if_still(
        &self,
        text: &SecretText,
        environment: &[(OsString, OsString)],
    ) -> Result<bool, ClipboardError> {
        let Clipboard::Helpers { copy, paste } = self else { return Ok(false) };
        let content = SecretText::from(String::from_utf8_lossy(&paste.run(None, environment)?).into_owned());
        if content.expose().trim_end() != text.expose() {
            return Ok(false);
        }
        copy.run(Some(&SecretText::from("")), environment).map(|_| true)
    }
}

fn helper(name: &str, arguments: &'static [&'static str]) -> Option<Helper> {
    let program = FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())?;
    Some(Helper { program, arguments })
}

impl Helper {
    fn run(&self, input: Option<&SecretText>, environment: &[(OsString, OsString)]) -> Result<Vec<u8>, ClipboardError> {
        let failed = |source| ClipboardError::Helper { program: self.program.clone(), source };
        let mut command = Command::new(&self.program);
        command.args(self.arguments).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        command.stderr(Stdio::null());
        match input {
            // A copying helper stays behind to serve the text; a pipe to it would never end.
            Some(_) => command.stdin(Stdio::piped()).stdout(Stdio::null()),
            None => command.stdin(Stdio::null()).stdout(Stdio::piped()),
        };
        let mut child = command.spawn().map_err(failed)?;
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(input.expose().as_bytes()).map_err(failed)?;
        }
        let output = child.wait_with_output().map_err(failed)?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(failed(io::Error::other(output.status.to_string()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_desktop_there_is_none_and_over_ssh_the_terminal_is() {
        if cfg!(target_os = "linux") {
            assert!(matches!(Clipboard::find(Desktop::default()), Err(ClipboardError::None(_))));
            let ssh = Desktop { ssh: true, ..Desktop::default() };
            assert_eq!(Clipboard::find(ssh).expect("a clipboard"), Clipboard::Terminal);
        }
    }
}
