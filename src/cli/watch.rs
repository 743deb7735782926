//! `code --watch` and `code --copy`: codes for a person who looks, and for one who pastes.

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Read, Write},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::wire::World;
use crate::{
    clipboard::{Clipboard, Desktop},
    clock::{Clock, SystemClock},
    commands::{Context, Error},
    environment,
    mfa::{AuthenticationCode, TimeStep},
    secret::SecretText,
    visible::visible,
};

/// How long a copied code stays in the clipboard: its own step and the next, in which AWS still takes it.
const CLIPBOARD_TIME: Duration = Duration::from_secs(45);

/// Shows the codes of all devices, or of one, with the time they have left, until Ctrl-C. Nothing is spent: who takes
/// a code from the screen does not say so.
pub(super) fn run(context: &Context<'_>, name: Option<&str>) -> Result<ExitCode, Error> {
    if !io::stderr().is_terminal() {
        return Err(Error::WatchNeedsTerminal);
    }
    let names = match name {
        Some(name) => vec![context.device_name(name)?],
        None => context.vault.index()?.devices.into_keys().collect(),
    };
    let mut devices = Vec::new();
    for name in &names {
        devices.push(context.device(name)?.device);
    }
    if devices.is_empty() {
        return Err(Error::NothingToWatch);
    }
    let width = names.iter().map(|name| visible(name).chars().count()).max().unwrap_or_default();
    let style = ProgressStyle::with_template(&format!("{{prefix:{width}}}  {{msg}}  {{bar:20}} {{pos:>3}} s"));
    let style = style.map_err(|error| Error::Io { action: "draw", source: io::Error::other(error) })?;
    let lines = MultiProgress::new();
    let bars: Vec<ProgressBar> = devices
        .iter()
        .map(|device| {
            let bar = ProgressBar::new(device.settings.period_seconds()).with_style(style.clone());
            lines.add(bar).with_prefix(visible(&device.name))
        })
        .collect();
    if lines.is_hidden() {
        return Err(Error::WatchNeedsTerminal);
    }
    loop {
        let now = context.clock.now();
        for (device, bar) in devices.iter().zip(&bars) {
            let step = TimeStep::at(now, device.settings);
            let left = step.end(device.settings).duration_since(now).unwrap_or_default();
            bar.set_message(device.code(step).expose().to_owned());
            bar.set_position(left.as_secs() + 1);
        }
        context.clock.wait_until(now + Duration::from_secs(1));
    }
}

/// Finds the clipboard that fits this session.
pub(super) fn find_clipboard(world: &World) -> Result<Clipboard, Error> {
    Ok(Clipboard::find(desktop(world))?)
}

/// Puts a code into the clipboard, and leaves a process behind that takes it out again if it is still there.
pub(super) fn copy(world: &World, code: &AuthenticationCode) -> Result<(), Error> {
    let clipboard = find_clipboard(world)?;
    let helper_environment = helper_environment(world);
    let text = SecretText::from(code.expose());
    clipboard.copy(&text, &helper_environment)?;
    if clipboard == Clipboard::Terminal {
        world.prompt.say("copied by the terminal, which cannot be asked to forget it");
        return Ok(());
    }
    leave_clearer(&text).map_err(|source| Error::Io { action: "start what clears the clipboard", source })?;
    world
        .prompt
        .say(&format!("copied; the clipboard is cleared after {} s if it is unchanged", CLIPBOARD_TIME.as_secs()));
    Ok(())
}

/// What a helper of the clipboard gets: no secret of ours.
fn helper_environment(world: &World) -> Vec<(OsString, OsString)> {
    environment::without_credentials(world.environment.inherited.iter().cloned()).collect()
}

fn desktop(world: &World) -> Desktop {
    let session = &world.environment;
    Desktop { wayland: session.wayland, x11: session.x11, ssh: session.ssh }
}

fn leave_clearer(text: &SecretText) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("clear-clipboard").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    match child.stdin.take() {
        Some(mut stdin) => stdin.write_all(text.expose().as_bytes()),
        None => Ok(()),
    }
}

/// The process that is left behind: reads the code, waits, and clears the clipboard if that still holds it.
pub(super) fn clear_clipboard(world: &World) -> Result<ExitCode, Error> {
    let mut text = zeroize::Zeroizing::new(String::with_capacity(64));
    let read = io::stdin().lock().take(64).read_to_string(&mut text);
    read.map_err(|source| Error::Io { action: "read standard input", source })?;
    SystemClock.wait_until(SystemClock.now() + CLIPBOARD_TIME);
    let helper_environment = helper_environment(world);
    let text = SecretText::from(std::mem::take(&mut *text));
    find_clipboard(world)?.clear_if_still(&text, &helper_environment)?;
    Ok(ExitCode::SUCCESS)
}
