//! The text of an AWS config or credentials file, kept as it is and indexed by section, key and line.
//!
//! Reads as the AWS CLI does (botocore on Python's `configparser`): comments are whole lines that begin with `#` or
//! `;`, a line indented deeper than its key continues the value, keys are case-insensitive, the last of several equal
//! keys wins. More forgiving in three points: repeated sections are merged, a byte order mark is skipped, and a line
//! that means nothing spoils only the section it stands in, not the file.

use std::{
    borrow::Cow,
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

use super::name::ProfileName;
use crate::secret::SecretText;

/// Which of AWS's two files a text is: they name their sections differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `~/.aws/config`: `[default]`, `[profile NAME]`, `[services NAME]`, `[sso-session NAME]`.
    Config,
    /// `~/.aws/credentials`: `[NAME]`.
    Credentials,
}

/// What a section is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SectionName {
    /// A profile.
    Profile(ProfileName),
    /// A group of service settings that profiles point to with `services`.
    Services(String),
    /// A sign-in session of IAM Identity Center.
    SsoSession(String),
    /// Anything else, or a heading that is not well formed; kept, never used.
    Other(String),
}

/// A file's text with an index of what stands where. The text may hold secret access keys.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigText {
    pub(super) path: PathBuf,
    pub(super) kind: FileKind,
    text: SecretText,
    pub(super) lines: Vec<Line>,
    pub(super) sections: Vec<Section>,
    pub(super) spans: Vec<Span>,
    /// Numbers of the sections, by name and then in the order of the file.
    by_name: Vec<usize>,
    malformed: Vec<(SectionName, MalformedLine)>,
}

/// A line that no AWS tool can make sense of; botocore refuses the whole file for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedLine {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: LineFault,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// A heading without its closing bracket.
    OpenHeading,
    /// Neither heading, key nor comment.
    Meaningless,
}

impl fmt::Display for LineFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            LineFault::OpenHeading => "the heading has no closing bracket",
            LineFault::Meaningless => "it is neither a heading, nor a key with a value, nor a comment",
        })
    }
}

/// Byte positions of one line; `end` is behind the line ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) start: usize,
    pub(super) content_end: usize,
    pub(super) end: usize,
}

/// A heading and the spans of the keys below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: SectionName,
    pub(super) line: usize,
    pub(super) spans: Range<usize>,
}

/// Where one key and its value stand; lines count from zero, `last_line` is that of the last continuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) line: usize,
    pub(super) last_line: usize,
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
}

/// One key of a section, with its value.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    text: &'a ConfigText,
    span: &'a Span,
}

impl ConfigText {
    /// Indexes a text; any text will do. `path` is only carried along, to name the file in errors.
    pub fn parse(path: impl Into<PathBuf>, kind: FileKind, text: impl Into<SecretText>) -> Self {
        let (path, text) = (path.into(), text.into());
        let lines = lines(text.expose());
        let (sections, spans, by_name, malformed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut parsed = ConfigText { path, kind, text, lines, sections, spans, by_name, malformed };
        parsed.index();
        let mut by_name: Vec<usize> = (0..parsed.sections.len()).collect();
        by_name.sort_by(|one, other| parsed.sections[*one].name.cmp(&parsed.sections[*other].name));
        parsed.by_name = by_name;
        parsed
    }

    /// The whole text, as it would be written back.
    pub fn as_str(&self) -> &str {
        self.text.expose()
    }

    /// The file this text is of.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The sections in the order of the file; a name comes as often as its heading does.
    pub fn section_names(&self) -> impl Iterator<Item = &SectionName> {
        self.sections.iter().map(|section| &section.name)
    }

    /// The profiles in the order of the file; a name comes as often as its heading does.
    pub fn profile_names(&self) -> impl Iterator<Item = &ProfileName> {
        self.section_names().filter_map(|name| match name {
            SectionName::Profile(name) => Some(name),
            _ => None,
        })
    }

    /// Whether the section has a heading in the file, even if nothing stands below it.
    pub fn contains(&self, section: &SectionName) -> bool {
        !self.numbers_of(section).is_empty()
    }

    /// The keys of all sections of the name, in the order of the file.
    pub fn entries<'a>(&'a self, section: &SectionName) -> impl Iterator<Item = Entry<'a>> {
        let sections = self.numbers_of(section).iter().map(|number| &self.sections[*number]);
        sections.flat_map(|section| &self.spans[section.spans.clone()]).map(|span| Entry { text: self, span })
    }

    /// The sections of a name, as numbers in the order of the file.
    fn numbers_of(&self, section: &SectionName) -> &[usize] {
        let name = |number: &usize| &self.sections[*number].name;
        let first = self.by_name.partition_point(|number| name(number) < section);
        let count = self.by_name[first..].partition_point(|number| name(number) == section);
        &self.by_name[first..first + count]
    }

    /// The key of a section that counts: the last, if there are several.
    pub fn entry(&self, section: &SectionName, key: &str) -> Option<Entry<'_>> {
        self.entries(section).filter(|entry| entry.key().eq_ignore_ascii_case(key)).last()
    }

    /// The first line that spoils the section. An open heading spoils the section it would begin; what stands above all
    /// headings, as if there were none, that of the profile `default`.
    pub fn malformed(&self, section: &SectionName) -> Option<MalformedLine> {
        self.malformed.iter().find(|(spoilt, _)| spoilt == section).map(|(_, line)| *line)
    }

    pub(super) fn content(&self, line: usize) -> &str {
        &self.as_str()[self.lines[line].start..self.lines[line].content_end]
    }

    fn index(&mut self) {
        let mut level = 0;
        let mut in_entry = false;
        for number in 0..self.lines.len() {
            let Line { start, content_end, .. } = self.lines[number];
            let content = &self.text.expose()[start..content_end];
            let trimmed = content.trim();
            if is_blank_or_comment(trimmed) {
                continue;
            }
            let margin = &content[..content.len() - content.trim_start().len()];
            let indent = margin.chars().count();
            if in_entry
                && indent > level
                && let Some(span) = self.spans.last_mut()
            {
                span.last_line = number;
                continue;
            }
            level = indent;
            in_entry = false;
            if let Some(inner) = trimmed.strip_prefix('[') {
                let name = heading_content(inner).map(|heading| section_name(self.kind, heading));
                // An open heading must not pour its keys into the section above.
                let name = name.unwrap_or_else(|| {
                    let fault = LineFault::OpenHeading;
                    self.malformed.push((section_name(self.kind, inner), MalformedLine { line: number + 1, fault }));
                    SectionName::Other(trimmed.to_owned())
                });
                let here = self.spans.len();
                self.sections.push(Section { name, line: number, spans: here..here });
            } else if let (Some((key, value)), Some(section)) =
                (split_entry(start + margin.len(), trimmed), self.sections.last_mut())
            {
                self.spans.push(Span { line: number, last_line: number, key, value });
                section.spans.end = self.spans.len();
                in_entry = true;
            } else {
                let default = || SectionName::Profile(ProfileName::default());
                let section = self.sections.last().map_or_else(default, |section| section.name.clone());
                // The first of a section is enough.
                if self.malformed.last().is_none_or(|(spoilt, _)| *spoilt != section) {
                    let fault = LineFault::Meaningless;
                    self.malformed.push((section, MalformedLine { line: number + 1, fault }));
                }
            }
        }
        if self.kind == FileKind::Config {
            self.choose_default();
        }
    }

    /// Of `[default]` and `[profile default]`, botocore takes the one that stands below, and nothing of the other.
    fn choose_default(&mut self) {
        let default = SectionName::Profile(ProfileName::default());
        let is_bare = |section: &Section| {
            heading_content(self.content(section.line).trim().trim_start_matches('[')) == Some(ProfileName::DEFAULT)
        };
        let found: Vec<(usize, bool)> = (self.sections.iter().enumerate())
            .filter(|(_, section)| section.name == default)
            .map(|(number, section)| (number, is_bare(section)))
            .collect();
        let Some((_, last_is_bare)) = found.last().copied() else { return };
        for (number, _) in found.into_iter().filter(|(_, is_bare)| *is_bare != last_is_bare) {
            self.sections[number].name = SectionName::Other(ProfileName::DEFAULT.to_owned());
        }
    }
}

impl fmt::Debug for ConfigText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ConfigText").field("path", &self.path).field("text", &self.text).finish_non_exhaustive()
    }
}

impl<'a> Entry<'a> {
    /// The key as written.
    pub fn key(&self) -> &'a str {
        &self.text.as_str()[self.span.key.clone()]
    }

    /// The value without surrounding white space; continuation lines follow behind a line feed each.
    pub fn value(&self) -> Cow<'a, str> {
        let first = &self.text.as_str()[self.span.value.clone()];
        if self.span.line == self.span.last_line {
            return Cow::Borrowed(first);
        }
        let mut value = first.to_owned();
        for (_, line) in self.continuation() {
            value.push('\n');
            value.push_str(line);
        }
        Cow::Owned(value)
    }

    /// The number of its line, from 1.
    pub fn line(&self) -> usize {
        self.span.line + 1
    }

    /// The file it stands in.
    pub fn path(&self) -> &'a Path {
        &self.text.path
    }

    /// The keys of a nested block (an empty value with indented `key = value` lines below), with line numbers from 1.
    pub fn nested(&self) -> impl Iterator<Item = (&'a str, &'a str, usize)> {
        let is_block = self.span.value.is_empty();
        self.continuation().filter(move |_| is_block).filter_map(|(number, line)| {
            let (key, value) = line.split_once('=')?;
            Some((key.trim(), value.trim(), number + 1))
        })
    }

    fn continuation(&self) -> impl Iterator<Item = (usize, &'a str)> {
        let text = self.text;
        let numbers = self.span.line + 1..=self.span.last_line;
        numbers.map(|number| (number, text.content(number).trim())).filter(|(_, line)| !is_blank_or_comment(line))
    }
}

pub(super) fn is_blank_or_comment(trimmed: &str) -> bool {
    trimmed.is_empty() || trimmed.starts_with(['#', ';'])
}

/// Splits as Python's universal newlines do: `\n`, `\r\n` and a lone `\r`. A byte order mark belongs to no line.
fn lines(text: &str) -> Vec<Line> {
    let bytes = text.as_bytes();
    let mut lines = Vec::with_capacity(text.len() / 24);
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while start < bytes.len() {
        let rest = &bytes[start..];
        let content_end = start + rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let end = match &bytes[content_end..] {
            [] => content_end,
            [b'\r', b'\n', ..] => content_end + 2,
            _ => content_end + 1,
        };
        lines.push(Line { start, content_end, end });
        start = end;
    }
    lines
}

/// What stands between the brackets, given what is behind the opening one; none if it is not closed. Behind the closing
/// one only a comment may follow, else it belongs to the name.
fn heading_content(inner: &str) -> Option<&str> {
    let closing =
        inner.match_indices(']').map(|(at, _)| at).find(|at| is_blank_or_comment(inner[at + 1..].trim_start()));
    closing.or_else(|| inner.rfind(']')).map(|at| &inner[..at])
}

fn section_name(kind: FileKind, heading: &str) -> SectionName {
    let other = || SectionName::Other(heading.to_owned());
    let profile = |name: &str| name.parse().map_or_else(|_| other(), SectionName::Profile);
    if kind == FileKind::Credentials {
        return profile(heading.trim());
    }
    if heading == ProfileName::DEFAULT {
        return SectionName::Profile(ProfileName::default());
    }
    let Some(words) = words(heading) else { return other() };
    let [kind, name] = words.as_slice() else { return other() };
    match kind.as_ref() {
        "profile" => profile(name),
        "services" => SectionName::Services(name.to_string()),
        "sso-session" => SectionName::SsoSession(name.to_string()),
        _ => other(),
    }
}

/// Splits a heading into words as botocore does (POSIX shell quoting); nothing if a quote is not closed.
fn words(heading: &str) -> Option<Vec<Cow<'_, str>>> {
    if !heading.contains(['"', '\'', '\\']) {
        return Some(heading.split([' ', '\t']).filter(|word| !word.is_empty()).map(Cow::Borrowed).collect());
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = heading.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => words.extend(word.take().map(Cow::Owned)),
            '\\' => word.get_or_insert_default().push(characters.next()?),
            quote @ ('"' | '\'') => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        end if end == quote => break,
                        '\\' if quote == '"' => match characters.next()? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            plain => word.extend(['\\', plain]),
                        },
                        inside => word.push(inside),
                    }
                }
            }
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word.map(Cow::Owned));
    Some(words)
}

/// The byte positions of key and value; the first `=` or `:` parts them.
fn split_entry(start: usize, trimmed: &str) -> Option<(Range<usize>, Range<usize>)> {
    let delimiter = trimmed.find(['=', ':'])?;
    let key = trimmed[..delimiter].trim_end();
    if key.is_empty() {
        return None;
    }
    let value = trimmed[delimiter + 1..].trim_start();
    let value_start = start + trimmed.len() - value.len();
    Some((start..start + key.len(), value_start..value_start + value.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> ConfigText {
        ConfigText::parse("config", FileKind::Config, text)
    }

    fn profile(name: &str) -> SectionName {
        SectionName::Profile(name.parse().expect("a profile name"))
    }

    fn value(text: &ConfigText, name: &str, key: &str) -> Option<String> {
        text.entry(&profile(name), key).map(|entry| entry.value().into_owned())
    }

    #[test]
    fn a_config_is_read_with_line_numbers() {
        let text = config(
            "\u{feff}# my config\r\n[default]\r\nregion=eu-central-1\r\n\r\n[profile \"a b\"]\r\n; note\r\nMFA_Serial = arn:aws:iam::123456789012:mfa/u#1\r\n",
        );
        assert_eq!(value(&text, "default", "region").as_deref(), Some("eu-central-1"));
        let serial = text.entry(&profile("a b"), "mfa_serial").expect("the key");
        assert_eq!((serial.key(), serial.line()), ("MFA_Serial", 7));
        assert_eq!(serial.value(), "arn:aws:iam::123456789012:mfa/u#1");
    }

    #[test]
    fn headings_are_told_apart_as_botocore_does() {
        let text = config(
            "[default]\n[profile a]\n[profile  'b c' ] # note\n[profile d\\ e]\n[services s]\n[sso-session t]\n[profile f g]\n[preview]\n[profile h\nx=1\n[profile]\n[]\n",
        );
        let other = |text: &str| SectionName::Other(text.to_owned());
        let expected = [
            profile("default"),
            profile("a"),
            profile("b c"),
            profile("d e"),
            SectionName::Services("s".to_owned()),
            SectionName::SsoSession("t".to_owned()),
            other("profile f g"),
            other("preview"),
            other("[profile h"),
            other("profile"),
            other(""),
        ];
        assert_eq!(text.section_names().cloned().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_credentials_file_names_profiles_without_the_word() {
        let text = ConfigText::parse("credentials", FileKind::Credentials, "[default]\na=1\n[profile x]\n[a b]\nc=2\n");
        assert_eq!(value(&text, "a b", "c").as_deref(), Some("2"));
        assert!(text.contains(&profile("profile x")));
    }

    #[test]
    fn of_default_and_profile_default_the_lower_one_counts() {
        let text = config("[default]\na=1\n[profile default]\nb=2\n");
        assert_eq!((value(&text, "default", "a"), value(&text, "default", "b").as_deref()), (None, Some("2")));
        let text = config("[profile 'default']\nb=2\n[ profile x]\n[default] # note\na=1\n");
        assert_eq!((value(&text, "default", "a").as_deref(), value(&text, "default", "b")), (Some("1"), None));
    }

    #[test]
    fn repeated_sections_are_merged_and_the_last_key_wins() {
        let text = config("[profile a]\nx=1\ny=2\n[profile b]\nx=9\n[profile a]\nX = 3\n");
        assert_eq!(value(&text, "a", "x").as_deref(), Some("3"));
        assert_eq!(value(&text, "a", "y").as_deref(), Some("2"));
    }

    #[test]
    fn nested_blocks_and_continuations_belong_to_their_key() {
        let text = config(
            "[profile a]\ns3 =\n  # note\n  region = inner\n\n  endpoint_url = http://x\nregion = outer\ncredential_process = one\n   two\n",
        );
        assert_eq!(value(&text, "a", "region").as_deref(), Some("outer"));
        assert_eq!(value(&text, "a", "credential_process").as_deref(), Some("one\ntwo"));
        let block = text.entry(&profile("a"), "s3").expect("the block");
        assert_eq!(block.nested().collect::<Vec<_>>(), [("region", "inner", 4), ("endpoint_url", "http://x", 6)]);
    }

    #[test]
    fn debug_does_not_show_the_text() {
        let text = config("[profile a]\naws_secret_access_key = wJalrXUtnFEMI\n");
        let entry = text.entry(&profile("a"), "aws_secret_access_key");
        assert!(!format!("{text:?} {entry:?}").contains("wJalrXUtnFEMI"));
    }

    #[test]
    fn what_means_nothing_spoils_its_section_only() {
        let text = config(
            "lost = 1\n[profile a]\nx : 1\nnonsense\n  more\n[profile b]\n= 5\n[profile c]\ny=1\n[profile  d\nz=1\n",
        );
        assert_eq!(text.spans.len(), 2 + 1, "{:?}", text.spans);
        assert_eq!(value(&text, "a", "x").as_deref(), Some("1"));
        assert_eq!(value(&text, "c", "z"), None);
        let line = |name: &str| text.malformed(&profile(name)).map(|malformed| (malformed.line, malformed.fault));
        assert_eq!(line("default"), Some((1, LineFault::Meaningless)));
        assert_eq!(line("a"), Some((4, LineFault::Meaningless)));
        assert_eq!(line("b"), Some((7, LineFault::Meaningless)));
        assert_eq!(line("c"), None);
        assert_eq!(line("d"), Some((10, LineFault::OpenHeading)));
        assert!(!text.contains(&profile("d")));
    }
}
