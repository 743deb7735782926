//! All integration tests, in one binary: it links once.

#![allow(clippy::unwrap_used, reason = "in a test every error is a failure")]
#![allow(clippy::result_large_err, reason = "the errors of commands are passed on as they are")]

mod architecture;
#[cfg(unix)]
mod audit;
#[cfg(target_os = "linux")]
mod cli;
mod commands;
mod interchange;
mod interop;
mod keystore_contract;
mod process;
#[cfg(unix)]
mod profiles;
mod prompt_terminal;
mod seeds;
mod sessions_apart;
mod support;
mod vault;
