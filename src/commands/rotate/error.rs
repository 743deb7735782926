//! Why a key was not replaced, or not to the end: each variant is another thing that somebody can do about it.

use std::{fmt, time::SystemTime};

use thiserror::Error;

use crate::{
    arn::Arn, aws::AwsError, commands::Error, credentials::AccessKeyId, profile::ProfileName, rfc3339,
    vault::VaultError,
};

/// Why a key was not replaced, or not to the end.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "each variant's message says what it is; fields are what it names")]
pub enum RotateError {
    #[error("the profile `{profile}` has no access key of its own: its credentials come from the one of `{key_of}`")]
    KeyOfAnother { profile: ProfileName, key_of: ProfileName },
    #[error("the access key is the root user's, which is to be deleted rather than replaced")]
    RootKey { arn: Arn },
    #[error("the access key belongs to {arn}, not to an IAM user")]
    NotAUser { arn: Arn },
    #[error(
        "the user {user_name} has two access keys, as many as AWS allows, and the other one is active: {access_key_id}, \
         made {}, {last_used}",
        day(*created)
    )]
    OtherKeyActive {
        profile: ProfileName,
        user_name: String,
        access_key_id: AccessKeyId,
        created: SystemTime,
        last_used: LastUsed,
    },
    #[error(
        "the user {user_name} has two access keys, as many as AWS allows, and the other one, {masked}, is here as the \
         key of `{held_by}`"
    )]
    OtherKeyHeld { user_name: String, masked: String, held_by: ProfileName },
    #[error("the replacement of the access key of `{profile}` is begun, not finished")]
    Unfinished { profile: ProfileName, source: Box<Error> },
    #[error("the new access key could not be stored, and was deleted again at AWS: `{profile}` has its old one")]
    NotStored { profile: ProfileName, source: VaultError },
    #[error("the new access key {access_key_id} could not be stored, nor deleted again at AWS: {stored}")]
    NewKeyLeft { user_name: String, access_key_id: AccessKeyId, stored: Box<VaultError>, source: AwsError },
    #[error(
        "the user {user_name} has an access key whose secret did not arrive, and that AWS does not list yet, so that it \
         cannot be deleted"
    )]
    LostKeyNotListed { user_name: String, source: AwsError },
    #[error("AWS does not accept the new access key {masked}: it was deleted again, and `{profile}` has its old one")]
    NotAccepted { profile: ProfileName, masked: String, source: AwsError },
    #[error("AWS does not accept the new access key {access_key_id}, and it could not be deleted again")]
    NotTakenBack { user_name: String, access_key_id: AccessKeyId, source: AwsError },
    #[error("the new access key is in use, and the old one, {access_key_id}, could not be deactivated: it still works")]
    OldKeyActive { user_name: String, access_key_id: AccessKeyId, source: AwsError },
    #[error("the new access key is in use, and the old one, {access_key_id}, is inactive, but could not be deleted")]
    OldKeyNotDeleted { profile: ProfileName, user_name: String, access_key_id: AccessKeyId, source: AwsError },
    #[error("the access key of `{profile}` is being replaced")]
    UnderWay { profile: ProfileName },
}

/// `2026-11-22`.
pub(super) fn day(time: SystemTime) -> String {
    rfc3339::format(time).chars().take(10).collect()
}

/// When AWS last saw a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastUsed {
    /// Not so far.
    Never,
    /// Then.
    At(SystemTime),
    /// AWS denies to tell.
    NotTold,
}

impl fmt::Display for LastUsed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LastUsed::Never => formatter.write_str("never seen in use"),
            LastUsed::At(time) => write!(formatter, "last used {}", day(*time)),
            LastUsed::NotTold => formatter.write_str("used or not, which AWS does not tell"),
        }
    }
}
