//! Sign-ins at IAM Identity Center, and tokens of other identity providers: which calls they take, what is remembered,
//! and what is said when they do not work.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use mfavault::{
    commands::{self, Error},
    keystore::{Keystore, RecordName},
    rehearsal::{FaultKind, IdentityCenterSettings, Settings},
    session::ObtainError,
};

use crate::support::bench::Bench;

const COLD: [&str; 4] = ["RegisterClient", "StartDeviceAuthorization", "CreateToken", "GetRoleCredentials"];
const NONE: [&str; 0] = [];

fn config() -> String {
    format!(
        "[sso-session corp]\nsso_start_url = {}\nsso_region = eu-west-1\nsso_registration_scopes = sso:account:access\n\
         [profile developer]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Developer\n\
         [profile other]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Other\n\
         [profile open]\nrole_arn = arn:aws:iam::111122223333:role/open\nsource_profile = developer\n",
        IdentityCenterSettings::START_URL
    )
}

fn bench(change: impl FnOnce(&mut Settings)) -> Bench {
    let bench = Bench::empty(change);
    bench.write_config(&config());
    bench.set_browser(Some(true));
    bench
}

/// The calls, without the polling for an approval.
fn calls_for(bench: &Bench, profile: &str) -> Vec<String> {
    let (mut requests, result) = bench.requests_of(|| bench.credentials(profile));
    result.unwrap_or_else(|error| panic!("{profile}: {error:?}"));
    requests.dedup();
    requests
}

#[test]
fn one_sign_in_serves_all_profiles_of_a_session_until_it_is_over() {
    let bench = bench(|_| {});
    assert_eq!(calls_for(&bench, "developer"), COLD);
    let shown = bench.prompt.talk();
    assert!(shown.contains("Sign in for `corp`") && shown.contains("user_code="), "{shown}");
    assert_eq!(calls_for(&bench, "developer"), NONE, "remembered");
    assert_eq!(calls_for(&bench, "open"), ["AssumeRole 3600"]);
    let (requests, result) = bench.requests_of(|| bench.credentials("other"));
    let error = result.unwrap_err().to_string();
    assert!(requests[0].starts_with("GetRoleCredentials "), "{requests:?}");
    assert_eq!(error, "the sign-in has no permission set Other in the account 111122223333");
    bench.set_browser(None);
    bench.clock.advance(3600);
    assert_eq!(calls_for(&bench, "developer"), ["CreateToken", "GetRoleCredentials"], "refreshed without a person");
    bench.clock.advance(9 * 3600);
    bench.set_browser(Some(true));
    let calls = calls_for(&bench, "developer");
    assert!(
        calls[0].starts_with("CreateToken ") && calls.contains(&"StartDeviceAuthorization".to_owned()),
        "{calls:?}"
    );
    assert!(!calls.contains(&"RegisterClient".to_owned()), "the registration lasts longer: {calls:?}");
}

#[test]
fn clear_forgets_sign_ins_only_when_it_forgets_all() {
    let bench = bench(|_| {});
    calls_for(&bench, "developer");
    bench.run(|context| commands::clear::run(context, Some(&"developer".parse().unwrap()))).unwrap();
    assert_eq!(calls_for(&bench, "developer"), ["GetRoleCredentials"]);
    bench.run(|context| commands::clear::run(context, None)).unwrap();
    assert_eq!(calls_for(&bench, "developer"), COLD);
}

/// What `aws sso logout` does elsewhere.
fn sign_out(bench: &Bench) {
    let name = bench.keystore.names().into_iter().find_map(|name| Some(name.strip_prefix("sign-in/")?.to_owned()));
    let stored = bench.keystore.get(&RecordName::new("sign-in", name.unwrap())).unwrap();
    let stored: serde_json::Value = serde_json::from_slice(stored.expose()).unwrap();
    let (url, token) = (bench.aws.url(), stored["access_token"].as_str().unwrap().to_owned());
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /logout HTTP/1.1\r\nHost: {address}\r\nx-amz-sso_bearer_token: {token}\r\nContent-Length: 0\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_token_that_was_revoked_is_replaced_once() {
    let bench = bench(|_| {});
    calls_for(&bench, "developer");
    bench.run(|context| commands::clear::run(context, Some(&"developer".parse().unwrap()))).unwrap();
    sign_out(&bench);
    let calls = calls_for(&bench, "developer");
    assert!(calls[0].starts_with("GetRoleCredentials ") && calls.last().unwrap() == "GetRoleCredentials", "{calls:?}");
}

#[test]
fn who_does_not_sign_in_is_told_so_and_nothing_is_remembered() {
    let bench = bench(|_| {});
    let error = || match bench.credentials("developer") {
        Err(Error::Obtain(error)) => error,
        other => panic!("{:?}", other.map(drop)),
    };
    bench.set_browser(Some(false));
    assert!(matches!(error(), ObtainError::NotSignedIn { .. }), "refused in the browser");
    bench.set_browser(None);
    assert!(matches!(error(), ObtainError::NotSignedIn { .. }), "shown on the terminal, and not done in time");
    bench.prompt.lose_terminal();
    assert!(matches!(error(), ObtainError::SignInNeeded { .. }), "nobody could be shown anything");
    bench.set_browser(Some(true));
    let (requests, result) = bench.requests_of(|| bench.credentials("developer"));
    assert_eq!((result.is_ok(), requests.last().unwrap().as_str()), (true, "GetRoleCredentials"));
    bench.run(|context| commands::clear::run(context, None)).unwrap();
    bench.prompt.leave();
    let (requests, result) = bench.requests_of(|| bench.credentials("developer"));
    assert!(matches!(result, Err(Error::Obtain(ObtainError::SignInNeeded { .. }))));
    assert_eq!(requests, ["RegisterClient"], "no sign-in is begun that nobody can approve");
}

#[test]
fn a_fault_on_the_way_is_borne_with() {
    for action in COLD {
        let bench = bench(|_| {});
        bench.fail(action, FaultKind::Throttling, Some(1));
        assert!(bench.credentials("developer").is_ok(), "{action} throttled once");
    }
}

#[test]
fn a_web_identity_assumes_its_role_and_then_others() {
    let bench = Bench::empty(|settings| settings.roles[1].trust_policy = settings.roles[1].trust_policy.clone());
    let token = bench.path("token");
    bench.write_config(&format!(
        "[profile web]\nrole_arn = arn:aws:iam::111122223333:role/web\nweb_identity_token_file = {}\n",
        token.display()
    ));
    let missing = bench.credentials("web").unwrap_err();
    assert!(matches!(missing, Error::Obtain(ObtainError::TokenFile { .. })), "{missing}");
    for text in ["", "two words", "\u{1b}"] {
        fs::write(&token, text).unwrap();
        let none = bench.credentials("web").unwrap_err();
        assert!(matches!(none, Error::Obtain(ObtainError::NoToken { .. })), "{none}");
    }
    fs::write(&token, "some.other.token").unwrap();
    let (requests, result) = bench.requests_of(|| bench.credentials("web"));
    let refused = format!("{:?}", result.unwrap_err());
    assert!(requests[0].starts_with("AssumeRoleWithWebIdentity 3600 ") && !refused.contains("some.other"), "{refused}");
    fs::write(&token, format!("{}\n", Settings::WEB_IDENTITY_TOKEN)).unwrap();
    assert_eq!(bench.requests_of(|| bench.credentials("web").unwrap()).0, ["AssumeRoleWithWebIdentity 3600"]);
    assert_eq!(bench.requests_of(|| bench.credentials("web").unwrap()).0, NONE);
    let hour = |request: &mut commands::SessionRequest| request.duration = Some(Duration::from_secs(900));
    assert_eq!(bench.requests_of(|| bench.credentials_with("web", hour).unwrap()).0, ["AssumeRoleWithWebIdentity 900"]);
}
