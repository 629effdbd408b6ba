//! Pseudo-random numbers that depend on a seed alone.

/// The SplitMix64 generator. The same seed gives the same run of numbers again.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The sequence of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Random { state: seed }
    }

    /// The next number.
    #[expect(
        clippy::should_implement_trait,
        reason = "numbers without an end are no iterator"
    )]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 when that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let wide = u128::from(self.next()) * (limit as u128);
        // The upper half of a product with a usize is below that usize.
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// Whether an event of this chance, in percent, happens.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these, if there are any.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// Another sequence, which depends on this one and on `of`.
    #[must_use]
    pub fn branch(&self, of: u64) -> Random {
        let mut mixed = Random::new(self.state ^ of.wrapping_mul(0xd6e8_feb8_6659_fd93));
        Random::new(mixed.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_the_limit_and_reach_all_of_it() {
        let mut random = Random::new(7);
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[random.below(10)] += 1;
        }
        assert!(seen.iter().all(|count| (800..1_200).contains(count)), "{seen:?}");
        assert_eq!(random.below(0), 0);
        assert_eq!(random.pick::<u8>(&[]), None);
    }

    #[test]
    fn a_seed_gives_the_same_sequence_again() {
        let (mut one, mut other) = (Random::new(42), Random::new(42));
        assert!((0..100).all(|_| one.next() == other.next()));
        assert_ne!(one.branch(1).next(), one.branch(2).next());
        assert_eq!(one.branch(1).next(), other.branch(1).next());
    }
}
