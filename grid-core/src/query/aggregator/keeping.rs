//! How much aggregators keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::query::QueryError;

/// So many bytes are asked of the others at a time, so that most of what is kept costs no more than an addition.
const STRIDE: usize = 16 << 10;

/// The bytes that all accumulators of one aggregation may keep together, with what they made and what waits to be put
/// together.
///
/// What is kept is about the memory that it takes. Numbers and counts are not counted: there are only so many of them.
#[derive(Clone, Debug)]
pub struct Keeping(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bytes_max: usize,
    kept: AtomicUsize,
}

impl Keeping {
    /// So many bytes may be kept.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Keeping(Arc::new(Shared {
            bytes_max,
            kept: AtomicUsize::new(0),
        }))
    }

    /// Everything may be kept.
    #[must_use]
    pub fn unbounded() -> Self {
        Keeping::new(usize::MAX)
    }

    /// Nothing that is kept, to begin with.
    #[must_use]
    pub fn nothing(&self) -> Kept {
        Kept {
            of: self.clone(),
            used: 0,
            taken: 0,
        }
    }

    /// Keeps so many bytes, until what is given back is dropped.
    ///
    /// # Errors
    /// When that would be more than may be kept.
    pub fn keep(&self, bytes: usize) -> Result<Kept, QueryError> {
        let mut kept = self.nothing();
        kept.take(bytes)?;
        kept.used = bytes;
        Ok(kept)
    }

    /// How many bytes are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.0.kept.load(Ordering::Relaxed)
    }
}

/// Bytes that are kept, until this is dropped.
#[derive(Debug)]
pub struct Kept {
    of: Keeping,
    used: usize,
    /// What others cannot keep for that: `used`, and a little more.
    taken: usize,
}

impl Kept {
    /// Keeps more.
    ///
    /// # Errors
    /// [`QueryError::TooMuch`] when that is more than may be kept.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), QueryError> {
        let used = self.used.saturating_add(bytes);
        if used > self.taken {
            let missing = used - self.taken;
            // What is left of the room may be less than a stride.
            if self.take(missing.max(STRIDE)).is_err() {
                self.take(missing)?;
            }
        }
        self.used = used;
        Ok(())
    }

    /// Keeps less.
    pub(super) fn shrink(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
        let spare = (self.taken - self.used).saturating_sub(STRIDE);
        self.give_back(spare);
    }

    fn take(&mut self, bytes: usize) -> Result<(), QueryError> {
        let bytes_max = self.of.0.bytes_max;
        let take = |kept: usize| kept.checked_add(bytes).filter(|kept| *kept <= bytes_max);
        let taken = self
            .of
            .0
            .kept
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map_err(|_full| QueryError::TooMuch { bytes_max })?;
        self.taken += bytes;
        Ok(())
    }

    fn give_back(&mut self, bytes: usize) {
        self.taken -= bytes;
        self.of.0.kept.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.give_back(self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_together_keep_no_more_than_they_may() {
        let keeping = Keeping::new(100_000);
        let mut first = keeping.nothing();
        first.grow(10).unwrap();
        assert_eq!(keeping.kept(), STRIDE);
        let second = keeping.keep(80_000).unwrap();
        let refused = QueryError::TooMuch { bytes_max: 100_000 };
        assert_eq!(keeping.keep(80_000).unwrap_err(), refused);
        first.grow(19_990).unwrap();
        assert_eq!(first.grow(1).unwrap_err(), refused);
        drop(second);
        first.grow(50_000).unwrap();
        first.shrink(69_000);
        assert!(keeping.kept() <= 1_000 + STRIDE);
        drop(first);
        assert_eq!(keeping.kept(), 0);
    }
}
