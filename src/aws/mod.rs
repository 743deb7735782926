//! Edge: AWS over the network. The trait [`Aws`] in our own types; below it, the only code that speaks HTTP to AWS.
//!
//! Requests are those of the IAM and STS Query APIs (version 2010-05-08 and 2011-06-15), signed with Signature
//! Version 4, of IAM Identity Center (SSO and SSO OIDC, version 2019-06-10), and of the console's federation endpoint.
//! One call, one answer: patience with throttling lives here, what to do next does not.

use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::{
    arn::Arn,
    credentials::{AccessKeyId, LongTermCredentials, SessionCredentials},
    mfa::{AuthenticationCode, Seed, SerialNumber},
    profile::SessionTag,
    secret::SecretText,
};

mod access_keys;
mod answer;
mod client;
mod connection;
pub mod endpoints;
mod federation;
mod query;
mod refusal;
mod server_time;
pub mod sigv4;
mod sso;
mod sts;
#[cfg(test)]
mod tests;
mod transport;

pub use access_keys::{CreatedAccessKey, CredentialReport, ListedAccessKey};
pub use client::HttpAws;
pub use connection::ConnectionSettings;
pub use transport::TimeSource;

/// Who signs a request.
#[derive(Clone, Copy, Debug)]
pub enum Signer<'a> {
    /// A user's own access key.
    LongTerm(&'a LongTermCredentials),
    /// Session credentials.
    Session(&'a SessionCredentials),
}

/// A caller: who signs, and where the services are.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Who signs.
    pub signer: Signer<'a>,
    /// Where STS and IAM are, as resolved from environment and profile.
    pub endpoints: &'a endpoints::Endpoints,
}

/// The answer of GetCallerIdentity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The twelve digits.
    pub account_id: String,
    /// Who signed, such as `arn:aws:iam::123456789012:user/alice`.
    pub arn: Arn,
    /// The unique ID, such as `AIDA…`.
    pub user_id: String,
}

/// A device and its code, as STS wants them.
#[derive(Clone, Debug)]
pub struct MfaProof {
    /// Which device.
    pub serial_number: SerialNumber,
    /// Its code; spent when this is sent.
    pub code: AuthenticationCode,
}

/// What AssumeRole is asked for.
#[derive(Clone, Debug)]
pub struct AssumeRoleRequest {
    /// Which role.
    pub role_arn: Arn,
    /// How the session is called in CloudTrail.
    pub role_session_name: String,
    /// For how long: 15 min to 12 h.
    pub duration: Duration,
    /// What the role's owner agreed with its users.
    pub external_id: Option<String>,
    /// Put on the session.
    pub tags: Vec<SessionTag>,
    /// Keys of the tags that go on to the next role.
    pub transitive_tag_keys: Vec<String>,
    /// Who is behind the session, for CloudTrail; kept through all further roles.
    pub source_identity: Option<String>,
    /// What the session may do at most.
    pub session_policy: SessionPolicy,
    /// For roles that demand MFA directly.
    pub mfa: Option<MfaProof>,
}

/// Narrows a session down: it may do what both its role and these allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPolicy {
    /// A policy document in JSON.
    pub document: Option<String>,
    /// Managed policies, at most ten.
    pub arns: Vec<String>,
}

impl SessionPolicy {
    /// Allows everything: what a session may do then is what its user may.
    pub fn of_the_user() -> Self {
        let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        SessionPolicy { document: Some(all.to_owned()), arns: Vec::new() }
    }
}

/// What AssumeRoleWithWebIdentity is asked for; nobody signs it.
#[derive(Clone, Debug)]
pub struct WebIdentityRequest {
    /// Which role.
    pub role_arn: Arn,
    /// How the session is called in CloudTrail.
    pub role_session_name: String,
    /// For how long: 15 min to 12 h.
    pub duration: Duration,
    /// What the identity provider gave.
    pub token: SecretText,
    /// What the session may do at most.
    pub session_policy: SessionPolicy,
}

/// This program as IAM Identity Center knows it (RegisterClient).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredClient {
    /// `clientId`.
    pub client_id: String,
    /// `clientSecret`.
    pub client_secret: SecretText,
    /// When it has to register again, by AWS's clock.
    pub expiration: SystemTime,
}

/// A sign-in that a person has yet to approve in a browser (StartDeviceAuthorization).
#[derive(Clone, Debug)]
pub struct DeviceAuthorization {
    /// What the token is asked with.
    pub device_code: SecretText,
    /// What the person compares, such as `ABCD-EFGH`.
    pub user_code: String,
    /// Where the person types the code.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: String,
    /// How long the person has.
    pub expires_in: Duration,
    /// How often the token may be asked for.
    pub interval: Duration,
}

/// What a token is asked for with (CreateToken).
#[derive(Clone, Copy, Debug)]
pub enum Grant<'a> {
    /// A sign-in approved by a person.
    DeviceCode(&'a SecretText),
    /// The token of before.
    RefreshToken(&'a SecretText),
}

/// Somebody who is signed in at IAM Identity Center.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoToken {
    /// For GetRoleCredentials.
    pub access_token: SecretText,
    /// Until when, by AWS's clock.
    pub expiration: SystemTime,
    /// For the next token, if there may be one without a person.
    pub refresh_token: Option<SecretText>,
}

/// A device as CreateVirtualMFADevice made it. The seed is given this once only.
#[derive(Debug)]
pub struct CreatedDevice {
    /// Its ARN.
    pub serial_number: SerialNumber,
    /// `Base32StringSeed`, decoded.
    pub seed: Seed,
}

/// A device as ListMFADevices shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnabledDevice {
    /// Its ARN, or number.
    pub serial_number: SerialNumber,
    /// Whose it is.
    pub user_name: String,
    /// Since when, by AWS's clock.
    pub enabled: SystemTime,
}

/// A virtual device as ListVirtualMFADevices shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedDevice {
    /// Its ARN.
    pub serial_number: SerialNumber,
    /// The ARN of the user or root who has it; none if it is unassigned: never enabled, or deactivated.
    pub owner: Option<Arn>,
}

/// The calls we make to AWS. Each method is one API operation of the same name.
///
/// # Errors
/// Every method: as [`AwsError`] says.
pub trait Aws {
    /// STS GetCallerIdentity: needs no permission.
    fn get_caller_identity(&self, caller: Caller<'_>) -> Result<CallerIdentity, AwsError>;
    /// STS GetSessionToken: long-term credentials only; 15 min to 36 h.
    fn get_session_token(
        &self,
        caller: Caller<'_>,
        duration: Duration,
        mfa: Option<&MfaProof>,
    ) -> Result<SessionCredentials, AwsError>;
    /// STS AssumeRole.
    fn assume_role(&self, caller: Caller<'_>, request: &AssumeRoleRequest) -> Result<SessionCredentials, AwsError>;
    /// STS AssumeRoleWithWebIdentity; not signed.
    fn assume_role_with_web_identity(
        &self,
        endpoints: &endpoints::Endpoints,
        request: &WebIdentityRequest,
    ) -> Result<SessionCredentials, AwsError>;
    /// STS GetFederationToken: long-term credentials only; 15 min to 36 h; the session may do what user and policy allow.
    fn get_federation_token(
        &self,
        caller: Caller<'_>,
        name: &str,
        session_policy: &SessionPolicy,
        duration: Duration,
    ) -> Result<SessionCredentials, AwsError>;
    /// The federation endpoint's `getSigninToken`: valid for 15 minutes. `duration` is the console session's, 15 min to
    /// 12 h; AWS refuses one for GetFederationToken's credentials and for those of chained roles.
    fn get_signin_token(
        &self,
        console: &endpoints::ConsoleEndpoints,
        credentials: &SessionCredentials,
        duration: Option<Duration>,
    ) -> Result<SecretText, AwsError>;
    /// SSO OIDC RegisterClient, as a public client.
    fn register_client(
        &self,
        sso: &endpoints::SsoEndpoints,
        name: &str,
        scopes: &[String],
    ) -> Result<RegisteredClient, AwsError>;
    /// SSO OIDC StartDeviceAuthorization.
    fn start_device_authorization(
        &self,
        sso: &endpoints::SsoEndpoints,
        client: &RegisteredClient,
        start_url: &str,
    ) -> Result<DeviceAuthorization, AwsError>;
    /// SSO OIDC CreateToken, asked once: `AuthorizationPending` and `SlowDown` are for the caller to wait on.
    fn create_token(
        &self,
        sso: &endpoints::SsoEndpoints,
        client: &RegisteredClient,
        grant: Grant<'_>,
    ) -> Result<SsoToken, AwsError>;
    /// SSO GetRoleCredentials; the permission set says how long they last.
    fn get_role_credentials(
        &self,
        sso: &endpoints::SsoEndpoints,
        access_token: &SecretText,
        account_id: &str,
        role_name: &str,
    ) -> Result<SessionCredentials, AwsError>;
    /// IAM CreateVirtualMFADevice. What stands before the last slash of the name is its path.
    fn create_virtual_mfa_device(&self, caller: Caller<'_>, name: &str) -> Result<CreatedDevice, AwsError>;
    /// IAM EnableMFADevice, with the codes of two consecutive time steps in order.
    fn enable_mfa_device(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        serial_number: &SerialNumber,
        codes: [&AuthenticationCode; 2],
    ) -> Result<(), AwsError>;
    /// IAM ResyncMFADevice, with the codes of two consecutive time steps in order.
    fn resync_mfa_device(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        serial_number: &SerialNumber,
        codes: [&AuthenticationCode; 2],
    ) -> Result<(), AwsError>;
    /// IAM ListMFADevices of one user, all pages.
    fn list_mfa_devices(&self, caller: Caller<'_>, user_name: &str) -> Result<Vec<EnabledDevice>, AwsError>;
    /// IAM DeactivateMFADevice: AWS demands the device no more; it and its seed stay, unassigned.
    fn deactivate_mfa_device(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        serial_number: &SerialNumber,
    ) -> Result<(), AwsError>;
    /// IAM ListVirtualMFADevices of the account, all pages.
    fn list_virtual_mfa_devices(&self, caller: Caller<'_>) -> Result<Vec<ListedDevice>, AwsError>;
    /// IAM DeleteVirtualMFADevice: the device must not be enabled.
    fn delete_virtual_mfa_device(&self, caller: Caller<'_>, serial_number: &SerialNumber) -> Result<(), AwsError>;
    /// IAM CreateAccessKey. Never sent twice by itself: each time makes a key.
    fn create_access_key(&self, caller: Caller<'_>, user_name: &str) -> Result<CreatedAccessKey, AwsError>;
    /// IAM ListAccessKeys of one user, all pages.
    fn list_access_keys(&self, caller: Caller<'_>, user_name: &str) -> Result<Vec<ListedAccessKey>, AwsError>;
    /// IAM UpdateAccessKey: makes a key active or inactive.
    fn update_access_key(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        access_key_id: &AccessKeyId,
        active: bool,
    ) -> Result<(), AwsError>;
    /// IAM DeleteAccessKey: for ever.
    fn delete_access_key(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        access_key_id: &AccessKeyId,
    ) -> Result<(), AwsError>;
    /// IAM GetAccessKeyLastUsed: when AWS last saw the key, some minutes late; none if never.
    fn get_access_key_last_used(
        &self,
        caller: Caller<'_>,
        access_key_id: &AccessKeyId,
    ) -> Result<Option<SystemTime>, AwsError>;
    /// IAM GenerateCredentialReport: has the account's report made, unless there is one; says whether it is there.
    fn generate_credential_report(&self, caller: Caller<'_>) -> Result<bool, AwsError>;
    /// IAM GetCredentialReport.
    fn get_credential_report(&self, caller: Caller<'_>) -> Result<CredentialReport, AwsError>;
    /// How far AWS's clock is ahead of ours by the last answer's `Date`; none before the first answer, and zero when
    /// the difference is within the measure's own error of one second.
    fn clock_offset(&self) -> Option<ClockOffset>;
}

/// How far AWS's clock is from ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockOffset {
    /// Seconds that AWS is ahead; negative if it is behind.
    pub seconds: i64,
}

impl ClockOffset {
    /// A time of AWS's clock as this machine's shows it.
    pub fn unapply(self, aws: SystemTime) -> SystemTime {
        ClockOffset { seconds: self.seconds.saturating_neg() }.apply(aws)
    }

    /// A local time as AWS's clock shows it.
    pub fn apply(self, local: SystemTime) -> SystemTime {
        let distance = Duration::from_secs(self.seconds.unsigned_abs());
        let shifted = if self.seconds < 0 { local.checked_sub(distance) } else { local.checked_add(distance) };
        shifted.unwrap_or(local)
    }
}

/// Why AWS did not give what was asked, by what the caller can do about it.
#[derive(Debug, Error)]
pub enum AwsError {
    /// The code was wrong, too old or already used: `MultiFactorAuthentication failed with invalid MFA one time pass
    /// code`, or IAM's `InvalidAuthenticationCode`.
    #[error("{operation}: AWS did not take the authentication code")]
    InvalidAuthenticationCode {
        /// The API operation.
        operation: &'static str,
    },
    /// STS could not check a code: wrong serial number, not this user's, not yet known there, or nine codes were tried
    /// within three minutes (`unable to validate MFA code`).
    #[error("{operation}: AWS could not validate a code of this MFA device for this user")]
    UnknownSerialNumber {
        /// The API operation.
        operation: &'static str,
    },
    /// A policy forbids it, or none allows it.
    #[error("{operation}: access denied: {message}")]
    AccessDenied {
        /// The API operation.
        operation: &'static str,
        /// AWS's own words, without control characters.
        message: String,
    },
    /// The access key is unknown, inactive or deleted, its secret is wrong, or the session token is not valid; or an
    /// identity provider's token is not good, or not any more; or IAM Identity Center does not know this client.
    #[error("{operation}: AWS does not accept these credentials: {message}")]
    InvalidCredentials {
        /// The API operation.
        operation: &'static str,
        /// AWS's own words, without control characters.
        message: String,
    },
    /// Nobody has approved the sign-in yet: ask again after the interval.
    #[error("{operation}: the sign-in is not approved yet")]
    AuthorizationPending {
        /// The API operation.
        operation: &'static str,
    },
    /// As `AuthorizationPending`, and the interval is to grow by five seconds (RFC 8628, section 3.5).
    #[error("{operation}: the sign-in is not approved yet, and was asked for too often")]
    SlowDown {
        /// The API operation.
        operation: &'static str,
    },
    /// The sign-in was not approved in time, or the token that was to be refreshed is good no more: sign in anew.
    #[error("{operation}: the sign-in is over: {message}")]
    SignInOver {
        /// The API operation.
        operation: &'static str,
        /// AWS's own words, without control characters.
        message: String,
    },
    /// The session is over.
    #[error("{operation}: the session credentials have expired")]
    Expired {
        /// The API operation.
        operation: &'static str,
    },
    /// The session would be longer than the role allows, or longer than the hour of a role that is assumed with another
    /// session's credentials.
    #[error("{operation}: {message}")]
    DurationTooLong {
        /// The API operation.
        operation: &'static str,
        /// AWS's own words, without control characters.
        message: String,
    },
    /// AWS asked for patience more often than we have it.
    #[error("{operation}: AWS is throttling requests")]
    Throttled {
        /// The API operation.
        operation: &'static str,
    },
    /// A quota of the account, such as eight devices per user.
    #[error("{operation}: {message}")]
    LimitExceeded {
        /// The API operation.
        operation: &'static str,
        /// AWS's own words, without control characters.
        message: String,
    },
    /// The name is taken.
    #[error("{operation}: {message}")]
    AlreadyExists {
        /// The API operation.
        operation: &'static str,
        /// AWS's own words, without control characters.
        message: String,
    },
    /// There is no such user, device, account or permission set.
    #[error("{operation}: {message}")]
    NoSuchEntity {
        /// The API operation.
        operation: &'static str,
        /// AWS's own words, without control characters.
        message: String,
    },
    /// This machine's clock and AWS's are too far apart for signatures.
    #[error("this machine's clock is {} s {} AWS's", offset.seconds.unsigned_abs(), if offset.seconds < 0 { "ahead of" } else { "behind" })]
    ClockSkew {
        /// How far AWS is ahead.
        offset: ClockOffset,
    },
    /// The settings for the connection make none; nothing was sent.
    #[error("{setting}: {reason}")]
    InvalidSettings {
        /// Which setting: `the CA bundle` or `the proxy`.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer came; the request may or may not have arrived.
    #[error("{operation}: no answer from {endpoint}: {reason}")]
    Unreachable {
        /// The API operation.
        operation: &'static str,
        /// Host and port, without path or query.
        endpoint: String,
        /// What the network said.
        reason: String,
        /// Whether it was sent: then AWS may have acted on it, and a code in it is spent.
        sent: bool,
    },
    /// An answer came that makes no sense, such as credentials that have expired already.
    #[error("{operation}: AWS's answer cannot be used: {reason}")]
    UnusableAnswer {
        /// The API operation.
        operation: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Anything else AWS says.
    #[error("{operation}: {code}: {message} (HTTP {status}, request {request_id})")]
    Service {
        /// The API operation.
        operation: &'static str,
        /// AWS's error code.
        code: String,
        /// AWS's own words, without control characters.
        message: String,
        /// The HTTP status.
        status: u16,
        /// For AWS's support; `unknown` if none came.
        request_id: String,
    },
}
