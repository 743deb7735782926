//! How long something takes where others work on the same machine: what is measured is whether we wait for something that
//! does not come, not whether somebody else has the processor.

use std::{
    fs,
    time::{Duration, Instant},
};

/// Runs from when it was made.
pub(crate) struct Stopwatch {
    began: Instant,
    contended: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Stopwatch { began: Instant::now(), contended: contended() }
    }

    /// How long it has run, without the time in which somebody had to wait for a processor.
    pub(crate) fn elapsed(&self) -> Duration {
        counted(self.began.elapsed(), contended().saturating_sub(self.contended))
    }
}

/// A fifth counts at least: while all tests run somebody always waits for a processor, and what hangs is to show then, too.
fn counted(elapsed: Duration, contended: Duration) -> Duration {
    elapsed.saturating_sub(contended).max(elapsed / 5)
}

/// Does something that is to take less than this.
#[track_caller]
pub(crate) fn within<T>(limit: Duration, act: impl FnOnce() -> T) -> T {
    let stopwatch = Stopwatch::start();
    let done = act();
    let elapsed = stopwatch.elapsed();
    assert!(elapsed < limit, "{elapsed:?}");
    done
}

/// For how long, all in all, somebody on this machine has had to wait for a processor; nothing where the kernel does not
/// tell.
fn contended() -> Duration {
    let pressure = fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let total = pressure.lines().find(|line| line.starts_with("some ")).and_then(|line| line.rsplit('=').next());
    Duration::from_micros(total.and_then(|total| total.parse().ok()).unwrap_or_default())
}

#[test]
fn what_hangs_shows_however_busy_the_machine_is() {
    let [busy, hung] = [3, 25].map(Duration::from_secs);
    assert_eq!(counted(busy, Duration::from_secs(2)), Duration::from_secs(1));
    assert!(counted(hung, hung) > Duration::from_secs(2), "as long as D-Bus waits for an answer");
}
