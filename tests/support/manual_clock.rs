//! A clock that stands until it is moved, or until somebody waits.

use std::{
    sync::Mutex,
    time::{Duration, SystemTime},
};

use mfavault::clock::Clock;

/// The time, and how long it was waited for.
pub(crate) struct ManualClock(Mutex<State>);

struct State {
    now: SystemTime,
    waited: Duration,
}

impl ManualClock {
    /// Stands at the beginning of one of AWS's windows of nine tries, in November 2026.
    pub(crate) fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_294_080);
        ManualClock(Mutex::new(State { now, waited: Duration::ZERO }))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.change(|state| state.now += Duration::from_secs(seconds));
    }

    pub(crate) fn set(&self, now: SystemTime) {
        self.change(|state| state.now = now);
    }

    /// How long was waited in all; asking sets it back to nothing.
    pub(crate) fn waited(&self) -> Duration {
        self.change(|state| std::mem::take(&mut state.waited))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().expect("no test panics while it holds the clock"))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.change(|state| state.now)
    }

    fn wait_until(&self, time: SystemTime) {
        self.change(|state| {
            if let Ok(left) = time.duration_since(state.now) {
                state.waited += left;
                state.now = time;
            }
        });
    }
}
