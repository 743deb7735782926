//! The real program, killed by strace at every call by which something outside it changes, or refused that call.

use std::collections::BTreeMap;

use super::assert_finished;
use crate::support::{disk::Disk, programs::installed};

/// The calls of the system by which something outside the process changes.
const CALLS: [&str; 7] = ["write", "fsync", "renameat", "flock", "connect", "sendto", "recvfrom"];

/// How often each call is made by a run that goes well; nothing where strace is missing, which CI does not allow.
fn calls_of_a_run() -> Option<BTreeMap<&'static str, usize>> {
    if !installed(&["strace"]) {
        return None;
    }
    Some(Disk::new().calls(&CALLS, &["mfa", "enable", "main"]))
}

/// One run with this done to it by strace, and one without; says whether the first got through.
fn run_twice(inject: &str) -> bool {
    let disk = Disk::new();
    let first = disk.mfavault(&["-e", inject], &["mfa", "enable", "main"]).status.success();
    // AWS may still be at what a killed run asked of it.
    disk.bench.aws.wait_until_idle().unwrap();
    disk.bench.assert_no_device_without_its_seed(&disk.keystore(), inject);
    if first {
        assert_finished(&disk.bench, &disk.keystore(), inject);
    }
    // Steps that the first run spent are over by AWS's clock, so that the next one need not wait for it.
    disk.bench.set_skew(100);
    let output = disk.mfavault(&[], &["mfa", "enable", "main"]);
    assert!(output.status.success(), "{inject}: {output:?}");
    assert_finished(&disk.bench, &disk.keystore(), inject);
    assert!(disk.bench.text("config").contains("mfa_serial = arn:aws:iam::"), "{inject}");
    first
}

#[test]
fn a_run_that_is_killed_at_any_call_of_the_system_is_finished_by_the_next() {
    let Some(calls) = calls_of_a_run() else { return };
    let mut killed = 0;
    for (call, count) in calls {
        for nth in 1..=count {
            killed += usize::from(!run_twice(&format!("inject={call}:signal=KILL:when={nth}")));
        }
    }
    assert!(killed > 60, "{killed} runs were killed");
}

#[test]
fn a_run_that_the_disk_refuses_anything_is_finished_by_the_next() {
    let Some(calls) = calls_of_a_run() else { return };
    let mut refused = 0;
    for (call, error) in [("fsync", "EIO"), ("write", "ENOSPC"), ("renameat", "EIO")] {
        for nth in 1..=calls[call] {
            refused += usize::from(!run_twice(&format!("inject={call}:error={error}:when={nth}")));
        }
    }
    assert!(refused > 20, "{refused} runs failed");
}
