//! Sizes and counts that client and server agree on. Each is a default that configuration may change.

/// The largest gRPC message that is accepted, in bytes: 64 MiB.
pub const MESSAGE_LEN_MAX: usize = 64 << 20;

/// The most keys or entries of one request.
pub const BATCH_LEN_MAX: usize = 1 << 20;

/// The longest cache name, in bytes.
pub const CACHE_NAME_LEN_MAX: usize = 255;

/// The longest scope name, in bytes.
pub const SCOPE_LEN_MAX: usize = 255;

/// The first byte of every JSON payload on the wire.
pub const JSON_PREFIX: u8 = 0x15;
