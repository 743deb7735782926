//! Edge: the time of day, and waiting for it. Injected, so that tests set it and no test sleeps.

use std::time::{Duration, Instant, SystemTime};

/// The time of day.
pub trait Clock {
    /// The time now, by this machine.
    fn now(&self) -> SystemTime;
    /// Returns when the time has come; at once if it has passed.
    fn wait_until(&self, time: SystemTime);
}

/// The machine's own clock. Nothing overrides it.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place that waits")]
    fn wait_until(&self, time: SystemTime) {
        // Short naps and two clocks: neither a laptop that slept nor a clock that was set back prolongs the wait.
        let Ok(longest) = time.duration_since(self.now()) else { return };
        let began = Instant::now();
        while let Ok(left) = time.duration_since(self.now()) {
            let left = left.min(longest.saturating_sub(began.elapsed()));
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(Duration::from_millis(200)));
        }
    }
}
