//! The keys of one profile and of those it includes, in the order in which they count, each with its place.

use std::borrow::Cow;

use super::{
    ConfigText, Entry, Origin, Place, ProfileError, ProfileName, SectionName, Setting, SharedConfig, name::is_unseen,
};

/// Hides a key from AWS's own tools, and wins over the plain key.
const PREFIX: &str = "mfavault_";

/// The keys of one section; of equal ones the last counts.
struct Layer<'a> {
    /// The profile whose section it is, or that points to it.
    profile: ProfileName,
    entries: Vec<Entry<'a>>,
}

/// A profile and those it includes, each after the one that includes it; or a section that a profile points to.
pub(super) struct Layers<'a>(Vec<Layer<'a>>);

impl<'a> Layer<'a> {
    fn of(shared: &'a SharedConfig, name: &ProfileName) -> Self {
        let section = SectionName::Profile(name.clone());
        let entries = shared.config.entries(&section).chain(shared.credentials.entries(&section)).collect();
        Layer { profile: name.clone(), entries }
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
        Place { file, line, profile: self.profile.clone(), key: entry.key().to_owned() }
    }
}

impl<'a> Layers<'a> {
    /// The profile and those it includes; one without a section has no keys.
    ///
    /// # Errors
    /// If an included profile leads back, then `Loop`; if there is none of its name, then `Missing`; if one of the
    /// sections has a line that means nothing, then `Malformed`.
    pub(super) fn of(shared: &'a SharedConfig, name: &ProfileName) -> Result<Self, ProfileError> {
        check_lines(shared, name)?;
        let mut layers = Layers(vec![Layer::of(shared, name)]);
        while let Some((place, value)) = layers.0.last().and_then(|layer| layer.text("include_profile")) {
            let included = checked(place.clone(), &value, profile_name)?.value;
            if layers.0.iter().any(|layer| layer.profile == included) {
                let path = layers.0.into_iter().map(|layer| layer.profile).chain([included]).collect();
                return Err(ProfileError::Loop { path, closed_by: Box::new(place) });
            }
            if !shared.contains(&included) {
                return Err(missing(shared, included, Some(place)));
            }
            check_lines(shared, &included)?;
            layers.0.push(Layer::of(shared, &included));
        }
        Ok(layers)
    }

    /// The profile `default` alone, for what others inherit of it.
    pub(super) fn of_default(shared: &'a SharedConfig) -> Self {
        Layers(vec![Layer::of(shared, &ProfileName::default())])
    }

    /// The section of the config that a key names, if the key is there.
    ///
    /// # Errors
    /// If there is no such section, then `Invalid`; if a line of it means nothing, then `Malformed`.
    pub(super) fn section(
        &self,
        shared: &'a SharedConfig,
        key: &str,
        section: fn(String) -> SectionName,
    ) -> Result<Option<Self>, ProfileError> {
        let Some((layer, entry)) = self.find(key) else { return Ok(None) };
        let value = entry.value();
        let name = section(uncommented(&value).to_owned());
        check_section(&shared.config, &name, &layer.profile)?;
        if !shared.config.contains(&name) {
            let kind = if matches!(name, SectionName::SsoSession(_)) { "sso-session" } else { "services" };
            return Err(invalid(layer.place(entry), &value, format!("there is no such [{kind}] section")));
        }
        let entries = shared.config.entries(&name).collect();
        Ok(Some(Layers(vec![Layer { profile: layer.profile.clone(), entries }])))
    }

    /// Reads a key whose value may have any text.
    ///
    /// # Errors
    /// If the value cannot be meant, then `Invalid`.
    pub(super) fn read<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<Setting<T>>, ProfileError> {
        let Some((layer, entry)) = self.find(key) else { return Ok(None) };
        checked(layer.place(entry), &entry.value(), parse).map(Some)
    }

    /// Reads a key whose value has no white space before a number sign or semicolon: there a comment begins.
    ///
    /// # Errors
    /// As [`Layers::read`].
    pub(super) fn word<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<Setting<T>>, ProfileError> {
        self.read(key, |text| parse(uncommented(text)))
    }

    /// Reads a key in a nested block, as [`Layers::word`] does.
    ///
    /// # Errors
    /// As [`Layers::read`].
    pub(super) fn nested_word<T>(
        &self,
        block: &str,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<Setting<T>>, ProfileError> {
        let Some((layer, entry)) = self.find(block) else { return Ok(None) };
        let found = entry.nested().filter(|(written, ..)| written.eq_ignore_ascii_case(key)).last();
        let Some((_, value, line)) = found else { return Ok(None) };
        let place = Place { line, key: format!("{block}.{key}"), ..layer.place(entry) };
        checked(place, value, |text| parse(uncommented(text))).map(Some)
    }

    /// Where a key of the profile itself stands, not of one that it includes.
    pub(super) fn own_place(&self, key: &str) -> Option<Place> {
        let own = self.0.first()?;
        own.entry(key).map(|entry| own.place(entry))
    }

    fn find(&self, key: &str) -> Option<(&Layer<'a>, Entry<'a>)> {
        self.0.iter().find_map(|layer| Some((layer, layer.entry(key)?)))
    }
}

/// Why there is no such profile: it is not written, or not so that it could be read.
pub(super) fn missing(shared: &SharedConfig, name: ProfileName, named_by: Option<Place>) -> ProfileError {
    match check_lines(shared, &name) {
        Err(malformed) => malformed,
        Ok(()) => ProfileError::Missing { similar: shared.similar(&name), name, named_by: named_by.map(Box::new) },
    }
}

fn check_lines(shared: &SharedConfig, name: &ProfileName) -> Result<(), ProfileError> {
    let section = SectionName::Profile(name.clone());
    check_section(&shared.config, &section, name)?;
    check_section(&shared.credentials, &section, name)
}

fn check_section(text: &ConfigText, section: &SectionName, profile: &ProfileName) -> Result<(), ProfileError> {
    match text.malformed(section) {
        None => Ok(()),
        Some(line) => Err(ProfileError::Malformed { file: text.path().to_owned(), line, profile: profile.clone() }),
    }
}

pub(super) fn profile_name(text: &str) -> Result<ProfileName, String> {
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

/// The error of a value that does not go together with what else the profile says.
pub(super) fn refused<T>(setting: &Setting<T>, value: &str, reason: String) -> ProfileError {
    let place = setting.origin.place().expect("invariant: what a profile says stands in a file");
    invalid(place.clone(), value, reason)
}

/// With the value as far as it can be shown.
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

    #[test]
    fn only_a_comment_behind_white_space_is_cut() {
        for (text, cut) in [("mfa/u#1", "mfa/u#1"), ("x # y", "x"), ("x\t;y", "x"), ("a#b ;c", "a#b"), ("", "")] {
            assert_eq!(uncommented(text), cut);
        }
    }
}
