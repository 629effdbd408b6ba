//! The signs of the numbers of a vector.

use super::{Vector, VectorShape};

/// What an index knows of a vector: of each number whether it is greater than zero, as a bit. A vector of bits is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    shape: VectorShape,
    words: Box<[u64]>,
}

impl Signature {
    /// The signs of a vector.
    pub(crate) fn of(vector: &Vector) -> Self {
        let words = match vector {
            Vector::Float32(numbers) => signs(numbers, |number| *number > 0.0),
            Vector::Int8(numbers) => signs(numbers, |number| *number > 0),
            Vector::Bits(bytes) => bytes.chunks(8).map(word).collect(),
        };
        let shape = vector.shape();
        Signature { shape, words }
    }

    /// The shape of the vector.
    pub(crate) fn shape(&self) -> VectorShape {
        self.shape
    }

    /// The bits, those that come first in the lowest places of the first word.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }
}

/// How many bits differ. After the last word come zeros.
pub(crate) fn hamming(left: &[u64], right: &[u64]) -> u32 {
    let common = left
        .iter()
        .zip(right)
        .map(|(left, right)| (left ^ right).count_ones());
    let rest = |longer: &[u64], shorter: &[u64]| {
        let rest = longer.iter().skip(shorter.len());
        rest.map(|word| word.count_ones()).sum::<u32>()
    };
    common.sum::<u32>() + rest(left, right) + rest(right, left)
}

fn signs<T>(numbers: &[T], is_set: impl Fn(&T) -> bool) -> Box<[u64]> {
    let chunks = numbers.chunks(64);
    let word = |numbers: &[T]| {
        let bits = numbers.iter().map(|number| u64::from(is_set(number)));
        bits.rev().fold(0, |word, bit| (word << 1) | bit)
    };
    chunks.map(word).collect()
}

fn word(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_bits() {
        let mut numbers = vec![-1.0; 70];
        numbers[0] = 0.5;
        numbers[65] = 2.0;
        numbers[66] = 0.0;
        let signature = Signature::of(&numbers.into());
        assert_eq!(signature.words(), [1, 2]);
        let bytes = Signature::of(&Vector::Int8([1, 0, -3, 7].into()));
        assert_eq!(bytes.words(), [0b1001]);
        let bits = Signature::of(&Vector::Bits([0x0f, 0, 0, 0, 0, 0, 0, 0, 1].into()));
        assert_eq!(bits.words(), [0x0f, 1]);
    }

    #[test]
    fn bits_that_differ_are_counted() {
        assert_eq!(hamming(&[0b1010], &[0b0110]), 2);
        assert_eq!(hamming(&[1, 7], &[1]), 3);
        assert_eq!(hamming(&[], &[3, 1]), 3);
    }
}
