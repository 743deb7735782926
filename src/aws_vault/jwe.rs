//! An encrypted text of the kind that aws-vault's files are: JWE (RFC 7516) in its compact form, the key wrapped by one of
//! a passphrase (PBES2-HS256+A128KW, RFC 7518, section 4.8), the content sealed with AES-256-GCM.

use std::num::NonZeroU32;

use aes::{
    Aes128,
    cipher::{BlockDecrypt, KeyInit, consts::U16, generic_array::GenericArray},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    pbkdf2,
};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::{SecretBytes, SecretText};

const KEY_ALGORITHM: &str = "PBES2-HS256+A128KW";
const CONTENT_ALGORITHM: &str = "A256GCM";
/// aws-vault's library takes 8192. So many cost about a second.
const MOST_ROUNDS: u32 = 2_000_000;
/// RFC 3394, section 2.2.3.1.
const INTEGRITY: [u8; 8] = [0xA6; 8];

/// Why a text was not opened. No content is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JweFault {
    /// Another kind of text.
    #[error("it is no encrypted file of aws-vault")]
    Malformed,
    /// Encrypted in a way that aws-vault does not use.
    #[error("it is encrypted in another way than aws-vault does it")]
    OtherAlgorithm,
    /// Opening it would take too long.
    #[error("its passphrase is said to take more than {MOST_ROUNDS} rounds")]
    TooCostly,
    /// These two cannot be told apart.
    #[error("the passphrase is another one, or the file is damaged")]
    NotOpened,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    p2s: String,
    p2c: u64,
    zip: Option<serde::de::IgnoredAny>,
    crit: Option<serde::de::IgnoredAny>,
}

/// Decrypts a text.
///
/// # Errors
/// If it is no such text, then `Malformed`; if it is sealed in another way, then `OtherAlgorithm`; if it asks for more
/// than 2,000,000 rounds, then `TooCostly`; if the passphrase does not open it, then `NotOpened`.
pub(super) fn open(text: &str, passphrase: &SecretText) -> Result<SecretBytes, JweFault> {
    let parts: Vec<&str> = text.trim_ascii().split('.').collect();
    let [header_text, wrapped, nonce, content, tag] = parts[..] else { return Err(JweFault::Malformed) };
    let header: Header = serde_json::from_slice(&decoded(header_text)?).map_err(|_| JweFault::Malformed)?;
    if (header.alg.as_str(), header.enc.as_str()) != (KEY_ALGORITHM, CONTENT_ALGORITHM)
        || header.zip.is_some()
        || header.crit.is_some()
    {
        return Err(JweFault::OtherAlgorithm);
    }
    let rounds = u32::try_from(header.p2c).ok().filter(|rounds| *rounds <= MOST_ROUNDS).ok_or(JweFault::TooCostly)?;
    let rounds = NonZeroU32::new(rounds).ok_or(JweFault::Malformed)?;
    let salt = [KEY_ALGORITHM.as_bytes(), &[0], &decoded(&header.p2s)?].concat();
    let mut wrapping_key = Zeroizing::new([0; 16]);
    let passphrase = passphrase.expose().as_bytes();
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, passphrase, &mut *wrapping_key);
    let cipher = Aes128::new(GenericArray::from_slice(&*wrapping_key));
    let key = unwrapped(&cipher, &decoded(wrapped)?).ok_or(JweFault::NotOpened)?;
    let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| JweFault::Malformed)?;
    let nonce = Nonce::try_assume_unique_for_key(&decoded(nonce)?).map_err(|_| JweFault::Malformed)?;
    let mut sealed = Zeroizing::new(decoded(content)?);
    sealed.extend(decoded(tag)?);
    let aad = Aad::from(header_text.as_bytes());
    let plain = LessSafeKey::new(key).open_in_place(nonce, aad, &mut sealed).map_err(|_| JweFault::NotOpened)?;
    Ok(SecretBytes::from(plain.to_vec()))
}

fn decoded(text: &str) -> Result<Vec<u8>, JweFault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JweFault::Malformed)
}

/// Unwraps a key (RFC 3394, section 2.2.2); nothing if it was not wrapped by this one.
fn unwrapped(cipher: &impl BlockDecrypt<BlockSize = U16>, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let count = (wrapped.len() / 8).checked_sub(1).filter(|count| *count >= 2 && wrapped.len().is_multiple_of(8))?;
    let (mut check, mut registers) = (wrapped[..8].to_vec(), Zeroizing::new(wrapped[8..].to_vec()));
    for round in (0..6).rev() {
        for (index, register) in registers.chunks_exact_mut(8).enumerate().rev() {
            let step = (count * round + index + 1) as u64;
            let mut block = Zeroizing::new([0; 16]);
            block[..8].copy_from_slice(&check);
            block[..8].iter_mut().zip(step.to_be_bytes()).for_each(|(byte, step)| *byte ^= step);
            block[8..].copy_from_slice(register);
            cipher.decrypt_block(GenericArray::from_mut_slice(&mut *block));
            check.copy_from_slice(&block[..8]);
            register.copy_from_slice(&block[8..]);
        }
    }
    bool::from(check.ct_eq(&INTEGRITY)).then_some(registers)
}

#[cfg(test)]
mod tests {
    use aes::{Aes192, Aes256};

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
    }

    #[test]
    fn the_vectors_of_rfc_3394_unwrap() {
        let key = bytes("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
        let data = bytes("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F");
        let of_128 = Aes128::new(GenericArray::from_slice(&key[..16]));
        let of_192 = Aes192::new(GenericArray::from_slice(&key[..24]));
        let of_256 = Aes256::new(GenericArray::from_slice(&key));
        let cases = [
            (unwrapped(&of_128, &bytes("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5")), 16),
            (unwrapped(&of_192, &bytes("96778B25AE6CA435F92B5B97C050AED2468AB8A17AD84E5D")), 16),
            (unwrapped(&of_256, &bytes("64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7")), 16),
            (unwrapped(&of_192, &bytes("031D33264E15D33268F24EC260743EDCE1C6C7DDEE725A936BA814915C6762D2")), 24),
            (unwrapped(&of_256, &bytes("A8F9BC1612C68B3FF6E6F4FBE30E71E4769C8B80A32CB8958CD5D17D6B254DA1")), 24),
            (
                unwrapped(
                    &of_256,
                    &bytes("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"),
                ),
                32,
            ),
        ];
        for (found, length) in cases {
            assert_eq!(found.expect("unwrapped").as_slice(), &data[..length]);
        }
    }

    #[test]
    fn what_another_key_wrapped_or_what_is_too_short_does_not_unwrap() {
        let cipher = Aes128::new(GenericArray::from_slice(&[7; 16]));
        let wrapped = bytes("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5");
        for length in 0..=wrapped.len() {
            assert!(unwrapped(&cipher, &wrapped[..length]).is_none());
        }
    }
}
