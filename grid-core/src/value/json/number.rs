//! The texts of numbers.

use std::fmt::Write as _;

use super::string::Sink;

/// A number with at least this many digits before its point, or this many zeros after it, is written with an
/// exponent.
const POINT_MAX: i64 = 16;
const POINT_MIN: i64 = -5;

/// The parts of the text of a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
    integer: bool,
}

impl<'a> Parts<'a> {
    /// Takes the text of a JSON number apart. Its exponent must fit an `i64`; `None` when it does not.
    pub(crate) fn new(text: &'a [u8]) -> Option<Self> {
        let (negative, text) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, text),
        };
        let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => {
                let (mantissa, exponent) = text.split_at(at);
                let exponent = core::str::from_utf8(exponent.get(1..)?).ok()?;
                (mantissa, Some(exponent.parse::<i64>().ok()?))
            }
            None => (text, None),
        };
        let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
            Some(at) => (mantissa.get(..at)?, Some(mantissa.get(at + 1..)?)),
            None => (mantissa, None),
        };
        let integer = exponent.is_none() && fraction.is_none();
        let fraction = fraction.unwrap_or_default();
        Some(Parts {
            negative,
            whole,
            fraction,
            exponent: exponent.unwrap_or_default(),
            integer,
        })
    }

    /// Whether the text has neither fraction nor exponent.
    pub(crate) fn is_integer(&self) -> bool {
        self.integer
    }

    /// How many digits the text has before its exponent.
    pub(crate) fn digit_count(&self) -> usize {
        self.whole.len() + self.fraction.len()
    }

    /// The exponent, 0 when there is none.
    pub(crate) fn exponent(&self) -> i64 {
        self.exponent
    }

    /// How many digits stand after the point when the exponent is worked in; negative when zeros stand before it.
    pub(crate) fn scale(&self) -> i64 {
        count(self.fraction.len()).saturating_sub(self.exponent)
    }

    /// All digits with the sign, as the text of an integer.
    pub(crate) fn unscaled(&self) -> String {
        let sign: &[u8] = if self.negative { b"-" } else { b"" };
        let digits = [sign, self.whole, self.fraction].concat();
        String::from_utf8(digits).unwrap_or_default()
    }

    fn digit(&self, index: usize) -> Option<u8> {
        match index.checked_sub(self.whole.len()) {
            None => self.whole.get(index).copied(),
            Some(index) => self.fraction.get(index).copied(),
        }
    }

    /// The digits without zeros at either end: their first index, their count, and where the point stands
    /// relative to the first of them.
    fn significant(&self) -> (usize, usize, i64) {
        let all = self.digit_count();
        let leading = (0..all)
            .take_while(|index| self.digit(*index) == Some(b'0'))
            .count();
        let trailing = (leading..all)
            .rev()
            .take_while(|index| self.digit(*index) == Some(b'0'))
            .count();
        let point = count(self.whole.len())
            .saturating_add(self.exponent)
            .saturating_sub(count(leading));
        (leading, all - leading - trailing, point)
    }

    fn put<S: Sink>(&self, from: usize, to: usize, out: &mut S) {
        let whole = self.whole.len();
        let slice = |part: &'a [u8], from: usize, to: usize| {
            part.get(from.min(part.len())..to.min(part.len()))
                .unwrap_or_default()
        };
        out.put(slice(self.whole, from, to));
        out.put(slice(
            self.fraction,
            from.saturating_sub(whole),
            to.saturating_sub(whole),
        ));
    }

    /// Writes the one canonical text of the number.
    ///
    /// Integers keep all digits; `-0` is `0`. Any other number is exact as well: the digits without zeros at
    /// either end, written plainly with at least one digit after the point when the point stands from four zeros
    /// before the digits to sixteen places into them, otherwise as `d.ddde±x` without a plus sign. For a number
    /// that is the shortest text of a double these are the digits of that text.
    pub(super) fn write_canonical<S: Sink>(&self, out: &mut S) {
        let (first, digits, point) = self.significant();
        if digits == 0 {
            out.put(if self.integer { b"0" } else { b"0.0" });
            return;
        }
        if self.negative {
            out.put(b"-");
        }
        if self.integer {
            out.put(self.whole);
            return;
        }
        let last = first + digits;
        if point > POINT_MIN && point <= 0 {
            out.put(b"0.");
            put_zeros(point.unsigned_abs(), out);
            self.put(first, last, out);
        } else if point > 0 && point <= POINT_MAX {
            let places = usize::try_from(point).unwrap_or_default();
            if digits <= places {
                self.put(first, last, out);
                put_zeros((places - digits).try_into().unwrap_or_default(), out);
                out.put(b".0");
            } else {
                self.put(first, first + places, out);
                out.put(b".");
                self.put(first + places, last, out);
            }
        } else {
            self.put(first, first + 1, out);
            if digits > 1 {
                out.put(b".");
                self.put(first + 1, last, out);
            }
            out.put(b"e");
            let mut text = Digits::default();
            // Writing to a buffer of 20 digits and a sign cannot fail: an i64 has at most 19 digits.
            let _ = write!(text, "{}", point.saturating_sub(1));
            out.put(text.as_bytes());
        }
    }

    /// Whether two numbers are numerically the same.
    fn same(&self, other: &Parts<'_>) -> bool {
        let (first, digits, point) = self.significant();
        let (other_first, other_digits, other_point) = other.significant();
        if digits == 0 || other_digits == 0 {
            return digits == other_digits;
        }
        self.negative == other.negative
            && point == other_point
            && digits == other_digits
            && (0..digits).all(|index| self.digit(first + index) == other.digit(other_first + index))
    }

    /// The double whose shortest text is numerically this number, if there is one.
    pub(crate) fn exact_double(&self, text: &str) -> Option<f64> {
        /// Any decimal of so few digits survives the way through a double.
        const DIGITS_SAFE: usize = 15;
        let double = text.parse::<f64>().ok().filter(|double| double.is_finite())?;
        let (_, digits, point) = self.significant();
        if digits == 0 || (digits <= DIGITS_SAFE && (-300..300).contains(&point)) {
            return Some(double);
        }
        let mut shortest = zmij::Buffer::new();
        let shortest = shortest.format_finite(double);
        Parts::new(shortest.as_bytes())?.same(self).then_some(double)
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn put_zeros<S: Sink>(count: u64, out: &mut S) {
    for _ in 0..count {
        out.put(b"0");
    }
}

/// Room on the stack for the text of an i64.
#[derive(Default)]
struct Digits {
    bytes: [u8; 32],
    len: usize,
}

impl Digits {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl std::fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = self
            .bytes
            .get_mut(self.len..self.len + text.len())
            .ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

/// Writes an integer.
pub(crate) fn write_integer(number: i64, out: &mut Vec<u8>) {
    let mut text = Digits::default();
    // An i64 has at most 19 digits and a sign.
    let _ = write!(text, "{number}");
    out.extend_from_slice(text.as_bytes());
}

/// Writes a finite double with the shortest digits that read back to it. `-0.0` keeps its sign.
///
/// Where two texts are shortest and equally near, the even one is written, as Python, JavaScript and Java do: the keys
/// of all must be the same. Rust's own formatting takes the other.
pub(crate) fn write_double(number: f64, out: &mut Vec<u8>) {
    let negative_zero = number == 0.0 && number.is_sign_negative();
    write_float(zmij::Buffer::new().format_finite(number), negative_zero, out);
}

/// Writes a finite single-precision number with the shortest digits that read back to it.
pub(crate) fn write_single(number: f32, out: &mut Vec<u8>) {
    let negative_zero = number == 0.0 && number.is_sign_negative();
    write_float(zmij::Buffer::new().format_finite(number), negative_zero, out);
}

fn write_float(shortest: &str, negative_zero: bool, out: &mut Vec<u8>) {
    if negative_zero {
        out.push(b'-');
    }
    if let Some(mut parts) = Parts::new(shortest.as_bytes()) {
        parts.integer = false;
        parts.write_canonical(out);
    }
}
