//! The rules of the architecture, each a function from the sources to what breaks it.
//!
//! [`Sources`] are the files of the repository, or made-up ones; [`rule`] has the rules. The tests of this crate hold
//! every rule against the repository, and show of each that it finds a break that was planted.
//!
//! ```
//! use architecture::{Sources, rule};
//!
//! let sources = Sources::of([("grid-core/src/lib.rs", "use std::net::TcpStream;\n")]);
//! let found = rule::core_purity(&sources);
//! assert_eq!(found[0].to_string(), "grid-core/src/lib.rs:1: std::net: the core opens no socket; take what came in as an argument");
//! ```

pub mod rule;
mod rust_text;
mod sources;
mod violation;

pub use rust_text::RustText;
pub use sources::{SourceFile, Sources};
pub use violation::Violation;
