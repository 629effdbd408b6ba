//! One member's copy of one partition.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::membership::MemberId;
use crate::partition::table::{Assignment, Epoch, StepChange};
use crate::store::{CacheId, ChangeKind, Partition, Timestamp};

use super::follower::Follower;
use super::joining::CopyIn;
use super::log::Log;
use super::primary::{HandingOver, PROPOSE_AGAIN, Primary};
use super::{CopyId, Effect, Effects, Failure, PlantedBug, Position, Record, ReplicaSettings, RequestWindow};

/// What a member's copy of a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleKind {
    /// There is no copy.
    Nothing,
    /// It orders the writes.
    Primary,
    /// It has every acknowledged write.
    Backup,
    /// It is being filled.
    Joining,
    /// It was complete when the member was cut off, and is kept until a newer one is known to live.
    Kept,
    /// It should have been complete, and is not: it serves nothing, and is to be replaced.
    Broken,
}

#[derive(Debug)]
pub(super) enum Role<T> {
    Nothing,
    Primary(Primary<T>),
    Backup,
    Joining(Option<CopyIn>),
    Kept,
    Broken(Broken),
}

/// A copy that should be complete, and is not.
#[derive(Debug, Default)]
pub(super) struct Broken {
    /// When it was made the primary: who else has every acknowledged write, and can serve.
    heirs: Vec<MemberId>,
    proposed_at: Option<Duration>,
}

/// One member's copy of one partition: entries, the end of the log, the outcomes of requests, and its role.
///
/// `T` stands for whoever waits for a write or a read: the caller gives it and gets it back with the answer. See the
/// [module](crate::replication) for the protocol and what always holds.
#[derive(Debug)]
pub struct Replica<T> {
    pub(super) me: MemberId,
    pub(super) settings: ReplicaSettings,
    pub(super) store: Partition,
    pub(super) window: RequestWindow,
    pub(super) epoch: Epoch,
    /// The epoch in which the partition began empty, of which this is a copy.
    pub(super) placed: Epoch,
    /// The epoch whose primary the log agrees with.
    pub(super) log_epoch: Epoch,
    /// Who orders the writes, as far as this member knows.
    pub(super) primary: Option<MemberId>,
    /// At a primary: what is not acknowledged by all. Elsewhere: what is not known to be, and not in the store.
    pub(super) log: Log,
    pub(super) role: Role<T>,
    pub(super) copies: u64,
    /// The epoch of the last replica set that it was in, when it keeps its copy.
    kept_epoch: Epoch,
}

impl<T> Replica<T> {
    /// No copy yet.
    #[must_use]
    pub fn new(me: MemberId, settings: ReplicaSettings) -> Self {
        Replica {
            me,
            settings,
            store: Partition::new(),
            window: RequestWindow::default(),
            epoch: Epoch::ZERO,
            placed: Epoch::ZERO,
            log_epoch: Epoch::ZERO,
            primary: None,
            log: Log::default(),
            role: Role::Nothing,
            copies: 0,
            kept_epoch: Epoch::ZERO,
        }
    }

    /// The copy of a partition that belongs to this process alone: it serves at once, without backups.
    #[must_use]
    pub fn alone(me: MemberId, settings: ReplicaSettings) -> Self {
        let mut replica = Replica::new(me, settings);
        replica.primary = Some(me);
        replica.role = Role::Primary(Primary::of(&replica.log));
        replica
    }

    /// Its entries. What is read there may not be acknowledged yet: see [`gate`](Self::gate).
    #[must_use]
    pub fn store(&self) -> &Partition {
        &self.store
    }

    /// The epoch of its replica set, as far as it knows.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The epoch of the replica set in which the copy that it [kept](RoleKind::Kept) was agreed, as far as it knew: what
    /// was agreed after the member was taken out is none of this copy.
    #[must_use]
    pub fn kept_epoch(&self) -> Epoch {
        self.kept_epoch
    }

    /// Its role.
    #[must_use]
    pub fn role(&self) -> RoleKind {
        match &self.role {
            Role::Nothing => RoleKind::Nothing,
            Role::Primary(_) => RoleKind::Primary,
            Role::Backup => RoleKind::Backup,
            Role::Joining(_) => RoleKind::Joining,
            Role::Kept => RoleKind::Kept,
            Role::Broken(_) => RoleKind::Broken,
        }
    }

    /// Who orders the writes, as far as it knows.
    #[must_use]
    pub fn primary(&self) -> Option<MemberId> {
        self.primary
    }

    /// The last record that it has.
    #[must_use]
    pub fn last(&self) -> Position {
        self.log.last()
    }

    /// The last record that it knows to be acknowledged by the whole replica set.
    #[must_use]
    pub fn committed(&self) -> Position {
        match &self.role {
            Role::Primary(primary) => primary.committed,
            _ => self.log.base(),
        }
    }

    /// The outcomes of requests that it keeps.
    #[must_use]
    pub fn window(&self) -> &RequestWindow {
        &self.window
    }

    /// Whether it serves: it is the primary, and not handing over.
    #[must_use]
    pub fn serves(&self) -> bool {
        matches!(&self.role, Role::Primary(primary) if primary.handing_over.is_none())
    }

    /// Takes on the role that was agreed. Assignments must come in the order in which they were agreed; some may be
    /// left out.
    pub fn configure(&mut self, now: Timestamp, at: Duration, assignment: &Assignment, out: &mut Effects<T>) {
        if assignment.epoch < self.epoch {
            // A message of a newer epoch was faster; what was agreed then is on its way.
            return;
        }
        let anew = assignment.epoch > self.epoch;
        self.epoch = assignment.epoch;
        self.primary = assignment.primary;
        if assignment.placed > self.placed {
            // The partition was given up, and began again empty.
            self.give_up_leading(out);
            self.forget();
            self.placed = assignment.placed;
        }
        let me = self.me;
        if assignment.primary == Some(me) {
            self.lead(now, at, assignment, anew, out);
        } else if assignment.backups.contains(&me) {
            self.back_up(out);
        } else if assignment.joining.contains(&me) {
            if !matches!(self.role, Role::Joining(_)) {
                self.give_up_leading(out);
                self.forget();
                self.role = Role::Joining(None);
                if let Some(primary) = self.primary {
                    self.report_to(primary, out);
                }
            }
        } else if let Some(last) = assignment.last.iter().find(|copy| copy.member == me) {
            let was_kept = matches!(self.role, Role::Kept);
            self.fence(now, out);
            if !was_kept {
                self.kept_epoch = last.epoch;
            }
        } else if assignment.primary.is_some() || !matches!(self.role, Role::Kept) {
            // A complete newer copy lives.
            self.give_up_leading(out);
            self.forget();
        }
    }

    /// Stops to serve, and keeps what there is: the member was cut off, and is not part of the cluster any more.
    pub fn fence(&mut self, now: Timestamp, out: &mut Effects<T>) {
        if !matches!(self.role, Role::Kept) {
            self.kept_epoch = self.epoch;
        }
        match &self.role {
            Role::Primary(_) => {
                self.give_up_leading(out);
                // What no backup has acknowledged was not acknowledged to anyone; as a last copy it counts all the same.
                self.log = Log::after(self.log.last());
                self.role = Role::Kept;
            }
            // A copy that was being filled and is whole may have been admitted without knowing it; the control group
            // knows.
            Role::Backup | Role::Joining(Some(CopyIn { whole: true, .. })) => {
                if self.apply_until(now, self.log.last()).is_ok() {
                    self.log = Log::after(self.log.last());
                    self.role = Role::Kept;
                } else {
                    self.break_down();
                }
            }
            Role::Joining(_) => self.forget(),
            Role::Nothing | Role::Kept | Role::Broken(_) => {}
        }
    }

    /// The member came back under another number. The copy that it kept stays.
    pub fn reincarnate(&mut self, me: MemberId) {
        self.me = me;
        self.primary = None;
    }

    fn lead(
        &mut self,
        now: Timestamp,
        at: Duration,
        assignment: &Assignment,
        anew: bool,
        out: &mut Effects<T>,
    ) {
        match &self.role {
            Role::Primary(_) => {}
            Role::Broken(_) => {
                self.role = Role::Broken(Broken {
                    heirs: assignment.backups.clone(),
                    proposed_at: None,
                });
                return;
            }
            // It was complete in the last agreed set, or nobody has served the partition before.
            Role::Kept | Role::Nothing => self.log = Log::after(self.log.last()),
            Role::Joining(copy) if !self.is_whole(copy.as_ref()) => {
                self.break_down();
                return self.lead(now, at, assignment, anew, out);
            }
            Role::Backup | Role::Joining(_) => {
                let known = self.log.base();
                if self.settings.has_bug(PlantedBug::LoseTail) {
                    self.log.cut_after(known);
                    return self.lead_as_it_is(at, assignment, anew, out);
                }
                // Whatever may have been acknowledged is in the log: it counts, and the other backups get it again.
                let Some(records) = self.apply_to_tell(now) else {
                    // There is no room for what was acknowledged: the partition is rather unavailable than wrong.
                    self.break_down();
                    return self.lead(now, at, assignment, anew, out);
                };
                self.log = Log::after(known);
                records.into_iter().for_each(|record| self.log.push(record));
            }
        }
        self.lead_as_it_is(at, assignment, anew, out);
    }

    /// Brings all records into the store, and gives them with the values that were there before each, for those who
    /// listen. `None` when there is no room.
    fn apply_to_tell(&mut self, now: Timestamp) -> Option<VecDeque<Arc<Record>>> {
        let records: Vec<_> = self.log.after_position(self.log.base()).cloned().collect();
        let mut told = VecDeque::with_capacity(records.len());
        for record in records {
            let mut with_old = Record::clone(&record);
            for effect in &mut with_old.effects {
                if let Effect::Change(change) = effect
                    && change.kind != ChangeKind::Insert
                {
                    change.old = self.store.value_at(change.cache, &change.key);
                }
            }
            told.push_back(Arc::new(with_old));
            self.apply_until(now, record.position).ok()?;
        }
        Some(told)
    }

    fn lead_as_it_is(&mut self, at: Duration, assignment: &Assignment, anew: bool, out: &mut Effects<T>) {
        if !matches!(self.role, Role::Primary(_)) {
            self.role = Role::Primary(Primary::of(&self.log));
        }
        self.log_epoch = self.epoch;
        let (me, copies, log) = (self.me, &mut self.copies, &self.log);
        if let Role::Primary(primary) = &mut self.role {
            primary.follow(assignment, log, anew, || {
                *copies += 1;
                CopyId {
                    primary: me,
                    number: *copies,
                }
            });
        }
        self.go_on(at, out);
    }

    /// Whether a copy that was admitted is what it was admitted for. The control group agreed on that, so it is always.
    fn is_whole(&self, copy: Option<&CopyIn>) -> bool {
        copy.is_some_and(|copy| copy.whole) || self.settings.has_bug(PlantedBug::AdmitEarly)
    }

    fn back_up(&mut self, out: &mut Effects<T>) {
        match &self.role {
            Role::Primary(primary) => {
                if primary.waiting.is_empty() || self.settings.has_bug(PlantedBug::LoseTail) {
                    self.give_up_leading(out);
                    self.log = Log::after(self.log.last());
                    self.role = Role::Backup;
                } else {
                    // It was not sealed: its copy may have what the new primary's has not.
                    self.give_up_leading(out);
                    self.break_down();
                }
            }
            Role::Joining(copy) if !self.is_whole(copy.as_ref()) => self.break_down(),
            Role::Joining(_) | Role::Nothing => self.role = Role::Backup,
            Role::Backup | Role::Kept | Role::Broken(_) => {}
        }
    }

    pub(super) fn give_up_leading(&mut self, out: &mut Effects<T>) {
        if let Role::Primary(primary) = &mut self.role {
            primary.give_up(out);
        }
    }

    pub(super) fn next_copy(&mut self) -> CopyId {
        self.copies += 1;
        CopyId {
            primary: self.me,
            number: self.copies,
        }
    }

    /// Forgets a copy that should be complete and can't be.
    pub(super) fn break_down(&mut self) {
        self.forget();
        self.role = Role::Broken(Broken::default());
    }

    /// Forgets the copy.
    pub(super) fn forget(&mut self) {
        self.store = Partition::new();
        self.window = RequestWindow::default();
        self.log = Log::default();
        self.log_epoch = Epoch::ZERO;
        self.role = Role::Nothing;
    }

    /// Begins to hand the partition over to one of its backups: from now on it serves nothing, until the epoch
    /// changes or [`unseal`](Self::unseal) is called. The change is proposed when the backup has everything.
    pub fn seal(&mut self, at: Duration, to: MemberId, out: &mut Effects<T>) {
        if let Role::Primary(primary) = &mut self.role
            && primary.handing_over.is_none()
            && primary
                .followers
                .iter()
                .any(|follower| follower.member == to && follower.counts && follower.copy.is_none())
        {
            primary.handing_over = Some(HandingOver {
                to,
                proposed_at: None,
            });
            self.tick(at, out);
        }
    }

    /// Serves again, after a hand-over is known to have been refused.
    pub fn unseal(&mut self) {
        if let Role::Primary(primary) = &mut self.role {
            primary.handing_over = None;
        }
    }

    /// To whom the partition is being handed over.
    #[must_use]
    pub fn sealed_for(&self) -> Option<MemberId> {
        match &self.role {
            Role::Primary(primary) => primary.handing_over.as_ref().map(|over| over.to),
            _ => None,
        }
    }

    /// Whether there is something that [`tick`](Self::tick) may have to do.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match &self.role {
            Role::Primary(primary) => {
                primary.handing_over.is_some()
                    || primary.followers.iter().any(|follower| {
                        follower.copy.is_some()
                            || follower.sent.is_none()
                            || follower.told < primary.committed
                            || follower.acked < self.log.last()
                    })
            }
            Role::Broken(broken) => !broken.heirs.is_empty(),
            _ => false,
        }
    }

    /// Does what time asks for: tells followers what is acknowledged, gives up those that do not answer, proposes
    /// again. To be called every 10 ms or so while it [is busy](Self::is_busy).
    pub fn tick(&mut self, at: Duration, out: &mut Effects<T>) {
        self.copy_stalled_again(at);
        if let Role::Primary(primary) = &mut self.role {
            primary.advance(&mut self.log, &self.settings, out);
            primary.flush(
                at,
                (self.epoch, self.placed),
                &self.log,
                (true, self.settings.append_bytes.get()),
                out,
            );
            primary.propose(at, &self.log, &self.settings, out);
        }
        if let Role::Broken(broken) = &mut self.role
            && let Some(heir) = broken.heirs.first()
            && broken
                .proposed_at
                .is_none_or(|proposed| at.saturating_sub(proposed) >= PROPOSE_AGAIN)
        {
            broken.proposed_at = Some(at);
            out.proposals.push(StepChange::HandOver(*heir));
        }
    }

    /// Forgets the outcomes of requests that nobody can ask for any more.
    pub fn forget_outcomes(&mut self, now: Timestamp) {
        self.window.forget_until(now);
    }

    /// A connection to this member began: whatever was sent on one before may not have arrived.
    pub fn connected(&mut self, at: Duration, member: MemberId, out: &mut Effects<T>) {
        if let Role::Primary(primary) = &mut self.role
            && let Some(follower) = primary.follower(member)
        {
            follower.sent = None;
            follower.hold_until = None;
            if let Some(copy) = &mut follower.copy {
                copy.resend();
            }
            self.go_on(at, out);
        }
    }

    pub(super) fn go_on(&mut self, at: Duration, out: &mut Effects<T>) {
        if let Role::Primary(primary) = &mut self.role {
            primary.advance(&mut self.log, &self.settings, out);
            primary.flush(
                at,
                (self.epoch, self.placed),
                &self.log,
                (false, self.settings.append_bytes.get()),
                out,
            );
            primary.propose(at, &self.log, &self.settings, out);
        }
    }

    /// The records in the log that touch this entry and are not acknowledged: what is read there may be shown when the
    /// record is. `None`: it may be shown at once.
    ///
    /// # Errors
    /// When the member does not serve the partition.
    pub fn gate(&self, cache: CacheId, key_hash: u64) -> Result<Option<Position>, Failure> {
        match &self.role {
            Role::Primary(primary) if primary.handing_over.is_none() => {
                if primary.waiting.is_empty() {
                    return Ok(None);
                }
                Ok(primary.touching(cache, key_hash))
            }
            _ => Err(Failure::NotPrimary),
        }
    }

    /// As [`gate`](Self::gate), for what is read of many entries.
    ///
    /// # Errors
    /// When the member does not serve the partition.
    pub fn gate_all(&self) -> Result<Option<Position>, Failure> {
        match &self.role {
            Role::Primary(primary) if primary.handing_over.is_none() => {
                Ok((!primary.waiting.is_empty()).then(|| self.log.last()))
            }
            _ => Err(Failure::NotPrimary),
        }
    }

    /// The epoch in which the partition began empty. The numbers of changes begin anew with it.
    #[must_use]
    pub fn placed(&self) -> Epoch {
        self.placed
    }

    /// Listeners at other members have heard of everything before this record; of all that was told, if `None`. To be
    /// said after each change that told of something, and again when more was heard of: what was told and not heard of
    /// keeps followers from [forgetting it](super#listeners).
    pub fn heard_before(&mut self, record: Option<Position>) {
        if let Role::Primary(primary) = &mut self.role {
            primary.unheard_from = record;
        }
    }

    /// Waits until a record is acknowledged by all. Gives the token back when it is already.
    pub fn wait(&mut self, position: Position, token: T) -> Option<T> {
        match &mut self.role {
            Role::Primary(primary) => primary.wait(position, token),
            _ => Some(token),
        }
    }

    /// The members that follow this primary with a copy on the way, and how far it is.
    pub fn copies_out(&self) -> impl Iterator<Item = MemberId> + '_ {
        let followers: &[Follower] = match &self.role {
            Role::Primary(primary) => &primary.followers,
            _ => &[],
        };
        followers
            .iter()
            .filter(|follower| follower.copy.is_some())
            .map(|follower| follower.member)
    }
}
