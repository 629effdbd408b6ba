//! Numbers of numbers.

use bigdecimal::{BigDecimal, ToPrimitive as _};
use num_bigint::{BigInt, Sign};

use crate::query::extractor::whole;
use crate::query::{Datum, Elements, QueryError};
use crate::value::ValueError;

/// What is computed of numbers. All is computed exactly, and rounded where the result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberOperation {
    /// The sum as a decimal. Of a double its exact value counts, as in the reference: of 0.1 it has 55 digits.
    DecimalSum,
    /// The mean as a decimal with eight more places than the sum, rounded half up.
    DecimalAverage,
    /// The least as a decimal.
    DecimalMin,
    /// The greatest as a decimal.
    DecimalMax,
    /// The sum of the whole parts as an integer of 64 bits.
    LongSum,
    /// The least whole part as an integer of 64 bits.
    LongMin,
    /// The greatest whole part as an integer of 64 bits.
    LongMax,
    /// The sum as the nearest double.
    DoubleSum,
    /// The mean as the nearest double.
    DoubleAverage,
    /// The least as the nearest double.
    DoubleMin,
    /// The greatest as the nearest double.
    DoubleMax,
}

/// The places that a mean has more than the sum.
const AVERAGE_PLACES: u32 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fold {
    Sum,
    Least,
    Greatest,
}

impl NumberOperation {
    /// Each operation once, in the order in which they are declared.
    pub const ALL: [NumberOperation; 11] = [
        NumberOperation::DecimalSum,
        NumberOperation::DecimalAverage,
        NumberOperation::DecimalMin,
        NumberOperation::DecimalMax,
        NumberOperation::LongSum,
        NumberOperation::LongMin,
        NumberOperation::LongMax,
        NumberOperation::DoubleSum,
        NumberOperation::DoubleAverage,
        NumberOperation::DoubleMin,
        NumberOperation::DoubleMax,
    ];

    /// The class that the clients name it by.
    pub(super) fn class(self) -> &'static str {
        match self {
            NumberOperation::DecimalSum => "aggregator.BigDecimalSum",
            NumberOperation::DecimalAverage => "aggregator.BigDecimalAverage",
            NumberOperation::DecimalMin => "aggregator.BigDecimalMin",
            NumberOperation::DecimalMax => "aggregator.BigDecimalMax",
            NumberOperation::LongSum => "aggregator.LongSum",
            NumberOperation::LongMin => "aggregator.LongMin",
            NumberOperation::LongMax => "aggregator.LongMax",
            NumberOperation::DoubleSum => "aggregator.DoubleSum",
            NumberOperation::DoubleAverage => "aggregator.DoubleAverage",
            NumberOperation::DoubleMin => "aggregator.DoubleMin",
            NumberOperation::DoubleMax => "aggregator.DoubleMax",
        }
    }

    /// The operation that the clients name so.
    pub(super) fn of_class(class: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.class() == class)
    }

    fn is_long(self) -> bool {
        matches!(
            self,
            NumberOperation::LongSum | NumberOperation::LongMin | NumberOperation::LongMax
        )
    }

    fn fold(self) -> Fold {
        match self {
            NumberOperation::DecimalMin | NumberOperation::LongMin | NumberOperation::DoubleMin => {
                Fold::Least
            }
            NumberOperation::DecimalMax | NumberOperation::LongMax | NumberOperation::DoubleMax => {
                Fold::Greatest
            }
            _ => Fold::Sum,
        }
    }
}

/// What was made of the numbers so far.
#[derive(Clone, Debug)]
pub(super) struct NumberState {
    operation: NumberOperation,
    count: u64,
    /// The sum of small integers, on its own because adding decimals takes long.
    integers: i128,
    /// The sum of the other numbers, or the extreme of all.
    decimal: Option<BigDecimal>,
}

impl NumberState {
    pub(super) fn new(operation: NumberOperation) -> Self {
        NumberState {
            operation,
            count: 0,
            integers: 0,
            decimal: None,
        }
    }

    /// Takes a number in; null does not count.
    pub(super) fn add(&mut self, datum: &Datum<'_>) -> Result<(), QueryError> {
        match datum {
            Datum::Null => return Ok(()),
            // So many integers of 64 bits as memory can hold do not overflow.
            Datum::Int(number) if self.operation.fold() == Fold::Sum => self.integers += i128::from(*number),
            _ => {
                let mut number = decimal_of(datum)?;
                if self.operation.is_long() {
                    number = BigDecimal::from(whole(&number));
                }
                self.add_decimal(number);
            }
        }
        self.count += 1;
        Ok(())
    }

    fn add_decimal(&mut self, number: BigDecimal) {
        self.decimal = Some(match (self.decimal.take(), self.operation.fold()) {
            (None, _) => number,
            (Some(sum), Fold::Sum) => add_decimals(sum, number),
            (Some(least), Fold::Least) => least.min(number),
            (Some(greatest), Fold::Greatest) => greatest.max(number),
        });
    }

    pub(super) fn partial(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let decimal = self.decimal.clone().map_or(Datum::Null, Datum::Decimal);
        let count = i64::try_from(self.count).unwrap_or(i64::MAX);
        out.push(b'[');
        Datum::Int(count).write(out)?;
        out.push(b',');
        Datum::BigInt(BigInt::from(self.integers)).write(out)?;
        out.push(b',');
        decimal.write(out)?;
        out.push(b']');
        Ok(())
    }

    pub(super) fn combine(&mut self, partial: &[u8]) -> Result<(), QueryError> {
        let bad = || QueryError::BadPartial {
            aggregator: self.operation.class(),
        };
        let parts: Result<Vec<_>, _> = Elements::new(partial).collect();
        let [count, integers, decimal] = <[&[u8]; 3]>::try_from(parts?).map_err(|_other| bad())?;
        let (Datum::Int(count), Datum::BigInt(integers)) = (Datum::read(count)?, Datum::read(integers)?)
        else {
            return Err(bad());
        };
        let count = u64::try_from(count).map_err(|_negative| bad())?;
        let integers = i128::try_from(integers).map_err(|_too_large| bad())?;
        let decimal = match Datum::read(decimal)? {
            Datum::Null => None,
            Datum::Decimal(number) => Some(number),
            _ => return Err(bad()),
        };
        self.integers = self.integers.checked_add(integers).ok_or_else(bad)?;
        self.count = self.count.checked_add(count).ok_or_else(bad)?;
        if let Some(number) = decimal {
            self.add_decimal(number);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Datum<'static>, QueryError> {
        if self.count == 0 {
            return Ok(Datum::Null);
        }
        let mut total = self.decimal.unwrap_or_default();
        if self.operation.fold() == Fold::Sum {
            total = add_decimals(total, BigDecimal::from(self.integers));
        }
        Ok(match self.operation {
            NumberOperation::DecimalSum | NumberOperation::DecimalMin | NumberOperation::DecimalMax => {
                Datum::Decimal(total)
            }
            NumberOperation::DecimalAverage => Datum::Decimal(average(&total, self.count)),
            NumberOperation::LongSum | NumberOperation::LongMin | NumberOperation::LongMax => {
                Datum::Int(i64::try_from(whole(&total)).map_err(|_too_large| QueryError::Overflow)?)
            }
            NumberOperation::DoubleSum | NumberOperation::DoubleMin | NumberOperation::DoubleMax => {
                Datum::Double(nearest(&total))
            }
            NumberOperation::DoubleAverage => Datum::Double(nearest(&(total / BigDecimal::from(self.count)))),
        })
    }
}

/// The sum, with as many places as the one has that has more, as in Java: also where the other is zero.
pub(crate) fn add_decimals(left: BigDecimal, right: BigDecimal) -> BigDecimal {
    let places = left.fractional_digit_count().max(right.fractional_digit_count());
    with_places(left + right, places)
}

/// The product, with as many places as both have together, as in Java: also where one of them is one.
pub(crate) fn multiply_decimals(left: &BigDecimal, right: &BigDecimal) -> BigDecimal {
    let places = left.fractional_digit_count() + right.fractional_digit_count();
    with_places(left * right, places)
}

/// The same number with zeros after it.
fn with_places(number: BigDecimal, places: i64) -> BigDecimal {
    if number.fractional_digit_count() < places {
        number.with_scale(places)
    } else {
        number
    }
}

fn nearest(number: &BigDecimal) -> f64 {
    number.to_f64().unwrap_or(f64::NAN)
}

/// The mean, rounded half up, away from zero.
fn average(sum: &BigDecimal, count: u64) -> BigDecimal {
    let (unscaled, scale) = sum.as_bigint_and_exponent();
    let dividend = unscaled * BigInt::from(10_u32).pow(AVERAGE_PLACES);
    let divisor = BigInt::from(count);
    let doubled = dividend.magnitude() * 2_u32;
    let rounded = (doubled + divisor.magnitude()) / (divisor.magnitude() * 2_u32);
    let sign = if rounded.bits() == 0 {
        Sign::NoSign
    } else {
        dividend.sign()
    };
    BigDecimal::new(
        BigInt::from_biguint(sign, rounded),
        scale + i64::from(AVERAGE_PLACES),
    )
}

/// The exact value of a number.
///
/// # Errors
/// When it is none, or not finite.
pub(crate) fn decimal_of(datum: &Datum<'_>) -> Result<BigDecimal, QueryError> {
    match datum {
        Datum::Int(number) => Ok(BigDecimal::from(*number)),
        Datum::BigInt(number) => Ok(BigDecimal::from(number.clone())),
        Datum::Decimal(number) => Ok(number.clone()),
        Datum::Double(number) if number.is_finite() => Ok(exact(*number)),
        Datum::Double(number) => Err(ValueError::NotFinite {
            number: number.to_string(),
        }
        .into()),
        other => Err(QueryError::NotNumber { kind: other.kind() }),
    }
}

/// The exact value of a double, with as few places as it has.
fn exact(number: f64) -> BigDecimal {
    const FRACTION_BITS: u32 = 52;
    const EXPONENT_BIAS: i64 = 1_075;
    let bits = number.to_bits();
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let exponent = i64::try_from(bits >> FRACTION_BITS & 0x7ff).unwrap_or_default();
    // A number without an exponent lacks the leading bit as well.
    let (mantissa, exponent) = match exponent {
        0 => (fraction, 1),
        _ => (fraction | 1 << FRACTION_BITS, exponent),
    };
    if mantissa == 0 {
        return BigDecimal::from(0);
    }
    let zeros = mantissa.trailing_zeros();
    let exponent = exponent - EXPONENT_BIAS + i64::from(zeros);
    let sign = if number < 0.0 { Sign::Minus } else { Sign::Plus };
    let mantissa = BigInt::from_biguint(sign, (mantissa >> zeros).into());
    match u32::try_from(exponent) {
        Ok(power) => BigDecimal::new(mantissa << power, 0),
        // Each halving is a place: m / 2^n = m * 5^n / 10^n.
        Err(_negative) => {
            let places = u32::try_from(exponent.unsigned_abs()).unwrap_or(u32::MAX);
            BigDecimal::new(mantissa * BigInt::from(5_u32).pow(places), i64::from(places))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sums_and_products_have_the_places_that_they_have_in_java() {
        let decimal = |text: &str| text.parse::<BigDecimal>().unwrap();
        let places = |number: BigDecimal| number.fractional_digit_count();
        for (left, right, sum, product) in [
            ("1", "0.00", 2, 2),
            ("0.00", "1", 2, 2),
            ("1.00", "2.5", 2, 3),
            ("0", "0.0000000000000000000000", 22, 22),
            ("-1.50", "1.5", 2, 3),
        ] {
            let (left, right) = (decimal(left), decimal(right));
            assert_eq!(
                places(multiply_decimals(&left, &right)),
                product,
                "{left} * {right}"
            );
            assert_eq!(places(add_decimals(left, right)), sum);
        }
        let mut state = NumberState::new(NumberOperation::DecimalAverage);
        for number in [Datum::Int(1), Datum::Decimal(decimal("0.00")), Datum::Int(0)] {
            state.add(&number).unwrap();
        }
        assert_eq!(state.finish().unwrap(), Datum::Decimal(decimal("0.3333333333")));
    }

    proptest! {
        #[test]
        fn doubles_are_exact(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
            let number = if number == 0.0 { 0.0 } else { number };
            prop_assert_eq!(nearest(&exact(number)), number);
        }
    }
}
