//! `report` against the stand-in of AWS: who may have it, how long it is waited for, what it finds.

use std::time::Duration;

use mfavault::{
    aws::AwsError,
    clock::Clock,
    commands::{
        Error, Outcome,
        report::{self, Finding, Report},
    },
    rehearsal::UserSettings,
};

use crate::support::bench::{Bench, name};

const DAY: u64 = 86_400;

fn arguments(profile: &str, fail_on: &[Finding]) -> report::Arguments {
    report::Arguments {
        profile: name(profile),
        mfa_code: None,
        older_than: Duration::from_secs(90 * DAY),
        fail_on: fail_on.to_vec(),
    }
}

fn report(bench: &Bench, profile: &str, fail_on: &[Finding]) -> Result<Box<Report>, Error> {
    match bench.run(|context| report::run(context, &arguments(profile, fail_on)))? {
        Outcome::Report(report) => Ok(report),
        _ => panic!("no report came out"),
    }
}

/// With an administrator's key as the profile `admin`.
fn bench(delay: Duration) -> Bench {
    let bench = Bench::with(|settings| settings.report_delay = delay);
    bench.write_config("[profile main]\nregion = us-east-1\n[profile admin]\nregion = us-east-1\n");
    bench.store_key("admin", "admin");
    bench
}

fn found<'r>(report: &'r Report, user: &str) -> &'r [Finding] {
    &report.users.iter().find(|(found, _)| found.name == user).unwrap().1
}

#[test]
fn a_report_is_waited_for_and_says_who_has_mfa() {
    let bench = bench(Duration::from_secs(10));
    bench.enable().unwrap();
    bench.prompt.countdowns();
    let (requests, report) = bench.requests_of(|| report(&bench, "admin", &[Finding::NoMfa]).unwrap());
    let generates = requests.iter().filter(|request| request.as_str() == "GenerateCredentialReport").count();
    assert!(generates == 5 && requests.last().unwrap() == "GetCredentialReport", "{requests:?}");
    assert_eq!(bench.prompt.countdowns().len(), 4);
    assert!(report.users[0].0.is_root() && report.users[0].1 == [Finding::NoMfa]);
    assert_eq!((found(&report, "alice"), found(&report, "admin")), (&[][..], &[Finding::NoMfa][..]));
    assert_eq!(report.failed, [(Finding::NoMfa, vec!["<root_account>".to_owned(), "admin".to_owned()])]);
    let talk = bench.prompt.talk();
    assert!(talk.contains("no-mfa: <root_account>, admin") && talk.contains("four hours"), "{talk}");
    // The same again: AWS keeps it.
    let (requests, _) = bench.requests_of(|| self::report(&bench, "admin", &[]).unwrap());
    assert_eq!(requests, ["GenerateCredentialReport", "GetCredentialReport"]);
    // Four hours later it is made anew.
    bench.clock.advance(5 * 3600);
    let later = self::report(&bench, "admin", &[]).unwrap();
    assert!(later.generated > report.generated);
}

#[test]
fn keys_grow_old_by_awss_clock() {
    let bench = bench(Duration::ZERO);
    let young = report(&bench, "admin", &[Finding::OldKeys, Finding::UnusedKeys]).unwrap();
    assert!(young.failed.is_empty(), "{:?}", young.failed);
    bench.clock.advance(100 * DAY);
    let old = report(&bench, "admin", &[Finding::OldKeys, Finding::UnusedKeys]).unwrap();
    assert!(found(&old, "alice").contains(&Finding::OldKeys) && found(&old, "alice").contains(&Finding::UnusedKeys));
    assert!(!found(&old, "admin").contains(&Finding::UnusedKeys), "the caller's own key is in use");
    assert_eq!(old.failed.len(), 2);
}

#[test]
fn a_key_of_root_is_found() {
    let bench = Bench::with(|settings| {
        settings.root_access_key = true;
        settings.report_delay = Duration::ZERO;
    });
    bench.write_config("[profile admin]\nregion = us-east-1\n");
    bench.store_key("admin", "admin");
    let report = report(&bench, "admin", &[Finding::RootKeys]).unwrap();
    assert_eq!(report.failed, [(Finding::RootKeys, vec!["<root_account>".to_owned()])]);
}

#[test]
fn a_user_under_force_mfa_shows_mfa_and_one_without_rights_hears_it() {
    let bench = Bench::with(|settings| {
        settings.report_delay = Duration::ZERO;
        let mut carol = UserSettings::force_mfa("alice");
        carol.policies.push(UserSettings::administrator("x").policies.remove(0));
        settings.users.retain(|user| user.name != "alice");
        settings.users.push(carol);
    });
    assert!(matches!(report(&bench, "main", &[]), Err(Error::Aws(AwsError::AccessDenied { .. }))));
    bench.enable().unwrap();
    bench.settle();
    let (requests, report) = bench.requests_of(|| report(&bench, "main", &[]).unwrap());
    assert_eq!(requests[0], "GetSessionToken 3600 mfa/alice+code");
    assert_eq!(found(&report, "alice"), []);
    let other = Bench::with_device();
    assert!(matches!(self::report(&other, "main", &[]), Err(Error::Aws(AwsError::AccessDenied { .. }))));
}

#[test]
fn a_report_that_does_not_come_is_given_up_after_a_minute() {
    let bench = bench(Duration::from_secs(3600));
    let begin = bench.clock.now();
    assert!(matches!(report(&bench, "admin", &[]), Err(Error::ReportLate)));
    let waited = bench.clock.now().duration_since(begin).unwrap();
    assert!((50..=60).contains(&waited.as_secs()), "{waited:?}");
}
