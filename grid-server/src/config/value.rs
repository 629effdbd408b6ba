//! How one setting is read from TOML or from text, and shown again.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::de::DeValue;

use super::HostPort;

/// A setting as one of the layers gives it.
pub(crate) enum Raw<'a> {
    /// From the environment or the command line.
    Text(&'a str),
    /// From a file.
    Toml(&'a DeValue<'a>),
}

impl Raw<'_> {
    /// The text, when it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Raw::Text(text) => Some(text),
            Raw::Toml(value) => value.as_str(),
        }
    }

    /// What was given, for a message.
    pub(crate) fn given(&self) -> String {
        match self {
            Raw::Text(text) => format!("{text:?}"),
            Raw::Toml(DeValue::String(text)) => format!("{text:?}"),
            Raw::Toml(DeValue::Integer(number)) => number.as_str().to_owned(),
            Raw::Toml(DeValue::Float(number)) => number.as_str().to_owned(),
            Raw::Toml(DeValue::Boolean(value)) => value.to_string(),
            Raw::Toml(other) => format!("a TOML {}", other.type_str()),
        }
    }

    fn is_not(&self, what: &str) -> String {
        format!("{} is not {what}", self.given())
    }

    fn integer(&self) -> Option<u64> {
        match self {
            Raw::Text(text) => text.parse().ok(),
            Raw::Toml(DeValue::Integer(number)) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            Raw::Toml(_) => None,
        }
    }
}

/// One setting: knows how it is written.
pub(crate) trait Setting {
    /// Takes the value, or says what is wrong with it.
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String>;
    /// The value as TOML; `None` when it is not set.
    fn show(&self) -> Option<String>;
}

/// A text as TOML. JSON's escapes are TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Setting for HostPort {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        let text = raw.text().ok_or_else(|| raw.is_not("HOST:PORT in quotes"))?;
        *self = text
            .parse()
            .map_err(|error: super::HostPortError| error.to_string())?;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Setting for bool {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        *self = match raw {
            Raw::Text("true") | Raw::Toml(DeValue::Boolean(true)) => true,
            Raw::Text("false") | Raw::Toml(DeValue::Boolean(false)) => false,
            _ => return Err(raw.is_not("true or false")),
        };
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

macro_rules! whole_number {
    ($($number:ty),*) => { $(
        impl Setting for $number {
            fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
                let value = raw.integer().and_then(|value| <$number>::try_from(value).ok());
                *self = value.ok_or_else(|| raw.is_not("a whole number"))?;
                Ok(())
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )* };
}

whole_number!(u32, usize);

impl Setting for Option<HostPort> {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        let mut address = HostPort::loopback(0);
        address.set(raw)?;
        *self = Some(address);
        Ok(())
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(Setting::show)
    }
}

impl Setting for Option<PathBuf> {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        let text = raw
            .text()
            .filter(|text| !text.is_empty())
            .ok_or_else(|| raw.is_not("the path of a file in quotes"))?;
        *self = Some(text.into());
        Ok(())
    }

    fn show(&self) -> Option<String> {
        self.as_ref().map(|path| quoted(&path.to_string_lossy()))
    }
}

const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Reads a time such as `250ms`, `10s`, `5m`, `2h` or `1d`.
///
/// # Errors
/// When the text is anything else, or longer than the milliseconds of a `u64`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time like \"250ms\", \"10s\", \"5m\", \"2h\" or \"1d\"");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_not_a_number| wrong())?;
    let (_, unit_ms) = DURATION_UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(wrong)?;
    number
        .checked_mul(*unit_ms)
        .map(Duration::from_millis)
        .ok_or_else(wrong)
}

/// A time as [`parse_duration`] reads it, in the largest unit that is exact.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let exact = |(_, unit_ms): &&(&str, u64)| ms >= *unit_ms && ms.is_multiple_of(*unit_ms);
    match DURATION_UNITS.iter().rev().find(exact) {
        Some((unit, unit_ms)) => format!("{}{unit}", ms / unit_ms),
        None => format!("{ms}ms"),
    }
}

impl Setting for Duration {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        let text = raw
            .text()
            .ok_or_else(|| raw.is_not("a time in quotes, like \"10s\""))?;
        *self = parse_duration(text)?;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&show_duration(*self)))
    }
}

const SIZE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A number of bytes, written `512B`, `64KiB`, `4MiB`, `1GiB`, or as a bare number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub usize);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a size like \"512B\", \"64KiB\", \"4MiB\" or \"1GiB\"");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_not_a_number| wrong())?;
        let unit = if unit.is_empty() { "B" } else { unit };
        let (_, unit_len) = SIZE_UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(wrong)?;
        let len = number
            .checked_mul(*unit_len)
            .and_then(|len| usize::try_from(len).ok());
        len.map(ByteSize).ok_or_else(wrong)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.0 as u64;
        let exact = |(_, unit_len): &&(&str, u64)| len >= *unit_len && len.is_multiple_of(*unit_len);
        match SIZE_UNITS.iter().rev().find(exact) {
            Some((unit, unit_len)) => write!(f, "{}{unit}", len / unit_len),
            None => write!(f, "{len}B"),
        }
    }
}

impl Setting for ByteSize {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        let whole = raw.integer().and_then(|len| usize::try_from(len).ok());
        *self = match (whole, raw.text()) {
            (Some(len), _) => ByteSize(len),
            (None, Some(text)) => text.parse()?,
            (None, None) => return Err(raw.is_not("a size like \"4MiB\"")),
        };
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

/// A name of something in the cluster (a member, a zone, ...): 1 to 128 letters, digits, `.`, `_` and `-`, so that
/// it can stand in a log line, a label and a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty() || text.len() > 128 || !text.chars().all(allowed) {
            return Err(format!(
                "{text:?} is not a name: 1 to 128 bytes of letters, digits, \".\", \"_\" and \"-\""
            ));
        }
        Ok(Label(text.to_owned()))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Setting for Label {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        *self = raw
            .text()
            .ok_or_else(|| raw.is_not("a name in quotes"))?
            .parse()?;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

impl Setting for Option<Label> {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        *self = Some(
            raw.text()
                .ok_or_else(|| raw.is_not("a name in quotes"))?
                .parse()?,
        );
        Ok(())
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(Setting::show)
    }
}

/// A setting that takes one of a few words.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// The words and what they stand for.
    const WORDS: &'static [(&'static str, Self)];
}

impl<W: Word> Setting for W {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        let found = W::WORDS.iter().find(|(word, _)| raw.text() == Some(word));
        let Some((_, value)) = found else {
            let words: Vec<String> = W::WORDS.iter().map(|(word, _)| quoted(word)).collect();
            return Err(raw.is_not(&words.join(" or ")));
        };
        *self = *value;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        W::WORDS
            .iter()
            .find(|(_, value)| value == self)
            .map(|(word, _)| quoted(word))
    }
}

/// A setting that must lie between two values, both allowed.
pub(crate) struct Within<'a, T>(pub(crate) &'a mut T, pub(crate) RangeInclusive<T>);

impl<T: Setting + PartialOrd + Clone> Setting for Within<'_, T> {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        let mut value = self.0.clone();
        value.set(raw)?;
        if !self.1.contains(&value) {
            let show = |bound: &T| bound.show().unwrap_or_default();
            let (least, most) = (show(self.1.start()), show(self.1.end()));
            return Err(format!("{} is outside {least} to {most}", raw.given()));
        }
        *self.0 = value;
        Ok(())
    }

    fn show(&self) -> Option<String> {
        self.0.show()
    }
}

/// [`Within`] for a setting that may be left out.
pub(crate) struct WithinIfSet<'a, T>(pub(crate) &'a mut Option<T>, pub(crate) RangeInclusive<T>);

impl<T: Setting + PartialOrd + Clone> Setting for WithinIfSet<'_, T> {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        let mut value = self.1.start().clone();
        Within(&mut value, self.1.clone()).set(raw)?;
        *self.0 = Some(value);
        Ok(())
    }

    fn show(&self) -> Option<String> {
        self.0.as_ref().and_then(Setting::show)
    }
}

/// What a list consists of: how its members are read and written, and what stands between them in a text.
pub(crate) trait Listed: Sized {
    /// What it is, in the plural.
    const WHAT: &'static str;
    /// A list in TOML as an example.
    const EXAMPLE: &'static str;
    /// What stands between two in a variable or a flag.
    const SEPARATOR: char;
    /// The most that a list may have.
    const LEN_MAX: usize;
    /// Reads one.
    fn read(text: &str) -> Result<Self, String>;
    /// Writes one.
    fn write(&self) -> String;
}

/// A setting with several values; `None` when it is not set.
pub(crate) struct List<'a, T>(pub(crate) &'a mut Option<Vec<T>>);

impl<T: Listed> Setting for List<'_, T> {
    fn set(&mut self, raw: &Raw<'_>) -> Result<(), String> {
        let wrong = || format!("{} is not a list of {} like {}", raw.given(), T::WHAT, T::EXAMPLE);
        let texts: Vec<&str> = match raw {
            Raw::Text(text) => text.split(T::SEPARATOR).map(str::trim).collect(),
            Raw::Toml(value) => {
                let array = value.as_array().ok_or_else(wrong)?;
                let texts = array.iter().map(|entry| entry.get_ref().as_str());
                texts.collect::<Option<_>>().ok_or_else(wrong)?
            }
        };
        if texts.is_empty() || texts == [""] {
            return Err(format!(
                "there are no {} in it; leave the setting out instead",
                T::WHAT
            ));
        }
        if texts.len() > T::LEN_MAX {
            return Err(format!(
                "{} {} are given, and at most {} may be",
                texts.len(),
                T::WHAT,
                T::LEN_MAX
            ));
        }
        *self.0 = Some(texts.into_iter().map(T::read).collect::<Result<_, _>>()?);
        Ok(())
    }

    fn show(&self) -> Option<String> {
        let shown: Vec<String> = self
            .0
            .as_ref()?
            .iter()
            .map(|entry| quoted(&entry.write()))
            .collect();
        Some(format!("[{}]", shown.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown_alike() {
        for text in ["250ms", "10s", "5m", "2h", "1d", "90s", "0ms"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
        assert_eq!(show_duration(parse_duration("60s").unwrap()), "1m");
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "1.5s",
            "10 s",
            "1w",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(parse_duration(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn sizes_are_read_and_shown_alike() {
        for text in ["512B", "64KiB", "4MiB", "1GiB", "0B", "1025B"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
        assert_eq!("1024".parse::<ByteSize>().unwrap(), ByteSize(1024));
        for text in ["", "4MB", "-1", "1.5MiB", "17179869184GiB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_number_outside_its_limits_names_them() {
        let mut value = 5_u32;
        let problem = Within(&mut value, 1..=10).set(&Raw::Text("11")).unwrap_err();
        assert_eq!(problem, "\"11\" is outside 1 to 10");
        assert_eq!(value, 5);
    }
}
