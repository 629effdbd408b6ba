//! Caches: the `NamedCache` that applications use, and the backend that each kind of cache implements.
//!
//! [`NamedCache`] is typed and is what an application sees. [`CacheBackend`] speaks in [`Binary`](crate::value::Binary)
//! and is what a kind of cache implements: in this process, or over a network. [`Cache`] joins the two.

mod answer;
mod asking;
mod backend;
mod background;
mod cohql;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod followed_events;
mod handle;
mod indexing;
mod invoked;
mod name;
mod named_cache;
mod query;
pub mod selections;
mod unavailability;
pub mod view;

pub use backend::{BinaryEvents, BinaryPage, CacheBackend, PageContents, Updated};
pub use background::Background;
pub use cohql::{Ask, AskError, Caches};
pub use error::{Applied, CacheError};
pub use followed_events::FollowedEvents;
pub use handle::Cache;
pub use invoked::Invoked;
pub use name::{CacheName, CacheNameError};
pub use named_cache::{Events, NamedCache};
pub use query::{Among, BinarySelection, Query, QueryContents, Selected};
pub use unavailability::Unavailability;
pub use view::{View, ViewPlan};
