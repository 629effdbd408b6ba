//! The caches of this member.

mod embedded;
mod info;
mod kind;
mod open_cache;
mod registry;
mod reply;
mod rule;

pub use embedded::EmbeddedCache;
pub use info::{CacheCounters, CacheInfo};
pub use kind::CacheKind;
pub use open_cache::OpenCache;
pub use registry::{CacheLimits, CacheRegistry};
pub use reply::{Reply, ReplyFuture};
pub use rule::{CacheRule, CacheRules};
