//! The server's side of a device: which codes it takes, as captures of the real services showed in 2026.
//!
//! IAM takes pairs, from far off, and keeps the distance as the device's adjustment. STS takes single codes, near
//! by, once each, and only so many tries.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use crate::mfa::{AuthenticationCode, CodeSettings, TimeStep, VirtualMfaDevice};

/// How far behind the server's clock the second code of a pair may be, in steps.
const PAIR_STEPS_BEHIND: i64 = 998;
/// How far ahead, in steps.
const PAIR_STEPS_AHEAD: i64 = 1000;
/// How far off, either way, a single code may be, in steps.
const CODE_STEPS: i64 = 2;
/// How many codes STS looks at, good and bad, within one window of the UTC clock.
const TRIES_PER_WINDOW: u32 = 9;
const TRY_WINDOW: Duration = Duration::from_secs(180);

/// A device's seed, and what was learnt about it from codes.
pub(super) struct DeviceCodes {
    device: VirtualMfaDevice,
    /// How many steps the device's clock is ahead of the server's, by the last pair.
    adjustment: i64,
    /// The later step of the last pair taken.
    last_pair: Option<TimeStep>,
    /// Steps whose codes STS has taken.
    used: BTreeSet<TimeStep>,
    /// The window of the last try, and how many there were in it.
    tries: (u64, u32),
}

/// What STS makes of one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verification {
    Accepted,
    /// Wrong, stale, or used before.
    Invalid,
    /// Not looked at: there were too many tries.
    TooManyTries,
}

impl DeviceCodes {
    pub(super) fn new(device: VirtualMfaDevice) -> Self {
        DeviceCodes { device, adjustment: 0, last_pair: None, used: BTreeSet::new(), tries: (0, 0) }
    }

    /// Takes two consecutive codes in order, both newer than any pair taken before; says whether it did.
    /// `spend_at_sts` makes them useless for STS too.
    pub(super) fn accept_pair(&mut self, codes: [&AuthenticationCode; 2], now: SystemTime, spend_at_sts: bool) -> bool {
        let current = TimeStep::at(now, CodeSettings::AWS);
        let newer = |step: &TimeStep| self.last_pair.is_none_or(|last| *step > last);
        let mut seconds = (-PAIR_STEPS_BEHIND..=PAIR_STEPS_AHEAD).filter_map(|distance| shifted(current, distance));
        let found = seconds.find(|second| {
            let first = second.previous();
            first < *second
                && newer(&first)
                && self.device.code(first) == *codes[0]
                && self.device.code(*second) == *codes[1]
        });
        let Some(second) = found else { return false };
        self.adjustment = second.0.cast_signed() - current.0.cast_signed();
        self.last_pair = Some(second);
        if spend_at_sts {
            self.used.extend([second.previous(), second]);
        }
        true
    }

    /// Takes one code, once.
    pub(super) fn verify(&mut self, code: &AuthenticationCode, now: SystemTime) -> Verification {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let window = since.as_secs() / TRY_WINDOW.as_secs();
        if self.tries.0 != window {
            self.tries = (window, 0);
        }
        if self.tries.1 >= TRIES_PER_WINDOW {
            return Verification::TooManyTries;
        }
        self.tries.1 += 1;
        let current = TimeStep::at(now, CodeSettings::AWS);
        let steps = (-CODE_STEPS..=CODE_STEPS).filter_map(|distance| shifted(current, self.adjustment + distance));
        let found = steps.filter(|step| !self.used.contains(step)).find(|step| self.device.code(*step) == *code);
        match found {
            Some(step) => {
                self.used.insert(step);
                Verification::Accepted
            }
            None => Verification::Invalid,
        }
    }
}

fn shifted(step: TimeStep, distance: i64) -> Option<TimeStep> {
    step.0.checked_add_signed(distance).map(TimeStep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mfa::Seed;

    /// A step that starts a window of tries.
    const NOW: u64 = 60_000_000;

    fn device() -> VirtualMfaDevice {
        VirtualMfaDevice {
            name: "alice".to_owned(),
            serial_number: None,
            issuer: None,
            account: "alice".to_owned(),
            seed: Seed::from_bytes(b"12345678901234567890".to_vec()).expect("a seed"),
            settings: CodeSettings::AWS,
            counter: None,
        }
    }

    fn at(step: u64) -> SystemTime {
        TimeStep(step).start(CodeSettings::AWS)
    }

    fn pair(codes: &mut DeviceCodes, first: u64, second: u64) -> bool {
        let (first, second) = (device().code(TimeStep(first)), device().code(TimeStep(second)));
        codes.accept_pair([&first, &second], at(NOW), false)
    }

    fn verify(codes: &mut DeviceCodes, step: u64, now: u64) -> Verification {
        codes.verify(&device().code(TimeStep(step)), at(now))
    }

    #[test]
    fn a_pair_is_two_consecutive_codes_in_order() {
        for (first, second, taken) in [
            (NOW - 1, NOW, true),
            (NOW, NOW + 1, true),
            (NOW, NOW - 1, false),
            (NOW, NOW, false),
            (NOW - 2, NOW, false),
        ] {
            let mut codes = DeviceCodes::new(device());
            assert_eq!(pair(&mut codes, first, second), taken, "{first} {second}");
        }
    }

    #[test]
    fn a_pair_may_be_998_steps_behind_and_1000_ahead() {
        for (second, taken) in [(NOW - 998, true), (NOW - 999, false), (NOW + 1000, true), (NOW + 1001, false)] {
            let mut codes = DeviceCodes::new(device());
            assert_eq!(pair(&mut codes, second - 1, second), taken, "{second}");
        }
    }

    #[test]
    fn both_codes_of_a_pair_are_newer_than_the_last_pair() {
        let mut codes = DeviceCodes::new(device());
        assert!(pair(&mut codes, NOW - 1, NOW));
        assert!(!pair(&mut codes, NOW - 1, NOW), "the same again");
        assert!(!pair(&mut codes, NOW - 2, NOW - 1), "older");
        assert!(!pair(&mut codes, NOW, NOW + 1), "overlapping");
        assert!(pair(&mut codes, NOW + 1, NOW + 2));
    }

    #[test]
    fn sts_takes_two_steps_either_side() {
        for (step, expected) in [
            (NOW - 3, Verification::Invalid),
            (NOW - 2, Verification::Accepted),
            (NOW + 2, Verification::Accepted),
            (NOW + 3, Verification::Invalid),
        ] {
            let mut codes = DeviceCodes::new(device());
            assert_eq!(verify(&mut codes, step, NOW), expected, "{step}");
        }
    }

    #[test]
    fn the_window_follows_the_adjustment_of_the_last_pair() {
        let mut codes = DeviceCodes::new(device());
        assert!(pair(&mut codes, NOW - 11, NOW - 10));
        assert_eq!(verify(&mut codes, NOW, NOW), Verification::Invalid);
        assert_eq!(verify(&mut codes, NOW - 8, NOW), Verification::Accepted);
        assert_eq!(verify(&mut codes, NOW - 13, NOW), Verification::Invalid);
    }

    #[test]
    fn a_code_is_taken_once_and_an_older_unused_one_still_after_it() {
        let mut codes = DeviceCodes::new(device());
        assert_eq!(verify(&mut codes, NOW, NOW), Verification::Accepted);
        assert_eq!(verify(&mut codes, NOW, NOW), Verification::Invalid);
        assert_eq!(verify(&mut codes, NOW - 1, NOW), Verification::Accepted);
    }

    #[test]
    fn the_codes_of_a_pair_stay_usable_at_sts_unless_they_are_set_to_be_spent() {
        for (spend, expected) in [(false, Verification::Accepted), (true, Verification::Invalid)] {
            let mut codes = DeviceCodes::new(device());
            let (first, second) = (device().code(TimeStep(NOW - 1)), device().code(TimeStep(NOW)));
            assert!(codes.accept_pair([&first, &second], at(NOW), spend));
            assert_eq!(verify(&mut codes, NOW, NOW), expected);
            assert_eq!(verify(&mut codes, NOW - 1, NOW), expected);
            assert_eq!(verify(&mut codes, NOW + 1, NOW), Verification::Accepted);
        }
    }

    #[test]
    fn codes_used_at_sts_may_be_in_a_pair() {
        let mut codes = DeviceCodes::new(device());
        assert_eq!(verify(&mut codes, NOW, NOW), Verification::Accepted);
        assert!(pair(&mut codes, NOW - 1, NOW));
    }

    #[test]
    fn after_nine_tries_nothing_is_looked_at_until_the_next_three_minutes() {
        let mut codes = DeviceCodes::new(device());
        for _ in 0..9 {
            assert_eq!(verify(&mut codes, NOW + 100, NOW), Verification::Invalid);
        }
        assert_eq!(verify(&mut codes, NOW, NOW), Verification::TooManyTries);
        assert_eq!(verify(&mut codes, NOW + 5, NOW + 5), Verification::TooManyTries);
        assert_eq!(verify(&mut codes, NOW + 6, NOW + 6), Verification::Accepted);
    }
}
