//! How far vectors are from each other.

use super::{Vector, VectorShape};
use crate::query::QueryError;

/// How the distance of two vectors is measured: the less, the more alike they are. The names are those that clients send.
///
/// Computed with double precision, whatever the vectors have. Where the reference is different, it is by its mistakes: of
/// floats its cosine is right only of vectors of length 1, and its squares of the distances of bytes are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Distance {
    /// 1 less the cosine of the angle between them: from 0 to 2. It is 1 where a vector has only zeros.
    #[default]
    Cosine,
    /// 1 less the inner product.
    InnerProduct,
    /// The square of the Euclidean distance.
    L2Squared,
}

impl Distance {
    /// Every distance.
    pub const ALL: [Distance; 3] = [Distance::Cosine, Distance::InnerProduct, Distance::L2Squared];

    /// The class that the clients name it by.
    pub(in crate::query) fn class(self) -> &'static str {
        match self {
            Distance::Cosine => "ai.distance.CosineSimilarity",
            Distance::InnerProduct => "ai.distance.InnerProductSimilarity",
            Distance::L2Squared => "ai.distance.L2SquaredDistance",
        }
    }

    /// The distance of a class.
    pub(in crate::query) fn of_class(class: &str) -> Option<Self> {
        Distance::ALL
            .into_iter()
            .find(|distance| distance.class() == class)
    }

    /// The distance of two vectors: a finite number.
    ///
    /// # Errors
    /// When they are of different kinds or lengths; vectors of bits may have different lengths.
    ///
    /// ```
    /// use grid_core::query::{Distance, Vector};
    ///
    /// let (one, other) = (Vector::from([1.0, 0.0]), Vector::from([0.0, 2.0]));
    /// assert_eq!(Distance::Cosine.between(&one, &other)?, 1.0);
    /// assert_eq!(Distance::L2Squared.between(&one, &other)?, 5.0);
    /// # Ok::<(), grid_core::query::QueryError>(())
    /// ```
    pub fn between(self, left: &Vector, right: &Vector) -> Result<f64, QueryError> {
        match (left, right) {
            (Vector::Float32(left), Vector::Float32(right)) if left.len() == right.len() => {
                Ok(self.of_numbers(left, right))
            }
            (Vector::Int8(left), Vector::Int8(right)) if left.len() == right.len() => {
                Ok(self.of_numbers(left, right))
            }
            (Vector::Bits(left), Vector::Bits(right)) => Ok(self.of_bits(left, right)),
            _ => Err(no_distance(left.shape(), right.shape())),
        }
    }

    fn of_numbers<T: Copy + Into<f64>>(self, left: &[T], right: &[T]) -> f64 {
        match self {
            Distance::Cosine => {
                let product = |left, right| left * right;
                let squares = [left, right].map(|numbers| sum(numbers, numbers, product));
                cosine(sum(left, right, product), squares)
            }
            Distance::InnerProduct => 1.0 - sum(left, right, |left, right| left * right),
            Distance::L2Squared => sum(left, right, |left, right| (left - right) * (left - right)),
        }
    }

    fn of_bits(self, left: &[u8], right: &[u8]) -> f64 {
        match self {
            Distance::Cosine => {
                let squares = [left, right].map(|bits| count(bits, &[], |one, _| one));
                cosine(count(left, right, |left, right| left & right), squares)
            }
            Distance::InnerProduct => 1.0 - count(left, right, |left, right| left & right),
            Distance::L2Squared => count(left, right, |left, right| left ^ right),
        }
    }
}

/// Of an inner product and the squares of the lengths.
fn cosine(product: f64, [left, right]: [f64; 2]) -> f64 {
    // The squares of floats are far from the limits of doubles, and so are their products.
    let lengths = (left * right).sqrt();
    if lengths == 0.0 {
        return 1.0;
    }
    1.0 - (product / lengths).clamp(-1.0, 1.0)
}

/// The sum of what is made of pairs of numbers, in lanes that go side by side.
fn sum<T: Copy + Into<f64>>(left: &[T], right: &[T], term: impl Fn(f64, f64) -> f64) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    for (left, right) in left.iter().zip(right) {
        for ((lane, left), right) in lanes.iter_mut().zip(left).zip(right) {
            *lane += term((*left).into(), (*right).into());
        }
    }
    let rest = left_rest.iter().zip(right_rest);
    let rest: f64 = rest
        .map(|(left, right)| term((*left).into(), (*right).into()))
        .sum();
    lanes.iter().sum::<f64>() + rest
}

/// How many bits there are of what is made of pairs of bytes; after the last byte come zeros.
fn count(left: &[u8], right: &[u8], term: impl Fn(u8, u8) -> u8) -> f64 {
    let mut bits = 0;
    for at in 0..left.len().max(right.len()) {
        let byte = |bytes: &[u8]| bytes.get(at).copied().unwrap_or_default();
        bits += term(byte(left), byte(right)).count_ones();
    }
    bits.into()
}

#[cold]
fn no_distance(asked: VectorShape, found: VectorShape) -> QueryError {
    QueryError::NoDistance { asked, found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As the reference answered it; of bytes all but the last, of floats all but the first.
    #[test]
    fn distances_are_those_of_the_reference() {
        let floats = [Vector::from([0.3, 0.7, 0.1]), Vector::from([3.0, 3.0, 3.0])];
        let bytes = [Vector::from(&[1, -1, 5][..]), Vector::from(&[1, 2, 3][..])];
        let bits = [Vector::Bits([0x3f].into()), Vector::Bits([0x0f, 0x0f].into())];
        for ([left, right], expected) in [
            (floats, [0.173_189_4, -2.3, 20.99]),
            (bytes, [0.279_917_7, -13.0, 13.0]),
            (bits, [0.422_649_7, -3.0, 6.0]),
        ] {
            for (distance, expected) in Distance::ALL.into_iter().zip(expected) {
                let found = distance.between(&left, &right).unwrap();
                assert!((found - expected).abs() < 1e-5, "{distance:?} {found} {expected}");
                assert_eq!(distance.between(&right, &left).unwrap(), found);
            }
        }
    }

    #[test]
    fn vectors_of_zeros_have_no_direction() {
        for zeros in [
            Vector::from([0.0; 9]),
            Vector::Int8([0; 9].into()),
            Vector::Bits([0].into()),
        ] {
            assert_eq!(Distance::Cosine.between(&zeros, &zeros), Ok(1.0));
            assert_eq!(Distance::L2Squared.between(&zeros, &zeros), Ok(0.0));
        }
    }

    #[test]
    fn vectors_of_other_shapes_have_no_distance() {
        let [three, two] = [Vector::from([1.0; 3]), Vector::from([1.0; 2])];
        let bytes = Vector::from(&[1, 2, 3][..]);
        for other in [two, bytes] {
            let error = Distance::Cosine.between(&three, &other).unwrap_err();
            assert!(error.to_string().contains("a vector of 3 floats"), "{error}");
        }
    }

    fn numbers() -> impl Strategy<Value = Vec<f32>> {
        proptest::collection::vec(
            any::<f32>().prop_filter("finite", |number| number.is_finite()),
            0..40,
        )
    }

    proptest! {
        #[test]
        fn every_distance_is_finite(numbers in numbers(), factor in -1.0..1.0_f32) {
            let other: Vec<_> = numbers.iter().map(|number| number * factor).collect();
            let [left, right] = [numbers, other].map(Vector::from);
            for distance in Distance::ALL {
                prop_assert!(distance.between(&left, &right).unwrap().is_finite());
            }
            prop_assert!(Distance::Cosine.between(&left, &left).unwrap() <= 1.0);
        }
    }
}
