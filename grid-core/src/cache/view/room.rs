//! How much a view may have.

use crate::cache::CacheError;

/// The limits of a view.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) entries_max: usize,
    pub(super) bytes_max: u64,
}

/// What the entries of a view take, of what they may.
#[derive(Debug)]
pub(super) struct Room {
    limits: Limits,
    bytes: u64,
    is_full: bool,
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Room {
    pub(super) fn new(limits: Limits) -> Self {
        Room {
            limits,
            bytes: 0,
            is_full: false,
        }
    }

    /// The bytes of keys and values that are there.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether something found no room.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// An entry comes with so many bytes to so many others.
    ///
    /// # Errors
    /// [`CacheError::Overloaded`] when there is no room for it. It is not there then.
    pub(super) fn take(&mut self, others: usize, bytes: usize) -> Result<(), CacheError> {
        let max = self.limits.entries_max;
        if others >= max {
            self.is_full = true;
            return Err(CacheError::Overloaded {
                what: format!(
                    "a view has {max} entries, the most that it may; give it a filter that selects fewer, or a larger \
                     ViewPlan::entries_max"
                ),
            });
        }
        self.replace(0, bytes)
    }

    /// An entry has so many bytes in place of so many.
    ///
    /// # Errors
    /// [`CacheError::Overloaded`] when there is no room for them. It has what it had then.
    pub(super) fn replace(&mut self, before: usize, after: usize) -> Result<(), CacheError> {
        let max = self.limits.bytes_max;
        let others = self.bytes.saturating_sub(wide(before));
        let bytes = others.saturating_add(wide(after));
        if bytes > max {
            self.is_full = true;
            return Err(CacheError::Overloaded {
                what: format!(
                    "a view would have {bytes} bytes of keys and values, and may have {max}; give it a filter that \
                     selects fewer entries, an extractor that takes less of each, or a larger ViewPlan::bytes_max"
                ),
            });
        }
        self.bytes = bytes;
        Ok(())
    }

    /// So many bytes are not there any more.
    pub(super) fn free(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(wide(bytes));
    }
}
