//! Wire contracts of the grid.
//!
//! - [`v0`] and [`v1`]: the messages of the Coherence gRPC protocol, generated from the files in `proto/`.
//! - [`any`]: type URLs, and messages nested in `google.protobuf.Any`, written without intermediate buffers.
//! - [`wire`] and [`frame`]: frames of version 1 written in one pass.
//! - [`faithful`]: what our own client asks for beyond the protocol.
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
pub mod faithful;
pub mod frame;
pub mod limits;
pub mod member;
pub mod wire;

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

/// The descriptors of every message and service, as gRPC reflection serves them.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
