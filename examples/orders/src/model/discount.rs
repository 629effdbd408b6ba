//! Discounts.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::hundredths::{DecimalError, hundredths, to_number};

/// A discount of 0 to 100 percent. In JSON it is a number from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Discount {
    percent: u8,
}

impl Discount {
    /// A discount of this many percent; `None` above 100.
    #[must_use]
    pub fn from_percent(percent: u8) -> Option<Self> {
        (percent <= 100).then_some(Discount { percent })
    }

    /// The discount in percent.
    #[must_use]
    pub fn percent(self) -> u8 {
        self.percent
    }
}

impl FromStr for Discount {
    type Err = DecimalError;

    /// Reads a part of one (`0.15`) and rounds it to the percent.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let percent = hundredths(text).and_then(|percent| u8::try_from(percent).ok());
        let refused = || DecimalError {
            text: text.to_owned(),
            what: "a discount from 0 to 1",
        };
        percent.and_then(Discount::from_percent).ok_or_else(refused)
    }
}

impl fmt::Display for Discount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent)
    }
}

impl Serialize for Discount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        to_number(self.percent.into())
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Discount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        number.as_str().parse().map_err(D::Error::custom)
    }
}
