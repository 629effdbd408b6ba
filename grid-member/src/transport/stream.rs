//! A connection's two ends, with TLS or without.

use std::io;
use std::sync::Arc;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::TransportSettings;
use super::reader::ReadEnd;
use super::writer::WriteEnd;

/// How often TCP asks a silent peer before the connection has timed out, and how far apart.
const KEEPALIVE_RETRIES: u32 = 5;
const KEEPALIVE_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

/// A connection on which both sides agreed to talk.
pub(super) enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<super::tls::TlsStream>),
}

impl Stream {
    /// Moves the connection to the runtime that will serve it, so that its events do not go through another's thread.
    ///
    /// One through TLS stays registered where it is, and is only served there: it can't be taken apart any more.
    pub(super) fn moved_to(self, runtime: &Handle) -> io::Result<Self> {
        match self {
            Self::Plain(stream) if Handle::try_current().is_ok_and(|now| now.id() != runtime.id()) => {
                let stream = stream.into_std()?;
                let _entered = runtime.enter();
                Ok(Self::Plain(TcpStream::from_std(stream)?))
            }
            other => Ok(other),
        }
    }

    /// What is read from, and what is written to.
    pub(super) fn split(self) -> (ReadEnd, WriteEnd) {
        match self {
            Self::Plain(stream) => {
                let (read, write) = stream.into_split();
                (Box::new(read), WriteEnd::Plain(Arc::new(write)))
            }
            #[cfg(feature = "tls")]
            Self::Tls(stream) => {
                let (read, stream) = tokio::io::split(*stream);
                let write = WriteEnd::Tls {
                    stream,
                    batch: super::outbound::Batch::default(),
                };
                (Box::new(read), write)
            }
        }
    }
}

/// Sets a new connection up: small frames leave at once, and a peer that vanished is noticed.
pub(super) fn tune(stream: &TcpStream, settings: &TransportSettings) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(settings.keepalive_after)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(settings.stall_max))?;
    Ok(())
}
