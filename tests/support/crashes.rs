//! A command that fails or is killed at every point, and run again: what holds then is the command's to say.

use std::fmt::Debug;

use mfavault::{
    commands::Error,
    keystore::{Keystore, KeystoreError},
    rehearsal::FaultKind,
};

use super::bench::Bench;
#[cfg(target_os = "linux")]
use super::{disk::Disk, programs::installed};

/// All ways in which a call to AWS fails.
pub(crate) const KINDS: [FaultKind; 5] = [
    FaultKind::ClosedBeforeActing,
    FaultKind::LostAnswer,
    FaultKind::ServerError,
    FaultKind::Throttling,
    FaultKind::TruncatedBody,
];

/// The calls of the system by which something outside the process changes.
#[cfg(target_os = "linux")]
const CALLS: [&str; 7] = ["write", "fsync", "renameat", "flock", "connect", "sendto", "recvfrom"];

/// A command in a world of its own for each run.
pub(crate) trait Ritual: Copy + Debug {
    /// The world before.
    fn bench(self) -> Bench;

    /// The command, in process.
    fn run(self, bench: &Bench) -> Result<(), Error>;

    /// What holds at every instant.
    fn assert_safe(self, bench: &Bench, keystore: &dyn Keystore, case: &str);

    /// What holds once a run said that it was done.
    fn assert_finished(self, bench: &Bench, keystore: &dyn Keystore, case: &str);

    /// The next run finishes, and it all works.
    fn assert_works(self, bench: &Bench, case: &str);

    /// Runs it while this call to AWS fails in this way, so often.
    fn assert_survives(self, bench: &Bench, action: &str, kind: FaultKind, times: Option<u32>) {
        let case = format!("{self:?} {action} {kind:?} {times:?}");
        bench.fail(action, kind, times);
        let result = self.run(bench);
        bench.aws.clear_faults();
        match result {
            Ok(()) => self.assert_finished(bench, &bench.keystore, &case),
            Err(_) => self.assert_safe(bench, &bench.keystore, &case),
        }
        self.assert_works(bench, &case);
    }

    /// Runs it while one call fails, and again while another one does.
    fn assert_survives_both(self, first: &str, second: &str, kind: FaultKind) {
        let case = format!("{self:?} {first}, {second} {kind:?}");
        let bench = self.bench();
        for action in [first, second] {
            bench.fail(action, kind, None);
            let _ = self.run(&bench);
            bench.aws.clear_faults();
            self.assert_safe(&bench, &bench.keystore, &case);
        }
        self.assert_works(&bench, &case);
    }

    /// Runs it as often as it has operations of the keystore, each time with another one failing; `see` gets each end,
    /// before the next run. Gives how many there are.
    fn assert_survives_the_keystore(self, mut see: impl FnMut(&Bench, Result<(), Error>, &str)) -> usize {
        let counted = self.bench();
        let before = counted.keystore.operations();
        self.run(&counted).unwrap();
        let operations = counted.keystore.operations() - before;
        for nth in 1..=operations {
            let case = format!("{self:?}: operation {nth} of {operations}");
            let bench = self.bench();
            let unavailable =
                || KeystoreError::Unavailable { keystore: "memory", reason: "it does not answer".to_owned() };
            bench.keystore.fail_at(nth, unavailable);
            see(&bench, self.run(&bench), &case);
            self.assert_safe(&bench, &bench.keystore, &case);
            self.assert_works(&bench, &case);
        }
        operations
    }
}

/// The same by the real program, killed by strace or refused a call of the system.
#[cfg(target_os = "linux")]
pub(crate) trait OnDisk: Ritual {
    /// The world before.
    fn disk(self) -> Disk;

    /// The words of the command.
    fn words(self) -> Vec<&'static str>;

    /// Of how many calls one is tried: not each where only the beginning is another one.
    fn every(self) -> usize;

    /// One run with this done to it by strace, and one without; says whether the first got through.
    fn run_twice(self, inject: &str) -> bool {
        let (disk, case) = (self.disk(), format!("{self:?} {inject}"));
        let first = disk.mfavault(&["-e", inject], &self.words()).status.success();
        // AWS may still be at what a killed run asked of it.
        disk.bench.aws.wait_until_idle().unwrap();
        self.assert_safe(&disk.bench, &disk.keystore(), &case);
        if first {
            self.assert_finished(&disk.bench, &disk.keystore(), &case);
        }
        // Steps that the first run spent are over by AWS's clock, so that the next one need not wait for it; and AWS
        // would show by now whatever it made.
        disk.bench.set_skew(100);
        let output = disk.mfavault(&[], &self.words());
        assert!(output.status.success(), "{case}: {output:?}");
        self.assert_finished(&disk.bench, &disk.keystore(), &case);
        first
    }
}

/// Kills each at each call, and runs it again; says how many were killed. Nothing where strace is missing, which CI does
/// not allow.
#[cfg(target_os = "linux")]
pub(crate) fn killed_anywhere(rituals: &[impl OnDisk]) -> Option<usize> {
    not_through(rituals, &CALLS.map(|call| (call, "signal=KILL")))
}

/// Refuses each what a disk may refuse, and runs it again; says how many failed. Nothing where strace is missing.
#[cfg(target_os = "linux")]
pub(crate) fn refused_anywhere(rituals: &[impl OnDisk]) -> Option<usize> {
    not_through(rituals, &[("fsync", "error=EIO"), ("write", "error=ENOSPC"), ("renameat", "error=EIO")])
}

#[cfg(target_os = "linux")]
fn not_through(rituals: &[impl OnDisk], what: &[(&'static str, &str)]) -> Option<usize> {
    if !installed(&["strace"]) {
        return None;
    }
    let mut count = 0;
    for ritual in rituals {
        let calls = ritual.disk().calls(&what.iter().map(|(call, _)| *call).collect::<Vec<_>>(), &ritual.words());
        for (call, happens) in what {
            for nth in (1..=calls[call]).step_by(ritual.every()) {
                count += usize::from(!ritual.run_twice(&format!("inject={call}:{happens}:when={nth}")));
            }
        }
    }
    Some(count)
}
