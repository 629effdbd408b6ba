//! Wire contracts of the grid.
//!
//! - [`v0`] and [`v1`]: the messages of the Coherence gRPC protocol, generated from the files in `proto/`.
//! - [`any`]: type URLs, and messages nested in `google.protobuf.Any`, written without intermediate buffers.
//! - [`wire`] and [`frame`]: frames of version 1 written in one pass; [`rows`]: many that are alike; [`message`]: what stands
//!   before each in a stream.
//! - [`girih`]: the messages of our own protocol beside it; [`wishes`] and [`tag`]: how they travel in frames of version 1.
//! - [`member`]: what members say to each other.
//! - [`limits`]: the sizes that both sides agree on.
//!
//! ```
//! use grid_proto::{any, v1};
//!
//! let packed = any::pack(&v1::common::Complete {});
//! assert_eq!(packed.type_url, "type.googleapis.com/coherence.common.v1.Complete");
//! ```

pub mod any;
pub mod frame;
pub mod gathered;
pub mod limits;
pub mod member;
pub mod message;
pub mod rows;
pub mod tag;
pub mod wire;
pub mod wishes;

#[expect(
    missing_docs,
    nonstandard_style,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    unused_qualifications,
    reason = "generated code"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/generated.rs"));
}

/// The well-known messages that the protocol nests in `Any`.
pub mod google {
    pub use crate::generated::google::protobuf::*;
}

/// Version 0 of the cache protocol: one call an operation.
pub mod v0 {
    pub use crate::generated::coherence::*;
}

/// Version 1 of the protocol: one stream of frames.
pub mod v1 {
    /// Messages that every version 1 protocol shares.
    pub mod common {
        pub use crate::generated::coherence::common::v1::*;
    }
    /// The frames of a connection.
    pub mod proxy {
        pub use crate::generated::coherence::proxy::v1::*;
    }
    /// The cache protocol, packed in frames.
    pub mod cache {
        pub use crate::generated::coherence::cache::v1::*;
    }
}

/// What our own clients say and hear beside the protocol: who serves what, and how requests are numbered.
pub mod girih {
    pub use crate::generated::girih::v1::*;
}

/// The descriptors of every message and service, as gRPC reflection serves them.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::girih::{Member, Service, Topology};

    #[test]
    fn golden_bytes_of_a_topology() {
        let topology = Topology {
            cluster_id: vec![7; 2].into(),
            generation: 1,
            index: 300,
            partition_count: 3,
            members: vec![Member {
                id: 2,
                grpc_address: "h:1".to_owned(),
                name: "n".to_owned(),
                zone: "z".to_owned(),
                machine: "m".to_owned(),
            }],
            services: vec![Service {
                id: 1,
                primaries: vec![2, 0, 200],
            }],
        };
        let golden = [
            0x0a, 2, 7, 7, 0x10, 1, 0x18, 0xac, 0x02, 0x20, 3, 0x2a, 16, 0x08, 2, 0x12, 3, b'h', b':', b'1',
            0x1a, 1, b'n', 0x22, 1, b'z', 0x2a, 1, b'm', 0x32, 8, 0x08, 1, 0x12, 4, 2, 0, 0xc8, 0x01,
        ];
        assert_eq!(topology.encode_to_vec(), golden);
        assert_eq!(Topology::decode(golden.as_slice()).unwrap(), topology);
    }
}
