//! A program that does a keystore's work: what it gets on its standard input, and what it prints, within a size and a
//! time. Never anything secret in its arguments, which every process of the machine can read.

use std::{
    ffi::OsString,
    fmt,
    io::{self, Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use crate::{child, secret::SecretBytes, visible::visible};

/// How long a program may take that asks nobody.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one may take that may ask: a person types a passphrase, or looks for a security key.
const PERSON_PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked whether a program has ended.
const NAP: Duration = Duration::from_millis(2);
/// As much of what it says on standard error is read where that matters.
const MAX_TALK_BYTES: usize = 16 * 1024;
/// As much of a message goes into the reason of an error.
const MAX_REASON_CHARACTERS: usize = 200;

/// What is asked of a program.
pub(super) struct Call<'a> {
    /// By its absolute path.
    pub(super) program: &'a Path,
    /// Without its own name.
    pub(super) arguments: &'a [String],
    /// All of it.
    pub(super) environment: &'a [(OsString, OsString)],
    /// What stands on its standard input.
    pub(super) input: SecretBytes,
    /// Whether it may ask a person, who then has two minutes; else it has ten seconds and no terminal.
    pub(super) may_ask: bool,
    /// Whether what it says on standard error is for us; else it is for the person.
    pub(super) listens: bool,
    /// More than this on standard output is none of ours.
    pub(super) limit_bytes: usize,
}

/// A program that ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) output: SecretBytes,
    /// What it said on standard error, if that was for us.
    pub(super) talk: String,
}

/// Why there is nothing to go by.
pub(super) enum Failure {
    NotStarted(io::Error),
    Late(Duration),
    TooLong(usize),
    Lost(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotStarted(error) => write!(formatter, "it cannot be started: {error}"),
            Failure::Late(patience) => write!(formatter, "it did not end within {} s", patience.as_secs()),
            Failure::TooLong(limit) => write!(formatter, "it printed more than {} KiB", limit / 1024),
            Failure::Lost(error) => write!(formatter, "it cannot be talked to: {error}"),
        }
    }
}

impl Call<'_> {
    /// Runs it to its end. A program that is overdue, or prints too much, is ended.
    ///
    /// What it prints ends where its standard output does: it must leave that to nothing that outlives it.
    pub(super) fn run(self) -> Result<Ended, Failure> {
        let mut command = Command::new(self.program);
        command
            .args(self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if self.listens { Stdio::piped() } else { Stdio::inherit() });
        if !self.may_ask {
            child::keep_from_terminal(&mut command);
        }
        let patience = if self.may_ask { PERSON_PATIENCE } else { PATIENCE };
        let mut child = command.spawn().map_err(Failure::NotStarted)?;
        let ended = converse(&mut child, self.input, self.limit_bytes, patience);
        if ended.is_err() {
            child::end(&mut child);
            if !self.may_ask {
                // What it left behind holds our standard error, and whoever reads that waits for it.
                child::end_group(&child);
            }
        }
        ended
    }
}

/// Writes, reads and waits, all within this time.
fn converse(child: &mut Child, input: SecretBytes, limit: usize, patience: Duration) -> Result<Ended, Failure> {
    let deadline = Instant::now() + patience;
    let left = || deadline.saturating_duration_since(Instant::now());
    // Pipes have no time-outs. Each thread ends with the last process that holds its pipe.
    if let Some(mut stdin) = child.stdin.take() {
        let write = move || {
            // One that does not read it has its reason; its answer counts.
            let _ = stdin.write_all(input.expose());
        };
        thread::Builder::new().spawn(write).map_err(Failure::Lost)?;
    }
    let output = read(child.stdout.take(), limit, false).map_err(Failure::Lost)?;
    let talk = read(child.stderr.take(), MAX_TALK_BYTES, true).map_err(Failure::Lost)?;
    let output = output.recv_timeout(left()).map_err(|_| Failure::Late(patience))?.map_err(Failure::Lost)?;
    if output.len() > limit {
        return Err(Failure::TooLong(limit));
    }
    let talk = talk.recv_timeout(left()).map_err(|_| Failure::Late(patience))?.map_err(Failure::Lost)?;
    loop {
        match child.try_wait().map_err(Failure::Lost)? {
            Some(status) => {
                let output = SecretBytes::new(output.to_vec());
                return Ok(Ended { status, output, talk: String::from_utf8_lossy(&talk).into_owned() });
            }
            None if left().is_zero() => return Err(Failure::Late(patience)),
            None => thread::park_timeout(NAP),
        }
    }
}

/// Reads a pipe to its end, at most a byte more than the limit; no pipe has nothing in it. `to_the_end`, what is too much
/// is passed over: a program that says it is not to be stopped by it.
fn read(
    pipe: Option<impl Read + Send + 'static>,
    limit: usize,
    to_the_end: bool,
) -> io::Result<Receiver<io::Result<Zeroizing<Vec<u8>>>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().spawn(move || {
        // Sized once: a buffer that grows by moving would leave secrets behind.
        let mut content = Zeroizing::new(Vec::with_capacity(limit + 1));
        let result = pipe.map_or(Ok(()), |pipe| {
            let mut pipe = pipe.take(limit as u64 + 1);
            pipe.read_to_end(&mut content)?;
            if to_the_end { io::copy(&mut pipe.into_inner(), &mut io::sink()).map(drop) } else { Ok(()) }
        });
        // Nobody listens any more if it took too long.
        let _ = sender.send(result.map(|()| content));
    })?;
    Ok(receiver)
}

/// A message of a program as it may stand in the reason of an error: its first line, cleaned and not long.
pub(super) fn reason(message: &str) -> String {
    let line = message.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    visible(line).trim().trim_end_matches('.').chars().take(MAX_REASON_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_short_line_without_what_steers_a_terminal() {
        assert_eq!(reason("\n  \x1b[31mlocked\u{202e}.\nmore"), "[31mlocked");
        assert_eq!(reason(&"x".repeat(1000)).len(), MAX_REASON_CHARACTERS);
        assert_eq!(reason(""), "");
    }

    #[cfg(unix)]
    mod programs {
        use super::*;

        fn ran(script: &str, input: &[u8], patience: Duration) -> (Result<Ended, Failure>, Child) {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().expect("a shell");
            let ended = converse(&mut child, SecretBytes::new(input.to_vec()), 100_000, patience);
            if ended.is_err() {
                child::end(&mut child);
            }
            (ended, child)
        }

        fn failure(script: &str) -> String {
            let (ended, mut child) = ran(script, &[b'x'; 1_000_000], Duration::from_millis(300));
            let failure = ended.err().expect("no answer").to_string();
            assert!(matches!(child.try_wait(), Ok(Some(_))), "{script}: a process is left");
            failure
        }

        #[test]
        fn what_it_prints_and_says_and_how_it_ended_is_told() {
            let patience = Duration::from_secs(20);
            let (ended, _) = ran("cat; echo said >&2; exit 3", &[b'x'; 90_000], patience);
            let ended = ended.unwrap_or_else(|failure| panic!("{failure}"));
            let facts = (ended.status.code(), ended.output.expose().len(), ended.talk.as_str());
            assert_eq!(facts, (Some(3), 90_000, "said\n"));
            // It says more than is read: it is not to die of a pipe that nobody reads any more.
            let (ended, _) = ran("head -c 200000 /dev/zero >&2 || exit 9; echo yes", b"", patience);
            let ended = ended.unwrap_or_else(|failure| panic!("{failure}"));
            assert_eq!((ended.status.code(), ended.output.expose().as_slice()), (Some(0), &b"yes\n"[..]));
            // It closes its input and answers: no broken pipe of ours.
            let (ended, _) = ran("exec <&-; echo yes", &[b'x'; 90_000], patience);
            let ended = ended.unwrap_or_else(|failure| panic!("{failure}"));
            assert_eq!((ended.status.code(), ended.output.expose().as_slice()), (Some(0), &b"yes\n"[..]));
        }

        #[test]
        fn one_that_hangs_or_never_stops_printing_is_ended() {
            for script in
                ["exec sleep 600", "sleep 600", "exec >&- 2>&-; sleep 600", "trap '' TERM; sleep 600; sleep 600"]
            {
                assert_eq!(failure(script), "it did not end within 0 s", "{script}");
            }
            for script in ["exec yes", "yes | cat"] {
                assert_eq!(failure(script), "it printed more than 97 KiB", "{script}");
            }
        }
    }
}
