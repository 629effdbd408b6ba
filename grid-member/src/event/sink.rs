//! Where events go.

use grid_core::event::EventNumber;
use grid_core::store::Change;

/// Which registrations of a sink an event matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// The registration for everything.
    pub all: bool,
    /// A registration for the key.
    pub key: bool,
}

/// What happens to a cache as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// Every entry was dropped.
    Truncated,
    /// The cache is gone.
    Destroyed,
}

/// Takes the events of one cache.
///
/// Called while the partition of the change is locked, so that events come in the order of the changes: an
/// implementation queues and returns, and never waits.
pub trait EventSink: Send + Sync {
    /// An entry changed. Called only for changes that the sink registered for.
    fn entry(&self, change: (EventNumber, &Change), matched: Matched);

    /// The cache changed as a whole. Called on every sink that is attached.
    fn lifecycle(&self, what: Lifecycle);

    /// Events were lost on the way here. What the sink's reader knows may be stale, as when it is too slow.
    fn missed(&self);
}
