//! Credentials that come from elsewhere than the vault's keys: another tool, the environment, a file, a sign-in; and the
//! user's further devices.

use std::{fs, time::Duration};

use mfavault::{
    aws::{CallerIdentity, CreatedDevice, SessionPolicy},
    commands::{Error, SessionRequest},
    credentials::Credentials,
    mfa::{CodeSettings, TimeStep, VirtualMfaDevice},
    profile::ProfileName,
    rfc3339,
    session::{ObtainError, PlanError},
    vault::DeviceRecord,
};

use crate::support::bench::{Bench, SERIAL, name};

const ROLE: &str = "role_arn = arn:aws:iam::111122223333:role/open\n";
const DEPLOY: &str = "role_arn = arn:aws:iam::111122223333:role/deploy\n";
const NONE: [&str; 0] = [];

/// A document such as another tool prints, in a file; the profile's process shows it and counts its calls.
fn other_tool(bench: &Bench, credentials: &Credentials, expiration: &str) -> String {
    let token = credentials.session_token().map(|token| format!(r#", "SessionToken": "{}""#, token.expose()));
    let document = format!(
        r#"{{"Version": 1, "AccessKeyId": "{}", "SecretAccessKey": "{}"{}{expiration}}}"#,
        credentials.access_key_id(),
        credentials.secret_access_key().expose(),
        token.unwrap_or_default(),
    );
    fs::write(bench.path("document"), document).unwrap();
    let (calls, document) = (bench.path("calls"), bench.path("document"));
    format!("credential_process = echo call >> {}; cat {}\n", calls.display(), document.display())
}

fn calls(bench: &Bench) -> usize {
    bench.text("calls").lines().count()
}

fn whose(bench: &Bench, credentials: &Credentials) -> String {
    let identity = bench.ask_aws(credentials, |aws, caller| {
        mfavault::aws::Aws::get_caller_identity(aws, caller) as Result<CallerIdentity, _>
    });
    identity.unwrap().arn.to_string()
}

/// A user's session, as another tool would have it.
fn session(bench: &Bench, user: &str) -> Credentials {
    let session = bench.ask_aws(&bench.key_of(user).into(), |aws, caller| {
        mfavault::aws::Aws::get_session_token(aws, caller, Duration::from_secs(3600), None)
    });
    session.unwrap().into()
}

#[test]
fn a_session_of_another_tool_goes_out_as_it_is_and_is_not_remembered() {
    let bench = Bench::empty(|_| {});
    let session = session(&bench, "admin");
    let expiration = format!(r#", "Expiration": "{}""#, rfc3339::format(session.expiration().unwrap()));
    let process = other_tool(&bench, &session, &expiration);
    bench.write_config(&format!("[profile tool]\n{process}[profile role]\n{ROLE}source_profile = tool\n"));
    let (requests, given) = bench.requests_of(|| [bench.credentials("tool"), bench.credentials("tool")]);
    for given in given {
        assert_eq!(given.unwrap().access_key_id(), session.access_key_id());
    }
    assert_eq!((requests.as_slice(), calls(&bench)), (NONE.map(String::from).as_slice(), 2));
    let (requests, result) = bench.requests_of(|| bench.credentials("role"));
    result.unwrap();
    assert_eq!((requests.as_slice(), calls(&bench)), (["AssumeRole 3600".to_owned()].as_slice(), 3));
    let (requests, _) = bench.requests_of(|| bench.credentials("role").unwrap());
    assert_eq!((requests.as_slice(), calls(&bench)), (NONE.map(String::from).as_slice(), 3), "the role is remembered");
    let names = bench.keystore.names();
    assert_eq!(names.iter().filter(|name| name.starts_with("session/")).count(), 1, "{names:?}");
}

#[test]
fn a_session_policy_is_not_passed_over_where_the_other_tool_gives_a_session() {
    let bench = Bench::empty(|_| {});
    let process = other_tool(&bench, &session(&bench, "admin"), "");
    bench.write_config(&format!("[profile tool]\n{process}"));
    let narrowed = bench.credentials_with("tool", |request| {
        request.for_console = true;
        request.session_policy = SessionPolicy { document: Some("{}".to_owned()), arns: Vec::new() };
    });
    assert!(matches!(narrowed, Err(Error::Obtain(ObtainError::PolicyForSession { .. }))), "{narrowed:?}");
    assert!(bench.credentials_with("tool", |request| request.for_console = true).is_ok());
}

#[test]
fn a_code_is_not_given_for_a_session_that_has_no_device() {
    let bench = Bench::with_device();
    let process = other_tool(&bench, &session(&bench, "admin"), "");
    bench.write_config(&format!(
        "[profile main]\n[profile tool]\n{process}mfa_serial = {SERIAL}\n[profile role]\n{ROLE}source_profile = tool\n"
    ));
    let four_hours = |request: &mut SessionRequest| request.duration = Some(Duration::from_secs(14_400));
    assert_eq!(bench.requests_of(|| bench.credentials_with("role", four_hours).unwrap()).0, ["AssumeRole 3600"]);
    assert!(bench.prompt.talk().contains("no code goes along"));
}

#[test]
fn the_first_of_several_roles_has_the_code_where_no_session_is_wished() {
    let bench = Bench::with_device();
    bench.write_config(&format!(
        "[profile main]\nmfa_serial = {SERIAL}\n[profile deploy]\n{DEPLOY}source_profile = main\n\
         [profile open]\n{ROLE}source_profile = deploy\n"
    ));
    let (requests, result) = bench.requests_of(|| bench.credentials_with("open", |request| request.no_session = true));
    result.unwrap();
    assert_eq!(requests, ["AssumeRole 3600 mfa/alice+code", "AssumeRole 3600"]);
}

#[test]
fn keys_of_another_tool_go_out_or_become_a_session_with_mfa() {
    let bench = Bench::with_device();
    let process = other_tool(&bench, &bench.key_of("alice").into(), "");
    bench.write_config(&format!(
        "[profile keys]\n{process}[profile main]\n[profile mfa]\n{process}mfa_serial = {SERIAL}\n\
         [profile deploy]\n{DEPLOY}source_profile = mfa\n"
    ));
    let (requests, given) = bench.requests_of(|| bench.credentials("keys").unwrap());
    assert!(matches!(given, Credentials::LongTerm(_)));
    assert_eq!(requests, NONE);
    let (requests, given) = bench.requests_of(|| bench.credentials("mfa").unwrap());
    assert_eq!((requests, bench.carries_mfa(&given)), (vec!["GetSessionToken 3600 mfa/alice+code".to_owned()], true));
    let (requests, _) = bench.requests_of(|| bench.credentials("deploy").unwrap());
    assert_eq!(requests, ["GetSessionToken 28800 mfa/alice+code", "AssumeRole 3600"]);
    let before = calls(&bench);
    let (requests, _) = bench.requests_of(|| bench.credentials("deploy").unwrap());
    assert_eq!((requests.as_slice(), calls(&bench)), (NONE.map(String::from).as_slice(), before), "warm");
}

#[test]
fn where_the_other_tool_gives_a_session_no_code_is_spent() {
    let bench = Bench::with_device();
    let process = other_tool(&bench, &session(&bench, "admin"), "");
    bench.write_config(&format!(
        "[profile main]\n[profile tool]\n{process}mfa_serial = {SERIAL}\n[profile role]\n{ROLE}source_profile = tool\n"
    ));
    assert_eq!(bench.requests_of(|| bench.credentials("tool").unwrap()).0, NONE);
    let four_hours = |request: &mut SessionRequest| request.duration = Some(Duration::from_secs(14_400));
    assert_eq!(bench.requests_of(|| bench.credentials("role").unwrap()).0, ["AssumeRole 3600"]);
    bench.prompt.talk();
    let result = bench.credentials_with("role", four_hours);
    assert!(bench.prompt.talk().contains("at most 1h"), "{result:?}");
}

#[test]
fn a_process_that_fails_loops_or_prints_something_else_is_named() {
    let mut bench = Bench::empty(|_| {});
    let old = other_tool(&bench, &session(&bench, "admin"), r#", "Expiration": "2020-01-01T00:00:00Z""#);
    bench.write_config(&format!(
        "[profile fails]\ncredential_process = exit 3\n[profile prints]\ncredential_process = echo s3cret\n\
         [profile old]\n{old}[profile loop]\n{old}\n"
    ));
    let error = |profile: &str| match bench.credentials(profile) {
        Err(Error::Obtain(error)) => error,
        other => panic!("{profile}: {:?}", other.map(drop)),
    };
    assert!(matches!(error("fails"), ObtainError::CredentialProcess { .. }));
    let prints = error("prints");
    assert!(
        matches!(prints, ObtainError::ProcessDocument { .. }) && !prints.to_string().contains("s3cret"),
        "{prints}"
    );
    assert!(error("old").to_string().contains("expired already"));
    bench.set_environment(&[("_AWS_CLI_PROFILE_CHAIN", "loop,x")]);
    let before = calls(&bench);
    let looping = bench.credentials("loop").unwrap_err().to_string();
    assert!(looping.contains("loop → x → loop"), "{looping}");
    bench.set_environment(&[("_AWS_CLI_PROFILE_CHAIN", "a,b,c,d")]);
    assert!(matches!(bench.credentials("loop"), Err(Error::Obtain(ObtainError::ProcessLoop { .. }))));
    assert_eq!(calls(&bench), before, "no process ran");
    bench.set_environment(&[("_MFAVAULT_PROFILE_CHAIN", "loop")]);
    assert!(matches!(bench.credentials("loop"), Err(Error::Obtain(ObtainError::ProcessLoop { .. }))));
    assert_eq!(calls(&bench), before, "a process of ours is on the way already");
    // An SDK that asks for this very profile writes it into the chain.
    bench.set_environment(&[("_AWS_CLI_PROFILE_CHAIN", "loop")]);
    assert!(matches!(bench.credentials("loop"), Err(Error::Obtain(ObtainError::ProcessDocument { .. }))));
    assert_eq!(calls(&bench), before + 1);
}

#[test]
fn a_profile_with_keys_in_the_vault_runs_no_process() {
    let bench = Bench::new();
    let process = other_tool(&bench, &session(&bench, "admin"), "");
    bench.write_config(&format!("[profile main]\n{process}"));
    assert_eq!(bench.requests_of(|| bench.credentials("main").unwrap()).0, ["GetSessionToken 3600"]);
    assert_eq!(calls(&bench), 0);
}

#[test]
fn a_role_is_assumed_with_the_keys_of_the_environment() {
    let mut bench = Bench::empty(|_| {});
    bench.write_config(&format!("[profile role]\n{ROLE}credential_source = Environment\n"));
    let missing = bench.credentials("role").unwrap_err();
    assert!(matches!(missing, Error::Plan(PlanError::NoEnvironmentKeys { .. })), "{missing}");
    for credentials in [Credentials::from(bench.key_of("admin")), session(&bench, "admin")] {
        let (id, secret) = (credentials.access_key_id().to_string(), credentials.secret_access_key().expose().clone());
        let token = credentials.session_token().map_or_else(String::new, |token| token.expose().clone());
        let pairs =
            [("AWS_ACCESS_KEY_ID", id.as_str()), ("AWS_SECRET_ACCESS_KEY", &secret), ("AWS_SESSION_TOKEN", &token)];
        bench.set_environment(&pairs);
        let (requests, given) = bench.requests_of(|| bench.credentials("role").unwrap());
        assert_eq!(requests, ["AssumeRole 3600"]);
        assert!(whose(&bench, &given).contains("assumed-role/open"));
        assert_eq!(bench.requests_of(|| bench.credentials("role").unwrap()).0, NONE, "remembered for these keys");
    }
}

/// A second device of alice's, enabled by the administrator; its seed is in the vault.
pub(super) fn second_device(bench: &Bench, local_name: &str, profile: Option<ProfileName>) -> DeviceRecord {
    use mfavault::aws::Aws;
    let CreatedDevice { serial_number, seed } = bench
        .ask_aws(&bench.key_of("admin").into(), |aws, caller| aws.create_virtual_mfa_device(caller, local_name))
        .unwrap();
    let device = VirtualMfaDevice {
        name: local_name.to_owned(),
        serial_number: Some(serial_number.clone()),
        issuer: None,
        account: "alice".to_owned(),
        seed,
        settings: CodeSettings::AWS,
        counter: None,
    };
    let current = TimeStep::at(bench.aws.now(), CodeSettings::AWS);
    let codes = [device.code(current.previous()), device.code(current)];
    bench
        .ask_aws(&bench.key_of("admin").into(), |aws, caller| {
            aws.enable_mfa_device(caller, "alice", &serial_number, [&codes[0], &codes[1]])
        })
        .unwrap();
    let record = DeviceRecord::new(device, profile, "test", bench.aws.now());
    bench.run(|context| context.vault.store_device(&record)).unwrap();
    bench.clock.advance(30);
    record
}

#[test]
fn when_a_device_has_no_code_left_another_one_of_the_user_is_taken() {
    let bench = Bench::with_device();
    second_device(&bench, "spare", Some(name("main")));
    second_device(&bench, "strange", Some(name("other")));
    bench.clock.advance(180);
    let refresh = || bench.credentials_with("main", |request| request.refresh = true).unwrap();
    let (requests, _) = bench.requests_of(|| (0..6).for_each(|_| drop(refresh())));
    let of = |device: &str| requests.iter().filter(|line| line.contains(&format!("mfa/{device}+code"))).count();
    assert_eq!((of("alice"), of("spare"), requests.len()), (3, 3, 6), "{requests:?}");
    assert!(bench.prompt.countdowns().is_empty());
    refresh();
    assert_eq!(bench.prompt.countdowns().len(), 1, "now all of both are spent");
}
