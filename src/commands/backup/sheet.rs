//! `backup sheet`: a page to print, with each device's QR code and seed. It is not encrypted: paper is the safe place.

mod page;

use std::path::PathBuf;

use self::page::Entry;
use super::compare::next_counter;
use crate::{
    atomic_file,
    commands::{Context, Error, Outcome},
    mfa::{
        qr::{self, QrError},
        uri::OtpauthUri,
    },
    rfc3339,
    vault::{AuditEvent, DeviceRecord},
};

/// What goes where.
pub struct Arguments {
    /// The file to write, in HTML.
    pub file: PathBuf,
    /// The devices, or the profiles whose devices are meant; none for all.
    pub names: Vec<String>,
    /// Whether it was confirmed beforehand.
    pub confirmed: bool,
    /// Whether a file there is replaced.
    pub overwrite: bool,
}

/// Writes the page, reads it back and compares it, and notes that its devices are backed up.
///
/// # Errors
/// If the vault has no device, then `NothingToBackUp`; if a name is of none, then as [`Context::device_name`]; if nobody
/// confirms, then `Prompt` or `Declined`; if a device asks and nobody agrees, then `Consent`; if the file exists, then
/// `File`; if it reads otherwise than it was written, then `BackupNotReadBack`.
pub fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Error> {
    let path = &arguments.file;
    if !arguments.overwrite {
        atomic_file::check_new_file(path)?;
    }
    let names = names(context, &arguments.names)?;
    let question = format!(
        "Write {} unencrypted to {}? Whoever reads that file can make their codes.",
        match &names[..] {
            [name] => format!("the seed of {name}"),
            names => format!("the seeds of {} devices", names.len()),
        },
        path.display()
    );
    let mut records = Vec::with_capacity(names.len());
    let mut all_agreed = true;
    for name in &names {
        let record = context.vault.device(name)?;
        let record = record.ok_or_else(|| Error::RecordGone { kind: "device", name: name.clone() })?;
        all_agreed &= context.agree_to_seed(&record, "mfavault backup sheet")?;
        records.push(record);
    }
    // Of devices that ask, there is one question: the one that no option answers.
    if !all_agreed {
        context.confirm(arguments.confirmed, &question, "--yes")?;
    }
    let now = context.clock.now();
    let entries = records.into_iter().map(|record| entry(context, record)).collect::<Result<Vec<_>, _>>()?;
    let page = page::html(&entries, now);
    context.audit(&AuditEvent::Exported { format: "sheet", names: &names })?;
    atomic_file::write_user_file(path, page.expose().as_bytes(), arguments.overwrite)?;
    if atomic_file::read_user_file(path)? != page.expose().as_bytes() {
        return Err(Error::BackupNotReadBack { path: path.clone() });
    }
    for name in &names {
        if let Err(error) = context.vault.note_picture(name, now) {
            context.prompt.say(&format!("warning: the vault could not take a note of this sheet: {error}"));
        }
    }
    context.prompt.say(&format!(
        "wrote {} of {} to {}; read back and compared",
        if names.len() == 1 { "the sheet".to_owned() } else { format!("the sheet of {} devices", names.len()) },
        rfc3339::format(now),
        path.display()
    ));
    context.prompt.say("print it from a browser, keep the paper in a safe place, and delete the file");
    Ok(Outcome::Done)
}

/// Each device once, in the order they were named.
fn names(context: &Context<'_>, asked: &[String]) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = Vec::new();
    for name in asked {
        let name = context.device_name(name)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if asked.is_empty() {
        names.extend(context.vault.index()?.devices.into_keys());
    }
    if names.is_empty() { Err(Error::NothingToBackUp) } else { Ok(names) }
}

fn entry(context: &Context<'_>, mut record: DeviceRecord) -> Result<Entry, Error> {
    // The next codes are to be those that were not given out.
    record.device.counter = next_counter(context, &record)?;
    let uri = OtpauthUri::of(&record.device).to_uri();
    let picture = match qr::svg(&uri) {
        Err(QrError::TooLong) => None,
        result => Some(result?),
    };
    Ok(Entry { device: record.device, is_large: uri.expose().len() > 400, picture })
}
