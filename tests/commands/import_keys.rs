//! `import`: access keys from AWS's files, the console's CSV and the encrypted files of aws-vault.

use std::{fs, path::Path};

use mfavault::{
    aws_vault::AwsVaultError,
    commands::{
        Error, Outcome,
        import::{self, From, HowToTakeIn, aws_vault},
    },
    keystore::KeystoreError,
    rehearsal::FaultKind,
    secret::SecretBytes,
    vault::KeyRecord,
};

use crate::support::bench::{Bench, name};

#[cfg(target_os = "linux")]
mod many;

const PASSPHRASE: &str = "correct horse battery staple";

fn run(bench: &Bench, from: From, change: impl FnOnce(&mut HowToTakeIn)) -> Result<String, Error> {
    let mut how = HowToTakeIn {
        profiles: Vec::new(),
        dry_run: false,
        overwrite: false,
        verify: true,
        config: true,
        remove_source: None,
        confirmed: true,
    };
    change(&mut how);
    bench.prompt.talk();
    bench.run(|context| import::run(context, from, &how)).map(|outcome| {
        assert!(matches!(outcome, Outcome::Done));
        bench.prompt.talk()
    })
}

fn keep(how: &mut HowToTakeIn) {
    how.remove_source = Some(false);
}

fn take_away(how: &mut HowToTakeIn) {
    how.remove_source = Some(true);
}

fn stored(bench: &Bench, profile: &str) -> Option<KeyRecord> {
    bench.run(|context| context.vault.key(&name(profile))).unwrap()
}

fn has(bench: &Bench, profile: &str, user: &str) -> bool {
    stored(bench, profile).is_some_and(|record| record.credentials == bench.key_of(user))
}

/// The two lines of a user's key.
fn lines(bench: &Bench, user: &str) -> String {
    let key = bench.key_of(user);
    let (id, secret) = (key.access_key_id, key.secret_access_key);
    format!("aws_access_key_id = {id}\naws_secret_access_key = {}\n", secret.expose())
}

fn masked(bench: &Bench, user: &str) -> String {
    bench.key_of(user).access_key_id.masked()
}

fn write(bench: &Bench, file: &str, text: &str) {
    fs::write(bench.path(file), text).unwrap();
}

fn csv(bench: &Bench, text: &str) -> From {
    write(bench, "keys.csv", text);
    From::Csv { path: bench.path("keys.csv"), content: SecretBytes::from(text.as_bytes().to_vec()) }
}

/// A row `id,secret` of a user's key.
fn row(bench: &Bench, user: &str) -> String {
    let key = bench.key_of(user);
    format!("{},{}", key.access_key_id, key.secret_access_key.expose())
}

#[test]
fn keys_of_the_credentials_file_come_in_and_go_from_there() {
    let bench = Bench::empty(|_| {});
    let (alice, admin) = (lines(&bench, "alice"), lines(&bench, "admin"));
    let kept = "[temporary]\naws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMIK7MDENG\naws_session_token = tokentoken\n";
    write(&bench, "credentials", &format!("# mine\n[main]\n{alice}\n[admin]\n{admin}region = eu-west-1\n\n{kept}"));
    let (requests, talk) = bench.requests_of(|| run(&bench, From::CredentialsFile, take_away).unwrap());
    assert_eq!(requests, ["GetCallerIdentity", "GetCallerIdentity"]);
    assert!(has(&bench, "main", "alice") && has(&bench, "admin", "admin") && stored(&bench, "temporary").is_none());
    assert_eq!(stored(&bench, "main").unwrap().account_id.as_deref(), Some("111122223333"));
    assert_eq!(bench.text("config"), "[profile main]\n\n[profile admin]\n");
    assert_eq!(bench.text("credentials"), format!("# mine\n[admin]\nregion = eu-west-1\n\n{kept}"));
    assert!(talk.contains("skipped  temporary: ") && talk.contains("SSD") && talk.contains("rotate"), "{talk}");
    for user in ["alice", "admin"] {
        let key = bench.key_of(user);
        assert!(!talk.contains(key.secret_access_key.expose()) && !talk.contains(key.access_key_id.as_str()), "{talk}");
    }
    assert!(!talk.contains("wJalr") && !talk.contains("tokentoken"), "{talk}");
}

#[test]
fn a_dry_run_asks_nobody_and_changes_nothing() {
    let bench = Bench::empty(|_| {});
    let text = format!("[main]\n{}", lines(&bench, "alice"));
    write(&bench, "credentials", &text);
    let dry = |how: &mut HowToTakeIn| (how.dry_run, how.confirmed, how.remove_source) = (true, false, Some(true));
    let (requests, talk) = bench.requests_of(|| run(&bench, From::CredentialsFile, dry).unwrap());
    assert!(requests.is_empty() && bench.prompt.questions().is_empty());
    assert!(talk.contains("new      main: ****") && talk.contains("dry run"), "{talk}");
    assert_eq!((bench.text("credentials"), bench.text("config"), stored(&bench, "main")), (text, String::new(), None));
}

#[test]
fn a_person_is_asked_before_keys_come_in_and_again_before_they_go() {
    let bench = Bench::empty(|_| {});
    let text = format!("[main]\n{}", lines(&bench, "alice"));
    write(&bench, "credentials", &text);
    bench.prompt.answer("no");
    let error = run(&bench, From::CredentialsFile, |how| how.confirmed = false).unwrap_err();
    assert!(matches!(error, Error::Declined) && stored(&bench, "main").is_none());
    bench.prompt.answer("yes");
    bench.prompt.answer("no");
    let talk = run(&bench, From::CredentialsFile, |how| how.confirmed = false).unwrap();
    assert!(talk.contains("still holds keys"), "{talk}");
    assert!(has(&bench, "main", "alice") && bench.text("credentials") == text);
    assert_eq!(bench.prompt.questions().len(), 3);
    // A second time there is nothing to store, and still something that may go.
    bench.prompt.answer("yes");
    let (requests, talk) =
        bench.requests_of(|| run(&bench, From::CredentialsFile, |how| how.confirmed = false).unwrap());
    assert!(requests.is_empty() && talk.contains("same     main") && talk.contains("nothing to store"), "{talk}");
    assert_eq!(bench.text("credentials"), "");
    // Without a person, what came in is in, and what was there stays.
    write(&bench, "credentials", &text);
    bench.prompt.leave();
    run(&bench, From::CredentialsFile, |_| {}).unwrap();
    assert_eq!(bench.text("credentials"), text);
}

#[test]
fn the_long_term_section_of_aws_mfa_becomes_the_profile_and_its_session_goes_with_it() {
    let bench = Bench::empty(|_| {});
    let long_term = lines(&bench, "alice");
    let serial = "arn:aws:iam::111122223333:mfa/alice";
    let session = "assumed_role = False\naws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMIK7MDENG\naws_session_token = tokentoken\naws_security_token = tokentoken\nexpiration = 2020-01-01 00:00:00\n";
    let text = format!(
        "[main-long-term]\n{long_term}aws_mfa_device = {serial}\n\n[main]\n{session}\n[x]\nregion = eu-west-1\n"
    );
    write(&bench, "credentials", &text);
    let talk = run(&bench, From::CredentialsFile, take_away).unwrap();
    assert!(has(&bench, "main", "alice") && stored(&bench, "main-long-term").is_none());
    assert!(talk.contains("skipped  main: a session of aws-mfa"), "{talk}");
    assert_eq!(bench.text("config"), format!("[profile main]\nmfa_serial = {serial}\n"));
    assert_eq!(bench.text("credentials"), "[x]\nregion = eu-west-1\n");

    // Where the config is not to be touched, the device stays where it is known.
    let bench = Bench::empty(|_| {});
    write(&bench, "credentials", &text.replace(&long_term, &lines(&bench, "alice")));
    run(&bench, From::CredentialsFile, |how| (how.config, how.remove_source) = (false, Some(true))).unwrap();
    assert_eq!(bench.text("config"), "");
    let left = format!("[main-long-term]\naws_mfa_device = {serial}\n\n[x]\nregion = eu-west-1\n");
    assert_eq!(bench.text("credentials"), left);

    // A section with a key of its own is no session, and keeps its name.
    let bench = Bench::empty(|_| {});
    let (alice, admin) = (lines(&bench, "alice"), lines(&bench, "admin"));
    write(&bench, "credentials", &format!("[main-long-term]\n{alice}[main]\n{admin}"));
    run(&bench, From::CredentialsFile, keep).unwrap();
    assert!(has(&bench, "main", "admin") && has(&bench, "main-long-term", "alice"));
}

#[test]
fn keys_in_the_config_go_and_their_profile_stays() {
    let bench = Bench::empty(|_| {});
    bench.write_config(&format!("[profile main]\n{}", lines(&bench, "alice")));
    run(&bench, From::CredentialsFile, take_away).unwrap();
    assert!(has(&bench, "main", "alice"));
    assert_eq!(bench.text("config"), "[profile main]\n");
}

#[test]
fn one_dead_key_does_not_keep_the_others_out_and_stays_where_it_is() {
    let bench = Bench::empty(|_| {});
    let dead =
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00\n";
    write(&bench, "credentials", &format!("[dead]\n{dead}[main]\n{}", lines(&bench, "alice")));
    let talk = run(&bench, From::CredentialsFile, take_away).unwrap();
    assert!(talk.contains("refused  dead: "), "{talk}");
    assert!(has(&bench, "main", "alice") && stored(&bench, "dead").is_none());
    assert_eq!(bench.text("credentials"), format!("[dead]\n{dead}"));
    assert_eq!(bench.text("config"), "[profile main]\n");
    let error = run(&bench, From::CredentialsFile, take_away).unwrap_err();
    assert!(matches!(error, Error::KeyRefused { .. }), "{error}");
    let (requests, _) = bench.requests_of(|| {
        run(&bench, From::CredentialsFile, |how| (how.verify, how.remove_source) = (false, Some(false)))
    });
    assert!(requests.is_empty() && stored(&bench, "dead").is_some());
}

#[test]
fn a_network_that_fails_lets_nothing_in() {
    let bench = Bench::empty(|_| {});
    write(&bench, "credentials", &format!("[a]\n{}[b]\n{}", lines(&bench, "alice"), lines(&bench, "admin")));
    bench.fail("GetCallerIdentity", FaultKind::ClosedBeforeActing, None);
    let error = run(&bench, From::CredentialsFile, take_away).unwrap_err();
    assert!(matches!(error, Error::Aws(_)), "{error}");
    assert!(
        stored(&bench, "a").is_none() && stored(&bench, "b").is_none() && bench.text("credentials").contains("[b]")
    );
}

#[test]
fn another_key_of_the_profile_is_replaced_only_by_force() {
    let bench = Bench::new();
    write(&bench, "credentials", &format!("[main]\n{}[other]\n{}", lines(&bench, "admin"), lines(&bench, "admin")));
    let (requests, result) = bench.requests_of(|| run(&bench, From::CredentialsFile, keep));
    let error = result.unwrap_err();
    assert!(matches!(&error, Error::KeyConflict { profiles } if *profiles == [name("main")]), "{error}");
    assert!(requests.is_empty() && has(&bench, "main", "alice") && stored(&bench, "other").is_none());
    let only = |how: &mut HowToTakeIn| (how.profiles, how.remove_source) = (vec![name("other")], Some(false));
    run(&bench, From::CredentialsFile, only).unwrap();
    assert!(has(&bench, "main", "alice") && has(&bench, "other", "admin"));
    run(&bench, From::CredentialsFile, |how| (how.overwrite, how.remove_source) = (true, Some(false))).unwrap();
    assert!(has(&bench, "main", "admin"));
}

#[test]
fn a_keystore_that_fails_midway_is_put_back_and_the_source_is_untouched() {
    for at in 1..12 {
        let bench = Bench::new();
        let text = format!("[main]\n{}[new]\n{}", lines(&bench, "admin"), lines(&bench, "alice"));
        write(&bench, "credentials", &text);
        let gone = || KeystoreError::Unavailable { keystore: "memory", reason: "it is gone".to_owned() };
        bench.keystore.fail_at(at, gone);
        let result = run(&bench, From::CredentialsFile, |how| (how.overwrite, how.remove_source) = (true, Some(true)));
        // What did not fail by now is not to fail any more.
        bench.keystore.fail_at(1_000_000, gone);
        match result {
            Ok(_) => {
                assert!(has(&bench, "main", "admin") && has(&bench, "new", "alice"), "{at}");
                assert!(at > 4);
                return;
            }
            Err(error) => {
                assert!(matches!(error, Error::Vault(_)), "{at}: {error}");
                assert!(has(&bench, "main", "alice") && stored(&bench, "new").is_none(), "{at}");
                let keys = bench.run(|context| context.vault.index()).unwrap().keys;
                assert!(keys.len() == 1 && keys[&name("main")].masked_access_key_id == masked(&bench, "alice"), "{at}");
                assert_eq!(bench.text("credentials"), text, "{at}");
            }
        }
    }
    panic!("it never went well");
}

#[test]
fn the_consoles_downloads_of_all_ages_come_in() {
    for (case, heading, before, after) in [
        ("of a key", "Access key ID,Secret access key", "", ""),
        ("with a user", "User name,Access key ID,Secret access key", "alice,", ""),
        (
            "of a new user",
            "User name,Password,Access key ID,Secret access key,Console login link",
            "alice,\"hunter2,\"\"x\",",
            ",https://111122223333.signin.aws.amazon.com/console",
        ),
    ] {
        let bench = Bench::empty(|_| {});
        let text = format!("\u{feff}{heading}\r\n{before}{}{after}\r\n", row(&bench, "alice"));
        let named = |how: &mut HowToTakeIn| (how.profiles, how.remove_source) = (vec![name("prod")], None);
        bench.prompt.answer("yes");
        let talk = run(&bench, csv(&bench, &text), named).unwrap();
        assert!(has(&bench, "prod", "alice") && !bench.path("keys.csv").exists(), "{case}");
        let question = bench.prompt.questions().join("\n");
        assert_eq!(question.contains("passwords"), case == "of a new user", "{question}");
        assert!(!talk.contains("hunter2") && !question.contains("hunter2"));
    }
}

#[cfg(unix)]
#[test]
fn of_a_csv_that_a_link_leads_to_the_file_itself_goes() {
    let bench = Bench::empty(|_| {});
    let text = format!("User name,Access key ID,Secret access key\nmain,{}\n", row(&bench, "alice"));
    let From::Csv { path, content } = csv(&bench, &text) else { panic!("no CSV") };
    let link = bench.path("link.csv");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let talk = run(&bench, From::Csv { path: link, content }, take_away).unwrap();
    assert!(talk.contains("deleted ") && !path.exists(), "{talk}");
}

#[test]
fn several_rows_become_the_profiles_of_their_users() {
    let bench = Bench::empty(|_| {});
    let (alice, admin) = (row(&bench, "alice"), row(&bench, "admin"));
    let text =
        format!("User name,Access key ID,Secret access key\nalice,{alice}\nnobody,,\nadmin,{admin}\n[x],{alice}\n");
    let talk = run(&bench, csv(&bench, &text), take_away).unwrap();
    assert!(has(&bench, "alice", "alice") && has(&bench, "admin", "admin"));
    assert!(talk.contains("skipped  [x]: ") && talk.contains("stays: it holds keys that did not come in"), "{talk}");
    assert!(bench.path("keys.csv").exists());
    let text = format!("Access key ID,Secret access key\n{alice}\n");
    let error = run(&bench, csv(&bench, &text), keep).unwrap_err();
    assert!(matches!(&error, Error::KeyInput { reason, .. } if reason.contains("--profile")), "{error}");
    for text in ["", "hunter2", "User name,Password\nalice,hunter2\n", "Access key ID,Secret access key\n\"hunter2"] {
        let error = run(&bench, csv(&bench, text), keep).unwrap_err();
        assert!(matches!(error, Error::KeyInput { .. }) && !error.to_string().contains("hunter2"), "{error}");
    }
    let text = format!("User name,Access key ID,Secret access key\nalice,{alice}\nalice,{admin}\n");
    let error = run(&bench, csv(&bench, &text), keep).unwrap_err();
    assert!(matches!(error, Error::NoKeysToImport), "neither of two keys is better: {error}");
}

/// A copy of the folder that the library of aws-vault made.
fn sealed_folder(bench: &Bench) {
    let folder = bench.path("keys");
    fs::create_dir(&folder).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/aws_vault/keys");
    for entry in fs::read_dir(fixtures).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    if cfg!(unix) {
        fs::write(folder.join("oidc:https:%2F%2Fexample.awsapps.com%2Fstart"), "not looked at").unwrap();
    }
}

fn with_files(passphrase: Option<&str>) -> Bench {
    let mut bench = Bench::empty(|_| {});
    sealed_folder(&bench);
    let folder = bench.path("keys").display().to_string();
    let mut variables = vec![("AWS_VAULT_FILE_DIR", folder.as_str())];
    variables.extend(passphrase.map(|passphrase| ("AWS_VAULT_FILE_PASSPHRASE", passphrase)));
    bench.set_environment(&variables);
    bench
}

fn files() -> From {
    From::AwsVault(aws_vault::Arguments { backend: Some(aws_vault::Backend::File), file_dir: None })
}

fn unchecked(how: &mut HowToTakeIn) {
    (how.verify, how.remove_source) = (false, Some(false));
}

#[test]
fn the_encrypted_files_of_aws_vault_come_in_and_go() {
    let bench = with_files(Some(PASSPHRASE));
    bench.write_config("[profile prod]\ncredential_process = /usr/bin/aws-vault exec prod --json\n[profile far]\ncredential_process = aws-vault export far\n");
    let talk = run(&bench, files(), |how| (how.verify, how.remove_source) = (false, Some(true))).unwrap();
    let secret = |profile: &str| stored(&bench, profile).unwrap().credentials.secret_access_key;
    assert_eq!(secret("prod"), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into());
    assert_eq!(secret("team/dev"), "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY".into());
    assert!(stored(&bench, "temporary").is_none() && stored(&bench, "other").is_none());
    assert!(bench.text("config").contains("[profile team/dev]"));
    assert!(talk.contains("skipped  temporary: it holds session credentials"), "{talk}");
    assert!(talk.contains("skipped  other: the passphrase is another one"), "{talk}");
    let sessions = if cfg!(unix) { "2 sessions" } else { "1 session" };
    assert!(talk.contains(sessions) && talk.contains("`mfavault setup prod` replaces it"), "{talk}");
    assert!(talk.contains("of `far` still asks aws-vault: `mfavault credential-process"), "{talk}");
    assert!(!talk.contains("wJalr") && !talk.contains("je7Mt") && !talk.contains(PASSPHRASE), "{talk}");
    let mut left: Vec<_> = fs::read_dir(bench.path("keys")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.retain(|name| !name.to_str().unwrap().starts_with("oidc"));
    left.sort();
    assert_eq!(left, ["other", "sts.GetSessionToken,cHJvZA,,1700000000", "temporary"]);
}

#[test]
fn keys_that_aws_does_not_know_any_more_stay_in_aws_vault() {
    let bench = with_files(Some(PASSPHRASE));
    let error = run(&bench, files(), take_away).unwrap_err();
    assert!(matches!(error, Error::KeyRefused { .. }), "{error}");
    assert!(stored(&bench, "prod").is_none() && bench.path("keys/prod").exists());
}

#[test]
fn a_wrong_passphrase_is_asked_for_again_and_given_up_after_three() {
    let bench = with_files(None);
    bench.prompt.answer("wrong");
    bench.prompt.answer(PASSPHRASE);
    let talk = run(&bench, files(), unchecked).unwrap();
    assert!(talk.contains("wrong passphrase") && stored(&bench, "prod").is_some(), "{talk}");
    let questions = bench.prompt.questions();
    assert!(questions.len() == 2 && questions[0].contains("aws-vault"), "{questions:?}");
    for _ in 0..3 {
        bench.prompt.answer("wrong");
    }
    let error = run(&bench, files(), unchecked).unwrap_err();
    assert!(matches!(error, Error::AwsVault(AwsVaultError::WrongPassphrase { .. })), "{error}");
    let bench = with_files(Some("wrong"));
    let error = run(&bench, files(), unchecked).unwrap_err();
    assert!(matches!(error, Error::AwsVault(AwsVaultError::WrongPassphrase { .. })), "{error}");
}

#[test]
fn a_file_that_changed_since_it_was_read_stays() {
    let bench = with_files(Some(PASSPHRASE));
    run(&bench, files(), unchecked).unwrap();
    let path = bench.path("keys/prod");
    // While the person thinks about the question, aws-vault writes another key there.
    let other = fs::read(bench.path("keys/other")).unwrap();
    bench.prompt.answer("yes");
    bench.prompt.meanwhile(move || fs::write(&path, &other).unwrap());
    let talk = run(&bench, files(), |how| how.verify = false).unwrap();
    assert!(talk.contains("1 of 2 stayed"), "{talk}");
    assert!(bench.path("keys/prod").exists() && !bench.path("keys/team%2Fdev").exists());
}

#[test]
fn hostile_files_are_left_out_with_a_reason_and_no_panic() {
    let bench = with_files(Some(PASSPHRASE));
    let whole = fs::read_to_string(bench.path("keys/prod")).unwrap();
    let parts: Vec<&str> = whole.split('.').collect();
    let with_header = |header: &str| {
        use base64::Engine;
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
        [&header, parts[1], parts[2], parts[3], parts[4]].join(".").into_bytes()
    };
    let header = |alg: &str, enc: &str, rounds: &str, rest: &str| {
        with_header(&format!(r#"{{"alg":"{alg}","enc":"{enc}","p2c":{rounds},"p2s":"7zKK_VKzBJFyQUln"{rest}}}"#))
    };
    let (alg, enc) = ("PBES2-HS256+A128KW", "A256GCM");
    for (case, bytes, reason) in [
        ("empty", Vec::new(), "no encrypted file"),
        ("binary", vec![0xff; 100], "no encrypted file"),
        ("dots", b"....".to_vec(), "no encrypted file"),
        ("many dots", ".".repeat(60_000).into_bytes(), "no encrypted file"),
        ("large", vec![b'a'; 70_000], "cannot read"),
        ("deep", with_header(&"[".repeat(20_000)), "no encrypted file"),
        ("rounds", header(alg, enc, "2000001", ""), "2000000 rounds"),
        ("endless rounds", header(alg, enc, "18446744073709551615", ""), "2000000 rounds"),
        ("no rounds", header(alg, enc, "0", ""), "no encrypted file"),
        ("rounds that are none", header(alg, enc, "-1", ""), "no encrypted file"),
        ("plain", header("none", enc, "1000", ""), "another way"),
        ("direct", header("dir", enc, "1000", ""), "another way"),
        ("content", header(alg, "A128CBC-HS256", "1000", ""), "another way"),
        ("compressed", header(alg, enc, "1000", r#","zip":"DEF""#), "another way"),
        ("critical", header(alg, enc, "1000", r#","crit":["x"]"#), "another way"),
        ("another header", header(alg, enc, "1000", ""), "another one, or the file is damaged"),
    ] {
        fs::write(bench.path("keys/zzz"), bytes).unwrap();
        let only = |how: &mut HowToTakeIn| {
            unchecked(how);
            how.profiles = vec![name("zzz"), name("prod")];
            how.dry_run = true;
        };
        let talk = run(&bench, files(), only).unwrap();
        let line =
            talk.lines().find(|line| line.contains("skipped  zzz: ")).unwrap_or_else(|| panic!("{case}: {talk}"));
        assert!(line.contains(reason) && line.len() < 300, "{case}: {line}");
    }
    for at in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone().into_bytes();
        changed[at] ^= 1;
        fs::write(bench.path("keys/zzz"), changed).unwrap();
        let only = |how: &mut HowToTakeIn| (how.profiles, how.dry_run) = (vec![name("zzz")], true);
        let error = run(&bench, files(), only).unwrap_err();
        assert!(matches!(error, Error::NoKeysToImport | Error::AwsVault(_)), "{at}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_among_the_items_is_named_and_never_opened() {
    let bench = with_files(Some(PASSPHRASE));
    let at = |name: &str| bench.path("keys").join(name);
    std::os::unix::fs::symlink(at("prod"), at("linked")).unwrap();
    std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
    assert!(made.success());
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"odd\xff");
    fs::write(bench.path("keys").join(odd), "").unwrap();
    let talk = run(&bench, files(), unchecked).unwrap();
    for line in [
        "skipped  linked: it is a symbolic link",
        "skipped  dangling: it is a symbolic link",
        "skipped  folder: it is a folder",
        "skipped  pipe: it is a named pipe",
        "skipped  odd\u{fffd}: it is a file whose name is not UTF-8",
    ] {
        assert!(talk.contains(line), "{line}: {talk}");
    }
    assert!(stored(&bench, "prod").is_some() && stored(&bench, "linked").is_none());
    // Nor where only one is asked for.
    let error = run(&bench, files(), |how| {
        unchecked(how);
        how.profiles = vec![name("pipe")];
    });
    assert!(matches!(error, Err(Error::NoKeysToImport)), "{error:?}");
}

#[test]
fn a_backend_that_is_not_read_here_is_named() {
    let mut bench = Bench::empty(|_| {});
    bench.set_environment(&[("AWS_VAULT_BACKEND", "kwallet")]);
    let error = run(&bench, From::AwsVault(aws_vault::Arguments { backend: None, file_dir: None }), keep).unwrap_err();
    assert!(matches!(&error, Error::AwsVaultBackend { name } if name == "kwallet"), "{error}");
}
