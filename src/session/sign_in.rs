//! A sign-in at IAM Identity Center, once for all processes: the device authorization grant (RFC 8628), as the SSO OIDC
//! API has it. The tokens rest in the vault.

use std::time::Duration;

use super::{error::ObtainError, obtain::Obtainer, plan::SsoAccess, single_flight::one_for_all, sts_call::may_pass};
use crate::{
    aws::{AwsError, DeviceAuthorization, Grant, RegisteredClient, SsoToken},
    credentials::SessionCredentials,
    secret::SecretText,
    vault::{AuditEvent, CacheKey, SignInRecord},
};

/// How this program calls itself at Identity Center.
const CLIENT_NAME: &str = "mfavault";
/// A token must outlive the call made with it.
const MIN_TTL: Duration = Duration::from_secs(60);
/// What RFC 8628, section 3.5, adds to the interval when it was too short.
const SLOW_DOWN: Duration = Duration::from_secs(5);

impl Obtainer<'_> {
    /// The credentials of a permission set. A token that Identity Center takes no more is replaced once.
    pub(super) fn role_credentials(&self, access: &SsoAccess) -> Result<SessionCredentials, ObtainError> {
        let ask = |token: &SecretText| {
            self.aws.get_role_credentials(&access.endpoints, token, &access.account_id, &access.role_name)
        };
        let token = self.access_token(access, None)?;
        let given = match ask(&token) {
            Err(AwsError::SignInOver { .. }) => ask(&self.access_token(access, Some(&token))?),
            given => given,
        };
        given.map_err(|error| match error {
            AwsError::AccessDenied { .. } | AwsError::NoSuchEntity { .. } => ObtainError::NoPermissionSet {
                account_id: access.account_id.clone(),
                role_name: access.role_name.clone(),
                source: error,
            },
            error => error.into(),
        })
    }

    /// A token that is good: remembered, refreshed, or approved by a person. `refused` is one that is not.
    fn access_token(&self, access: &SsoAccess, refused: Option<&SecretText>) -> Result<SecretText, ObtainError> {
        // A token is for who gave it, and is sent nowhere else.
        let names = [
            access.start_url.as_str(),
            access.region.as_str(),
            access.session.as_deref().unwrap_or(""),
            access.endpoints.portal_url.as_str(),
            access.endpoints.oidc_url.as_str(),
        ];
        let scopes = access.scopes.iter().map(String::as_str);
        let key = CacheKey::of(["sign-in"].into_iter().chain(names).chain(scopes));
        let remembered = || -> Result<Option<SecretText>, ObtainError> {
            let until = self.later_now()? + MIN_TTL;
            let token = self.vault.sign_in(&key)?.map(|sign_in| sign_in.token);
            let token = token.filter(|token| token.expiration > until && refused != Some(&token.access_token));
            Ok(token.map(|token| token.access_token))
        };
        one_for_all(self.vault, self.prompt, &key, remembered, || {
            let sign_in = self.signed_in(access, &key)?;
            let (start_url, expiration) = (access.start_url.as_str(), sign_in.token.expiration);
            self.vault.audit(self.clock.now(), &AuditEvent::SignedIn { start_url, expiration })?;
            if let Err(error) = self.vault.remember_sign_in(&key, &sign_in, self.clock.now()) {
                self.prompt.say(&format!("warning: the sign-in is not remembered: {error}"));
            }
            Ok(sign_in.token.access_token)
        })
    }

    fn signed_in(&self, access: &SsoAccess, key: &CacheKey) -> Result<SignInRecord, ObtainError> {
        let until = self.later_now()? + MIN_TTL;
        let known = self.vault.sign_in(key)?.filter(|sign_in| sign_in.client.expiration > until);
        let start_url = access.start_url.clone();
        let was_known = known.is_some();
        let (client, refresh_token) = match known {
            Some(SignInRecord { client, token, .. }) => (client, token.refresh_token),
            None => (self.aws.register_client(&access.endpoints, CLIENT_NAME, &access.scopes)?, None),
        };
        if let Some(refresh_token) = &refresh_token {
            match self.aws.create_token(&access.endpoints, &client, Grant::RefreshToken(refresh_token)) {
                Ok(token) => {
                    // Identity Center may leave the old one in force.
                    let refresh_token = token.refresh_token.or(Some(refresh_token.clone()));
                    return Ok(SignInRecord { start_url, client, token: SsoToken { refresh_token, ..token } });
                }
                Err(AwsError::SignInOver { .. } | AwsError::InvalidCredentials { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match self.approved(access, &client) {
            // Identity Center has forgotten the registration of before, as after it was set up anew.
            Err(ObtainError::Aws(AwsError::InvalidCredentials { .. })) if was_known => {
                let client = self.aws.register_client(&access.endpoints, CLIENT_NAME, &access.scopes)?;
                let token = self.approved(access, &client)?;
                Ok(SignInRecord { start_url, client, token })
            }
            token => Ok(SignInRecord { start_url, client, token: token? }),
        }
    }

    /// Has a person approve the sign-in in a browser, and waits for it.
    fn approved(&self, access: &SsoAccess, client: &RegisteredClient) -> Result<SsoToken, ObtainError> {
        if !self.prompt.may_ask() {
            // Before Identity Center begins a sign-in that nobody can approve.
            self.show(access, "")?;
        }
        let authorization = self.aws.start_device_authorization(&access.endpoints, client, &access.start_url)?;
        self.point_to(access, &authorization)?;
        let not_signed_in = |source| ObtainError::NotSignedIn { start_url: access.start_url.clone(), source };
        let end = self.clock.now() + authorization.expires_in;
        let mut interval = authorization.interval;
        loop {
            let next = self.clock.now() + interval;
            if next > end {
                return Err(not_signed_in(None));
            }
            self.clock.wait_until(next);
            let grant = Grant::DeviceCode(&authorization.device_code);
            match self.aws.create_token(&access.endpoints, client, grant) {
                Ok(token) => return Ok(token),
                Err(AwsError::AuthorizationPending { .. }) => {}
                Err(AwsError::SlowDown { .. }) => interval += SLOW_DOWN,
                // The person may be signing in meanwhile (RFC 8628, section 3.5).
                Err(error) if may_pass(&error) || matches!(error, AwsError::Unreachable { .. }) => {
                    interval += SLOW_DOWN
                }
                Err(error @ AwsError::SignInOver { .. }) => return Err(not_signed_in(Some(error))),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Opens the page, and shows where it is and the code to compare: whoever approves another code lets somebody else
    /// in.
    fn point_to(&self, access: &SsoAccess, authorization: &DeviceAuthorization) -> Result<(), ObtainError> {
        let DeviceAuthorization { user_code, verification_uri_complete, .. } = authorization;
        let text = format!(
            "Sign in for `{}` and approve the code {user_code}, if it is shown there:\n  {verification_uri_complete}",
            access.session.as_deref().unwrap_or(&access.start_url),
        );
        match self.show(access, &text) {
            Ok(()) => {
                (self.browse)(verification_uri_complete);
                Ok(())
            }
            Err(_) if (self.browse)(verification_uri_complete) => {
                text.lines().for_each(|line| self.prompt.say(line));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn show(&self, access: &SsoAccess, text: &str) -> Result<(), ObtainError> {
        let start_url = access.start_url.clone();
        let instead = "a sign-in before, on a terminal";
        let shown = self.prompt.show(&format!("a sign-in at {start_url}"), text, instead);
        shown.map_err(|source| ObtainError::SignInNeeded { start_url, source })
    }
}
