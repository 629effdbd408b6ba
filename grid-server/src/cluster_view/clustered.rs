//! A member of a cluster as operators see it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::cache::CacheError;
use grid_core::control::{Command, ControlState, Outcome};
use grid_core::membership::{MemberId, MemberPhase};
use grid_core::partition::PartitionId;
use grid_core::partition::table::{Assignment, Epoch, ServiceId};
use grid_member::Grid;
use grid_member::cache::CacheInfo;
use grid_member::clock::Clock;
use parking_lot::Mutex;

use super::of_state::{Tables, cluster_info, is_safe, member_details, partition_counts, service_details};
use super::{
    ChangeError, ChangeFuture, ClusterFigures, ClusterInfo, ClusterView, Health, IndexInfo, LookError,
    MemberDetail, Pace, Rebalance, ServiceDetail,
};

/// The place of a member in its cluster: what it knows, and how it has things agreed.
pub trait ClusterSource: Send + Sync + 'static {
    /// Shows the agreed state, if there is one yet. Not for long: what is agreed meanwhile waits.
    fn with_state(&self, look: &mut dyn FnMut(&ControlState));
    /// This member's number, once it has one.
    fn me(&self) -> Option<MemberId>;
    /// The member that leads, as far as it is known.
    fn leader(&self) -> Option<MemberId>;
    /// For how long this member has had no lease; zero while it has one.
    fn lease_missing_for(&self) -> Duration;

    /// How many questions of other members are being answered, and how many were withdrawn.
    fn questions(&self) -> (usize, u64);
    /// Has all members agree on a change.
    fn agree(&self, command: Command) -> BoxFuture<'_, Result<Outcome, CacheError>>;
    /// Hands this member's partitions over to others, before it stops.
    fn hand_over(&self) -> BoxFuture<'_, Result<(), CacheError>>;
    /// Takes leave of the cluster.
    fn leave(&self) -> BoxFuture<'_, ()>;
}

/// The view of a member of a cluster.
pub struct ClusteredMember<S> {
    grid: Grid,
    source: S,
    clock: Arc<dyn Clock>,
    pace: Mutex<Pace>,
}

impl<S: ClusterSource> ClusteredMember<S> {
    /// The view of this member.
    #[must_use]
    pub fn new(grid: Grid, source: S, clock: Arc<dyn Clock>) -> Self {
        ClusteredMember {
            grid,
            source,
            clock,
            pace: Mutex::default(),
        }
    }

    fn read<T>(&self, read: impl Fn(&ControlState) -> T) -> Option<T> {
        let mut found = None;
        self.source.with_state(&mut |state| found = Some(read(state)));
        found
    }

    async fn change(&self, command: Command) -> Result<(), ChangeError> {
        match self.source.agree(command).await? {
            Outcome::Refused(reason) => Err(ChangeError::Refused(reason)),
            _ => Ok(()),
        }
    }

    /// The partitions of a service that are meant, with the epochs of their loss: those asked for, which must be lost or out
    /// of reach, or all that are lost.
    fn lost(
        &self,
        service: &str,
        asked: Option<&[usize]>,
    ) -> Result<(ServiceId, Vec<(PartitionId, Epoch)>), ChangeError> {
        let found = self.read(|state| {
            let Some(table) = state.service_named(service) else {
                let names: Vec<_> = state
                    .services()
                    .values()
                    .map(|table| table.name.as_str())
                    .collect();
                let text = format!("there is no service {service:?}; there are: {}", names.join(", "));
                return Err(ChangeError::NotFound(text));
            };
            let is_meant = |(partition, assignment): &(PartitionId, &Assignment)| match asked {
                Some(asked) => assignment.is_missing() && asked.contains(&partition.index()),
                None => assignment.lost,
            };
            let meant: Vec<_> = table
                .partitions()
                .filter(is_meant)
                .map(|(partition, assignment)| (partition, assignment.epoch))
                .collect();
            let is_meant = |number: &usize| meant.iter().any(|(partition, _)| partition.index() == *number);
            if let Some(number) = asked.and_then(|asked| asked.iter().find(|number| !is_meant(number))) {
                let text = format!(
                    "partition {number} of {service} is neither lost nor out of reach; nothing was given up"
                );
                return Err(ChangeError::Refused(text));
            }
            Ok((table.id, meant))
        });
        found.unwrap_or_else(|| Err(not_joined()))
    }
}

fn not_joined() -> ChangeError {
    ChangeError::Refused("this member has not joined its cluster yet; ask another one".to_owned())
}

impl<S: ClusterSource> ClusterView for ClusteredMember<S> {
    fn cluster(&self) -> Option<ClusterInfo> {
        let leader = self.source.leader();
        self.read(|state| cluster_info(state, leader))
    }

    fn figures(&self) -> ClusterFigures {
        let (me, leader) = (self.source.me(), self.source.leader());
        let (questions_open, questions_withdrawn) = self.source.questions();
        ClusterFigures {
            lost: self
                .read(|state| partition_counts(state).lost)
                .unwrap_or_default(),
            leads: me.is_some() && me == leader,
            lease_missing: self.source.lease_missing_for(),
            questions_open,
            questions_withdrawn,
        }
    }

    fn members(&self) -> Vec<MemberDetail> {
        let (me, leader) = (self.source.me(), self.source.leader());
        self.read(|state| member_details(state, me, leader))
            .unwrap_or_default()
    }

    fn partitions(&self) -> Vec<ServiceDetail> {
        self.read(service_details).unwrap_or_default()
    }

    fn rebalance(&self) -> Rebalance {
        let Some(tables) = self.read(Tables::of) else {
            return Rebalance::default();
        };
        let (progress, under_way) = tables.progress();
        let left = super::detail::moves_left(progress);
        let time_left = self.pace.lock().observe(self.clock.uptime(), left);
        Rebalance::new(progress, under_way, time_left)
    }

    fn caches(&self) -> Vec<CacheInfo> {
        self.grid.caches()
    }

    fn caches_elsewhere(&self) -> BoxFuture<'_, Vec<Vec<CacheInfo>>> {
        async move {
            match self.grid.cluster() {
                Some(cluster) => cluster.caches_elsewhere().await,
                None => Vec::new(),
            }
        }
        .boxed()
    }

    fn indexes(
        &self,
        cache: Option<String>,
        check: bool,
    ) -> BoxFuture<'_, Result<Vec<IndexInfo>, LookError>> {
        async move {
            let found = self.grid.index_reports(cache.as_deref(), check).await?;
            let none = || {
                let name = cache.unwrap_or_default();
                LookError::NotFound(format!("there is no cache {name:?}"))
            };
            let found = found.ok_or_else(none)?;
            Ok(found.into_iter().flat_map(IndexInfo::of_cache).collect())
        }
        .boxed()
    }

    fn health(&self) -> Health {
        let me = self.source.me();
        let serves = self.source.lease_missing_for().is_zero();
        let live = !self.grid.supervisor().token().is_cancelled();
        let (joined, safe) = self
            .read(|state| {
                let member = me.and_then(|me| state.members().get(&me));
                let joined = member.is_some_and(|member| member.phase != MemberPhase::Joining);
                (joined, is_safe(state))
            })
            .unwrap_or_default();
        let ready = live && joined && serves;
        Health {
            started: true,
            live,
            ready,
            // Whoever is cut off does not know how the others are.
            safe: ready && safe,
        }
    }

    fn hand_over(&self) -> ChangeFuture<'_, ()> {
        async move { Ok(self.source.hand_over().await?) }.boxed()
    }

    fn leave(&self) -> BoxFuture<'_, ()> {
        self.source.leave()
    }

    fn drain(&self, member: u64) -> ChangeFuture<'_, ()> {
        async move {
            let id = MemberId::new(member);
            let known = self.read(|state| state.members().contains_key(&id));
            match known {
                None => Err(not_joined()),
                Some(false) => Err(ChangeError::NotFound(format!("there is no member {member}"))),
                Some(true) => self.change(Command::Drain(id)).await,
            }
        }
        .boxed()
    }

    fn accept_loss(&self, service: String, partitions: Option<Vec<usize>>) -> ChangeFuture<'_, Vec<usize>> {
        async move {
            let (service, partitions) = self.lost(&service, partitions.as_deref())?;
            let numbers = partitions
                .iter()
                .map(|(partition, _)| partition.index())
                .collect();
            if !partitions.is_empty() {
                self.change(Command::AcceptLoss { service, partitions }).await?;
            }
            Ok(numbers)
        }
        .boxed()
    }
}

impl<S> fmt::Debug for ClusteredMember<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusteredMember")
            .field("grid", &self.grid)
            .finish_non_exhaustive()
    }
}
