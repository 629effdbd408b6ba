//! Vectors, and how far they are from each other.
//!
//! Values are kept as they were sent; a [`Vector`] is what a search reads of one. The JSON forms are those of the clients:
//! `ai.Float32Vector` with an `array` of numbers, `ai.Int8Vector` with an `array` in base64, `ai.BitVector` with `bits` in
//! hexadecimal digits after `0x`. A plain array of numbers, as `Vec<f32>` is written, is a vector of floats too; the
//! reference knows only its classes.

mod distance;
mod encoding;
mod shape;
mod signature;
mod typed;
#[expect(clippy::module_inception, reason = "the main type of the folder")]
mod vector;

pub use distance::Distance;
pub use shape::{VectorKind, VectorShape};
pub use vector::{DIMENSIONS_MAX, Vector};

pub(crate) use signature::{Signature, hamming};
