//! Exports of KeePassXC (CSV, XML) and KeePass 2 (XML). An entry may keep its seed in four ways, each of another program:
//! `otp` (KeePassXC, KeeOtp), `TOTP Seed` with `TOTP Settings` (older KeePassXC, TrayTOTP), `TimeOtp-…` and `HmacOtp-…`
//! (KeePass 2).

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use roxmltree::{Node, NodeId};
use zeroize::Zeroizing;

use super::{Format, Imported, InterchangeError, entry::xml, field};
use crate::{
    mfa::{Algorithm, Seed, uri::OtpauthUri},
    secret::SecretBytes,
};

/// More than a large database has; each takes memory.
const MOST_NODES: u32 = 500_000;
const DELETED: &str = "it is in the recycle bin";

pub(super) fn read(file: &SecretBytes) -> Result<Imported, InterchangeError> {
    let text = field::text(file, Format::KeepassXc)?;
    let mut imported = Imported::default();
    if text.trim_start().starts_with('<') {
        read_xml(text, &mut imported)?;
        return Ok(imported);
    }
    let columns = ["Group", "Title", "Username", "TOTP"];
    for [group, title, user, totp] in field::columns(text, columns, Format::KeepassXc)? {
        let is_deleted = group.ends_with("/Recycle Bin");
        imported.add(&title, if is_deleted { Err(DELETED.to_owned()) } else { field::read(&totp, &title, &user) });
    }
    Ok(imported)
}

fn wrong(reason: &str) -> InterchangeError {
    InterchangeError::NotThisFormat { format: Format::KeepassXc, reason: reason.to_owned() }
}

fn read_xml(text: &str, imported: &mut Imported) -> Result<(), InterchangeError> {
    let document = xml(Format::KeepassXc, text, MOST_NODES)?;
    if !document.root_element().has_tag_name("KeePassFile") {
        return Err(wrong("it is no XML of KeePass"));
    }
    let recycle_bin =
        document.descendants().find(|node| node.has_tag_name("RecycleBinUUID")).and_then(|node| node.text());
    // Found once, from above: upwards from each entry, a deep file would take the square of its depth.
    let bin =
        recycle_bin.and_then(|bin| document.descendants().find(|node| is_group(*node) && uuid(*node) == Some(bin)));
    let deleted: HashSet<NodeId> = bin.iter().flat_map(Node::descendants).map(|node| node.id()).collect();
    // Older states of an entry stand within it, in its `History`.
    let entries = document.descendants().filter(|node| node.has_tag_name("Entry"));
    for entry in entries.filter(|entry| entry.parent().is_some_and(is_group)) {
        if imported.is_too_large() {
            break;
        }
        let fields = Fields(entry);
        let title = fields.get("Title").unwrap_or_default();
        if let Some(read) = fields.entry(title) {
            let is_deleted = deleted.contains(&entry.id());
            imported.add(title, if is_deleted { Err(DELETED.to_owned()) } else { read });
        }
    }
    Ok(())
}

fn is_group(node: Node<'_, '_>) -> bool {
    node.has_tag_name("Group")
}

fn uuid<'a>(group: Node<'a, '_>) -> Option<&'a str> {
    group.children().find(|child| child.has_tag_name("UUID"))?.text()
}

/// The fields of an entry: `<String><Key>Title</Key><Value>…</Value></String>`.
struct Fields<'a, 'i>(Node<'a, 'i>);

impl<'a, 'i> Fields<'a, 'i> {
    fn node(&self, key: &str) -> Option<Node<'a, 'i>> {
        let strings = self.0.children().filter(|child| child.has_tag_name("String"));
        let child = |node: Node<'a, 'i>, name| node.children().find(|child| child.has_tag_name(name));
        strings
            .filter(|string| child(*string, "Key").and_then(|key| key.text()) == Some(key))
            .find_map(|string| child(string, "Value"))
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.node(key)?.text().filter(|text| !text.trim().is_empty())
    }

    /// The device of an entry, if it has one.
    fn entry(&self, title: &str) -> Option<Result<OtpauthUri, String>> {
        let user = self.get("UserName").unwrap_or_default();
        if let Some(text) = self.get("otp") {
            return Some(self.unless_protected("otp").and_then(|()| field::read(text, title, user)));
        }
        if let Some(seed) = self.get("TOTP Seed") {
            return Some(self.unless_protected("TOTP Seed").and_then(|()| self.of_settings(seed, title, user)));
        }
        self.of_keepass("TimeOtp", title, user).or_else(|| self.of_keepass("HmacOtp", title, user))
    }

    /// In the XML inside a database, values are encrypted once more.
    fn unless_protected(&self, key: &str) -> Result<(), String> {
        match self.node(key).and_then(|value| value.attribute("Protected")) {
            Some(protected) if protected.eq_ignore_ascii_case("true") => Err("its seed is encrypted".to_owned()),
            _ => Ok(()),
        }
    }

    /// `TOTP Settings`: `30;6`, or `30;S` for Steam.
    fn of_settings(&self, seed: &str, title: &str, user: &str) -> Result<OtpauthUri, String> {
        let mut settings = self.get("TOTP Settings").unwrap_or_default().split(';');
        let (period, digits) = (settings.next(), settings.next());
        if digits.is_some_and(|digits| digits.trim().eq_ignore_ascii_case("s")) {
            return Err(field::STEAM.to_owned());
        }
        let (digits, period) = (field::number(digits, "length", 6)?, field::number(period, "period", 30)?);
        let settings = field::settings(Algorithm::Sha1, digits, period)?;
        Ok(field::entry(title, user, field::seed(seed)?, settings, None))
    }

    /// KeePass's help, "One-Time Passwords": the seed in one of four forms.
    fn of_keepass(&self, kind: &str, title: &str, user: &str) -> Option<Result<OtpauthUri, String>> {
        let (name, secret) = ["Secret", "Secret-Hex", "Secret-Base32", "Secret-Base64"]
            .iter()
            .find_map(|name| Some((format!("{kind}-{name}"), self.get(&format!("{kind}-{name}"))?)))?;
        Some(self.unless_protected(&name).and_then(|()| {
            let seed = if name.ends_with("Base32") { field::seed(secret)? } else { decoded(&name, secret)? };
            if kind == "HmacOtp" {
                let counter = field::number(self.get("HmacOtp-Counter"), "counter", 0)?;
                return Ok(field::entry(title, user, seed, field::settings(Algorithm::Sha1, 6, 30)?, Some(counter)));
            }
            let algorithm = match self.get("TimeOtp-Algorithm").map(str::trim) {
                None | Some("HMAC-SHA-1") => Algorithm::Sha1,
                Some("HMAC-SHA-256") => Algorithm::Sha256,
                Some("HMAC-SHA-512") => Algorithm::Sha512,
                Some(_) => return Err("its codes are made with an unknown hash".to_owned()),
            };
            let digits = field::number(self.get("TimeOtp-Length"), "length", 6)?;
            let period = field::number(self.get("TimeOtp-Period"), "period", 30)?;
            Ok(field::entry(title, user, seed, field::settings(algorithm, digits, period)?, None))
        }))
    }
}

/// A seed that is not written in base32.
fn decoded(name: &str, secret: &str) -> Result<Seed, String> {
    let bytes = match name.rsplit('-').next() {
        Some("Hex") => of_hex(secret.trim()).ok_or("its seed is not written in hexadecimal digits")?,
        Some("Base64") => {
            let bytes = STANDARD.decode(secret.trim());
            Zeroizing::new(bytes.map_err(|_| "its seed is not written in base64")?)
        }
        _ => Zeroizing::new(secret.as_bytes().to_vec()),
    };
    Seed::from_bytes(bytes.to_vec()).map_err(|error| field::reason(&error))
}

fn of_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect::<Option<_>>()?);
    digits
        .len()
        .is_multiple_of(2)
        .then(|| Zeroizing::new(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Imported, InterchangeError> {
        read(&SecretBytes::from(text.as_bytes().to_vec()))
    }

    fn xml(fields: &[(&str, &str)]) -> String {
        let fields: String = [("Title", "Site"), ("UserName", "me")]
            .iter()
            .chain(fields)
            .map(|(key, value)| format!("<String><Key>{key}</Key><Value>{value}</Value></String>"))
            .collect();
        format!("<?xml version=\"1.0\"?><KeePassFile><Root><Group><Entry>{fields}</Entry></Group></Root></KeePassFile>")
    }

    #[test]
    fn each_way_to_keep_a_seed_is_read() {
        let plain = "otpauth://totp/Site:me?secret=GEZDGNBVGY3TQOJQ&issuer=Site";
        for (fields, expected) in [
            (&[("otp", "otpauth://totp/Site:me?secret=GEZDGNBVGY3TQOJQ&amp;issuer=Site")][..], ""),
            (&[("otp", "key=GEZDGNBVGY3TQOJQ&amp;size=8")], "&digits=8"),
            (&[("TOTP Seed", "gezd gnbv gy3t qojq")], ""),
            (&[("TOTP Seed", "GEZDGNBVGY3TQOJQ"), ("TOTP Settings", "60;8")], "&digits=8&period=60"),
            (&[("TimeOtp-Secret", "1234567890")], ""),
            (&[("TimeOtp-Secret-Hex", "31323334353637383930")], ""),
            (
                &[("TimeOtp-Secret-Base32", "GEZDGNBVGY3TQOJQ"), ("TimeOtp-Algorithm", "HMAC-SHA-256")],
                "&algorithm=SHA256",
            ),
            (
                &[("TimeOtp-Secret-Base64", "MTIzNDU2Nzg5MA=="), ("TimeOtp-Period", "60"), ("TimeOtp-Length", "8")],
                "&digits=8&period=60",
            ),
        ] {
            let imported = read_text(&xml(fields)).expect("an export");
            assert_eq!(imported.skipped, [], "{fields:?}");
            assert_eq!(imported.entries[0].to_uri().expose(), &format!("{plain}{expected}"), "{fields:?}");
        }
        let counted = read_text(&xml(&[("HmacOtp-Secret-Base32", "GEZDGNBVGY3TQOJQ"), ("HmacOtp-Counter", "5")]));
        assert_eq!(counted.expect("an export").entries[0].counter, Some(5));
    }

    #[test]
    fn what_cannot_be_used_is_left_out_with_the_reason() {
        for fields in [
            &[("otp", "otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ&amp;digits=10")][..],
            &[("TOTP Seed", "GEZDGNBVGY3TQOJQ"), ("TOTP Settings", "30;S")],
            &[("TOTP Seed", "GEZDGNBVGY3TQOJ1")],
            &[("TOTP Seed", "GEZDGNBVGY3TQOJQ"), ("TOTP Settings", "x;6")],
            &[("TimeOtp-Secret-Base32", "GEZDGNBVGY3TQOJQ"), ("TimeOtp-Algorithm", "HMAC-MD5")],
            &[("TimeOtp-Secret-Hex", "313")],
            &[("TimeOtp-Secret-Base64", "MTI")],
        ] {
            let imported = read_text(&xml(fields)).expect("an export");
            let [skipped] = &imported.skipped[..] else { panic!("{fields:?}: {imported:?}") };
            assert!(imported.entries.is_empty() && skipped.name == "Site", "{fields:?}");
            assert!(!skipped.reason.contains("GEZDGN"), "{skipped:?}");
        }
        let protected = xml(&[("otp", "AAAA")]).replace("<Value>AAAA", "<Value Protected=\"True\">AAAA");
        assert_eq!(read_text(&protected).expect("an export").skipped[0].reason, "its seed is encrypted");
    }

    #[test]
    fn what_is_anywhere_in_the_recycle_bin_is_left_out() {
        let text = |group: &str| {
            xml(&[("otp", "GEZDGNBVGY3TQOJQ")])
                .replace("<Root>", "<Meta><RecycleBinUUID>bin</RecycleBinUUID></Meta><Root>")
                .replace("<Group>", &format!("<Group><UUID>{group}</UUID><Group><UUID>inner</UUID>"))
                .replace("</Group>", "</Group></Group>")
        };
        let imported = read_text(&text("bin")).expect("an export");
        assert_eq!((imported.entries.len(), imported.skipped[0].reason.as_str()), (0, DELETED));
        assert_eq!(read_text(&text("other")).expect("an export").entries.len(), 1);
    }

    #[test]
    fn entries_deep_down_take_no_longer_than_others() {
        let level = "<Group><Entry><String><Key>otp</Key><Value>A</Value></String></Entry>";
        let begin = "<KeePassFile><RecycleBinUUID>bin</RecycleBinUUID>";
        let text = format!("{begin}{}{}</KeePassFile>", level.repeat(50_000), "</Group>".repeat(50_000));
        let begun = std::time::Instant::now();
        assert!(read_text(&text).expect("an export").is_too_large());
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    }

    #[test]
    fn older_states_of_an_entry_are_not_entries() {
        let text = xml(&[("otp", "GEZDGNBVGY3TQOJQ")]);
        let inner = text.split("<Group>").nth(1).and_then(|rest| rest.split("</Group>").next()).expect("an entry");
        let with_history = text.replace("</Entry>", &format!("<History>{inner}</History></Entry>"));
        assert_eq!(read_text(&with_history).expect("an export").entries.len(), 1);
    }

    #[test]
    fn a_document_type_and_what_is_not_of_keepass_are_refused() {
        for text in [
            "<!DOCTYPE a [<!ENTITY b \"c\">]><KeePassFile>&b;</KeePassFile>",
            "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><KeePassFile/>",
            "<other/>",
            "<KeePassFile>",
            "Title,TOTP\n",
        ] {
            assert!(matches!(read_text(text), Err(InterchangeError::NotThisFormat { .. })), "{text}");
        }
        let many = format!("<KeePassFile>{}</KeePassFile>", "<a/>".repeat(MOST_NODES as usize));
        assert!(matches!(read_text(&many), Err(InterchangeError::TooLarge { .. })));
    }
}
