//! What a shell may complete: clap's own words, and names of profiles and devices as they are now.
//!
//! The scripts of `mfavault completions` and `mfavault init` call back with a variable set. Nothing is unlocked, nobody
//! is asked, the network is not used, and whatever fails gives no candidates and no words.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use clap::{Command, CommandFactory};
use clap_complete::{ArgValueCompleter, CompleteEnv, CompletionCandidate};

use super::args::Cli;
use crate::{
    environment::{self, COMPLETION_VARIABLE, Environment},
    settings::Settings,
    shared_config,
    vault::{Index, Vault},
    visible::is_unseen,
};

/// Commands whose `NAME` is that of a device held here.
const OF_DEVICES: [&str; 7] = ["show", "codes", "qr", "export", "remove", "code", "sheet"];

/// Answers a shell that asks what may come next; says whether one did.
pub(super) fn answered(arguments: &[OsString]) -> bool {
    let Some(shell) = environment::completing_shell() else { return false };
    let words = arguments.iter().skip_while(|argument| *argument != "--").skip(1);
    let is_function = words.into_iter().next().and_then(|word| Path::new(word).file_stem()) == Some(OsStr::new("mfav"));
    let tree = || {
        let quoting = Quoting::of(&shell);
        let command = with_names(Cli::command(), quoting);
        if is_function { as_function(command) } else { command }
    };
    let completer = CompleteEnv::with_factory(tree).var(COMPLETION_VARIABLE).bin("mfavault").completer("mfavault");
    let folder = std::env::current_dir().ok();
    // What cannot be completed is no error at a prompt.
    let _ = completer.try_complete(arguments, folder.as_deref());
    true
}

/// The words of the shell function `mfav`: ours, and its own two.
fn as_function(command: Command) -> Command {
    let mut own = vec![Command::new("off").about("Take the credentials out of this shell")];
    if let Some(export) = command.find_subcommand("export") {
        let about = "Give this shell the credentials of a profile";
        let without_format = |argument: clap::Arg| argument.hide(true);
        own.push(export.clone().name("use").about(about).mut_arg("format", without_format));
    }
    command.subcommands(own)
}

fn with_names(command: Command, quoting: Quoting) -> Command {
    let names_devices = OF_DEVICES.contains(&command.get_name());
    let command = command.mut_args(|argument| match argument.get_id().as_str() {
        "profile" => {
            argument.add(ArgValueCompleter::new(move |word: &OsStr| quoting.candidates(profile_names(), word)))
        }
        "name" if names_devices => {
            argument.add(ArgValueCompleter::new(move |word: &OsStr| quoting.candidates(device_names(), word)))
        }
        _ => argument,
    });
    command.mut_subcommands(|subcommand| with_names(subcommand, quoting))
}

fn profile_names() -> Vec<String> {
    let Ok(environment) = Environment::read() else { return Vec::new() };
    let mut names: Vec<String> = index(&environment).keys.keys().map(ToString::to_string).collect();
    if let Ok(config) = shared_config::read(&environment.aws_config_file, &environment.aws_credentials_file) {
        names.extend(config.profile_names().into_iter().map(ToString::to_string));
    }
    names
}

/// A device is also meant by its profile.
fn device_names() -> Vec<String> {
    let Ok(environment) = Environment::read() else { return Vec::new() };
    let devices = index(&environment).devices;
    let profiles = devices.values().filter_map(|device| device.profile.as_ref()).map(ToString::to_string);
    profiles.chain(devices.keys().cloned()).collect()
}

/// What the vault holds, if it is known without a probe where that is.
fn index(environment: &Environment) -> Index {
    let data = &environment.folders.data;
    let settings = Settings::read(&environment.folders.config).unwrap_or_default();
    let in_settings = settings.keystore.map(|setting| setting.value.to_string());
    let wished = environment.keystore.clone().or(in_settings).filter(|name| name != "auto");
    let keystore = wished.or_else(|| Vault::recorded_keystore(data).ok().flatten());
    let index_of = |keystore: String| Vault::index_of(data, &keystore).ok();
    let of_seeds = Vault::recorded_seed_keystore(data).ok().flatten().filter(|name| Some(name) != keystore.as_ref());
    let mut index = keystore.and_then(index_of).unwrap_or_default();
    if let Some(seeds) = of_seeds.and_then(index_of) {
        index.devices.extend(seeds.devices);
    }
    index
}

/// Whether a shell takes a candidate into the line as it is, so that it has to be quoted beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoting {
    /// zsh, fish and elvish quote what they insert.
    ByShell,
    Bash,
    PowerShell,
}

impl Quoting {
    fn of(shell: &OsStr) -> Self {
        match Path::new(shell).file_stem().and_then(OsStr::to_str) {
            Some("bash") => Quoting::Bash,
            Some("powershell" | "pwsh") => Quoting::PowerShell,
            _ => Quoting::ByShell,
        }
    }

    /// The names that begin as the word does, as they can stand in a line.
    fn candidates(self, mut names: Vec<String>, word: &OsStr) -> Vec<CompletionCandidate> {
        let Some(word) = word.to_str() else { return Vec::new() };
        let begun = unquoted(word);
        let in_quotes = word.starts_with(['\'', '"']);
        names.sort();
        names.dedup();
        names.retain(|name| name.starts_with(&begun) && !name.chars().any(is_unseen));
        let candidates = names.into_iter().filter_map(|name| match self {
            Quoting::ByShell => Some(name),
            _ if name.chars().all(is_plain) => Some(name),
            // How readline goes on within quotes depends on what stands there.
            Quoting::Bash if in_quotes => None,
            Quoting::Bash => Some(name.chars().flat_map(backslashed).collect()),
            Quoting::PowerShell => Some(format!("'{}'", name.replace('\'', "''"))),
        });
        candidates.map(CompletionCandidate::new).collect()
    }
}

/// What a person means who has typed this much of a word.
fn unquoted(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    let mut characters = word.strip_prefix(['\'', '"']).unwrap_or(word).chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    plain
}

/// Means itself in every shell, wherever it stands in a word.
fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || "-_./:@+,%".contains(character)
}

fn backslashed(character: char) -> impl Iterator<Item = char> {
    (!is_plain(character)).then_some('\\').into_iter().chain([character])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(quoting: Quoting, word: &str) -> Vec<String> {
        let names = ["prod", "a b", "it's", "$(id)", "a*", "~x", "a\u{202e}b"].map(str::to_owned).to_vec();
        let candidates = quoting.candidates(names, OsStr::new(word));
        candidates.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_name_stands_in_the_line_as_one_word_that_runs_nothing() {
        assert_eq!(values(Quoting::ByShell, ""), ["$(id)", "a b", "a*", "it's", "prod", "~x"]);
        assert_eq!(values(Quoting::Bash, ""), [r"\$\(id\)", r"a\ b", r"a\*", r"it\'s", "prod", r"\~x"]);
        assert_eq!(values(Quoting::PowerShell, ""), ["'$(id)'", "'a b'", "'a*'", "'it''s'", "prod", "'~x'"]);
    }

    #[test]
    fn a_word_that_is_begun_in_quotes_finds_its_names() {
        assert_eq!(values(Quoting::ByShell, "'a "), ["a b"]);
        assert_eq!(values(Quoting::Bash, r"a\ "), [r"a\ b"]);
        assert_eq!(values(Quoting::Bash, "\"a "), [""; 0]);
        assert_eq!(values(Quoting::Bash, "\"pr"), ["prod"]);
    }

    #[test]
    fn the_function_has_its_own_words_beside_ours() {
        let command = as_function(with_names(Cli::command(), Quoting::ByShell));
        for word in ["use", "off", "exec", "status"] {
            assert!(command.find_subcommand(word).is_some(), "{word}");
        }
    }
}
