//! `google.protobuf.Any`: type URLs, packing and unpacking.

use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};

use crate::girih;
use crate::google::{Any, BoolValue, BytesValue, Int32Value};
use crate::v1::{cache, common};

/// A message that travels in an `Any`, with the exact URL that names its type.
pub trait Packed: Message + Default {
    /// The type URL. Clients compare it byte by byte.
    const TYPE_URL: &'static str;
}

macro_rules! packed {
    ($($message:ty => $name:literal),* $(,)?) => {
        $(impl Packed for $message {
            const TYPE_URL: &'static str = concat!("type.googleapis.com/", $name);
        })*
        /// Every type URL, for the test that compares them with the descriptors.
        #[cfg(test)]
        const TYPE_URLS: &[&str] = &[$(<$message as Packed>::TYPE_URL),*];
    };
}

packed! {
    BoolValue => "google.protobuf.BoolValue",
    BytesValue => "google.protobuf.BytesValue",
    Int32Value => "google.protobuf.Int32Value",
    cache::EnsureCacheRequest => "coherence.cache.v1.EnsureCacheRequest",
    cache::ExecuteRequest => "coherence.cache.v1.ExecuteRequest",
    cache::IndexRequest => "coherence.cache.v1.IndexRequest",
    cache::MapEventMessage => "coherence.cache.v1.MapEventMessage",
    cache::MapListenerRequest => "coherence.cache.v1.MapListenerRequest",
    cache::NamedCacheRequest => "coherence.cache.v1.NamedCacheRequest",
    cache::NamedCacheResponse => "coherence.cache.v1.NamedCacheResponse",
    cache::PutAllRequest => "coherence.cache.v1.PutAllRequest",
    cache::PutRequest => "coherence.cache.v1.PutRequest",
    cache::QueryRequest => "coherence.cache.v1.QueryRequest",
    cache::ReplaceMappingRequest => "coherence.cache.v1.ReplaceMappingRequest",
    common::BinaryKeyAndValue => "coherence.common.v1.BinaryKeyAndValue",
    common::CollectionOfBytesValues => "coherence.common.v1.CollectionOfBytesValues",
    common::Complete => "coherence.common.v1.Complete",
    girih::Once => "girih.v1.Once",
    girih::OpenedCache => "girih.v1.OpenedCache",
    girih::Routes => "girih.v1.Routes",
    common::OptionalValue => "coherence.common.v1.OptionalValue",
}

/// An `Any` that cannot be read as the message that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnpackError {
    /// There is no `Any` where one belongs.
    Missing {
        /// The type URL that was expected.
        expected: &'static str,
    },
    /// The `Any` holds a message of another type.
    Type {
        /// The type URL that was expected.
        expected: &'static str,
        /// The type URL that came.
        found: String,
    },
    /// The bytes are not a message of that type.
    Malformed {
        /// The type URL of the message.
        expected: &'static str,
        /// What the decoder says.
        reason: String,
    },
}

impl std::fmt::Display for UnpackError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { expected } => write!(f, "the request carries no message; {expected} is expected"),
            Self::Type { expected, found } => {
                write!(
                    f,
                    "the request carries a message of type {found:?}; {expected} is expected"
                )
            }
            Self::Malformed { expected, reason } => write!(f, "the bytes are no {expected}: {reason}"),
        }
    }
}

impl std::error::Error for UnpackError {}

/// Packs a message in an `Any`.
#[must_use]
pub fn pack<M: Packed>(message: &M) -> Any {
    Any {
        type_url: M::TYPE_URL.to_owned(),
        value: message.encode_to_vec().into(),
    }
}

/// Unpacks the message of an `Any`. Its `bytes` fields are slices of the `Any`'s bytes, not copies.
///
/// # Errors
/// When the `Any` is absent, holds another type, or its bytes are malformed.
pub fn unpack<M: Packed>(any: Option<Any>) -> Result<M, UnpackError> {
    let any = any.ok_or(UnpackError::Missing {
        expected: M::TYPE_URL,
    })?;
    if any.type_url != M::TYPE_URL {
        return Err(UnpackError::Type {
            expected: M::TYPE_URL,
            found: clip(any.type_url),
        });
    }
    decode::<M>(any.value)
}

/// The number of fields in the message of an `Any`, found without reading them: for a message that is nothing but a
/// list, its length. Counts up to where the bytes stop to be a message.
#[must_use]
pub fn field_count(any: &Any) -> usize {
    let mut rest = any.value.clone();
    std::iter::from_fn(|| {
        let (tag, wire_type) = rest.has_remaining().then(|| decode_key(&mut rest).ok())??;
        skip_field(wire_type, tag, &mut rest, DecodeContext::default()).ok()
    })
    .count()
}

fn decode<M: Packed>(value: Bytes) -> Result<M, UnpackError> {
    M::decode(value).map_err(|error| UnpackError::Malformed {
        expected: M::TYPE_URL,
        reason: error.to_string(),
    })
}

/// A type URL that a stranger sent goes into messages and logs; its length is bounded there.
fn clip(mut text: String) -> String {
    const CLIP_LEN: usize = 120;
    if text.len() > CLIP_LEN {
        let cut = text.floor_char_boundary(CLIP_LEN);
        text.truncate(cut);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_url_names_a_message_of_the_descriptors() {
        let files = prost_types::FileDescriptorSet::decode(crate::DESCRIPTORS)
            .unwrap()
            .file;
        let names: Vec<String> = files
            .iter()
            .flat_map(|f| {
                f.message_type
                    .iter()
                    .map(move |m| format!("type.googleapis.com/{}.{}", f.package(), m.name()))
            })
            .collect();
        for url in TYPE_URLS {
            assert!(names.iter().any(|n| n == url), "{url} is in no descriptor");
        }
    }

    #[test]
    fn an_any_of_another_type_says_both_types() {
        let any = pack(&BoolValue { value: true });
        let error = unpack::<Int32Value>(Some(any)).unwrap_err();
        assert!(error.to_string().contains("BoolValue"), "{error}");
        assert!(error.to_string().contains("Int32Value"), "{error}");
    }

    #[test]
    fn the_length_of_a_list_is_found_without_reading_it() {
        let list = |len| common::CollectionOfBytesValues {
            values: vec![Bytes::from_static(b"\x151"); len],
        };
        for len in [0, 1, 1_000] {
            assert_eq!(field_count(&pack(&list(len))), len);
        }
        let mut cut = pack(&list(3));
        cut.value.truncate(cut.value.len() - 1);
        assert_eq!(field_count(&cut), 2);
    }

    #[test]
    fn bytes_that_are_no_message_are_an_error() {
        let any = Any {
            type_url: cache::PutRequest::TYPE_URL.into(),
            value: Bytes::from_static(&[0xff; 9]),
        };
        assert!(matches!(
            unpack::<cache::PutRequest>(Some(any)),
            Err(UnpackError::Malformed { .. })
        ));
    }

    #[test]
    fn a_long_url_is_clipped_at_a_character() {
        let any = Any {
            type_url: "é".repeat(5_000),
            value: Bytes::new(),
        };
        let error = unpack::<BoolValue>(Some(any)).unwrap_err().to_string();
        assert!(error.len() < 400, "{}", error.len());
    }
}
