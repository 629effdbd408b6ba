//! The truncations whose end is still to be told.

use std::collections::{BTreeMap, BTreeSet};

use grid_core::membership::MemberId;
use grid_core::replication::TruncationId;
use grid_core::store::CacheId;

/// How far the truncations of one cache that one member is asked for are.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The last one that was heard to have emptied a partition.
    emptied: u64,
    /// The last one whose end was told.
    told: u64,
}

/// What a member has heard of truncations: which have emptied partitions, and which have come to their end.
///
/// A member has one truncation of a cache under way at a time, so that the last number says all.
#[derive(Debug, Default)]
pub struct Truncations {
    members: BTreeSet<MemberId>,
    /// The newest member that ever was one: those that are none and not newer are gone.
    newest: Option<MemberId>,
    progress: BTreeMap<(MemberId, CacheId), Progress>,
}

impl Truncations {
    /// The members are these. Gives the caches of which a member that is gone has left truncations without an end: it will not
    /// tell of it any more.
    pub fn set_members(&mut self, members: impl IntoIterator<Item = MemberId>) -> BTreeSet<CacheId> {
        self.members = members.into_iter().collect();
        self.newest = self.newest.max(self.members.last().copied());
        let mut unended = BTreeSet::new();
        let (members, newest) = (&self.members, self.newest);
        self.progress.retain(|(member, cache), progress| {
            let stays = members.contains(member) || Some(*member) > newest;
            if !stays && progress.emptied > progress.told {
                unended.insert(*cache);
            }
            stays
        });
        unended
    }

    /// A partition was emptied, and everything that was changed there before was told. Whether its end is not to come, because
    /// it was told before or its member is gone: entries went without word then.
    #[must_use]
    pub fn emptied(&mut self, by: TruncationId, cache: CacheId) -> bool {
        if self.is_gone(by.member) {
            return true;
        }
        let progress = self.progress.entry((by.member, cache)).or_default();
        if by.number <= progress.told {
            return true;
        }
        progress.emptied = progress.emptied.max(by.number);
        false
    }

    /// The truncation has come to its end. Whether partitions were heard to be emptied by it.
    pub fn ended(&mut self, by: TruncationId, cache: CacheId) -> bool {
        if self.is_gone(by.member) {
            return false;
        }
        let progress = self.progress.entry((by.member, cache)).or_default();
        let was_open = progress.emptied > progress.told;
        progress.told = progress.told.max(by.number);
        was_open
    }

    fn is_gone(&self, member: MemberId) -> bool {
        !self.members.contains(&member) && Some(member) <= self.newest
    }

    /// The cache is gone.
    pub fn forget(&mut self, cache: CacheId) {
        self.progress.retain(|(_, of), _| *of != cache);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CACHE: CacheId = CacheId::new(7);

    fn by(member: u64, number: u64) -> TruncationId {
        TruncationId {
            member: MemberId::new(member),
            number,
        }
    }

    fn of_members(members: &[u64]) -> (Truncations, BTreeSet<CacheId>) {
        let mut truncations = Truncations::default();
        let left = set_members(&mut truncations, members);
        (truncations, left)
    }

    fn set_members(truncations: &mut Truncations, members: &[u64]) -> BTreeSet<CacheId> {
        truncations.set_members(members.iter().copied().map(MemberId::new))
    }

    #[test]
    fn a_member_that_goes_before_the_end_leaves_the_truncation_open() {
        let (mut truncations, left) = of_members(&[1, 2, 3]);
        assert!(left.is_empty());
        assert!(!truncations.emptied(by(2, 1), CACHE));
        assert!(!truncations.emptied(by(3, 1), CacheId::new(8)));
        assert!(set_members(&mut truncations, &[1, 2, 3]).is_empty());
        assert_eq!(set_members(&mut truncations, &[1, 3]), [CACHE].into());
        assert!(
            set_members(&mut truncations, &[1, 3]).is_empty(),
            "it is told once"
        );
        assert!(
            truncations.emptied(by(2, 1), CACHE),
            "another partition of it comes later"
        );
    }

    #[test]
    fn after_its_end_nothing_is_open_and_what_comes_late_is_missing() {
        let (mut truncations, _) = of_members(&[1, 2]);
        assert!(!truncations.emptied(by(2, 1), CACHE));
        assert!(truncations.ended(by(2, 1), CACHE));
        assert!(
            !truncations.ended(by(2, 2), CACHE),
            "nothing went in it as far as is known"
        );
        for number in [1, 2] {
            assert!(truncations.emptied(by(2, number), CACHE));
        }
        assert!(set_members(&mut truncations, &[1]).is_empty());
        assert!(!truncations.ended(by(2, 3), CACHE), "its member is gone");
    }

    #[test]
    fn a_member_that_is_not_known_yet_is_not_gone() {
        let (mut truncations, _) = of_members(&[1]);
        assert!(!truncations.emptied(by(2, 1), CACHE));
        assert!(set_members(&mut truncations, &[1]).is_empty());
        assert!(set_members(&mut truncations, &[1, 2]).is_empty());
        assert_eq!(set_members(&mut truncations, &[1, 3]), [CACHE].into());
        truncations.forget(CACHE);
        assert!(truncations.progress.is_empty());
    }
}
