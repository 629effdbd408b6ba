//! A connection that this member dialled.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use grid_proto::member::Bye;
use tokio::sync::oneshot;

use super::connection::Connection;
use super::pending::Completion;
use super::{EndCause, LinkError, PeerInfo, Pieces};

/// A connection that this member dialled, to ask its peer. Clones share it; it is closed with the last of them.
///
/// Frames reach the peer in the order of the calls; answers come in any order. It is never dialled again by itself.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Arc<Connection>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.connection.close(EndCause::ClosedHere, &Bye::Done);
    }
}

impl Link {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Link {
            shared: Arc::new(Shared { connection }),
        }
    }

    fn connection(&self) -> &Connection {
        &self.shared.connection
    }

    /// Who is at the other end.
    #[must_use]
    pub fn info(&self) -> &PeerInfo {
        &self.connection().peer
    }

    /// Asks the peer. The request is sent by this call, not by polling; dropping the future does not take it back.
    ///
    /// The future keeps the link open. It has no time limit of its own.
    ///
    /// # Errors
    /// The future's error says whether the peer may have got the request: [`LinkError::may_have_arrived`].
    pub fn request<P: Into<Pieces>>(
        &self,
        kind: u8,
        payload: P,
    ) -> impl Future<Output = Result<Bytes, LinkError>> + Send + use<P> {
        let (sender, answer) = oneshot::channel();
        let sent = self
            .connection()
            .request(kind, payload.into(), Completion::Future(sender));
        let link = self.clone();
        async move {
            sent.map_err(|(error, _)| error)?;
            match answer.await {
                Ok(outcome) => outcome,
                // Only when completing another request of the connection panicked.
                Err(_gone) => Err(LinkError::Lost(link.connection().ended().await)),
            }
        }
    }

    /// Asks the peer, and calls `then` with what comes of it, exactly once: on the task that reads the connection, which
    /// must not be blocked; or in this call, when the request can't be sent; or where the connection is ended.
    ///
    /// No lock is held meanwhile, and `then` may send on this link.
    pub fn request_with<F>(&self, kind: u8, payload: impl Into<Pieces>, then: F)
    where
        F: FnOnce(Result<Bytes, LinkError>) + Send + 'static,
    {
        let completion = Completion::Callback(Box::new(then));
        if let Err((error, completion)) = self.connection().request(kind, payload.into(), completion) {
            completion.complete(Err(error));
        }
    }

    /// Tells the peer something that wants no answer. Whether it arrives is not known.
    ///
    /// # Errors
    /// It was not sent: the link is overloaded or has ended, or the payload is too long.
    pub fn send(&self, kind: u8, payload: impl Into<Pieces>) -> Result<(), LinkError> {
        self.connection().message(kind, payload.into())
    }

    /// Waits for the end, and says why. The future does not keep the link open.
    pub fn ended(&self) -> impl Future<Output = EndCause> + Send + use<> {
        let connection = Arc::clone(&self.shared.connection);
        async move { connection.ended().await }
    }

    /// Why it ended, if it did.
    #[must_use]
    pub fn end_cause(&self) -> Option<EndCause> {
        self.connection().end_cause()
    }

    /// Closes the connection, for all clones. Requests without an answer fail.
    pub fn close(&self) {
        self.connection().close(EndCause::ClosedHere, &Bye::Done);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("peer", self.info())
            .field("ended", &self.end_cause())
            .finish()
    }
}
