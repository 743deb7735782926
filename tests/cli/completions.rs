//! Completion in real shells: names as they are now, quoted for the line they go into, and nothing opened for them.

use std::fs;

use rexpect::session::{PtySession, spawn_command};

use super::world::{MFAVAULT, Run, World};
use crate::support::programs;

fn candidates(world: &World, shell: &str, words: &[&str]) -> String {
    let mut command = world.mfavault(["--"].into_iter().chain(words.iter().copied()));
    command.env("MFAVAULT_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
    command.env("_CLAP_IFS", "\n").env_remove("MFAVAULT_PASSPHRASE");
    let ran = command.run().succeeded();
    assert_eq!(ran.stderr, "");
    ran.stdout
}

#[test]
fn names_of_profiles_and_devices_are_looked_up_without_opening_anything() {
    let world = World::enrolled();
    let lines = |words: &[&str]| candidates(&world, "bash", words).lines().map(str::to_owned).collect::<Vec<_>>();
    for command in
        ["exec", "export", "serve", "login", "whoami", "setup", "clear", "add", "remove", "credential-process"]
    {
        let names = lines(&["mfavault", command, ""]);
        assert!(
            ["admin", "deploy", "main"].iter().all(|name| names.iter().any(|found| found == name)),
            "{command}: {names:?}"
        );
    }
    assert_eq!(lines(&["mfavault", "exec", "de"]), ["deploy"]);
    assert_eq!(lines(&["mfavault", "mfa", "show", "a"]), ["alice"]);
    assert!(lines(&["mfavault", "code", ""]).contains(&"main".to_owned()));
    assert_eq!(lines(&["mfavault", "mfa", "import", "--profile", "m"]), ["main"]);
    assert_eq!(lines(&["mfav", "use", "de"]), ["deploy"]);
    assert!(
        lines(&["mfav", "o"]).contains(&"off".to_owned()) && !lines(&["mfavault", "o"]).contains(&"off".to_owned())
    );
    // Those of its enrolment.
    assert_eq!(world.aws.requests().len(), 2);
}

#[test]
fn what_cannot_be_looked_up_is_silent() {
    let world = World::with_keys();
    fs::write(world.path("config"), "[profile\n\u{0}").unwrap();
    fs::write(world.path("vault/data/index.file.json"), "{").unwrap();
    let shown = candidates(&world, "fish", &["mfavault", "exec", ""]);
    assert!(!shown.contains("admin") && shown.contains("--duration"), "{shown}");
    assert_eq!(candidates(&world, "no-such-shell", &["mfavault", ""]), "");
    let empty = World::empty();
    candidates(&empty, "zsh", &["mfavault", "exec", ""]);
    assert!(!empty.path("vault").exists());
}

/// A shell on a terminal with the completions of `init`.
fn terminal(world: &World, program: &str, arguments: &[&str], begin: &str) -> PtySession {
    let mut command = world.program("bash");
    command.args(["-c", "exec \"$@\" </dev/tty", "bash", program]).args(arguments);
    command.env("PS1", "ready> ").env("INPUTRC", "/dev/null").env_remove("MFAVAULT_PASSPHRASE");
    let mut session = spawn_command(command, Some(20_000)).unwrap();
    session.send_line(&format!("{begin}; echo be''gun")).unwrap();
    session.exp_string("begun").unwrap();
    session
}

#[test]
fn tab_completes_a_name_as_one_word_in_each_shell() {
    let world = World::with_keys();
    world
        .configure("[profile admin]\n", "[profile \"odd $(touch ran) name\"]\nregion = us-east-1\n\n[profile admin]\n");
    let zsh = "autoload -Uz compinit; compinit -D -u; eval \"$(mfavault init zsh)\"";
    for (program, arguments, begin) in [
        ("bash", ["--norc", "--noprofile", "-i"].as_slice(), "eval \"$(mfavault init bash)\""),
        ("zsh", &["-f", "-i"], zsh),
        ("fish", &["--no-config", "-i"], "function fish_prompt; echo 'ready> '; end; mfavault init fish | source"),
    ] {
        if !programs::installed(&[program]) {
            continue;
        }
        let mut session = terminal(&world, program, arguments, begin);
        for (begun, expected) in [("mfavault explain od", "odd $(touch ran) name"), ("mfav explain de", "deploy")] {
            session.send(&format!("{begun}\t --json > seen; echo do''ne\n")).unwrap();
            session.exp_string("done").unwrap_or_else(|error| panic!("{program}: {begun}: {error}"));
            let seen = fs::read(world.path("home/seen")).unwrap();
            let plan: serde_json::Value =
                serde_json::from_slice(&seen).unwrap_or_else(|error| panic!("{program}: {error}"));
            assert_eq!(plan["profile"], expected, "{program}: {begun}");
        }
        drop(session);
        assert!(!world.path("home/ran").exists(), "{program}");
    }
}

#[test]
fn scripts_are_printed_for_each_shell() {
    let world = World::empty();
    for (shell, word) in [
        ("bash", "complete -o nospace"),
        ("zsh", "#compdef mfavault"),
        ("fish", "complete --keep-order"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "arg-completer[mfavault]"),
        ("nushell", "export extern mfavault"),
    ] {
        let ran = world.line(&format!("completions {shell}")).run().succeeded();
        assert!(ran.stdout.contains(word), "{shell}: {}", ran.stdout);
    }
    let manual = world.line("man").run().succeeded().stdout;
    assert!(manual.matches(".TH ").count() > 25 && manual.contains("mfavault\\-exec"), "{manual}");
    let page = world.line("man mfa enable").run().succeeded().stdout;
    assert!(page.contains("\n.TH mfavault-mfa-enable 1 ") && page.matches(".TH ").count() == 1, "{page}");
    assert!(manual.contains(&page), "{page}");
    let ran = world.line("man mfa nothing").run();
    assert!(ran.status.code() == Some(2) && ran.stderr.contains("there is no command `mfa nothing`"), "{ran:?}");
    assert!(std::path::Path::new(MFAVAULT).exists() && !world.path("vault").exists());
}
