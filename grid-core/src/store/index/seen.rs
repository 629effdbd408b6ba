//! Which values a table may have.

/// So few values need no bits: their table is found out about as fast.
const VALUES_MIN: usize = 32;

/// So many bits there are at least for each value, so that those of few others are set.
const BITS_A_VALUE: usize = 8;

const WORD_BITS: usize = u64::BITS as usize;

/// A bit for each of some groups of hashes: a value whose bit is not set is not in the table.
///
/// It is asked of the tables of many partitions at once. Nothing that is read for it depends on what was read before, which
/// is so of a table: there the processor waits for memory, again and again, mostly to find out that a value is not there.
#[derive(Debug, Default)]
pub(in crate::store) struct Seen {
    /// Empty, or a power of two of them: about two bytes a value at most.
    words: Box<[u64]>,
    /// How many values went whose bits may still be set.
    gone: usize,
}

impl Seen {
    /// Whether the value of a hash may be in the table.
    pub(in crate::store) fn may_have(&self, hash: u64) -> bool {
        let (place, bit) = self.place_of(hash);
        self.words.get(place).is_none_or(|word| word & bit != 0)
    }

    fn place_of(&self, hash: u64) -> (usize, u64) {
        // Other bits of the hash than the table goes by.
        let place = (hash >> 24) as usize & self.words.len().wrapping_sub(1);
        (place, 1 << ((hash >> 16) % u64::from(u64::BITS)))
    }

    fn set(&mut self, hash: u64) {
        let (place, bit) = self.place_of(hash);
        if let Some(word) = self.words.get_mut(place) {
            *word |= bit;
        }
    }

    /// A value came: now there are so many, with these hashes.
    pub(in crate::store) fn insert(&mut self, hash: u64, len: usize, hashes: impl Iterator<Item = u64>) {
        if len > VALUES_MIN && len * BITS_A_VALUE > self.words.len() * WORD_BITS {
            self.rebuild(len, hashes);
        }
        self.set(hash);
    }

    /// A value went: now there are so many, with these hashes.
    pub(in crate::store) fn remove(&mut self, len: usize, hashes: impl Iterator<Item = u64>) {
        if len < VALUES_MIN / 2 {
            *self = Seen::default();
        }
        if self.words.is_empty() {
            return;
        }
        self.gone += 1;
        // Each value that goes pays for looking at two of those that stay.
        if self.gone > len.max(VALUES_MIN) / 2 {
            self.rebuild(len, hashes);
        }
    }

    fn rebuild(&mut self, len: usize, hashes: impl Iterator<Item = u64>) {
        let words = (len * BITS_A_VALUE).div_ceil(WORD_BITS).next_power_of_two();
        self.words = vec![0; words].into();
        self.gone = 0;
        hashes.for_each(|hash| self.set(hash));
    }

    /// The bytes of memory that it takes beside itself.
    pub(in crate::store) fn heap_bytes(&self) -> usize {
        size_of_val::<[u64]>(&self.words)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn hash(number: u32) -> u64 {
        xxh3_64(&number.to_le_bytes())
    }

    #[test]
    fn most_values_that_are_not_there_are_known_not_to_be() {
        let mut seen = Seen::default();
        let all = |len| (0..len).map(hash);
        assert!(seen.may_have(hash(0)), "nothing is known without bits");
        for number in 0..1_000 {
            seen.insert(hash(number), number as usize + 1, all(number + 1));
        }
        assert!(all(1_000).all(|hash| seen.may_have(hash)));
        let others = (1_000..11_000)
            .filter(|number| seen.may_have(hash(*number)))
            .count();
        assert!(others < 1_500, "{others} of 10,000");
        assert!(
            (1_000..=2_000).contains(&seen.heap_bytes()),
            "{} bytes",
            seen.heap_bytes()
        );
        for number in (10..1_000).rev() {
            seen.remove(number as usize, all(number));
        }
        assert_eq!(seen.heap_bytes(), 0, "bits go with the values");
    }

    proptest! {
        #[test]
        fn what_is_there_may_be(steps in prop::collection::vec((0..200_u32, any::<bool>()), 0..2_000)) {
            let (mut seen, mut there) = (Seen::default(), HashSet::new());
            for (number, comes) in steps {
                let hash = hash(number);
                if comes && there.insert(hash) {
                    seen.insert(hash, there.len(), there.iter().copied());
                } else if !comes && there.remove(&hash) {
                    seen.remove(there.len(), there.iter().copied());
                }
                prop_assert!(there.iter().all(|hash| seen.may_have(*hash)));
                prop_assert!(seen.heap_bytes() <= 16 + 4 * there.len().max(VALUES_MIN));
            }
        }
    }
}
