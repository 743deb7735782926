//! `mfa import`: seeds from elsewhere: typed, piped, pictures of QR codes, exports of other authenticators.
//!
//! One seed that a person has at hand is stored at once. An export, or several, is first shown as it would come in, and
//! stored as a whole or not at all.

mod one;
mod plan;
mod several;
mod sources;

use std::path::PathBuf;

use crate::{
    aws::endpoints,
    commands::{Context, Error, Outcome, SessionRequest},
    mfa::{
        SerialNumber, VirtualMfaDevice,
        interchange::{Format, Skipped},
        uri::OtpauthUri,
    },
    profile::ProfileName,
    secret::{SecretBytes, SecretText},
    vault::DeviceRecord,
};

/// What to import, and as what.
pub struct Arguments {
    /// The local name; worked out if not given.
    pub name: Option<String>,
    /// Where the seed is.
    pub from: From,
    /// What AWS knows the device by.
    pub serial_number: Option<SerialNumber>,
    /// The profile whose user has it.
    pub profile: Option<ProfileName>,
    /// Whether another seed of the name is replaced.
    pub overwrite: bool,
    /// Whether it is only said what would come in.
    pub dry_run: bool,
    /// Whether it was confirmed beforehand.
    pub confirmed: bool,
}

/// Where the seed is.
pub enum From {
    /// A person types or pastes it.
    Prompt,
    /// The text that was piped in.
    Text(SecretText),
    /// Pictures of QR codes.
    Pictures(Vec<File>),
    /// The export of another authenticator.
    Export {
        /// Whose it is.
        format: Format,
        /// One file, or the pictures of one export.
        files: Vec<File>,
        /// Its password, if it was given beforehand.
        password: Option<SecretText>,
    },
}

/// A file as it was read.
pub struct File {
    /// Where it is; none if it came by standard input.
    pub path: Option<PathBuf>,
    /// What is in it.
    pub content: SecretBytes,
}

/// What was found where the seed is.
struct Found {
    entries: Vec<OtpauthUri>,
    skipped: Vec<Skipped>,
    /// Where the seeds are said to come from.
    provenance: String,
    /// Files whose seeds anybody can read who can read them.
    in_the_clear: Vec<PathBuf>,
    /// Whether it is one seed that a person has at hand.
    at_hand: bool,
}

/// Reads, checks and stores devices, and reads them back.
///
/// # Errors
/// If what was given is not a seed, then `Seed`, `Uri`, `Picture` or `Interchange`; if nothing in it can be used, then
/// `NothingToImport`; if the name cannot be worked out, then `NameNeeded`; if a name, serial number or profile is given
/// for several, then `ForOneDevice`; if it is for AWS but its codes are not of the kind AWS takes, then `NotForAws`; if
/// another seed has the name, then `DeviceExists` or `ImportConflict`; if the serial number is held under another name,
/// then `SerialNumberHeld`; if nobody confirms, then `Prompt` or `Declined`; if the keystore fails midway, then `Vault`,
/// with everything put back.
pub fn run(context: &Context<'_>, arguments: Arguments) -> Result<Outcome, Error> {
    let Arguments { name, from, serial_number, profile, overwrite, dry_run, confirmed } = arguments;
    let Found { mut entries, skipped, provenance, in_the_clear, at_hand } =
        sources::read(context, from, name.as_deref())?;
    let way = Way { overwrite, dry_run, confirmed };
    let wishes = Wishes { name, serial_number, profile };
    let count = entries.len();
    let stored = match (wishes.first(), entries.pop()) {
        (_, None) => {
            say_skipped(context, &skipped);
            return Err(Error::NothingToImport);
        }
        (Some(option), Some(_)) if count > 1 => return Err(Error::ForOneDevice { option, count }),
        (None, Some(last)) if count > 1 || !at_hand => {
            entries.push(last);
            several::run(context, entries, &skipped, &provenance, way)?
        }
        (_, Some(uri)) => {
            say_skipped(context, &skipped);
            one::run(context, uri, wishes, provenance, way, at_hand)?
        }
    };
    for path in in_the_clear.iter().filter(|_| stored) {
        context.prompt.say(&format!(
            "{} still holds seeds that whoever reads it can use: delete it; on SSDs and copy-on-write file systems even \
             what is overwritten may stay readable",
            path.display()
        ));
    }
    Ok(Outcome::Done)
}

/// How far to go, and over what.
#[derive(Clone, Copy)]
struct Way {
    overwrite: bool,
    dry_run: bool,
    confirmed: bool,
}

/// What was said about the one device on the command line.
struct Wishes {
    name: Option<String>,
    serial_number: Option<SerialNumber>,
    profile: Option<ProfileName>,
}

impl Wishes {
    /// Which of them comes first, if any was given.
    fn first(&self) -> Option<&'static str> {
        let given = [
            ("name", self.name.is_some()),
            ("serial number", self.serial_number.is_some()),
            ("profile", self.profile.is_some()),
        ];
        given.iter().find(|(_, is_given)| *is_given).map(|(what, _)| *what)
    }
}

/// The partition that a device's label leaves out: that of the profile's region, or of the environment's.
fn partition(context: &Context<'_>, profile: Option<&ProfileName>) -> Result<&'static str, Error> {
    let region = match profile {
        Some(profile) => Some(SessionRequest::plain(profile.clone()).endpoints(context)?.iam_signing_region),
        None => context.environment.region.as_ref().map(|region| region.value.clone()),
    };
    Ok(endpoints::partition_name(region.as_deref()))
}

fn record(
    context: &Context<'_>,
    name: String,
    serial_number: Option<SerialNumber>,
    uri: OtpauthUri,
    provenance: &str,
) -> DeviceRecord {
    let OtpauthUri { issuer, account, seed, settings, counter } = uri;
    let account = if account.is_empty() { name.clone() } else { account };
    let device = VirtualMfaDevice { name, serial_number, issuer, account, seed, settings, counter };
    DeviceRecord::new(device, None, provenance, context.clock.now())
}

/// One line of what would come in.
fn say_line(context: &Context<'_>, word: &str, name: &str, notes: &[String]) {
    let notes = if notes.is_empty() { String::new() } else { format!(": {}", notes.join("; ")) };
    context.prompt.say(&format!("  {word:<9}{name}{notes}"));
}

fn say_skipped(context: &Context<'_>, skipped: &[Skipped]) {
    for Skipped { name, reason } in skipped {
        say_line(context, "skipped", name, std::slice::from_ref(reason));
    }
}
