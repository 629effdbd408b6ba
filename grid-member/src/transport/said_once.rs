//! What is logged once, however often it happens.

use std::collections::BTreeSet;
use std::net::IpAddr;

use parking_lot::Mutex;

/// How much is remembered. Then all is forgotten, and may be said once more.
const REMEMBERED_MAX: usize = 1024;

/// Remembers what was said about whom.
#[derive(Debug, Default)]
pub(super) struct SaidOnce {
    said: Mutex<BTreeSet<(IpAddr, u16, u8)>>,
}

impl SaidOnce {
    /// Whether this is the first time that `what` is to be said about an address; `port` 0 stands for all of its ports.
    pub(super) fn first(&self, about: IpAddr, port: u16, what: u8) -> bool {
        let mut said = self.said.lock();
        if said.len() >= REMEMBERED_MAX {
            said.clear();
        }
        said.insert((about, port, what))
    }

    /// Forgets what was said about an address: it is all right now.
    pub(super) fn forget(&self, about: IpAddr, port: u16) {
        let mut said = self.said.lock();
        if !said.is_empty() {
            said.retain(|(ip, of, _)| (*ip, *of) != (about, port));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_until_it_is_forgotten() {
        let (said, ip) = (SaidOnce::default(), IpAddr::from([10, 0, 0, 1]));
        assert!(said.first(ip, 1, 2));
        assert!(!said.first(ip, 1, 2));
        assert!(said.first(ip, 1, 3) && said.first(ip, 2, 2));
        said.forget(ip, 1);
        assert!(said.first(ip, 1, 2));
        assert!(!said.first(ip, 2, 2));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let said = SaidOnce::default();
        for number in 0..u32::try_from(REMEMBERED_MAX).unwrap() * 3 {
            said.first(IpAddr::V4(number.into()), 0, 0);
        }
        assert!(said.said.lock().len() <= REMEMBERED_MAX);
    }
}
