//! `mfa resync`: two codes that AWS takes, whatever it took before, and the proof.

use mfavault::{aws::AwsError, rehearsal::FaultKind};

use super::*;

#[test]
fn a_device_is_resynchronised_and_proved_and_the_config_stays() {
    let bench = Bench::with_device();
    bench.write_config("[profile main]\nregion = us-east-1\n");
    let (requests, result) = bench.requests_of(|| resync(&bench, "main"));
    result.unwrap();
    let expected = [
        "GetCallerIdentity",
        "ListMFADevices",
        "ResyncMFADevice mfa/alice+code",
        "GetSessionToken 3600 mfa/alice+code",
    ];
    assert_eq!(requests, expected);
    assert_eq!(bench.text("config"), "[profile main]\nregion = us-east-1\n");
    let talk = bench.prompt.talk();
    assert!(talk.contains("resynchronised") && talk.contains("proved"), "{talk}");
    assert!(bench.clock.waited().is_zero());
}

#[test]
fn a_session_of_before_is_no_proof() {
    let bench = Bench::with_device();
    bench.credentials("main").unwrap();
    bench.clock.advance(60);
    let (requests, result) = bench.requests_of(|| resync(&bench, "alice"));
    result.unwrap();
    assert!(requests.last().unwrap().starts_with("GetSessionToken"), "{requests:?}");
}

#[test]
fn after_a_pair_that_aws_took_the_next_one_is_awaited_and_none_is_sent_in_vain() {
    let bench = Bench::with_device();
    resync(&bench, "alice").unwrap();
    bench.prompt.countdowns();
    let (requests, result) = bench.requests_of(|| resync(&bench, "alice"));
    result.unwrap();
    let pairs: Vec<_> = requests.iter().filter(|line| line.starts_with("ResyncMFADevice")).collect();
    assert_eq!(pairs, ["ResyncMFADevice mfa/alice+code"]);
    assert!(bench.prompt.countdowns()[0].0.contains("next code"));
    assert!(bench.clock.waited().as_secs() <= 60);
}

#[test]
fn a_pair_that_is_not_newer_than_one_of_another_machine_is_followed_by_the_next_one() {
    let bench = Bench::with_device();
    let record = bench.device("alice").unwrap();
    let key = bench.key_of("alice").into();
    let serial = SERIAL.parse().unwrap();
    let codes = [bench.code(&record, -1), bench.code(&record, 0)];
    bench.ask_aws(&key, |aws, caller| aws.resync_mfa_device(caller, "alice", &serial, [&codes[0], &codes[1]])).unwrap();
    let (requests, result) = bench.requests_of(|| resync(&bench, "alice"));
    result.unwrap();
    let pairs: Vec<_> = requests.iter().filter(|line| line.starts_with("ResyncMFADevice")).collect();
    assert_eq!(pairs.len(), 2, "{requests:?}");
    assert!(pairs[0].ends_with("InvalidAuthenticationCode") && pairs[1].ends_with("+code"), "{pairs:?}");
    assert!(bench.clock.waited().as_secs() <= 60);
}

#[test]
fn an_answer_that_is_lost_is_settled_by_the_proof() {
    for kind in [FaultKind::LostAnswer, FaultKind::ClosedBeforeActing, FaultKind::ServerError, FaultKind::TruncatedBody]
    {
        let bench = Bench::with_device();
        bench.fail("ResyncMFADevice", kind, Some(1));
        resync(&bench, "alice").unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert!(bench.prompt.talk().contains("proof will tell"), "{kind:?}");
    }
}

#[test]
fn a_seed_that_makes_other_codes_is_refused_by_aws_after_two_pairs() {
    let bench = Bench::with_device();
    let mut record = bench.device("alice").unwrap();
    record.device.seed = mfavault::mfa::Seed::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
    bench.run(|context| context.vault.store_device(&record)).unwrap();
    let (requests, result) = bench.requests_of(|| resync(&bench, "alice"));
    assert!(matches!(result, Err(Error::Aws(AwsError::InvalidAuthenticationCode { .. }))));
    assert_eq!(requests.iter().filter(|line| line.starts_with("ResyncMFADevice")).count(), 2);
}

#[test]
fn an_administrator_resynchronises_somebody_elses_and_proves_nothing() {
    let bench = administrator_with_bob();
    let (requests, result) =
        bench.requests_of(|| bench.run(|context| mfa::resync::run(context, &of_bob("bob"))).map(drop));
    result.unwrap();
    assert_eq!(requests.last().unwrap(), "ResyncMFADevice mfa/bob+code");
    bench.settle();
    assert!(bench.session_with("bob", &bench.device("bob").unwrap()).is_ok());
}

#[test]
fn what_is_not_held_or_not_demanded_is_refused() {
    let bench = free_to_delete();
    let phone = add_phone(&bench);
    let phone = phone.device.serial_number.unwrap();
    let not_held = mfa::AtAws { profile: Some(name("main")), ..at_aws(phone.as_str()) };
    let refused = bench.run(|context| mfa::resync::run(context, &not_held)).map(drop);
    assert!(matches!(refused, Err(Error::SeedNotHere { serial_number }) if serial_number == phone));
    assert!(matches!(resync(&bench, phone.as_str()), Err(Error::ProfileNeeded { .. })));
    assert!(matches!(resync(&bench, "nobody"), Err(Error::NoDevice { .. })));
    assert!(matches!(resync(&bench, "arn:aws:iam::111122223333:user/alice"), Err(Error::SerialNumber(_))));
    deactivate(&bench, "alice", false).unwrap();
    assert!(matches!(resync(&bench, "alice"), Err(Error::NotEnabled { .. })));
}
