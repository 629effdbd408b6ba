//! Truncations, which are told as a whole at every member once they have come to their end.
//!
//! See [`listening`](crate::listening) for what always holds.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use grid_core::membership::MemberId;
use grid_core::replication::TruncationId;
use grid_core::store::CacheId;

use crate::cache::OpenCache;
use crate::event::Lifecycle;
use crate::listening::EventFrame;
use crate::transport::Lane;

use super::core::{Core, KNOWN_TIMEOUT};
use super::message::kind;

/// Asked of a member that is none. Nobody is told of its end by it, and so each is told at once.
const NOBODY: MemberId = MemberId::new(0);

impl Core {
    /// The next truncation that this member is asked for.
    pub(super) fn next_truncation(&self) -> TruncationId {
        TruncationId {
            member: self.me().unwrap_or(NOBODY),
            number: self.listening.last_truncation.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }

    /// A truncation emptied a partition, as this member did or another one told. Called in the place that this has among
    /// what is told of the partition.
    pub(super) fn emptied(&self, cache: CacheId, by: TruncationId) {
        let Some(cache) = self.open_cache(cache) else {
            return;
        };
        let is_late = self.listening.truncations.lock().emptied(by, cache.id());
        if is_late {
            cache.listeners().publish_missed();
        }
    }

    /// A truncation has come to its end: the listeners at this member are told.
    pub(super) fn truncated(&self, cache: CacheId, by: TruncationId, whole: bool) {
        let Some(cache) = self.open_cache(cache) else {
            return;
        };
        let was_open = self.listening.truncations.lock().ended(by, cache.id());
        if whole {
            cache.listeners().publish_lifecycle(Lifecycle::Truncated);
        } else if was_open {
            cache.listeners().publish_missed();
        }
    }

    /// The members are these: what those that are gone have begun to truncate has no other end than this.
    pub(super) fn end_truncations(&self, members: impl IntoIterator<Item = MemberId>) {
        let unended = self.listening.truncations.lock().set_members(members);
        for cache in unended {
            if let Some(cache) = self.open_cache(cache) {
                cache.listeners().publish_missed();
            }
        }
    }

    /// Nobody listens to a cache that is not open here.
    fn open_cache(&self, cache: CacheId) -> Option<Arc<OpenCache>> {
        self.registry()?.opened(cache)
    }

    /// Tells the listeners at every member that a truncation has come to its end. Waits until all have heard of it, or are not
    /// waited for any longer; not when it failed.
    pub(super) fn tell_truncated(
        self: &Arc<Self>,
        cache: CacheId,
        by: TruncationId,
        whole: bool,
    ) -> BoxFuture<'static, ()> {
        let core = self.clone();
        async move {
            if whole {
                // What was told of changes before it comes before it, if all goes well.
                let asked = core.links.members().into_iter().filter_map(|member| {
                    let link = core.links.get(member, Lane::Data)?;
                    Some(link.request(kind::FLUSH, Bytes::new()))
                });
                let others = join_all(asked);
                let flushed = async { tokio::join!(core.flush(), others) };
                let _in_time = tokio::time::timeout(KNOWN_TIMEOUT, flushed).await;
            }
            core.truncated(cache, by, whole);
            core.push_to_all(cache, &EventFrame::truncated(cache, by, whole));
            if whole {
                core.flush().await;
            }
        }
        .boxed()
    }
}
