//! Listeners: who hears of which change, and the queues between them and the writers.

mod hub;
mod queue;
mod queue_sink;
mod sink;

pub use hub::{AttachedSink, ListenerHub};
pub use queue::{BoundedQueue, Overflow};
pub use queue_sink::listen;
pub use sink::{EventSink, Lifecycle, Matched};
