//! `add`, `list`, `remove`, `clear`: long-term credentials coming and going.

use std::fs;

use mfavault::{
    aws::AwsError,
    commands::{self, Error, Outcome, add, list::ProfileRow},
    environment::EnvironmentError,
    keystore::KeystoreError,
    prompt::PromptError,
    rehearsal::FaultKind,
    vault::{KeyRecord, SessionKind},
};

use crate::support::bench::{Bench, SERIAL, name};

#[cfg(target_os = "linux")]
mod killed;

fn run(bench: &Bench, from: add::From, change: impl FnOnce(&mut add::Arguments)) -> Result<String, Error> {
    let profile = name("main");
    let mut arguments =
        add::Arguments { profile, from, verify: true, config: true, overwrite: false, mfa_serial: None };
    change(&mut arguments);
    bench.run(|context| add::run(context, arguments)).map(line)
}

fn line(outcome: Outcome) -> String {
    match outcome {
        Outcome::Line(line) => line,
        _ => String::new(),
    }
}

fn stored(bench: &Bench) -> Option<KeyRecord> {
    bench.run(|context| context.vault.key(&name("main"))).unwrap()
}

fn lines(bench: &Bench, user: &str) -> add::From {
    let key = bench.key_of(user);
    add::From::Lines(format!("{}\n{}\n", key.access_key_id, key.secret_access_key.expose()).into())
}

#[test]
fn a_pair_is_taken_from_every_place() {
    for place in ["prompt", "environment", "lines", "csv", "old csv", "credentials file"] {
        let mut bench = Bench::empty(|_| {});
        let key = bench.key_of("alice");
        let (id, secret) = (key.access_key_id.as_str(), key.secret_access_key.expose().as_str());
        let from = match place {
            "prompt" => {
                bench.prompt.answer(&format!(" {id} "));
                bench.prompt.answer(secret);
                add::From::Prompt
            }
            "environment" => {
                bench.set_environment(&[("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)]);
                add::From::Environment
            }
            "lines" => lines(&bench, "alice"),
            "csv" => add::From::Csv(format!("\u{feff}Access key ID,Secret access key\r\n{id},{secret}\r\n").into()),
            "old csv" => add::From::Csv(
                format!("User name,Access key ID,Secret access key\n\"alice\",\"{id}\",\"{secret}\"\n").into(),
            ),
            _ => {
                let text = format!("[main]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
                fs::write(bench.path("credentials"), text).unwrap();
                add::From::CredentialsFile
            }
        };
        let (requests, result) = bench.requests_of(|| run(&bench, from, |_| {}));
        let line = result.unwrap_or_else(|error| panic!("{place}: {error}"));
        let record = stored(&bench).unwrap();
        assert_eq!((record.credentials, record.account_id.as_deref()), (key.clone(), Some("111122223333")), "{place}");
        assert_eq!(requests, ["GetCallerIdentity"]);
        assert_eq!(bench.text("config"), "[profile main]\n");
        let talk = bench.prompt.talk();
        assert_eq!(line, "account 111122223333, arn:aws:iam::111122223333:user/alice", "{place}");
        assert!(!talk.contains(secret) && !talk.contains(id), "{place}: {talk}");
    }
}

#[test]
fn what_is_no_pair_is_refused_without_repeating_it() {
    let bench = Bench::empty(|_| {});
    let (id, secret) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00");
    let lines = |text: String| add::From::Lines(text.into());
    let csv = |text: String| add::From::Csv(text.into());
    for (case, from) in [
        ("nothing", lines(String::new())),
        ("one line", lines(id.to_owned())),
        ("three lines", lines(format!("{id}\n{secret}\n{secret}\n"))),
        ("the wrong way round", lines(format!("{secret}\n{id}\n"))),
        ("a session's", lines(format!("ASIAIOSFODNN7EXAMPLE\n{secret}\n"))),
        ("a short secret", lines(format!("{id}\nwJalr\n"))),
        ("a secret with a space", lines(format!("{id}\nwJalrXUtnFEMI K7MDENG bPxRfiCY\n"))),
        ("no heading", csv(format!("{id},{secret}\n"))),
        ("another heading", csv(format!("User name,Password\nalice,{secret}\n"))),
        ("two rows", csv(format!("Access key ID,Secret access key\n{id},{secret}\n{id},{secret}\n"))),
        ("a short row", csv(format!("Access key ID,Secret access key\n{id}\n"))),
        ("no credentials file", add::From::CredentialsFile),
    ] {
        let (requests, result) = bench.requests_of(|| run(&bench, from, |_| {}));
        let error = result.expect_err(case);
        assert!(matches!(error, Error::KeyInput { .. }), "{case}: {error}");
        assert!(!error.to_string().contains("wJalr"), "{case}: {error}");
        assert!(requests.is_empty() && stored(&bench).is_none(), "{case}");
    }
    let error = run(&bench, add::From::Environment, |_| {}).unwrap_err();
    assert!(matches!(error, Error::Environment(EnvironmentError::Unset { variable: "AWS_ACCESS_KEY_ID" })), "{error}");
    bench.prompt.leave();
    let error = run(&bench, add::From::Prompt, |_| {}).unwrap_err();
    let Error::Prompt(PromptError::NoTerminal { instead, .. }) = error else { panic!("{error}") };
    assert!(instead.contains("--stdin"));
}

#[test]
fn a_pair_that_aws_does_not_know_is_not_stored_unless_it_is_not_to_be_verified() {
    let bench = Bench::empty(|_| {});
    let text = "AKIAIOSFODNN7EXAMPLE\nwJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00\n";
    let error = run(&bench, add::From::Lines(text.into()), |_| {}).unwrap_err();
    assert!(matches!(error, Error::KeyRefused { .. }), "{error}");
    assert_eq!((stored(&bench), bench.text("config")), (None, String::new()));
    let unverified = |arguments: &mut add::Arguments| (arguments.verify, arguments.config) = (false, false);
    let (requests, result) = bench.requests_of(|| run(&bench, add::From::Lines(text.into()), unverified));
    assert!(result.is_ok() && requests.is_empty());
    assert_eq!((stored(&bench).unwrap().account_id, bench.text("config")), (None, String::new()));
}

#[test]
fn a_network_that_fails_is_not_taken_for_a_wrong_key() {
    let bench = Bench::empty(|_| {});
    bench.fail("GetCallerIdentity", FaultKind::ClosedBeforeActing, None);
    let error = run(&bench, lines(&bench, "alice"), |_| {}).unwrap_err();
    assert!(matches!(error, Error::Aws(AwsError::Unreachable { .. })), "{error}");
    assert_eq!(stored(&bench), None);
}

#[test]
fn another_key_is_replaced_only_by_force_and_the_same_one_always() {
    let bench = Bench::new();
    run(&bench, lines(&bench, "alice"), |_| {}).unwrap();
    let error = run(&bench, lines(&bench, "admin"), |_| {}).unwrap_err();
    assert!(matches!(&error, Error::KeyExists { masked, .. } if masked.starts_with("****")), "{error}");
    assert_eq!(stored(&bench).unwrap().credentials, bench.key_of("alice"));
    // The index is not what counts: it may be lost, or of another home beside the same keyring.
    std::fs::remove_file(bench.environment.folders.data.join("index.memory.json")).unwrap();
    let error = run(&bench, lines(&bench, "admin"), |_| {}).unwrap_err();
    assert!(matches!(&error, Error::KeyExists { .. }), "{error}");
    assert_eq!(stored(&bench).unwrap().credentials, bench.key_of("alice"));
    run(&bench, lines(&bench, "admin"), |arguments| arguments.overwrite = true).unwrap();
    assert_eq!(stored(&bench).unwrap().credentials, bench.key_of("admin"));
}

#[test]
fn a_serial_number_goes_into_the_config_which_otherwise_stays_as_it_is() {
    let bench = Bench::empty(|_| {});
    bench.write_config("# mine\n[profile main]\n  region=eu-west-1 # here\n\n[profile other]\n");
    let with_serial = |arguments: &mut add::Arguments| arguments.mfa_serial = Some(SERIAL.parse().unwrap());
    run(&bench, lines(&bench, "alice"), with_serial).unwrap();
    let config = bench.text("config");
    let expected = "# mine\n[profile main]\n  region=eu-west-1 # here\n";
    assert!(config.starts_with(expected) && config.ends_with("[profile other]\n"), "{config}");
    assert!(config.contains(&format!("mfa_serial = {SERIAL}\n")), "{config}");
}

#[test]
fn the_credentials_file_keeps_its_keys_until_they_are_stored_and_read_back() {
    for nth in 1..=2 {
        let bench = Bench::empty(|_| {});
        let key = bench.key_of("alice");
        let text = format!(
            "[other]\naws_access_key_id = x\n\n[main]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = us-east-1\n",
            key.access_key_id,
            key.secret_access_key.expose()
        );
        fs::write(bench.path("credentials"), &text).unwrap();
        let full = || KeystoreError::Unavailable { keystore: "memory", reason: "it is full".to_owned() };
        bench.keystore.fail_at(nth, full);
        assert!(matches!(run(&bench, add::From::CredentialsFile, |_| {}), Err(Error::Vault(_))), "{nth}");
        assert_eq!(bench.text("credentials"), text, "{nth}");
        run(&bench, add::From::CredentialsFile, |_| {}).unwrap();
        assert_eq!(bench.text("credentials"), "[other]\naws_access_key_id = x\n\n[main]\nregion = us-east-1\n");
        assert!(stored(&bench).is_some());
    }
}

#[test]
fn a_key_that_came_into_the_credentials_file_meanwhile_stays_there() {
    let bench = Bench::empty(|_| {});
    let section = |user: &str| {
        let key = bench.key_of(user);
        let (id, secret) = (key.access_key_id, key.secret_access_key);
        format!("[main]\naws_access_key_id = {id}\naws_secret_access_key = {}\n", secret.expose())
    };
    fs::write(bench.path("credentials"), section("alice")).unwrap();
    let profile = name("main");
    let (from, verify, config) = (add::From::CredentialsFile, true, true);
    let arguments = add::Arguments { profile, from, verify, config, overwrite: false, mfa_serial: None };
    bench.run(|context| {
        context.shared_config().unwrap();
        fs::write(bench.path("credentials"), section("admin")).unwrap();
        add::run(context, arguments).unwrap();
    });
    assert_eq!(stored(&bench).unwrap().credentials, bench.key_of("alice"));
    assert_eq!(bench.text("credentials"), section("admin"));
    let talk = bench.prompt.talk();
    assert!(talk.contains("has changed meanwhile") && !talk.contains("took it out"), "{talk}");
}

fn rows(bench: &Bench) -> Vec<ProfileRow> {
    match bench.run(commands::list::run) {
        Ok(Outcome::Profiles(rows)) => rows,
        other => panic!("no rows: {:?}", other.err()),
    }
}

#[test]
fn the_list_shows_keys_devices_sessions_and_orphans_and_unlocks_nothing() {
    let bench = Bench::with_device();
    bench.store_key("orphan", "admin");
    let role = "role_arn = arn:aws:iam::111122223333:role/deploy\nsource_profile = main";
    bench.write_config(&format!(
        "[profile main]\nmfa_serial = {SERIAL}\n[profile deploy]\n{role}\n[profile broken]\nmfa_serial = !\n"
    ));
    bench.credentials("deploy").unwrap();
    let operations = bench.keystore.operations();
    let rows = rows(&bench);
    assert_eq!(bench.keystore.operations(), operations);
    let names: Vec<_> = rows.iter().map(|row| (row.profile.as_str(), row.in_config)).collect();
    assert_eq!(names, [("broken", true), ("deploy", true), ("main", true), ("orphan", false)]);
    let [broken, deploy, main, orphan] = &rows[..] else { panic!() };
    let id = bench.key_of("alice").access_key_id;
    assert_eq!(main.masked_access_key_id.as_deref(), Some(id.masked().as_str()));
    assert!(main.device.is_some() && main.serial_number.as_ref().is_some_and(|serial| serial.as_str() == SERIAL));
    assert_eq!(main.sessions[0].kind, SessionKind::GetSessionToken);
    assert_eq!((deploy.sessions[0].kind, &deploy.masked_access_key_id), (SessionKind::AssumeRole, &None));
    assert!(broken.serial_number.is_none() && orphan.masked_access_key_id.is_some());
    bench.clock.advance(28_800);
    assert!(rows_without_sessions(&bench));
}

fn rows_without_sessions(bench: &Bench) -> bool {
    rows(bench).iter().all(|row| row.sessions.is_empty())
}

#[test]
fn removing_a_key_asks_and_takes_its_sessions_along() {
    let bench = Bench::with_device();
    bench.credentials("main").unwrap();
    let remove = |profile: &str, confirmed| {
        bench.run(|context| commands::remove::run(context, &name(profile), confirmed)).map(drop)
    };
    bench.prompt.answer("no");
    assert!(matches!(remove("main", false), Err(Error::Declined)));
    assert!(stored(&bench).is_some());
    assert!(bench.prompt.questions()[0].contains("stays valid at AWS"));
    bench.prompt.answer("yes");
    remove("main", false).unwrap();
    assert!(bench.prompt.talk().contains("1 of its sessions"));
    assert_eq!(bench.keystore.names(), ["device/alice"]);
    assert!(matches!(remove("main", true), Err(Error::NoKey { .. })));
    bench.store_key("main", "alice");
    bench.prompt.leave();
    assert!(
        matches!(remove("main", false), Err(Error::Prompt(PromptError::NoTerminal { instead, .. })) if instead == "--force")
    );
    remove("main", true).unwrap();
}

#[test]
fn clearing_counts_the_sessions_that_were_still_valid() {
    let bench = Bench::with_device();
    bench.store_key("admin", "admin");
    bench.write_config(&format!(
        "[profile main]\nmfa_serial = {SERIAL}\n[profile admin]\n[profile deploy]\nsource_profile = main\n\
         role_arn = arn:aws:iam::111122223333:role/deploy\n"
    ));
    let clear = |profile: Option<&str>| {
        bench.run(|context| commands::clear::run(context, profile.map(name).as_ref())).map(line).unwrap()
    };
    let fill = || ["main", "admin", "deploy"].map(|profile| bench.credentials(profile).unwrap());
    fill();
    assert_eq!(clear(Some("deploy")), "forgot 1 session");
    assert_eq!(clear(Some("main")), "forgot 2 sessions", "its own and the shared one");
    assert_eq!(clear(None), "forgot 1 session");
    assert_eq!(clear(None), "forgot 0 sessions");
    bench.clock.advance(180);
    fill();
    bench.clock.advance(3600);
    assert_eq!(clear(None), "forgot 1 session", "of four, the shared one lasts longer");
    assert_eq!(bench.keystore.names(), ["device/alice", "key/admin", "key/main"]);
}
