//! The place of a real member in its cluster.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::cache::{Applied, CacheError};
use grid_core::control::{Command, ControlState, Outcome};
use grid_core::membership::MemberId;
use grid_member::Grid;
use grid_member::cluster::Cluster;

use super::ClusterSource;
/// A member of this process, as the source of what operators see.
#[derive(Clone, Debug)]
pub struct GridSource {
    grid: Grid,
}

impl GridSource {
    /// The place of this member. One that is in no cluster knows nothing.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        GridSource { grid }
    }

    fn cluster(&self) -> Option<&Cluster> {
        self.grid.cluster()
    }
}

impl ClusterSource for GridSource {
    fn with_state(&self, look: &mut dyn FnMut(&ControlState)) {
        if let Some(cluster) = self.cluster() {
            let _nothing_before_it_joined = cluster.view().read(|state| look(state));
        }
    }

    fn me(&self) -> Option<MemberId> {
        self.cluster()?.me()
    }

    fn leader(&self) -> Option<MemberId> {
        self.cluster()?.leader()
    }

    fn questions(&self) -> (usize, u64) {
        self.cluster().map_or((0, 0), Cluster::questions)
    }

    fn lease_missing_for(&self) -> Duration {
        self.cluster().map_or(Duration::ZERO, Cluster::lease_missing_for)
    }

    fn agree(&self, command: Command) -> BoxFuture<'_, Result<Outcome, CacheError>> {
        async move {
            match self.cluster() {
                Some(cluster) => cluster.agree(&command).await,
                None => Err(CacheError::Refused {
                    message: format!("this member is in no cluster (applied: {})", Applied::No),
                }),
            }
        }
        .boxed()
    }

    fn hand_over(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        self.grid.hand_over().boxed()
    }

    fn leave(&self) -> BoxFuture<'_, ()> {
        self.grid.leave().boxed()
    }
}
