//! What operators see of the cluster, and what they change in it.
//!
//! [`ClusterView`] is what the HTTP edge asks. [`ClusteredMember`] answers it from the state that the members agreed on,
//! as its [`ClusterSource`] knows it; what follows from that state alone is in `of_state`.

mod change;
mod clustered;
mod detail;
mod grid_source;
mod index_info;
mod info;
mod of_state;
mod pace;

pub use change::{ChangeError, ChangeFuture, LookError};
pub use clustered::{ClusterSource, ClusteredMember};
pub use detail::{ClusterFigures, MemberDetail, PartitionDetail, Rebalance, ServiceDetail};
pub use grid_source::GridSource;
pub use index_info::IndexInfo;
pub use info::{ClusterInfo, Health, MemberInfo, PartitionsInfo, StatusHa};
pub use of_state::{cluster_info, is_safe, member_details, service_details};
pub use pace::Pace;

use futures::future::BoxFuture;

use grid_member::cache::CacheInfo;

/// What the HTTP edge asks the member.
pub trait ClusterView: Send + Sync + 'static {
    /// The cluster; `None` before the member knows one.
    fn cluster(&self) -> Option<ClusterInfo>;
    /// Figures beside it, for metrics.
    fn figures(&self) -> ClusterFigures;
    /// The members in detail.
    fn members(&self) -> Vec<MemberDetail>;
    /// Who holds which partition, by service.
    fn partitions(&self) -> Vec<ServiceDetail>;
    /// How far the partitions are from where they should be. Each call is a measurement of the pace.
    fn rebalance(&self) -> Rebalance;
    /// The caches with what they hold at this member and what was asked of it, by name.
    fn caches(&self) -> Vec<CacheInfo>;
    /// The same of each other member that answers soon.
    fn caches_elsewhere(&self) -> BoxFuture<'_, Vec<Vec<CacheInfo>>>;
    /// The indexes of every cache, or of the one of this name, at all members; with `check` compared with the entries.
    fn indexes(&self, cache: Option<String>, check: bool)
    -> BoxFuture<'_, Result<Vec<IndexInfo>, LookError>>;
    /// The health of this member.
    fn health(&self) -> Health;
    /// Hands this member's partitions over to others, before it stops.
    fn hand_over(&self) -> ChangeFuture<'_, ()>;
    /// Takes leave of the cluster, after [`hand_over`](Self::hand_over).
    fn leave(&self) -> BoxFuture<'_, ()>;
    /// Has a member hand its partitions over and take no more.
    fn drain(&self, member: u64) -> ChangeFuture<'_, ()>;
    /// Gives up the entries of lost partitions of a service; `None` for all that are lost. Gives those that it was asked
    /// for.
    fn accept_loss(&self, service: String, partitions: Option<Vec<usize>>) -> ChangeFuture<'_, Vec<usize>>;
}
