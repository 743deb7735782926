//! `mfavault`: see `lib.rs` for where everything is.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfavault::cli::main()
}
