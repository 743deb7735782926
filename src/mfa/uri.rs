//! `otpauth://` URIs, read leniently and written as AWS writes them.
//!
//! The form is the "Key Uri Format" of Google Authenticator's wiki. AWS's QR codes say
//! `otpauth://totp/Amazon%20Web%20Services:DEVICE@ACCOUNT?secret=SEED&issuer=Amazon%20Web%20Services`, older ones
//! `otpauth://totp/DEVICE@ACCOUNT?secret=SEED`; ACCOUNT is the number of the account or its alias.

use std::{fmt::Write, str::FromStr};

use thiserror::Error;
use zeroize::Zeroizing;

use super::{Algorithm, CodeSettings, InvalidCodeSettings, InvalidSeed, Seed, SerialNumber, VirtualMfaDevice};
use crate::{
    secret::SecretText,
    visible::{is_unseen, visible},
};

/// Who AWS's QR codes name as the issuer.
pub const AWS_ISSUER: &str = "Amazon Web Services";

const MAX_BYTES: usize = 4096;

/// What an `otpauth://totp` or `otpauth://hotp` URI says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtpauthUri {
    /// Who demands the codes.
    pub issuer: Option<String>,
    /// For whom; may be empty.
    pub account: String,
    /// The shared secret.
    pub seed: Seed,
    /// Algorithm, digits and period.
    pub settings: CodeSettings,
    /// The next counter of a counter-based device (`hotp`); none if codes are made of the time.
    pub counter: Option<u64>,
}

/// What the label of an AWS device says of it: `DEVICE@ACCOUNT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsLabel {
    /// The device's name, without its path.
    pub device_name: String,
    /// The number of the account, or its alias.
    pub account: String,
}

/// Why a text is not an `otpauth` URI that codes can be made of. Nothing of the text is repeated but numbers.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidOtpauthUri {
    /// Another scheme, or no URI at all.
    #[error("the text does not begin with otpauth://")]
    Scheme,
    /// Above 4 KiB.
    #[error("the otpauth URI is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// Neither `totp` nor `hotp`, or Steam's own codes.
    #[error("the otpauth URI is of neither type totp nor hotp")]
    Type,
    /// An `hotp` URI that does not say where to go on.
    #[error("the otpauth URI is of type hotp and has no `counter`")]
    NoCounter,
    /// Percent-encoded bytes that are not UTF-8.
    #[error("the {part} of the otpauth URI is not UTF-8")]
    Encoding {
        /// `label` or the name of a parameter.
        part: &'static str,
    },
    /// A label or issuer that would garble a terminal or deceive a reader.
    #[error("the {part} of the otpauth URI contains a control, invisible or direction-changing character")]
    UnseenCharacter {
        /// `label` or `issuer`.
        part: &'static str,
    },
    /// Two values for one thing.
    #[error("the otpauth URI has more than one `{parameter}`")]
    Duplicate {
        /// The name of the parameter.
        parameter: &'static str,
    },
    /// No seed.
    #[error("the otpauth URI has no `secret`")]
    NoSecret,
    /// A seed that is none.
    #[error("the `secret` of the otpauth URI is not a seed")]
    Seed(#[from] InvalidSeed),
    /// A hash other than SHA1, SHA256 and SHA512.
    #[error("the `algorithm` of the otpauth URI is none of SHA1, SHA256 and SHA512")]
    Algorithm,
    /// Digits or period that are not numbers.
    #[error("the `{parameter}` of the otpauth URI is not a number")]
    Number {
        /// The name of the parameter.
        parameter: &'static str,
    },
    /// Digits or period out of range.
    #[error("the otpauth URI asks for codes that cannot be made")]
    Settings(#[from] InvalidCodeSettings),
}

impl OtpauthUri {
    /// What is to be written of a device.
    pub fn of(device: &VirtualMfaDevice) -> Self {
        OtpauthUri {
            issuer: device.issuer.clone(),
            account: device.account.clone(),
            seed: device.seed.clone(),
            settings: device.settings,
            counter: device.counter,
        }
    }

    /// The URI: as AWS writes it, with algorithm, digits and period only where they differ from AWS's.
    pub fn to_uri(&self) -> SecretText {
        // One allocation: a buffer that grew would leave copies of the seed behind.
        let seed = self.seed.to_base32();
        let names = self.issuer.as_ref().map_or(0, String::len) * 6 + self.account.len() * 3;
        let mut uri = String::with_capacity(seed.expose().len() + names + 100);
        uri.push_str(if self.counter.is_some() { "otpauth://hotp/" } else { "otpauth://totp/" });
        if let Some(issuer) = &self.issuer {
            encode(issuer, &mut uri);
            uri.push(':');
        }
        encode(&self.account, &mut uri);
        uri.push_str("?secret=");
        uri.push_str(seed.expose());
        if let Some(issuer) = &self.issuer {
            uri.push_str("&issuer=");
            encode(issuer, &mut uri);
        }
        let (ours, aws) = (self.settings, CodeSettings::AWS);
        if ours.algorithm() != aws.algorithm() {
            uri.push_str("&algorithm=");
            uri.push_str(ours.algorithm().as_str());
        }
        if ours.digits() != aws.digits() {
            uri.push_str(&format!("&digits={}", ours.digits()));
        }
        if ours.period_seconds() != aws.period_seconds() {
            uri.push_str(&format!("&period={}", ours.period_seconds()));
        }
        if let Some(counter) = self.counter {
            uri.push_str(&format!("&counter={counter}"));
        }
        SecretText::from(uri)
    }

    /// The device and account that the label of an AWS device names; none if the issuer is another, or the label has
    /// not that form.
    pub fn aws_label(&self) -> Option<AwsLabel> {
        if self.issuer.as_ref().is_some_and(|issuer| !issuer.eq_ignore_ascii_case(AWS_ISSUER)) {
            return None;
        }
        let (device_name, account) = self.account.rsplit_once('@')?;
        let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        let of_an_alias = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let device = !device_name.is_empty() && device_name.bytes().all(of_a_name);
        let account_or_alias = (3..=63).contains(&account.len()) && account.bytes().all(of_an_alias);
        (device && account_or_alias)
            .then(|| AwsLabel { device_name: device_name.to_owned(), account: account.to_owned() })
    }
}

impl AwsLabel {
    /// The serial number such a device has if it stands under no path: a guess, which whoever takes it
    /// is to say. None if the account is named by its alias.
    pub fn serial_number_guess(&self, partition: &str) -> Option<SerialNumber> {
        if self.account.len() != 12 || !self.account.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        format!("arn:{partition}:iam::{}:mfa/{}", self.account, self.device_name).parse().ok()
    }
}

impl FromStr for OtpauthUri {
    type Err = InvalidOtpauthUri;

    /// Reads a URI as authenticators and people have them: any case of scheme, parameters and algorithm, spaces around,
    /// unencoded characters, unknown parameters.
    ///
    /// # Errors
    /// If it is neither `otpauth://totp/…` nor `otpauth://hotp/…`, then `Scheme` or `Type`; if it is longer than 4 KiB, then
    /// `TooLong`; if a known parameter comes twice, then `Duplicate`; and one variant for each part that is wrong.
    fn from_str(text: &str) -> Result<Self, InvalidOtpauthUri> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(InvalidOtpauthUri::TooLong);
        }
        let rest = strip_prefix_any_case(text, "otpauth://").ok_or(InvalidOtpauthUri::Scheme)?;
        // Cut before decoding: an encoded `?`, `&` or `=` is content.
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, label) = path.split_once('/').unwrap_or((path, ""));
        let parameters = Parameters::read(query)?;
        let steam = parameters.encoder.is_some_and(|encoder| encoder.eq_ignore_ascii_case("steam"));
        let counter = match kind.to_ascii_lowercase().as_str() {
            "totp" if !steam => None,
            "hotp" if !steam => Some(parameters.counter()?),
            _ => return Err(InvalidOtpauthUri::Type),
        };

        let issuer = match parameters.issuer {
            Some(issuer) => decode_name(&issuer.replace('+', " "), "issuer")?,
            None => String::new(),
        };
        let (prefix, account) = split_label(&decode_name(label, "label")?, &issuer);
        let issuer = if issuer.is_empty() { prefix } else { issuer };
        let secret = decode(parameters.secret.ok_or(InvalidOtpauthUri::NoSecret)?, "secret")?;
        // Some writers encode the space between groups as `+`.
        let secret = Zeroizing::new(secret.replace('+', " "));
        Ok(OtpauthUri {
            issuer: (!issuer.is_empty()).then_some(issuer),
            account,
            seed: Seed::from_base32(&secret)?,
            settings: parameters.settings()?,
            counter,
        })
    }
}

/// The known parameters, not yet decoded.
#[derive(Default)]
struct Parameters<'a> {
    secret: Option<&'a str>,
    issuer: Option<&'a str>,
    algorithm: Option<&'a str>,
    digits: Option<&'a str>,
    period: Option<&'a str>,
    counter: Option<&'a str>,
    encoder: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    fn read(query: &'a str) -> Result<Self, InvalidOtpauthUri> {
        let mut parameters = Parameters::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (parameter, place) = match name.to_ascii_lowercase().as_str() {
                "secret" => ("secret", &mut parameters.secret),
                "issuer" => ("issuer", &mut parameters.issuer),
                "algorithm" => ("algorithm", &mut parameters.algorithm),
                "digits" => ("digits", &mut parameters.digits),
                "period" => ("period", &mut parameters.period),
                "counter" => ("counter", &mut parameters.counter),
                "encoder" => ("encoder", &mut parameters.encoder),
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(InvalidOtpauthUri::Duplicate { parameter });
            }
        }
        Ok(parameters)
    }

    fn counter(&self) -> Result<u64, InvalidOtpauthUri> {
        let counter = self.counter.ok_or(InvalidOtpauthUri::NoCounter)?;
        counter.parse().map_err(|_| InvalidOtpauthUri::Number { parameter: "counter" })
    }

    fn settings(&self) -> Result<CodeSettings, InvalidOtpauthUri> {
        let aws = CodeSettings::AWS;
        let algorithm = match self.algorithm {
            None => aws.algorithm(),
            Some(text) => match text.to_ascii_uppercase().replace('-', "").as_str() {
                "SHA1" => Algorithm::Sha1,
                "SHA256" => Algorithm::Sha256,
                "SHA512" => Algorithm::Sha512,
                _ => return Err(InvalidOtpauthUri::Algorithm),
            },
        };
        let number = |text: Option<&str>, parameter, default| match text {
            None => Ok(default),
            Some(text) => text.parse::<u64>().map_err(|_| InvalidOtpauthUri::Number { parameter }),
        };
        let digits = number(self.digits, "digits", aws.digits().into())?;
        let period_seconds = number(self.period, "period", aws.period_seconds())?;
        Ok(CodeSettings::new(algorithm, digits, period_seconds)?)
    }
}

/// Splits `issuer:account`. With several colons nothing tells where the issuer ends, save an issuer parameter that is
/// the beginning of the label.
pub(super) fn split_label(label: &str, issuer: &str) -> (String, String) {
    let named = (!issuer.is_empty()).then(|| label.strip_prefix(issuer)?.strip_prefix(':')).flatten();
    let (prefix, account) = match (named, label.split_once(':')) {
        (Some(account), _) => (issuer, account),
        (None, Some((prefix, account))) if !account.contains(':') => (prefix, account),
        _ => ("", label),
    };
    (prefix.trim().to_owned(), account.trim().to_owned())
}

pub(super) fn strip_prefix_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn decode_name(text: &str, part: &'static str) -> Result<String, InvalidOtpauthUri> {
    let name = decode(text, part)?;
    if name.chars().any(is_unseen) {
        return Err(InvalidOtpauthUri::UnseenCharacter { part });
    }
    Ok(name.trim().to_owned())
}

/// What a URI is called, to name one by that cannot be used: its label as far as it is readable, cut to 128 characters; none if
/// a seed may be in it.
pub(super) fn shown_label(text: &str) -> Option<String> {
    let path = strip_prefix_any_case(text.trim(), "otpauth://")?.split('?').next()?;
    let label = decode(path.split_once('/')?.1, "label").ok()?;
    // A URI whose `?` is missing or encoded has its parameters in the label.
    let has_seed = label.to_ascii_lowercase().contains("secret=");
    let label: String = visible(&label).trim().chars().take(128).collect();
    (!label.is_empty() && !has_seed).then_some(label)
}

/// Percent-decoding (RFC 3986, section 2.1); a `%` that begins no pair of hexadecimal digits stands for itself.
pub(super) fn decode(text: &str, part: &'static str) -> Result<Zeroizing<String>, InvalidOtpauthUri> {
    let bytes = text.as_bytes();
    let mut decoded = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let mut index = 0;
    while index < bytes.len() {
        let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[index], digit(index + 1), digit(index + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                index += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    match String::from_utf8(std::mem::take(&mut *decoded)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(InvalidOtpauthUri::Encoding { part })
        }
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986 and `@`, which AWS leaves as it is.
fn encode(text: &str, uri: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            uri.push(byte.into());
        } else {
            write!(uri, "%{byte:02X}").expect("invariant: writing to a String does not fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn read(text: &str) -> OtpauthUri {
        text.replace("SEED", SEED).parse().expect("an otpauth URI")
    }

    fn refused(text: &str) -> InvalidOtpauthUri {
        text.replace("SEED", SEED).parse::<OtpauthUri>().expect_err("refused")
    }

    #[test]
    fn what_aws_writes_is_read_and_written_back_to_the_letter() {
        let text = format!(
            "otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret={SEED}&issuer=Amazon%20Web%20Services"
        );
        let uri = read(&text);
        assert_eq!(uri.issuer.as_deref(), Some(AWS_ISSUER));
        assert_eq!(uri.account, "alice@123456789012");
        assert_eq!(uri.seed.to_base32().expose(), SEED);
        assert_eq!(uri.settings, CodeSettings::AWS);
        assert_eq!(uri.to_uri().expose(), &text);
    }

    #[test]
    fn aws_labels_name_device_and_account() {
        for (label, device_name, account, serial_number) in [
            ("alice@123456789012", "alice", "123456789012", Some("arn:aws:iam::123456789012:mfa/alice")),
            ("Amazon%20Web%20Services:alice@my-company", "alice", "my-company", None),
            (
                "Amazon%20Web%20Services:root-account-mfa-device@123456789012",
                "root-account-mfa-device",
                "123456789012",
                Some("arn:aws:iam::123456789012:mfa/root-account-mfa-device"),
            ),
            (
                "alice+work@example.com@123456789012",
                "alice+work@example.com",
                "123456789012",
                Some("arn:aws:iam::123456789012:mfa/alice+work@example.com"),
            ),
        ] {
            let named = read(&format!("otpauth://totp/{label}?secret=SEED")).aws_label().expect("an AWS label");
            assert_eq!((named.device_name.as_str(), named.account.as_str()), (device_name, account));
            assert_eq!(named.serial_number_guess("aws").map(String::from).as_deref(), serial_number);
        }
    }

    #[test]
    fn labels_of_other_services_name_no_aws_device() {
        for label in
            ["alice", "alice@example.com", "GitHub:alice@123456789012", "@123456789012", "al%20ice@123456789012"]
        {
            assert_eq!(read(&format!("otpauth://totp/{label}?secret=SEED")).aws_label(), None, "{label}");
        }
    }

    #[test]
    fn labels_are_split_where_the_issuer_ends() {
        for (label, parameter, issuer, account) in [
            ("alice", "", None, "alice"),
            ("", "", None, ""),
            ("Example:alice", "", Some("Example"), "alice"),
            ("Example%3Aalice", "", Some("Example"), "alice"),
            ("Example:%20alice", "&issuer=Example", Some("Example"), "alice"),
            ("Other:alice", "&issuer=Example", Some("Example"), "alice"),
            (":alice", "", None, "alice"),
            ("alice", "&issuer=", None, "alice"),
            ("a:b:c", "", None, "a:b:c"),
            ("a:b:c", "&issuer=a", Some("a"), "b:c"),
            ("a:b:c", "&issuer=a%3Ab", Some("a:b"), "c"),
            ("a:b:c", "&issuer=Example", Some("Example"), "a:b:c"),
            ("alice+work", "&issuer=My+Company", Some("My Company"), "alice+work"),
            ("100%25", "", None, "100%"),
            ("100%", "&issuer=%2", Some("%2"), "100%"),
            ("a%3Fb%26c", "", None, "a?b&c"),
            ("division/alice", "", None, "division/alice"),
            ("J%C3%BCrgen", "&issuer=B\u{e4}r", Some("B\u{e4}r"), "J\u{fc}rgen"),
        ] {
            let uri = read(&format!("otpauth://totp/{label}?secret=SEED{parameter}"));
            assert_eq!((uri.issuer.as_deref(), uri.account.as_str()), (issuer, account), "{label}{parameter}");
        }
    }

    #[test]
    fn what_people_and_apps_write_is_read() {
        let plain = read("otpauth://totp/alice?secret=SEED");
        for text in [
            "  OTPAUTH://TOTP/alice?secret=SEED\n",
            "otpauth://totp/alice?secret=gezd%20gnbv-gy3t+qojq gezdgnbvgy3tqojq%3D%3D",
            "otpauth://totp/alice?Secret=SEED&ALGORITHM=sha-1&digits=6&period=30",
            "otpauth://totp/alice?image=x&image=y&secret=SEED&counter=1&&codeDisplay={}",
        ] {
            assert_eq!(read(text), plain, "{text:?}");
        }
    }

    #[test]
    fn other_settings_are_read_and_written() {
        let text = format!("otpauth://totp/alice?secret={SEED}&algorithm=SHA256&digits=8&period=60");
        let uri = read(&text);
        assert_eq!(uri.settings, CodeSettings::new(Algorithm::Sha256, 8, 60).expect("settings"));
        assert_eq!(uri.to_uri().expose(), &text);
        assert_eq!(read("otpauth://totp/?secret=SEED&algorithm=Sha-512").settings.algorithm(), Algorithm::Sha512);
    }

    #[test]
    fn counter_based_devices_are_read_and_written() {
        let text = format!("otpauth://hotp/alice?secret={SEED}&counter=18446744073709551615");
        let uri = read(&text);
        assert_eq!(uri.counter, Some(u64::MAX));
        assert_eq!(uri.to_uri().expose(), &text);
        assert_eq!(read("otpauth://totp/alice?secret=SEED&counter=7").counter, None);
    }

    #[test]
    fn names_survive_being_written_and_read() {
        for (issuer, account) in [
            (None, "alice"),
            (Some("A&B=C?D/E#F%20+:"), "x@y:z"),
            (Some("\u{1f511} key"), "J\u{fc}rgen, Bj\u{f6}rn"),
            (Some("X"), "X:y"),
        ] {
            let uri = OtpauthUri {
                issuer: issuer.map(str::to_owned),
                account: account.to_owned(),
                seed: Seed::from_base32(SEED).expect("a seed"),
                settings: CodeSettings::AWS,
                counter: None,
            };
            let written = uri.to_uri();
            assert_eq!(written.expose().parse::<OtpauthUri>().expect("an otpauth URI"), uri);
            assert!(written.expose().is_ascii());
        }
    }

    #[test]
    fn what_makes_no_codes_is_refused_for_its_reason() {
        use InvalidOtpauthUri::*;
        for (text, reason) in [
            ("", Scheme),
            ("SEED", Scheme),
            ("https://example.com/?secret=SEED", Scheme),
            ("otpauth-migration://offline?data=x", Scheme),
            ("otpauth://hotp/alice?secret=SEED", NoCounter),
            ("otpauth://hotp/alice?secret=SEED&counter=-1", Number { parameter: "counter" }),
            ("otpauth://hotp/alice?secret=SEED&counter=1&encoder=steam", Type),
            ("otpauth://steam/alice?secret=SEED", Type),
            ("otpauth://totp/alice?secret=SEED&encoder=steam", Type),
            ("otpauth://SEED", Type),
            ("otpauth://totp/alice", NoSecret),
            ("otpauth://totp/alice?secret=", Seed(InvalidSeed::Empty)),
            ("otpauth://totp/alice?secret=0", Seed(InvalidSeed::Character { position: 1 })),
            ("otpauth://totp/alice?secret=SEED&secret=SEED", Duplicate { parameter: "secret" }),
            ("otpauth://totp/alice?secret=SEED&digits=6&Digits=8", Duplicate { parameter: "digits" }),
            ("otpauth://totp/alice?secret=SEED&algorithm=MD5", Algorithm),
            ("otpauth://totp/alice?secret=SEED&digits=six", Number { parameter: "digits" }),
            ("otpauth://totp/alice?secret=SEED&period=99999999999999999999", Number { parameter: "period" }),
            ("otpauth://totp/alice?secret=SEED&digits=10", Settings(InvalidCodeSettings::Digits(10))),
            ("otpauth://totp/alice?secret=SEED&period=0", Settings(InvalidCodeSettings::Period(0))),
            ("otpauth://totp/%1b[31malice?secret=SEED", UnseenCharacter { part: "label" }),
            ("otpauth://totp/alice?secret=SEED&issuer=%0a", UnseenCharacter { part: "issuer" }),
            ("otpauth://totp/bob%e2%80%aeecila?secret=SEED", UnseenCharacter { part: "label" }),
            ("otpauth://totp/alice%e2%80%8b?secret=SEED", UnseenCharacter { part: "label" }),
            ("otpauth://totp/%ff?secret=SEED", Encoding { part: "label" }),
            ("otpauth://totp/alice?secret=%ff", Encoding { part: "secret" }),
            (&format!("otpauth://totp/{}?secret=SEED", "a".repeat(4096)), TooLong),
        ] {
            let error = refused(text);
            assert_eq!(error, reason, "{text:?}");
            assert!(!format!("{error} {error:?}").contains(SEED));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(otpauth://totp/)?\\PC{0,40}(\\?secret=)?\\PC{0,40}") {
            let _ = text.parse::<OtpauthUri>();
        }
    }
}
