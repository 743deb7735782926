//! One request of the Query APIs from beginning to end: fault, signature, operation, answer, log.

use std::time::SystemTime;

use time::OffsetDateTime;

use super::{
    LoggedRequest, Shared,
    error::ServiceError,
    exchange::exchange,
    iam_account, iam_devices, iam_keys, random, report,
    request::{Parameters, authenticate, claimed_access_key_id},
    sts,
    web_identity::assume_role_with_web_identity,
    world::{Caller, Identity, World},
    xml,
};
use crate::http_server::{HttpRequest, HttpResponse};

/// What an operation works on.
pub(super) struct Call<'a> {
    pub(super) world: &'a mut World,
    pub(super) caller: Caller,
    pub(super) parameters: &'a Parameters,
    pub(super) now: SystemTime,
}

/// The inside of the answer's `…Result`; empty for operations without one.
pub(super) type Reply = Result<String, ServiceError>;

/// One of the two services.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    Iam,
    Sts,
}

impl Service {
    fn of_version(version: &str) -> Option<Self> {
        match version {
            "2010-05-08" => Some(Service::Iam),
            "2011-06-15" => Some(Service::Sts),
            _ => None,
        }
    }

    fn signing_name(self) -> &'static str {
        match self {
            Service::Iam => "iam",
            Service::Sts => "sts",
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Service::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Service::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        }
    }
}

/// Answers a request to `/`.
pub(super) fn answer(shared: &Shared, request: &HttpRequest) -> HttpResponse {
    let now = shared.now();
    let parameters = Parameters::of(request);
    let action = parameters.get("Action").unwrap_or_default();
    let version = parameters.get("Version").unwrap_or_default();
    let service = Service::of_version(version);
    let is_served = matches!(request.method.as_str(), "GET" | "POST") && request.path == "/";
    let entry = LoggedRequest {
        access_key_id: claimed_access_key_id(request),
        role: parameters.get("RoleArn").map(str::to_owned),
        serial_number: parameters.get("SerialNumber").map(str::to_owned),
        with_code: ["TokenCode", "AuthenticationCode1"].iter().any(|name| parameters.get(name).is_some()),
        duration_seconds: parameters.get("DurationSeconds").and_then(|text| text.parse().ok()),
        ..LoggedRequest::new(action, now)
    };
    let act = |entry: &mut LoggedRequest| match service {
        Some(Service::Sts) if is_served && action == "AssumeRoleWithWebIdentity" => {
            let (user, reply) = assume_role_with_web_identity(&mut shared.world(), &parameters, now);
            entry.user = user;
            reply
        }
        Some(service) if is_served => {
            let (user, reply) = act(shared, request, &parameters, service, now);
            entry.user = user;
            reply
        }
        _ => Err(ServiceError::invalid_action(action, version)),
    };
    exchange(shared, entry, act, |outcome| write(action, service.unwrap_or(Service::Sts), outcome, now))
}

/// Checks who asks, and does it; also says who it was.
fn act(
    shared: &Shared,
    request: &HttpRequest,
    parameters: &Parameters,
    service: Service,
    now: SystemTime,
) -> (Option<String>, Reply) {
    let mut world = shared.world();
    let caller = match authenticate(request, &mut world, service.signing_name(), now) {
        Ok(caller) => caller,
        Err(error) => return (None, Err(error)),
    };
    let user = caller.identity.to_string();
    let mut call = Call { world: &mut world, caller, parameters, now };
    let reply = match service {
        Service::Iam => iam(&mut call),
        Service::Sts => sts::answer(&mut call),
    };
    (Some(user), reply)
}

fn iam(call: &mut Call<'_>) -> Reply {
    let action = call.parameters.get("Action").unwrap_or_default();
    let operation: fn(&mut Call<'_>) -> Reply = match action {
        "CreateVirtualMFADevice" => iam_devices::create_virtual_mfa_device,
        "DeleteVirtualMFADevice" => iam_devices::delete_virtual_mfa_device,
        "EnableMFADevice" => iam_devices::enable_mfa_device,
        "ResyncMFADevice" => iam_devices::resync_mfa_device,
        "DeactivateMFADevice" => iam_devices::deactivate_mfa_device,
        "ListMFADevices" => iam_devices::list_mfa_devices,
        "ListVirtualMFADevices" => iam_devices::list_virtual_mfa_devices,
        "CreateAccessKey" => iam_keys::create_access_key,
        "ListAccessKeys" => iam_keys::list_access_keys,
        "UpdateAccessKey" => iam_keys::update_access_key,
        "DeleteAccessKey" => iam_keys::delete_access_key,
        "GetAccessKeyLastUsed" => iam_keys::get_access_key_last_used,
        "GetUser" => iam_account::get_user,
        "ListUsers" => iam_account::list_users,
        "GetAccountSummary" => iam_account::get_account_summary,
        "ListAccountAliases" => iam_account::list_account_aliases,
        "GenerateCredentialReport" => report::generate_credential_report,
        "GetCredentialReport" => report::get_credential_report,
        _ => return Err(ServiceError::invalid_action(action, "2010-05-08")),
    };
    // Sessions that carry no MFA, and federated ones, are no credentials for IAM at all; a role's are.
    let unfit = match call.caller.identity {
        Identity::Root | Identity::User(_) => call.caller.is_session && call.caller.mfa_since.is_none(),
        Identity::FederatedUser(_) => true,
        Identity::AssumedRole { .. } => false,
    };
    if unfit {
        return Err(ServiceError::invalid_client_token());
    }
    operation(call)
}

fn write(action: &str, service: Service, outcome: Reply, now: SystemTime) -> HttpResponse {
    let request_id = random::request_id();
    let id = xml::text("RequestId", &request_id);
    let namespace = service.namespace();
    let (status, body) = match outcome {
        Ok(result) => {
            let result = match result.as_str() {
                "" => String::new(),
                result => xml::element(&format!("{action}Result"), result),
            };
            let metadata = xml::element("ResponseMetadata", &id);
            (200, format!(r#"<{action}Response xmlns="{namespace}">{result}{metadata}</{action}Response>"#))
        }
        Err(error) => {
            let kind = if error.status < 500 { "Sender" } else { "Receiver" };
            let message = error.message.map(|message| xml::text("Message", &message)).unwrap_or_default();
            let inner = xml::text("Type", kind) + &xml::text("Code", error.code) + &message;
            let inner = xml::element("Error", &inner);
            (error.status, format!(r#"<ErrorResponse xmlns="{namespace}">{inner}{id}</ErrorResponse>"#))
        }
    };
    stamped(HttpResponse::new(status, "text/xml", body), request_id, now)
}

/// The answer with what all of AWS's answers have in their heads.
pub(super) fn stamped(mut response: HttpResponse, request_id: String, now: SystemTime) -> HttpResponse {
    response.headers.push(("x-amzn-RequestId".to_owned(), request_id));
    response.headers.push(("Date".to_owned(), http_date(now)));
    response
}

/// Writes `Sat, 21 Nov 2026 20:43:42 GMT` (RFC 9110, section 5.6.7).
fn http_date(now: SystemTime) -> String {
    let date = OffsetDateTime::from(now);
    let (weekday, month) = (date.weekday().to_string(), date.month().to_string());
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        &weekday[..3],
        date.day(),
        &month[..3],
        date.year(),
        date.hour(),
        date.minute(),
        date.second()
    )
}
