//! What to do about what stands between a profile and its sessions: the config, AWS, codes, a person's consent.

use super::files::of_vault;
use crate::{
    aws::AwsError,
    profile::{LineFault, MalformedLine, ProfileError},
    prompt::PromptError,
    session::{
        ConsentError, Denial, ObtainError,
        consent::{self, Withheld},
    },
    visible::shell_word,
};

pub(super) fn of_obtain(error: &ObtainError) -> Option<String> {
    match error {
        ObtainError::Vault(error) => of_vault(error),
        ObtainError::Aws(error) => of_aws(error),
        ObtainError::Consent(error) => of_consent(error),
        ObtainError::CodeNeeded { source: PromptError::NoTerminal { instead, .. }, .. } => {
            Some(format!("give {instead}"))
        }
        ObtainError::NoKey { profile, .. } => {
            Some(format!("store it with `mfavault add {profile}`", profile = shell_word(profile)))
        }
        ObtainError::SameCode => Some("wait for its next code and try again".to_owned()),
        ObtainError::SignInNeeded { source: PromptError::NoTerminal { .. }, .. } => {
            Some("sign in on a terminal first: `mfavault whoami PROFILE`".to_owned())
        }
        ObtainError::NotSignedIn { .. } => Some("try again, and approve the sign-in in the browser".to_owned()),
        ObtainError::NoPermissionSet { .. } => {
            Some("check sso_account_id and sso_role_name, or ask for the permission set to be assigned".to_owned())
        }
        ObtainError::ProcessLoop { profile, .. } => {
            Some(format!("let the `credential_process` of `{profile}` name another profile, or take it out"))
        }
        ObtainError::Denied { why, .. } => of_denial(why),
        ObtainError::CodeNeeded { .. }
        | ObtainError::NoCode { .. }
        | ObtainError::MfaProcess(_)
        | ObtainError::CredentialProcess { .. }
        | ObtainError::ProcessDocument { .. }
        | ObtainError::TokenFile { .. }
        | ObtainError::NoToken { .. }
        | ObtainError::PolicyForSession { .. }
        | ObtainError::SignInNeeded { .. }
        | ObtainError::Environment(_) => None,
    }
}

pub(super) fn of_consent(error: &ConsentError) -> Option<String> {
    match error {
        ConsentError::Needed { what: Withheld::Code, name, remembered, .. } if !remembered.is_zero() => Some(format!(
            "say yes on a terminal first, where it holds for {}: `mfavault code {name}`; `mfavault mfa consent {name} free` \
             asks nobody any more",
            consent::words(*remembered),
            name = shell_word(name)
        )),
        ConsentError::Needed { what: Withheld::Code, name, .. } => Some(format!(
            "run it on a terminal; `mfavault mfa consent {name} ask --remember 15m` lets one yes do for a while, and \
             `mfavault mfa consent {name} free` asks nobody any more",
            name = shell_word(name)
        )),
        ConsentError::Needed { what: Withheld::Seed | Withheld::Policy, .. } => {
            Some("run it on a terminal, or in a desktop session with a pinentry".to_owned())
        }
        ConsentError::Refused { .. } => Some("if nobody here asked for it, find out which program did".to_owned()),
        ConsentError::Prompt(PromptError::NoTerminal { .. } | PromptError::Interrupted | PromptError::Io(_)) => None,
        ConsentError::Vault(error) => of_vault(error),
    }
}

fn of_denial(why: &Denial) -> Option<String> {
    Some(match why {
        Denial::NoMfa { operation: "GetFederationToken" } => {
            "sign in with the profile of a role: MFA can go along with AssumeRole, and not with GetFederationToken"
                .to_owned()
        }
        Denial::NoMfa { .. } | Denial::TrustWithoutMfa { .. } => {
            "set mfa_serial in the profile or its source, or enable a device with `mfavault mfa enable`".to_owned()
        }
        Denial::MfaLost { .. } => "ask the role's owner: a role that is assumed through another one cannot demand MFA \
                                   with aws:MultiFactorAuthPresent"
            .to_owned(),
        Denial::MfaTooOld { .. } => {
            "`--refresh` gives a new code; if that is denied as well, it is not about its age".to_owned()
        }
        Denial::Trust { .. } => {
            "check the role's ARN and its trust policy: the principal, external_id, source_identity, tags".to_owned()
        }
        Denial::PartNotAllowed { needed, .. } => {
            let keys = if *needed == "TagSession" { "session_tags" } else { "source_identity" };
            format!("the role's trust policy and yours must allow sts:{needed}; or take {keys} out of the profile")
        }
        Denial::NotAllowed { operation } => format!("ask for a policy that allows sts:{operation} on this resource"),
        Denial::Forbidden { .. } => "ask who wrote the policy; `mfavault whoami` shows who you are to AWS".to_owned(),
        Denial::SerialNotOfUser { .. } => {
            "set mfa_serial to a device of this user; `mfavault mfa list --remote` compares them".to_owned()
        }
        Denial::SerialNotYetKnown { .. } => "wait some seconds and try again".to_owned(),
        Denial::TooManyChecks { .. } => "wait, and try again then".to_owned(),
        Denial::NeedsLongTerm { .. } => "store the user's access key with `mfavault add`".to_owned(),
    })
}

pub(super) fn of_aws(error: &AwsError) -> Option<String> {
    match error {
        AwsError::InvalidAuthenticationCode { .. } => Some(
            "if this goes on, device and AWS are out of step or the seed is another one's: compare with `mfavault mfa list`"
                .to_owned(),
        ),
        AwsError::UnknownSerialNumber { .. } => Some(
            "check mfa_serial: it must be a device of this very user; a new device takes some seconds; after nine codes \
             in three minutes AWS takes none"
                .to_owned(),
        ),
        AwsError::AccessDenied { operation, message } if operation.contains("AccessKey") => Some(of_access_keys(message)),
        AwsError::AccessDenied { message, .. } if message.contains("explicit deny") => {
            Some("a policy forbids it, as force-MFA policies do without MFA: is mfa_serial set? see `mfavault list`".to_owned())
        }
        AwsError::AccessDenied { operation, .. } if operation.ends_with("MFADevice") || operation.ends_with("MFADevices") => {
            Some(format!(
                "ask an administrator to allow iam:{operation}, as AWS's documented policy for MFA of one's own does, or to \
                 act for the user with --user-name"
            ))
        }
        AwsError::InvalidCredentials { operation: "AssumeRoleWithWebIdentity", .. } => Some(
            "have the identity provider write a new token into the web_identity_token_file; the role must trust that provider"
                .to_owned(),
        ),
        AwsError::InvalidCredentials { operation: "CreateToken" | "StartDeviceAuthorization", .. } => {
            Some("forget the sign-in with `mfavault clear`, then try again".to_owned())
        }
        AwsError::DurationTooLong { message, .. } if message.contains("role chaining") => Some(
            "ask for 1h at most with --duration, or assume the role with the access key itself: --no-session".to_owned(),
        ),
        AwsError::DurationTooLong { .. } => Some(
            "ask for less with --duration or duration_seconds, or have the role's maximum session duration raised".to_owned(),
        ),
        AwsError::InvalidCredentials { .. } => Some(
            "the key may be deactivated or replaced (`mfavault add PROFILE --force`); IAM says the same to a session \
             without MFA"
                .to_owned(),
        ),
        AwsError::ClockSkew { .. } => Some("set this machine's clock, such as with `timedatectl set-ntp true`".to_owned()),
        AwsError::Unreachable { .. } => Some("check the network, HTTPS_PROXY and AWS_ENDPOINT_URL".to_owned()),
        AwsError::Throttled { .. } | AwsError::Service { status: 500.., .. } => {
            Some("wait a little and try again".to_owned())
        }
        AwsError::Expired { .. } => Some("forget it with `mfavault clear`".to_owned()),
        AwsError::SignInOver { .. } => Some("sign in again".to_owned()),
        AwsError::AccessDenied { .. }
        | AwsError::AuthorizationPending { .. }
        | AwsError::SlowDown { .. }
        | AwsError::LimitExceeded { .. }
        | AwsError::AlreadyExists { .. }
        | AwsError::NoSuchEntity { .. }
        | AwsError::UnusableAnswer { .. }
        | AwsError::InvalidSettings { .. }
        | AwsError::Service { .. } => None,
    }
}

/// What IAM denies of a user's own keys.
fn of_access_keys(message: &str) -> String {
    let denied = "a policy forbids it, as force-MFA policies do without MFA: `mfavault mfa enable` makes a device";
    let not_allowed = "ask an administrator to allow iam:ListAccessKeys, iam:CreateAccessKey, iam:UpdateAccessKey and \
                       iam:DeleteAccessKey for the user's own keys, as AWS's documented policies do";
    if message.contains("explicit deny") { denied } else { not_allowed }.to_owned()
}

pub(super) fn of_profile(error: &ProfileError) -> Option<String> {
    match error {
        ProfileError::Missing { similar: Some(similar), .. } => {
            Some(format!("did you mean `{similar}`? `mfavault list` shows what there is"))
        }
        ProfileError::Missing { name, named_by: None, .. } if name.is_default() => {
            Some("name a profile, or set AWS_PROFILE; `mfavault list` shows what there is".to_owned())
        }
        ProfileError::Missing { name, named_by: None, .. } => Some(format!(
            "`mfavault add {name}` stores a key and adds it; `mfavault list` shows what there is",
            name = shell_word(name)
        )),
        ProfileError::Malformed { line: MalformedLine { fault: LineFault::OpenHeading, .. }, .. } => {
            Some("close the bracket, such as [profile NAME]".to_owned())
        }
        ProfileError::Malformed { .. } => {
            Some("write `key = value`, or `#` before a comment; the AWS CLI refuses the whole file".to_owned())
        }
        ProfileError::Missing { .. } | ProfileError::Loop { .. } | ProfileError::Invalid { .. } => None,
    }
}
