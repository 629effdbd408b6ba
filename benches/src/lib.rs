//! The load tool of the grid.
//!
//! It measures any server that speaks version 1 of the Coherence gRPC protocol: `grid serve`, Coherence CE, and a bare
//! [`echo`] that shows how fast such a server could be at most. Every caller keeps exactly one request outstanding
//! (a closed loop) and every answer is checked.
//!
//! - [`operation`], [`data_set`]: what is asked, and with which entries.
//! - [`fleet`]: the connections and callers of one server, kept from one measurement to the next.
//! - [`histogram`], [`process`], [`measurement`]: what comes out: latency, CPU and memory of both sides.
//! - [`command`]: the subcommands of the program, one module each; [`report`] prints their results.
//!
//! ```
//! use grid_bench::histogram::Histogram;
//!
//! let mut latencies = Histogram::default();
//! (1..=100).for_each(|us| latencies.record_ns(us * 1_000));
//! assert!((latencies.quantile_us(0.5) - 50.0).abs() < 1.0);
//! ```

pub mod arguments;
mod clock;
pub mod command;
pub mod data_set;
pub mod echo;
pub mod fleet;
pub mod histogram;
pub mod measurement;
pub mod operation;
pub mod process;
mod progress;
mod random;
mod record_set;
pub mod report;
mod target;
