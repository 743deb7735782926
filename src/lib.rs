//! # The drawing
//!
//! `mfavault` is a virtual MFA device and a credential vault for AWS. This page shows where everything is.
//! Modules stand on floors; a module uses only lower floors, and siblings on a floor do not see each other
//! (held by `tests/architecture.rs`, which reads the groups below). The library is internal: its API has no promise.
//!
//! ## A command with credentials: `mfavault exec prod -- aws s3 ls`
//! `cli` reads the arguments, the environment and the AWS config once. `profile::chain` resolves the profile (pure),
//! `session::plan` turns it into a list of calls (pure). `session::obtain` walks the plan: a session still fresh in
//! the `vault`? Then nothing else happens. Otherwise one leader (`session::single_flight`) takes the long-term
//! credentials from the vault, a code from `session::authenticator` (recorded as spent, then sent), asks STS through
//! `aws`, and remembers the answer. `cli` then replaces the process with the command.
//!
//! ## A new device: `mfavault mfa enable main`
//! GetCallerIdentity → CreateVirtualMFADevice → the seed is stored and read back → the codes of the previous and the
//! current time step → EnableMFADevice → a line in the AWS config → proved by a real GetSessionToken. A journal in the
//! vault says how far it got, so that a second run finishes or undoes a first one that was killed.

// ---- floor: cli ---- words: the only place that knows clap, colours, exit codes, and which adapter is real
pub mod cli;

// ---- floor: commands ---- verbs, one file each: run(&Context, Args) -> Result<Outcome, Error>; nothing is printed
pub mod commands;

// ---- floor: rehearsal ---- a strict stand-in of AWS's IAM and STS on loopback, for learning, demos and tests
pub mod rehearsal;

// ---- floor: session ---- the way from a profile to session credentials: plan, obtain, authenticator, single_flight
pub mod session;

// ---- floor: vault ---- what is remembered: typed records over a keystore, index, journal, spent-step ledger, locks
pub mod vault;

// ---- floor: edges ---- the world outside, injected: each file is one part of it
pub mod aws;
pub mod backup_file;
pub mod clipboard;
pub mod clock;
pub mod environment;
pub mod http_server;
pub mod keystore;
pub mod process;
pub mod prompt;
pub mod shared_config;

// ---- floor: profile ---- noun, pure: profiles of the AWS config, their text (kept line by line), chains of sources
pub mod profile;

// ---- floor: nouns ---- pure: the virtual MFA device and its codes; credentials and their text forms
pub mod credentials;
pub mod mfa;

// ---- floor: bottom ---- what everything stands on
pub mod arn;
pub mod atomic_file;
pub mod rfc3339;
pub mod secret;
pub mod visible;
