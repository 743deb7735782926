//! Copies of an old key in the AWS config and credentials files, which are of no use any more.

use super::Rotation;
use crate::{credentials::AccessKeyId, profile::ConfigText};

impl Rotation<'_> {
    /// Says where the old key still stands. What hinders it hinders nothing else.
    pub(super) fn tell_of_copies(&self, old: &AccessKeyId) {
        let Ok(config) = self.context.shared_config() else { return };
        for place in [&config.config, &config.credentials].into_iter().flat_map(|text| places(text, old)) {
            self.say(&format!(
                "note: {place} still has the old access key, with which nothing works any more: delete it there"
            ));
        }
    }
}

/// Where a key stands in a file: `FILE:LINE`.
fn places(text: &ConfigText, key: &AccessKeyId) -> Vec<String> {
    let entries = text.section_names().flat_map(|section| text.entries(section));
    let is_copy = |value: &str, name: &str| name.eq_ignore_ascii_case("aws_access_key_id") && value == key.as_str();
    let copies = entries.filter(|entry| is_copy(&entry.value(), entry.key()));
    copies.map(|entry| format!("{}:{}", entry.path().display(), entry.line())).collect()
}
