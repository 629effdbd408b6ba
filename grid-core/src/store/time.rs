//! Points in time and times to live, as the store takes them.

use std::fmt;
use std::num::NonZeroU64;

/// A point in time: milliseconds since the Unix epoch.
///
/// The store never reads a clock; whoever calls it says what time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 1 January 1970, 00:00 UTC.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// The last point in time that can be told, some 584 million years ahead.
    pub const MAX: Timestamp = Timestamp(u64::MAX);

    /// The point this many milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: u64) -> Self {
        Timestamp(ms)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_unix_ms(self) -> u64 {
        self.0
    }

    /// This much later, or [`Timestamp::MAX`] when that lies beyond it.
    #[must_use]
    pub const fn after_ms(self, ms: u64) -> Self {
        Timestamp(self.0.saturating_add(ms))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// How long an entry lives after it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum TimeToLive {
    /// As long as the cache's settings say.
    #[default]
    CacheDefault,
    /// Until it is removed.
    Never,
    /// This many milliseconds.
    After(NonZeroU64),
}

/// A time to live that means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeToLiveError {
    /// A negative number other than -1.
    #[error(
        "a time to live of {ms} ms is not valid: send 0 for the cache's default, -1 for no expiry, or a positive \
         number of milliseconds (not applied)"
    )]
    Negative {
        /// What was sent, in milliseconds.
        ms: i64,
    },
}

impl TimeToLive {
    /// Reads the number of the wire: 0 is the cache's default, -1 never, above 0 milliseconds.
    ///
    /// # Errors
    /// [`TimeToLiveError::Negative`] for any number below -1.
    pub fn from_wire_ms(ms: i64) -> Result<Self, TimeToLiveError> {
        if ms == -1 {
            return Ok(TimeToLive::Never);
        }
        let positive = u64::try_from(ms).map_err(|_negative| TimeToLiveError::Negative { ms })?;
        Ok(NonZeroU64::new(positive).map_or(TimeToLive::CacheDefault, TimeToLive::After))
    }

    /// When an entry written now expires; `None` when it never does.
    #[must_use]
    pub fn deadline(self, now: Timestamp, settings: CacheSettings) -> Option<Timestamp> {
        let ms = match self {
            TimeToLive::CacheDefault => settings.default_ttl_ms?,
            TimeToLive::Never => return None,
            TimeToLive::After(ms) => ms,
        };
        Some(now.after_ms(ms.get()))
    }
}

/// What the store must know about a cache to write into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CacheSettings {
    /// How long an entry lives that was written without a time to live, in milliseconds. `None`, the default:
    /// until it is removed.
    pub default_ttl_ms: Option<NonZeroU64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_numbers_of_a_time_to_live() {
        assert_eq!(TimeToLive::from_wire_ms(0), Ok(TimeToLive::CacheDefault));
        assert_eq!(TimeToLive::from_wire_ms(-1), Ok(TimeToLive::Never));
        assert_eq!(
            TimeToLive::from_wire_ms(7),
            Ok(TimeToLive::After(NonZeroU64::new(7).unwrap()))
        );
        assert_eq!(
            TimeToLive::from_wire_ms(-2),
            Err(TimeToLiveError::Negative { ms: -2 })
        );
        assert_eq!(
            TimeToLive::from_wire_ms(i64::MIN),
            Err(TimeToLiveError::Negative { ms: i64::MIN })
        );
    }

    #[test]
    fn deadlines_follow_the_settings_and_saturate() {
        let now = Timestamp::from_unix_ms(100);
        let never = CacheSettings::default();
        let hour = CacheSettings {
            default_ttl_ms: NonZeroU64::new(3_600_000),
        };
        assert_eq!(TimeToLive::CacheDefault.deadline(now, never), None);
        assert_eq!(
            TimeToLive::CacheDefault.deadline(now, hour),
            Some(Timestamp::from_unix_ms(3_600_100))
        );
        assert_eq!(TimeToLive::Never.deadline(now, hour), None);
        let longest = TimeToLive::After(NonZeroU64::MAX);
        assert_eq!(longest.deadline(now, never), Some(Timestamp::MAX));
    }
}
