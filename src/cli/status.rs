//! `status` as a person or a shell prompt sees it: a table with bars, JSON, one short line.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    time::{Duration, SystemTime},
};

use dialoguer::console::{Term, measure_text_width};
use serde_json::{Value, json};

use super::{args::ColorChoice, render};
use crate::{
    clock::{Clock, SystemClock},
    commands::{
        Error,
        status::{Known, SessionRow},
    },
    environment::{Environment, wants_no_colour},
    profile::ProfileName,
    rfc3339,
    vault::SessionKind,
    visible::visible,
};

/// What a session is taken to last in all if nobody knows: the most that a role does.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// How wide a bar is, in characters.
const BAR: usize = 12;
/// From here on a person should think of renewing it.
const SOON: Duration = Duration::from_secs(10 * 60);

/// The line for a shell's prompt: which credentials this shell holds and for how long; nothing if it holds none of ours.
/// Reads the environment and no file.
pub(super) fn short(environment: &Environment) -> Result<ExitCode, Error> {
    if let Some(line) = short_line(environment, SystemClock.now()) {
        render::print(&line).map_err(|source| Error::Io { action: "write to standard output", source })?;
    }
    Ok(ExitCode::SUCCESS)
}

fn short_line(environment: &Environment, now: SystemTime) -> Option<String> {
    let profile = visible(environment.current_profile.as_ref()?.as_str());
    Some(match environment.credential_expiration {
        Some(expiration) if expiration <= now => format!("{profile} expired\n"),
        Some(expiration) => format!("{profile} {}\n", render::time_left(expiration, now)),
        None => format!("{profile}\n"),
    })
}

pub(super) fn sessions(rows: &[SessionRow], as_json: bool, colour: ColorChoice, now: SystemTime) -> io::Result<()> {
    if as_json {
        return render::print_json(&Value::Array(rows.iter().map(|row| row_json(row, now)).collect()));
    }
    let mut table = render::table(&["PROFILE", "CALL", "MFA", "LEFT"]);
    for row in rows {
        let mfa = match &row.known {
            Some(Known { mfa: true, .. }) => "yes",
            Some(Known { kind: SessionKind::GetSessionToken, .. }) => "no",
            // A role's has none for policies, however it was got; of others nobody knows.
            Some(_) | None => "-",
        };
        let left = match row.expiration {
            Some(expiration) if expiration <= now => "expired".to_owned(),
            Some(expiration) => render::time_left(expiration, now),
            None => "no end".to_owned(),
        };
        render::add_row(&mut table, [&profile(row), &call(row), mfa, &left]);
    }
    let mut lines = render::table_lines(table).into_iter();
    let mut text = lines.next().map(|header| header.trim_end().to_owned() + "\n").unwrap_or_default();
    let place = Place::here(colour);
    for (line, row) in lines.zip(rows) {
        let bar = place.bar(&line, row, now);
        text.push_str(&format!("{}\n", format!("{line}{bar}").trim_end()));
    }
    render::print(&text)
}

fn profile(row: &SessionRow) -> String {
    if row.in_this_shell { format!("{} (this shell)", row.profile) } else { row.profile.to_string() }
}

fn call(row: &SessionRow) -> String {
    let Some(known) = &row.known else { return "-".to_owned() };
    if known.for_roles { format!("{}, for roles only", known.kind.as_str()) } else { known.kind.as_str().to_owned() }
}

fn row_json(row: &SessionRow, now: SystemTime) -> Value {
    let known = row.known.as_ref();
    let left = row.expiration.map(|expiration| expiration.duration_since(now).unwrap_or_default());
    json!({
        "profile": row.profile.as_str(),
        "source_profile": known.map(|known| ProfileName::as_str(&known.source)),
        "kind": known.map(|known| known.kind.as_str()),
        "mfa": known.map(|known| known.mfa),
        "expiration": row.expiration.map(rfc3339::format),
        "seconds_left": left.map(|left| left.as_secs()),
        "in_this_shell": row.in_this_shell,
        "leaves_vault": known.is_none_or(|known| !known.for_roles),
    })
}

/// Where the table goes.
struct Place {
    /// How wide the terminal is, if it is one: elsewhere are no bars.
    columns: Option<usize>,
    coloured: bool,
}

impl Place {
    fn here(colour: ColorChoice) -> Self {
        let terminal = io::stdout().is_terminal();
        let coloured = match colour {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => !wants_no_colour(),
        };
        Place { columns: terminal.then(|| usize::from(Term::stdout().size().1)), coloured }
    }

    /// The part of its time that a session still has; nothing where there is no room.
    fn bar(&self, line: &str, row: &SessionRow, now: SystemTime) -> String {
        let room = self.columns.is_some_and(|columns| measure_text_width(line) + BAR <= columns);
        let (true, Some(expiration)) = (room, row.expiration) else { return String::new() };
        let left = expiration.duration_since(now).unwrap_or_default();
        let length = row.known.as_ref().and_then(|known| known.length).unwrap_or(LONGEST).max(left);
        let part = if length.is_zero() { 0.0 } else { left.as_secs_f64() / length.as_secs_f64() };
        // Something is left until nothing is.
        let full = ((part * BAR as f64).round() as usize).clamp(usize::from(!left.is_zero()), BAR);
        let bar = "█".repeat(full) + &"░".repeat(BAR - full);
        match self.coloured {
            true => format!("\u{1b}[{}m{bar}\u{1b}[0m", if left < SOON { 33 } else { 32 }),
            false => bar,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::vault::SessionKind;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let variables = pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
        Environment::from_variables(variables, Some("/home/u".into())).expect("an environment")
    }

    #[test]
    fn the_short_line_is_for_shells_with_credentials_of_ours_only() {
        let (profile, end) = (("MFAVAULT_PROFILE", "prod"), "AWS_CREDENTIAL_EXPIRATION");
        for (pairs, expected) in [
            (vec![], None),
            (vec![(end, "1970-01-01T01:00:00Z"), ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")], None),
            (vec![profile], Some("prod\n")),
            (vec![profile, (end, "1970-01-01T00:47:30Z")], Some("prod 47m\n")),
            (vec![profile, (end, "1970-01-01T02:05:00Z")], Some("prod 2h 05m\n")),
            (vec![profile, (end, "1970-01-01T00:00:00Z")], Some("prod expired\n")),
            (vec![profile, (end, "soon")], Some("prod\n")),
        ] {
            assert_eq!(short_line(&environment(&pairs), at(0)).as_deref(), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_bar_shows_the_part_that_is_left_and_only_where_it_has_room() {
        let row = |left, length: Option<u64>| SessionRow {
            profile: ProfileName::default(),
            in_this_shell: false,
            known: Some(Known {
                source: ProfileName::default(),
                kind: SessionKind::AssumeRole,
                mfa: false,
                for_roles: false,
                length: length.map(Duration::from_secs),
            }),
            expiration: Some(at(left)),
        };
        let wide = Place { columns: Some(80), coloured: false };
        for (left, length, full) in
            [(3600, Some(3600), 12), (1800, Some(3600), 6), (1, Some(3600), 1), (0, Some(3600), 0), (6 * 3600, None, 6)]
        {
            let bar = wide.bar("x", &row(left, length), at(0));
            assert_eq!((bar.chars().filter(|c| *c == '█').count(), bar.chars().count()), (full, BAR), "{left}");
        }
        let full = || row(3600, Some(3600));
        for columns in [None, Some(12)] {
            assert_eq!(Place { columns, coloured: true }.bar("x", &full(), at(0)), "");
        }
        assert!(Place { columns: Some(80), coloured: true }.bar("x", &full(), at(0)).starts_with("\u{1b}[32m█"));
    }
}
