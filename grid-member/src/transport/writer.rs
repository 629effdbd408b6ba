//! The task that writes what senders did not write themselves.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::tcp::OwnedWriteHalf;

use super::connection::{Connection, Written};
#[cfg(feature = "tls")]
use super::outbound::Batch;
use super::{EndCause, TransportSettings};

/// How long the last word may take, and how long the peer has to close its end.
pub(super) const FAREWELL_MAX: Duration = Duration::from_millis(500);

/// Where a writer's task writes to.
pub(super) enum WriteEnd {
    Plain(Arc<OwnedWriteHalf>),
    #[cfg(feature = "tls")]
    Tls {
        stream: tokio::io::WriteHalf<super::tls::TlsStream>,
        /// What was begun to be written.
        batch: Batch,
    },
}

/// Writes what waits whenever it is woken, until the connection is over, then the last word.
pub(super) async fn drive_writer(
    connection: Arc<Connection>,
    mut write_end: WriteEnd,
    settings: TransportSettings,
) {
    let over = connection.over().clone();
    loop {
        tokio::select! {
            biased;
            () = over.cancelled() => break,
            () = connection.woken() => {}
        }
        // Those who are ready to run send first, so that their frames go out together.
        tokio::task::yield_now().await;
        tokio::select! {
            biased;
            () = over.cancelled() => break,
            () = write_end.write_all(&connection, settings.stall_max) => {}
        }
    }
    if !connection.has_last_word() {
        return;
    }
    let last_word = async {
        while !connection.claim() {
            connection.woken().await;
        }
        write_end.write_all(&connection, FAREWELL_MAX).await;
        #[cfg(feature = "tls")]
        write_end.shut_down().await;
    };
    // A peer that does not read in time does not get to know.
    let _ = tokio::time::timeout(FAREWELL_MAX, last_word).await;
    connection.let_go();
}

impl WriteEnd {
    /// What senders can write to.
    pub(super) fn socket(&self) -> Option<Arc<OwnedWriteHalf>> {
        match self {
            Self::Plain(socket) => Some(Arc::clone(socket)),
            #[cfg(feature = "tls")]
            Self::Tls { .. } => None,
        }
    }

    /// Writes until nothing waits or the connection ended; gives the role back.
    async fn write_all(&mut self, connection: &Connection, stall_max: Duration) {
        let result = match self {
            Self::Plain(socket) => write_plain(connection, socket, stall_max).await,
            #[cfg(feature = "tls")]
            Self::Tls { stream, batch } => write_tls(connection, stream, batch, stall_max).await,
        };
        let Err(cause) = result else {
            return;
        };
        let stalled = matches!(cause, EndCause::Stalled { .. });
        if connection.end(cause) && stalled {
            let peer = &connection.peer;
            tracing::warn!(peer = %peer.remote, process = %peer.process, lane = ?peer.lane, ?stall_max,
                "a member takes nothing of what is sent to it; its connection is closed");
        }
    }

    /// Says that nothing more comes. A plain socket does so when the last handle on it is let go.
    #[cfg(feature = "tls")]
    async fn shut_down(&mut self) {
        if let Self::Tls { stream, .. } = self {
            // The peer may be gone already.
            let _ = tokio::io::AsyncWriteExt::shutdown(stream).await;
        }
    }
}

async fn write_plain(
    connection: &Connection,
    socket: &OwnedWriteHalf,
    stall_max: Duration,
) -> Result<(), EndCause> {
    loop {
        match connection.write() {
            Written::All | Written::Ended => return Ok(()),
            Written::Enough => tokio::task::yield_now().await,
            Written::Blocked => in_time(stall_max, socket.writable()).await?,
        }
    }
}

/// Waits for progress, not for ever.
async fn in_time<T>(
    stall_max: Duration,
    progress: impl Future<Output = io::Result<T>>,
) -> Result<T, EndCause> {
    match tokio::time::timeout(stall_max, progress).await {
        Ok(Ok(progress)) => Ok(progress),
        Ok(Err(error)) => Err(EndCause::of(&error)),
        Err(_elapsed) => Err(EndCause::Stalled { stall_max }),
    }
}

#[cfg(feature = "tls")]
async fn write_tls(
    connection: &Connection,
    stream: &mut tokio::io::WriteHalf<super::tls::TlsStream>,
    batch: &mut Batch,
    stall_max: Duration,
) -> Result<(), EndCause> {
    use std::pin::Pin;

    use tokio::io::{AsyncWrite, AsyncWriteExt};

    while !batch.is_empty() || connection.take(batch) {
        while !batch.is_empty() {
            let write = std::future::poll_fn(|cx| {
                batch.write_with(|slices| Pin::new(&mut *stream).poll_write_vectored(cx, slices))
            });
            let len = in_time(stall_max, write).await?;
            if len == 0 {
                return Err(EndCause::Reset);
            }
            batch.advance(len);
            connection.wrote(len);
        }
        in_time(stall_max, stream.flush()).await?;
    }
    Ok(())
}
