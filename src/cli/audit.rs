//! The audit log, and what a check of it found, as a person or a script sees them.

use std::{io, process::ExitCode};

use serde_json::{Value, json};

use super::render;
use crate::{
    vault::{AuditLine, AuditVerdict, ClosedState, EarlierLog, Tampering},
    visible::visible,
};

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
pub(super) fn verdict(verdict: &AuditVerdict, earlier: &[EarlierLog], as_json: bool) -> io::Result<ExitCode> {
    let is_well = verdict.fault.is_none() && earlier.iter().all(|earlier| earlier.state != ClosedState::Changed);
    let code = if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE };
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
            "earlier": earlier.iter().map(earlier_json).collect::<Vec<_>>(),
        }))?;
        return Ok(code);
    }
    let found = match &verdict.fault {
        Some(fault) => format!("not as it was written: {fault}"),
        None => "as they were written".to_owned(),
    };
    let lines = counted(verdict.lines);
    let hash = verdict.last_hash.as_ref().map(|hash| format!("last hash {hash}\n")).unwrap_or_default();
    let earlier: String = earlier.iter().map(|earlier| format!("{}\n", in_words(earlier))).collect();
    render::print(&format!("{lines}, {found}\n{hash}{earlier}"))?;
    Ok(code)
}

fn earlier_json(EarlierLog { log, state }: &EarlierLog) -> Value {
    let state = match state {
        ClosedState::AsClosed => "as_closed",
        ClosedState::Changed => "changed",
        ClosedState::Missing => "missing",
        // All else is in the log that would name it.
        ClosedState::Unnamed => return json!({ "file": log.file, "state": "unnamed" }),
    };
    json!({
        "file": log.file,
        "lines": log.lines,
        "last_hash": log.last_hash,
        "sha256": log.sha256,
        "whole": log.whole,
        "fault": log.fault,
        "earlier_fault": log.earlier_fault,
        "state": state,
    })
}

fn in_words(EarlierLog { log, state }: &EarlierLog) -> String {
    let Some(name) = &log.file else {
        let fault = log.fault.as_deref().unwrap_or_default();
        return visible(&format!("before it a log whose file was gone when it was closed: {fault}"));
    };
    let how = match state {
        ClosedState::Unnamed => return visible(&format!("note: {name} is here, and no log names it")),
        ClosedState::AsClosed => "as it was closed",
        ClosedState::Changed => "another one than was closed",
        ClosedState::Missing => "note: not here any more",
    };
    // Else it says so itself.
    let earlier = log.earlier_fault.as_ref().filter(|_| *state != ClosedState::AsClosed);
    let earlier =
        earlier.map(|fault| format!("; one before it was not as it was written: {fault}")).unwrap_or_default();
    visible(&format!("before it {name}, {}, {how}{}{earlier}", counted(log.lines), fault(log.fault.as_deref())))
}

fn counted(lines: u64) -> String {
    format!("{lines} line{}", if lines == 1 { "" } else { "s" })
}

fn fault(fault: Option<&str>) -> String {
    fault.map(|fault| format!("; it was not as it was written then: {fault}")).unwrap_or_default()
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
        "log_rotated" => {
            let lines = line.content.get("lines").and_then(Value::as_u64).unwrap_or_default();
            let fault = fault(line.content.get("fault").and_then(Value::as_str));
            ("log rotated".to_owned(), field("file").to_owned(), format!("{}{fault}", counted(lines)))
        }
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
