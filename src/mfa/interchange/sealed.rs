//! What encrypted exports have in common: keys out of passwords, within limits, and authenticated decryption.
//!
//! A file says what its password costs. A [`Kdf`] exists only if that cost is one an honest writer asks for, so that
//! everything is refused before any of the work is done.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Version};
use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20::{cipher::consts::U10, hchacha};
use ring::{
    aead::{self, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    pbkdf2,
};
use zeroize::{Zeroize, Zeroizing};

use super::{Format, InterchangeError, entry::no_export};
use crate::secret::{SecretBytes, SecretText};

const MOST_PBKDF2_ITERATIONS: u64 = 10_000_000;
const MOST_SCRYPT_N: u64 = 1 << 20;
const MOST_SCRYPT_BYTES: u64 = 256 << 20;
/// Bytes filled in all lanes together, which decides the time.
const MOST_SCRYPT_WORK: u64 = 1 << 30;
const MOST_SCRYPT_RP: u64 = 1024;
const MOST_ARGON2_KIB: u64 = 1 << 20;
const MOST_ARGON2_LANES: u64 = 16;
/// Ten passes over 1 GiB. Ente makes more passes on a phone with less memory, so passes alone say nothing.
const MOST_ARGON2_WORK: u64 = 10 * MOST_ARGON2_KIB;

/// Wiped on drop.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// How a password becomes a key, within limits.
pub(super) enum Kdf {
    Pbkdf2(pbkdf2::Algorithm, NonZeroU32),
    Scrypt(scrypt::Params),
    Argon2id(argon2::Params),
}

impl Kdf {
    /// PBKDF2 (RFC 8018).
    ///
    /// # Errors
    /// If there are more than ten million iterations, then `TooCostly`; if there are none, then `NotThisFormat`.
    pub(super) fn pbkdf2(
        format: Format,
        algorithm: pbkdf2::Algorithm,
        iterations: u64,
    ) -> Result<Self, InterchangeError> {
        if iterations > MOST_PBKDF2_ITERATIONS {
            return Err(too_costly(format!("{iterations} iterations of PBKDF2")));
        }
        let iterations = u32::try_from(iterations).ok().and_then(NonZeroU32::new);
        Ok(Kdf::Pbkdf2(algorithm, iterations.ok_or_else(|| no_export(format, "it has no iterations of PBKDF2"))?))
    }

    /// scrypt (RFC 7914).
    ///
    /// # Errors
    /// If n is above 2^20, the memory above 256 MiB, or the work of all lanes above 1 GiB, then `TooCostly`; if the
    /// numbers are none of scrypt's, then `NotThisFormat`.
    pub(super) fn scrypt(format: Format, n: u64, r: u64, p: u64) -> Result<Self, InterchangeError> {
        let bytes = n.saturating_mul(r).saturating_mul(128);
        let work = bytes.saturating_mul(p);
        if n > MOST_SCRYPT_N
            || bytes > MOST_SCRYPT_BYTES
            || work > MOST_SCRYPT_WORK
            || r.saturating_mul(p) > MOST_SCRYPT_RP
        {
            return Err(too_costly(format!("scrypt with n = {n}, r = {r}, p = {p}")));
        }
        let params = (n.is_power_of_two() && n > 1)
            .then(|| scrypt::Params::new(n.ilog2() as u8, r as u32, p as u32, scrypt::Params::RECOMMENDED_LEN).ok())
            .flatten();
        Ok(Kdf::Scrypt(params.ok_or_else(|| no_export(format, "its numbers are none of scrypt's"))?))
    }

    /// Argon2id (RFC 9106), version 1.3.
    ///
    /// # Errors
    /// If the memory is above 1 GiB, the work above ten passes over that much, or there are more than 16 lanes, then
    /// `TooCostly`; if the numbers are none of Argon2's, then `NotThisFormat`.
    pub(super) fn argon2id(format: Format, memory_kib: u64, passes: u64, lanes: u64) -> Result<Self, InterchangeError> {
        if memory_kib > MOST_ARGON2_KIB
            || memory_kib.saturating_mul(passes) > MOST_ARGON2_WORK
            || lanes > MOST_ARGON2_LANES
        {
            return Err(too_costly(format!(
                "Argon2id with {memory_kib} KiB of memory, {passes} passes and {lanes} lanes"
            )));
        }
        let params = u32::try_from(passes)
            .ok()
            .and_then(|passes| argon2::Params::new(memory_kib as u32, passes, lanes as u32, Some(32)).ok());
        Ok(Kdf::Argon2id(params.ok_or_else(|| no_export(format, "its numbers are none of Argon2's"))?))
    }

    /// The key. Takes the time and memory that the limits allow.
    ///
    /// # Errors
    /// If the system has not that much memory, then `TooCostly`.
    pub(super) fn key(&self, password: &SecretText, salt: &[u8]) -> Result<Key, InterchangeError> {
        let password = password.expose().as_bytes();
        let mut key = Key::default();
        match self {
            Kdf::Pbkdf2(algorithm, iterations) => {
                pbkdf2::derive(*algorithm, *iterations, salt, password, &mut *key);
            }
            Kdf::Scrypt(params) => scrypt::scrypt(password, salt, params, &mut *key)
                .map_err(|_| too_costly("a key that scrypt does not make".to_owned()))?,
            Kdf::Argon2id(params) => Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
                .hash_password_into(password, salt, &mut *key)
                .map_err(|_| too_costly(format!("{} KiB of memory", params.m_cost())))?,
        }
        Ok(key)
    }
}

fn too_costly(what: String) -> InterchangeError {
    InterchangeError::TooCostly { what }
}

/// Opens ciphertext and tag with AES-256-GCM (NIST SP 800-38D).
///
/// # Errors
/// If the tag does not match, then `WrongPassword`.
pub(super) fn open_aes_256_gcm(
    key: &[u8; 32],
    nonce: [u8; 12],
    context: &[u8],
    sealed: Vec<u8>,
) -> Result<SecretBytes, InterchangeError> {
    open(&AES_256_GCM, key, nonce, context, sealed)
}

/// Opens ciphertext and tag with XChaCha20-Poly1305: a subkey from the first 16 bytes of the nonce, ChaCha20-Poly1305
/// with the others (draft-irtf-cfrg-xchacha-03, section 2.3).
///
/// # Errors
/// If the tag does not match, then `WrongPassword`.
pub(super) fn open_xchacha20_poly1305(
    key: &[u8; 32],
    nonce: &[u8; 24],
    sealed: Vec<u8>,
) -> Result<SecretBytes, InterchangeError> {
    let subkey = subkey(key, nonce);
    let mut rest = [0; 12];
    rest[4..].copy_from_slice(&nonce[16..]);
    open(&CHACHA20_POLY1305, &subkey, rest, &[], sealed)
}

/// HChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.2) of the first 16 bytes of a nonce.
pub(super) fn subkey(key: &[u8; 32], nonce: &[u8; 24]) -> Key {
    let mut derived = hchacha::<U10>(key.into(), nonce[..16].into());
    let mut subkey = Key::default();
    subkey.copy_from_slice(&derived);
    derived.as_mut_slice().zeroize();
    subkey
}

fn open(
    algorithm: &'static aead::Algorithm,
    key: &[u8; 32],
    nonce: [u8; 12],
    context: &[u8],
    mut sealed: Vec<u8>,
) -> Result<SecretBytes, InterchangeError> {
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).expect("invariant: both ciphers have keys of 32 bytes"));
    let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut sealed);
    let length = opened.map(|text| text.len()).map_err(|_| InterchangeError::WrongPassword)?;
    sealed.truncate(length);
    Ok(SecretBytes::from(sealed))
}

/// Bytes written as base64 (RFC 4648, section 4), with padding.
///
/// # Errors
/// If the text is not that, then `NotThisFormat`, which names `what`.
pub(super) fn base64(format: Format, what: &str, text: &str) -> Result<Vec<u8>, InterchangeError> {
    BASE64_STANDARD.decode(text).map_err(|_| no_export(format, format!("its {what} is not base64")))
}

/// Bytes written as hexadecimal digits.
///
/// # Errors
/// If the text is not that, then `NotThisFormat`, which names `what`.
pub(super) fn hex(format: Format, what: &str, text: &str) -> Result<Vec<u8>, InterchangeError> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some((digit(*high)? * 16 + digit(*low)?) as u8)).collect();
    match bytes {
        Some(bytes) if rest.is_empty() => Ok(bytes),
        _ => Err(no_export(format, format!("its {what} is not hexadecimal"))),
    }
}

/// A part that has one length only.
///
/// # Errors
/// If it has another, then `NotThisFormat`, which names `what`.
pub(super) fn exactly<const LENGTH: usize>(
    format: Format,
    what: &str,
    bytes: &[u8],
) -> Result<[u8; LENGTH], InterchangeError> {
    bytes.try_into().map_err(|_| no_export(format, format!("its {what} has not {LENGTH} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mfa::interchange::Format::{Aegis, Ente};

    fn is_costly<T>(made: Result<T, InterchangeError>) -> bool {
        matches!(made, Err(InterchangeError::TooCostly { .. }))
    }

    #[test]
    fn costs_are_taken_up_to_the_limit_and_not_beyond() {
        // Ente's on a computer and on a phone: the same work with a quarter of the memory.
        for (memory_kib, passes) in [(1 << 20, 4), (1 << 20, 10), (256 << 10, 16), (256 << 10, 40)] {
            assert!(Kdf::argon2id(Ente, memory_kib, passes, 1).is_ok(), "{memory_kib} {passes}");
            assert!(is_costly(Kdf::argon2id(Ente, memory_kib, passes + 37, 1)), "{memory_kib} {passes}");
        }
        assert!(is_costly(Kdf::argon2id(Ente, (1 << 20) + 1, 1, 1)));
        assert!(Kdf::argon2id(Ente, 1024, 1, 16).is_ok());
        assert!(is_costly(Kdf::argon2id(Ente, 1024, 1, 17)));
        for (n, r, p) in [(1 << 15, 8, 1), (1 << 18, 8, 4), (1 << 20, 2, 4)] {
            assert!(Kdf::scrypt(Aegis, n, r, p).is_ok(), "{n} {r} {p}");
        }
        for (n, r, p) in [(1 << 21, 1, 1), (1 << 18, 9, 1), (1 << 18, 8, 5), (2, 1025, 1), (2, 1, 1025)] {
            assert!(is_costly(Kdf::scrypt(Aegis, n, r, p)), "{n} {r} {p}");
        }
        assert!(Kdf::pbkdf2(Aegis, pbkdf2::PBKDF2_HMAC_SHA1, 10_000_000).is_ok());
        assert!(is_costly(Kdf::pbkdf2(Aegis, pbkdf2::PBKDF2_HMAC_SHA1, 10_000_001)));
    }

    #[test]
    fn keys_are_those_of_the_published_vectors() {
        let key = |kdf: Result<Kdf, _>, password: &str, salt: &str| {
            kdf.expect("a cost").key(&SecretText::from(password), salt.as_bytes()).expect("a key").to_vec()
        };
        let begin = |hex: &str| super::hex(Aegis, "vector", hex).expect("hexadecimal");
        // RFC 7914, section 12, and RFC 6070 (whose keys have 20 bytes: the first of longer ones).
        let scrypt = key(Kdf::scrypt(Aegis, 1024, 8, 16), "password", "NaCl");
        assert_eq!(scrypt, begin("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"));
        let pbkdf2 = key(Kdf::pbkdf2(Aegis, pbkdf2::PBKDF2_HMAC_SHA1, 4096), "password", "salt");
        assert_eq!(pbkdf2[..20], begin("4b007901b765489abead49d926f721d065a429c1"));
    }

    #[test]
    fn hexadecimal_digits_come_in_pairs() {
        assert_eq!(hex(Aegis, "x", "00fFa0"), Ok(vec![0, 255, 160]));
        for text in ["0", "0g", "000", "+1", "ä"] {
            assert_eq!(hex(Aegis, "x", text), Err(no_export(Aegis, "its x is not hexadecimal")), "{text}");
        }
    }
}
