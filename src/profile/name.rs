//! The name of a profile, as it stands in a section heading of the AWS config.
//!
//! AWS takes nearly any text; refused is what could break out of a heading or deceive a reader on a terminal.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(super) use crate::visible::is_unseen;
use crate::visible::visible;

/// A profile's name: 1 to 256 characters, spaces and any script allowed, compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProfileName(String);

/// A text that cannot name a profile. What cannot be shown safely is left out of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` cannot name a profile: {reason}")]
pub struct InvalidProfileName {
    text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl ProfileName {
    /// The profile that is used when none is named, and that others inherit their region from.
    pub const DEFAULT: &'static str = "default";

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the profile named `default`.
    pub fn is_default(&self) -> bool {
        self.0 == Self::DEFAULT
    }
}

impl Default for ProfileName {
    /// The profile named `default`.
    fn default() -> Self {
        ProfileName(Self::DEFAULT.to_owned())
    }
}

impl FromStr for ProfileName {
    type Err = InvalidProfileName;

    fn from_str(text: &str) -> Result<Self, InvalidProfileName> {
        let reason = if text.is_empty() {
            "it is empty"
        } else if text.chars().count() > 256 {
            "it has more than 256 characters"
        } else if text.chars().any(is_unseen) {
            "it has a control, invisible or direction-changing character"
        } else if text.contains(['[', ']']) {
            "it has a square bracket"
        } else if text.trim() != text {
            "it begins or ends with a space"
        } else {
            return Ok(ProfileName(text.to_owned()));
        };
        let text = visible(text).chars().take(64).collect();
        Err(InvalidProfileName { text, reason })
    }
}

impl TryFrom<String> for ProfileName {
    type Error = InvalidProfileName;

    fn try_from(text: String) -> Result<Self, InvalidProfileName> {
        text.parse()
    }
}

impl From<ProfileName> for String {
    fn from(name: ProfileName) -> String {
        name.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_takes_is_taken() {
        for text in
            ["default", "prod", "a b", "Ünïcode-日本", "it's", "a\"b", "a/b@c.d:e+f=g,h%", "../x", "$(id)", "a#b"]
        {
            assert_eq!(text.parse::<ProfileName>().expect(text).as_str(), text);
        }
    }

    #[test]
    fn what_breaks_out_of_a_heading_or_deceives_is_refused() {
        for text in [
            "",
            " a",
            "a ",
            "a\nb",
            "a\rb",
            "a\0b",
            "\u{1b}[2J",
            "a]b",
            "[a",
            "a\u{202e}b",
            "a\u{2028}b",
            &"x".repeat(257),
        ] {
            let error = text.parse::<ProfileName>().expect_err(text).to_string();
            assert!(!error.chars().any(is_unseen), "{error:?}");
        }
    }
}
