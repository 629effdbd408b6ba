//! Version 1 of the cache protocol: one stream of frames carries any number of caches.

mod answer;
mod caches;
mod codec;
mod event_queue;
mod frames;
mod handshake;
mod in_flight;
mod key_request;
mod more;
mod numbered;
mod outbound;
mod rows;
mod service;
mod session;

pub use frames::{InFrame, OutFrame};
pub use service::ProxyService;
pub use session::Session;
