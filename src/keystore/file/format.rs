//! The bytes of the encrypted keystore file, version 1, as `docs/storage-format.md` describes them. Pure: no file, no
//! person. Nothing of a file is believed before the integrity tag over all of it was verified.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use argon2::{Algorithm, Argon2, Params, Version};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    digest, hmac,
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroize;

use crate::secret::{Secret, SecretBytes, SecretText};

const MAGIC: &[u8; 8] = b"mfavault";
const VERSION: u16 = 1;
/// Magic, version and id: what never changes in the life of one keystore.
const IDENTITY_LENGTH: usize = 26;
/// Identity, cost and salt: what the sealed data key is bound to.
const BOUND_LENGTH: usize = IDENTITY_LENGTH + 12 + 16;
const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;
/// What sealing adds: the nonce before and the tag behind.
const SEALING_LENGTH: usize = NONCE_LENGTH + 16;
const CHECKED_LENGTH: usize = BOUND_LENGTH + KEY_LENGTH + SEALING_LENGTH;
/// The checked part and its SHA-256.
const HEADER_LENGTH: usize = CHECKED_LENGTH + 32;
const TAG_LENGTH: usize = 32;

/// How much work one guess of the passphrase costs (Argon2id, RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost {
    /// Memory in KiB, 8 MiB to 1 GiB.
    pub memory_kib: u32,
    /// Passes over the memory, 1 to 16.
    pub passes: u32,
    /// Lanes, 1 to 4.
    pub lanes: u32,
}

impl KdfCost {
    /// The memory that is accepted, in MiB.
    pub const MEMORY_MIB: RangeInclusive<u32> = 8..=1024;
    /// The passes that are accepted.
    pub const PASSES: RangeInclusive<u32> = 1..=16;
    /// The least that is accepted; for tests.
    pub const LEAST: KdfCost = KdfCost { memory_kib: 8 * 1024, passes: 1, lanes: 1 };

    fn is_acceptable(self) -> bool {
        (Self::MEMORY_MIB.start() * 1024..=Self::MEMORY_MIB.end() * 1024).contains(&self.memory_kib)
            && Self::PASSES.contains(&self.passes)
            && (1..=4).contains(&self.lanes)
    }
}

impl Default for KdfCost {
    /// 64 MiB, three passes, one lane: about 0.15 s.
    fn default() -> Self {
        KdfCost { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

/// Why bytes are not a keystore that opens.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FormatError {
    /// They were damaged, or are something else.
    Damaged(&'static str),
    /// The header is whole, but this passphrase does not open it.
    WrongPassphrase,
    /// A version this program does not know, in a whole header.
    UnknownVersion(u16),
    /// The system did not give memory or random bytes.
    NoResources(&'static str),
}

type Result<T> = std::result::Result<T, FormatError>;

const SHORT: FormatError = FormatError::Damaged("the file ends too early");

/// The key everything in one keystore is sealed with, for all its life.
#[derive(Clone, Debug)]
pub(super) struct DataKey(Secret<[u8; KEY_LENGTH]>);

impl DataKey {
    pub(super) fn from_bytes(bytes: &SecretBytes) -> Option<DataKey> {
        bytes.expose().as_slice().try_into().ok().map(|key| DataKey(Secret::new(key)))
    }

    pub(super) fn expose(&self) -> &[u8; KEY_LENGTH] {
        self.0.expose()
    }

    /// A key for one purpose only; HMAC is a pseudo-random function of the uniformly random data key.
    fn derived(&self, purpose: &str) -> Secret<[u8; KEY_LENGTH]> {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.expose()), purpose.as_bytes());
        let mut key = [0; KEY_LENGTH];
        key.copy_from_slice(derived.as_ref());
        Secret::new(key)
    }

    fn integrity(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.derived("mfavault keystore 1 integrity").expose())
    }

    fn records(&self) -> Secret<[u8; KEY_LENGTH]> {
        self.derived("mfavault keystore 1 records")
    }
}

/// The part that is readable without a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    bytes: [u8; HEADER_LENGTH],
}

impl Header {
    /// Makes a new keystore's header and data key. Takes the time and memory of one key derivation.
    pub(super) fn create(passphrase: &SecretText, cost: KdfCost) -> Result<(Header, DataKey)> {
        let key = DataKey(Secret::new(random()?));
        let (id, salt): ([u8; 16], [u8; 16]) = (random()?, random()?);
        let mut bytes = Vec::with_capacity(HEADER_LENGTH);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&id);
        for number in [cost.memory_kib, cost.passes, cost.lanes] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&salt);
        let wrapping = wrapping_key(passphrase, &salt, cost)?;
        let sealed = seal(&wrapping, &bytes, key.expose())?;
        bytes.extend_from_slice(&sealed);
        let checksum = digest::digest(&digest::SHA256, &bytes);
        bytes.extend_from_slice(checksum.as_ref());
        let bytes = bytes.try_into().map_err(|_| FormatError::NoResources("the header has another length"))?;
        Ok((Header { bytes }, key))
    }

    /// Reads the header of a file. The checksum comes first, so that damage is never taken for a wrong passphrase.
    pub(super) fn parse(file: &[u8]) -> Result<Header> {
        let Some(bytes) = file.first_chunk::<HEADER_LENGTH>() else {
            return Err(FormatError::Damaged("the file is shorter than its header"));
        };
        if !bytes.starts_with(MAGIC) {
            return Err(FormatError::Damaged("the file does not begin as a keystore"));
        }
        let (checked, checksum) = bytes.split_at(CHECKED_LENGTH);
        if digest::digest(&digest::SHA256, checked).as_ref() != checksum {
            return Err(FormatError::Damaged("the header does not match its checksum"));
        }
        let version = u16::from_be_bytes([bytes[8], bytes[9]]);
        if version != VERSION {
            return Err(FormatError::UnknownVersion(version));
        }
        let header = Header { bytes: *bytes };
        if !header.cost().is_acceptable() {
            return Err(FormatError::Damaged("the cost of the key derivation is out of bounds"));
        }
        Ok(header)
    }

    /// Opens the data key. Takes the time and memory of one key derivation.
    pub(super) fn open(&self, passphrase: &SecretText) -> Result<DataKey> {
        let wrapping = wrapping_key(passphrase, &self.bytes[BOUND_LENGTH - 16..BOUND_LENGTH], self.cost())?;
        let key = unseal(&wrapping, &self.bytes[..BOUND_LENGTH], &self.bytes[BOUND_LENGTH..CHECKED_LENGTH]);
        key.as_ref().and_then(DataKey::from_bytes).ok_or(FormatError::WrongPassphrase)
    }

    /// The random id, which tells keystores apart.
    pub(super) fn id(&self) -> &[u8; 16] {
        self.bytes[10..].first_chunk().expect("the header is longer than its id")
    }

    fn identity(&self) -> &[u8] {
        &self.bytes[..IDENTITY_LENGTH]
    }

    /// What one guess of its passphrase costs.
    pub(super) fn cost(&self) -> KdfCost {
        let number = |at: usize| {
            let bytes = &self.bytes[IDENTITY_LENGTH + at..];
            u32::from_be_bytes(*bytes.first_chunk().expect("the header is longer than its cost"))
        };
        KdfCost { memory_kib: number(0), passes: number(4), lanes: number(8) }
    }

    /// What a record's sealing is bound to: this keystore and the record's name.
    fn record_context(&self, name: &str) -> Vec<u8> {
        [self.identity(), name.as_bytes()].concat()
    }
}

/// Everything in a keystore, the records still sealed.
#[derive(Debug)]
pub(super) struct Contents<'file> {
    pub(super) header: Header,
    /// How many times it was saved; it never falls.
    pub(super) generation: u64,
    records: BTreeMap<&'file str, Cow<'file, [u8]>>,
}

impl<'file> Contents<'file> {
    /// An empty keystore that was never saved.
    pub(super) fn new(header: Header) -> Self {
        Contents { header, generation: 0, records: BTreeMap::new() }
    }

    /// Reads a whole file, after verifying its integrity tag.
    pub(super) fn parse(file: &'file [u8], key: &DataKey) -> Result<Self> {
        let mut contents = Contents::new(Header::parse(file)?);
        contents.generation = for_each_record(file, key, |name, sealed| {
            contents.records.insert(name, Cow::Borrowed(sealed));
        })?;
        Ok(contents)
    }

    /// Opens one record; `None` if it is not there.
    pub(super) fn get(&self, name: &str, key: &DataKey) -> Result<Option<SecretBytes>> {
        self.records.get(name).map(|sealed| opened(key, &self.header, name, sealed)).transpose()
    }

    /// Seals a record in, replacing an older one.
    pub(super) fn put(&mut self, name: &'file str, content: &SecretBytes, key: &DataKey) -> Result<()> {
        let sealed = seal(&key.records(), &self.header.record_context(name), content.expose())?;
        self.records.insert(name, Cow::Owned(sealed));
        Ok(())
    }

    /// The same records and generation in a keystore of another header and key: nothing of it opens with the former key.
    pub(super) fn resealed(&self, key: &DataKey, header: Header, new_key: &DataKey) -> Result<Contents<'file>> {
        let mut contents = Contents { header, generation: self.generation, records: BTreeMap::new() };
        for (name, sealed) in &self.records {
            contents.put(name, &opened(key, &self.header, name, sealed)?, new_key)?;
        }
        Ok(contents)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.records.contains_key(name)
    }

    /// Says whether the record was there.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        self.records.remove(name).is_some()
    }

    /// The bytes of the file, to which nothing can be added, and from which nothing removed, without the key.
    pub(super) fn to_bytes(&self, key: &DataKey) -> Vec<u8> {
        let body: usize = self.records.iter().map(|(name, sealed)| 6 + name.len() + sealed.len()).sum();
        let mut bytes = Vec::with_capacity(HEADER_LENGTH + 12 + body + TAG_LENGTH);
        bytes.extend_from_slice(&self.header.bytes);
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&length_field(self.records.len()).to_be_bytes());
        for (name, sealed) in &self.records {
            bytes.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&length_field(sealed.len()).to_be_bytes());
            bytes.extend_from_slice(sealed);
        }
        let tag = hmac::sign(&key.integrity(), &bytes);
        bytes.extend_from_slice(tag.as_ref());
        bytes
    }
}

/// The names of a file's records, after verifying the whole.
pub(super) fn names<'file>(file: &'file [u8], key: &DataKey) -> Result<BTreeSet<&'file str>> {
    let mut names = BTreeSet::new();
    for_each_record(file, key, |name, _| {
        names.insert(name);
    })?;
    Ok(names)
}

/// Reads one record of a file, after verifying the whole; `None` if it is not there. The others stay sealed.
pub(super) fn read_record(file: &[u8], key: &DataKey, wanted: &str) -> Result<Option<SecretBytes>> {
    let header = Header::parse(file)?;
    let mut found = None;
    for_each_record(file, key, |name, sealed| {
        if name == wanted {
            found = Some(sealed);
        }
    })?;
    found.map(|sealed| opened(key, &header, wanted, sealed)).transpose()
}

/// What can be told without a key: whether the header is whole, and the lengths of the rest fit.
pub(super) fn outline(file: &[u8]) -> Result<Header> {
    let header = Header::parse(file)?;
    let (tagged, _) = file.split_last_chunk::<TAG_LENGTH>().ok_or(SHORT)?;
    walk(tagged, |_, _| {})?;
    Ok(header)
}

/// Verifies a whole file: its tag, and that each record opens.
pub(super) fn verify(file: &[u8], key: &DataKey) -> Result<()> {
    let contents = Contents::parse(file, key)?;
    contents.records.iter().try_for_each(|(name, sealed)| opened(key, &contents.header, name, sealed).map(drop))
}

fn opened(key: &DataKey, header: &Header, name: &str, sealed: &[u8]) -> Result<SecretBytes> {
    let content = unseal(&key.records(), &header.record_context(name), sealed);
    content.ok_or(FormatError::Damaged("a record does not open"))
}

/// Verifies the tag, then walks the records; returns the generation.
fn for_each_record<'file>(file: &'file [u8], key: &DataKey, visit: impl FnMut(&'file str, &'file [u8])) -> Result<u64> {
    let (tagged, tag) = file.split_last_chunk::<TAG_LENGTH>().ok_or(SHORT)?;
    if hmac::verify(&key.integrity(), tagged, tag).is_err() {
        return Err(FormatError::Damaged("the file does not match its integrity tag"));
    }
    walk(tagged, visit)
}

/// Walks the records, whose names must ascend; returns the generation.
fn walk<'file>(tagged: &'file [u8], mut visit: impl FnMut(&'file str, &'file [u8])) -> Result<u64> {
    let mut rest = tagged.get(HEADER_LENGTH..).ok_or(SHORT)?;
    let mut take = |count: usize| -> Result<&'file [u8]> {
        let (taken, left) = rest.split_at_checked(count).ok_or(SHORT)?;
        rest = left;
        Ok(taken)
    };
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let length = |bytes: &[u8]| usize::try_from(number(bytes)).map_err(|_| SHORT);
    let generation = number(take(8)?);
    let count = length(take(4)?)?;
    let mut last: Option<&str> = None;
    for _ in 0..count {
        let name_length = length(take(2)?)?;
        let name = std::str::from_utf8(take(name_length)?).map_err(|_| FormatError::Damaged("a name is not UTF-8"))?;
        if last.is_some_and(|last| last >= name) {
            return Err(FormatError::Damaged("the names do not ascend"));
        }
        last = Some(name);
        let sealed_length = length(take(4)?)?;
        visit(name, take(sealed_length)?);
    }
    if rest.is_empty() { Ok(generation) } else { Err(FormatError::Damaged("something follows the last record")) }
}

/// A length that the limits of the caller keep far below 32 bits.
fn length_field(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    SystemRandom::new().fill(&mut bytes).map_err(|_| FormatError::NoResources("the system gives no random bytes"))?;
    Ok(bytes)
}

fn wrapping_key(passphrase: &SecretText, salt: &[u8], cost: KdfCost) -> Result<Secret<[u8; KEY_LENGTH]>> {
    const FAILED: FormatError = FormatError::NoResources("the key derivation failed");
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_LENGTH)).map_err(|_| FAILED)?;
    let mut key = [0; KEY_LENGTH];
    let derived = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
        passphrase.expose().as_bytes(),
        salt,
        &mut key,
    );
    let secret = Secret::new(key);
    key.zeroize();
    derived.map(|()| secret).map_err(|_| FAILED)
}

fn cipher(key: &Secret<[u8; KEY_LENGTH]>) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.expose()).expect("the key has the cipher's length"))
}

/// Nonce, ciphertext and tag. Nonces are random: 96 bits suffice for 2^32 saves of one record.
fn seal(key: &Secret<[u8; KEY_LENGTH]>, context: &[u8], content: &[u8]) -> Result<Vec<u8>> {
    let nonce: [u8; NONCE_LENGTH] = random()?;
    let mut sealed = Vec::with_capacity(content.len() + SEALING_LENGTH);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(content);
    let tag = cipher(key)
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(context),
            &mut sealed[NONCE_LENGTH..],
        )
        .map_err(|_| FormatError::NoResources("sealing failed"))?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

fn unseal(key: &Secret<[u8; KEY_LENGTH]>, context: &[u8], sealed: &[u8]) -> Option<SecretBytes> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LENGTH>()?;
    let mut content = sealed.to_vec();
    let length =
        cipher(key).open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), &mut content).ok()?.len();
    content.truncate(length);
    Some(Secret::new(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created() -> (Header, DataKey) {
        Header::create(&SecretText::from("pass"), KdfCost::LEAST).unwrap()
    }

    /// A file with these names, in this order, which the writer itself would not write.
    fn tagged(body: &[u8], (header, key): &(Header, DataKey)) -> Vec<u8> {
        let mut file = [&header.bytes[..], body].concat();
        let tag = hmac::sign(&key.integrity(), &file);
        file.extend_from_slice(tag.as_ref());
        file
    }

    #[test]
    fn one_of_ten_thousand_records_is_found() {
        let (header, key) = created();
        let names: Vec<String> = (0..10_000).map(|number| format!("session/{number}")).collect();
        let mut contents = Contents::new(header);
        for name in &names {
            contents.put(name, &Secret::new(name.clone().into_bytes()), &key).unwrap();
        }
        let file = contents.to_bytes(&key);
        let content = read_record(&file, &key, "session/4711").unwrap().unwrap();
        assert_eq!(content.expose(), b"session/4711");
        let again = Contents::parse(&file, &key).unwrap();
        assert_eq!(again.to_bytes(&key), file);
    }

    #[test]
    fn the_places_in_the_file_are_those_of_the_document() {
        let (header, key) = created();
        let mut contents = Contents::new(header);
        contents.generation = 0x0102_0304_0506_0708;
        contents.put("key/a", &Secret::new(b"xyz".to_vec()), &key).unwrap();
        let file = contents.to_bytes(&key);
        assert_eq!(&file[..10], b"mfavault\0\x01");
        assert_eq!(&file[26..38], [0, 0, 0x20, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
        assert_eq!(&file[146..158], [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1]);
        assert_eq!(&file[158..169], b"\0\x05key/a\0\0\0\x1f");
        assert_eq!(file.len(), 169 + 31 + 32);
    }

    #[test]
    fn a_tagged_file_of_the_wrong_shape_is_damaged_and_nothing_panics() {
        let created = created();
        let empty = [0; 12];
        assert_eq!(for_each_record(&tagged(&empty, &created), &created.1, |_, _| {}), Ok(0));
        let bodies: [&[u8]; 7] = [
            b"",
            b"\0\0\0\0\0\0\0\0\xff\xff\xff\xff",
            b"\0\0\0\0\0\0\0\0\0\0\0\x01\xff\xff",
            b"\0\0\0\0\0\0\0\0\0\0\0\x01\0\x01a\xff\xff\xff\xff",
            b"\0\0\0\0\0\0\0\0\0\0\0\x01\0\x01\xff\0\0\0\0",
            b"\0\0\0\0\0\0\0\0\0\0\0\x02\0\x01b\0\0\0\0\0\x01b\0\0\0\0",
            b"\0\0\0\0\0\0\0\0\0\0\0\0more",
        ];
        for body in bodies {
            let answer = Contents::parse(&tagged(body, &created), &created.1).map(drop);
            assert!(matches!(answer, Err(FormatError::Damaged(_))), "{body:?}");
        }
    }

    #[test]
    fn a_record_under_another_name_or_in_another_keystore_does_not_open() {
        let (one, two) = (created(), created());
        let mut contents = Contents::new(one.0.clone());
        contents.put("key/a", &Secret::new(b"xyz".to_vec()), &one.1).unwrap();
        let sealed = contents.records["key/a"].clone();
        contents.records.insert("key/b", sealed.clone());
        assert!(matches!(read_record(&contents.to_bytes(&one.1), &one.1, "key/b"), Err(FormatError::Damaged(_))));
        let mut other = Contents::new(two.0);
        other.records.insert("key/a", sealed);
        assert!(matches!(read_record(&other.to_bytes(&one.1), &one.1, "key/a"), Err(FormatError::Damaged(_))));
    }

    #[test]
    fn a_newer_version_is_named_as_such() {
        let (mut header, _) = created();
        header.bytes[9] = 2;
        let checksum = digest::digest(&digest::SHA256, &header.bytes[..CHECKED_LENGTH]);
        header.bytes[CHECKED_LENGTH..].copy_from_slice(checksum.as_ref());
        assert_eq!(Header::parse(&header.bytes), Err(FormatError::UnknownVersion(2)));
    }
}
