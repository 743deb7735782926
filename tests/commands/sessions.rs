//! From a profile to credentials: which calls are made, what is remembered, and what is refused before any call.

use std::{ffi::OsString, time::Duration};

use mfavault::{
    commands::{self, Context, Error, Outcome, SessionRequest},
    credentials::Credentials,
    keystore::{Keystore, KeystoreError, RecordName},
    process::LaunchError,
    rehearsal::{FaultKind, RoleSettings},
    secret::SecretBytes,
    session::{self, ObtainError, PlanError},
};

use crate::support::bench::{Bench, SERIAL, name};

const HOUR: Duration = Duration::from_secs(3600);
const WITH_MFA: &str = "GetSessionToken 3600 mfa/alice+code";
const SHARED: &str = "GetSessionToken 28800 mfa/alice+code";
const NONE: [&str; 0] = [];

/// Alice's device enabled, and a config with roles; `admin` is a user without a device.
fn bench() -> Bench {
    let bench = Bench::with(|settings| {
        let allow =
            r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}}"#;
        settings.roles.push(RoleSettings {
            name: "hop".to_owned(),
            trust_policy: settings.roles[0].trust_policy.clone(),
            policies: vec![allow.to_owned()],
            max_session_duration: HOUR,
        });
    });
    bench.enable().unwrap();
    bench.store_key("admin", "admin");
    bench.write_config(&format!(
        "[profile main]\nmfa_serial = {SERIAL}\n[profile admin]\n\
         [profile deploy]\nrole_arn = arn:aws:iam::111122223333:role/deploy\nsource_profile = main\n\
         [profile hop]\nrole_arn = arn:aws:iam::111122223333:role/hop\nsource_profile = main\n\
         [profile chained]\nrole_arn = arn:aws:iam::111122223333:role/open\nsource_profile = hop\n\
         [profile open]\nrole_arn = arn:aws:iam::111122223333:role/open\nsource_profile = admin\n\
         [profile hidden]\nmfavault_role_arn = arn:aws:iam::111122223333:role/deploy\nmfavault_source_profile = main\n\
         [profile half]\nrole_arn = arn:aws:iam::111122223333:role/deploy\nsource_profile = main\nduration_seconds = 1800\n",
    ));
    bench.settle();
    bench
}

#[test]
fn each_row_of_the_table_is_these_calls() {
    let bench = bench();
    type Change = fn(&mut SessionRequest);
    let plain: Change = |_| {};
    let no_session: Change = |request| request.no_session = true;
    let rows: [(&str, Change, &[&str]); 14] = [
        ("main", plain, &[WITH_MFA]),
        ("main", |request| request.duration = Some(HOUR * 36), &["GetSessionToken 129600 mfa/alice+code"]),
        ("main", |request| request.duration = Some(HOUR / 4), &["GetSessionToken 900 mfa/alice+code"]),
        ("main", no_session, &[]),
        ("admin", plain, &["GetSessionToken 3600"]),
        ("deploy", plain, &[SHARED, "AssumeRole 3600"]),
        ("hidden", plain, &[SHARED, "AssumeRole 3600"]),
        ("half", plain, &[SHARED, "AssumeRole 1800"]),
        ("deploy", |request| request.duration = Some(HOUR * 4), &["AssumeRole 14400 mfa/alice+code"]),
        ("deploy", no_session, &["AssumeRole 3600 mfa/alice+code"]),
        ("open", plain, &["AssumeRole 3600"]),
        ("chained", plain, &[SHARED, "AssumeRole 3600", "AssumeRole 3600"]),
        ("chained", |request| request.duration = Some(HOUR * 4), &[SHARED, "AssumeRole 3600", "AssumeRole 3600"]),
        ("hop", plain, &[SHARED, "AssumeRole 3600"]),
    ];
    for (profile, change, expected) in rows {
        let (requests, result) = bench.requests_of(|| bench.credentials_with(profile, change));
        let credentials = result.unwrap_or_else(|error| panic!("{profile}: {error}"));
        assert_eq!(requests, expected, "{profile}");
        assert_eq!(matches!(credentials, Credentials::LongTerm(_)), expected.is_empty(), "{profile}");
        bench.settle();
    }
}

#[test]
fn a_cap_and_long_term_credentials_going_out_are_said() {
    let bench = bench();
    bench.credentials_with("chained", |request| request.duration = Some(HOUR * 4)).unwrap();
    assert!(bench.prompt.talk().contains("at most 1h"));
    bench.credentials_with("main", |request| request.no_session = true).unwrap();
    assert!(bench.prompt.talk().contains("the long-term credentials go out"));
}

#[test]
fn a_serial_number_is_found_wherever_it_stands() {
    let mut bench = bench();
    let role = "role_arn = arn:aws:iam::111122223333:role/deploy\nsource_profile = main\n";
    let with = |serial: &str| format!("mfa_serial = {serial}\n");
    for config in [
        format!("[profile main]\n{}[profile deploy]\n{role}", with(SERIAL)),
        format!("[profile main]\n[profile deploy]\n{role}{}", with(SERIAL)),
        format!("[profile main]\n[profile deploy]\n{role}"),
        format!(
            "[profile main]\n[profile deploy]\n{role}mfavault_{}{}",
            with(SERIAL),
            with("arn:aws:iam::111122223333:mfa/b")
        ),
    ] {
        bench.write_config(&config);
        let (requests, result) = bench.requests_of(|| bench.credentials("deploy"));
        result.unwrap_or_else(|error| panic!("{config}: {error}"));
        assert_eq!(requests, [SHARED, "AssumeRole 3600"], "{config}");
        bench.settle();
    }
    bench.set_environment(&[("AWS_MFA_SERIAL", SERIAL)]);
    bench.write_config(&format!("[profile main]\n{}", with("arn:aws:iam::111122223333:mfa/other")));
    let (requests, _) = bench.requests_of(|| bench.credentials("main").unwrap());
    assert_eq!(requests, [WITH_MFA]);
}

#[test]
fn how_long_it_lasts_is_said_by_the_option_else_the_environment_else_the_profile() {
    let mut bench = bench();
    let half = |bench: &Bench, change: fn(&mut SessionRequest)| {
        let (requests, result) = bench.requests_of(|| bench.credentials_with("half", change));
        result.unwrap();
        bench.settle();
        requests.last().unwrap().clone()
    };
    assert_eq!(half(&bench, |_| {}), "AssumeRole 1800");
    bench.set_environment(&[("AWS_ASSUME_ROLE_TTL", "45m"), ("AWS_SESSION_TOKEN_TTL", "2h")]);
    assert_eq!(half(&bench, |_| {}), "AssumeRole 2700");
    assert_eq!(half(&bench, |request| request.duration = Some(HOUR / 4)), "AssumeRole 900");
    let (requests, _) = bench.requests_of(|| bench.credentials("main").unwrap());
    assert_eq!(requests, ["GetSessionToken 7200 mfa/alice+code"]);
}

#[test]
fn a_session_is_used_until_it_has_less_than_the_time_asked_for() {
    let bench = bench();
    let calls =
        |change: fn(&mut SessionRequest)| bench.requests_of(|| bench.credentials_with("main", change).unwrap()).0.len();
    assert_eq!(calls(|_| {}), 1);
    assert_eq!(calls(|_| {}), 0);
    bench.clock.advance(3600 - 300 - 1);
    assert_eq!(calls(|_| {}), 0, "301 s are left");
    assert_eq!(calls(|request| request.min_ttl = HOUR / 4), 1, "15 min are asked for");
    bench.clock.advance(3600 - 300);
    assert_eq!(calls(|_| {}), 1, "300 s are left");
    assert_eq!(calls(|request| request.refresh = true), 1);
    assert_eq!(calls(|request| request.duration = Some(HOUR / 4)), 1, "another duration is another session");
    assert_eq!(
        calls(|request| (request.duration, request.min_ttl) = (Some(HOUR / 4), HOUR / 4)),
        0,
        "half of it is left"
    );
    bench.clock.advance(451);
    assert_eq!(calls(|request| (request.duration, request.min_ttl) = (Some(HOUR / 4), HOUR / 4)), 1);
}

#[test]
fn a_session_that_is_about_to_end_serves_while_no_newer_can_be_had() {
    let bench = bench();
    let first = bench.credentials("main").unwrap();
    bench.clock.advance(3600 - 200);
    bench.fail("GetSessionToken", FaultKind::ServerError, None);
    assert_eq!(bench.credentials("main").unwrap(), first);
    assert!(bench.prompt.talk().contains("about to end"), "{}", bench.prompt.talk());
    assert!(bench.credentials_with("main", |request| request.refresh = true).is_err(), "a new one was asked for");
    bench.clock.advance(200);
    assert!(bench.credentials("main").is_err(), "it is over");
}

#[test]
fn a_session_is_remembered_again_when_the_one_before_is_over() {
    let bench = bench();
    for _ in 0..2 {
        assert_eq!(bench.requests_of(|| bench.credentials("main").unwrap()).0, [WITH_MFA]);
        assert_eq!(bench.requests_of(|| bench.credentials("main").unwrap()).0, NONE);
        bench.clock.advance(3601);
    }
}

#[test]
fn a_session_has_the_time_left_that_was_asked_for_by_either_clock() {
    for (skew, fresh) in [(200, 3600 - 300), (-200, 3600 - 300 - 200)] {
        let bench = bench();
        // Long enough for a clock that is behind to have seen the device enabled.
        bench.clock.advance(360);
        bench.set_skew(skew);
        let calls = || {
            let ask = |context: &Context<'_>| {
                commands::exec::credentials(context, &SessionRequest::plain(name("main"))).unwrap();
                session::keep_clock_offset(context.vault, context.aws, context.prompt).unwrap();
            };
            bench.requests_of(|| bench.run(ask)).0.len()
        };
        assert_ne!(calls(), 0);
        bench.clock.advance(fresh - 2);
        assert_eq!(calls(), 0, "{skew} s");
        bench.clock.advance(2);
        assert_eq!(calls(), 1, "{skew} s");
    }
}

#[test]
fn roles_of_one_key_and_device_share_the_session_behind_them() {
    let bench = bench();
    bench.credentials("deploy").unwrap();
    let (requests, _) = bench.requests_of(|| bench.credentials("hop").unwrap());
    assert_eq!(requests, ["AssumeRole 3600"]);
    let (requests, _) = bench.requests_of(|| bench.credentials_with("hop", |request| request.refresh = true).unwrap());
    assert_eq!(requests, [SHARED, "AssumeRole 3600"], "--refresh passes over all of them");
    bench.clock.advance(28_800 - 300);
    let (requests, _) = bench.requests_of(|| bench.credentials("deploy").unwrap());
    assert_eq!(requests, [SHARED, "AssumeRole 3600"], "with 5 min left it serves no more");
}

#[test]
fn another_key_endpoint_or_device_is_another_session_and_another_region_is_not() {
    let mut bench = bench();
    bench.credentials("main").unwrap();
    bench.set_environment(&[("AWS_REGION", "eu-west-1")]);
    assert_eq!(bench.requests_of(|| bench.credentials("main").unwrap()).0, NONE);
    bench.set_environment(&[("AWS_ENDPOINT_URL_STS", &bench.aws.url().replace("127.0.0.1", "localhost"))]);
    assert_eq!(bench.requests_of(|| bench.credentials("main").unwrap()).0, [WITH_MFA]);
    bench.set_environment(&[]);
    assert_eq!(bench.requests_of(|| bench.credentials("main").unwrap()).0, NONE);
    bench.store_key("main", "admin");
    bench.write_config("[profile main]\n");
    bench.run(|context| context.vault.forget_device("alice")).unwrap();
    let (requests, credentials) = bench.requests_of(|| bench.credentials("main").unwrap());
    assert_eq!((requests, bench.carries_mfa(&credentials)), (vec!["GetSessionToken 3600".to_owned()], false));
}

#[test]
fn a_session_that_was_damaged_or_put_under_another_name_counts_as_none() {
    let bench = bench();
    bench.credentials("main").unwrap();
    let stored = bench.keystore.names().into_iter().find_map(|name| name.strip_prefix("session/").map(str::to_owned));
    let main = RecordName::new("session", stored.unwrap());
    bench.credentials_with("main", |request| request.duration = Some(HOUR * 2)).unwrap();
    let other = bench.keystore.names().into_iter().filter_map(|name| name.strip_prefix("session/").map(str::to_owned));
    let other = other.map(|name| RecordName::new("session", name)).find(|name| *name != main).unwrap();
    let swapped = bench.keystore.get(&other).unwrap();
    for content in [SecretBytes::from(b"{}".to_vec()), SecretBytes::from(Vec::new()), swapped] {
        bench.keystore.put(&main, &content).unwrap();
        bench.clock.advance(90);
        assert_eq!(bench.requests_of(|| bench.credentials("main").unwrap()).0, [WITH_MFA]);
    }
}

#[test]
fn a_wish_that_cannot_be_granted_is_refused_before_any_call() {
    let bench = bench();
    bench.write_config(
        "[profile role]\nrole_arn = arn:aws:iam::111122223333:role/deploy\nsource_profile = main\n[profile main]\n\
         [profile machine]\nrole_arn = arn:aws:iam::111122223333:role/deploy\ncredential_source = EcsContainer\n\
         [profile keyless]\nregion = us-east-1\n[profile a]\nsource_profile = b\nrole_arn = arn:aws:iam::111122223333:role/x\n\
         [profile b]\nsource_profile = a\nrole_arn = arn:aws:iam::111122223333:role/x\n",
    );
    let (requests, ()) = bench.requests_of(|| {
        let too_long = bench.credentials_with("role", |request| request.duration = Some(HOUR * 13)).unwrap_err();
        assert!(matches!(too_long, Error::Plan(PlanError::RoleDuration { .. })), "{too_long}");
        let machine = bench.credentials("machine").unwrap_err();
        assert!(matches!(machine, Error::Plan(PlanError::OtherSource { place: "EcsContainer", .. })), "{machine}");
        let keyless = bench.credentials("keyless").unwrap_err();
        assert!(matches!(keyless, Error::Obtain(ObtainError::NoKey { .. })), "{keyless}");
        assert!(matches!(bench.credentials("a").unwrap_err(), Error::Profile(_)));
        assert!(matches!(bench.credentials("nowhere").unwrap_err(), Error::Profile(_)));
    });
    assert_eq!(requests, NONE);
}

#[cfg(unix)]
#[test]
fn a_command_that_is_not_there_costs_no_call_and_no_code() {
    let mut bench = bench();
    bench.set_environment(&[("LANG", "C"), ("AWS_SESSION_TOKEN", "stale")]);
    let request = SessionRequest::plain(name("main"));
    let exec = |command: &[&str]| {
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        bench.run(|context| commands::exec::run(context, &request, command))
    };
    let (requests, result) = bench.requests_of(|| exec(&["no-such-command"]));
    assert!(matches!(result, Err(Error::Launch(LaunchError::NotFound { .. }))));
    assert_eq!(requests, NONE);
    let Ok(Outcome::Launch(launch)) = exec(&["true", "a b"]) else { panic!("no launch") };
    assert_eq!((launch.program.as_path(), &launch.arguments[..]), ("/usr/bin/true".as_ref(), &["a b".into()][..]));
    let variable = |name: &str| launch.environment.iter().filter(|(found, _)| found == name).count();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"] {
        assert_eq!(variable(name), 1, "{name}");
    }
    assert!(launch.environment.contains(&("MFAVAULT_PROFILE".into(), "main".into())));
    assert!(launch.environment.contains(&("LANG".into(), "C".into())), "what is inherited is the context's");
    assert_eq!(variable("CARGO_MANIFEST_DIR"), 0, "and not this process's");
    assert!(variable("MFAVAULT_HOME") + variable("MFAVAULT_PASSPHRASE") == 0);
}

#[test]
fn explaining_asks_neither_aws_nor_the_keystore() {
    let bench = bench();
    let before = bench.keystore.operations();
    let request = SessionRequest::plain(name("chained"));
    let (requests, outcome) = bench.requests_of(|| bench.run(|context| commands::explain::run(context, &request)));
    let Ok(Outcome::Plan(plan)) = outcome else { panic!("no plan") };
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.call.as_str(), step.duration.unwrap().as_secs())).collect();
    assert_eq!(steps, [("GetSessionToken", 28_800), ("AssumeRole", 3600), ("AssumeRole", 3600)]);
    assert_eq!((requests.len(), bench.keystore.operations()), (0, before));
}

#[test]
fn the_origins_of_a_plan_have_the_names_of_the_config() {
    let bench = bench();
    bench.write_config(&format!(
        "[profile main]\nmfa_serial = {SERIAL}\n[profile role]\nrole_arn = arn:aws:iam::111122223333:role/deploy\n\
         source_profile = main\nexternal_id = xy\n"
    ));
    let request = SessionRequest { duration: Some(HOUR * 4), ..SessionRequest::plain(name("role")) };
    let Ok(Outcome::Plan(plan)) = bench.run(|context| commands::explain::run(context, &request)) else {
        panic!("no plan")
    };
    let names: Vec<_> = plan.steps[0].origins.keys().copied().collect();
    assert_eq!(names, ["duration", "external_id", "role_arn", "role_session_name", "serial_number"]);
}

#[test]
fn files_beside_the_keystore_hold_no_secret() {
    let bench = bench();
    bench.credentials("deploy").unwrap();
    let Credentials::Session(session) = bench.credentials("main").unwrap() else { panic!("no session") };
    let key = bench.key_of("alice");
    let seed = bench.device("alice").unwrap().device.seed.to_base32();
    let secrets = [&session.secret_access_key, &session.session_token, &key.secret_access_key, &seed];
    let folders = [&bench.environment.folders.data, &bench.environment.folders.state];
    let entries = folders.into_iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let texts: Vec<_> = entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert!(texts.iter().any(|text| text.contains(SERIAL)));
    assert!(texts.iter().all(|text| secrets.iter().all(|secret| !text.contains(secret.expose().as_str()))));
    assert!(texts.iter().all(|text| !text.contains(key.access_key_id.as_str())));
}

#[test]
fn aws_says_whose_credentials_they_are() {
    let bench = bench();
    let whoami = |profile: &str| {
        let request = SessionRequest::plain(name(profile));
        match bench.run(|context| commands::whoami::run(context, &request)) {
            Ok(Outcome::Whoami(whoami)) => {
                (whoami.identity.arn.to_string(), whoami.mfa_present, whoami.expiration.is_some())
            }
            other => panic!("{:?}", other.err()),
        }
    };
    assert_eq!(whoami("main"), ("arn:aws:iam::111122223333:user/alice".to_owned(), Some(true), true));
    assert_eq!(whoami("admin"), ("arn:aws:iam::111122223333:user/admin".to_owned(), Some(false), true));
    let (arn, mfa_present, _) = whoami("deploy");
    assert!(
        arn.starts_with("arn:aws:sts::111122223333:assumed-role/deploy/tester@") && mfa_present == Some(false),
        "{arn}"
    );
}

#[test]
fn a_session_that_cannot_be_remembered_is_given_out_all_the_same() {
    let bench = bench();
    let asked = bench.keystore.operations();
    bench.credentials("main").unwrap();
    let of_a_call = bench.keystore.operations() - asked;
    let unavailable = || KeystoreError::Unavailable { keystore: "memory", reason: "it is full".to_owned() };
    let mut warned = 0;
    for nth in 1..=of_a_call {
        bench.settle();
        bench.keystore.fail_at(nth, unavailable);
        match bench.credentials("main") {
            Ok(credentials) => assert!(bench.carries_mfa(&credentials)),
            Err(error) => assert!(matches!(error, Error::Obtain(ObtainError::Vault(_))), "{error}"),
        }
        warned += usize::from(bench.prompt.talk().contains("not remembered"));
    }
    assert_eq!(warned, 1, "of {of_a_call} operations one stores the session");
}
