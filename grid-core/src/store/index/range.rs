//! What is asked of an index: ranges of keys.

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

#[cfg(test)]
mod tests {
    use super::*;

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
