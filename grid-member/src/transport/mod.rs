//! How members talk: our own frames ([`grid_proto::member`]) on TCP, with TLS where it is configured.
//!
//! Every member dials every other one's listener, once for each [`Lane`]. A connection is used by its dialer for requests
//! and one-way messages ([`Link`]), and by the accepter for answers ([`Answer`]). Members of one process talk the same way.
//!
//! - [`Transport`] listens and dials; [`TransportSettings`] has its limits.
//! - [`Identity`] is what a member says about itself; [`PeerInfo`] what the other said; [`Gate`] decides with whom to talk.
//! - [`Handler`] receives what peers send; [`OtherProtocol`] serves others on the same port.
//!
//! What must hold: frames of one connection arrive in the order in which they were sent; every request comes to exactly one
//! outcome, which says whether it may have arrived; nothing is dialled again in secret, so that the failure detector sees
//! every refusal; the listener is never closed while the member serves, since a refused connection proves a death; whatever
//! a peer sends or does not read, memory stays bounded.

mod accepted;
mod answer;
mod connection;
mod dialer;
mod error;
mod handler;
mod handshake;
mod link;
mod listener;
mod outbound;
mod peer;
mod pending;
mod pieces;
mod reader;
mod said_once;
mod settings;
mod shared;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[expect(
    clippy::module_inception,
    reason = "the file is named for the type that it has"
)]
mod transport;
mod writer;

pub use grid_proto::member::{Bye, Failure, FailureKind, Lane, PAYLOAD_MAX, Refusal, VersionRange};

pub use answer::Answer;
pub use error::{BindError, DialError, EndCause, LinkError};
pub use handler::{Gate, Handler, OtherProtocol, Recognition};
pub use link::Link;
pub use peer::{Identity, PeerInfo};
pub use pieces::Pieces;
pub use settings::{DEFAULT_PORT, TransportSettings};
#[cfg(feature = "tls")]
pub use tls::{TlsError, TlsSettings};
pub use transport::{Lanes, Transport, TransportBuilder};
