//! Room for the bytes of pages that are read side by side.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Room for so many bytes, which those who read pages of several partitions at a time share.
///
/// Whoever is first gets what it needs, however much that is, so that everybody gets on in the end; all others get what
/// fits beside. Once something did not fit nothing does any more: those who come later need not read to find that out.
/// So all pages together have at most so many bytes, or are the entries of one hash.
#[derive(Debug)]
pub struct Room {
    bytes_max: usize,
    /// `usize::MAX` when something did not fit.
    used: AtomicUsize,
}

impl Room {
    /// Room for so many bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Room {
            bytes_max: bytes_max.min(usize::MAX - 1),
            used: AtomicUsize::new(0),
        }
    }

    /// Room for everything.
    #[must_use]
    pub fn unbounded() -> Self {
        Room::new(usize::MAX)
    }

    /// Takes room for so many bytes, if it is there.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let take = |used: usize| {
            if used == usize::MAX {
                return None;
            }
            let with = used.saturating_add(bytes);
            let fits = used == 0 || with <= self.bytes_max;
            Some(if fits {
                with.min(usize::MAX - 1)
            } else {
                usize::MAX
            })
        };
        let before = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        before.is_ok_and(|before| take(before) != Some(usize::MAX))
    }

    /// Whether nothing fits any more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let used = self.used.load(Ordering::Relaxed);
        used >= self.bytes_max && used > 0
    }

    /// How many bytes were taken; `None` when more were wanted.
    #[must_use]
    pub fn used(&self) -> Option<usize> {
        let used = self.used.load(Ordering::Relaxed);
        (used != usize::MAX).then_some(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fits_and_others_do_beside_it() {
        let room = Room::new(10);
        assert!(room.take(4) && room.take(0) && room.take(5));
        assert_eq!((room.is_full(), room.used()), (false, Some(9)));
        assert!(!room.take(2), "more than there is");
        assert!(!room.take(1), "nothing after it");
        assert_eq!((room.is_full(), room.used()), (true, None));
        let room = Room::new(10);
        assert!(room.take(30) && room.is_full());
        assert!(!room.take(0));
        assert!(Room::unbounded().take(usize::MAX));
        let none = Room::new(0);
        assert!(!none.is_full() && none.take(1) && none.is_full());
    }
}
