//! The number of a request, in the `context` of its frame.

use std::collections::HashMap;

use bytes::BufMut;
use prost::Message;

use crate::gathered::Gathered;
use crate::girih::RequestTag;
use crate::google::Any;
use crate::wire::Encode;

/// The name of the tag in the context. It says what the `Any` holds, which has no type URL: it comes with every request.
const REQUEST: &str = "girih.request";

/// The `context` of a `ProxyRequest` with a tag: to be written behind the other fields of the frame.
#[derive(Clone, Copy, Debug)]
pub struct TagContext<'a>(pub &'a RequestTag);

impl TagContext<'_> {
    /// The length of the tag: four numbers, 39 bytes at most. So every length in the context is one byte.
    fn tag_len(self) -> u8 {
        u8::try_from(self.0.encoded_len()).unwrap_or(u8::MAX)
    }
}

impl Encode for TagContext<'_> {
    fn len(&self) -> usize {
        4 + REQUEST.len() + 4 + usize::from(self.tag_len())
    }

    fn write(&self, out: &mut Gathered<'_, impl BufMut>) {
        const NAME_LEN: u8 = 13;
        let tag_len = self.tag_len();
        // Field 6, an entry of the map; in it field 1, the name.
        out.slice(&[0x32, tag_len + NAME_LEN + 6, 0x0a, NAME_LEN]);
        out.slice(REQUEST.as_bytes());
        // And field 2, the `Any`; in it field 2, the message.
        out.slice(&[0x12, tag_len + 2, 0x12, tag_len]);
        self.0.encode_raw(out.buffer());
    }
}

/// The tag in the context of a request; `None` when there is none.
///
/// # Errors
/// When its bytes are no tag, or its numbers cannot be.
pub fn tag_of(context: &HashMap<String, Any>) -> Result<Option<RequestTag>, TagError> {
    let Some(any) = context.get(REQUEST) else {
        return Ok(None);
    };
    let tag = RequestTag::decode(any.value.clone()).map_err(|error| TagError(error.to_string()))?;
    if tag.lowest_open == 0 || tag.lowest_open > tag.number {
        let RequestTag {
            number, lowest_open, ..
        } = tag;
        return Err(TagError(format!(
            "the lowest open request {lowest_open} must be 1 to the number of this one, {number}"
        )));
    }
    Ok(Some(tag))
}

/// A tag that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request's number in the context cannot be read: {0}")]
pub struct TagError(String);

#[cfg(test)]
mod tests {
    use crate::v1::proxy::ProxyRequest;

    use super::*;

    fn tag() -> RequestTag {
        RequestTag {
            number: 300,
            lowest_open: 299,
            apply_before_ms: 1_700_000_000_000,
            series: 2,
        }
    }

    fn frame(tag: &RequestTag) -> ProxyRequest {
        let mut bytes = Vec::new();
        TagContext(tag).put(&mut bytes);
        assert_eq!(bytes.len(), TagContext(tag).len());
        ProxyRequest::decode(bytes.as_slice()).unwrap()
    }

    #[test]
    fn golden_bytes() {
        let mut bytes = Vec::new();
        TagContext(&tag()).put(&mut bytes);
        let mut golden = vec![0x32, 0x22, 0x0a, 13];
        golden.extend(b"girih.request");
        golden.extend([
            0x12, 17, 0x12, 15, 0x08, 0xac, 0x02, 0x10, 0xab, 0x02, 0x18, 0x80, 0xd0, 0x95, 0xff, 0xbc, 0x31,
            0x20, 0x02,
        ]);
        assert_eq!(bytes, golden);
    }

    #[test]
    fn the_largest_numbers_fit() {
        let largest = RequestTag {
            number: u64::MAX,
            lowest_open: u64::MAX,
            apply_before_ms: u64::MAX,
            series: u32::MAX,
        };
        assert_eq!(tag_of(&frame(&largest).context), Ok(Some(largest)));
    }

    #[test]
    fn a_tag_is_found_in_the_context_that_has_it() {
        assert_eq!(tag_of(&frame(&tag()).context), Ok(Some(tag())));
        assert_eq!(tag_of(&HashMap::new()), Ok(None));
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        for (number, lowest_open) in [(0, 0), (1, 0), (1, 2)] {
            let odd = RequestTag {
                number,
                lowest_open,
                ..tag()
            };
            assert!(tag_of(&frame(&odd).context).is_err(), "{number} {lowest_open}");
        }
        let any = Any {
            value: vec![0xff].into(),
            ..Any::default()
        };
        assert!(tag_of(&HashMap::from([(REQUEST.to_owned(), any)])).is_err());
    }
}
