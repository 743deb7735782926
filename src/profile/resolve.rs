//! One profile: from the keys of its section, and of those it includes, to checked values.

use std::borrow::Cow;

use super::{
    CredentialSource, Entry, Origin, Place, Profile, ProfileError, ProfileName, SectionName, Setting, SharedConfig,
    name::is_unseen, values,
};

/// Hides a key from AWS's own tools, and wins over the plain key.
const PREFIX: &str = "mfavault_";

/// The keys of one profile; of equal ones the last counts.
struct Layer<'a> {
    name: ProfileName,
    entries: Vec<Entry<'a>>,
}

/// A profile and those it includes, each after the one that includes it.
struct Layers<'a>(Vec<Layer<'a>>);

/// Resolves one profile; one without a section has only what `default` gives.
pub(super) fn profile(shared: &SharedConfig, name: &ProfileName) -> Result<Profile, ProfileError> {
    let layers = Layers::of(shared, name)?;
    let region = match layers.read("region", |text| values::region(uncommented(text)))? {
        None if !name.is_default() => {
            let default = Layers(vec![Layer::of(shared, &ProfileName::default())]);
            default.read("region", |text| values::region(uncommented(text)))?
        }
        region => region,
    };
    let (sts_endpoint_url, iam_endpoint_url) = layers.service_endpoints(shared)?;
    let word = |key, parse: fn(&str) -> Result<String, String>| layers.read(key, |text| parse(uncommented(text)));
    let boolean = |key| layers.read(key, |text| values::boolean(uncommented(text)));
    let profile = Profile {
        name: name.clone(),
        region,
        mfa_serial: layers.read("mfa_serial", |text| values::serial_number(uncommented(text)))?,
        mfa_process: layers.read("mfa_process", values::command)?,
        role_arn: layers.read("role_arn", |text| values::role_arn(uncommented(text)))?,
        source_profile: layers.read("source_profile", profile_name)?,
        credential_source: layers.read("credential_source", |text| values::credential_source(uncommented(text)))?,
        web_identity_token_file: layers.read("web_identity_token_file", values::path)?,
        credential_process: layers.read("credential_process", values::command)?,
        external_id: word("external_id", values::external_id)?,
        role_session_name: word("role_session_name", values::role_session_name)?,
        duration_seconds: layers.read("duration_seconds", |text| values::duration_seconds(uncommented(text)))?,
        session_tags: layers.read("session_tags", values::session_tags)?,
        transitive_session_tags: layers.read("transitive_session_tags", values::transitive_session_tags)?,
        source_identity: word("source_identity", values::source_identity)?,
        sts_regional_endpoints: layers
            .read("sts_regional_endpoints", |text| values::sts_regional_endpoints(uncommented(text)))?,
        endpoint_url: word("endpoint_url", values::endpoint_url)?,
        sts_endpoint_url,
        iam_endpoint_url,
        ca_bundle: layers.read("ca_bundle", values::path)?,
        use_fips_endpoint: boolean("use_fips_endpoint")?,
        use_dualstack_endpoint: boolean("use_dualstack_endpoint")?,
        static_keys: layers.static_keys(),
    };
    one_source(&profile)?;
    Ok(profile)
}

/// botocore refuses a profile that names two sources for its role.
fn one_source(profile: &Profile) -> Result<(), ProfileError> {
    match (&profile.source_profile, &profile.credential_source) {
        (Some(source), Some(Setting { value, origin: Origin::File(place) })) => {
            let value = match value {
                CredentialSource::Environment => "Environment",
                CredentialSource::Ec2InstanceMetadata => "Ec2InstanceMetadata",
                CredentialSource::EcsContainer => "EcsContainer",
            };
            let reason = format!("source_profile is set as well, at {}", source.origin);
            Err(ProfileError::Invalid { place: Box::new(place.clone()), value: value.to_owned(), reason })
        }
        _ => Ok(()),
    }
}

impl<'a> Layer<'a> {
    fn of(shared: &'a SharedConfig, name: &ProfileName) -> Self {
        let section = SectionName::Profile(name.clone());
        let entries = shared.config.entries(&section).chain(shared.credentials.entries(&section)).collect();
        Layer { name: name.clone(), entries }
    }

    /// The entry that counts, prefixed or plain. An empty value is as good as none, save that of a nested block.
    fn entry(&self, key: &str) -> Option<Entry<'a>> {
        let last = |is_meant: &dyn Fn(&str) -> bool| {
            let found = self.entries.iter().rev().find(|entry| is_meant(entry.key()))?;
            Some(*found).filter(|entry| !entry.value().is_empty())
        };
        let prefixed = |written: &str| {
            let prefix = written.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
            prefix && written[PREFIX.len()..].eq_ignore_ascii_case(key)
        };
        last(&prefixed).or_else(|| last(&|written| written.eq_ignore_ascii_case(key)))
    }

    fn text(&self, key: &str) -> Option<(Place, Cow<'a, str>)> {
        self.entry(key).map(|entry| (self.place(entry), entry.value()))
    }

    fn place(&self, entry: Entry<'_>) -> Place {
        let (file, line) = (entry.path().to_owned(), entry.line());
        Place { file, line, profile: self.name.clone(), key: entry.key().to_owned() }
    }
}

impl<'a> Layers<'a> {
    fn of(shared: &'a SharedConfig, name: &ProfileName) -> Result<Self, ProfileError> {
        let mut layers = Layers(vec![Layer::of(shared, name)]);
        while let Some((place, value)) = layers.0.last().and_then(|layer| layer.text("include_profile")) {
            let included = checked(place.clone(), &value, profile_name)?.value;
            if layers.0.iter().any(|layer| layer.name == included) {
                let path = layers.0.into_iter().map(|layer| layer.name).chain([included]).collect();
                return Err(ProfileError::Loop { path, closed_by: Box::new(place) });
            }
            if !shared.contains(&included) {
                return Err(ProfileError::Missing { name: included, named_by: Some(Box::new(place)) });
            }
            layers.0.push(Layer::of(shared, &included));
        }
        Ok(layers)
    }

    fn find(&self, key: &str) -> Option<(&Layer<'a>, Entry<'a>)> {
        self.0.iter().find_map(|layer| Some((layer, layer.entry(key)?)))
    }

    fn read<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<Setting<T>>, ProfileError> {
        let Some((layer, entry)) = self.find(key) else { return Ok(None) };
        checked(layer.place(entry), &entry.value(), parse).map(Some)
    }

    /// `endpoint_url` of STS and IAM in the `[services …]` section that the profile names.
    #[allow(clippy::type_complexity, reason = "two settings, named where they are taken apart")]
    fn service_endpoints(
        &self,
        shared: &SharedConfig,
    ) -> Result<(Option<Setting<String>>, Option<Setting<String>>), ProfileError> {
        let Some((layer, entry)) = self.find("services") else { return Ok((None, None)) };
        let value = entry.value();
        let section = SectionName::Services(uncommented(&value).to_owned());
        if !shared.config.contains(&section) {
            let reason = "there is no such [services] section".to_owned();
            return Err(invalid(layer.place(entry), &value, reason));
        }
        let endpoint = |service: &str| -> Result<Option<Setting<String>>, ProfileError> {
            let block = shared.config.entry(&section, service);
            let mut nested = block.iter().flat_map(|block| block.nested());
            let Some((_, url, line)) = nested.find(|(key, ..)| key.eq_ignore_ascii_case("endpoint_url")) else {
                return Ok(None);
            };
            let place = Place { line, key: format!("{service}.endpoint_url"), ..layer.place(entry) };
            checked(place, url, |text| values::endpoint_url(uncommented(text))).map(Some)
        };
        Ok((endpoint("sts")?, endpoint("iam")?))
    }

    fn static_keys(&self) -> Option<Place> {
        let own = self.0.first()?;
        own.entry("aws_access_key_id").map(|entry| own.place(entry))
    }
}

fn profile_name(text: &str) -> Result<ProfileName, String> {
    uncommented(text).parse().map_err(|error: super::InvalidProfileName| error.reason.to_owned())
}

fn checked<T>(
    place: Place,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Setting<T>, ProfileError> {
    match parse(text) {
        Ok(value) => Ok(Setting { value, origin: Origin::File(place) }),
        Err(reason) => Err(invalid(place, text, reason)),
    }
}

fn invalid(place: Place, value: &str, reason: String) -> ProfileError {
    let value = value.chars().filter(|character| !is_unseen(*character)).take(200).collect();
    ProfileError::Invalid { place: Box::new(place), value, reason }
}

/// Cuts a comment behind white space, as most SDKs do. The AWS CLI keeps it as part of the value, so this is only for
/// values that cannot have one; a number sign within a word (`mfa/u#1`) stays.
fn uncommented(text: &str) -> &str {
    let comment = text.match_indices(['#', ';']).find(|(at, _)| text[..*at].ends_with([' ', '\t']));
    comment.map_or(text, |(at, _)| text[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{ConfigText, FileKind};

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
            iam =\n  endpoint_url = http://iam\n";
        let profile = resolve(text, "a").expect("a profile");
        let region = profile.region.expect("a region");
        assert_eq!(region.value, "eu-west-1");
        assert_eq!(region.origin.to_string(), "config:2 (profile a, key region)");
        assert_eq!(value(profile.mfa_process).as_deref(), Some("pass otp # mine"));
        assert_eq!(value(profile.source_profile).expect("a source").as_str(), "b c");
        assert_eq!(value(profile.duration_seconds), Some(std::time::Duration::from_secs(900)));
        assert_eq!(value(profile.use_dualstack_endpoint), Some(false));
        let sts = profile.sts_endpoint_url.expect("an endpoint");
        assert_eq!(
            (sts.value.as_str(), sts.origin.to_string().as_str()),
            ("http://sts", "config:24 (profile a, key sts.endpoint_url)")
        );
        assert_eq!(value(profile.iam_endpoint_url).as_deref(), Some("http://iam"));
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
        let text = "[profile good]\nregion=eu-west-1\n[profile bad]\nduration_seconds = 1h\u{1b}\n[profile two]\nsource_profile=good\ncredential_source=Environment\n[profile three]\nservices=none\n";
        assert!(resolve(text, "good").is_ok());
        let error = resolve(text, "bad").expect_err("refused").to_string();
        assert_eq!(
            error,
            "the value `1h` at config:4 (profile bad, key duration_seconds) cannot be used: it must be 900 to 43200 seconds"
        );
        for name in ["two", "three"] {
            assert!(matches!(resolve(text, name), Err(ProfileError::Invalid { .. })), "{name}");
        }
    }

    #[test]
    fn only_a_comment_behind_white_space_is_cut() {
        for (text, cut) in [("mfa/u#1", "mfa/u#1"), ("x # y", "x"), ("x\t;y", "x"), ("a#b ;c", "a#b"), ("", "")] {
            assert_eq!(uncommented(text), cut);
        }
    }
}
