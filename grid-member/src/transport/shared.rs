//! What the listener, the dialer and the connections of one transport share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use grid_proto::member::{Decoder, Lane};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::accepted::Accepted;
use super::connection::Connection;
use super::handshake::Ourselves;
use super::reader::{Receiver, drive_reader};
use super::said_once::SaidOnce;
use super::stream::Stream;
use super::writer::drive_writer;
use super::{Gate, Handler, Identity, Lanes, OtherProtocol, PeerInfo, Recognition, TransportSettings};
use crate::clock::Clock;
use crate::task::{Supervisor, TaskKind};

pub(super) struct Shared {
    pub(super) settings: TransportSettings,
    pub(super) identity: Arc<ArcSwap<Identity>>,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) gate: Arc<dyn Gate>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) supervisor: Supervisor,
    pub(super) lanes: Lanes,
    pub(super) other_protocol: Option<Arc<dyn OtherProtocol>>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<super::TlsSettings>,
    /// Where the listener is.
    pub(super) local: SocketAddr,
    /// Connections in their handshake, and accepted ones.
    pub(super) half_open: Arc<Semaphore>,
    pub(super) connections: Arc<Semaphore>,
    /// The accepted connections, by number.
    pub(super) accepted: Mutex<BTreeMap<u64, Weak<Connection>>>,
    pub(super) next_connection: AtomicU64,
    pub(super) said: SaidOnce,
}

impl Shared {
    pub(super) fn runtime(&self, lane: Lane) -> &Handle {
        match lane {
            Lane::Control => &self.lanes.control,
            Lane::Data => &self.lanes.data,
        }
    }

    /// What this member brings to a handshake on a connection with `remote`.
    pub(super) fn ourselves<'a>(&'a self, identity: &'a Identity, remote: SocketAddr) -> Ourselves<'a> {
        Ourselves {
            identity,
            gate: &*self.gate,
            now: self.clock.now(),
            clock_skew_max_ms: u64::try_from(self.settings.clock_skew_max.as_millis()).unwrap_or(u64::MAX),
            listen: self.local,
            remote,
            connection: self.next_connection.fetch_add(1, Ordering::Relaxed),
        }
    }

    pub(super) fn tls_only(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Whether a connection that began with these bytes is for the other protocol.
    pub(super) fn recognise(&self, first: &[u8]) -> Recognition {
        match &self.other_protocol {
            Some(other) => other.recognise(first),
            None => Recognition::No,
        }
    }

    pub(super) fn start_accepted(
        self: &Arc<Self>,
        peer: PeerInfo,
        decoder: Decoder,
        stream: Stream,
        permit: OwnedSemaphorePermit,
    ) {
        tracing::debug!(remote = %peer.remote, process = %peer.process, lane = ?peer.lane, "a member connected");
        let receiver = Accepted::new(Arc::clone(self), permit);
        if let Err(error) = self.start(peer, decoder, stream, receiver) {
            tracing::warn!(%error, "an accepted connection could not be moved to its lane; it is closed");
        }
    }

    /// Starts the tasks of a connection.
    pub(super) fn start<R: Receiver + 'static>(
        &self,
        peer: PeerInfo,
        decoder: Decoder,
        stream: Stream,
        receiver: R,
    ) -> std::io::Result<Arc<Connection>> {
        let runtime = self.runtime(peer.lane);
        let (read_end, write_end) = stream.moved_to(runtime)?.split();
        let connection = Connection::new(peer, &self.settings, write_end.socket());
        let writer = drive_writer(Arc::clone(&connection), write_end, self.settings.clone());
        let stop = self.supervisor.token().clone();
        let reader = drive_reader(Arc::clone(&connection), read_end, decoder, receiver, stop);
        self.supervisor
            .spawn_on(runtime, TaskKind::Connection, "member writer", writer);
        self.supervisor
            .spawn_on(runtime, TaskKind::Connection, "member reader", reader);
        Ok(connection)
    }
}
