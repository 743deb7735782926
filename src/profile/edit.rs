//! Edits of a config text that touch only the lines they must.
//!
//! Every edit is checked before it is taken: all other keys and values must read as before, and the edited one as
//! asked. So neither a value (INI injection) nor odd indentation can change what the rest of the file says.

use std::{collections::HashSet, ops::Range, path::PathBuf};

use thiserror::Error;

use super::{
    name::{ProfileName, is_unseen},
    text::{ConfigText, FileKind, Section, SectionName, is_blank_or_comment},
};

/// Why an edit was refused; the text is then as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EditError {
    /// The key could be taken for something else.
    #[error("`{key}` cannot be a key: only letters, digits and ._- are used in keys")]
    InvalidKey {
        /// The key, without control characters.
        key: String,
    },
    /// The value would not be read back as it is, or would be read as more than a value. It may be secret, and is not repeated.
    #[error("the value for `{key}` cannot be written: {reason}")]
    InvalidValue {
        /// The key it was meant for.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Such a section is not made in such a file.
    #[error("the section `{section}` cannot be written to {}", path.display())]
    InvalidSection {
        /// The file.
        path: PathBuf,
        /// What was to be written.
        section: String,
    },
    /// The new name of a key is taken.
    #[error("`{key}` is already set in line {line} of {}", path.display())]
    KeyExists {
        /// The file.
        path: PathBuf,
        /// Where it is set, from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// The edit would change what other lines mean, such as lines that are indented unlike the others.
    #[error("{} cannot be edited without changing the meaning of other lines", path.display())]
    OtherLines {
        /// The file.
        path: PathBuf,
    },
}

impl ConfigText {
    /// Sets a key, in place if it is there, else behind the last key of its section; makes the section at the end.
    ///
    /// # Errors
    /// If the key has other characters than letters, digits and `._-`, then `InvalidKey`; if the value is empty, has a
    /// control character, surrounding white space or a leading `[`, then `InvalidValue`; if the file has no such
    /// sections, then `InvalidSection`; if other lines would change their meaning, then `OtherLines`.
    pub fn set(&mut self, section: &SectionName, key: &str, value: &str) -> Result<(), EditError> {
        check_key(key)?;
        check_value(key, value)?;
        let mut edited = self.copy(0);
        if let Some((range, gap)) = self.value_place(section, key) {
            edited.replace_range(range, &format!("{gap}{value}"));
        } else if let Some((line, margin)) = self.last_line_of(section) {
            self.insert_after(&mut edited, line, &format!("{margin}{key} = {value}"));
        } else {
            self.append_section(&mut edited, &self.heading(section)?, &format!("{key} = {value}"));
        }
        let set = |text: &ConfigText| text.entry(section, key).is_some_and(|entry| entry.value() == value);
        self.take(edited, |name, other| name == section && other.eq_ignore_ascii_case(key), set)
    }

    /// Makes an empty section at the end; one that is there already stays as it is.
    ///
    /// # Errors
    /// If the file has no such sections, then `InvalidSection`; if other lines would change their meaning, then
    /// `OtherLines`.
    pub fn add_section(&mut self, section: &SectionName) -> Result<(), EditError> {
        self.add_sections(std::slice::from_ref(section))
    }

    /// As [`ConfigText::add_section`] for several, all of them or none.
    ///
    /// # Errors
    /// As [`ConfigText::add_section`].
    pub fn add_sections(&mut self, sections: &[SectionName]) -> Result<(), EditError> {
        let mut seen = HashSet::with_capacity(sections.len());
        let missing = sections.iter().filter(|section| !self.contains(section) && seen.insert(*section));
        let headings = missing.map(|section| self.heading(section)).collect::<Result<Vec<_>, _>>()?;
        if headings.is_empty() {
            return Ok(());
        }
        // With a blank line and the longest line endings.
        let mut edited = self.copy(headings.iter().map(|heading| heading.len() + 4).sum());
        headings.iter().for_each(|heading| self.append_section(&mut edited, heading, ""));
        self.take(edited, |_, _| false, |text| sections.iter().all(|section| text.contains(section)))
    }

    /// Removes a key, wherever it stands in sections of the name; says whether it was there.
    ///
    /// # Errors
    /// If other lines would change their meaning, then `OtherLines`.
    pub fn remove_key(&mut self, section: &SectionName, key: &str) -> Result<bool, EditError> {
        let lines: Vec<_> = self.spans_of(section, key).map(|span| span.line..span.last_line + 1).collect();
        if lines.is_empty() {
            return Ok(false);
        }
        let edited = self.without_lines(&lines);
        self.take(edited, |name, other| name == section && other.eq_ignore_ascii_case(key), |_| true)?;
        Ok(true)
    }

    /// Gives a key another name, wherever it stands in sections of the name; says whether it was there.
    ///
    /// # Errors
    /// If `to` has other characters than letters, digits and `._-`, then `InvalidKey`; if both are set, then
    /// `KeyExists`; if other lines would change their meaning, then `OtherLines`.
    pub fn rename_key(&mut self, section: &SectionName, from: &str, to: &str) -> Result<bool, EditError> {
        check_key(to)?;
        let Some(value) = self.entry(section, from).map(|entry| entry.value().into_owned()) else { return Ok(false) };
        if !from.eq_ignore_ascii_case(to)
            && let Some(entry) = self.entry(section, to)
        {
            return Err(EditError::KeyExists { path: self.path.clone(), line: entry.line(), key: to.to_owned() });
        }
        let mut edited = self.copy(0);
        let keys: Vec<_> = self.spans_of(section, from).map(|span| span.key.clone()).collect();
        for key in keys.into_iter().rev() {
            edited.replace_range(key, to);
        }
        let either = |key: &str| key.eq_ignore_ascii_case(from) || key.eq_ignore_ascii_case(to);
        let renamed = |text: &ConfigText| text.entry(section, to).is_some_and(|entry| entry.value() == value);
        self.take(edited, |name, other| name == section && either(other), renamed)?;
        Ok(true)
    }

    /// Removes all sections of the name with all their keys; says whether there was one. Comments behind the last key
    /// stay.
    ///
    /// # Errors
    /// If other lines would change their meaning, then `OtherLines`.
    pub fn remove_section(&mut self, section: &SectionName) -> Result<bool, EditError> {
        self.remove_sections(&HashSet::from([section]))
    }

    /// As [`ConfigText::remove_section`] for several, all of them or none.
    ///
    /// # Errors
    /// As [`ConfigText::remove_section`].
    pub fn remove_sections(&mut self, sections: &HashSet<&SectionName>) -> Result<bool, EditError> {
        let mut removed: Vec<Range<usize>> = Vec::new();
        let meant = |(_, candidate): &(usize, &Section)| sections.contains(&candidate.name);
        for (number, candidate) in self.sections.iter().enumerate().filter(meant) {
            let next_heading = self.sections.get(number + 1).map_or(self.lines.len(), |next| next.line);
            let is_blank = |line: usize| self.content(line).trim().is_empty();
            let mut lines = candidate.line..candidate.line + 1;
            for line in lines.end..next_heading {
                if !is_blank_or_comment(self.content(line).trim()) {
                    lines.end = line + 1;
                }
            }
            if let Some(before) = removed.pop_if(|before| before.end == lines.start) {
                lines.start = before.start;
            }
            // One blank line goes with the section: the one below, or the one above if it is the last of the file.
            if lines.end < self.lines.len() {
                lines.end += usize::from(is_blank(lines.end));
            } else if lines.start > 0 {
                lines.start -= usize::from(is_blank(lines.start - 1));
            }
            removed.push(lines);
        }
        if removed.is_empty() {
            return Ok(false);
        }
        let edited = self.without_lines(&removed);
        let is_gone = |text: &ConfigText| !text.section_names().any(|name| sections.contains(name));
        self.take(edited, |name, _| sections.contains(name), is_gone)?;
        Ok(true)
    }

    /// A copy with room for an edit: a text that grows by moving would leave its secrets behind.
    fn copy(&self, room: usize) -> String {
        let mut copy = String::with_capacity(self.as_str().len() + 4096 + room);
        copy.push_str(self.as_str());
        copy
    }

    fn spans_of(&self, section: &SectionName, key: &str) -> impl Iterator<Item = &super::text::Span> {
        let sections = self.sections.iter().filter(move |candidate| candidate.name == *section);
        let spans = sections.flat_map(|section| &self.spans[section.spans.clone()]);
        spans.filter(move |span| self.as_str()[span.key.clone()].eq_ignore_ascii_case(key))
    }

    /// The bytes of the value that counts, with its continuation, and what must part it from the delimiter.
    fn value_place(&self, section: &SectionName, key: &str) -> Option<(Range<usize>, &'static str)> {
        let span = self.spans_of(section, key).last()?;
        let end = match span.line == span.last_line {
            true => span.value.end,
            false => self.lines[span.last_line].content_end,
        };
        // `key =` becomes `key = value`, `key=` becomes `key=value`.
        let delimiter = &self.as_str()[span.key.end..span.value.start];
        let gap =
            if span.value.is_empty() && delimiter.starts_with(' ') && !delimiter.ends_with(' ') { " " } else { "" };
        Some((span.value.start..end, gap))
    }

    /// The line a new key of the section goes behind, and the white space it begins with to be read as a key.
    fn last_line_of(&self, section: &SectionName) -> Option<(usize, &str)> {
        let number = self.sections.iter().rposition(|candidate| candidate.name == *section)?;
        let margin = |line: usize| {
            let content = self.content(line);
            &content[..content.len() - content.trim_start().len()]
        };
        if let Some(span) = self.spans[self.sections[number].spans.clone()].last() {
            return Some((span.last_line, margin(span.line)));
        }
        // The next heading must not be indented deeper than our key, or it would continue its value.
        let heading = self.sections[number].line;
        Some((heading, margin(self.sections.get(number + 1).map_or(heading, |next| next.line))))
    }

    /// How new lines behind this one end: as it does, or as the first of the file does if it has no ending.
    fn line_ending(&self, line: usize) -> &str {
        let endings = [line, 0].map(|line| &self.as_str()[self.lines[line].content_end..self.lines[line].end]);
        endings.into_iter().find(|ending| !ending.is_empty()).unwrap_or("\n")
    }

    /// A file without a last line ending stays one.
    fn insert_after(&self, edited: &mut String, line: usize, content: &str) {
        let (ending, line) = (self.line_ending(line), self.lines[line]);
        match line.end > line.content_end {
            true => edited.insert_str(line.end, &format!("{content}{ending}")),
            false => edited.push_str(&format!("{ending}{content}")),
        }
    }

    /// `edited` is this text, perhaps with sections behind it already.
    fn append_section(&self, edited: &mut String, heading: &str, entry: &str) {
        let body = |ending: &str| match entry {
            "" => heading.to_owned(),
            entry => format!("{heading}{ending}{entry}"),
        };
        let Some(last) = self.lines.len().checked_sub(1) else {
            let blank = if edited.len() > self.as_str().len() { "\n" } else { "" };
            return edited.push_str(&format!("{blank}{}\n", body("\n")));
        };
        let ending = self.line_ending(last);
        match self.lines[last].end > self.lines[last].content_end {
            true => edited.push_str(&format!("{ending}{}{ending}", body(ending))),
            false => edited.push_str(&format!("{ending}{ending}{}", body(ending))),
        }
    }

    fn heading(&self, section: &SectionName) -> Result<String, EditError> {
        match (self.kind, section) {
            (FileKind::Config, SectionName::Profile(name)) if name.is_default() => Ok(format!("[{name}]")),
            (FileKind::Config, SectionName::Profile(name)) => Ok(format!("[profile {}]", quoted(name))),
            (FileKind::Credentials, SectionName::Profile(name)) => Ok(format!("[{name}]")),
            (_, SectionName::Services(name) | SectionName::SsoSession(name) | SectionName::Other(name)) => {
                let section = name.chars().filter(|character| !is_unseen(*character)).collect();
                Err(EditError::InvalidSection { path: self.path.clone(), section })
            }
        }
    }

    /// A file without a last line ending stays one.
    fn without_lines(&self, removed: &[Range<usize>]) -> String {
        let mut is_removed = vec![false; self.lines.len()];
        removed.iter().for_each(|lines| is_removed[lines.clone()].fill(true));
        let kept = |number: &usize| !is_removed[*number];
        let mut left = String::with_capacity(self.as_str().len());
        left.push_str(&self.as_str()[..self.lines[0].start]);
        let mut last_ending = 0;
        for line in (0..self.lines.len()).filter(kept).map(|number| self.lines[number]) {
            left.push_str(&self.as_str()[line.start..line.end]);
            last_ending = line.end - line.content_end;
        }
        let is_unterminated = self.lines.last().is_some_and(|line| line.content_end == line.end);
        if is_unterminated {
            left.truncate(left.len() - last_ending);
        }
        left
    }

    /// Takes the edited text if all entries but the edited ones are as before, and the edit did what it should.
    fn take(
        &mut self,
        edited: String,
        is_edited: impl Fn(&SectionName, &str) -> bool,
        is_done: impl Fn(&ConfigText) -> bool,
    ) -> Result<(), EditError> {
        let edited = ConfigText::parse(self.path.clone(), self.kind, edited);
        if is_done(&edited) && self.entries_but(&is_edited).eq(edited.entries_but(&is_edited)) {
            *self = edited;
            Ok(())
        } else {
            Err(EditError::OtherLines { path: self.path.clone() })
        }
    }

    fn entries_but(
        &self,
        is_edited: impl Fn(&SectionName, &str) -> bool,
    ) -> impl Iterator<Item = (&SectionName, &str, Vec<&str>)> {
        let spans = self.sections.iter().flat_map(move |section| {
            self.spans[section.spans.clone()]
                .iter()
                .map(move |span| (&section.name, &self.as_str()[span.key.clone()], span))
        });
        spans.filter(move |(name, key, _)| !is_edited(name, key)).map(|(name, key, span)| {
            let continuation = (span.line + 1..=span.last_line).map(|line| self.content(line));
            (name, key, [&self.as_str()[span.value.clone()]].into_iter().chain(continuation).collect())
        })
    }
}

fn check_key(key: &str) -> Result<(), EditError> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match !key.is_empty() && key.bytes().all(word) {
        true => Ok(()),
        false => Err(EditError::InvalidKey { key: key.chars().filter(|character| !is_unseen(*character)).collect() }),
    }
}

fn check_value(key: &str, value: &str) -> Result<(), EditError> {
    let reason = if value.is_empty() {
        "it is empty"
    } else if value.chars().any(char::is_control) {
        "it has a line break or another control character"
    } else if value.trim() != value {
        "it begins or ends with a space"
    } else if value.starts_with('[') {
        "it begins with `[`"
    } else {
        return Ok(());
    };
    Err(EditError::InvalidValue { key: key.to_owned(), reason })
}

/// Quotes a name as botocore's heading reader (POSIX shell quoting) needs it.
fn quoted(name: &ProfileName) -> String {
    match name.as_str().contains([' ', '\t', '"', '\'', '\\']) {
        true => format!("\"{}\"", name.as_str().replace('\\', "\\\\").replace('"', "\\\"")),
        false => name.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(kind: FileKind, text: &str) -> ConfigText {
        ConfigText::parse("file", kind, text)
    }

    fn config(text: &str) -> ConfigText {
        parse(FileKind::Config, text)
    }

    fn profile(name: &str) -> SectionName {
        SectionName::Profile(name.parse().expect("a profile name"))
    }

    #[test]
    fn a_key_is_set_in_place_and_all_else_stays() {
        let mut text =
            config("# mine\r\n[profile a]\r\nRegion=us-east-1  \r\n\r\n# next\r\n[profile b]\r\nregion = x\r\n");
        text.set(&profile("a"), "region", "eu-west-1").expect("set");
        assert_eq!(
            text.as_str(),
            "# mine\r\n[profile a]\r\nRegion=eu-west-1  \r\n\r\n# next\r\n[profile b]\r\nregion = x\r\n"
        );
        text.set(&profile("a"), "mfa_serial", "GAHT12345678").expect("set");
        assert!(text.as_str().contains("Region=eu-west-1  \r\nmfa_serial = GAHT12345678\r\n\r\n# next"));
    }

    #[test]
    fn a_new_section_goes_to_the_end_of_the_file() {
        let mut text = config("[default]\nregion = x\n");
        text.set(&profile("it's \"a\" \\ b"), "region", "y").expect("set");
        assert_eq!(text.as_str(), "[default]\nregion = x\n\n[profile \"it's \\\"a\\\" \\\\ b\"]\nregion = y\n");
        let mut empty = parse(FileKind::Credentials, "");
        empty.set(&profile("a b"), "aws_access_key_id", "x").expect("set");
        assert_eq!(empty.as_str(), "[a b]\naws_access_key_id = x\n");
        let mut empty = config("");
        empty.set(&profile("default"), "region", "x").expect("set");
        assert_eq!(empty.as_str(), "[default]\nregion = x\n");
    }

    #[test]
    fn many_new_sections_are_made_as_one_after_the_other() {
        let names = [profile("a"), profile("b"), profile("c c"), profile("b")];
        for before in ["", "\u{feff}", "[profile b]\n", "# x\r\n[default]\r\nregion = x", "[profile z]\nx = 1\n\n"] {
            let (mut one_by_one, mut at_once) = (config(before), config(before));
            names.iter().for_each(|name| one_by_one.add_section(name).expect("added"));
            at_once.add_sections(&names).expect("added");
            assert_eq!(at_once.as_str(), one_by_one.as_str(), "{before}");
        }
        let mut text = config("[profile a]\nx = 1\n");
        let refused = text.add_sections(&[profile("b"), SectionName::Other("x".to_owned())]);
        assert!(matches!(refused, Err(EditError::InvalidSection { .. })));
        assert_eq!(text.as_str(), "[profile a]\nx = 1\n");
    }

    #[test]
    fn what_would_inject_lines_is_refused() {
        let mut text = config("[profile a]\nx = 1\n");
        for value in ["1\n[profile evil]", "1\ry = 2", "[evil]", "", " 1", "1\0", "1\u{85}2"] {
            let error = text.set(&profile("a"), "x", value).expect_err(value);
            assert!(matches!(error, EditError::InvalidValue { .. }), "{error}");
        }
        for key in ["", "a=b", "a:b", "a b", "[x", "#x", "a\nb"] {
            let error = text.set(&profile("a"), key, "1").expect_err(key);
            assert!(matches!(error, EditError::InvalidKey { .. }), "{error}");
        }
        let section = SectionName::Other("x]\n[evil".to_owned());
        assert!(matches!(text.set(&section, "x", "1"), Err(EditError::InvalidSection { .. })));
        assert_eq!(text.as_str(), "[profile a]\nx = 1\n");
    }

    #[test]
    fn a_key_is_renamed_and_renamed_back() {
        let before = "[profile a]\nrole_arn = r\n  # kept\n[profile b]\nrole_arn = s\n";
        let mut text = config(before);
        assert_eq!(text.rename_key(&profile("a"), "role_arn", "mfavault_role_arn"), Ok(true));
        assert_eq!(text.as_str(), before.replacen("role_arn", "mfavault_role_arn", 1));
        assert_eq!(text.rename_key(&profile("a"), "mfavault_role_arn", "role_arn"), Ok(true));
        assert_eq!(text.as_str(), before);
        assert_eq!(text.rename_key(&profile("a"), "missing", "x"), Ok(false));
        let mut text = config("[profile a]\nx = 1\ny = 2\n");
        assert!(matches!(text.rename_key(&profile("a"), "x", "Y"), Err(EditError::KeyExists { line: 3, .. })));
        assert_eq!(text.rename_key(&profile("a"), "missing", "y"), Ok(false));
    }

    #[test]
    fn a_section_is_removed_with_its_keys_only() {
        let mut text =
            parse(FileKind::Credentials, "[a]\nk = 1\n\n# of b\n[b]\nk = 2\n# old\nl = 3\n# of c\n[c]\nk = 4\n");
        assert_eq!(text.remove_section(&profile("b")), Ok(true));
        assert_eq!(text.as_str(), "[a]\nk = 1\n\n# of b\n# of c\n[c]\nk = 4\n");
        assert_eq!(text.remove_section(&profile("c")), Ok(true));
        assert_eq!(text.remove_section(&profile("c")), Ok(false));
        assert_eq!(text.as_str(), "[a]\nk = 1\n\n# of b\n# of c\n");
    }

    #[test]
    fn many_sections_are_removed_as_one_after_the_other() {
        let names = [profile("a"), profile("b"), profile("d")];
        let files = [
            "[a]\nk = 1\n\n[b]\nk = 2\n\n[c]\nk = 3\n\n[d]\nk = 4\n",
            "[c]\n\n[a]\nk = 1\n\n[b]\nk = 2",
            "# x\n\n[d]\n[b]\n# y\n\n[a]\r\n\r\n[b]\r\n",
            "[a]\n\n\n[b]\n\n\n[d]\n\n",
            "\u{feff}[b]\n# of c\n[c]\nk = 4\n",
            "[c]\n",
        ];
        for before in files {
            let (mut one_by_one, mut at_once) =
                (parse(FileKind::Credentials, before), parse(FileKind::Credentials, before));
            let removed = names.iter().filter(|name| one_by_one.remove_section(name).expect("removed")).count();
            assert_eq!(at_once.remove_sections(&names.iter().collect()), Ok(removed > 0));
            assert_eq!(at_once.as_str(), one_by_one.as_str(), "{before}");
        }
        let before = "[c]\nx = 1\n[b]\n  [z]\ny = 2\n";
        let mut text = parse(FileKind::Credentials, before);
        assert!(matches!(text.remove_sections(&names.iter().collect()), Err(EditError::OtherLines { .. })));
        assert_eq!(text.as_str(), before);
    }

    #[test]
    fn an_edit_that_would_change_other_lines_is_refused() {
        let before = "[profile a]\nx = 1\n[profile b]\n  [profile c]\ny = 2\n";
        let mut text = config(before);
        assert!(matches!(text.remove_section(&profile("b")), Err(EditError::OtherLines { .. })));
        assert_eq!(text.as_str(), before);
        text.set(&profile("b"), "z", "3").expect("set at the margin of the next heading");
        assert!(text.entry(&profile("c"), "y").is_some());
    }

    /// Files made of the lines that matter, in any order, with any line ending.
    fn any_file() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec![
            "",
            "  ",
            "# note",
            "; note",
            "  # note",
            "[default]",
            "[profile a]",
            "[profile \"b c\"]",
            "  [profile a]",
            "[profile default]",
            "[profile a",
            "[services s]",
            "[a]",
            "x = 1",
            "X=2",
            "y: [3]",
            "  x = 4",
            "\ty = 5",
            "s3 =",
            "    region = in",
            "y =",
            "y = 1 # 2",
            "garbage",
            "  garbage",
            "= 1",
            "\u{a0}x = é",
        ]);
        let ending = prop::sample::select(vec!["\n", "\n", "\r\n", "\r", ""]);
        let file = prop::collection::vec((line, ending), 0..14);
        (any::<bool>(), file).prop_map(|(mark, file)| {
            let lines: String = file.into_iter().map(|(line, ending)| format!("{line}{ending}")).collect();
            format!("{}{lines}", if mark { "\u{feff}" } else { "" })
        })
    }

    proptest! {
        #[test]
        fn any_text_is_kept_and_never_panics(text in any::<String>(), file in any_file()) {
            for text in [text, file] {
                for kind in [FileKind::Config, FileKind::Credentials] {
                    let mut parsed = parse(kind, &text);
                    prop_assert_eq!(parsed.as_str(), &text);
                    for name in parsed.section_names().cloned().collect::<Vec<_>>() {
                        for entry in parsed.entries(&name) {
                            let _ = (entry.value(), entry.nested().count());
                        }
                        let _ = (parsed.set(&name, "k", "v"), parsed.remove_key(&name, "x"), parsed.remove_section(&name));
                    }
                }
            }
        }

        #[test]
        fn an_edit_and_its_reverse_give_the_same_bytes(file in any_file(), name in "[ab]|b c|default|é", key in "[xyz]", kind in any::<bool>()) {
            let kind = if kind { FileKind::Config } else { FileKind::Credentials };
            let section = profile(&name);
            let mut text = parse(kind, &file);
            let existed = text.contains(&section);
            let before = text.entry(&section, &key).map(|entry| entry.value().into_owned());
            if text.set(&section, &key, "new # value").is_ok() {
                prop_assert_eq!(text.entry(&section, &key).expect("set").value(), "new # value");
                match before {
                    _ if !existed => prop_assert_eq!(text.remove_section(&section), Ok(true)),
                    None => prop_assert_eq!(text.remove_key(&section, &key), Ok(true)),
                    Some(old) if check_value("", &old).is_ok() => prop_assert_eq!(text.set(&section, &key, &old), Ok(())),
                    // A nested block or a value that we would not write cannot come back.
                    Some(_) => return Ok(()),
                }
            }
            prop_assert_eq!(text.as_str(), file);
        }

        #[test]
        fn other_sections_keep_their_lines(file in any_file(), key in "[xyz]") {
            let before = config(&file);
            let mut after = before.clone();
            let _ = after.set(&profile("a"), &key, "new");
            let _ = after.remove_key(&profile("a"), "x");
            let others = |text: &ConfigText| -> Vec<String> {
                let names = text.section_names().filter(|name| **name != profile("a"));
                names.flat_map(|name| text.entries(name)).map(|entry| text.content(entry.line() - 1).to_owned()).collect()
            };
            prop_assert_eq!(others(&before), others(&after));
        }
    }
}
