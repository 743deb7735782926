//! What tests share: replacements of the world outside.

pub(crate) mod bench;
pub(crate) mod crashes;
#[cfg(target_os = "linux")]
pub(crate) mod disk;
pub(crate) mod manual_clock;
pub(crate) mod memory_keystore;
#[cfg(target_os = "linux")]
pub(crate) mod programs;
pub(crate) mod scripted_prompt;
pub(crate) mod stopwatch;
