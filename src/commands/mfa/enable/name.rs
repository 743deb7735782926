//! What a device is to be called at AWS: a name, and before it perhaps a path; checked as AWS does (API reference,
//! CreateVirtualMFADevice).

use std::{fmt, iter};

use crate::{
    arn::Arn,
    aws::CallerIdentity,
    commands::{Error, mfa::checked_name},
    mfa::SerialNumber,
};

/// How many names are tried when the wanted one is taken.
const NAME_TRIES: usize = 8;
/// The longest path.
const PATH_MAX: usize = 512;

/// A name, with the path before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceName {
    /// `/`, or `/…/`.
    path: String,
    name: String,
}

impl DeviceName {
    /// `alice`, `team/alice` or `/team/alice`.
    ///
    /// # Errors
    /// If AWS would not take it, then `DeviceName`; if it cannot be a local name, then `RecordName`.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let refused = |reason| Err(Error::DeviceName { name: text.to_owned(), reason });
        let (path, name) = match text.strip_prefix('/').unwrap_or(text).rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => ("/".to_owned(), text.strip_prefix('/').unwrap_or(text)),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_name) {
            return refused("AWS takes letters, digits and _+=,.@-");
        }
        let is_visible = path.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        if !is_visible || path.len() > PATH_MAX || path == "//" {
            return refused("AWS takes up to 512 visible characters as its path");
        }
        if path.split('/').any(|part| matches!(part, "." | "..")) {
            return refused("a path of . or .. leads nowhere there");
        }
        checked_name(name)?;
        Ok(DeviceName { path, name: name.to_owned() })
    }

    /// The name without its path.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// This name, and then fresh ones like it.
    pub(super) fn alike(&self) -> impl Iterator<Item = DeviceName> {
        let numbered = |number| DeviceName { path: self.path.clone(), name: format!("{}-{number}", self.name) };
        iter::once(self.clone()).chain((2..=NAME_TRIES).map(numbered))
    }

    /// The serial number of a device of this name in the caller's own partition and account.
    ///
    /// # Errors
    /// If the path has what AWS takes in a path and not in a serial number, or all is too long, then `DeviceName`.
    pub(super) fn serial_number(&self, identity: &CallerIdentity) -> Result<SerialNumber, Error> {
        let arn = Arn {
            partition: identity.arn.partition.clone(),
            service: "iam".to_owned(),
            region: String::new(),
            account_id: identity.account_id.clone(),
            resource: format!("mfa{}{}", self.path, self.name),
        };
        arn.to_string().parse().map_err(|_| Error::DeviceName {
            name: self.to_string(),
            reason: "AWS takes up to 256 letters, digits and +=/:,.@-_ in the serial number that comes of it",
        })
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path == "/" { "" } else { &self.path };
        write!(formatter, "{path}{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(arn: &str) -> CallerIdentity {
        let arn: Arn = arn.parse().expect("an ARN");
        CallerIdentity { account_id: arn.account_id.clone(), arn, user_id: "AIDA".to_owned() }
    }

    #[test]
    fn a_path_is_part_of_the_serial_number_and_not_of_the_local_name() {
        let identity = identity("arn:aws-cn:iam::123456789012:user/alice");
        for (text, serial, shown) in [
            ("alice", "mfa/alice", "alice"),
            ("/alice", "mfa/alice", "alice"),
            ("team/alice", "mfa/team/alice", "/team/alice"),
            ("/team/alice", "mfa/team/alice", "/team/alice"),
            ("/a//b/alice", "mfa/a//b/alice", "/a//b/alice"),
        ] {
            let name = DeviceName::parse(text).expect("a name");
            let serial_number = name.serial_number(&identity).expect("a serial number");
            assert_eq!(serial_number.as_str(), format!("arn:aws-cn:iam::123456789012:{serial}"), "{text}");
            assert_eq!((name.name(), name.to_string().as_str()), ("alice", shown), "{text}");
        }
    }

    #[test]
    fn what_aws_would_not_take_is_refused() {
        let long = format!("/{}/alice", "x".repeat(511));
        for text in ["", "/", "team/", "a b", "ä", "al!ce", "//alice", "/a b/alice", "/ü/alice", &long] {
            assert!(matches!(DeviceName::parse(text), Err(Error::DeviceName { .. })), "{text:?}");
        }
        let identity = identity("arn:aws:iam::123456789012:user/alice");
        for text in ["/team!/alice".to_owned(), format!("/{}/alice", "x".repeat(300))] {
            let name = DeviceName::parse(&text).expect("a name");
            assert!(matches!(name.serial_number(&identity), Err(Error::DeviceName { .. })), "{text:?}");
        }
    }

    #[test]
    fn fresh_names_keep_the_path() {
        let names: Vec<String> =
            DeviceName::parse("team/alice").expect("a name").alike().map(|name| name.to_string()).collect();
        assert_eq!((names[0].as_str(), names[1].as_str(), names.len()), ("/team/alice", "/team/alice-2", 8));
    }
}
