//! The commands, in process: what they answer, what they ask of AWS, what they leave behind, and what they refuse.

mod backup;
mod codes;
mod devices;
mod enable;
mod enable_crashes;
mod import;
mod keys;
mod sessions;
mod setup;
mod single_flight;
