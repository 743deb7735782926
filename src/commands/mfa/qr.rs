//! `mfa qr`: the QR code of a device again, as a picture or for the terminal.

use std::path::PathBuf;

use crate::{
    commands::{Context, Error, Outcome},
    mfa::{qr, uri::OtpauthUri},
    secret::SecretBytes,
};

/// Draws the QR code; it decodes to the device's `otpauth://` URI.
///
/// # Errors
/// As [`Context::device`]; if the file's name ends neither in `.png` nor `.svg`, then `PictureFormat`; if the text is
/// too long for a QR code, then `Qr`.
pub fn run(context: &Context<'_>, name: &str, output: Option<PathBuf>, overwrite: bool) -> Result<Outcome, Error> {
    let Some(path) = output else {
        let uri = OtpauthUri::of(&context.device(name)?.device).to_uri();
        return Ok(Outcome::QrCode(qr::terminal(&uri)?));
    };
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let is_png = match extension.as_deref() {
        Some("png") => true,
        Some("svg") => false,
        _ => return Err(Error::PictureFormat { path }),
    };
    let uri = OtpauthUri::of(&context.device(name)?.device).to_uri();
    let content = match is_png {
        true => qr::png(&uri)?,
        false => SecretBytes::from(qr::svg(&uri)?.expose().clone().into_bytes()),
    };
    Ok(Outcome::SecretFile { path, content, overwrite })
}
