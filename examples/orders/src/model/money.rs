//! Sums of money.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::hundredths::{DecimalError, hundredths, to_number};

/// A sum in dollars, exact to the cent. In JSON it is a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money {
    cents: i64,
}

impl Money {
    /// A sum of this many cents.
    #[must_use]
    pub fn from_cents(cents: i64) -> Self {
        Money { cents }
    }

    /// The sum in cents.
    #[must_use]
    pub fn cents(self) -> i64 {
        self.cents
    }
}

impl FromStr for Money {
    type Err = DecimalError;

    /// Reads a decimal and rounds it to the cent.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let refused = || DecimalError {
            text: text.to_owned(),
            what: "a sum of money",
        };
        hundredths(text).map(Money::from_cents).ok_or_else(refused)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.cents < 0 { "-" } else { "" };
        write!(
            f,
            "{sign}{}.{:02}",
            self.cents.unsigned_abs() / 100,
            self.cents.unsigned_abs() % 100
        )
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        to_number(self.cents)
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        number.as_str().parse().map_err(D::Error::custom)
    }
}
