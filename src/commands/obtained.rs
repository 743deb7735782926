//! From a profile to credentials, for the commands that hand them out: resolve, plan, obtain.

use std::time::Duration;

use super::{Context, Error};
use crate::{
    aws::endpoints::{self, EndpointSettings, Endpoints, StsRegionalEndpoints},
    credentials::Credentials,
    mfa::{AuthenticationCode, SerialNumber},
    profile::{self, Chain, Profile, ProfileName, Setting},
    session::{Obtainer, Plan, Wishes, plan},
};

/// Which session is wanted, and how.
pub struct SessionRequest {
    /// For which profile.
    pub profile: ProfileName,
    /// How long the session lasts.
    pub duration: Option<Duration>,
    /// Whether GetSessionToken is left out.
    pub no_session: bool,
    /// The region, before environment and profile.
    pub region: Option<String>,
    /// A code of a device that is not held here.
    pub mfa_code: Option<AuthenticationCode>,
    /// How long the credentials must still be good for.
    pub min_ttl: Duration,
    /// Whether remembered sessions are passed over.
    pub refresh: bool,
}

impl SessionRequest {
    /// How long credentials must still be good for unless asked otherwise.
    pub const MIN_TTL: Duration = Duration::from_secs(5 * 60);

    /// The session of a profile as it comes without any option.
    pub fn plain(profile: ProfileName) -> Self {
        SessionRequest {
            profile,
            duration: None,
            no_session: false,
            region: None,
            mfa_code: None,
            min_ttl: Self::MIN_TTL,
            refresh: false,
        }
    }

    /// Decides which calls it takes.
    ///
    /// # Errors
    /// If the profile cannot be resolved, then `Profile`; if an endpoint setting cannot be used, then `Endpoint`; if
    /// there is no way, then `Plan`.
    pub fn plan(&self, context: &Context<'_>) -> Result<Plan, Error> {
        self.plan_with(context, None)
    }

    /// As [`SessionRequest::plan`], with this serial number whatever the config says.
    ///
    /// # Errors
    /// As [`SessionRequest::plan`].
    pub fn plan_with_serial(&self, context: &Context<'_>, serial_number: &SerialNumber) -> Result<Plan, Error> {
        self.plan_with(context, Some(serial_number.clone()))
    }

    fn plan_with(&self, context: &Context<'_>, serial_number: Option<SerialNumber>) -> Result<Plan, Error> {
        let index = context.vault.index()?;
        let has_keys = |name: &ProfileName| index.keys.contains_key(name);
        let chain = profile::chain(context.shared_config()?, &self.profile, &has_keys)?;
        let environment = context.environment;
        let (region, endpoints) = self.places(context, Some(&chain))?;
        let wishes = Wishes {
            duration: self.duration,
            no_session: self.no_session,
            serial_number,
            environment_serial_number: environment.mfa_serial.clone().map(|setting| setting.value),
            session_name: context.role_session_name(),
        };
        Ok(plan::plan(&chain, &index, region, endpoints, &wishes)?)
    }

    /// Where STS and IAM are for the profile, or for one that is yet to be written.
    ///
    /// # Errors
    /// As [`SessionRequest::plan`].
    pub fn endpoints(&self, context: &Context<'_>) -> Result<Endpoints, Error> {
        let shared = context.shared_config()?;
        let chain = match shared.contains(&self.profile) {
            true => Some(profile::chain(shared, &self.profile, &|_| true)?),
            false => None,
        };
        Ok(self.places(context, chain.as_ref())?.1)
    }

    /// The region, and where STS and IAM are: the option, the environment, the profile and its sources.
    fn places(&self, context: &Context<'_>, chain: Option<&Chain>) -> Result<(Option<String>, Endpoints), Error> {
        let environment = context.environment;
        let region =
            self.region.clone().or_else(|| said(&environment.region, chain, |profile| profile.region.as_ref()));
        let everywhere = environment.endpoint_url.as_ref().map(|setting| setting.value.clone());
        let configured = || said(&None, chain, |profile| profile.endpoint_url.as_ref());
        let of_service = |service: &Option<Setting<String>>, of: fn(&Profile) -> Option<&Setting<String>>| {
            said(service, None, of)
                .or_else(|| everywhere.clone())
                .or_else(|| said(&None, chain, of))
                .or_else(configured)
        };
        let regional =
            said(&environment.sts_regional_endpoints, chain, |profile| profile.sts_regional_endpoints.as_ref());
        let settings = EndpointSettings {
            region: region.clone(),
            endpoint_url: None,
            endpoint_url_sts: of_service(&environment.sts_endpoint_url, |profile| profile.sts_endpoint_url.as_ref()),
            endpoint_url_iam: of_service(&environment.iam_endpoint_url, |profile| profile.iam_endpoint_url.as_ref()),
            sts_regional_endpoints: match regional {
                Some(profile::StsRegionalEndpoints::Legacy) => StsRegionalEndpoints::Legacy,
                _ => StsRegionalEndpoints::Regional,
            },
            use_fips: said(&environment.use_fips_endpoint, chain, |profile| profile.use_fips_endpoint.as_ref())
                .unwrap_or(false),
            use_dualstack: said(&environment.use_dualstack_endpoint, chain, |profile| {
                profile.use_dualstack_endpoint.as_ref()
            })
            .unwrap_or(false),
            ca_bundle: said(&environment.ca_bundle, chain, |profile| profile.ca_bundle.as_ref())
                .map(|path| environment.expand_home(&path)),
        };
        Ok((region, endpoints::resolve(&settings)?))
    }

    /// Obtains the credentials of a plan, and says what a person should know of it.
    ///
    /// # Errors
    /// As [`crate::session::ObtainError`] says.
    pub fn obtain(&self, context: &Context<'_>, plan: &Plan) -> Result<Credentials, Error> {
        if let Some(last) = plan.steps.last().filter(|last| self.min_ttl >= last.duration) {
            let half = last.duration.as_secs() / 120;
            context.prompt.say(&format!(
                "note: a session never lasts longer than it was made for; taking {half} min for --min-ttl"
            ));
        }
        for note in &plan.notes {
            context.prompt.say(&format!("note: {note}"));
        }
        let obtainer = Obtainer {
            vault: context.vault,
            aws: context.aws,
            clock: context.clock,
            prompt: context.prompt,
            min_ttl: self.min_ttl,
            refresh: self.refresh,
            inherited: &context.environment.inherited,
            given_code: self.mfa_code.clone(),
        };
        Ok(obtainer.obtain(plan)?)
    }
}

/// What the environment says, else the first profile of the chain that says anything.
fn said<T: Clone>(
    environment: &Option<Setting<T>>,
    chain: Option<&Chain>,
    of: impl Fn(&Profile) -> Option<&Setting<T>>,
) -> Option<T> {
    let configured = || chain?.profiles().find_map(&of);
    environment.as_ref().or_else(configured).map(|setting| setting.value.clone())
}
