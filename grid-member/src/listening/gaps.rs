//! Word of events that are given up, kept by others until it is heard of.

use std::collections::{BTreeMap, BTreeSet};

use grid_core::membership::MemberId;
use grid_core::store::CacheId;

/// What the others are to know of events that one member may never hear of, and how far they know it.
///
/// It is told as a whole each time: the caches that the events are about, none when all is heard of. Each time has a
/// version.
#[derive(Debug, Default)]
pub struct Notice {
    version: u64,
    caches: BTreeSet<CacheId>,
    /// The version that each of the others knows at least, of those who were ever told.
    known: BTreeMap<MemberId, u64>,
    /// Who is being told.
    asked: BTreeSet<MemberId>,
}

impl Notice {
    /// The others are to know of events of these caches, beside those that they are to know of already. None: everything was
    /// heard of.
    pub fn set(&mut self, caches: BTreeSet<CacheId>) {
        if caches.is_empty() != self.caches.is_empty() || !caches.is_subset(&self.caches) {
            self.version += 1;
            if caches.is_empty() {
                self.caches.clear();
            } else {
                self.caches.extend(caches);
            }
        }
    }

    /// The caches of which the others are to know, and the version that this is.
    #[must_use]
    pub fn now(&self) -> (u64, &BTreeSet<CacheId>) {
        (self.version, &self.caches)
    }

    /// Whom of the others it has to be told now. Each is being told then, until [`told`](Self::told) says what came of it.
    pub fn to_tell(&mut self, others: &BTreeSet<MemberId>) -> Vec<MemberId> {
        self.known.retain(|member, _| others.contains(member));
        let untold: Vec<MemberId> = others
            .iter()
            .copied()
            .filter(|member| !self.knows(*member) && !self.asked.contains(member))
            .collect();
        for member in &untold {
            self.known.entry(*member).or_default();
            self.asked.insert(*member);
        }
        untold
    }

    /// One that was being told has answered that it knows this version, or not.
    pub fn told(&mut self, member: MemberId, version: Option<u64>) {
        self.asked.remove(&member);
        if let (Some(version), Some(known)) = (version, self.known.get_mut(&member)) {
            *known = version.max(*known);
        }
    }

    /// Whether all of the others know it.
    #[must_use]
    pub fn is_known(&self, others: &BTreeSet<MemberId>) -> bool {
        others.iter().all(|member| self.knows(*member))
    }

    /// Whether one of the others knows it.
    #[must_use]
    pub fn is_known_by(&self, member: MemberId) -> bool {
        self.knows(member)
    }

    /// Whether nobody knows anything, nor has to.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.caches.is_empty() && self.known.values().all(|known| *known >= self.version)
    }

    fn knows(&self, member: MemberId) -> bool {
        let known = self.known.get(&member);
        known.map_or(self.caches.is_empty(), |known| *known >= self.version)
    }
}

/// What one member was told of the [`Notice`]s of others.
#[derive(Debug, Default)]
pub struct Gaps {
    /// By who told it and whom it is about: the version, and the caches.
    told: BTreeMap<(MemberId, MemberId), (u64, BTreeSet<CacheId>)>,
}

impl Gaps {
    /// One member tells what another may never hear of.
    pub fn note(
        &mut self,
        (from, about): (MemberId, MemberId),
        version: u64,
        caches: impl IntoIterator<Item = CacheId>,
    ) {
        let known = self.told.entry((from, about)).or_default();
        if version > known.0 {
            *known = (version, caches.into_iter().collect());
        }
    }

    /// Whom the others may still have to tell, and of which caches. Who goes on in place of one of them as the primary of a
    /// partition tells it too, ahead of what it makes itself: what comes from the other may come after that.
    #[must_use]
    pub fn open(&self) -> BTreeMap<MemberId, BTreeSet<CacheId>> {
        let mut open: BTreeMap<MemberId, BTreeSet<CacheId>> = BTreeMap::new();
        for ((_, about), (_, caches)) in &self.told {
            if !caches.is_empty() {
                open.entry(*about).or_default().extend(caches);
            }
        }
        open
    }

    /// A member is none any more. Gives whom it would have had to tell, and of which caches: it is to be told by this one
    /// now.
    #[must_use]
    pub fn gone(&mut self, member: MemberId) -> Vec<(MemberId, BTreeSet<CacheId>)> {
        let mut left = Vec::new();
        self.told.retain(|(from, about), (_, caches)| {
            if *from == member && *about != member && !caches.is_empty() {
                left.push((*about, std::mem::take(caches)));
            }
            *from != member && *about != member
        });
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(numbers: &[u64]) -> BTreeSet<MemberId> {
        numbers.iter().copied().map(MemberId::new).collect()
    }

    fn caches(numbers: &[u32]) -> BTreeSet<CacheId> {
        numbers.iter().copied().map(CacheId::new).collect()
    }

    #[test]
    fn all_others_have_to_know_or_be_gone() {
        let mut notice = Notice::default();
        let mut others = members(&[2, 3]);
        assert!(notice.is_known(&others) && notice.to_tell(&others).is_empty());
        notice.set(caches(&[7]));
        assert_eq!(notice.to_tell(&others), Vec::from_iter(others.clone()));
        assert!(notice.to_tell(&others).is_empty(), "they are being told");
        let (version, of) = notice.now();
        assert_eq!(of, &caches(&[7]));
        notice.told(MemberId::new(2), Some(version));
        notice.told(MemberId::new(3), None);
        assert!(!notice.is_known(&others));
        assert_eq!(notice.to_tell(&others), [MemberId::new(3)], "it did not answer");
        others = members(&[2]);
        assert!(notice.is_known(&others), "the other one is gone");
        others = members(&[2, 4]);
        assert!(!notice.is_known(&others), "one that came meanwhile knows nothing");
        assert!(notice.is_known_by(MemberId::new(2)) && !notice.is_known_by(MemberId::new(4)));
        assert_eq!(notice.to_tell(&others), [MemberId::new(4)]);
    }

    #[test]
    fn it_grows_until_all_is_heard_of_and_then_is_taken_back() {
        let mut notice = Notice::default();
        let others = members(&[2]);
        let tell = |notice: &mut Notice| {
            let told = notice.to_tell(&others);
            let version = notice.now().0;
            told.iter().for_each(|member| notice.told(*member, Some(version)));
            told.len()
        };
        notice.set(caches(&[7]));
        assert_eq!(tell(&mut notice), 1);
        notice.set(caches(&[7]));
        assert!(notice.is_known(&others));
        notice.set(caches(&[8]));
        assert_eq!(notice.now().1, &caches(&[7, 8]));
        assert!(!notice.is_known(&others) && tell(&mut notice) == 1);
        notice.set(caches(&[7]));
        assert!(notice.is_known(&others) && !notice.is_over());
        notice.set(caches(&[]));
        assert!(notice.now().1.is_empty() && !notice.is_over());
        assert_eq!(tell(&mut notice), 1);
        assert!(notice.is_over());
        assert!(
            notice.to_tell(&members(&[2, 3])).is_empty(),
            "there is nothing to tell"
        );
    }

    #[test]
    fn who_was_told_goes_on_for_a_member_that_is_gone() {
        let mut gaps = Gaps::default();
        let ids = [1, 2, 3].map(MemberId::new);
        gaps.note((ids[0], ids[2]), 2, caches(&[7, 8]));
        gaps.note((ids[0], ids[2]), 1, caches(&[7]));
        gaps.note((ids[0], ids[1]), 1, caches(&[9]));
        gaps.note((ids[1], ids[2]), 1, caches(&[9]));
        gaps.note((ids[1], ids[2]), 2, caches(&[]));
        assert_eq!(
            gaps.open(),
            [(ids[2], caches(&[7, 8])), (ids[1], caches(&[9]))].into()
        );
        assert!(gaps.gone(ids[1]).is_empty(), "all was heard of");
        assert_eq!(gaps.open(), [(ids[2], caches(&[7, 8]))].into());
        assert_eq!(gaps.gone(ids[0]), [(ids[2], caches(&[7, 8]))]);
        assert!(gaps.gone(ids[0]).is_empty() && gaps.told.is_empty());
    }
}
