//! The packets of multicast: magic, version, length, message, checksum.
//!
//! A packet that is not exactly so is foreign: another program's, another version's, or damaged.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use grid_core::membership::ProcessId;

use crate::Announcement;
use crate::announcement::is_cluster_name;

/// The longest packet, in bytes: fits into one frame of any network.
pub(super) const PACKET_LEN_MAX: usize = 1_200;

const MAGIC: [u8; 4] = *b"grh\xd1";
const VERSION: u8 = 1;
const HEAD_LEN: usize = MAGIC.len() + 1 + 2;
const CHECKSUM_LEN: usize = 8;

/// What a packet says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Message {
    /// A member is here.
    Announce {
        announcement: Announcement,
        /// Whether it looks for others, and wants to hear from them at once.
        looking: bool,
    },
    /// Somebody looks for members of this cluster.
    Query { cluster: String, process: ProcessId },
    /// A member goes.
    Goodbye { cluster: String, process: ProcessId },
}

impl Message {
    /// The cluster that it is about.
    pub(super) fn cluster(&self) -> &str {
        match self {
            Message::Announce { announcement, .. } => &announcement.cluster,
            Message::Query { cluster, .. } | Message::Goodbye { cluster, .. } => cluster,
        }
    }

    /// Who sent it.
    pub(super) fn process(&self) -> ProcessId {
        match self {
            Message::Announce { announcement, .. } => announcement.process,
            Message::Query { process, .. } | Message::Goodbye { process, .. } => *process,
        }
    }

    /// Whether the sender wants to hear from members at once.
    pub(super) fn wants_answer(&self) -> bool {
        match self {
            Message::Announce { looking, .. } => *looking,
            Message::Query { .. } => true,
            Message::Goodbye { .. } => false,
        }
    }
}

/// Writes a packet. `None` when the message does not fit into one, which no sound message does.
pub(super) fn encode(message: &Message) -> Option<Vec<u8>> {
    let body = postcard::to_allocvec(message).ok()?;
    let len = u16::try_from(body.len()).ok()?;
    let mut packet = Vec::with_capacity(HEAD_LEN + body.len() + CHECKSUM_LEN);
    packet.extend(MAGIC);
    packet.push(VERSION);
    packet.extend(len.to_be_bytes());
    packet.extend(body);
    packet.extend(xxh3_64(&packet).to_be_bytes());
    (packet.len() <= PACKET_LEN_MAX).then_some(packet)
}

/// Reads a packet. `None` when it is foreign.
pub(super) fn decode(packet: &[u8]) -> Option<Message> {
    if packet.len() > PACKET_LEN_MAX {
        return None;
    }
    let (said, checksum) = packet.split_last_chunk::<CHECKSUM_LEN>()?;
    let (head, body) = said.split_first_chunk::<HEAD_LEN>()?;
    let [m0, m1, m2, m3, version, len0, len1] = *head;
    let sound = [m0, m1, m2, m3] == MAGIC
        && version == VERSION
        && usize::from(u16::from_be_bytes([len0, len1])) == body.len()
        && xxh3_64(said).to_be_bytes() == *checksum;
    if !sound {
        return None;
    }
    let (message, rest) = postcard::take_from_bytes::<Message>(body).ok()?;
    (rest.is_empty() && is_cluster_name(message.cluster())).then_some(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use grid_core::membership::ClusterId;

    use super::*;

    fn announce() -> Message {
        Message::Announce {
            announcement: Announcement {
                cluster: "x".repeat(128),
                cluster_id: Some(ClusterId::new(u128::MAX)),
                process: ProcessId::new(u128::MAX),
                member_address: "[fe80::1]:65535".parse().unwrap(),
                grpc: Some("[fe80::1]:65535".parse().unwrap()),
                http: Some("[fe80::1]:65535".parse().unwrap()),
                started: true,
            },
            looking: true,
        }
    }

    fn messages() -> [Message; 3] {
        let (cluster, process) = ("girih".to_owned(), ProcessId::new(7));
        [
            announce(),
            Message::Query {
                cluster: cluster.clone(),
                process,
            },
            Message::Goodbye { cluster, process },
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        for message in messages() {
            let packet = encode(&message).unwrap();
            assert!(packet.len() < 400, "{}", packet.len());
            assert_eq!(decode(&packet), Some(message));
        }
    }

    #[test]
    fn the_bytes_of_a_query_stay_as_they_are() {
        let query = Message::Query {
            cluster: "girih".to_owned(),
            process: ProcessId::new(7),
        };
        let packet = encode(&query).unwrap();
        assert_eq!(packet[..15], *b"grh\xd1\x01\x00\x08\x01\x05girih\x07");
        assert_eq!(packet.len(), 15 + CHECKSUM_LEN);
    }

    #[test]
    fn a_name_that_would_hurt_makes_a_packet_foreign() {
        let query = Message::Query {
            cluster: "a/b".to_owned(),
            process: ProcessId::new(7),
        };
        assert_eq!(decode(&encode(&query).unwrap()), None);
    }

    #[test]
    fn another_version_is_foreign_though_its_checksum_is_right() {
        let mut packet = encode(&announce()).unwrap();
        packet[4] = 2;
        let said = packet.len() - CHECKSUM_LEN;
        let checksum = xxh3_64(&packet[..said]).to_be_bytes();
        packet[said..].copy_from_slice(&checksum);
        assert_eq!(decode(&packet), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_foreign(bytes in prop::collection::vec(any::<u8>(), 0..1_300)) {
            prop_assert_eq!(decode(&bytes), None);
        }

        #[test]
        fn bytes_that_have_the_right_frame_do_not_hurt(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut packet = MAGIC.to_vec();
            packet.push(VERSION);
            packet.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
            packet.extend(&body);
            packet.extend(xxh3_64(&packet).to_be_bytes());
            if let Some(message) = decode(&packet) {
                prop_assert_eq!(decode(&encode(&message).unwrap()), Some(message));
            }
        }

        #[test]
        fn a_damaged_packet_is_foreign(which in 0..3_usize, at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
            let mut packet = encode(&messages()[which]).unwrap();
            let at = at.index(packet.len());
            packet[at] ^= flip;
            prop_assert_eq!(decode(&packet), None);
        }

        #[test]
        fn a_packet_that_was_cut_is_foreign(which in 0..3_usize, at in any::<prop::sample::Index>()) {
            let packet = encode(&messages()[which]).unwrap();
            prop_assert_eq!(decode(&packet[..at.index(packet.len())]), None);
        }
    }
}
