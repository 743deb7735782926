//! The encoding of Protocol Buffers (protobuf.dev, "Encoding"), as far as one export needs it: numbers and bytes. Every
//! length is checked before it is used.

use zeroize::Zeroizing;

/// What a field holds.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// A varint.
    Number(u64),
    /// Text, bytes or another message.
    Bytes(&'a [u8]),
    /// Four or eight bytes, of no field that is known here.
    Fixed,
}

/// The fields of a message, each with its number; none in place of what is damaged, and then no more.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            // Groups, long out of use, and what never was.
            _ => return None,
        };
        (key >> 3 != 0).then_some((key >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// A message being written.
pub(super) struct Message(Zeroizing<Vec<u8>>);

impl Message {
    /// With room for so many bytes: a buffer that grew would leave copies behind.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Message(Zeroizing::new(Vec::with_capacity(bytes)))
    }

    pub(super) fn number(&mut self, field: u64, number: u64) {
        self.varint(field << 3);
        self.varint(number);
    }

    pub(super) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn done(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    fn varint(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_encoding_guide_are_read_and_written() {
        let mut message = Message::with_capacity(32);
        message.number(1, 150);
        message.bytes(2, b"testing");
        let bytes = message.done();
        assert_eq!(*bytes, b"\x08\x96\x01\x12\x07testing");
        let fields: Vec<_> = Fields::of(&bytes).collect();
        assert_eq!(fields, [Some((1, Value::Number(150))), Some((2, Value::Bytes(b"testing")))]);
    }

    #[test]
    fn unknown_fields_are_passed_over_and_damage_ends_it() {
        let fields: Vec<_> = Fields::of(b"\x45abcd\x41abcdefgh\x50\x01").collect();
        assert_eq!(fields, [Some((8, Value::Fixed)), Some((8, Value::Fixed)), Some((10, Value::Number(1)))]);
        for damaged in [
            &b"\x08"[..],
            b"\x0a\x05abc",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01abc",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0b\x0c",
            b"\x00\x01",
            b"\x0f",
        ] {
            assert_eq!(Fields::of(damaged).collect::<Vec<_>>(), [None], "{damaged:?}");
        }
    }
}
