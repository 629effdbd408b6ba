//! The lab itself: loads on caches that lie, processes that fail, networks that break.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic, wherever it stands")]

mod loads;
mod lying_cache;
mod members;
mod networks;
