//! Reproducible random numbers, and how many seeds a test runs.

use std::env;

/// A small generator (splitmix64); the same seed gives the same numbers on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` on and below `high`.
    pub(crate) fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let len = u64::try_from(from.len()).ok().filter(|len| *len > 0)?;
        usize::try_from(self.range(0, len)).ok().map(|at| from[at])
    }
}

/// Runs a simulation with many seeds: `SEEDS=n` says how many, `SEED=s` runs one. A failure names its seed.
pub(crate) fn with_seeds(seeds: u64, simulate: impl Fn(u64)) {
    let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("SEED") {
        println!("SEED={seed}");
        return simulate(seed);
    }
    let seeds = number("SEEDS").unwrap_or(seeds);
    println!("SEEDS={seeds}");
    for seed in 0..seeds {
        let named = SeedOnPanic(seed);
        simulate(seed);
        drop(named);
    }
}

struct SeedOnPanic(u64);

impl Drop for SeedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with SEED={}", self.0);
        }
    }
}
