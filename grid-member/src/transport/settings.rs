//! What an operator may set.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use grid_proto::member::PAYLOAD_MAX;

use super::BindError;

/// The usual port for members.
pub const DEFAULT_PORT: u16 = 7574;

/// The settings of a member's transport. Every limit has a documented answer beyond it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportSettings {
    /// Where to listen. Port 0 takes any free one. Default: port 7574 of every address.
    pub listen: SocketAddr,
    /// How long connecting may take before a dial has timed out. Default: 2 s.
    pub connect_timeout: Duration,
    /// How long a new connection may take until both sides agreed to talk; it is closed then. Default: 5 s.
    pub handshake_timeout: Duration,
    /// How many accepted connections may be in their handshake; more are closed at once. Default: 256.
    pub half_open_max: u32,
    /// How many accepted connections there may be; more are refused with [`Refusal::Busy`](super::Refusal::Busy).
    /// Default: 4096.
    pub connections_max: u32,
    /// How many bytes may wait to be sent on one connection. Beyond it requests and messages fail with
    /// [`LinkError::Overloaded`](super::LinkError::Overloaded), and answers turn into failures. At half of it a member
    /// takes no more requests from that connection. Default: 144 MiB.
    pub outbound_len_max: usize,
    /// How many requests of one connection may be without an answer. Beyond it requests fail with
    /// [`LinkError::Overloaded`](super::LinkError::Overloaded). Default: 65,536.
    pub requests_max: usize,
    /// How long bytes may wait without the peer taking any before the connection is closed. Default: 10 s.
    pub stall_max: Duration,
    /// How far the clocks of two members may be apart. Default: 60 s.
    pub clock_skew_max: Duration,
    /// After how long without a byte TCP asks whether the peer is still there; it asks five times, one second apart.
    /// Default: 5 s.
    pub keepalive_after: Duration,
}

impl Default for TransportSettings {
    fn default() -> Self {
        TransportSettings {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT)),
            connect_timeout: Duration::from_secs(2),
            handshake_timeout: Duration::from_secs(5),
            half_open_max: 256,
            connections_max: 4096,
            outbound_len_max: 2 * PAYLOAD_MAX,
            requests_max: 65_536,
            stall_max: Duration::from_secs(10),
            clock_skew_max: Duration::from_secs(60),
            keepalive_after: Duration::from_secs(5),
        }
    }
}

impl TransportSettings {
    /// Whether the settings make sense together.
    pub(super) fn check(&self) -> Result<(), BindError> {
        let wrong = |setting, rule| Err(BindError::Setting { setting, rule });
        if self.outbound_len_max < PAYLOAD_MAX {
            return wrong("outbound_len_max", "must hold one frame, 72 MiB");
        }
        if self.requests_max == 0 || u32::try_from(self.requests_max).is_err() {
            return wrong("requests_max", "must be from 1 to 4294967295");
        }
        if self.half_open_max == 0 || self.connections_max == 0 {
            return wrong("half_open_max and connections_max", "must be at least 1");
        }
        let times = [
            self.connect_timeout,
            self.handshake_timeout,
            self.stall_max,
            self.keepalive_after,
        ];
        if times.iter().any(Duration::is_zero) {
            return wrong("every timeout", "must be longer than nothing");
        }
        Ok(())
    }
}
