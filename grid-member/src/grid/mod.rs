//! The grid as an application sees it.

mod builder;
mod handle;

pub use builder::{BuildError, GridBuilder};
pub use handle::Grid;
