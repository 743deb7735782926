//! `mfa enable` with names and paths, in other partitions, for a device that was deactivated, with a clock that jumps.

use std::time::Duration;

use mfavault::{
    aws::Aws,
    commands::{Error, mfa::enable},
    mfa::SerialNumber,
    rehearsal::FaultKind,
};

use super::{begun, enrolments, kept::Late, unfinished};
use crate::support::bench::{Bench, SERIAL, name};

#[test]
fn a_path_goes_to_aws_and_not_into_the_local_name() {
    for path in ["/team/alice", "team/alice"] {
        let bench = Bench::new();
        bench.enable_with(|arguments| arguments.name = Some(path.to_owned())).unwrap();
        let serial = "arn:aws:iam::111122223333:mfa/team/alice";
        assert_eq!(bench.devices_at_aws(), [(serial.to_owned(), Some("alice".to_owned()))]);
        assert_eq!(bench.device("alice").unwrap().device.serial_number.unwrap().as_str(), serial);
        assert!(bench.text("config").contains(&format!("mfa_serial = {serial}\n")));
    }
}

#[test]
fn the_partition_is_that_of_the_caller() {
    for (partition, region) in
        [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1"), ("aws-eusc", "eusc-de-east-1")]
    {
        let bench = Bench::with(|settings| settings.partition = partition.to_owned());
        bench.write_config(&format!("[profile main]\nregion = {region}\n"));
        begun(&bench);
        bench.enable().unwrap();
        let serial = format!("arn:{partition}:iam::111122223333:mfa/alice");
        assert_eq!(bench.devices_at_aws(), [(serial.clone(), Some("alice".to_owned()))]);
        assert!(bench.text("config").contains(&format!("mfa_serial = {serial}\n")), "{partition}");
    }
}

#[test]
fn an_orphan_that_takes_the_name_is_called_one_and_another_users_device_is_not() {
    let bench = Bench::new();
    bench.fail("CreateVirtualMFADevice", FaultKind::LostAnswer, Some(1));
    unfinished(bench.enable());
    bench.enable().unwrap();
    let talk = bench.prompt.talk();
    let line = talk.lines().find(|line| line.contains("orphan")).unwrap();
    assert!(line.contains(&format!("`aws iam delete-virtual-mfa-device --serial-number {SERIAL}`")), "{line}");

    let bench = Bench::new();
    bench.store_key("admin", "admin");
    bench.write_config("[profile main]\n[profile admin]\n");
    let named_alice = |arguments: &mut enable::Arguments| {
        (arguments.profile, arguments.name) = (name("admin"), Some("alice".to_owned()));
    };
    bench.enable_with(named_alice).unwrap();
    bench.run(|context| context.vault.forget_device("alice")).unwrap();
    bench.prompt.talk();
    bench.enable().unwrap();
    let talk = bench.prompt.talk();
    assert!(talk.contains("taking another name") && !talk.contains("orphan"), "{talk}");
}

/// Takes alice's device out of use at AWS, as an administrator does, and perhaps notes that here.
fn deactivate(bench: &Bench, noted: bool) {
    let serial: SerialNumber = SERIAL.parse().unwrap();
    let admin = bench.key_of("admin").into();
    bench.ask_aws(&admin, |aws, caller| aws.deactivate_mfa_device(caller, "alice", &serial)).unwrap();
    let mut record = bench.device("alice").unwrap();
    record.deactivated = noted;
    bench.run(|context| context.vault.store_device(&record)).unwrap();
    bench.write_config("[profile main]\nregion = us-east-1\n");
}

#[test]
fn a_device_that_was_deactivated_is_enabled_again_with_its_seed() {
    for (noted, named, local_name) in
        [(true, true, "alice"), (true, false, "alice"), (false, false, "alice"), (true, false, "phone")]
    {
        let case = format!("{noted} {named} {local_name}");
        let bench = Bench::new();
        // Under another local name it is found as the only one that is held.
        bench.enable_with(|arguments| arguments.name = (local_name == "phone").then(|| "phone".to_owned())).unwrap();
        let serial = format!("arn:aws:iam::111122223333:mfa/{local_name}");
        let before = bench.device(local_name).unwrap();
        let admin = bench.key_of("admin").into();
        let serial_number = serial.parse().unwrap();
        bench.ask_aws(&admin, |aws, caller| aws.deactivate_mfa_device(caller, "alice", &serial_number)).unwrap();
        let mut record = before.clone();
        record.deactivated = noted;
        bench.run(|context| context.vault.store_device(&record)).unwrap();
        bench.write_config("[profile main]\nregion = us-east-1\n");
        // At once: the pair of before is not taken again, so that the next ones are awaited.
        let (requests, result) =
            bench.requests_of(|| bench.enable_with(|arguments| arguments.name = named.then(|| local_name.to_owned())));
        result.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert!(!requests.iter().any(|line| line.starts_with("CreateVirtual")), "{case}: {requests:?}");
        assert_eq!(bench.device(local_name), Some(before), "{case}");
        assert_eq!(bench.devices_at_aws(), [(serial.clone(), Some("alice".to_owned()))], "{case}");
        assert!(bench.text("config").contains(&format!("mfa_serial = {serial}\n")), "{case}");
        assert!(bench.clock.waited() <= Duration::from_secs(90), "{case}");
    }
}

#[test]
fn a_device_that_is_named_is_not_taken_for_one_like_it_that_is_enabled() {
    let bench = Bench::with_device();
    bench.settle();
    bench.enable_with(|arguments| arguments.name = Some("alice-2".to_owned())).unwrap();
    deactivate(&bench, true);
    bench.settle();
    bench.enable_with(|arguments| arguments.name = Some("alice".to_owned())).unwrap();
    let enabled = bench.devices_at_aws().into_iter().filter(|(_, owner)| owner.is_some()).count();
    assert_eq!((enabled, bench.device("alice").unwrap().deactivated), (2, false));
}

#[test]
fn a_session_from_before_it_was_deactivated_is_no_proof() {
    let bench = Bench::new();
    bench.enable().unwrap();
    deactivate(&bench, true);
    bench.clock.advance(90);
    let (requests, result) = bench.requests_of(|| bench.enable());
    result.unwrap();
    assert!(requests.contains(&"GetSessionToken 3600 mfa/alice+code".to_owned()), "{requests:?}");
}

#[test]
fn a_run_that_was_killed_after_it_enabled_the_device_again_notes_that_in_the_next() {
    let bench = Bench::with_device();
    let mut record = bench.device("alice").unwrap();
    record.deactivated = true;
    bench.run(|context| context.vault.store_device(&record)).unwrap();
    bench.enable().unwrap();
    assert!(!bench.device("alice").unwrap().deactivated);
}

#[test]
fn a_profiles_device_that_is_not_at_aws_any_more_gives_way_to_a_new_one() {
    let bench = Bench::new();
    bench.enable_with(|arguments| arguments.name = Some("phone".to_owned())).unwrap();
    let serial = "arn:aws:iam::111122223333:mfa/phone".parse().unwrap();
    let admin = bench.key_of("admin").into();
    bench.ask_aws(&admin, |aws, caller| aws.deactivate_mfa_device(caller, "alice", &serial)).unwrap();
    bench.ask_aws(&admin, |aws, caller| aws.delete_virtual_mfa_device(caller, &serial)).unwrap();
    bench.enable().unwrap();
    assert_eq!(bench.devices_at_aws(), [(SERIAL.to_owned(), Some("alice".to_owned()))]);
    assert!(bench.device("phone").is_some(), "nobody said that it may be forgotten");
}

#[test]
fn a_picture_counts_as_a_backup() {
    let bench = Bench::new();
    bench.enable_with(|arguments| arguments.qr = Some(bench.path("device.png"))).unwrap();
    let backed_up = |name: &str| bench.run(|context| context.vault.index()).unwrap().devices[name].backed_up;
    assert!(backed_up("alice").is_some());
    bench.settle();
    bench.enable_with(|arguments| arguments.name = Some("laptop".to_owned())).unwrap();
    assert!(backed_up("alice").is_some() && backed_up("laptop").is_none());
}

#[test]
fn a_pair_that_was_held_up_for_minutes_is_mended() {
    for minutes in [5, 60] {
        let bench = Bench::new();
        let mut aws = Late::new(&bench, 0, 0);
        // As when a lid is closed between the reading of the clock and the request.
        aws.on_the_way = Box::new(|| bench.clock.advance(60 * minutes));
        let arguments = enable::Arguments::plain(name("main"));
        let run = || bench.run_with(&bench.keystore, &aws, |context| enable::run(context, &arguments)).map(drop);
        let (requests, result) = bench.requests_of(run);
        result.unwrap();
        let expected = [
            "EnableMFADevice mfa/alice+code",
            "GetSessionToken 3600 mfa/alice+code AccessDenied",
            "GetSessionToken 3600 mfa/alice+code AccessDenied",
            "ResyncMFADevice mfa/alice+code",
            "GetSessionToken 3600 mfa/alice+code",
        ];
        assert_eq!(requests[3..], expected);
        assert_eq!(enrolments(&bench), 0);
        bench.settle();
        assert!(bench.carries_mfa(&bench.credentials("main").unwrap()));
    }
}

#[test]
fn a_proof_that_fails_keeps_within_the_budget_and_leaves_all_to_be_gone_on_with() {
    let bench = Bench::with(|settings| settings.propagation_delay = Duration::from_secs(600));
    for _ in 0..2 {
        let (requests, result) = bench.requests_of(|| bench.enable());
        assert!(matches!(unfinished(result), Error::NotProved { .. }));
        assert!(requests.iter().filter(|line| line.starts_with("GetSessionToken")).count() <= 9, "{requests:?}");
        let countdowns = bench.prompt.countdowns();
        assert!(countdowns.iter().any(|(reason, _)| reason.contains("STS learns")), "{countdowns:?}");
        assert_eq!(enrolments(&bench), 1);
        bench.assert_no_device_without_its_seed(&bench.keystore, "not proved");
    }
}
