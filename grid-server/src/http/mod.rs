//! The HTTP edge: health, cluster, caches and metrics for operators.

mod routes;
mod serve;

pub use serve::{HttpState, serve};
