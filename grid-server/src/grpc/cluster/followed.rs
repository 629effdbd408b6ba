//! Numbered events as messages.

use bytes::Bytes;
use grid_core::event::{BinaryEntryEvent, BinaryEvent, EntryEventKind, EventNumber};
use grid_core::value::{Binary, Format};
use grid_proto::girih::{FollowEvent, FollowedEntry, FollowedNumber, FollowedNumbers, follow_event};

use crate::grpc::{Edge, Reader, Refusal};

/// An event as a message; `None` for one that clients are not told.
///
/// An entry in another format than clients of this protocol read is passed over, as it is to other listeners: else nobody
/// would come past it.
pub(super) fn followed(edge: &Edge, event: BinaryEvent) -> Option<FollowEvent> {
    let event = match event {
        BinaryEvent::Entry(event) => {
            let at = event.number.map(number);
            match entry(edge, event) {
                Ok(entry) => follow_event::Event::Entry(entry),
                Err(_in_another_format) => {
                    follow_event::Event::Passed(FollowedNumbers { numbers: vec![at?] })
                }
            }
        }
        BinaryEvent::Reached(positions) => follow_event::Event::Reached(positions.to_bytes().into()),
        BinaryEvent::Passed(numbers) => follow_event::Event::Passed(FollowedNumbers {
            numbers: numbers.into_iter().map(number).collect(),
        }),
        BinaryEvent::Resync => follow_event::Event::Resync(true),
        BinaryEvent::Truncated => follow_event::Event::Truncated(true),
        BinaryEvent::Destroyed => follow_event::Event::Destroyed(true),
        _ => return None,
    };
    Some(FollowEvent { event: Some(event) })
}

fn number(number: EventNumber) -> FollowedNumber {
    FollowedNumber {
        partition: u32::try_from(number.partition.index()).unwrap_or(u32::MAX),
        placed: number.placed.get(),
        sequence: number.sequence.get(),
    }
}

fn entry(edge: &Edge, event: BinaryEntryEvent) -> Result<FollowedEntry, Refusal> {
    let reader = Reader {
        format: Format::JSON,
        faithful: true,
    };
    let wire = |value: Binary| Ok::<Bytes, Refusal>(edge.to_wire(reader, value)?.into_bytes());
    let value = |value: Option<Binary>| value.map_or_else(|| Ok(Bytes::new()), wire);
    Ok(FollowedEntry {
        number: event.number.map(number),
        kind: match event.kind {
            EntryEventKind::Insert => 1,
            EntryEventKind::Update => 2,
            EntryEventKind::Delete => 3,
        },
        key: wire(event.key)?,
        old_value: value(event.old)?,
        new_value: value(event.new)?,
        expired: event.expired,
    })
}
