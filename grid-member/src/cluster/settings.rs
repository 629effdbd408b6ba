//! How a member finds its cluster and behaves in it.

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroUsize};
use std::time::Duration;

use grid_core::membership::survivor::TwoMembers;
use grid_core::membership::{Location, ProcessId};
use grid_core::partition::PartitionCount;
use grid_core::partition::assignment::MoveLimits;
use grid_core::partition::table::BackupCount;
use grid_core::replication::ReplicaSettings;
use grid_discovery::Found;
use tokio::sync::watch;

use crate::routing::RouterSettings;

/// Most partitions are small, so that the time of a move is that of agreeing on it: many go at once.
const SENDS: NonZeroU16 = NonZeroU16::new(16).expect("16 is not zero");
const RECEIVES: NonZeroU16 = NonZeroU16::new(32).expect("32 is not zero");

/// A change goes to backups in one frame, with the entry before for whoever asked for it, and so does an event.
const ENTRY_BYTES_MAX: usize = 32 << 20;
const _: () = assert!(2 * ENTRY_BYTES_MAX + (1 << 20) <= grid_proto::member::PAYLOAD_MAX);

/// How a member finds its cluster and behaves in it, each with a default.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// The name of the cluster; `girih` by default.
    pub cluster_name: String,
    /// The name of the member.
    pub member_name: String,
    /// Where it listens for other members; port 7574 of the loopback interface by default.
    pub listen: SocketAddr,
    /// Where others reach it, when that is another address than the one that it listens on.
    pub advertised: Option<SocketAddr>,
    /// Members to join, as `HOST:PORT`. Without them and [`found`](Self::found) it starts a cluster of its own.
    pub join: Option<Vec<String>>,
    /// Where else members may be, as [`Discovery::found`](grid_discovery::Discovery::found) tells it. It is followed while
    /// the member looks for its cluster: at the start, and when it was cut off. What is found says where to look, and
    /// never how many members are expected.
    pub found: Option<watch::Receiver<Found>>,
    /// How many members are expected before a cluster is started; by default the addresses to join and its own. To be
    /// said when nobody to join is given, and then 2 at least.
    pub expect: Option<NonZeroUsize>,
    /// Where it is.
    pub location: Location,
    /// What it is for, in the operator's words.
    pub role: String,
    /// Whether it holds partitions; yes by default.
    pub storage: bool,
    /// How many partitions it takes compared to others; 100 by default.
    pub weight: u32,
    /// Where gRPC clients reach it, if it serves them.
    pub grpc: Option<SocketAddr>,
    /// Where its HTTP port is, if it has one.
    pub http: Option<SocketAddr>,
    /// How many partitions each service has; 257 by default. The same on all members.
    pub partition_count: PartitionCount,
    /// How many backups caches have that no rule says otherwise of; 1 by default. The member that starts the cluster
    /// decides.
    pub backups: BackupCount,
    /// What the survivor of two members on different hosts does.
    pub two_members: TwoMembers,
    /// How long a member may serve after it was last heard by the leader, at most; 2 s by default.
    pub lease: Duration,
    /// How many partitions are moved at once; by default each member sends 16 copies, receives 32, and hands 16 over.
    pub moves: MoveLimits,
    /// How fast partitions are copied at most, in bytes a second; 256 MiB by default.
    pub copy_bytes_per_second: u64,
    /// How long a member that is told to stop tries to hand its partitions over; 30 s by default.
    pub drain_timeout: Duration,
    /// How many events may wait for one other member until its listeners were told of them; 65,536 by default. Beyond it they
    /// are dropped, and its listeners told that they missed something.
    pub events_len_max: usize,
    /// How many bytes of events may wait for one other member; 64 MiB by default.
    pub events_bytes_max: usize,
    /// How long lost partitions wait for a member with a copy, or for an operator, before their entries are given up and
    /// they begin anew, empty. `None`, the default: until an operator accepts the loss. The same on all members, since the one
    /// that leads decides. Partitions whose last copies are only out of reach are never given up by themselves.
    pub accept_loss_after: Option<Duration>,
    /// TLS with other members, the same on all of them; none by default. Clients that look the cluster up at the port are
    /// answered without it.
    #[cfg(feature = "tls")]
    pub tls: Option<crate::transport::TlsSettings>,
    /// Limits of replicas.
    pub replicas: ReplicaSettings,
    /// Times of requests.
    pub routing: RouterSettings,
    /// This run of the program; drawn at random by default.
    pub process: ProcessId,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        ClusterSettings {
            cluster_name: "girih".to_owned(),
            member_name: "member-1".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 7574)),
            advertised: None,
            join: None,
            found: None,
            expect: None,
            location: Location::default(),
            role: String::new(),
            storage: true,
            weight: 100,
            grpc: None,
            http: None,
            partition_count: PartitionCount::DEFAULT,
            backups: BackupCount::default(),
            two_members: TwoMembers::default(),
            lease: Duration::from_secs(2),
            moves: MoveLimits {
                sends: SENDS,
                receives: RECEIVES,
                hand_overs: SENDS,
            },
            copy_bytes_per_second: 256 << 20,
            drain_timeout: Duration::from_secs(30),
            events_len_max: 65_536,
            events_bytes_max: 64 << 20,
            accept_loss_after: None,
            #[cfg(feature = "tls")]
            tls: None,
            replicas: ReplicaSettings {
                entry_bytes_max: ENTRY_BYTES_MAX,
                ..ReplicaSettings::default()
            },
            routing: RouterSettings::default(),
            process: ProcessId::new(crate::random::draw()),
        }
    }
}
