//! Caches of a session: their ids on each connection, their requests, their listeners.

mod agents;
mod event_queue;
mod events;
mod follow_call;
mod followed;
mod follower;
mod keeper;
mod listeners;
mod reading;
mod remote_cache;
mod requests;
mod state;

pub(crate) use keeper::Keeper;
pub(crate) use remote_cache::RemoteCache;
pub(crate) use state::{CacheState, Wiring};
