//! What is counted, and how `GET /metrics` shows it.
//!
//! Figures of caches and of the cluster are read when they are asked for. What happens at the edges is counted here,
//! with one relaxed addition each. There is no global recorder, so several servers fit into one process.

mod connections;
mod grpc_figures;
mod metric_definitions;
mod process;
mod render;

use std::sync::Arc;

pub use connections::{ConnectionGuard, Connections};
pub use grpc_figures::{GrpcCounts, GrpcFigures, RequestFigures};

/// What one server counts.
#[derive(Debug)]
pub struct Metrics {
    /// Connections of HTTP clients.
    pub http_connections: Arc<Connections>,
    /// What the gRPC edge counts.
    pub grpc: Arc<dyn GrpcCounts>,
}

impl Metrics {
    /// The metrics of a server with this gRPC edge.
    #[must_use]
    pub fn new(grpc: Arc<dyn GrpcCounts>) -> Self {
        Metrics {
            http_connections: Arc::default(),
            grpc,
        }
    }
}
