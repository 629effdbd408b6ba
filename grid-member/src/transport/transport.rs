//! The transport of a member: where it is set up, and where others are dialled.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use grid_proto::member::{Bye, Lane, NAME_LEN_MAX};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use super::connection::Connection;
use super::dialer::dial;
use super::listener::drive_listener;
use super::said_once::SaidOnce;
use super::shared::Shared;
use super::{
    BindError, DialError, EndCause, Gate, Handler, Identity, Link, OtherProtocol, PeerInfo, TransportSettings,
};
use crate::clock::{Clock, SystemClock};
use crate::task::{Supervisor, TaskKind};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The runtime of each lane, so that control never waits behind bulk.
#[derive(Clone, Debug)]
pub struct Lanes {
    /// Runs connections of the control lane, the listener and handshakes.
    pub control: Handle,
    /// Runs connections of the data lane.
    pub data: Handle,
}

impl Lanes {
    /// Both lanes on one runtime.
    #[must_use]
    pub fn both_on(runtime: Handle) -> Self {
        Lanes {
            control: runtime.clone(),
            data: runtime,
        }
    }
}

/// Puts a [`Transport`] together.
#[must_use]
pub struct TransportBuilder {
    identity: Arc<ArcSwap<Identity>>,
    handler: Arc<dyn Handler>,
    lanes: Lanes,
    supervisor: Supervisor,
    settings: TransportSettings,
    gate: Arc<dyn Gate>,
    clock: Arc<dyn Clock>,
    other_protocol: Option<Arc<dyn OtherProtocol>>,
    #[cfg(feature = "tls")]
    tls: Option<super::TlsSettings>,
}

impl TransportBuilder {
    /// Where it listens, and its limits. Default: [`TransportSettings::default`].
    pub fn settings(mut self, settings: TransportSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Who is talked to, beyond what the transport looks at itself. Default: everyone.
    pub fn gate(mut self, gate: impl Gate) -> Self {
        self.gate = Arc::new(gate);
        self
    }

    /// The clock that is compared with those of others. Default: the system's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Serves another protocol on the same port. Only without TLS, too, since its clients come without.
    pub fn other_protocol(mut self, other: Arc<dyn OtherProtocol>) -> Self {
        self.other_protocol = Some(other);
        self
    }

    /// Talks to members through TLS only. Default: without.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: super::TlsSettings) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Listens, and takes connections until the supervisor's tasks are told to stop.
    ///
    /// # Errors
    /// The address can't be listened on, or a setting makes no sense.
    pub fn bind(self) -> Result<Transport, BindError> {
        self.settings.check()?;
        let identity = self.identity.load();
        if identity.cluster_name.len() > NAME_LEN_MAX || identity.program_version.len() > NAME_LEN_MAX {
            return Err(BindError::Setting {
                setting: "the cluster's name and the program's version",
                rule: "must have at most 255 bytes",
            });
        }
        drop(identity);
        let address = self.settings.listen;
        let listen = || {
            let _entered = self.lanes.control.enter();
            let listener = listen_on(address)?;
            let local = listener.local_addr()?;
            Ok((listener, local))
        };
        let (listener, local) = listen().map_err(|source| BindError::Listen { address, source })?;
        let permits = |count: u32| usize::try_from(count).unwrap_or(Semaphore::MAX_PERMITS);
        let shared = Arc::new(Shared {
            half_open: Arc::new(Semaphore::new(permits(self.settings.half_open_max))),
            connections: Arc::new(Semaphore::new(permits(self.settings.connections_max))),
            settings: self.settings,
            identity: self.identity,
            handler: self.handler,
            gate: self.gate,
            clock: self.clock,
            supervisor: self.supervisor,
            lanes: self.lanes,
            other_protocol: self.other_protocol,
            #[cfg(feature = "tls")]
            tls: self.tls,
            local,
            accepted: Mutex::new(BTreeMap::new()),
            next_connection: AtomicU64::new(1),
            said: SaidOnce::default(),
        });
        shared.supervisor.spawn_on(
            &shared.lanes.control,
            TaskKind::Essential,
            "member listener",
            drive_listener(Arc::clone(&shared), listener),
        );
        Ok(Transport { shared })
    }
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A member that was started again listens although connections of its last life linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A member's transport: listens for other members, and dials them. Clones share it; it stops with its supervisor.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
}

impl Transport {
    /// Puts a transport together. What `identity` holds is said in every handshake; `handler` receives what peers send;
    /// all tasks are `supervisor`'s.
    pub fn builder(
        identity: Arc<ArcSwap<Identity>>,
        handler: Arc<dyn Handler>,
        lanes: Lanes,
        supervisor: Supervisor,
    ) -> TransportBuilder {
        TransportBuilder {
            identity,
            handler,
            lanes,
            supervisor,
            settings: TransportSettings::default(),
            gate: Arc::new(|_: &PeerInfo| Ok(())),
            clock: Arc::new(SystemClock::new()),
            other_protocol: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Where it listens, with the port that it got.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.local
    }

    /// Connects to the member that listens at an address, once.
    ///
    /// # Errors
    /// The member could not be reached, or one side does not talk to the other. Refusals are logged once an address.
    pub async fn dial(&self, address: SocketAddr, lane: Lane) -> Result<Link, DialError> {
        let supervisor = &self.shared.supervisor;
        if supervisor.token().is_cancelled() {
            return Err(DialError::Stopping);
        }
        let (mut result, dialled) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let dialling = async move {
            tokio::select! {
                biased;
                () = shared.supervisor.stopped() => {}
                // Whoever dialled does not wait any more.
                () = result.closed() => {}
                dialled = Box::pin(dial(&shared, address, lane)) => drop(result.send(dialled)),
            }
        };
        supervisor.spawn_on(
            self.shared.runtime(lane),
            TaskKind::Connection,
            "member dial",
            dialling,
        );
        dialled.await.unwrap_or(Err(DialError::Stopping))
    }

    /// Who is connected to this member, one for each connection that was accepted.
    #[must_use]
    pub fn accepted(&self) -> Vec<PeerInfo> {
        let connections = self.accepted_connections();
        connections
            .iter()
            .map(|connection| connection.peer.clone())
            .collect()
    }

    /// Closes the accepted connections of some peers, and says how many those were.
    pub fn close_accepted(&self, mut which: impl FnMut(&PeerInfo) -> bool) -> usize {
        let mut connections = self.accepted_connections();
        connections.retain(|connection| which(&connection.peer));
        for connection in &connections {
            connection.close(EndCause::ClosedHere, &Bye::Done);
        }
        connections.len()
    }

    fn accepted_connections(&self) -> Vec<Arc<Connection>> {
        let accepted = self.shared.accepted.lock();
        accepted.values().filter_map(Weak::upgrade).collect()
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("local", &self.shared.local)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
