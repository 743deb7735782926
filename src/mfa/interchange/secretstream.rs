//! libsodium's `crypto_secretstream_xchacha20poly1305`, opening only
//! (<https://doc.libsodium.org/secret-key_cryptography/secretstream>), for texts of one chunk or several.
//!
//! A chunk is one byte of tag and the text, encrypted, and a MAC. The MAC of a chunk goes into the nonce of the next, so
//! none can be left out, repeated or moved. libsodium pads what it authenticates in a way of its own.

use chacha20::{
    ChaCha20,
    cipher::{KeyIvInit, StreamCipher},
};
use poly1305::{
    Poly1305,
    universal_hash::{KeyInit, UniversalHash},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{InterchangeError, sealed};
use crate::secret::SecretBytes;

/// What a chunk is longer than its text.
const OVERHEAD: usize = 17;
/// How Ente cuts what is longer.
const CHUNK: usize = (4 << 20) + OVERHEAD;
const TAG_MESSAGE: u8 = 0;
const TAG_REKEY: u8 = 2;
const TAG_FINAL: u8 = 3;

/// Opens a stream of one chunk, or of chunks of 4 MiB.
///
/// # Errors
/// If a MAC does not match, or the end is missing, then `WrongPassword`.
pub(super) fn open(key: &[u8; 32], header: &[u8; 24], sealed: &[u8]) -> Result<SecretBytes, InterchangeError> {
    pull(key, header, sealed, sealed.len().max(1))
        .or_else(|| pull(key, header, sealed, CHUNK))
        .ok_or(InterchangeError::WrongPassword)
}

fn pull(key: &[u8; 32], header: &[u8; 24], sealed: &[u8], chunk: usize) -> Option<SecretBytes> {
    let mut stream = Stream::new(key, header);
    let mut text = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let chunks = sealed.len().div_ceil(chunk);
    for (index, chunk) in sealed.chunks(chunk).enumerate() {
        let tag = stream.pull(chunk, &mut text)?;
        let is_last = index + 1 == chunks;
        // A text of one chunk may end with an ordinary message: Ente's older writers do that. One as long as a chunk of
        // several may have lost the others.
        let is_whole = chunks == 1 && tag == TAG_MESSAGE && sealed.len() < CHUNK;
        if is_last != (tag == TAG_FINAL) && !is_whole {
            return None;
        }
    }
    (chunks > 0).then(|| SecretBytes::from(std::mem::take(&mut *text)))
}

struct Stream {
    key: sealed::Key,
    /// A counter of 4 bytes, then what chains the chunks.
    nonce: [u8; 12],
}

impl Stream {
    fn new(key: &[u8; 32], header: &[u8; 24]) -> Self {
        let mut nonce = [0; 12];
        nonce[0] = 1;
        nonce[4..].copy_from_slice(&header[16..]);
        Stream { key: sealed::subkey(key, header), nonce }
    }

    /// Checks one chunk, appends its text, and gives its tag; none if the MAC does not match.
    fn pull(&mut self, chunk: &[u8], text: &mut Vec<u8>) -> Option<u8> {
        let (body, mac) = chunk.split_last_chunk::<16>()?;
        let (first, ciphertext) = body.split_first()?;
        let mut cipher = ChaCha20::new((&*self.key).into(), (&self.nonce).into());
        let mut mac_key = Zeroizing::new([0; 64]);
        cipher.apply_keystream(&mut *mac_key);
        let mut block = [0; 64];
        block[0] = *first;
        cipher.apply_keystream(&mut block);
        let tag = block[0];
        block[0] = *first;
        if !bool::from(authenticate(&mac_key, &block, ciphertext).ct_eq(mac)) {
            return None;
        }
        let begin = text.len();
        text.extend_from_slice(ciphertext);
        cipher.apply_keystream(&mut text[begin..]);
        self.advance(mac, tag);
        Some(tag)
    }

    fn advance(&mut self, mac: &[u8; 16], tag: u8) {
        let (counter, chain) = self.nonce.split_at_mut(4);
        chain.iter_mut().zip(mac).for_each(|(chain, mac)| *chain ^= mac);
        let next = u32::from_le_bytes([counter[0], counter[1], counter[2], counter[3]]).wrapping_add(1);
        counter.copy_from_slice(&next.to_le_bytes());
        if tag & TAG_REKEY != 0 || next == 0 {
            self.rekey();
        }
    }

    fn rekey(&mut self) {
        let mut next = Zeroizing::new([0; 40]);
        next[..32].copy_from_slice(&*self.key);
        next[32..].copy_from_slice(&self.nonce[4..]);
        ChaCha20::new((&*self.key).into(), (&self.nonce).into()).apply_keystream(&mut *next);
        self.key.copy_from_slice(&next[..32]);
        self.nonce[..4].copy_from_slice(&1_u32.to_le_bytes());
        self.nonce[4..].copy_from_slice(&next[32..]);
    }
}

/// Poly1305 over the tag's block, the ciphertext, as many zeros as it is longer than whole blocks (where RFC 8439 fills
/// up the block), and both lengths.
fn authenticate(key: &[u8; 64], block: &[u8; 64], ciphertext: &[u8]) -> [u8; 16] {
    let mut poly = Poly1305::new(key[..32].into());
    poly.update_padded(block);
    let (whole, rest) = ciphertext.split_at(ciphertext.len() / 16 * 16);
    poly.update_padded(whole);
    let mut tail = Vec::with_capacity(46);
    tail.extend_from_slice(rest);
    tail.resize(rest.len() * 2, 0);
    tail.extend_from_slice(&0_u64.to_le_bytes());
    tail.extend_from_slice(&(block.len() as u64 + ciphertext.len() as u64).to_le_bytes());
    poly.compute_unpadded(&tail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four chunks of 20 bytes and fewer, with the tags 1, 2 (which changes the key), 0 and 3, by PyNaCl 1.6.2.
    const KEY: &str = "0489b8313ed8cbc75b2b472420befdef3b2365649d37fd905e3cf4eca07b12f5";
    const HEADER: &str = "0fa1f59f551fff14031aa85e1818aa4e8e809b8b3e3b4994";
    const SEALED: &str = "417f875504f35223b9c319179fc5f24f1b784ffdf5be5ead6a4ef687a5e14214bb60a92d0f0ec95b7c9d433425\
        d0c46ff4bc15729a2e7006acd86fdb96f40995a3f4b4c6bbbb086185b45ab5f866461e895ee2320b361e6592aa8bec1edf477f36e2c1\
        3b5d6ebada29e5ce4f60d093058ecb5e53c5994f36be7418d0cf57c0d22b1924613b07c2e3";
    const TEXT: &[u8] = b"otpauth://totp/a?secret=MZXW6YTBOI\notpauth://totp/b?secret=MZXW6YTB\n";
    const LENGTH: usize = 20 + OVERHEAD;

    fn bytes(hex: &str) -> Vec<u8> {
        sealed::hex(crate::mfa::interchange::Format::Ente, "text", hex).expect("hexadecimal")
    }

    fn pulled(sealed: &[u8]) -> Option<Vec<u8>> {
        let (key, header) = (bytes(KEY).try_into().expect("a key"), bytes(HEADER).try_into().expect("a header"));
        pull(&key, &header, sealed, LENGTH).map(|text| text.expose().clone())
    }

    #[test]
    fn what_libsodium_wrote_in_several_chunks_is_read() {
        assert_eq!(pulled(&bytes(SEALED)).as_deref(), Some(TEXT));
    }

    /// One chunk, as it comes first in a stream.
    fn pushed(key: &[u8; 32], header: &[u8; 24], tag: u8, text: &[u8]) -> Vec<u8> {
        let stream = Stream::new(key, header);
        let mut cipher = ChaCha20::new((&*stream.key).into(), (&stream.nonce).into());
        let (mut mac_key, mut block, mut sealed) = ([0; 64], [0; 64], text.to_vec());
        cipher.apply_keystream(&mut mac_key);
        block[0] = tag;
        cipher.apply_keystream(&mut block);
        cipher.apply_keystream(&mut sealed);
        let mac = authenticate(&mac_key, &block, &sealed);
        sealed.insert(0, block[0]);
        sealed.extend_from_slice(&mac);
        sealed
    }

    #[test]
    fn one_ordinary_message_is_a_whole_text_unless_it_may_be_the_first_of_several() {
        let (key, header) = ([1; 32], [2; 24]);
        let opens = |length: usize, tag| open(&key, &header, &pushed(&key, &header, tag, &vec![0; length])).is_ok();
        assert!(opens(100, TAG_FINAL) && opens(100, TAG_MESSAGE) && opens(CHUNK - OVERHEAD, TAG_FINAL));
        assert!(!opens(CHUNK - OVERHEAD, TAG_MESSAGE));
    }

    #[test]
    fn chunks_can_be_neither_left_out_nor_moved_nor_repeated() {
        let sealed = bytes(SEALED);
        let chunks: Vec<_> = sealed.chunks(LENGTH).collect();
        for order in [&[0, 1, 2][..], &[0, 1], &[0], &[3], &[], &[0, 1, 3], &[1, 0, 2, 3], &[0, 0, 1, 2, 3]] {
            let moved: Vec<u8> = order.iter().flat_map(|index| chunks[*index]).copied().collect();
            assert_eq!(pulled(&moved), None, "{order:?}");
        }
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 0x10;
            assert_eq!(pulled(&damaged), None, "byte {index}");
        }
    }
}
