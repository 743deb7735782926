//! `explain`: the plan of a profile, without walking it.

use super::{Context, Error, Outcome, SessionRequest};

/// Gives the plan: no network, no secret, no unlocking.
///
/// # Errors
/// As [`SessionRequest::plan`].
pub fn run(context: &Context<'_>, request: &SessionRequest) -> Result<Outcome, Error> {
    Ok(Outcome::Plan(Box::new(request.plan(context)?)))
}
