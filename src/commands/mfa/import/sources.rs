//! Where seeds come from: what a person types, what is piped in, pictures, and exports with or without a password.

use std::path::{Path, PathBuf};

use ring::digest;

use super::{File, Found, From};
use crate::{
    commands::{Context, Error},
    mfa::{
        CodeSettings, Seed,
        interchange::{self, Format, Imported, InterchangeError},
        qr,
        uri::OtpauthUri,
    },
    secret::{SecretBytes, SecretText},
};

/// How often a person may try the password of an export.
const TRIES: usize = 3;

/// Reads what there is; `name` says whether an entry without one needs none of its file.
pub(super) fn read(context: &Context<'_>, from: From, name: Option<&str>) -> Result<Found, Error> {
    match from {
        From::Prompt => {
            let text =
                context.prompt.secret("Seed (base32) or otpauth:// URI", "--stdin, --qr FILE or --from FORMAT FILE")?;
            of_text(&text, "typed in")
        }
        From::Text(text) => of_text(&text, "standard input"),
        From::Pictures(pictures) => of_pictures(&pictures),
        From::Export { format, files, password } => of_export(context, format, files, password, name.is_some()),
    }
}

/// A URI, or a bare seed; several lines, or what Google Authenticator exports, are several of them.
fn of_text(text: &SecretText, provenance: &str) -> Result<Found, Error> {
    let trimmed = text.expose().trim();
    let begins_with =
        |prefix: &str| trimmed.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let entry = match begins_with("otpauth-migration://") || (begins_with("otpauth://") && trimmed.contains('\n')) {
        true => return of_google(&[text.expose()], false),
        false if begins_with("otpauth://") => trimmed.parse()?,
        false => {
            let (seed, settings) = (Seed::from_base32(trimmed)?, CodeSettings::AWS);
            OtpauthUri { issuer: None, account: String::new(), seed, settings, counter: None }
        }
    };
    Ok(at_hand(entry, provenance, Vec::new()))
}

fn at_hand(entry: OtpauthUri, provenance: &str, in_the_clear: Vec<PathBuf>) -> Found {
    let (entries, skipped, provenance) = (vec![entry], Vec::new(), provenance.to_owned());
    Found { entries, skipped, provenance, in_the_clear, at_hand: true }
}

/// The texts of all QR codes of all pictures: one URI, or many, or parts of what Google Authenticator exports.
fn of_pictures(pictures: &[File]) -> Result<Found, Error> {
    let mut texts: Vec<SecretText> = Vec::new();
    for picture in pictures {
        let path = picture.path.clone().unwrap_or_else(|| "-".into());
        let codes = qr::read(picture.content.expose()).map_err(|source| Error::Picture { path, source })?;
        texts.extend(codes);
    }
    texts.dedup_by(|one, other| one == other);
    let in_the_clear = paths(pictures);
    if let [text] = &texts[..]
        && !text.expose().trim_start().starts_with("otpauth-migration:")
    {
        return Ok(at_hand(text.expose().parse()?, "QR code", in_the_clear));
    }
    let texts: Vec<&str> = texts.iter().map(|text| text.expose().trim()).collect();
    Ok(Found { in_the_clear, ..of_google(&texts, true)? })
}

/// Lines of URIs, in which Google's are taken together.
fn of_google(texts: &[&str], pictures: bool) -> Result<Found, Error> {
    // Reserved in one piece: a buffer that grew would leave copies behind.
    let mut lines = String::with_capacity(texts.iter().map(|text| text.len() + 1).sum());
    for text in texts {
        lines.push_str(text);
        lines.push('\n');
    }
    let file = SecretBytes::from(lines.into_bytes());
    let Imported { entries, skipped } = interchange::read(Format::Google, std::slice::from_ref(&file), None)?;
    let provenance = match texts.iter().any(|text| text.starts_with("otpauth-migration:")) {
        true => provenance(Format::Google, &[&file]),
        false => if pictures { "QR code" } else { "standard input" }.to_owned(),
    };
    let at_hand = entries.len() == 1 && skipped.is_empty();
    Ok(Found { entries, skipped, provenance, in_the_clear: Vec::new(), at_hand })
}

fn of_export(
    context: &Context<'_>,
    format: Format,
    files: Vec<File>,
    password: Option<SecretText>,
    is_named: bool,
) -> Result<Found, Error> {
    let paths = paths(&files);
    let contents: Vec<SecretBytes> = files.into_iter().map(|file| file.content).collect();
    let (mut imported, was_encrypted) = open(context, format, &contents, password)?;
    if format == Format::Pass && !is_named {
        // The name of an entry there is the name of its file.
        let name = paths.first().and_then(|path| path.file_stem()).and_then(|name| name.to_str()).unwrap_or_default();
        for entry in imported.entries.iter_mut().filter(|entry| entry.account.is_empty() && entry.issuer.is_none()) {
            entry.account = name.to_owned();
        }
    }
    Ok(Found {
        entries: imported.entries,
        skipped: imported.skipped,
        provenance: provenance(format, &contents.iter().collect::<Vec<_>>()),
        in_the_clear: if was_encrypted { Vec::new() } else { paths },
        at_hand: false,
    })
}

/// Reads an export, with its password if it has one; says whether it has.
fn open(
    context: &Context<'_>,
    format: Format,
    files: &[SecretBytes],
    password: Option<SecretText>,
) -> Result<(Imported, bool), Error> {
    match interchange::read(format, files, None) {
        Err(InterchangeError::NeedsPassword) => {}
        result => return Ok((result?, false)),
    }
    if let Some(password) = password {
        return Ok((interchange::read(format, files, Some(&password))?, true));
    }
    let mut tries = 1;
    loop {
        let password = context.prompt.secret("Password of the export", "--password-file FILE")?;
        match interchange::read(format, files, Some(&password)) {
            Err(InterchangeError::WrongPassword) if tries < TRIES => {
                tries += 1;
                context.prompt.say("wrong password, or a damaged export; once more");
            }
            result => return Ok((result?, true)),
        }
    }
}

fn paths(files: &[File]) -> Vec<PathBuf> {
    files.iter().filter_map(|file| file.path.as_deref().map(Path::to_owned)).collect()
}

/// Whose export, and enough of its hash to tell it from others.
fn provenance(format: Format, files: &[&SecretBytes]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    files.iter().for_each(|file| context.update(file.expose()));
    let hash: String = context.finish().as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{format} export {hash}")
}
