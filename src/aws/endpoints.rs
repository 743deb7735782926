//! Where STS, IAM, IAM Identity Center and the console are: partitions as data, and what the user set instead. Pure.
//! (AWS General Reference, "Service endpoints and quotas"; the SDKs' endpoint rules; IAM User Guide, "Enable custom
//! identity broker access to the AWS console", for the console's.)

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use thiserror::Error;

mod partitions;

use partitions::{Partition, STANDARD, partition_of};

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
    /// What STS's sessions are good for: sessions from two endpoints of one scope are worth the same, so that one will
    /// do. The regional endpoints of a partition are one scope; the global endpoint, whose tokens opt-in regions do not
    /// take, and every endpoint that the user set, are each one of their own.
    pub sts_scope: String,
    /// The only roots of trust, in PEM, if the user set any.
    pub ca_bundle: Option<PathBuf>,
}

/// The places of IAM Identity Center in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoEndpoints {
    /// Base URL of the portal, such as `https://portal.sso.eu-central-1.amazonaws.com`.
    pub portal_url: String,
    /// Base URL of SSO OIDC, such as `https://oidc.eu-central-1.amazonaws.com`.
    pub oidc_url: String,
    /// The only roots of trust, in PEM, if the user set any.
    pub ca_bundle: Option<PathBuf>,
}

/// The places of the console in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleEndpoints {
    /// Base URL of sign-in, such as `https://eu-central-1.signin.aws.amazon.com`; `/federation` is below it.
    pub signin_url: String,
    /// Base URL of the console, such as `https://eu-central-1.console.aws.amazon.com`.
    pub console_url: String,
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
    /// URL for SSO's portal; wins over `endpoint_url`.
    pub endpoint_url_sso: Option<String>,
    /// URL for SSO OIDC; wins over `endpoint_url`.
    pub endpoint_url_sso_oidc: Option<String>,
    /// URL for console sign-in; wins over `endpoint_url`.
    pub endpoint_url_signin: Option<String>,
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
    /// Where the partition's console signs federated users in is not known here.
    #[error("the console of the region {region} has no federation endpoint that is known here")]
    NoConsole {
        /// The region.
        region: String,
    },
    /// FIPS and dual-stack choose among AWS's own endpoints; the SDKs refuse the combination, too.
    #[error("{setting} cannot be combined with FIPS or dual-stack endpoints")]
    Variant {
        /// The setting, such as `endpoint_url_sts`.
        setting: &'static str,
    },
}

const GLOBAL_STS_URL: &str = "https://sts.amazonaws.com";
/// What browsers and servers of the web agree on.
const LONGEST_ADDRESS: usize = 2048;
const GLOBAL_REGION: &str = "aws-global";

/// The regions that the global STS endpoint serves under `sts_regional_endpoints = legacy`.
const LEGACY_REGIONS: [&str; 16] = [
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    GLOBAL_REGION,
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

impl EndpointSettings {
    /// The region, if one is set and is one.
    fn region(&self) -> Result<Option<&str>, InvalidEndpoint> {
        let region = self.region.as_deref().filter(|region| !region.is_empty());
        region.map(check_region).transpose()?;
        Ok(region)
    }

    /// The URL that the user set for a service, or for all.
    fn own_url(&self, specific: &Option<String>, name: &'static str) -> Result<Option<String>, InvalidEndpoint> {
        let set = [(specific, name), (&self.endpoint_url, "endpoint_url")];
        let found = set
            .into_iter()
            .find_map(|(url, setting)| Some((url.as_deref()?, setting)).filter(|(url, _)| !url.is_empty()));
        match found {
            Some((_, setting)) if self.use_fips || self.use_dualstack => Err(InvalidEndpoint::Variant { setting }),
            Some((url, setting)) => check_url(setting, url).map(Some),
            None => Ok(None),
        }
    }

    /// AWS's own endpoint of a service in a region.
    fn regional_url(&self, service: &str, region: &str, partition: &Partition) -> String {
        let fips = if self.use_fips && (self.use_dualstack || !partition.plain_is_fips) { "-fips" } else { "" };
        let suffix = if self.use_dualstack { partition.dual_stack_suffix } else { partition.dns_suffix };
        format!("https://{service}{fips}.{region}.{suffix}")
    }
}

/// The names of all partitions that are known.
pub fn partition_names() -> impl Iterator<Item = &'static str> {
    partitions::names()
}

/// The name of the partition that a region is in, such as `aws-cn`; without one, `aws`.
pub fn partition_name(region: Option<&str>) -> &'static str {
    partitions::partition_of(region).name
}

/// Finds the endpoints: what the user set, else those of the region's partition; without a region, global STS.
///
/// # Errors
/// If the region's name has other characters than it may, then `Region`; if a URL set by the user is not one of an
/// endpoint, then `Url`; if it would send credentials in clear text to another machine, then `Insecure`; if it is
/// combined with FIPS or dual-stack, then `Variant`.
pub fn resolve(settings: &EndpointSettings) -> Result<Endpoints, InvalidEndpoint> {
    let region = settings.region()?;
    let partition = partition_of(region);
    let iam_host = partition.iam_hosts[usize::from(settings.use_fips) + 2 * usize::from(settings.use_dualstack)];
    let sts = match settings.own_url(&settings.endpoint_url_sts, "endpoint_url_sts")? {
        Some(url) => Sts::alone(url, region.unwrap_or(STANDARD.iam_signing_region)),
        None => sts(settings, region, partition),
    };
    let own_iam_url = settings.own_url(&settings.endpoint_url_iam, "endpoint_url_iam")?;
    Ok(Endpoints {
        sts_url: sts.url,
        sts_signing_region: sts.signing_region,
        iam_url: own_iam_url.unwrap_or_else(|| format!("https://{iam_host}")),
        iam_signing_region: partition.iam_signing_region.to_owned(),
        sts_scope: sts.scope,
        ca_bundle: settings.ca_bundle.clone(),
    })
}

/// Finds IAM Identity Center of a region: what the user set, else the region's partition's.
///
/// # Errors
/// As [`resolve`].
pub fn sso(settings: &EndpointSettings, sso_region: &str) -> Result<SsoEndpoints, InvalidEndpoint> {
    check_region(sso_region)?;
    let partition = partition_of(Some(sso_region));
    let url = |specific, name, service| {
        let own = settings.own_url(specific, name)?;
        Ok(own.unwrap_or_else(|| settings.regional_url(service, sso_region, partition)))
    };
    Ok(SsoEndpoints {
        portal_url: url(&settings.endpoint_url_sso, "endpoint_url_sso", "portal.sso")?,
        oidc_url: url(&settings.endpoint_url_sso_oidc, "endpoint_url_sso_oidc", "oidc")?,
        ca_bundle: settings.ca_bundle.clone(),
    })
}

/// Finds the console of the settings' region, which FIPS and dual-stack do not change: for sign-in what the user set,
/// else the region's partition's; without a region, the one for all.
///
/// # Errors
/// As [`resolve`]; if the partition is one whose console has no known federation endpoint, then `NoConsole`.
pub fn console(settings: &EndpointSettings) -> Result<ConsoleEndpoints, InvalidEndpoint> {
    let region = settings.region()?;
    let console = partition_of(region)
        .console
        .as_ref()
        .ok_or_else(|| InvalidEndpoint::NoConsole { region: region.unwrap_or_default().to_owned() })?;
    let own_signin_url = settings.own_url(&settings.endpoint_url_signin, "endpoint_url_signin")?;
    let region = region.filter(|region| console.is_regional && *region != GLOBAL_REGION);
    let url = |host| match region {
        Some(region) => format!("https://{region}.{host}"),
        None => format!("https://{host}"),
    };
    Ok(ConsoleEndpoints {
        signin_url: own_signin_url.unwrap_or_else(|| url(console.signin_host)),
        console_url: url(console.console_host),
        ca_bundle: settings.ca_bundle.clone(),
    })
}

/// An endpoint of STS, and what it is for.
struct Sts {
    url: String,
    signing_region: String,
    scope: String,
}

impl Sts {
    /// One whose sessions stand for those of no other.
    fn alone(url: String, signing_region: &str) -> Self {
        Sts { scope: url.clone(), url, signing_region: signing_region.to_owned() }
    }
}

/// AWS's own STS.
fn sts(settings: &EndpointSettings, region: Option<&str>, partition: &Partition) -> Sts {
    let variant = settings.use_fips || settings.use_dualstack;
    let legacy = settings.sts_regional_endpoints == StsRegionalEndpoints::Legacy;
    let global = match region {
        None | Some(GLOBAL_REGION) => true,
        Some(region) => legacy && LEGACY_REGIONS.contains(&region),
    };
    let home = STANDARD.iam_signing_region;
    if global && !variant {
        return Sts::alone(GLOBAL_STS_URL.to_owned(), home);
    }
    let region = region.filter(|region| *region != GLOBAL_REGION).unwrap_or(home);
    Sts {
        url: settings.regional_url("sts", region, partition),
        signing_region: region.to_owned(),
        scope: partition.name.to_owned(),
    }
}

fn check_region(region: &str) -> Result<(), InvalidEndpoint> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let dashes = region.starts_with('-') || region.ends_with('-');
    if region.is_empty() || region.len() > 63 || dashes || !region.bytes().all(allowed) {
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

/// Whether a browser may be sent there: `https`, or `http` on this machine, all in characters of ASCII that URLs have.
pub(super) fn is_web_address(url: &str) -> bool {
    let in_url = |byte: u8| (0x21..=0x7e).contains(&byte) && !b"\"<>\\^`{|}".contains(&byte);
    let end = url.match_indices(['/', '?', '#']).map(|(index, _)| index).find(|index| *index >= "https://".len());
    url.len() <= LONGEST_ADDRESS
        && url.bytes().all(in_url)
        && (url.starts_with("https://") || url.starts_with("http://"))
        && check_url("", &url[..end.unwrap_or(url.len())]).is_ok()
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
mod tests;
