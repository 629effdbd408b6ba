//! Dates.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not a date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a date of the form 1996-07-04")]
pub struct DateError {
    text: String,
}

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: u16,
    month: u8,
}

impl Month {
    /// The month after this one.
    #[must_use]
    pub fn next(self) -> Month {
        if self.month == 12 {
            Month {
                year: self.year.saturating_add(1),
                month: 1,
            }
        } else {
            Month {
                year: self.year,
                month: self.month + 1,
            }
        }
    }

    /// The year.
    #[must_use]
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month's short name in English: `Jul`.
    #[must_use]
    pub fn name(self) -> &'static str {
        const NAMES: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        NAMES
            .get(usize::from(self.month).wrapping_sub(1))
            .copied()
            .unwrap_or("")
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// A day from year 1 to 9999. In JSON and in the database it is a text: `1996-07-04`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    month: Month,
    day: u8,
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

impl Date {
    /// The day; `None` when there is no such one.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_valid = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day);
        is_valid.then_some(Date {
            month: Month { year, month },
            day,
        })
    }

    /// The month that it is in.
    #[must_use]
    pub fn month(self) -> Month {
        self.month
    }

    /// The day that comes `days` later, or the last day of year 9999 if that is earlier.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Date {
        let mut date = self;
        for _ in 0..days {
            date = date.tomorrow();
        }
        date
    }

    /// How many days `later` comes after this day; 0 when it comes before.
    #[must_use]
    pub fn days_until(self, later: Date) -> u32 {
        let mut days = 0;
        let mut date = self;
        while date < later {
            date = date.tomorrow();
            days += 1;
        }
        days
    }

    fn tomorrow(self) -> Date {
        let Month { year, month } = self.month;
        if self.day < days_in_month(year, month) {
            return Date {
                day: self.day + 1,
                ..self
            };
        }
        if (year, month) == (9999, 12) {
            self
        } else {
            Date {
                month: self.month.next(),
                day: 1,
            }
        }
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let date = || {
            let is_shaped = text.len() == 10
                && text.bytes().enumerate().all(|(at, byte)| match at {
                    4 | 7 => byte == b'-',
                    _ => byte.is_ascii_digit(),
                });
            let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u16>().ok();
            let short = |range| u8::try_from(part(range)?).ok();
            if is_shaped {
                Date::new(part(0..4)?, short(5..7)?, short(8..10)?)
            } else {
                None
            }
        };
        date().ok_or_else(|| DateError {
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.month, self.day)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_print_and_advance() {
        let first: Date = "1996-07-04".parse().unwrap();
        let last: Date = "1998-05-06".parse().unwrap();
        assert_eq!(first.to_string(), "1996-07-04");
        assert_eq!(first.days_until(last), 671);
        assert_eq!(first.plus_days(671), last);
        assert_eq!(
            "1996-02-28".parse::<Date>().unwrap().plus_days(2).to_string(),
            "1996-03-01"
        );
        assert_eq!(first.month().to_string(), "1996-07");
        for text in [
            "",
            "1996-7-4",
            "1996-02-30",
            "1997-02-29",
            "0000-01-01",
            "1996/07/04",
            "+996-07-04",
            "é996-07-4",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        let end = Date::new(9999, 12, 31).unwrap();
        assert_eq!(end.plus_days(1), end);
    }
}
