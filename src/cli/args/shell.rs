//! The words for a person's shell: init, completions, man.

use clap::{Args, ValueEnum};

/// Print what gives this shell the function `mfav`, which sets credentials in the shell itself
///
/// `mfav use PROFILE` gives the shell the credentials of a profile, `mfav off` takes them away; anything else goes to
/// mfavault. Words are completed, names of profiles too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  eval \"$(mfavault init bash)\"                                       in ~/.bashrc
  eval \"$(mfavault init zsh)\"                                        in ~/.zshrc, below compinit
  mfavault init fish | source                                        in ~/.config/fish/config.fish
  mfavault init powershell | Out-String | Invoke-Expression          in $PROFILE
  mfavault init nu | save --force mfavault.nu                        once, then `source` it in config.nu")]
pub(in crate::cli) struct InitArgs {
    /// Which shell
    pub(in crate::cli) shell: InitShell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum InitShell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Nu,
}

/// Print the script that completes mfavault's words in a shell
///
/// Names of profiles and devices are looked up while you type: no keystore is opened, AWS is not asked. In Nushell, names
/// of profiles only. `mfavault init` does this too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault completions bash > ~/.local/share/bash-completion/completions/mfavault
  mfavault completions zsh > \"${fpath[1]}/_mfavault\"
  mfavault completions fish > ~/.config/fish/completions/mfavault.fish")]
pub(in crate::cli) struct CompletionsArgs {
    /// Which shell
    pub(in crate::cli) shell: CompletedShell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum CompletedShell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Elvish,
    Nushell,
}

/// Print the manual: a page a command
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mfavault man | man -l -
  mfavault man mfa enable | man -l -
  mfavault man > ~/.local/share/man/man1/mfavault.1")]
pub(in crate::cli) struct ManArgs {
    /// Only the page of this command; all of them if not given
    #[arg(value_name = "COMMAND")]
    pub(in crate::cli) command: Vec<String>,
}
