//! Which selections are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::SelectionLimits;

/// What is kept.
pub(super) trait Weight {
    /// How many entries it has.
    fn entries(&self) -> usize;

    /// How many bytes it has.
    fn bytes(&self) -> u64;

    /// Whether it still follows its cache.
    fn is_alive(&self) -> bool;
}

/// One that is kept.
#[derive(Debug)]
pub(super) struct Slot<T> {
    pub(super) kept: T,
    /// When it was asked for last.
    pub(super) used: Duration,
    /// How often it was found.
    pub(super) hits: u64,
}

#[derive(Debug)]
enum Place<T, W> {
    /// Someone opens it; who else wants it waits for this.
    Opening(u64, W),
    Kept(Slot<T>),
}

/// What there is of a selection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<T, W> {
    /// It is kept.
    Kept(T),
    /// It is being opened by someone else.
    Opening(W),
    /// Nothing.
    Absent,
}

/// The selections that are kept, by what they are of. Decides what stays, and does nothing: it is told the time, and gives
/// what is to go.
#[derive(Debug)]
pub(super) struct Shelf<K, T, W> {
    limits: SelectionLimits,
    places: BTreeMap<K, Place<T, W>>,
    opened: u64,
}

impl<K: Ord + Clone, T: Weight + Clone, W: Clone> Shelf<K, T, W> {
    pub(super) fn new(limits: SelectionLimits) -> Self {
        Shelf {
            limits,
            places: BTreeMap::new(),
            opened: 0,
        }
    }

    /// Someone asks for a selection. One that has ended is not kept any more.
    pub(super) fn find(&mut self, key: &K, now: Duration) -> Found<T, W> {
        match self.places.get_mut(key) {
            Some(Place::Kept(slot)) if slot.kept.is_alive() => {
                slot.used = now;
                slot.hits += 1;
                Found::Kept(slot.kept.clone())
            }
            Some(Place::Opening(_, waiting)) => Found::Opening(waiting.clone()),
            Some(Place::Kept(_)) | None => Found::Absent,
        }
    }

    /// Whether a selection is kept, or is about to be. Nobody asked for it by that.
    pub(super) fn has(&self, key: &K) -> bool {
        match self.places.get(key) {
            Some(Place::Kept(slot)) => slot.kept.is_alive(),
            Some(Place::Opening(..)) => true,
            None => false,
        }
    }

    /// A selection is opened from now on. Gives the number by which it is known whether it still is.
    pub(super) fn open(&mut self, key: K, waiting: W) -> u64 {
        self.opened += 1;
        self.places.insert(key, Place::Opening(self.opened, waiting));
        self.opened
    }

    /// The selection with this number was opened. Gives what has to go for it. One that was let go meanwhile is not kept.
    pub(super) fn opened(&mut self, key: &K, number: u64, kept: T, now: Duration) -> Vec<T> {
        if !self.is_opening(key, number) {
            return Vec::new();
        }
        let slot = Slot {
            kept,
            used: now,
            hits: 0,
        };
        self.places.insert(key.clone(), Place::Kept(slot));
        self.shrink(now)
    }

    /// The selection with this number is not opened after all.
    pub(super) fn gave_up(&mut self, key: &K, number: u64) {
        if self.is_opening(key, number) {
            self.places.remove(key);
        }
    }

    fn is_opening(&self, key: &K, number: u64) -> bool {
        matches!(self.places.get(key), Some(Place::Opening(opening, _)) if *opening == number)
    }

    /// Lets everything go. What is being opened is not kept.
    pub(super) fn clear(&mut self) -> Vec<T> {
        let places = std::mem::take(&mut self.places).into_values();
        let kept = places.filter_map(|place| match place {
            Place::Kept(slot) => Some(slot.kept),
            Place::Opening(..) => None,
        });
        kept.collect()
    }

    /// Lets go what has ended, what nobody asked for in time, and as much as there is beyond the limits: first what was
    /// asked for the longest ago.
    pub(super) fn shrink(&mut self, now: Duration) -> Vec<T> {
        let mut by_age: Vec<(Duration, K)> = Vec::new();
        let mut going: Vec<K> = Vec::new();
        let (mut entries, mut bytes) = (0_usize, 0_u64);
        for (key, slot) in self.kept() {
            if !slot.kept.is_alive() || now.saturating_sub(slot.used) >= self.limits.idle_max {
                going.push(key.clone());
                continue;
            }
            entries = entries.saturating_add(slot.kept.entries());
            bytes = bytes.saturating_add(slot.kept.bytes());
            by_age.push((slot.used, key.clone()));
        }
        by_age.sort_unstable();
        let mut count = by_age.len();
        for (_, key) in by_age {
            let limits = &self.limits;
            let fits =
                count <= limits.selections_max && entries <= limits.entries_max && bytes <= limits.bytes_max;
            if fits {
                break;
            }
            if let Some(Place::Kept(slot)) = self.places.get(&key) {
                entries = entries.saturating_sub(slot.kept.entries());
                bytes = bytes.saturating_sub(slot.kept.bytes());
            }
            count -= 1;
            going.push(key);
        }
        let gone = going.iter().filter_map(|key| self.places.remove(key));
        let gone = gone.filter_map(|place| match place {
            Place::Kept(slot) => Some(slot.kept),
            Place::Opening(..) => None,
        });
        gone.collect()
    }

    /// What is kept.
    pub(super) fn kept(&self) -> impl Iterator<Item = (&K, &Slot<T>)> {
        self.places.iter().filter_map(|(key, place)| match place {
            Place::Kept(slot) => Some((key, slot)),
            Place::Opening(..) => None,
        })
    }

    /// Whether nothing is kept or opened.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Copied {
        entries: usize,
        bytes: u64,
        alive: bool,
    }

    impl Weight for Copied {
        fn entries(&self) -> usize {
            self.entries
        }

        fn bytes(&self) -> u64 {
            self.bytes
        }

        fn is_alive(&self) -> bool {
            self.alive
        }
    }

    fn copied(entries: usize, bytes: u64) -> Copied {
        Copied {
            entries,
            bytes,
            alive: true,
        }
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn shelf() -> Shelf<&'static str, Copied, ()> {
        Shelf::new(SelectionLimits {
            selections_max: 3,
            entries_max: 100,
            bytes_max: 1_000,
            idle_max: s(60),
        })
    }

    fn keep(
        shelf: &mut Shelf<&'static str, Copied, ()>,
        key: &'static str,
        kept: Copied,
        now: Duration,
    ) -> Vec<Copied> {
        let number = shelf.open(key, ());
        assert_eq!(shelf.find(&key, now), Found::Opening(()));
        shelf.opened(&key, number, kept, now)
    }

    fn keys(shelf: &Shelf<&'static str, Copied, ()>) -> Vec<&'static str> {
        shelf.kept().map(|(key, _)| *key).collect()
    }

    #[test]
    fn what_was_asked_for_the_longest_ago_goes_first() {
        let mut shelf = shelf();
        for (at, key) in (1..).zip(["a", "b", "c"]) {
            assert!(keep(&mut shelf, key, copied(10, 10), s(at)).is_empty());
        }
        assert_eq!(shelf.find(&"a", s(5)), Found::Kept(copied(10, 10)));
        assert_eq!(keep(&mut shelf, "d", copied(10, 10), s(6)).len(), 1, "too many");
        assert_eq!(keys(&shelf), ["a", "c", "d"]);
        assert_eq!(shelf.find(&"b", s(6)), Found::Absent);
        assert_eq!(
            keep(&mut shelf, "e", copied(85, 10), s(7)).len(),
            2,
            "too many entries"
        );
        assert_eq!(keys(&shelf), ["d", "e"]);
        assert_eq!(
            keep(&mut shelf, "f", copied(1, 995), s(8)).len(),
            2,
            "too many bytes"
        );
        assert_eq!(keys(&shelf), ["f"]);
    }

    #[test]
    fn what_nobody_asks_for_goes_and_what_has_ended() {
        let mut shelf = shelf();
        keep(&mut shelf, "a", copied(1, 1), s(0));
        keep(&mut shelf, "b", copied(1, 1), s(10));
        let ended = Copied {
            alive: false,
            ..copied(1, 1)
        };
        keep(&mut shelf, "c", ended, s(10));
        assert_eq!(keys(&shelf), ["a", "b"]);
        assert!(shelf.shrink(s(59)).is_empty());
        assert_eq!(shelf.shrink(s(60)).len(), 1);
        assert_eq!(keys(&shelf), ["b"]);
        shelf.find(&"b", s(69));
        assert!(shelf.shrink(s(128)).is_empty());
        assert_eq!(shelf.shrink(s(129)).len(), 1);
        assert!(shelf.is_empty());
    }

    #[test]
    fn who_opens_one_that_was_let_go_meanwhile_does_not_keep_it() {
        let mut shelf = shelf();
        let first = shelf.open("a", ());
        shelf.gave_up(&"a", first);
        assert_eq!(shelf.find(&"a", s(0)), Found::Absent);
        let second = shelf.open("a", ());
        assert!(shelf.opened(&"a", first, copied(1, 1), s(0)).is_empty());
        shelf.gave_up(&"a", first);
        assert!(shelf.has(&"a"), "it is opened by another");
        shelf.opened(&"a", second, copied(2, 2), s(0));
        assert_eq!(shelf.find(&"a", s(0)), Found::Kept(copied(2, 2)));
        let third = shelf.open("b", ());
        assert_eq!(shelf.clear().len(), 1);
        shelf.opened(&"b", third, copied(1, 1), s(0));
        assert!(shelf.is_empty());
    }
}
