//! Why a member does not talk to another.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::fields::{FieldReader, Malformed, put_text};
use super::hello::{NAME_LEN_MAX, VersionRange};

/// The longest sentence of a refusal, in bytes.
const SENTENCE_LEN_MAX: usize = 1 << 10;

/// Why a member does not talk to another. Both sides see the same; `refuser` is the one that says no.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no version of the protocol that both speak.
    #[error(
        "no common version of the member protocol: the refusing member speaks {refuser}, the refused {refused}; \
         run programs at most one release apart"
    )]
    NoSharedVersion {
        /// What the refusing member speaks.
        refuser: VersionRange,
        /// What the other speaks.
        refused: VersionRange,
    },
    /// The clusters have different names.
    #[error(
        "another cluster: the refusing member is in {refuser:?}, the refused in {refused:?}; give both the same \
         cluster name, or correct the address"
    )]
    OtherClusterName {
        /// The refusing member's cluster.
        refuser: String,
        /// The other's.
        refused: String,
    },
    /// The clusters have the same name and are not the same.
    #[error(
        "another cluster of the same name: the refusing member is in {refuser:032x}, the refused in {refused:032x}; \
         two clusters were started, stop the members of one and let them join the other"
    )]
    OtherCluster {
        /// The refusing member's cluster.
        refuser: u128,
        /// The other's.
        refused: u128,
    },
    /// The clocks are too far apart.
    #[error(
        "the clocks are too far apart: the refused member's is {ahead_ms} ms ahead of the refusing one's, where \
         {ahead_max_ms} ms either way are the most; set the clocks by NTP"
    )]
    ClockOff {
        /// How far the other's clock is ahead, in milliseconds; negative when it is behind.
        ahead_ms: i64,
        /// How far it may be, in milliseconds.
        ahead_max_ms: u64,
    },
    /// The clusters have different numbers of partitions.
    #[error(
        "the refusing member has {refuser} partitions, the refused {refused}; give all members the same number"
    )]
    OtherPartitionCount {
        /// The refusing member's number.
        refuser: u16,
        /// The other's.
        refused: u16,
    },
    /// The refused member was removed from the cluster.
    #[error("the refused member was removed from the cluster at index {index}; it must join anew")]
    Fenced {
        /// The index in the control log that removed it.
        index: u64,
    },
    /// The refusing member has as many connections as it takes.
    #[error(
        "the refusing member has all the {connections_max} connections that it takes; raise its limit or try later"
    )]
    Busy {
        /// How many it takes.
        connections_max: u32,
    },
    /// The refusing member talks through TLS only.
    #[error("the refusing member takes TLS only; configure TLS on both sides")]
    TlsOnly,
    /// The refusing member stops.
    #[error("the refusing member is stopping")]
    Stopping,
    /// The first message makes no sense.
    #[error("the first message makes no sense: {problem}")]
    Malformed {
        /// What is wrong with it.
        problem: String,
    },
    /// The refusing member has a reason of its own.
    #[error("{reason}")]
    Declined {
        /// The reason, a sentence for people.
        reason: String,
    },
    /// A reason that a later version of the protocol has.
    #[error("{sentence}")]
    Unknown {
        /// Its code.
        code: u8,
        /// What it says.
        sentence: String,
    },
}

impl Refusal {
    /// The refusal's number, the first byte of the payload.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::NoSharedVersion { .. } => 1,
            Self::OtherClusterName { .. } => 2,
            Self::OtherCluster { .. } => 3,
            Self::ClockOff { .. } => 4,
            Self::OtherPartitionCount { .. } => 5,
            Self::Fenced { .. } => 6,
            Self::Busy { .. } => 7,
            Self::TlsOnly => 8,
            Self::Stopping => 9,
            Self::Malformed { .. } => 10,
            Self::Declined { .. } => 11,
            Self::Unknown { code, .. } => *code,
        }
    }

    /// The payload of the frame: code, sentence, then what the code has. The sentence is for programs that do not know
    /// the code.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut buf = BytesMut::with_capacity(256);
        buf.put_u8(self.code());
        put_text(&mut buf, &self.to_string(), SENTENCE_LEN_MAX);
        match self {
            Self::NoSharedVersion { refuser, refused } => {
                for version in [refuser.min, refuser.max, refused.min, refused.max] {
                    buf.put_u16_le(version);
                }
            }
            Self::OtherClusterName { refuser, refused } => {
                put_text(&mut buf, refuser, NAME_LEN_MAX);
                put_text(&mut buf, refused, NAME_LEN_MAX);
            }
            Self::OtherCluster { refuser, refused } => {
                buf.put_u128_le(*refuser);
                buf.put_u128_le(*refused);
            }
            Self::ClockOff {
                ahead_ms,
                ahead_max_ms,
            } => {
                buf.put_i64_le(*ahead_ms);
                buf.put_u64_le(*ahead_max_ms);
            }
            Self::OtherPartitionCount { refuser, refused } => {
                buf.put_u16_le(*refuser);
                buf.put_u16_le(*refused);
            }
            Self::Fenced { index } => buf.put_u64_le(*index),
            Self::Busy { connections_max } => buf.put_u32_le(*connections_max),
            Self::Malformed { problem: text } | Self::Declined { reason: text } => {
                put_text(&mut buf, text, SENTENCE_LEN_MAX);
            }
            Self::TlsOnly | Self::Stopping | Self::Unknown { .. } => {}
        }
        buf.freeze()
    }

    /// Reads the payload of the frame.
    ///
    /// # Errors
    /// A field is missing or makes no sense.
    pub fn decode(payload: &[u8]) -> Result<Refusal, Malformed> {
        let mut fields = FieldReader::new(payload);
        let code = fields.u8("code")?;
        let sentence = fields.text("sentence", SENTENCE_LEN_MAX)?;
        let mut versions = || {
            Ok(VersionRange {
                min: fields.u16("versions")?,
                max: fields.u16("versions")?,
            })
        };
        Ok(match code {
            1 => Self::NoSharedVersion {
                refuser: versions()?,
                refused: versions()?,
            },
            2 => Self::OtherClusterName {
                refuser: fields.text("cluster name", NAME_LEN_MAX)?,
                refused: fields.text("cluster name", NAME_LEN_MAX)?,
            },
            3 => Self::OtherCluster {
                refuser: fields.u128("cluster")?,
                refused: fields.u128("cluster")?,
            },
            4 => Self::ClockOff {
                ahead_ms: fields.i64("clock")?,
                ahead_max_ms: fields.u64("clock")?,
            },
            5 => Self::OtherPartitionCount {
                refuser: fields.u16("partition count")?,
                refused: fields.u16("partition count")?,
            },
            6 => Self::Fenced {
                index: fields.u64("index")?,
            },
            7 => Self::Busy {
                connections_max: fields.u32("connections")?,
            },
            8 => Self::TlsOnly,
            9 => Self::Stopping,
            10 => Self::Malformed {
                problem: fields.text("problem", SENTENCE_LEN_MAX)?,
            },
            11 => Self::Declined {
                reason: fields.text("reason", SENTENCE_LEN_MAX)?,
            },
            code => Self::Unknown { code, sentence },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::member::HELLO_PAYLOAD_MAX;

    fn every_refusal() -> Vec<(Refusal, &'static [u8])> {
        let range = |min, max| VersionRange { min, max };
        vec![
            (
                Refusal::NoSharedVersion {
                    refuser: range(1, 2),
                    refused: range(3, 4),
                },
                b"\x01\0\x02\0\x03\0\x04\0",
            ),
            (
                Refusal::OtherClusterName {
                    refuser: "a".to_owned(),
                    refused: "bc".to_owned(),
                },
                b"\x01\0a\x02\0bc",
            ),
            (
                Refusal::OtherCluster {
                    refuser: 1,
                    refused: 2,
                },
                b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            ),
            (
                Refusal::ClockOff {
                    ahead_ms: -2,
                    ahead_max_ms: 60_000,
                },
                b"\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x60\xEA\0\0\0\0\0\0",
            ),
            (
                Refusal::OtherPartitionCount {
                    refuser: 257,
                    refused: 13,
                },
                b"\x01\x01\x0D\0",
            ),
            (Refusal::Fenced { index: 7 }, b"\x07\0\0\0\0\0\0\0"),
            (Refusal::Busy { connections_max: 9 }, b"\x09\0\0\0"),
            (Refusal::TlsOnly, b""),
            (Refusal::Stopping, b""),
            (
                Refusal::Malformed {
                    problem: "x".to_owned(),
                },
                b"\x01\0x",
            ),
            (
                Refusal::Declined {
                    reason: "no".to_owned(),
                },
                b"\x02\0no",
            ),
        ]
    }

    #[test]
    fn golden_bytes() {
        for (code, (refusal, fields)) in (1..).zip(every_refusal()) {
            let sentence = refusal.to_string();
            let mut golden = vec![code];
            golden.extend(u16::try_from(sentence.len()).unwrap().to_le_bytes());
            golden.extend(sentence.as_bytes());
            golden.extend(fields);
            assert_eq!(refusal.encode(), golden);
            assert_eq!(Refusal::decode(&golden), Ok(refusal));
        }
    }

    #[test]
    fn a_refusal_of_a_later_version_still_says_why() {
        let later = Refusal::Unknown {
            code: 200,
            sentence: "the moon is full".to_owned(),
        };
        let mut bytes = later.encode().to_vec();
        bytes.extend(b"fields of its own");
        assert_eq!(Refusal::decode(&bytes), Ok(later));
    }

    #[test]
    fn the_longest_refusal_fits_the_frame() {
        let long = Refusal::Declined {
            reason: "r".repeat(10_000),
        };
        assert!(long.encode().len() < HELLO_PAYLOAD_MAX);
        assert!(Refusal::decode(&long.encode()).is_ok());
    }

    proptest! {
        #[test]
        fn garbage_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(refusal) = Refusal::decode(&bytes) {
                prop_assert_eq!(Refusal::decode(&refusal.encode()).map(|read| read.code()), Ok(refusal.code()));
            }
        }
    }
}
