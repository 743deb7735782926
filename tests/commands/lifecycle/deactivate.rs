//! `mfa deactivate`: who may, in which order, what is left, and what is refused.

use mfavault::{aws::AwsError, commands, prompt::PromptError, rehearsal::FaultKind, session::ObtainError};

use super::*;

#[test]
fn a_device_is_deactivated_and_its_seed_stays() {
    let bench = Bench::with_device();
    bench.write_config(&format!(
        "[profile main]\nmfa_serial = {SERIAL}\nregion = us-east-1\n[profile role]\nmfavault_mfa_serial = {SERIAL}\n\
         [profile other]\nmfa_serial = {SECOND}\n"
    ));
    bench.credentials("main").unwrap();
    let (requests, result) = bench.requests_of(|| deactivate(&bench, "alice", false));
    result.unwrap();
    assert_eq!(requests, ["GetCallerIdentity", "ListMFADevices", "DeactivateMFADevice mfa/alice"]);
    assert_eq!(owners(&bench), [of_nobody("alice")]);
    assert!(bench.device("alice").unwrap().deactivated && index(&bench).devices["alice"].deactivated);
    assert_eq!(
        bench.text("config"),
        format!("[profile main]\nregion = us-east-1\n[profile role]\n[profile other]\nmfa_serial = {SECOND}\n")
    );
    assert!(index(&bench).sessions.is_empty());
    assert!(bench.prompt.talk().contains("its seed stays here as `alice`"));
}

#[test]
fn a_device_is_deleted_with_its_seed_and_what_it_spent_stays_known() {
    let bench = free_to_delete();
    let record = bench.device("alice").unwrap();
    deactivate(&bench, "main", true).unwrap();
    assert!(owners(&bench).is_empty() && names(&bench).is_empty() && index(&bench).sessions.is_empty());
    let spent = bench.run(|context| context.vault.ledger(&record.identity()).unwrap().next_counter(0)).unwrap();
    assert!(spent > 0, "the ledger is kept");
    assert!(matches!(deactivate(&bench, "alice", true), Err(Error::NoDevice { .. })));
    bench.settle();
    bench.enable().unwrap();
    assert_eq!(owners(&bench), [of_alice("alice")]);
}

#[test]
fn another_held_device_shows_mfa_and_takes_the_place_in_the_config() {
    let bench = free_to_delete();
    add_second(&bench);
    let (requests, result) = bench.requests_of(|| deactivate(&bench, "alice", true));
    result.unwrap();
    let expected = [
        "GetCallerIdentity",
        "ListMFADevices",
        "GetSessionToken 3600 mfa/alice-2+code",
        "DeactivateMFADevice mfa/alice",
        "DeleteVirtualMFADevice mfa/alice",
    ];
    assert_eq!(requests, expected);
    assert_eq!((owners(&bench), names(&bench)), (vec![of_alice("alice-2")], vec!["alice-2".to_owned()]));
    assert!(bench.text("config").contains(&format!("mfa_serial = {SECOND}\n")));
    bench.settle();
    assert!(bench.carries_mfa(&bench.credentials("main").unwrap()));
}

#[test]
fn it_is_confirmed_and_what_it_means_is_said() {
    let bench = Bench::with_device();
    let ask = |device: &str, delete| bench.run(|context| mfa::deactivate::run(context, &at_aws(device), delete, false));
    bench.prompt.answer("no");
    assert!(matches!(ask("alice", true), Err(Error::Declined)));
    let question = bench.prompt.questions().remove(0);
    for part in [SERIAL, "of alice", "the last one", "forgets it for good", "sessions of `main`"] {
        assert!(question.contains(part), "{part}: {question}");
    }
    bench.prompt.leave();
    let refused = ask("alice", false);
    assert!(matches!(refused, Err(Error::Prompt(PromptError::NoTerminal { instead, .. })) if instead == "--yes"));
    assert_eq!(owners(&bench), [of_alice("alice")]);
    let bench = Bench::with_device();
    add_second(&bench);
    bench.prompt.answer("no");
    let refused = bench.run(|context| mfa::deactivate::run(context, &at_aws("alice"), false, false));
    assert!(matches!(refused, Err(Error::Declined)));
    let question = bench.prompt.questions().remove(0);
    assert!(!question.contains("the last one") && question.contains("seed stays"), "{question}");
}

#[test]
fn who_may_not_delete_keeps_the_seed_and_hears_the_administrators_command() {
    let bench = Bench::with_device();
    for _ in 0..2 {
        let error = deactivate(&bench, "alice", true).unwrap_err();
        assert!(
            matches!(&error, Error::NotDeleted { serial_number, .. } if serial_number.as_str() == SERIAL),
            "{error}"
        );
        assert_eq!(owners(&bench), [of_nobody("alice")]);
        assert!(bench.device("alice").unwrap().deactivated);
    }
    let admin = bench.key_of("admin").into();
    bench.ask_aws(&admin, |aws, caller| aws.delete_virtual_mfa_device(caller, &serial(SERIAL))).unwrap();
    deactivate(&bench, "alice", true).unwrap();
    assert!(names(&bench).is_empty());
}

#[test]
fn without_a_device_left_the_remembered_session_deletes() {
    let bench = free_to_delete();
    bench.fail("DeleteVirtualMFADevice", FaultKind::ClosedBeforeActing, None);
    assert!(matches!(deactivate(&bench, "alice", true), Err(Error::Aws(AwsError::Unreachable { .. }))));
    bench.aws.clear_faults();
    assert_eq!((owners(&bench), names(&bench)), (vec![of_nobody("alice")], vec!["alice".to_owned()]));
    let (requests, result) = bench.requests_of(|| deactivate(&bench, "alice", true));
    result.unwrap();
    assert!(requests.iter().all(|line| !line.starts_with("GetSessionToken")), "{requests:?}");
    assert!(owners(&bench).is_empty() && names(&bench).is_empty());
}

#[test]
fn a_lost_phone_goes_with_the_mfa_of_a_held_device_or_with_a_code_of_its_own() {
    for with_code in [false, true] {
        let bench = free_to_delete();
        let phone = add_phone(&bench);
        let serial_number = phone.device.serial_number.clone().unwrap();
        let mfa_code = with_code.then(|| bench.code(&phone, 0));
        let device = mfa::AtAws { profile: Some(name("main")), mfa_code, ..at_aws(serial_number.as_str()) };
        let (requests, result) = bench.requests_of(|| deactivate_with(&bench, &device, true));
        result.unwrap();
        let shown = if with_code { "mfa/phone" } else { "mfa/alice" };
        assert!(requests.contains(&format!("GetSessionToken 3600 {shown}+code")), "{requests:?}");
        assert_eq!((owners(&bench), names(&bench)), (vec![of_alice("alice")], vec!["alice".to_owned()]));
        deactivate_with(&bench, &device, true).unwrap();
        assert!(bench.prompt.talk().contains("AWS has no device"));
    }
}

#[test]
fn the_last_device_that_is_not_held_needs_its_code() {
    let bench = Bench::with_device();
    let record = bench.device("alice").unwrap();
    bench.run(|context| context.vault.forget_device("alice")).unwrap();
    let device = |mfa_code| mfa::AtAws { profile: Some(name("main")), mfa_code, ..at_aws(SERIAL) };
    bench.prompt.leave();
    let refused = deactivate_with(&bench, &device(None), false).unwrap_err();
    assert!(matches!(refused, Error::Obtain(ObtainError::CodeNeeded { .. })), "{refused}");
    assert_eq!(owners(&bench), [of_alice("alice")]);
    deactivate_with(&bench, &device(Some(bench.code(&record, 0))), false).unwrap();
    assert_eq!(owners(&bench), [of_nobody("alice")]);
}

#[test]
fn an_administrator_does_it_for_somebody_else() {
    let bench = administrator_with_bob();
    let alone = mfa::AtAws { user_name: None, ..of_bob("bob") };
    let refused = deactivate_with(&bench, &alone, true);
    assert!(matches!(refused, Err(Error::NotOfUser { owner: Some(owner), .. }) if owner == "bob"));
    deactivate_with(&bench, &of_bob("bob"), true).unwrap();
    assert!(owners(&bench).is_empty() && names(&bench).is_empty());
}

#[test]
fn a_device_of_another_account_is_refused_before_aws_is_asked_about_it() {
    let bench = free_to_delete();
    let mut record = bench.device("alice").unwrap();
    record.device.serial_number = Some(serial("arn:aws:iam::999999999999:mfa/alice"));
    bench.run(|context| context.vault.store_device(&record)).unwrap();
    let (requests, result) = bench.requests_of(|| deactivate(&bench, "alice", true));
    assert!(matches!(result, Err(Error::OtherAccount { account_id, .. }) if account_id == "111122223333"));
    assert_eq!(requests, ["GetCallerIdentity"]);
    assert!(bench.device("alice").is_some());
}

#[test]
fn where_the_list_is_denied_a_device_is_not_taken_for_that_of_another_user_who_has_the_profile_now() {
    let denied = r#"{"Version": "2012-10-17", "Statement":
        {"Effect": "Deny", "Action": "iam:ListVirtualMFADevices", "Resource": "*"}}"#;
    let bench = settled(|settings| {
        settings.users.push(UserSettings::force_mfa("carol"));
        settings.users.iter_mut().for_each(|user| user.policies.push(denied.to_owned()));
    });
    let (record, config) = (bench.device("alice").unwrap(), bench.text("config"));
    bench.store_key("main", "carol");
    for delete in [false, true] {
        let result = deactivate(&bench, "alice", delete);
        assert!(matches!(result, Err(Error::NotOfUser { .. })), "{result:?}");
    }
    assert!(bench.device("alice") == Some(record) && bench.text("config") == config);
}

#[test]
fn what_is_no_virtual_device_is_not_deleted() {
    let bench = Bench::with_device();
    for serial_number in ["GAHT12345678", "arn:aws:iam::111122223333:u2f/user/alice/key-ABC"] {
        let device = mfa::AtAws { profile: Some(name("main")), ..at_aws(serial_number) };
        assert!(matches!(deactivate_with(&bench, &device, true), Err(Error::NotVirtual { .. })), "{serial_number}");
        assert!(matches!(deactivate_with(&bench, &device, false), Err(Error::NotOfUser { .. })), "{serial_number}");
    }
}

#[test]
fn a_device_that_aws_does_not_have_is_forgotten_if_it_was_to_be_deleted() {
    let bench = Bench::with_device();
    let admin = bench.key_of("admin").into();
    bench.ask_aws(&admin, |aws, caller| aws.deactivate_mfa_device(caller, "alice", &serial(SERIAL))).unwrap();
    bench.ask_aws(&admin, |aws, caller| aws.delete_virtual_mfa_device(caller, &serial(SERIAL))).unwrap();
    assert!(matches!(deactivate(&bench, "alice", false), Err(Error::NotAtAws { .. })));
    assert!(bench.device("alice").is_some());
    deactivate(&bench, "alice", true).unwrap();
    assert!(names(&bench).is_empty());
}

#[test]
fn a_deactivated_device_gives_no_sessions_and_is_enabled_again() {
    let bench = Bench::with_device();
    deactivate(&bench, "alice", false).unwrap();
    deactivate(&bench, "alice", false).unwrap();
    bench.clock.advance(180);
    let credentials = bench.credentials("main").unwrap();
    assert!(!bench.carries_mfa(&credentials));
    bench.run(|context| commands::clear::run(context, None)).unwrap();
    bench.enable().unwrap();
    assert_eq!(owners(&bench), [of_alice("alice")]);
    assert!(!bench.device("alice").unwrap().deactivated);
    bench.settle();
    assert!(bench.carries_mfa(&bench.credentials("main").unwrap()));
}

#[test]
fn an_enrolment_that_was_begun_ends_with_its_device() {
    let bench = Bench::with(may_delete);
    bench.fail("EnableMFADevice", FaultKind::ClosedBeforeActing, None);
    assert!(bench.enable().is_err());
    bench.aws.clear_faults();
    // Under the policy, only somebody with MFA may delete; nobody has any yet.
    assert!(matches!(deactivate(&bench, "alice", true), Err(Error::NotDeleted { .. })));
    assert_eq!(index(&bench).enrolments.len(), 1);
    let admin = bench.key_of("admin").into();
    bench.ask_aws(&admin, |aws, caller| aws.delete_virtual_mfa_device(caller, &serial(SERIAL))).unwrap();
    deactivate(&bench, "alice", true).unwrap();
    assert!(index(&bench).enrolments.is_empty() && names(&bench).is_empty());
    bench.enable().unwrap();
}
