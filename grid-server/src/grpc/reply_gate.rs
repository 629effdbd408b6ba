//! Where the replies of caches pass on their way to a session.

use grid_member::cache::Reply;
use grid_proto::v1::cache::NamedCacheRequestType;

/// Every reply of a cache passes here on its way to a session.
///
/// Servers let all of them through ([`OpenGate`]). A test holds some back, to see what a session does while it waits
/// for other members, without any.
pub trait ReplyGate: Clone + Send + Sync + Unpin + 'static {
    /// Lets a reply to a request of this kind through, or gives one that comes later.
    fn pass<T: Send + 'static>(&self, kind: NamedCacheRequestType, reply: Reply<T>) -> Reply<T>;
}

/// Lets every reply through as it comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenGate;

impl ReplyGate for OpenGate {
    #[inline]
    fn pass<T: Send + 'static>(&self, _: NamedCacheRequestType, reply: Reply<T>) -> Reply<T> {
        reply
    }
}
