//! The Northwind data, and more of the same shape.

mod generator;
mod northwind;
mod random;

pub use generator::OrderGenerator;
pub use northwind::{DataError, Northwind, PlacedOrder};
