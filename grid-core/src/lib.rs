//! Values and decisions of the grid.
//!
//! Nothing here opens a socket, spawns a task, reads a clock or draws a random number: time and seeds come in
//! as arguments, so that every decision can be replayed.

pub mod cache;
pub mod control;
pub mod event;
pub mod membership;
pub mod partition;
pub mod processor;
pub mod query;
pub mod replication;
pub mod repository;
pub mod store;
pub mod value;
