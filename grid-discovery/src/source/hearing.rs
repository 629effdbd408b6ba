//! Who was heard by multicast, and when.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use grid_core::membership::ProcessId;

use crate::Announcement;
use crate::found::PEERS_MAX;

/// Who was heard, by address.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    members: BTreeMap<SocketAddr, Heard>,
}

#[derive(Debug)]
struct Heard {
    announcement: Announcement,
    at: Instant,
    seen_ms: u64,
}

impl Hearing {
    /// A member was heard. Whether that is worth telling: always, but for those that find no place any more.
    pub(super) fn heard(&mut self, announcement: Announcement, now: Instant, seen_ms: u64) -> bool {
        let (address, process) = (announcement.member_address, announcement.process);
        // A process has one address; one that moved is not at the old one.
        self.members
            .retain(|known, heard| *known == address || heard.announcement.process != process);
        if self.members.len() >= PEERS_MAX && !self.members.contains_key(&address) {
            return false;
        }
        let heard = Heard {
            announcement,
            at: now,
            seen_ms,
        };
        self.members.insert(address, heard);
        true
    }

    /// A member said goodbye. Whether it was known.
    pub(super) fn gone(&mut self, process: ProcessId) -> bool {
        let before = self.members.len();
        self.members
            .retain(|_, heard| heard.announcement.process != process);
        self.members.len() < before
    }

    /// Forgets who was not heard for too long. Whether there was any.
    pub(super) fn forget(&mut self, now: Instant, lifetime: Duration) -> bool {
        let before = self.members.len();
        self.members
            .retain(|_, heard| now.saturating_duration_since(heard.at) < lifetime);
        self.members.len() < before
    }

    /// Who is there, and when each was heard last.
    pub(super) fn members(&self) -> impl Iterator<Item = (&Announcement, u64)> {
        let heard = self.members.values();
        heard.map(|heard| (&heard.announcement, heard.seen_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn announcement(port: u16, process: u128) -> Announcement {
        Announcement {
            cluster: "girih".into(),
            cluster_id: None,
            process: ProcessId::new(process),
            member_address: SocketAddr::from(([10, 0, 0, 1], port)),
            grpc: None,
            http: None,
            started: false,
        }
    }

    fn ports(hearing: &Hearing) -> Vec<u16> {
        let members = hearing.members();
        members.map(|(heard, _)| heard.member_address.port()).collect()
    }

    #[test]
    fn a_process_has_one_address_and_an_address_one_process() {
        let (mut hearing, now) = (Hearing::default(), clock::now());
        hearing.heard(announcement(1, 1), now, 0);
        hearing.heard(announcement(2, 1), now, 0);
        assert_eq!(ports(&hearing), [2]);
        hearing.heard(announcement(2, 5), now, 0);
        assert_eq!(ports(&hearing), [2]);
        assert!(
            !hearing.gone(ProcessId::new(1)),
            "that process is not there any more"
        );
        assert!(hearing.gone(ProcessId::new(5)));
        assert_eq!(ports(&hearing), [0; 0]);
    }

    #[test]
    fn who_is_silent_is_forgotten() {
        let (mut hearing, now) = (Hearing::default(), clock::now());
        let lifetime = Duration::from_secs(17);
        hearing.heard(announcement(1, 1), now, 0);
        hearing.heard(announcement(2, 2), now + Duration::from_secs(10), 0);
        assert!(!hearing.forget(now + Duration::from_secs(16), lifetime));
        assert!(hearing.forget(now + Duration::from_secs(17), lifetime));
        assert_eq!(ports(&hearing), [2]);
    }

    #[test]
    fn there_is_a_limit() {
        let (mut hearing, now) = (Hearing::default(), clock::now());
        for process in 0..PEERS_MAX {
            let port = u16::try_from(process + 1).unwrap();
            assert!(hearing.heard(announcement(port, process as u128), now, 0));
        }
        assert!(!hearing.heard(announcement(2_000, 5_000), now, 0));
        assert!(hearing.heard(announcement(1, 0), now, 0));
        assert_eq!(ports(&hearing).len(), PEERS_MAX);
    }
}
