//! The client's side of the name service.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::message::{self, Response, Uuid};
use super::pof::{Malformed, Reader};
use crate::{HostPort, clock};

/// The longest message of a server, in bytes.
const RESPONSE_LEN_MAX: usize = 1024 * 1024;
/// How many messages may come before the one that is waited for.
const OTHERS_MAX: usize = 16;
/// The most addresses that are taken from one answer.
const ADDRESSES_MAX: usize = 1_000;

/// Why a lookup has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The name service cannot be reached, or the connection broke.
    #[error("the name service at {address} cannot be reached: {reason}")]
    Unreachable {
        /// Its address.
        address: String,
        /// What the system says.
        reason: io::Error,
    },
    /// It did not answer in time.
    #[error("the name service at {address} did not answer within {after:?}")]
    Late {
        /// Its address.
        address: String,
        /// How long it had.
        after: Duration,
    },
    /// It refused.
    #[error("the name service at {address} refused: {reason}")]
    Refused {
        /// Its address.
        address: String,
        /// In its words.
        reason: String,
    },
    /// What it answers cannot be read: this is the port of something else.
    #[error(
        "what answers at {address} is no name service ({reason}); is the port that of a member, 7574 by default?"
    )]
    Protocol {
        /// Its address.
        address: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// There is no such cluster.
    #[error("the name service at {address} knows no cluster {cluster:?}; its own is {own:?}")]
    NoCluster {
        /// Its address.
        address: String,
        /// The cluster that was asked for.
        cluster: String,
        /// The cluster that it belongs to.
        own: String,
    },
}

/// A connection to a name service, of Girih or of Coherence.
#[derive(Debug)]
pub struct LookupConnection {
    stream: TcpStream,
    address: String,
    deadline: Instant,
    limit: Duration,
    channel: i64,
    next_id: i64,
}

/// Where a cluster serves gRPC, by the name service at this address: any cluster that is there, or the one with this
/// name.
///
/// # Errors
/// When the name service has no answer within the limit.
pub async fn grpc_addresses(
    address: &HostPort,
    cluster: Option<&str>,
    limit: Duration,
) -> Result<Vec<HostPort>, LookupError> {
    let mut connection = LookupConnection::open(address, limit).await?;
    if let Some(cluster) = cluster {
        let own = connection.text("Cluster/name").await?.unwrap_or_default();
        if own != cluster {
            let name = format!("NameService/string/Cluster/foreign/{cluster}/NameService/localPort");
            let port = connection.text(&name).await?;
            let port = port.and_then(|port| port.parse().ok());
            let Some(Ok(foreign)) = port.map(|port| HostPort::new(address.host(), port)) else {
                return Err(LookupError::NoCluster {
                    address: address.to_string(),
                    cluster: cluster.to_owned(),
                    own,
                });
            };
            connection = LookupConnection::open(&foreign, limit).await?;
        }
    }
    let Some(list) = connection.text("NameService/string/$GRPC:GrpcProxy").await? else {
        return Ok(Vec::new());
    };
    read_list(&list).ok_or_else(|| connection.protocol(format!("{list:?} is no list of addresses")))
}

/// Reads `[HOST, PORT, HOST, PORT, ...]`.
fn read_list(list: &str) -> Option<Vec<HostPort>> {
    let items = list.strip_prefix('[')?.strip_suffix(']')?;
    if items.is_empty() {
        return Some(Vec::new());
    }
    let items: Vec<_> = items.split(',').map(str::trim).collect();
    if !items.len().is_multiple_of(2) {
        return None;
    }
    let pairs = items.chunks_exact(2).take(ADDRESSES_MAX);
    pairs
        .map(|pair| HostPort::new(pair[0], pair[1].parse().ok()?).ok())
        .collect()
}

impl LookupConnection {
    /// Connects, and opens a channel. All that follows must be done within the limit, too.
    ///
    /// # Errors
    /// When that does not work, or takes too long.
    pub async fn open(address: &HostPort, limit: Duration) -> Result<Self, LookupError> {
        let deadline = clock::now() + limit;
        let connect = async {
            let stream = TcpStream::connect((address.host(), address.port())).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let unreachable = |reason| LookupError::Unreachable {
            address: address.to_string(),
            reason,
        };
        let late = |_elapsed| LookupError::Late {
            address: address.to_string(),
            after: limit,
        };
        let connected = timeout_at(deadline, connect).await.map_err(late)?;
        let mut connection = LookupConnection {
            stream: connected.map_err(unreachable)?,
            address: address.to_string(),
            deadline,
            limit,
            channel: 0,
            next_id: 0,
        };
        connection.send(&message::opening(Uuid(clock::random()))).await?;
        connection.result(0, 0, |_| Ok(())).await?;
        connection.channel = connection.result(0, 1, |reader| reader.integer()).await?;
        Ok(connection)
    }

    /// What a name stands for, if that is a text. `None` when nothing has the name.
    ///
    /// # Errors
    /// When there is no answer in time, or it is no text.
    pub async fn text(&mut self, name: &str) -> Result<Option<String>, LookupError> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&message::lookup(self.channel, id, name)).await?;
        let read = |reader: &mut Reader<'_>| reader.text().map(|text| text.map(str::to_owned));
        self.result(self.channel, id, read).await
    }

    async fn send(&mut self, message: &[u8]) -> Result<(), LookupError> {
        let sent = timeout_at(self.deadline, self.stream.write_all(message)).await;
        sent.map_err(|_elapsed| self.late())?
            .map_err(|reason| self.broken(reason))
    }

    /// Waits for the answer to a request, and reads its result.
    async fn result<T>(
        &mut self,
        channel: i64,
        id: i64,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, Malformed>,
    ) -> Result<T, LookupError> {
        for _ in 0..OTHERS_MAX {
            let received = timeout_at(self.deadline, receive(&mut self.stream)).await;
            let received = received.map_err(|_elapsed| self.late())?;
            let message = received.map_err(|failed| match failed {
                Failed::Io(reason) => self.broken(reason),
                Failed::Len => self.protocol("a message has an impossible length".to_owned()),
            })?;
            match Response::read(&message, channel, id) {
                Ok(None) => {}
                Ok(Some(Response::Refused(words))) => {
                    return Err(LookupError::Refused {
                        address: self.address.clone(),
                        reason: words.to_owned(),
                    });
                }
                Ok(Some(Response::Result(value))) => {
                    let mut reader = Reader::new(value);
                    return read(&mut reader).map_err(|error| self.protocol(error.to_string()));
                }
                Err(error) => return Err(self.protocol(error.to_string())),
            }
        }
        Err(self.protocol("it answers what nobody asked".to_owned()))
    }

    fn late(&self) -> LookupError {
        LookupError::Late {
            address: self.address.clone(),
            after: self.limit,
        }
    }

    fn broken(&self, reason: io::Error) -> LookupError {
        LookupError::Unreachable {
            address: self.address.clone(),
            reason,
        }
    }

    fn protocol(&self, reason: String) -> LookupError {
        LookupError::Protocol {
            address: self.address.clone(),
            reason,
        }
    }
}

enum Failed {
    Io(io::Error),
    Len,
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Failed::Io(error)
    }
}

/// Reads one message.
async fn receive(stream: &mut TcpStream) -> Result<BytesMut, Failed> {
    let mut head = Vec::new();
    let len = loop {
        head.push(stream.read_u8().await?);
        match Reader::new(&head).packed() {
            Ok(len) => break len,
            Err(Malformed::Short) => {}
            Err(_) => return Err(Failed::Len),
        }
    };
    let len = usize::try_from(len).map_err(|_negative| Failed::Len)?;
    if !(1..=RESPONSE_LEN_MAX).contains(&len) {
        return Err(Failed::Len);
    }
    let mut message = BytesMut::zeroed(len);
    stream.read_exact(&mut message).await?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_as_the_reference_writes_them() {
        let read =
            |list| read_list(list).map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(read("[]"), Some(Vec::new()));
        let two = read("[127.0.0.1, 1408, fe80::1, 1409]").unwrap();
        assert_eq!(two, ["127.0.0.1:1408", "[fe80::1]:1409"]);
        for none in ["", "[127.0.0.1]", "[a, b]", "127.0.0.1, 1", "[a b, 1]", "[a, 0]"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), list in ".{0,40}") {
            let _answer = Response::read(&bytes, 0, 0);
            let _answer = read_list(&list);
        }
    }
}
