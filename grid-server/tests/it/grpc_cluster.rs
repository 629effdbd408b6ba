//! Three members in this process with their gRPC edges, and the client that asks the owners of keys.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use grid_client::{RetryPolicy, Session};
use grid_core::cache::{Cache, NamedCache};
use grid_core::partition::assignment::{StatusHa, status_ha};
use grid_core::value::{Binary, Format, Key};
use grid_member::Grid;
use grid_member::cluster::ClusterSettings;
use grid_proto::girih::WatchRequest;
use grid_proto::girih::cluster_client::ClusterClient;
use grid_server::grpc::cluster::topology_of;
use grid_server::grpc::{GrpcMetrics, GrpcOptions, serve};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::grpc_peer::{PATIENCE, soon, spawn};

/// A member with its edge.
pub(crate) struct Server {
    pub(crate) grid: Grid,
    pub(crate) address: SocketAddr,
    metrics: Arc<GrpcMetrics>,
    stop: CancellationToken,
    edge: JoinHandle<()>,
}

impl Server {
    async fn start(number: usize, join: Option<&Server>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = ClusterSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            grpc: Some(address),
            join: join.map(|other| vec![other.grid.cluster().unwrap().local_addr().to_string()]),
            ..ClusterSettings::default()
        };
        let grid = Grid::builder()
            .cluster_name("routes")
            .member_name(&format!("member-{number}"))
            .cluster(settings)
            .build()
            .await
            .unwrap();
        soon(grid.joined()).await.unwrap();
        let (metrics, stop) = (Arc::<GrpcMetrics>::default(), CancellationToken::new());
        let serving = serve(
            listener,
            grid.clone(),
            GrpcOptions::default(),
            metrics.clone(),
            stop.clone(),
        );
        let edge = spawn(async move { serving.await.unwrap() });
        Server {
            grid,
            address,
            metrics,
            stop,
            edge,
        }
    }

    fn member(&self) -> u64 {
        self.grid.cluster().unwrap().me().unwrap().get()
    }

    /// How many requests of this name were done.
    fn done(&self, name: &str) -> u64 {
        let requests = self.metrics.requests();
        requests
            .iter()
            .find(|counts| counts.name == name)
            .map_or(0, |counts| counts.done)
    }

    /// The member that serves this key.
    fn owner(&self, key: u32) -> Option<u64> {
        let key = Key::new(Binary::new(Format::JSON, key.to_string().into())).unwrap();
        self.grid.cluster().unwrap().view().read(|state| {
            let partition = state.partition_count().partition_of(key.placement());
            let service = state.cache_named("", "c").unwrap().service;
            state
                .assignment(service, partition)
                .unwrap()
                .primary
                .unwrap()
                .get()
        })
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.edge.await.unwrap();
        self.grid.shutdown().await;
    }
}

/// Waits until every member sees all, and each partition has its backup.
async fn settled(servers: &[Server]) {
    for server in servers {
        let cluster = server.grid.cluster().unwrap();
        let mut news = cluster.view().index();
        let safe = news.wait_for(|_| {
            let safe = cluster.view().read(|state| {
                let safe = status_ha(state.services().values(), state.members());
                state.members().len() == servers.len() && safe >= StatusHa::NodeSafe
            });
            safe == Some(true)
        });
        let safe = tokio::time::timeout(3 * PATIENCE, safe).await;
        safe.expect("the cluster settles").unwrap();
    }
}

pub(crate) async fn three() -> [Server; 3] {
    let first = Server::start(1, None).await;
    let second = Server::start(2, Some(&first)).await;
    let third = Server::start(3, Some(&first)).await;
    let servers = [first, second, third];
    settled(&servers).await;
    servers
}

pub(crate) async fn channel(server: &Server) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", server.address)).unwrap();
    endpoint.connect().await.unwrap()
}

pub(crate) async fn end(servers: impl IntoIterator<Item = Server>) {
    for server in servers {
        server.end().await;
    }
}

/// A session that was given one address, and is connected with all members.
async fn session(servers: &[Server; 3]) -> (Session, Cache<u32, u32>) {
    let session = Session::builder()
        .address(&servers[0].address.to_string())
        .retry(RetryPolicy {
            delay_first: Duration::from_millis(5),
            ..RetryPolicy::default()
        })
        .connect()
        .await
        .unwrap();
    let cache = session.cache::<u32, u32>("c").await.unwrap();
    let connected = async {
        for server in servers {
            // What was agreed reaches one member after the other.
            let view = server.grid.cluster().unwrap().view();
            let knows = |_: &u64| view.read(|state| state.cache_named("", "c").is_some()) == Some(true);
            view.index().wait_for(knows).await.unwrap();
            let before = server.done("ContainsKey");
            let key = (0..)
                .find(|key| server.owner(*key) == Some(server.member()))
                .unwrap();
            while server.done("ContainsKey") == before {
                cache.contains_key(&key).await.unwrap();
            }
        }
    };
    soon(connected).await;
    (session, cache)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_go_to_their_owners() {
    let servers = three().await;
    let (session, cache) = session(&servers).await;
    let before = servers.each_ref().map(|server| server.done("Put"));
    for key in 0..300 {
        cache.insert(&key, &key).await.unwrap();
    }
    for (server, before) in servers.iter().zip(before) {
        let owned = (0..300).filter(|key| server.owner(*key) == Some(server.member()));
        let owned = u64::try_from(owned.count()).unwrap();
        assert!(owned > 30, "each has its share");
        assert_eq!(server.done("Put") - before, owned);
    }
    let keys: Vec<u32> = (0..300).collect();
    let found = cache.get_all(&keys).await.unwrap();
    assert_eq!(found.len(), 300);
    assert!(servers.iter().all(|server| server.done("GetAll") == 1));
    session.close().await;
    end(servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_member_goes_no_change_is_lost_or_done_twice() {
    let [first, second, third] = three().await;
    let servers = [first, second, third];
    let (session, cache) = session(&servers).await;
    let (enough, more) = (CancellationToken::new(), CancellationToken::new());
    let writers: Vec<_> = (0..16)
        .map(|key: u32| {
            let (cache, enough, more) = (cache.clone(), enough.clone(), more.clone());
            spawn(async move {
                let mut value = 0;
                while !enough.is_cancelled() {
                    // The value before says whether the change before was done once.
                    let previous = cache.put(&key, &(value + 1)).await.unwrap();
                    assert_eq!(previous, (value > 0).then_some(value), "key {key}");
                    value += 1;
                    if value == 50 {
                        more.cancel();
                    }
                }
                value
            })
        })
        .collect();
    soon(more.cancelled()).await;
    let [first, second, third] = servers;
    // Its clients lose their connections in the middle of what they ask.
    first.edge.abort();
    soon(first.grid.drain()).await.unwrap();
    first.grid.shutdown().await;
    let left = [second, third];
    settled(&left).await;
    enough.cancel();
    for (key, writer) in (0..).zip(writers) {
        let value = soon(writer).await.unwrap();
        assert!(value > 0);
        assert_eq!(cache.get(&key).await.unwrap(), Some(value));
    }
    session.close().await;
    end(left).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_is_told_of_every_change_of_members() {
    let first = Server::start(1, None).await;
    let mut client = ClusterClient::new(channel(&first).await);
    let mut told = client.watch(WatchRequest {}).await.unwrap().into_inner();
    let topology = soon(told.next()).await.unwrap().unwrap();
    let expected = first.grid.cluster().unwrap().view().read(topology_of).unwrap();
    assert_eq!(topology.members, expected.members);
    assert_eq!(topology.members[0].grpc_address, first.address.to_string());
    assert_eq!(topology.services, expected.services);
    assert_eq!(topology.partition_count, 257);
    assert_eq!(topology.cluster_id.len(), 16);
    let second = Server::start(2, Some(&first)).await;
    let both = async {
        loop {
            let topology = told.next().await.unwrap().unwrap();
            let primaries = &topology.services[0].primaries;
            if [first.member(), second.member()]
                .iter()
                .all(|member| primaries.contains(member))
            {
                return topology;
            }
        }
    };
    assert_eq!(soon(both).await.members.len(), 2);
    // The stream ends when the server stops, and does not hold it up.
    soon(first.end()).await;
    let rest = async { while let Some(Ok(_)) = told.next().await {} };
    soon(rest).await;
    second.end().await;
}
