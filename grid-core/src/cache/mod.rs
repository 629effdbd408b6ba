//! Caches: the `NamedCache` that applications use, and the backend that each kind of cache implements.
//!
//! [`NamedCache`] is typed and is what an application sees. [`CacheBackend`] speaks in [`Binary`](crate::value::Binary)
//! and is what a kind of cache implements: in this process, or over a network. [`Cache`] joins the two.

mod backend;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod handle;
mod name;
mod named_cache;
mod unavailability;

pub use backend::{BinaryEvents, BinaryPage, CacheBackend, PageContents, Updated};
pub use error::{Applied, CacheError};
pub use handle::Cache;
pub use name::{CacheName, CacheNameError};
pub use named_cache::{Events, NamedCache};
pub use unavailability::Unavailability;
