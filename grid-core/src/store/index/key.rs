//! Values as the bytes that an index knows them by.

use std::borrow::Cow;
use std::fmt;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::Sign;
use num_bigint::BigInt;
use xxhash_rust::xxh3::xxh3_64;

use crate::query::{Datum, QueryError};
use crate::value::json;

/// The most bytes of a key. What is longer is cut, which keeps the order, but tells fewer values apart.
pub(in crate::store) const KEY_BYTES_MAX: usize = 128;

/// The most bytes of a key that lies in its bucket; a longer one is an allocation of its own.
const INLINE_BYTES: usize = 22;

/// What the key of an element of an array has added to its kind.
const ELEMENT: u8 = 0x20;

/// The first byte of a key: the kind of the value. Values of two kinds have no order between them, and are never equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(in crate::store) enum KeyKind {
    Null = 1,
    Bool = 2,
    Int = 3,
    BigInt = 4,
    Double = 5,
    Decimal = 6,
    Text = 7,
    Array = 8,
    Object = 9,
}

impl KeyKind {
    /// The first byte of keys of no value: after those of whole values, before those of elements.
    pub(in crate::store) const AFTER_VALUES: u8 = ELEMENT;

    /// The kind of a value.
    pub(in crate::store) fn of(datum: &Datum<'_>) -> Self {
        match datum {
            Datum::Null => KeyKind::Null,
            Datum::Bool(_) => KeyKind::Bool,
            Datum::Int(_) => KeyKind::Int,
            Datum::BigInt(_) => KeyKind::BigInt,
            Datum::Double(_) => KeyKind::Double,
            Datum::Decimal(_) => KeyKind::Decimal,
            Datum::Text(_) => KeyKind::Text,
            Datum::Array(_) => KeyKind::Array,
            Datum::Object(_) => KeyKind::Object,
        }
    }

    /// The first byte of keys of this kind.
    pub(in crate::store) fn first_byte(self) -> u8 {
        self as u8
    }

    /// Whether values of this kind have an order.
    pub(in crate::store) fn is_ordered(self) -> bool {
        !matches!(self, KeyKind::Null | KeyKind::Array | KeyKind::Object)
    }
}

/// A value as an index knows it: bytes whose order is that of [`compare`](crate::query::compare).
///
/// Equal values have equal keys. Values that are not equal may share one: long ones, which are cut, and arrays and
/// objects, of which there is a hash. So a key finds all entries of its value, and perhaps some more.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::store) struct IndexKey(Repr);

#[derive(Clone, PartialEq, Eq)]
enum Repr {
    Short { len: u8, bytes: [u8; INLINE_BYTES] },
    Long(Box<[u8]>),
}

const _: () = assert!(size_of::<IndexKey>() == 24);

impl IndexKey {
    /// The key of a whole value.
    ///
    /// # Errors
    /// When an array or object is not JSON.
    pub(in crate::store) fn of(datum: &Datum<'_>) -> Result<Self, QueryError> {
        Ok(Self::from_bytes(&encode(datum)?))
    }

    /// The key of a value that is an element of an array.
    ///
    /// # Errors
    /// As [`IndexKey::of`].
    pub(in crate::store) fn of_element(datum: &Datum<'_>) -> Result<Self, QueryError> {
        let mut bytes = encode(datum)?;
        if let Some(kind) = bytes.first_mut() {
            *kind += ELEMENT;
        }
        Ok(Self::from_bytes(&bytes))
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let bytes = bytes.get(..KEY_BYTES_MAX).unwrap_or(bytes);
        let mut inline = [0; INLINE_BYTES];
        IndexKey(match (inline.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(room), Ok(len)) => {
                room.copy_from_slice(bytes);
                Repr::Short { len, bytes: inline }
            }
            _ => Repr::Long(bytes.into()),
        })
    }

    /// The bytes.
    pub(in crate::store) fn bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Long(bytes) => bytes,
        }
    }

    /// Whether no other value has this key.
    pub(in crate::store) fn is_exact(&self) -> bool {
        is_exact(self.bytes())
    }

    /// The text of a whole value that is one, if the key has all of it.
    pub(in crate::store) fn text(&self) -> Option<Cow<'_, str>> {
        let (kind, bytes) = self.bytes().split_first()?;
        if *kind != KeyKind::Text.first_byte() || !self.is_exact() {
            return None;
        }
        match core::str::from_utf8(bytes) {
            Ok(text) => Some(Cow::Borrowed(text)),
            // Characters of the upper basic plane were moved.
            Err(_moved) => {
                let bytes = bytes.iter().map(|byte| match *byte {
                    0xfe => 0xee,
                    0xff => 0xef,
                    byte => byte,
                });
                String::from_utf8(bytes.collect()).ok().map(Cow::Owned)
            }
        }
    }

    /// The bytes of memory beside the key itself.
    pub(in crate::store) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Repr::Short { .. } => 0,
            Repr::Long(bytes) => bytes.len(),
        }
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bytes().escape_ascii())
    }
}

/// Whether no other value has the key of these bytes.
pub(in crate::store) fn is_exact(key: &[u8]) -> bool {
    let kind = key.first().map_or(0, |kind| kind % ELEMENT);
    let hashed = kind == KeyKind::Array.first_byte() || kind == KeyKind::Object.first_byte();
    !hashed && key.len() < KEY_BYTES_MAX
}

/// The least bytes that a key of a value equal to or greater than this one may have.
pub(in crate::store) fn lower_bound(datum: &Datum<'_>) -> Result<Vec<u8>, QueryError> {
    let mut bytes = encode_order(datum)?;
    bytes.truncate(KEY_BYTES_MAX);
    Ok(bytes)
}

/// The greatest bytes that a key of a value equal to or less than this one may have.
pub(in crate::store) fn upper_bound(datum: &Datum<'_>) -> Result<Vec<u8>, QueryError> {
    let mut bytes = lower_bound(datum)?;
    if matches!(datum, Datum::Decimal(_)) {
        // Above those of every scale.
        bytes.extend([0xff; size_of::<i64>() + 1]);
    }
    Ok(bytes)
}

/// The bytes that keys of texts with this prefix begin with.
pub(in crate::store) fn text_prefix(prefix: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_text(prefix, &mut bytes);
    bytes.truncate(KEY_BYTES_MAX);
    bytes
}

fn encode(datum: &Datum<'_>) -> Result<Vec<u8>, QueryError> {
    let mut bytes = encode_order(datum)?;
    if let Datum::Decimal(number) = datum {
        // Neither of 1.0 and 1.00 is less, and they are not equal.
        bytes.extend(ordered(number.fractional_digit_count()));
    }
    Ok(bytes)
}

/// The bytes that tell the order of a value.
fn encode_order(datum: &Datum<'_>) -> Result<Vec<u8>, QueryError> {
    let mut bytes = Vec::with_capacity(16);
    bytes.push(KeyKind::of(datum).first_byte());
    match datum {
        Datum::Null => {}
        Datum::Bool(value) => bytes.push(u8::from(*value)),
        Datum::Int(number) => bytes.extend(ordered(*number)),
        Datum::BigInt(number) => put_big_int(number, &mut bytes),
        Datum::Double(number) => {
            let bits = number.to_bits();
            let negative = number.is_sign_negative();
            let ordered = if negative { !bits } else { bits | 1 << 63 };
            bytes.extend(ordered.to_be_bytes());
        }
        Datum::Decimal(number) => put_decimal(number, &mut bytes),
        Datum::Text(text) => {
            bytes.clear();
            put_text(text, &mut bytes);
        }
        Datum::Array(text) | Datum::Object(text) => {
            bytes.extend(xxh3_64(&json::canonical(text)?).to_be_bytes());
        }
    }
    Ok(bytes)
}

/// An integer as bytes that have its order.
fn ordered(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ 1 << 63).to_be_bytes()
}

/// A text as bytes that have the order of its UTF-16 units.
///
/// In UTF-8 the characters beyond the basic plane are last, in UTF-16 those from U+E000 on. These begin with `ee` and
/// `ef`, which begin or continue no other character, so that it is enough to put other bytes for them.
fn put_text(text: &str, out: &mut Vec<u8>) {
    out.push(KeyKind::Text.first_byte());
    out.extend(text.bytes().take(KEY_BYTES_MAX).map(|byte| match byte {
        0xee => 0xfe,
        0xef => 0xff,
        byte => byte,
    }));
}

/// The bytes that begin a number of this sign.
fn sign_byte(sign: Sign) -> u8 {
    match sign {
        Sign::Minus => 0,
        Sign::NoSign => 1,
        Sign::Plus => 2,
    }
}

fn put_big_int(number: &BigInt, out: &mut Vec<u8>) {
    let (sign, magnitude) = number.to_bytes_be();
    out.push(sign_byte(sign));
    let len = u32::try_from(magnitude.len()).unwrap_or(u32::MAX);
    put_magnitude(sign, len.to_be_bytes().iter().chain(&magnitude).copied(), out);
}

/// The sign; where the point stands before the first digit; the digits without zeros at the end.
fn put_decimal(number: &BigDecimal, out: &mut Vec<u8>) {
    let (unscaled, scale) = number.as_bigint_and_exponent();
    let sign = unscaled.sign();
    out.push(sign_byte(sign));
    if sign == Sign::NoSign {
        return;
    }
    let digits = unscaled.magnitude().to_string();
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let point = ordered(count.saturating_sub(scale));
    let digits = digits.trim_end_matches('0').bytes();
    put_magnitude(sign, point.into_iter().chain(digits).chain([0]), out);
}

/// The smaller a negative number, the greater its magnitude.
fn put_magnitude(sign: Sign, bytes: impl Iterator<Item = u8>, out: &mut Vec<u8>) {
    let negative = sign == Sign::Minus;
    out.extend(bytes.map(|byte| if negative { !byte } else { byte }));
}

#[cfg(test)]
#[path = "key_test.rs"]
mod tests;
