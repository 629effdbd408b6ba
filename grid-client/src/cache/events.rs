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

use crate::codec::{Payload, binary_of};
use crate::session::Life;

use super::CacheState;
use super::event_queue::{EventQueue, Item};
use super::listeners::Target;

/// The event of a `MapEvent` frame, with the numbers of the filters that it matched; `None` for one that says nothing, as
/// the reference sends after a truncation.
pub(super) fn entry_event(payload: Option<Payload>) -> Result<Option<(BinaryEntryEvent, Vec<i64>)>, String> {
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
    let value = |bytes: Bytes| -> Result<Option<Binary>, CacheError> {
        if bytes.is_empty() {
            Ok(None)
        } else {
            binary_of(bytes).map(Some)
        }
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
    read()
        .map(|event| Some((event, filter_ids)))
        .map_err(|error| error.to_string())
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
