//! The Query APIs of STS and IAM: a form of `Action`, `Version` and parameters, posted to `/`.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::{
    Caller,
    endpoints::Endpoints,
    sigv4,
    transport::{Authorization, Content, Repeat, Request},
};
use crate::secret::SecretText;

/// Which of the two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Sts,
    Iam,
}

/// One operation with its parameters. No `Debug`: a code or token may be one.
pub(super) struct Query<'a> {
    operation: &'static str,
    service: Service,
    parameters: Vec<(Cow<'static, str>, Cow<'a, str>)>,
    repeat: Repeat,
}

impl<'a> Query<'a> {
    /// An operation of STS that only asks.
    pub(super) fn sts(operation: &'static str) -> Self {
        Query { operation, service: Service::Sts, parameters: Vec::new(), repeat: Repeat::Harmless }
    }

    /// An operation of IAM that only asks.
    pub(super) fn iam(operation: &'static str) -> Self {
        Query { operation, service: Service::Iam, parameters: Vec::new(), repeat: Repeat::Harmless }
    }

    /// Adds a parameter.
    pub(super) fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Adds a parameter, if there is a value.
    pub(super) fn with_some(self, name: &'static str, value: Option<&'a str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a list, counted from one, such as `PolicyArns.member.1.arn`; `rest` is what follows the number.
    pub(super) fn with_list(self, name: &str, rest: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        (1..)
            .zip(values)
            .fold(self, |query, (number, value)| query.with(format!("{name}.member.{number}{rest}"), value))
    }

    /// Says that sending it twice is not the same as sending it once.
    pub(super) fn repeating(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// The request of a caller, who signs it.
    pub(super) fn by(&self, caller: Caller<'a>) -> Request<'a> {
        let endpoints = caller.endpoints;
        let (service, region) = match self.service {
            Service::Sts => ("sts", &endpoints.sts_signing_region),
            Service::Iam => ("iam", &endpoints.iam_signing_region),
        };
        self.request(endpoints, Authorization::Signature { signer: caller.signer, service, region }, Vec::new())
    }

    /// The request of nobody; `token` is the parameter that says who it is for.
    pub(super) fn unsigned(&self, endpoints: &'a Endpoints, token: &'a SecretText) -> Request<'a> {
        self.request(endpoints, Authorization::None, vec![token])
    }

    fn request(
        &self,
        endpoints: &'a Endpoints,
        authorization: Authorization<'a>,
        secrets: Vec<&'a SecretText>,
    ) -> Request<'a> {
        let (url, version) = match self.service {
            Service::Sts => (&endpoints.sts_url, "2011-06-15"),
            Service::Iam => (&endpoints.iam_url, "2010-05-08"),
        };
        Request {
            operation: self.operation,
            url,
            ca_bundle: endpoints.ca_bundle.as_deref(),
            content: Content::Form(self.form(version)),
            authorization,
            secrets,
            repeat: self.repeat,
        }
    }

    fn form(&self, version: &str) -> Zeroizing<String> {
        let length: usize = self.parameters.iter().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
        let mut form = Zeroizing::new(String::with_capacity(length + 100));
        form.push_str("Action=");
        form.push_str(self.operation);
        form.push_str("&Version=");
        form.push_str(version);
        for (name, value) in &self.parameters {
            form.push('&');
            form.push_str(name);
            form.push('=');
            form.push_str(&Zeroizing::new(sigv4::percent_encode(value)));
        }
        form
    }
}
