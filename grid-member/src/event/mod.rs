//! Listeners: who hears of which change, and the queues between them and the writers.

mod hub;
mod queue;
mod queue_sink;
mod sink;
mod subject;

pub use hub::{AttachedSink, InterestLog, ListenerHub, Quiet};
pub use queue::{BoundedQueue, Overflow};
pub use queue_sink::listen;
pub use sink::{EventSink, Lifecycle, Matched};
pub use subject::{Subject, Wish};
