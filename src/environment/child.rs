//! The environment of a command that is run with credentials: all of ours and all credentials out, the new ones in.

use std::ffi::{OsStr, OsString};

use crate::{credentials::Credentials, profile::ProfileName, secret::SecretText};

/// Variables that name or hold credentials for one of the AWS SDKs or tools, current or old. Beside the new ones they
/// would win over them, or say something else.
pub const CREDENTIAL_VARIABLES: [&str; 19] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SESSION_EXPIRATION",
    "AWS_ACCOUNT_ID",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_VAULT",
    super::PROFILE_CHAIN,
    super::OWN_PROFILE_CHAIN,
];

const CREDENTIAL_PREFIXES: [&str; 2] = ["AWS_CONTAINER_CREDENTIALS_", "MFAVAULT_"];

/// The inherited variables without any credentials and without ours.
pub fn without_credentials(
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    inherited.into_iter().filter(|(name, _)| {
        let is_known = CREDENTIAL_VARIABLES.iter().any(|known| is_name(name, known));
        let has_prefix = CREDENTIAL_PREFIXES.iter().any(|prefix| begins_with(name, prefix));
        !is_known && !has_prefix
    })
}

/// The whole environment of a child: each variable once. `region` replaces an inherited one if it is known.
pub fn child_variables(
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
    credentials: &Credentials,
    region: Option<&str>,
    profile: &ProfileName,
) -> Vec<(OsString, OsString)> {
    child_variables_with(inherited, &credentials.variables(region), profile)
}

/// As [`child_variables`], with other variables in place of the credentials.
pub fn child_variables_with(
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
    new: &[(&'static str, SecretText)],
    profile: &ProfileName,
) -> Vec<(OsString, OsString)> {
    let is_replaced = |name: &OsStr| new.iter().any(|(new, _)| is_name(name, new));
    let mut variables: Vec<_> = without_credentials(inherited).filter(|(name, _)| !is_replaced(name)).collect();
    variables.extend(new.iter().map(|(name, value)| (OsString::from(name), OsString::from(value.expose()))));
    variables.push(("MFAVAULT_PROFILE".into(), profile.as_str().into()));
    variables
}

pub(super) fn is_name(name: &OsStr, known: &str) -> bool {
    begins_with(name, known) && name.len() == known.len()
}

/// Windows does not tell upper from lower case in names of variables.
fn begins_with(name: &OsStr, prefix: &str) -> bool {
    let beginning = name.as_encoded_bytes().get(..prefix.len());
    match cfg!(windows) {
        true => beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix.as_bytes())),
        false => beginning == Some(prefix.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::credentials::{LongTermCredentials, SessionCredentials};

    fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn a_child_has_the_new_credentials_and_none_of_the_old() {
        let stale: Vec<_> = CREDENTIAL_VARIABLES
            .into_iter()
            .chain(["AWS_CONTAINER_CREDENTIALS_FULL_URI", "MFAVAULT_PASSPHRASE", "MFAVAULT_X"])
            .map(|name| (name, "stale"))
            .chain([("PATH", "/bin"), ("AWS_REGION", "old"), ("AWS_PAGER", "less"), ("mfavault_x", "theirs")])
            .collect();
        let credentials = Credentials::Session(SessionCredentials {
            access_key_id: "ASIAIOSFODNN7EXAMPLE".parse().expect("an ID"),
            secret_access_key: "secret".into(),
            session_token: "token".into(),
            expiration: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_293_822),
        });
        let name = "prod".parse().expect("a name");
        let mut child = child_variables(variables(&stale), &credentials, Some("eu-west-1"), &name);
        child.sort();
        let mut expected = variables(&[
            ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
            ("AWS_CREDENTIAL_EXPIRATION", "2026-11-21T20:43:42Z"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_PAGER", "less"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
            ("MFAVAULT_PROFILE", "prod"),
            ("PATH", "/bin"),
        ]);
        if !cfg!(windows) {
            expected.extend(variables(&[("mfavault_x", "theirs")]));
        }
        assert_eq!(child, expected);
    }

    #[test]
    fn long_term_credentials_leave_no_old_token_and_an_unknown_region_stays() {
        let credentials = Credentials::LongTerm(LongTermCredentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".parse().expect("an ID"),
            secret_access_key: "secret".into(),
        });
        let inherited = variables(&[("AWS_SESSION_TOKEN", "stale"), ("AWS_REGION", "eu-west-1")]);
        let child = child_variables(inherited, &credentials, None, &"prod".parse().expect("a name"));
        let names: Vec<_> = child.iter().map(|(name, _)| name.to_str().expect("text")).collect();
        assert_eq!(names, ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "MFAVAULT_PROFILE"]);
    }
}
