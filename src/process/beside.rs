//! A process that stays: the command runs beside it, or signals ask it to end.

use std::io;
#[cfg(unix)]
use std::time::Duration;

#[cfg(unix)]
use super::harden;
use super::{Hardened, Launch, LaunchError, command, failed};

/// Who asked this process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSignal {
    /// A person, by Ctrl-C: SIGINT.
    Interrupt,
    /// The system or another program: SIGTERM or SIGHUP.
    Terminate,
}

/// How long a process that was asked to end may take, in the midst of a call to AWS, before the signal ends it.
#[cfg(unix)]
const GRACE: Duration = Duration::from_secs(1);

/// From now on the first SIGINT, SIGTERM or SIGHUP is told, from a thread of its own; only if this process is still
/// there a second later does the signal end it. SIGQUIT ends it at once. On Windows nothing is told, and Ctrl-C ends it.
///
/// # Errors
/// If the system refuses, then its error.
#[cfg(unix)]
pub fn on_end_signal(tell: impl Fn(EndSignal) + Send + 'static) -> io::Result<()> {
    use std::sync::{Arc, atomic::AtomicBool};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

    // It would do nothing where a question has left its handler.
    signal_hook::flag::register_conditional_default(SIGQUIT, Arc::new(AtomicBool::new(true)))?;

    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            tell(if signal == SIGINT { EndSignal::Interrupt } else { EndSignal::Terminate });
            std::thread::park_timeout(GRACE);
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    })?;
    Ok(())
}

/// See the one for Unix.
///
/// # Errors
/// None.
#[cfg(windows)]
pub fn on_end_signal(tell: impl Fn(EndSignal) + Send + 'static) -> io::Result<()> {
    drop(tell);
    Ok(())
}

/// Runs the command beside this process, for a server that lives as long as the command does. The value is its exit
/// status, or 128 + N if signal N ended it.
///
/// SIGTERM and SIGHUP are handed on to the command. SIGINT and SIGQUIT are not: a terminal sends them to both. None of
/// the four ends this process any more; a prompt that asked before has to release them first.
///
/// # Errors
/// As [`launch`](super::launch).
#[cfg(unix)]
pub fn run(launch: &Launch, hardened: &Hardened) -> Result<i32, LaunchError> {
    use std::os::unix::process::ExitStatusExt;

    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

    let failed = |source| failed(launch, source);
    close_fds::set_fds_cloexec(3, &[]);
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]).map_err(failed)?;
    hardened.restore().map_err(failed)?;
    let child = command(launch).spawn();
    let _ = harden();
    let mut child = child.map_err(failed)?;

    let handle = signals.handle();
    let pid = Pid::from_child(&child);
    let status = std::thread::scope(|scope| {
        scope.spawn(move || {
            for signal in signals.forever() {
                match signal {
                    SIGTERM => drop(kill_process(pid, Signal::TERM)),
                    SIGHUP => drop(kill_process(pid, Signal::HUP)),
                    _ => {}
                }
            }
        });
        let status = child.wait();
        handle.close();
        status
    });
    let status = status.map_err(failed)?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
}

/// See the one for Unix. Ctrl-C reaches the command by the console.
///
/// # Errors
/// As [`launch`].
#[cfg(windows)]
pub fn run(launch: &Launch, hardened: &Hardened) -> Result<i32, LaunchError> {
    hardened.restore().map_err(|source| failed(launch, source))?;
    let status = command(launch).status().map_err(|source| failed(launch, source))?;
    Ok(status.code().unwrap_or(1))
}
