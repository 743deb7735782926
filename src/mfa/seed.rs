//! The seed: the secret that device and server share. Base32 (RFC 4648, section 6) outside, bytes inside.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::{SecretBytes, SecretText};

/// The longest seed taken: far above the 40 bytes of AWS and the 64 that a SHA-512 HMAC can use.
const MAX_BYTES: usize = 1024;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The shared secret of a device (`Base32StringSeed` of CreateVirtualMFADevice). AWS's have 40 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed(SecretBytes);

/// Why a text is not a seed. The text is never repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidSeed {
    /// Nothing there.
    #[error("the seed is empty")]
    Empty,
    /// A character outside base32.
    #[error("character {position} of the seed is not base32 (A to Z, 2 to 7)")]
    Character {
        /// Counted from 1.
        position: usize,
    },
    /// A count of characters that no bytes encode to.
    #[error("the seed is cut short: {characters} base32 characters encode no whole bytes")]
    Length {
        /// How many base32 characters there are.
        characters: usize,
    },
    /// Longer than any device's.
    #[error("the seed is longer than {MAX_BYTES} bytes")]
    TooLong,
}

impl Seed {
    /// Takes raw bytes.
    ///
    /// # Errors
    /// If there are none, then `Empty`; if there are more than 1024, then `TooLong`.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, InvalidSeed> {
        let bytes = SecretBytes::from(bytes);
        match bytes.expose().len() {
            0 => Err(InvalidSeed::Empty),
            length if length > MAX_BYTES => Err(InvalidSeed::TooLong),
            _ => Ok(Seed(bytes)),
        }
    }

    /// Reads base32 as people have it: any case, spaces and dashes between groups, padding or none.
    ///
    /// # Errors
    /// If a character is not base32, then `Character`; if the count of characters encodes no whole bytes, then
    /// `Length`; and as [`Seed::from_bytes`].
    pub fn from_base32(text: &str) -> Result<Self, InvalidSeed> {
        if text.len() > 4 * MAX_BYTES {
            return Err(InvalidSeed::TooLong);
        }
        let trimmed = text.trim().trim_end_matches('=');
        let mut bytes = Zeroizing::new(Vec::with_capacity(trimmed.len() * 5 / 8 + 1));
        let (mut buffer, mut bits, mut characters) = (0_u32, 0, 0);
        for (index, character) in trimmed.chars().enumerate() {
            let value = match character {
                'A'..='Z' => character as u32 - 'A' as u32,
                'a'..='z' => character as u32 - 'a' as u32,
                '2'..='7' => character as u32 - '2' as u32 + 26,
                ' ' | '-' | '\t' => continue,
                _ => return Err(InvalidSeed::Character { position: index + 1 }),
            };
            characters += 1;
            buffer = buffer << 5 | value;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                bytes.push((buffer >> bits) as u8);
                buffer &= (1 << bits) - 1;
            }
        }
        if matches!(characters % 8, 1 | 3 | 6) {
            return Err(InvalidSeed::Length { characters });
        }
        Seed::from_bytes(std::mem::take(&mut *bytes))
    }

    /// Upper case, no padding: as AWS writes it.
    pub fn to_base32(&self) -> SecretText {
        let bytes = self.bytes();
        let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
        for chunk in bytes.chunks(5) {
            let mut group = [0_u8; 8];
            group[3..3 + chunk.len()].copy_from_slice(chunk);
            let group = u64::from_be_bytes(group);
            for index in 0..(chunk.len() * 8).div_ceil(5) {
                text.push(ALPHABET[(group >> (35 - 5 * index) & 31) as usize] as char);
            }
        }
        SecretText::from(text)
    }

    /// The key of the HMAC.
    pub fn bytes(&self) -> &[u8] {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_follows_the_vectors_of_rfc_4648() {
        for (text, bytes) in [
            ("MY", "f"),
            ("MZXQ", "fo"),
            ("MZXW6", "foo"),
            ("MZXW6YQ", "foob"),
            ("MZXW6YTB", "fooba"),
            ("MZXW6YTBOI", "foobar"),
        ] {
            let seed = Seed::from_base32(text).expect("a seed");
            assert_eq!(seed.bytes(), bytes.as_bytes());
            assert_eq!(seed.to_base32().expose(), text);
        }
    }

    #[test]
    fn what_people_have_is_read() {
        let plain = Seed::from_base32("MZXW6YTBOI").expect("a seed");
        for text in ["mzxw6ytboi", "MZXW 6YTB OI", "mzxw-6ytb-oi======", "  MZXW6YTBOI======\n"] {
            assert_eq!(Seed::from_base32(text).expect("a seed"), plain, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_base32_is_refused_with_its_place() {
        assert_eq!(Seed::from_base32(""), Err(InvalidSeed::Empty));
        assert_eq!(Seed::from_base32(" == "), Err(InvalidSeed::Empty));
        assert_eq!(Seed::from_base32("MZX0"), Err(InvalidSeed::Character { position: 4 }));
        assert_eq!(Seed::from_base32("MZ=XQ"), Err(InvalidSeed::Character { position: 3 }));
        assert_eq!(Seed::from_base32("MZX"), Err(InvalidSeed::Length { characters: 3 }));
        assert_eq!(Seed::from_base32(&"A".repeat(1_000_000)), Err(InvalidSeed::TooLong));
    }

    #[test]
    fn aws_seeds_of_64_characters_have_40_bytes() {
        let text = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".repeat(2);
        let seed = Seed::from_base32(&text).expect("a seed");
        assert_eq!(seed.bytes().len(), 40);
        assert_eq!(seed.to_base32().expose(), &text);
        assert_eq!(format!("{seed:?}"), "Seed([secret])");
    }
}
