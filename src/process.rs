//! Edge: processes: our own, hardened; and the command that is given credentials. `beside` has what runs beside us,
//! `output` what a profile's commands print.
//!
//! On Unix the command takes our place (`execve`): no signals to forward, no status to mirror. What it inherits is what
//! a shell would give it: fds 0 to 2, SIGPIPE with its default effect and no blocked signals (std sees to these two), and
//! the core limit that we were started with.

use std::{
    ffi::{OsStr, OsString},
    fmt, io,
    path::{Path, PathBuf},
    process::Command,
};

use thiserror::Error;

mod beside;
mod output;

pub use beside::{EndSignal, on_end_signal, run};
pub use output::{ProcessError, output_of};

/// A command to start: a value, so that it can be tested. `Debug` shows the program alone: credentials are in the
/// environment, and arguments are the user's business.
#[derive(Clone, PartialEq, Eq)]
pub struct Launch {
    /// The file to execute, as [`find_program`] found it.
    pub program: PathBuf,
    /// Without the program's own name.
    pub arguments: Vec<OsString>,
    /// All of it: nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
}

impl fmt::Debug for Launch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Launch").field("program", &self.program).finish_non_exhaustive()
    }
}

/// Why a command did not start.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// No such file, or none of that name on the PATH.
    #[error("there is no program `{}`", program.display())]
    NotFound {
        /// As it was asked for.
        program: PathBuf,
    },
    /// A folder, a file without the permission, or one that the system cannot run.
    #[error("`{}` cannot be executed", program.display())]
    NotExecutable {
        /// The file that was found.
        program: PathBuf,
        /// What the system said, if it was asked.
        #[source]
        source: Option<io::Error>,
    },
    /// No memory, too many processes, arguments too long.
    #[error("cannot start `{}`", program.display())]
    Failed {
        /// The file.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// This process after [`harden`]: keeps what commands are to get back.
#[derive(Debug)]
pub struct Hardened {
    #[cfg(unix)]
    previous_core_limit: rustix::process::Rlimit,
}

/// Makes this process write no core dump and, on Linux, refuse debuggers of the same user. To be called before any
/// secret is read.
///
/// Either would do against core dumps on Linux; a limit of 0 also shows, to whoever looks at the process.
///
/// # Errors
/// If the system refuses, then its error.
#[cfg(unix)]
pub fn harden() -> io::Result<Hardened> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    let previous_core_limit = getrlimit(Resource::Core);
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: previous_core_limit.maximum })?;
    Ok(Hardened { previous_core_limit })
}

/// Does nothing: no core dumps are written on Windows unless the system is told to.
///
/// # Errors
/// None.
#[cfg(windows)]
pub fn harden() -> io::Result<Hardened> {
    Ok(Hardened {})
}

impl Hardened {
    /// Gives the soft core limit back, for a command that is about to be started.
    #[cfg(unix)]
    fn restore(&self) -> io::Result<()> {
        Ok(rustix::process::setrlimit(rustix::process::Resource::Core, self.previous_core_limit)?)
    }

    #[cfg(windows)]
    fn restore(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Finds the file to execute. A name with a slash is a path and taken as it is; another is looked for in the absolute
/// folders of `path` (the value of PATH), never in the current one.
///
/// # Errors
/// If there is none, then `NotFound`; if there is one but it cannot be executed, then `NotExecutable`.
pub fn find_program(name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, LaunchError> {
    let named = Path::new(name);
    let separated = name.as_encoded_bytes().iter().any(|byte| std::path::is_separator(char::from(*byte)));
    let candidates: Vec<PathBuf> = if separated || name.is_empty() {
        vec![named.to_owned()]
    } else {
        let folders = path.map(std::env::split_paths).into_iter().flatten();
        folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(named)).collect()
    };
    let mut found = None;
    for candidate in candidates.iter().flat_map(|candidate| with_extensions(candidate)) {
        if executable(&candidate) {
            return Ok(candidate);
        }
        if candidate.exists() {
            found = found.or(Some(candidate));
        }
    }
    Err(match found {
        Some(program) => LaunchError::NotExecutable { program, source: None },
        None => LaunchError::NotFound { program: named.to_owned() },
    })
}

/// Puts the command in the place of this process. On Windows, which has no such thing, waits for it to end.
///
/// On Unix this returns only if it fails; elsewhere the value is the command's exit status.
///
/// # Errors
/// If the file is gone, then `NotFound`; if the system cannot run it, then `NotExecutable`; otherwise `Failed`.
#[cfg(unix)]
pub fn launch(launch: &Launch, hardened: &Hardened) -> Result<i32, LaunchError> {
    use std::os::unix::process::CommandExt;

    // Marked, not closed: if execve fails, everything still works.
    close_fds::set_fds_cloexec(3, &[]);
    hardened.restore().map_err(|source| failed(launch, source))?;
    Err(failed(launch, command(launch).exec()))
}

/// See the one for Unix.
///
/// # Errors
/// See the one for Unix.
#[cfg(windows)]
pub fn launch(launch: &Launch, hardened: &Hardened) -> Result<i32, LaunchError> {
    run(launch, hardened)
}

/// What this machine is called; `localhost` if it will not say.
pub fn host_name() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(windows)]
    let name = "windows".to_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

fn command(launch: &Launch) -> Command {
    let mut command = Command::new(&launch.program);
    command.args(&launch.arguments).env_clear().envs(launch.environment.iter().map(|(name, value)| (name, value)));
    command
}

fn failed(launch: &Launch, source: io::Error) -> LaunchError {
    use io::ErrorKind::{InvalidInput, NotFound, OutOfMemory, ResourceBusy, WouldBlock};
    let program = launch.program.clone();
    match source.kind() {
        // A script whose interpreter is missing is there and "not found".
        NotFound if !program.exists() => LaunchError::NotFound { program },
        OutOfMemory | WouldBlock | ResourceBusy | InvalidInput | io::ErrorKind::ArgumentListTooLong => {
            LaunchError::Failed { program, source }
        }
        _ => LaunchError::NotExecutable { program, source: Some(source) },
    }
}

#[cfg(unix)]
fn with_extensions(program: &Path) -> [PathBuf; 1] {
    [program.to_owned()]
}

#[cfg(windows)]
fn with_extensions(program: &Path) -> Vec<PathBuf> {
    let extended = |extension: &str| {
        let mut name = program.as_os_str().to_owned();
        name.push(extension);
        PathBuf::from(name)
    };
    ["", ".com", ".exe", ".bat", ".cmd"].into_iter().map(extended).collect()
}

#[cfg(unix)]
fn executable(program: &Path) -> bool {
    program.is_file() && rustix::fs::access(program, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(windows)]
fn executable(program: &Path) -> bool {
    program.is_file() && program.extension().is_some()
}
