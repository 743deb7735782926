//! Devices from their creation to their deletion, with every refusal on the way.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

const NOT_VALID: &str = "Authentication code for device is not valid.";
const NEEDS_MFA: &str = "To complete this action, please ensure that you are authenticated with an MFA device";

#[test]
fn the_picture_of_a_new_device_holds_its_uri() {
    let stage = Stage::default();
    let client = stage.client("alice");
    let answer = client.call("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "alice")]).expect_ok();
    let png = STANDARD.decode(answer.text("QRCodePNG")).expect("base64");
    let picture = image::load_from_memory(&png).expect("a picture").into_luma8();
    let mut decoder = quircs::Quirc::default();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let code = decoder.identify(width, height, &picture).next().expect("a code").expect("a whole code");
    let seed = String::from_utf8(STANDARD.decode(answer.text("Base32StringSeed")).expect("base64")).expect("text");
    let uri = String::from_utf8(code.decode().expect("readable").payload).expect("text");
    assert_eq!(
        uri,
        format!(
            "otpauth://totp/Amazon%20Web%20Services:alice@111122223333?secret={seed}&issuer=Amazon%20Web%20Services"
        )
    );
}

#[test]
fn a_name_is_taken_once_for_each_path() {
    let stage = Stage::default();
    let client = stage.client("alice");
    TestDevice::create(&client, "alice");
    let again = client.call("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "alice")]);
    again.expect_error(409, "EntityAlreadyExists", "MFA device already exists.");
    let parameters = [("VirtualMFADeviceName", "alice"), ("Path", "/division//")];
    let other = client.call("CreateVirtualMFADevice", &parameters).expect_ok();
    assert_eq!(other.text("SerialNumber"), "arn:aws:iam::111122223333:mfa/division//alice");
    for (name, path) in [("a b", "/"), ("", "/"), ("a/b", "/"), ("ok", "division/"), ("ok", "/division")] {
        let answer = client.call("CreateVirtualMFADevice", &[("VirtualMFADeviceName", name), ("Path", path)]);
        answer.expect_error(400, "ValidationError", "");
    }
    client.call("CreateVirtualMFADevice", &[]).expect_error(
        400,
        "ValidationError",
        "1 validation error detected: Value null at 'virtualMFADeviceName' failed to satisfy constraint: Member must \
         not be null",
    );
}

#[test]
fn enabling_wants_two_consecutive_codes_in_order() {
    let stage = Stage::default();
    let client = stage.client("alice");
    let device = TestDevice::create(&client, "alice");
    let code = |steps| device.code(stage.aws.now(), steps);
    for codes in [[code(0), code(0)], [code(0), code(-1)], [code(-2), code(0)]] {
        let answer = device.pair(&client, "EnableMFADevice", "alice", [&codes[0], &codes[1]]);
        answer.expect_error(403, "InvalidAuthenticationCode", NOT_VALID);
    }
    let short = device.pair(&client, "EnableMFADevice", "alice", ["12345", "123456"]);
    short.expect_error(400, "ValidationError", "1 validation error detected: Value '12345' at 'authenticationCode1'");
    device.enable(&client, "alice", stage.aws.now()).expect_ok();
    let list = client.call("ListMFADevices", &[("UserName", "alice")]).expect_ok();
    assert_eq!(list.text("SerialNumber"), ALICES_DEVICE);
    assert_eq!(list.text("EnableDate"), "2026-11-21T20:48:00Z");
}

#[test]
fn the_refusals_of_enabling_come_in_awss_order() {
    let stage = Stage::default();
    let (admin, alice) = (stage.client("admin"), stage.client("alice"));
    let first = stage.enable("alice");
    let spare = TestDevice::create(&admin, "spare");
    let wrong = ["000000", "000000"];
    spare.pair(&admin, "EnableMFADevice", "nobody", wrong).expect_error(
        404,
        "NoSuchEntity",
        "The user with name nobody",
    );
    spare.pair(&alice, "EnableMFADevice", "alice", wrong).expect_error(403, "AccessDenied", NEEDS_MFA);
    let unknown = TestDevice { serial_number: format!("{ALICES_DEVICE}2"), device: first.device.clone() };
    unknown.pair(&admin, "EnableMFADevice", "alice", wrong).expect_error(404, "NoSuchEntity", "VirtualMFADevice with");
    let exists = "MFA Device for user alice already exists.";
    first.pair(&admin, "EnableMFADevice", "alice", wrong).expect_error(409, "EntityAlreadyExists", exists);
    let in_use = "MFA Device is already in use.";
    first.pair(&admin, "EnableMFADevice", "admin", wrong).expect_error(409, "EntityAlreadyExists", in_use);
    for index in 2..=8 {
        let device = TestDevice::create(&admin, &format!("spare{index}"));
        device.enable(&admin, "alice", stage.aws.now()).expect_ok();
    }
    let quota = "Cannot exceed quota for MFADevicesPerUser: 8";
    spare.pair(&admin, "EnableMFADevice", "alice", wrong).expect_error(409, "LimitExceeded", quota);
}

#[test]
fn whoever_has_a_device_changes_devices_with_an_mfa_session_only() {
    let stage = Stage::default();
    let alice = stage.client("alice");
    let device = TestDevice::create(&alice, "alice");
    device.enable(&alice, "alice", stage.aws.now()).expect_ok();
    let second = TestDevice::create(&alice, "second");
    second.enable(&alice, "alice", stage.aws.now()).expect_error(403, "AccessDenied", NEEDS_MFA);
    let session = device.session_token(&alice, &device.code(stage.aws.now(), 0)).expect_ok();
    let session = Client::session(&stage.aws, &session);
    second.enable(&session, "alice", stage.aws.now()).expect_ok();
    let parameters = [("UserName", "alice"), ("SerialNumber", ALICES_DEVICE)];
    let denied = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:DeactivateMFADevice on \
                  resource: arn:aws:iam::111122223333:user/alice with an explicit deny in an identity-based policy";
    alice.call("DeactivateMFADevice", &parameters).expect_error(403, "AccessDenied", denied);
    session.call("DeactivateMFADevice", &parameters).expect_ok();
}

#[test]
fn a_deactivated_device_is_unassigned_and_may_be_enabled_with_newer_codes_or_deleted() {
    let stage = Stage::default();
    let admin = stage.client("admin");
    let device = stage.enable("alice");
    let serial_number = [("SerialNumber", ALICES_DEVICE)];
    let conflict = "MFA VirtualDevice in use. Must deactivate first.";
    admin.call("DeleteVirtualMFADevice", &serial_number).expect_error(409, "DeleteConflict", conflict);
    let wrong_user = [("UserName", "admin"), ("SerialNumber", ALICES_DEVICE)];
    let invalid = "MFA Device invalid for user.";
    admin.call("DeactivateMFADevice", &wrong_user).expect_error(404, "NoSuchEntity", invalid);
    admin.call("DeactivateMFADevice", &[("UserName", "alice"), ("SerialNumber", ALICES_DEVICE)]).expect_ok();
    let list = |status| admin.call("ListVirtualMFADevices", &[("AssignmentStatus", status)]).expect_ok();
    assert_eq!(list("Unassigned").texts("SerialNumber"), [ALICES_DEVICE]);
    assert!(list("Assigned").texts("SerialNumber").is_empty());
    assert!(!list("Any").body.contains("Seed"));
    device.enable(&admin, "alice", stage.aws.now()).expect_error(403, "InvalidAuthenticationCode", NOT_VALID);
    stage.clock.advance(60);
    device.enable(&admin, "alice", stage.aws.now()).expect_ok();
    assert_eq!(list("Assigned").text("UserName"), "alice");
    admin.call("DeactivateMFADevice", &[("UserName", "alice"), ("SerialNumber", ALICES_DEVICE)]).expect_ok();
    admin.call("DeleteVirtualMFADevice", &serial_number).expect_ok();
    admin.call("DeleteVirtualMFADevice", &serial_number).expect_error(404, "NoSuchEntity", "VirtualMFADevice with");
}

#[test]
fn a_device_enabled_with_stale_codes_is_out_of_sync_until_it_is_resynced() {
    let stage = Stage::default();
    let alice = stage.client("alice");
    let device = TestDevice::create(&alice, "alice");
    let now = stage.aws.now();
    device.pair(&alice, "EnableMFADevice", "alice", [&device.code(now, -11), &device.code(now, -10)]).expect_ok();
    let invalid = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
    device.session_token(&alice, &device.code(now, 0)).expect_error(403, "AccessDenied", invalid);
    device.pair(&alice, "ResyncMFADevice", "alice", [&device.code(now, -1), &device.code(now, 0)]).expect_ok();
    device.session_token(&alice, &device.code(now, 0)).expect_ok();
}
