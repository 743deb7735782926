//! Amazon Resource Names: `arn:partition:service:region:account:resource`.
//!
//! The partition is data, never assumed to be `aws`
//! (IAM User Guide, "IAM identifiers"; AWS General Reference, "Amazon Resource Names").

use std::{fmt, str::FromStr};

use thiserror::Error;

/// One parsed ARN; prints back to exactly the text it was read from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, `aws-us-gov`, or one that does not exist yet.
    pub partition: String,
    /// Such as `iam` or `sts`.
    pub service: String,
    /// Empty for global services such as IAM.
    pub region: String,
    /// The twelve digits of the account; empty in some ARNs of AWS itself.
    pub account_id: String,
    /// Everything after the fifth colon, such as `user/alice`.
    pub resource: String,
}

/// A text that is not an ARN.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not an ARN (arn:partition:service:region:account:resource)")]
pub struct InvalidArn {
    text: String,
}

impl Arn {
    /// The resource behind its type, such as `alice` in `user/division/alice`; without a slash, the whole resource.
    pub fn resource_name(&self) -> &str {
        self.resource.rsplit('/').next().unwrap_or(&self.resource)
    }
}

impl FromStr for Arn {
    type Err = InvalidArn;

    fn from_str(text: &str) -> Result<Self, InvalidArn> {
        let invalid = || InvalidArn { text: text.chars().filter(|c| !c.is_control()).take(200).collect() };
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().map(str::to_owned).ok_or_else(invalid);
        let (prefix, partition, service, region, account_id, resource) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        let visible = text.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        let account =
            account_id.is_empty() || (account_id.len() == 12 && account_id.bytes().all(|b| b.is_ascii_digit()));
        if prefix != "arn" || partition.is_empty() || service.is_empty() || resource.is_empty() || !visible || !account
        {
            return Err(invalid());
        }
        Ok(Arn { partition, service, region, account_id, resource })
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "arn:{}:{}:{}:{}:{}",
            self.partition, self.service, self.region, self.account_id, self.resource
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_partition_is_read_and_printed_back() {
        for text in [
            "arn:aws:iam::123456789012:mfa/alice",
            "arn:aws-cn:iam::123456789012:role/path/deploy",
            "arn:aws-eusc:sts::123456789012:assumed-role/deploy/alice:laptop",
        ] {
            assert_eq!(text.parse::<Arn>().expect("an ARN").to_string(), text);
        }
    }

    #[test]
    fn what_is_not_an_arn_is_refused() {
        for text in
            ["", "arn", "arn:aws:iam::123:user/a", "arn:aws:iam::123456789012:", "arn:aws:iam::123456789012:user/a b"]
        {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_name_stands_behind_the_last_slash() {
        let arn: Arn = "arn:aws:iam::123456789012:user/division/alice".parse().expect("an ARN");
        assert_eq!(arn.resource_name(), "alice");
    }
}
