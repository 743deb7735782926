//! The Secret Service's encrypted transport, `dh-ietf1024-sha256-aes128-cbc-pkcs7`: a Diffie-Hellman exchange in the
//! second Oakley group (RFC 2409, section 6.2), HKDF with SHA-256 (RFC 5869), AES-128 in CBC mode.
//!
//! It keeps secrets from whoever records the bus. It says nothing about who the service is: that, the bus vouches for.

use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit, block_padding::Pkcs7};
use num_bigint_dig::BigUint;
use ring::{
    hkdf,
    rand::{SecureRandom, SystemRandom},
};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::SecretBytes;

/// As the specification names it.
pub(super) const ALGORITHM: &str = "dh-ietf1024-sha256-aes128-cbc-pkcs7";

const PRIME: &str = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD\
                     EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
                     EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF";
const PRIME_LENGTH: usize = 128;
/// Three times as long as the group is strong, and a quarter of the work that a whole exponent makes.
const EXPONENT_LENGTH: usize = 32;
const BLOCK: usize = 16;
/// One exponent in 128 will not do.
const ATTEMPTS: usize = 64;

/// Our half of an exchange.
pub(super) struct Exchange {
    exponent: Zeroizing<[u8; EXPONENT_LENGTH]>,
    public: Vec<u8>,
}

/// The key that both sides have.
pub(super) struct Transport {
    key: Zeroizing<[u8; BLOCK]>,
}

impl Exchange {
    /// None if the system gives no random bytes.
    pub(super) fn begin() -> Option<Exchange> {
        let attempt = || {
            let mut exponent = Zeroizing::new([0; EXPONENT_LENGTH]);
            SystemRandom::new().fill(&mut *exponent).ok().map(|()| Exchange::of(exponent))
        };
        (0..ATTEMPTS).map_while(|_| attempt()).find(Exchange::has_one_reading)
    }

    fn of(exponent: Zeroizing<[u8; EXPONENT_LENGTH]>) -> Exchange {
        let public = raise(&BigUint::from(2_u8), &exponent).to_bytes_be();
        Exchange { exponent, public }
    }

    /// KWallet takes no number shorter than the prime, and takes one for negative that begins with all bits set.
    fn has_one_reading(&self) -> bool {
        self.public.len() == PRIME_LENGTH && self.public.first() != Some(&0xff)
    }

    /// What the other side is sent.
    pub(super) fn public(&self) -> Vec<u8> {
        self.public.clone()
    }

    /// The key, by what the other side sent; none if that gives no secret, or one of which there are two readings: GNOME
    /// Keyring keeps the zeros that one in 256 begins with, KWallet drops them.
    pub(super) fn end(self, theirs: &[u8]) -> Option<Transport> {
        let (one, theirs) = (BigUint::from(1_u8), BigUint::from_bytes_be(theirs));
        // These give one of two keys, whatever our exponent is.
        if theirs <= one || theirs >= prime() - &one {
            return None;
        }
        let mut number = raise(&theirs, &self.exponent);
        let bytes = Zeroizing::new(number.to_bytes_be());
        number.zeroize();
        if bytes.len() < PRIME_LENGTH {
            return None;
        }
        let mut key = Zeroizing::new([0; BLOCK]);
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&bytes);
        derived.expand(&[], KeyLength).and_then(|output| output.fill(&mut *key)).ok()?;
        Some(Transport { key })
    }
}

impl Transport {
    /// The initialisation vector and the encrypted content; none if the system gives no random bytes.
    pub(super) fn seal(&self, content: &SecretBytes) -> Option<(Vec<u8>, Vec<u8>)> {
        let content = content.expose();
        let mut iv = [0; BLOCK];
        SystemRandom::new().fill(&mut iv).ok()?;
        let mut buffer = vec![0; content.len() + BLOCK];
        buffer[..content.len()].copy_from_slice(content);
        let cipher = cbc::Encryptor::<aes::Aes128>::new((&*self.key).into(), (&iv).into());
        let length = cipher.encrypt_padded_mut::<Pkcs7>(&mut buffer, content.len()).ok()?.len();
        buffer.truncate(length);
        Some((iv.to_vec(), buffer))
    }

    /// The content; none if it was not encrypted with this key.
    pub(super) fn open(&self, iv: &[u8], sealed: &[u8]) -> Option<SecretBytes> {
        let cipher = cbc::Decryptor::<aes::Aes128>::new_from_slices(&*self.key, iv).ok()?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let content = cipher.decrypt_padded_mut::<Pkcs7>(&mut buffer).ok()?;
        Some(SecretBytes::new(content.to_vec()))
    }
}

struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        BLOCK
    }
}

fn raise(base: &BigUint, exponent: &[u8; EXPONENT_LENGTH]) -> BigUint {
    let mut exponent = BigUint::from_bytes_be(exponent);
    let raised = base.modpow(&exponent, &prime());
    exponent.zeroize();
    raised
}

fn prime() -> BigUint {
    BigUint::parse_bytes(PRIME.as_bytes(), 16).expect("invariant: the prime is written in hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Transport, Transport) {
        let attempt = || {
            let (ours, theirs) = (Exchange::begin().unwrap(), Exchange::begin().unwrap());
            let (our_public, their_public) = (ours.public(), theirs.public());
            Some((ours.end(&their_public)?, theirs.end(&our_public)?))
        };
        std::iter::repeat_with(attempt).take(9).flatten().next().unwrap()
    }

    /// What is sent is 2 to the power of this.
    fn of(exponent: u8) -> Exchange {
        let mut bytes = Zeroizing::new([0; EXPONENT_LENGTH]);
        bytes[EXPONENT_LENGTH - 1] = exponent;
        Exchange::of(bytes)
    }

    #[test]
    fn both_sides_have_one_key_and_read_what_the_other_wrote() {
        let (ours, theirs) = pair();
        assert_eq!(*ours.key, *theirs.key);
        for length in [0, 1, 15, 16, 17, 5000] {
            let content = SecretBytes::new(vec![7; length]);
            let (iv, sealed) = ours.seal(&content).unwrap();
            assert_eq!((iv.len(), sealed.len() % 16), (16, 0));
            assert_eq!(theirs.open(&iv, &sealed).unwrap(), content);
        }
    }

    #[test]
    fn no_two_exchanges_and_no_two_messages_are_alike() {
        let (first, second) = (pair().0, pair().0);
        assert_ne!(*first.key, *second.key);
        let content = SecretBytes::new(b"content".to_vec());
        assert_ne!(first.seal(&content), first.seal(&content));
    }

    #[test]
    fn what_gives_no_secret_is_refused() {
        let below = |number: u8| (prime() - BigUint::from(number)).to_bytes_be();
        for theirs in [vec![], vec![0], vec![1], below(1), below(0), vec![0xff; 128], vec![0xff; 1000]] {
            assert!(Exchange::begin().unwrap().end(&theirs).is_none(), "{theirs:?}");
        }
        assert!(of(1).end(&below(2)).is_some());
    }

    #[test]
    fn numbers_that_services_read_differently_are_avoided() {
        assert!(!of(1).has_one_reading());
        let with_public = |first: u8| Exchange { public: [vec![first], vec![7; PRIME_LENGTH - 1]].concat(), ..of(1) };
        assert!(!with_public(0xff).has_one_reading() && with_public(0xfe).has_one_reading());
        // The secret is what the other side sent.
        let with_first = |byte: u8| [vec![byte], vec![7; PRIME_LENGTH - 1]].concat();
        assert!(of(1).end(&with_first(0)).is_none() && of(1).end(&with_first(1)).is_some());
    }

    #[test]
    fn what_was_not_encrypted_for_us_is_refused() {
        let (ours, _) = pair();
        let (iv, sealed) = ours.seal(&SecretBytes::new(b"content".to_vec())).unwrap();
        assert!(ours.open(&iv[1..], &sealed).is_none());
        assert!(ours.open(&iv, &sealed[1..]).is_none());
        assert!(ours.open(&iv, &[]).is_none());
        assert!(ours.open(&[], b"content").is_none());
    }
}
