//! What a vector is made of.

use std::fmt;

/// The numbers that a vector has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VectorKind {
    /// Single-precision numbers.
    Float32,
    /// Integers from -128 to 127.
    Int8,
    /// Bits.
    Bits,
}

/// The kind of a vector and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VectorShape {
    /// The numbers that it has.
    pub kind: VectorKind,
    /// How many of them.
    pub dimensions: usize,
}

impl VectorShape {
    /// Whether there is a distance between vectors of these shapes: when they are the same. Of bits the kind alone counts, as
    /// those after the last are zeros.
    #[must_use]
    pub fn has_distance_to(self, other: VectorShape) -> bool {
        self.kind == other.kind && (self.kind == VectorKind::Bits || self.dimensions == other.dimensions)
    }
}

impl fmt::Display for VectorShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            VectorKind::Float32 => "floats",
            VectorKind::Int8 => "bytes",
            VectorKind::Bits => "bits",
        };
        write!(f, "a vector of {} {what}", self.dimensions)
    }
}
