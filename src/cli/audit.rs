//! The audit log, and what a check of it found, as a person or a script sees them.

use std::{io, process::ExitCode};

use serde_json::{Value, json};

use super::render;
use crate::vault::{AuditLine, AuditVerdict, Tampering};

pub(super) fn log(lines: &[AuditLine], as_json: bool) -> io::Result<()> {
    if as_json {
        return render::print_json(&Value::Array(
            lines.iter().map(|line| Value::Object(line.content.clone())).collect(),
        ));
    }
    let mut table = render::table(&["LINE", "TIME", "WHAT", "OF", "HOW"]);
    for line in lines {
        let (what, of, how) = words(line);
        render::add_row(&mut table, [&line.number.to_string(), text(line, "time"), &what, &of, &how]);
    }
    render::print_table(table)
}

/// Shows what was found; the exit code says whether the log is whole.
pub(super) fn verdict(verdict: &AuditVerdict, as_json: bool) -> io::Result<ExitCode> {
    let code = if verdict.fault.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if as_json {
        let fault = verdict.fault.as_ref().map(|fault| {
            let (kind, missing) = match fault.tampering {
                Tampering::NoLine => ("no_line", None),
                Tampering::Changed => ("changed", None),
                Tampering::MissingBefore(count) => ("missing_before", Some(count)),
                Tampering::Moved => ("moved", None),
                Tampering::CutOff(count) => ("cut_off", Some(count)),
                Tampering::NoHead => ("no_head", None),
            };
            json!({ "line": fault.line, "kind": kind, "missing": missing })
        });
        render::print_json(&json!({
            "whole": verdict.fault.is_none(),
            "lines": verdict.lines,
            "last_hash": verdict.last_hash,
            "torn": verdict.torn,
            "fault": fault,
        }))?;
        return Ok(code);
    }
    let found = match &verdict.fault {
        Some(fault) => format!("not as it was written: {fault}"),
        None => "as they were written".to_owned(),
    };
    let lines = format!("{} line{}", verdict.lines, if verdict.lines == 1 { "" } else { "s" });
    let hash = verdict.last_hash.as_ref().map(|hash| format!("last hash {hash}\n")).unwrap_or_default();
    render::print(&format!("{lines}, {found}\n{hash}"))?;
    Ok(code)
}

/// What was done, to what, and how.
fn words(line: &AuditLine) -> (String, String, String) {
    let field = |name| text(line, name);
    let device = || match field("serial_number") {
        "" => field("device").to_owned(),
        serial_number => format!("{} ({serial_number})", field("device")),
    };
    let strings = |(what, of, how): (&str, &str, &str)| (what.to_owned(), of.to_owned(), how.to_owned());
    match field("event") {
        "code_made" => ("code made".to_owned(), device(), field("purpose").to_owned()),
        "device_changed" => (format!("device {}", field("change")), device(), String::new()),
        "key_changed" => (format!("key {}", field("change")), field("profile").to_owned(), shortened(line)),
        "session_issued" => {
            let mfa = if line.content.get("mfa") == Some(&Value::Bool(true)) { " with MFA" } else { "" };
            let how = format!("{}{mfa}, {}, until {}", field("operation"), shortened(line), field("expiration"));
            ("session issued".to_owned(), field("profile").to_owned(), how)
        }
        "signed_in" => strings(("signed in", field("start_url"), "")),
        "exported" => {
            let names = line.content.get("names").and_then(Value::as_array);
            let names: Vec<&str> = names.into_iter().flatten().filter_map(Value::as_str).collect();
            ("exported".to_owned(), names.join(", "), field("format").to_owned())
        }
        "keystore_changed" => (format!("keystore {}", field("change")), field("keystore").to_owned(), String::new()),
        "log_mended" => strings(("log mended", "", field("reason"))),
        // Of a later version.
        other => (other.replace('_', " "), String::new(), String::new()),
    }
}

fn shortened(line: &AuditLine) -> String {
    let masked = text(line, "access_key_id");
    masked.char_indices().rev().nth(7).map_or(masked, |(start, _)| &masked[start..]).to_owned()
}

fn text<'l>(line: &'l AuditLine, field: &str) -> &'l str {
    line.content.get(field).and_then(Value::as_str).unwrap_or_default()
}
