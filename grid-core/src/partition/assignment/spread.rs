//! How far apart the copies of a partition are.

use super::takers::{LEVELS, Takers};

/// What is wrong with a set of backups: smaller is better. Digits of two bits, which hold the at most three that can
/// be: for zones, then for racks, machines and processes, first how many backups are in the primary's, then how many
/// pairs of backups share one.
pub(super) type Closeness = u32;

const DIGIT_BITS: usize = 2;

fn digit(level: usize, with_primary: bool) -> Closeness {
    // The zone is level 0 and the most significant.
    let place = 2 * (LEVELS - 1 - level) + usize::from(with_primary);
    1 << (DIGIT_BITS * place)
}

/// How close sets of backups are, and the best that there are.
///
/// The domains of failure nest, and each counts its members by a convex function. So a set that no exchange of one
/// member makes better is the best, and choosing the best member one by one finds one.
#[derive(Debug)]
pub(super) struct Spread {
    takers: usize,
    to_primary: Vec<Closeness>,
    between_backups: Vec<Closeness>,
    /// How many backups each partition is to have.
    backups: usize,
    /// By primary.
    best: Vec<Closeness>,
}

impl Spread {
    /// `backups` are those that are wished; there are as many as there are members.
    pub(super) fn new(takers: &Takers<'_>, backups: usize) -> Self {
        let count = takers.len();
        let mut to_primary = Vec::with_capacity(count * count);
        let mut between_backups = Vec::with_capacity(count * count);
        for one in takers.domains() {
            for other in takers.domains() {
                let shared = one.shared_with(other);
                to_primary.push((0..shared).map(|level| digit(level, true)).sum());
                between_backups.push((0..shared).map(|level| digit(level, false)).sum());
            }
        }
        let mut spread = Spread {
            takers: count,
            to_primary,
            between_backups,
            backups: backups.min(count - 1),
            best: Vec::new(),
        };
        spread.best = (0..count).map(|primary| spread.best_of(primary)).collect();
        spread
    }

    fn best_of(&self, primary: usize) -> Closeness {
        let mut set = Vec::new();
        let mut sum = 0;
        while set.len() < self.backups {
            let next = (0..self.takers)
                .filter(|taker| *taker != primary && !set.contains(taker))
                .map(|taker| (self.added(primary, &set, taker), taker))
                .min();
            let Some((added, taker)) = next else { break };
            sum += added;
            set.push(taker);
        }
        sum
    }

    /// How many backups each partition is to have.
    pub(super) fn backups(&self) -> usize {
        self.backups
    }

    /// How much closer the set is with this member in addition.
    pub(super) fn added(&self, primary: usize, set: &[usize], taker: usize) -> Closeness {
        let row = taker * self.takers;
        let between: Closeness = set.iter().map(|other| self.between_backups[row + other]).sum();
        self.to_primary[row + primary] + between
    }

    /// Whether there is no better set for this primary.
    pub(super) fn is_best(&self, primary: usize, set: &[usize]) -> bool {
        let sum: Closeness = (0..set.len())
            .map(|at| self.added(primary, &set[..at], set[at]))
            .sum();
        sum == self.best[primary]
    }

    /// Whether there is no better set for this primary than this one with `leaves` exchanged for `enters`.
    pub(super) fn is_best_with(&self, primary: usize, set: &[usize], leaves: usize, enters: usize) -> bool {
        let mut sum = self.to_primary[enters * self.takers + primary];
        for (at, one) in set.iter().enumerate().filter(|(_, one)| **one != leaves) {
            sum += self.added(primary, &[enters], *one);
            for other in set[..at].iter().filter(|other| **other != leaves) {
                sum += self.between_backups[one * self.takers + other];
            }
        }
        sum == self.best[primary]
    }
}
