//! `exec`, `export` and `credential-process`: credentials for a command, a shell, an SDK.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use super::{Context, Error, Outcome, SessionRequest, serve::CredentialServer};
use crate::{
    environment,
    process::{self, Launch},
    profile::ProfileName,
};

/// A command that was found and can be executed.
pub struct Found {
    program: PathBuf,
    arguments: Vec<OsString>,
    /// Whether it is the user's shell, because no command was named.
    is_shell: bool,
}

impl Found {
    /// Finds a command; without one, the user's shell.
    ///
    /// # Errors
    /// If it is not there or cannot be executed, then `Launch`.
    pub fn find(context: &Context<'_>, command: Vec<OsString>) -> Result<Self, Error> {
        let mut command = command.into_iter();
        let asked = command.next();
        let is_shell = asked.is_none();
        let name = asked.unwrap_or_else(|| context.environment.shell());
        let program = process::find_program(&name, context.environment.path.as_deref())?;
        Ok(Found { program, arguments: command.collect(), is_shell })
    }

    fn launch(self, context: &Context<'_>, profile: &ProfileName, environment: Vec<(OsString, OsString)>) -> Launch {
        if self.is_shell {
            context.prompt.say(&format!("a shell with the credentials of `{profile}`; leave it with `exit`"));
        }
        Launch { program: self.program, arguments: self.arguments, environment }
    }
}

/// Runs a command with credentials in its environment; without a command, a shell.
///
/// # Errors
/// If the command is not there or cannot be executed, then `Launch`, before AWS is asked; else as [`credentials`].
pub fn run(context: &Context<'_>, request: &SessionRequest, command: Vec<OsString>) -> Result<Outcome, Error> {
    let found = Found::find(context, command)?;
    let plan = request.plan(context)?;
    let credentials = request.obtain(context, &plan)?;
    let inherited = context.environment.inherited.iter().cloned();
    let environment = environment::child_variables(inherited, &credentials, plan.region.as_deref(), &request.profile);
    Ok(Outcome::Launch(found.launch(context, &request.profile, environment)))
}

/// A command with the address of a server in its environment instead of credentials.
pub fn launch_with_server(context: &Context<'_>, server: &CredentialServer<'_>, found: Found) -> Launch {
    let mut new = server.variables();
    if let Some(region) = server.region() {
        new.extend(["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| (name, region.into())));
    }
    let inherited = context.environment.inherited.iter().cloned();
    let environment = environment::child_variables_with(inherited, &new, server.profile());
    found.launch(context, server.profile(), environment)
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
        account_id: plan.account_id().map(str::to_owned).or(account_id),
        region: plan.region,
    })
}

/// What an SDK refreshes at the latest: it asks again within the last 15 minutes (botocore), so what it gets must
/// last longer.
pub const SDK_MIN_TTL: Duration = Duration::from_secs(15 * 60);
