//! Settings in, session out.

use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::connection::{IN_FLIGHT_LIMIT, RetryPolicy};

use super::{ConnectError, Session, Settings};

/// The environment variable that holds the address of the server, or several with commas between them.
pub const ADDRESS_VARIABLE: &str = "GRID_ADDRESS";

/// The address that is connected to when none is given.
pub const ADDRESS_DEFAULT: &str = "127.0.0.1:1408";

/// The most connections of one session.
const CONNECTIONS_LIMIT: usize = 64;
/// The shortest message limit that still lets a request through, in bytes.
const MESSAGE_LEN_MIN: usize = 1_024;
/// gRPC gives a message's length as a number of 32 bits.
const MESSAGE_LEN_LIMIT: usize = 1 << 31;

/// Makes a [`Session`]. Every setting has a default.
#[derive(Clone, Debug, Default)]
pub struct SessionBuilder {
    settings: Settings,
}

impl SessionBuilder {
    /// Adds an address, `host:port`. They are tried in order, and after a failure the next one is. Without any, it is
    /// `127.0.0.1:1408`.
    #[must_use]
    pub fn address(mut self, address: &str) -> Self {
        self.settings.addresses.push(address.into());
        self
    }

    /// Adds several addresses.
    #[must_use]
    pub fn addresses<'a>(self, addresses: impl IntoIterator<Item = &'a str>) -> Self {
        addresses.into_iter().fold(self, SessionBuilder::address)
    }

    /// Looks for members in these ways, for as long as the session lives, and connects to those that are found: at their
    /// gRPC addresses where they say them, else at those that their name service says. Addresses that were given are
    /// tried first.
    ///
    /// Calling it again adds further ways.
    ///
    /// ```no_run
    /// use grid_client::Session;
    /// use grid_client::discovery::Settings;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let ways = Settings::parse("girih", ["multicast", "static:db1:7574,db2:7574"])?;
    /// let session = Session::builder().discover(ways).connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "discovery")]
    #[must_use]
    pub fn discover(mut self, settings: grid_discovery::Settings) -> Self {
        self.settings.finding.ways.push(settings);
        self
    }

    /// Asks the name service at this address, `host:port` or `host:port/cluster`, where gRPC is served: of Girih or of
    /// Coherence, on the port of members (7574 by default). It is asked again whenever a connection fails.
    ///
    /// Calling it again adds further name services.
    #[cfg(feature = "discovery")]
    #[must_use]
    pub fn name_service(mut self, address: &str) -> Self {
        self.settings.finding.name_services.push(address.to_owned());
        self
    }

    /// The scope: which of the server's sets of caches to use. Default: the one without a name.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.settings.scope);
        self
    }

    /// How long one attempt to connect may take, handshake included. Default: 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long an operation may take, with all that is done again. Default: 30 s. It fails at most 250 ms later.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// How long a connection may be silent before the server is asked for a sign of life; after twice as long the
    /// connection counts as broken. `None` never asks. Default: 10 s.
    #[must_use]
    pub fn heartbeat(mut self, period: Option<Duration>) -> Self {
        self.settings.heartbeat = period;
        self
    }

    /// The longest message, in bytes, in either direction. Default: 64 MiB.
    #[must_use]
    pub fn message_len_max(mut self, len: usize) -> Self {
        self.settings.message_len_max = len;
        self
    }

    /// How many events a listener may leave unread. Further ones are dropped, and it is told so by a
    /// [`Resync`](grid_core::event::CacheEvent::Resync). Default: 4,096.
    #[must_use]
    pub fn event_queue_len(mut self, len: usize) -> Self {
        self.settings.event_queue_len = len;
        self
    }

    /// How many requests may be in flight on one connection, at most 65,536. Further ones wait. Default: 1,024.
    #[must_use]
    pub fn in_flight_max(mut self, requests: usize) -> Self {
        self.settings.in_flight_max = requests;
        self
    }

    /// Over how many connections requests are spread, at most 64. Default: 1.
    ///
    /// A cache with listeners uses only one of them, so that an event always comes before the answer to the request
    /// that caused it.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.settings.connections = connections;
        self
    }

    /// Whether the session asks a cluster who serves which keys, connects with those members too, and sends each request
    /// to the one that serves it. Where only the given addresses can be reached, as behind a proxy, say `false`: then
    /// the members there pass requests on. Default: `true`.
    #[must_use]
    pub fn routed(mut self, routed: bool) -> Self {
        self.settings.routed = routed;
        self
    }

    /// How failed connections are dealt with.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// When a setting makes no sense, or no address can be connected to. Each address is tried once; where members are
    /// looked for, those that are found within the connect timeout.
    pub async fn connect(mut self) -> Result<Session, ConnectError> {
        if self.settings.addresses.is_empty() && !self.settings.looks() {
            self.settings.addresses.push(ADDRESS_DEFAULT.into());
        }
        check(&self.settings)?;
        self.settings.client = (u128::from(clock::random()) << 64) | u128::from(clock::random());
        Session::open(Arc::new(self.settings)).await
    }
}

fn check(settings: &Settings) -> Result<(), ConnectError> {
    for address in &settings.addresses {
        let parts = address.rsplit_once(':');
        let valid =
            parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0));
        if !valid || address.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#@".contains(c)) {
            return Err(ConnectError::Address {
                address: address.to_string(),
            });
        }
    }
    #[cfg(feature = "discovery")]
    settings.finding.check()?;
    let within = |name: &str, value: usize, min: usize, max: usize| {
        if (min..=max).contains(&value) {
            return Ok(());
        }
        Err(ConnectError::Setting {
            what: format!("{name} is {value}; choose {min} to {max}"),
        })
    };
    within("connections", settings.connections, 1, CONNECTIONS_LIMIT)?;
    within("in_flight_max", settings.in_flight_max, 1, IN_FLIGHT_LIMIT)?;
    within("event_queue_len", settings.event_queue_len, 1, 1 << 24)?;
    within(
        "message_len_max",
        settings.message_len_max,
        MESSAGE_LEN_MIN,
        MESSAGE_LEN_LIMIT,
    )?;
    let times = [
        ("connect_timeout", Some(settings.connect_timeout)),
        ("request_timeout", Some(settings.request_timeout)),
        ("heartbeat", settings.heartbeat),
    ];
    for (name, time) in times {
        if time.is_some_and(|time| time < Duration::from_millis(1)) {
            return Err(ConnectError::Setting {
                what: format!("{name} is below 1 ms; choose a longer time"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn error_of(builder: SessionBuilder) -> ConnectError {
        builder
            .connect()
            .await
            .expect_err("such a session must not begin")
    }

    #[tokio::test]
    async fn addresses_are_checked_before_anything_is_sent() {
        for address in [
            "",
            "host",
            "host:",
            ":1408",
            "host:0",
            "host:70000",
            "a b:1",
            "http://h:1",
            "h:1/x",
        ] {
            let error = error_of(SessionBuilder::default().address(address)).await;
            assert!(
                matches!(error, ConnectError::Address { .. }),
                "{address}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn settings_without_sense_say_what_would_be_right() {
        let error = error_of(SessionBuilder::default().connections(0)).await;
        assert_eq!(error.to_string(), "connections is 0; choose 1 to 64");
        let error = error_of(SessionBuilder::default().request_timeout(Duration::ZERO)).await;
        assert!(error.to_string().contains("request_timeout"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named() {
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string();
        let error = error_of(SessionBuilder::default().address(&free)).await;
        assert!(matches!(&error, ConnectError::Unreachable { attempts } if attempts.len() == 1));
        assert!(error.to_string().contains(&free), "{error}");
    }
}
