//! Talk on stderr, which may be closed, a file or a terminal; a stderr that fails is nobody's error.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::visible::visible;

/// Says one line at once.
pub(super) fn say(line: &str) {
    // One write, so that lines of parallel processes do not mix.
    let _ = io::stderr().write_all(format!("{}\n", visible(line)).as_bytes());
}

/// Says one line when the process is about to end, below what a person typed and what is awaited.
pub(super) fn last_words(words: &str) {
    let start = if io::stderr().is_terminal() { "\n" } else { "" };
    let _ = io::stderr().write_all(format!("{start}{}\n", visible(words)).as_bytes());
}

/// Calls `wait`, and meanwhile shows the seconds that are left; elsewhere than on a terminal, says them once.
pub(super) fn countdown(reason: &str, left: Duration, wait: &dyn Fn()) {
    let reason = visible(reason);
    let seconds = move |left: Duration| left.as_millis().div_ceil(1000);
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // Hidden, too, on a terminal that cannot move its cursor (TERM=dumb).
    if !io::stderr().is_terminal() || bar.is_hidden() {
        say(&format!("{reason} ({} s)", seconds(left)));
        return wait();
    }
    let style = ProgressStyle::with_template("{spinner} {msg} ({left} s)")
        .expect("invariant: the template is well-formed")
        .with_key("left", move |state: &ProgressState, text: &mut dyn fmt::Write| {
            let _ = write!(text, "{}", seconds(left.saturating_sub(state.elapsed())));
        });
    let bar = bar.with_style(style).with_message(reason);
    bar.enable_steady_tick(Duration::from_millis(200));
    wait();
    bar.finish_and_clear();
}
