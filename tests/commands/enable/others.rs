//! `mfa enable` for a user who has devices already, and for somebody else.

use mfavault::{
    aws::{Aws, AwsError},
    clock::Clock,
    commands::{Error, mfa::enable},
    mfa::{CodeSettings, SerialNumber, VirtualMfaDevice},
    rehearsal::{RoleSettings, UserSettings},
    vault::{DeviceRecord, Enrolment},
};

use super::{RITUAL, begun, enrolments, kept::Late};
use crate::support::bench::{Bench, SERIAL, name};

fn serial(name: &str) -> String {
    format!("arn:aws:iam::111122223333:mfa/{name}")
}

fn owned_by(user: &str, names: &[&str]) -> Vec<(String, Option<String>)> {
    names.iter().map(|name| (serial(name), Some(user.to_owned()))).collect()
}

fn enable_named(bench: &Bench, name: &str) -> Result<(), Error> {
    bench.enable_with(|arguments| arguments.name = Some(name.to_owned()))
}

/// Takes a device out of the vault, as if it were on a phone only.
fn on_a_phone(bench: &Bench, name: &str) -> DeviceRecord {
    let record = bench.device(name).unwrap();
    bench.run(|context| context.vault.forget_device(name)).unwrap();
    record
}

/// Has devices made and enabled by an administrator, of which no seed is here.
fn enabled_elsewhere(bench: &Bench, user: &str, names: &[&str]) -> Vec<DeviceRecord> {
    let admin = bench.key_of("admin").into();
    let enabled = names.iter().map(|name| {
        let created = bench.ask_aws(&admin, |aws, caller| aws.create_virtual_mfa_device(caller, name)).unwrap();
        let device = VirtualMfaDevice {
            name: (*name).to_owned(),
            serial_number: Some(created.serial_number.clone()),
            issuer: None,
            account: user.to_owned(),
            seed: created.seed,
            settings: CodeSettings::AWS,
            counter: None,
        };
        let record = DeviceRecord::new(device, None, "elsewhere", bench.clock.now());
        let codes = [bench.code(&record, -1), bench.code(&record, 0)];
        let codes = [&codes[0], &codes[1]];
        bench
            .ask_aws(&admin, |aws, caller| aws.enable_mfa_device(caller, user, &created.serial_number, codes))
            .unwrap();
        record
    });
    enabled.collect()
}

#[test]
fn a_further_device_is_made_after_mfa_was_shown_with_the_one_that_is_held() {
    let bench = Bench::with_device();
    let (requests, result) = bench.requests_of(|| enable_named(&bench, "laptop"));
    result.unwrap();
    let ritual = [
        "GetCallerIdentity",
        "ListMFADevices",
        "GetSessionToken 3600 mfa/alice+code",
        "CreateVirtualMFADevice",
        "EnableMFADevice mfa/laptop+code",
        "GetSessionToken 3600 mfa/laptop+code",
    ];
    assert_eq!(requests, ritual);
    assert_eq!(bench.devices_at_aws(), owned_by("alice", &["alice", "laptop"]));
    assert!(bench.text("config").ends_with(&format!("mfa_serial = {SERIAL}\n")), "the config names one that is held");
    assert_eq!((enrolments(&bench), bench.device("laptop").unwrap().profile), (0, Some(name("main"))));
    bench.assert_no_device_without_its_seed(&bench.keystore, "both");
    let (requests, result) = bench.requests_of(|| enable_named(&bench, "laptop"));
    result.unwrap();
    assert_eq!(requests, ["GetCallerIdentity", "ListMFADevices"], "there is nothing left to do");
}

#[test]
fn the_first_device_needs_no_mfa_whatever_code_is_given() {
    let bench = Bench::new();
    let with_code = |arguments: &mut enable::Arguments| arguments.mfa_code = Some("123456".parse().unwrap());
    let (requests, result) = bench.requests_of(|| bench.enable_with(with_code));
    result.unwrap();
    assert_eq!(requests, RITUAL);
}

#[test]
fn a_device_that_is_not_held_is_shown_by_a_code_that_was_given_or_typed() {
    for given in [true, false] {
        let bench = Bench::with_device();
        let phone = on_a_phone(&bench, "alice");
        let code = bench.code(&phone, 0);
        if !given {
            bench.prompt.answer(code.expose());
        }
        let (requests, result) =
            bench.requests_of(|| bench.enable_with(|arguments| arguments.mfa_code = given.then(|| code.clone())));
        result.unwrap();
        assert_eq!(requests[2..4], ["GetSessionToken 3600 mfa/alice+code", "CreateVirtualMFADevice"], "{given}");
        let asked = bench.prompt.questions();
        assert_eq!(asked, if given { vec![] } else { vec![format!("Code of {SERIAL}")] });
        assert_eq!(bench.devices_at_aws(), owned_by("alice", &["alice", "alice-2"]));
        assert!(bench.text("config").ends_with(&format!("mfa_serial = {SERIAL}-2\n")), "the config names what is held");
    }
}

#[test]
fn a_wrong_code_of_the_device_he_has_leaves_nothing_behind() {
    let bench = Bench::with_device();
    on_a_phone(&bench, "alice");
    let result = bench.enable_with(|arguments| arguments.mfa_code = Some("000000".parse().unwrap()));
    assert!(matches!(result, Err(Error::Obtain(_))), "{result:?}");
    assert_eq!((bench.devices_at_aws().len(), enrolments(&bench)), (1, 0));
}

#[test]
fn of_several_devices_the_held_one_shows_mfa_and_with_a_code_the_other() {
    let bench = Bench::with_device();
    let phone = enabled_elsewhere(&bench, "alice", &["phone"]).remove(0);
    bench.clock.advance(180);
    let (requests, result) = bench.requests_of(|| enable_named(&bench, "laptop"));
    result.unwrap();
    assert_eq!(requests[2], "GetSessionToken 3600 mfa/alice+code");
    bench.settle();
    let (requests, result) = bench.requests_of(|| {
        bench.enable_with(|arguments| {
            arguments.name = Some("tablet".to_owned());
            arguments.mfa_code = Some(bench.code(&phone, 0));
        })
    });
    result.unwrap();
    assert_eq!(requests[2], "GetSessionToken 3600 mfa/phone+code");
    assert_eq!(bench.devices_at_aws(), owned_by("alice", &["alice", "laptop", "phone", "tablet"]));
}

#[test]
fn passkeys_cannot_show_mfa_to_the_api() {
    let bench = Bench::new();
    let mut aws = Late::new(&bench, 0, 0);
    let passkey: SerialNumber = "arn:aws:iam::111122223333:u2f/user/alice/key-R1A2B3C4D5E6F7".parse().unwrap();
    aws.others = vec![passkey.clone()];
    let arguments = enable::Arguments::plain(name("main"));
    let result = bench.run_with(&bench.keystore, &aws, |context| enable::run(context, &arguments)).map(drop);
    let Err(Error::OnlyPasskeys { user_name, serial_numbers }) = result else { panic!("{result:?}") };
    assert_eq!((user_name.as_str(), serial_numbers), ("alice", vec![passkey]));
    assert_eq!((bench.devices_at_aws().len(), enrolments(&bench)), (0, 0));
}

#[test]
fn a_ninth_device_is_refused_before_it_is_made() {
    let bench = Bench::new();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    enabled_elsewhere(&bench, "alice", &names);
    let (requests, result) = bench.requests_of(|| bench.enable());
    let Err(Error::DeviceLimit { serial_numbers, .. }) = result else { panic!("{result:?}") };
    assert_eq!(serial_numbers.iter().map(SerialNumber::as_str).collect::<Vec<_>>(), names.map(serial));
    assert_eq!(requests, ["GetCallerIdentity", "ListMFADevices"]);
    assert_eq!(enrolments(&bench), 0);
}

#[test]
fn what_was_begun_is_finished_before_another_one_is_made() {
    let bench = Bench::new();
    begun(&bench);
    enable_named(&bench, "laptop").unwrap();
    assert_eq!(bench.devices_at_aws(), owned_by("alice", &["alice", "laptop"]));
    assert!(bench.prompt.talk().contains("that was begun earlier; now for `laptop`"));
    assert_eq!(enrolments(&bench), 0);
    bench.assert_no_device_without_its_seed(&bench.keystore, "both");
}

#[test]
fn a_device_that_replaces_another_is_made_with_it_and_left_in_the_journal() {
    let bench = Bench::with_device();
    let old: SerialNumber = SERIAL.parse().unwrap();
    let beside = || bench.enable_with(|arguments| arguments.beside = Some(old.clone()));
    let (requests, result) = bench.requests_of(beside);
    result.unwrap();
    assert_eq!(requests[2..4], ["GetSessionToken 3600 mfa/alice+code", "CreateVirtualMFADevice"]);
    assert!(bench.text("config").ends_with(&format!("mfa_serial = {SERIAL}-2\n")));
    let begun = || bench.run(|context| context.vault.index()).unwrap().enrolments.remove(&name("main"));
    let serial_number = serial("alice-2").parse().unwrap();
    let expected =
        Enrolment { serial_number, user_name: "alice".to_owned(), replaces: Some(old.clone()), takes_name: None };
    assert_eq!(begun(), Some(expected.clone()));
    let (requests, result) = bench.requests_of(beside);
    result.unwrap();
    assert_eq!(requests, ["GetCallerIdentity", "ListMFADevices"], "the new one is not made twice");
    let error = bench.enable().unwrap_err();
    let replaces = |begun: &enable::Begun| begun.replaces.clone();
    assert!(
        matches!(&error, Error::EnrolmentBegun { begun, .. } if replaces(begun).as_deref() == Some("alice")),
        "{error}"
    );
    assert_eq!(begun(), Some(expected));
}

#[test]
fn what_is_held_and_not_enabled_does_not_stand_for_the_new_one_of_a_replacement() {
    let bench = Bench::with_device();
    enable_named(&bench, "laptop").unwrap();
    let mut spare = bench.device("laptop").unwrap();
    spare.device.name = "spare".to_owned();
    spare.device.serial_number = Some(serial("alice-2").parse().unwrap());
    bench.run(|context| context.vault.store_device(&spare)).unwrap();
    bench.settle();
    bench.enable_with(|arguments| arguments.beside = Some(SERIAL.parse().unwrap())).unwrap();
    assert_eq!(bench.devices_at_aws(), owned_by("alice", &["alice", "alice-3", "laptop"]));
    assert_eq!(bench.device("spare"), Some(spare));
}

/// A world where profile `main` is an administrator's, and `bob` has nothing yet.
fn with_bob(policies: Option<Vec<String>>) -> Bench {
    let bench = Bench::empty(|settings| {
        settings.users.push(UserSettings::force_mfa("bob"));
        let admin = settings.users.iter_mut().find(|user| user.name == "admin").unwrap();
        admin.policies.extend(policies.unwrap_or_default());
        let open = settings.roles.iter().find(|role| role.name == "open").unwrap().clone();
        let policies = UserSettings::administrator("admin").policies;
        settings.roles.push(RoleSettings { name: "administer".to_owned(), policies, ..open });
    });
    bench.write_config("[profile main]\n");
    bench.store_key("main", "admin");
    bench
}

fn for_bob(bench: &Bench) -> Result<(), Error> {
    bench.enable_with(|arguments| arguments.user_name = Some("bob".to_owned()))
}

#[track_caller]
fn assert_bob_has_it(bench: &Bench) {
    let devices = bench.devices_at_aws();
    assert!(devices.contains(&(serial("bob"), Some("bob".to_owned()))), "{devices:?}");
    assert_eq!(enrolments(bench), 0);
    let talk = bench.prompt.talk();
    assert!(talk.contains("only bob's own key can prove it") && talk.contains("mfavault mfa qr bob"), "{talk}");
    bench.clock.advance(60);
    bench.session_with("bob", &bench.device("bob").unwrap()).unwrap();
}

#[test]
fn an_administrator_under_force_mfa_shows_his_own_device() {
    let bench = with_bob(Some(UserSettings::force_mfa("admin").policies));
    bench.enable().unwrap();
    bench.settle();
    let (requests, result) = bench.requests_of(|| for_bob(&bench));
    result.unwrap();
    let ritual = [
        "GetCallerIdentity",
        "ListMFADevices",
        "GetSessionToken 3600 mfa/admin+code",
        "ListMFADevices",
        "CreateVirtualMFADevice",
        "EnableMFADevice mfa/bob+code",
    ];
    assert_eq!(requests, ritual);
    assert_bob_has_it(&bench);
}

#[test]
fn an_administrator_who_has_his_device_elsewhere_is_asked_only_if_he_says_so() {
    let bench = with_bob(None);
    let phone = enabled_elsewhere(&bench, "admin", &["admin"]).remove(0);
    bench.clock.advance(60);
    for_bob(&bench).unwrap();
    assert_bob_has_it(&bench);
    let (requests, result) = bench.requests_of(|| {
        bench.enable_with(|arguments| {
            arguments.user_name = Some("bob".to_owned());
            arguments.name = Some("bobs-tablet".to_owned());
            arguments.mfa_code = Some(bench.code(&phone, 0));
        })
    });
    result.unwrap();
    assert!(requests.contains(&"GetSessionToken 3600 mfa/admin+code".to_owned()), "{requests:?}");
}

#[test]
fn an_administrator_may_come_through_a_role() {
    let bench = with_bob(None);
    let role = "role_arn = arn:aws:iam::111122223333:role/administer\nsource_profile = base";
    bench.write_config(&format!("[profile main]\n{role}\n[profile base]\n"));
    bench.run(|context| context.vault.forget_key(&name("main"))).unwrap();
    bench.store_key("base", "alice");
    let bob_with_role = bench.requests_of(|| for_bob(&bench));
    assert!(bob_with_role.1.is_err(), "alice has no MFA yet");
    bench.store_key("base", "admin");
    let (requests, result) = bench.requests_of(|| for_bob(&bench));
    result.unwrap();
    assert_eq!(requests[..2], ["AssumeRole 3600", "GetCallerIdentity"]);
    assert_bob_has_it(&bench);
}

#[test]
fn a_user_who_is_called_by_his_own_name_is_himself() {
    let bench = Bench::with_device();
    let laptop = |arguments: &mut enable::Arguments| {
        (arguments.user_name, arguments.name) = (Some("alice".to_owned()), Some("laptop".to_owned()));
    };
    bench.enable_with(laptop).unwrap();
    assert!(bench.prompt.talk().contains("proved it"));
    assert_eq!(bench.devices_at_aws(), owned_by("alice", &["alice", "laptop"]));
    assert_eq!(bench.device("laptop").unwrap().profile, Some(name("main")));
}

#[test]
fn what_was_begun_for_a_user_who_is_gone_is_undone() {
    let bench = with_bob(None);
    let begun = Enrolment {
        serial_number: serial("carol").parse().unwrap(),
        user_name: "carol".to_owned(),
        replaces: None,
        takes_name: None,
    };
    bench.run(|context| context.vault.begin_enrolment(&name("main"), begun)).unwrap();
    let admin = bench.key_of("admin").into();
    let created = bench.ask_aws(&admin, |aws, caller| aws.create_virtual_mfa_device(caller, "carol")).unwrap();
    let device = VirtualMfaDevice {
        name: "carol".to_owned(),
        serial_number: Some(created.serial_number),
        issuer: None,
        account: "carol".to_owned(),
        seed: created.seed,
        settings: CodeSettings::AWS,
        counter: None,
    };
    let record = DeviceRecord::new(device, None, "mfa enable", bench.clock.now());
    bench.run(|context| context.vault.store_device(&record)).unwrap();
    let error = for_bob(&bench).unwrap_err();
    let owner = |begun: &enable::Begun| begun.user_name.clone();
    assert!(
        matches!(&error, Error::EnrolmentBegun { begun, .. } if owner(begun).as_deref() == Some("carol")),
        "{error}"
    );
    let error = bench.enable_with(|arguments| arguments.user_name = Some("carol".to_owned())).unwrap_err();
    assert!(matches!(error, Error::Aws(AwsError::NoSuchEntity { .. })), "{error}");
    assert_eq!((bench.device("carol"), bench.devices_at_aws(), enrolments(&bench)), (None, vec![], 0));
    for_bob(&bench).unwrap();
}
