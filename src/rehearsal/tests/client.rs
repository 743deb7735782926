//! A client that signs, sends and takes answers apart; every part of a request can be bent.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::SystemTime,
};

use crate::{
    aws::sigv4::{self, Scope, SignedParts},
    rehearsal::Rehearsal,
    rfc3339,
    secret::SecretText,
};

pub(super) struct Client {
    address: String,
    pub(super) access_key_id: String,
    secret: SecretText,
    token: Option<String>,
    /// The time it believes it is.
    pub(super) now: Box<dyn Fn() -> SystemTime + Send>,
    pub(super) region: &'static str,
    /// Instead of the one of the action.
    pub(super) service: Option<&'static str>,
    /// Sent but not signed, in addition.
    pub(super) unsigned_headers: Vec<(&'static str, String)>,
}

pub(super) struct Answer {
    pub(super) head: String,
    pub(super) body: String,
}

impl Client {
    pub(super) fn new(aws: &Rehearsal, access_key_id: &str, secret: &SecretText, token: Option<String>) -> Self {
        let shared = std::sync::Arc::clone(&aws.shared);
        Client {
            address: aws.url().trim_start_matches("http://").to_owned(),
            access_key_id: access_key_id.to_owned(),
            secret: secret.clone(),
            token,
            now: Box::new(move || shared.clock.now()),
            region: "us-east-1",
            service: None,
            unsigned_headers: Vec::new(),
        }
    }

    /// A client with the credentials of an answer.
    pub(super) fn session(aws: &Rehearsal, answer: &Answer) -> Self {
        let secret = SecretText::from(answer.text("SecretAccessKey"));
        Client::new(aws, &answer.text("AccessKeyId"), &secret, Some(answer.text("SessionToken")))
    }

    pub(super) fn call(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        let is_sts = matches!(action, "GetCallerIdentity" | "GetSessionToken" | "AssumeRole" | "GetFederationToken");
        let (service, version) = if is_sts { ("sts", "2011-06-15") } else { ("iam", "2010-05-08") };
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            body.push_str(&format!("&{name}={}", sigv4::percent_encode(value)));
        }
        let amz_date = rfc3339::format((self.now)()).replace(['-', ':'], "");
        let mut headers = vec![("host", self.address.as_str()), ("x-amz-date", amz_date.as_str())];
        headers.extend(self.token.iter().map(|token| ("x-amz-security-token", token.as_str())));
        let scope = Scope { amz_date: &amz_date, region: self.region, service: self.service.unwrap_or(service) };
        let parts = SignedParts { method: "POST", path: "/", query: &[], headers: &headers, body: body.as_bytes() };
        let signature =
            sigv4::signature(&self.secret, scope, &sigv4::string_to_sign(scope, &sigv4::canonical_request(parts)));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={signature}",
            self.access_key_id,
            scope.credential_scope(),
            sigv4::signed_headers(&headers)
        );
        headers.push(("authorization", &authorization));
        headers.extend(self.unsigned_headers.iter().map(|(name, value)| (*name, value.as_str())));
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        send(&self.address, &format!("POST / HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
    }
}

/// Sends raw HTTP and returns what came; nothing for a connection that was closed.
pub(super) fn send(address: &str, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Answer { head: head.to_owned(), body: body.to_owned() }
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// The body as JSON.
    #[track_caller]
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The text of the first element of that name; empty if there is none.
    pub(super) fn text(&self, name: &str) -> String {
        self.texts(name).into_iter().next().unwrap_or_default()
    }

    /// The texts of all elements of that name.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let Ok(document) = roxmltree::Document::parse(&self.body) else { return Vec::new() };
        let elements = document.descendants().filter(|node| node.tag_name().name() == name);
        elements.map(|node| node.text().unwrap_or_default().to_owned()).collect()
    }

    #[track_caller]
    pub(super) fn expect_ok(self) -> Self {
        assert_eq!(self.status(), 200, "{}", self.body);
        self
    }

    /// Asserts status, code and the beginning of the message.
    #[track_caller]
    pub(super) fn expect_error(&self, status: u16, code: &str, message: &str) {
        assert_eq!((self.status(), self.text("Code").as_str()), (status, code), "{}", self.body);
        assert!(self.text("Message").starts_with(message), "{}", self.body);
    }
}
