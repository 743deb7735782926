//! Where STS and IAM are: partitions as data, regional STS, global IAM, and what the user set instead. Pure.
//! (AWS General Reference, "AWS STS endpoints and quotas", "IAM endpoints and quotas"; the SDKs' endpoint rules.)

use std::net::{Ipv4Addr, Ipv6Addr};

use std::path::PathBuf;

use thiserror::Error;

/// The places of the two services for one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Base URL of STS, such as `https://sts.eu-central-1.amazonaws.com`.
    pub sts_url: String,
    /// The region STS requests are signed for.
    pub sts_signing_region: String,
    /// Base URL of IAM, such as `https://iam.amazonaws.com`.
    pub iam_url: String,
    /// The region IAM requests are signed for, such as `us-east-1`.
    pub iam_signing_region: String,
    /// The only roots of trust, in PEM, if the user set any.
    pub ca_bundle: Option<PathBuf>,
}

/// What environment and profile say about endpoints. The default is what AWS does when nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSettings {
    /// Such as `eu-central-1`.
    pub region: Option<String>,
    /// One URL for both services.
    pub endpoint_url: Option<String>,
    /// URL for STS; wins over `endpoint_url`.
    pub endpoint_url_sts: Option<String>,
    /// URL for IAM; wins over `endpoint_url`.
    pub endpoint_url_iam: Option<String>,
    /// Whether old regions use the one global STS endpoint.
    pub sts_regional_endpoints: StsRegionalEndpoints,
    /// Whether the endpoints with FIPS 140 validated cryptography are used.
    pub use_fips: bool,
    /// Whether the endpoints with IPv4 and IPv6 are used.
    pub use_dualstack: bool,
    /// `AWS_CA_BUNDLE`, or `ca_bundle` of the profile.
    pub ca_bundle: Option<PathBuf>,
}

/// `sts_regional_endpoints` of the AWS config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StsRegionalEndpoints {
    /// Every region has its own endpoint.
    #[default]
    Regional,
    /// The regions that are older than regional STS endpoints use the global one.
    Legacy,
}

/// Why there are no endpoints to be had from the settings.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidEndpoint {
    /// Not the name of a region; it would become part of a host's name.
    #[error("`{region}` is not a region (lower-case letters, digits and dashes)")]
    Region {
        /// The text, without control characters, cut if long.
        region: String,
    },
    /// Not a URL of an endpoint. The URL is not repeated: it may hold a password.
    #[error("{setting} is not the URL of an endpoint: {reason}")]
    Url {
        /// The setting, such as `endpoint_url_sts`.
        setting: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Credentials would travel unprotected.
    #[error("{setting} uses http for {host}, which is not this machine")]
    Insecure {
        /// The setting, such as `endpoint_url_sts`.
        setting: &'static str,
        /// The host.
        host: String,
    },
    /// FIPS and dual-stack choose among AWS's own endpoints; the SDKs refuse the combination, too.
    #[error("{setting} cannot be combined with FIPS or dual-stack endpoints")]
    Variant {
        /// The setting, such as `endpoint_url_sts`.
        setting: &'static str,
    },
}

struct Partition {
    region_prefix: &'static str,
    dns_suffix: &'static str,
    dual_stack_suffix: &'static str,
    /// Plain, FIPS, dual-stack, and both.
    iam_hosts: [&'static str; 4],
    iam_signing_region: &'static str,
    /// Whether the plain endpoint of STS is FIPS already.
    sts_is_fips: bool,
}

const STANDARD: Partition = Partition {
    region_prefix: "",
    dns_suffix: "amazonaws.com",
    dual_stack_suffix: "api.aws",
    iam_hosts: ["iam.amazonaws.com", "iam-fips.amazonaws.com", "iam.global.api.aws", "iam-fips.global.api.aws"],
    iam_signing_region: "us-east-1",
    sts_is_fips: false,
};

/// All others; a region that has none of these prefixes is one of the standard partition.
const PARTITIONS: [Partition; 7] = [
    Partition {
        region_prefix: "cn-",
        dns_suffix: "amazonaws.com.cn",
        dual_stack_suffix: "api.amazonwebservices.com.cn",
        iam_hosts: [
            "iam.cn-north-1.amazonaws.com.cn",
            "iam-fips.amazonaws.com.cn",
            "iam.global.api.amazonwebservices.com.cn",
            "iam-fips.api.amazonwebservices.com.cn",
        ],
        iam_signing_region: "cn-north-1",
        sts_is_fips: false,
    },
    Partition {
        region_prefix: "us-gov-",
        dns_suffix: "amazonaws.com",
        dual_stack_suffix: "api.aws",
        iam_hosts: ["iam.us-gov.amazonaws.com", "iam.us-gov.amazonaws.com", "iam.us-gov.api.aws", "iam.us-gov.api.aws"],
        iam_signing_region: "us-gov-west-1",
        sts_is_fips: true,
    },
    Partition {
        region_prefix: "us-iso-",
        dns_suffix: "c2s.ic.gov",
        dual_stack_suffix: "api.aws.ic.gov",
        iam_hosts: [
            "iam.us-iso-east-1.c2s.ic.gov",
            "iam-fips.us-iso-east-1.c2s.ic.gov",
            "iam.api.aws.ic.gov",
            "iam-fips.api.aws.ic.gov",
        ],
        iam_signing_region: "us-iso-east-1",
        sts_is_fips: false,
    },
    Partition {
        region_prefix: "us-isob-",
        dns_suffix: "sc2s.sgov.gov",
        dual_stack_suffix: "api.aws.scloud",
        iam_hosts: [
            "iam.us-isob-east-1.sc2s.sgov.gov",
            "iam-fips.us-isob-east-1.sc2s.sgov.gov",
            "iam.api.aws.scloud",
            "iam-fips.api.aws.scloud",
        ],
        iam_signing_region: "us-isob-east-1",
        sts_is_fips: false,
    },
    Partition {
        region_prefix: "eu-isoe-",
        dns_suffix: "cloud.adc-e.uk",
        dual_stack_suffix: "api.cloud-aws.adc-e.uk",
        iam_hosts: [
            "iam.eu-isoe-west-1.cloud.adc-e.uk",
            "iam-fips.cloud.adc-e.uk",
            "iam.api.cloud-aws.adc-e.uk",
            "iam-fips.api.cloud-aws.adc-e.uk",
        ],
        iam_signing_region: "eu-isoe-west-1",
        sts_is_fips: false,
    },
    Partition {
        region_prefix: "us-isof-",
        dns_suffix: "csp.hci.ic.gov",
        dual_stack_suffix: "api.aws.hci.ic.gov",
        iam_hosts: [
            "iam.us-isof-south-1.csp.hci.ic.gov",
            "iam-fips.csp.hci.ic.gov",
            "iam.api.aws.hci.ic.gov",
            "iam-fips.api.aws.hci.ic.gov",
        ],
        iam_signing_region: "us-isof-south-1",
        sts_is_fips: false,
    },
    Partition {
        region_prefix: "eusc-",
        dns_suffix: "amazonaws.eu",
        dual_stack_suffix: "api.amazonwebservices.eu",
        iam_hosts: [
            "iam.eusc-de-east-1.amazonaws.eu",
            "iam-fips.amazonaws.eu",
            "iam.global.api.amazonwebservices.eu",
            "iam-fips.api.amazonwebservices.eu",
        ],
        iam_signing_region: "eusc-de-east-1",
        sts_is_fips: false,
    },
];

const GLOBAL_STS_URL: &str = "https://sts.amazonaws.com";

/// The regions that the global STS endpoint serves under `sts_regional_endpoints = legacy`.
const LEGACY_REGIONS: [&str; 16] = [
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "aws-global",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Finds the endpoints: what the user set, else those of the region's partition; without a region, global STS.
///
/// # Errors
/// If the region's name has other characters than it may, then `Region`; if a URL set by the user is not one of an
/// endpoint, then `Url`; if it would send credentials in clear text to another machine, then `Insecure`; if it is
/// combined with FIPS or dual-stack, then `Variant`.
pub fn resolve(settings: &EndpointSettings) -> Result<Endpoints, InvalidEndpoint> {
    let region = settings.region.as_deref().filter(|region| !region.is_empty());
    if let Some(region) = region {
        check_region(region)?;
    }
    let partition = region
        .and_then(|region| PARTITIONS.iter().find(|partition| region.starts_with(partition.region_prefix)))
        .unwrap_or(&STANDARD);
    let own = |specific: &Option<String>, name: &'static str| {
        let set = |url: &Option<String>| url.clone().filter(|url| !url.is_empty());
        let found =
            set(specific).map(|url| (url, name)).or(set(&settings.endpoint_url).map(|url| (url, "endpoint_url")));
        match found {
            Some((_, setting)) if settings.use_fips || settings.use_dualstack => {
                Err(InvalidEndpoint::Variant { setting })
            }
            Some((url, setting)) => check_url(setting, &url).map(Some),
            None => Ok(None),
        }
    };
    let iam_host = partition.iam_hosts[usize::from(settings.use_fips) + 2 * usize::from(settings.use_dualstack)];
    let (sts_url, sts_signing_region) = match own(&settings.endpoint_url_sts, "endpoint_url_sts")? {
        Some(url) => (url, region.unwrap_or(STANDARD.iam_signing_region).to_owned()),
        None => sts(settings, region, partition),
    };
    let iam_url = own(&settings.endpoint_url_iam, "endpoint_url_iam")?.unwrap_or_else(|| format!("https://{iam_host}"));
    let iam_signing_region = partition.iam_signing_region.to_owned();
    let ca_bundle = settings.ca_bundle.clone();
    Ok(Endpoints { sts_url, sts_signing_region, iam_url, iam_signing_region, ca_bundle })
}

/// AWS's own STS: URL and signing region.
fn sts(settings: &EndpointSettings, region: Option<&str>, partition: &Partition) -> (String, String) {
    let variant = settings.use_fips || settings.use_dualstack;
    let legacy = settings.sts_regional_endpoints == StsRegionalEndpoints::Legacy;
    let global = match region {
        None | Some("aws-global") => true,
        Some(region) => legacy && LEGACY_REGIONS.contains(&region),
    };
    let home = STANDARD.iam_signing_region;
    if global && !variant {
        return (GLOBAL_STS_URL.to_owned(), home.to_owned());
    }
    let region = region.filter(|region| *region != "aws-global").unwrap_or(home);
    let fips = settings.use_fips && (settings.use_dualstack || !partition.sts_is_fips);
    let name = if fips { "sts-fips" } else { "sts" };
    let suffix = if settings.use_dualstack { partition.dual_stack_suffix } else { partition.dns_suffix };
    (format!("https://{name}.{region}.{suffix}"), region.to_owned())
}

fn check_region(region: &str) -> Result<(), InvalidEndpoint> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let dashes = region.starts_with('-') || region.ends_with('-');
    if region.len() > 63 || dashes || !region.bytes().all(allowed) {
        let region = region.chars().filter(|character| !character.is_control()).take(63).collect();
        return Err(InvalidEndpoint::Region { region });
    }
    Ok(())
}

/// Gives the URL back in its plain form: lower case, no default port, no slash at the end.
fn check_url(setting: &'static str, url: &str) -> Result<String, InvalidEndpoint> {
    let wrong = |reason| InvalidEndpoint::Url { setting, reason };
    let url = url.to_ascii_lowercase();
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it does not begin with https://"))?;
    let default_port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return Err(wrong("it does not begin with https://")),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains('@') {
        return Err(wrong("it holds a user name"));
    }
    if authority.contains(['/', '?', '#']) {
        return Err(wrong("something follows the host"));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            let port = port.parse::<u16>().ok().filter(|port| digits && *port != 0);
            (host, Some(port.ok_or_else(|| wrong("the port is not a number from 1 to 65535"))?))
        }
        _ => (authority, None),
    };
    if !is_host(host) {
        return Err(wrong("the host is missing or has characters that no host has"));
    }
    if scheme == "http" && !is_loopback(host) {
        return Err(InvalidEndpoint::Insecure { setting, host: host.to_owned() });
    }
    let port = port.filter(|port| *port != default_port).map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{scheme}://{host}{port}"))
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (1..=253).contains(&host.len()) && host.bytes().all(allowed) && !host.starts_with(['.', '-'])
        }
    }
}

/// Whether a host, as it stands in a URL, can only be this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
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
            (
                "us-isob-east-1",
                "sts.us-isob-east-1.sc2s.sgov.gov",
                "iam.us-isob-east-1.sc2s.sgov.gov",
                "us-isob-east-1",
            ),
            (
                "eu-isoe-west-1",
                "sts.eu-isoe-west-1.cloud.adc-e.uk",
                "iam.eu-isoe-west-1.cloud.adc-e.uk",
                "eu-isoe-west-1",
            ),
            (
                "us-isof-east-1",
                "sts.us-isof-east-1.csp.hci.ic.gov",
                "iam.us-isof-south-1.csp.hci.ic.gov",
                "us-isof-south-1",
            ),
            ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu", "iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ] {
            let expected =
                (format!("https://{sts}"), region.to_owned(), format!("https://{iam}"), iam_region.to_owned());
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
}
