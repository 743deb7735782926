//! The real binary, as a shell, a script and an SDK see it: against the stand-in of AWS, in a cleared environment.

mod world;

mod backups;
mod clipboard;
mod completions;
mod consent;
mod contract;
mod crowd;
mod damage;
mod documents;
mod exec;
mod exports;
mod files;
mod help;
mod json;
mod leaks;
mod login;
mod oathtool;
mod picker;
mod questions;
mod rehearse;
mod ritual;
mod sdk;
mod serve;
mod settings;
mod shell;
mod signals;
mod status;
mod system_keystore;
mod watch;
