//! The page itself: one file of HTML, without scripts and without anything from elsewhere, for A4 and Letter.

use std::time::SystemTime;

use crate::{
    mfa::{CodeSettings, VirtualMfaDevice},
    rfc3339,
    secret::SecretText,
    visible::visible,
};

/// Black on white, also on a screen that is dark; a device is never split over two pages.
const STYLE: &str = "\
@page { margin: 15mm; }\n\
:root { color-scheme: light; }\n\
body { margin: 0 auto; max-width: 180mm; padding: 4mm; background: #fff; color: #000; font: 10pt/1.4 sans-serif; }\n\
h1 { font-size: 15pt; margin: 0 0 2mm; }\n\
h2 { font-size: 12pt; margin: 0 0 2mm; }\n\
p, dl { margin: 0 0 3mm; }\n\
.device { break-inside: avoid; page-break-inside: avoid; border-top: 0.3mm solid #000; padding: 4mm 0; }\n\
.device::after { content: ''; display: block; clear: both; }\n\
.code { float: left; width: 46mm; margin: 0 6mm 0 0; }\n\
.large .code { float: none; width: 105mm; }\n\
.code svg { display: block; width: 100%; height: auto; }\n\
dt { font-size: 8pt; }\n\
dd { margin: 0 0 1.5mm; overflow-wrap: anywhere; }\n\
dl { overflow: hidden; }\n\
.seed { font: 11pt/1.5 monospace; }\n\
@media print { body { max-width: none; padding: 0; } }\n";

/// One device as it goes on the page.
pub(super) struct Entry {
    /// Of a counter-based one with the counter of its next code.
    pub(super) device: VirtualMfaDevice,
    /// Its QR code in SVG; none if the text is too long for one.
    pub(super) picture: Option<SecretText>,
    /// Whether the code has so many modules that they would be too small for a camera otherwise.
    pub(super) is_large: bool,
}

/// The whole page.
pub(super) fn html(entries: &[Entry], made: SystemTime) -> SecretText {
    let pictures = entries.iter().filter_map(|entry| entry.picture.as_ref());
    let drawn: usize = pictures.map(|picture| picture.expose().len()).sum();
    // One allocation: a buffer that grew would leave copies of the seeds behind.
    let mut page = String::with_capacity(drawn + entries.len() * 16 * 1024 + 8192);
    let made = rfc3339::format(made);
    page.push_str(&format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>MFA devices, backup sheet of {made}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>MFA devices, backup sheet of {made}</h1>\n\
         <p>{} Whoever has this paper can make their authentication codes. To bring a device back, scan its QR code with \
         any authenticator app. Or use mfavault: <code>mfavault mfa import NAME --serial SERIAL</code> asks for the seed, \
         and with <code>--qr PICTURE</code> it reads a photograph; without a serial number leave <code>--serial</code> out.\
         </p>\n",
        match entries.len() {
            1 => "One device.".to_owned(),
            count => format!("{count} devices."),
        },
    ));
    entries.iter().for_each(|entry| push_device(&mut page, entry));
    page.push_str("</body>\n</html>\n");
    SecretText::from(page)
}

fn push_device(page: &mut String, entry: &Entry) {
    let device = &entry.device;
    page.push_str(if entry.is_large { "<section class=\"device large\">\n" } else { "<section class=\"device\">\n" });
    if let Some(picture) = &entry.picture {
        // Inside a page there is no second XML declaration.
        let picture = picture.expose();
        page.push_str("<div class=\"code\">");
        page.push_str(picture.find("<svg").map_or(picture, |at| &picture[at..]));
        page.push_str("</div>\n");
    }
    page.push_str(&format!("<h2>{}</h2>\n<dl>\n", escaped(&device.name)));
    if let Some(serial_number) = &device.serial_number {
        push_line(page, "Serial number", serial_number.as_str());
    }
    device.issuer.iter().for_each(|issuer| push_line(page, "Issuer", issuer));
    push_line(page, "Account", &device.account);
    if let Some(settings) = settings(device) {
        push_line(page, "Codes", &settings);
    }
    if entry.picture.is_none() {
        push_line(page, "QR code", "none: the text is too long for one");
    }
    page.push_str("<dt>Seed, in base32</dt>\n<dd class=\"seed\">");
    for (index, character) in device.seed.to_base32().expose().chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            page.push(' ');
        }
        page.push(character);
    }
    page.push_str("</dd>\n</dl>\n</section>\n");
}

fn push_line(page: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        page.push_str(&format!("<dt>{name}</dt>\n<dd>{}</dd>\n", escaped(value)));
    }
}

/// What has to be set by hand where the code is typed; none if it is what all take: AWS's.
fn settings(device: &VirtualMfaDevice) -> Option<String> {
    let settings = device.settings;
    let what = format!("{}, {} digits", settings.algorithm().as_str(), settings.digits());
    match device.counter {
        Some(counter) => Some(format!("counter-based, {what}; the next counter is {counter} or higher")),
        None if settings == CodeSettings::AWS => None,
        None => Some(format!("time-based, {what}, a new one every {} seconds", settings.period_seconds())),
    }
}

/// The text as HTML shows it, in an element or an attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mfa::{Algorithm, Seed};

    fn entry(name: &str) -> Entry {
        let device = VirtualMfaDevice {
            name: name.to_owned(),
            serial_number: None,
            issuer: Some("A & B".to_owned()),
            account: "\"x\" 'y'\u{202e}".to_owned(),
            seed: Seed::from_bytes((1..=11).collect()).expect("a seed"),
            settings: CodeSettings::AWS,
            counter: None,
        };
        Entry { device, picture: Some("<?xml?><svg></svg>".into()), is_large: false }
    }

    #[test]
    fn names_are_text_and_nothing_else() {
        let page = html(&[entry("<script>alert(1)</script>")], SystemTime::UNIX_EPOCH);
        let page = page.expose();
        assert!(page.contains("<h2>&lt;script&gt;alert(1)&lt;/script&gt;</h2>"), "{page}");
        assert!(page.contains("<dd>A &amp; B</dd>") && page.contains("<dd>&quot;x&quot; &#39;y&#39;</dd>"), "{page}");
        assert!(!page.contains("<script") && !page.contains("<?xml") && !page.contains("://"), "{page}");
    }

    #[test]
    fn the_seed_stands_in_groups_of_four_and_only_what_differs_is_said_of_the_codes() {
        let mut entry = entry("a");
        let page = html(std::slice::from_ref(&entry), SystemTime::UNIX_EPOCH);
        assert!(page.expose().contains(">AEBA GBAF AYDQ QCIK BM<"), "{}", page.expose());
        assert!(!page.expose().contains("Codes"));
        entry.device.settings = CodeSettings::new(Algorithm::Sha256, 8, 60).expect("settings");
        entry.picture = None;
        let page = html(std::slice::from_ref(&entry), SystemTime::UNIX_EPOCH);
        assert!(page.expose().contains("time-based, SHA256, 8 digits, a new one every 60 seconds"));
        assert!(page.expose().contains("too long for one"));
        entry.device.counter = Some(7);
        let page = html(&[entry], SystemTime::UNIX_EPOCH);
        assert!(page.expose().contains("counter-based, SHA256, 8 digits; the next counter is 7 or higher"));
    }
}
