//! Where in the console a sign-in leads: a service's name, a path or a URL becomes a URL of the partition's console,
//! and of nowhere else: a sign-in that ends on somebody else's page is a trap. Pure.

/// Where nothing is asked for.
const HOME: &str = "console/home";

/// Gives the URL of a place in the console at `console_url`; without a place, of its home. A region that is known goes
/// along, unless the place names one.
///
/// # Errors
/// If it is no place of this console, then the reason.
pub(super) fn url(console_url: &str, region: Option<&str>, place: Option<&str>) -> Result<String, String> {
    let place = place.unwrap_or(HOME);
    if place.is_empty() {
        return Err("it is empty".to_owned());
    }
    // A browser takes a backslash for a slash.
    if place.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
        return Err("a URL has no such characters".to_owned());
    }
    let is_service = place.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_url = place.find([':', '/', '?', '#']).is_some_and(|end| place[end..].starts_with(':'));
    match (is_url, is_service) {
        (true, _) => checked(place, domain(console_url, region)),
        (_, true) => Ok(below(console_url, region, &format!("{}/home", place.to_ascii_lowercase()))),
        _ => {
            let path = place.strip_prefix('/').unwrap_or(place);
            match path.starts_with('/') {
                true => Err("it names another host".to_owned()),
                false => Ok(below(console_url, region, path)),
            }
        }
    }
}

/// A URL as it is, if its host is the console's or below it.
fn checked(url: &str, domain: &str) -> Result<String, String> {
    const HTTPS: &str = "https://";
    let Some(rest) = url.get(HTTPS.len()..).filter(|_| url[..HTTPS.len()].eq_ignore_ascii_case(HTTPS)) else {
        return Err("it is no https address".to_owned());
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    let is_below = host.strip_suffix(domain).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
    match is_host && is_below {
        true => Ok(url.to_owned()),
        false => Err(format!("it is not on {domain}")),
    }
}

/// The host that all of the partition's consoles are below.
fn domain<'a>(console_url: &'a str, region: Option<&str>) -> &'a str {
    let host = console_url.split_once("://").map_or(console_url, |(_, host)| host);
    let without_region = region.and_then(|region| host.strip_prefix(region)?.strip_prefix('.'));
    without_region.unwrap_or(host)
}

/// A path of the console, with the region in its query.
fn below(console_url: &str, region: Option<&str>, path: &str) -> String {
    let (path, fragment) = path.find('#').map_or((path, ""), |start| path.split_at(start));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let given = query.split('&').filter(|parameter| !parameter.is_empty());
    let has_region = given.clone().any(|parameter| parameter.starts_with("region="));
    let region = region.filter(|_| !has_region).map(|region| format!("region={region}"));
    let query = given.map(str::to_owned).chain(region).collect::<Vec<_>>().join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{console_url}/{path}{mark}{query}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: &str = "https://eu-central-1.console.aws.amazon.com";

    fn here(place: Option<&str>) -> Result<String, String> {
        url(CONSOLE, Some("eu-central-1"), place)
    }

    #[test]
    fn services_and_paths_are_below_the_console_and_know_the_region() {
        for (place, path) in [
            (None, "console/home?region=eu-central-1"),
            (Some("ec2"), "ec2/home?region=eu-central-1"),
            (Some("S3"), "s3/home?region=eu-central-1"),
            (Some("systems-manager"), "systems-manager/home?region=eu-central-1"),
            (Some("ec2/home#Instances:"), "ec2/home?region=eu-central-1#Instances:"),
            (Some("/ec2/home#Instances:"), "ec2/home?region=eu-central-1#Instances:"),
            (Some("/"), "?region=eu-central-1"),
            (Some("ec2/home?region=us-east-1#x?y"), "ec2/home?region=us-east-1#x?y"),
            (Some("ec2/home?"), "ec2/home?region=eu-central-1"),
            (Some("s3/buckets/b?tab=objects&prefix=a"), "s3/buckets/b?tab=objects&prefix=a&region=eu-central-1"),
            (Some("go/view?arn=arn:aws:s3:::b"), "go/view?arn=arn:aws:s3:::b&region=eu-central-1"),
            (Some("go?to=https://example.com"), "go?to=https://example.com&region=eu-central-1"),
            (Some("@example.com"), "@example.com?region=eu-central-1"),
        ] {
            assert_eq!(here(place), Ok(format!("{CONSOLE}/{path}")), "{place:?}");
        }
    }

    #[test]
    fn without_a_region_none_is_named() {
        let console = "https://console.aws.amazon.com";
        assert_eq!(url(console, None, None).unwrap(), "https://console.aws.amazon.com/console/home");
        assert_eq!(url(console, None, Some("iam#/users")).unwrap(), "https://console.aws.amazon.com/iam#/users");
    }

    #[test]
    fn a_url_of_the_partitions_console_stays_as_it_is() {
        for url in [
            "https://console.aws.amazon.com",
            "https://console.aws.amazon.com/ec2/home?region=us-east-1#Instances:",
            "https://eu-central-1.console.aws.amazon.com/",
            "https://us-east-1.console.aws.amazon.com/cloudwatch/home#logsV2:log-groups/log-group/$252Faws",
            "HTTPS://S3.Console.AWS.Amazon.com/s3?x",
        ] {
            assert_eq!(here(Some(url)), Ok(url.to_owned()));
        }
    }

    #[test]
    fn whatever_leads_elsewhere_is_refused_with_the_reason() {
        let elsewhere = "it is not on console.aws.amazon.com";
        let characters = "a URL has no such characters";
        for (place, reason) in [
            ("", "it is empty"),
            ("//example.com", "it names another host"),
            ("///example.com", "it names another host"),
            ("\\\\example.com", characters),
            ("/\\example.com", characters),
            ("https://console.aws.amazon.com\\@example.com", characters),
            ("ec2\r\nLocation: https://example.com", characters),
            ("ec2\thome", characters),
            ("ec2/home\u{202e}", characters),
            ("http://console.aws.amazon.com/", "it is no https address"),
            ("javascript:alert(1)", "it is no https address"),
            ("https:console.aws.amazon.com", "it is no https address"),
            ("https:/console.aws.amazon.com", "it is no https address"),
            ("https:", "it is no https address"),
            ("https://", elsewhere),
            ("https://example.com", elsewhere),
            ("https://example.com/console.aws.amazon.com", elsewhere),
            ("https://example.com?console.aws.amazon.com", elsewhere),
            ("https://example.com#.console.aws.amazon.com", elsewhere),
            ("https://console.aws.amazon.com.example.com", elsewhere),
            ("https://evilconsole.aws.amazon.com", elsewhere),
            ("https://console.aws.amazon.com@example.com", elsewhere),
            ("https://x@console.aws.amazon.com", elsewhere),
            ("https://console.aws.amazon.com:8443", elsewhere),
            ("https://console.aws.amazon.com.", elsewhere),
            ("https://example.com%2f.console.aws.amazon.com", elsewhere),
            ("https://[::1].console.aws.amazon.com", elsewhere),
            ("https:///console.aws.amazon.com", elsewhere),
            ("https://aws.amazon.com", elsewhere),
            ("https://console.amazonaws.cn", elsewhere),
        ] {
            assert_eq!(here(Some(place)), Err(reason.to_owned()), "{place:?}");
        }
    }

    #[test]
    fn each_partition_has_its_own_console() {
        for (console, region, domain) in [
            ("https://cn-north-1.console.amazonaws.cn", Some("cn-north-1"), "console.amazonaws.cn"),
            ("https://console.amazonaws.cn", Some("cn-north-1"), "console.amazonaws.cn"),
            ("https://console.amazonaws-us-gov.com", Some("us-gov-west-1"), "console.amazonaws-us-gov.com"),
        ] {
            let place = format!("https://{domain}/s3");
            assert_eq!(url(console, region, Some(&place)), Ok(place.clone()));
            let error = url(console, region, Some("https://console.aws.amazon.com/")).unwrap_err();
            assert_eq!(error, format!("it is not on {domain}"));
        }
    }
}
