//! The leader's side: which grants may still be in use.

use std::collections::BTreeMap;

use super::LeaseSettings;
use crate::membership::{MemberId, Moment};

/// The grants of one leader in one term; made anew at each election.
///
/// Grant only after a majority of the voters confirmed the leadership, asked after the request had come; and note the
/// grant *before* it is sent. Kept by the leader for itself too.
#[derive(Clone, Debug)]
pub struct LeaseBook {
    settings: LeaseSettings,
    /// Until when grants of earlier leaders may be in use.
    earlier_until: Moment,
    until: BTreeMap<MemberId, Moment>,
}

impl LeaseBook {
    /// The book of a leader that was elected at this moment.
    #[must_use]
    pub fn new(settings: LeaseSettings, elected_at: Moment) -> Self {
        LeaseBook {
            settings,
            earlier_until: elected_at.after(settings.waited()),
            until: BTreeMap::new(),
        }
    }

    /// Notes a grant that is about to be sent. Members that the control group has removed must not be granted any.
    pub fn granted(&mut self, member: MemberId, now: Moment) {
        let until = self.until.entry(member).or_default();
        *until = (*until).max(now.after(self.settings.waited()));
    }

    /// Forgets a member that has been removed and whose grants have ended.
    pub fn forget_ended(&mut self, now: Moment) {
        self.until.retain(|_, until| *until > now);
    }

    /// The moment from which on a member that is granted nothing more serves no longer, dead or not.
    #[must_use]
    pub fn safe_at(&self, member: MemberId) -> Moment {
        self.until
            .get(&member)
            .map_or(self.earlier_until, |until| self.earlier_until.max(*until))
    }

    /// Whether what a removed member served can be given to others: it holds no lease that could still run. A member
    /// whose death is proven (`Remove` with `proven`) needs no such wait.
    #[must_use]
    pub fn safe_to_take(&self, member: MemberId, now: Moment) -> bool {
        now >= self.safe_at(member)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const MEMBER: MemberId = MemberId::new(3);

    fn at(ms: u64) -> Moment {
        Moment::BOOT.after(Duration::from_millis(ms))
    }

    #[test]
    fn a_new_leader_takes_from_nobody_at_first() {
        let book = LeaseBook::new(LeaseSettings::default(), at(1_000));
        assert!(!book.safe_to_take(MEMBER, at(3_199)));
        assert!(book.safe_to_take(MEMBER, at(3_200)));
    }

    #[test]
    fn the_last_grant_counts() {
        let mut book = LeaseBook::new(LeaseSettings::default(), at(0));
        book.granted(MEMBER, at(5_000));
        book.granted(MEMBER, at(4_000));
        assert_eq!(book.safe_at(MEMBER), at(7_200));
        book.forget_ended(at(7_199));
        assert!(!book.safe_to_take(MEMBER, at(7_199)));
        book.forget_ended(at(7_200));
        assert!(book.safe_to_take(MEMBER, at(7_200)));
    }
}
