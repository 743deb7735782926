//! `mfa enable`: a device from its creation to its proof, as AWS behaves on good and on odd days.

use std::{fs, time::Duration};

use mfavault::{
    aws::{Aws, AwsError},
    commands::Error,
    mfa::{Seed, qr},
    rehearsal::{FaultKind, UserSettings},
    session::ObtainError,
};

use crate::support::bench::{Bench, SERIAL, name};

mod kept;
mod others;
mod whole_life;

const RITUAL: [&str; 5] = [
    "GetCallerIdentity",
    "ListMFADevices",
    "CreateVirtualMFADevice",
    "EnableMFADevice mfa/alice+code",
    "GetSessionToken 3600 mfa/alice+code",
];

fn enrolments(bench: &Bench) -> usize {
    bench.run(|context| context.vault.index()).unwrap().enrolments.len()
}

/// Why a run ended that left something for the next one.
#[track_caller]
fn unfinished(result: Result<(), Error>) -> Error {
    match result {
        Err(Error::EnrolmentUnfinished { source, .. }) => *source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_device_is_made_enabled_and_proved_without_waiting() {
    let bench = Bench::new();
    let (requests, result) = bench.requests_of(|| bench.enable());
    result.unwrap();
    assert_eq!(requests, RITUAL);
    assert_eq!(bench.clock.waited(), Duration::ZERO);
    assert_eq!(bench.devices_at_aws(), [(SERIAL.to_owned(), Some("alice".to_owned()))]);
    assert_eq!(bench.text("config"), format!("[profile main]\nregion = us-east-1\nmfa_serial = {SERIAL}\n"));
    let record = bench.device("alice").unwrap();
    assert_eq!((record.profile, record.provenance.as_str()), (Some(name("main")), "mfa enable"));
    assert_eq!(enrolments(&bench), 0);
    let (requests, credentials) = bench.requests_of(|| bench.credentials("main"));
    assert!(bench.carries_mfa(&credentials.unwrap()));
    assert_eq!(requests, [""; 0], "the proof's session is used");
}

#[test]
fn codes_that_enable_spends_at_sts_are_not_needed_there() {
    let bench = Bench::with(|settings| settings.enable_spends_codes_at_sts = true);
    bench.enable().unwrap();
    assert_eq!(bench.clock.waited(), Duration::ZERO);
}

#[test]
fn a_second_run_finds_nothing_to_do_and_spends_no_code() {
    let bench = Bench::new();
    bench.enable().unwrap();
    let (requests, result) = bench.requests_of(|| bench.enable());
    result.unwrap();
    assert_eq!(requests, ["GetCallerIdentity", "ListMFADevices"]);
    assert_eq!(bench.devices_at_aws().len(), 1);
}

#[test]
fn sts_that_does_not_know_the_device_yet_is_waited_for() {
    for delay in [1, 8, 14, 20] {
        let bench = Bench::with(|settings| settings.propagation_delay = Duration::from_secs(delay));
        bench.enable().unwrap();
        let waited = bench.clock.waited().as_secs();
        assert!(waited <= delay + 8, "{waited} s for {delay} s");
        assert!(bench.prompt.countdowns()[0].0.contains("STS"));
        assert_eq!(enrolments(&bench), 0);
    }
}

#[test]
fn a_device_that_sts_never_learns_of_is_an_error_and_stays_to_be_proved() {
    let bench = Bench::with(|settings| settings.propagation_delay = Duration::from_secs(600));
    let (requests, result) = bench.requests_of(|| bench.enable());
    let error = unfinished(result);
    assert!(matches!(error, Error::NotProved { source: AwsError::UnknownSerialNumber { .. }, .. }), "{error}");
    let tries = requests.iter().filter(|line| line.starts_with("GetSessionToken")).count();
    assert!(tries <= 8, "nine are AWS's budget in three minutes: {tries}");
    bench.clock.advance(600);
    bench.enable().unwrap();
    assert_eq!(enrolments(&bench), 0);
}

#[test]
fn clocks_that_differ_are_no_hindrance() {
    for offset in [90, -90, 200, -200, 299, -299] {
        let bench = Bench::new();
        bench.set_skew(offset);
        bench.enable().unwrap_or_else(|error| panic!("{offset} s: {error}"));
        bench.settle();
        let credentials = bench.credentials("main").unwrap_or_else(|error| panic!("{offset} s: {error}"));
        assert!(bench.carries_mfa(&credentials), "{offset} s");
    }
}

#[test]
fn clocks_that_differ_too_much_are_refused_before_anything_is_done() {
    for offset in [600, -600] {
        let bench = Bench::new();
        bench.set_skew(offset);
        let error = bench.enable().unwrap_err();
        assert!(
            matches!(&error, Error::Aws(AwsError::ClockSkew { offset: measured }) if (measured.seconds - offset).abs() <= 1),
            "{error}"
        );
        assert_eq!((bench.devices_at_aws().len(), enrolments(&bench)), (0, 0));
    }
}

/// Enables the device of a run that got no further, with codes of ten minutes ago.
fn enable_out_of_step(bench: &Bench) {
    begun(bench);
    let record = bench.device("alice").unwrap();
    let codes = [bench.code(&record, -21), bench.code(&record, -20)];
    let (key, serial) = (bench.key_of("alice").into(), SERIAL.parse().unwrap());
    bench.ask_aws(&key, |aws, caller| aws.enable_mfa_device(caller, "alice", &serial, [&codes[0], &codes[1]])).unwrap();
}

#[test]
fn a_device_that_was_enabled_out_of_step_is_resynchronised() {
    let bench = Bench::new();
    enable_out_of_step(&bench);
    let (requests, result) = bench.requests_of(|| bench.enable());
    result.unwrap();
    assert!(requests.contains(&"ResyncMFADevice mfa/alice+code".to_owned()), "{requests:?}");
    bench.settle();
    assert!(bench.carries_mfa(&bench.credentials("main").unwrap()));
}

#[test]
fn a_user_who_cannot_show_the_device_he_has_is_refused_and_nothing_is_created() {
    let bench = Bench::with_device();
    bench.run(|context| context.vault.forget_device("alice")).unwrap();
    bench.prompt.leave();
    let error = bench.enable().unwrap_err();
    let names_device = |error: &ObtainError| matches!(error, ObtainError::CodeNeeded { serial_number, .. } if serial_number.as_str() == SERIAL);
    assert!(matches!(&error, Error::Obtain(error) if names_device(error)), "{error}");
    assert_eq!((bench.devices_at_aws().len(), enrolments(&bench)), (1, 0));
}

#[test]
fn a_name_that_is_taken_at_aws_is_left_alone_and_another_one_taken() {
    let bench = Bench::new();
    bench.fail("CreateVirtualMFADevice", FaultKind::LostAnswer, Some(1));
    assert!(matches!(unfinished(bench.enable()), Error::Aws(AwsError::Unreachable { .. })));
    bench.enable().unwrap();
    let owner = Some("alice".to_owned());
    assert_eq!(bench.devices_at_aws(), [(SERIAL.to_owned(), None), (format!("{SERIAL}-2"), owner)]);
    assert!(bench.text("config").contains(&format!("mfa_serial = {SERIAL}-2\n")));
    assert!(bench.prompt.talk().contains("taking another name"));
    assert_eq!(enrolments(&bench), 0);
}

#[test]
fn a_name_of_ones_own_is_used_and_a_bad_one_refused_before_anything_is_created() {
    let bench = Bench::new();
    for bad in ["", "a b", "a/", "/a b/c", "ä"] {
        let error = bench.enable_with(|arguments| arguments.name = Some(bad.to_owned())).unwrap_err();
        assert!(matches!(error, Error::DeviceName { .. }), "{bad:?}: {error}");
    }
    assert!(bench.devices_at_aws().is_empty());
    bench.enable_with(|arguments| arguments.name = Some("laptop".to_owned())).unwrap();
    assert_eq!(bench.devices_at_aws()[0].0, "arn:aws:iam::111122223333:mfa/laptop");
    assert!(bench.device("laptop").is_some());
}

#[test]
fn the_qr_code_is_written_before_the_device_is_enabled_and_never_over_a_file() {
    let bench = Bench::new();
    let path = bench.path("device.png");
    fs::write(&path, "mine").unwrap();
    let with_qr = || bench.enable_with(|arguments| arguments.qr = Some(path.clone()));
    assert!(matches!(with_qr(), Err(Error::PictureExists { .. })));
    assert_eq!((bench.devices_at_aws().len(), fs::read_to_string(&path).unwrap().as_str()), (0, "mine"));
    fs::remove_file(&path).unwrap();
    with_qr().unwrap();
    let seed = bench.device("alice").unwrap().device.seed.to_base32();
    let codes = qr::read(&fs::read(&path).unwrap()).unwrap();
    assert!(codes.len() == 1 && codes[0].expose().contains(seed.expose()));
}

#[test]
fn a_profile_without_a_key_and_keys_that_are_no_users_are_refused() {
    let bench = Bench::empty(|settings| settings.root_access_key = true);
    bench.write_config("[profile main]\n");
    assert!(matches!(bench.enable(), Err(Error::NoKey { .. })));
    bench.write_config(
        "[profile main]\nrole_arn = arn:aws:iam::111122223333:role/open\nsource_profile = keys\n[profile keys]\n",
    );
    bench.store_key("keys", "alice");
    assert!(matches!(bench.enable(), Err(Error::NotOfAUser { .. })));
    bench.write_config("[profile main]\n");
    bench.store_key("main", "root");
    let (requests, result) = bench.requests_of(|| bench.enable());
    assert!(matches!(result, Err(Error::RootUser { arn }) if arn.to_string() == "arn:aws:iam::111122223333:root"));
    assert_eq!(requests, ["GetCallerIdentity"]);
}

#[test]
fn an_administrator_makes_a_device_for_somebody_else() {
    let bench = Bench::empty(|settings| settings.users.push(UserSettings::force_mfa("bob")));
    bench.write_config("[profile main]\n");
    bench.store_key("main", "admin");
    bench.enable_with(|arguments| arguments.user_name = Some("bob".to_owned())).unwrap();
    assert_eq!(bench.devices_at_aws()[0], ("arn:aws:iam::111122223333:mfa/bob".to_owned(), Some("bob".to_owned())));
    assert_eq!((bench.text("config").as_str(), enrolments(&bench)), ("[profile main]\n", 0));
    bench.clock.advance(60);
    assert!(bench.session_with("bob", &bench.device("bob").unwrap()).is_ok());
    assert_eq!(bench.device("bob").unwrap().profile, None);
}

/// A run whose device was created, and that got no further.
fn begun(bench: &Bench) {
    bench.fail("EnableMFADevice", FaultKind::ClosedBeforeActing, None);
    assert!(matches!(unfinished(bench.enable()), Error::Aws(AwsError::Unreachable { .. })));
    bench.aws.clear_faults();
    bench.prompt.talk();
}

/// Replaces the seed in the vault by one that makes other codes.
fn spoil_the_seed(bench: &Bench, name: &str) {
    let mut record = bench.device(name).unwrap();
    record.device.seed = Seed::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
    bench.run(|context| context.vault.store_device(&record)).unwrap();
}

#[test]
fn what_aws_refuses_for_good_is_undone_where_aws_allows() {
    let bench = Bench::empty(|_| {});
    bench.write_config("[profile main]\n");
    bench.store_key("main", "admin");
    begun(&bench);
    spoil_the_seed(&bench, "admin");
    let error = bench.enable().unwrap_err();
    assert!(matches!(error, Error::Aws(AwsError::InvalidAuthenticationCode { .. })), "{error}");
    assert!(bench.prompt.talk().contains("mfa/admin was deleted again"));
    assert_eq!((bench.devices_at_aws().len(), bench.device("admin"), enrolments(&bench)), (0, None, 0));
    bench.enable().unwrap();
}

#[test]
fn what_cannot_be_undone_is_kept_and_said() {
    let bench = Bench::new();
    begun(&bench);
    spoil_the_seed(&bench, "alice");
    assert!(matches!(unfinished(bench.enable()), Error::Aws(AwsError::InvalidAuthenticationCode { .. })));
    let talk = bench.prompt.talk();
    assert!(talk.contains("stays at AWS, not enabled") && talk.contains("its seed is kept"), "{talk}");
    assert_eq!((bench.devices_at_aws(), enrolments(&bench)), (vec![(SERIAL.to_owned(), None)], 1));
    assert!(bench.device("alice").is_some());
}

#[test]
fn a_device_that_an_administrator_deleted_meanwhile_is_made_anew() {
    let bench = Bench::new();
    begun(&bench);
    let serial = SERIAL.parse().unwrap();
    let admin = bench.key_of("admin").into();
    bench.ask_aws(&admin, |aws, caller| aws.delete_virtual_mfa_device(caller, &serial)).unwrap();
    bench.clock.advance(60);
    let error = bench.enable().unwrap_err();
    assert!(matches!(error, Error::Aws(AwsError::NoSuchEntity { .. })), "{error}");
    assert!(bench.prompt.talk().contains("is not at AWS any more"));
    assert_eq!((bench.device("alice"), enrolments(&bench)), (None, 0));
    bench.enable().unwrap();
    assert_eq!(bench.devices_at_aws(), [(SERIAL.to_owned(), Some("alice".to_owned()))]);
}

#[test]
fn a_user_who_is_not_there_gets_no_device() {
    let bench = Bench::empty(|_| {});
    bench.write_config("[profile main]\n");
    bench.store_key("main", "admin");
    let unknown = bench.enable_with(|arguments| arguments.user_name = Some("nobody".to_owned()));
    assert!(matches!(unknown, Err(Error::Aws(AwsError::NoSuchEntity { .. }))));
    assert_eq!((bench.devices_at_aws().len(), enrolments(&bench)), (0, 0));
}
