//! Values, keys and times in a body.

use std::num::NonZeroU64;
use std::sync::Arc;

use bytes::Bytes;
use grid_core::membership::MemberId;
use grid_core::partition::{PartitionCount, PartitionId};
use grid_core::processor::ProcessorWork;
use grid_core::replication::{ClientId, Outcome, RequestId, RequestTag, TruncationId};
use grid_core::store::{CacheId, Change, ChangeKind, Command, Sequence, TimeToLive, Timestamp, WorkAnswer};
use grid_core::value::{Binary, Format, FormatRegistry, Key};

use super::{Reader, WireError, Writer};

/// Before the name of a format that not every process has a number for.
const NAMED: u8 = u8::MAX;

impl Writer {
    /// Writes a value with its format.
    pub fn binary(&mut self, binary: &Binary) {
        self.format(binary.format());
        self.bytes(binary.bytes());
    }

    /// Writes a format: those that every process has by their numbers, others by their names.
    pub fn format(&mut self, format: Format) {
        match FormatRegistry::shared().name(format) {
            Some(name) if format > Format::JAVA => {
                self.u8(NAMED);
                self.bytes(&Bytes::copy_from_slice(name.as_bytes()));
            }
            _ => self.u8(format.id()),
        }
    }

    /// Writes a value that may be missing.
    pub fn maybe_binary(&mut self, binary: Option<&Binary>) {
        self.bool(binary.is_some());
        if let Some(binary) = binary {
            self.binary(binary);
        }
    }

    /// Writes a key.
    pub fn key(&mut self, key: &Key) {
        self.binary(key.spelling());
    }

    /// Writes the number of a cache.
    pub fn cache(&mut self, cache: CacheId) {
        self.varint(u64::from(cache.get()));
    }

    /// Writes which truncation it is.
    pub fn truncation(&mut self, by: TruncationId) {
        self.varint(by.member.get());
        self.varint(by.number);
    }

    /// Writes a point in time that may be missing.
    pub fn maybe_time(&mut self, time: Option<Timestamp>) {
        self.varint(time.map_or(0, |time| time.as_unix_ms().saturating_add(1)));
    }

    /// Writes a time to live.
    pub fn ttl(&mut self, ttl: TimeToLive) {
        self.varint(match ttl {
            TimeToLive::CacheDefault => 0,
            TimeToLive::Never => 1,
            TimeToLive::After(ms) => ms.get().saturating_add(1),
        });
    }

    /// Writes what a client says with a request.
    pub fn tag(&mut self, tag: Option<&RequestTag>) {
        self.bool(tag.is_some());
        if let Some(tag) = tag {
            self.given_tag(tag);
        }
    }

    /// Writes what a client that numbers its requests says with one.
    pub fn given_tag(&mut self, tag: &RequestTag) {
        self.u128(tag.id.client.get());
        self.varint(tag.id.number);
        self.varint(tag.lowest_open);
        self.varint(tag.apply_before.as_unix_ms());
    }

    /// Writes what kind of change it is, and of which entry: what all who tell of it begin with. Its first byte is not 0.
    pub fn change(&mut self, change: &Change) {
        self.u8(match (change.kind, change.expired) {
            (ChangeKind::Insert, _) => 1,
            (ChangeKind::Update, _) => 2,
            (ChangeKind::Delete, false) => 3,
            (ChangeKind::Delete, true) => 4,
        });
        self.varint(change.sequence.get());
        self.cache(change.cache);
        self.binary(&change.key);
    }

    /// Writes the outcome of a write.
    pub fn outcome(&mut self, outcome: &Outcome) {
        self.bool(outcome.done);
        self.bool(outcome.existed);
        self.maybe_binary(outcome.previous.as_ref());
        match &outcome.answer {
            None => self.u8(0),
            Some(WorkAnswer::Passed) => self.u8(3),
            Some(WorkAnswer::Said(answer)) => {
                self.u8(1);
                self.binary(answer);
            }
            Some(WorkAnswer::Failed(reason)) => {
                self.u8(2);
                self.bytes(&Bytes::copy_from_slice(reason.as_bytes()));
            }
        }
    }

    /// Writes a command on an entry.
    pub fn command(&mut self, command: &Command) {
        match command {
            Command::Put { value, ttl } => {
                self.u8(0);
                self.ttl(*ttl);
                self.binary(value);
            }
            Command::PutIfAbsent { value, ttl } => {
                self.u8(1);
                self.ttl(*ttl);
                self.binary(value);
            }
            Command::Replace { value } => {
                self.u8(2);
                self.binary(value);
            }
            Command::ReplaceIfEqual { previous, value } => {
                self.u8(3);
                self.binary(previous);
                self.binary(value);
            }
            Command::Remove => self.u8(4),
            Command::RemoveIfEqual { previous } => {
                self.u8(5);
                self.binary(previous);
            }
            Command::Work(work) => {
                self.u8(6);
                self.bytes(&work.to_bytes());
            }
        }
    }
}

impl Reader {
    /// Reads a value with its format.
    ///
    /// # Errors
    /// When the body is damaged, as everywhere.
    pub fn binary(&mut self) -> Result<Binary, WireError> {
        let format = self.format()?;
        Ok(Binary::new(format, self.bytes()?))
    }

    /// Reads a format. A name that was not met here before gets a number of this process.
    ///
    /// # Errors
    /// When the body is damaged, or this process knows too many formats.
    pub fn format(&mut self) -> Result<Format, WireError> {
        let number = Format::from_id(self.u8()?);
        if number <= Format::JAVA {
            return Ok(number);
        }
        let name = if number.id() == NAMED {
            self.bytes()?
        } else {
            Bytes::new()
        };
        let name = std::str::from_utf8(&name).map_err(|_invalid| WireError {
            what: "the name of a format is no text",
        })?;
        FormatRegistry::shared()
            .intern(name)
            .map_err(|_refused| WireError {
                what: "a format has no name, or is one too many",
            })
    }

    /// Reads a value that may be missing.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn maybe_binary(&mut self) -> Result<Option<Binary>, WireError> {
        Ok(if self.bool()? { Some(self.binary()?) } else { None })
    }

    /// Reads a key.
    ///
    /// # Errors
    /// When the body is damaged, or the key is none.
    pub fn key(&mut self) -> Result<Key, WireError> {
        Key::new(self.binary()?).map_err(|_error| WireError {
            what: "a key is none",
        })
    }

    /// Reads the number of a cache.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn cache(&mut self) -> Result<CacheId, WireError> {
        let number = u32::try_from(self.varint()?).map_err(|_error| WireError {
            what: "the number of a cache is too large",
        })?;
        Ok(CacheId::new(number))
    }

    /// Reads which truncation it is.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn truncation(&mut self) -> Result<TruncationId, WireError> {
        Ok(TruncationId {
            member: MemberId::new(self.varint()?),
            number: self.varint()?,
        })
    }

    /// Reads a point in time that may be missing.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn maybe_time(&mut self) -> Result<Option<Timestamp>, WireError> {
        Ok(self.varint()?.checked_sub(1).map(Timestamp::from_unix_ms))
    }

    /// Reads a time to live.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn ttl(&mut self) -> Result<TimeToLive, WireError> {
        Ok(match self.varint()? {
            0 => TimeToLive::CacheDefault,
            1 => TimeToLive::Never,
            more => NonZeroU64::new(more - 1).map_or(TimeToLive::Never, TimeToLive::After),
        })
    }

    /// Reads what a client says with a request.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn tag(&mut self) -> Result<Option<RequestTag>, WireError> {
        Ok(if self.bool()? {
            Some(self.given_tag()?)
        } else {
            None
        })
    }

    /// Reads what a client that numbers its requests says with one.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn given_tag(&mut self) -> Result<RequestTag, WireError> {
        let client = ClientId::new(self.u128()?);
        let number = self.varint()?;
        Ok(RequestTag {
            id: RequestId { client, number },
            lowest_open: self.varint()?,
            apply_before: Timestamp::from_unix_ms(self.varint()?),
        })
    }

    /// Reads what kind of change it is, and of which entry, after its first byte. It has no values and no deadline.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn change(&mut self, first: u8) -> Result<Change, WireError> {
        let (kind, expired) = match first {
            1 => (ChangeKind::Insert, false),
            2 => (ChangeKind::Update, false),
            3 => (ChangeKind::Delete, false),
            4 => (ChangeKind::Delete, true),
            _ => {
                return Err(WireError {
                    what: "a change is none",
                });
            }
        };
        Ok(Change {
            sequence: Sequence::new(self.varint()?),
            cache: self.cache()?,
            key: self.binary()?,
            kind,
            old: None,
            new: None,
            deadline: None,
            expired,
        })
    }

    /// Reads the number of a partition of so many.
    ///
    /// # Errors
    /// When the body is damaged, or there is no such partition.
    pub fn partition(&mut self, count: PartitionCount) -> Result<PartitionId, WireError> {
        let number = u16::try_from(self.varint()?).ok();
        number.and_then(|number| count.nth(number)).ok_or(WireError {
            what: "there is no such partition",
        })
    }

    /// Reads the outcome of a write.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn outcome(&mut self) -> Result<Outcome, WireError> {
        Ok(Outcome {
            done: self.bool()?,
            existed: self.bool()?,
            previous: self.maybe_binary()?,
            answer: match self.u8()? {
                0 => None,
                1 => Some(WorkAnswer::Said(self.binary()?)),
                3 => Some(WorkAnswer::Passed),
                2 => {
                    let reason = self.bytes()?;
                    Some(WorkAnswer::Failed(String::from_utf8_lossy(&reason).into_owned()))
                }
                _ => {
                    return Err(WireError {
                        what: "the answer of work on an entry is none",
                    });
                }
            },
        })
    }

    /// Reads a command on an entry.
    ///
    /// # Errors
    /// When the body is damaged.
    pub fn command(&mut self) -> Result<Command, WireError> {
        Ok(match self.u8()? {
            0 => {
                let ttl = self.ttl()?;
                Command::Put {
                    value: self.binary()?,
                    ttl,
                }
            }
            1 => {
                let ttl = self.ttl()?;
                Command::PutIfAbsent {
                    value: self.binary()?,
                    ttl,
                }
            }
            2 => Command::Replace {
                value: self.binary()?,
            },
            3 => {
                let previous = self.binary()?;
                Command::ReplaceIfEqual {
                    previous,
                    value: self.binary()?,
                }
            }
            4 => Command::Remove,
            5 => Command::RemoveIfEqual {
                previous: self.binary()?,
            },
            6 => {
                let work = ProcessorWork::from_bytes(self.bytes()?).map_err(|_error| WireError {
                    what: "a processor is none; run the same version on every member",
                })?;
                Command::Work(Arc::new(work))
            }
            _ => {
                return Err(WireError {
                    what: "a command is none",
                });
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format) -> Bytes {
        let mut out = Writer::new();
        out.binary(&Binary::new(format, Bytes::from_static(b"x")));
        out.finish().into_iter().flatten().collect()
    }

    /// The numbers of other formats differ from process to process.
    #[test]
    fn formats_go_by_their_names() {
        assert_eq!(written(Format::POF)[..], [1, 1, b'x']);
        let own = FormatRegistry::shared().intern("own").unwrap();
        assert_eq!(written(own)[..], [NAMED, 3, b'o', b'w', b'n', 1, b'x']);
        let read = |bytes: Bytes| Reader::new(bytes).binary();
        assert_eq!(read(written(own)).unwrap().format(), own);
        // A process that has not met it.
        let new = read(Bytes::from_static(&[NAMED, 3, b'n', b'e', b'w', 0])).unwrap();
        assert_eq!(FormatRegistry::shared().find("new"), Some(new.format()));
        for damaged in [&[7, 1, b'x'][..], &[NAMED, 0, 0], &[NAMED, 1, 0xff, 0]] {
            assert!(read(Bytes::copy_from_slice(damaged)).is_err(), "{damaged:?}");
        }
    }
}
