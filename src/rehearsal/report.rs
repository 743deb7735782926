//! IAM: the credential report, 22 columns of CSV (IAM User Guide, "Getting credential reports for your AWS account").

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    answer::{Call, Reply},
    error::ServiceError,
    world::{AccessKey, Identity, World},
    xml,
};
use crate::rfc3339;

/// How long a report is kept; what changes meanwhile does not show.
const KEPT: Duration = Duration::from_secs(4 * 3600);

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// A report as it was when it was asked for.
pub(super) struct Report {
    csv: String,
    ready: SystemTime,
}

impl Report {
    fn is_over(&self, now: SystemTime) -> bool {
        self.ready.checked_add(KEPT).is_some_and(|end| end <= now)
    }
}

pub(super) fn generate_credential_report(call: &mut Call<'_>) -> Reply {
    call.authorise("iam:GenerateCredentialReport", "*")?;
    let now = call.now;
    let state = match &call.world.report {
        Some(report) if report.is_over(now) => None,
        Some(report) if report.ready <= now => Some("COMPLETE"),
        Some(_) => Some("INPROGRESS"),
        None => None,
    };
    if let Some(state) = state {
        return Ok(xml::text("State", state));
    }
    let ready = now.checked_add(call.world.rules.report_delay).unwrap_or(now);
    call.world.report = Some(Report { csv: write(call.world), ready });
    let started = "No report exists. Starting a new report generation task";
    Ok(xml::text("State", "STARTED") + &xml::text("Description", started))
}

pub(super) fn get_credential_report(call: &mut Call<'_>) -> Reply {
    call.authorise("iam:GetCredentialReport", "*")?;
    match &call.world.report {
        None => Err(ServiceError::without_message(410, "ReportNotPresent")),
        Some(report) if report.is_over(call.now) => Err(ServiceError::without_message(410, "ReportExpired")),
        Some(report) if call.now < report.ready => Err(ServiceError::without_message(404, "ReportInProgress")),
        Some(report) => Ok(xml::text("Content", &STANDARD.encode(&report.csv))
            + &xml::text("ReportFormat", "text/csv")
            + &xml::text("GeneratedTime", &rfc3339::format(report.ready))),
    }
}

fn write(world: &World) -> String {
    let created = rfc3339::format(world.created);
    let password = ["not_supported", "no_information", "not_supported", "not_supported"];
    let mut lines = vec![HEADER.to_owned()];
    lines.push(line(world, &Identity::Root, "<root_account>", &created, password, false));
    for name in world.users.keys() {
        let owner = Identity::User(name.clone());
        let mfa_active = !world.devices_of(name).is_empty();
        lines.push(line(world, &owner, name, &created, ["false", "N/A", "N/A", "N/A"], mfa_active));
    }
    lines.join("\n")
}

fn line(world: &World, owner: &Identity, name: &str, created: &str, password: [&str; 4], mfa_active: bool) -> String {
    let mut columns = vec![name.to_owned(), world.arn_of(owner), created.to_owned()];
    columns.extend(password.map(str::to_owned));
    columns.push(mfa_active.to_string());
    let mut keys: Vec<&AccessKey> = world.keys_of(owner).collect();
    keys.sort_by_key(|key| !key.active);
    for index in 0..2 {
        columns.extend(key_columns(keys.get(index).copied()));
    }
    columns.extend(["false", "N/A", "false", "N/A"].map(str::to_owned));
    columns.join(",")
}

fn key_columns(key: Option<&AccessKey>) -> [String; 5] {
    let none = || "N/A".to_owned();
    let Some(key) = key else { return ["false".to_owned(), none(), none(), none(), none()] };
    let (active, rotated) = (key.active.to_string(), rfc3339::format(key.created));
    match &key.last_used {
        Some(used) => [active, rotated, rfc3339::format(used.at), used.region.clone(), used.service.to_owned()],
        None => [active, rotated, none(), none(), none()],
    }
}
