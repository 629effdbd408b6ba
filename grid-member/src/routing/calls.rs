//! Asking another member.

use bytes::Bytes;
use futures::future::BoxFuture;
use grid_core::cache::CacheError;
use grid_core::membership::MemberId;
use grid_core::replication::TruncationId;
use grid_core::store::CacheId;

/// Another member did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallFailed {
    /// The request did not leave this member.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request is longer than one between members may be, and did not leave this member.
    #[error("not sent: {0}")]
    TooLong(String),
    /// The request may have reached the other member.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// Asks other members.
pub trait Calls: Send + Sync {
    /// Sends this body of a request about partitions, and waits for the answer. When the future is dropped before it is there,
    /// a question is withdrawn; anything else goes on.
    fn call(
        &self,
        to: MemberId,
        body: Vec<Bytes>,
        is_question: bool,
    ) -> BoxFuture<'static, Result<Bytes, CallFailed>>;

    /// A number for a truncation that this member is asked for.
    fn next_truncation(&self) -> TruncationId;

    /// Tells the listeners of a cache at every member that a truncation has come to its end: it emptied the `whole` cache, or
    /// failed after some partitions or none. Waits until all members know that it is truncated.
    fn tell_truncated(&self, cache: CacheId, by: TruncationId, whole: bool) -> BoxFuture<'static, ()>;

    /// Goes on with a task until it ends or the member stops, whether somebody waits for it or not.
    fn go_on(&self, what: &'static str, task: BoxFuture<'static, ()>);

    /// Resolves when the events of another member up to this number were told to the listeners at this one, or can't be
    /// waited for any longer.
    fn wait_heard(&self, member: MemberId, number: u64) -> BoxFuture<'static, ()>;

    /// What waits for every member to know what is listened to here; `None` when all do.
    fn wait_known(&self) -> Option<BoxFuture<'static, Result<(), CacheError>>>;

    /// Whether this is the number of this member.
    fn is_me(&self, member: MemberId) -> bool;
}
