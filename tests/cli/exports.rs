//! Exports of other authenticators in, and codes for them out: the words, the streams, the screen.

use std::fs;

use rexpect::session::spawn_command;

use super::world::{Run, World};

const LIST: &str = "otpauth://totp/Site:a?secret=GEZDGNBVGY3TQOJQ&issuer=Site\n\
    otpauth://totp/Site:b?secret=JBSWY3DPEHPK3PXP&issuer=Site\n";

#[test]
fn the_format_comes_first_and_is_one_of_twelve() {
    let world = World::empty();
    for (arguments, words) in [
        (
            "mfa import --from nothing export.json",
            "otpauth, google, aegis, 2fas, andotp, freeotp, bitwarden, keepassxc",
        ),
        ("mfa import --from export.json aegis", "--from takes a FORMAT and then its FILE"),
    ] {
        world.line(arguments).run().refused(2, &[words]);
    }
    for arguments in [
        "mfa import --from aegis",
        "mfa import --from aegis a --stdin",
        "mfa import --from aegis a --qr b",
        "mfa import --stdin --password-file a",
        "mfa qr",
        "mfa qr alice --all",
        "mfa export",
    ] {
        assert_eq!(world.line(arguments).run().status.code(), Some(2), "{arguments}");
    }
}

#[test]
fn an_export_comes_by_standard_input_and_waits_for_a_yes() {
    let world = World::with_keys();
    let refused = world.line("mfa import --from otpauth -").run_with(LIST);
    assert!(refused.stderr.contains("  new      a: a short seed, of 80 bits\n  new      b: "), "{refused:?}");
    refused.refused(1, &["Import 2 devices?", "hint: give --yes"]);
    world.line("mfa list").run().succeeded();
    let ran = world.line("mfa import --from otpauth - --yes").run_with(LIST).succeeded();
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr.contains("stored 2 from otpauth URIs export ") && !ran.stderr.contains("still holds"),
        "{ran:?}"
    );
    assert_eq!(world.line("mfa export a b --yes").run().succeeded().stdout, LIST);
}

#[test]
fn several_codes_are_shown_one_after_another_and_leave_the_screen() {
    let world = World::with_keys();
    world.line("mfa import --from otpauth - --yes").run_with(LIST).succeeded();
    world.line("mfa qr --all").run().refused(1, &["standard output is not a terminal"]);
    let mut command = world.program("bash");
    command.args(["-c", "mfavault mfa qr --all; echo \"status $?\""]);
    let mut terminal = spawn_command(command, Some(30_000)).unwrap();
    for (title, question) in [("1 of 2: a", "Enter shows the next: "), ("2 of 2: b", "Enter ends it: ")] {
        terminal.exp_string("\x1b[?1049h").unwrap();
        terminal.exp_string(title).unwrap();
        terminal.exp_string(question).unwrap();
        terminal.send_line("").unwrap();
        terminal.exp_string("\x1b[?1049l").unwrap();
    }
    terminal.exp_string("status 0").unwrap();

    world.line("mfa qr --all --output codes.png").run().succeeded();
    for name in ["codes-1-of-2.png", "codes-2-of-2.png"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(world.path("home").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let ran = world.line("mfa import --qr codes-1-of-2.png codes-2-of-2.png --yes").run().succeeded();
    assert!(ran.stderr.contains("nothing to import"), "{ran:?}");

    fs::remove_file(world.path("home").join("codes-1-of-2.png")).unwrap();
    world.line("mfa qr --all --output codes.png").run().refused(1, &["codes-2-of-2.png", "exists"]);
    assert!(!world.path("home").join("codes-1-of-2.png").exists(), "all of them or none");
}
