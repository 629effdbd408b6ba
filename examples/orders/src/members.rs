//! The members of the grid that run in this process.

use std::net::{Ipv4Addr, SocketAddr};

use grid_core::cache::CacheError;
use grid_core::membership::MemberId;
use grid_core::partition::assignment::{StatusHa, status_ha};
use grid_member::cluster::ClusterSettings;
use grid_member::{BuildError, Grid};

/// The members of the grid that run in this process. The application talks to the first.
#[derive(Debug)]
pub struct Members {
    members: Vec<Grid>,
}

/// Who holds how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The name of the member.
    pub member: String,
    /// How many partitions it is the primary of.
    pub primaries: usize,
    /// How many partitions it has a backup of.
    pub backups: usize,
}

/// The members could not be started, or not join.
#[derive(Debug, thiserror::Error)]
pub enum MembersError {
    /// A member could not be started.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A member was stopped before it had joined.
    #[error("a member did not join: {0}")]
    Join(#[from] CacheError),
}

fn settings(join: Option<Vec<String>>, storage: bool) -> ClusterSettings {
    ClusterSettings {
        // Any free port: the next members are told which.
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        join,
        storage,
        ..ClusterSettings::default()
    }
}

impl Members {
    /// Starts a cluster of so many members, at least one, each of which keeps its share of the entries and backups of
    /// others. They talk to each other as members on different machines do.
    ///
    /// # Errors
    /// When one can't be started.
    pub async fn start(count: usize) -> Result<Self, MembersError> {
        let mut members: Vec<Grid> = Vec::with_capacity(count);
        for number in 1..=count.max(1) {
            let first = members.first().and_then(Grid::cluster);
            let join = first.map(|first| vec![first.local_addr().to_string()]);
            let member = Grid::builder()
                .cluster_name("orders")
                .member_name(&format!("member-{number}"))
                .cluster(settings(join, true))
                .build()
                .await?;
            member.joined().await?;
            members.push(member);
        }
        let members = Members { members };
        members.whole().await;
        Ok(members)
    }

    /// Joins a cluster that runs, as a member that keeps no entries.
    ///
    /// # Errors
    /// When the member can't be started.
    pub async fn join(cluster_name: &str, addresses: Vec<String>) -> Result<Self, MembersError> {
        let member = Grid::builder()
            .cluster_name(cluster_name)
            .member_name("orders")
            .cluster(settings(Some(addresses), false))
            .build()
            .await?;
        member.joined().await?;
        Ok(Members {
            members: vec![member],
        })
    }

    /// The member that the application talks to.
    #[must_use]
    pub fn first(&self) -> &Grid {
        &self.members[0]
    }

    /// How many members run in this process.
    #[must_use]
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// Waits until every partition is where it should be.
    async fn whole(&self) {
        let Some(cluster) = self.first().cluster() else {
            return;
        };
        let mut news = cluster.view().index();
        while !self.is_whole() && news.changed().await.is_ok() {}
    }

    /// Whether any one member may be lost, and each has its share.
    fn is_whole(&self) -> bool {
        let holdings = self.holdings();
        let primaries = holdings.iter().map(|holding| holding.primaries);
        let (least, most) = (primaries.clone().min(), primaries.max());
        let safe = self.count() == 1 || self.status() >= Some(StatusHa::NodeSafe);
        safe && holdings.len() == self.count() && most <= least.map(|least| least + 1)
    }

    /// How safe the entries are.
    #[must_use]
    pub fn status(&self) -> Option<StatusHa> {
        let cluster = self.first().cluster()?;
        cluster
            .view()
            .read(|state| status_ha(state.services().values(), state.members()))
    }

    /// Who of the whole cluster holds how much.
    #[must_use]
    pub fn holdings(&self) -> Vec<Holding> {
        let holdings = self.first().cluster().and_then(|cluster| {
            cluster.view().read(|state| {
                let assignments = || state.services().values().flat_map(|service| &service.assignments);
                let holding = |(id, member): (&MemberId, &grid_core::membership::Member)| Holding {
                    member: member.info.name.clone(),
                    primaries: assignments().filter(|one| one.primary == Some(*id)).count(),
                    backups: assignments().filter(|one| one.backups.contains(id)).count(),
                };
                let storage = state.members().iter().filter(|(_, member)| member.info.storage);
                storage.map(holding).collect()
            })
        });
        holdings.unwrap_or_default()
    }

    /// Has the last member hand its partitions over and leave; its name. The first one stays.
    ///
    /// # Errors
    /// When the others did not take everything in time.
    pub async fn leave(&mut self) -> Result<Option<String>, CacheError> {
        if self.members.len() < 2 {
            return Ok(None);
        }
        let Some(last) = self.members.last() else {
            return Ok(None);
        };
        last.drain().await?;
        last.shutdown().await;
        let name = last.member_name().to_owned();
        self.members.pop();
        Ok(Some(name))
    }

    /// Stops all of them. A member that joined others takes leave of them.
    pub async fn shutdown(self) {
        for member in self.members.iter().rev() {
            if let Some(cluster) = member.cluster() {
                cluster.leave().await;
            }
            member.shutdown().await;
        }
    }
}
