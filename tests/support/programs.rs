//! Other people's programs that a test needs.

use std::{
    ffi::{OsStr, OsString},
    io::Write,
};

/// Whether all are on the PATH. In CI they must be; elsewhere their absence is said, whatever the test runner swallows.
#[allow(clippy::disallowed_methods, reason = "whether this is CI is known from the environment only")]
pub(crate) fn installed(programs: &[&str]) -> bool {
    let path = path();
    let absent = |program: &&&str| mfavault::process::find_program(OsStr::new(program), Some(&path)).is_err();
    let Some(missing) = programs.iter().find(absent) else { return true };
    assert!(std::env::var_os("CI").is_none(), "{missing} is missing, and this is CI");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {missing} is not installed");
    false
}

/// The PATH of the tests.
#[allow(clippy::disallowed_methods, reason = "the programs that tests start are found as elsewhere")]
pub(crate) fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}
