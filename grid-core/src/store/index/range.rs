//! What is asked of an index: ranges of keys.

use std::cmp::Ordering;
use std::ops::Bound;

use crate::store::index::key::KeyKind;

/// The keys between two bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct KeyRange {
    pub(in crate::store) from: Bound<Vec<u8>>,
    pub(in crate::store) to: Bound<Vec<u8>>,
}

impl KeyRange {
    /// One key.
    pub(in crate::store) fn point(key: &[u8]) -> Self {
        KeyRange {
            from: Bound::Included(key.to_vec()),
            to: Bound::Included(key.to_vec()),
        }
    }

    /// The keys from one first byte to before another one.
    pub(in crate::store) fn kinds(from: u8, before: u8) -> Self {
        KeyRange {
            from: Bound::Included(vec![from]),
            to: Bound::Excluded(vec![before]),
        }
    }

    /// The keys of whole values of one kind.
    pub(in crate::store) fn kind(kind: KeyKind) -> Self {
        KeyRange::kinds(kind.first_byte(), kind.first_byte() + 1)
    }

    /// The keys that begin with these bytes.
    pub(in crate::store) fn prefix(prefix: Vec<u8>) -> Self {
        let mut end = prefix.clone();
        // The next bytes of the same length: those at the end that cannot grow fall away.
        let to = loop {
            match end.pop() {
                None => break Bound::Unbounded,
                Some(0xff) => {}
                Some(byte) => {
                    end.push(byte + 1);
                    break Bound::Excluded(end);
                }
            }
        };
        let from = Bound::Included(prefix);
        KeyRange { from, to }
    }

    /// The keys that are in one of these ranges and in one of those; each of both keeps its ranges apart from each other.
    /// They come in order.
    pub(in crate::store) fn common(mut these: Vec<KeyRange>, mut those: Vec<KeyRange>) -> Vec<KeyRange> {
        these.sort_by(KeyRange::compare_starts);
        those.sort_by(KeyRange::compare_starts);
        let (mut left, mut right) = (these.iter().peekable(), those.iter().peekable());
        let mut common = Vec::new();
        while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
            let from = match one.compare_starts(other) {
                Ordering::Less => &other.from,
                _ => &one.from,
            };
            let (to, ended) = match one.compare_ends(other) {
                Ordering::Less => (&one.to, &mut left),
                _ => (&other.to, &mut right),
            };
            let range = KeyRange {
                from: from.clone(),
                to: to.clone(),
            };
            if !range.is_empty() {
                common.push(range);
            }
            ended.next();
        }
        common
    }

    fn compare_starts(&self, other: &KeyRange) -> Ordering {
        start(&self.from).cmp(&start(&other.from))
    }

    fn compare_ends(&self, other: &KeyRange) -> Ordering {
        end(&self.to).cmp(&end(&other.to))
    }

    /// Whether no key can be in the range.
    fn is_empty(&self) -> bool {
        match (&self.from, &self.to) {
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => {
                from >= to
            }
            _ => false,
        }
    }

    /// The key, if the range is a point.
    pub(in crate::store) fn as_point(&self) -> Option<&[u8]> {
        match (&self.from, &self.to) {
            (Bound::Included(from), Bound::Included(to)) if from == to => Some(from),
            _ => None,
        }
    }

    /// Whether a key is in the range.
    pub(in crate::store) fn contains(&self, key: &[u8]) -> bool {
        let after_start = match &self.from {
            Bound::Included(from) => key >= from.as_slice(),
            Bound::Excluded(from) => key > from.as_slice(),
            Bound::Unbounded => true,
        };
        after_start && self.is_before_end(key)
    }

    /// Whether a key is not after the range.
    pub(in crate::store) fn is_before_end(&self, key: &[u8]) -> bool {
        match &self.to {
            Bound::Included(to) => key <= to.as_slice(),
            Bound::Excluded(to) => key < to.as_slice(),
            Bound::Unbounded => true,
        }
    }
}

/// Where a range begins, in order: before its key, or after it.
fn start(from: &Bound<Vec<u8>>) -> (&[u8], bool) {
    match from {
        Bound::Unbounded => (&[], false),
        Bound::Included(key) => (key, false),
        Bound::Excluded(key) => (key, true),
    }
}

/// Where a range ends, in order: before its key, after it, or nowhere.
fn end(to: &Bound<Vec<u8>>) -> (bool, &[u8], bool) {
    match to {
        Bound::Excluded(key) => (false, key, false),
        Bound::Included(key) => (false, key, true),
        Bound::Unbounded => (true, &[], false),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Ranges over one byte from places of which each belongs to what stands before it or after it.
    fn ranges(places: &[(u8, bool)]) -> Vec<KeyRange> {
        let mut places = places.to_vec();
        places.sort_unstable();
        places.dedup();
        let range = |pair: &[(u8, bool)]| {
            let [(from, after), (to, with)] = *pair else {
                return None;
            };
            Some(KeyRange {
                from: if after {
                    Bound::Excluded(vec![from])
                } else {
                    Bound::Included(vec![from])
                },
                to: if with {
                    Bound::Included(vec![to])
                } else {
                    Bound::Excluded(vec![to])
                },
            })
        };
        places.chunks(2).filter_map(range).collect()
    }

    proptest! {
        #[test]
        fn what_is_common_is_in_both(
            these in proptest::collection::vec((0..20_u8, any::<bool>()), 0..8),
            those in proptest::collection::vec((0..20_u8, any::<bool>()), 0..8),
            turned in any::<bool>(),
        ) {
            let (mut these, mut those) = (ranges(&these), ranges(&those));
            these.push(KeyRange { from: Bound::Included(vec![30]), to: Bound::Unbounded });
            those.push(KeyRange { from: Bound::Excluded(vec![31]), to: Bound::Included(vec![40]) });
            if turned {
                these.reverse();
            }
            let common = KeyRange::common(these.clone(), those.clone());
            for key in 0..50_u8 {
                let within = |ranges: &[KeyRange]| ranges.iter().filter(|range| range.contains(&[key])).count();
                let both = within(&these) > 0 && within(&those) > 0;
                prop_assert_eq!(within(&common), usize::from(both), "{}: {:?}", key, common);
            }
            prop_assert!(common.is_sorted_by(|one, other| one.compare_ends(other).is_lt()));
        }
    }

    #[test]
    fn a_prefix_ends_before_what_does_not_begin_with_it() {
        let range = KeyRange::prefix(vec![7, b'a', 0xff]);
        assert!(range.contains(&[7, b'a', 0xff]));
        assert!(range.contains(&[7, b'a', 0xff, 0xff, 0xff]));
        assert!(!range.contains(&[7, b'b']));
        assert!(!range.contains(&[7, b'a', 0xfe, 0xff]));
        assert_eq!(KeyRange::prefix(vec![0xff]).to, Bound::Unbounded);
        assert_eq!(KeyRange::point(b"x").as_point(), Some(&b"x"[..]));
        assert_eq!(range.as_point(), None);
    }
}
