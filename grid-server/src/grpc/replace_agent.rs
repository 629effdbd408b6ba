//! The one entry processor that a plain operation of the Java client comes as.

use bytes::{Buf, Bytes};
use grid_core::value::{Binary, Format, Value, from_binary, to_binary};

use super::{Edge, Refusal};

/// The processor in JSON.
const JSON_CLASS: &str = "internal.util.processor.CacheProcessors.Replace";

/// The processor in Java's own serialization: an "externalizable lite" object (0x0A), the length of the name of its
/// class, the name. The value follows, with the byte of its type first.
const JAVA_CLASS: &[u8] = b"\x0a\x3ccom.tangosol.internal.util.processor.CacheProcessors$Replace";

/// The value that an agent wants to put in the place of the present one: the Java client's `replace` is no `Replace`
/// request but asks to invoke `CacheProcessors.Replace`. `None` for every other agent.
///
/// # Errors
/// When the agent or its value is malformed.
pub(crate) fn replace_value(
    edge: &Edge,
    format: Format,
    mut agent: Bytes,
) -> Result<Option<Binary>, Refusal> {
    if format != Format::JSON {
        if !agent.starts_with(JAVA_CLASS) {
            return Ok(None);
        }
        agent.advance(JAVA_CLASS.len());
        return edge.value(format, agent).map(Some);
    }
    // Nearly all are others, which need not be read twice.
    if memchr::memmem::find(&agent, b"CacheProcessors").is_none() {
        return Ok(None);
    }
    let agent: Value = from_binary(&edge.agent(agent)?)?;
    let Value::Object(mut agent) = agent else {
        return Ok(None);
    };
    if agent.class() != Some(JSON_CLASS) {
        return Ok(None);
    }
    let value = agent.remove("value").unwrap_or(Value::Null);
    Ok(Some(to_binary(&value)?))
}
