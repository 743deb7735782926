//! The real program, killed by strace at every call by which something outside it changes, or refused that call.

use std::collections::BTreeMap;

use super::{super::may_delete, Command};
use crate::support::{disk::Disk, programs::installed};

/// The calls by which something changes that another process sees: a file takes the place of another, a request goes
/// out. What happens between two of them is as if it had not been begun.
const CALLS: [&str; 3] = ["renameat", "sendto", "recvfrom"];

impl Command {
    fn words(self) -> &'static [&'static str] {
        match self {
            Command::Deactivate => &["mfa", "deactivate", "alice", "--delete", "--yes"],
            Command::Replace => &["mfa", "replace", "alice", "--yes"],
        }
    }
}

fn world() -> Disk {
    Disk::with_device_where(may_delete)
}

/// One run with this done to it by strace, and one without; says whether the first got through.
fn run_twice(command: Command, inject: &str) -> bool {
    let disk = world();
    let case = format!("{command:?} {inject}");
    let first = disk.mfavault(&["-e", inject], command.words()).status.success();
    // AWS may still be at what a killed run asked of it.
    disk.bench.aws.wait_until_idle().unwrap();
    command.assert_safe(&disk.bench, &disk.keystore(), &case);
    // Steps that the first run spent are over by AWS's clock, so that the next one need not wait for it.
    disk.bench.set_skew(100);
    if !first {
        let output = disk.mfavault(&[], command.words());
        let gone = String::from_utf8_lossy(&output.stderr).contains("there is no MFA device `alice` here");
        assert!(output.status.success() || gone && matches!(command, Command::Deactivate), "{case}: {output:?}");
    }
    command.assert_safe(&disk.bench, &disk.keystore(), &case);
    assert_done(command, &disk, &case);
    first
}

fn assert_done(command: Command, disk: &Disk, case: &str) {
    let devices = disk.bench.devices_at_aws();
    let names: Vec<String> = disk.bench.run_over(&disk.keystore(), |context| {
        let index = context.vault.index().unwrap();
        assert!(index.enrolments.is_empty(), "{case}: the journal has a leftover");
        let names: Vec<String> = index.devices.into_keys().collect();
        for name in &names {
            assert!(context.vault.device(name).unwrap().is_some(), "{case}: `{name}` is named and not there");
        }
        names
    });
    let config = disk.bench.text("config");
    match command {
        Command::Deactivate => {
            assert!(devices.is_empty() && names.is_empty(), "{case}: {devices:?} {names:?}");
            assert!(!config.contains("mfa_serial"), "{case}");
        }
        Command::Replace => {
            assert_eq!(names, ["alice"], "{case}");
            let enabled: Vec<_> = devices.into_iter().filter(|(_, owner)| owner.is_some()).collect();
            assert_eq!(enabled.len(), 1, "{case}");
            assert!(config.contains(&format!("mfa_serial = {}\n", enabled[0].0)), "{case}");
        }
    }
}

fn calls(command: Command) -> Option<BTreeMap<&'static str, usize>> {
    installed(&["strace"]).then(|| world().calls(&CALLS, command.words()))
}

fn killed_everywhere(command: Command, at_least: usize) {
    let Some(calls) = calls(command) else { return };
    let mut killed = 0;
    for (call, count) in &calls {
        for nth in 1..=*count {
            killed += usize::from(!run_twice(command, &format!("inject={call}:signal=KILL:when={nth}")));
        }
    }
    assert!(killed >= at_least, "{killed} runs were killed of {calls:?}");
}

#[test]
fn a_deactivation_that_is_killed_anywhere_is_finished_by_the_next_run() {
    killed_everywhere(Command::Deactivate, 20);
}

#[test]
fn a_replacement_that_is_killed_anywhere_is_finished_by_the_next_run() {
    killed_everywhere(Command::Replace, 40);
}

#[test]
fn what_the_disk_refuses_is_finished_by_the_next_run() {
    for command in [Command::Deactivate, Command::Replace] {
        let Some(calls) = calls(command) else { return };
        let mut refused = 0;
        for nth in 1..=calls["renameat"] {
            refused += usize::from(!run_twice(command, &format!("inject=renameat:error=EIO:when={nth}")));
        }
        assert!(refused >= 8, "{command:?}: {refused} runs failed");
    }
}
