//! `list`: profiles with their keys, devices and sessions, as a table or JSON.

use std::{io, time::SystemTime};

use serde_json::{Value, json};

use super::render::{add_row, duration, print_json, print_table, table, time_left};
use crate::{
    commands::list::{LiveSession, ProfileRow},
    mfa::SerialNumber,
    rfc3339,
};

pub(super) fn profiles(rows: &[ProfileRow], as_json: bool, now: SystemTime) -> io::Result<()> {
    if as_json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                let sessions: Vec<Value> = row
                    .sessions
                    .iter()
                    .map(|session| {
                        json!({
                            "kind": session.kind.as_str(),
                            "mfa": session.mfa,
                            "expiration": rfc3339::format(session.expiration),
                        })
                    })
                    .collect();
                json!({
                    "profile": row.profile.as_str(),
                    "in_config": row.in_config,
                    "access_key_id": row.masked_access_key_id,
                    "key_created": row.key_created.map(rfc3339::format),
                    "key_added": row.key_added.map(rfc3339::format),
                    "serial_number": row.serial_number.as_ref().map(SerialNumber::as_str),
                    "device_held": row.device.is_some(),
                    "backed_up": row.backed_up.map(rfc3339::format),
                    "source": row.elsewhere.map(|elsewhere| elsewhere.as_str().replace(' ', "_")),
                    "signed_in": row.signed_in,
                    "sessions": sessions,
                })
            })
            .collect();
        return print_json(&Value::Array(rows));
    }
    let mut table = table(&["PROFILE", "ACCESS KEY", "AGE", "MFA DEVICE", "SESSIONS"]);
    for row in rows {
        let profile =
            if row.in_config { row.profile.to_string() } else { format!("{} (not in the config)", row.profile) };
        let device = match (&row.device, &row.serial_number) {
            (Some(name), _) => name.clone(),
            (None, Some(serial)) => format!("{} (not held here)", serial.device_name()),
            (None, None) => "-".to_owned(),
        };
        let key = match (&row.masked_access_key_id, row.elsewhere) {
            (Some(masked), _) => shortened(masked),
            (None, Some(elsewhere)) if row.signed_in => format!("{} (signed in)", elsewhere.as_str()),
            (None, Some(elsewhere)) => elsewhere.as_str().to_owned(),
            (None, None) => "-".to_owned(),
        };
        let session = |session: &LiveSession| {
            let mfa = if session.mfa { " with MFA" } else { "" };
            format!("{}{mfa} {}", session.kind.as_str(), time_left(session.expiration, now))
        };
        let sessions: Vec<String> = row.sessions.iter().map(session).collect();
        let sessions = if sessions.is_empty() { "-".to_owned() } else { sessions.join(", ") };
        add_row(&mut table, [&profile, &key, &age(row, now), &device, &sessions]);
    }
    print_table(table)
}

/// `34d`; `34d+` if the key may be older, for AWS did not tell when it made it.
fn age(row: &ProfileRow, now: SystemTime) -> String {
    let Some(age) = row.key_age(now) else { return "-".to_owned() };
    let days = age.as_secs() / (24 * 3600);
    let age = if days == 0 { duration(age) } else { format!("{days}d") };
    format!("{age}{}", if row.key_created.is_some() { "" } else { "+" })
}

/// `****MPLE`: enough for a table.
fn shortened(masked: &str) -> String {
    masked[masked.len().saturating_sub(8)..].to_owned()
}
