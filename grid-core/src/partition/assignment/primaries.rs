//! Who should be primary.

use crate::partition::table::Assignment;

use super::plan::is_planned;
use super::ring::Ring;
use super::share::shares;
use super::takers::Takers;

/// The taker that should be primary of each partition; `None` where nothing is planned.
pub(super) fn primaries(
    assignments: &[Assignment],
    takers: &Takers<'_>,
    ring: &mut Ring,
) -> Vec<Option<usize>> {
    let mut giving = Giving::new(assignments, takers);
    giving.promote_backups();
    giving.follow_joining(assignments, takers);
    giving.by_ring(ring);
    giving.result()
}

/// Partitions on the way from members above their share to those below it.
struct Giving {
    /// By partition: the taker that is primary now.
    now: Vec<Option<usize>>,
    /// By partition: the taker that it is given to.
    given: Vec<Option<usize>>,
    /// By partition: the takers that have a backup.
    backups: Vec<Vec<usize>>,
    /// Partitions that are to be given to someone.
    orphans: Vec<usize>,
    /// By taker: the partitions that it is primary of now.
    held: Vec<Vec<usize>>,
    /// By taker: how many partitions it has still to give up.
    excess: Vec<usize>,
    /// By taker: how many more it can take.
    room: Vec<usize>,
}

/// What one search for a place has been through.
struct Seen {
    to: Vec<bool>,
    from: Vec<bool>,
}

impl Giving {
    fn new(assignments: &[Assignment], takers: &Takers<'_>) -> Self {
        let mut held = vec![Vec::new(); takers.len()];
        let mut now = vec![None; assignments.len()];
        let mut orphans = Vec::new();
        let mut total = 0;
        for (partition, assignment) in assignments.iter().enumerate() {
            if !is_planned(assignment) {
                continue;
            }
            total += 1;
            now[partition] = assignment.primary.and_then(|primary| takers.number_of(primary));
            match now[partition] {
                Some(primary) => held[primary].push(partition),
                None => orphans.push(partition),
            }
        }
        let counts: Vec<usize> = held.iter().map(Vec::len).collect();
        let shares = shares(takers.weights(), &counts, total);
        let number_of = |member| takers.number_of(member);
        Giving {
            now,
            given: vec![None; assignments.len()],
            backups: assignments
                .iter()
                .map(|assignment| assignment.backups.iter().copied().filter_map(number_of).collect())
                .collect(),
            orphans,
            held,
            excess: counts
                .iter()
                .zip(&shares)
                .map(|(count, share)| count.saturating_sub(*share))
                .collect(),
            room: counts
                .iter()
                .zip(&shares)
                .map(|(count, share)| share.saturating_sub(*count))
                .collect(),
        }
    }

    /// As many as can be to members that have a backup: nothing needs to be copied. A maximum matching by
    /// augmenting paths.
    fn promote_backups(&mut self) {
        for orphan in self.orphans.clone() {
            let mut seen = self.nothing_seen();
            self.promote(orphan, &mut seen);
        }
        for giver in 0..self.held.len() {
            while self.excess[giver] > 0 {
                let mut seen = self.nothing_seen();
                if !self.promote_one_of(giver, &mut seen) {
                    break;
                }
                self.excess[giver] -= 1;
            }
        }
    }

    fn nothing_seen(&self) -> Seen {
        Seen {
            to: vec![false; self.room.len()],
            from: vec![false; self.room.len()],
        }
    }

    /// Finds a partition of this primary that one of its backups can take.
    fn promote_one_of(&mut self, giver: usize, seen: &mut Seen) -> bool {
        seen.from[giver] = true;
        for at in 0..self.held[giver].len() {
            let partition = self.held[giver][at];
            if self.given[partition].is_none() && self.promote(partition, seen) {
                return true;
            }
        }
        false
    }

    /// Gives the partition to one of its backups, if need be by giving another partition, which that backup was to
    /// take, to another of its backups, or leaving it and giving another one of the same primary instead.
    fn promote(&mut self, partition: usize, seen: &mut Seen) -> bool {
        for at in 0..self.backups[partition].len() {
            let backup = self.backups[partition][at];
            if std::mem::replace(&mut seen.to[backup], true) {
                continue;
            }
            if self.room[backup] > 0 {
                self.room[backup] -= 1;
                self.given[partition] = Some(backup);
                return true;
            }
            let rivals: Vec<usize> = (0..self.given.len())
                .filter(|rival| self.given[*rival] == Some(backup))
                .collect();
            for rival in rivals {
                // `promote` overwrites to whom the rival is given when it finds a place.
                let moved = self.promote(rival, seen);
                let replaced = !moved
                    && self.now[rival]
                        .is_some_and(|giver| !seen.from[giver] && self.promote_one_of(giver, seen));
                if replaced {
                    self.given[rival] = None;
                }
                if moved || replaced {
                    self.given[partition] = Some(backup);
                    return true;
                }
            }
        }
        false
    }

    /// To members that are getting a copy already, so that what is under way is not given up.
    fn follow_joining(&mut self, assignments: &[Assignment], takers: &Takers<'_>) {
        for (partition, assignment) in assignments.iter().enumerate() {
            if !self.is_to_give(partition) {
                continue;
            }
            let joining = assignment.joining.iter();
            let place = joining
                .filter_map(|member| takers.number_of(*member))
                .find(|taker| self.room[*taker] > 0);
            if let Some(taker) = place {
                self.give(partition, taker);
            }
        }
    }

    /// The rest to the first with room on the partition's way around the ring; from one that has several to choose
    /// from, those partitions that find room soonest.
    fn by_ring(&mut self, ring: &mut Ring) {
        for orphan in self.orphans.clone() {
            let place = ring
                .order(orphan)
                .iter()
                .copied()
                .find(|taker| self.room[*taker] > 0);
            if let Some(taker) = place.filter(|_| self.given[orphan].is_none()) {
                self.give(orphan, taker);
            }
        }
        for giver in 0..self.held.len() {
            for rank in 0..self.room.len() {
                for at in 0..self.held[giver].len() {
                    if self.excess[giver] == 0 {
                        break;
                    }
                    let partition = self.held[giver][at];
                    let taker = ring.order(partition)[rank];
                    if self.given[partition].is_none() && self.room[taker] > 0 {
                        self.give(partition, taker);
                    }
                }
            }
        }
    }

    fn is_to_give(&self, partition: usize) -> bool {
        self.given[partition].is_none()
            && match self.now[partition] {
                Some(giver) => self.excess[giver] > 0,
                None => self.orphans.binary_search(&partition).is_ok(),
            }
    }

    fn give(&mut self, partition: usize, taker: usize) {
        self.given[partition] = Some(taker);
        self.room[taker] -= 1;
        if let Some(giver) = self.now[partition] {
            self.excess[giver] -= 1;
        }
    }

    fn result(self) -> Vec<Option<usize>> {
        self.given
            .iter()
            .zip(&self.now)
            .map(|(given, now)| given.or(*now))
            .collect()
    }
}
