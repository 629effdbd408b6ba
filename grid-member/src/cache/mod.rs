//! The caches of this member.

mod allowance;
mod beside;
mod embedded;
mod following;
mod gather;
mod here;
mod info;
mod kind;
mod log_driver;
mod open_cache;
mod paging;
mod part;
mod question;
mod read_from;
mod registry;
mod reply;
mod rule;
mod scatter;
mod working;

pub use embedded::EmbeddedCache;
pub(crate) use gather::Gather;
pub(crate) use here::{Numbered, PartAnswer};
pub use info::{CacheCounters, CacheIndexes, CacheInfo};
pub use kind::CacheKind;
pub use log_driver::drive_logs;
pub use open_cache::OpenCache;
pub(crate) use open_cache::invalid;
pub use part::{PartFailure, PartRequest, PartResult};
pub use question::Question;
pub use read_from::ReadFrom;
pub use registry::{CacheLimits, CacheRegistry, Catalogue};
pub use reply::{Reply, ReplyFuture};
pub use rule::{CacheRule, CacheRules};
pub use scatter::{Scatter, Selected};
pub use working::Working;
