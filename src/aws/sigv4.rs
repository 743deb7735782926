//! Signature Version 4: the canonical request, the string to sign and the signature
//! (IAM User Guide, "Create a signed AWS API request").
//!
//! Pure: used to sign our requests, and by the stand-in to check those of others.

use std::time::SystemTime;

use ring::{digest, hmac};
use zeroize::Zeroizing;

use crate::{credentials::AccessKeyId, rfc3339, secret::SecretText};

/// The parts of a request that a signature covers. Names of headers are lower-case. No `Debug`: a session token is one.
#[derive(Clone, Copy)]
pub struct SignedParts<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// The path as it goes over the wire, percent-encoded, at least `/`.
    pub path: &'a str,
    /// Names and values of the query, decoded.
    pub query: &'a [(String, String)],
    /// The signed headers, in any order, each name once; values as sent.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// When and for what a signature is valid.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// `X-Amz-Date`, such as `20261121T204342Z`.
    pub amz_date: &'a str,
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// Such as `sts`.
    pub service: &'a str,
}

impl Scope<'_> {
    /// The day of the scope: the first eight characters of `amz_date`.
    fn day(&self) -> &str {
        self.amz_date.get(..8).unwrap_or(self.amz_date)
    }

    /// `20261121/us-east-1/sts/aws4_request`: behind the access key ID in `Credential=`.
    pub fn credential_scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.day(), self.region, self.service)
    }
}

/// The names of the signed headers, sorted and joined, as in `SignedHeaders=`.
pub fn signed_headers(headers: &[(&str, &str)]) -> String {
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.join(";")
}

/// The canonical request: what the hash in the string to sign is of. A session token stands in it in full.
pub fn canonical_request(parts: SignedParts<'_>) -> Zeroizing<String> {
    let path = parts.path.split('/').map(percent_encode).collect::<Vec<_>>().join("/");
    let mut query: Vec<(String, String)> =
        parts.query.iter().map(|(name, value)| (percent_encode(name), percent_encode(value))).collect();
    query.sort_unstable();
    let query = query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    // By name alone: `x-amz-date:` sorts behind `x-amz-date-2:` as a line, but before it as a name.
    let mut headers = parts.headers.to_vec();
    headers.sort_unstable_by_key(|(name, _)| *name);
    let header_lines: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let names = signed_headers(parts.headers);
    let hash = hex(digest::digest(&digest::SHA256, parts.body).as_ref());

    // Sized once: a buffer that grew would leave copies of the session token behind.
    let length = parts.method.len() + path.len() + query.len() + header_lines + names.len() + hash.len() + 5;
    let mut request = Zeroizing::new(String::with_capacity(length));
    for line in [parts.method, &path, &query] {
        request.push_str(line);
        request.push('\n');
    }
    for (name, value) in headers {
        request.push_str(name);
        request.push(':');
        // Without blanks around it, and with one in place of several inside.
        for (index, word) in value.split(' ').filter(|word| !word.is_empty()).enumerate() {
            request.push_str(if index > 0 { " " } else { "" });
            request.push_str(word);
        }
        request.push('\n');
    }
    for line in ["\n", &names, "\n", &hash] {
        request.push_str(line);
    }
    request
}

/// The string that is signed.
pub fn string_to_sign(scope: Scope<'_>, canonical_request: &str) -> String {
    let hash = digest::digest(&digest::SHA256, canonical_request.as_bytes());
    format!("AWS4-HMAC-SHA256\n{}\n{}\n{}", scope.amz_date, scope.credential_scope(), hex(hash.as_ref()))
}

/// The signature, in hexadecimal.
pub fn signature(secret_access_key: &SecretText, scope: Scope<'_>, string_to_sign: &str) -> String {
    let start = Zeroizing::new(format!("AWS4{}", secret_access_key.expose()));
    let mut key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, start.as_bytes()), scope.day().as_bytes());
    for part in [scope.region, scope.service, "aws4_request"] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), part.as_bytes());
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_ref());
    hex(hmac::sign(&key, string_to_sign.as_bytes()).as_ref())
}

/// The value of the `Authorization` header.
pub fn authorization(
    access_key_id: &AccessKeyId,
    secret_access_key: &SecretText,
    scope: Scope<'_>,
    parts: SignedParts<'_>,
) -> String {
    let signature = signature(secret_access_key, scope, &string_to_sign(scope, &canonical_request(parts)));
    format!(
        "AWS4-HMAC-SHA256 Credential={access_key_id}/{}, SignedHeaders={}, Signature={signature}",
        scope.credential_scope(),
        signed_headers(parts.headers)
    )
}

/// A time as `X-Amz-Date` has it, such as `20261121T204342Z`.
pub fn amz_date(time: SystemTime) -> String {
    rfc3339::format(time).chars().filter(|character| !matches!(character, '-' | ':')).collect()
}

/// Percent-encodes everything but letters, digits and `-._~`, as SigV4 demands it of forms and queries.
pub fn percent_encode(text: &str) -> String {
    // Room for all of it: what is encoded may be a secret, and a buffer that grew would leave copies behind.
    let mut encoded = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_credential_types::Credentials;
    use aws_sigv4::{
        http_request::{SignableBody, SignableRequest, SigningSettings, sign},
        sign::v4,
    };
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_documented_example_get_vanilla_holds() {
        let headers = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
        let parts = SignedParts { method: "GET", path: "/", query: &[], headers: &headers, body: b"" };
        let scope = Scope { amz_date: "20150830T123600Z", region: "us-east-1", service: "service" };
        let secret = SecretText::from("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        assert_eq!(
            signature(&secret, scope, &string_to_sign(scope, &canonical_request(parts))),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
    }

    #[test]
    fn a_time_is_written_as_x_amz_date() {
        assert_eq!(amz_date(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_293_822)), "20261121T204342Z");
    }

    #[test]
    fn headers_are_sorted_by_name_even_where_one_name_begins_another() {
        let headers = ["x-amz-date-2", "x-amz-date"].map(|name| (name, "1"));
        let parts = SignedParts { method: "GET", path: "/", query: &[], headers: &headers, body: b"" };
        let canonical = canonical_request(parts);
        assert!(canonical.contains("x-amz-date:1\nx-amz-date-2:1\n\nx-amz-date;x-amz-date-2\n"), "{}", *canonical);
    }

    #[test]
    fn the_canonical_request_never_outgrows_its_first_buffer() {
        let token = "x".repeat(2000);
        let headers = [("host", "a"), ("x-amz-security-token", token.as_str())];
        let query = [("ä".to_owned(), "ö ü".to_owned()), ("b".to_owned(), String::new())];
        let parts = SignedParts { method: "POST", path: "/a b/ä", query: &query, headers: &headers, body: b"x" };
        let canonical = canonical_request(parts);
        assert_eq!(canonical.len(), canonical.capacity(), "the length was foreseen to the byte");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn signatures_are_those_of_aws_sigv4(
            secret in "[A-Za-z0-9/+]{16,60}",
            token in proptest::option::of("[!-~]{1,300}"),
            region in "[a-z]{2}-[a-z]{4,9}-[1-9]",
            service in "[a-z]{2,12}",
            seconds in 0_u64..4_102_444_800,
            post in any::<bool>(),
            path in "(/[A-Za-z0-9._~-]{0,3}[A-Za-z0-9_~-]|/%[2-7][0-9A-F]){0,4}",
            query in proptest::collection::vec(("[ -~\u{80}-\u{7ff}]{1,8}", "[ -~\u{80}-\u{7ff}]{0,12}"), 0..5),
            extra in proptest::collection::btree_map("x-[a-z][a-z0-9-]{0,8}[a-z0-9]", "[ -~]{0,20}", 0..5),
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let access_key_id: AccessKeyId = "AKIAIOSFODNN7EXAMPLE".parse().expect("an access key ID");
            let method = if post { "POST" } else { "GET" };
            let path = if path.is_empty() { "/".to_owned() } else { path };
            let host = "sts.example.com:4566";

            let credentials = Credentials::new(access_key_id.as_str(), &secret, token.clone(), None, "test");
            let identity = credentials.into();
            let parameters = v4::SigningParams::builder()
                .identity(&identity)
                .region(&region)
                .name(&service)
                .time(time)
                .settings(SigningSettings::default())
                .build()
                .expect("parameters")
                .into();
            let pairs: Vec<String> =
                query.iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value))).collect();
            let separator = if pairs.is_empty() { "" } else { "?" };
            let uri = format!("https://{host}{path}{separator}{}", pairs.join("&"));
            let sent = extra.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let request = SignableRequest::new(method, uri, sent, SignableBody::Bytes(&body)).expect("a request");
            let (instructions, _) = sign(request, &parameters).expect("signed").into_parts();
            let (expected, _) = instructions.into_parts();
            let expected = expected.iter().find(|header| header.name() == "authorization").expect("the header").value();

            let date = amz_date(time);
            let mut headers: Vec<(&str, &str)> =
                extra.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            headers.extend([("host", host), ("x-amz-date", &date)]);
            headers.extend(token.as_deref().map(|token| ("x-amz-security-token", token)));
            let scope = Scope { amz_date: &date, region: &region, service: &service };
            let parts = SignedParts { method, path: &path, query: &query, headers: &headers, body: &body };
            prop_assert_eq!(authorization(&access_key_id, &SecretText::from(secret), scope, parts), expected);
        }
    }
}
