//! `setup`: the change to the AWS config, and the way back, byte for byte.

use std::fs;

use mfavault::{
    commands::{self, Error, SessionRequest},
    prompt::PromptError,
};

use crate::support::bench::{Bench, SERIAL, name};

const CONFIG: &str = "# before\r\n[profile main]\nregion=us-east-1   # near\n\n;end\n[profile role]\n  role_arn = arn:aws:iam::111122223333:role/deploy\n\
                      Source_Profile=main\nmfa_serial = arn:aws:iam::111122223333:mfa/alice # phone\nregion = eu-west-1\n\
                      duration_seconds=1800\nexternal_id =  xy\n[profile last]\noutput = json";

fn setup(bench: &Bench, profile: &str, undo: bool) -> Result<(), Error> {
    bench.run(|context| commands::setup::run(context, &name(profile), true, undo)).map(drop)
}

#[test]
fn undoing_gives_every_byte_back() {
    for profile in ["main", "role", "last"] {
        let bench = Bench::new();
        bench.write_config(CONFIG);
        setup(&bench, profile, false).unwrap();
        assert_ne!(bench.text("config"), CONFIG);
        setup(&bench, profile, true).unwrap();
        assert_eq!(bench.text("config"), CONFIG, "{profile}");
    }
}

#[test]
fn a_user_profile_gets_one_line_and_a_role_profile_is_hidden_from_sdks() {
    let bench = Bench::with_device();
    bench.write_config(CONFIG);
    setup(&bench, "main", false).unwrap();
    let config = bench.text("config");
    let line = config.lines().find(|line| line.starts_with("credential_process = ")).unwrap();
    assert!(
        line.ends_with(" credential-process main") && config.replace(&format!("{line}\n"), "") == CONFIG,
        "{config}"
    );
    setup(&bench, "role", false).unwrap();
    let role = bench.text("config").split("[profile role]").nth(1).unwrap().to_owned();
    let keys: Vec<&str> = role.lines().filter_map(|line| Some(line.split_once('=')?.0.trim())).collect();
    for key in ["role_arn", "source_profile", "mfa_serial", "duration_seconds", "external_id"] {
        assert!(keys.iter().any(|found| found.eq_ignore_ascii_case(&format!("mfavault_{key}"))), "{key}: {role}");
        assert!(!keys.iter().any(|found| found.eq_ignore_ascii_case(key)), "{key}: {role}");
    }
    let (requests, credentials) = bench.requests_of(|| bench.credentials("role"));
    credentials.unwrap();
    assert_eq!(requests, ["GetSessionToken 28800 mfa/alice+code", "AssumeRole 1800"], "we read them all the same");
}

#[test]
fn the_change_is_shown_and_asked_for() {
    let bench = Bench::new();
    bench.write_config(CONFIG);
    let ask = || bench.run(|context| commands::setup::run(context, &name("role"), false, false)).map(drop);
    bench.prompt.answer("no");
    assert!(matches!(ask(), Err(Error::Declined)));
    let talk = bench.prompt.talk();
    assert!(talk.contains("- Source_Profile=main") && talk.contains("+ credential_process = "), "{talk}");
    bench.prompt.leave();
    assert!(matches!(ask(), Err(Error::Prompt(PromptError::NoTerminal { instead, .. })) if instead == "--yes"));
    assert_eq!(bench.text("config"), CONFIG);
}

#[test]
fn a_second_setup_changes_nothing() {
    let bench = Bench::new();
    bench.write_config(CONFIG);
    setup(&bench, "role", false).unwrap();
    let config = bench.text("config");
    setup(&bench, "role", false).unwrap();
    assert_eq!(bench.text("config"), config);
    assert!(bench.prompt.talk().contains("set up already"));
}

#[test]
fn what_cannot_work_is_refused() {
    let bench = Bench::new();
    assert!(matches!(setup(&bench, "nowhere", false), Err(Error::NotInConfig { .. })));
    assert!(matches!(setup(&bench, "main", true), Err(Error::NotSetUp { .. })));
    bench.write_config("[profile main]\ncredential_process = other --tool\n");
    assert!(matches!(setup(&bench, "main", true), Err(Error::NotSetUp { .. })));
    bench.write_config("[profile main]\nregion = us-east-1\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n");
    let error = setup(&bench, "main", false).unwrap_err();
    assert!(matches!(&error, Error::StaticKeys { place, .. } if place.ends_with("config:3")), "{error}");
    bench.write_config(&format!("[profile main]\nmfa_serial = {SERIAL}\n"));
    fs::write(bench.path("credentials"), "[main]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n").unwrap();
    let error = setup(&bench, "main", false).unwrap_err();
    assert!(matches!(&error, Error::StaticKeys { place, .. } if place.ends_with("credentials:2")), "{error}");
}

#[test]
fn a_process_of_another_tool_is_not_lost() {
    for line in ["other --tool", "granted credential-process --profile main", "/opt/mfavault/x credential-process main"]
    {
        let bench = Bench::new();
        let config = format!("[profile main]\nCredential_Process=  {line}\nregion = us-east-1\n");
        bench.write_config(&config);
        assert!(matches!(setup(&bench, "main", true), Err(Error::NotSetUp { .. })), "{line}");
        setup(&bench, "main", false).unwrap();
        let written = bench.text("config");
        assert!(written.contains(&format!("mfavault_Credential_Process=  {line}\n")), "{written}");
        assert!(
            written.contains("\ncredential_process = /opt/mfavault/bin/mfavault credential-process main\n"),
            "{written}"
        );
        setup(&bench, "main", true).unwrap();
        assert_eq!(bench.text("config"), config);
    }
}

#[test]
fn a_profile_goes_on_handing_out_its_sources_credentials() {
    let bench = Bench::with_device();
    bench.write_config(&format!("[profile main]\nmfa_serial = {SERIAL}\n[profile hand]\nsource_profile = main\n"));
    setup(&bench, "hand", false).unwrap();
    let (requests, credentials) = bench.requests_of(|| bench.credentials("hand"));
    credentials.unwrap();
    assert_eq!(requests, ["GetSessionToken 3600 mfa/alice+code"]);
}

#[cfg(unix)]
#[test]
fn another_tools_process_stays_the_source() {
    let bench = Bench::new();
    let document = r#"{"Version":1,"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"s","SessionToken":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
    fs::write(bench.path("document"), document).unwrap();
    bench.write_config(&format!("[profile hand]\ncredential_process = cat {}\n", bench.path("document").display()));
    let before = bench.credentials("hand").unwrap();
    setup(&bench, "hand", false).unwrap();
    let after = bench.credentials("hand").unwrap();
    assert_eq!(before.access_key_id(), after.access_key_id());
}

#[test]
fn a_sign_in_and_a_web_identity_are_hidden_from_sdks_and_stay_the_source() {
    let role = "role_arn = arn:aws:iam::111122223333:role/deploy\n";
    let account = "sso_account_id = 111122223333\nSSO_Role_Name=Admin # me\n";
    let session = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n";
    for (keys, call) in [
        (format!("sso_session = corp\n{account}"), "GetRoleCredentials"),
        (format!("{account}sso_start_url = https://x\nsso_region = eu-west-1\n"), "GetRoleCredentials"),
        (format!("{role}web_identity_token_file = /token\n"), "AssumeRoleWithWebIdentity"),
    ] {
        let bench = Bench::new();
        let config = format!("[profile p]\nregion = eu-west-1\n{keys}\n{session}");
        bench.write_config(&config);
        setup(&bench, "p", false).unwrap();
        let written = bench.text("config");
        let profile = written.split("[sso-session").next().unwrap();
        for line in profile.lines().filter(|line| line.contains('=')) {
            let key = line.split('=').next().unwrap().trim();
            assert!(["region", "credential_process"].contains(&key) || key.starts_with("mfavault_"), "{written}");
        }
        assert!(written.ends_with(session), "{written}");
        let plan = bench.run(|context| SessionRequest::plain(name("p")).plan(context)).unwrap();
        assert_eq!(plan.steps.iter().map(|step| step.call.as_str()).collect::<Vec<_>>(), [call]);
        setup(&bench, "p", true).unwrap();
        assert_eq!(bench.text("config"), config);
    }
}

#[test]
fn a_session_that_is_only_for_signing_in_stays_as_it_is() {
    let bench = Bench::new();
    bench.write_config("[profile main]\nsso_session = corp\nmfa_serial = GAHT12345678\n");
    setup(&bench, "main", false).unwrap();
    let config = bench.text("config");
    assert!(config.starts_with("[profile main]\nsso_session = corp\nmfa_serial = GAHT12345678\ncredential_process = "));
}

#[test]
fn a_key_in_the_credentials_file_that_would_win_is_named() {
    let bench = Bench::new();
    for key in ["role_arn", "credential_process", "sso_account_id", "Web_Identity_Token_File", "login_session"] {
        fs::write(bench.path("credentials"), format!("[other]\n{key} = y\n[main]\n{key} = x\n")).unwrap();
        let error = setup(&bench, "main", false).unwrap_err();
        assert!(matches!(&error, Error::TakenFirst { place, .. } if place.ends_with("credentials:4")), "{error}");
    }
    fs::write(bench.path("credentials"), "[main]\nmfa_serial = GAHT12345678\n").unwrap();
    setup(&bench, "main", false).unwrap();
}

#[test]
fn a_line_that_only_stays_is_not_shown() {
    let bench = Bench::new();
    bench.write_config(
        "[profile main]\nrole_arn = arn:aws:iam::111122223333:role/deploy\nmfa_process = pass otp-secret\n\
         source_profile = x\n[profile x]\nsource_profile = x\n",
    );
    setup(&bench, "main", false).unwrap();
    let talk = bench.prompt.talk();
    assert!(talk.contains("- source_profile = x") && talk.contains("+ mfavault_source_profile = x"), "{talk}");
    assert!(!talk.contains("otp-secret") && talk.matches("source_profile = x").count() == 2, "{talk}");
}

#[test]
fn a_program_of_another_name_writes_the_known_one_and_says_so() {
    let mut bench = Bench::new();
    bench.own_program = "/nix/store/x/.mfavault-wrapped".into();
    setup(&bench, "main", false).unwrap();
    assert!(bench.text("config").contains("credential_process = mfavault credential-process main\n"));
    assert!(bench.prompt.talk().contains("`/nix/store/x/.mfavault-wrapped`"));
    setup(&bench, "main", true).unwrap();
    assert!(!bench.prompt.talk().contains("must be on the PATH"));
}
