//! How a member of the group reaches the others.

use bytes::Bytes;
use futures::future::BoxFuture;
use grid_core::membership::MemberId;

/// Carries the group's requests to other members.
///
/// The other side gives them to its [`ControlGroup::handle`](super::ControlGroup::handle) and sends the answer back.
/// Requests may be lost, late, doubled or out of order: the group stays correct, though not quick.
pub trait ControlNetwork: Send + Sync + 'static {
    /// Sends a request to a member and waits for its answer.
    ///
    /// The group gives up after its own [`call_timeout`](super::ControlSettings::call_timeout) and drops the future.
    /// A connection that ended should fail its calls at once.
    fn call(&self, to: MemberId, request: Bytes) -> BoxFuture<'static, Result<Bytes, NetworkError>>;
}

/// Why a request has no answer. It may have been carried out all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// There is no connection, or it ended.
    #[error("the member cannot be reached")]
    Unreachable,
    /// No answer came in time.
    #[error("the member did not answer in time")]
    TimedOut,
}
