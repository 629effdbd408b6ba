//! The server's side of the name service.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::facts::Facts;
use super::message::{self, PREFACE, Request, Uuid};
use super::pof::{Malformed, Reader};
use crate::clock;

/// The longest message of a client, in bytes.
const REQUEST_LEN_MAX: usize = 8 * 1024;
/// The most requests on one connection.
const REQUESTS_MAX: u32 = 100_000;
/// How long a connection may say nothing. Java clients that keep one open ask for signs of life more often.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How long taking an answer may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may live.
const LIFE_MAX: Duration = Duration::from_secs(3_600);
/// The most channels on one connection.
const CHANNELS_MAX: i64 = 64;

/// Why a connection was ended before the client did.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The connection broke.
    #[error("the connection of a name service client broke: {0}")]
    Io(#[from] io::Error),
    /// The client wants another protocol of Coherence, or none.
    #[error(
        "a client asks for something other than the name service; only that and members are served at this port"
    )]
    Protocol,
    /// What the client sent is no message.
    #[error("a name service client sent what is no message: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// The client was silent, slow, or there, for too long.
    #[error("a name service client was {what}")]
    Slow {
        /// What it was.
        what: &'static str,
    },
}

impl From<Malformed> for ServeError {
    fn from(malformed: Malformed) -> Self {
        ServeError::Malformed {
            reason: malformed.to_string(),
        }
    }
}

/// Whether the first bytes of a connection, at least four of them, are those of a client of Coherence, for [`serve`].
#[must_use]
pub fn is_name_service(first: &[u8]) -> bool {
    first.len() >= 4 && first.iter().zip(PREFACE.iter().take(4)).all(|(a, b)| a == b)
}

/// Answers one client until it ends the connection.
///
/// `first_bytes` is what was read of the connection already. `facts` is asked for every lookup.
///
/// # Errors
/// When the connection was ended because of what the client did, or broke. No error needs more than a line in the log.
pub async fn serve<S>(stream: S, first_bytes: Bytes, facts: impl Fn() -> Facts) -> Result<(), ServeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut client = Client {
        stream,
        buffer: BytesMut::from(first_bytes),
        channels: 0,
    };
    let served = timeout(LIFE_MAX, client.serve(facts)).await;
    served.unwrap_or(Err(ServeError::Slow {
        what: "connected for an hour",
    }))
}

struct Client<S> {
    stream: S,
    buffer: BytesMut,
    /// How many channels were opened. They are numbered from 1.
    channels: i64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn serve(&mut self, facts: impl Fn() -> Facts) -> Result<(), ServeError> {
        while self.buffer.len() < PREFACE.len() {
            if !self.fill().await? {
                return Ok(());
            }
        }
        if self.buffer[..PREFACE.len()] != PREFACE {
            return Err(ServeError::Protocol);
        }
        self.buffer.advance(PREFACE.len());
        for _ in 0..REQUESTS_MAX {
            let Some(request) = self.next().await? else {
                return Ok(());
            };
            let Some(answer) = self.answer(&request, &facts)? else {
                continue;
            };
            let written = timeout(WRITE_TIMEOUT, self.stream.write_all(&answer)).await;
            written.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))?;
        }
        let what = "asking for ever";
        Err(ServeError::Slow { what })
    }

    /// The next message. `None` when the client has ended the connection.
    async fn next(&mut self) -> Result<Option<BytesMut>, ServeError> {
        loop {
            let mut reader = Reader::new(&self.buffer);
            match reader.packed() {
                Ok(len) => {
                    let len = usize::try_from(len).unwrap_or(0);
                    if !(1..=REQUEST_LEN_MAX).contains(&len) {
                        let reason = format!("its length is not within 1 to {REQUEST_LEN_MAX} bytes");
                        return Err(ServeError::Malformed { reason });
                    }
                    let head = self.buffer.len() - reader.rest().len();
                    if reader.rest().len() >= len {
                        self.buffer.advance(head);
                        return Ok(Some(self.buffer.split_to(len)));
                    }
                }
                Err(Malformed::Short) => {}
                Err(malformed) => return Err(malformed.into()),
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Reads more. Whether there was any: a client that ends the connection may do so anywhere.
    async fn fill(&mut self) -> Result<bool, ServeError> {
        self.buffer.reserve(1_024);
        let what = "silent for too long";
        let read = timeout(IDLE_MAX, self.stream.read_buf(&mut self.buffer)).await;
        let len = read.map_err(|_elapsed| ServeError::Slow { what })??;
        Ok(len > 0)
    }

    /// What to answer to a message, if anything.
    fn answer(&mut self, request: &[u8], facts: &impl Fn() -> Facts) -> Result<Option<BytesMut>, ServeError> {
        let is_open = |channel: i64| (1..=self.channels).contains(&channel);
        Ok(Some(match Request::read(request)? {
            Request::Open { id } => {
                let member = Uuid(facts().process.get());
                message::connection_opened(id, Uuid(clock::random()), member)
            }
            Request::OpenChannel { id } if self.channels < CHANNELS_MAX => {
                self.channels += 1;
                message::channel_opened(id, self.channels)
            }
            Request::Ping { id } => message::pong(id),
            Request::Notice => return Ok(None),
            Request::Lookup { channel, id, name } if is_open(channel) => match name {
                Some(name) => message::looked_up(channel, id, &facts().answer(name)),
                None => {
                    let class = "javax.naming.NamingException";
                    message::refused(channel, id, class, "lookup name must be specified")
                }
            },
            Request::Other { channel, id } if is_open(channel) => {
                let class = "javax.naming.OperationNotSupportedException";
                let words = "names can only be looked up here";
                message::refused(channel, id, class, words)
            }
            Request::OpenChannel { .. } | Request::Lookup { .. } | Request::Other { .. } => {
                let reason = "it is for a channel that is not open".to_owned();
                return Err(ServeError::Malformed { reason });
            }
        }))
    }
}

#[cfg(test)]
#[path = "serve_test.rs"]
mod tests;
