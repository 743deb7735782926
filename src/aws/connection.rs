//! The HTTP client and what the user may say about it: proxy, roots of trust. No request is made here.

use std::{path::Path, sync::Arc, time::Duration};

use ureq::{
    Agent, Proxy, ProxyProtocol,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::AwsError;
use crate::secret::SecretText;

const USER_AGENT: &str = concat!("mfavault/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TRY_TIMEOUT: Duration = Duration::from_secs(20);

/// How to reach the network, as environment and profile say.
#[derive(Clone, Debug, Default)]
pub struct ConnectionSettings {
    /// `HTTPS_PROXY`: an http or https URL; it may hold a password.
    pub https_proxy: Option<SecretText>,
    /// `NO_PROXY`: hosts and domains, separated by commas.
    pub no_proxy: Option<String>,
}

/// Makes the HTTP client.
///
/// # Errors
/// If the CA bundle has no certificate or the proxy is none, then `InvalidSettings`.
pub(super) fn agent(settings: &ConnectionSettings, ca_bundle: Option<&Path>) -> Result<Agent, AwsError> {
    let roots = match ca_bundle {
        Some(path) => roots_of(path)?,
        None => RootCerts::PlatformVerifier,
    };
    let tls = TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(tls_provider()).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(proxy(settings)?)
        .user_agent(USER_AGENT)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_global(Some(TRY_TIMEOUT))
        // A kept connection may be closed under a request, and that would look like a lost answer.
        .max_idle_connections(0)
        .build();
    Ok(config.new_agent())
}

/// The one place that chooses the cryptography of TLS.
fn tls_provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots_of(ca_bundle: &Path) -> Result<RootCerts, AwsError> {
    let invalid = |reason: &str| AwsError::InvalidSettings {
        setting: "the CA bundle (AWS_CA_BUNDLE or ca_bundle)",
        reason: format!("{}: {reason}", ca_bundle.display()),
    };
    let pem = std::fs::read(ca_bundle).map_err(|error| invalid(&error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|_| invalid("it is not in PEM"))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(invalid("there is no certificate in it"));
    }
    Ok(RootCerts::from(certificates))
}

fn proxy(settings: &ConnectionSettings) -> Result<Option<Proxy>, AwsError> {
    let invalid = |reason: &str| AwsError::InvalidSettings { setting: "HTTPS_PROXY", reason: reason.to_owned() };
    let Some(url) = settings.https_proxy.as_ref().filter(|url| !url.expose().is_empty()) else {
        return Ok(None);
    };
    let parsed = Proxy::new(url.expose()).map_err(|_| invalid("it is not a URL"))?;
    if !matches!(parsed.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(invalid("only http and https proxies can be used"));
    }
    let mut builder = Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
    if let Some(name) = parsed.username() {
        builder = builder.username(name);
    }
    if let Some(password) = parsed.password() {
        builder = builder.password(password);
    }
    // What runs on this machine is never asked through another one.
    for host in ["localhost", "127.*", "[::1]"] {
        builder = builder.no_proxy(host);
    }
    for entry in settings.no_proxy.iter().flat_map(|list| list.split(',')) {
        let entry = entry.trim();
        let domain = entry.trim_start_matches('.');
        if entry == "*" || entry.starts_with("*.") {
            builder = builder.no_proxy(entry);
        } else if !domain.is_empty() {
            // As curl and the AWS CLI read it: a domain stands for itself and all below it.
            builder = builder.no_proxy(domain).no_proxy(&format!(".{domain}"));
        }
    }
    builder.build().map(Some).map_err(|_| invalid("it is not a URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_names_hosts_and_whole_domains() {
        let settings = |no_proxy: &str| ConnectionSettings {
            https_proxy: Some("proxy.example.com:3128".into()),
            no_proxy: Some(no_proxy.to_owned()),
        };
        let uri = "https://sts.eu-west-1.amazonaws.com/".parse().expect("a URI");
        for (no_proxy, direct) in [
            ("", false),
            ("amazonaws.com", true),
            (".amazonaws.com", true),
            ("other.test, *.AMAZONAWS.com", true),
            ("sts.eu-west-1.amazonaws.com", true),
            ("*", true),
            ("ws.com", false),
            ("iam.amazonaws.com,,", false),
        ] {
            let proxy = proxy(&settings(no_proxy)).expect("valid").expect("a proxy");
            assert_eq!(proxy.is_no_proxy(&uri), direct, "{no_proxy}");
        }
        let proxy = proxy(&settings("")).expect("valid").expect("a proxy");
        for local in ["https://localhost:1/", "https://127.0.0.9/", "https://[::1]:4566/"] {
            assert!(proxy.is_no_proxy(&local.parse().expect("a URI")), "{local}");
        }
    }
}
