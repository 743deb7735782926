//! Edge: the clipboard, by the desktop's own helper programs; over SSH by the terminal (OSC 52).
//!
//! Helpers are looked for in the system's folders only, never along PATH, get the text on standard input, and have a
//! bounded time. Only codes go there, never seeds.

use std::{
    ffi::OsString,
    fs::OpenOptions,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::{SecretBytes, SecretText};

/// Absolute here: elsewhere another system's would be a folder in the current one, where anybody may put a helper.
const FOLDERS: &[&str] = match cfg!(windows) {
    true => &[r"C:\Windows\System32"],
    false => &["/usr/bin", "/bin", "/usr/local/bin", "/opt/homebrew/bin"],
};
/// How long a helper may take: one waits for ever where the program that holds the clipboard does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether a helper has ended.
const NAP: Duration = Duration::from_millis(10);
/// Far above every code; of what else the clipboard may hold, no more is read.
const MAX_OUTPUT_BYTES: u64 = 4096;

/// What kind of session this is, by the environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Desktop {
    /// `WAYLAND_DISPLAY` is set.
    pub wayland: bool,
    /// `DISPLAY` is set.
    pub x11: bool,
    /// `SSH_CONNECTION` or `SSH_TTY` is set.
    pub ssh: bool,
    /// `TMUX` is set.
    pub tmux: bool,
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
    /// The desktop's helpers.
    Helpers {
        /// Copies standard input.
        copy: Helper,
        /// Prints the content.
        paste: Helper,
        /// Empties it, with nothing on standard input.
        clear: Helper,
        /// The option that has clipboard managers pass the text over (`x-kde-passwordManagerHint`), if the copying
        /// helper may know one.
        sensitive: Option<&'static str>,
    },
    /// The terminal's own machine, which takes text but does not give it back.
    Terminal {
        /// Whether a tmux stands between, which has to be told to pass it on.
        through_tmux: bool,
    },
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    program: PathBuf,
    arguments: &'static [&'static str],
}

struct Row {
    fits: fn(Desktop) -> bool,
    copy: (&'static str, &'static [&'static str]),
    paste: (&'static str, &'static [&'static str]),
    clear: (&'static str, &'static [&'static str]),
    sensitive: Option<&'static str>,
}

const XCLIP: &[&str] = &["-selection", "clipboard"];
/// Over SSH, the clipboard of macOS and Windows is not that of the person's machine. X11 and Wayland say which one.
const TABLE: [Row; 5] = [
    Row {
        fits: |desktop| desktop.wayland,
        copy: ("wl-copy", &[]),
        paste: ("wl-paste", &["--no-newline"]),
        clear: ("wl-copy", &["--clear"]),
        sensitive: Some("--sensitive"),
    },
    Row {
        fits: |desktop| desktop.x11,
        copy: ("xclip", XCLIP),
        paste: ("xclip", &["-selection", "clipboard", "-o"]),
        clear: ("xclip", XCLIP),
        sensitive: None,
    },
    Row {
        fits: |desktop| desktop.x11,
        copy: ("xsel", &["--clipboard", "--input"]),
        paste: ("xsel", &["--clipboard", "--output"]),
        clear: ("xsel", &["--clipboard", "--clear"]),
        sensitive: None,
    },
    Row {
        fits: |desktop| cfg!(target_os = "macos") && !desktop.ssh,
        copy: ("pbcopy", &[]),
        paste: ("pbpaste", &[]),
        clear: ("pbcopy", &[]),
        sensitive: None,
    },
    Row {
        fits: |desktop| cfg!(windows) && !desktop.ssh,
        copy: ("clip.exe", &[]),
        paste: (r"WindowsPowerShell\v1.0\powershell.exe", &["-NoProfile", "-Command", "Get-Clipboard"]),
        clear: ("clip.exe", &[]),
        sensitive: None,
    },
];

impl Clipboard {
    /// Finds the way that fits the session.
    ///
    /// # Errors
    /// If there is none, then `None` with the reason.
    pub fn find(desktop: Desktop) -> Result<Self, ClipboardError> {
        if let Some(helpers) = Self::of_helpers(desktop).next() {
            return Ok(helpers);
        }
        match desktop {
            Desktop { ssh: true, tmux, .. } => Ok(Clipboard::Terminal { through_tmux: tmux }),
            Desktop { wayland: true, .. } => Err(ClipboardError::None("wl-copy is not installed")),
            Desktop { x11: true, .. } => Err(ClipboardError::None("neither xclip nor xsel is installed")),
            _ => Err(ClipboardError::None("no desktop session")),
        }
    }

    /// All ways by helpers that fit the session, the best first.
    pub fn of_helpers(desktop: Desktop) -> impl Iterator<Item = Self> {
        TABLE.iter().filter(move |row| (row.fits)(desktop)).filter_map(|row| {
            let helper = |(name, arguments)| Helper::find(name, arguments);
            let (copy, paste, clear) = (helper(row.copy)?, helper(row.paste)?, helper(row.clear)?);
            Some(Clipboard::Helpers { copy, paste, clear, sensitive: row.sensitive })
        })
    }

    /// Puts a text there. `environment` is the helper's.
    ///
    /// # Errors
    /// If the helper fails or does not end in time, then `Helper`; if the terminal does not take it, then `Terminal`.
    pub fn copy(&self, text: &SecretText, environment: &[(OsString, OsString)]) -> Result<(), ClipboardError> {
        match self {
            Clipboard::Helpers { copy, sensitive, .. } => {
                let option = sensitive.filter(|option| copy.knows(option, environment));
                copy.run(option, Some(text), environment).map(drop)
            }
            Clipboard::Terminal { through_tmux } => {
                let device = if cfg!(windows) { "CONOUT$" } else { "/dev/tty" };
                let terminal = OpenOptions::new().write(true).open(device);
                let sequence = osc_52(text, *through_tmux);
                terminal
                    .and_then(|mut terminal| terminal.write_all(sequence.as_bytes()))
                    .map_err(ClipboardError::Terminal)
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
        let Clipboard::Helpers { paste, clear, .. } = self else { return Ok(false) };
        let content = match paste.run(None, None, environment) {
            Ok(content) => content,
            // An empty clipboard, or one that holds a picture: then it is not the text.
            Err(ClipboardError::Helper { source, .. }) if source.kind() == io::ErrorKind::Other => return Ok(false),
            Err(error) => return Err(error),
        };
        if content.expose().trim_ascii_end() != text.expose().as_bytes() {
            return Ok(false);
        }
        clear.run(None, Some(&SecretText::from("")), environment).map(|_| true)
    }
}

/// What has a terminal take a text (xterm's control sequences, "Operating System Commands"). tmux takes it for a buffer
/// of its own, if at all; in the envelope of its passthrough it goes on to the terminal alone.
fn osc_52(text: &SecretText, through_tmux: bool) -> Zeroizing<String> {
    let encoded = Zeroizing::new(STANDARD.encode(text.expose()));
    Zeroizing::new(match through_tmux {
        true => format!("\u{1b}Ptmux;\u{1b}\u{1b}]52;c;{}\u{7}\u{1b}\\", *encoded),
        false => format!("\u{1b}]52;c;{}\u{7}", *encoded),
    })
}

impl Helper {
    fn find(name: &str, arguments: &'static [&'static str]) -> Option<Self> {
        let program = FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())?;
        Some(Helper { program, arguments })
    }

    /// Whether its help names the option.
    fn knows(&self, option: &str, environment: &[(OsString, OsString)]) -> bool {
        let asked = Helper { program: self.program.clone(), arguments: &["--help"] };
        let help = asked.run(None, None, environment);
        help.is_ok_and(|help| String::from_utf8_lossy(help.expose()).split_whitespace().any(|word| word == option))
    }

    /// Gives it the input and what it prints back; a copying helper prints nothing.
    fn run(
        &self,
        option: Option<&str>,
        input: Option<&SecretText>,
        environment: &[(OsString, OsString)],
    ) -> Result<SecretBytes, ClipboardError> {
        let failed = |source| ClipboardError::Helper { program: self.program.clone(), source };
        let mut command = Command::new(&self.program);
        command.args(self.arguments).args(option);
        command.env_clear().envs(environment.iter().map(|(name, value)| (name, value))).stderr(Stdio::null());
        match input {
            // A copying helper stays behind to serve the text; a pipe to it would never end.
            Some(_) => command.stdin(Stdio::piped()).stdout(Stdio::null()),
            None => command.stdin(Stdio::null()).stdout(Stdio::piped()),
        };
        let mut child = command.spawn().map_err(failed)?;
        let output = exchange(&mut child, input, PATIENCE);
        if output.is_err() {
            let _ = child.kill();
            let _ = child.wait();
        }
        output.map_err(failed)
    }
}

/// Writes, reads and waits, all within this time. A status other than 0 is an error of kind `Other`.
fn exchange(child: &mut Child, input: Option<&SecretText>, patience: Duration) -> io::Result<SecretBytes> {
    let deadline = Instant::now() + patience;
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("it did not end within {} s", patience.as_secs()));
    // So short that the pipe holds it, whether it is read or not. Where it is not, the status says more.
    let written = match (input, child.stdin.take()) {
        (Some(input), Some(mut stdin)) => stdin.write_all(input.expose().as_bytes()),
        _ => Ok(()),
    };
    let mut output = SecretBytes::from(Vec::new());
    if let Some(stdout) = child.stdout.take() {
        // A pipe has no time-out of its own. The thread ends with the last process that holds it.
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new().spawn(move || {
            let mut read = Vec::with_capacity(MAX_OUTPUT_BYTES as usize);
            let result = stdout.take(MAX_OUTPUT_BYTES).read_to_end(&mut read);
            let read = SecretBytes::from(read);
            // Nobody listens any more if it took too long.
            sender.send(result.map(|_| read)).ok();
        })?;
        output = receiver.recv_timeout(patience).map_err(|_| late())??;
    }
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return written.map(|()| output),
            Some(status) => return Err(io::Error::other(status.to_string())),
            None if Instant::now() >= deadline => return Err(late()),
            None => thread::park_timeout(NAP),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_are_never_looked_for_in_the_current_folder() {
        assert!(FOLDERS.iter().all(|folder| Path::new(folder).is_absolute()), "{FOLDERS:?}");
    }

    #[test]
    fn without_a_desktop_there_is_none_and_over_ssh_the_terminal_is() {
        if cfg!(target_os = "linux") {
            assert!(matches!(Clipboard::find(Desktop::default()), Err(ClipboardError::None(_))));
            for tmux in [false, true] {
                let ssh = Desktop { ssh: true, tmux, ..Desktop::default() };
                assert_eq!(Clipboard::find(ssh).expect("a clipboard"), Clipboard::Terminal { through_tmux: tmux });
            }
        }
    }

    #[test]
    fn the_terminal_is_told_in_its_own_words_and_through_tmux_in_an_envelope() {
        let code = SecretText::from("123456");
        assert_eq!(*osc_52(&code, false), "\u{1b}]52;c;MTIzNDU2\u{7}");
        assert_eq!(*osc_52(&code, true), "\u{1b}Ptmux;\u{1b}\u{1b}]52;c;MTIzNDU2\u{7}\u{1b}\\");
    }

    #[cfg(unix)]
    mod helpers {
        use super::*;

        fn shell(script: &'static [&'static str]) -> Helper {
            Helper { program: "/bin/sh".into(), arguments: script }
        }

        fn child(script: &str) -> Child {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
            command.spawn().expect("a shell")
        }

        #[test]
        fn one_that_hangs_is_not_waited_for() {
            let patience = Duration::from_millis(50);
            for script in ["exec sleep 600", "exec >/dev/null; exec sleep 600", "sleep 2 & exit 0"] {
                let mut child = child(script);
                let error = exchange(&mut child, Some(&"123456".into()), patience).expect_err("late");
                assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{script}");
                let _ = child.kill();
                let _ = child.wait();
            }
        }

        #[test]
        fn one_that_prints_without_end_or_fails_does_no_harm() {
            let output = exchange(&mut child("exec cat"), Some(&"123456".into()), PATIENCE).expect("an output");
            assert_eq!(output.expose(), b"123456");
            let error = exchange(&mut child("exec yes"), None, PATIENCE).expect_err("cut off");
            assert_eq!(error.kind(), io::ErrorKind::Other);
        }

        #[test]
        fn the_hint_for_clipboard_managers_is_given_where_the_helper_knows_it() {
            for (help, expected) in [("-s, --sensitive  Hint", "--sensitive"), ("--insensitive", "")] {
                let place = tempfile::tempdir().expect("a folder");
                let (program, said) = (place.path().join("wl-copy"), place.path().join("said"));
                let script = format!(
                    "#!/bin/sh\ncase \"$1\" in --help) echo '{help}';; *) echo \"$1\" >{}; cat >/dev/null;; esac\n",
                    said.display()
                );
                std::fs::write(&program, script).expect("written");
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
                std::fs::set_permissions(&program, mode).expect("executable");
                let copy = Helper { program, arguments: &[] };
                let (paste, clear) = (shell(&["-c", "echo"]), shell(&["-c", "true"]));
                let clipboard = Clipboard::Helpers { copy, paste, clear, sensitive: Some("--sensitive") };
                clipboard.copy(&"123456".into(), &[]).expect("copied");
                assert_eq!(std::fs::read_to_string(said).expect("said").trim(), expected);
            }
        }

        #[test]
        fn only_what_is_still_there_is_cleared() {
            let place = tempfile::tempdir().expect("a folder");
            let file = place.path().join("clipboard");
            let environment = [("FILE".into(), file.clone().into_os_string())];
            let clipboard = Clipboard::Helpers {
                copy: shell(&["-c", "cat >\"$FILE\""]),
                paste: shell(&["-c", "cat \"$FILE\""]),
                clear: shell(&["-c", "rm \"$FILE\""]),
                sensitive: None,
            };
            let code = SecretText::from("123456");
            assert!(!clipboard.clear_if_still(&code, &environment).expect("nothing there"));
            for other in ["1234567", "12345", "", "123456 and more"] {
                std::fs::write(&file, other).expect("written");
                assert!(!clipboard.clear_if_still(&code, &environment).expect("looked at"), "{other}");
                assert_eq!(std::fs::read_to_string(&file).expect("kept"), other);
            }
            clipboard.copy(&code, &environment).expect("copied");
            assert!(clipboard.clear_if_still(&code, &environment).expect("cleared") && !file.exists());
        }
    }
}
