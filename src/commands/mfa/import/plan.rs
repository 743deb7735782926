//! What each entry of an export would be here: its name, its serial number, and how it stands to what the vault holds.

use std::collections::{HashMap, HashSet};

use ring::digest::{SHA256, digest};

use crate::{
    commands::mfa::{checked_name, misfit},
    mfa::{SerialNumber, interchange::Skipped, uri::OtpauthUri},
    vault::DeviceRecord,
    visible::visible,
};

const MOST_CHARACTERS: usize = 128;
/// What RFC 4226, section 4, demands of a seed; older services gave less.
const SHORT_BYTES: usize = 16;

/// An entry as it would come in.
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) uri: OtpauthUri,
    pub(super) serial_number: Option<SerialNumber>,
    pub(super) standing: Standing,
    /// What a person should know of it.
    pub(super) notes: Vec<String>,
}

/// How an entry stands to the vault.
#[derive(Debug, PartialEq)]
pub(super) enum Standing {
    /// Not here yet.
    New,
    /// Here with the same seed, or another entry of the same export.
    Same(&'static str),
    /// Its name or its serial number is here with another seed.
    Conflict(&'static str),
}

/// What makes two devices show the same codes.
type Codes = [u8; 32];

/// Plans all entries, those of AWS in this partition; the second list has those that cannot be named.
pub(super) fn plan(entries: Vec<OtpauthUri>, held: &[DeviceRecord], partition: &str) -> (Vec<Planned>, Vec<Skipped>) {
    let mut seen: HashMap<Codes, (String, &'static str)> = HashMap::new();
    for there in held {
        let name = there.device.name.clone();
        seen.insert(codes(&OtpauthUri::of(&there.device)), (name, "its seed is here already, under this name"));
    }
    let mut short: HashMap<String, usize> = HashMap::new();
    let mut fresh: HashSet<Codes> = HashSet::new();
    for entry in &entries {
        let codes = codes(entry);
        if !seen.contains_key(&codes) && fresh.insert(codes) {
            *short.entry(names(entry).first().cloned().unwrap_or_default()).or_default() += 1;
        }
    }
    let mut table = Table { held, partition, taken: HashSet::new(), numbers: HashMap::new(), serials: HashSet::new() };
    let (mut planned, mut nameless) = (Vec::with_capacity(entries.len()), Vec::new());
    for (index, uri) in entries.into_iter().enumerate() {
        let (codes, names) = (codes(&uri), names(&uri));
        let is_shared = names.first().is_some_and(|name| short.get(name).is_some_and(|count| *count > 1));
        let one = match (seen.get(&codes), names.is_empty()) {
            (Some((name, why)), _) => Planned {
                name: name.clone(),
                uri,
                serial_number: None,
                standing: Standing::Same(why),
                notes: Vec::new(),
            },
            (_, true) => {
                let (name, reason) =
                    (format!("entry {}", index + 1), "it has neither an account nor an issuer".to_owned());
                nameless.push(Skipped { name, reason });
                continue;
            }
            _ => table.place(uri, names, is_shared),
        };
        seen.entry(codes).or_insert_with(|| (one.name.clone(), "an entry before has its seed, and gets this name"));
        planned.push(one);
    }
    (planned, nameless)
}

/// What is taken already: by the vault, and by the entries before.
struct Table<'h> {
    held: &'h [DeviceRecord],
    partition: &'h str,
    taken: HashSet<String>,
    /// The last number that was put behind a name.
    numbers: HashMap<String, u32>,
    serials: HashSet<SerialNumber>,
}

impl Table<'_> {
    fn place(&mut self, uri: OtpauthUri, names: Vec<String>, is_shared: bool) -> Planned {
        let mut notes = Vec::new();
        let serial_number = self.serial_number(&uri, &mut notes);
        let bytes = uri.seed.bytes().len();
        if bytes < SHORT_BYTES {
            notes.push(format!("a short seed, of {} bits", 8 * bytes));
        }
        let holder = serial_number
            .as_ref()
            .and_then(|serial| self.held.iter().find(|there| there.device.serial_number.as_ref() == Some(serial)));
        let (name, standing) = match holder {
            // Under the name it has here, so that one serial number never has two seeds.
            Some(there) => {
                (there.device.name.clone(), Standing::Conflict("its serial number is here with another seed"))
            }
            None => self.free_name(&names, is_shared),
        };
        self.taken.insert(name.clone());
        Planned { name, uri, serial_number, standing, notes }
    }

    /// The serial number that the label of an AWS device tells, unless it cannot be that one's.
    fn serial_number(&mut self, uri: &OtpauthUri, notes: &mut Vec<String>) -> Option<SerialNumber> {
        let serial = uri.aws_label()?.serial_number_guess(self.partition)?;
        if let Some(reason) = misfit(uri.settings, uri.counter) {
            notes.push(format!("without a serial number: {reason}"));
            return None;
        }
        if !self.serials.insert(serial.clone()) {
            notes.push(format!("without a serial number: an entry before has {serial}"));
            return None;
        }
        notes.push(format!("{serial}, as its label says"));
        Some(serial)
    }

    /// The shorter name, if it is nobody else's; else the longer one, counted on if entries of this file share it.
    fn free_name(&mut self, names: &[String], is_shared: bool) -> (String, Standing) {
        let held = self.held;
        let is_held = |name: &str| held.iter().any(|there| there.device.name == name);
        let longest = names.last().cloned().unwrap_or_default();
        if let Some(name) = names.first()
            && !is_shared
            && !is_held(name)
            && !self.taken.contains(name)
        {
            return (name.clone(), Standing::New);
        }
        if !self.taken.contains(&longest) {
            let is_held = is_held(&longest);
            let conflict = Standing::Conflict("another seed has its name");
            return (longest, if is_held { conflict } else { Standing::New });
        }
        let last = self.numbers.entry(longest.clone()).or_insert(1);
        loop {
            *last += 1;
            let end = format!(" ({last})");
            let name = longest.chars().take(MOST_CHARACTERS - end.len()).collect::<String>() + &end;
            if !self.taken.contains(&name) && !is_held(&name) {
                return (name, Standing::New);
            }
        }
    }
}

/// How an entry may be called here, the shorter name first.
fn names(uri: &OtpauthUri) -> Vec<String> {
    let issuer = uri.issuer.as_deref().unwrap_or_default();
    let long = match (issuer.is_empty(), uri.account.is_empty()) {
        (false, false) => format!("{issuer}:{}", uri.account),
        _ => format!("{issuer}{}", uri.account),
    };
    let short = uri.aws_label().map_or_else(|| uri.account.clone(), |label| label.device_name);
    let mut names: Vec<String> =
        [short, long].iter().map(|name| fitting(name)).filter(|name| checked_name(name).is_ok()).collect();
    names.dedup();
    names
}

/// The nearest text that can name a record.
fn fitting(name: &str) -> String {
    let name = visible(name);
    name.trim_start_matches(|character: char| character == '-' || character.is_whitespace())
        .chars()
        .take(MOST_CHARACTERS)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// A fingerprint of what makes the codes.
fn codes(uri: &OtpauthUri) -> Codes {
    let settings = format!("{} {} ", uri.settings, uri.counter.is_some());
    let mut hashed = zeroize::Zeroizing::new(Vec::with_capacity(settings.len() + uri.seed.bytes().len()));
    hashed.extend_from_slice(settings.as_bytes());
    hashed.extend_from_slice(uri.seed.bytes());
    let mut codes = [0; 32];
    codes.copy_from_slice(digest(&SHA256, &hashed).as_ref());
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_entries_of_one_name_are_counted_without_counting_each_time_from_the_beginning() {
        let entry = |number: u32| -> OtpauthUri {
            let seed = crate::mfa::Seed::from_bytes([&[0; 16][..], &number.to_be_bytes()].concat()).expect("a seed");
            format!("otpauth://totp/a?secret={}", seed.to_base32().expose()).parse().expect("a URI")
        };
        let begun = std::time::Instant::now();
        let (planned, nameless) = plan((0..10_000).map(entry).collect(), &[], "aws");
        let names: HashSet<&str> = planned.iter().map(|one| one.name.as_str()).collect();
        assert_eq!((names.len(), nameless.len()), (10_000, 0));
        assert!(names.contains("a") && names.contains("a (2)") && names.contains("a (10000)"));
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    }
}
