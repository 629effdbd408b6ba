//! Events off the wire, and the stream that an application reads them from.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use prost::Message;

use grid_core::cache::CacheError;
use grid_core::event::{BinaryEntryEvent, EntryEventKind};
use grid_core::value::Binary;
use grid_proto::any::Packed;
use grid_proto::v1::cache::MapEventMessage;
use grid_proto::v1::cache::map_event_message::TransformationState;

use crate::codec::{Payload, binary_of};
use crate::session::Life;

use super::CacheState;
use super::event_queue::{EventQueue, Item};
use super::listeners::Target;

/// An event as the server reports it.
#[derive(Debug)]
pub(super) struct Reported {
    pub(super) event: BinaryEntryEvent,
    /// The numbers of the filters that it matched.
    pub(super) filter_ids: Vec<i64>,
    /// Whether its values are what the transformer of those filters made of them: it is for nobody else.
    pub(super) is_transformed: bool,
}

/// The event of a `MapEvent` frame; `None` for one that says nothing, as the reference sends after a truncation.
pub(super) fn entry_event(payload: Option<Payload>) -> Result<Option<Reported>, String> {
    let payload = payload.ok_or("an event came without a message")?;
    if !payload.is(MapEventMessage::TYPE_URL) {
        return Err(format!("an event came with a {}", payload.type_url()));
    }
    let message = MapEventMessage::decode(payload.into_bytes()).map_err(|error| error.to_string())?;
    let kind = match message.id {
        1 => EntryEventKind::Insert,
        2 => EntryEventKind::Update,
        3 => EntryEventKind::Delete,
        _ => return Ok(None),
    };
    let is_transformed = message.transformation_state == TransformationState::Transformed as i32;
    let value = |bytes: Bytes| -> Result<Option<Binary>, CacheError> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let value = binary_of(bytes)?;
        // What a transformer leaves out comes as null.
        Ok((!is_transformed || value.bytes().as_ref() != b"null").then_some(value))
    };
    let read = || -> Result<BinaryEntryEvent, CacheError> {
        // A value that there cannot be comes as null.
        let old = if kind == EntryEventKind::Insert {
            None
        } else {
            value(message.old_value)?
        };
        let new = if kind == EntryEventKind::Delete {
            None
        } else {
            value(message.new_value)?
        };
        let key = binary_of(message.key)?;
        Ok(BinaryEntryEvent {
            kind,
            key,
            old,
            new,
            synthetic: message.synthetic,
            expired: message.expired,
            number: None,
        })
    };
    let filter_ids = message.filter_ids;
    let event = read().map_err(|error| error.to_string())?;
    Ok(Some(Reported {
        event,
        filter_ids,
        is_transformed,
    }))
}

/// What one listener hears. Dropping it ends the listening.
#[derive(Debug)]
pub(super) struct EventStream {
    pub(super) queue: Arc<EventQueue>,
    pub(super) cache: Arc<CacheState>,
    pub(super) target: Target,
    pub(super) id: u64,
    /// The session goes on while somebody listens.
    pub(super) _life: Arc<Life>,
}

impl Stream for EventStream {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        self.queue.poll_next(cx)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.cache.unlisten(&self.target, self.id);
    }
}
