//! What goes wrong, and what then is known.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use grid_proto::member::{Bye, Failure, Refusal};
use thiserror::Error;

/// A transport could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address can't be listened on.
    #[error("can't listen for members on {address}: {source}; choose another address or stop what has it")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A setting makes no sense.
    #[error("{setting} {rule}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What it must be.
        rule: &'static str,
    },
}

/// A member could not be reached, or does not talk to this one. Nothing is tried again: that is for the caller.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DialError {
    /// The machine answered that nobody listens there. From the same machine this proves that nobody does.
    #[error("the connection was refused: nobody listens there")]
    Refused,
    /// The network says that there is no way to it, or does not let this member try.
    #[error("there is no way to it: {problem}")]
    Unreachable {
        /// What the system said.
        problem: String,
    },
    /// No connection, or no end of the handshake, in time. It may be there all the same.
    #[error("no answer in {within:?}")]
    TimedOut {
        /// How long it was waited for.
        within: Duration,
    },
    /// The member there refused this one.
    #[error("the member there does not talk to this one: {0}")]
    Rejected(Refusal),
    /// This member refused the one there.
    #[error("this member does not talk to the one there: {0}")]
    Declined(Refusal),
    /// Somebody is there that is no member.
    #[error("what is there is no member of a grid; it said {said:?}")]
    NotAMember {
        /// The first bytes of what it said, for people.
        said: String,
    },
    /// The connection ended before both sides agreed to talk.
    #[error("the connection ended in the handshake: {0}")]
    Ended(EndCause),
    /// TLS was not agreed on.
    #[error("no TLS: {problem}; use certificates of the same authority on all members")]
    Tls {
        /// What TLS said.
        problem: String,
    },
    /// This member has no file descriptor or memory for a connection.
    #[error("no connection could be made here: {problem}")]
    Local {
        /// What the system said.
        problem: String,
    },
    /// This member stops.
    #[error("this member is stopping")]
    Stopping,
}

impl DialError {
    /// What a failed connect says.
    pub(super) fn of_connect(error: &io::Error, within: Duration) -> Self {
        let problem = error.to_string();
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::TimedOut { within },
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
                Self::Ended(EndCause::of(error))
            }
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::InvalidInput => Self::Unreachable { problem },
            _ => Self::Local { problem },
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndCause {
    /// The peer's end was closed without a word, as by the kernel of a process that died.
    #[error("the peer closed it without a word")]
    Eof,
    /// The peer's end was reset, as by the kernel of a process that died with unread bytes.
    #[error("the peer reset it")]
    Reset,
    /// TCP got no sign of the peer for too long.
    #[error("no sign of the peer")]
    TimedOut,
    /// Bytes waited, and the peer took none for too long.
    #[error("the peer took nothing of what waited for {stall_max:?}")]
    Stalled {
        /// How long it may take none.
        stall_max: Duration,
    },
    /// This member closed it.
    #[error("it was closed here")]
    ClosedHere,
    /// The peer closed it, and said why.
    #[error("the peer closed it: {0}")]
    ClosedByPeer(Bye),
    /// The peer sent what is no frame, or a frame that has no place.
    #[error("the peer broke the protocol: {0}")]
    Protocol(String),
    /// Something else that the system said.
    #[error("{0}")]
    Io(String),
    /// What receives the frames here failed. This is a defect of this program.
    #[error("the receiver of its frames failed")]
    ReceiverFailed,
}

impl EndCause {
    pub(super) fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
                Self::Reset
            }
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::UnexpectedEof => Self::Eof,
            _ => Self::Io(error.to_string()),
        }
    }
}

/// A request that got no answer, or a message that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Too much waits to be sent or to be answered. Nothing was sent; try again when the peer caught up.
    #[error(
        "the connection is overloaded: {waiting_len} bytes wait to be sent and {requests} requests for answers; not sent"
    )]
    Overloaded {
        /// The bytes that wait to be sent.
        waiting_len: usize,
        /// The requests that wait for answers.
        requests: usize,
    },
    /// The payload is longer than a frame's may be. Nothing was sent; send it in pieces.
    #[error("a payload of {payload_len} bytes, where {payload_max} are the most; not sent")]
    TooLong {
        /// Its length in bytes.
        payload_len: usize,
        /// The longest, in bytes.
        payload_max: usize,
    },
    /// The connection ended before it was sent.
    #[error("the connection ended before it was sent: {0}")]
    NotSent(EndCause),
    /// The connection ended after it was sent, or while it was: nobody knows whether the peer got it.
    #[error("the connection ended before there was an answer: {0}; whether it arrived is not known")]
    Lost(EndCause),
    /// The peer got the request and gave no answer to it.
    #[error("the peer gave no answer: {0}")]
    Failed(Failure),
}

impl LinkError {
    /// Whether the peer may have got it, and so may have acted on it.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Failed(_))
    }
}
