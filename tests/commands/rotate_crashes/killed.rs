//! The real program, killed by strace at every call by which something outside it changes, or refused that call.

use super::{RITUALS, Rotation};
use crate::support::{
    crashes::{OnDisk, killed_anywhere, refused_anywhere},
    disk::Disk,
};

impl OnDisk for Rotation {
    fn disk(self) -> Disk {
        match self {
            Rotation::WithMfa => Disk::with_device(),
            Rotation::ByKey => Disk::with_key("main", "admin"),
        }
    }

    fn words(self) -> Vec<&'static str> {
        vec!["rotate", "main"]
    }

    /// With MFA it is like the other but for its beginning.
    fn every(self) -> usize {
        if self == Rotation::ByKey { 1 } else { 6 }
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
    assert!(refused > 20, "{refused} runs failed");
}
