//! The replicas of one service at this member, each behind its lock.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use grid_core::membership::MemberId;
use grid_core::partition::table::{Assignment, Epoch, ServiceId};
use grid_core::partition::{PartitionCount, PartitionId};
use grid_core::replication::{
    Answer, Effects, Failure, Message, Position, Replica, ReplicaSettings, RoleKind,
};
use grid_core::store::{Partition, Sequence, Timestamp};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::clock::Clock;

use super::{Awaited, Outlet, Waiter};

/// No entry has a time to live.
const NO_DEADLINE: u64 = u64::MAX;

struct Slot {
    replica: RwLock<Replica<Waiter>>,
    /// When the partition next has something to expire, in milliseconds since the Unix epoch. Written only under the
    /// lock; read without it, so that looking for work costs nothing.
    next_deadline_ms: AtomicU64,
    /// The last change that listeners at this member were told of, by whichever primary: the epoch in which the partition
    /// began empty, and the number. Held while they are told, so that no two changes are told side by side.
    told: Mutex<(Epoch, Sequence)>,
    /// What other members have to hear of, with the record before which all was heard of once they have. Locked only
    /// with the replica.
    unheard: Mutex<VecDeque<(Position, Awaited)>>,
    /// Whether the replica waits for something that time may bring. Written under the lock, read without it.
    busy: AtomicBool,
}

impl Slot {
    /// Notes, under the lock, what is looked at without it.
    fn note(&self, replica: &Replica<Waiter>) {
        let serves = replica.serves();
        let next = replica.store().next_deadline().filter(|_deadline| serves);
        self.next_deadline_ms
            .store(next.map_or(NO_DEADLINE, Timestamp::as_unix_ms), Ordering::Relaxed);
        self.busy.store(replica.is_busy(), Ordering::Relaxed);
    }
}

impl Slot {
    /// Tells listeners of what was changed.
    fn tell(
        &self,
        outlet: &dyn Outlet,
        place: (ServiceId, PartitionId, Epoch),
        replica: &mut Replica<Waiter>,
        out: &Effects<Waiter>,
    ) {
        let mut awaited = Vec::new();
        let mut last = BTreeMap::new();
        for effect in &out.events {
            let mut told = self.told.lock();
            let number = (place.2, effect.sequence());
            let here = number > *told;
            if here {
                *told = number;
            }
            outlet.publish(place, effect, here, &mut awaited);
            // Whoever has heard of the last has heard of those before.
            last.extend(awaited.drain(..).map(|awaited| (awaited.member, awaited)));
        }
        let from = out.told_from.unwrap_or(replica.committed());
        let mut unheard = self.unheard.lock();
        unheard.extend(last.into_values().map(|awaited| (from, awaited)));
        replica.heard_before(unheard.front().map(|(from, _)| *from));
    }

    /// Looks what other members have heard of.
    fn hear(&self, outlet: &dyn Outlet, replica: &mut Replica<Waiter>) {
        let mut unheard = self.unheard.lock();
        while unheard
            .front()
            .is_some_and(|(_, awaited)| outlet.is_heard(*awaited))
        {
            unheard.pop_front();
        }
        replica.heard_before(unheard.front().map(|(from, _)| *from));
    }
}

/// What came of reading at this member.
#[derive(Debug)]
pub enum Tried<T> {
    /// The result.
    Done(T),
    /// The result, to be shown when this record is acknowledged by all.
    Waits(Position, T),
    /// This member does not serve the partition.
    Elsewhere,
}

/// The replicas of one service at this member. A partition is the unit of locking: one write at a time, reads side by
/// side. No guard lives across an await, and nobody holds one partition while it waits for another.
pub struct Replicas {
    service: ServiceId,
    slots: Box<[Slot]>,
    count: PartitionCount,
    clock: Arc<dyn Clock>,
    outlet: OnceLock<Arc<dyn Outlet>>,
}

impl Replicas {
    /// Replicas of partitions that belong to this process alone.
    #[must_use]
    pub fn alone(count: PartitionCount, clock: Arc<dyn Clock>) -> Self {
        let settings = ReplicaSettings::default();
        Self::with(ServiceId::new(0), count, clock, |_| {
            Replica::alone(MemberId::FIRST, settings)
        })
    }

    /// Replicas of a member of a cluster, which has none yet.
    #[must_use]
    pub fn of_member(
        service: ServiceId,
        count: PartitionCount,
        clock: Arc<dyn Clock>,
        me: MemberId,
        settings: ReplicaSettings,
    ) -> Self {
        Self::with(service, count, clock, |_| Replica::new(me, settings))
    }

    fn with(
        service: ServiceId,
        count: PartitionCount,
        clock: Arc<dyn Clock>,
        mut make: impl FnMut(PartitionId) -> Replica<Waiter>,
    ) -> Self {
        let slots = count.all().map(|id| Slot {
            replica: RwLock::new(make(id)),
            next_deadline_ms: AtomicU64::new(NO_DEADLINE),
            told: Mutex::default(),
            unheard: Mutex::default(),
            busy: AtomicBool::new(false),
        });
        Replicas {
            service,
            slots: slots.collect(),
            count,
            clock,
            outlet: OnceLock::new(),
        }
    }

    /// Says where effects go. To be called once, before anything is done.
    pub fn connect(&self, outlet: Arc<dyn Outlet>) {
        // A second outlet would be a mistake of this crate; the first stays.
        let _first_stays = self.outlet.set(outlet);
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> ServiceId {
        self.service
    }

    /// How many partitions there are.
    #[must_use]
    pub fn count(&self) -> PartitionCount {
        self.count
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time since the machine was started.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.clock.uptime()
    }

    /// Locks a partition for reading, whatever this member's role in it is.
    pub fn read(&self, id: PartitionId) -> RwLockReadGuard<'_, Replica<Waiter>> {
        self.slots[id.index()].replica.read()
    }

    /// Whether this member may serve what it is the primary of.
    #[must_use]
    pub fn may_serve(&self) -> bool {
        self.outlet.get().is_none_or(|outlet| outlet.may_serve())
    }

    /// Reads from a partition that this member serves. `gate` says which record the result depends on.
    pub fn try_read<T>(
        &self,
        id: PartitionId,
        gate: impl FnOnce(&Replica<Waiter>) -> Result<Option<Position>, Failure>,
        read: impl FnOnce(&Partition, Timestamp) -> T,
    ) -> Tried<T> {
        let result = {
            let replica = self.read(id);
            match gate(&replica) {
                Ok(None) => Tried::Done(read(replica.store(), self.now())),
                Ok(Some(position)) => Tried::Waits(position, read(replica.store(), self.now())),
                Err(_not_here) => return Tried::Elsewhere,
            }
        };
        // The lease is looked at after the reading: a member that was paused meanwhile must not answer.
        if self.may_serve() {
            result
        } else {
            Tried::Elsewhere
        }
    }

    /// Reads from several partitions side by side, of those that this member serves and whose last changes wait for no backup.
    /// Of each, as far as it came, what was read; `None` of the others. It comes at least to the first, and stops at one that is
    /// being changed.
    ///
    /// `read` is given the partitions with their places in `ids`, and answers for the first so many of them. What it made counts
    /// only if it is given here: a member that finds afterwards that it may not serve gives nothing.
    pub fn try_read_together<T>(
        &self,
        ids: &[PartitionId],
        gate: impl Fn(&Replica<Waiter>) -> Result<Option<Position>, Failure>,
        read: impl FnOnce(&[(usize, &Partition)], Timestamp) -> Vec<T>,
    ) -> Vec<Option<T>> {
        let mut tried = {
            // Taking a lock waits for its memory, and nothing is read meanwhile; looking at one does not.
            let changed = ids
                .iter()
                .filter(|id| self.slots[id.index()].replica.is_locked_exclusive());
            std::hint::black_box(changed.count());
            let mut guards = Vec::with_capacity(ids.len());
            for id in ids {
                // Nobody waits for one partition while it holds another.
                let guard = match guards.is_empty() {
                    true => Some(self.read(*id)),
                    false => self.slots[id.index()].replica.try_read(),
                };
                match guard {
                    Some(guard) => guards.push(guard),
                    None => break,
                }
            }
            let is_settled = |replica: &RwLockReadGuard<'_, _>| matches!(gate(replica), Ok(None));
            let settled: Vec<_> = guards.iter().map(is_settled).collect();
            let served = guards.iter().zip(&settled).enumerate();
            let served = served.filter(|(_, (_, is_settled))| **is_settled);
            let served: Vec<_> = served
                .map(|(place, (replica, _))| (place, replica.store()))
                .collect();
            let mut results = read(&served, self.now()).into_iter();
            let mut tried = Vec::with_capacity(guards.len());
            for is_settled in settled {
                if !is_settled {
                    tried.push(None);
                    continue;
                }
                let Some(result) = results.next() else { break };
                tried.push(Some(result));
            }
            tried
        };
        // As in `try_read`.
        if !self.may_serve() {
            for tried in &mut tried {
                *tried = None;
            }
        }
        tried
    }

    /// Reads from a backup that this member has, whatever its primary has done since. `None` when it has none, or is cut
    /// off: then it does not know whether it still is one.
    pub fn read_backup<T>(
        &self,
        id: PartitionId,
        read: impl FnOnce(&Partition, Timestamp) -> T,
    ) -> Option<T> {
        let result = {
            let replica = self.read(id);
            (replica.role() == RoleKind::Backup).then(|| read(replica.store(), self.now()))
        };
        // As in `try_read`.
        result.filter(|_| self.may_serve())
    }

    /// Waits for a record to be acknowledged by all. Gives the waiter back when it is already, or when it is not known
    /// here any more.
    pub fn wait(&self, id: PartitionId, position: Position, waiter: Waiter) -> Option<Waiter> {
        self.change(id, |replica, _| replica.wait(position, waiter))
    }

    /// Changes a replica, and carries out what follows.
    pub fn change<R>(
        &self,
        id: PartitionId,
        change: impl FnOnce(&mut Replica<Waiter>, &mut Effects<Waiter>) -> R,
    ) -> R {
        let slot = &self.slots[id.index()];
        let mut out = Effects::new();
        let mut replica = slot.replica.write();
        let result = change(&mut replica, &mut out);
        self.pass_on(id, slot, &mut replica, &out);
        slot.note(&replica);
        let epoch = replica.epoch();
        drop(replica);
        for Answer { token, result } in out.answers {
            token.call(result);
        }
        if let Some(outlet) = self.outlet.get() {
            for proposal in out.proposals {
                outlet.propose(self.service, id, epoch, proposal);
            }
        }
        result
    }

    /// Passes on what must be passed on while the partition is locked.
    fn pass_on(&self, id: PartitionId, slot: &Slot, replica: &mut Replica<Waiter>, out: &Effects<Waiter>) {
        if let Some(outlet) = self.outlet.get() {
            if !out.events.is_empty() {
                let place = (self.service, id, replica.placed());
                slot.tell(outlet.as_ref(), place, replica, out);
            }
            for (to, message) in &out.messages {
                outlet.send(*to, self.service, id, message);
            }
        }
    }

    /// Time passes for a replica.
    pub fn tick(&self, at: Duration, id: PartitionId) {
        let slot = &self.slots[id.index()];
        self.change(id, |replica, out| {
            if let Some(outlet) = self.outlet.get() {
                slot.hear(outlet.as_ref(), replica);
            }
            replica.tick(at, out);
        });
    }

    /// Tells the listeners at this member of a change that another member made, unless they were told of it: `tell` does. It is
    /// told whether this is the first change since the partition began anew, while this member knows of what it had before:
    /// entries went then without an event, of which the listeners have to be told first.
    pub fn told_elsewhere(&self, id: PartitionId, change: (Epoch, Sequence), tell: impl FnOnce(bool)) {
        // Read before the lock on what was told is taken, as whoever changes a partition does.
        let known = self.read(id).placed();
        let mut told = self.slots[id.index()].told.lock();
        if change > *told {
            let anew = told.0 < change.0 && known < change.0 && known != Epoch::ZERO;
            *told = change;
            tell(anew);
        }
    }

    /// What listeners were told of in another life does not count: they are told that they missed something.
    pub fn forget_told(&self, id: PartitionId) {
        *self.slots[id.index()].told.lock() = Default::default();
    }

    /// Changes every replica in one step: all of them are locked, in the order of their numbers, until `last` has run.
    /// Nobody else may hold a partition while it waits for another, so this cannot dead-lock.
    ///
    /// # Errors
    /// Those of `check`, which runs when all are locked; nothing was changed then.
    pub fn change_all<E>(
        &self,
        check: impl FnOnce() -> Result<(), E>,
        mut change: impl FnMut(&mut Replica<Waiter>, &mut Effects<Waiter>),
        last: impl FnOnce(),
    ) -> Result<(), E> {
        let mut replicas: Vec<_> = self.slots.iter().map(|slot| slot.replica.write()).collect();
        check()?;
        let mut answers = Vec::new();
        for ((id, slot), replica) in self.count.all().zip(&self.slots).zip(&mut replicas) {
            let mut out = Effects::new();
            change(replica, &mut out);
            self.pass_on(id, slot, replica, &out);
            slot.note(replica);
            answers.append(&mut out.answers);
        }
        last();
        drop(replicas);
        for Answer { token, result } in answers {
            token.call(result);
        }
        Ok(())
    }

    /// Takes a message of another replica.
    pub fn receive(&self, id: PartitionId, from: MemberId, message: Message) {
        let (now, at) = (self.now(), self.uptime());
        self.change(id, |replica, out| replica.receive(now, at, from, message, out));
    }

    /// Takes on the role that was agreed for a partition.
    pub fn configure(&self, id: PartitionId, assignment: &Assignment) {
        let (now, at) = (self.now(), self.uptime());
        self.change(id, |replica, out| replica.configure(now, at, assignment, out));
    }

    /// The partitions that have something to expire.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = PartitionId> {
        let is_due = move |id: &PartitionId| {
            self.slots[id.index()].next_deadline_ms.load(Ordering::Relaxed) <= now.as_unix_ms()
        };
        self.count.all().filter(is_due)
    }

    /// The partitions that wait for something that time may bring.
    pub fn busy(&self) -> impl Iterator<Item = PartitionId> {
        self.count
            .all()
            .filter(|id| self.slots[id.index()].busy.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replicas")
            .field("service", &self.service)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "replicas_test.rs"]
mod tests;
