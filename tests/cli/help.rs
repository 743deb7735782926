//! The help of every command, by asking for it.

use snapbox::{assert_data_eq, str};

use super::world::{Run, World};

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // Continuations are indented further.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Every command with its help, depth first.
fn commands(world: &World, path: &[String]) -> Vec<(String, String)> {
    let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let ran = world.mfavault(arguments).run().succeeded();
    assert_eq!(ran.stderr, "", "{path:?}");
    let mut found = vec![(path.join(" "), ran.stdout.clone())];
    for name in listed(&ran.stdout) {
        found.extend(commands(world, &[path, &[name]].concat()));
    }
    found
}

#[test]
fn every_command_has_help_with_examples() {
    let world = World::empty();
    let all = commands(&world, &[]);
    assert!(all.len() > 20, "{all:?}");
    for (name, help) in &all {
        let is_group = !listed(help).is_empty();
        assert!(is_group || help.contains("Example"), "{name}: {help}");
        assert!(help.lines().all(|line| line.chars().count() <= 110), "{name}: {help}");
        assert!(help.contains("Usage: mfavault"), "{name}");
        let short: Vec<&str> = name.split(' ').filter(|word| !word.is_empty()).chain(["-h"]).collect();
        world.mfavault(short).run().succeeded();
    }
    assert!(!world.path("vault").exists());
}

#[test]
fn the_commands_are_these() {
    let world = World::empty();
    let names: Vec<String> = commands(&world, &[]).into_iter().map(|(name, _)| name).collect();
    assert_data_eq!(
        names.join("\n"),
        str![[r#"

add
list
remove
rotate
import
import aws-vault
import credentials-file
import csv
exec
export
credential-process
serve
login
setup
clear
explain
whoami
status
mfa
mfa enable
mfa resync
mfa deactivate
mfa replace
mfa rename
mfa consent
mfa import
mfa list
mfa show
mfa codes
mfa qr
mfa export
mfa policy
mfa remove
code
backup
backup create
backup verify
backup restore
backup sheet
unlock
lock
keystore
keystore list
keystore move
keystore passphrase
report
doctor
audit
audit show
audit verify
audit rotate
settings
settings show
rehearse
init
completions
man
"#]]
    );
}

#[test]
fn the_version_is_that_of_the_package() {
    let ran = World::empty().line("--version").run().succeeded();
    assert_eq!(ran.stdout, format!("mfavault {}\n", env!("CARGO_PKG_VERSION")));
}
