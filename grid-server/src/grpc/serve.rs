//! Serving the gRPC edge on a listener.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use grid_member::Grid;
use grid_proto::girih::cluster_server::ClusterServer;
use grid_proto::girih::events_server::EventsServer;
use grid_proto::v0::named_cache_service_server::NamedCacheServiceServer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic::transport::Server;

use super::cluster::{ClusterService, EventsService};
use super::connection::connections;
use super::v0::NamedCaches;
use super::v1::ProxyService;
use super::{Edge, GrpcMetrics, GrpcOptions};

/// How much a client may send on one call, and on one connection, before it must wait for us, in bytes.
const STREAM_WINDOW_LEN: u32 = 1 << 20;
const CONNECTION_WINDOW_LEN: u32 = 4 << 20;

/// The largest size of a request's headers, in bytes.
const HEADER_LEN_MAX: u32 = 16 << 10;

/// Serves the gRPC edge on a listener until `stop` is cancelled: then no new call is taken, and the open streams end
/// when what is under way on them is answered. The future is ready when all have; dropping it ends them at once.
///
/// # Errors
/// When the listener fails for good, or the service descriptors are broken.
pub async fn serve(
    listener: TcpListener,
    grid: Grid,
    options: GrpcOptions,
    metrics: Arc<GrpcMetrics>,
    stop: CancellationToken,
) -> io::Result<()> {
    let edge = Arc::new(Edge::new(grid, options, metrics, stop.clone()));
    let options = edge.options();
    let (mut health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<ProxyService>().await;
    health.set_serving::<NamedCacheServiceServer<NamedCaches>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(grid_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(io::Error::other)?;
    let message_len_max = options.message_len_max;
    let named_caches = NamedCacheServiceServer::new(NamedCaches::new(edge.clone()))
        .max_decoding_message_size(message_len_max);
    let incoming = connections(
        listener,
        options.connections_max,
        options.handshake_timeout,
        edge.metrics().clone(),
        stop.clone(),
    );
    let watched = stop.clone();
    let serving = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_LEN)
        .initial_connection_window_size(CONNECTION_WINDOW_LEN)
        .max_concurrent_streams(options.streams_per_connection_max)
        .http2_max_header_list_size(HEADER_LEN_MAX)
        .http2_keepalive_interval(Some(options.keep_alive_interval))
        .http2_keepalive_timeout(Some(options.keep_alive_timeout))
        .add_service(ProxyService::new(edge.clone()))
        .add_service(named_caches)
        .add_service(ClusterServer::new(ClusterService::new(edge.clone())))
        .add_service(
            EventsServer::new(EventsService::new(edge.clone())).max_decoding_message_size(message_len_max),
        )
        .add_service(health_service)
        .add_service(reflection)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned());
    let mut serving = pin!(serving);
    tokio::select! {
        served = &mut serving => return served.map_err(io::Error::other),
        () = watched.cancelled() => {}
    }
    // Whoever watches the health would wait for a change for ever, and so would we for the end of its call.
    health.set_not_serving::<ProxyService>().await;
    health
        .set_not_serving::<NamedCacheServiceServer<NamedCaches>>()
        .await;
    health
        .set_service_status("", tonic_health::ServingStatus::NotServing)
        .await;
    for name in [
        ProxyService::NAME,
        NamedCacheServiceServer::<NamedCaches>::NAME,
        "",
    ] {
        health.clear_service_status(name).await;
    }
    serving.await.map_err(io::Error::other)
}
