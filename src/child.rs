//! Programs that run beside us: what they find in their variables, kept from the terminal, and ended with what they started
//! when they are overdue.
//!
//! A program that may ask stays in our process group: in one of its own it is a background job, which the system stops
//! as soon as it reads from the terminal. That is what one that may not ask gets. (A session of its own, without any
//! terminal, would need unsafe code before its start.) Where the system lists a process's children (Linux), those are
//! ended with it; elsewhere what it started goes on, and nobody reads what it prints.

use std::{
    ffi::OsString,
    process::{Child, Command},
};
#[cfg(unix)]
use std::{
    thread,
    time::{Duration, Instant},
};

/// How often it is looked whether a process has ended.
#[cfg(unix)]
const NAP: Duration = Duration::from_millis(10);
/// How long it has to put the terminal in order when it is told to end.
#[cfg(unix)]
const GRACE: Duration = Duration::from_millis(500);

/// Instead of an empty PATH, which is the current folder to whoever looks a program up. Windows has no such rule.
const PATH_OF_LAST_RESORT: &str = if cfg!(windows) { "" } else { "/usr/bin:/bin" };

/// Has the command find no terminal to ask on.
#[cfg(unix)]
pub fn keep_from_terminal(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Has the command find no terminal to ask on.
#[cfg(windows)]
pub fn keep_from_terminal(command: &mut Command) {
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NO_WINDOW);
}

/// Ends a process and what it started, within a second, and leaves no zombie.
#[cfg(unix)]
pub fn end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process, test_kill_process};
    if matches!(child.try_wait(), Ok(Some(_))) {
        return;
    }
    let started = descendants(child.id());
    let deadline = Instant::now() + GRACE;
    for id in started.iter().copied().chain([Pid::from_child(child)]) {
        // Not at once by force: what asks on the terminal has switched its echo off.
        let _ = kill_process(id, Signal::TERM);
    }
    let mut ended = false;
    while Instant::now() < deadline && !(ended && started.iter().all(|id| test_kill_process(*id).is_err())) {
        thread::park_timeout(NAP);
        ended = ended || matches!(child.try_wait(), Ok(Some(_)));
    }
    for id in started {
        let _ = kill_process(id, Signal::KILL);
    }
    if !ended {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Ends what a process that was kept from the terminal started and left behind: it has the process's group.
#[cfg(unix)]
pub fn end_group(child: &Child) {
    let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(child), rustix::process::Signal::KILL);
}

/// There are no such groups.
#[cfg(windows)]
pub fn end_group(_child: &Child) {}

/// Ends a process.
#[cfg(windows)]
pub fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// The processes that were started by a process, by those, and so on; none where the system does not list them.
#[cfg(unix)]
fn descendants(id: u32) -> Vec<rustix::process::Pid> {
    let mut found: Vec<u32> = Vec::new();
    let mut parents = vec![id];
    while let Some(parent) = parents.pop() {
        for thread in std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            let children = children.split_whitespace().filter_map(|id| id.parse::<u32>().ok());
            found.extend(children.clone());
            parents.extend(children);
        }
    }
    found.into_iter().filter_map(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)).collect()
}

/// The variables for a program: of its PATH, only folders that are the same from wherever it is started.
pub fn with_absolute_path(inherited: Vec<(OsString, OsString)>) -> Vec<(OsString, OsString)> {
    let absolute = |path: OsString| {
        let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
        let joined = std::env::join_paths(folders).unwrap_or_default();
        if joined.is_empty() { PATH_OF_LAST_RESORT.into() } else { joined }
    };
    let is_path = |name: &OsString| name.eq_ignore_ascii_case("PATH");
    inherited
        .into_iter()
        .map(|(name, value)| if is_path(&name) { (name, absolute(value)) } else { (name, value) })
        .collect()
}

/// The name of the terminal that a person sits at.
#[cfg(unix)]
pub fn terminal_name() -> Option<OsString> {
    use rustix::termios::ttyname;
    use std::{
        io::{stderr, stdin, stdout},
        os::{fd::AsFd, unix::ffi::OsStringExt},
    };
    let name = ttyname(stdin().as_fd(), [])
        .or_else(|_| ttyname(stderr().as_fd(), []))
        .or_else(|_| ttyname(stdout().as_fd(), []));
    Some(OsString::from_vec(name.ok()?.into_bytes()))
}

#[cfg(windows)]
pub fn terminal_name() -> Option<OsString> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_path_has_no_folder_that_depends_on_where_we_are() {
        let variables = vec![("PATH".into(), ":/usr/bin:.:bin:/bin:".into()), ("HOME".into(), ":.".into())];
        let expected: Vec<(OsString, OsString)> =
            vec![("PATH".into(), "/usr/bin:/bin".into()), ("HOME".into(), ":.".into())];
        assert_eq!(with_absolute_path(variables), expected);
        for path in ["", ".", ":", "bin:."] {
            let variables = with_absolute_path(vec![("PATH".into(), path.into())]);
            assert_eq!(variables, [("PATH".into(), "/usr/bin:/bin".into())], "{path:?}");
        }
    }
}
