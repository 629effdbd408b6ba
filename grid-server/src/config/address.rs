//! HOST:PORT.

use std::fmt;
use std::str::FromStr;

/// A host and a port, as an operator writes them: `127.0.0.1:1408`, `[::1]:0`, `node-1.example:6676`.
///
/// Names are resolved when the address is used, not when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// A text that is not HOST:PORT.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not HOST:PORT (an IPv6 address stands in brackets: [::1]:1408; port 0 takes any free one)"
)]
pub struct HostPortError {
    text: String,
}

impl HostPort {
    /// An address on this machine alone.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        HostPort {
            host: "127.0.0.1".to_owned(),
            port,
        }
    }

    /// The name or the number of the host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 0 for any free one.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for HostPort {
    type Err = HostPortError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || HostPortError {
            text: text.to_owned(),
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let named = |host: &str| {
            !host.is_empty()
                && host.len() <= 253
                && host
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        };
        let host = match bracketed {
            Some(host) if host.parse::<std::net::Ipv6Addr>().is_ok() => host,
            None if named(host) => host,
            _ => return Err(wrong()),
        };
        // `u16::from_str` takes a plus sign, which no one means.
        if !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let port = port.parse().map_err(|_out_of_range| wrong())?;
        Ok(HostPort {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_alike() {
        for text in ["127.0.0.1:1408", "[::1]:0", "node-1.example:65535", "0.0.0.0:1"] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
        }
        for text in [
            "", ":", "abc", "abc:", ":1408", "::1:1408", "[::1]", "a:65536", "a:-1", "a:+1", "a b:1", "[a]:1",
        ] {
            assert!(text.parse::<HostPort>().is_err(), "{text:?} was taken");
        }
    }
}
