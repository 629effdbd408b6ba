//! How much may be made of an entry.

use std::cell::Cell;

use crate::query::QueryError;

/// How many bytes may still be made of one entry by all that is asked about it.
///
/// What agents compute may be far larger than they are, and than the entry: a call of `repeat` takes a few characters.
/// What they only take out of the entry, or make of it without making it longer, is not counted.
#[derive(Clone, Debug)]
pub(crate) struct Room(Cell<usize>);

impl Room {
    /// The room for an entry or a value of so many bytes.
    pub(crate) fn of(len: usize) -> Self {
        const LEAST: usize = 32 << 20;
        const TIMES: usize = 16;
        Room(Cell::new(len.saturating_mul(TIMES).saturating_add(LEAST)))
    }

    /// Takes room for something.
    ///
    /// # Errors
    /// When there is not enough left.
    pub(crate) fn take(&self, len: usize) -> Result<(), QueryError> {
        let left = self.0.get().checked_sub(len);
        self.0.set(left.unwrap_or_default());
        left.map(drop).ok_or(QueryError::MadeTooMuch)
    }

    /// Takes over what another one has left.
    pub(crate) fn set(&self, other: &Room) {
        self.0.set(other.0.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_until_there_is_none() {
        let room = Room::of(1 << 20);
        room.take(48 << 20).unwrap();
        assert_eq!(room.take(1), Err(QueryError::MadeTooMuch));
        assert_eq!(room.take(0), Ok(()));
    }
}
