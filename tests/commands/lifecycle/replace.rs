//! `mfa replace`: the new device first, then the old one goes and leaves its name behind.

use std::mem;

use mfavault::{
    aws::AwsError,
    prompt::PromptError,
    rehearsal::{FaultKind, Rehearsal},
    vault::Enrolment,
};

use super::*;

fn assert_works(bench: &Bench) {
    bench.settle();
    assert!(bench.carries_mfa(&bench.credentials("main").unwrap()));
}

#[test]
fn a_device_is_replaced_by_one_that_takes_its_name() {
    let bench = free_to_delete();
    bench.write_config(&format!("[profile main]\nmfa_serial = {SERIAL}\n[profile role]\nmfa_serial = {SERIAL}\n"));
    let before = bench.device("alice").unwrap();
    let (requests, result) = bench.requests_of(|| replace(&bench, "alice"));
    result.unwrap();
    let place = |action: &str| requests.iter().position(|line| line.starts_with(action)).unwrap();
    let proved = requests.iter().rposition(|line| line.starts_with("GetSessionToken")).unwrap();
    assert!(place("EnableMFADevice") < proved && proved < place("DeactivateMFADevice"), "{requests:?}");
    assert_eq!((owners(&bench), names(&bench)), (vec![of_alice("alice-2")], vec!["alice".to_owned()]));
    let after = bench.device("alice").unwrap();
    assert_eq!((after.device.name.as_str(), after.device.serial_number), ("alice", Some(serial(SECOND))));
    assert!(after.device.seed.bytes() != before.device.seed.bytes());
    let config = format!("[profile main]\nmfa_serial = {SECOND}\n[profile role]\nmfa_serial = {SECOND}\n");
    assert_eq!(bench.text("config"), config);
    assert!(index(&bench).enrolments.is_empty());
    let (requests, credentials) = bench.requests_of(|| bench.credentials("main"));
    assert!(bench.carries_mfa(&credentials.unwrap()) && requests.is_empty(), "the proof's session is kept");
    assert_works(&bench);
}

#[test]
fn and_again_with_the_name_that_is_free_now() {
    let bench = free_to_delete();
    for expected in ["alice-2", "alice", "alice-2"] {
        replace(&bench, "alice").unwrap();
        assert_eq!((owners(&bench), names(&bench)), (vec![of_alice(expected)], vec!["alice".to_owned()]));
        assert_works(&bench);
    }
}

#[test]
fn where_the_old_one_cannot_be_deleted_it_stays_deactivated_under_another_name_and_that_is_said() {
    let bench = Bench::with_device();
    replace(&bench, "alice").unwrap();
    assert_eq!(owners(&bench), [of_nobody("alice"), of_alice("alice-2")]);
    assert_eq!(names(&bench), ["alice", "alice-old"]);
    let old = bench.device("alice-old").unwrap();
    assert!(old.deactivated && old.device.serial_number.unwrap().as_str() == SERIAL);
    assert_eq!(bench.device("alice").unwrap().device.serial_number, Some(serial(SECOND)));
    assert!(index(&bench).enrolments.is_empty());
    let talk = bench.prompt.talk();
    assert!(talk.contains("warning: ") && talk.contains("aws iam delete-virtual-mfa-device"), "{talk}");
    assert!(talk.contains("`mfavault mfa deactivate alice-old --delete`"), "{talk}");
    assert_works(&bench);
}

#[test]
fn a_lost_phone_is_replaced_with_its_code_or_with_a_held_device() {
    let bench = settled(may_delete);
    let record = bench.device("alice").unwrap();
    bench.run(|context| context.vault.forget_device("alice")).unwrap();
    let code = bench.code(&record, 0);
    replace_with(&bench, SERIAL, |arguments| {
        arguments.device.profile = Some(name("main"));
        arguments.device.mfa_code = Some(code);
    })
    .unwrap();
    assert_eq!((owners(&bench), names(&bench)), (vec![of_alice("alice-2")], vec!["alice-2".to_owned()]));
    assert_works(&bench);
    let bench = free_to_delete();
    let phone = add_phone(&bench).device.serial_number.unwrap();
    replace_with(&bench, phone.as_str(), |arguments| arguments.device.profile = Some(name("main"))).unwrap();
    assert_eq!(owners(&bench), [of_alice("alice"), of_alice("phone-2")]);
}

#[test]
fn an_administrator_replaces_somebody_elses() {
    let bench = administrator_with_bob();
    replace_with(&bench, "bob", |arguments| arguments.device = of_bob("bob")).unwrap();
    assert_eq!(owners(&bench), [("bob-2".to_owned(), Some("bob".to_owned()))]);
    assert_eq!(names(&bench), ["bob"]);
    bench.settle();
    assert!(bench.session_with("bob", &bench.device("bob").unwrap()).is_ok());
}

#[test]
fn it_is_confirmed_before_anything_is_made() {
    let bench = Bench::with_device();
    let ask = || replace_with(&bench, "alice", |arguments| arguments.confirmed = false);
    bench.prompt.answer("no");
    assert!(matches!(ask(), Err(Error::Declined)));
    assert!(bench.prompt.questions()[0].contains(SERIAL));
    bench.prompt.leave();
    assert!(matches!(ask(), Err(Error::Prompt(PromptError::NoTerminal { instead, .. })) if instead == "--yes"));
    assert_eq!((owners(&bench).len(), index(&bench).enrolments.len()), (1, 0));
}

#[test]
fn eight_devices_are_refused_before_anything_is_made() {
    let bench = Bench::with_device();
    let admin = bench.key_of("admin").into();
    for number in 2..=8 {
        let name = format!("spare-{number}");
        let made = bench.ask_aws(&admin, |aws, caller| aws.create_virtual_mfa_device(caller, &name)).unwrap();
        let mut record = bench.device("alice").unwrap();
        record.device.seed = made.seed;
        let codes = [bench.code(&record, -1), bench.code(&record, 0)];
        let codes = [&codes[0], &codes[1]];
        let enabled =
            bench.ask_aws(&admin, |aws, caller| aws.enable_mfa_device(caller, "alice", &made.serial_number, codes));
        enabled.unwrap();
    }
    let (requests, result) = bench.requests_of(|| replace(&bench, "alice"));
    assert!(matches!(result, Err(Error::DeviceLimit { serial_numbers, .. }) if serial_numbers.len() == 8));
    assert_eq!(requests, ["GetCallerIdentity", "ListMFADevices"]);
}

#[test]
fn what_is_not_demanded_is_not_replaced() {
    let bench = Bench::with_device();
    deactivate(&bench, "alice", false).unwrap();
    assert!(matches!(replace(&bench, "alice"), Err(Error::NotEnabled { .. })));
    assert!(matches!(replace(&bench, "nobody"), Err(Error::NoDevice { .. })));
    assert!(matches!(replace(&bench, "arn:aws:iam::111122223333:mfa/x"), Err(Error::ProfileNeeded { .. })));
}

/// A replacement that got as far as the new device's enabling.
fn begun(bench: &Bench, action: &str) {
    bench.fail(action, FaultKind::ClosedBeforeActing, None);
    let error = replace(bench, "alice").unwrap_err();
    assert!(matches!(&error, Error::EnrolmentUnfinished { begun, .. } if begun.replaces.as_deref() == Some("alice")));
    bench.aws.clear_faults();
}

#[test]
fn a_replacement_that_was_begun_ends_whichever_name_is_given() {
    for action in ["CreateVirtualMFADevice", "EnableMFADevice", "DeactivateMFADevice", "DeleteVirtualMFADevice"] {
        for name in ["alice", "alice-2", "main", SERIAL, SECOND] {
            let bench = free_to_delete();
            begun(&bench, action);
            if action == "CreateVirtualMFADevice" && [SECOND, "alice-2"].contains(&name) {
                continue;
            }
            bench.clock.advance(60);
            replace(&bench, name).unwrap_or_else(|error| panic!("{action}, {name}: {error}"));
            assert_eq!((owners(&bench), names(&bench)), (vec![of_alice("alice-2")], vec!["alice".to_owned()]));
            assert!(index(&bench).enrolments.is_empty());
            assert_works(&bench);
        }
    }
}

#[test]
fn while_one_is_begun_the_old_device_is_not_deactivated_and_no_other_made() {
    let bench = free_to_delete();
    begun(&bench, "EnableMFADevice");
    assert!(matches!(deactivate(&bench, "alice", true), Err(Error::BeingReplaced { .. })));
    assert!(matches!(bench.enable(), Err(Error::EnrolmentBegun { begun, .. }) if begun.replaces.is_some()));
    bench.settle();
    assert!(bench.session_with("alice", &bench.device("alice").unwrap()).is_ok());
}

#[test]
fn a_replacement_does_not_go_on_in_another_account() {
    for action in ["CreateVirtualMFADevice", "EnableMFADevice", "DeactivateMFADevice"] {
        let mut bench = free_to_delete();
        begun(&bench, action);
        let mut settings = Settings::new(bench.clock.clone());
        settings.account_id = "444455556666".to_owned();
        let first_aws = mem::replace(&mut bench.aws, Rehearsal::start(settings).unwrap());
        bench.set_environment(&[]);
        bench.store_key("main", "alice");
        let result = replace(&bench, "alice");
        assert!(matches!(result, Err(Error::OtherAccount { .. })), "{action}: {result:?}");
        assert_eq!(owners(&bench), [], "{action}");
        bench.aws = first_aws;
        bench.assert_no_device_without_its_seed(&bench.keystore, action);
        assert!(bench.device("alice").is_some_and(|record| !record.deactivated), "{action}");
    }
}

#[test]
fn a_replacement_does_not_go_on_for_another_user() {
    for action in ["CreateVirtualMFADevice", "EnableMFADevice"] {
        let bench = settled(|settings| {
            may_delete(settings);
            settings.users.push(UserSettings::force_mfa("carol"));
        });
        begun(&bench, action);
        bench.store_key("main", "carol");
        let result = replace(&bench, "alice");
        assert!(matches!(result, Err(Error::NotEnabled { .. } | Error::EnrolmentBegun { .. })), "{action}: {result:?}");
        assert!(owners(&bench).iter().all(|(_, owner)| owner.as_deref() != Some("carol")), "{action}");
        assert!(bench.device("alice").is_some_and(|record| !record.deactivated), "{action}");
    }
}

#[test]
fn the_name_is_taken_over_also_by_a_run_that_finds_the_old_record_gone() {
    let bench = free_to_delete();
    add_second(&bench);
    let admin = bench.key_of("admin").into();
    bench.ask_aws(&admin, |aws, caller| aws.deactivate_mfa_device(caller, "alice", &serial(SERIAL))).unwrap();
    bench.ask_aws(&admin, |aws, caller| aws.delete_virtual_mfa_device(caller, &serial(SERIAL))).unwrap();
    bench.run(|context| context.vault.rename_device("alice", "prod")).unwrap();
    let enrolment = Enrolment {
        serial_number: serial(SECOND),
        user_name: "alice".to_owned(),
        replaces: Some(serial(SERIAL)),
        takes_name: Some("prod".to_owned()),
    };
    bench.run(|context| context.vault.begin_enrolment(&name("main"), enrolment)).unwrap();
    bench.run(|context| context.vault.forget_device("prod")).unwrap();
    replace(&bench, "prod").unwrap();
    assert_eq!(names(&bench), ["prod"]);
    assert_works(&bench);
}

#[test]
fn a_new_device_that_aws_refuses_leaves_the_old_one_as_it_was() {
    let bench = free_to_delete();
    let refused = replace_with(&bench, "alice", |arguments| arguments.new_name = Some("a b".to_owned()));
    assert!(matches!(refused, Err(Error::DeviceName { .. })));
    bench.fail("CreateVirtualMFADevice", FaultKind::Throttling, None);
    let error = replace(&bench, "alice").unwrap_err();
    assert!(
        matches!(&error, Error::EnrolmentUnfinished { source, .. } if matches!(&**source, Error::Aws(AwsError::Throttled { .. }))),
        "{error:?}"
    );
    bench.aws.clear_faults();
    assert_works(&bench);
    replace(&bench, "alice").unwrap();
    assert_works(&bench);
}
