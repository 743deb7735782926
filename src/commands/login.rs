//! `login`: the address that signs a person in to the console, opened in the browser or printed.
//!
//! (IAM User Guide, "Enable custom identity broker access to the AWS console".)

use std::time::Duration;

use zeroize::Zeroizing;

use super::{Context, Error, Outcome, SessionRequest};
use crate::{
    aws::sigv4::percent_encode,
    credentials::Credentials,
    secret::SecretText,
    session::{Call, Plan, Start},
    vault::AuditEvent,
};

mod destination;
mod page;

use page::Visit;

/// Opens the console in the browser, or gives its address, which is as good as a password for 15 minutes.
///
/// # Errors
/// If the partition's console is not known, then `Endpoint`; if `destination` is no place of it, then `Destination`; if
/// the credentials are no session, then `LongTermAtConsole`; if no browser can be opened, then `NoBrowser`; if it does
/// not come for the address, then `BrowserStaysAway`; else as [`SessionRequest::plan`] and [`SessionRequest::obtain`].
pub fn run(
    context: &Context<'_>,
    mut request: SessionRequest,
    destination: Option<&str>,
    print: bool,
) -> Result<Outcome, Error> {
    request.for_console = true;
    let console = request.console(context)?;
    let plan = request.plan(context)?;
    let destination =
        destination::url(&console.console_url, plan.region.as_deref(), destination).map_err(|reason| {
            let place = destination.unwrap_or_default().to_owned();
            Error::Destination { place, reason }
        })?;
    let profile = request.profile.clone();
    if let Some(duration) = plan.steps.last().and_then(|step| step.duration) {
        // The console ends with the credentials it was opened with.
        request.min_ttl = request.min_ttl.max(duration / 2);
    }
    let obtained = request.obtain_with_mfa(context, &plan)?;
    let Credentials::Session(session) = obtained.credentials else {
        return Err(Error::LongTermAtConsole { profile });
    };
    let account = plan.account_id().map(str::to_owned).or(key_account(context, &plan)?);
    let account = account.map(|account| format!(" (account {account})")).unwrap_or_default();
    context.prompt.say(&format!("signing in to the console as `{profile}`{account}"));

    let duration = session_duration(&plan, context.environment.session_token.is_some());
    let token = context.aws.get_signin_token(&console, &session, duration)?;
    context.audit(&AuditEvent::SessionIssued {
        profile: &profile,
        operation: "getSigninToken",
        access_key_id: session.access_key_id.masked(),
        mfa: obtained.mfa.unwrap_or(false),
        expiration: session.expiration,
    })?;
    let address = address(&console.signin_url, &destination, &token);
    if print {
        return Ok(Outcome::Secret(address));
    }
    let visit = page::send_on(address, &*context.browse, context.clock);
    match visit.map_err(|source| Error::Io { action: "serve a page on loopback", source })? {
        Visit::Done => Ok(Outcome::Done),
        Visit::NoBrowser => Err(Error::NoBrowser { profile }),
        Visit::Nobody => Err(Error::BrowserStaysAway { profile }),
    }
}

fn key_account(context: &Context<'_>, plan: &Plan) -> Result<Option<String>, Error> {
    let index = context.vault.index()?;
    Ok(index.keys.get(&plan.source).filter(|_| plan.start == Start::Vault).and_then(|key| key.account_id.clone()))
}

/// How long the console's session is to last. AWS takes a wish only with the credentials of a role that was assumed
/// with long-term ones or a web identity; with others, the console's session ends when they do.
fn session_duration(plan: &Plan, environment_has_session: bool) -> Option<Duration> {
    let [step] = plan.steps.as_slice() else { return None };
    match step.call {
        Call::AssumeRole(_) if plan.start == Start::Environment && environment_has_session => None,
        Call::AssumeRole(_) | Call::AssumeRoleWithWebIdentity { .. } => step.duration,
        Call::CredentialProcess { .. }
        | Call::GetRoleCredentials(_)
        | Call::GetSessionToken
        | Call::GetFederationToken { .. } => None,
    }
}

/// Sized once: a buffer that grew would leave copies of the token behind.
fn address(signin_url: &str, destination: &str, token: &SecretText) -> SecretText {
    let token = Zeroizing::new(percent_encode(token.expose()));
    let destination = percent_encode(destination);
    let login = "/federation?Action=login&Issuer=mfavault&Destination=";
    SecretText::from([signin_url, login, &destination, "&SigninToken=", &token].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::endpoints::{self, EndpointSettings};

    /// What is opened for a region and a place.
    fn opened(region: Option<&str>, place: Option<&str>) -> String {
        let settings = EndpointSettings { region: region.map(str::to_owned), ..EndpointSettings::default() };
        let console = endpoints::console(&settings).expect("a console");
        let destination = destination::url(&console.console_url, region, place).expect("a destination");
        address(&console.signin_url, &destination, &SecretText::from("a+b/c=_-")).expose().clone()
    }

    #[test]
    fn the_address_is_of_the_regions_partition() {
        for (region, place, signin, destination) in [
            (
                Some("eu-central-1"),
                None,
                "eu-central-1.signin.aws.amazon.com",
                "eu-central-1.console.aws.amazon.com%2Fconsole%2Fhome%3Fregion%3Deu-central-1",
            ),
            (None, None, "signin.aws.amazon.com", "console.aws.amazon.com%2Fconsole%2Fhome"),
            (None, Some("iam#/users"), "signin.aws.amazon.com", "console.aws.amazon.com%2Fiam%23%2Fusers"),
            (
                Some("cn-north-1"),
                Some("s3"),
                "signin.amazonaws.cn",
                "console.amazonaws.cn%2Fs3%2Fhome%3Fregion%3Dcn-north-1",
            ),
            (
                Some("us-gov-west-1"),
                Some("ec2/home#Instances:"),
                "signin.amazonaws-us-gov.com",
                "console.amazonaws-us-gov.com%2Fec2%2Fhome%3Fregion%3Dus-gov-west-1%23Instances%3A",
            ),
        ] {
            let expected = format!(
                "https://{signin}/federation?Action=login&Issuer=mfavault&Destination=https%3A%2F%2F{destination}\
                 &SigninToken=a%2Bb%2Fc%3D_-"
            );
            assert_eq!(opened(region, place), expected);
        }
    }
}
