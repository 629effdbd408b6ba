//! Making a member.

use std::sync::Arc;

use grid_core::partition::PartitionCount;
use grid_core::partition::table::BackupCount;
use grid_core::processor::own::OwnAgents;

use crate::cache::{CacheKind, CacheLimits, CacheRegistry, CacheRule, CacheRules, drive_logs};
use crate::clock::{Clock, SystemClock};
use crate::cluster::{Cluster, ClusterSettings, StartError};
use crate::own::OwnRunner;
use crate::replication::Replicas;
use crate::store::drive_expiry;
use crate::task::{Supervisor, TaskKind};

use super::Grid;
use super::handle::Inner;

/// A local cache is in one process: more partitions than this would only cost memory.
const LOCAL_PARTITIONS: u16 = 17;

/// Why a member cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A name is empty or too long.
    #[error("the {what} name has {len} bytes; it needs 1 to 255")]
    Name {
        /// Whose name.
        what: &'static str,
        /// How long it is.
        len: usize,
    },
    /// There is no tokio runtime.
    #[error("a member needs a tokio runtime with time enabled; build it inside one")]
    NoRuntime,
    /// The member can't take part in a cluster.
    #[error(transparent)]
    Cluster(#[from] StartError),
}

/// Settings of a member, each with a default.
#[derive(Debug)]
pub struct GridBuilder {
    cluster_name: String,
    member_name: String,
    partition_count: PartitionCount,
    backups: BackupCount,
    rules: CacheRules,
    limits: CacheLimits,
    own: OwnAgents,
    clock: Arc<dyn Clock>,
    cluster: Option<ClusterSettings>,
}

impl GridBuilder {
    pub(super) fn new() -> Self {
        GridBuilder {
            cluster_name: "girih".to_owned(),
            member_name: "member-1".to_owned(),
            partition_count: PartitionCount::DEFAULT,
            backups: BackupCount::default(),
            rules: CacheRules::default(),
            limits: CacheLimits::default(),
            own: OwnAgents::new(),
            clock: Arc::new(SystemClock::new()),
            cluster: None,
        }
    }

    /// The name of the cluster; `girih` by default.
    #[must_use]
    pub fn cluster_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.cluster_name);
        self
    }

    /// The name of this member; `member-1` by default.
    #[must_use]
    pub fn member_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.member_name);
        self
    }

    /// How many partitions the keys are spread over; 257 by default.
    #[must_use]
    pub fn partition_count(mut self, count: PartitionCount) -> Self {
        self.partition_count = count;
        self
    }

    /// How many backups each entry has when the member is in a cluster, unless a rule says otherwise; 1 by default.
    #[must_use]
    pub fn backups(mut self, backups: BackupCount) -> Self {
        self.backups = backups;
        self
    }

    /// Adds a rule for cache names; the first that matches a name holds.
    #[must_use]
    pub fn cache_rule(mut self, rule: CacheRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Limits of caches and listeners.
    #[must_use]
    pub fn limits(mut self, limits: CacheLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The processors and aggregators of one's own that there are here; more can be registered at any time, here or by
    /// [`Grid::own_agents`]. Every member that serves a cache needs those that are asked of it.
    #[must_use]
    pub fn own_agents(mut self, agents: OwnAgents) -> Self {
        self.own = agents;
        self
    }

    /// Makes the member one of a cluster of several. Its names, its partition count and its backups are those of the
    /// builder; all else is said here. Without this the member is alone for ever.
    #[must_use]
    pub fn cluster(mut self, settings: ClusterSettings) -> Self {
        self.cluster = Some(settings);
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the member: by default a cluster of its own, which holds every partition. One that
    /// [joins others](Self::cluster) is given as soon as it listens; wait for [`Grid::joined`] before its caches are used.
    ///
    /// # Errors
    /// When a name is empty or too long, there is no tokio runtime, or a member of a cluster can't listen.
    pub async fn build(self) -> Result<Grid, BuildError> {
        for (what, name) in [("cluster", &self.cluster_name), ("member", &self.member_name)] {
            if !(1..=255).contains(&name.len()) {
                return Err(BuildError::Name {
                    what,
                    len: name.len(),
                });
            }
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_none| BuildError::NoRuntime)?;
        let supervisor = Supervisor::new();
        let local_count = LOCAL_PARTITIONS.min(self.partition_count.get());
        let local_count =
            std::num::NonZeroU16::new(local_count).map_or(PartitionCount::ONE, PartitionCount::new);
        let tasks = (supervisor.clone(), runtime);
        let own = Arc::new(OwnRunner::new(&self.member_name, self.own, self.limits, tasks));
        let alone = |kind, count| {
            let replicas = Arc::new(Replicas::alone(count, self.clock.clone()));
            CacheRegistry::alone(kind, replicas, self.limits, own.clone())
        };
        let (partitioned, cluster) = match self.cluster {
            None => (alone(CacheKind::Partitioned, self.partition_count), None),
            Some(settings) => {
                let settings = ClusterSettings {
                    cluster_name: self.cluster_name.clone(),
                    member_name: self.member_name.clone(),
                    partition_count: self.partition_count,
                    backups: self.backups,
                    ..settings
                };
                let cluster = Cluster::start(
                    settings,
                    (self.limits, own.clone()),
                    self.clock.clone(),
                    supervisor.clone(),
                )
                .await?;
                (cluster.registry().clone(), Some(cluster))
            }
        };
        let local = alone(CacheKind::Local, local_count);
        for registry in [&partitioned, &local] {
            let expiry = drive_expiry(Arc::downgrade(registry), supervisor.token().clone());
            supervisor.spawn(TaskKind::Essential, "expiry", expiry);
            let logs = drive_logs(Arc::downgrade(registry), supervisor.token().clone());
            supervisor.spawn(TaskKind::Essential, "logs of changes", logs);
        }
        Ok(Grid::new(Inner {
            cluster_name: self.cluster_name,
            member_name: self.member_name,
            partition_count: self.partition_count,
            backups: self.backups,
            rules: self.rules,
            partitioned,
            local,
            own,
            cluster,
            clock: self.clock,
            supervisor,
        }))
    }
}
