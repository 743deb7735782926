//! Outcomes as a person or a script sees them: tables, lines, JSON. Of commands, all that goes to stdout goes out here.
//!
//! Names come from files, backups and servers: in what is for people they are shown without unseen characters, in JSON
//! these are escaped.

use std::{
    io::{self, Write},
    time::{Duration, SystemTime},
};

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::args::CodesFormat;
use crate::{
    commands::{
        backup::{Compared, Standing, verify::Comparison},
        mfa::remote::{RemoteRow, Whereabouts},
        whoami::Whoami,
    },
    mfa::{AuthenticationCode, SerialNumber, TimeStep},
    profile::ProfileName,
    rfc3339,
    secret::SecretText,
    vault::DeviceEntry,
    visible::{is_unseen, visible},
};

/// Writes text to stdout; a reader that went away is no error.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a secret as a line.
pub(super) fn print_secret(text: &SecretText) -> io::Result<()> {
    print(text.expose())?;
    if text.expose().ends_with('\n') { Ok(()) } else { print("\n") }
}

pub(super) fn print_json(value: &Value) -> io::Result<()> {
    print(&format!("{}\n", escaped(&format!("{value:#}"))))
}

/// JSON of the same value, for a terminal: what serde_json leaves unescaped can steer or deceive, too.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            // Only between values: within them it is escaped already.
            '\n' => escaped.push('\n'),
            _ if is_unseen(character) => {
                character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}")));
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Lines for a person.
pub(super) fn print_lines(lines: &str) -> io::Result<()> {
    print(&lines.lines().map(|line| visible(line) + "\n").collect::<String>())
}

pub(super) fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headers.to_vec());
    table
}

/// Adds a row, each cell as it can be shown: one with a line break would look like another row.
pub(super) fn add_row<T: AsRef<str>>(table: &mut Table, cells: impl IntoIterator<Item = T>) {
    table.add_row(cells.into_iter().map(|cell| visible(cell.as_ref())));
}

/// The lines as they are laid out, each as wide as the others.
pub(super) fn table_lines(mut table: Table) -> Vec<String> {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().collect()
}

pub(super) fn print_table(table: Table) -> io::Result<()> {
    print(&table_lines(table).iter().map(|line| line.trim_end().to_owned() + "\n").collect::<String>())
}

/// How long still.
pub(super) fn time_left(until: SystemTime, now: SystemTime) -> String {
    duration(until.duration_since(now).unwrap_or_default())
}

/// `1h 05m`, `4m`, `30s`.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

pub(super) fn devices(devices: &[(String, DeviceEntry)], as_json: bool) -> io::Result<()> {
    if as_json {
        return print_json(&Value::Array(devices.iter().map(|(name, entry)| device_json(name, entry)).collect()));
    }
    // The serial number comes last: it is the longest, and the others stay where the eye looks for them.
    let mut headings = vec!["NAME", "PROFILE", "STATE", "SERIAL NUMBER"];
    let several_keystores = devices.windows(2).any(|pair| pair[0].1.keystore != pair[1].1.keystore);
    if several_keystores {
        headings.insert(3, "KEYSTORE");
    }
    let mut table = table(&headings);
    for (name, entry) in devices {
        let serial = entry.serial_number.as_ref().map_or("-", SerialNumber::as_str);
        let profile = entry.profile.as_ref().map_or("-", ProfileName::as_str);
        let states = states(entry);
        let mut row = vec![name.as_str(), profile, &states, serial];
        if several_keystores {
            row.insert(3, &entry.keystore);
        }
        add_row(&mut table, row);
    }
    print_table(table)
}

pub(super) fn remote_devices(rows: &[RemoteRow], as_json: bool) -> io::Result<()> {
    let word = |whereabouts| match whereabouts {
        Whereabouts::Held => "held",
        Whereabouts::MissingHere => "missing_here",
        Whereabouts::MissingThere => "missing_there",
        Whereabouts::Unassigned => "unassigned",
        Whereabouts::Orphan => "orphan",
        Whereabouts::NotAsked => "not_asked",
    };
    if as_json {
        let row = |row: &RemoteRow| {
            json!({
                "name": row.name,
                "serial_number": row.serial_number.as_ref().map(SerialNumber::as_str),
                "profile": row.profile.as_ref().map(ProfileName::as_str),
                "whereabouts": word(row.whereabouts),
            })
        };
        return print_json(&Value::Array(rows.iter().map(row).collect()));
    }
    let mut table = table(&["NAME", "PROFILE", "WHEREABOUTS", "SERIAL NUMBER"]);
    for row in rows {
        add_row(
            &mut table,
            [
                row.name.as_deref().unwrap_or("-"),
                row.profile.as_ref().map_or("-", ProfileName::as_str),
                &word(row.whereabouts).replace('_', " "),
                row.serial_number.as_ref().map_or("-", SerialNumber::as_str),
            ],
        );
    }
    print_table(table)
}

pub(super) fn device(name: &str, entry: &DeviceEntry, as_json: bool) -> io::Result<()> {
    if as_json {
        return print_json(&device_json(name, entry));
    }
    let mut lines = vec![("name", name.to_owned())];
    lines.push(("serial number", entry.serial_number.as_ref().map_or("-".to_owned(), ToString::to_string)));
    lines.push(("profile", entry.profile.as_ref().map_or("-".to_owned(), ToString::to_string)));
    lines.push(("issuer", entry.issuer.clone().unwrap_or("-".to_owned())));
    lines.push(("account", entry.account.clone()));
    let codes = match (entry.fits_aws, entry.counter_based) {
        (true, _) => "as AWS takes them",
        (false, true) => "counted, not made of the time: not of the kind AWS takes",
        (false, false) => "not of the kind AWS takes",
    };
    lines.push(("codes", codes.to_owned()));
    lines.push(("asks", if entry.asks { "a person, before a code is made" } else { "nobody" }.to_owned()));
    if entry.deactivated {
        lines.push(("at AWS", "deactivated: demanded of nobody".to_owned()));
    }
    lines.push(("backed up", entry.backed_up.map_or("never".to_owned(), rfc3339::format)));
    lines.push(("keystore", entry.keystore.clone()));
    lines.push(("seed from", format!("{}, {}", entry.provenance, rfc3339::format(entry.added))));
    print(&lines.iter().map(|(name, value)| format!("{name:<15}{}\n", visible(value))).collect::<String>())
}

/// What is not as it is with most devices, a word each.
fn states(entry: &DeviceEntry) -> String {
    let states = [
        (entry.deactivated, "deactivated"),
        (entry.asks, "asks"),
        (entry.counter_based, "counted"),
        (entry.backed_up.is_none() && !entry.deactivated, "no backup"),
    ];
    let words: Vec<&str> = states.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

fn device_json(name: &str, entry: &DeviceEntry) -> Value {
    json!({
        "name": name,
        "serial_number": entry.serial_number.as_ref().map(SerialNumber::as_str),
        "profile": entry.profile.as_ref().map(ProfileName::as_str),
        "issuer": entry.issuer,
        "account": entry.account,
        "fits_aws": entry.fits_aws,
        "keystore": entry.keystore,
        "provenance": entry.provenance,
        "added": rfc3339::format(entry.added),
        "deactivated": entry.deactivated,
        "asks": entry.asks,
        "counter_based": entry.counter_based,
        "backed_up": entry.backed_up.map(rfc3339::format),
    })
}

pub(super) fn code(
    name: &str,
    serial_number: Option<&SerialNumber>,
    code: &AuthenticationCode,
    valid_until: Option<SystemTime>,
    counter: Option<u64>,
    as_json: bool,
) -> io::Result<()> {
    if !as_json {
        return print(&format!("{}\n", code.expose()));
    }
    print_json(&json!({
        "name": name,
        "serial_number": serial_number.map(SerialNumber::as_str),
        "code": code.expose(),
        "valid_until": valid_until.map(rfc3339::format),
        "counter": counter,
    }))
}

pub(super) fn consecutive_codes(
    name: &str,
    serial_number: Option<&SerialNumber>,
    codes: &[(TimeStep, AuthenticationCode); 2],
    valid_until: SystemTime,
    format: Option<CodesFormat>,
) -> io::Result<()> {
    let [(first_step, first), (second_step, second)] = codes;
    match format {
        Some(CodesFormat::Lines) => print(&format!("{}\n{}\n", first.expose(), second.expose())),
        Some(CodesFormat::Cli) => {
            print(&format!("--authentication-code-1 {} --authentication-code-2 {}\n", first.expose(), second.expose()))
        }
        None => print_json(&json!({
            "name": name,
            "serial_number": serial_number.map(SerialNumber::as_str),
            "codes": [
                {"time_step": first_step.0, "code": first.expose()},
                {"time_step": second_step.0, "code": second.expose()},
            ],
            "valid_until": rfc3339::format(valid_until),
        })),
    }
}

pub(super) fn whoami(whoami: &Whoami, as_json: bool, now: SystemTime) -> io::Result<()> {
    let identity = &whoami.identity;
    if as_json {
        return print_json(&json!({
            "account_id": identity.account_id,
            "arn": identity.arn.to_string(),
            "user_id": identity.user_id,
            "mfa_present": whoami.mfa_present,
            "expiration": whoami.expiration.map(rfc3339::format),
        }));
    }
    let left = whoami.expiration.map_or("no end".to_owned(), |expiration| time_left(expiration, now));
    let mfa = match whoami.mfa_present {
        Some(true) => "present",
        Some(false) => "not present",
        None => "not known: another tool gave these credentials",
    };
    print_lines(&format!(
        "account   {}\narn       {}\nMFA       {mfa}\ntime left {left}\n",
        identity.account_id, identity.arn
    ))
}

pub(super) fn comparison(comparison: &Comparison, as_json: bool) -> io::Result<()> {
    let word = |standing| match standing {
        Standing::Same => "same",
        Standing::OnlyInBackup => "missing_in_vault",
        Standing::OnlyInVault => "missing_in_backup",
        Standing::Different => "different",
    };
    if as_json {
        let line = |line: &Compared| {
            json!({
                "kind": line.kind,
                "name": line.name,
                "serial_number": line.serial_number,
                "standing": word(line.standing),
                "held_as": line.held_as,
                "codes_since": line.codes_since,
            })
        };
        return print_json(&json!({
            "generation": comparison.backup.generation,
            "created": rfc3339::format(comparison.backup.created),
            "same": comparison.is_alike(),
            "records": comparison.compared.iter().map(line).collect::<Vec<Value>>(),
        }));
    }
    let mut table = table(&["NAME", "KIND", "STANDING"]);
    for line in &comparison.compared {
        add_row(&mut table, [line.name.as_str(), line.kind, &word(line.standing).replace('_', " ")]);
    }
    print_table(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_for_a_terminal_is_harmless_and_says_the_same() {
        let value = json!({"a\u{202e}b": ["\u{1b}[2J\n", "\u{9b}2J\u{7f}", "\u{e0041}", "Jürgen"]});
        let text = escaped(&format!("{value:#}"));
        assert!(text.chars().all(|character| character == '\n' || !is_unseen(character)), "{text:?}");
        assert!(text.contains("Jürgen"));
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
    }

    #[test]
    fn a_name_makes_no_row_of_its_own() {
        let mut table = table(&["NAME", "KIND"]);
        add_row(&mut table, ["a\nb\u{1b}[2J\u{202e}c", "device"]);
        assert_eq!(table.lines().count(), 2);
        assert!(table.lines().all(|line| !line.chars().any(is_unseen)));
    }
}
