//! The way from a profile to where its credentials come from: source by source, loops found.
//!
//! Rules are botocore's (`AssumeRoleProvider`): a source that has keys of its own is used with them, whatever role it
//! names; a profile may be its own source if it has keys. Beyond them, a role without any source uses its own profile's
//! keys, and a profile with a source but neither role nor keys hands its source's credentials on, be it through our
//! `credential_process`.

use super::{Origin, Place, Profile, ProfileError, ProfileName, Setting, SharedConfig, layers, resolve};

/// The profile asked for, its source, and so on. The last one has no role left to assume, unless its role's
/// credentials come from a web identity or a `credential_source`. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    first: Profile,
    sources: Vec<Profile>,
}

impl Chain {
    /// The profile asked for.
    pub fn profile(&self) -> &Profile {
        &self.first
    }

    /// The profile whose keys, process or identity everything starts from; the first, if it has no source.
    pub fn source(&self) -> &Profile {
        self.sources.last().unwrap_or(&self.first)
    }

    /// All profiles, from the one asked for down to the source. One that uses its own keys for its role stands there
    /// twice, the second time without the role.
    pub fn profiles(&self) -> impl DoubleEndedIterator<Item = &Profile> {
        std::iter::once(&self.first).chain(&self.sources)
    }

    /// The profiles with a role to assume, in the order of the calls: from the source up to the one asked for.
    pub fn roles(&self) -> impl Iterator<Item = &Profile> {
        self.profiles().rev().filter(|profile| profile.role_arn.is_some())
    }
}

/// Follows a profile's sources. Only the profiles on the way are checked. `has_keys` says whether the vault holds
/// keys of a profile; it is asked only where that decides: for one without a section, for one that is its own source,
/// and for a source that names a role or another source.
///
/// # Errors
/// If a profile has neither section nor keys, then `Missing`; if sources or included profiles lead back, or a profile
/// without keys is its own source, then `Loop`; if a key of a profile on the way is wrong, then `Invalid`; if a line of
/// its section means nothing, then `Malformed`.
pub fn chain(
    shared: &SharedConfig,
    name: &ProfileName,
    has_keys: &dyn Fn(&ProfileName) -> bool,
) -> Result<Chain, ProfileError> {
    let mut way: Vec<Profile> = Vec::new();
    let mut next = Some((name.clone(), None));
    while let Some((name, named_by)) = next {
        if !shared.contains(&name) && !has_keys(&name) {
            return Err(layers::missing(shared, name, named_by));
        }
        let profile = resolve::profile(shared, &name)?;
        next = step(&mut way, profile, has_keys)?;
    }
    let mut way = way.into_iter();
    let first = way.next().expect("invariant: each step puts a profile on the way");
    Ok(Chain { first, sources: way.collect() })
}

/// Puts a profile on the way and says which is next, and which key says so.
fn step(
    way: &mut Vec<Profile>,
    profile: Profile,
    has_keys: &dyn Fn(&ProfileName) -> bool,
) -> Result<Option<(ProfileName, Option<Place>)>, ProfileError> {
    let has_own_keys = || profile.static_keys.is_some() || has_keys(&profile.name);
    let is_source = !way.is_empty();
    let starts_elsewhere = profile.web_identity_token_file.is_some() || profile.credential_source.is_some();
    if profile.role_arn.is_some() && is_source && has_own_keys() {
        way.push(profile.without_role());
        return Ok(None);
    }
    if profile.role_arn.is_some() && starts_elsewhere {
        way.push(profile);
        return Ok(None);
    }
    let Some(Setting { value: source, origin: Origin::File(place) }) = profile.source_profile.clone() else {
        let own = profile.role_arn.is_some().then(|| profile.without_role());
        way.push(profile);
        way.extend(own);
        return Ok(None);
    };
    let has_own_credentials = || profile.sso.is_some() || profile.foreign_process().is_some() || has_own_keys();
    if profile.role_arn.is_none() && has_own_credentials() {
        way.push(profile);
        return Ok(None);
    }
    if source == profile.name && has_own_keys() {
        let own = profile.without_role();
        way.extend([profile, own]);
        return Ok(None);
    }
    way.push(profile);
    if way.iter().any(|earlier| earlier.name == source) {
        let path = way.drain(..).map(|profile| profile.name).chain([source]).collect();
        return Err(ProfileError::Loop { path, closed_by: Box::new(place) });
    }
    Ok(Some((source, Some(place))))
}

impl Profile {
    /// The same profile as the user it is: without what is only about its role.
    fn without_role(&self) -> Profile {
        Profile {
            role_arn: None,
            source_profile: None,
            credential_source: None,
            web_identity_token_file: None,
            external_id: None,
            role_session_name: None,
            session_tags: None,
            transitive_session_tags: None,
            source_identity: None,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{ConfigText, FileKind};

    const R: &str = "role_arn=arn:aws:iam::123456789012:role/r";
    const SSO: &str = "sso_account_id=123456789012\nsso_role_name=r\nsso_start_url=https://x\nsso_region=eu-west-1";

    /// The way as text, `+` marking a role to assume; the vault holds the keys of `k` and `v`.
    fn way(config: &str, name: &str) -> Result<String, ProfileError> {
        let shared = SharedConfig {
            config: ConfigText::parse("config", FileKind::Config, config.replace("ROLE", R).replace("SSO", SSO)),
            credentials: ConfigText::parse("credentials", FileKind::Credentials, "[s]\naws_access_key_id = x\n"),
        };
        let chain = chain(&shared, &name.parse().expect("a name"), &|name| ["k", "v"].contains(&name.as_str()))?;
        let mark = |profile: &Profile| format!("{}{}", profile.name, if profile.role_arn.is_some() { "+" } else { "" });
        assert_eq!(chain.profile(), chain.profiles().next().expect("the first"));
        assert_eq!(chain.source(), chain.profiles().last().expect("the last"));
        Ok(chain.profiles().map(mark).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_way_ends_where_credentials_come_from() {
        for (sentence, config, name, expected) in [
            ("a user is its own source", "[profile a]\n", "a", "a"),
            ("a profile with keys needs no section", "", "k", "k"),
            ("a role goes to its source", "[profile a]\nROLE\nsource_profile=b\n[profile b]\n", "a", "a+ b"),
            (
                "roles are chained",
                "[profile a]\nROLE\nsource_profile=b\n[profile b]\nROLE\nsource_profile=c\n[profile c]\n",
                "a",
                "a+ b+ c",
            ),
            ("a source may be only in the vault", "[profile a]\nROLE\nsource_profile=k\n", "a", "a+ k"),
            ("a role without a source uses its own keys", "[profile a]\nROLE\n", "a", "a+ a"),
            ("its own source, keys in the vault", "[profile k]\nROLE\nsource_profile=k\n", "k", "k+ k"),
            ("its own source, keys in the file", "[profile s]\nROLE\nsource_profile=s\n", "s", "s+ s"),
            (
                "a source's own keys end the way",
                "[profile a]\nROLE\nsource_profile=k\n[profile k]\nROLE\nsource_profile=b\n",
                "a",
                "a+ k",
            ),
            (
                "keys of the profile asked for do not beat its role",
                "[profile k]\nROLE\nsource_profile=b\n[profile b]\n",
                "k",
                "k+ b",
            ),
            ("a web identity ends the way", "[profile a]\nROLE\nweb_identity_token_file=/t\n", "a", "a+"),
            (
                "a credential source ends the way",
                "[profile a]\nROLE\nsource_profile=b\n[profile b]\nROLE\ncredential_source=Environment\n",
                "a",
                "a+ b+",
            ),
            ("a source without a role is handed on", "[profile a]\nsource_profile=b\n[profile b]\n", "a", "a b"),
            (
                "our process hands on what the source gives",
                "[profile a]\nsource_profile=b\ncredential_process=/opt/mfavault credential-process a\n[profile b]\n",
                "a",
                "a b",
            ),
            (
                "a role's source hands on through our process",
                "[profile a]\nROLE\nsource_profile=b\n[profile b]\nsource_profile=c\n\
                 credential_process=mfavault credential-process b\n[profile c]\n",
                "a",
                "a+ b c",
            ),
            (
                "another tool's process ends the way",
                "[profile a]\nsource_profile=b\ncredential_process=granted credential-process --profile a\n[profile b]\n",
                "a",
                "a",
            ),
            ("a sign-in ends the way", "[profile a]\nsource_profile=b\nSSO\n[profile b]\n", "a", "a"),
            (
                "a role goes to the sign-in of its source",
                "[profile a]\nROLE\nsource_profile=b\n[profile b]\nSSO\n",
                "a",
                "a+ b",
            ),
            ("a role of a profile that signs in starts there", "[profile a]\nROLE\nSSO\n", "a", "a+ a"),
            (
                "a role of the source comes before its sign-in",
                "[profile a]\nROLE\nsource_profile=b\n[profile b]\nROLE\nsource_profile=c\nSSO\n[profile c]\n",
                "a",
                "a+ b+ c",
            ),
            ("own keys beat a source without a role", "[profile k]\nsource_profile=b\n[profile b]\n", "k", "k"),
            (
                "an included source counts",
                "[profile a]\nROLE\ninclude_profile=c\n[profile c]\nsource_profile=k\n",
                "a",
                "a+ k",
            ),
        ] {
            assert_eq!(way(config, name).as_deref(), Ok(expected), "{sentence}");
        }
    }

    #[test]
    fn ways_that_do_not_end_are_named() {
        for (config, name, expected) in [
            (
                "[profile a]\nROLE\nsource_profile=a\n",
                "a",
                "a → a (the last step at config:3 (profile a, key source_profile))",
            ),
            (
                "[profile a]\nROLE\nsource_profile=b\n[profile b]\nROLE\nsource_profile=a\n",
                "a",
                "a → b → a (the last step at config:6",
            ),
            ("[profile a]\nsource_profile=a\n", "a", "a → a"),
            (
                "[profile x]\nROLE\nsource_profile=a\n[profile a]\nROLE\nsource_profile=b\n[profile b]\nROLE\nsource_profile=a\n",
                "x",
                "x → a → b → a",
            ),
        ] {
            let error = way(config, name).expect_err(config);
            assert!(matches!(error, ProfileError::Loop { .. }) && error.to_string().contains(expected), "{error}");
        }
        let error = way("", "a").expect_err("missing").to_string();
        assert_eq!(error, "there is no profile `a`");
        let error = way("[profile a]\nROLE\nsource_profile=gone\n", "a").expect_err("missing").to_string();
        assert_eq!(error, "there is no profile `gone`, named at config:3 (profile a, key source_profile)");
    }

    #[test]
    fn roles_come_in_the_order_of_the_calls() {
        let text = format!(
            "[profile a]\n{R}\nsource_profile=b\n[profile b]\n{R}\nsource_profile=c\n[profile c]\nregion=no region\n"
        );
        let parse = |text: &str| SharedConfig {
            config: ConfigText::parse("config", FileKind::Config, text),
            credentials: ConfigText::parse("credentials", FileKind::Credentials, ""),
        };
        let name = "a".parse().expect("a name");
        assert!(matches!(chain(&parse(&text), &name, &|_| false), Err(ProfileError::Invalid { .. })));
        let chain = chain(&parse(&text.replace("no region", "eu-west-1")), &name, &|_| false).expect("a chain");
        assert_eq!(chain.roles().map(|role| role.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    }
}
