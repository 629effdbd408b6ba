//! Listeners: who hears of which change, and the queues between them and the writers.

mod hub;
mod kept_log;
mod log_budget;
mod queue;
mod queue_sink;
mod sink;
mod subject;

pub use hub::{AttachedSink, InterestLog, ListenerHub, Quiet};
pub use kept_log::KeptLog;
pub use log_budget::LogBudget;
pub use queue::{BoundedQueue, Overflow};
pub use queue_sink::listen;
pub use sink::{EventSink, Lifecycle, Matched};
pub use subject::{Subject, Wish};
