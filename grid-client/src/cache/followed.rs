//! Numbered events off the wire.

use std::num::NonZeroU16;

use bytes::Bytes;
use prost::Message;

use grid_core::cache::CacheError;
use grid_core::event::{BinaryEntryEvent, BinaryEvent, EntryEventKind, EventNumber, EventPositions};
use grid_core::partition::PartitionCount;
use grid_core::partition::table::Epoch;
use grid_core::store::Sequence;
use grid_core::value::Binary;
use grid_proto::girih::follow_event::Event;
use grid_proto::girih::{FollowEvent, FollowedEntry, FollowedNumber};

use crate::codec::binary_of;

/// As many partitions as there can be: those that there are not are passed over where it counts.
const PARTITIONS: PartitionCount = PartitionCount::new(NonZeroU16::MAX);

/// The event of a message; `None` for one of a kind that this client does not know.
pub(super) fn event_of(message: Bytes) -> Result<Option<BinaryEvent>, CacheError> {
    let message = FollowEvent::decode(message).map_err(|error| protocol(&error.to_string()))?;
    Ok(Some(match message.event {
        Some(Event::Entry(event)) => BinaryEvent::Entry(entry_of(event)?),
        Some(Event::Reached(bytes)) => {
            let positions = EventPositions::from_bytes(&bytes);
            let positions = positions.map_err(|error| protocol(&error.to_string()))?;
            BinaryEvent::Reached(Box::new(positions))
        }
        Some(Event::Passed(passed)) => {
            let numbers: Result<Vec<_>, _> = passed.numbers.into_iter().map(number_of).collect();
            BinaryEvent::Passed(numbers?)
        }
        Some(Event::Resync(_)) => BinaryEvent::Resync,
        Some(Event::Truncated(_)) => BinaryEvent::Truncated,
        Some(Event::Destroyed(_)) => BinaryEvent::Destroyed,
        None => return Ok(None),
    }))
}

fn protocol(what: &str) -> CacheError {
    CacheError::Protocol {
        what: format!("a numbered event cannot be read: {what}"),
    }
}

fn number_of(number: FollowedNumber) -> Result<EventNumber, CacheError> {
    let partition = u16::try_from(number.partition).ok();
    let partition = partition.and_then(|partition| PARTITIONS.nth(partition));
    Ok(EventNumber {
        partition: partition.ok_or_else(|| protocol("there is no such partition"))?,
        placed: Epoch::new(number.placed),
        sequence: Sequence::new(number.sequence),
    })
}

fn entry_of(event: FollowedEntry) -> Result<BinaryEntryEvent, CacheError> {
    let value = |bytes: Bytes| -> Result<Option<Binary>, CacheError> {
        if bytes.is_empty() {
            Ok(None)
        } else {
            binary_of(bytes).map(Some)
        }
    };
    let number = event.number.ok_or_else(|| protocol("it has no number"))?;
    Ok(BinaryEntryEvent {
        kind: match event.kind {
            1 => EntryEventKind::Insert,
            2 => EntryEventKind::Update,
            3 => EntryEventKind::Delete,
            other => return Err(protocol(&format!("{other} is no kind of change"))),
        },
        key: binary_of(event.key)?,
        old: value(event.old_value)?,
        new: value(event.new_value)?,
        synthetic: event.expired,
        expired: event.expired,
        number: Some(number_of(number)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(event: Event) -> Result<Option<BinaryEvent>, CacheError> {
        event_of(FollowEvent { event: Some(event) }.encode_to_vec().into())
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let entry = FollowedEntry {
            number: Some(FollowedNumber::default()),
            kind: 1,
            key: Bytes::from_static(b"\x151"),
            ..FollowedEntry::default()
        };
        assert!(matches!(
            read(Event::Entry(entry.clone())),
            Ok(Some(BinaryEvent::Entry(_)))
        ));
        let no_number = FollowedEntry {
            number: None,
            ..entry.clone()
        };
        let no_key = FollowedEntry {
            key: Bytes::new(),
            ..entry.clone()
        };
        let no_partition = FollowedEntry {
            number: Some(FollowedNumber {
                partition: 70_000,
                ..FollowedNumber::default()
            }),
            ..entry.clone()
        };
        let no_kind = FollowedEntry { kind: 9, ..entry };
        for odd in [no_number, no_key, no_partition, no_kind] {
            assert!(read(Event::Entry(odd)).is_err());
        }
        assert!(read(Event::Reached(Bytes::from_static(b"?"))).is_err());
        assert!(event_of(Bytes::from_static(b"\xff")).is_err());
        assert!(
            matches!(event_of(Bytes::new()), Ok(None)),
            "one of a later version"
        );
    }
}
