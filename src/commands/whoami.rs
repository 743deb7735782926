//! `whoami`: whose credentials a profile gives, and how long they last.

use std::time::SystemTime;

use super::{Context, Error, Outcome, SessionRequest};
use crate::{
    aws::{Caller, CallerIdentity, Signer},
    credentials::Credentials,
    session::Call,
};

/// What AWS says of a profile's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whoami {
    /// Account, ARN and unique ID.
    pub identity: CallerIdentity,
    /// Whether the credentials carry MFA for policies: those of GetSessionToken with a code do, those of a role never.
    pub mfa_present: bool,
    /// When they end; long-term credentials do not.
    pub expiration: Option<SystemTime>,
}

/// Obtains the profile's credentials and asks AWS whose they are.
///
/// # Errors
/// As [`SessionRequest::plan`] and [`SessionRequest::obtain`]; if AWS does not answer, then `Aws`.
pub fn run(context: &Context<'_>, request: &SessionRequest) -> Result<Outcome, Error> {
    let plan = request.plan(context)?;
    let credentials = request.obtain(context, &plan)?;
    let signer = match &credentials {
        Credentials::LongTerm(pair) => Signer::LongTerm(pair),
        Credentials::Session(session) => Signer::Session(session),
    };
    let identity = context.aws.get_caller_identity(Caller { signer, endpoints: &plan.endpoints })?;
    let mfa_present = plan.steps.last().is_some_and(|step| match step.call {
        Call::GetSessionToken => step.serial_number.is_some(),
        Call::AssumeRole { .. } => false,
    });
    Ok(Outcome::Whoami(Whoami { identity, mfa_present, expiration: credentials.expiration() }))
}
