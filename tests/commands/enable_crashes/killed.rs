//! The real program, killed by strace at every call by which something outside it changes, or refused that call.

use super::{Enrolment, RITUALS};
use crate::support::{
    crashes::{OnDisk, killed_anywhere, refused_anywhere},
    disk::Disk,
};

impl OnDisk for Enrolment {
    fn disk(self) -> Disk {
        match self {
            Enrolment::First => Disk::new(),
            Enrolment::Further => Disk::with_device(),
            Enrolment::ForAnother => Disk::with_key("main", "admin"),
        }
    }

    fn words(self) -> Vec<&'static str> {
        ["mfa", "enable", "main"].into_iter().chain(self.options().iter().copied()).collect()
    }

    /// The others are like the first but for their beginning.
    fn every(self) -> usize {
        if self == Enrolment::First { 1 } else { 8 }
    }
}

#[test]
fn a_run_that_is_killed_at_any_call_of_the_system_is_finished_by_the_next() {
    let Some(killed) = killed_anywhere(&RITUALS) else { return };
    assert!(killed > 80, "{killed} runs were killed");
}

#[test]
fn a_run_that_the_disk_refuses_anything_is_finished_by_the_next() {
    let Some(refused) = refused_anywhere(&RITUALS) else { return };
    assert!(refused > 25, "{refused} runs failed");
}
