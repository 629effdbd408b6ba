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

/// The longest description of a cluster that a client takes, in bytes: 4 MiB.
pub const TOPOLOGY_LEN_MAX: usize = 4 << 20;

/// The most members of a cluster that a client takes.
pub const TOPOLOGY_MEMBERS_MAX: usize = 10_000;

/// The most services of a cluster that a client takes.
pub const TOPOLOGY_SERVICES_MAX: usize = 256;

/// The most requests that one client may have open in one series of numbers, and the most outcomes that a partition
/// keeps of it: of two open numbers the larger is less than this above the smaller.
pub const OPEN_REQUESTS_MAX: u64 = 1_024;

/// The most series of numbers of one client.
pub const SERIES_MAX: u32 = 16;

/// How far in the future the time may lie before which a request is to be applied, in milliseconds: 10 minutes.
pub const APPLY_WITHIN_MS_MAX: u64 = 600_000;
