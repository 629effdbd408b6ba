//! Members that talk, and others that try.

mod bad_input;
mod ends;
mod fixture;
mod handshake;
mod raw;
mod requests;
#[cfg(feature = "tls")]
mod tls;
