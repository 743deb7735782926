//! One `java.util.HashMap` of strings, out of Java's serialisation format
//! (<https://docs.oracle.com/en/java/javase/21/docs/specs/serialization/protocol.html>).
//!
//! This is no deserialiser: it knows the few elements that such a map is written with, makes nothing of class names but
//! a comparison, and follows references to strings only.

use std::borrow::Cow;

use super::{FreeOtp, InterchangeError, MOST_ENTRIES, no_export};

/// Magic and version.
pub(super) const MAGIC: [u8; 4] = [0xac, 0xed, 0, 5];

const CLASS: &[u8] = b"java.util.HashMap";
const SERIAL_VERSION_UID: [u8; 8] = 362_498_820_763_181_265_u64.to_be_bytes();
/// The class writes its own data, after its fields.
const SERIALIZABLE_WITH_WRITE_METHOD: u8 = 3;
const FIRST_HANDLE: u32 = 0x7e_0000;

const TC_NULL: u8 = 0x70;
const TC_REFERENCE: u8 = 0x71;
const TC_CLASSDESC: u8 = 0x72;
const TC_OBJECT: u8 = 0x73;
const TC_STRING: u8 = 0x74;
const TC_BLOCKDATA: u8 = 0x77;
const TC_ENDBLOCKDATA: u8 = 0x78;
const TC_LONGSTRING: u8 = 0x7c;

/// A key and its value.
pub(super) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The keys and values, in the order of the file.
///
/// # Errors
/// If it is anything but one map of strings, then `NotThisFormat`; if it has too many of them, or references make them
/// longer than the file may be, then `TooLarge`.
pub(super) fn strings(bytes: &[u8]) -> Result<Vec<Pair<'_>>, InterchangeError> {
    let mut stream = Stream { rest: bytes, handles: Vec::new(), decoded: 0 };
    stream.expect(&MAGIC)?;
    stream.class()?;
    stream.expect(&[TC_BLOCKDATA, 8])?;
    let _buckets: [u8; 4] = stream.take()?;
    let size = u32::from_be_bytes(stream.take()?) as usize;
    // Two strings for each, and the master key.
    if size > 2 * MOST_ENTRIES + 1 {
        return Err(InterchangeError::TooLarge { what: "more than 10,000 entries" });
    }
    let map = (0..size).map(|_| Ok((stream.string()?, stream.string()?))).collect::<Result<_, _>>()?;
    stream.expect(&[TC_ENDBLOCKDATA])?;
    match stream.rest {
        [] => Ok(map),
        _ => Err(unknown()),
    }
}

struct Stream<'a> {
    rest: &'a [u8],
    /// What references refer to: strings, and two that are none.
    handles: Vec<Option<&'a [u8]>>,
    /// How many bytes of strings were given out.
    decoded: usize,
}

impl<'a> Stream<'a> {
    /// The object's head: its class, which has a load factor, a threshold or both, their values, and nothing above it.
    fn class(&mut self) -> Result<(), InterchangeError> {
        self.expect(&[TC_OBJECT, TC_CLASSDESC])?;
        let length = u16::from_be_bytes(self.take()?);
        if self.slice(length.into())? != CLASS {
            return Err(no_export(FreeOtp, "it holds another class than a map"));
        }
        self.expect(&SERIAL_VERSION_UID)?;
        self.expect(&[SERIALIZABLE_WITH_WRITE_METHOD])?;
        let fields = u16::from_be_bytes(self.take()?);
        if fields > 2 {
            return Err(unknown());
        }
        for _ in 0..fields {
            let [kind] = self.take()?;
            let length = u16::from_be_bytes(self.take()?);
            if !matches!((kind, self.slice(length.into())?), (b'F', b"loadFactor") | (b'I', b"threshold")) {
                return Err(unknown());
            }
        }
        self.expect(&[TC_ENDBLOCKDATA, TC_NULL])?;
        self.slice(usize::from(fields) * 4)?;
        self.handles = vec![None, None];
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, InterchangeError> {
        let [kind] = self.take()?;
        let bytes = match kind {
            TC_STRING => {
                let length = u16::from_be_bytes(self.take()?);
                self.new_string(length.into())?
            }
            TC_LONGSTRING => {
                let length = u64::from_be_bytes(self.take()?);
                self.new_string(usize::try_from(length).unwrap_or(usize::MAX))?
            }
            TC_REFERENCE => {
                let handle = u32::from_be_bytes(self.take()?).checked_sub(FIRST_HANDLE).ok_or_else(unknown)?;
                self.handles.get(handle as usize).copied().flatten().ok_or_else(unknown)?
            }
            _ => return Err(unknown()),
        };
        self.decoded += bytes.len();
        if self.decoded > super::super::MOST_BYTES {
            return Err(InterchangeError::TooLarge { what: "strings above 16 MiB" });
        }
        modified_utf8(bytes).ok_or_else(unknown)
    }

    fn new_string(&mut self, length: usize) -> Result<&'a [u8], InterchangeError> {
        let bytes = self.slice(length)?;
        self.handles.push(Some(bytes));
        Ok(bytes)
    }

    fn expect(&mut self, bytes: &[u8]) -> Result<(), InterchangeError> {
        match self.slice(bytes.len())? == bytes {
            true => Ok(()),
            false => Err(unknown()),
        }
    }

    fn take<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], InterchangeError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], InterchangeError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(bytes)
    }
}

/// UTF-8 with each half of a surrogate pair by itself, and two bytes for NUL (`java.io.DataInput`).
fn modified_utf8(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let six = |byte: u8| (byte & 0xc0 == 0x80).then_some(u16::from(byte & 0x3f));
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let mut next = || {
            let (byte, after) = rest.split_first()?;
            rest = after;
            six(*byte)
        };
        units.push(match *first {
            byte @ ..0x80 => byte.into(),
            byte @ 0xc0..0xe0 => u16::from(byte & 0x1f) << 6 | next()?,
            byte @ 0xe0..0xf0 => u16::from(byte & 0x0f) << 12 | next()? << 6 | next()?,
            _ => return None,
        });
    }
    String::from_utf16(&units).ok().map(Cow::Owned)
}

fn unknown() -> InterchangeError {
    no_export(FreeOtp, "it is not one map of strings, written by Java")
}

fn cut_short() -> InterchangeError {
    no_export(FreeOtp, "it is cut short")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_utf8_is_read_and_nothing_else() {
        assert_eq!(modified_utf8("Zürich".as_bytes()).as_deref(), Some("Zürich"));
        // U+1F511, as a pair of surrogates.
        assert_eq!(modified_utf8(b"\xed\xa0\xbd\xed\xb4\x91!").as_deref(), Some("\u{1f511}!"));
        assert_eq!(modified_utf8(b"a\xc0\x80b").as_deref(), Some("a\0b"));
        for bytes in [&b"\xed\xa0\xbd"[..], b"\xed\xb4\x91\xed\xa0\xbd", b"\xc0", b"\xe0\x80", b"\xf0\x9f\x94", b"\xff"]
        {
            assert_eq!(modified_utf8(bytes), None, "{bytes:?}");
        }
    }
}
