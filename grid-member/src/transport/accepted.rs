//! What comes on the connections that were accepted.

use std::sync::Arc;

use grid_proto::member::{Bye, Frame, FrameError, FrameKind};
use tokio::sync::OwnedSemaphorePermit;

use super::connection::Connection;
use super::reader::{Receiver, Stop};
use super::shared::Shared;
use super::{Answer, EndCause};

/// Hands requests and messages to the handler, and keeps the connection among the accepted ones meanwhile.
pub(super) struct Accepted {
    shared: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
}

impl Accepted {
    pub(super) fn new(shared: Arc<Shared>, permit: OwnedSemaphorePermit) -> Self {
        Accepted {
            shared,
            _permit: permit,
        }
    }
}

impl Receiver for Accepted {
    fn opened(&self, connection: &Arc<Connection>) {
        let peer = &connection.peer;
        let known = Arc::downgrade(connection);
        self.shared.accepted.lock().insert(peer.connection, known);
        self.shared.handler.accepted(peer, peer.lane);
    }

    fn take(&self, connection: &Arc<Connection>, frame: Frame) -> Result<(), Stop> {
        let Frame { header, payload } = frame;
        let (handler, peer) = (&self.shared.handler, &connection.peer);
        match header.kind {
            FrameKind::Request => {
                let answer = Answer::new(Arc::clone(connection), header.number);
                handler.request(peer, peer.lane, header.op, payload, answer);
            }
            FrameKind::OneWay => handler.message(peer, peer.lane, header.op, payload),
            FrameKind::Bye => return Err(Stop::Bye(Bye::decode(header.op, &payload))),
            kind => return Err(FrameError::Unexpected { kind }.into()),
        }
        Ok(())
    }

    /// A peer that does not take its answers is not asked for more.
    fn waits_for_peer(&self) -> bool {
        true
    }

    fn closed(&self, connection: &Connection, cause: &EndCause) {
        let peer = &connection.peer;
        self.shared.accepted.lock().remove(&peer.connection);
        self.shared.handler.closed(peer, peer.lane, cause);
    }
}
