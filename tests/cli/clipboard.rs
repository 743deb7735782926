//! `code --copy` on a real X server: what is copied, what is cleared, and what is left to the person.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use mfavault::{
    clipboard::{Clipboard, Desktop},
    secret::SecretText,
};
use rustix::process::{Pid, Signal, kill_process};

use super::world::{MFAVAULT, Ran, Run, World};
use crate::support::programs;

/// An X server without a screen anybody sees; gone when dropped.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    fn start() -> Option<Self> {
        if !programs::installed(&["Xvfb", "xclip", "xsel"]) {
            return None;
        }
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "64x64x24"]);
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut number).unwrap();
        Some(Display { server, name: format!(":{}", number.trim()) })
    }

    fn content(&self) -> String {
        Command::new("xclip").args(["-selection", "clipboard", "-o"]).env("DISPLAY", &self.name).run().stdout
    }

    /// A helper is gone before the one that it leaves behind owns the clipboard.
    #[track_caller]
    fn comes_to_hold(&self, text: &str) {
        eventually(&format!("the clipboard to hold {text:?}"), || self.content() == text);
    }

    fn copy(&self, text: &str) {
        // What stays behind to serve the text would keep the pipe open.
        let mut command = Command::new("sh");
        command.args(["-c", "printf %s \"$1\" | xclip -selection clipboard >/dev/null 2>&1", "sh", text]);
        assert!(command.env("DISPLAY", &self.name).run().status.success());
        self.comes_to_hold(text);
    }

    /// The command that is left behind.
    fn clearer(&self, world: &World, seconds: &str) -> Command {
        let mut command = world.mfavault(["clear-clipboard", "--after", seconds]);
        command.env("DISPLAY", &self.name);
        command
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// `code alice --copy` with more of an environment: what it said, and the process that it left behind.
fn copy(world: &World, environment: &[(&str, &str)]) -> (Ran, Pid) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _lock = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let before = waiting();
    let ran = world.line("code alice --copy").envs(environment.iter().copied()).run().succeeded();
    let new: Vec<Pid> = waiting().into_iter().filter(|id| !before.contains(id)).collect();
    assert_eq!(new.len(), 1, "{new:?} {ran:?}");
    (ran, new[0])
}

/// The processes that wait until a code may not stay in a clipboard any more.
fn waiting() -> Vec<Pid> {
    let start = format!("{MFAVAULT}\0clear-clipboard\0--after\x0045\0");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|process| {
        let id = Pid::from_raw(process.file_name().to_str()?.parse().ok()?)?;
        // With nothing behind it: the code is no argument.
        (fs::read(process.path().join("cmdline")).ok()? == start.as_bytes()).then_some(id)
    });
    ids.collect()
}

/// What the kernel says of a process; nothing of one that is gone.
fn status(id: Pid, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{}/status", id.as_raw_nonzero())).ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix(field))?.trim().to_owned())
}

fn catches(id: Pid, signal: Signal) -> bool {
    let caught = status(id, "SigCgt:").and_then(|caught| u64::from_str_radix(&caught, 16).ok());
    caught.unwrap_or_default() >> (signal.as_raw() - 1) & 1 == 1
}

fn is_gone(id: Pid) -> bool {
    status(id, "State:").is_none_or(|state| state.starts_with('Z'))
}

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn each_helper_copies_gives_back_and_clears_only_what_is_still_there() {
    let Some(display) = Display::start() else { return };
    let desktop = Desktop { x11: true, ..Desktop::default() };
    let home = tempfile::tempdir().unwrap();
    // xsel has a log there.
    let environment = [("DISPLAY".into(), display.name.clone().into()), ("HOME".into(), home.path().into())];
    let code = SecretText::from("135790");
    let ways: Vec<Clipboard> = Clipboard::of_helpers(desktop).collect();
    assert_eq!(ways.len(), 2, "xclip and xsel: {ways:?}");
    for way in ways {
        assert!(!way.clear_if_still(&code, &environment).unwrap(), "it is empty: {way:?}");
        way.copy(&code, &environment).unwrap();
        display.comes_to_hold("135790");
        display.copy("of the person");
        assert!(!way.clear_if_still(&code, &environment).unwrap(), "{way:?}");
        assert_eq!(display.content(), "of the person");
        way.copy(&code, &environment).unwrap();
        display.comes_to_hold("135790");
        assert!(way.clear_if_still(&code, &environment).unwrap(), "{way:?}");
        display.comes_to_hold("");
    }
}

#[test]
fn a_copied_code_is_cleared_when_its_time_is_over_if_it_is_still_there() {
    let Some(display) = Display::start() else { return };
    let world = World::empty();
    for (content, after) in [("135790", ""), ("of the person", "of the person")] {
        display.copy(content);
        display.clearer(&world, "0").run_with("135790").succeeded();
        display.comes_to_hold(after);
    }
    display.copy("135790");
    display.clearer(&world, "3600").run_with("").succeeded();
    assert_eq!(display.content(), "135790", "nothing was copied, so nothing is awaited or cleared");
}

#[test]
fn a_copied_code_is_cleared_at_once_when_the_process_that_waits_is_to_end() {
    let Some(display) = Display::start() else { return };
    let world = World::enrolled();
    for signal in [Signal::TERM, Signal::HUP] {
        let (ran, id) = copy(&world, &[("DISPLAY", &display.name)]);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("cleared after 45 s if it is unchanged"), "{ran:?}");
        let code = world.line("code alice").run().succeeded().stdout;
        display.comes_to_hold(code.trim());
        // Root sees it; to everybody else it is closed.
        let environment = fs::read(format!("/proc/{}/environ", id.as_raw_nonzero())).unwrap_or_default();
        assert!(!environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(b"MFAVAULT_")));
        eventually("the process to watch for signals", || catches(id, signal));
        kill_process(id, signal).unwrap();
        eventually("the process to end", || is_gone(id));
        display.comes_to_hold("");
    }
}

#[test]
fn over_ssh_the_terminal_is_asked_to_copy() {
    let world = World::enrolled();
    for (variables, start, end) in [
        (&[("SSH_TTY", "/dev/pts/9")][..], "\u{1b}]52;c;", "\u{7}"),
        (&[("SSH_CONNECTION", "x"), ("TMUX", "x")], "\u{1b}Ptmux;\u{1b}\u{1b}]52;c;", "\u{7}\u{1b}\\"),
    ] {
        let mut command = world.program("bash");
        command.args(["-c", "mfavault code alice --copy >out 2>err; echo status $?"]).envs(variables.iter().copied());
        let mut terminal = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
        let before = terminal.exp_string(start).unwrap();
        let encoded = terminal.exp_string(end).unwrap();
        terminal.exp_string("status 0").unwrap();
        let code = world.line("code alice").run().succeeded().stdout;
        assert_eq!((before.as_str(), STANDARD.decode(encoded).unwrap()), ("", code.trim().as_bytes().to_vec()));
        let [out, said] = ["out", "err"].map(|name| fs::read_to_string(world.path("home").join(name)).unwrap());
        assert!(out.is_empty() && said.contains("cannot be asked to forget it"), "{out} {said}");
        assert_eq!(said.contains("allow-passthrough"), variables.len() == 2, "{said}");
    }
}

#[test]
fn without_a_clipboard_no_code_is_spent() {
    let world = World::enrolled();
    world.line("code alice --copy").run().refused(1, &["there is no clipboard here", "no desktop session"]);
    let ran = world.line("code alice").run().succeeded();
    assert!(!ran.stderr.contains("given out before"), "{ran:?}");
}

#[test]
fn a_helper_first_in_path_is_never_run() {
    let Some(display) = Display::start() else { return };
    let world = World::enrolled();
    let planted = world.path("home/planted");
    let script = format!("#!/bin/sh\ncat >>{0}\necho ran >>{0}\n", planted.display());
    for name in ["xclip", "xsel", "wl-copy", "wl-paste"] {
        let path = world.path("home").join(name);
        fs::write(&path, &script).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", world.path("home").display());
    let (_, id) = copy(&world, &[("DISPLAY", &display.name), ("PATH", &path)]);
    eventually("a code", || display.content().len() == 6);
    eventually("the process to watch for signals", || catches(id, Signal::TERM));
    kill_process(id, Signal::TERM).unwrap();
    display.comes_to_hold("");
    assert!(!planted.exists());
}
