//! The ledger of spent time steps: AWS takes a code once, so a step is written down here before its code goes out.
//!
//! One file a device, keyed on the number of the step, never on the text of a code; changed only under a lock. It holds
//! no secret, and it is never rewound: not by a restore, not by a clock that jumps.

use std::{collections::BTreeSet, time::SystemTime};

use serde::{Deserialize, Serialize};

use super::{CacheKey, Part, VaultError};
use crate::{
    atomic_file::{FileLock, PrivateFolder},
    mfa::{CodeSettings, TimeStep},
};

const VERSION: u32 = 1;
/// How many steps are kept: half an hour of AWS's, far more than any verifier looks back.
const KEPT: usize = 64;

/// The spent steps of one device.
pub struct Ledger<'f> {
    folder: &'f PrivateFolder,
    file: String,
    identity: String,
}

/// What the ledger gives to whoever wants a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A step that was never spent, and is now.
    Step(TimeStep),
    /// All steps that AWS would take now are spent; the next may be taken from this time on.
    NotBefore(SystemTime),
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    device: String,
    spent: BTreeSet<u64>,
    /// The later step of the last pair that AWS took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_pair: Option<u64>,
}

impl<'f> Ledger<'f> {
    pub(super) fn new(folder: &'f PrivateFolder, identity: &str) -> Self {
        let hash = CacheKey::of([identity]);
        Ledger { folder, file: format!("spent-{}.json", &hash.as_str()[..32]), identity: identity.to_owned() }
    }

    /// Spends a step that was never spent: the one of `now`, else the one before, else the one after, each of which
    /// AWS takes. It is on the disk when this returns.
    ///
    /// # Errors
    /// If the ledger cannot be read or written, then `File` or `Damaged`, and nothing was spent.
    pub fn take(&self, settings: CodeSettings, now: SystemTime) -> Result<Taken, VaultError> {
        let current = TimeStep::at(now, settings);
        self.change(current, |spent| {
            let free = [current, current.previous(), current.next()].into_iter().find(|step| !spent.contains(&step.0));
            match free {
                Some(step) => {
                    spent.insert(step.0);
                    Taken::Step(step)
                }
                None => Taken::NotBefore(current.end(settings)),
            }
        })
    }

    /// Spends the next counter of a counter-based device: the first one of the record, or the one after the last that
    /// was spent. It is on the disk when this returns.
    ///
    /// # Errors
    /// As [`Ledger::take`].
    pub fn take_counter(&self, first: u64) -> Result<TimeStep, VaultError> {
        let counter = TimeStep(self.next_counter(first)?);
        // Between reading and changing somebody may have taken it.
        self.change(counter, |spent| {
            let counter = following(spent, first);
            spent.insert(counter);
            TimeStep(counter)
        })
    }

    /// The counter that [`Ledger::take_counter`] would give.
    ///
    /// # Errors
    /// If the ledger cannot be read, then `File` or `Damaged`.
    pub fn next_counter(&self, first: u64) -> Result<u64, VaultError> {
        Ok(following(&self.read()?.spent, first))
    }

    /// Notes a pair of consecutive codes that AWS took, by its later step: it takes no pair any more that is not newer.
    ///
    /// # Errors
    /// As [`Ledger::take`].
    pub fn note_pair(&self, later: TimeStep) -> Result<(), VaultError> {
        let _lock = self.lock()?;
        self.write(&Stored { last_pair: Some(later.0), ..self.read()? })
    }

    /// The later step of the last pair that was noted.
    ///
    /// # Errors
    /// If the ledger cannot be read, then `File` or `Damaged`.
    pub fn last_pair(&self) -> Result<Option<TimeStep>, VaultError> {
        Ok(self.read()?.last_pair.map(TimeStep))
    }

    /// Spends the given steps, whether they were spent before or not: their codes are shown to somebody. Says whether
    /// one of them was spent before.
    ///
    /// # Errors
    /// As [`Ledger::take`].
    pub fn spend(&self, steps: &[TimeStep]) -> Result<bool, VaultError> {
        let Some(last) = steps.last() else { return Ok(false) };
        self.change(*last, |spent| steps.iter().filter(|step| !spent.insert(step.0)).count() > 0)
    }

    fn lock(&self) -> Result<FileLock, VaultError> {
        Ok(self.folder.lock(&format!("{}.lock", self.file))?)
    }

    /// Changes the spent steps under the lock; of too many, those farthest from `current` go.
    fn change<T>(&self, current: TimeStep, change: impl FnOnce(&mut BTreeSet<u64>) -> T) -> Result<T, VaultError> {
        let _lock = self.lock()?;
        let mut stored = self.read()?;
        let spent = &mut stored.spent;
        let before = spent.len();
        let result = change(spent);
        if spent.len() != before {
            // From both ends: after a clock that ran ahead was set right, the smallest are the ones that count.
            while spent.len() > KEPT {
                let distance = |step: Option<&u64>| step.map_or(0, |step| step.abs_diff(current.0));
                match distance(spent.first()) >= distance(spent.last()) {
                    true => spent.pop_first(),
                    false => spent.pop_last(),
                };
            }
            self.write(&stored)?;
        }
        Ok(result)
    }

    fn write(&self, stored: &Stored) -> Result<(), VaultError> {
        let bytes = serde_json::to_vec(stored).expect("invariant: the ledger has text keys only");
        Ok(self.folder.write(&self.file, &bytes)?)
    }

    fn read(&self) -> Result<Stored, VaultError> {
        let Some(bytes) = self.folder.read(&self.file)? else {
            let device = self.identity.clone();
            return Ok(Stored { version: VERSION, device, spent: BTreeSet::new(), last_pair: None });
        };
        let damaged =
            |reason: String| VaultError::Damaged { what: Part::Ledger(self.folder.path().join(&self.file)), reason };
        let stored: Stored = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if stored.version != VERSION || stored.device != self.identity {
            return Err(damaged("it is of another version or device".to_owned()));
        }
        Ok(stored)
    }
}

fn following(spent: &BTreeSet<u64>, first: u64) -> u64 {
    spent.last().map_or(first, |last| first.max(last.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, time::Duration};

    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_795_294_080;
    const DEVICE: &str = "arn:aws:iam::111122223333:mfa/alice";

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn step(distance: i64) -> TimeStep {
        TimeStep((NOW / 30).strict_add_signed(distance))
    }

    fn take(ledger: &Ledger<'_>, seconds: u64) -> Taken {
        ledger.take(CodeSettings::AWS, at(seconds)).expect("a ledger")
    }

    fn folder() -> (tempfile::TempDir, PrivateFolder) {
        let place = tempfile::tempdir().expect("a folder");
        let folder = PrivateFolder::open(&place.path().join("state")).expect("private");
        (place, folder)
    }

    #[test]
    fn a_step_is_taken_once_the_current_one_first_and_then_there_is_a_wait() {
        let (_place, folder) = folder();
        let taken = || take(&Ledger::new(&folder, DEVICE), NOW + 10);
        assert_eq!([taken(), taken(), taken()], [0, -1, 1].map(|distance| Taken::Step(step(distance))));
        assert_eq!(taken(), Taken::NotBefore(at(NOW + 30)));
        assert_eq!(take(&Ledger::new(&folder, DEVICE), NOW + 30), Taken::Step(step(2)));
        assert_eq!(take(&Ledger::new(&folder, "another"), NOW + 30), Taken::Step(step(1)));
    }

    #[test]
    fn what_was_shown_is_spent_once_or_twice_alike() {
        let (_place, folder) = folder();
        let ledger = Ledger::new(&folder, DEVICE);
        let spend = |steps: &[TimeStep]| ledger.spend(steps).expect("spent");
        assert!(!spend(&[step(-1), step(0)]) && spend(&[step(-1), step(0)]) && !spend(&[]));
        assert!(spend(&[step(0), step(2)]) && !spend(&[step(3)]));
        assert_eq!(take(&ledger, NOW), Taken::Step(step(1)));
    }

    #[test]
    fn of_those_who_show_a_step_at_once_one_is_the_first() {
        let (_place, folder) = folder();
        let show = || Ledger::new(&folder, DEVICE).spend(&[step(0)]).expect("spent");
        let firsts = std::thread::scope(|scope| {
            let shown: Vec<_> = (0..8).map(|_| scope.spawn(show)).collect();
            shown.into_iter().map(|shown| shown.join().expect("an answer")).filter(|before| !before).count()
        });
        assert_eq!(firsts, 1);
    }

    #[test]
    fn steps_of_a_clock_that_ran_ahead_do_not_push_out_those_of_now() {
        let (_place, folder) = folder();
        let ledger = Ledger::new(&folder, DEVICE);
        for index in 0..2 * KEPT as u64 {
            take(&ledger, NOW + 86_400 + 30 * index);
        }
        assert_eq!([take(&ledger, NOW), take(&ledger, NOW)], [Taken::Step(step(0)), Taken::Step(step(-1))]);
        for index in 0..2 * KEPT as u64 {
            take(&ledger, NOW - 86_400 - 30 * index);
        }
        assert_eq!([take(&ledger, NOW), take(&ledger, NOW)], [Taken::Step(step(0)), Taken::Step(step(-1))]);
        assert!(ledger.read().expect("a ledger").spent.len() <= KEPT);
    }

    #[test]
    fn a_ledger_that_cannot_be_read_gives_nothing_and_is_left_as_it_is() {
        let (_place, folder) = folder();
        let ledger = Ledger::new(&folder, DEVICE);
        let other = r#"{"version": 1, "device": "another", "spent": []}"#;
        let later = r#"{"version": 2, "device": "arn:aws:iam::111122223333:mfa/alice", "spent": []}"#;
        for content in ["", "{}", "[1]", other, later] {
            folder.write(&ledger.file, content.as_bytes()).expect("written");
            assert!(matches!(ledger.take(CodeSettings::AWS, at(NOW)), Err(VaultError::Damaged { .. })), "{content}");
            assert!(matches!(ledger.spend(&[step(0)]), Err(VaultError::Damaged { .. })), "{content}");
            assert_eq!(folder.read(&ledger.file).expect("read"), Some(content.as_bytes().to_vec()));
        }
    }

    #[test]
    fn before_1970_there_is_a_step_and_an_end_to_the_wait() {
        let (_place, folder) = folder();
        let ledger = Ledger::new(&folder, DEVICE);
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1000);
        let taken: Vec<_> = (0..3).map(|_| ledger.take(CodeSettings::AWS, before).expect("a ledger")).collect();
        assert_eq!(taken, [Taken::Step(TimeStep(0)), Taken::Step(TimeStep(1)), Taken::NotBefore(at(30))]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn however_the_clock_jumps_no_step_is_taken_twice_and_no_wait_is_longer_than_a_step(
            jumps in prop::collection::vec(prop_oneof![4 => 0_i64..40, 1 => -100_000_i64..100_000], 1..KEPT)
        ) {
            let (_place, folder) = folder();
            let ledger = Ledger::new(&folder, DEVICE);
            let (mut now, mut seen) = (NOW, HashSet::new());
            for jump in jumps {
                now = now.strict_add_signed(jump);
                match take(&ledger, now) {
                    Taken::Step(step) => {
                        prop_assert!(seen.insert(step));
                        prop_assert!(step.0.abs_diff(now / 30) <= 1);
                    }
                    Taken::NotBefore(time) => prop_assert!(time > at(now) && time <= at(now + 30)),
                }
            }
        }
    }
}
