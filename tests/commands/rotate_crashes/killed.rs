//! The real program, killed by strace at every call by which something outside it changes, or refused that call.

use std::collections::BTreeMap;

use super::{RITUALS, Ritual};
use crate::support::{disk::Disk, programs::installed};

/// The calls of the system by which something outside the process changes.
const CALLS: [&str; 7] = ["write", "fsync", "renameat", "flock", "connect", "sendto", "recvfrom"];
const ROTATE: [&str; 2] = ["rotate", "main"];
/// Of how many calls one is tried where MFA comes first, which is like the other but for its beginning.
const SAMPLED: usize = 6;

impl Ritual {
    fn disk(self) -> Disk {
        match self {
            Ritual::WithMfa => Disk::with_device(),
            Ritual::ByKey => Disk::with_key("main", "admin"),
        }
    }

    /// How often each call is made by a run that goes well; nothing where strace is missing, which CI does not allow.
    fn calls_of_a_run(self) -> Option<BTreeMap<&'static str, usize>> {
        installed(&["strace"]).then(|| self.disk().calls(&CALLS, &ROTATE))
    }

    /// Which of so many calls are tried.
    fn sample(self, count: usize) -> impl Iterator<Item = usize> {
        let every = if self == Ritual::ByKey { 1 } else { SAMPLED };
        (1..=count).step_by(every)
    }

    /// One run with this done to it by strace, and one without; says whether the first got through.
    fn run_twice(self, inject: &str) -> bool {
        let (disk, case) = (self.disk(), format!("{self:?} {inject}"));
        let first = disk.mfavault(&["-e", inject], &ROTATE).status.success();
        // AWS may still be at what a killed run asked of it.
        disk.bench.aws.wait_until_idle().unwrap();
        self.assert_safe(&disk.bench, &disk.keystore(), &case);
        if first {
            self.assert_finished(&disk.bench, &disk.keystore(), &case);
        }
        // Steps that the first run spent are over by AWS's clock, so that the next one need not wait for it; and AWS
        // would show by now whatever it made.
        disk.bench.set_skew(100);
        let output = disk.mfavault(&[], &ROTATE);
        assert!(output.status.success(), "{case}: {output:?}");
        self.assert_finished(&disk.bench, &disk.keystore(), &case);
        first
    }
}

#[test]
fn a_run_that_is_killed_at_any_call_of_the_system_is_finished_by_the_next() {
    let mut killed = 0;
    for ritual in RITUALS {
        let Some(calls) = ritual.calls_of_a_run() else { return };
        for (call, count) in calls {
            for nth in ritual.sample(count) {
                killed += usize::from(!ritual.run_twice(&format!("inject={call}:signal=KILL:when={nth}")));
            }
        }
    }
    assert!(killed > 80, "{killed} runs were killed");
}

#[test]
fn a_run_that_the_disk_refuses_anything_is_finished_by_the_next() {
    let mut refused = 0;
    for ritual in RITUALS {
        let Some(calls) = ritual.calls_of_a_run() else { return };
        for (call, error) in [("fsync", "EIO"), ("write", "ENOSPC"), ("renameat", "EIO")] {
            for nth in ritual.sample(calls[call]) {
                refused += usize::from(!ritual.run_twice(&format!("inject={call}:error={error}:when={nth}")));
            }
        }
    }
    assert!(refused > 20, "{refused} runs failed");
}
