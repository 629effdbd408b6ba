//! Keys and values, between their bytes in memory and on the wire.

use std::ops::Range;

use bytes::{Buf, Bytes};

use grid_core::cache::CacheError;
use grid_core::value::{Binary, Format};
use grid_proto::any::Packed;
use grid_proto::girih::OpenedCache;
use grid_proto::google::{BoolValue, BytesValue, Int32Value};
use grid_proto::limits::JSON_PREFIX;
use grid_proto::v1::common::{BinaryKeyAndValue, OptionalValue};
use grid_proto::wire;
use prost::Message;

use super::fields::{Fields, Malformed, Value};
use super::frame::Payload;

/// A key or value as the wire has it.
///
/// # Errors
/// When it is in another format than the session's.
#[inline]
pub(crate) fn wire_payload(binary: &Binary) -> Result<wire::Payload<'_>, CacheError> {
    if binary.format() != Format::JSON {
        let format = binary.format();
        let what = format!("a key or value is of format {format}; this session speaks json: send JSON");
        return Err(CacheError::Invalid { what });
    }
    Ok(wire::Payload {
        prefix: Some(JSON_PREFIX),
        bytes: binary.bytes(),
    })
}

/// A key or value that came over the wire. The JSON is not looked at.
///
/// # Errors
/// When the format's byte is missing.
#[inline]
pub(crate) fn binary_of(mut bytes: Bytes) -> Result<Binary, CacheError> {
    match bytes.first() {
        Some(&JSON_PREFIX) => {
            bytes.advance(1);
            Ok(Binary::new(Format::JSON, bytes))
        }
        Some(found) => Err(protocol(format!(
            "a key or value begins with 0x{found:02x}, not with JSON's 0x{JSON_PREFIX:02x}"
        ))),
        None => Err(protocol("a key or value of zero bytes came".to_owned())),
    }
}

fn protocol(what: String) -> CacheError {
    CacheError::Protocol { what }
}

fn malformed(expected: &str, malformed: Malformed) -> CacheError {
    protocol(format!("the bytes are no {expected}: {malformed}"))
}

/// The message's bytes, if it is of the type that belongs there.
#[inline]
fn checked<M: Packed>(payload: Option<Payload>) -> Result<Bytes, CacheError> {
    let expected = M::TYPE_URL;
    match payload {
        Some(payload) if payload.is(expected) => Ok(payload.into_bytes()),
        Some(payload) => Err(protocol(format!(
            "{} came where {expected} belongs",
            payload.type_url()
        ))),
        None => Err(protocol(format!("nothing came where {expected} belongs"))),
    }
}

/// Cuts a length-delimited field out of a message, or an empty one.
#[inline]
fn field<M: Packed>(mut bytes: Bytes, wanted: u64) -> Result<Bytes, CacheError> {
    let [found] = spans::<M, 1>(&bytes, [wanted])?;
    bytes.truncate(found.end);
    bytes.advance(found.start);
    Ok(bytes)
}

/// Where length-delimited fields of a message lie; empty ones that it does not have.
#[inline]
fn spans<M: Packed, const N: usize>(
    bytes: &Bytes,
    wanted: [u64; N],
) -> Result<[Range<usize>; N], CacheError> {
    let mut found = [const { 0..0 }; N];
    let mut fields = Fields::new(bytes, 0..bytes.len());
    while let Some((tag, value)) = fields.next().map_err(|error| malformed(M::TYPE_URL, error))? {
        if let Value::Span(span) = value {
            let mut places = wanted.iter().zip(&mut found);
            if let Some((_, place)) = places.find(|(wanted, _)| **wanted == tag) {
                *place = span;
            }
        }
    }
    Ok(found)
}

/// The service that an opened cache belongs to, if the server says so.
pub(crate) fn service_of(payload: Option<&Payload>) -> Option<u8> {
    let payload = payload.filter(|payload| payload.is(OpenedCache::TYPE_URL))?;
    let opened = OpenedCache::decode(payload.bytes()).ok()?;
    u8::try_from(opened.service).ok()
}

fn number<M: Packed>(bytes: &Bytes) -> Result<u64, CacheError> {
    let mut found = 0;
    let mut fields = Fields::new(bytes, 0..bytes.len());
    while let Some(field) = fields.next().map_err(|error| malformed(M::TYPE_URL, error))? {
        if let (1, Value::Varint(number)) = field {
            found = number;
        }
    }
    Ok(found)
}

/// The bytes of a `BytesValue`, which may be none.
pub(crate) fn bytes_value_of(payload: Option<Payload>) -> Result<Bytes, CacheError> {
    field::<BytesValue>(checked::<BytesValue>(payload)?, 1)
}

/// The value of a `BoolValue`.
pub(crate) fn bool_of(payload: Option<Payload>) -> Result<bool, CacheError> {
    Ok(number::<BoolValue>(&checked::<BoolValue>(payload)?)? != 0)
}

/// The value of an `Int32Value` that is a count.
pub(crate) fn int_of(payload: Option<Payload>) -> Result<usize, CacheError> {
    let number = number::<Int32Value>(&checked::<Int32Value>(payload)?)?;
    i32::try_from(number)
        .ok()
        .and_then(|count| usize::try_from(count).ok())
        .ok_or_else(|| protocol(format!("{number} came where a count belongs")))
}

/// The value of an `OptionalValue`.
#[inline]
pub(crate) fn optional_value_of(payload: Option<Payload>) -> Result<Option<Binary>, CacheError> {
    let bytes = checked::<OptionalValue>(payload)?;
    if number::<OptionalValue>(&bytes)? == 0 {
        return Ok(None);
    }
    binary_of(field::<OptionalValue>(bytes, 2)?).map(Some)
}

/// The key and the value of a `BinaryKeyAndValue`.
pub(crate) fn pair_of(payload: Payload) -> Result<(Binary, Binary), CacheError> {
    let bytes = checked::<BinaryKeyAndValue>(Some(payload))?;
    let [key, value] = spans::<BinaryKeyAndValue, 2>(&bytes, [1, 2])?;
    Ok((binary_of(bytes.slice(key))?, binary_of(bytes.slice(value))?))
}

/// The answer of a processor, in the `BinaryKeyAndValue` that it comes in; empty for null.
pub(crate) fn answer_of(payload: Payload) -> Result<Bytes, CacheError> {
    field::<BinaryKeyAndValue>(checked::<BinaryKeyAndValue>(Some(payload))?, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_byte_comes_and_goes() {
        let binary = binary_of(Bytes::from_static(b"\x15[1]")).unwrap();
        assert_eq!(binary.bytes().as_ref(), b"[1]");
        let wire = wire_payload(&binary).unwrap();
        assert_eq!((wire.prefix, wire.bytes), (Some(0x15), &b"[1]"[..]));
    }

    #[test]
    fn values_without_the_format_byte_are_errors() {
        let error = binary_of(Bytes::from_static(b"\x01ab")).unwrap_err();
        assert!(error.to_string().contains("0x01"), "{error}");
        assert!(matches!(
            binary_of(Bytes::new()),
            Err(CacheError::Protocol { .. })
        ));
    }

    #[test]
    fn an_answer_of_nothing_is_an_error() {
        let error = bool_of(None).unwrap_err();
        assert!(error.to_string().contains("BoolValue"), "{error}");
    }
}
