//! `mfa policy`: the IAM policy that lets users manage their own MFA devices and keys, and denies all else without MFA.

use crate::{
    aws::endpoints,
    commands::{Context, Error, Outcome, SessionRequest},
    profile::ProfileName,
};

/// AWS's documented policy "Allows MFA-authenticated IAM users to manage their own credentials on the Security credentials
/// page" (IAM User Guide, `reference_policies_examples_aws_my-sec-creds-self-manage`).
const POLICY: &str = include_str!("policy/force_mfa.json");

/// For which partition.
pub enum Partition {
    /// The one of a profile's region.
    OfProfile(ProfileName),
    /// By its name, such as `aws-us-gov`.
    Named(String),
}

/// Gives the policy, with ARNs of the partition.
///
/// # Errors
/// If the name is of no partition, then `NoPartition`; of a profile, as [`SessionRequest::endpoints`].
pub fn run(context: &Context<'_>, partition: &Partition) -> Result<Outcome, Error> {
    let name = match partition {
        Partition::Named(name) => {
            let known = endpoints::partition_names().find(|known| known == name);
            known.ok_or_else(|| Error::NoPartition { name: name.clone() })?
        }
        Partition::OfProfile(profile) => {
            let endpoints = SessionRequest::plain(profile.clone()).endpoints(context)?;
            endpoints::partition_name(Some(&endpoints.iam_signing_region))
        }
    };
    Ok(Outcome::Text(POLICY.replace("arn:aws:", &format!("arn:{name}:"))))
}
