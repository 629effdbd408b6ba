//! Connections: how many there may be, and how long each may take to start.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{self, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::{Connected, TcpConnectInfo};

use super::GrpcMetrics;
use super::edge::Stopped;

/// The length of the text that every HTTP/2 client sends first.
const PREFACE_LEN: usize = 24;

/// How long to wait when the system has no file descriptor for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a client may go on to send after the last was said to it.
const FAREWELL_MAX: Duration = Duration::from_millis(500);

/// How much of that is read at a time, in bytes, and how often before others get their turn.
const FAREWELL_READ_LEN: usize = 4 << 10;
const FAREWELL_READS_IN_ROW: u32 = 16;

/// A client that does not speak yet.
struct Preface {
    deadline: Pin<Box<Sleep>>,
    /// Nothing can be under way here: when the server stops, such a client is not waited for.
    stopped: Stopped,
}

impl Preface {
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.stopped.as_mut().poll(cx).is_ready() {
            let error = io::Error::new(io::ErrorKind::ConnectionAborted, "the server is stopping");
            return Poll::Ready(error);
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(io::Error::new(
            io::ErrorKind::TimedOut,
            "no HTTP/2 preface in time",
        ))
    }
}

/// A connection that counts against the limit as long as it lives, and that must start to speak in time.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What is waited for until the preface is there; `None` when it is.
    preface: Option<Preface>,
    read_len: usize,
    /// Until when the client may go on to send after the last was said; `None` before.
    farewell: Option<Pin<Box<Sleep>>>,
    metrics: Arc<GrpcMetrics>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.metrics.connection_closed();
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        let this = &mut *self;
        if let Some(preface) = &mut this.preface {
            this.read_len += buf.filled().len() - before;
            if this.read_len >= PREFACE_LEN {
                this.preface = None;
            } else if result.is_pending()
                && let Poll::Ready(error) = preface.poll_end(cx)
            {
                return Poll::Ready(Err(error));
            }
        }
        result
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Says that nothing more comes, and then reads until the client says the same.
    ///
    /// To close while bytes of the client are unread would reset the connection, and a reset takes away what the
    /// client has not read yet: the status of its streams.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let farewell = match &mut this.farewell {
            Some(farewell) => farewell,
            None => {
                ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                this.farewell.insert(Box::pin(tokio::time::sleep(FAREWELL_MAX)))
            }
        };
        let mut unread = [0; FAREWELL_READ_LEN];
        for _ in 0..FAREWELL_READS_IN_ROW {
            if farewell.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buf = ReadBuf::new(&mut unread);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                // The end, or a client that is gone already.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

/// The connections of a listener, at most `connections_max` at a time. A further one is closed at once: a client
/// that waits in the listener's queue would not know why.
pub(crate) fn connections(
    listener: TcpListener,
    connections_max: usize,
    handshake_timeout: Duration,
    metrics: Arc<GrpcMetrics>,
    stop: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> {
    let permits = Arc::new(Semaphore::new(connections_max));
    stream::unfold(
        (listener, permits, metrics, stop),
        move |(listener, permits, metrics, stop)| async move {
            loop {
                let stream = match listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // A connection that broke while it waited, or no file descriptor left: both pass.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                let Ok(permit) = permits.clone().try_acquire_owned() else {
                    metrics.connection_refused();
                    tracing::debug!(
                        connections_max,
                        "a connection was refused: grpc.connections-max is reached"
                    );
                    continue;
                };
                // An answer is small and complete: waiting for more to send would only delay it.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection ended before it began");
                    continue;
                }
                metrics.connection_opened();
                let connection = Connection {
                    stream,
                    preface: Some(Preface {
                        deadline: Box::pin(tokio::time::sleep(handshake_timeout)),
                        stopped: Box::pin(stop.clone().cancelled_owned()),
                    }),
                    read_len: 0,
                    farewell: None,
                    metrics: metrics.clone(),
                    _permit: permit,
                };
                return Some((Ok(connection), (listener, permits, metrics, stop)));
            }
        },
    )
}
