//! The choice of a profile on a terminal: offered to persons only, the most used first, and gone without a trace.

use rexpect::session::{PtySession, spawn_command};
use rustix::process::{Pid, Signal, kill_process};

use super::world::{Run, World};

const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// A shell on a terminal of 80 columns that runs a line and says how it ended, and whether the terminal is as before.
fn on_a_terminal(world: &World, line: &str) -> PtySession {
    let mut command = world.program("bash");
    let script = format!(
        "exec </dev/tty; stty cols 80 rows 24; before=$(stty -g); {line}; echo \"status $?\"; [ \"$before\" = \"$(stty -g)\" ] && echo as before"
    );
    command.args(["-c", &script]).env("NO_COLOR", "1");
    spawn_command(command, Some(30_000)).unwrap()
}

#[track_caller]
fn sees(terminal: &mut PtySession, text: &str) -> String {
    terminal.exp_string(text).unwrap_or_else(|error| panic!("no {text:?}: {error}"))
}

#[test]
fn a_profile_is_chosen_by_typing_a_part_of_its_name() {
    let world = World::with_keys();
    let mut terminal = on_a_terminal(&world, "mfavault exec --no-session -- printenv MFAVAULT_PROFILE");
    sees(&mut terminal, "Profile");
    sees(&mut terminal, "main");
    terminal.send("adm\r").unwrap();
    terminal.flush().unwrap();
    sees(&mut terminal, "status 0");
    sees(&mut terminal, "as before");
}

#[test]
fn the_most_used_profile_is_the_first() {
    let world = World::with_keys();
    for _ in 0..2 {
        world.line("exec admin --no-session -- true").run().succeeded();
    }
    world.line("exec main --no-session -- true").run().succeeded();
    // An SDK's questions say nothing of what a person wants.
    for _ in 0..4 {
        world.line("credential-process main --no-session").run().succeeded();
    }
    let mut terminal = on_a_terminal(&world, "mfavault exec --no-session -- printenv MFAVAULT_PROFILE > chosen");
    let before = sees(&mut terminal, "deploy");
    let places = ["admin", "main"].map(|name| before.find(name).unwrap());
    assert!(places[0] < places[1], "{before}");
    terminal.send("\r").unwrap();
    terminal.flush().unwrap();
    sees(&mut terminal, "status 0");
    assert_eq!(std::fs::read_to_string(world.path("home/chosen")).unwrap(), "admin\n");
    let uses = std::fs::read_to_string(world.path("vault/state/uses")).unwrap();
    assert_eq!(uses, "admin\nadmin\nmain\nadmin\n");
}

#[test]
fn esc_and_ctrl_c_are_status_130_with_the_terminal_as_before() {
    let world = World::with_keys();
    for key in ["\u{1b}", "\u{3}"] {
        let mut terminal = on_a_terminal(&world, "mfavault exec -- touch ran");
        sees(&mut terminal, "main");
        terminal.send(key).unwrap();
        terminal.flush().unwrap();
        let shown = sees(&mut terminal, "status 130");
        assert!(shown.contains(SHOW_CURSOR), "{shown:?}");
        sees(&mut terminal, "as before");
    }
    assert!(!world.path("home/ran").exists());
    assert_eq!(world.aws.requests(), []);
}

#[test]
fn a_signal_ends_it_with_the_terminal_as_before() {
    let world = World::with_keys();
    let mut terminal = on_a_terminal(&world, "echo \"shell $$\"; sh -c 'echo pid $$; exec mfavault exec -- touch ran'");
    sees(&mut terminal, "pid ");
    let pid: i32 = terminal.read_line().unwrap().trim().parse().unwrap();
    sees(&mut terminal, "main");
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    let shown = sees(&mut terminal, "status 143");
    assert!(shown.contains(SHOW_CURSOR), "{shown:?}");
    sees(&mut terminal, "as before");
}

#[test]
fn nobody_is_asked_who_cannot_answer_or_has_said_already() {
    let world = World::with_keys();
    let show = "--no-session -- printenv MFAVAULT_PROFILE";
    for (line, profile) in
        [(format!("AWS_PROFILE=admin mfavault exec {show}"), "admin"), (format!("mfavault exec main {show}"), "main")]
    {
        let mut terminal = on_a_terminal(&world, &line);
        assert!(!sees(&mut terminal, "status 0").contains("Profile"), "{line}");
        let _ = profile;
    }
    for line in [
        format!("mfavault --no-input exec {show}"),
        format!("MFAVAULT_NO_INPUT=1 mfavault exec {show}"),
        format!("mfavault exec {show} </dev/null"),
        format!("mfavault exec {show} 2>said; cat said; (exit 125)"),
        format!("TERM=dumb mfavault exec {show}"),
    ] {
        let mut terminal = on_a_terminal(&world, &line);
        let shown = sees(&mut terminal, "status 125");
        assert!(shown.contains("`default`"), "{line}: {shown}");
    }
    let mut terminal = on_a_terminal(&world, "mfavault credential-process");
    assert!(sees(&mut terminal, "status 1").contains("`default`"));
    // One profile is no choice.
    world.line("remove main --force").run().succeeded();
    world.configure("source_profile = main", "source_profile = gone");
    let mut terminal = on_a_terminal(&world, "mfavault whoami");
    assert!(sees(&mut terminal, "status 1").contains("`default`"));
}

#[test]
fn the_choice_is_offered_where_the_output_goes_into_a_shell() {
    let world = World::with_keys();
    let mut terminal =
        on_a_terminal(&world, "eval \"$(mfavault init bash)\"; mfav use -n; echo \"chosen $MFAVAULT_PROFILE\"");
    sees(&mut terminal, "Profile");
    sees(&mut terminal, "main");
    terminal.send("dmin\r").unwrap();
    terminal.flush().unwrap();
    sees(&mut terminal, "chosen admin");
}
