//! How far a view is.

use std::sync::Arc;

use crate::cache::CacheError;

/// How far a view is.
#[derive(Clone, Debug)]
pub struct ViewStatus {
    /// What it does.
    pub phase: ViewPhase,
    /// How often it has read all that its filter selects: once, and again each time that events were lost.
    pub readings: u64,
    /// How many events of entries it has taken in.
    pub events: u64,
}

/// What a view does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ViewPhase {
    /// It shows all that it has read and heard of.
    Current,
    /// It shows what it was when its connection was lost, and goes on when that is back.
    Disconnected,
    /// Events were lost, and it reads anew: what it shows may be stale. With the reason, if reading failed before.
    Reading(Option<Arc<CacheError>>),
    /// It does not change any more, with the reason.
    Ended(Arc<CacheError>),
}
