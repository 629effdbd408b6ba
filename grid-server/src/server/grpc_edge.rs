//! The gRPC edge as the server's settings make it.

use std::sync::Arc;

use grid_member::Grid;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::grpc::{self, GrpcMetrics, GrpcOptions, RefusalLimits};
use crate::metrics::{GrpcCounts, GrpcFigures, RequestFigures};

/// The edge before it serves.
#[derive(Debug)]
pub(super) struct GrpcEdge {
    options: GrpcOptions,
    metrics: Arc<GrpcMetrics>,
}

impl GrpcEdge {
    /// An edge with these settings.
    pub(super) fn new(config: &Config) -> Self {
        GrpcEdge {
            options: options_of(config),
            metrics: Arc::default(),
        }
    }

    /// What it counts.
    pub(super) fn counts(&self) -> Arc<dyn GrpcCounts> {
        self.metrics.clone()
    }

    /// Answers every call with "unavailable" until the member has joined; gives the listener back with what came of that.
    pub(super) async fn refuse_until<T>(
        &self,
        listener: TcpListener,
        joined: impl Future<Output = T>,
    ) -> (T, TcpListener) {
        let limits = RefusalLimits {
            connections_max: self.options.connections_max,
            connection_age_max: self.options.handshake_timeout,
        };
        let refusing = grpc::refuse_all(&listener, limits);
        let outcome = tokio::select! {
            biased;
            outcome = joined => outcome,
            never = refusing => match never {},
        };
        (outcome, listener)
    }

    /// Serves until `stop`, and then until the open calls have ended.
    pub(super) async fn serve(self, listener: TcpListener, grid: Grid, stop: CancellationToken) {
        if let Err(error) = grpc::serve(listener, grid, self.options, self.metrics, stop).await {
            tracing::error!(%error, "the gRPC edge has failed");
        }
    }
}

fn options_of(config: &Config) -> GrpcOptions {
    let (grpc, limits) = (&config.grpc, &config.limits);
    GrpcOptions {
        message_len_max: grpc.message_len_max.0,
        connections_max: grpc.connections_max,
        streams_per_connection_max: grpc.streams_per_connection_max,
        caches_per_stream_max: grpc.caches_per_stream_max,
        listeners_per_stream_max: grpc.listeners_per_stream_max,
        requests_in_flight_max: grpc.requests_in_flight_max,
        event_queue_len_max: limits.event_queue_len_max,
        event_queue_bytes_max: limits.event_queue_bytes_max.0,
        handshake_timeout: grpc.handshake_timeout,
        keep_alive_interval: grpc.keep_alive_interval,
        keep_alive_timeout: grpc.keep_alive_timeout,
        strict: grpc.strict,
        null_members: grpc.null_members,
    }
}

impl GrpcCounts for GrpcMetrics {
    fn figures(&self) -> GrpcFigures {
        let requests = self.requests();
        let requests = requests.iter().map(|counts| RequestFigures {
            request: counts.name,
            done: counts.done,
            refused: counts.refused,
        });
        GrpcFigures {
            connections_open: self.connections_open(),
            connections_refused: self.connections_refused(),
            streams_malformed: self.streams_malformed(),
            streams_too_slow: self.streams_too_slow(),
            requests: requests.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_edge() {
        assert_eq!(options_of(&Config::default()), GrpcOptions::default());
    }
}
