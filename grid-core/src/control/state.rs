//! The agreed state.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU16, NonZeroU64};

use serde::{Deserialize, Serialize};

use crate::membership::{Generation, Member, MemberId, MemberInfo, MemberPhase};
use crate::partition::table::{
    Assignment, BackupCount, Epoch, ServiceId, ServiceTable, Step, StepChange, StepRefused,
};
use crate::partition::{PartitionCount, PartitionId};
use crate::store::CacheId;

use super::{CacheRecord, Command, Identity, KeptCopy, Outcome, Removed};

/// So many members that were removed are remembered, so that they can be told.
const REMOVED_MAX: usize = 1_000;

/// The largest number of services: each count of backups has its own.
const SERVICES_MAX: usize = 16;

/// What a command changed, for those who act on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Partitions whose assignment changed.
    pub partitions: Vec<(ServiceId, PartitionId)>,
    /// Whether the members changed, or their phases.
    pub members: bool,
    /// Caches that are no more.
    pub destroyed: Vec<CacheId>,
    /// A service that is new.
    pub service: Option<ServiceId>,
}

/// The agreed state of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlState {
    identity: Identity,
    generation: Generation,
    /// The place in the log of the last command.
    index: u64,
    last_member: u64,
    members: BTreeMap<MemberId, Member>,
    removed: BTreeMap<MemberId, Removed>,
    services: BTreeMap<ServiceId, ServiceTable>,
    last_cache: u32,
    caches: BTreeMap<CacheId, CacheRecord>,
    cache_ids: BTreeMap<(String, String), CacheId>,
}

impl ControlState {
    /// The state of a cluster that begins.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        ControlState {
            identity,
            generation: Generation::FIRST,
            index: 0,
            last_member: 0,
            members: BTreeMap::new(),
            removed: BTreeMap::new(),
            services: BTreeMap::new(),
            last_cache: 0,
            caches: BTreeMap::new(),
            cache_ids: BTreeMap::new(),
        }
    }

    /// What the cluster is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How many partitions each service has.
    #[must_use]
    pub fn partition_count(&self) -> PartitionCount {
        NonZeroU16::new(self.identity.partition_count).map_or(PartitionCount::DEFAULT, PartitionCount::new)
    }

    /// The generation of the control group.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether nothing depends on this member: it serves no partition, and every partition has as many copies elsewhere
    /// as the other members can hold. So it is when there is no other that could take anything.
    #[must_use]
    pub fn is_handed_over(&self, member: MemberId) -> bool {
        let takers = self
            .members
            .values()
            .filter(|other| other.id != member && other.takes_partitions())
            .count();
        if takers == 0 {
            return true;
        }
        self.services.values().all(|service| {
            let goal = takers.min(1 + usize::from(service.backups.get()));
            service.assignments.iter().all(|assignment| {
                let others = assignment.replicas().filter(|replica| *replica != member).count();
                assignment.primary != Some(member)
                    && (!assignment.backups.contains(&member) || others >= goal)
            })
        })
    }

    /// The place in the log of the last command that was made.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The members.
    #[must_use]
    pub fn members(&self) -> &BTreeMap<MemberId, Member> {
        &self.members
    }

    /// What became of a member that was taken out.
    #[must_use]
    pub fn removed(&self, member: MemberId) -> Option<Removed> {
        self.removed.get(&member).copied()
    }

    /// The services.
    #[must_use]
    pub fn services(&self) -> &BTreeMap<ServiceId, ServiceTable> {
        &self.services
    }

    /// The service of this name.
    #[must_use]
    pub fn service_named(&self, name: &str) -> Option<&ServiceTable> {
        self.services.values().find(|service| service.name == name)
    }

    /// Who holds a partition.
    #[must_use]
    pub fn assignment(&self, service: ServiceId, partition: PartitionId) -> Option<&Assignment> {
        self.services.get(&service)?.assignments.get(partition.index())
    }

    /// The cache with this number.
    #[must_use]
    pub fn cache(&self, id: CacheId) -> Option<&CacheRecord> {
        self.caches.get(&id)
    }

    /// The cache of this name.
    #[must_use]
    pub fn cache_named(&self, scope: &str, name: &str) -> Option<&CacheRecord> {
        self.caches
            .get(self.cache_ids.get(&(scope.to_owned(), name.to_owned()))?)
    }

    /// Every cache.
    pub fn caches(&self) -> impl Iterator<Item = &CacheRecord> {
        self.caches.values()
    }

    /// Whether a cache was destroyed: it has been there, and is not any more.
    #[must_use]
    pub fn is_destroyed(&self, id: CacheId) -> bool {
        id.get() <= self.last_cache && !self.caches.contains_key(&id)
    }

    /// Makes the command at this place of the log. One at a place before the next is not made again.
    pub fn apply(&mut self, index: u64, command: &Command) -> (Outcome, Delta) {
        let mut delta = Delta::default();
        if index <= self.index {
            return (Outcome::Done, delta);
        }
        self.index = index;
        let outcome = match command {
            Command::Join { info, before } => self.join(info, before.as_ref(), &mut delta),
            Command::Ready(member) => self.set_phase(*member, MemberPhase::Ready, &mut delta),
            Command::Drain(member) => self.set_phase(*member, MemberPhase::Draining, &mut delta),
            Command::Leave(member) => self.leave(*member, &mut delta),
            Command::Remove { members, proven } => {
                self.remove(members, *proven, &mut delta);
                Outcome::Done
            }
            Command::EnsureService { name, backups } => self.ensure_service(name, *backups, &mut delta),
            Command::EnsureCache {
                scope,
                name,
                service,
                default_ttl_ms,
                caches_max,
            } => self.ensure_cache((scope, name), *service, *default_ttl_ms, *caches_max),
            Command::DestroyCache(id) => self.destroy_cache(*id, &mut delta),
            Command::AddIndex {
                cache,
                extractor,
                definition,
                indexes_max,
            } => self.add_index(*cache, (extractor, definition), *indexes_max),
            Command::RemoveIndex { cache, extractor } => {
                if let Some(cache) = self.caches.get_mut(cache) {
                    cache.indexes.remove(extractor);
                }
                Outcome::Done
            }
            Command::Change { service, steps } => self.change(*service, steps, &mut delta),
            Command::AcceptLoss { service, partitions } => self.accept_loss(*service, partitions, &mut delta),
            Command::BeginGeneration(generation) => {
                self.generation = self.generation.max(*generation);
                Outcome::Done
            }
        };
        (outcome, delta)
    }

    /// Passes over a place in the log whose command cannot be read.
    pub fn skip(&mut self, index: u64) {
        self.index = self.index.max(index);
    }

    fn join(
        &mut self,
        info: &MemberInfo,
        before: Option<&(MemberId, Vec<KeptCopy>)>,
        delta: &mut Delta,
    ) -> Outcome {
        let same_process = self
            .members
            .values()
            .find(|member| member.info.process == info.process);
        if let Some(id) = same_process.map(|member| member.id) {
            // It asks again, since the answer was lost; or an old request was slow, and now it says what it kept.
            if let Some((before, kept)) = before {
                self.restore(*before, id, kept, delta);
            }
            return Outcome::Joined(id);
        }
        // Two processes can't listen at one address, so the one that did before is dead, and will be found to be: whoever
        // dials it finds another process. It is not taken out here: this request may be an old one, of a process that ended
        // before the member began; and two members at different places may have been given one address.
        let at_address = |member: &&Member| member.info.address == info.address;
        if let Some(member) = self.members.values().find(at_address) {
            return Outcome::Occupied(member.id);
        }
        self.last_member += 1;
        let id = MemberId::new(self.last_member);
        let member = Member {
            id,
            info: info.clone(),
            phase: MemberPhase::Joining,
        };
        self.members.insert(id, member);
        delta.members = true;
        if let Some((before, kept)) = before {
            self.restore(*before, id, kept, delta);
        }
        Outcome::Joined(id)
    }

    /// Gives a member that came back the partitions that wait for the copies that it kept. It may have been a member
    /// in between without knowing it, since it was not told and taken out again: its copies are the same. What it was
    /// waited for with and has not is given up.
    fn restore(&mut self, before: MemberId, now: MemberId, kept: &[KeptCopy], delta: &mut Delta) {
        let process = self.members.get(&now).map(|member| member.info.process);
        let removed = &self.removed;
        let was_it = |member: MemberId| {
            let removed = removed.get(&member);
            member == before || removed.is_some_and(|removed| Some(removed.process) == process)
        };
        for copy in kept {
            let assignment = self
                .services
                .get_mut(&copy.service)
                .and_then(|service| service.assignments.get_mut(copy.partition.index()));
            let Some(assignment) = assignment else { continue };
            let awaited = assignment
                .last
                .iter()
                .find(|last| was_it(last.member) && copy.epoch <= last.epoch)
                .map(|last| last.member);
            if awaited.is_some_and(|awaited| assignment.restore(awaited, now)) {
                delta.partitions.push((copy.service, copy.partition));
            }
        }
        self.give_up_missing(before, kept, delta);
    }

    /// What a member that came back is waited for with, and has not kept, will never come: it was made the primary of
    /// something while it could not hear of it, or could not keep it. Of the number that it names alone: an old request
    /// says nothing about what the process kept as a later member.
    fn give_up_missing(&mut self, before: MemberId, kept: &[KeptCopy], delta: &mut Delta) {
        let gone = BTreeSet::from([before]);
        for (id, service) in &mut self.services {
            for (partition, assignment) in self.identity.partitions().zip(&mut service.assignments) {
                let awaited = assignment.last.iter().any(|last| last.member == before);
                let has = kept
                    .iter()
                    .any(|copy| copy.service == *id && copy.partition == partition);
                if awaited && !has && assignment.remove_members(&gone, true, |_| 0) {
                    delta.partitions.push((*id, partition));
                }
            }
        }
    }

    fn set_phase(&mut self, member: MemberId, phase: MemberPhase, delta: &mut Delta) -> Outcome {
        let Some(member) = self.members.get_mut(&member) else {
            return Outcome::Refused(format!("{member} is no member"));
        };
        if member.phase != phase && member.phase != MemberPhase::Draining {
            member.phase = phase;
            delta.members = true;
        }
        Outcome::Done
    }

    /// A member that has the only copy of something can't take its leave.
    fn leave(&mut self, member: MemberId, delta: &mut Delta) -> Outcome {
        let only = self
            .services
            .values()
            .flat_map(|service| &service.assignments)
            .filter(|assignment| assignment.has_replica(member) && assignment.replicas().count() == 1)
            .count();
        if only > 0 {
            return Outcome::Refused(format!(
                "{member} has the only copy of {only} partitions; wait until they are handed over"
            ));
        }
        // It may have been made the primary of something since it asked. It serves that until it hears of its removal, so
        // nobody else may before.
        let serves = self.services.values().flat_map(|service| &service.assignments);
        let serves = serves
            .filter(|assignment| assignment.primary == Some(member))
            .count();
        if serves > 0 {
            return Outcome::Refused(format!(
                "{member} is the primary of {serves} partitions; wait until they are handed over"
            ));
        }
        self.remove(&BTreeSet::from([member]), true, delta);
        Outcome::Done
    }

    fn remove(&mut self, members: &BTreeSet<MemberId>, proven: bool, delta: &mut Delta) {
        for member in members {
            if let Some(gone) = self.members.remove(member) {
                let (process, index) = (gone.info.process, self.index);
                self.removed.insert(
                    *member,
                    Removed {
                        process,
                        proven,
                        index,
                    },
                );
                delta.members = true;
            } else if let Some(removed) = self.removed.get_mut(member) {
                removed.proven |= proven;
                delta.members = true;
            }
        }
        while self.removed.len() > REMOVED_MAX {
            self.removed.pop_first();
        }
        for (id, service) in &mut self.services {
            let mut primaries: BTreeMap<MemberId, usize> = BTreeMap::new();
            for primary in service
                .assignments
                .iter()
                .filter_map(|assignment| assignment.primary)
            {
                *primaries.entry(primary).or_default() += 1;
            }
            for (partition, assignment) in self.identity.partitions().zip(&mut service.assignments) {
                let before = assignment.primary;
                let load = |member: MemberId| primaries.get(&member).copied().unwrap_or_default();
                if !assignment.remove_members(members, proven, load) {
                    continue;
                }
                if let Some(primary) = assignment.primary.filter(|primary| before != Some(*primary)) {
                    *primaries.entry(primary).or_default() += 1;
                }
                delta.partitions.push((*id, partition));
            }
        }
    }

    fn ensure_service(&mut self, name: &str, backups: BackupCount, delta: &mut Delta) -> Outcome {
        if let Some(service) = self.service_named(name) {
            return Outcome::Service(service.id);
        }
        let Some(number) = u8::try_from(self.services.len())
            .ok()
            .filter(|_| self.services.len() < SERVICES_MAX)
        else {
            return Outcome::Refused(format!(
                "there are {SERVICES_MAX} services, and more are not allowed"
            ));
        };
        let id = ServiceId::new(number);
        let table = ServiceTable::new(id, name.to_owned(), backups, self.partition_count());
        self.services.insert(id, table);
        delta.service = Some(id);
        delta
            .partitions
            .extend(self.identity.partitions().map(|partition| (id, partition)));
        Outcome::Service(id)
    }

    fn ensure_cache(
        &mut self,
        (scope, name): (&str, &str),
        service: ServiceId,
        default_ttl_ms: Option<NonZeroU64>,
        caches_max: u64,
    ) -> Outcome {
        if let Some(cache) = self.cache_named(scope, name) {
            return Outcome::Cache(cache.id);
        }
        if !self.services.contains_key(&service) {
            return Outcome::Refused(format!("there is no service {service}"));
        }
        if self.caches.len() as u64 >= caches_max {
            return Outcome::Refused(format!(
                "there are {caches_max} caches, and more are not allowed (limits.caches-max); destroy some"
            ));
        }
        let Some(number) = self.last_cache.checked_add(1) else {
            return Outcome::Refused("4,294,967,295 caches have been opened; start a new cluster".to_owned());
        };
        self.last_cache = number;
        let id = CacheId::new(number);
        let record = CacheRecord {
            id,
            scope: scope.to_owned(),
            name: name.to_owned(),
            service,
            default_ttl_ms,
            indexes: BTreeMap::new(),
        };
        self.caches.insert(id, record);
        self.cache_ids.insert((scope.to_owned(), name.to_owned()), id);
        Outcome::Cache(id)
    }

    fn add_index(
        &mut self,
        cache: CacheId,
        (extractor, definition): (&str, &str),
        indexes_max: u64,
    ) -> Outcome {
        let Some(cache) = self.caches.get_mut(&cache) else {
            return Outcome::Refused("the cache was destroyed".to_owned());
        };
        match cache.indexes.get(extractor) {
            Some(known) if known == definition => return Outcome::Done,
            Some(_) => {
                return Outcome::Refused(format!(
                    "there is another index of {extractor}; remove it first, or use it as it is"
                ));
            }
            None => {}
        }
        if cache.indexes.len() as u64 >= indexes_max {
            return Outcome::Refused(format!(
                "the cache has {indexes_max} indexes, and more are not allowed; remove some"
            ));
        }
        cache.indexes.insert(extractor.to_owned(), definition.to_owned());
        Outcome::Done
    }

    fn destroy_cache(&mut self, id: CacheId, delta: &mut Delta) -> Outcome {
        let Some(cache) = self.caches.remove(&id) else {
            return Outcome::Refused("the cache was destroyed before".to_owned());
        };
        self.cache_ids.remove(&(cache.scope, cache.name));
        delta.destroyed.push(id);
        Outcome::Done
    }

    fn change(&mut self, service: ServiceId, steps: &[Step], delta: &mut Delta) -> Outcome {
        let Some(table) = self.services.get_mut(&service) else {
            return Outcome::Refused(format!("there is no service {service}"));
        };
        let members = &self.members;
        let made = steps.iter().map(|step| {
            let newcomer = newcomers(&step.change)
                .into_iter()
                .find(|member| !members.contains_key(member));
            if let Some(stranger) = newcomer {
                return Err(StepRefused::Member(stranger));
            }
            let Some(assignment) = table.assignments.get_mut(step.partition.index()) else {
                return Err(StepRefused::NotNew);
            };
            assignment.make(step.epoch, &step.change)?;
            delta.partitions.push((service, step.partition));
            Ok(assignment.epoch)
        });
        Outcome::Steps(made.collect())
    }

    fn accept_loss(
        &mut self,
        service: ServiceId,
        partitions: &[(PartitionId, Epoch)],
        delta: &mut Delta,
    ) -> Outcome {
        let Some(table) = self.services.get_mut(&service) else {
            return Outcome::Refused(format!("there is no service {service}"));
        };
        for (partition, epoch) in partitions {
            let assignment = table.assignments.get_mut(partition.index());
            let meant = assignment.filter(|assignment| assignment.epoch == *epoch);
            if meant.is_some_and(Assignment::accept_loss) {
                delta.partitions.push((service, *partition));
            }
        }
        Outcome::Done
    }
}

/// The members that a change brings in.
fn newcomers(change: &StepChange) -> Vec<MemberId> {
    match change {
        StepChange::Place { primary, backups } => {
            std::iter::once(*primary).chain(backups.iter().copied()).collect()
        }
        StepChange::StartCopy(member) | StepChange::Admit(member) | StepChange::HandOver(member) => {
            vec![*member]
        }
        StepChange::CancelCopy(_) | StepChange::Dismiss(_) => Vec::new(),
    }
}

impl Identity {
    fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<> {
        NonZeroU16::new(self.partition_count)
            .map_or(PartitionCount::DEFAULT, PartitionCount::new)
            .all()
    }
}
