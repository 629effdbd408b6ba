//! What becomes of a partition whose members go, and come back.

use std::collections::BTreeSet;

use crate::membership::MemberId;

use super::{Assignment, LastCopy};

impl Assignment {
    /// Takes members out that are gone, all at once.
    ///
    /// The replicas that stay go on. When the primary is among the removed, the surviving backup with the smallest
    /// `load` takes its place (the first of several), so `load` best counts the primaries that each has by now.
    ///
    /// When no replica survives, nobody has the partition from then on. The removed replicas may come back unless
    /// they are `proven` dead, and are kept as the last copies ([`restore`](Self::restore)); when they are dead, the
    /// partition is lost. The same goes for last copies of members that are found dead only later.
    ///
    /// Returns whether anything was changed. The epoch grows by one when the primary or the backups were.
    pub fn remove_members<L: Ord>(
        &mut self,
        removed: &BTreeSet<MemberId>,
        proven: bool,
        load: impl Fn(MemberId) -> L,
    ) -> bool {
        let copies_before = self.joining.len() + self.last.len();
        self.joining.retain(|member| !removed.contains(member));
        if proven && !self.last.is_empty() {
            self.last.retain(|copy| !removed.contains(&copy.member));
            self.lost = self.last.is_empty();
        }
        let replicas_change = self.replicas().any(|replica| removed.contains(&replica));
        if replicas_change {
            self.remove_replicas(removed, proven, load);
        }
        replicas_change || copies_before != self.joining.len() + self.last.len()
    }

    fn remove_replicas<L: Ord>(
        &mut self,
        removed: &BTreeSet<MemberId>,
        proven: bool,
        load: impl Fn(MemberId) -> L,
    ) {
        let agreed = self.epoch;
        let gone: Vec<MemberId> = self
            .replicas()
            .filter(|replica| removed.contains(replica))
            .collect();
        self.epoch = agreed.next();
        self.backups.retain(|backup| !removed.contains(backup));
        if self.primary.is_some_and(|primary| !removed.contains(&primary)) {
            return;
        }
        // `min_by_key` gives the first of equals.
        self.primary = self.backups.iter().copied().min_by_key(|backup| load(*backup));
        self.backups.retain(|backup| Some(*backup) != self.primary);
        if self.primary.is_none() {
            // There is nobody left to copy from.
            self.joining.clear();
            self.lost = proven;
            if !proven {
                self.last = gone
                    .into_iter()
                    .map(|member| LastCopy {
                        member,
                        epoch: agreed,
                    })
                    .collect();
            }
        }
    }

    /// The holder of a last copy came back as `now`: it becomes the only replica, and the partition is served again.
    /// Of several last copies, which are all the same, the first to come back is taken.
    ///
    /// Returns whether the partition was waiting for this copy; otherwise nothing is changed.
    pub fn restore(&mut self, before: MemberId, now: MemberId) -> bool {
        if self.primary.is_some() || !self.last.iter().any(|copy| copy.member == before) {
            return false;
        }
        self.primary = Some(now);
        self.last.clear();
        self.epoch = self.epoch.next();
        true
    }

    /// Gives up the entries of a partition that is lost, or whose last copies are out of reach: it can be placed
    /// again, empty. A last copy that comes back later is too late: the epoch has grown.
    ///
    /// Returns whether there was a loss to accept; otherwise nothing is changed.
    pub fn accept_loss(&mut self) -> bool {
        if !self.is_missing() {
            return false;
        }
        self.last.clear();
        self.lost = false;
        self.epoch = self.epoch.next();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::table::{Epoch, StepChange, StepRefused};

    const A: MemberId = MemberId::new(1);
    const B: MemberId = MemberId::new(2);
    const C: MemberId = MemberId::new(3);
    const D: MemberId = MemberId::new(4);

    fn held(primary: MemberId, backups: &[MemberId], joining: &[MemberId]) -> Assignment {
        Assignment {
            epoch: Epoch::new(7),
            primary: Some(primary),
            backups: backups.to_vec(),
            joining: joining.to_vec(),
            ..Assignment::default()
        }
    }

    fn remove(assignment: &mut Assignment, removed: &[MemberId], proven: bool) -> bool {
        assignment.remove_members(&removed.iter().copied().collect(), proven, |_| 0)
    }

    #[test]
    fn members_that_hold_nothing_change_nothing() {
        let before = held(A, &[B], &[C]);
        let mut after = before.clone();
        assert!(!remove(&mut after, &[D], true));
        assert_eq!(after, before);
    }

    #[test]
    fn a_copy_under_way_ends_without_a_new_epoch() {
        let mut assignment = held(A, &[B], &[C, D]);
        assert!(remove(&mut assignment, &[C], false));
        assert_eq!(assignment, held(A, &[B], &[D]));
    }

    #[test]
    fn a_lost_backup_makes_one_new_epoch() {
        let mut assignment = held(A, &[B, C, D], &[]);
        assert!(remove(&mut assignment, &[B, D], true));
        assert_eq!((assignment.primary, assignment.epoch), (Some(A), Epoch::new(8)));
        assert_eq!(assignment.backups, [C]);
    }

    #[test]
    fn the_backup_with_the_fewest_primaries_takes_over() {
        let mut assignment = held(A, &[B, C, D], &[]);
        let load = |member| if member == B { 5 } else { 3 };
        assert!(assignment.remove_members(&BTreeSet::from([A]), false, load));
        assert_eq!((assignment.primary, assignment.epoch), (Some(C), Epoch::new(8)));
        assert_eq!(assignment.backups, [B, D]);
        assert!(assignment.last.is_empty() && !assignment.lost);
    }

    #[test]
    fn only_survivors_take_over_when_several_go_at_once() {
        let mut assignment = held(A, &[B, C], &[D]);
        assert!(remove(&mut assignment, &[A, B], true));
        assert_eq!(
            (assignment.primary, assignment.backups.as_slice()),
            (Some(C), [].as_slice())
        );
        assert_eq!(assignment.joining, [D]);
        assert_eq!(assignment.epoch, Epoch::new(8));
    }

    #[test]
    fn the_last_copies_of_silent_members_are_remembered_and_bring_the_partition_back() {
        let mut assignment = held(A, &[B], &[C]);
        assert!(remove(&mut assignment, &[A, B], false));
        let last = [A, B].map(|member| LastCopy {
            member,
            epoch: Epoch::new(7),
        });
        assert_eq!(assignment.last, last);
        assert_eq!(
            (assignment.primary, assignment.lost, assignment.epoch),
            (None, false, Epoch::new(8))
        );
        assert!(assignment.joining.is_empty() && !assignment.is_free());

        assert!(!assignment.restore(C, D), "C never had a complete copy");
        assert!(assignment.restore(B, D));
        assert_eq!((assignment.primary, assignment.epoch), (Some(D), Epoch::new(9)));
        assert!(assignment.last.is_empty() && assignment.backups.is_empty());
        assert!(!assignment.restore(A, C), "A's copy is old by now");
    }

    #[test]
    fn without_any_copy_the_partition_is_lost_until_someone_accepts_it() {
        let mut assignment = held(A, &[B], &[]);
        assert!(remove(&mut assignment, &[A, B], true));
        assert!(assignment.lost && assignment.last.is_empty() && !assignment.is_free());
        let place = StepChange::Place {
            primary: C,
            backups: vec![D],
        };
        assert_eq!(assignment.make(Epoch::new(8), &place), Err(StepRefused::NotNew));

        assert!(assignment.accept_loss());
        assert!(!assignment.accept_loss());
        assert_eq!(assignment.epoch, Epoch::new(9));
        assert_eq!(assignment.make(Epoch::new(9), &place), Ok(()));
        assert_eq!((assignment.primary, assignment.epoch), (Some(C), Epoch::new(10)));
        assert_eq!(assignment.placed, Epoch::new(10), "older copies are of no use");
        assert_eq!(assignment.make(Epoch::new(10), &place), Err(StepRefused::NotNew));
    }

    #[test]
    fn last_copies_that_are_found_dead_are_lost_when_none_is_left() {
        let mut assignment = held(A, &[B], &[]);
        remove(&mut assignment, &[A, B], false);
        assert!(remove(&mut assignment, &[A], true));
        assert!(!assignment.lost);
        assert!(!assignment.clone().restore(A, C));
        assert!(remove(&mut assignment, &[B], true));
        assert!(assignment.lost);
        assert_eq!(assignment.epoch, Epoch::new(8));
    }

    #[test]
    fn a_loss_out_of_reach_can_be_accepted_too() {
        let mut assignment = held(A, &[], &[]);
        remove(&mut assignment, &[A], false);
        assert!(assignment.accept_loss());
        assert!(assignment.is_free() && !assignment.restore(A, B));
    }

    #[test]
    fn a_served_or_new_partition_has_no_loss_to_accept() {
        assert!(!held(A, &[], &[]).accept_loss());
        assert!(!Assignment::default().accept_loss());
        assert!(!remove(&mut Assignment::default(), &[A], true));
    }

    #[test]
    fn nobody_is_placed_twice() {
        for backups in [vec![A], vec![B, B]] {
            let mut assignment = Assignment::default();
            let place = StepChange::Place { primary: A, backups };
            assert!(matches!(
                assignment.make(Epoch::ZERO, &place),
                Err(StepRefused::Member(_))
            ));
            assert!(assignment.is_free() && assignment.epoch == Epoch::ZERO);
        }
    }
}
