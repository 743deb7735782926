//! `init`, `completions` and `man`: texts for a person's shell. None needs the vault, the AWS config or the network.

use std::{io, process::ExitCode};

use clap::{CommandFactory, error::ErrorKind};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Zsh};

use super::{
    args::{Cli, CompletedShell, InitShell},
    render, report,
};
use crate::{
    commands::Error,
    environment::{COMPLETION_VARIABLE, CREDENTIAL_VARIABLES},
    visible::visible,
};

/// Names that the list of the child's environment has by their beginning, and the one that says whose credentials a
/// shell has. Our other variables are the person's settings.
const FURTHER_VARIABLES: [&str; 3] =
    ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "MFAVAULT_PROFILE"];

/// What `mfav.bash` began.
const BASH_END: &str = "\\builtin eval \"$_mfavault_aliases\"\n\\builtin unset -v _mfavault_aliases\n";

const POWERSHELL_COMPLETER: &str = include_str!("shell/complete.ps1");
/// Made by clap_complete_nushell, see the tests.
const NUSHELL_COMPLETER: &str = include_str!("../../completions/mfavault.nu");
/// Made by clap_mangen, see the tests.
const MANUAL: &str = include_str!("../../man/mfavault.1");

/// Prints what gives a shell the function `mfav`.
pub(super) fn init(shell: InitShell) -> Result<(), Error> {
    print(init_text(shell))
}

/// Prints the completion script of a shell.
pub(super) fn completions(shell: CompletedShell) -> Result<(), Error> {
    print(completion_text(shell))
}

/// Prints the manual, or the page of one command.
pub(super) fn man(command: &[String]) -> Result<ExitCode, Error> {
    let text = if command.is_empty() { Some(MANUAL.to_owned()) } else { page_of(command) };
    let Some(text) = text else {
        let message = format!("there is no command `{}`", visible(&command.join(" ")));
        return Ok(report::usage(&Cli::command().error(ErrorKind::InvalidSubcommand, message), &[]));
    };
    print(Ok(text)).map(|()| ExitCode::SUCCESS)
}

fn page_of(command: &[String]) -> Option<String> {
    let title = format!(".TH mfavault-{} 1 ", command.join("-"));
    // What stands above a title is the same on each page.
    let (start, _) = MANUAL.split_once(".TH ")?;
    let page = MANUAL.split(start).find(|page| page.starts_with(&title))?;
    Some(format!("{start}{page}"))
}

fn print(text: io::Result<String>) -> Result<(), Error> {
    let printed = text.and_then(|text| render::print(&text));
    printed.map_err(|source| Error::Io { action: "write to standard output", source })
}

fn init_text(shell: InitShell) -> io::Result<String> {
    let (function, separator) = match shell {
        InitShell::Bash => (concat!(include_str!("shell/mfav.bash"), include_str!("shell/mfav.sh")), " \\\n    "),
        InitShell::Zsh => (concat!(include_str!("shell/mfav.zsh"), include_str!("shell/mfav.sh")), " \\\n    "),
        InitShell::Fish => (include_str!("shell/mfav.fish"), " "),
        InitShell::Powershell => (include_str!("shell/mfav.ps1"), "', '"),
        InitShell::Nu => (include_str!("shell/mfav.nu"), " "),
    };
    let variables = CREDENTIAL_VARIABLES.into_iter().chain(FURTHER_VARIABLES).collect::<Vec<_>>().join(separator);
    let mut text = function.replace("@VARIABLES@", &variables);
    let both = |shell: &dyn EnvCompleter| -> io::Result<String> {
        Ok(registration(shell, "mfavault")? + &registration(shell, "mfav")?)
    };
    text.push_str(&match shell {
        InitShell::Bash => both(&Bash)? + BASH_END,
        // Without compinit there is nothing to register with, and no reason to complain at each start.
        InitShell::Zsh => format!(
            "\nif (( $+functions[compdef] )); then\n  () {{\n    \\builtin setopt local_options no_aliases\n    \
             \\builtin eval '{}'\n  }}\nfi\n",
            both(&Zsh)?.replace('\'', r"'\''")
        ),
        InitShell::Fish => format!("\n{}", both(&Fish)?),
        InitShell::Powershell => POWERSHELL_COMPLETER.to_owned(),
        InitShell::Nu => String::new(),
    });
    Ok(text)
}

fn completion_text(shell: CompletedShell) -> io::Result<String> {
    match shell {
        CompletedShell::Bash => registration(&Bash, "mfavault"),
        CompletedShell::Zsh => registration(&Zsh, "mfavault"),
        CompletedShell::Fish => registration(&Fish, "mfavault"),
        CompletedShell::Elvish => registration(&Elvish, "mfavault"),
        CompletedShell::Powershell => Ok(POWERSHELL_COMPLETER.trim_start().to_owned()),
        CompletedShell::Nushell => Ok(NUSHELL_COMPLETER.to_owned()),
    }
}

/// The script that calls us back for the words of `name`.
fn registration(shell: &dyn EnvCompleter, name: &str) -> io::Result<String> {
    let mut text = Vec::new();
    shell.write_registration(COMPLETION_VARIABLE, name, name, "mfavault", &mut text)?;
    String::from_utf8(text).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use clap::Command;
    use snapbox::{Data, assert_data_eq, data::DataFormat};

    use super::*;

    /// The file of the repository that must hold this text; SNAPSHOTS=overwrite writes it.
    fn must_be_current(text: String, file: &str) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        assert_data_eq!(Data::text(text).raw(), Data::read_from(&path, Some(DataFormat::Text)).raw());
    }

    #[test]
    fn the_completion_scripts_of_the_repository_are_current() {
        for (shell, file) in [
            (CompletedShell::Bash, "mfavault.bash"),
            (CompletedShell::Zsh, "_mfavault"),
            (CompletedShell::Fish, "mfavault.fish"),
            (CompletedShell::Powershell, "mfavault.ps1"),
            (CompletedShell::Elvish, "mfavault.elv"),
        ] {
            must_be_current(completion_text(shell).expect("a script"), &format!("completions/{file}"));
        }
        must_be_current(nushell_script(), "completions/mfavault.nu");
    }

    /// Nushell is not asked by clap's own call-back: names of profiles are looked up by a function of its own.
    fn nushell_script() -> String {
        let mut text = Vec::new();
        clap_complete::generate(clap_complete_nushell::Nushell, &mut Cli::command(), "mfavault", &mut text);
        let text = String::from_utf8(text).expect("text");
        let profiles = "nu-complete mfavault profile names";
        let function = format!(
            "module completions {{\n\n  def \"{profiles}\" [] {{\n    ^mfavault list --json | from json | get profile\n  }}\n"
        );
        let typed = ["    profile?: string", "    profile: string", "    --profile: string"];
        let lines = text.lines().map(|line| match typed.iter().find(|typed| line.starts_with(**typed)) {
            Some(typed) if !line[typed.len()..].starts_with('@') => {
                format!("{typed}@\"{profiles}\"{}\n", &line[typed.len()..])
            }
            _ => format!("{line}\n"),
        });
        lines.collect::<String>().replacen("module completions {\n", &function, 1)
    }

    #[test]
    fn the_manual_of_the_repository_is_current() {
        let mut command = Cli::command();
        command.build();
        let mut text = Vec::new();
        write_pages(&command, &mut text);
        let text = String::from_utf8(text).expect("text");
        must_be_current(text, "man/mfavault.1");
    }

    fn write_pages(command: &Command, text: &mut Vec<u8>) {
        let page = clap_mangen::Man::new(command.clone()).manual("mfavault");
        page.source(format!("mfavault {}", env!("CARGO_PKG_VERSION"))).render(text).expect("memory takes all");
        for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
            // The first page has them for all.
            let without_global = |argument: clap::Arg| match argument.is_global_set() {
                true => argument.hide(true),
                false => argument,
            };
            write_pages(&subcommand.clone().mut_args(without_global), text);
        }
    }

    #[test]
    fn every_credential_variable_is_cleared_and_no_placeholder_is_left() {
        for shell in [InitShell::Bash, InitShell::Zsh, InitShell::Fish, InitShell::Powershell, InitShell::Nu] {
            let text = init_text(shell).expect("a text");
            assert!(!text.contains("@VARIABLES@"), "{shell:?}");
            for variable in CREDENTIAL_VARIABLES {
                assert!(text.contains(variable), "{shell:?}: {variable}");
            }
        }
    }
}
