//! The first message of both sides.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};

use super::fields::{FieldReader, Malformed, put_text};

/// The longest cluster name and the longest program version, in bytes.
pub const NAME_LEN_MAX: usize = 255;

/// The versions of the protocol that a program speaks, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// The oldest.
    pub min: u16,
    /// The newest.
    pub max: u16,
}

impl VersionRange {
    /// The newest version that both speak.
    #[must_use]
    pub fn shared(self, other: VersionRange) -> Option<u16> {
        let newest = self.max.min(other.max);
        (newest >= self.min.max(other.min)).then_some(newest)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VersionRange { min, max } if min == max => write!(f, "{min}"),
            VersionRange { min, max } => write!(f, "{min} to {max}"),
        }
    }
}

/// What a connection is for. Each lane has connections, and in a member a runtime, of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Lane {
    /// Small messages that must not wait.
    Control = 0,
    /// Everything else.
    Data = 1,
}

/// Who a member is. Ids are plain numbers here; those who use them give them their types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The versions of the protocol that it speaks.
    pub versions: VersionRange,
    /// What the connection is for; the listener repeats what the dialer said.
    pub lane: Lane,
    /// The name of its cluster, at most [`NAME_LEN_MAX`] bytes.
    pub cluster_name: String,
    /// The identity of its cluster, once it belongs to one.
    pub cluster: Option<u128>,
    /// The generation of the control group that it knows.
    pub generation: u64,
    /// The run of its program.
    pub process: u128,
    /// The kernel and network that it runs in.
    pub host: u128,
    /// Its number, once it is a member.
    pub member: Option<u64>,
    /// The version of its program, at most [`NAME_LEN_MAX`] bytes.
    pub program_version: String,
    /// Its time of day, in milliseconds since 1970.
    pub wall_ms: u64,
    /// Where others reach it.
    pub listen: SocketAddr,
    /// How many partitions its caches have.
    pub partition_count: u16,
}

impl Hello {
    /// The payload of the frame.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut buf = BytesMut::with_capacity(256);
        buf.put_u16_le(self.versions.min);
        buf.put_u16_le(self.versions.max);
        buf.put_u8(self.lane as u8);
        put_text(&mut buf, &self.cluster_name, NAME_LEN_MAX);
        buf.put_u8(u8::from(self.cluster.is_some()));
        if let Some(cluster) = self.cluster {
            buf.put_u128_le(cluster);
        }
        buf.put_u64_le(self.generation);
        buf.put_u128_le(self.process);
        buf.put_u128_le(self.host);
        buf.put_u8(u8::from(self.member.is_some()));
        if let Some(member) = self.member {
            buf.put_u64_le(member);
        }
        put_text(&mut buf, &self.program_version, NAME_LEN_MAX);
        buf.put_u64_le(self.wall_ms);
        match self.listen.ip() {
            IpAddr::V4(ip) => {
                buf.put_u8(4);
                buf.put_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                buf.put_u8(6);
                buf.put_slice(&ip.octets());
            }
        }
        buf.put_u16_le(self.listen.port());
        buf.put_u16_le(self.partition_count);
        buf.freeze()
    }

    /// The versions that the sender of a hello speaks, readable whatever the rest looks like.
    ///
    /// # Errors
    /// They are not there, or the oldest is newer than the newest.
    pub fn decode_versions(payload: &[u8]) -> Result<VersionRange, Malformed> {
        let mut fields = FieldReader::new(payload);
        let versions = VersionRange {
            min: fields.u16("versions")?,
            max: fields.u16("versions")?,
        };
        if versions.min > versions.max {
            return Err(Malformed { field: "versions" });
        }
        Ok(versions)
    }

    /// Reads the payload of the frame. To be called once [`Hello::decode_versions`] gave a version that both speak.
    ///
    /// # Errors
    /// A field is missing or makes no sense.
    pub fn decode(payload: &[u8]) -> Result<Hello, Malformed> {
        let versions = Self::decode_versions(payload)?;
        let mut fields = FieldReader::new(payload);
        fields.array::<4>("versions")?;
        let lane = match fields.u8("lane")? {
            0 => Lane::Control,
            1 => Lane::Data,
            _ => return Err(Malformed { field: "lane" }),
        };
        let cluster_name = fields.text("cluster name", NAME_LEN_MAX)?;
        let cluster = match fields.is_some("cluster")? {
            true => Some(fields.u128("cluster")?),
            false => None,
        };
        let generation = fields.u64("generation")?;
        let process = fields.u128("process")?;
        let host = fields.u128("host")?;
        let member = match fields.is_some("member")? {
            true => Some(fields.u64("member")?),
            false => None,
        };
        let program_version = fields.text("program version", NAME_LEN_MAX)?;
        let wall_ms = fields.u64("wall clock")?;
        let ip: IpAddr = match fields.u8("listen address")? {
            4 => fields.array::<4>("listen address")?.into(),
            6 => fields.array::<16>("listen address")?.into(),
            _ => {
                return Err(Malformed {
                    field: "listen address",
                });
            }
        };
        let listen = SocketAddr::new(ip, fields.u16("listen address")?);
        let partition_count = fields.u16("partition count")?;
        if partition_count == 0 {
            return Err(Malformed {
                field: "partition count",
            });
        }
        Ok(Hello {
            versions,
            lane,
            cluster_name,
            cluster,
            generation,
            process,
            host,
            member,
            program_version,
            wall_ms,
            listen,
            partition_count,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::member::HELLO_PAYLOAD_MAX;

    fn hello() -> Hello {
        Hello {
            versions: VersionRange { min: 1, max: 3 },
            lane: Lane::Data,
            cluster_name: "prod".to_owned(),
            cluster: Some(0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10),
            generation: 2,
            process: 3,
            host: 4,
            member: Some(5),
            program_version: "0.1.0".to_owned(),
            wall_ms: 1_750_000_000_000,
            listen: "10.0.0.7:7574".parse().unwrap(),
            partition_count: 257,
        }
    }

    #[test]
    fn golden_bytes() {
        let mut golden = b"\x01\0\x03\0\x01\x04\0prod\x01".to_vec();
        golden.extend((1..=16).rev());
        golden.extend(b"\x02\0\0\0\0\0\0\0");
        golden.extend(b"\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        golden.extend(b"\x01\x05\0\0\0\0\0\0\0\x05\x000.1.0");
        golden.extend(1_750_000_000_000_u64.to_le_bytes());
        golden.extend(b"\x04\x0A\0\0\x07\x96\x1D\x01\x01");
        assert_eq!(hello().encode(), golden);
        assert_eq!(Hello::decode(&golden), Ok(hello()));
    }

    #[test]
    fn what_a_later_version_adds_is_left() {
        let young = Hello {
            cluster: None,
            member: None,
            listen: "[::1]:7574".parse().unwrap(),
            ..hello()
        };
        let mut bytes = young.encode().to_vec();
        bytes.extend(b"more");
        assert_eq!(Hello::decode(&bytes), Ok(young));
    }

    #[test]
    fn the_longest_hello_fits_and_no_shorter_one_is_taken_for_it() {
        let long = Hello {
            cluster_name: "n".repeat(NAME_LEN_MAX + 9),
            program_version: "v".repeat(NAME_LEN_MAX + 9),
            listen: "[::1]:1".parse().unwrap(),
            ..hello()
        };
        let bytes = long.encode();
        assert!(bytes.len() < HELLO_PAYLOAD_MAX);
        assert_eq!(Hello::decode(&bytes).unwrap().cluster_name.len(), NAME_LEN_MAX);
        for len in 0..bytes.len() {
            Hello::decode(&bytes[..len]).unwrap_err();
        }
    }

    #[test]
    fn the_newest_version_that_both_speak_is_taken() {
        let range = |min, max| VersionRange { min, max };
        assert_eq!(range(1, 3).shared(range(2, 9)), Some(3));
        assert_eq!(range(4, 4).shared(range(2, 9)), Some(4));
        assert_eq!(range(1, 1).shared(range(2, 9)), None);
        assert_eq!(
            (range(1, 1).to_string(), range(1, 2).to_string()),
            ("1".to_owned(), "1 to 2".to_owned())
        );
    }

    proptest! {
        #[test]
        fn garbage_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(hello) = Hello::decode(&bytes) {
                prop_assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
            }
        }

        #[test]
        fn one_changed_byte_is_no_panic(at in 0..100usize, byte in any::<u8>()) {
            let mut bytes = hello().encode().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(read) = Hello::decode(&bytes) {
                prop_assert_eq!(Hello::decode(&read.encode()), Ok(read));
            }
        }
    }
}
