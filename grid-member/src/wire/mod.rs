//! The bodies of the frames between members.
//!
//! Values are not copied on their way: a large one is a piece of its own when it is written, and a slice of the frame
//! when it is read.

mod reader;
mod values;
mod writer;

pub use reader::{Reader, WireError};
pub use writer::Writer;
