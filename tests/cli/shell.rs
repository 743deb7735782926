//! `mfav`, the shell function, in real shells: what it sets, clears, keeps, and what it must not run.

use std::{fs, process::Command};

use super::world::{PROFILE, REGION, Ran, Run, World};
use crate::support::programs;

/// A name that would do something if a shell read it as code.
const ODD: &str = "it's a \"$(touch ran)\" `touch ran` ; touch ran";

/// Alice and her role, under an odd name as well.
fn world() -> World {
    let world = World::enrolled();
    let role = "arn:aws:iam::111122223333:role/deploy";
    let section = format!("[profile {}]\nsource_profile = {PROFILE}\nrole_arn = {role}\n", quoted_heading(ODD));
    world.configure("[profile admin]\n", &format!("{section}\n[profile admin]\n"));
    world.unlock();
    world
}

/// Headings are read with the quotes of a shell.
fn quoted_heading(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\\\""))
}

struct Shell {
    program: &'static str,
    arguments: &'static [&'static str],
    begin: &'static str,
}

const BASH: Shell = Shell { program: "bash", arguments: &["--norc", "-c"], begin: "eval \"$(mfavault init bash)\"\n" };
const ZSH: Shell = Shell { program: "zsh", arguments: &["-f", "-c"], begin: "eval \"$(mfavault init zsh)\"\n" };
const FISH: Shell =
    Shell { program: "fish", arguments: &["--no-config", "-c"], begin: "mfavault init fish | source\n" };

fn shells() -> impl Iterator<Item = &'static Shell> {
    [&BASH, &ZSH, &FISH].into_iter().filter(|shell| programs::installed(&[shell.program]))
}

impl Shell {
    fn command(&self, world: &World, script: &str) -> Command {
        let mut command = world.program("setsid");
        command.arg(self.program).args(self.arguments).arg(format!("{}{script}", self.begin));
        command
    }

    #[track_caller]
    fn run(&self, world: &World, script: &str) -> Ran {
        let ran = self.command(world, script).run();
        assert!(!world.path("home/ran").exists(), "{}: {ran:?}", self.program);
        ran
    }
}

/// The AWS variables of the shell, as a command in it has them.
const SHOW: &str = "env | grep -E '^(AWS_(ACC|SEC|SES|CRED|PROF|REG|DEF|CONT|ROLE)|MFAVAULT_PROFILE)' | sort";

fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

#[test]
fn the_shell_has_the_credentials_and_loses_them_and_stale_ones_go() {
    let world = world();
    for shell in shells() {
        let script = format!("mfav use main; {SHOW}; echo between; mfav off; {SHOW}; mfavault status --short; true");
        let mut command = shell.command(&world, &script);
        for stale in [
            "AWS_SECURITY_TOKEN",
            "AWS_ROLE_ARN",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        ] {
            command.env(stale, "stale");
        }
        let ran = command.run().succeeded();
        let (used, off) = ran.stdout.split_once("between\n").unwrap();
        assert!(
            value(used, "AWS_ACCESS_KEY_ID").is_some_and(|id| id.starts_with("ASIA")),
            "{}: {ran:?}",
            shell.program
        );
        assert_eq!(value(used, "AWS_SECRET_ACCESS_KEY").map(str::len), Some(40), "{}", shell.program);
        assert!(value(used, "AWS_SESSION_TOKEN").is_some() && value(used, "AWS_CREDENTIAL_EXPIRATION").is_some());
        assert_eq!((value(used, "MFAVAULT_PROFILE"), value(used, "AWS_REGION")), (Some(PROFILE), Some(REGION)));
        assert!(!used.contains("stale"), "{}: {ran:?}", shell.program);
        // The endpoint of the stand-in and the files are the person's settings.
        assert_eq!(off, "", "{}: {ran:?}", shell.program);
    }
}

#[test]
fn a_name_with_spaces_and_quotes_is_one_word_and_runs_nothing() {
    let world = world();
    for shell in shells() {
        let mut command =
            shell.command(&world, "mfav use \"$ODD\"; mfavault status --short; printenv MFAVAULT_PROFILE");
        let ran = command.env("ODD", ODD).run().succeeded();
        assert_eq!(ran.stdout.lines().last(), Some(ODD), "{}: {ran:?}", shell.program);
        assert!(ran.stdout.starts_with(&format!("{ODD} 59m\n")), "{}: {ran:?}", shell.program);
        assert!(!world.path("home/ran").exists(), "{}", shell.program);
    }
}

#[test]
fn a_failure_changes_nothing_and_keeps_its_status() {
    let world = world();
    for shell in shells() {
        let status = if shell.program == "fish" { "$status" } else { "$?" };
        for (asked, expected) in [("nobody", 1), ("--bogus", 2), ("main --format json", 2)] {
            let script = format!("mfav use main; {SHOW}; echo between; mfav use {asked}; echo {status}; {SHOW}");
            let ran = shell.run(&world, &script);
            let (before, after) = ran.stdout.split_once("between\n").unwrap();
            assert_eq!(after, format!("{expected}\n{before}"), "{} {asked}: {ran:?}", shell.program);
        }
        let ran = shell.run(
            &world,
            &format!("mfav off please; echo {status}; mfav bogus; echo {status}; mfav code nobody; echo {status}"),
        );
        assert_eq!(ran.stdout, "2\n2\n1\n", "{}: {ran:?}", shell.program);
        let help = shell.run(&world, &format!("mfav use main --help; echo {status}; {SHOW}"));
        assert!(help.stdout.contains("Usage: mfavault export") && help.stdout.ends_with("0\n"), "{help:?}");
    }
}

#[test]
fn the_region_goes_with_the_profile_unless_it_was_here_before() {
    let world = world();
    for shell in shells() {
        let region = "echo \"region [$AWS_REGION]\"";
        let script = format!("mfav use main; {region}; mfav use admin; {region}; mfav off; {region}");
        let ran = shell.run(&world, &script);
        assert_eq!(
            ran.stdout,
            format!("region [{REGION}]\nregion [us-west-2]\nregion []\n"),
            "{}: {ran:?}",
            shell.program
        );
        let ran = shell.command(&world, &script).env("AWS_REGION", "sa-east-1").run();
        assert_eq!(ran.stdout, "region [sa-east-1]\n".repeat(3), "{}: {ran:?}", shell.program);
    }
}

#[test]
fn alone_it_is_the_status_and_all_else_is_passed_on() {
    let world = world();
    for shell in shells() {
        let ran =
            shell.run(&world, "mfav; mfav list --json; mfav exec admin -n -- sh -c 'echo $0' 'two words'").succeeded();
        assert!(ran.stdout.starts_with("PROFILE "), "{}: {ran:?}", shell.program);
        assert!(
            ran.stdout.contains("\"access_key_id\"") && ran.stdout.ends_with("\ntwo words\n"),
            "{}: {ran:?}",
            shell.program
        );
    }
}

#[test]
fn strict_shells_with_odd_settings_take_it() {
    let world = world();
    let strict = "set -euo pipefail; set -o noclobber; IFS='A/=s'\n";
    let script = "mfav use main; mfav use deploy; printenv MFAVAULT_PROFILE; mfav off; mfav off; echo end";
    for (shell, before) in [
        (&BASH, "shopt -s expand_aliases nullglob extglob; set -o posix\n"),
        (&ZSH, "setopt aliases ksh_arrays sh_word_split null_glob extended_glob no_bare_glob_qual\n"),
    ] {
        if !programs::installed(&[shell.program]) {
            continue;
        }
        let aliases =
            ["export", "unset", "eval", "local", "printf", "return", "command", "builtin", "set", "mfavault", "mfav"];
        let aliases: String = aliases.map(|name| format!("alias {name}='echo hijacked'\n")).concat();
        let text = world.line(&format!("init {}", shell.program)).run().succeeded().stdout;
        fs::write(world.path("home/init"), text).unwrap();
        let whole = format!("{before}{strict}{aliases}\\builtin source ./init\n{script}");
        let mut command = world.program(shell.program);
        let ran = command.args(shell.arguments).arg(whole).run();
        assert_eq!((ran.stdout.as_str(), ran.status.success()), ("deploy\nend\n", true), "{}: {ran:?}", shell.program);
        // A failure ends a shell that wants that.
        let mut command = world.program(shell.program);
        let ran = command
            .args(shell.arguments)
            .arg(format!("{strict}{}mfav use nobody; echo not reached", shell.begin))
            .run();
        assert_eq!((ran.stdout.as_str(), ran.status.code()), ("", Some(1)), "{}: {ran:?}", shell.program);
    }
}

#[test]
fn a_traced_shell_shows_no_secret() {
    let world = world();
    for shell in [&BASH, &ZSH].into_iter().filter(|shell| programs::installed(&[shell.program])) {
        let ran = shell
            .run(&world, "set -x; mfav use main; set +x; printenv AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN")
            .succeeded();
        assert_eq!(ran.stdout.lines().count(), 2, "{ran:?}");
        assert!(ran.stdout.lines().all(|secret| !ran.stderr.contains(secret)), "{}: {ran:?}", shell.program);
        assert!(ran.stderr.contains("set +x"), "tracing goes on after it, {}: {ran:?}", shell.program);
    }
}

#[test]
fn what_is_printed_for_each_shell_names_the_program_and_no_place() {
    let world = World::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "nu"] {
        let text = world.line(&format!("init {shell}")).run().succeeded().stdout;
        assert!(text.contains("mfavault export --format dotenv --for-shell") || shell == "powershell", "{shell}");
        let folder = std::path::Path::new(super::world::MFAVAULT).parent().unwrap();
        assert!(!text.contains(folder.to_str().unwrap()), "{shell}");
    }
    assert!(!world.path("vault").exists());
}
