//! What went wrong, as a person reads it: `error:`, `caused by:`, `hint:`, and the exit code.

use std::{
    error::Error as _,
    ffi::OsString,
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use super::{
    args::ColorChoice,
    hint::{hint, of_unknown_argument},
    parse::{looks_secret, secret_among},
};
use crate::{
    commands::{Error, rotate::RotateError},
    keystore::KeystoreError,
    process::LaunchError,
    prompt::PromptError,
    session::{ConsentError, ObtainError},
    vault::VaultError,
    visible::is_unseen,
};

/// Wrong usage.
const USAGE: u8 = 2;
/// Ctrl-C.
pub(super) const INTERRUPTED: u8 = 130;

const NO_SECRET_ARGUMENTS: &str = "secrets come in by a hidden prompt, --stdin or a file; other processes can read an \
                                   argument, so consider this one known";

/// Whether stderr gets colour.
#[derive(Clone, Copy)]
pub(super) struct Colour(bool);

impl Colour {
    /// By the flag; else colour on a terminal that is not to be without (NO_COLOR, see no-color.org).
    pub(super) fn chosen(choice: ColorChoice) -> Self {
        Colour(match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => io::stderr().is_terminal() && !crate::environment::wants_no_colour(),
        })
    }

    /// The same for stdout.
    pub(super) fn for_output(choice: ColorChoice) -> Self {
        match choice {
            ColorChoice::Auto => Colour(io::stdout().is_terminal() && !crate::environment::wants_no_colour()),
            choice => Colour::chosen(choice),
        }
    }

    pub(super) fn is_wanted(self) -> bool {
        self.0
    }

    pub(super) fn paint(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// The reminder of `list`: devices that no backup has.
pub(super) fn no_backup_of(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut shown = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN {
        shown.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    format!("note: no backup of {shown}: `mfavault backup create FILE`")
}

/// Reports a command line that clap refused; an argument that looks like a secret is not repeated.
pub(super) fn usage(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        // --help and --version; a reader that went away is no error.
        return match error.print() {
            Err(failed) if failed.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        };
    }
    let mut text = error.render().to_string();
    let own = arguments.iter().skip(1).filter_map(|argument| argument.to_str());
    let secrets: Vec<&str> = own
        .flat_map(|argument| argument.split_once('=').map_or([argument, ""], |(_, value)| [argument, value]))
        .filter(|argument| looks_secret(argument) && text.contains(argument))
        .collect();
    if secrets.is_empty() && !secret_among(arguments) {
        if let Some(hint) = of_unknown_argument(error, arguments) {
            // In the place of clap's tips, which guess otherwise.
            let first = text.lines().next().unwrap_or_default();
            let _ = writeln!(io::stderr(), "{}\nhint: {hint}", one_line(first));
            return ExitCode::from(USAGE);
        }
        let unclean: Vec<&str> =
            arguments.iter().filter_map(|argument| argument.to_str()).filter(|text| one_line(text) != **text).collect();
        if unclean.is_empty() {
            let _ = error.print();
        } else {
            // Plain, for what stands in an argument must not act on the terminal.
            for argument in unclean {
                text = text.replace(argument, &one_line(argument));
            }
            text.lines().for_each(|line| drop(writeln!(io::stderr(), "{}", one_line(line))));
        }
        return ExitCode::from(USAGE);
    }
    for secret in secrets {
        text = text.replace(secret, "[not shown]");
    }
    let _ = writeln!(io::stderr(), "{}\nhint: {NO_SECRET_ARGUMENTS}", text.trim_end());
    ExitCode::from(USAGE)
}

/// Reports an argument that is a secret, where another one is expected; it is not repeated.
pub(super) fn secret_argument(colour: Colour) -> ExitCode {
    let (error, hint) = (colour.paint("1;31", "error:"), colour.paint("1;36", "hint:"));
    let _ = writeln!(
        io::stderr(),
        "{error} an argument looks like a secret; it was not used\n{hint} {NO_SECRET_ARGUMENTS}"
    );
    ExitCode::from(USAGE)
}

/// Reports an error of a command.
pub(super) fn failure(error: &Error, own_failure: u8, colour: Colour) -> ExitCode {
    if is_interruption(error) {
        let hint = hint(error).map(|hint| format!("{} {}\n", colour.paint("1;36", "hint:"), one_line(&hint)));
        let text = format!("{}\n{}", colour.paint("1;31", "interrupted"), hint.unwrap_or_default());
        let _ = io::stderr().write_all(text.as_bytes());
        return ExitCode::from(INTERRUPTED);
    }
    if matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    let mut text = format!("{} {}\n", colour.paint("1;31", "error:"), one_line(&error.to_string()));
    let mut cause = error.source();
    let mut last = error.to_string();
    while let Some(error) = cause {
        let line = error.to_string();
        if line != last {
            // The system's own sentences begin with a capital.
            let line = if error.is::<io::Error>() { lower_start(&line) } else { line.clone() };
            let _ = writeln!(text, "{} {}", colour.paint("31", "caused by:"), one_line(&line));
        }
        last = line;
        cause = error.source();
    }
    if let Some(hint) = hint(error) {
        let _ = writeln!(text, "{} {}", colour.paint("1;36", "hint:"), one_line(&hint));
    }
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(exit_code(error, own_failure))
}

fn lower_start(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}

/// Names and answers from outside must not act on the terminal.
fn one_line(text: &str) -> String {
    text.replace('\n', " ").chars().map(|character| if is_unseen(character) { '\u{fffd}' } else { character }).collect()
}

fn is_interruption(error: &Error) -> bool {
    fn of_vault(error: &VaultError) -> bool {
        match error {
            VaultError::Keystore(KeystoreError::Interrupted) => true,
            VaultError::MoveUnfinished { source, .. } => of_vault(source),
            _ => false,
        }
    }
    match error {
        Error::Prompt(PromptError::Interrupted) => true,
        Error::Vault(error) => of_vault(error),
        Error::EnrolmentUnfinished { source, .. } | Error::Rotate(RotateError::Unfinished { source, .. }) => {
            is_interruption(source)
        }
        Error::Obtain(ObtainError::Vault(error)) => of_vault(error),
        Error::Obtain(ObtainError::CodeNeeded { source: PromptError::Interrupted, .. }) => true,
        Error::Obtain(ObtainError::Consent(ConsentError::Prompt(PromptError::Interrupted))) => true,
        _ => false,
    }
}

fn exit_code(error: &Error, own_failure: u8) -> u8 {
    match error {
        Error::Launch(LaunchError::NotFound { .. }) => 127,
        Error::Launch(LaunchError::NotExecutable { .. }) => 126,
        _ => own_failure,
    }
}
