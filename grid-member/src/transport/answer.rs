//! The answer that a request waits for.

use std::sync::Arc;

use grid_proto::member::{Failure, FailureKind};

use super::connection::Connection;
use super::{PeerInfo, Pieces};

/// The right and the duty to answer one request, once, from any thread.
///
/// Dropped without an answer, the requester is told so. An answer after the connection ended goes nowhere.
#[derive(Debug)]
#[must_use = "dropping it tells the requester that there is no answer"]
pub struct Answer {
    connection: Option<Arc<Connection>>,
    number: u64,
}

impl Answer {
    pub(super) fn new(connection: Arc<Connection>, number: u64) -> Self {
        connection.begin_request();
        Answer {
            connection: Some(connection),
            number,
        }
    }

    /// Answers. An answer that is longer than a frame may be, or for which there is no room since the peer reads too
    /// slowly, becomes a failure of the kind [`FailureKind::AnswerLost`].
    pub fn send(mut self, payload: impl Into<Pieces>) {
        self.finish(Ok(payload.into()));
    }

    /// Says that there is no answer, and why. Only the first 1024 bytes of the reason are sent.
    pub fn fail(mut self, reason: impl Into<String>) {
        self.finish(Err(Failure {
            kind: FailureKind::Reported,
            reason: reason.into(),
        }));
    }

    /// Whether nobody can get the answer any more, since the connection ended.
    #[must_use]
    pub fn is_moot(&self) -> bool {
        self.connection
            .as_ref()
            .is_none_or(|connection| connection.over().is_cancelled())
    }

    /// Who asked.
    #[must_use]
    pub fn peer(&self) -> Option<&PeerInfo> {
        self.connection.as_ref().map(|connection| &connection.peer)
    }

    fn finish(&mut self, answer: Result<Pieces, Failure>) {
        if let Some(connection) = self.connection.take() {
            connection.answer(self.number, answer);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.finish(Err(Failure {
            kind: FailureKind::Unanswered,
            reason: "the receiver let the request go without an answer".to_owned(),
        }));
    }
}
