//! `mfa export`: a device's `otpauth://` URI, after a confirmation.

use crate::{
    commands::{Context, Error, Outcome},
    mfa::uri::OtpauthUri,
};

/// Gives the URI, seed and all.
///
/// # Errors
/// As [`Context::device`]; if nobody confirms, then `Prompt` or `Declined`.
pub fn run(context: &Context<'_>, name: &str, confirmed: bool) -> Result<Outcome, Error> {
    let name = context.device_name(name)?;
    context.confirm(confirmed, &format!("Print the seed of `{name}`? Whoever sees it can make its codes."), "--yes")?;
    Ok(Outcome::Secret(OtpauthUri::of(&context.device(&name)?.device).to_uri()))
}
