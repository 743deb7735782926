//! `settings show`: every setting, its value, and who said so; with the variables that are settings in spirit.

use serde_json::{Value, json};

use super::{
    keystores::{Origin, Wishes},
    narrow, render,
};
use crate::{
    commands::Error,
    environment::Environment,
    keystore::KdfCost,
    settings::{Line, PassphraseFrom, SessionPlace, Settings},
    visible::shell_word,
};

/// One setting.
struct Row {
    name: &'static str,
    value: Value,
    origin: String,
}

/// Prints each setting, its value, and who said so. Opens no keystore.
pub(super) fn show(wishes: &Wishes, environment: &Environment, as_json: bool) -> Result<(), Error> {
    let settings = &wishes.settings;
    let mut rows = Vec::new();
    for (name, of_seeds) in [("keystore", false), ("seed_keystore", true)] {
        let (value, origin) = wishes.effective(environment, of_seeds)?;
        rows.push(Row { name, value: value.into(), origin: origin.to_string() });
    }
    rows.extend(of_file(settings));
    rows.extend(of_environment(environment));
    print(&rows, as_json).map_err(|source| Error::Io { action: "write to standard output", source })
}

fn of_file(settings: &Settings) -> Vec<Row> {
    let cost = KdfCost::default();
    let unlock_for = settings.unlock_for.map(|line| Line { value: in_units(line.value.as_secs()), line: line.line });
    vec![
        row(settings, "session_keystore", settings.session_keystore.map(text_of_place), "keys"),
        row(settings, "secret_service_collection", settings.secret_service_collection.clone(), Value::Null),
        row(settings, "helper", settings.helper.clone(), Value::Null),
        row(settings, "passphrase_from", settings.passphrase_from.map(text_of_source), "terminal"),
        row(settings, "kdf_memory_mib", settings.kdf_memory_mib, cost.memory_kib / 1024),
        row(settings, "kdf_passes", settings.kdf_passes, cost.passes),
        row(settings, "unlock_for", unlock_for, in_units(super::passphrase::UNLOCK_FOR.as_secs())),
    ]
}

fn row<T: Into<Value>>(settings: &Settings, name: &'static str, line: Option<Line<T>>, usual: impl Into<Value>) -> Row {
    match line {
        Some(Line { value, line }) => {
            Row { name, value: value.into(), origin: Origin::Settings(settings.path.clone(), line).to_string() }
        }
        None => Row { name, value: usual.into(), origin: Origin::Default.to_string() },
    }
}

fn text_of_place(line: Line<SessionPlace>) -> Line<&'static str> {
    let value = match line.value {
        SessionPlace::Keys => "keys",
        SessionPlace::Kernel => "kernel",
    };
    Line { value, line: line.line }
}

fn text_of_source(line: Line<PassphraseFrom>) -> Line<&'static str> {
    let value = match line.value {
        PassphraseFrom::Terminal => "terminal",
        PassphraseFrom::Os => "os",
    };
    Line { value, line: line.line }
}

/// `8h`, `1h30m`: as the settings take it.
fn in_units(seconds: u64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
    let mut left = seconds;
    let mut text = String::new();
    for (unit, letter) in units {
        if left >= unit {
            text.push_str(&format!("{}{letter}", left / unit));
            left %= unit;
        }
    }
    text
}

/// Of a passphrase, no more than that it is there.
fn of_environment(environment: &Environment) -> Vec<Row> {
    let is_set = |name: &str| {
        let mut variables = environment.inherited.iter();
        variables.any(|(variable, value)| variable == name && !value.is_empty())
    };
    let origin = |name: &'static str, is_given: bool| match (is_set(name), is_given) {
        (true, _) => Origin::Environment(name).to_string(),
        (false, true) => Origin::Option("--no-input").to_string(),
        (false, false) => Origin::Default.to_string(),
    };
    let row = |name, value, is_given| Row { name, value, origin: origin(name, is_given) };
    let log = environment.log.map_or(Value::Null, |level| level.to_string().to_lowercase().into());
    let home = environment.inherited.iter().find(|(name, value)| name == "MFAVAULT_HOME" && !value.is_empty());
    let home = home.map_or(Value::Null, |(_, value)| value.to_string_lossy().into());
    vec![
        row("MFAVAULT_HOME", home, false),
        row("MFAVAULT_PASSPHRASE", environment.passphrase.is_some().into(), false),
        row("MFAVAULT_PASSPHRASE_FILE", environment.passphrase_file.is_some().into(), false),
        row("MFAVAULT_NO_INPUT", environment.no_input.into(), environment.no_input),
        row("MFAVAULT_LOG", log, false),
    ]
}

fn print(rows: &[Row], as_json: bool) -> std::io::Result<()> {
    if as_json {
        let row = |row: &Row| json!({ "name": row.name, "value": row.value, "origin": row.origin });
        return render::print_json(&Value::Array(rows.iter().map(row).collect()));
    }
    let mut table = render::table(&["SETTING", "VALUE", "FROM"]);
    for row in rows {
        render::add_row(&mut table, [row.name, &text_of(row), &row.origin]);
    }
    narrow::print_table(table)
}

fn text_of(row: &Row) -> String {
    match &row.value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).map(shell_word).collect::<Vec<_>>().join(" "),
        Value::Bool(true) if row.name.contains("PASSPHRASE") => "set".to_owned(),
        Value::Bool(false) if row.name.contains("PASSPHRASE") => "not set".to_owned(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::values;

    #[test]
    fn a_time_is_shown_as_the_settings_take_it() {
        for (seconds, text) in [(8 * 3600, "8h"), (5400, "1h30m"), (90_061, "1d1h1m1s")] {
            assert_eq!(in_units(seconds), text);
            assert_eq!(values::time(text).map(|time| time.as_secs()), Ok(seconds));
        }
    }
}
