//! `login`: which calls sign in, where to, and that the address goes to one visitor of one page, once.

use std::{
    cell::{OnceCell, RefCell},
    fs,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use mfavault::{
    aws::{Aws, AwsError, endpoints::InvalidEndpoint},
    commands::{Context, Error, Outcome, SessionRequest, login},
    rehearsal::{RoleSettings, Settings},
};

use crate::support::bench::{Bench, SERIAL, name};

const HOUR: Duration = Duration::from_secs(3600);
const SHARED: &str = "GetSessionToken 28800 mfa/alice+code";
const NONE: [&str; 0] = [];

/// Alice's device enabled, and a config with roles, of which `hop` may assume others; `admin` is a user without a device.
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
    fs::write(bench.path("token"), Settings::WEB_IDENTITY_TOKEN).unwrap();
    let role = |profile: &str, role: &str, source: &str| {
        format!("[profile {profile}]\nrole_arn = arn:aws:iam::111122223333:role/{role}\n{source}\n")
    };
    bench.write_config(&format!(
        "[profile main]\nmfa_serial = {SERIAL}\nregion = eu-central-1\n[profile admin]\n{}{}{}{}{}",
        role("deploy", "deploy", "source_profile = main"),
        role("open", "open", "source_profile = admin"),
        role("hop", "hop", "source_profile = main"),
        role("chained", "open", "source_profile = hop"),
        role("web", "web", &format!("web_identity_token_file = {}", bench.path("token").display())),
    ));
    bench.settle();
    bench
}

/// The address that `login --print` gives.
fn printed(bench: &Bench, profile: &str, place: Option<&str>) -> Result<String, Error> {
    printed_with(bench, profile, place, |_| {})
}

fn printed_with(
    bench: &Bench,
    profile: &str,
    place: Option<&str>,
    change: impl FnOnce(&mut SessionRequest),
) -> Result<String, Error> {
    let mut request = SessionRequest::plain(name(profile));
    change(&mut request);
    match bench.run(|context| login::run(context, request, place, true))? {
        Outcome::Secret(address) => Ok(address.expose().clone()),
        _ => panic!("no address came out"),
    }
}

/// `login` where `browse` is the browser.
fn opened(bench: &Bench, browse: &dyn Fn(&str) -> bool) -> Result<(), Error> {
    let outcome = bench.run(|context| {
        let context = Context {
            browse: Box::new(browse),
            shared_config: OnceCell::new(),
            own_program: context.own_program.clone(),
            given_passphrase: Box::new(|| Ok(None)),
            ..*context
        };
        login::run(&context, SessionRequest::plain(name("open")), None, false)
    })?;
    assert!(matches!(outcome, Outcome::Done));
    Ok(())
}

/// The head of the answer to a request of a page; `more` are header lines.
fn head(method: &str, url: &str, more: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "{method} /{path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn each_row_of_the_table_signs_in_with_these_calls() {
    let bench = bench();
    type Change = fn(&mut SessionRequest);
    let plain: Change = |_| {};
    let no_session: Change = |request| request.no_session = true;
    let four_hours: Change = |request| request.duration = Some(HOUR * 4);
    let rows: [(&str, Change, &[&str]); 10] = [
        ("admin", plain, &["GetFederationToken 43200", "getSigninToken"]),
        ("admin", four_hours, &["GetFederationToken 14400", "getSigninToken"]),
        ("admin", no_session, &["GetFederationToken 43200", "getSigninToken"]),
        ("deploy", plain, &[SHARED, "AssumeRole 3600", "getSigninToken"]),
        ("deploy", four_hours, &["AssumeRole 14400 mfa/alice+code", "getSigninToken 14400"]),
        ("deploy", no_session, &["AssumeRole 3600 mfa/alice+code", "getSigninToken 3600"]),
        ("open", plain, &["AssumeRole 3600", "getSigninToken 3600"]),
        ("chained", plain, &[SHARED, "AssumeRole 3600", "AssumeRole 3600", "getSigninToken"]),
        ("web", plain, &["AssumeRoleWithWebIdentity 3600", "getSigninToken 3600"]),
        ("open", no_session, &["AssumeRole 3600", "getSigninToken 3600"]),
    ];
    for (profile, change, expected) in rows {
        let (requests, result) = bench.requests_of(|| printed_with(&bench, profile, None, change));
        result.unwrap_or_else(|error| panic!("{profile}: {error}"));
        assert_eq!(requests, expected, "{profile}");
        bench.settle();
    }
}

#[test]
fn keys_of_the_environment_sign_in_for_as_long_as_aws_allows() {
    let mut bench = bench();
    bench.write_config(
        "[profile role]\nrole_arn = arn:aws:iam::111122223333:role/open\ncredential_source = Environment\n",
    );
    let key = bench.key_of("admin");
    let pair = [
        ("AWS_ACCESS_KEY_ID", key.access_key_id.as_str().to_owned()),
        ("AWS_SECRET_ACCESS_KEY", key.secret_access_key.expose().clone()),
    ];
    let set = |bench: &mut Bench, pairs: &[(&str, String)]| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        bench.set_environment(&pairs);
    };
    set(&mut bench, &pair);
    let (requests, result) = bench.requests_of(|| printed(&bench, "role", None));
    result.unwrap();
    assert_eq!(requests, ["AssumeRole 3600", "getSigninToken 3600"]);

    let session = bench.ask_aws(&key.into(), |aws, caller| aws.get_session_token(caller, HOUR, None)).unwrap();
    set(
        &mut bench,
        &[
            ("AWS_ACCESS_KEY_ID", session.access_key_id.as_str().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", session.secret_access_key.expose().clone()),
            ("AWS_SESSION_TOKEN", session.session_token.expose().clone()),
        ],
    );
    let (requests, result) = bench.requests_of(|| printed(&bench, "role", None));
    result.unwrap();
    assert_eq!(requests, ["AssumeRole 3600", "getSigninToken"]);
}

#[test]
fn keys_of_another_tool_become_a_federated_user() {
    let bench = bench();
    let key = bench.key_of("admin");
    let document = serde_json::json!({
        "Version": 1,
        "AccessKeyId": key.access_key_id.as_str(),
        "SecretAccessKey": key.secret_access_key.expose(),
    });
    fs::write(bench.path("document"), document.to_string()).unwrap();
    bench.write_config(&format!("[profile tool]\ncredential_process = cat {}\n", bench.path("document").display()));
    let (requests, result) = bench.requests_of(|| printed(&bench, "tool", None));
    result.unwrap();
    assert_eq!(requests, ["GetFederationToken 43200", "getSigninToken"]);
    assert!(bench.prompt.talk().contains("a federated user has no MFA"));
}

#[test]
fn the_address_leads_through_the_federation_endpoint_to_the_place() {
    let bench = bench();
    let address = printed(&bench, "deploy", Some("ec2/home#Instances:")).unwrap();
    let start = format!(
        "{}/federation?Action=login&Issuer=mfavault&Destination=https%3A%2F%2Feu-central-1.console.aws.amazon.com\
         %2Fec2%2Fhome%3Fregion%3Deu-central-1%23Instances%3A&SigninToken=",
        bench.aws.url()
    );
    let token = address.strip_prefix(&start).unwrap_or_else(|| panic!("{address}"));
    assert!(token.len() >= 16 && !token.contains(['&', '=', '/', '+']), "{token}");
    assert_eq!(bench.prompt.talk(), "signing in to the console as `deploy` (account 111122223333)");
}

#[test]
fn a_place_elsewhere_is_refused_before_aws_is_asked() {
    let bench = bench();
    for place in ["https://example.com", "//example.com", "ec2\r\nhome", "https://console.amazonaws.cn/", ""] {
        let (requests, result) = bench.requests_of(|| printed(&bench, "open", Some(place)));
        assert!(matches!(result, Err(Error::Destination { .. })), "{place:?}");
        assert_eq!(requests, NONE, "{place:?}");
    }
}

#[test]
fn a_partition_without_a_known_console_is_refused_before_aws_is_asked() {
    let bench = bench();
    let (requests, result) = bench.requests_of(|| {
        printed_with(&bench, "open", None, |request| request.region = Some("us-iso-east-1".to_owned()))
    });
    assert!(matches!(result, Err(Error::Endpoint(InvalidEndpoint::NoConsole { .. }))));
    assert_eq!(requests, NONE);
}

#[test]
fn a_session_that_cannot_sign_in_is_aws_s_refusal() {
    let bench = bench();
    let session =
        bench.ask_aws(&bench.key_of("admin").into(), |aws, caller| aws.get_session_token(caller, HOUR, None)).unwrap();
    let document = serde_json::json!({
        "Version": 1,
        "AccessKeyId": session.access_key_id.as_str(),
        "SecretAccessKey": session.secret_access_key.expose(),
        "SessionToken": session.session_token.expose(),
        "Expiration": "2036-01-01T00:00:00Z",
    });
    fs::write(bench.path("document"), document.to_string()).unwrap();
    bench.write_config(&format!("[profile tool]\ncredential_process = cat {}\n", bench.path("document").display()));
    let error = printed(&bench, "tool", None).unwrap_err();
    assert!(matches!(error, Error::Aws(AwsError::Service { status: 400, .. })), "{error:?}");
    let session = [&session.secret_access_key, &session.session_token];
    assert!(session.iter().all(|secret| !format!("{error:?} {error}").contains(secret.expose().as_str())));
}

#[test]
fn the_page_sends_its_first_visitor_on_and_nobody_else() {
    let bench = bench();
    let seen = RefCell::new(None);
    let browse = |url: &str| {
        let refused = |answer: String, what: &str| {
            assert_eq!(status(&answer), "403", "{what}: {answer}");
            assert!(header(&answer, "Location").is_none() && answer.ends_with("\r\n\r\n"), "{what}: {answer}");
        };
        let (origin, path) = url.split_at(url.rfind('/').unwrap());
        assert_eq!(path.len(), 44, "256 random bits: {path}");
        let mut similar = path.to_owned();
        let last = similar.pop().unwrap();
        similar.push(if last == 'A' { 'B' } else { 'A' });
        refused(head("GET", &format!("{origin}/"), ""), "the root");
        refused(head("GET", &format!("{origin}{similar}"), ""), "a similar path");
        refused(head("GET", &format!("{url}/"), ""), "a longer path");
        refused(head("GET", &format!("{url}?x"), ""), "a query");
        refused(head("HEAD", url, ""), "HEAD");
        refused(head("POST", url, "Content-Length: 0\r\n"), "POST");
        refused(head("GET", url, "Origin: https://example.com\r\n"), "a page's script");
        let answer = head("GET", url, "");
        assert_eq!(status(&answer), "303", "{answer}");
        assert_eq!(header(&answer, "Cache-Control"), Some("no-store"));
        assert_eq!(header(&answer, "Referrer-Policy"), Some("no-referrer"));
        *seen.borrow_mut() = header(&answer, "Location").map(str::to_owned);
        refused(head("GET", url, ""), "a second visit");
        true
    };
    opened(&bench, &browse).unwrap();
    let address = seen.into_inner().unwrap();
    assert!(address.starts_with(&format!("{}/federation?Action=login&", bench.aws.url())), "{address}");
    assert_eq!(bench.clock.waited(), Duration::ZERO);
}

#[test]
fn without_a_browser_the_address_is_not_shown_unasked() {
    let bench = bench();
    let error = opened(&bench, &|_| false).unwrap_err();
    assert!(matches!(error, Error::NoBrowser { .. }));
    assert!(!format!("{error:?} {}", bench.prompt.talk()).contains("SigninToken"));
    assert_eq!(bench.clock.waited(), Duration::ZERO);
}

#[test]
fn a_browser_that_does_not_come_is_given_up_and_the_page_is_gone() {
    let bench = bench();
    let page = RefCell::new(String::new());
    let error = opened(&bench, &|url| {
        *page.borrow_mut() = url.to_owned();
        true
    })
    .unwrap_err();
    assert!(matches!(error, Error::BrowserStaysAway { .. }));
    assert_eq!(bench.clock.waited(), Duration::from_secs(30));
    let page = page.into_inner();
    let host = page.strip_prefix("http://").unwrap().split('/').next().unwrap();
    assert!(TcpStream::connect(host).is_err());
}
