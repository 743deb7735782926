//! `login`: what the browser is started with, what it gets, and what happens where there is none.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    process::Command,
};

use rustix::fs::{CWD, Mode, mkfifoat};

use super::world::{MFAVAULT, Run, World};
use crate::support::programs;

/// A browser that fetches its page twice and then goes where the page sent it. It ends only after mfavault did, and
/// tells then what it saw, a line each.
const BROWSER: &str = r#"#!/bin/bash
files=$(for number in 0 1 2 9; do echo "file $number $(readlink "/proc/$$/fd/$number")"; done)
{
    echo "$files"
    printf 'argument %s\n' "$@"
    env | sed 's/^/variable /'
    [ "$(cut -d' ' -f5 "/proc/$$/stat")" = $$ ] && echo 'group own'
    first=$(curl -s -i "${!#}" | tr -d '\r')
    echo "first $(head -n1 <<<"$first" | cut -d' ' -f2)"
    address=$(sed -n 's/^Location: //p' <<<"$first")
    echo "address $address"
    echo "second $(curl -s -o /dev/null -w '%{http_code}' "${!#}")"
    echo "console $(curl -s "$address" | tr '\n' ' ')"
} >"$HOME/seen" 2>&1
read -r _ <"$HOME/go"
cat "$HOME/seen" >"$HOME/tells"
"#;

/// A world whose browser is at `home/browser`; none without curl.
fn world() -> Option<World> {
    if !programs::installed(&["curl"]) {
        return None;
    }
    let world = World::with_keys();
    fs::write(world.path("home/browser"), BROWSER).unwrap();
    fs::set_permissions(world.path("home/browser"), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["home/go", "home/tells"] {
        mkfifoat(CWD, world.path(name), Mode::RUSR | Mode::WUSR).unwrap();
    }
    Some(world)
}

/// `mfavault …` with `BROWSER`.
fn with_browser(world: &World, arguments: &str, form: &str) -> Command {
    let mut command = world.line(arguments);
    let browser = world.path("home/browser").display().to_string();
    command.env("BROWSER", form.replace("BROWSER", &browser));
    command
}

/// What the browser tells, once mfavault has ended.
fn told(world: &World) -> String {
    fs::OpenOptions::new().write(true).open(world.path("home/go")).unwrap().write_all(b"go\n").unwrap();
    let mut told = String::new();
    fs::File::open(world.path("home/tells")).unwrap().read_to_string(&mut told).unwrap();
    told
}

/// The values of the lines of that kind.
fn lines<'a>(told: &'a str, kind: &str) -> Vec<&'a str> {
    told.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' ')).collect()
}

#[test]
fn the_browser_gets_the_address_from_a_page_that_answers_once() {
    let Some(world) = world() else { return };
    let mut command = with_browser(&world, "-vv login admin --destination ec2", "BROWSER --new %s:other");
    let ran = command.env("MFAVAULT_LOG", "trace").env("AWS_SECRET_ACCESS_KEY", "stale").run().succeeded();
    let told = told(&world);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("signing in to the console as `admin` (account 111122223333)"), "{ran:?}");

    let arguments = lines(&told, "argument");
    assert!(matches!(arguments[..], ["--new", url] if url.starts_with("http://127.0.0.1:")), "{arguments:?}");
    let address = lines(&told, "address")[0];
    let token = address.split_once("&SigninToken=").unwrap_or_else(|| panic!("{told}")).1;
    assert!(token.len() >= 16 && !arguments.iter().any(|argument| argument.contains(token)), "{told}");
    assert!(!ran.stderr.contains(token) && !ran.stderr.contains(arguments[1]), "{ran:?}");

    assert_eq!(lines(&told, "first"), ["303"], "{told}");
    assert!(!lines(&told, "second")[0].starts_with('3'), "{told}");
    let console = lines(&told, "console")[0];
    assert!(console.contains("Signed in as arn:aws:sts::111122223333:federated-user/tester@"), "{told}");
    assert!(console.contains("https://us-west-2.console.aws.amazon.com/ec2/home?region=us-west-2"), "{told}");
}

#[test]
fn the_browser_inherits_neither_secrets_nor_files_nor_the_terminals_signals() {
    let Some(world) = world() else { return };
    let mut command = world.program("bash");
    // As a script may hand a pipe of its own on to all that it starts.
    command.args(["-c", "exec 9>held; exec mfavault login admin"]).env("BROWSER", world.path("home/browser"));
    let stale = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];
    command.envs(stale.map(|name| (name, "stale"))).env("LANG", "C.UTF-8").run().succeeded();
    let told = told(&world);
    let variables = lines(&told, "variable");
    assert!(variables.contains(&"LANG=C.UTF-8"), "{told}");
    assert!(!variables.iter().any(|line| line.contains("stale") || line.starts_with("MFAVAULT_")), "{told}");
    assert_eq!(lines(&told, "file"), ["0 /dev/null", "1 /dev/null", "2 /dev/null", "9 "], "{told}");
    assert_eq!(lines(&told, "group"), ["own"], "{told}");
}

#[test]
fn print_gives_the_address_alone_and_opens_nothing() {
    let Some(world) = world() else { return };
    let ran = with_browser(&world, "login admin --print", "BROWSER").run().succeeded();
    let address = ran.stdout.strip_suffix('\n').unwrap();
    let start = format!("{}/federation?Action=login&Issuer=mfavault&Destination=https%3A%2F%2F", world.aws.url());
    assert!(address.starts_with(&start) && !address.contains('\n'), "{ran:?}");
    assert!(!ran.stderr.contains("SigninToken"), "{ran:?}");
    assert!(!world.path("home/seen").exists());
}

#[test]
fn where_nobody_is_to_be_asked_no_browser_is_opened_and_the_address_not_shown() {
    let Some(world) = world() else { return };
    let hint = "mfavault login admin --print";
    with_browser(&world, "--no-input login admin", "BROWSER").run().refused(1, &["no browser can be opened", hint]);
    let ran = with_browser(&world, "login admin", "BROWSER").env("MFAVAULT_NO_INPUT", "1").run();
    assert!(!ran.stderr.contains("SigninToken"), "{ran:?}");
    ran.refused(1, &["no browser can be opened", hint]);
    with_browser(&world, "--no-input login admin --print", "BROWSER").run().succeeded();
    assert!(!world.path("home/seen").exists());
}

#[test]
fn without_a_display_there_is_no_browser_and_with_one_it_is_the_desktops() {
    let Some(world) = world() else { return };
    let folder = world.path("home/bin");
    fs::create_dir(&folder).unwrap();
    fs::rename(world.path("home/browser"), folder.join("xdg-open")).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let login = |path: &str, variables: &[(&str, &str)]| {
        // By its path: the PATH given here would have to hold `setsid`, too.
        let mut command = world.program(MFAVAULT);
        command.args(["login", "admin"]);
        command.env("PATH", path).envs(variables.iter().copied()).run()
    };
    login(&path, &[]).refused(1, &["no browser can be opened"]);
    login(&path, &[("SSH_CONNECTION", "::1 1 ::1 22")]).refused(1, &["no browser can be opened"]);
    // The current folder is not looked into, whoever names it.
    let display = ("DISPLAY", ":0");
    login("bin:.::/nonexistent", &[display]).refused(1, &["no browser can be opened"]);
    login(&path, &[display, ("BROWSER", "bin/xdg-open")]).refused(1, &["no browser can be opened"]);
    assert!(!world.path("home/seen").exists());
    for display in [display, ("WAYLAND_DISPLAY", "wayland-0")] {
        login(&path, &[display]).succeeded();
        assert_eq!(lines(&told(&world), "first"), ["303"]);
    }
}

#[test]
fn a_destination_that_is_not_the_consoles_is_refused() {
    let Some(world) = world() else { return };
    let words = ["`https://example.com/` is no place in this console: it is not on console.aws.amazon.com", "ec2/home"];
    with_browser(&world, "login admin --destination https://example.com/", "BROWSER").run().refused(1, &words);
    assert_eq!(world.aws.requests().len(), 0);
}

#[test]
fn a_user_who_must_use_mfa_is_told_to_take_a_role() {
    let Some(world) = world() else { return };
    let words = ["a policy denies GetFederationToken, and no MFA went along", "with the profile of a role"];
    let ran = with_browser(&world, "login main", "BROWSER").run();
    assert!(ran.stderr.starts_with("note: a federated user has no MFA"), "{ran:?}");
    ran.refused(1, &words);
}
