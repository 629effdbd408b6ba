//! The HTTP edge: health, cluster, caches and metrics for operators.

mod answer;
mod changes;
mod routes;
mod serve;

pub use serve::{HttpState, serve};
