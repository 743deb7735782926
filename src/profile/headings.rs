//! Headings that were meant for a profile and are none: AWS's tools pass over what stands below them, without a word.

use super::text::{ConfigText, FileKind, SectionName};

/// What begins a heading of the AWS config.
const WORDS: [&str; 3] = ["profile", "services", "sso-session"];
/// Keys by which a section is one of a profile.
const OF_PROFILES: [&str; 7] =
    ["region", "output", "role_arn", "source_profile", "mfa_serial", "credential_process", "aws_access_key_id"];

/// A heading that does not say what was most likely meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddHeading {
    /// Its line, from 1.
    pub line: usize,
    /// As written.
    pub heading: String,
    /// What was meant, brackets and all.
    pub meant: String,
}

impl ConfigText {
    /// The headings that look like a slip of the keys, in the order of the file.
    pub fn odd_headings(&self) -> Vec<OddHeading> {
        let meant = |section: &super::text::Section| match (&section.name, self.kind) {
            (SectionName::Profile(name), FileKind::Credentials) => {
                let (word, name) = name.as_str().split_once([' ', '\t'])?;
                is_nearly(word, "profile").then(|| format!("[{}]", name.trim()))
            }
            (SectionName::Other(heading), FileKind::Config) => meant_in_config(heading, || {
                let entries = self.entries(&section.name);
                entries.into_iter().any(|entry| OF_PROFILES.contains(&entry.key().to_ascii_lowercase().as_str()))
            }),
            _ => None,
        };
        let odd = self.sections.iter().filter_map(|section| Some((section.line, meant(section)?)));
        odd.map(|(line, meant)| OddHeading { line: line + 1, heading: self.content(line).trim().to_owned(), meant })
            .collect()
    }
}

fn meant_in_config(heading: &str, has_keys_of_a_profile: impl FnOnce() -> bool) -> Option<String> {
    if heading.starts_with('[') {
        return Some(format!("{heading}]"));
    }
    match heading.trim().split_once([' ', '\t']) {
        Some((word, name)) => {
            let word = WORDS.into_iter().find(|known| is_nearly(word, known))?;
            Some(format!("[{word} {}]", name.trim()))
        }
        // Of two sections of `default` one is passed over: that is no slip in a heading.
        None if heading == "default" => None,
        None if heading.eq_ignore_ascii_case("default") => Some("[default]".to_owned()),
        None => has_keys_of_a_profile().then(|| format!("[profile {heading}]")),
    }
}

/// The word itself, in whatever case, or one with a slip or two.
fn is_nearly(word: &str, known: &str) -> bool {
    strsim::damerau_levenshtein(&word.to_lowercase(), known) <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(kind: FileKind, text: &str) -> Vec<(usize, String)> {
        let odd = ConfigText::parse("config", kind, text).odd_headings();
        odd.into_iter().map(|odd| (odd.line, odd.meant)).collect()
    }

    #[test]
    fn a_slip_in_a_heading_is_known_with_what_was_meant() {
        let text = "[default]\n[profil a]\n[Profile b]\n[profile c]\n[sso_session d]\n[service e]\n[plugins]\ncli = x\n\
                    [prod]\nRegion = x\n[Default]\n[profile \"e f\"]\n[preview]\n[team x]\n[profile g\n";
        let meant = [
            (2, "[profile a]"),
            (3, "[profile b]"),
            (5, "[sso-session d]"),
            (6, "[services e]"),
            (9, "[profile prod]"),
            (11, "[default]"),
            (15, "[profile g]"),
        ];
        assert_eq!(odd(FileKind::Config, text), meant.map(|(line, meant)| (line, meant.to_owned())));
        let text = "[a]\n[profile b]\n[Profil c]\n[default]\n[team x]\n";
        assert_eq!(odd(FileKind::Credentials, text), [(2, "[b]".to_owned()), (3, "[c]".to_owned())]);
        assert_eq!(odd(FileKind::Config, "[default]\n[profile default]\nregion = x\n"), []);
    }
}
