//! The client against a server that does as it is told, and against real ones where the environment names them.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic, wherever it stands")]

mod fake;
mod faults;
#[cfg(feature = "discovery")]
mod finding;
mod fixture;
mod listening;
mod real;
mod routing;
