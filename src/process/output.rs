//! What a shell command of a profile prints: bounded in size and in time.

use std::{
    ffi::OsString,
    io::{self, Read},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::{child, secret::SecretText};

/// Far above every code and every document of credentials.
const MAX_OUTPUT_BYTES: usize = 64 * 1024;
/// How often it is looked whether the command has ended, where nothing tells.
const NAP: Duration = Duration::from_millis(10);

/// Why the output of a command cannot be had.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// The shell did not start.
    #[error("cannot start the shell")]
    NotStarted {
        /// What the system said.
        source: io::Error,
    },
    /// It ended with another status than 0.
    #[error("it ended with {status}")]
    Failed {
        /// As the system words it.
        status: String,
    },
    /// It went on for too long.
    #[error("it timed out after {} s", patience.as_secs())]
    TimedOut {
        /// How long it had.
        patience: Duration,
    },
    /// It wanted the terminal, though it may not ask.
    #[error("it wants the terminal, and nobody is asked now")]
    Asked,
    /// It printed more than any code or document has.
    #[error("it printed more than {} KiB", MAX_OUTPUT_BYTES / 1024)]
    TooLong,
    /// What it printed is not text.
    #[error("it printed something that is not UTF-8 text")]
    NotText,
}

/// What a shell command prints: for a profile's `mfa_process`, which `may_ask` on the terminal itself, or not.
/// Standard input is not its: an SDK may have left it open. When the shell ends, what was printed until then counts,
/// whoever still holds the pipe. It has `patience` to end, then it is ended.
///
/// # Errors
/// If it cannot be started, then `NotStarted`; if it does not end in time, then `TimedOut`; if it may not
/// ask and wants the terminal, then `Asked` (on Unix; on Windows it finds none); if it prints more than 64 KiB, then `TooLong`; if it ends with another status than 0, then `Failed`; if it prints something else than UTF-8,
/// then `NotText`.
pub fn output_of(
    command: &str,
    environment: &[(OsString, OsString)],
    patience: Duration,
    may_ask: bool,
) -> Result<SecretText, ProcessError> {
    let (shell, flag) = if cfg!(windows) { ("cmd.exe", "/C") } else { ("/bin/sh", "-c") };
    let mut shell = Command::new(shell);
    shell
        .args([flag, command])
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    if !may_ask {
        child::keep_from_terminal(&mut shell);
    }
    let mut child = shell.spawn().map_err(|source| ProcessError::NotStarted { source })?;
    let (status, mut output) = match collect(&mut child, patience) {
        Ok(collected) => collected,
        Err(error) => {
            child::end(&mut child);
            return Err(error);
        }
    };
    if !status.success() {
        return Err(ProcessError::Failed { status: status.to_string() });
    }
    String::from_utf8(std::mem::take(&mut *output)).map(SecretText::from).map_err(|error| {
        error.into_bytes().zeroize();
        ProcessError::NotText
    })
}

type Collected = (ExitStatus, Zeroizing<Vec<u8>>);

/// Reads until the shell has ended and its pipe is empty.
#[cfg(unix)]
fn collect(child: &mut Child, patience: Duration) -> Result<Collected, ProcessError> {
    let lost = |source| ProcessError::NotStarted { source };
    let deadline = Instant::now() + patience;
    // Sized once: a buffer that grows by moving would leave secrets behind.
    let mut output = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT_BYTES));
    let mut chunk = Zeroizing::new([0_u8; 4096]);
    let mut stdout = child.stdout.take();
    loop {
        // The status before the pipe: all that was written by then is there to be read.
        let status = child.try_wait().map_err(lost)?;
        let left = deadline.saturating_duration_since(Instant::now());
        let nap = if status.is_some() { Duration::ZERO } else { NAP.min(left) };
        let ready = is_ready(stdout.as_ref(), nap);
        match (stdout.as_mut().filter(|_| ready), status) {
            (Some(pipe), _) => match pipe.read(&mut *chunk) {
                Ok(0) => stdout = None,
                Ok(count) if output.len() + count > MAX_OUTPUT_BYTES => return Err(ProcessError::TooLong),
                Ok(count) => output.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(error)),
            },
            (None, Some(status)) => return Ok((status, output)),
            (None, None) => {}
        }
        if is_stopped_by_terminal(child) {
            return Err(ProcessError::Asked);
        }
        if left.is_zero() {
            return Err(ProcessError::TimedOut { patience });
        }
    }
}

/// Whether the system stopped it, because a background job may not use the terminal. All of its group is stopped then.
#[cfg(unix)]
fn is_stopped_by_terminal(child: &Child) -> bool {
    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let stopped = waitid(WaitId::Pid(Pid::from_child(child)), options).ok().flatten();
    let signal = stopped.and_then(|status| status.stopping_signal());
    signal.is_some_and(|signal| [Signal::TTIN, Signal::TTOU].iter().any(|it| it.as_raw() == signal))
}

/// Whether there is something to read, or the end of it, at the latest after this time; without a pipe, only waits.
#[cfg(unix)]
fn is_ready(pipe: Option<&std::process::ChildStdout>, time: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut pipe: Vec<PollFd<'_>> = pipe.map(|pipe| PollFd::new(pipe, PollFlags::IN)).into_iter().collect();
    let time = Timespec { tv_sec: 0, tv_nsec: time.min(NAP).subsec_nanos().into() };
    // A signal, too, is a reason to look again.
    poll(&mut pipe, Some(&time)).is_ok_and(|ready| ready > 0)
}

/// Reads until the pipe's end, in a thread: a pipe has no time-outs here. The thread ends with the last process that
/// holds the pipe.
#[cfg(windows)]
fn collect(child: &mut Child, patience: Duration) -> Result<Collected, ProcessError> {
    let lost = |source| ProcessError::NotStarted { source };
    let deadline = Instant::now() + patience;
    let stdout = child.stdout.take();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::Builder::new()
        .spawn(move || {
            let mut output = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT_BYTES + 1));
            let limit = MAX_OUTPUT_BYTES as u64 + 1;
            let read = stdout.map_or(Ok(0), |stdout| stdout.take(limit).read_to_end(&mut output));
            // Nobody listens any more if it took too long.
            sender.send(read.map(|_| output)).ok();
        })
        .map_err(lost)?;
    let output = receiver.recv_timeout(patience).map_err(|_| ProcessError::TimedOut { patience })?.map_err(lost)?;
    if output.len() > MAX_OUTPUT_BYTES {
        return Err(ProcessError::TooLong);
    }
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match child.try_wait().map_err(lost)? {
            Some(status) => return Ok((status, output)),
            None if left.is_zero() => return Err(ProcessError::TimedOut { patience }),
            None => std::thread::park_timeout(NAP.min(left)),
        }
    }
}
