//! What AWS knows an MFA device by: the ARN of a virtual one, the printed number of a hardware one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::arn::Arn;

/// `mfa_serial` of the AWS config, `SerialNumber` of the IAM API: 9 to 256 of `[\w+=/:,.@-]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SerialNumber(String);

/// A text that AWS would not take for a serial number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidSerialNumber {
    /// Wrong length or characters.
    #[error("`{text}` is not a serial number (9 to 256 letters, digits and +=/:,.@-_)")]
    Text {
        /// The text, without control characters, cut if long.
        text: String,
    },
    /// The ARN of the user, where that of the device is needed.
    #[error("`{text}` is the ARN of a {kind}, not of an MFA device (arn:aws:iam::ACCOUNT:mfa/NAME)")]
    OtherResource {
        /// The ARN.
        text: String,
        /// Such as `user`.
        kind: String,
    },
}

impl SerialNumber {
    /// As AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts of a virtual device's ARN; a hardware token has none.
    pub fn arn(&self) -> Option<Arn> {
        self.0.parse().ok()
    }

    /// Whether it is that of a virtual device, which alone AWS can delete.
    pub fn is_virtual(&self) -> bool {
        self.arn().is_some_and(|arn| arn.resource.starts_with("mfa/"))
    }

    /// Whether the device has codes, virtual or hardware; FIDO keys and passkeys (`u2f/`) have none.
    pub fn gives_codes(&self) -> bool {
        self.arn().is_none_or(|arn| arn.resource.starts_with("mfa/"))
    }

    /// The device's name: what stands behind the last slash; for a hardware token the number itself.
    pub fn device_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl FromStr for SerialNumber {
    type Err = InvalidSerialNumber;

    fn from_str(text: &str) -> Result<Self, InvalidSerialNumber> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=/:,.@-".contains(&byte);
        if !(9..=256).contains(&text.len()) || !text.bytes().all(allowed) {
            let text = text.chars().filter(|character| !character.is_control()).take(256).collect();
            return Err(InvalidSerialNumber::Text { text });
        }
        if let Ok(arn) = text.parse::<Arn>() {
            let kind = arn.resource.split(['/', ':']).next().unwrap_or_default();
            if !matches!(kind, "mfa" | "sms-mfa" | "u2f") {
                return Err(InvalidSerialNumber::OtherResource { text: text.to_owned(), kind: kind.to_owned() });
            }
        }
        Ok(SerialNumber(text.to_owned()))
    }
}

impl TryFrom<String> for SerialNumber {
    type Error = InvalidSerialNumber;

    fn try_from(text: String) -> Result<Self, InvalidSerialNumber> {
        text.parse()
    }
}

impl From<SerialNumber> for String {
    fn from(serial_number: SerialNumber) -> String {
        serial_number.0
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_and_hardware_serials_are_taken() {
        for (text, name) in [
            ("arn:aws:iam::123456789012:mfa/alice", "alice"),
            ("arn:aws-us-gov:iam::123456789012:mfa/division/alice@example.com", "alice@example.com"),
            ("GAHT12345678", "GAHT12345678"),
        ] {
            let serial_number = text.parse::<SerialNumber>().expect("a serial number");
            assert_eq!((serial_number.device_name(), serial_number.gives_codes()), (name, true));
        }
    }

    #[test]
    fn a_passkey_has_no_codes() {
        let passkey = "arn:aws:iam::123456789012:u2f/user/alice/default-R1A2B3C4D5";
        assert!(!passkey.parse::<SerialNumber>().expect("a serial number").gives_codes());
    }

    #[test]
    fn the_arn_of_a_user_is_named_as_such() {
        let error = "arn:aws:iam::123456789012:user/alice".parse::<SerialNumber>().expect_err("refused");
        assert!(error.to_string().contains("the ARN of a user"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "short", "has a space in it", "line\nbreak123", &"x".repeat(257)] {
            assert!(text.parse::<SerialNumber>().is_err(), "{text:?}");
        }
    }
}
