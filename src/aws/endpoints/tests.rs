//! Partitions, variants and settings: where each service is.

use super::*;

fn endpoints(change: impl FnOnce(&mut EndpointSettings)) -> Result<Endpoints, InvalidEndpoint> {
    let mut settings = EndpointSettings::default();
    change(&mut settings);
    resolve(&settings)
}

fn urls(region: &str, use_fips: bool, use_dualstack: bool) -> (String, String, String, String) {
    let found = resolve(&EndpointSettings {
        region: Some(region.to_owned()),
        use_fips,
        use_dualstack,
        ..EndpointSettings::default()
    })
    .expect("endpoints");
    (found.sts_url, found.sts_signing_region, found.iam_url, found.iam_signing_region)
}

#[test]
fn every_partition_has_its_own_hosts_and_signing_regions() {
    for (region, sts, iam, iam_region) in [
        ("eu-central-1", "sts.eu-central-1.amazonaws.com", "iam.amazonaws.com", "us-east-1"),
        ("mx-central-1", "sts.mx-central-1.amazonaws.com", "iam.amazonaws.com", "us-east-1"),
        ("cn-northwest-1", "sts.cn-northwest-1.amazonaws.com.cn", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("us-gov-east-1", "sts.us-gov-east-1.amazonaws.com", "iam.us-gov.amazonaws.com", "us-gov-west-1"),
        ("us-iso-west-1", "sts.us-iso-west-1.c2s.ic.gov", "iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        ("us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov", "iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        ("eu-isoe-west-1", "sts.eu-isoe-west-1.cloud.adc-e.uk", "iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
        (
            "us-isof-east-1",
            "sts.us-isof-east-1.csp.hci.ic.gov",
            "iam.us-isof-south-1.csp.hci.ic.gov",
            "us-isof-south-1",
        ),
        ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu", "iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
    ] {
        let expected = (format!("https://{sts}"), region.to_owned(), format!("https://{iam}"), iam_region.to_owned());
        assert_eq!(urls(region, false, false), expected);
    }
}

#[test]
fn fips_and_dual_stack_are_variants_of_the_hosts() {
    for (region, fips, dual, sts, iam) in [
        ("us-east-2", true, false, "sts-fips.us-east-2.amazonaws.com", "iam-fips.amazonaws.com"),
        ("us-east-2", false, true, "sts.us-east-2.api.aws", "iam.global.api.aws"),
        ("us-east-2", true, true, "sts-fips.us-east-2.api.aws", "iam-fips.global.api.aws"),
        ("us-gov-west-1", true, false, "sts.us-gov-west-1.amazonaws.com", "iam.us-gov.amazonaws.com"),
        ("us-gov-west-1", true, true, "sts-fips.us-gov-west-1.api.aws", "iam.us-gov.api.aws"),
        (
            "cn-north-1",
            false,
            true,
            "sts.cn-north-1.api.amazonwebservices.com.cn",
            "iam.global.api.amazonwebservices.com.cn",
        ),
    ] {
        let (sts_url, _, iam_url, _) = urls(region, fips, dual);
        assert_eq!((sts_url, iam_url), (format!("https://{sts}"), format!("https://{iam}")));
    }
}

#[test]
fn without_a_region_sts_is_global_and_signed_for_us_east_1() {
    let found = resolve(&EndpointSettings::default()).expect("endpoints");
    assert_eq!(found.sts_url, "https://sts.amazonaws.com");
    assert_eq!(found.sts_signing_region, "us-east-1");
    assert_eq!(found.iam_url, "https://iam.amazonaws.com");
    let fips = endpoints(|settings| settings.use_fips = true).expect("endpoints");
    assert_eq!(fips.sts_url, "https://sts-fips.us-east-1.amazonaws.com");
}

#[test]
fn legacy_means_the_global_endpoint_for_old_regions_only() {
    for (region, url, signing) in [
        ("eu-central-1", "https://sts.amazonaws.com", "us-east-1"),
        ("eu-central-2", "https://sts.eu-central-2.amazonaws.com", "eu-central-2"),
        ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ] {
        let found = endpoints(|settings| {
            settings.region = Some(region.to_owned());
            settings.sts_regional_endpoints = StsRegionalEndpoints::Legacy;
        })
        .expect("endpoints");
        assert_eq!((found.sts_url.as_str(), found.sts_signing_region.as_str()), (url, signing));
    }
}

#[test]
fn what_is_not_a_region_never_becomes_part_of_a_host() {
    for region in ["EU-CENTRAL-1", "eu central", "x/@evil.example", "a.b", "-x", "eu-\u{e9}", &"a".repeat(64)] {
        let error = endpoints(|settings| settings.region = Some(region.to_owned())).expect_err("refused");
        assert!(matches!(error, InvalidEndpoint::Region { .. }), "{region}");
    }
}

#[test]
fn a_url_set_for_one_service_wins_over_the_url_for_all() {
    let found = endpoints(|settings| {
        settings.region = Some("eu-west-1".to_owned());
        settings.endpoint_url = Some("HTTPS://Vpce.Example.com:443/".to_owned());
        settings.endpoint_url_iam = Some("http://127.0.0.1:4566".to_owned());
    })
    .expect("endpoints");
    assert_eq!(found.sts_url, "https://vpce.example.com");
    assert_eq!(found.sts_signing_region, "eu-west-1");
    assert_eq!(found.iam_url, "http://127.0.0.1:4566");
    assert_eq!(found.iam_signing_region, "us-east-1");
}

#[test]
fn clear_text_is_for_this_machine_only() {
    for url in ["http://localhost:1", "http://127.8.8.8/", "http://[::1]:4566/"] {
        assert!(check_url("endpoint_url", url).is_ok(), "{url}");
    }
    for url in [
        "http://sts.amazonaws.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[::]",
        "http://[::ffff:10.0.0.1]",
        "http://2130706433",
        "http://127.1",
    ] {
        let error = check_url("endpoint_url", url).expect_err(url);
        assert!(matches!(error, InvalidEndpoint::Insecure { .. }), "{url}: {error}");
    }
}

#[test]
fn what_is_not_the_url_of_an_endpoint_is_refused_without_repeating_it() {
    for url in [
        "sts.amazonaws.com",
        "ftp://example.com",
        "https://",
        "https:///x",
        "https://user:hunter2@example.com",
        "https://localhost@example.com",
        "https://example.com/path",
        "https://example.com?x=y",
        "https://example.com#x",
        "https://exa mple.com",
        "https://example.com\r\nx: y",
        "https://example.com:0",
        "https://example.com:99999",
        "https://example.com:",
        "https://[::1",
        "https://[nonsense]",
        "https://\u{2e}example.com",
    ] {
        let error = check_url("endpoint_url", url).expect_err(url);
        assert!(matches!(error, InvalidEndpoint::Url { .. }), "{url}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn an_own_url_cannot_be_combined_with_fips_or_dual_stack() {
    let error = endpoints(|settings| {
        settings.endpoint_url_sts = Some("https://example.com".to_owned());
        settings.use_fips = true;
    });
    assert_eq!(error, Err(InvalidEndpoint::Variant { setting: "endpoint_url_sts" }));
}

#[test]
fn sessions_of_one_partition_are_worth_the_same_wherever_its_regional_sts_gave_them() {
    type Change = fn(&mut EndpointSettings);
    let cases: [(Option<&str>, Change, &str); 13] = [
        (Some("eu-central-1"), |_| {}, "aws"),
        (Some("mx-central-1"), |_| {}, "aws"),
        (Some("us-east-2"), |settings| settings.use_fips = true, "aws"),
        (Some("us-east-2"), |settings| settings.use_dualstack = true, "aws"),
        (None, |settings| settings.use_fips = true, "aws"),
        (Some("cn-north-1"), |_| {}, "aws-cn"),
        (Some("us-gov-west-1"), |_| {}, "aws-us-gov"),
        (Some("us-isob-east-1"), |_| {}, "aws-iso-b"),
        (Some("eusc-de-east-1"), |_| {}, "aws-eusc"),
        (None, |_| {}, "https://sts.amazonaws.com"),
        (Some("aws-global"), |_| {}, "https://sts.amazonaws.com"),
        (
            Some("eu-central-1"),
            |settings| settings.sts_regional_endpoints = StsRegionalEndpoints::Legacy,
            "https://sts.amazonaws.com",
        ),
        (
            Some("eu-central-1"),
            |settings| settings.endpoint_url = Some("https://sts.eu-central-1.amazonaws.com/".to_owned()),
            "https://sts.eu-central-1.amazonaws.com",
        ),
    ];
    for (region, change, scope) in cases {
        let found = endpoints(|settings| {
            settings.region = region.map(str::to_owned);
            change(settings);
        })
        .expect("endpoints");
        assert_eq!(found.sts_scope, scope, "{region:?} {found:?}");
    }
}

#[test]
fn identity_center_is_in_the_partition_and_variant_of_its_region() {
    for (region, use_fips, use_dualstack, portal, oidc) in [
        ("eu-central-1", false, false, "portal.sso.eu-central-1.amazonaws.com", "oidc.eu-central-1.amazonaws.com"),
        ("us-east-1", true, false, "portal.sso-fips.us-east-1.amazonaws.com", "oidc-fips.us-east-1.amazonaws.com"),
        ("us-east-1", false, true, "portal.sso.us-east-1.api.aws", "oidc.us-east-1.api.aws"),
        ("us-east-1", true, true, "portal.sso-fips.us-east-1.api.aws", "oidc-fips.us-east-1.api.aws"),
        ("us-gov-west-1", true, false, "portal.sso.us-gov-west-1.amazonaws.com", "oidc.us-gov-west-1.amazonaws.com"),
        ("us-gov-west-1", true, true, "portal.sso-fips.us-gov-west-1.api.aws", "oidc-fips.us-gov-west-1.api.aws"),
        ("cn-north-1", false, false, "portal.sso.cn-north-1.amazonaws.com.cn", "oidc.cn-north-1.amazonaws.com.cn"),
        (
            "cn-north-1",
            false,
            true,
            "portal.sso.cn-north-1.api.amazonwebservices.com.cn",
            "oidc.cn-north-1.api.amazonwebservices.com.cn",
        ),
        ("eusc-de-east-1", false, false, "portal.sso.eusc-de-east-1.amazonaws.eu", "oidc.eusc-de-east-1.amazonaws.eu"),
    ] {
        // The region of the profile is another one, and has no say.
        let region_of_profile = Some("ap-south-1".to_owned());
        let settings = EndpointSettings { region: region_of_profile, use_fips, use_dualstack, ..Default::default() };
        let found = sso(&settings, region).expect("endpoints");
        assert_eq!((found.portal_url, found.oidc_url), (format!("https://{portal}"), format!("https://{oidc}")));
    }
}

#[test]
fn the_urls_that_the_user_set_for_identity_center_are_checked_and_win() {
    let set = |url: &str| EndpointSettings { endpoint_url_sso: Some(url.to_owned()), ..Default::default() };
    let found = sso(&set("HTTP://127.0.0.1:80/"), "eu-west-1").expect("endpoints");
    assert_eq!(found.portal_url, "http://127.0.0.1");
    assert_eq!(found.oidc_url, "https://oidc.eu-west-1.amazonaws.com");
    let all = EndpointSettings {
        endpoint_url: Some("https://all.example.com".to_owned()),
        endpoint_url_sso_oidc: Some("https://oidc.example.com".to_owned()),
        ca_bundle: Some("/roots.pem".into()),
        ..Default::default()
    };
    let found = sso(&all, "eu-west-1").expect("endpoints");
    assert_eq!(found.portal_url, "https://all.example.com");
    assert_eq!(found.oidc_url, "https://oidc.example.com");
    assert_eq!(found.ca_bundle, Some("/roots.pem".into()));

    let insecure = sso(&set("http://sso.example.com"), "eu-west-1");
    assert!(matches!(insecure, Err(InvalidEndpoint::Insecure { setting: "endpoint_url_sso", .. })), "{insecure:?}");
    let variant = sso(&EndpointSettings { use_fips: true, ..set("https://sso.example.com") }, "eu-west-1");
    assert_eq!(variant, Err(InvalidEndpoint::Variant { setting: "endpoint_url_sso" }));
    for region in ["", "x/@evil.example", "EU-WEST-1"] {
        assert!(matches!(sso(&Default::default(), region), Err(InvalidEndpoint::Region { .. })), "{region}");
    }
}

#[test]
fn the_console_is_in_the_partition_of_the_region() {
    for (region, signin_host, console_host) in [
        (None, "signin.aws.amazon.com", "console.aws.amazon.com"),
        (Some(""), "signin.aws.amazon.com", "console.aws.amazon.com"),
        (Some("aws-global"), "signin.aws.amazon.com", "console.aws.amazon.com"),
        (Some("eu-west-1"), "eu-west-1.signin.aws.amazon.com", "eu-west-1.console.aws.amazon.com"),
        (Some("cn-northwest-1"), "signin.amazonaws.cn", "console.amazonaws.cn"),
        (Some("us-gov-east-1"), "signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
    ] {
        for (use_fips, use_dualstack) in [(false, false), (true, true)] {
            let region = region.map(str::to_owned);
            let settings = EndpointSettings { region, use_fips, use_dualstack, ..Default::default() };
            let found = console(&settings).expect("endpoints");
            assert_eq!(found.signin_url, format!("https://{signin_host}"));
            assert_eq!(found.console_url, format!("https://{console_host}"));
        }
    }
    for region in ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "eusc-de-east-1"] {
        let settings = EndpointSettings { region: Some(region.to_owned()), ..Default::default() };
        assert_eq!(console(&settings), Err(InvalidEndpoint::NoConsole { region: region.to_owned() }));
    }
}

#[test]
fn a_url_of_ones_own_is_for_sign_in_and_not_for_the_console() {
    let settings = |url: &str, signin: Option<&str>| EndpointSettings {
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some(url.to_owned()),
        endpoint_url_signin: signin.map(str::to_owned),
        ..Default::default()
    };
    let found = console(&settings("http://127.0.0.1:4566", None)).expect("endpoints");
    assert_eq!(found.signin_url, "http://127.0.0.1:4566");
    assert_eq!(found.console_url, "https://eu-west-1.console.aws.amazon.com");
    let found = console(&settings("http://127.0.0.1:4566", Some("https://signin.example.com"))).expect("endpoints");
    assert_eq!(found.signin_url, "https://signin.example.com");
    let insecure = console(&settings("https://all.example.com", Some("http://signin.example.com")));
    assert!(matches!(insecure, Err(InvalidEndpoint::Insecure { setting: "endpoint_url_signin", .. })), "{insecure:?}");
}

#[test]
fn a_browser_is_sent_to_https_or_to_this_machine_only() {
    for url in [
        "https://device.sso.eu-west-1.amazonaws.com/",
        "https://example.awsapps.com/start/#/device?user_code=ABCD-EFGH",
        "https://device.sso.eu-west-1.amazonaws.com?user_code=a%20b",
        "http://127.0.0.1:8080/start/#/device",
        "http://localhost",
    ] {
        assert!(is_web_address(url), "{url}");
    }
    let long = format!("https://example.com/{}", "x".repeat(3000));
    for url in [
        "",
        "https://",
        "https:///path",
        "http://?x",
        "http://example.com/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https:example.com",
        "-https://example.com",
        "https://user@example.com/",
        "https://127.0.0.1@evil.example/",
        "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com/\n",
        "https://example.com/\u{202e}x",
        "https://example.com/'\"",
        "https://example.com\\@evil.example/",
        "https://example.com/`id`",
        &long,
    ] {
        assert!(!is_web_address(url), "{url}");
    }
}
