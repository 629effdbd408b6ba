//! Version 0 of the cache protocol: one call an operation, and a stream of events for each cache.

mod events;
mod service;
mod streams;

pub use service::NamedCaches;
