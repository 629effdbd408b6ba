//! The gRPC edge: the official Coherence clients connect here, unmodified.
//!
//! [`v1`] is one stream of frames for any number of caches, [`v0`] one call an operation. Both turn bytes into keys
//! and values ([`Edge`]), act on [`grid_member::cache::OpenCache`], and tell a client of changes through a proxy of
//! the cache with the listeners of that client. [`cluster`] is our own beside them.

mod agents;
mod cache_proxy;
mod class_names;
pub mod cluster;
mod connection;
mod decorated_key;
mod edge;
mod event_body;
mod key_batches;
mod listeners;
mod metrics;
mod options;
mod reader;
mod recent_processors;
mod refusal;
mod replace_agent;
mod reply_gate;
mod serve;
mod unready;
pub mod v0;
pub mod v1;
mod wire_value;

pub use edge::Edge;
pub use event_body::EventBody;
pub use metrics::{GrpcMetrics, RequestCounts};
pub use options::GrpcOptions;
pub use reader::Reader;
pub(crate) use recent_processors::RecentProcessors;
pub use refusal::{Refusal, RefusalKind};
pub use reply_gate::{OpenGate, ReplyGate};
pub use serve::serve;
pub use unready::{RefusalLimits, refuse_all};
pub use wire_value::WireValue;
