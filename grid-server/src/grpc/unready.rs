//! The gRPC port of a member that has not joined its cluster yet.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tonic::Status;

/// How long to wait when the system has no file descriptor for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long calls under way may take when their connection is to be closed.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// Limits of connections whose calls are all refused.
#[derive(Clone, Copy, Debug)]
pub struct RefusalLimits {
    /// The most at a time; more are closed at once.
    pub connections_max: usize,
    /// How long one is kept.
    pub connection_age_max: Duration,
}

/// Answers every call with "unavailable: not joined yet", until the future is dropped; then the connections end.
pub async fn refuse_all(listener: &TcpListener, limits: RefusalLimits) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            Some(_ended) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if connections.len() < limits.connections_max => {
                connections.spawn(refuse(stream, limits.connection_age_max));
            }
            Ok(_one_too_many) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn refuse(stream: TcpStream, age_max: Duration) {
    let service = service_fn(|_call: Request<Incoming>| async { Ok::<_, Infallible>(answer()) });
    let serving = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let ended = match tokio::time::timeout(age_max, serving.as_mut()).await {
        Ok(ended) => ended,
        Err(_elapsed) => {
            serving.as_mut().graceful_shutdown();
            match tokio::time::timeout(FAREWELL_MAX, serving).await {
                Ok(ended) => ended,
                Err(_elapsed) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn answer() -> Response<Empty<Bytes>> {
    let status = Status::unavailable(
        "not applied: this member has not joined its cluster yet; try again later, or another member",
    );
    status.into_http()
}
