//! The operations: parameters in, values out. How a request travels is `transport`'s, what an answer means `answer`'s.

use std::time::Duration;

use super::{
    AssumeRoleRequest, Aws, AwsError, Caller, CallerIdentity, ClockOffset, CreatedDevice, EnabledDevice, MfaProof,
    connection::ConnectionSettings,
    transport::{Repeat, Request, Service, TimeSource, Transport},
};
use crate::{
    credentials::SessionCredentials,
    mfa::{AuthenticationCode, SerialNumber},
};

/// A user has eight devices at most; more pages than this are no answer.
const MOST_PAGES: usize = 10;

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
        let (operation, parameters) = ("ListUsers", Vec::new());
        let request = Request { operation, service: Service::Iam, parameters, repeat: Repeat::Harmless };
        self.transport.call(caller, &request)?.user_names()
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
        let parameters = vec![
            ("UserName", user_name),
            ("SerialNumber", serial_number.as_str()),
            ("AuthenticationCode1", codes[0].expose()),
            ("AuthenticationCode2", codes[1].expose()),
        ];
        let request = Request { operation, service: Service::Iam, parameters, repeat: Repeat::SpendsCodes };
        self.transport.call(caller, &request)?.acknowledgement()
    }
}

impl Aws for HttpAws {
    fn get_caller_identity(&self, caller: Caller<'_>) -> Result<CallerIdentity, AwsError> {
        let request = Request {
            operation: "GetCallerIdentity",
            service: Service::Sts,
            parameters: Vec::new(),
            repeat: Repeat::Harmless,
        };
        self.transport.call(caller, &request)?.caller_identity()
    }

    fn get_session_token(
        &self,
        caller: Caller<'_>,
        duration: Duration,
        mfa: Option<&MfaProof>,
    ) -> Result<SessionCredentials, AwsError> {
        let seconds = duration.as_secs().to_string();
        let mut parameters = vec![("DurationSeconds", seconds.as_str())];
        parameters.extend(mfa_parameters(mfa));
        let repeat = repeat_with(mfa);
        let request = Request { operation: "GetSessionToken", service: Service::Sts, parameters, repeat };
        self.transport.call(caller, &request)?.session_credentials(self.transport.aws_now())
    }

    fn assume_role(&self, caller: Caller<'_>, request: &AssumeRoleRequest) -> Result<SessionCredentials, AwsError> {
        let role_arn = request.role_arn.to_string();
        let seconds = request.duration.as_secs().to_string();
        let mut parameters = vec![
            ("RoleArn", role_arn.as_str()),
            ("RoleSessionName", request.role_session_name.as_str()),
            ("DurationSeconds", seconds.as_str()),
        ];
        parameters.extend(request.external_id.as_deref().map(|external_id| ("ExternalId", external_id)));
        parameters.extend(mfa_parameters(request.mfa.as_ref()));
        let repeat = repeat_with(request.mfa.as_ref());
        let request = Request { operation: "AssumeRole", service: Service::Sts, parameters, repeat };
        self.transport.call(caller, &request)?.session_credentials(self.transport.aws_now())
    }

    fn create_virtual_mfa_device(&self, caller: Caller<'_>, name: &str) -> Result<CreatedDevice, AwsError> {
        let request = Request {
            operation: "CreateVirtualMFADevice",
            service: Service::Iam,
            parameters: vec![("Path", "/"), ("VirtualMFADeviceName", name)],
            repeat: Repeat::ChangesTheOutcome,
        };
        self.transport.call(caller, &request)?.created_device()
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
        let operation = "ListMFADevices";
        let mut devices = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut parameters = vec![("UserName", user_name)];
            parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
            let request = Request { operation, service: Service::Iam, parameters, repeat: Repeat::Harmless };
            let page = self.transport.call(caller, &request)?.device_page()?;
            devices.extend(page.devices);
            marker = page.marker;
            if marker.is_none() {
                return Ok(devices);
            }
        }
        Err(AwsError::UnusableAnswer { operation, reason: "the list has no end".to_owned() })
    }

    fn delete_virtual_mfa_device(&self, caller: Caller<'_>, serial_number: &SerialNumber) -> Result<(), AwsError> {
        let request = Request {
            operation: "DeleteVirtualMFADevice",
            service: Service::Iam,
            parameters: vec![("SerialNumber", serial_number.as_str())],
            repeat: Repeat::ChangesTheOutcome,
        };
        self.transport.call(caller, &request)?.acknowledgement()
    }

    fn clock_offset(&self) -> Option<ClockOffset> {
        self.transport.clock_offset()
    }
}

fn mfa_parameters(mfa: Option<&MfaProof>) -> impl Iterator<Item = (&'static str, &str)> {
    mfa.into_iter().flat_map(|mfa| [("SerialNumber", mfa.serial_number.as_str()), ("TokenCode", mfa.code.expose())])
}

fn repeat_with(mfa: Option<&MfaProof>) -> Repeat {
    if mfa.is_some() { Repeat::SpendsCodes } else { Repeat::Harmless }
}
