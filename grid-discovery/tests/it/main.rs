//! Discovery over real sockets, folders and names.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic, wherever it stands")]

#[cfg(feature = "s3")]
mod bucket;
#[cfg(feature = "folder")]
mod folder;
mod lists;
mod lookups;
mod multicast;
mod neighbours;
#[cfg(feature = "folder")]
mod several;
