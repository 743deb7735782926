//! A plan as `explain` shows it: each call with its values, and where each of them came from.

use std::io;

use serde_json::{Value, json};

use super::render::{duration, print_json, print_lines};
use crate::{
    aws::SessionPolicy,
    mfa::SerialNumber,
    session::{Call, Plan, RoleSession, Step},
};

/// A value of a step: what a person calls it, its key in `origin` and in the JSON, and its text.
type Shown = (&'static str, &'static str, String);

pub(super) fn plan(plan: &Plan, as_json: bool) -> io::Result<()> {
    if as_json {
        return print_json(&json!({
            "profile": plan.profile.as_str(),
            "source_profile": plan.source.as_str(),
            "region": plan.region,
            "sts_endpoint": plan.endpoints.sts_url,
            "iam_endpoint": plan.endpoints.iam_url,
            "ca_bundle": plan.endpoints.ca_bundle,
            "mfa_process": plan.mfa_process,
            "origin": plan.origins,
            "steps": plan.steps.iter().map(step_as_json).collect::<Vec<_>>(),
            "notes": plan.notes,
        }));
    }
    let mut text = format!("{}: {}\n", plan.profile, plan.origins.get("start").map_or("", String::as_str));
    if plan.steps.is_empty() {
        text.push_str("no call: the long-term credentials go out as they are\n");
    }
    for (index, step) in plan.steps.iter().enumerate() {
        text.push_str(&format!("{}. {}\n", index + 1, step.call.as_str()));
        let last = duration_and_device(step);
        for (what, key, value) in values(&step.call).into_iter().chain(last) {
            push_line(&mut text, "   ", what, &value, step.origins.get(key));
        }
    }
    let region = plan.region.as_deref().unwrap_or("not set");
    push_line(&mut text, "", "region", region, plan.origins.get("region"));
    push_line(&mut text, "", "STS", &plan.endpoints.sts_url, plan.origins.get("sts_endpoint"));
    if let Some(path) = &plan.endpoints.ca_bundle {
        push_line(&mut text, "", "ca_bundle", &path.display().to_string(), plan.origins.get("ca_bundle"));
    }
    if let Some(command) = &plan.mfa_process {
        push_line(&mut text, "", "mfa_process", command, plan.origins.get("mfa_process"));
    }
    for note in &plan.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    print_lines(&text)
}

fn push_line(text: &mut String, indent: &str, what: &str, value: &str, origin: Option<&String>) {
    let origin = origin.map(|origin| format!("  ← {origin}")).unwrap_or_default();
    // A continued value has line feeds, and each line here says one thing.
    let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
    text.push_str(&format!("{indent}{what:<15}{value}{origin}\n"));
}

fn step_as_json(step: &Step) -> Value {
    let mut shown = json!({
        "call": step.call.as_str(),
        "profile": step.profile.as_str(),
        "duration_seconds": step.duration.map(|duration| duration.as_secs()),
        "serial_number": step.serial_number.as_ref().map(SerialNumber::as_str),
        "other_serial_numbers": step.other_serial_numbers.iter().map(SerialNumber::as_str).collect::<Vec<_>>(),
        "origin": step.origins,
    });
    for (_, key, value) in values(&step.call) {
        shown[key] = Value::String(value);
    }
    shown
}

fn duration_and_device(step: &Step) -> Vec<Shown> {
    let mut shown = Vec::new();
    let whose = || "not ours to choose".to_owned();
    shown.push(("duration", "duration", step.duration.map_or_else(whose, duration)));
    if matches!(step.call, Call::GetSessionToken | Call::AssumeRole(_)) {
        let device = step.serial_number.as_ref().map_or("-", SerialNumber::as_str);
        shown.push(("device", "serial_number", device.to_owned()));
    }
    shown.extend(step.other_serial_numbers.iter().map(|other| ("or device", "", other.to_string())));
    shown
}

/// What goes into a call, apart from duration and device.
fn values(call: &Call) -> Vec<Shown> {
    match call {
        Call::GetSessionToken => vec![],
        Call::CredentialProcess { command } => vec![("command", "credential_process", command.clone())],
        Call::GetRoleCredentials(access) => {
            let mut shown = vec![
                ("portal", "sso_portal", access.endpoints.portal_url.clone()),
                ("OIDC", "sso_oidc", access.endpoints.oidc_url.clone()),
                ("account", "sso_account_id", access.account_id.clone()),
                ("permissions", "sso_role_name", access.role_name.clone()),
                ("sign-in", "sso_start_url", access.start_url.clone()),
                ("sign-in region", "sso_region", access.region.clone()),
            ];
            shown.extend(access.session.iter().map(|session| ("sso-session", "sso_session", session.clone())));
            shown
        }
        Call::GetFederationToken { name, session_policy } => {
            let mut shown = vec![("name", "name", name.clone())];
            shown.extend(policy(session_policy));
            shown
        }
        Call::AssumeRole(session) => role(session),
        Call::AssumeRoleWithWebIdentity { role: session, token_file } => {
            let mut shown = role(session);
            shown.push(("token", "web_identity_token_file", token_file.display().to_string()));
            shown
        }
    }
}

fn role(session: &RoleSession) -> Vec<Shown> {
    let mut shown = vec![
        ("role", "role_arn", session.role_arn.to_string()),
        ("session", "role_session_name", session.role_session_name.clone()),
    ];
    let tags: Vec<String> = session.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
    let optional = [
        ("external ID", "external_id", session.external_id.clone()),
        ("tags", "session_tags", Some(tags.join(",")).filter(|tags| !tags.is_empty())),
        (
            "transitive",
            "transitive_session_tags",
            Some(session.transitive_tag_keys.join(",")).filter(|keys| !keys.is_empty()),
        ),
        ("identity", "source_identity", session.source_identity.clone()),
    ];
    shown.extend(optional.into_iter().filter_map(|(what, key, value)| Some((what, key, value?))));
    shown.extend(policy(&session.session_policy));
    shown
}

fn policy(policy: &SessionPolicy) -> Option<Shown> {
    let document = policy.document.iter().cloned();
    let texts: Vec<String> = document.chain(policy.arns.iter().cloned()).collect();
    (!texts.is_empty()).then(|| ("policy", "session_policy", texts.join(" ")))
}
