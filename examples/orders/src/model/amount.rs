//! Sums of lines.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

/// A sum in dollars, exact to the hundredth of a cent: price (cents) × quantity × (100 - discount) needs no more.
///
/// Shown, it is rounded half up to the cent. Rounding happens there and nowhere else, so that a total is the sum
/// of its parts in whatever order they were added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount {
    ten_thousandths: i64,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount { ten_thousandths: 0 };

    /// A sum of this many hundredths of a cent.
    #[must_use]
    pub fn from_ten_thousandths(ten_thousandths: i64) -> Self {
        Amount { ten_thousandths }
    }

    /// The sum in hundredths of a cent.
    #[must_use]
    pub fn ten_thousandths(self) -> i64 {
        self.ten_thousandths
    }

    /// The sum in dollars, for charts.
    #[must_use]
    pub fn dollars(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "only for the lengths of bars")]
        let value = self.ten_thousandths as f64;
        value / 10_000.0
    }

    /// The mean of `count` parts, rounded down to the hundredth of a cent; nothing of none.
    #[must_use]
    pub fn mean(self, count: usize) -> Amount {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Amount {
            ten_thousandths: self.ten_thousandths.checked_div(count).unwrap_or(0),
        }
    }

    /// The sum in whole dollars, with separators: `1,265,793`.
    #[must_use]
    pub fn whole(self) -> String {
        let dollars = self.ten_thousandths.saturating_add(5_000).div_euclid(10_000);
        let sign = if dollars < 0 { "-" } else { "" };
        format!("{sign}{}", separated(dollars.unsigned_abs()))
    }
}

/// A number with a comma between thousands.
#[must_use]
pub fn separated(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.ten_thousandths.saturating_add(50).div_euclid(100);
        let sign = if cents < 0 { "-" } else { "" };
        let text = format!(
            "{sign}{}.{:02}",
            separated(cents.unsigned_abs() / 100),
            cents.unsigned_abs() % 100
        );
        f.pad(&text)
    }
}

impl Add for Amount {
    type Output = Amount;

    fn add(self, other: Amount) -> Amount {
        Amount {
            ten_thousandths: self.ten_thousandths.saturating_add(other.ten_thousandths),
        }
    }
}

impl Sub for Amount {
    type Output = Amount;

    fn sub(self, other: Amount) -> Amount {
        Amount {
            ten_thousandths: self.ten_thousandths.saturating_sub(other.ten_thousandths),
        }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Amount) {
        *self = *self + other;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Amount {
        amounts.fold(Amount::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_amounts_are_rounded_and_separated() {
        assert_eq!(
            Amount::from_ten_thousandths(12_657_930_395).to_string(),
            "1,265,793.04"
        );
        assert_eq!(Amount::from_ten_thousandths(12_657_930_395).whole(), "1,265,793");
        assert_eq!(Amount::from_ten_thousandths(49).to_string(), "0.00");
        assert_eq!(Amount::from_ten_thousandths(-12_345_600).to_string(), "-1,234.56");
        assert_eq!(Amount::from_ten_thousandths(9_999_999).whole(), "1,000");
    }
}
