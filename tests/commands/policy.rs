//! `mfa policy`: AWS's documented policy does what it says, by the stand-in's policy engine.

use mfavault::{
    commands::{Error, Outcome, mfa::policy},
    rehearsal::UserSettings,
};
use serde_json::Value;

use crate::support::bench::{Bench, name};

fn text(bench: &Bench, partition: &policy::Partition) -> Result<String, Error> {
    match bench.run(|context| policy::run(context, partition))? {
        Outcome::Text(text) => Ok(text),
        _ => panic!("no policy came out"),
    }
}

fn named(partition: &str) -> policy::Partition {
    policy::Partition::Named(partition.to_owned())
}

#[test]
fn it_is_json_that_create_policy_takes_for_every_partition() {
    let bench = Bench::new();
    for partition in ["aws", "aws-cn", "aws-us-gov", "aws-eusc"] {
        let text = text(&bench, &named(partition)).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["Version"], "2012-10-17");
        // IAM counts no white space ("IAM and AWS STS quotas").
        assert!(text.chars().filter(|character| !character.is_whitespace()).count() < 6144);
        let statements = document["Statement"].as_array().unwrap();
        assert_eq!(statements.len(), 9);
        for arn in statements.iter().map(|statement| statement["Resource"].as_str().unwrap()) {
            assert!(arn == "*" || arn.starts_with(&format!("arn:{partition}:iam::*:")), "{arn}");
        }
    }
    assert!(matches!(text(&bench, &named("aws-moon")), Err(Error::NoPartition { .. })));
}

#[test]
fn the_partition_is_that_of_the_profiles_region() {
    let bench = Bench::new();
    for (region, partition) in [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-east-1", "aws-us-gov")] {
        bench.write_config(&format!("[profile main]\nregion = {region}\n"));
        let of_profile = text(&bench, &policy::Partition::OfProfile(name("main"))).unwrap();
        assert_eq!(of_profile, text(&bench, &named(partition)).unwrap(), "{region}");
    }
}

#[test]
fn a_user_under_it_enables_a_device_and_can_do_nothing_else_without_mfa() {
    let policy = text(&Bench::new(), &named("aws")).unwrap();
    let everything = UserSettings::administrator("x").policies.remove(0);
    let bench = Bench::with(|settings| {
        let alice = settings.users.iter_mut().find(|user| user.name == "alice").unwrap();
        alice.policies = vec![policy, everything];
    });
    let key = bench.key_of("alice").into();
    assert!(!bench.carries_mfa(&key), "ListUsers without MFA");
    bench.enable().unwrap();
    assert!(!bench.carries_mfa(&key));
    assert!(bench.carries_mfa(&bench.credentials("main").unwrap()));
}

#[test]
fn a_user_under_nothing_else_has_his_own_credentials_and_no_more() {
    let policy = text(&Bench::new(), &named("aws")).unwrap();
    let bench = Bench::with(|settings| {
        let alice = settings.users.iter_mut().find(|user| user.name == "alice").unwrap();
        alice.policies = vec![policy];
    });
    bench.enable().unwrap();
    assert!(!bench.carries_mfa(&bench.credentials("main").unwrap()), "ListUsers is not allowed by it");
}
