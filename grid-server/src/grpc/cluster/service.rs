//! `girih.v1.Cluster`.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{BoxStream, unfold};
use grid_member::cluster::View;
use grid_proto::girih::cluster_server::Cluster;
use grid_proto::girih::{Topology, WatchRequest};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::grpc::Edge;
use crate::grpc::edge::{Stopped, stopping};

use super::topology_of;

/// A client is told no more often than this: what changes meanwhile is told together.
const TOLD_EVERY: Duration = Duration::from_millis(20);

/// Tells clients who serves what.
#[derive(Clone, Debug)]
pub struct ClusterService {
    edge: Arc<Edge>,
}

impl ClusterService {
    /// The service on this edge.
    #[must_use]
    pub fn new(edge: Arc<Edge>) -> Self {
        ClusterService { edge }
    }
}

#[tonic::async_trait]
impl Cluster for ClusterService {
    type WatchStream = BoxStream<'static, Result<Topology, Status>>;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let Some(cluster) = self.edge.grid().cluster() else {
            return Err(Status::unimplemented(
                "this server is in no cluster: it serves every partition itself",
            ));
        };
        let view = cluster.view().clone();
        let watching = Watching {
            news: view.index(),
            view,
            told: None,
            stopped: self.edge.stopped(),
        };
        Ok(Response::new(
            unfold(Some(watching), |watching| async {
                let mut watching = watching?;
                match watching.next().await {
                    Some(topology) => Some((Ok(topology), Some(watching))),
                    None => Some((Err(stopping()), None)),
                }
            })
            .boxed(),
        ))
    }
}

/// One client that is told.
struct Watching {
    view: Arc<View>,
    news: watch::Receiver<u64>,
    told: Option<Topology>,
    stopped: Stopped,
}

impl Watching {
    /// Waits for the next topology that differs from the last; `None` when the server stops.
    async fn next(&mut self) -> Option<Topology> {
        let Watching {
            view,
            news,
            told,
            stopped,
        } = self;
        let next = async {
            if told.is_some() {
                tokio::time::sleep(TOLD_EVERY).await;
            }
            loop {
                news.mark_unchanged();
                let topology = view.read(topology_of);
                if let Some(topology) =
                    topology.filter(|new| told.as_ref().is_none_or(|old| differ(old, new)))
                {
                    *told = Some(topology.clone());
                    return Some(topology);
                }
                news.changed().await.ok()?;
            }
        };
        tokio::select! {
            biased;
            () = stopped => None,
            next = next => next,
        }
    }
}

/// Whether two topologies differ but for the index, which grows with every cache that is opened.
fn differ(old: &Topology, new: &Topology) -> bool {
    (&old.cluster_id, old.generation, old.partition_count)
        != (&new.cluster_id, new.generation, new.partition_count)
        || old.members != new.members
        || old.services != new.services
}
