//! Members that talk, and others that try.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bad_input;
mod ends;
mod fixture;
mod handshake;
mod raw;
mod requests;
#[cfg(feature = "tls")]
mod tls;
