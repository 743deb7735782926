//! `mfa qr`: the QR codes of devices again, as pictures or for the terminal; for Google Authenticator's import, too.

use std::path::{Path, PathBuf};

use super::export::Devices;
use crate::{
    commands::{Context, Error, Outcome},
    mfa::qr,
    secret::{SecretBytes, SecretText},
};

/// In which form, and where to.
pub struct Arguments {
    /// Codes for Google Authenticator's import, of several devices each.
    pub google: bool,
    /// The file, `.png` or `.svg`; else they are shown on the terminal.
    pub output: Option<PathBuf>,
    /// Whether a file there is replaced.
    pub overwrite: bool,
}

/// Draws a QR code of each device, which decodes to its `otpauth://` URI, or those that Google Authenticator imports.
///
/// # Errors
/// As [`Context::device`]; if the file's name ends neither in `.png` nor `.svg`, then `PictureFormat`; if a text is
/// too long for a QR code, then `Qr`; if there is no device that could be drawn, then `NothingToExport`; if a device
/// asks and nobody agrees, then `Consent`.
pub fn run(context: &Context<'_>, devices: &Devices, arguments: &Arguments) -> Result<Outcome, Error> {
    let draw = arguments.output.as_deref().map(|path| Ok::<_, Error>((path, format(path)?))).transpose()?;
    let names = context.names_of(devices)?;
    let entries = context.entries(&names, "mfavault mfa qr")?.0;
    let texts: Vec<(String, SecretText)> = match arguments.google {
        true => context
            .for_google(&entries, draw.is_none())?
            .into_iter()
            .map(|part| ("Google Authenticator".to_owned(), part))
            .collect(),
        false => entries.iter().map(|(name, entry)| (name.clone(), entry.to_uri())).collect(),
    };
    context.audit_rescue("qr", &names)?;
    let Some((path, draw)) = draw else {
        let codes = texts.into_iter().map(|(title, text)| Ok((title, qr::terminal(&text)?)));
        let mut codes = codes.collect::<Result<Vec<_>, Error>>()?;
        return Ok(match (codes.len(), codes.pop()) {
            (1, Some((_, code))) => Outcome::QrCode(code),
            (_, last) => {
                codes.extend(last);
                Outcome::QrCodes(codes)
            }
        });
    };
    let count = texts.len();
    let files = texts.iter().enumerate().map(|(index, (_, text))| Ok((numbered(path, index + 1, count), draw(text)?)));
    Ok(Outcome::SecretFiles { files: files.collect::<Result<_, Error>>()?, overwrite: arguments.overwrite })
}

type Draw = fn(&SecretText) -> Result<SecretBytes, qr::QrError>;

fn format(path: &Path) -> Result<Draw, Error> {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("png") => Ok(qr::png),
        Some("svg") => Ok(|text| Ok(SecretBytes::from(qr::svg(text)?.expose().clone().into_bytes()))),
        _ => Err(Error::PictureFormat { path: path.to_owned() }),
    }
}

/// `codes.png` is `codes-1-of-3.png`, if there are three.
fn numbered(path: &Path, number: usize, count: usize) -> PathBuf {
    if count == 1 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}-of-{count}."));
    name.push(path.extension().unwrap_or_default());
    path.with_file_name(name)
}
