//! `report`: the account's credential report: who has MFA, whose keys are old, how root stands.

mod findings;
mod table;

use std::time::{Duration, SystemTime};

pub use findings::Finding;
pub use table::{Key, Password, ReportError, User};

use super::{Context, Error, Outcome, SessionRequest};
use crate::{
    aws::{AwsError, Caller, CredentialReport, Signer},
    credentials::Credentials,
    mfa::AuthenticationCode,
    profile::ProfileName,
    rfc3339,
    session::{Call, Plan, clock_offset},
};

/// How long AWS is given to make the report. It takes some seconds, in a large account more.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to let AWS be before it is asked again.
const PAUSE: Duration = Duration::from_secs(3);

/// Of which account, and what is looked for.
pub struct Arguments {
    /// With whose credentials.
    pub profile: ProfileName,
    /// A code of a device that is not held here.
    pub mfa_code: Option<AuthenticationCode>,
    /// From which age on a key is old, or unused.
    pub older_than: Duration,
    /// What must not be found.
    pub fail_on: Vec<Finding>,
}

/// The report, and what stands out in it.
pub struct Report {
    /// As AWS wrote it.
    pub csv: String,
    /// When AWS made it.
    pub generated: SystemTime,
    /// What time it is at AWS.
    pub now: SystemTime,
    /// Root first, each with what was found.
    pub users: Vec<(User, Vec<Finding>)>,
    /// What must not be found and was, with the users.
    pub failed: Vec<(Finding, Vec<String>)>,
}

/// Has AWS make the report, unless it has one of the last four hours, and judges it.
///
/// # Errors
/// As [`SessionRequest::plan`] and [`SessionRequest::obtain`]; if the caller may not have it, then `Aws`; if AWS does not
/// make it in time, then `ReportLate`; if it is no credential report, then `Report`.
pub fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Error> {
    let mfa_code = arguments.mfa_code.clone();
    let request = SessionRequest { mfa_code, ..SessionRequest::plain(arguments.profile.clone()) };
    let plan = request.plan(context)?;
    let credentials = credentials(context, &request, &plan)?;
    let signer = match &credentials {
        Credentials::LongTerm(key) => Signer::LongTerm(key),
        Credentials::Session(session) => Signer::Session(session),
    };
    let CredentialReport { csv, generated } = obtained(context, Caller { signer, endpoints: &plan.endpoints })?;
    let now = clock_offset(context.vault, context.aws)?.apply(context.clock.now());
    let users = table::read(&csv)?.into_iter().map(|user| {
        let findings = findings::of(&user, now, arguments.older_than);
        (user, findings)
    });
    let users: Vec<_> = users.collect();
    context.prompt.say(&format!(
        "report of {}, which AWS keeps for four hours: what changed since does not show",
        rfc3339::format(generated)
    ));
    context.prompt.say(&findings::summary(&users));
    let failed = findings::failed(&users, &arguments.fail_on);
    for (finding, names) in &failed {
        context.prompt.say(&format!("{}: {}", finding.as_str(), names.join(", ")));
    }
    Ok(Outcome::Report(Box::new(Report { csv, generated, now, users, failed })))
}

/// What the profile gives; of a user without MFA the key itself, since a session of it may not call IAM.
fn credentials(context: &Context<'_>, request: &SessionRequest, plan: &Plan) -> Result<Credentials, Error> {
    let is_user = plan.steps.iter().all(|step| step.call == Call::GetSessionToken && !step.gives_mfa());
    match context.vault.key(&plan.source)? {
        Some(key) if is_user && !plan.steps.is_empty() => Ok(key.credentials.into()),
        _ => request.obtain(context, plan),
    }
}

/// GenerateCredentialReport until there is one, and GetCredentialReport; one that is gone in between is made anew.
fn obtained(context: &Context<'_>, caller: Caller<'_>) -> Result<CredentialReport, Error> {
    let end = context.clock.now() + PATIENCE;
    loop {
        if context.aws.generate_credential_report(caller)? {
            match context.aws.get_credential_report(caller) {
                Err(AwsError::Service { code, .. }) if is_not_there(&code) => {}
                report => return Ok(report?),
            }
        }
        let now = context.clock.now();
        if now + PAUSE > end {
            return Err(Error::ReportLate);
        }
        context.prompt.countdown("AWS makes the report", PAUSE, &|| context.clock.wait_until(now + PAUSE));
    }
}

fn is_not_there(code: &str) -> bool {
    ["ReportNotPresent", "ReportInProgress", "ReportExpired"].iter().any(|known| code.contains(known))
}
