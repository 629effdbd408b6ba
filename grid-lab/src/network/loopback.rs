//! Many addresses of one machine.

use std::net::Ipv4Addr;

/// Members on the loopback interface, each with an address of its own: `127.a.b.1` and so on. All of 127.0.0.0/8 is the
/// machine itself, so members keep fixed ports through restarts and no other process takes them in between: an outgoing
/// connection is from 127.0.0.1 unless told otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loopback {
    net: [u8; 2],
}

impl Loopback {
    /// Addresses that two processes that run at the same time hardly share.
    pub(super) fn of_this_process() -> Self {
        let [_, high, middle, low] = std::process::id().to_be_bytes();
        Loopback {
            net: [64 | (middle ^ high) & 127, low],
        }
    }

    pub(super) fn address(&self, host: usize) -> Ipv4Addr {
        let host = u8::try_from(host).expect("a network has few hosts");
        Ipv4Addr::new(127, self.net[0], self.net[1], host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_addresses_of_their_own_that_can_be_bound() {
        let network = Loopback::of_this_process();
        let bind = |host| std::net::TcpListener::bind((network.address(host), 0)).unwrap();
        let (one, other) = (bind(1), bind(2));
        assert_ne!(one.local_addr().unwrap().ip(), other.local_addr().unwrap().ip());
        assert!(network.address(1).is_loopback() && network.address(1).octets()[1] >= 64);
    }
}
