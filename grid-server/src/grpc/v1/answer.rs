//! Where the answers to a request come from.

use std::sync::Arc;

use futures::future::BoxFuture;
use grid_core::cache::CacheError;
use grid_member::cache::OpenCache;
use grid_proto::v1::cache::{NamedCacheRequest, NamedCacheRequestType as Type};

use crate::grpc::Refusal;

use super::frames::OutFrame;
use super::key_request::{KeyAnswer, KeyRequest, Outcome};
use super::more::More;

/// Where the answers to a request come from. `complete` follows the last of them.
pub(crate) enum Answer<G> {
    /// All of them are here.
    Frames(Vec<OutFrame>),
    /// The one answer that most requests have.
    One(OutFrame),
    /// All of them are here, and older than the events that wait.
    BeforeEvents(Vec<OutFrame>),
    /// There is none.
    None,
    /// They come bit by bit.
    More(More<G>),
    /// They are known later, and nothing else is done meanwhile.
    Later(Later<G>),
    /// The cache that was asked for is opened, and nothing else is done meanwhile.
    Opening(BoxFuture<'static, Result<Arc<OpenCache>, CacheError>>),
    /// The outcome of an operation on one key is known later, and requests on other keys go on meanwhile.
    InFlight(Box<KeyAnswer>, BoxFuture<'static, Result<Outcome, CacheError>>),
    /// The request was not carried out: what is in flight goes first.
    Wait(Held),
}

impl<G> Answer<G> {
    /// Whether it is known how the request went.
    pub(crate) fn is_settled(&self) -> bool {
        !matches!(
            self,
            Answer::Later(_) | Answer::Opening(_) | Answer::InFlight(..) | Answer::Wait(_)
        )
    }
}

/// Answers that are known later.
pub(crate) struct Later<G> {
    /// The kind of the request.
    pub(crate) kind: Type,
    /// Whether the events that come meanwhile are younger than the answer, and must not go before it.
    pub(crate) holds_events: bool,
    /// They are one of the answers that are here.
    pub(crate) answer: BoxFuture<'static, Result<Answer<G>, Refusal>>,
}

/// A request that waits for others to be answered.
pub(crate) enum Held {
    /// It concerns one key, on which another is in flight.
    Key(Box<KeyRequest>),
    /// It concerns more than one key: it waits for all.
    Whole(Box<NamedCacheRequest>),
}
