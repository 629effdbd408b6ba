//! How far a listener is.

use crate::partition::PartitionCount;
use crate::partition::table::Epoch;
use crate::store::{CacheId, Sequence};

use super::{BinaryEvent, EventNumber};

/// How the bytes are written.
const VERSION: u8 = 1;

/// The most bytes that a number takes: seven bits of it in each.
const NUMBER_LEN_MAX: u32 = 10;

/// Which cache, of which life of a cluster, numbers belong to: those of another say nothing of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventOrigin {
    /// The life of the cluster; of a process that is alone, a random number.
    pub life: u128,
    /// The cache.
    pub cache: CacheId,
}

/// How far a listener is: of each partition, the number up to which it was told of every change that it wants to hear of.
///
/// What an application keeps, as bytes if it likes, and gives to
/// [`NamedCache::listen_from`](crate::cache::NamedCache::listen_from) to go on from there: in another
/// process, or at another member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPositions {
    origin: EventOrigin,
    reached: Box<[(Epoch, Sequence)]>,
}

/// Bytes that are no positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the positions of a listener are damaged: give those that EventPositions::to_bytes made, or none to start anew"
)]
pub struct PositionsError;

impl EventPositions {
    /// Before the first change.
    #[must_use]
    pub fn start(origin: EventOrigin, partitions: PartitionCount) -> Self {
        EventPositions {
            origin,
            reached: vec![Default::default(); usize::from(partitions.get())].into(),
        }
    }

    /// What the numbers belong to.
    #[must_use]
    pub fn origin(&self) -> EventOrigin {
        self.origin
    }

    /// How many partitions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.reached.len()
    }

    /// Whether there is no partition, which is never so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reached.is_empty()
    }

    /// Of each partition, in order, the epoch in which it began empty and the number reached.
    #[must_use]
    pub fn reached(&self) -> &[(Epoch, Sequence)] {
        &self.reached
    }

    /// The number reached in a partition; nothing is reached in one that there is not.
    #[must_use]
    pub fn of(&self, partition: crate::partition::PartitionId) -> (Epoch, Sequence) {
        self.reached.get(partition.index()).copied().unwrap_or_default()
    }

    /// Whether a change is after these.
    #[must_use]
    pub fn is_before(&self, number: EventNumber) -> bool {
        self.of(number.partition) < number.place()
    }

    /// Whether these are of the same cache, and in no partition before those.
    #[must_use]
    pub fn covers(&self, other: &EventPositions) -> bool {
        let same = self.origin == other.origin && self.len() == other.len();
        same && self.covers_all(&other.reached)
    }

    pub(super) fn covers_all(&self, other: &[(Epoch, Sequence)]) -> bool {
        self.reached.iter().zip(other).all(|(here, there)| here >= there)
    }

    /// Notes that everything up to this number was told. Whether that is new.
    pub fn advance(&mut self, number: EventNumber) -> bool {
        let Some(reached) = self.reached.get_mut(number.partition.index()) else {
            return false;
        };
        let is_new = *reached < number.place();
        if is_new {
            *reached = number.place();
        }
        is_new
    }

    /// Takes note of what an event says about how far the listener is that is told it.
    pub fn note(&mut self, event: &BinaryEvent) {
        match event {
            BinaryEvent::Entry(event) => {
                if let Some(number) = event.number {
                    self.advance(number);
                }
            }
            BinaryEvent::Passed(numbers) => {
                for number in numbers {
                    self.advance(*number);
                }
            }
            BinaryEvent::Reached(positions) => self.clone_from(positions),
            BinaryEvent::Truncated
            | BinaryEvent::Destroyed
            | BinaryEvent::Resync
            | BinaryEvent::Disconnected => {}
        }
    }

    /// Raises each to the greater of the two.
    pub(super) fn raise(&mut self, to: &[(Epoch, Sequence)]) {
        for (here, there) in self.reached.iter_mut().zip(to) {
            *here = (*here).max(*there);
        }
    }

    /// As bytes: a version, what they belong to, and for each partition its two numbers, seven bits a byte.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32 + 4 * self.len());
        bytes.push(VERSION);
        bytes.extend(self.origin.life.to_be_bytes());
        bytes.extend(self.origin.cache.get().to_be_bytes());
        for (placed, sequence) in &self.reached {
            write_number(&mut bytes, placed.get());
            write_number(&mut bytes, sequence.get());
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written.
    ///
    /// # Errors
    /// When the bytes are none of its.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PositionsError> {
        let (version, rest) = bytes.split_first().ok_or(PositionsError)?;
        let (life, rest) = rest.split_first_chunk().ok_or(PositionsError)?;
        let (cache, mut rest) = rest.split_first_chunk().ok_or(PositionsError)?;
        let mut reached = Vec::new();
        while !rest.is_empty() && reached.len() < usize::from(u16::MAX) {
            let placed = Epoch::new(read_number(&mut rest)?);
            reached.push((placed, Sequence::new(read_number(&mut rest)?)));
        }
        if *version != VERSION || reached.is_empty() || !rest.is_empty() {
            return Err(PositionsError);
        }
        let origin = EventOrigin {
            life: u128::from_be_bytes(*life),
            cache: CacheId::new(u32::from_be_bytes(*cache)),
        };
        let reached = reached.into();
        Ok(EventPositions { origin, reached })
    }
}

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low & 0x7f);
        }
        bytes.push(low | 0x80);
    }
}

fn read_number(bytes: &mut &[u8]) -> Result<u64, PositionsError> {
    let mut number = 0_u64;
    for at in 0..NUMBER_LEN_MAX {
        let (byte, rest) = bytes.split_first().ok_or(PositionsError)?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if at == NUMBER_LEN_MAX - 1 && bits > 1 {
            return Err(PositionsError);
        }
        number |= bits << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(PositionsError)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    fn positions(numbers: &[(u64, u64)]) -> EventPositions {
        let count = NonZeroU16::new(u16::try_from(numbers.len()).unwrap()).unwrap();
        let count = PartitionCount::new(count);
        let origin = EventOrigin {
            life: u128::MAX - 5,
            cache: CacheId::new(7),
        };
        let mut positions = EventPositions::start(origin, count);
        for (partition, (placed, sequence)) in count.all().zip(numbers) {
            positions.advance(EventNumber {
                partition,
                placed: Epoch::new(*placed),
                sequence: Sequence::new(*sequence),
            });
        }
        positions
    }

    #[test]
    fn they_survive_as_bytes() {
        for numbers in [&[(0, 0)][..], &[(1, 300), (u64::MAX, u64::MAX), (0, 127)]] {
            let positions = positions(numbers);
            let bytes = positions.to_bytes();
            assert_eq!(EventPositions::from_bytes(&bytes), Ok(positions));
            for len in 0..bytes.len() {
                // A number that is cut off between two partitions is shorter, and not damaged.
                let cut = EventPositions::from_bytes(&bytes[..len]);
                assert!(cut.is_err() || cut.is_ok_and(|cut| cut.len() < numbers.len()));
            }
        }
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let good = positions(&[(1, 1)]).to_bytes();
        let mut other_version = good.clone();
        other_version[0] = 9;
        let too_long = [&good[..21], &[0xff; 11]].concat();
        let too_large = [&good[..21], &[0xff; 9], &[0x02, 0x00]].concat();
        for bytes in [other_version, too_long, too_large, Vec::new()] {
            assert_eq!(EventPositions::from_bytes(&bytes), Err(PositionsError));
        }
    }

    #[test]
    fn a_later_life_of_a_partition_is_after_an_earlier_one() {
        let (early, late) = (positions(&[(3, 900)]), positions(&[(4, 2)]));
        assert!(late.covers(&early) && !early.covers(&late));
        assert!(
            !late.covers(&positions(&[(4, 2), (4, 2)])),
            "another number of partitions"
        );
    }
}
