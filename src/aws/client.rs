//! The operations: parameters in, values out. How a request travels is `transport`'s, what an answer means `answer`'s.

use std::time::{Duration, SystemTime};

use super::{
    AssumeRoleRequest, Aws, AwsError, Caller, CallerIdentity, ClockOffset, CreatedAccessKey, CreatedDevice,
    CredentialReport, DeviceAuthorization, EnabledDevice, Grant, ListedAccessKey, ListedDevice, MfaProof,
    RegisteredClient, SessionPolicy, SsoToken, WebIdentityRequest,
    answer::{Answer, Page},
    connection::ConnectionSettings,
    endpoints::{ConsoleEndpoints, Endpoints, SsoEndpoints},
    federation,
    query::Query,
    sso, sts,
    transport::{Repeat, Request, TimeSource, Transport},
};
use crate::{
    credentials::{AccessKeyId, SessionCredentials},
    mfa::{AuthenticationCode, SerialNumber},
    secret::SecretText,
};

/// An account has at most some ten thousand devices, a hundred on a page; more pages than this are no answer.
const MOST_PAGES: usize = 200;

/// AWS itself, or what the endpoints say stands for it.
pub struct HttpAws {
    transport: Transport,
}

impl HttpAws {
    /// Makes a client. Nothing is connected or read yet; unusable settings show with the first call.
    pub fn new(settings: ConnectionSettings, time: TimeSource) -> Self {
        HttpAws { transport: Transport::new(settings, time) }
    }

    /// IAM ListUsers, first page: the names. The rehearsal's example of what force-MFA policies deny without MFA.
    ///
    /// # Errors
    /// As [`AwsError`] says.
    pub fn list_users(&self, caller: Caller<'_>) -> Result<Vec<String>, AwsError> {
        self.transport.call(&Query::iam("ListUsers").by(caller))?.user_names()
    }

    /// Sends the two codes of EnableMFADevice or ResyncMFADevice.
    fn send_code_pair(
        &self,
        operation: &'static str,
        caller: Caller<'_>,
        user_name: &str,
        serial_number: &SerialNumber,
        codes: [&AuthenticationCode; 2],
    ) -> Result<(), AwsError> {
        let query = Query::iam(operation)
            .with("UserName", user_name)
            .with("SerialNumber", serial_number.as_str())
            .with("AuthenticationCode1", codes[0].expose())
            .with("AuthenticationCode2", codes[1].expose())
            .repeating(Repeat::SpendsCodes);
        self.transport.call(&query.by(caller))?.acknowledgement()
    }

    /// Asks for a list of IAM's to its end.
    fn all_pages<T>(
        &self,
        operation: &'static str,
        user_name: Option<&str>,
        caller: Caller<'_>,
        read: impl Fn(&Answer) -> Result<Page<T>, AwsError>,
    ) -> Result<Vec<T>, AwsError> {
        let mut all = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let query = Query::iam(operation).with_some("UserName", user_name);
            let page = read(&self.transport.call(&query.with_some("Marker", marker.as_deref()).by(caller))?)?;
            all.extend(page.members);
            marker = page.marker;
            if marker.is_none() {
                return Ok(all);
            }
        }
        Err(AwsError::UnusableAnswer { operation, reason: "the list has no end".to_owned() })
    }

    /// Sends a request that AWS answers with session credentials.
    fn session(&self, request: &Request<'_>) -> Result<SessionCredentials, AwsError> {
        self.transport.call(request)?.session_credentials(self.transport.aws_now())
    }
}

impl Aws for HttpAws {
    fn get_caller_identity(&self, caller: Caller<'_>) -> Result<CallerIdentity, AwsError> {
        self.transport.call(&Query::sts("GetCallerIdentity").by(caller))?.caller_identity()
    }

    fn get_session_token(
        &self,
        caller: Caller<'_>,
        duration: Duration,
        mfa: Option<&MfaProof>,
    ) -> Result<SessionCredentials, AwsError> {
        self.session(&sts::get_session_token(duration, mfa).by(caller))
    }

    fn assume_role(&self, caller: Caller<'_>, request: &AssumeRoleRequest) -> Result<SessionCredentials, AwsError> {
        self.session(&sts::assume_role(request).by(caller))
    }

    fn assume_role_with_web_identity(
        &self,
        endpoints: &Endpoints,
        request: &WebIdentityRequest,
    ) -> Result<SessionCredentials, AwsError> {
        self.session(&sts::assume_role_with_web_identity(request).unsigned(endpoints, &request.token))
    }

    fn get_federation_token(
        &self,
        caller: Caller<'_>,
        name: &str,
        session_policy: &SessionPolicy,
        duration: Duration,
    ) -> Result<SessionCredentials, AwsError> {
        self.session(&sts::get_federation_token(name, session_policy, duration).by(caller))
    }

    fn get_signin_token(
        &self,
        console: &ConsoleEndpoints,
        credentials: &SessionCredentials,
        duration: Option<Duration>,
    ) -> Result<SecretText, AwsError> {
        let request = federation::get_signin_token(console, credentials, duration);
        federation::signin_token(&self.transport.call(&request)?)
    }

    fn register_client(&self, sso: &SsoEndpoints, name: &str, scopes: &[String]) -> Result<RegisteredClient, AwsError> {
        let answer = self.transport.call(&sso::register_client(sso, name, scopes))?;
        answer.registered_client(self.transport.aws_now())
    }

    fn start_device_authorization(
        &self,
        sso: &SsoEndpoints,
        client: &RegisteredClient,
        start_url: &str,
    ) -> Result<DeviceAuthorization, AwsError> {
        self.transport.call(&sso::start_device_authorization(sso, client, start_url))?.device_authorization()
    }

    fn create_token(
        &self,
        sso: &SsoEndpoints,
        client: &RegisteredClient,
        grant: Grant<'_>,
    ) -> Result<SsoToken, AwsError> {
        let answer = self.transport.call(&sso::create_token(sso, client, grant))?;
        answer.sso_token(self.transport.aws_now())
    }

    fn get_role_credentials(
        &self,
        sso: &SsoEndpoints,
        access_token: &SecretText,
        account_id: &str,
        role_name: &str,
    ) -> Result<SessionCredentials, AwsError> {
        let answer = self.transport.call(&sso::get_role_credentials(sso, access_token, account_id, role_name))?;
        answer.role_credentials(self.transport.aws_now())
    }

    fn create_virtual_mfa_device(&self, caller: Caller<'_>, name: &str) -> Result<CreatedDevice, AwsError> {
        let (path, name) = match name.strip_prefix('/').unwrap_or(name).rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => ("/".to_owned(), name.strip_prefix('/').unwrap_or(name)),
        };
        let query = Query::iam("CreateVirtualMFADevice")
            .with("Path", path)
            .with("VirtualMFADeviceName", name)
            .repeating(Repeat::ChangesTheOutcome);
        self.transport.call(&query.by(caller))?.created_device()
    }

    fn enable_mfa_device(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        serial_number: &SerialNumber,
        codes: [&AuthenticationCode; 2],
    ) -> Result<(), AwsError> {
        self.send_code_pair("EnableMFADevice", caller, user_name, serial_number, codes)
    }

    fn resync_mfa_device(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        serial_number: &SerialNumber,
        codes: [&AuthenticationCode; 2],
    ) -> Result<(), AwsError> {
        self.send_code_pair("ResyncMFADevice", caller, user_name, serial_number, codes)
    }

    fn list_mfa_devices(&self, caller: Caller<'_>, user_name: &str) -> Result<Vec<EnabledDevice>, AwsError> {
        self.all_pages("ListMFADevices", Some(user_name), caller, Answer::device_page)
    }

    fn deactivate_mfa_device(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        serial_number: &SerialNumber,
    ) -> Result<(), AwsError> {
        let query = Query::iam("DeactivateMFADevice")
            .with("UserName", user_name)
            .with("SerialNumber", serial_number.as_str())
            .repeating(Repeat::ChangesTheOutcome);
        self.transport.call(&query.by(caller))?.acknowledgement()
    }

    fn list_virtual_mfa_devices(&self, caller: Caller<'_>) -> Result<Vec<ListedDevice>, AwsError> {
        self.all_pages("ListVirtualMFADevices", None, caller, Answer::virtual_device_page)
    }

    fn delete_virtual_mfa_device(&self, caller: Caller<'_>, serial_number: &SerialNumber) -> Result<(), AwsError> {
        let query = Query::iam("DeleteVirtualMFADevice")
            .with("SerialNumber", serial_number.as_str())
            .repeating(Repeat::ChangesTheOutcome);
        self.transport.call(&query.by(caller))?.acknowledgement()
    }

    fn create_access_key(&self, caller: Caller<'_>, user_name: &str) -> Result<CreatedAccessKey, AwsError> {
        let query = Query::iam("CreateAccessKey").with("UserName", user_name).repeating(Repeat::ChangesTheOutcome);
        self.transport.call(&query.by(caller))?.created_access_key()
    }

    fn list_access_keys(&self, caller: Caller<'_>, user_name: &str) -> Result<Vec<ListedAccessKey>, AwsError> {
        self.all_pages("ListAccessKeys", Some(user_name), caller, Answer::access_key_page)
    }

    fn update_access_key(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        access_key_id: &AccessKeyId,
        active: bool,
    ) -> Result<(), AwsError> {
        let query = Query::iam("UpdateAccessKey")
            .with("UserName", user_name)
            .with("AccessKeyId", access_key_id.as_str())
            .with("Status", if active { "Active" } else { "Inactive" });
        self.transport.call(&query.by(caller))?.acknowledgement()
    }

    fn delete_access_key(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        access_key_id: &AccessKeyId,
    ) -> Result<(), AwsError> {
        let query = Query::iam("DeleteAccessKey")
            .with("UserName", user_name)
            .with("AccessKeyId", access_key_id.as_str())
            .repeating(Repeat::ChangesTheOutcome);
        self.transport.call(&query.by(caller))?.acknowledgement()
    }

    fn get_access_key_last_used(
        &self,
        caller: Caller<'_>,
        access_key_id: &AccessKeyId,
    ) -> Result<Option<SystemTime>, AwsError> {
        let query = Query::iam("GetAccessKeyLastUsed").with("AccessKeyId", access_key_id.as_str());
        self.transport.call(&query.by(caller))?.last_used()
    }

    fn generate_credential_report(&self, caller: Caller<'_>) -> Result<bool, AwsError> {
        self.transport.call(&Query::iam("GenerateCredentialReport").by(caller))?.is_report_complete()
    }

    fn get_credential_report(&self, caller: Caller<'_>) -> Result<CredentialReport, AwsError> {
        self.transport.call(&Query::iam("GetCredentialReport").by(caller))?.credential_report()
    }

    fn clock_offset(&self) -> Option<ClockOffset> {
        self.transport.clock_offset()
    }
}
