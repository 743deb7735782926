//! Authentication codes: time steps (RFC 6238, section 4) and the code of a step (RFC 4226, section 5.3).
//!
//! The computing is `totp-rs`'s; this file checks every value before that library sees it.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use thiserror::Error;

use super::Seed;
use crate::secret::SecretText;

/// A slot of time that has one code: the number of periods since 1970 (`T` of RFC 6238).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeStep(pub u64);

impl TimeStep {
    /// The step in which a time lies; times before 1970 lie in step 0.
    pub fn at(time: SystemTime, settings: CodeSettings) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        TimeStep(since.as_secs() / settings.period_seconds)
    }

    /// When the step begins, by the clock it was read from.
    pub fn start(self, settings: CodeSettings) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.saturating_mul(settings.period_seconds))
    }

    /// When the step is over.
    pub fn end(self, settings: CodeSettings) -> SystemTime {
        self.next().start(settings)
    }

    /// The step before; step 0 has none before it and stays.
    pub fn previous(self) -> Self {
        TimeStep(self.0.saturating_sub(1))
    }

    /// The step after.
    pub fn next(self) -> Self {
        TimeStep(self.0.saturating_add(1))
    }
}

/// The hash under the HMAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// The only one AWS uses.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// As in an `otpauth` URI: `SHA1`, `SHA256` or `SHA512`.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
        }
    }
}

/// How codes are made of a seed. Always within the range that makes a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeSettings {
    algorithm: Algorithm,
    digits: u8,
    period_seconds: u64,
}

/// Settings that no authenticator makes codes with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidCodeSettings {
    /// Not 6, 7 or 8.
    #[error("{0} digits: a code has 6 to 8")]
    Digits(u64),
    /// Not within 1 s and 1 day.
    #[error("a period of {0} seconds: it has to be 1 to 86400")]
    Period(u64),
}

impl CodeSettings {
    /// SHA-1, 6 digits, 30 seconds: what AWS's virtual MFA devices use.
    pub const AWS: CodeSettings = CodeSettings { algorithm: Algorithm::Sha1, digits: 6, period_seconds: 30 };

    /// Settings of another service.
    ///
    /// # Errors
    /// If there are not 6 to 8 digits, then `Digits`; if the period is not 1 to 86400 seconds, then `Period`.
    pub fn new(algorithm: Algorithm, digits: u64, period_seconds: u64) -> Result<Self, InvalidCodeSettings> {
        if !(6..=8).contains(&digits) {
            return Err(InvalidCodeSettings::Digits(digits));
        }
        if !(1..=86_400).contains(&period_seconds) {
            return Err(InvalidCodeSettings::Period(period_seconds));
        }
        Ok(CodeSettings { algorithm, digits: digits as u8, period_seconds })
    }

    /// The hash under the HMAC.
    pub fn algorithm(self) -> Algorithm {
        self.algorithm
    }

    /// How many digits a code has: 6 to 8.
    pub fn digits(self) -> u8 {
        self.digits
    }

    /// How long a step lasts: 1 to 86400 seconds.
    pub fn period_seconds(self) -> u64 {
        self.period_seconds
    }
}

/// The digits a device shows for one step. Masked in `Debug`, wiped on drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationCode(SecretText);

/// A text that is not a code. The text is not repeated: it may be a secret typed at the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an authentication code is exactly 6 digits")]
pub struct InvalidAuthenticationCode;

impl AuthenticationCode {
    /// The digits.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for AuthenticationCode {
    type Err = InvalidAuthenticationCode;

    /// Reads what a person typed for AWS: exactly six ASCII digits, nothing around them.
    fn from_str(text: &str) -> Result<Self, InvalidAuthenticationCode> {
        if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(AuthenticationCode(SecretText::from(text)))
        } else {
            Err(InvalidAuthenticationCode)
        }
    }
}

pub(super) fn authentication_code(seed: &Seed, settings: CodeSettings, step: TimeStep) -> AuthenticationCode {
    let algorithm = match settings.algorithm {
        Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
        Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
        Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
    };
    // A period of one second makes the library's "time" the step itself: one reading of the clock decides.
    let totp = totp_rs::Builder::new()
        .with_algorithm(algorithm)
        .with_digits(settings.digits)
        .with_step_duration(1)
        .with_secret(seed.bytes().to_vec())
        .build_noncompliant();
    AuthenticationCode(SecretText::from(totp.generate(step.0).to_string()))
}

impl fmt::Display for CodeSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {} digits, {} s", self.algorithm.as_str(), self.digits, self.period_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(seed: &[u8], algorithm: Algorithm, digits: u64, seconds: u64) -> String {
        let settings = CodeSettings::new(algorithm, digits, 30).expect("valid settings");
        let step = TimeStep::at(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), settings);
        let seed = Seed::from_bytes(seed.to_vec()).expect("a seed");
        authentication_code(&seed, settings, step).expose().to_owned()
    }

    #[test]
    fn the_vectors_of_rfc_6238_appendix_b_hold() {
        let sha1 = b"12345678901234567890";
        let sha256 = b"12345678901234567890123456789012";
        let sha512 = b"1234567890123456789012345678901234567890123456789012345678901234";
        for (seconds, one, two, five) in [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"),
            (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ] {
            assert_eq!(code(sha1, Algorithm::Sha1, 8, seconds), one);
            assert_eq!(code(sha256, Algorithm::Sha256, 8, seconds), two);
            assert_eq!(code(sha512, Algorithm::Sha512, 8, seconds), five);
        }
    }

    #[test]
    fn the_vectors_of_rfc_4226_appendix_d_hold() {
        let expected =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        let seed = Seed::from_bytes(b"12345678901234567890".to_vec()).expect("a seed");
        for (counter, expected) in expected.iter().enumerate() {
            let step = TimeStep(counter as u64);
            assert_eq!(authentication_code(&seed, CodeSettings::AWS, step).expose(), *expected);
        }
    }

    #[test]
    fn a_step_begins_at_its_first_second_and_ends_before_the_next() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(TimeStep::at(at(29_999), CodeSettings::AWS), TimeStep(0));
        assert_eq!(TimeStep::at(at(30_000), CodeSettings::AWS), TimeStep(1));
        assert_eq!(TimeStep(1).start(CodeSettings::AWS), at(30_000));
        assert_eq!(TimeStep(1).end(CodeSettings::AWS), at(60_000));
    }

    #[test]
    fn only_six_ascii_digits_are_a_code() {
        assert!("012345".parse::<AuthenticationCode>().is_ok());
        for text in ["", "12345", "1234567", " 123456", "12 456", "+12345", "12345\0", "١٢٣٤٥٦", "１２３４５６"]
        {
            assert!(text.parse::<AuthenticationCode>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        assert_eq!(CodeSettings::new(Algorithm::Sha1, 10, 30), Err(InvalidCodeSettings::Digits(10)));
        assert_eq!(CodeSettings::new(Algorithm::Sha1, 6, 0), Err(InvalidCodeSettings::Period(0)));
    }

    #[test]
    fn a_code_is_masked_in_debug() {
        let code: AuthenticationCode = "123456".parse().expect("a code");
        assert!(!format!("{code:?}").contains("123456"));
    }
}
