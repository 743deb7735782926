//! A choice out of many, narrowed down while a person types: by `dialoguer`, drawn on stderr.
//!
//! `dialoguer` hides the cursor meanwhile and lets Ctrl-C end the process, so signals are seen to here.

use std::io::{ErrorKind, IsTerminal};

use dialoguer::{
    FuzzySelect,
    console::{Term, measure_text_width, set_colors_enabled_stderr, truncate_str},
    theme::{ColorfulTheme, SimpleTheme, Theme},
};

use super::{PromptError, signals::EndSignals};
use crate::visible::visible;

/// How many are shown at once.
const ROWS: usize = 12;
/// What stands before each.
const MARGIN: usize = 4;

/// Whether a choice can be shown and made: stdin and stderr are a terminal that can move its cursor.
pub fn can_choose(terminal: Option<&str>) -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && terminal.is_some_and(|name| name != "dumb")
}

/// Asks for one of the options, the first one marked; gives its place in the list.
///
/// # Errors
/// If the person presses Esc or Ctrl-C, then `Interrupted`; if the terminal fails, then `Io`. SIGTERM, SIGHUP and SIGQUIT
/// end the process as ever, with the terminal as it was before.
pub(super) fn choose(
    question: &str,
    options: &[String],
    coloured: bool,
    signals: &EndSignals,
) -> Result<usize, PromptError> {
    let terminal = Term::stderr();
    let labels = labels(options, usize::from(terminal.size().1).saturating_sub(MARGIN));
    set_colors_enabled_stderr(coloured);
    let theme: &dyn Theme = if coloured { &ColorfulTheme::default() } else { &SimpleTheme };
    let menu = FuzzySelect::with_theme(theme).with_prompt(visible(question)).items(labels).default(0).max_length(ROWS);
    let held = signals.hold()?;
    let answer = menu.interact_on_opt(&terminal);
    if !matches!(answer, Ok(Some(_))) {
        // On an error it leaves the cursor hidden and its lines on the screen.
        let _ = terminal.show_cursor();
    }
    held.end();
    match answer {
        Ok(Some(place)) => Ok(place),
        Ok(None) => Err(PromptError::Interrupted),
        Err(dialoguer::Error::IO(error)) if error.kind() == ErrorKind::Interrupted => {
            let _ = terminal.write_line("");
            Err(PromptError::Interrupted)
        }
        Err(dialoguer::Error::IO(error)) => Err(PromptError::Io(error)),
    }
}

/// The options as they fit into a line; a longer one is cut only where that leaves it different from all others.
fn labels(options: &[String], width: usize) -> Vec<String> {
    let mut labels: Vec<String> = Vec::with_capacity(options.len());
    for option in options.iter().map(|option| visible(option)) {
        let cut = truncate_str(&option, width.max(8), "…").into_owned();
        let is_taken = |label: &String| labels.contains(label) || options.contains(label);
        let fits = measure_text_width(&option) <= width;
        labels.push(if fits || is_taken(&cut) { option } else { cut });
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_shown_as_it_fits_and_never_for_another() {
        let options = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(labels(&options(&["prod", "a\u{1b}[2Jb"]), 20), ["prod", "a[2Jb"]);
        let long = options(&["abcdefghijkl", "abcdefghixyz", "short"]);
        assert_eq!(labels(&long, 10), ["abcdefghi…", "abcdefghixyz", "short"]);
        assert_eq!(labels(&options(&["日本日本日本日本"]), 9), ["日本日本…"]);
    }
}
