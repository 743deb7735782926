//! `whoami`: whose credentials a profile gives, and how long they last.

use std::time::SystemTime;

use super::{Context, Error, Outcome, SessionRequest};
use crate::{
    aws::{Caller, CallerIdentity, Signer},
    credentials::Credentials,
    session::Obtained,
};

/// What AWS says of a profile's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whoami {
    /// Account, ARN and unique ID.
    pub identity: CallerIdentity,
    /// Whether the credentials carry MFA for policies: those of GetSessionToken with a code do, those of a role never; of
    /// those that another tool gave nobody knows.
    pub mfa_present: Option<bool>,
    /// When they end; long-term credentials do not.
    pub expiration: Option<SystemTime>,
}

/// Obtains the profile's credentials and asks AWS whose they are.
///
/// # Errors
/// As [`SessionRequest::plan`] and [`SessionRequest::obtain`]; if AWS does not answer, then `Aws`.
pub fn run(context: &Context<'_>, request: &SessionRequest) -> Result<Outcome, Error> {
    let plan = request.plan(context)?;
    let Obtained { credentials, mfa } = request.obtain_with_mfa(context, &plan)?;
    let signer = match &credentials {
        Credentials::LongTerm(pair) => Signer::LongTerm(pair),
        Credentials::Session(session) => Signer::Session(session),
    };
    let identity = context.aws.get_caller_identity(Caller { signer, endpoints: &plan.endpoints })?;
    Ok(Outcome::Whoami(Whoami { identity, mfa_present: mfa, expiration: credentials.expiration() }))
}
