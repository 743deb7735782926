//! IAM Identity Center: the keys of a profile, and of the `[sso-session …]` section that it names
//! (AWS SDKs and Tools Reference Guide, "IAM Identity Center credential provider").

use super::{
    ProfileError, SectionName, Setting, SharedConfig, Sso,
    layers::{self, Layers},
    values,
};

/// What a sign-in is for if nobody says more.
const DEFAULT_SCOPE: &str = "sso:account:access";

/// Resolves how a profile signs in; nothing if it names neither account nor permission set, as one that is only for
/// `aws sso login` does not.
///
/// # Errors
/// If a piece is missing, a value cannot be meant, the section is not there, or profile and section disagree, then
/// `Invalid`; if a line of the section means nothing, then `Malformed`.
pub(super) fn resolve(shared: &SharedConfig, layers: &Layers<'_>) -> Result<Option<Sso>, ProfileError> {
    let refused = |setting: &Setting<String>, reason: String| layers::refused(setting, &setting.value, reason);
    let account_id = layers.word("sso_account_id", values::account_id)?;
    let role_name = layers.word("sso_role_name", values::sso_role_name)?;
    let (account_id, role_name) = match (account_id, role_name) {
        (None, None) => return Ok(None),
        (Some(account_id), Some(role_name)) => (account_id, role_name),
        (Some(there), None) => return Err(refused(&there, "sso_role_name is missing".to_owned())),
        (None, Some(there)) => return Err(refused(&there, "sso_account_id is missing".to_owned())),
    };
    let session: Option<Setting<String>> = layers.word("sso_session", |text| Ok(text.to_owned()))?;
    let section = layers.section(shared, "sso_session", SectionName::SsoSession)?;
    let named_by = session.as_ref().unwrap_or(&account_id);
    let either = |key: &str, parse: fn(&str) -> Result<String, String>| {
        let of_profile = layers.word(key, parse)?;
        let of_section = section.as_ref().map_or(Ok(None), |section| section.word(key, parse))?;
        match (of_profile, of_section) {
            (Some(own), Some(other)) if own.value != other.value => {
                Err(refused(&own, format!("the sso-session says `{}`, at {}", other.value, other.origin)))
            }
            (_, Some(found)) | (Some(found), None) => Ok(found),
            (None, None) if section.is_some() => Err(refused(named_by, format!("{key} is missing there"))),
            (None, None) => Err(refused(named_by, format!("neither sso_session nor {key} is set"))),
        }
    };
    let (start_url, region) = (either("sso_start_url", values::sso_start_url)?, either("sso_region", values::region)?);
    let scopes = match &section {
        None => Vec::new(),
        Some(section) => (section.word("sso_registration_scopes", values::scopes)?)
            .map_or_else(|| vec![DEFAULT_SCOPE.to_owned()], |setting| setting.value),
    };
    Ok(Some(Sso { session, start_url, region, scopes, account_id, role_name }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{ConfigText, FileKind};

    const SESSION: &str = "[sso-session corp]\nsso_start_url=https://corp.awsapps.com/start/#\nsso_region=eu-west-1\n";

    fn resolved(config: &str) -> Result<Option<Sso>, ProfileError> {
        let shared = SharedConfig {
            config: ConfigText::parse("config", FileKind::Config, config),
            credentials: ConfigText::parse("credentials", FileKind::Credentials, ""),
        };
        Ok(super::super::resolve::profile(&shared, &"a".parse().expect("a name"))?.sso)
    }

    fn refusal(keys: &str) -> String {
        resolved(&format!("[profile a]\n{keys}\n{SESSION}[sso-session bare]\n")).expect_err(keys).to_string()
    }

    #[test]
    fn a_session_gives_what_the_profile_does_not_say() {
        let keys = "MFAVAULT_sso_session=corp # ours\nsso_session=none\nsso_role_name=Admin\ninclude_profile=b\n[profile b]\nsso_account_id=012345678901 ; b\n";
        let sso = resolved(&format!("[profile a]\n{keys}{SESSION}")).expect("resolved").expect("a sign-in");
        assert_eq!(sso.session.as_ref().map(|session| session.value.as_str()), Some("corp"));
        assert_eq!((sso.account_id.value.as_str(), sso.role_name.value.as_str()), ("012345678901", "Admin"));
        assert_eq!(sso.start_url.value, "https://corp.awsapps.com/start/#");
        assert_eq!(sso.start_url.origin.to_string(), "config:9 (profile a, key sso_start_url)");
        assert_eq!((sso.region.value.as_str(), sso.scopes), ("eu-west-1", vec!["sso:account:access".to_owned()]));
    }

    #[test]
    fn the_older_keys_stand_all_in_the_profile() {
        let keys = "sso_account_id=012345678901\nsso_role_name=Admin\nsso_start_url=https://x\nsso_region=eu-west-2\nsso_registration_scopes=x";
        let sso = resolved(&format!("[profile a]\n{keys}\n")).expect("resolved").expect("a sign-in");
        assert_eq!((sso.session, sso.scopes), (None, vec![]));
        assert_eq!((sso.start_url.value.as_str(), sso.region.value.as_str()), ("https://x", "eu-west-2"));
    }

    #[test]
    fn the_scopes_of_a_session_are_parted_by_commas() {
        let keys = "sso_session=corp\nsso_account_id=012345678901\nsso_role_name=Admin";
        let text = format!("[profile a]\n{keys}\n{SESSION}sso_registration_scopes = sso:account:access, a:b ,\n");
        assert_eq!(resolved(&text).expect("resolved").expect("a sign-in").scopes, ["sso:account:access", "a:b"]);
    }

    #[test]
    fn a_session_without_an_account_is_no_harm_and_no_source() {
        for keys in ["sso_session=corp", "sso_session=gone", "sso_start_url=x"] {
            assert_eq!(resolved(&format!("[profile a]\n{keys}\n{SESSION}")), Ok(None), "{keys}");
        }
    }

    #[test]
    fn what_is_missing_or_does_not_agree_is_named() {
        let whole = "sso_session=corp\nsso_account_id=012345678901\nsso_role_name=Admin";
        for (keys, expected) in [
            (
                whole.replace("=corp", "=gone"),
                "`gone` at config:2 (profile a, key sso_session) cannot be used: there is no such [sso-session] section",
            ),
            (
                whole.replace("=corp", "=bare"),
                "`bare` at config:2 (profile a, key sso_session) cannot be used: sso_start_url is missing there",
            ),
            ("sso_account_id=012345678901".to_owned(), "key sso_account_id) cannot be used: sso_role_name is missing"),
            ("sso_role_name=Admin".to_owned(), "key sso_role_name) cannot be used: sso_account_id is missing"),
            (
                "sso_role_name=Admin\nsso_account_id=012345678901\nsso_start_url=https://x".to_owned(),
                "`012345678901` at config:3 (profile a, key sso_account_id) cannot be used: neither sso_session nor sso_region is set",
            ),
            (
                format!("{whole}\nsso_region=us-east-1"),
                "`us-east-1` at config:5 (profile a, key sso_region) cannot be used: the sso-session says `eu-west-1`, at config:8 (profile a, key sso_region)",
            ),
            (
                format!("{whole}\nsso_start_url=https://corp.awsapps.com/start"),
                "cannot be used: the sso-session says `https://corp.awsapps.com/start/#`, at config:7",
            ),
            (whole.replace("012345678901", "12345"), "cannot be used: the ID of an account has twelve digits"),
        ] {
            let error = refusal(&keys);
            assert!(error.contains(expected), "{error}");
        }
    }
}
