//! Credentials of another tool, by a profile's `credential_process` (AWS SDKs and Tools Reference Guide, "Process
//! credential provider").

use std::{ffi::OsStr, time::Duration};

use super::{
    error::ObtainError,
    obtain::{Obtained, Obtainer},
    plan::Step,
};
use crate::{
    credentials::{Credentials, ProcessDocument},
    environment::{Environment, OWN_PROFILE_CHAIN, PROFILE_CHAIN},
    process,
    profile::{ProfileName, credential_process},
};

/// How long it may take: it may ask a person or open a browser. The Go SDK's default.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many profiles may lead to one another, as in the AWS CLI.
const MOST_PROFILES: usize = 4;

impl Obtainer<'_> {
    /// Runs the process. A session that it gives may have MFA or not: nobody says.
    pub(super) fn credential_process(&self, step: &Step, command: &str) -> Result<Obtained, ObtainError> {
        let profile = step.profile.clone();
        let path = no_loop(self.environment, &profile)?;
        let own = self.environment.own_profile_chain.iter().cloned().chain([profile.to_string()]);
        let mut environment = self.without_credentials();
        if credential_process::is_ours(command) {
            environment.extend(self.environment.inherited.iter().filter(|(name, _)| is_ours(name)).cloned());
        }
        environment.push((PROFILE_CHAIN.into(), path.join(",").into()));
        environment.push((OWN_PROFILE_CHAIN.into(), own.collect::<Vec<_>>().join(",").into()));
        let output = process::output_of(command, &environment, PATIENCE, self.prompt.may_ask())
            .map_err(|source| ObtainError::CredentialProcess { profile: profile.clone(), source })?;
        let unusable = |reason| ObtainError::ProcessDocument { profile: profile.clone(), reason };
        let document = ProcessDocument::parse(&output).map_err(unusable)?;
        let now = self.later_now()?;
        if document.expiration.is_some_and(|expiration| expiration <= now) {
            return Err(unusable("they have expired already"));
        }
        let credentials = document.credentials(now);
        let mfa = matches!(credentials, Credentials::LongTerm(_)).then_some(false);
        Ok(Obtained { credentials, mfa })
    }
}

/// The profiles that led here with this one at their end.
///
/// # Errors
/// If this one is among them already, or there are too many, then `ProcessLoop`.
pub(super) fn no_loop(environment: &Environment, profile: &ProfileName) -> Result<Vec<String>, ObtainError> {
    let mut path = environment.profile_chain.clone();
    // The last one of the CLI's may be its call of this very profile; each of ours is on the way already.
    let earlier = path.split_last().map_or([].as_slice(), |(_, earlier)| earlier);
    let led_here = earlier.iter().chain(&environment.own_profile_chain).any(|name| name == profile.as_str());
    path.push(profile.to_string());
    match led_here || path.len() > MOST_PROFILES {
        true => Err(ObtainError::ProcessLoop { profile: profile.clone(), path }),
        false => Ok(path),
    }
}

/// Whether a variable says where our vault is and how it is opened: for this program as another one's helper.
fn is_ours(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"MFAVAULT_")
}
