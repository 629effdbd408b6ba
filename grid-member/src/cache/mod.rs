//! The caches of this member.

mod embedded;
mod gather;
mod here;
mod info;
mod kind;
mod open_cache;
mod paging;
mod part;
mod read_from;
mod registry;
mod reply;
mod rule;

pub use embedded::EmbeddedCache;
pub(crate) use gather::Gather;
pub use info::{CacheCounters, CacheInfo};
pub use kind::CacheKind;
pub use open_cache::OpenCache;
pub use part::{PartFailure, PartRequest, PartResult};
pub use read_from::ReadFrom;
pub use registry::{CacheLimits, CacheRegistry, Catalogue};
pub use reply::{Reply, ReplyFuture};
pub use rule::{CacheRule, CacheRules};
