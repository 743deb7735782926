//! The commands, in process: what they answer, what they ask of AWS, what they leave behind, and what they refuse.

mod backup;
mod codes;
mod consent;
mod counters;
mod denials;
mod devices;
mod enable;
mod enable_crashes;
mod import;
mod import_of_exports;
mod keys;
mod lifecycle;
mod login;
mod serve;
mod sessions;
mod setup;
mod sign_in;
mod single_flight;
mod sources;
