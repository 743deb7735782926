//! `-v`, `-vv` and `MFAVAULT_LOG`: our own log lines on stderr. Those of libraries never get out: they may hold headers.

use std::io::Write;

use log::{LevelFilter, Log, Metadata, Record};

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("mfavault")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let level = record.level().as_str().to_ascii_lowercase();
            // A stderr that is gone is no reason to fail.
            let _ = writeln!(std::io::stderr(), "{level}: {}", record.args());
        }
    }

    fn flush(&self) {}
}

/// Begins to log: once for `-v` from `debug` on, twice for all; the variable's level if it says more.
pub(super) fn start(verbose: u8, variable: Option<LevelFilter>) {
    let flag = match verbose {
        0 => LevelFilter::Off,
        1 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    // Only the first call in a process can set the logger; there is only one.
    let _ = log::set_logger(&Stderr);
    log::set_max_level(variable.unwrap_or(LevelFilter::Off).max(flag));
}
