//! QR codes on the terminal: only where they have room, several one after another, and gone from the screen afterwards.

use std::io::{self, IsTerminal};

use dialoguer::console::{Term, measure_text_width};

use super::render;
use crate::{
    commands::{Context, Error},
    secret::SecretText,
    visible::visible,
};

/// Refuses a QR code that the terminal would break into lines of its own.
pub(super) fn check_room(code: &SecretText) -> Result<(), Error> {
    let needed = code.expose().lines().map(measure_text_width).max().unwrap_or_default();
    let columns = usize::from(Term::stdout().size().1);
    match io::stdout().is_terminal() && needed > columns {
        true => Err(Error::QrTooWide { needed, columns }),
        false => Ok(()),
    }
}

/// Shows QR codes one after another, each only as long as a person needs it; elsewhere than on a terminal, all of them.
pub(super) fn in_turn(context: &Context<'_>, codes: &[(String, SecretText)]) -> Result<io::Result<()>, Error> {
    let on_terminal = io::stdout().is_terminal();
    codes.iter().try_for_each(|(_, code)| check_room(code))?;
    for (number, (title, code)) in codes.iter().enumerate() {
        let title = format!("{} of {}: {}", number + 1, codes.len(), visible(title));
        if !on_terminal {
            let shown = render::print(&format!("{title}\n")).and_then(|()| render::print_secret(code));
            if shown.is_err() {
                return Ok(shown);
            }
            continue;
        }
        let shown = render::print("\x1b[?1049h\x1b[2J\x1b[H")
            .and_then(|()| render::print_secret(code))
            .and_then(|()| render::print(&format!("{title}\n")));
        let next = if number + 1 < codes.len() { "Enter shows the next" } else { "Enter ends it" };
        let answer = shown.map(|()| context.prompt.line(next, "--output FILE.png"));
        // Whatever came of it, the seed goes off the screen.
        let cleared = render::print("\x1b[2J\x1b[H\x1b[?1049l");
        match answer {
            Ok(answer) => drop(answer?),
            Err(error) => return Ok(Err(error)),
        }
        if cleared.is_err() {
            return Ok(cleared);
        }
    }
    Ok(Ok(()))
}
