//! The lab itself: loads on caches that lie, processes that fail, networks that break.

mod loads;
mod lying_cache;
mod members;
mod networks;
