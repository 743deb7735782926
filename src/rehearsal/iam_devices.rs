//! IAM: virtual MFA devices from their creation to their deletion, with the checks in AWS's order.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    answer::{Call, Reply},
    codes::DeviceCodes,
    error::ServiceError,
    iam_account::user_element,
    random,
    world::Device,
    xml,
};
use crate::{
    mfa::{
        AuthenticationCode, CodeSettings, Seed, VirtualMfaDevice, qr,
        uri::{AWS_ISSUER, OtpauthUri},
    },
    rfc3339,
};

const MAX_DEVICES_PER_USER: usize = 8;

pub(super) fn create_virtual_mfa_device(call: &mut Call<'_>) -> Reply {
    let name = call.parameters.name("VirtualMFADeviceName", 226)?;
    let name = name.ok_or_else(|| ServiceError::constraint("VirtualMFADeviceName", None, "Member must not be null"))?;
    let path = call.parameters.get("Path").unwrap_or("/");
    if !is_path(path) {
        return Err(ServiceError::validation(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
             characters and/or / characters.",
        ));
    }
    let serial_number = call.world.iam_arn(&format!("mfa{path}{name}"));
    call.authorise("iam:CreateVirtualMFADevice", &serial_number)?;
    if call.world.devices.contains_key(&serial_number) {
        return Err(ServiceError::already_exists("MFA device already exists."));
    }
    let seed = Seed::from_bytes(random::bytes::<40>()?.to_vec()).map_err(|_| ServiceError::internal_failure())?;
    let device = VirtualMfaDevice {
        name: name.to_owned(),
        serial_number: None,
        issuer: Some(AWS_ISSUER.to_owned()),
        account: format!("{name}@{}", call.world.account_id),
        seed,
        settings: CodeSettings::AWS,
        counter: None,
    };
    let png = qr::png(&OtpauthUri::of(&device).to_uri()).map_err(|_| ServiceError::internal_failure())?;
    let created = xml::text("SerialNumber", &serial_number)
        + &xml::text("Base32StringSeed", &STANDARD.encode(device.seed.to_base32().expose()))
        + &xml::text("QRCodePNG", &STANDARD.encode(png.expose()));
    call.world.devices.insert(serial_number, Device { codes: DeviceCodes::new(device), enabled: None });
    Ok(xml::element("VirtualMFADevice", &created))
}

/// `/`, or `/…/` of visible characters, up to 512.
fn is_path(path: &str) -> bool {
    let visible = path.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    path.starts_with('/') && path.ends_with('/') && path.len() <= 512 && visible
}

pub(super) fn delete_virtual_mfa_device(call: &mut Call<'_>) -> Reply {
    let serial_number = required_serial_number(call)?;
    call.authorise("iam:DeleteVirtualMFADevice", &serial_number)?;
    let device = call.world.devices.get(&serial_number).ok_or_else(|| unknown_device(&serial_number))?;
    if device.enabled.is_some() {
        return Err(ServiceError::new(409, "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first."));
    }
    call.world.devices.remove(&serial_number);
    Ok(String::new())
}

pub(super) fn enable_mfa_device(call: &mut Call<'_>) -> Reply {
    let (user, serial_number, codes) = pair_parameters(call)?;
    call.authorise("iam:EnableMFADevice", &call.world.user_arn(&user))?;
    check_user(call, &user)?;
    check_mfa_of_owner(call, &user)?;
    match call.world.devices.get(&serial_number).map(|device| &device.enabled) {
        None => return Err(unknown_device(&serial_number)),
        Some(Some((owner, _))) if *owner == user => {
            return Err(ServiceError::already_exists(format!("MFA Device for user {user} already exists.")));
        }
        Some(Some(_)) => return Err(ServiceError::already_exists("MFA Device is already in use.")),
        Some(None) => {}
    }
    if call.world.devices_of(&user).len() >= MAX_DEVICES_PER_USER {
        let text = format!("Cannot exceed quota for MFADevicesPerUser: {MAX_DEVICES_PER_USER}");
        return Err(ServiceError::limit_exceeded(text));
    }
    accept_pair(call, &serial_number, &codes)?;
    let now = call.now;
    if let Some(device) = call.world.devices.get_mut(&serial_number) {
        device.enabled = Some((user, now));
    }
    Ok(String::new())
}

pub(super) fn resync_mfa_device(call: &mut Call<'_>) -> Reply {
    let (user, serial_number, codes) = pair_parameters(call)?;
    call.authorise("iam:ResyncMFADevice", &call.world.user_arn(&user))?;
    check_user(call, &user)?;
    check_owner(call, &user, &serial_number)?;
    accept_pair(call, &serial_number, &codes)?;
    Ok(String::new())
}

pub(super) fn deactivate_mfa_device(call: &mut Call<'_>) -> Reply {
    let user = call.named_user()?;
    let serial_number = required_serial_number(call)?;
    call.authorise("iam:DeactivateMFADevice", &call.world.user_arn(&user))?;
    check_user(call, &user)?;
    check_mfa_of_owner(call, &user)?;
    check_owner(call, &user, &serial_number)?;
    if let Some(device) = call.world.devices.get_mut(&serial_number) {
        device.enabled = None;
    }
    Ok(String::new())
}

pub(super) fn list_mfa_devices(call: &mut Call<'_>) -> Reply {
    let user = call.named_user()?;
    call.authorise("iam:ListMFADevices", &call.world.user_arn(&user))?;
    check_user(call, &user)?;
    let devices = call.world.devices_of(&user);
    let members = devices.iter().map(|(serial_number, since)| {
        xml::text("UserName", &user)
            + &xml::text("SerialNumber", serial_number)
            + &xml::text("EnableDate", &rfc3339::format(*since))
    });
    call.page("MFADevices", members.collect())
}

pub(super) fn list_virtual_mfa_devices(call: &mut Call<'_>) -> Reply {
    let status = call.parameters.get("AssignmentStatus").unwrap_or("Any");
    if !matches!(status, "Any" | "Assigned" | "Unassigned") {
        let rule = "Member must satisfy enum value set: [Unassigned, Any, Assigned]";
        return Err(ServiceError::constraint("AssignmentStatus", Some(status), rule));
    }
    call.authorise("iam:ListVirtualMFADevices", &call.world.iam_arn("mfa/"))?;
    let asked_for = call.world.devices.iter().filter(|(_, device)| match status {
        "Assigned" => device.enabled.is_some(),
        "Unassigned" => device.enabled.is_none(),
        _ => true,
    });
    let members = asked_for.map(|(serial_number, device)| {
        let owner = device.enabled.as_ref().map(|(owner, since)| {
            let user = xml::element("User", &user_element(call.world, owner));
            xml::text("EnableDate", &rfc3339::format(*since)) + &user
        });
        xml::text("SerialNumber", serial_number) + &owner.unwrap_or_default()
    });
    call.page("VirtualMFADevices", members.collect())
}

fn required_serial_number(call: &Call<'_>) -> Result<String, ServiceError> {
    call.parameters.required("SerialNumber")?;
    Ok(call.parameters.serial_number()?.unwrap_or_default().to_owned())
}

/// User, serial number and codes of Enable and Resync: all are required.
fn pair_parameters(call: &Call<'_>) -> Result<(String, String, [AuthenticationCode; 2]), ServiceError> {
    call.parameters.required("UserName")?;
    let user = call.named_user()?;
    let serial_number = required_serial_number(call)?;
    let code = |name| {
        let missing = || ServiceError::constraint(name, None, "Member must not be null");
        call.parameters.code(name)?.ok_or_else(missing)
    };
    Ok((user, serial_number, [code("AuthenticationCode1")?, code("AuthenticationCode2")?]))
}

fn check_user(call: &Call<'_>, user: &str) -> Result<(), ServiceError> {
    if call.world.users.contains_key(user) {
        return Ok(());
    }
    Err(ServiceError::no_such_entity(format!("The user with name {user} cannot be found.")))
}

/// Whoever has a device changes his own devices with MFA only, whatever the policies say (bulletin AWS-2023-001).
fn check_mfa_of_owner(call: &Call<'_>, user: &str) -> Result<(), ServiceError> {
    let for_himself = call.caller.user_name() == Some(user);
    if for_himself && call.caller.mfa_since.is_none() && !call.world.devices_of(user).is_empty() {
        return Err(ServiceError::access_denied(
            "To complete this action, please ensure that you are authenticated with an MFA device that is enabled for \
             this user.",
        ));
    }
    Ok(())
}

fn check_owner(call: &Call<'_>, user: &str, serial_number: &str) -> Result<(), ServiceError> {
    match call.world.devices.get(serial_number).map(|device| &device.enabled) {
        None => Err(unknown_device(serial_number)),
        Some(Some((owner, _))) if owner == user => Ok(()),
        Some(_) => Err(ServiceError::no_such_entity("MFA Device invalid for user.")),
    }
}

fn unknown_device(serial_number: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("VirtualMFADevice with serial number {serial_number} does not exist."))
}

fn accept_pair(call: &mut Call<'_>, serial_number: &str, codes: &[AuthenticationCode; 2]) -> Result<(), ServiceError> {
    let spend = call.world.rules.enable_spends_codes_at_sts;
    let device = call.world.devices.get_mut(serial_number).ok_or_else(|| unknown_device(serial_number))?;
    if device.codes.accept_pair([&codes[0], &codes[1]], call.now, spend) {
        return Ok(());
    }
    Err(ServiceError::new(403, "InvalidAuthenticationCode", "Authentication code for device is not valid."))
}
