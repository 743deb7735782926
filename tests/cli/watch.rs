//! `code --watch` on a real terminal: what is shown and what never is, and that the terminal is as it was afterwards.

use std::time::Duration;

use mfavault::{
    mfa::{CodeSettings, Seed, TimeStep, VirtualMfaDevice},
    vault::{Consent, DeviceRecord},
};
use rexpect::session::{PtySession, spawn_command};
use rustix::process::{Pid, Signal, kill_process};

use super::world::{Run, World, now};

const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";

/// A terminal of 80 columns and 24 lines with a shell that says whether the terminal is as it was.
struct Watching {
    terminal: PtySession,
    name: String,
    id: Pid,
    /// All that was read so far.
    shown: String,
}

impl Watching {
    fn start(world: &World, arguments: &str) -> Self {
        let line = format!(
            "exec </dev/tty; stty rows 24 cols 80; before=$(stty -g); echo /dev/$(ps -o tty= -p $$); \
             sh -c 'echo id $$; exec mfavault code --watch {arguments}'; status=$?; \
             [ \"$(stty -g)\" = \"$before\" ] && echo as it was; echo status $status"
        );
        let mut command = world.program("bash");
        command.args(["-c", &line]).env_remove("NO_COLOR");
        let mut terminal = spawn_command(command, Some(30_000)).unwrap();
        let name = terminal.read_line().unwrap().trim().to_owned();
        terminal.exp_string("id ").unwrap();
        let id = Pid::from_raw(terminal.read_line().unwrap().trim().parse().unwrap()).unwrap();
        Watching { terminal, name, id, shown: String::new() }
    }

    #[track_caller]
    fn sees(&mut self, text: &str) {
        let before = self.terminal.exp_string(text).unwrap_or_else(|error| panic!("no {text:?}: {error}"));
        self.shown.push_str(&before);
        self.shown.push_str(text);
    }

    fn press(&mut self, keys: &str) {
        self.terminal.send(keys).unwrap();
        self.terminal.flush().unwrap();
    }

    fn resize(&self, width: usize, height: usize) {
        let (rows, columns) = (height.to_string(), width.to_string());
        let ran = std::process::Command::new("stty").args(["-F", &self.name, "rows", &rows, "cols", &columns]).run();
        assert!(ran.status.success(), "{ran:?}");
    }

    /// Ends with this status and the terminal as it was; gives what was on the alternate screen and what was not.
    #[track_caller]
    fn ends(mut self, status: i32) -> (String, String) {
        self.sees("as it was");
        self.sees(&format!("status {status}\r\n"));
        let (mut watched, mut left) = (String::new(), String::new());
        for (part, text) in self.shown.split(ENTER).enumerate() {
            match text.split_once(LEAVE).filter(|_| part > 0) {
                Some((on, off)) => {
                    assert!(on.ends_with("\u{1b}[2J\u{1b}[?7h\u{1b}[?25h"), "cleared, with wrap and cursor: {on:?}");
                    watched.push_str(on);
                    left.push_str(off);
                }
                None => left.push_str(text),
            }
        }
        (watched, left)
    }
}

fn device(name: &str, seed: &str, counter: Option<u64>) -> VirtualMfaDevice {
    VirtualMfaDevice {
        name: name.to_owned(),
        serial_number: None,
        issuer: Some("Somebody".to_owned()),
        account: name.to_owned(),
        seed: Seed::from_base32(seed).unwrap(),
        settings: CodeSettings::AWS,
        counter,
    }
}

/// The codes of the time of a test, as they are and as they are grouped.
fn codes(device: &VirtualMfaDevice) -> Vec<String> {
    let step = TimeStep::at(now(), CodeSettings::AWS).0;
    let codes = (step - 2..=step + 3).map(|step| device.code(TimeStep(step)).expose().to_owned());
    codes.flat_map(|code| [format!("{} {}", &code[..3], &code[3..]), code]).collect()
}

fn is_in(device: &VirtualMfaDevice, text: &str) -> bool {
    codes(device).iter().any(|code| text.contains(code))
}

#[test]
fn the_codes_are_shown_and_however_it_ends_nothing_is_left_of_them() {
    let world = World::enrolled();
    let alice = device("alice", &world.seed.clone().unwrap(), None);
    let keys = [("q", 0), ("\u{1b}", 0), ("\u{3}", 130)];
    let signals = [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130), (Signal::QUIT, 131)];
    let ends = keys.map(|(key, status)| (Ok(key), status));
    for (end, status) in ends.into_iter().chain(signals.map(|(signal, status)| (Err(signal), status))) {
        let mut watching = Watching::start(&world, "");
        watching.sees("q quits");
        match end {
            Ok(key) => watching.press(key),
            Err(signal) => kill_process(watching.id, signal).unwrap(),
        }
        let (watched, left) = watching.ends(status);
        assert!(watched.contains("alice") && is_in(&alice, &watched), "{watched:?}");
        assert!(!is_in(&alice, &left) && !left.contains('\u{1b}'), "{left:?}");
    }
    let ran = world.line("code alice").run().succeeded();
    assert!(!ran.stderr.contains("given out before"), "looking spends nothing: {ran:?}");
    assert_eq!(world.aws.requests().len(), 2, "nor is AWS asked: {:?}", world.aws.requests());
    world.line("code --watch").run().refused(1, &["terminal"]);
    let log = std::fs::read_to_string(world.path("vault/state/audit.jsonl")).unwrap();
    let watched = log.lines().filter(|line| line.contains("mfavault code --watch")).count();
    assert_eq!(watched, 7, "a line for each time that somebody looked: {log}");
}

#[test]
fn next_codes_are_shown_while_they_are_asked_for() {
    let world = World::enrolled();
    let mut watching = Watching::start(&world, "main --color never");
    watching.sees("n shows the next codes");
    watching.press("n");
    watching.sees("n hides the next codes");
    watching.press("n");
    watching.sees("n shows the next codes");
    watching.press("q");
    let (watched, _) = watching.ends(0);
    let alice = device("alice", &world.seed.clone().unwrap(), None);
    let step = TimeStep::at(now(), CodeSettings::AWS).0;
    let shown = (step - 1..=step + 2).filter(|step| {
        let code = alice.code(TimeStep(*step)).expose().to_owned();
        watched.contains(&format!("{} {}", &code[..3], &code[3..]))
    });
    assert!(shown.count() >= 2, "{watched:?}");
    let colours = ["1m", "2m", "31m", "36m"].map(|colour| format!("\u{1b}[{colour}"));
    assert!(!colours.iter().any(|colour| watched.contains(colour)), "{watched:?}");
}

#[test]
fn a_screen_that_changes_its_size_shows_what_fits_and_how_many_more() {
    let world = World::with_keys();
    world.in_vault(|vault| {
        for place in 10..40 {
            let device = device(&format!("device-{place}"), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", None);
            vault.store_device(&DeviceRecord::new(device, None, "a test", now())).unwrap();
        }
    });
    let mut watching = Watching::start(&world, "");
    watching.sees(" 9 more");
    watching.resize(50, 10);
    watching.sees("\u{1b}[2J");
    watching.sees(" 23 more");
    for _ in 0..29 {
        watching.press("\u{1b}[B");
    }
    watching.sees("device-39");
    watching.resize(1, 1);
    watching.sees("\u{1b}[2J");
    watching.press("q");
    watching.ends(0);
}

#[test]
fn a_device_that_asks_is_hidden_until_a_person_agrees_and_one_that_counts_stays_hidden() {
    let world = World::with_keys();
    let bank = device("bank", "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U", None);
    let vpn = device("vpn", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", Some(7));
    world.in_vault(|vault| {
        let consent = Some(Consent { remembered: Duration::ZERO });
        let record = DeviceRecord::new(bank.clone(), None, "a test", now());
        vault.store_device(&DeviceRecord { consent, ..record }).unwrap();
        vault.store_device(&DeviceRecord::new(vpn.clone(), None, "a test", now())).unwrap();
    });
    let mut watching = Watching::start(&world, "");
    watching.sees("press 1");
    watching.sees("`mfavault code vpn`");
    // What counts its codes is not had by a key.
    watching.press("2\r");
    for (answer, then) in [("n", "the answer was no"), ("y", "q quits")] {
        watching.press("1");
        watching.sees("Give a code of `bank` to whoever ran `mfavault code --watch`? [y/N] ");
        assert!(!is_in(&bank, &watching.shown), "{:?}", watching.shown);
        watching.press(&format!("{answer}\r"));
        watching.sees(ENTER);
        watching.sees(then);
    }
    watching.press("q");
    let (watched, left) = watching.ends(0);
    assert!(is_in(&bank, &watched) && !is_in(&bank, &left), "{watched:?} {left:?}");
    for counter in 0..20 {
        let code = vpn.code(TimeStep(counter)).expose().to_owned();
        assert!(!watched.contains(&code) && !watched.contains(&format!("{} {}", &code[..3], &code[3..])), "{counter}");
    }
    assert_eq!(world.line("code vpn --json").run().succeeded().json()["counter"], 7);
}

#[test]
fn many_who_ask_at_once_get_a_code_each_of_a_device_that_counts() {
    let world = World::with_keys();
    let vpn = device("vpn", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", Some(0));
    world.in_vault(|vault| vault.store_device(&DeviceRecord::new(vpn.clone(), None, "a test", now())).unwrap());
    let given = std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..8).map(|_| scope.spawn(|| world.line("code vpn").run().succeeded().stdout.trim().to_owned())).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect::<std::collections::BTreeSet<_>>()
    });
    assert_eq!(given, (0..8).map(|counter| vpn.code(TimeStep(counter)).expose().to_owned()).collect());
}
