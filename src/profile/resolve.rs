//! One profile: from the keys of its section, and of those it includes, to checked values.

use super::{
    CredentialSource, Profile, ProfileError, ProfileName, SectionName, ServiceEndpoints, SharedConfig,
    layers::{Layers, profile_name, refused},
    sso, values,
};

/// Resolves one profile; one without a section has only what `default` gives.
///
/// # Errors
/// As [`Layers::of`]; if a value cannot be meant, or two do not go together, then `Invalid`.
pub(super) fn profile(shared: &SharedConfig, name: &ProfileName) -> Result<Profile, ProfileError> {
    let layers = Layers::of(shared, name)?;
    let region = match layers.word("region", values::region)? {
        None if !name.is_default() => Layers::of_default(shared).word("region", values::region)?,
        region => region,
    };
    let profile = Profile {
        name: name.clone(),
        region,
        mfa_serial: layers.word("mfa_serial", values::serial_number)?,
        mfa_process: layers.read("mfa_process", values::command)?,
        role_arn: layers.word("role_arn", values::role_arn)?,
        source_profile: layers.read("source_profile", profile_name)?,
        credential_source: layers.word("credential_source", values::credential_source)?,
        web_identity_token_file: layers.read("web_identity_token_file", values::path)?,
        credential_process: layers.read("credential_process", values::command)?,
        external_id: layers.word("external_id", values::external_id)?,
        role_session_name: layers.word("role_session_name", values::role_session_name)?,
        duration_seconds: layers.word("duration_seconds", values::duration_seconds)?,
        session_tags: layers.read("session_tags", values::session_tags)?,
        transitive_session_tags: layers.read("transitive_session_tags", values::transitive_session_tags)?,
        source_identity: layers.word("source_identity", values::source_identity)?,
        sso: sso::resolve(shared, &layers)?,
        sts_regional_endpoints: layers.word("sts_regional_endpoints", values::sts_regional_endpoints)?,
        endpoint_url: layers.word("endpoint_url", values::endpoint_url)?,
        service_endpoints: service_endpoints(shared, &layers)?,
        ca_bundle: layers.read("ca_bundle", values::path)?,
        use_fips_endpoint: layers.word("use_fips_endpoint", values::boolean)?,
        use_dualstack_endpoint: layers.word("use_dualstack_endpoint", values::boolean)?,
        static_keys: layers.own_place("aws_access_key_id"),
    };
    one_source(&profile)?;
    transitive_tags_are_tags(&profile)?;
    web_identity_has_a_role(&profile)?;
    Ok(profile)
}

/// `endpoint_url` of each service in the `[services …]` section that the profile names.
fn service_endpoints(shared: &SharedConfig, layers: &Layers<'_>) -> Result<ServiceEndpoints, ProfileError> {
    let Some(section) = layers.section(shared, "services", SectionName::Services)? else {
        return Ok(ServiceEndpoints::default());
    };
    let of = |service| section.nested_word(service, "endpoint_url", values::endpoint_url);
    Ok(ServiceEndpoints { sts: of("sts")?, iam: of("iam")?, sso: of("sso")?, sso_oidc: of("sso_oidc")? })
}

/// botocore refuses a profile that names two sources for its role.
fn one_source(profile: &Profile) -> Result<(), ProfileError> {
    let (Some(source), Some(setting)) = (&profile.source_profile, &profile.credential_source) else { return Ok(()) };
    let value = match setting.value {
        CredentialSource::Environment => "Environment",
        CredentialSource::Ec2InstanceMetadata => "Ec2InstanceMetadata",
        CredentialSource::EcsContainer => "EcsContainer",
    };
    Err(refused(setting, value, format!("source_profile is set as well, at {}", source.origin)))
}

/// STS takes as transitive only what goes along as a tag, and a code would be spent on finding that out.
fn transitive_tags_are_tags(profile: &Profile) -> Result<(), ProfileError> {
    let Some(setting) = &profile.transitive_session_tags else { return Ok(()) };
    let tags = profile.session_tags.iter().flat_map(|tags| &tags.value).collect::<Vec<_>>();
    match setting.value.iter().find(|key| !tags.iter().any(|tag| tag.key.eq_ignore_ascii_case(key))) {
        Some(key) => Err(refused(setting, key, "it is not among session_tags".to_owned())),
        None => Ok(()),
    }
}

/// botocore refuses a token that is for no role.
fn web_identity_has_a_role(profile: &Profile) -> Result<(), ProfileError> {
    match (&profile.web_identity_token_file, &profile.role_arn) {
        (Some(setting), None) => {
            Err(refused(setting, &setting.value.to_string_lossy(), "role_arn is missing".to_owned()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{ConfigText, FileKind, Setting};

    fn shared(config: &str, credentials: &str) -> SharedConfig {
        SharedConfig {
            config: ConfigText::parse("config", FileKind::Config, config),
            credentials: ConfigText::parse("credentials", FileKind::Credentials, credentials),
        }
    }

    fn resolve(config: &str, name: &str) -> Result<Profile, ProfileError> {
        profile(&shared(config, ""), &name.parse().expect("a profile name"))
    }

    fn value<T>(setting: Option<Setting<T>>) -> Option<T> {
        setting.map(|setting| setting.value)
    }

    #[test]
    fn every_key_is_read_with_its_place() {
        let text = "[profile a]\nregion = eu-west-1 # near\nmfa_serial=arn:aws:iam::123456789012:mfa/u\nmfa_process = pass otp # mine\n\
            role_arn=arn:aws:iam::123456789012:role/r\nsource_profile=b c ; note\nexternal_id=ab\nrole_session_name=me\n\
            duration_seconds=900\nsession_tags=a=b\ntransitive_session_tags=a\nsource_identity=me\ncredential_process=x\n\
            web_identity_token_file=~/t\nsts_regional_endpoints=legacy\nendpoint_url=http://x\nservices=s\nca_bundle=/ca\n\
            use_fips_endpoint=true\nuse_dualstack_endpoint=False\noutput=json\n[services s]\nsts =\n  endpoint_url = http://sts\n\
            iam =\n  endpoint_url = http://iam\nsso =\n  endpoint_url = http://sso\nsso_oidc =\n  endpoint_url = http://oidc\n";
        let profile = resolve(text, "a").expect("a profile");
        let region = profile.region.expect("a region");
        assert_eq!(region.value, "eu-west-1");
        assert_eq!(region.origin.to_string(), "config:2 (profile a, key region)");
        assert_eq!(value(profile.mfa_process).as_deref(), Some("pass otp # mine"));
        assert_eq!(value(profile.source_profile).expect("a source").as_str(), "b c");
        assert_eq!(value(profile.duration_seconds), Some(std::time::Duration::from_secs(900)));
        assert_eq!(value(profile.use_dualstack_endpoint), Some(false));
        let sts = profile.service_endpoints.sts.expect("an endpoint");
        assert_eq!(
            (sts.value.as_str(), sts.origin.to_string().as_str()),
            ("http://sts", "config:24 (profile a, key sts.endpoint_url)")
        );
        assert_eq!(value(profile.service_endpoints.iam).as_deref(), Some("http://iam"));
        assert_eq!(value(profile.service_endpoints.sso).as_deref(), Some("http://sso"));
        assert_eq!(value(profile.service_endpoints.sso_oidc).as_deref(), Some("http://oidc"));
        for present in [profile.external_id.is_some(), profile.role_arn.is_some(), profile.ca_bundle.is_some()] {
            assert!(present);
        }
    }

    #[test]
    fn the_prefixed_key_wins_and_the_plain_one_is_not_even_looked_at() {
        let text = "[profile a]\nMFAVAULT_Region = eu-west-1\nregion = not a region\n";
        let region = resolve(text, "a").expect("a profile").region.expect("a region");
        assert_eq!((region.value.as_str(), region.origin.to_string().contains(":2 ")), ("eu-west-1", true));
    }

    #[test]
    fn the_credentials_file_wins_over_the_config() {
        let shared = shared(
            "[profile a]\nregion=eu-west-1\n",
            "[a]\nregion=eu-west-2\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\n",
        );
        let profile = profile(&shared, &"a".parse().expect("a name")).expect("a profile");
        assert_eq!(value(profile.region).as_deref(), Some("eu-west-2"));
        assert_eq!(
            profile.static_keys.expect("static keys").to_string(),
            "credentials:3 (profile a, key aws_access_key_id)"
        );
    }

    #[test]
    fn a_profile_inherits_what_it_includes_and_only_the_region_of_default() {
        let text = "[default]\nregion=eu-west-3\nmfa_serial=GAHT12345678\n[profile a]\ninclude_profile=b\nexternal_id=own\n\
            [profile b]\ninclude_profile=c\nexternal_id=theirs\nrole_session_name=bb\naws_access_key_id=x\n[profile c]\nsource_identity=cc\n";
        let profile = resolve(text, "a").expect("a profile");
        assert_eq!(value(profile.region).as_deref(), Some("eu-west-3"));
        assert_eq!(value(profile.external_id).as_deref(), Some("own"));
        assert_eq!(value(profile.role_session_name).as_deref(), Some("bb"));
        assert_eq!(value(profile.source_identity).as_deref(), Some("cc"));
        assert_eq!((profile.mfa_serial, profile.static_keys), (None, None));
    }

    #[test]
    fn included_profiles_that_loop_or_are_missing_are_named() {
        let text = "[profile a]\ninclude_profile=b\n[profile b]\ninclude_profile=a\n[profile c]\ninclude_profile=d\n";
        let error = resolve(text, "a").expect_err("a loop").to_string();
        assert_eq!(
            error,
            "the profile `a` leads back to itself: a → b → a (the last step at config:4 (profile b, key include_profile))"
        );
        let error = resolve(text, "c").expect_err("missing").to_string();
        assert_eq!(error, "there is no profile `d`, named at config:6 (profile c, key include_profile)");
    }

    #[test]
    fn a_bad_value_is_named_and_harms_only_its_profile() {
        let text = "[profile good]\nregion=eu-west-1\n[profile bad]\nduration_seconds = 1h\u{1b}\n[profile two]\nsource_profile=good\ncredential_source=Environment\n[profile three]\nservices=none\n[profile four]\nweb_identity_token_file=/t\n";
        assert!(resolve(text, "good").is_ok());
        let error = resolve(text, "bad").expect_err("refused").to_string();
        assert_eq!(
            error,
            "the value `1h` at config:4 (profile bad, key duration_seconds) cannot be used: it must be 900 to 43200 seconds"
        );
        for name in ["two", "three", "four"] {
            assert!(matches!(resolve(text, name), Err(ProfileError::Invalid { .. })), "{name}");
        }
    }

    #[test]
    fn a_line_that_means_nothing_harms_only_whom_it_concerns() {
        let text = "[profile good]\nregion=eu-west-1\n[profile open\nregion=eu-west-2\n[profile odd]\nregion\n\
            [profile incl]\ninclude_profile=odd\n[profile serv]\nservices=s\n[services s]\noops\n";
        assert_eq!(value(resolve(text, "good").expect("a profile").region).as_deref(), Some("eu-west-1"));
        for (name, expected) in [
            ("open", "config:3 cannot be read: the heading has no closing bracket (profile open)"),
            (
                "odd",
                "config:6 cannot be read: it is neither a heading, nor a key with a value, nor a comment (profile odd)",
            ),
            (
                "incl",
                "config:6 cannot be read: it is neither a heading, nor a key with a value, nor a comment (profile odd)",
            ),
            (
                "serv",
                "config:12 cannot be read: it is neither a heading, nor a key with a value, nor a comment (profile serv)",
            ),
        ] {
            assert_eq!(resolve(text, name).expect_err(name).to_string(), expected);
        }
    }

    #[test]
    fn another_name_is_suggested_only_if_it_is_near() {
        let text = "[profile production]\n[profile prod]\n[profile staging]\n[profile x]\n";
        let similar = |name: &str| {
            let error = crate::profile::chain(&shared(text, "[Tools]\n"), &name.parse().expect("a name"), &|_| false);
            match error {
                Err(ProfileError::Missing { similar, .. }) => similar.map(String::from),
                other => panic!("{other:?}"),
            }
        };
        for (name, expected) in [
            ("prd", Some("prod")),
            ("Prod", Some("prod")),
            ("prodcution", Some("production")),
            ("tools", Some("Tools")),
            ("satging", Some("staging")),
            ("nowhere", None),
            ("ab", None),
        ] {
            assert_eq!(similar(name).as_deref(), expected, "{name}");
        }
    }
}
