//! The credential report as a person or a script sees it.

use std::{
    io::{self, IsTerminal},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use super::{args::ColorChoice, render};
use crate::{
    commands::report::{Finding, Key, Report, User},
    environment::wants_no_colour,
    rfc3339,
};

const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn show(report: &Report, as_csv: bool, as_json: bool, colour: ColorChoice) -> io::Result<()> {
    match (as_csv, as_json) {
        (true, _) => render::print(&report.csv),
        (_, true) => render::print_json(&document(report)),
        _ => table(report, is_coloured(colour)),
    }
}

fn is_coloured(colour: ColorChoice) -> bool {
    match colour {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => io::stdout().is_terminal() && !wants_no_colour(),
    }
}

fn table(report: &Report, coloured: bool) -> io::Result<()> {
    let mut table = render::table(&["USER", "MFA", "PASSWORD", "ACCESS KEYS", "FINDINGS"]);
    for (user, findings) in &report.users {
        let mfa = if user.mfa_active { "yes" } else { "no" };
        let findings: Vec<&str> = findings.iter().map(|finding| finding.in_words()).collect();
        let keys: Vec<String> = user.keys.iter().map(|key| key_in_words(key, report.now)).collect();
        let row =
            [&user.name, mfa, &password(user, report.now), &or_dash(keys.join("; ")), &or_dash(findings.join(", "))];
        render::add_row(&mut table, row);
    }
    let mut lines = render::table_lines(table).into_iter();
    let mut text = lines.next().map(|header| header.trim_end().to_owned() + "\n").unwrap_or_default();
    for (line, (_, findings)) in lines.zip(&report.users) {
        let line = line.trim_end();
        text.push_str(&match coloured && !findings.is_empty() {
            true => format!("\u{1b}[33m{line}\u{1b}[0m\n"),
            false => format!("{line}\n"),
        });
    }
    render::print(&text)
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

fn password(user: &User, now: SystemTime) -> String {
    let password = &user.password;
    let used = match password.last_used {
        Some(used) => format!("used {} ago", days(used, now)),
        None => "never used".to_owned(),
    };
    match (password.enabled, password.last_changed) {
        (Some(false), _) => "-".to_owned(),
        (Some(true), Some(changed)) => format!("{} old, {used}", days(changed, now)),
        (_, None) | (None, _) => used,
    }
}

fn key_in_words(key: &Key, now: SystemTime) -> String {
    let age = key.last_rotated.map_or("of unknown age".to_owned(), |time| format!("{} old", days(time, now)));
    let used = key.last_used.map_or("never used".to_owned(), |time| format!("used {} ago", days(time, now)));
    if key.active { format!("{age}, {used}") } else { format!("{age}, inactive") }
}

fn days(then: SystemTime, now: SystemTime) -> String {
    format!("{} d", now.duration_since(then).unwrap_or_default().as_secs() / DAY.as_secs())
}

fn document(report: &Report) -> Value {
    let users = report.users.iter().map(|(user, findings)| {
        let keys = user.keys.iter().map(|key| {
            json!({
                "number": key.number,
                "active": key.active,
                "last_rotated": key.last_rotated.map(rfc3339::format),
                "last_used": key.last_used.map(rfc3339::format),
            })
        });
        json!({
            "user": user.name,
            "arn": user.arn,
            "is_root": user.is_root(),
            "created": user.created.map(rfc3339::format),
            "mfa_active": user.mfa_active,
            "password": {
                "enabled": user.password.enabled,
                "last_used": user.password.last_used.map(rfc3339::format),
                "last_changed": user.password.last_changed.map(rfc3339::format),
            },
            "access_keys": keys.collect::<Vec<_>>(),
            "findings": findings.iter().map(|finding| finding.as_str()).collect::<Vec<_>>(),
        })
    });
    let failed = |(finding, names): &(Finding, Vec<String>)| json!({ "finding": finding.as_str(), "users": names });
    json!({
        "generated": rfc3339::format(report.generated),
        "users": users.collect::<Vec<_>>(),
        "failed_on": report.failed.iter().map(failed).collect::<Vec<_>>(),
    })
}
