//! `code --copy`: a code for somebody who pastes, and the process that is left behind to take it out again.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    process::{Command, ExitCode, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use super::wire::World;
use crate::{
    clipboard::{Clipboard, Desktop},
    clock::{Clock, SystemClock},
    commands::Error,
    environment,
    mfa::AuthenticationCode,
    process,
    secret::SecretText,
};

/// How long a copied code stays in the clipboard: its own step and the next, in which AWS still takes it.
const CLIPBOARD_TIME: Duration = Duration::from_secs(45);
/// How often the time of day is looked at: a laptop that sleeps stops the other clock.
const NAP: Duration = Duration::from_secs(1);
/// Longer than any code.
const MAX_BYTES: u64 = 64;

/// Finds the clipboard that fits this session.
pub(super) fn find_clipboard(world: &World) -> Result<Clipboard, Error> {
    let session = &world.environment;
    let desktop = Desktop { wayland: session.wayland, x11: session.x11, ssh: session.ssh, tmux: session.tmux };
    Ok(Clipboard::find(desktop)?)
}

/// Puts a code into the clipboard, and leaves a process behind that takes it out again if it is still there.
pub(super) fn copy(world: &World, code: &AuthenticationCode) -> Result<(), Error> {
    let clipboard = find_clipboard(world)?;
    let helper_environment = helper_environment(world);
    let text = SecretText::from(code.expose());
    if let Clipboard::Terminal { through_tmux } = clipboard {
        clipboard.copy(&text, &helper_environment)?;
        let tmux = match through_tmux {
            true => "; tmux lets it through only after `tmux set -g allow-passthrough on`",
            false => "",
        };
        world.prompt.say(&format!("copied by the terminal, which cannot be asked to forget it{tmux}"));
        return Ok(());
    }
    let not_started = |source| Error::Io { action: "start what clears the clipboard", source };
    // Started first: what cannot be taken out again is not put in. It learns the code last, for if copying fails there
    // is nothing to clear.
    let mut clearer = clearer(&helper_environment).and_then(|mut command| command.spawn()).map_err(not_started)?;
    clipboard.copy(&text, &helper_environment)?;
    if let Some(mut stdin) = clearer.stdin.take() {
        stdin.write_all(text.expose().as_bytes()).map_err(not_started)?;
    }
    let seconds = CLIPBOARD_TIME.as_secs();
    world.prompt.say(&format!("copied; the clipboard is cleared after {seconds} s if it is unchanged"));
    Ok(())
}

/// What a helper of the clipboard gets: no secret of ours.
fn helper_environment(world: &World) -> Vec<(OsString, OsString)> {
    environment::without_credentials(world.environment.inherited.iter().cloned()).collect()
}

/// This program once more, for the time that the code may stay. It outlives the terminal.
fn clearer(environment: &[(OsString, OsString)]) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["clear-clipboard", "--after", &CLIPBOARD_TIME.as_secs().to_string()]);
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    #[cfg(windows)]
    {
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        std::os::windows::process::CommandExt::creation_flags(&mut command, CREATE_NO_WINDOW);
    }
    Ok(command)
}

/// The process that is left behind: reads the code, waits, and clears the clipboard if that still holds it. Asked to
/// end, it clears at once.
pub(super) fn clear_clipboard(world: &World, after: Duration) -> Result<ExitCode, Error> {
    let (tell, told) = mpsc::channel();
    let watched = process::on_end_signal(move |_| {
        // Whoever does not listen any more has begun to clear.
        let _ = tell.send(());
    });
    watched.map_err(|source| Error::Io { action: "watch for signals", source })?;
    let mut text = zeroize::Zeroizing::new(String::with_capacity(MAX_BYTES as usize));
    let read = io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text);
    read.map_err(|source| Error::Io { action: "read standard input", source })?;
    if text.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    wait(&told, after);
    let text = SecretText::from(std::mem::take(&mut *text));
    find_clipboard(world)?.clear_if_still(&text, &helper_environment(world))?;
    Ok(ExitCode::SUCCESS)
}

/// Until the time is over by either clock, or this process is to end.
fn wait(told: &Receiver<()>, time: Duration) {
    let (began, until) = (Instant::now(), SystemClock.now() + time);
    while SystemClock.now() < until {
        let left = time.saturating_sub(began.elapsed());
        // A sender that is gone (on Windows, where nothing is told) leaves the time alone.
        match told.recv_timeout(left.min(NAP)) {
            Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
            Err(RecvTimeoutError::Disconnected) => return SystemClock.wait_until(until),
            _ => return,
        }
    }
}
