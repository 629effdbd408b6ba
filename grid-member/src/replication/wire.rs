//! Messages between replicas as the bodies of frames.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::membership::MemberId;
use grid_core::partition::table::{Epoch, ServiceId};
use grid_core::partition::{PartitionCount, PartitionId};
use grid_core::replication::{
    Answered, Append, Appended, Chunk, CopyId, Effect, Message, Position, Record, Refusal, RequestTag,
};
use grid_core::store::{ChangeKind, CopiedEntry, Sequence};

use crate::wire::{Reader, WireError, Writer};

const APPEND: u8 = 0;
const APPENDED: u8 = 1;
const CHUNK: u8 = 2;
const CHUNK_TAKEN: u8 = 3;
const REFUSED: u8 = 4;

/// The body of a message about this partition.
#[must_use]
pub fn encode(service: ServiceId, partition: PartitionId, message: &Message) -> Vec<Bytes> {
    let mut out = Writer::with_capacity(256);
    out.u8(service.get());
    out.len(partition.index());
    match message {
        Message::Append(append) => {
            out.u8(APPEND);
            out.varint(append.epoch.get());
            out.varint(append.placed.get());
            copy(&mut out, append.copy);
            out.varint(append.first.get());
            out.varint(append.committed.get());
            out.bool(append.begins);
            out.len(append.records.len());
            append
                .records
                .iter()
                .for_each(|record| write_record(&mut out, record));
        }
        Message::Appended(appended) => {
            out.u8(APPENDED);
            out.varint(appended.epoch.get());
            copy(&mut out, appended.copy);
            out.varint(appended.last.get());
            out.varint(appended.knows.get());
        }
        Message::Chunk(chunk) => {
            out.u8(CHUNK);
            write_chunk(&mut out, chunk);
        }
        Message::ChunkTaken {
            epoch,
            copy: id,
            number,
        } => {
            out.u8(CHUNK_TAKEN);
            out.varint(epoch.get());
            copy(&mut out, Some(*id));
            out.varint(*number);
        }
        Message::Refused { epoch, reason } => {
            out.u8(REFUSED);
            out.varint(epoch.get());
            match reason {
                Refusal::OldEpoch => out.u8(0),
                Refusal::Behind(position) => {
                    out.u8(1);
                    out.varint(position.get());
                }
                Refusal::NoCopy => out.u8(2),
            }
        }
    }
    out.finish()
}

/// Reads a message, with the partition that it is about.
///
/// # Errors
/// When it is damaged, or about a partition that there is not.
pub fn decode(body: Bytes, count: PartitionCount) -> Result<(ServiceId, PartitionId, Message), WireError> {
    let mut body = Reader::new(body);
    let service = ServiceId::new(body.u8()?);
    let partition = body.partition(count)?;
    let message = match body.u8()? {
        APPEND => Message::Append(read_append(&mut body)?),
        APPENDED => Message::Appended(Appended {
            epoch: Epoch::new(body.varint()?),
            copy: read_copy(&mut body)?,
            last: Position::new(body.varint()?),
            knows: Position::new(body.varint()?),
        }),
        CHUNK => Message::Chunk(Box::new(read_chunk(&mut body)?)),
        CHUNK_TAKEN => Message::ChunkTaken {
            epoch: Epoch::new(body.varint()?),
            copy: read_copy(&mut body)?.ok_or(WireError {
                what: "a copy has no number",
            })?,
            number: body.varint()?,
        },
        REFUSED => Message::Refused {
            epoch: Epoch::new(body.varint()?),
            reason: match body.u8()? {
                0 => Refusal::OldEpoch,
                1 => Refusal::Behind(Position::new(body.varint()?)),
                2 => Refusal::NoCopy,
                _ => {
                    return Err(WireError {
                        what: "a reason is none",
                    });
                }
            },
        },
        _ => {
            return Err(WireError {
                what: "a message between replicas is none",
            });
        }
    };
    body.end()?;
    Ok((service, partition, message))
}

fn copy(out: &mut Writer, copy: Option<CopyId>) {
    out.bool(copy.is_some());
    if let Some(copy) = copy {
        out.varint(copy.primary.get());
        out.varint(copy.number);
    }
}

fn read_copy(body: &mut Reader) -> Result<Option<CopyId>, WireError> {
    if !body.bool()? {
        return Ok(None);
    }
    Ok(Some(CopyId {
        primary: MemberId::new(body.varint()?),
        number: body.varint()?,
    }))
}

fn read_append(body: &mut Reader) -> Result<Append, WireError> {
    let epoch = Epoch::new(body.varint()?);
    let placed = Epoch::new(body.varint()?);
    let copy = read_copy(body)?;
    let first = Position::new(body.varint()?);
    let committed = Position::new(body.varint()?);
    let begins = body.bool()?;
    let count = body.count(3)?;
    let mut records = Vec::with_capacity(count);
    for at in 0..count as u64 {
        let position = first.get().checked_add(at).ok_or(WireError {
            what: "a position is too large",
        })?;
        records.push(Arc::new(read_record(body, Position::new(position))?));
    }
    if first == Position::ZERO {
        return Err(WireError {
            what: "records begin with number 1",
        });
    }
    Ok(Append {
        epoch,
        placed,
        copy,
        first,
        records,
        committed,
        begins,
    })
}

fn write_record(out: &mut Writer, record: &Record) {
    out.len(record.effects.len());
    for effect in &record.effects {
        match effect {
            Effect::Change(change) => {
                out.change(change);
                if let Some(value) = &change.new {
                    out.binary(value);
                    out.maybe_time(change.deadline);
                }
            }
            Effect::Truncate { cache, sequence, by } => {
                out.u8(0);
                out.varint(sequence.get());
                out.cache(*cache);
                out.bool(by.is_some());
                if let Some(by) = by {
                    out.truncation(*by);
                }
            }
        }
    }
    out.len(record.requests.len());
    for answered in &record.requests {
        write_answered(out, answered);
    }
}

fn read_record(body: &mut Reader, position: Position) -> Result<Record, WireError> {
    let count = body.count(3)?;
    let mut effects = Vec::with_capacity(count);
    for _ in 0..count {
        effects.push(read_effect(body)?);
    }
    let count = body.count(20)?;
    let requests: Result<Vec<_>, _> = (0..count).map(|_| read_answered(body)).collect();
    Ok(Record {
        position,
        effects,
        requests: requests?,
    })
}

fn read_effect(body: &mut Reader) -> Result<Effect, WireError> {
    let first = body.u8()?;
    if first == 0 {
        return Ok(Effect::Truncate {
            sequence: Sequence::new(body.varint()?),
            cache: body.cache()?,
            by: if body.bool()? {
                Some(body.truncation()?)
            } else {
                None
            },
        });
    }
    let mut change = body.change(first)?;
    if change.kind != ChangeKind::Delete {
        change.new = Some(body.binary()?);
        change.deadline = body.maybe_time()?;
    }
    Ok(Effect::Change(change))
}

fn write_answered(out: &mut Writer, answered: &Answered) {
    out.given_tag(&RequestTag {
        id: answered.id,
        lowest_open: answered.lowest_open,
        apply_before: answered.apply_before,
    });
    out.outcome(&answered.outcome);
}

fn read_answered(body: &mut Reader) -> Result<Answered, WireError> {
    let RequestTag {
        id,
        lowest_open,
        apply_before,
    } = body.given_tag()?;
    Ok(Answered {
        id,
        lowest_open,
        apply_before,
        outcome: body.outcome()?,
    })
}

fn write_chunk(out: &mut Writer, chunk: &Chunk) {
    out.varint(chunk.epoch.get());
    out.varint(chunk.placed.get());
    copy(out, Some(chunk.copy));
    out.varint(chunk.number);
    out.bool(chunk.start.is_some());
    if let Some((position, sequence)) = chunk.start {
        out.varint(position.get());
        out.varint(sequence.get());
    }
    out.len(chunk.entries.len());
    for entry in &chunk.entries {
        out.cache(entry.cache);
        out.varint(entry.version.get());
        out.binary(&entry.key);
        out.binary(&entry.value);
        out.maybe_time(entry.deadline);
    }
    out.len(chunk.outcomes.len());
    chunk
        .outcomes
        .iter()
        .for_each(|answered| write_answered(out, answered));
    out.bool(chunk.end);
}

fn read_chunk(body: &mut Reader) -> Result<Chunk, WireError> {
    let epoch = Epoch::new(body.varint()?);
    let placed = Epoch::new(body.varint()?);
    let copy = read_copy(body)?.ok_or(WireError {
        what: "a copy has no number",
    })?;
    let number = body.varint()?;
    let start = if body.bool()? {
        Some((Position::new(body.varint()?), Sequence::new(body.varint()?)))
    } else {
        None
    };
    let count = body.count(7)?;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        entries.push(CopiedEntry {
            cache: body.cache()?,
            version: Sequence::new(body.varint()?),
            key: body.binary()?,
            value: body.binary()?,
            deadline: body.maybe_time()?,
        });
    }
    let count = body.count(20)?;
    let outcomes: Result<Vec<_>, _> = (0..count).map(|_| read_answered(body)).collect();
    let outcomes = outcomes?;
    let end = body.bool()?;
    Ok(Chunk {
        epoch,
        placed,
        copy,
        number,
        start,
        entries,
        outcomes,
        end,
    })
}
