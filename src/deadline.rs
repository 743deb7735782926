//! Work that may hang in somebody else's library, on a thread of its own, and waited for only so long.

use std::{sync::mpsc, thread, time::Duration};

use thiserror::Error;

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoResult {
    /// The time was over first.
    #[error("it did not answer within {} s", .0.as_secs())]
    Overdue(Duration),
    /// The work ended without one.
    #[error("the library that speaks to it failed")]
    Failed,
    /// The system gave no thread.
    #[error("no thread to ask it from: {0}")]
    NoThread(String),
}

/// Does the work and waits for it that long. What is overdue is given up, not undone.
///
/// # Errors
/// As [`NoResult`] says.
pub fn within<T: Send + 'static>(time: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, NoResult> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name("deadline".to_owned()).spawn(move || {
        // Nobody listens any more when the answer is overdue.
        let _ = sender.send(work());
    });
    spawned.map_err(|error| NoResult::NoThread(error.to_string()))?;
    receiver.recv_timeout(time).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => NoResult::Overdue(time),
        mpsc::RecvTimeoutError::Disconnected => NoResult::Failed,
    })
}
