//! From a profile to credentials, for the commands that hand them out: resolve, plan, obtain.

use std::time::Duration;

use super::{Context, Error};
use crate::{
    aws::{
        SessionPolicy,
        endpoints::{self, ConsoleEndpoints, EndpointSettings, Endpoints, StsRegionalEndpoints},
    },
    credentials::Credentials,
    mfa::{AuthenticationCode, SerialNumber},
    profile::{self, Chain, CredentialSource, Origin, Profile, ProfileName, Setting},
    prompt::{Nobody, Prompt},
    session::{EnvironmentKeys, Obtained, Obtainer, Places, Plan, Wishes, plan},
};

/// Which session is wanted, and how.
pub struct SessionRequest {
    /// For which profile.
    pub profile: ProfileName,
    /// How long the session lasts.
    pub duration: Option<Duration>,
    /// Whether GetSessionToken is left out.
    pub no_session: bool,
    /// What the session may do at most.
    pub session_policy: SessionPolicy,
    /// Whether the credentials are to sign in to the console.
    pub for_console: bool,
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
            session_policy: SessionPolicy::default(),
            for_console: false,
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
        // Half a key pair there is nobody's business unless it is asked for.
        let source = chain.source();
        let keys = match source
            .credential_source
            .as_ref()
            .filter(|_| source.role_arn.is_some())
            .map(|setting| setting.value)
        {
            Some(CredentialSource::Environment) => environment.credentials()?,
            _ => None,
        };
        let wishes = Wishes {
            duration: self.duration,
            user_duration: environment.user_duration.clone(),
            role_duration: environment.role_duration.clone(),
            no_session: self.no_session,
            serial_number,
            environment_serial_number: environment.mfa_serial.clone().map(|setting| setting.value),
            environment_keys: keys.map(|keys| EnvironmentKeys {
                access_key_id: keys.access_key_id().clone(),
                is_session: keys.session_token().is_some(),
            }),
            session_name: context.role_session_name(),
            session_policy: self.session_policy.clone(),
            for_console: self.for_console,
        };
        Ok(plan(&chain, &index, self.places(context, Some(&chain))?, &wishes)?)
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
        Ok(self.places(context, chain.as_ref())?.endpoints)
    }

    /// Where the console is for the profile.
    ///
    /// # Errors
    /// As [`SessionRequest::plan`].
    pub fn console(&self, context: &Context<'_>) -> Result<ConsoleEndpoints, Error> {
        let shared = context.shared_config()?;
        let chain = match shared.contains(&self.profile) {
            true => Some(profile::chain(shared, &self.profile, &|_| true)?),
            false => None,
        };
        let (settings, ..) = self.endpoint_settings(context, chain.as_ref());
        Ok(endpoints::console(&settings)?)
    }

    /// The region, and where STS and IAM are: the option, the environment, the profile and its sources.
    fn places(&self, context: &Context<'_>, chain: Option<&Chain>) -> Result<Places, Error> {
        let (settings, region, set_by) = self.endpoint_settings(context, chain);
        let environment = context.environment;
        let origin = |setting: Option<Origin>| setting.map(|origin| origin.to_string());
        let switched_on = |said: Option<Setting<bool>>| said.filter(|said| said.value).map(|said| said.origin);
        let chosen_by = [
            switched_on(setting(&environment.use_fips_endpoint, chain, |profile| profile.use_fips_endpoint.as_ref())),
            switched_on(setting(&environment.use_dualstack_endpoint, chain, |profile| {
                profile.use_dualstack_endpoint.as_ref()
            })),
            setting(&environment.sts_regional_endpoints, chain, |profile| profile.sts_regional_endpoints.as_ref())
                .map(|said| said.origin),
        ];
        let chosen_by: Vec<String> = chosen_by.into_iter().filter_map(origin).collect();
        let endpoint_origin = set_by.or_else(|| (!chosen_by.is_empty()).then(|| chosen_by.join(", ")));
        let ca_bundle = setting(&environment.ca_bundle, chain, |profile| profile.ca_bundle.as_ref());
        let ca_bundle_origin = origin(ca_bundle.map(|said| said.origin));
        let sso = chain.and_then(|chain| chain.source().sso.as_ref());
        let sso = sso.map(|sso| endpoints::sso(&settings, &sso.region.value)).transpose()?;
        let endpoints = endpoints::resolve(&settings)?;
        Ok(Places { region, endpoints, endpoint_origin, ca_bundle_origin, sso })
    }

    /// What was said of regions and endpoints; the region, and who set the endpoint of STS.
    fn endpoint_settings(
        &self,
        context: &Context<'_>,
        chain: Option<&Chain>,
    ) -> (EndpointSettings, Option<Setting<String>>, Option<String>) {
        let environment = context.environment;
        let asked = self.region.clone().map(|value| Setting { value, origin: Origin::Option("--region") });
        let region = asked.or_else(|| setting(&environment.region, chain, |profile| profile.region.as_ref()));
        let configured = || setting(&None, chain, |profile| profile.endpoint_url.as_ref());
        let of_service = |service: &Option<Setting<String>>, of: fn(&Profile) -> Option<&Setting<String>>| {
            let in_environment = service.clone().or_else(|| environment.endpoint_url.clone());
            in_environment.or_else(|| setting(&None, chain, of)).or_else(configured)
        };
        let sts = of_service(&environment.sts_endpoint_url, |profile| profile.service_endpoints.sts.as_ref());
        let endpoint_origin = sts.as_ref().map(|setting| setting.origin.to_string());
        let value = |setting: Option<Setting<String>>| setting.map(|setting| setting.value);
        let regional =
            said(&environment.sts_regional_endpoints, chain, |profile| profile.sts_regional_endpoints.as_ref());
        let settings = EndpointSettings {
            region: value(region.clone()),
            endpoint_url: None,
            endpoint_url_sts: value(sts),
            endpoint_url_iam: value(of_service(&environment.iam_endpoint_url, |profile| {
                profile.service_endpoints.iam.as_ref()
            })),
            endpoint_url_sso: value(of_service(&environment.sso_endpoint_url, |profile| {
                profile.service_endpoints.sso.as_ref()
            })),
            endpoint_url_sso_oidc: value(of_service(&environment.sso_oidc_endpoint_url, |profile| {
                profile.service_endpoints.sso_oidc.as_ref()
            })),
            endpoint_url_signin: value(
                environment
                    .signin_endpoint_url
                    .clone()
                    .or_else(|| environment.endpoint_url.clone())
                    .or_else(configured),
            ),
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
        (settings, region, endpoint_origin)
    }

    /// Obtains the credentials of a plan, and says what a person should know of it.
    ///
    /// # Errors
    /// As [`crate::session::ObtainError`] says.
    pub fn obtain(&self, context: &Context<'_>, plan: &Plan) -> Result<Credentials, Error> {
        Ok(self.obtain_with_mfa(context, plan)?.credentials)
    }

    /// As [`SessionRequest::obtain`], with what is known of the MFA behind them.
    ///
    /// # Errors
    /// As [`SessionRequest::obtain`].
    pub fn obtain_with_mfa(&self, context: &Context<'_>, plan: &Plan) -> Result<Obtained, Error> {
        self.obtain_with(context, plan, context.prompt, &*context.browse)
    }

    /// As [`SessionRequest::obtain`], when nobody looks any more: no question is asked and no page opened, and what is
    /// said goes to a listener.
    ///
    /// # Errors
    /// As [`SessionRequest::obtain`].
    pub fn obtain_unattended(
        &self,
        context: &Context<'_>,
        plan: &Plan,
        listener: &dyn Fn(&str),
    ) -> Result<Credentials, Error> {
        let nobody = Nobody::heard_by(listener, "nobody is asked after the start");
        Ok(self.obtain_with(context, plan, &nobody, &|_| false)?.credentials)
    }

    fn obtain_with(
        &self,
        context: &Context<'_>,
        plan: &Plan,
        prompt: &dyn Prompt,
        browse: &dyn Fn(&str) -> bool,
    ) -> Result<Obtained, Error> {
        let last = plan.steps.last().and_then(|last| last.duration);
        if let Some(duration) = last.filter(|duration| self.min_ttl >= *duration) {
            let half = duration.as_secs() / 120;
            prompt.say(&format!(
                "note: a session never lasts longer than it was made for; taking {half} min for --min-ttl"
            ));
        }
        for note in &plan.notes {
            prompt.say(&format!("note: {note}"));
        }
        let obtainer = Obtainer {
            vault: context.vault,
            aws: context.aws,
            clock: context.clock,
            prompt,
            min_ttl: self.min_ttl,
            refresh: self.refresh,
            environment: context.environment,
            browse,
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
    setting(environment, chain, of).map(|setting| setting.value)
}

/// The same with its origin.
fn setting<T: Clone>(
    environment: &Option<Setting<T>>,
    chain: Option<&Chain>,
    of: impl Fn(&Profile) -> Option<&Setting<T>>,
) -> Option<Setting<T>> {
    let configured = || chain?.profiles().find_map(&of);
    environment.as_ref().or_else(configured).cloned()
}
