//! A device's life after it was enabled: back into step, deactivated, deleted, replaced, renamed, forgotten, listed.

use mfavault::{
    aws::Aws,
    commands::{Error, mfa},
    mfa::SerialNumber,
    rehearsal::{Settings, UserSettings},
    vault::{DeviceRecord, ENROLMENT_LOCK, Index},
};

use crate::support::bench::{Bench, SERIAL, name};

mod crashes;
mod deactivate;
mod local;
mod remote;
mod replace;
mod resync;

const SECOND: &str = "arn:aws:iam::111122223333:mfa/alice-2";

/// Besides the documented force-MFA policy, which lets nobody delete a device.
const MAY_DELETE: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "iam:DeleteVirtualMFADevice", "Resource": "arn:PARTITION:iam::*:mfa/*"}}"#;

/// Lets alice delete devices, once she has shown MFA.
fn may_delete(settings: &mut Settings) {
    settings.users[0].policies.push(MAY_DELETE.to_owned());
}

fn settled(change: impl FnOnce(&mut Settings)) -> Bench {
    let bench = Bench::with(change);
    bench.enable().unwrap();
    bench.settle();
    bench
}

/// Alice with her device, who may delete.
fn free_to_delete() -> Bench {
    settled(may_delete)
}

/// A second device of alice, enabled and held here, as `alice-2`.
fn add_second(bench: &Bench) {
    bench.enable_with(|arguments| arguments.name = Some("alice-2".to_owned())).unwrap();
    bench.settle();
}

/// A device of alice that is not held here: a phone, whose record is kept for its codes.
fn add_phone(bench: &Bench) -> DeviceRecord {
    bench.enable_with(|arguments| arguments.name = Some("phone".to_owned())).unwrap();
    bench.settle();
    let record = bench.device("phone").unwrap();
    bench.run(|context| context.vault.forget_device("phone")).unwrap();
    record
}

fn at_aws(device: &str) -> mfa::AtAws {
    mfa::AtAws { name: device.to_owned(), profile: None, user_name: None, mfa_code: None }
}

fn deactivate(bench: &Bench, device: &str, delete: bool) -> Result<(), Error> {
    deactivate_with(bench, &at_aws(device), delete)
}

fn deactivate_with(bench: &Bench, device: &mfa::AtAws, delete: bool) -> Result<(), Error> {
    bench.run(|context| mfa::deactivate::run(context, device, delete, true)).map(drop)
}

fn resync(bench: &Bench, device: &str) -> Result<(), Error> {
    bench.run(|context| mfa::resync::run(context, &at_aws(device))).map(drop)
}

fn replace(bench: &Bench, device: &str) -> Result<(), Error> {
    replace_with(bench, device, |_| {})
}

fn replace_with(bench: &Bench, device: &str, change: impl FnOnce(&mut mfa::replace::Arguments)) -> Result<(), Error> {
    let mut arguments = mfa::replace::Arguments { device: at_aws(device), new_name: None, qr: None, confirmed: true };
    change(&mut arguments);
    bench.run(|context| mfa::replace::run(context, &arguments)).map(drop)
}

fn index(bench: &Bench) -> Index {
    bench.run(|context| context.vault.index()).unwrap()
}

fn names(bench: &Bench) -> Vec<String> {
    index(bench).devices.into_keys().collect()
}

fn serial(text: &str) -> SerialNumber {
    text.parse().unwrap()
}

/// Who has what at AWS.
fn owners(bench: &Bench) -> Vec<(String, Option<String>)> {
    let name = |serial: String| serial.rsplit('/').next().unwrap().to_owned();
    bench.devices_at_aws().into_iter().map(|(serial, owner)| (name(serial), owner)).collect()
}

fn of_alice(name: &str) -> (String, Option<String>) {
    (name.to_owned(), Some("alice".to_owned()))
}

fn of_nobody(name: &str) -> (String, Option<String>) {
    (name.to_owned(), None)
}

/// An administrator in a world with bob, whose device is made and held here.
fn administrator_with_bob() -> Bench {
    let bench = Bench::empty(|settings| settings.users.push(UserSettings::force_mfa("bob")));
    bench.write_config("[profile main]\n");
    bench.store_key("main", "admin");
    bench.enable_with(|arguments| arguments.user_name = Some("bob".to_owned())).unwrap();
    bench.settle();
    bench
}

fn of_bob(device: &str) -> mfa::AtAws {
    mfa::AtAws { profile: Some(name("main")), user_name: Some("bob".to_owned()), ..at_aws(device) }
}

/// Makes a device at AWS that nobody gets, as somebody else.
fn leave_at_aws(bench: &Bench, device: &str) {
    let admin = bench.key_of("admin").into();
    bench.ask_aws(&admin, |aws, caller| aws.create_virtual_mfa_device(caller, device)).unwrap();
}
