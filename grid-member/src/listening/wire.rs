//! What members tell each other for their listeners, as the bodies of frames.

use std::collections::BTreeSet;

use bytes::Bytes;
use grid_core::membership::MemberId;
use grid_core::partition::table::{Epoch, ServiceId};
use grid_core::partition::{PartitionCount, PartitionId};
use grid_core::replication::TruncationId;
use grid_core::store::{CacheId, Change, Sequence};

use crate::event::{Subject, Wish};
use crate::wire::{Reader, WireError, Writer};

use super::Noted;
use super::journal::TOLD_BYTES_MAX;

const CHANGE: u8 = 0;
const MISSED: u8 = 1;
const EMPTIED: u8 = 2;
const TRUNCATED: u8 = 3;

/// A part of everything that a member wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// It is the first.
    pub first: bool,
    /// It is the last.
    pub last: bool,
}

/// What a member tells another about what its sinks want to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Whom it is for.
    pub to: MemberId,
    /// What the one who tells knows of what was agreed: the caches are among it.
    pub index: u64,
    /// The version that the changes follow; without meaning for a part of everything.
    pub after: u64,
    /// The version that they lead to.
    pub version: u64,
    /// It is everything, in parts.
    pub whole: Option<Part>,
    /// The changes.
    pub changes: Vec<Noted>,
}

impl Interest {
    /// Cuts everything that is wanted into parts that fit into a frame.
    #[must_use]
    pub fn parts(all: Vec<Noted>) -> Vec<Vec<Noted>> {
        let mut parts = vec![Vec::new()];
        let mut bytes = 0;
        for noted in all {
            bytes += noted.bytes();
            if bytes > TOLD_BYTES_MAX && parts.last().is_some_and(|part| !part.is_empty()) {
                bytes = noted.bytes();
                parts.push(Vec::new());
            }
            if let Some(part) = parts.last_mut() {
                part.push(noted);
            }
        }
        parts
    }

    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Vec<Bytes> {
        let mut out = Writer::with_capacity(64);
        out.varint(self.to.get());
        out.varint(self.index);
        out.varint(self.after);
        out.varint(self.version);
        out.u8(match self.whole {
            None => 0,
            Some(part) => 4 | u8::from(part.first) | u8::from(part.last) << 1,
        });
        out.len(self.changes.len());
        for noted in &self.changes {
            out.cache(noted.cache);
            noted.subject.write(&mut out);
            out.u8(match noted.wish {
                None => 0,
                Some(Wish { values: false }) => 1,
                Some(Wish { values: true }) => 2,
            });
        }
        out.finish()
    }

    /// Reads it.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut body = Reader::new(body);
        let to = MemberId::new(body.varint()?);
        let (index, after, version) = (body.varint()?, body.varint()?, body.varint()?);
        let whole = match body.u8()? {
            0 => None,
            part @ 4..8 => Some(Part {
                first: part & 1 != 0,
                last: part & 2 != 0,
            }),
            _ => {
                return Err(WireError {
                    what: "a part of what is listened to is none",
                });
            }
        };
        let count = body.count(3)?;
        let mut changes = Vec::with_capacity(count);
        for _ in 0..count {
            changes.push(Noted {
                cache: body.cache()?,
                subject: Subject::read(&mut body)?,
                wish: match body.u8()? {
                    0 => None,
                    1 => Some(Wish { values: false }),
                    2 => Some(Wish { values: true }),
                    _ => {
                        return Err(WireError {
                            what: "a wish to listen is none",
                        });
                    }
                },
            });
        }
        body.end()?;
        Ok(Interest {
            to,
            index,
            after,
            version,
            whole,
            changes,
        })
    }
}

/// What one member has to tell the listeners at another.
#[derive(Clone, Debug)]
pub enum News {
    /// An entry changed.
    Change {
        /// The service of the partition.
        service: ServiceId,
        /// The partition.
        partition: PartitionId,
        /// The epoch in which the partition began empty: with it the numbers of changes begin anew.
        placed: Epoch,
        /// The change.
        change: Change,
    },
    /// A partition of a cache was emptied by a truncation.
    Emptied {
        /// The service of the partition.
        service: ServiceId,
        /// The partition.
        partition: PartitionId,
        /// The epoch in which the partition began empty.
        placed: Epoch,
        /// The number of the change.
        sequence: Sequence,
        /// The cache.
        cache: CacheId,
        /// Which truncation.
        by: TruncationId,
    },
    /// A truncation has come to its end.
    Truncated {
        /// The cache.
        cache: CacheId,
        /// Which truncation.
        by: TruncationId,
        /// It emptied every partition. Otherwise it failed, after some or none.
        whole: bool,
    },
    /// Events of these caches are missing.
    Missed(Vec<CacheId>),
}

/// A frame with something to tell the listeners of another member.
#[derive(Clone, Debug)]
pub struct EventFrame {
    /// Whom it is for: a member that came back under another number wants nothing of what was for the one it was.
    pub to: MemberId,
    /// Its number among those between the two members.
    pub number: u64,
    /// What there is to tell.
    pub news: News,
}

impl EventFrame {
    /// Writes the news of a change. Values go with it when they are wanted.
    #[must_use]
    pub fn change(
        (service, partition, placed): (ServiceId, PartitionId, Epoch),
        change: &Change,
        values: bool,
    ) -> Vec<Bytes> {
        let mut out = Writer::with_capacity(64);
        out.u8(CHANGE);
        out.u8(service.get());
        out.len(partition.index());
        out.varint(placed.get());
        out.change(change);
        out.maybe_binary(change.old.as_ref().filter(|_| values));
        out.maybe_binary(change.new.as_ref().filter(|_| values));
        out.finish()
    }

    /// Writes the news that a truncation emptied a partition.
    #[must_use]
    pub fn emptied(
        (service, partition, placed): (ServiceId, PartitionId, Epoch),
        sequence: Sequence,
        cache: CacheId,
        by: TruncationId,
    ) -> Vec<Bytes> {
        let mut out = Writer::with_capacity(32);
        out.u8(EMPTIED);
        out.u8(service.get());
        out.len(partition.index());
        out.varint(placed.get());
        out.varint(sequence.get());
        out.cache(cache);
        out.truncation(by);
        out.finish()
    }

    /// Writes the news that a truncation has come to its end.
    #[must_use]
    pub fn truncated(cache: CacheId, by: TruncationId, whole: bool) -> Vec<Bytes> {
        let mut out = Writer::with_capacity(32);
        out.u8(TRUNCATED);
        out.cache(cache);
        out.truncation(by);
        out.bool(whole);
        out.finish()
    }

    /// Writes a frame of news that are written.
    #[must_use]
    pub fn encode(to: MemberId, number: u64, news: &[Bytes]) -> Vec<Bytes> {
        let mut out = Writer::with_capacity(16);
        out.varint(to.get());
        out.varint(number);
        let mut pieces = out.finish();
        pieces.extend_from_slice(news);
        pieces
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// When it is damaged, or about a partition that there is not.
    pub fn decode(body: Bytes, count: PartitionCount) -> Result<Self, WireError> {
        let mut body = Reader::new(body);
        let (to, number) = (MemberId::new(body.varint()?), body.varint()?);
        let news = match body.u8()? {
            CHANGE => read_change(&mut body, count)?,
            EMPTIED => News::Emptied {
                service: ServiceId::new(body.u8()?),
                partition: body.partition(count)?,
                placed: Epoch::new(body.varint()?),
                sequence: Sequence::new(body.varint()?),
                cache: body.cache()?,
                by: body.truncation()?,
            },
            TRUNCATED => News::Truncated {
                cache: body.cache()?,
                by: body.truncation()?,
                whole: body.bool()?,
            },
            MISSED => {
                let count = body.count(1)?;
                let caches: Result<Vec<_>, _> = (0..count).map(|_| body.cache()).collect();
                News::Missed(caches?)
            }
            _ => {
                return Err(WireError {
                    what: "an event is none",
                });
            }
        };
        body.end()?;
        Ok(EventFrame { to, number, news })
    }
}

fn read_change(body: &mut Reader, count: PartitionCount) -> Result<News, WireError> {
    let service = ServiceId::new(body.u8()?);
    let partition = body.partition(count)?;
    let placed = Epoch::new(body.varint()?);
    let first = body.u8()?;
    let mut change = body.change(first)?;
    change.old = body.maybe_binary()?;
    change.new = body.maybe_binary()?;
    Ok(News::Change {
        service,
        partition,
        placed,
        change,
    })
}

/// Writes word that events of these caches are missing.
pub(super) fn write_missed(caches: &BTreeSet<CacheId>) -> Vec<Bytes> {
    let mut out = Writer::with_capacity(16);
    out.u8(MISSED);
    out.len(caches.len());
    caches.iter().for_each(|cache| out.cache(*cache));
    out.finish()
}

#[cfg(test)]
#[path = "wire_test.rs"]
mod tests;
