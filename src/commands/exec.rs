//! `exec`, `export` and `credential-process`: credentials for a command, a shell, an SDK.

use std::{ffi::OsString, time::Duration};

use super::{Context, Error, Outcome, SessionRequest};
use crate::{
    environment,
    process::{self, Launch},
};

/// Runs a command with credentials in its environment; without a command, a shell.
///
/// # Errors
/// If the command is not there or cannot be executed, then `Launch`, before AWS is asked; else as [`credentials`].
pub fn run(context: &Context<'_>, request: &SessionRequest, command: Vec<OsString>) -> Result<Outcome, Error> {
    let mut command = command.into_iter();
    let asked = command.next();
    let is_shell = asked.is_none();
    let program = asked.unwrap_or_else(|| context.environment.shell());
    let path = process::find_program(&program, context.environment.path.as_deref())?;
    let plan = request.plan(context)?;
    let credentials = request.obtain(context, &plan)?;
    if is_shell {
        context.prompt.say(&format!("a shell with the credentials of `{}`; leave it with `exit`", request.profile));
    }
    let inherited = context.environment.inherited.iter().cloned();
    let environment = environment::child_variables(inherited, &credentials, plan.region.as_deref(), &request.profile);
    Ok(Outcome::Launch(Launch { program: path, arguments: command.collect(), environment }))
}

/// Gives the credentials themselves.
///
/// # Errors
/// As [`SessionRequest::plan`] and [`SessionRequest::obtain`].
pub fn credentials(context: &Context<'_>, request: &SessionRequest) -> Result<Outcome, Error> {
    let plan = request.plan(context)?;
    let credentials = request.obtain(context, &plan)?;
    let account_id = context.vault.index()?.keys.get(&plan.source).and_then(|key| key.account_id.clone());
    Ok(Outcome::Credentials {
        credentials,
        profile: request.profile.clone(),
        // A role may be of another account than the key.
        account_id: plan.role_account().or(account_id),
        region: plan.region,
    })
}

/// What an SDK refreshes at the latest: it asks again within the last 15 minutes (botocore), so what it gets must
/// last longer.
pub const SDK_MIN_TTL: Duration = Duration::from_secs(15 * 60);
