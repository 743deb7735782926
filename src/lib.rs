//! # The drawing
//!
//! `mfavault` is a virtual MFA device and a credential vault for AWS. This page shows where everything is.
//! Modules stand on floors; a module uses only lower floors, and siblings on a floor do not see each other
//! (held by `tests/architecture.rs`, which reads the groups below). The library is internal: its API has no promise.
//!
//! ## A command with credentials: `mfavault exec prod -- aws s3 ls`
//! `cli` reads the arguments, the environment, the settings and the AWS config once. `profile::chain` resolves the profile (pure),
//! `session::planner` turns it into a `session::plan`, a list of calls (pure; `explain` prints it). `session::obtain`
//! walks the plan: a session still fresh in the `vault`? Then nothing else happens. Otherwise one leader
//! (`session::single_flight`) has the step before it obtained in the same way, down to where the plan starts:
//! long-term credentials from the vault or the environment, another tool's process (`session::outside`), a web
//! identity, or a sign-in at IAM Identity Center (`session::sign_in`, shown by `browser`). If the call wants a code,
//! `session::codes` finds it: given, from a seed by `session::authenticator` (recorded as spent, then sent), from the
//! profile's command, from a person. `aws` is asked, and the answer remembered; if it denies, `session::denial` says
//! why. `cli` then replaces the process with the command. With `--server` it stays instead: `commands::serve` answers
//! from memory over `http_server`, and renews what it answers with by the same walk.
//!
//! ## A new device: `mfavault mfa enable main`
//! GetCallerIdentity → CreateVirtualMFADevice → the seed is stored and read back → the codes of the previous and the
//! current time step → EnableMFADevice → a line in the AWS config → proved by a real GetSessionToken. A journal in the
//! vault says that it was begun, and AWS and the vault how far it got, so that a second run finishes or undoes a first one
//! that was killed. `mfa replace` is the same beside the old device, which `commands::mfa::retire` then ends: AWS demands
//! it no more, forgets it, and last the vault does.
//!
//! ## A seed from elsewhere: `mfavault mfa import --from aegis FILE`
//! `mfa::interchange` reads the file within limits and gives entries, or why one was left out (pure). `commands::mfa::import`
//! plans what each would be here, shows it, asks, and stores all of it or nothing. Wherever a code or a seed goes out,
//! `session::consent` asks first, if its record says so.
//!
//! ## Keys from elsewhere: `mfavault import aws-vault`
//! `aws_vault` reads the stores of that tool, `shared_config` AWS's files, `csv` the console's download.
//! `commands::import` plans what each key would be here, shows it, asks, has AWS say whose it is, stores all or nothing,
//! and then takes away from the source what the vault has given back.
//!
//! ## Another key: `mfavault rotate main`
//! A record with the old pair in the keystore and a journal in the index → CreateAccessKey → the new pair beside the old
//! one, read back → proved → the profiles get it → the old key inactive, the new one proved again → the old one deleted.
//! Each step is written to the log (`vault::audit`) when AWS has taken it.
//!
//! ## Where secrets are: `mfavault keystore move --to os`
//! `cli::keystores` says which keystore is used and who said so: an option, the environment, `settings`, what was recorded.
//! `keystore` has the adapters behind one trait: the system's own, the encrypted file, `pass`, a helper program, and the
//! kernel for sessions alone. `vault::moving` carries everything from one to another: the record of the choice is the point
//! where it turns.

// ---- floor: cli ---- words: the only place that knows clap, colours, exit codes, and which adapter is real
pub mod cli;

// ---- floor: commands ---- verbs, one file each: run(&Context, Args) -> Result<Outcome, Error>; nothing is printed
pub mod commands;

// ---- floor: rehearsal ---- a strict stand-in of AWS on loopback, sign-ins and console too, for learning and tests
pub mod rehearsal;

// ---- floor: session ---- the way from a profile to session credentials: a plan, the walk, codes, one for all, denials
pub mod session;

// ---- floor: vault ---- what is remembered: typed records over a keystore, index, journal, ledger, counts, locks
pub mod vault;

// ---- floor: edges ---- the world outside, injected: each file is one part of it
pub mod aws;
pub mod aws_vault;
pub mod backup_file;
pub mod browser;
pub mod clipboard;
pub mod clock;
pub mod environment;
pub mod http_server;
pub mod keystore;
pub mod process;
pub mod prompt;
pub mod settings;
pub mod shared_config;

// ---- floor: shared by edges ---- what more than one edge needs of the world outside
#[cfg(target_os = "linux")]
pub mod secret_service;

// ---- floor: profile ---- noun, pure: profiles of the AWS config, their text (kept line by line), chains of sources
pub mod profile;

// ---- floor: nouns ---- pure: the virtual MFA device and its codes; credentials and their text forms
pub mod credentials;
pub mod mfa;

// ---- floor: bottom ---- what everything stands on
pub mod arn;
pub mod atomic_file;
pub mod child;
pub mod csv;
pub mod deadline;
pub mod rfc3339;
pub mod secret;
pub mod visible;
